//! What clients are told live: a packet for each change, in each version. Client API 5.3 and 5.4.

use serde_json::{Value, json};

use crate::client::start;
use crate::device::Device;
use crate::live_client::{Live, People, conversation_id, message_id, uuid};

/// Someone's identity id.
fn identity(user: &str) -> String {
    format!("layer:///identities/{user}")
}

fn set(property: &str, value: impl Into<Value>) -> Value {
    json!({ "operation": "set", "property": property, "value": value.into() })
}

fn last_message(id: &str) -> Value {
    json!({ "operation": "set", "property": "last_message", "id": id })
}

/// Posts as a device and returns the full id of what was created.
fn create(device: &Device<'_>, path: &str, body: &Value) -> String {
    let answer = device.post(path, body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn text(body: &str) -> Value {
    json!({ "parts": [{ "mime_type": "text/plain", "body": body }] })
}

fn patch(device: &Device<'_>, path: &str, operations: &Value) {
    let headers = [("Content-Type", "application/vnd.layer-patch+json")];
    device.send("PATCH", path, &headers, &operations.to_string()).assert_empty(204);
}

impl Live {
    /// Asserts that the next packet says that something is new, and returns it.
    fn hears_of(&mut self, kind: &str, id: &str) -> Value {
        let (operation, of_kind, of, data) = self.told();
        assert_eq!((operation.as_str(), of_kind.as_str(), of.as_str()), ("create", kind, id), "{data}");
        assert_eq!(data["id"], id);
        data
    }

    /// Asserts what the next packet says that changed.
    fn hears_update(&mut self, kind: &str, id: &str, operations: &[Value]) {
        let word = if self.version == "1.0" { "patch" } else { "update" };
        assert_eq!(self.told(), (word.into(), kind.into(), id.into(), operations.into()));
    }

    /// Asserts that the next packet says that something is gone.
    fn hears_end(&mut self, kind: &str, id: &str, data: Value) {
        assert_eq!(self.told(), ("delete".into(), kind.into(), id.into(), data));
    }
}

#[test]
fn conversations_and_messages_are_told_to_all_participants_in_their_versions() {
    let server = start();
    let people = People::of(&server);
    server.put("/users/a/identity", &json!({ "display_name": "Ann" })).assert_empty(204);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "3.0");
    let (_, mut old) = people.join("c", "1.0");

    let metadata = json!({ "t": "x" });
    let id = create(&ann, "/conversations", &json!({ "participants": ["b", "c"], "metadata": metadata }));
    let url = format!("{}/conversations/{}", server.platform.url(), uuid(&id));
    for live in [&mut a, &mut b] {
        let data = live.hears_of("Conversation", &id);
        assert_eq!((&data["metadata"], &data["url"]), (&metadata, &json!(url)));
        assert_eq!((&data["last_message"], &data["unread_message_count"]), (&Value::Null, &json!(0)));
        let participants = data["participants"].as_array().unwrap();
        let ann = participants.iter().find(|participant| participant["user_id"] == "a").unwrap();
        assert_eq!((participants.len(), &ann["display_name"]), (3, &json!("Ann")));
    }
    let mut names: Vec<_> = old.hears_of("Conversation", &id)["participants"].as_array().unwrap().clone();
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["a", "b", "c"]);

    // Sent by a client.
    let first = create(&ann, &format!("/conversations/{}/messages", uuid(&id)), &text("hi"));
    for (live, unread) in [(&mut a, None), (&mut b, Some(1)), (&mut old, Some(1))] {
        let data = live.hears_of("Message", &first);
        assert_eq!((&data["conversation"]["id"], &data["position"]), (&json!(id), &json!(1)));
        assert_eq!(data["is_unread"], unread.is_some());
        assert_eq!(data["sender"]["user_id"], "a");
        let operations =
            [last_message(&first)].into_iter().chain(unread.map(|count| set("unread_message_count", count)));
        live.hears_update("Conversation", &id, &operations.collect::<Vec<_>>());
    }
    // And by the application.
    let second = message_id(&server.text(uuid(&id), "from the server"));
    for (live, unread) in [(&mut a, 1), (&mut b, 2), (&mut old, 2)] {
        assert_eq!(live.hears_of("Message", &second)["is_unread"], true);
        live.hears_update("Conversation", &id, &[last_message(&second), set("unread_message_count", unread)]);
    }
}

