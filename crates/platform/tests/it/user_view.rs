//! Contract 2.1.3, 2.2.3 and 3: what one user sees.

use serde_json::json;

use crate::client::{Server, UNKNOWN, message_of, start};

fn set_participants(server: &Server, conversation: &str, participants: &[&str]) {
    let operations = json!([{ "operation": "set", "property": "participants", "value": participants }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
}

#[test]
fn a_conversation_shows_its_last_message_and_how_many_are_unread() {
    let server = start();
    let conversation = server.conversation(&["maria", "ns/42"]);
    let path = format!("/users/ns%2F42/conversations/{conversation}");
    let empty = server.get(&path).json();
    let url = format!("{}{path}", server.prefix());
    assert_eq!(empty["url"], url);
    assert_eq!(empty["messages_url"], format!("{url}/messages"));
    assert_eq!(empty["last_message"], json!(null));
    assert_eq!(empty["unread_message_count"], 0);

    server.text(&conversation, "first");
    let last = server.text(&conversation, "second");
    let seen = server.get(&path).json();
    assert_eq!(seen["unread_message_count"], 2);
    assert_eq!(seen["last_message"]["id"], format!("layer:///messages/{last}"));
    assert_eq!(seen["last_message"]["conversation"]["url"], url);
    assert_eq!(server.get("/users/ns%2F42/conversations").json()[0], seen);
    // What belongs to a user is not in the system view.
    let system = server.get(&format!("/conversations/{conversation}")).json();
    assert_eq!((system.get("last_message"), system.get("unread_message_count")), (None, None));
}

#[test]
fn a_message_shows_what_it_is_to_its_reader() {
    let server = start();
    let conversation = server.conversation(&["maria", "jon"]);
    let body = message_of("maria", "Hi");
    server.post(&format!("/conversations/{conversation}/messages"), &body);
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &body);
    let seen = server.get(&format!("/users/jon/messages/{}", sent.uuid())).json();
    let url = format!("{}/users/jon/messages/{}", server.prefix(), sent.uuid());
    assert_eq!(seen["url"], url);
    assert_eq!(seen["receipts_url"], format!("{url}/receipts"));
    assert_eq!(seen["position"], 2);
    assert_eq!(seen["received_at"], sent.json()["sent_at"]);
    assert_eq!(seen["is_unread"], true);
    assert_eq!(server.get(&format!("/users/jon/conversations/{conversation}/messages")).json()[0], seen);
    assert_eq!(server.get(&format!("/users/maria/messages/{}", sent.uuid())).json()["is_unread"], false);
    let own = server.get(&format!("/users/maria/conversations/{conversation}")).json();
    assert_eq!(own["unread_message_count"], 0);
}

#[test]
fn a_user_who_never_was_a_member_sees_nothing() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let message = server.text(&conversation, "x");
    for path in [
        format!("/users/b/conversations/{conversation}"),
        format!("/users/b/conversations/{conversation}/messages"),
        format!("/users/b/messages/{message}"),
        format!("/users/a/conversations/{UNKNOWN}"),
        format!("/users/a/messages/{UNKNOWN}"),
    ] {
        let answer = server.get(&path);
        answer.assert_error(404, "not_found", None);
        assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#not_found");
    }
}

