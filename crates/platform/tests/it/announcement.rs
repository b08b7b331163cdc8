//! Contract 2.3 and 3.4: announcements.

use serde_json::{Value, json};

use crate::client::start;

fn body() -> Value {
    json!({
        "recipients": ["maria", "jon"],
        "sender": { "name": "Concierge" },
        "parts": [{ "mime_type": "text/plain", "body": "Pier closed today" }],
        "notification": { "text": "x" }
    })
}

/// Contract 3.4 (recorded, R1).
#[test]
fn an_announcement_is_accepted_and_shown() {
    let server = start();
    let answer = server.post("/announcements", &body());
    assert_eq!(answer.status, 202);
    let expected = json!({
        "id": format!("layer:///announcements/{}", answer.uuid()),
        "url": format!("{}/announcements/{}", server.prefix(), answer.uuid()),
        "sent_at": answer.json()["sent_at"],
        "recipients": ["maria", "jon"],
        "sender": { "name": "Concierge" },
        "parts": [{ "mime_type": "text/plain", "body": "Pier closed today" }]
    });
    assert_eq!(answer.json(), expected);
}

/// Contract 2.3 (recorded for recipients).
#[test]
fn properties_are_looked_at_in_order() {
    let server = start();
    server.post("/announcements", &json!({})).assert_error(422, "missing_property", Some("recipients"));
    for (key, value, id) in [
        ("recipients", json!(null), "missing_property"),
        ("recipients", json!("everyone"), "invalid_property"),
        ("recipients", json!([]), "invalid_property"),
        ("sender", json!(null), "missing_property"),
        ("sender", json!({ "user_id": "maria" }), "invalid_property"),
        ("parts", json!(null), "missing_property"),
        ("parts", json!([]), "invalid_property"),
    ] {
        let mut body = body();
        body[key] = value;
        server.post("/announcements", &body).assert_error(422, id, Some(key));
    }
}

#[test]
fn an_announcement_is_in_no_conversation() {
    let server = start();
    server.conversation(&["maria"]);
    server.post("/announcements", &body());
    assert_eq!(server.get("/users/maria/conversations").json()[0]["last_message"], json!(null));
}