#[test]
fn receipts_are_told_to_all_participants_and_the_count_to_the_reader() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    // A dot in a key is no step of a path.
    let (bob, mut b) = people.join("b@x.com", "2.0");
    let (_, mut old) = people.join("c", "1.0");
    let id = conversation_id(&server.conversation(&["a", "b@x.com", "c"]));
    let message = message_id(&server.text(uuid(&id), "hi"));
    for live in [&mut a, &mut b, &mut old] {
        live.hears_of("Conversation", &id);
        live.hears_of("Message", &message);
        live.told();
    }
    let property = r"recipient_status.layer:///identities/b%40x\.com";
    for status in ["delivery", "read"] {
        bob.post(&format!("/messages/{}/receipts", uuid(&message)), &json!({ "type": status })).assert_empty(204);
        // Once more changes nothing, and nobody hears of it.
        bob.post(&format!("/messages/{}/receipts", uuid(&message)), &json!({ "type": status })).assert_empty(204);
        let status = if status == "read" { "read" } else { "delivered" };
        a.hears_update("Message", &message, &[set(property, status)]);
        b.hears_update("Message", &message, &[set(property, status)]);
        old.hears_update("Message", &message, &[set(r"recipient_status.b@x\.com", status)]);
    }
    b.hears_update("Conversation", &id, &[set("unread_message_count", 0)]);
}

#[test]
fn marking_all_as_read_is_one_operation_and_for_1_0_a_patch_of_each_message() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (bob, mut b) = people.join("b", "2.0");
    let (_, mut old) = people.join("c", "1.0");
    let id = conversation_id(&server.conversation(&["a", "b", "c"]));
    let messages = ["1", "2"].map(|text| message_id(&server.text(uuid(&id), text)));
    for live in [&mut a, &mut b, &mut old] {
        for _ in 0..5 {
            live.told();
        }
    }
    bob.post(&format!("/conversations/{}/mark_all_read", uuid(&id)), &json!({ "position": null }));
    let property = "recipient_status.layer:///identities/b";
    for live in [&mut a, &mut b] {
        let packet = live.packet();
        assert_eq!(
            (&packet["type"], &packet["body"]["method"]),
            (&json!("operation"), &json!("Conversation.mark_all_read"))
        );
        assert_eq!(packet["body"]["object"]["id"], json!(id));
        let data = &packet["body"]["data"];
        assert_eq!((&data["position"], &data["identity"]["id"]), (&json!(2), &json!(identity("b"))));
        // For SDKs that do not know the operation.
        live.hears_update("Message", &messages[1], &[set(property, "read")]);
    }
    b.hears_update("Conversation", &id, &[set("unread_message_count", 0)]);
    for message in &messages {
        old.hears_update("Message", message, &[set("recipient_status.b", "read")]);
    }
}

#[test]
fn changed_participants_and_metadata_are_told_and_those_who_come_hear_of_the_conversation() {
    let server = start();
    let people = People::of(&server);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut gone) = people.join("gone", "3.0");
    let (_, mut old) = people.join("old", "1.0");
    let (_, mut new) = people.join("new", "2.0");
    let body =
        json!({ "participants": ["gone", "old"], "distinct": true, "metadata": { "k": "1", "deep": { "x": "1" } } });
    let id = create(&ann, "/conversations", &body);
    for live in [&mut a, &mut gone, &mut old] {
        live.hears_of("Conversation", &id);
    }
    let path = format!("/conversations/{}", uuid(&id));
    patch(
        &ann,
        &path,
        &json!([
            { "operation": "remove", "property": "participants", "id": identity("gone") },
            { "operation": "add", "property": "participants", "id": identity("new") },
        ]),
    );
    for live in [&mut a, &mut gone] {
        let (operation, kind, of, data) = live.told();
        assert_eq!((operation.as_str(), kind.as_str(), &of), ("update", "Conversation", &id));
        assert_eq!(data[0], json!({ "operation": "remove", "property": "participants", "id": identity("gone") }));
        assert_eq!((&data[1]["operation"], &data[1]["id"]), (&json!("add"), &json!(identity("new"))));
        assert_eq!(data[1]["value"]["user_id"], "new");
        assert_eq!(data[2], set("distinct", false));
    }
    old.hears_update(
        "Conversation",
        &id,
        &[
            json!({ "operation": "remove", "property": "participants", "value": "gone" }),
            json!({ "operation": "add", "property": "participants", "value": "new" }),
            set("distinct", false),
        ],
    );
    assert_eq!(new.hears_of("Conversation", &id)["participants"].as_array().unwrap().len(), 3);
    patch(
        &ann,
        &path,
        &json!([
            { "operation": "set", "property": "metadata.deep.y", "value": "2" },
            { "operation": "set", "property": "metadata.a\\.b", "value": "3" },
            { "operation": "delete", "property": "metadata.k" },
        ]),
    );
    for live in [&mut a, &mut new, &mut old] {
        let (.., data) = live.told();
        let mut operations = data.as_array().unwrap().clone();
        operations.sort_by_key(|operation| operation["property"].to_string());
        assert_eq!(
            operations,
            [
                set("metadata.a\\.b", "3"),
                set("metadata.deep.y", "2"),
                json!({ "operation": "delete", "property": "metadata.k" }),
            ]
        );
    }
}