/// Contract 2.1.3 [C1, C3].
#[test]
fn a_former_member_keeps_the_history_up_to_the_end_of_its_membership() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let before = server.text(&conversation, "before");
    set_participants(&server, &conversation, &["b"]);
    let after = server.text(&conversation, "after");

    let seen = server.get(&format!("/users/a/conversations/{conversation}")).json();
    assert_eq!(seen["participants"], json!([]));
    assert_eq!(seen["last_message"]["id"], format!("layer:///messages/{before}"));
    assert_eq!(seen["unread_message_count"], 1);
    let list = server.get(&format!("/users/a/conversations/{conversation}/messages"));
    assert_eq!((list.header("layer-count"), list.json().as_array().unwrap().len()), (Some("1"), 1));
    assert_eq!(server.get(&format!("/users/a/messages/{before}")).status, 200);
    assert_eq!(server.get(&format!("/users/a/messages/{after}")).status, 404);
    let from = format!("/users/a/conversations/{conversation}/messages?from_id={after}");
    server.get(&from).assert_error(404, "not_found", None);
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("1"));

    // Back again, it sees everything, and what was sent meanwhile does not wait to be read.
    set_participants(&server, &conversation, &["b", "a"]);
    let seen = server.get(&format!("/users/a/conversations/{conversation}")).json();
    assert_eq!(seen["participants"], json!(["b", "a"]));
    assert_eq!(seen["unread_message_count"], 1);
    assert_eq!(server.get(&format!("/users/a/messages/{after}")).json()["is_unread"], false);
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("1"));
}

#[test]
fn a_new_member_sees_the_history_but_has_not_to_read_it() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let old = server.text(&conversation, "old");
    set_participants(&server, &conversation, &["a", "b"]);
    assert_eq!(server.get(&format!("/users/b/messages/{old}")).json()["is_unread"], false);
    server.text(&conversation, "new");
    let seen = server.get(&format!("/users/b/conversations/{conversation}")).json();
    assert_eq!(seen["unread_message_count"], 1);
    let list = server.get(&format!("/users/b/conversations/{conversation}/messages"));
    assert_eq!(list.header("layer-count"), Some("2"));
}

#[test]
fn deleted_messages_leave_every_count() {
    let server = start();
    let conversation = server.conversation(&["a", "b", "former"]);
    let first = server.text(&conversation, "unread by all");
    let own = server.post(&format!("/conversations/{conversation}/messages"), &message_of("a", "own")).uuid();
    set_participants(&server, &conversation, &["a", "b"]);
    let later = server.text(&conversation, "later");
    let unread = || {
        ["a", "b", "former"].map(|user| {
            let seen = server.get(&format!("/users/{user}/conversations/{conversation}")).json();
            seen["unread_message_count"].as_u64().unwrap()
        })
    };
    assert_eq!(unread(), [2, 3, 2]);
    for (message, expected) in [(first, [1, 2, 1]), (own, [1, 1, 0]), (later, [0, 0, 0])] {
        server.delete(&format!("/conversations/{conversation}/messages/{message}")).assert_empty(204);
        assert_eq!(unread(), expected);
    }
    let list = server.get(&format!("/users/former/conversations/{conversation}/messages"));
    assert_eq!((list.body.as_str(), list.header("layer-count")), ("[]", Some("0")));
}

#[test]
fn user_ids_of_any_shape_stay_in_their_segment() {
    let server = start();
    for (user, encoded) in [
        (".", "."),
        ("..", ".."),
        ("ns/42", "ns%2F42"),
        ("50%", "50%25"),
        ("a+b c", "a+b%20c"),
        ("møller", "m%C3%B8ller"),
        ("🐙", "%F0%9F%90%99"),
        ("a?b#c", "a%3Fb%23c"),
        ("conversations", "conversations"),
    ] {
        let conversation = server.conversation(&[user]);
        let list = server.get(&format!("/users/{encoded}/conversations"));
        assert_eq!(list.json()[0]["id"], format!("layer:///conversations/{conversation}"), "{user}");
        assert_eq!(list.json()[0]["participants"], json!([user]));
        server.put(&format!("/users/{encoded}/identity"), &json!({ "display_name": user })).assert_empty(204);
        assert_eq!(server.get(&format!("/users/{encoded}/identity")).json()["user_id"], user);
        server.post("/users/owner/blocks", &json!({ "user_id": user })).assert_empty(204);
        assert_eq!(server.get("/users/owner/blocks").json(), json!([{ "user_id": user }]));
        server.delete(&format!("/users/owner/blocks/{encoded}")).assert_empty(204);
        assert_eq!(server.get("/users/owner/blocks").json(), json!([]));
    }
}
