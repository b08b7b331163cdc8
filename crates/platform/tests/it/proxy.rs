//! Contract 2.10: the Client API below `/users/<user id>/`, as far as it creates and edits.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, start};

const ID: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";

fn parts(text: &str) -> Value {
    json!({ "parts": [{ "body": text, "mime_type": "text/plain" }] })
}

fn send(server: &Server, user: &str, conversation: &str, body: &Value) -> Answer {
    server.post(&format!("/users/{user}/conversations/{conversation}/messages"), body)
}

fn client_docs(answer: &Answer) -> bool {
    let error = answer.json();
    error["url"] == format!("https://developer.layer.com/docs/client/rest#{}", error["id"].as_str().unwrap())
}

/// Contract 2.2 (recorded, L3): 201. Contract 2.2.3: the sender's own entry is `read`.
#[test]
fn a_message_of_a_user_is_answered_as_the_user_sees_it() {
    let server = start();
    let conversation = server.conversation(&["ns/42", "b"]);
    let mut body = parts("Hi");
    body["notification"] = json!({ "text": "Hi" });
    body["sender"] = json!({ "user_id": "b" });
    let sent = send(&server, "ns%2F42", &conversation, &body);
    assert_eq!(sent.status, 201);
    let message = sent.json();
    let url = format!("{}/users/ns%2F42/messages/{}", server.prefix(), sent.uuid());
    assert_eq!((&message["url"], &message["receipts_url"]), (&json!(url), &json!(format!("{url}/receipts"))));
    assert_eq!(message["sender"], json!({ "user_id": "ns/42", "name": null }));
    assert_eq!((&message["is_unread"], &message["position"]), (&json!(false), &json!(1)));
    assert_eq!(message["recipient_status"], json!({ "ns/42": "read", "b": "sent" }));
    assert_eq!(server.get(&format!("/users/ns%2F42/messages/{}", sent.uuid())).json(), message);
    let unread = |user: &str| {
        server.get(&format!("/users/{user}/conversations/{conversation}")).json()["unread_message_count"].clone()
    };
    assert_eq!((unread("ns%2F42"), unread("b")), (json!(0), json!(1)));

    let modern = server.at("3.0").post(&format!("/users/b/conversations/{conversation}/messages"), &parts("Ho"));
    assert_eq!(modern.json()["sender"]["id"], "layer:///identities/b");
    assert_eq!(modern.json()["recipient_status"]["layer:///identities/ns%2F42"], "sent");
}

/// Contract 2.2.3 (recorded, L3): an empty body 422, and before the conversation is looked up.
#[test]
fn a_bad_message_of_a_user_is_refused_before_the_look_up() {
    let server = start();
    server.introduce("a");
    for body in [json!({}), json!([])] {
        let refused = send(&server, "a", UNKNOWN, &body);
        refused.assert_error(422, "missing_property", Some("parts"));
        assert!(client_docs(&refused));
    }
    let mut with_id = parts("x");
    with_id["id"] = json!("x");
    send(&server, "a", UNKNOWN, &with_id).assert_error(400, "invalid_request_id", None);
    let unknown = send(&server, "a", UNKNOWN, &parts("x"));
    unknown.assert_error(404, "not_found", None);
    assert!(client_docs(&unknown));
    assert_eq!(send(&server, "a", "wrongid", &parts("x")).status, 404);
}

/// Contract 1.9 and 2.1.3 [C1].
#[test]
fn former_members_and_strangers_send_and_edit_nothing() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    server.delete(&format!("/users/a/conversations/{conversation}?mode=my_devices&leave=true")).assert_empty(204);
    let path = |user: &str| format!("/users/{user}/conversations/{conversation}");
    let operations = json!([{ "operation": "set", "property": "metadata.a", "value": "x" }]);
    let denied = send(&server, "a", &conversation, &parts("x"));
    denied.assert_error(403, "access_denied", None);
    assert!(client_docs(&denied));
    server.patch(&path("a"), &operations).assert_error(403, "access_denied", None);
    send(&server, "c", &conversation, &parts("x")).assert_error(404, "not_found", None);
    server.patch(&path("c"), &operations).assert_error(404, "not_found", None);
    server.patch(&path("b"), &operations).assert_empty(204);
    assert_eq!(server.get(&path("b")).json()["metadata"], json!({ "a": "x" }));
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    send(&server, "b", &conversation, &parts("x")).assert_error(410, "object_deleted", None);
}

