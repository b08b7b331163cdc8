//! Contract 2.2 and 3.2: messages in system view.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, message, message_of, start};

fn send(server: &Server, conversation: &str, body: &Value) -> Answer {
    server.post(&format!("/conversations/{conversation}/messages"), body)
}

fn get(server: &Server, conversation: &str, message: &str) -> Answer {
    server.get(&format!("/conversations/{conversation}/messages/{message}"))
}

/// Contract 2.2 (recorded: 201), 1.4 and 2.2.3 (recorded, R1): short URL, no part ids, no nulls, no entry for a named
/// sender.
#[test]
fn the_answer_to_a_send_is_compact() {
    let server = start();
    let conversation = server.conversation(&["maria", "jon"]);
    let answer = send(&server, &conversation, &message("Hi"));
    assert_eq!(answer.status, 201);
    let prefix = server.prefix();
    let expected = json!({
        "id": format!("layer:///messages/{}", answer.uuid()),
        "url": format!("{prefix}/messages/{}", answer.uuid()),
        "conversation": {
            "id": format!("layer:///conversations/{conversation}"),
            "url": format!("{prefix}/conversations/{conversation}")
        },
        "sent_at": answer.json()["sent_at"],
        "recipient_status": { "maria": "sent", "jon": "sent" },
        "sender": { "name": "Concierge" },
        "parts": [{ "mime_type": "text/plain", "body": "Hi" }]
    });
    assert_eq!(answer.json(), expected);
}

/// Contract 1.4, 2.2.1 (`notification`) and 2.2.3 (recorded, R1): long URL, explicit nulls, numbered parts.
#[test]
fn a_read_has_explicit_nulls() {
    let server = start();
    let conversation = server.conversation(&["maria", "jon"]);
    let sent = send(&server, &conversation, &message_of("maria", "Hi"));
    let answer = get(&server, &conversation, &sent.uuid());
    assert_eq!(answer.status, 200);
    let (prefix, id) = (server.prefix(), sent.uuid());
    let expected = json!({
        "id": format!("layer:///messages/{id}"),
        "url": format!("{prefix}/conversations/{conversation}/messages/{id}"),
        "receipts_url": null,
        "position": null,
        "conversation": sent.json()["conversation"],
        "parts": [{
            "id": format!("layer:///messages/{id}/parts/0"),
            "mime_type": "text/plain",
            "body": "Hi",
            "encoding": null,
            "content": null
        }],
        "sent_at": sent.json()["sent_at"],
        "received_at": null,
        "sender": { "user_id": "maria", "name": null },
        "is_unread": null,
        "recipient_status": { "maria": "read", "jon": "sent" },
        "notification": null
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(server.get(&format!("/conversations/{conversation}/messages")).json(), json!([expected]));
}

/// Contract 2.2.2 (recorded, R1).
#[test]
fn base64_text_comes_back_as_text_and_other_bytes_as_base64() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let body = json!({
        "sender": { "name": "x" },
        "parts": [
            { "mime_type": "image/jpeg", "body": "YW55IGNhcm5hbCBwbGVhc3VyZQ==", "encoding": "base64" },
            { "mime_type": "image/png; role=root", "body": "iVBORw==", "encoding": "base64" },
            { "mime_type": "text/plain", "body": "møller 🐙 \u{0}", "encoding": null }
        ]
    });
    let sent = send(&server, &conversation, &body);
    let shown = json!([
        { "mime_type": "image/jpeg", "body": "any carnal pleasure" },
        { "mime_type": "image/png; role=root", "body": "iVBORw==", "encoding": "base64" },
        { "mime_type": "text/plain", "body": "møller 🐙 \u{0}" }
    ]);
    assert_eq!(sent.json()["parts"], shown);
    let read = get(&server, &conversation, &sent.uuid()).json();
    assert_eq!(read["parts"][0]["body"], "any carnal pleasure");
    assert_eq!(read["parts"][1]["encoding"], "base64");
    assert_eq!(read["parts"][2]["id"], format!("layer:///messages/{}/parts/2", sent.uuid()));
}

/// Contract 2.2.2.
#[test]
fn a_part_holds_2048_bytes_and_no_more() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    assert_eq!(send(&server, &conversation, &message(&"x".repeat(2048))).status, 201);
    let long = send(&server, &conversation, &message(&"x".repeat(2049)));
    long.assert_error(422, "invalid_property", Some("parts"));
}

