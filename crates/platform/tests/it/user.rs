//! Users as the application manages them: badge, suspension, sessions, and the session time of the app. Contract 2.8.

use serde_json::{Value, json};

use crate::client::{Server, message_of, start};

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

fn suspend(server: &Server, user: &str, is_suspended: bool) {
    let operations = json!([{ "operation": "set", "property": "suspended", "value": is_suspended }]);
    server.patch(&format!("/users/{user}"), &operations).assert_empty(202);
}

// Contract 2.8 (recorded): PUT of a badge answers 204, and 422 without its number.
#[test]
fn a_badge_is_set_and_read_in_every_version() {
    let server = start();
    for (count, version) in (13..).zip(VERSIONS) {
        let server = server.at(version);
        server.put("/users/maria/badge", &json!({ "external_unread_count": count })).assert_empty(204);
        let badge = server.get("/users/maria/badge");
        let expected =
            json!({ "external_unread_count": count, "unread_conversation_count": 0, "unread_message_count": 0 });
        assert_eq!((badge.status, badge.json()), (200, expected));
        let missing = Some("external_unread_count");
        server.put("/users/maria/badge", &json!({})).assert_error(422, "missing_property", missing);
        server.put("/users/maria/badge", &json!([])).assert_error(422, "missing_property", missing);
        let negative = json!({ "external_unread_count": -1 });
        server.put("/users/maria/badge", &negative).assert_error(422, "invalid_property", missing);
    }
    let nothing = json!({ "external_unread_count": 0, "unread_conversation_count": 0, "unread_message_count": 0 });
    assert_eq!(server.get("/users/nobody/badge").json(), nothing);
}

// Contract 2.8: the two other counts of a badge are real.
#[test]
fn a_badge_counts_unread_conversations_and_messages() {
    let server = start();
    let (one, other) = (server.conversation(&["a", "b"]), server.conversation(&["a", "b", "c"]));
    server.conversation(&["a"]);
    let counts = |user: &str| {
        let badge = server.get(&format!("/users/{user}/badge")).json();
        (badge["unread_conversation_count"].clone(), badge["unread_message_count"].clone())
    };
    let first = server.text(&one, "first");
    server.text(&one, "second");
    let third = server.text(&other, "third");
    server.post(&format!("/conversations/{other}/messages"), &message_of("c", "own"));
    assert_eq!(counts("a"), (json!(2), json!(4)));
    assert_eq!(counts("c"), (json!(1), json!(1)));

    let read = json!({ "type": "read" });
    server.post(&format!("/users/a/messages/{first}/receipts"), &read).assert_empty(204);
    assert_eq!(counts("a"), (json!(2), json!(3)));
    server.delete(&format!("/conversations/{other}/messages/{third}")).assert_empty(204);
    assert_eq!((counts("a"), counts("c")), ((json!(2), json!(2)), (json!(0), json!(0))));
    server.delete(&format!("/conversations/{one}")).assert_empty(204);
    assert_eq!(counts("a"), (json!(1), json!(1)));

    let listed = server.get("/users/a/conversations").json();
    let unread: u64 = listed.as_array().unwrap().iter().filter_map(|seen| seen["unread_message_count"].as_u64()).sum();
    assert_eq!(counts("a").1, json!(unread));
}

// Contract 2.8: GET /users/UID.
#[test]
fn a_user_shows_its_identity_and_whether_it_is_suspended() {
    let server = start();
    server.get("/users/maria").assert_error(404, "not_found", None);
    server.conversation(&["maria"]);
    assert_eq!(server.get("/users/maria").json(), json!({ "id": "maria", "identity": null, "suspended": false }));
    let seen = server.at("3.0").get("/users/maria").json();
    assert_eq!(
        (&seen["identity"]["id"], &seen["identity"]["display_name"]),
        (&json!("layer:///identities/maria"), &json!(null))
    );
    server.put("/users/maria/identity", &json!({ "display_name": "Maria P." })).assert_empty(204);
    suspend(&server, "maria", true);
    for version in VERSIONS {
        let user = server.at(version).get("/users/maria").json();
        let identity = server.at(version).get("/users/maria/identity").json();
        assert_eq!(user, json!({ "id": "maria", "identity": identity, "suspended": true }), "{version}");
    }
    suspend(&server, "maria", false);
    assert_eq!(server.get("/users/maria").json()["suspended"], false);
}

