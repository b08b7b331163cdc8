//! Ad-hoc notifications. Contract 2.4.

use serde_json::json;

use crate::client::start;

// Contract 2.4 (recorded, L3): 202 for a notification, 422 for an empty request.
#[test]
fn a_notification_is_accepted_in_every_version_and_nothing_is_stored() {
    let server = start();
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        let server = server.at(version);
        let id = if version < "2.0" { "maria" } else { "layer:///identities/maria" };
        let body = json!({ "recipients": [id, "jon"], "notification": { "text": "Hi", "sound": "chime.aiff" } });
        server.post("/notifications", &body).assert_empty(202);
        server.post("/notifications", &json!({})).assert_error(422, "missing_property", Some("recipients"));
        server.post("/notifications", &json!([])).assert_error(422, "missing_property", Some("recipients"));
    }
    // Contract 2.3: recipients need not exist, and are not created either.
    server.get("/users/maria").assert_error(404, "not_found", None);
}

#[test]
fn a_notification_without_one_of_its_members_is_refused() {
    let server = start();
    for (body, id, property) in [
        (json!({ "notification": {} }), "missing_property", "recipients"),
        (json!({ "recipients": ["a"] }), "missing_property", "notification"),
        (json!({ "recipients": "everyone", "notification": {} }), "invalid_property", "recipients"),
        (json!({ "recipients": [], "notification": {} }), "invalid_property", "recipients"),
        (json!({ "recipients": [1], "notification": {} }), "invalid_property", "recipients"),
        (json!({ "recipients": ["a"], "notification": "Hi" }), "invalid_property", "notification"),
    ] {
        server.post("/notifications", &body).assert_error(422, id, Some(property));
    }
    server.send("POST", "/notifications", &[], "").assert_error(400, "invalid_request", None);
}