#[test]
fn bad_messages_name_the_property() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let parts = message("x")["parts"].clone();
    for (body, id, property) in [
        (json!({}), "missing_property", "sender"),
        (json!({ "parts": parts }), "missing_property", "sender"),
        (json!({ "sender": { "name": "x" } }), "missing_property", "parts"),
        (json!({ "sender": { "name": "x" }, "parts": [] }), "invalid_property", "parts"),
        (json!({ "sender": { "name": "x", "user_id": "a" }, "parts": parts }), "invalid_property", "sender"),
        (json!({ "sender": {}, "parts": parts }), "invalid_property", "sender"),
        (
            json!({ "sender": { "name": "x" }, "parts": parts, "schedule": { "delay_in_seconds": 0 } }),
            "invalid_property",
            "schedule",
        ),
        (
            json!({ "sender": { "name": "x" }, "parts": [{ "mime_type": "a/b", "body": "!", "encoding": "base64" }] }),
            "invalid_property",
            "parts",
        ),
    ] {
        send(&server, &conversation, &body).assert_error(422, id, Some(property));
    }
}

/// Contract 2.2.1 (recorded: 404) and 2.2.3 (recorded twice, R1).
#[test]
fn validation_comes_before_the_look_up() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    send(&server, &conversation, &json!({})).assert_error(422, "missing_property", Some("sender"));
    send(&server, UNKNOWN, &json!({})).assert_error(422, "missing_property", Some("sender"));
    send(&server, UNKNOWN, &message("x")).assert_error(404, "not_found", None);
}

#[test]
fn a_user_who_is_no_participant_may_not_send() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    send(&server, &conversation, &message_of("b", "x")).assert_error(403, "access_denied", None);
    assert_eq!(send(&server, &conversation, &message_of("a", "x")).status, 201);
}

/// Contract 1.9 and 2.2.3 (recorded, R1).
#[test]
fn an_unknown_message_is_not_found() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let elsewhere = server.conversation(&["a"]);
    let message = server.text(&elsewhere, "x");
    for id in [UNKNOWN, message.as_str()] {
        let answer = get(&server, &conversation, id);
        answer.assert_error(404, "not_found", None);
        assert_eq!(answer.json()["message"], "A Message with the specified identifier could not be found.");
        assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#not_found");
    }
    get(&server, UNKNOWN, &message).assert_error(404, "not_found", None);
}

/// Contract 2.2.3 (recorded, L3).
#[test]
fn a_message_id_that_is_no_uuid_is_an_invalid_request_id() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    for answer in [
        get(&server, &conversation, "wrongid"),
        server.delete(&format!("/conversations/{conversation}/messages/wrongid")),
        server.get("/users/a/messages/wrongid"),
    ] {
        answer.assert_error(400, "invalid_request_id", None);
        assert_eq!(answer.json()["code"], 3);
    }
}

/// Contract 2.2 (recorded).
#[test]
fn a_deleted_message_is_not_found() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let kept = server.text(&conversation, "kept");
    let message = server.text(&conversation, "x");
    let path = format!("/conversations/{conversation}/messages/{message}");
    server.delete(&path).assert_empty(204);
    server.get(&path).assert_error(404, "not_found", None);
    server.delete(&path).assert_error(404, "not_found", None);
    server.get(&format!("/users/a/messages/{message}")).assert_error(404, "not_found", None);
    let list = server.get(&format!("/conversations/{conversation}/messages"));
    assert_eq!(list.header("layer-count"), Some("1"));
    assert_eq!(list.json()[0]["id"], format!("layer:///messages/{kept}"));
}

/// Contract 2.2.3: status is that of the participants when it was sent.
#[test]
fn the_recipients_of_a_message_do_not_change_with_the_participants() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.text(&conversation, "x");
    let operations = json!([{ "operation": "set", "property": "participants", "value": ["c"] }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
    let status = get(&server, &conversation, &message).json()["recipient_status"].clone();
    assert_eq!(status, json!({ "a": "sent", "b": "sent" }));
}