// Contract 2.8: a suspended user is refused with user_suspended; the application goes on managing it.
#[test]
fn a_suspended_user_can_do_nothing_until_it_is_no_longer_suspended() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.text(&conversation, "x");
    let requests = [
        ("GET", "/users/a/conversations".to_owned()),
        ("GET", format!("/users/a/conversations/{conversation}")),
        ("GET", format!("/users/a/conversations/{conversation}/messages")),
        ("GET", format!("/users/a/messages/{message}")),
        ("POST", format!("/users/a/messages/{message}/receipts")),
        ("DELETE", format!("/users/a/messages/{message}?mode=all_participants")),
        ("DELETE", format!("/users/a/conversations/{conversation}?mode=all_participants")),
        ("GET", "/users/a/conversations/wrongid".to_owned()),
    ];
    suspend(&server, "a", true);
    for version in VERSIONS {
        for (method, path) in &requests {
            let answer = server.at(version).send(method, path, &[], r#"{"type":"read"}"#);
            answer.assert_error(403, "user_suspended", None);
            assert_eq!(answer.json()["code"], 6);
            assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#user_suspended");
        }
    }
    // Others are not touched, nor is what the application does.
    assert_eq!(server.get("/users/b/conversations").status, 200);
    assert_eq!(server.get(&format!("/conversations/{conversation}")).status, 200);
    for path in ["/users/a/badge", "/users/a/blocks", "/users/a"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    suspend(&server, "a", false);
    assert_eq!(server.get(&format!("/users/a/messages/{message}")).status, 200);
}

#[test]
fn a_suspension_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = layer_platform::DataLocation::File(folder.path().join("layer.db"));
    let config = layer_platform::Config { data, ..layer_platform::Config::default() };
    let platform = layer_platform::Platform::start(config.clone()).unwrap();
    let app = platform.create_app().unwrap();
    let patch = [("Content-Type", "application/vnd.layer-patch+json")];
    let operations = r#"[{"operation":"set","property":"suspended","value":true}]"#;
    crate::client::request(&platform, &app, "PATCH", "/users/a", &patch, operations).assert_empty(202);
    platform.close().unwrap();
    let platform = layer_platform::Platform::start(config).unwrap();
    let answer = crate::client::request(&platform, &app, "GET", "/users/a/conversations", &[], "");
    answer.assert_error(403, "user_suspended", None);
}

#[test]
fn a_patch_of_a_user_that_is_refused_changes_nothing() {
    let server = start();
    server.conversation(&["a"]);
    let refused = json!([
        { "operation": "set", "property": "suspended", "value": true },
        { "operation": "set", "property": "suspended", "value": 1 }
    ]);
    server.patch("/users/a", &refused).assert_error(422, "invalid_property", Some("suspended"));
    assert_eq!(server.get("/users/a").json()["suspended"], false);
    assert_eq!(server.get("/users/a/conversations").status, 200);
    let answer = server.send("PATCH", "/users/a", &[("Content-Type", "application/json")], "[]");
    answer.assert_error(406, "invalid_header", None);
    server.patch("/users/a", &json!({})).assert_error(400, "invalid_request", None);
}

/// Contract 2.6 and 2.8: suspension and block list are changed by one request, in one patch, all or none (assumed).
#[test]
fn one_patch_of_a_user_changes_suspension_and_block_list_in_every_version_or_neither() {
    let server = start();
    for version in VERSIONS {
        let speaker = server.at(version);
        let user = format!("u{version}");
        let path = format!("/users/{user}");
        let blocked = if version >= "2.0" { "layer:///identities/b" } else { "b" };
        let state = || (server.get(&path).json()["suspended"].clone(), server.get(&format!("{path}/blocks")).json());
        speaker
            .patch(
                &path,
                &json!([
                    { "operation": "add", "property": "blocks", "value": blocked },
                    { "operation": "set", "property": "suspended", "value": true }
                ]),
            )
            .assert_empty(202);
        let both = (json!(true), json!([{ "user_id": "b" }]));
        assert_eq!(state(), both, "{version}");
        let unblock = json!({ "operation": "remove", "property": "blocks", "value": blocked });
        let end = json!({ "operation": "set", "property": "suspended", "value": false });
        let wrong = json!({ "operation": "set", "property": "suspended", "value": "no" });
        let wrong_block = json!({ "operation": "set", "property": "blocks", "value": "b" });
        speaker.patch(&path, &json!([unblock, end, wrong])).assert_error(422, "invalid_property", Some("suspended"));
        speaker.patch(&path, &json!([unblock, end, wrong_block])).assert_error(422, "invalid_property", Some("blocks"));
        assert_eq!(state(), both, "{version}");
        speaker.patch(&path, &json!([unblock, end])).assert_empty(202);
        assert_eq!(state(), (json!(false), json!([])), "{version}");
    }
}

// Contract 2.8 (recorded, L3): sessions of an unknown user are a 404.
#[test]
fn sessions_of_a_known_user_are_deleted() {
    let server = start();
    server.conversation(&["a"]);
    for version in VERSIONS {
        server.at(version).delete("/users/a/sessions").assert_empty(204);
        server.at(version).delete("/users/nobody/sessions").assert_error(404, "not_found", None);
    }
}

// Contract 2.8 (recorded): PATCH of the app answers 202.
#[test]
fn the_session_time_of_the_app_can_be_set_within_its_limits() {
    let server = start();
    let set = |value: Value| json!([{ "operation": "set", "property": "session_ttl_in_seconds", "value": value }]);
    for version in VERSIONS {
        for seconds in [30, 3600, 31_536_000] {
            server.at(version).patch("", &set(json!(seconds))).assert_empty(202);
        }
        for value in [json!(29), json!(31_536_001), json!("3600")] {
            let answer = server.at(version).patch("", &set(value));
            answer.assert_error(422, "invalid_property", Some("session_ttl_in_seconds"));
        }
    }
    let answer = server.get("");
    answer.assert_error(405, "method_not_allowed", None);
    assert_eq!(answer.header("allow"), Some("PATCH"));
}
