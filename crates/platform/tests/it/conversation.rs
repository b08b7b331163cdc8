//! Contract 2.1 and 3.1: conversations in system view.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, start};

fn create(server: &Server, body: &Value) -> Answer {
    server.post("/conversations", body)
}

/// Contract 3.1.
#[test]
fn a_new_conversation_is_shown_in_full() {
    let server = start();
    let answer =
        create(&server, &json!({ "participants": ["maria", "jon"], "metadata": { "z": "1", "a": { "b": "2" } } }));
    assert_eq!(answer.status, 201);
    let body = answer.json();
    let url = format!("{}/conversations/{}", server.prefix(), answer.uuid());
    assert_eq!(body["id"], format!("layer:///conversations/{}", answer.uuid()));
    assert_eq!(body["url"], url);
    assert_eq!(body["messages_url"], format!("{url}/messages"));
    assert_eq!(body["participants"], json!(["maria", "jon"]));
    assert_eq!(body["distinct"], false);
    // The order of keys is kept.
    assert_eq!(body["metadata"].to_string(), r#"{"z":"1","a":{"b":"2"}}"#);
    assert_eq!(server.get(&format!("/conversations/{}", answer.uuid())).json(), body);
}

/// Contract 1.5 (recorded, R1 and R3).
#[test]
fn times_are_utc_with_milliseconds() {
    let server = start();
    let answer = create(&server, &json!({ "participants": ["a"] }));
    let body = answer.json();
    let time = body["created_at"].as_str().unwrap();
    assert_eq!(time.len(), "2016-02-03T01:13:49.023Z".len());
    assert!(time.ends_with('Z') && time.as_bytes()[19] == b'.', "{time}");
}

/// Contract 2.1 (recorded, N1: one participant is enough, and the caller is none).
#[test]
fn metadata_is_an_empty_object_when_it_is_omitted_or_null() {
    let server = start();
    for body in [json!({ "participants": ["a"] }), json!({ "participants": ["a"], "metadata": null })] {
        assert_eq!(create(&server, &body).json()["metadata"], json!({}));
    }
}

/// Contract 2.1 (recorded, N1).
#[test]
fn missing_participants_are_named() {
    let server = start();
    let answer = create(&server, &json!({}));
    answer.assert_error(422, "missing_property", Some("participants"));
    assert_eq!(answer.json()["code"], 104);
    assert_eq!(answer.json()["message"], "Object is missing required member 'participants'");
}

#[test]
fn bad_properties_are_named() {
    let server = start();
    let many: Vec<String> = (0..26).map(|index| format!("u{index}")).collect();
    for (body, property) in [
        (json!({ "participants": many }), "participants"),
        (json!({ "participants": [] }), "participants"),
        (json!({ "participants": [""] }), "participants"),
        (json!({ "participants": ["a\u{0}"] }), "participants"),
        (json!({ "participants": ["a"], "metadata": { "n": 1 } }), "metadata"),
        (json!({ "participants": ["a"], "metadata": { "long": "x".repeat(2049) } }), "metadata"),
        (json!({ "participants": ["a"], "distinct": 1 }), "distinct"),
    ] {
        create(&server, &body).assert_error(422, "invalid_property", Some(property));
    }
    assert_eq!(create(&server, &json!({ "participants": many[..25] })).status, 201);
}

/// Contract 2.1 (recorded, R1: participants are a set, in no order; N1: compared in the order sent).
#[test]
fn repeated_participants_collapse_and_keep_their_order() {
    let server = start();
    let answer = create(&server, &json!({ "participants": ["b", "a", "b"] }));
    assert_eq!(answer.json()["participants"], json!(["b", "a"]));
}

/// Contract 2.1.1.
#[test]
fn creating_a_distinct_conversation_twice_returns_the_first_one() {
    let server = start();
    let first = create(&server, &json!({ "participants": ["a", "b"], "distinct": true, "metadata": { "t": "x" } }));
    assert_eq!((first.status, first.header("location")), (201, None));
    for metadata in [json!(null), json!({ "t": "x" })] {
        let body = json!({ "participants": ["b", "a"], "distinct": true, "metadata": metadata });
        let again = create(&server, &body);
        assert_eq!((again.status, again.json()), (200, first.json()));
        let location = format!("/apps/{}/conversations/{}", server.app.app_id, first.uuid());
        assert_eq!(again.header("location"), Some(location.as_str()));
    }
}

/// Contract 2.1.1.
#[test]
fn a_distinct_conversation_with_other_metadata_is_a_conflict() {
    let server = start();
    let first = create(&server, &json!({ "participants": ["a", "b"], "distinct": true }));
    let body = json!({ "participants": ["a", "b"], "distinct": true, "metadata": { "t": "x" } });
    let conflict = create(&server, &body);
    conflict.assert_error(409, "conflict", None);
    assert_eq!(conflict.json()["code"], 108);
    assert_eq!(
        conflict.json()["message"],
        "The requested Distinct Conversation was found but had metadata that did not match your request."
    );
    assert_eq!(conflict.json()["data"], first.json());
}

/// Contract 2.1.1: only a distinct conversation among exactly these participants matches.
#[test]
fn other_conversations_do_not_match_a_distinct_one() {
    let server = start();
    create(&server, &json!({ "participants": ["a", "b"] }));
    create(&server, &json!({ "participants": ["a", "b", "c"], "distinct": true }));
    let distinct = json!({ "participants": ["a", "b"], "distinct": true });
    let first = create(&server, &distinct);
    assert_eq!(first.status, 201);
    assert_eq!(create(&server, &json!({ "participants": ["a", "b"] })).status, 201);

    server.delete(&format!("/conversations/{}", first.uuid())).assert_empty(204);
    let second = create(&server, &distinct);
    assert_eq!(second.status, 201);
    assert_ne!(second.uuid(), first.uuid());
}

/// Contract 2.1.3 (recorded, N1).
#[test]
fn an_unknown_conversation_is_not_found() {
    let server = start();
    let answer = server.get(&format!("/conversations/{UNKNOWN}"));
    answer.assert_error(404, "not_found", None);
    assert_eq!(answer.json()["code"], 102);
    assert_eq!(answer.json()["message"], "The referenced conversation cannot be found.");
    server.delete(&format!("/conversations/{UNKNOWN}")).assert_error(404, "not_found", None);
    server.patch(&format!("/conversations/{UNKNOWN}"), &json!([])).assert_error(404, "not_found", None);
}

/// Contract 2.1.3 (recorded, R1 and L3), 2.2.3 (recorded, L3: even if the message id is bad too).
#[test]
fn a_conversation_id_that_is_no_uuid_answers_with_plain_text() {
    let server = start();
    server.introduce("a");
    let patch = [("Content-Type", "application/vnd.layer-patch+json")];
    let answers = [
        server.get("/conversations/wrongid"),
        server.delete("/conversations/wrongid"),
        server.send("PATCH", "/conversations/wrongid", &patch, "[]"),
        server.post("/conversations/wrongid/messages", &json!({})),
        server.get("/conversations/wrongid/messages/wrongid"),
        server.get("/users/a/conversations/wrongid"),
    ];
    for answer in answers {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
        assert_eq!(answer.body, "The requested resource could not be found.");
    }
}

/// Contract 2.1 (recorded: 204) and 2.1.3 (recorded, R1).
#[test]
fn a_deleted_conversation_is_gone() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let message = server.text(&conversation, "Hi");
    let path = format!("/conversations/{conversation}");
    server.delete(&path).assert_empty(204);
    let gone = server.get(&path);
    gone.assert_error(410, "object_deleted", None);
    assert_eq!(gone.json()["code"], 103);
    assert_eq!(gone.json()["message"], "The referenced conversation has been deleted.");

    // Once more counts as success.
    server.delete(&path).assert_empty(204);
    let operations = json!([{ "operation": "add", "property": "participants", "value": "b" }]);
    server.patch(&path, &operations).assert_error(410, "object_deleted", None);
    server.post(&format!("{path}/messages"), &crate::client::message("x")).assert_error(410, "object_deleted", None);
    server.get(&format!("{path}/messages")).assert_error(410, "object_deleted", None);
    server.get(&format!("{path}/messages/{message}")).assert_error(410, "object_deleted", None);
    server.get(&format!("/users/a{path}")).assert_error(410, "object_deleted", None);
    assert_eq!(server.get("/users/a/conversations").json(), json!([]));
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("0"));
    assert_eq!(server.get(&format!("/users/a/messages/{message}")).status, 404);
}

#[test]
fn ids_are_read_in_any_case() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    assert_eq!(server.get(&format!("/conversations/{}", conversation.to_uppercase())).uuid(), conversation);
}

#[test]
fn urls_are_built_on_the_public_url() {
    let config = layer_platform::Config { public_url: Some("https://chat.example.com/".into()), ..Default::default() };
    let platform = layer_platform::Platform::start(config).unwrap();
    let app = platform.create_app().unwrap();
    let body = json!({ "participants": ["a"] }).to_string();
    let answer = crate::client::request(&platform, &app, "POST", "/conversations", &[], &body);
    let expected = format!("https://chat.example.com/apps/{}/conversations/{}", app.app_id, answer.uuid());
    assert_eq!(answer.json()["url"], expected);
}