/// Contract 1.6 [C1 deduplication]: 409 with the object.
#[test]
fn an_id_in_the_body_is_taken_once() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let mut body = parts("x");
    body["id"] = json!(format!("layer:///messages/{ID}"));
    let first = send(&server, "a", &conversation, &body);
    assert_eq!((first.status, first.uuid()), (201, ID.to_owned()));
    body["id"] = json!(ID);
    let again = send(&server, "a", &conversation, &body);
    again.assert_error(409, "id_in_use", None);
    assert_eq!(again.json()["data"], first.json());
    let list = server.get(&format!("/conversations/{conversation}/messages"));
    assert_eq!(list.header("layer-count"), Some("1"));

    // A tag in the header is a replay, as everywhere else.
    let tag = UNKNOWN;
    let path = format!("/users/a/conversations/{conversation}/messages");
    let tagged = server.post_tagged(&path, tag, &parts("y"));
    let replay = server.post_tagged(&path, tag, &parts("y"));
    assert_eq!((replay.status, replay.json()), (201, tagged.json()));
}

/// Contract 2.10 and 2.1 (recorded statuses).
#[test]
fn a_user_who_creates_a_conversation_takes_part_in_it() {
    let server = start();
    server.introduce("me");
    let created = server.post("/users/me/conversations", &json!({ "participants": ["a"], "metadata": { "k": "v" } }));
    assert_eq!(created.status, 201);
    let conversation = created.json();
    assert_eq!(conversation["participants"], json!(["a", "me"]));
    assert_eq!(conversation["url"], format!("{}/users/me/conversations/{}", server.prefix(), created.uuid()));
    assert_eq!((&conversation["last_message"], &conversation["unread_message_count"]), (&Value::Null, &json!(0)));
    assert_eq!(server.get(&format!("/users/me/conversations/{}", created.uuid())).json(), conversation);
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("1"));

    let refused = server.post("/users/me/conversations", &json!({}));
    refused.assert_error(422, "missing_property", Some("participants"));
    assert!(client_docs(&refused));
    let modern =
        server.at("2.0").post("/users/me/conversations", &json!({ "participants": ["layer:///identities/b"] }));
    assert_eq!(modern.json()["participants"][1]["id"], "layer:///identities/me");
}

/// Contract 2.1.1.
#[test]
fn a_distinct_conversation_is_found_as_its_participant_sees_it() {
    let server = start();
    server.introduce("me");
    let body = json!({ "participants": ["a"], "distinct": true, "metadata": { "k": "v" } });
    let created = server.post("/users/me/conversations", &body);
    assert_eq!(created.status, 201);
    send(&server, "a", &created.uuid(), &parts("Hi"));
    let found = server.post("/users/me/conversations", &body);
    assert_eq!((found.status, found.uuid()), (200, created.uuid()));
    let location = format!("/apps/{}/users/me/conversations/{}", server.app.app_id, created.uuid());
    assert_eq!(found.header("location"), Some(location.as_str()));
    assert_eq!(found.json()["last_message"]["parts"][0]["body"], "Hi");
    let other = json!({ "participants": ["me", "a"], "distinct": true, "metadata": { "k": "w" } });
    let conflict = server.post("/users/me/conversations", &other);
    conflict.assert_error(409, "conflict", None);
    assert_eq!(conflict.json()["data"], found.json());

    // Deleted for its own devices, it comes back without its history.
    server.delete(&format!("/users/me/conversations/{}?mode=my_devices", created.uuid())).assert_empty(204);
    assert_eq!(server.get("/users/me/conversations").header("layer-count"), Some("0"));
    let back = server.post("/users/me/conversations", &body);
    assert_eq!((back.status, &back.json()["last_message"]), (200, &Value::Null));
    assert_eq!(server.get("/users/me/conversations").header("layer-count"), Some("1"));
}

/// Contract 1.6 [C1 deduplication].
#[test]
fn the_id_of_a_conversation_is_taken_once() {
    let server = start();
    server.introduce("me");
    let body = json!({ "participants": ["a"], "id": ID });
    let first = server.post("/users/me/conversations", &body);
    assert_eq!((first.status, first.uuid()), (201, ID.to_owned()));
    let again = server.post("/users/me/conversations", &body);
    again.assert_error(409, "id_in_use", None);
    assert!(client_docs(&again));
    assert_eq!(again.json()["data"], first.json());
    // A stranger hears no more than that it is taken.
    server.introduce("stranger");
    let stranger = server.post("/users/stranger/conversations", &body);
    stranger.assert_error(409, "id_in_use", None);
    assert_eq!(stranger.json().get("data"), None);
    let tagged = server.post_tagged("/users/a/conversations", UNKNOWN, &json!({ "participants": ["b"] }));
    let replay = server.post_tagged("/users/a/conversations", UNKNOWN, &json!({ "participants": ["b"] }));
    assert_eq!((replay.status, replay.json()), (201, tagged.json()));
}

#[test]
fn blocks_hold_for_what_a_user_creates() {
    let server = start();
    server.introduce("me");
    server.post("/users/a/blocks", &json!({ "user_id": "me" })).assert_empty(204);
    let blocked = server.post("/users/me/conversations", &json!({ "participants": ["a"] }));
    blocked.assert_error(422, "participant_blocked", None);
}