#[test]
fn deleted_messages_are_told_with_the_one_that_is_the_last_now() {
    let server = start();
    let people = People::of(&server);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    let messages = ["1", "2", "3"].map(|text| message_id(&server.text(uuid(&id), text)));
    for live in [&mut a, &mut b] {
        for _ in 0..7 {
            live.told();
        }
    }
    let path = |message: &str, mode: &str| format!("/messages/{}?mode={mode}", uuid(message));
    ann.delete(&path(&messages[2], "all_participants")).assert_empty(204);
    for live in [&mut a, &mut b] {
        live.hears_end("Message", &messages[2], json!({ "mode": "all_participants" }));
        live.hears_update("Conversation", &id, &[last_message(&messages[1]), set("unread_message_count", 2)]);
    }
    // One that was not the last leaves that as it is.
    ann.delete(&path(&messages[0], "my_devices")).assert_empty(204);
    a.hears_end("Message", &messages[0], json!({ "mode": "my_devices" }));
    a.hears_update("Conversation", &id, &[set("unread_message_count", 1)]);
    server.delete(&format!("/conversations/{}/messages/{}", uuid(&id), uuid(&messages[1]))).assert_empty(204);
    a.hears_end("Message", &messages[1], json!({ "mode": "all_participants" }));
    a.hears_update("Conversation", &id, &[set("last_message", Value::Null), set("unread_message_count", 0)]);
    b.hears_end("Message", &messages[1], json!({ "mode": "all_participants" }));
    b.hears_update("Conversation", &id, &[last_message(&messages[0]), set("unread_message_count", 1)]);
}

#[test]
fn a_conversation_deleted_for_ones_own_devices_comes_back_with_the_next_message_and_one_left_does_not() {
    let server = start();
    let people = People::of(&server);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    a.hears_of("Conversation", &id);
    b.hears_of("Conversation", &id);
    let path = |query: &str| format!("/conversations/{}?{query}", uuid(&id));
    let mine = json!({ "mode": "my_devices", "from_position": null });
    ann.delete(&path("mode=my_devices&leave=false")).assert_empty(204);
    a.hears_end("Conversation", &id, mine.clone());
    let message = message_id(&server.text(uuid(&id), "back"));
    a.hears_of("Conversation", &id);
    for live in [&mut a, &mut b] {
        live.hears_of("Message", &message);
        live.hears_update("Conversation", &id, &[last_message(&message), set("unread_message_count", 1)]);
    }
    ann.delete(&path("mode=my_devices&leave=true")).assert_empty(204);
    let left = json!({ "operation": "remove", "property": "participants", "id": identity("a") });
    a.hears_update("Conversation", &id, std::slice::from_ref(&left));
    a.hears_end("Conversation", &id, mine);
    b.hears_update("Conversation", &id, &[left]);
    // Nobody else hears what one does for its own devices.
    server.delete(&format!("/conversations/{}", uuid(&id))).assert_empty(204);
    b.hears_end("Conversation", &id, json!({ "mode": "all_participants", "from_position": null }));
}

#[test]
fn announcements_are_told_and_what_a_recipient_does_to_its_copy() {
    let server = start();
    let people = People::of(&server);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut other) = people.join("a", "2.0");
    let (_, mut old) = people.join("b", "1.0");
    let body = json!({
        "recipients": ["a", "b"], "sender": { "name": "System" }, "parts": [{ "mime_type": "text/plain", "body": "x" }],
    });
    let answer = server.post("/announcements", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    for live in [&mut a, &mut other, &mut old] {
        assert_eq!(live.hears_of("Announcement", &id)["is_unread"], true);
    }
    ann.post(&format!("/announcements/{}/receipts", uuid(&id)), &json!({ "type": "read" })).assert_empty(204);
    ann.delete(&format!("/announcements/{}", uuid(&id))).assert_empty(204);
    for live in [&mut a, &mut other] {
        live.hears_update("Announcement", &id, &[set("recipient_status.layer:///identities/a", "read")]);
        live.hears_end("Announcement", &id, json!({}));
    }
}

