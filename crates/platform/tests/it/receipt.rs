//! Contract 2.2.3: receipts, recipient status and what follows from them.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, message_of, start};

fn give(server: &Server, user: &str, message: &str, kind: &str) -> Answer {
    server.post(&format!("/users/{user}/messages/{message}/receipts"), &json!({ "type": kind }))
}

fn status(server: &Server, conversation: &str, message: &str) -> Value {
    server.get(&format!("/conversations/{conversation}/messages/{message}")).json()["recipient_status"].clone()
}

fn unread(server: &Server, user: &str, conversation: &str) -> u64 {
    let seen = server.get(&format!("/users/{user}/conversations/{conversation}")).json();
    seen["unread_message_count"].as_u64().unwrap()
}

fn set_participants(server: &Server, conversation: &str, participants: &[&str]) {
    let operations = json!([{ "operation": "set", "property": "participants", "value": participants }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
}

/// Contract 2.2 (recorded, L3): 204. Contract 2.2.3 [C1]: the status only rises.
#[test]
fn a_receipt_raises_the_status_of_a_message_and_never_lowers_it() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.text(&conversation, "x");
    for (user, kind, expected) in [
        ("a", "delivery", json!({ "a": "delivered", "b": "sent" })),
        ("a", "delivery", json!({ "a": "delivered", "b": "sent" })),
        ("a", "read", json!({ "a": "read", "b": "sent" })),
        ("a", "delivery", json!({ "a": "read", "b": "sent" })),
        ("a", "read", json!({ "a": "read", "b": "sent" })),
        ("b", "read", json!({ "a": "read", "b": "read" })),
    ] {
        give(&server, user, &message, kind).assert_empty(204);
        assert_eq!(status(&server, &conversation, &message), expected, "{user} {kind}");
    }
}

#[test]
fn a_read_receipt_counts_a_message_as_read_once_and_a_delivery_receipt_does_not() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let messages = [server.text(&conversation, "first"), server.text(&conversation, "second")];
    give(&server, "a", &messages[0], "delivery").assert_empty(204);
    assert_eq!(unread(&server, "a", &conversation), 2);
    for _ in 0..2 {
        give(&server, "a", &messages[0], "read").assert_empty(204);
        assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (1, 2));
    }
    assert_eq!(server.get(&format!("/users/a/messages/{}", messages[0])).json()["is_unread"], false);
    assert_eq!(server.get(&format!("/users/b/messages/{}", messages[0])).json()["is_unread"], true);
    // A message that was read and is deleted leaves the counts alone, an unread one does not.
    server.delete(&format!("/conversations/{conversation}/messages/{}", messages[0])).assert_empty(204);
    assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (1, 1));
}

/// Contract 2.2.3 (since Nov 18 2015): the sender's own message is read from the start.
#[test]
fn receipts_of_the_sender_change_nothing() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.post(&format!("/conversations/{conversation}/messages"), &message_of("a", "x")).uuid();
    for kind in ["delivery", "read"] {
        give(&server, "a", &message, kind).assert_empty(204);
        assert_eq!(status(&server, &conversation, &message), json!({ "a": "read", "b": "sent" }));
    }
    assert_eq!(unread(&server, "a", &conversation), 0);
}

#[test]
fn a_message_from_before_one_joined_takes_a_receipt_without_effect() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let message = server.text(&conversation, "x");
    set_participants(&server, &conversation, &["a", "b"]);
    give(&server, "b", &message, "read").assert_empty(204);
    assert_eq!(status(&server, &conversation, &message), json!({ "a": "sent" }));
    assert_eq!(unread(&server, "b", &conversation), 0);
}

/// Contract 2.2.3 (recorded, L3): an unknown type 422, a bad message id 400; both before the message is looked up.
#[test]
fn a_bad_receipt_is_refused_before_the_message_is_looked_up() {
    let server = start();
    server.introduce("a");
    let path = format!("/users/a/messages/{UNKNOWN}/receipts");
    server.post(&path, &json!({ "type": "seen" })).assert_error(422, "invalid_property", Some("type"));
    server.post(&path, &json!({})).assert_error(422, "missing_property", Some("type"));
    server.send("POST", &path, &[], "").assert_error(400, "invalid_request", None);
    let bad_id = give(&server, "a", "wrongid", "read");
    bad_id.assert_error(400, "invalid_request_id", None);
    assert_eq!(bad_id.json()["url"], "https://developer.layer.com/docs/client/rest#invalid_request_id");
    let unknown = give(&server, "a", UNKNOWN, "read");
    unknown.assert_error(404, "not_found", None);
    assert_eq!(unknown.json()["url"], "https://developer.layer.com/docs/client/rest#not_found");
}

/// Contract 1.9 and 2.1.3 [C1].
#[test]
fn only_participants_give_receipts() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let before = server.text(&conversation, "before");
    set_participants(&server, &conversation, &["b"]);
    let after = server.text(&conversation, "after");
    give(&server, "a", &before, "read").assert_error(403, "access_denied", None);
    give(&server, "a", &after, "read").assert_error(404, "not_found", None);
    give(&server, "stranger", &before, "read").assert_error(404, "not_found", None);
    assert_eq!(status(&server, &conversation, &before), json!({ "a": "sent", "b": "sent" }));
}

#[test]
fn a_receipt_for_a_deleted_message_finds_nothing() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let message = server.text(&conversation, "x");
    server.delete(&format!("/conversations/{conversation}/messages/{message}")).assert_empty(204);
    give(&server, "a", &message, "read").assert_error(404, "not_found", None);
    let other = server.text(&conversation, "y");
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    give(&server, "a", &other, "read").assert_error(404, "not_found", None);
}

#[test]
fn receipts_in_parallel_are_counted_once_each() {
    let server = start();
    let users = ["a", "b", "c", "d"];
    let conversation = server.conversation(&users);
    let messages: Vec<String> = (0..6).map(|index| server.text(&conversation, &index.to_string())).collect();
    std::thread::scope(|scope| {
        for user in users {
            // Twice the same receipts, against each other.
            for _ in 0..2 {
                scope.spawn(|| {
                    for message in &messages {
                        give(&server, user, message, "read").assert_empty(204);
                    }
                });
            }
        }
    });
    for user in users {
        assert_eq!(unread(&server, user, &conversation), 0);
    }
    let expected = json!({ "a": "read", "b": "read", "c": "read", "d": "read" });
    for message in &messages {
        assert_eq!(status(&server, &conversation, message), expected);
    }
}