#[test]
fn identities_are_told_to_the_user_and_to_followers_and_follows_to_the_own_devices() {
    let server = start();
    let people = People::of(&server);
    let (ann, mut a) = people.join("a", "2.0");
    let (_, mut friend) = people.join("friend", "3.0");
    // 1.0 knows none.
    let (_, mut old) = people.join("old", "1.0");
    let id = conversation_id(&server.conversation(&["a", "friend", "old"]));
    for live in [&mut a, &mut friend, &mut old] {
        live.hears_of("Conversation", &id);
    }
    server.post("/users/friend/identity", &json!({ "display_name": "F" })).assert_empty(201);
    let patch = json!([{ "operation": "set", "property": "display_name", "value": "G" }]);
    server.patch("/users/friend/identity", &patch).assert_empty(204);
    server.delete("/users/friend/identity").assert_empty(204);
    for live in [&mut a, &mut friend] {
        // Entries show what is there when they are read: of one that is gone by then, its end alone may be told.
        loop {
            let (operation, kind, of, data) = live.told();
            assert_eq!((kind.as_str(), of), ("Identity", identity("friend")));
            if operation == "delete" {
                assert_eq!(data, Value::Null);
                break;
            }
        }
    }
    server.put("/users/x/identity", &json!({ "display_name": "X", "metadata": { "m": "1" } })).assert_empty(204);
    // Whoever follows by the time that an entry is read is told of it: here, nobody.
    let since = conversation_id(&server.conversation(&["a"]));
    a.hears_of("Conversation", &since);
    ann.send("PUT", "/following/users/x", &[], "").assert_empty(204);
    let data = a.hears_of("Identity", &identity("x"));
    assert_eq!(
        (&data["display_name"], &data["metadata"], &data["type"]),
        (&json!("X"), &json!({ "m": "1" }), &json!("user"))
    );
    server.patch("/users/x/identity", &json!([{ "operation": "set", "property": "display_name", "value": "Y" }]));
    a.hears_update("Identity", &identity("x"), &[set("display_name", "Y")]);
    ann.delete("/following/users/x").assert_empty(204);
    a.hears_end("Identity", &identity("x"), Value::Null);
    let message = message_id(&server.text(uuid(&id), "after all that"));
    old.hears_of("Message", &message);
}

#[test]
fn changed_parts_are_told_in_3_0_and_before_that_the_message_again() {
    let server = start();
    let people = People::of(&server);
    let (_, mut new) = people.join("a", "3.0");
    let (_, mut older) = people.join("b", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    let sent = server.at("3.0").post(
        &format!("/conversations/{}/messages", uuid(&id)),
        &json!({ "sender_id": "a", "parts": [{ "mime_type": "text/plain", "body": "1" }] }),
    );
    assert_eq!(sent.status, 201, "{sent:?}");
    let message = sent.json()["id"].as_str().unwrap().to_owned();
    let part = sent.json()["parts"][0]["id"].as_str().unwrap().to_owned();
    for live in [&mut new, &mut older] {
        live.hears_of("Conversation", &id);
        live.hears_of("Message", &message);
        live.told();
    }
    let path = format!("/conversations/{}/messages/{}/parts", uuid(&id), uuid(&message));
    let answer =
        server.at("3.0").put(&format!("{path}/{}", uuid(&part)), &json!({ "mime_type": "text/x", "body": "2" }));
    assert!(answer.status < 300, "{answer:?}");
    let (operation, kind, of, data) = new.told();
    assert_eq!((operation.as_str(), kind.as_str(), &of), ("update", "MessagePart", &part));
    assert!(data.as_array().unwrap().contains(&set("body", "2")), "{data}");
    assert!(data.as_array().unwrap().contains(&set("mime_type", "text/x")), "{data}");
    assert_eq!(older.hears_of("Message", &message)["parts"][0]["body"], "2");
    let answer = server.at("3.0").post(&path, &json!({ "mime_type": "text/plain", "body": "more" }));
    assert!(answer.status < 300, "{answer:?}");
    let (operation, kind, of, data) = new.told();
    assert_eq!((operation.as_str(), kind.as_str(), &of), ("update", "Message", &message));
    assert_eq!((&data[0]["operation"], &data[0]["property"]), (&json!("add"), &json!("parts")));
    assert_eq!(data[0]["value"]["body"], "more");
    let added = data[0]["id"].as_str().unwrap().to_owned();
    older.hears_of("Message", &message);
    let answer = server.at("3.0").delete(&format!("{path}/{}", uuid(&added)));
    assert!(answer.status < 300, "{answer:?}");
    new.hears_update("Message", &message, &[json!({ "operation": "remove", "property": "parts", "id": added })]);
    assert_eq!(older.hears_of("Message", &message)["parts"].as_array().unwrap().len(), 1);
}

/// Whoever is known by an identity alone is forgotten with it: what was told of it concerns nobody any more.
#[test]
fn strangers_who_go_in_great_numbers_do_not_keep_others_from_hearing() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let path = |number: u32| format!("/users/stranger{number}/identity");
    for number in 0..150 {
        assert!(server.put(&path(number), &json!({ "display_name": "x" })).status < 300);
    }
    for number in 0..150 {
        assert!(server.delete(&path(number)).status < 300);
    }
    let id = conversation_id(&server.conversation(&["a"]));
    assert_eq!(a.told().2, id);
    let (packets, answer) = a.replay("2001-01-01T00:00:00.000Z");
    assert_eq!((packets.len(), &answer["success"]), (1, &json!(true)));
}
