//! What happens, and what webhooks are told of it. Contract 6.4 and 6.5.

use serde_json::{Value, json};

use crate::client::{Server, UNKNOWN, message, message_of};
use crate::receiver::{Received, Receiver, activated, activated_with, registration, start, usual};

/// A platform with one webhook of a version for all its events but those of parts.
fn listening(version: &str) -> (Server, Receiver) {
    let (server, receiver) = (start(), Receiver::start(usual));
    if version == "1.0" {
        activated(&server, &receiver.url);
    } else {
        let mut request = registration(&receiver.url);
        request["version"] = json!(version);
        request["config"] = json!({ "k": "v" });
        request["events"] = json!([
            "Message.created",
            "Message.updated",
            "Message.deleted",
            "Receipt.created",
            "Conversation.created",
            "Conversation.updated",
            "Conversation.deleted",
            "Participation.created",
            "Participation.deleted",
        ]);
        activated_with(&server, &request);
    }
    (server, receiver)
}

/// Waits for so many events and returns the latest, by the time of the events.
fn last(receiver: &Receiver, count: usize) -> Received {
    let mut deliveries = receiver.wait_for_events(count);
    assert_eq!(deliveries.len(), count, "{deliveries:?}");
    deliveries.sort_by_key(|delivery| delivery.json()["event"]["created_at"].as_str().unwrap().to_owned());
    deliveries.pop().unwrap()
}

fn types(deliveries: &[Received]) -> Vec<String> {
    let mut types: Vec<_> = deliveries.iter().map(Received::event_type).collect();
    types.sort();
    types
}

/// The payload without what differs from run to run, after checking it.
fn checked(delivery: &Received) -> Value {
    let mut payload = delivery.json();
    let event = payload["event"].as_object_mut().unwrap();
    assert!(uuid::Uuid::try_parse(event.remove("id").unwrap().as_str().unwrap()).is_ok());
    let created_at = event.remove("created_at").unwrap();
    assert!(created_at.as_str().unwrap().ends_with('Z'), "{created_at}");
    payload
}

// Contract 6.4: the payload of a message event.
#[test]
fn message_sent_shows_the_message_and_its_sender_as_actor() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria", "jon"]);
    receiver.wait_for_events(1);
    let body = json!({
        "sender": { "user_id": "maria" },
        "parts": [
            { "body": "Hi", "mime_type": "text/plain" },
            { "body": "iVBORw==", "encoding": "base64", "mime_type": "image/png" },
        ],
    });
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &body);
    let (id, sent_at) = (sent.uuid(), sent.json()["sent_at"].clone());
    let payload = checked(&last(&receiver, 2));
    assert_eq!(
        payload,
        json!({
            "event": { "type": "message.sent", "actor": { "user_id": "maria" } },
            "message": {
                "id": format!("layer:///messages/{id}"),
                "url": format!("{}/messages/{id}", server.prefix()),
                "conversation": {
                    "id": format!("layer:///conversations/{conversation}"),
                    "url": format!("{}/conversations/{conversation}", server.prefix()),
                },
                "parts": [
                    { "id": format!("layer:///messages/{id}/parts/0"), "mime_type": "text/plain", "body": "Hi" },
                    {
                        "id": format!("layer:///messages/{id}/parts/1"), "mime_type": "image/png", "body": "iVBORw==",
                        "encoding": "base64",
                    },
                ],
                "sent_at": sent_at,
                "sender": { "user_id": "maria" },
                "recipient_status": { "maria": "read", "jon": "sent" },
            },
        })
    );
}

// Contract 6.4: `actor` and `sender` have exactly one of `user_id` and `name`.
#[test]
fn a_named_sender_is_the_actor_by_name() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria"]);
    receiver.wait_for_events(1);
    server.text(&conversation, "Hi");
    let payload = checked(&last(&receiver, 2));
    assert_eq!(payload["event"]["actor"], json!({ "name": "Concierge" }));
    assert_eq!(payload["message"]["sender"], json!({ "name": "Concierge" }));
}

// Contract 6.4: `config` as it was registered; left out when there is none (assumed).
#[test]
fn the_config_comes_back_in_every_payload() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let mut request = registration(&receiver.url);
    request["config"] = json!({ "k": "v", "nested": { "n": [1, null] } });
    activated_with(&server, &request);
    let plain = Receiver::start(usual);
    activated(&server, &plain.url);
    server.conversation(&["maria"]);
    assert_eq!(last(&receiver, 1).json()["config"], request["config"]);
    assert_eq!(last(&plain, 1).json().get("config"), None);
}

// Contract 6.4: conversation events carry the system view after the change, and no actor.
#[test]
fn conversation_events_show_the_conversation_after_the_change() {
    let (server, receiver) = listening("1.0");
    let body = json!({ "participants": ["maria", "jon"], "metadata": { "title": "Tour" } });
    let created = server.post("/conversations", &body);
    let path = format!("/conversations/{}", created.uuid());
    // Created with metadata: one event (contract 2.1).
    let payload = checked(&last(&receiver, 1));
    let expected = json!({ "event": { "type": "conversation.created" }, "conversation": created.json() });
    assert_eq!(payload, expected);

    server.patch(&path, &json!([{ "operation": "add", "property": "participants", "value": "zoe" }]));
    let payload = checked(&last(&receiver, 2));
    assert_eq!(payload["event"], json!({ "type": "conversation.updated.participants" }));
    assert_eq!(payload["conversation"], server.get(&path).json());

    server.patch(&path, &json!([{ "operation": "set", "property": "metadata.title", "value": "New" }]));
    let payload = checked(&last(&receiver, 3));
    assert_eq!(payload["event"], json!({ "type": "conversation.updated.metadata" }));
    assert_eq!(payload["conversation"], server.get(&path).json());

    let before = server.get(&path).json();
    server.delete(&path);
    let payload = checked(&last(&receiver, 4));
    assert_eq!(payload["event"], json!({ "type": "conversation.deleted" }));
    // As it was last (assumed): after the change there is nothing to show.
    assert_eq!(payload["conversation"], before);
}

// Contract 4 (assumed): one event per kind of change per request, and none for a change that changes nothing.
#[test]
fn a_patch_makes_one_event_per_kind_of_change() {
    let (server, receiver) = listening("1.0");
    let path = format!("/conversations/{}", server.conversation(&["maria"]));
    receiver.wait_for_events(1);
    let add = |user: &str| json!({ "operation": "add", "property": "participants", "value": user });
    let set = |key: &str| json!({ "operation": "set", "property": format!("metadata.{key}"), "value": "1" });
    server.patch(&path, &json!([add("a"), add("b"), set("x"), set("y")]));
    let deliveries = receiver.wait_for_events(3);
    assert_eq!(
        types(&deliveries),
        ["conversation.created", "conversation.updated.metadata", "conversation.updated.participants"]
    );
    server.patch(&path, &json!([add("a"), set("x")]));
    server.patch(&path, &json!([]));
    server.patch(&path, &json!([set("z")]));
    assert_eq!(types(&receiver.wait_for_events(4)).len(), 4);
    let last = last(&receiver, 4).json();
    assert_eq!(last["conversation"]["metadata"], json!({ "x": "1", "y": "1", "z": "1" }));
}

// Contract 6.4: receipts of users; the sender gives none. 2.2.3: status never moves backwards.
#[test]
fn receipts_tell_who_got_and_who_read_a_message() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}/messages");
    let id = server.post(&path, &message_of("maria", "Hi")).uuid();
    receiver.wait_for_events(2);
    let receipt = |user: &str, kind: &str| {
        server.post(&format!("/users/{user}/messages/{id}/receipts"), &json!({ "type": kind })).assert_empty(204);
    };
    // The sender has read it already.
    receipt("maria", "read");
    receipt("jon", "delivery");
    let payload = checked(&last(&receiver, 3));
    assert_eq!(payload["event"], json!({ "type": "message.delivered", "actor": { "user_id": "jon" } }));
    assert_eq!(payload["message"]["recipient_status"], json!({ "maria": "read", "jon": "delivered" }));
    receipt("jon", "delivery");
    receipt("jon", "read");
    receipt("jon", "delivery");
    let payload = checked(&last(&receiver, 4));
    assert_eq!(payload["event"], json!({ "type": "message.read", "actor": { "user_id": "jon" } }));
    assert_eq!(payload["message"]["recipient_status"], json!({ "maria": "read", "jon": "read" }));
    assert_eq!(payload["message"]["sender"], json!({ "user_id": "maria" }));
}

// Contract 6.4: global deletion only.
#[test]
fn a_message_deleted_for_everyone_is_told_and_one_deleted_on_ones_own_devices_is_not() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}/messages");
    let ids: Vec<_> = (0..3).map(|_| server.post(&path, &message_of("maria", "Hi")).uuid()).collect();
    receiver.wait_for_events(4);
    server.delete(&format!("/users/jon/messages/{}?mode=my_devices", ids[0])).assert_empty(204);
    server.delete(&format!("/users/jon/messages/{}?mode=all_participants", ids[1])).assert_empty(204);
    let payload = checked(&last(&receiver, 5));
    assert_eq!(payload["event"], json!({ "type": "message.deleted", "actor": { "user_id": "jon" } }));
    assert_eq!(payload["message"]["id"], format!("layer:///messages/{}", ids[1]));
    server.delete(&format!("{path}/{}", ids[2])).assert_empty(204);
    let payload = checked(&last(&receiver, 6));
    // The system deleted it: nobody is the actor (assumed).
    assert_eq!(payload["event"], json!({ "type": "message.deleted" }));
}

// Contract 6.4: global deletion only; leaving changes the participants.
#[test]
fn a_conversation_deleted_by_a_user_for_everyone_is_told() {
    let (server, receiver) = listening("1.0");
    let path = format!("/conversations/{}", server.conversation(&["maria", "jon", "zoe"]));
    receiver.wait_for_events(1);
    server.delete(&format!("/users/zoe{path}?mode=my_devices&leave=false")).assert_empty(204);
    server.delete(&format!("/users/jon{path}?mode=my_devices&leave=true")).assert_empty(204);
    let payload = checked(&last(&receiver, 2));
    assert_eq!(payload["event"]["type"], "conversation.updated.participants");
    assert_eq!(payload["conversation"]["participants"], json!(["maria", "zoe"]));
    server.delete(&format!("/users/maria{path}?mode=all_participants")).assert_empty(204);
    assert_eq!(checked(&last(&receiver, 3))["event"]["type"], "conversation.deleted");
}

// Contract 6.4: announcements fire nothing. 8: neither does the replay of a request.
#[test]
fn announcements_and_replays_fire_nothing() {
    let (server, receiver) = listening("1.0");
    let announcement = json!({ "recipients": ["maria"], "sender": { "name": "C" }, "parts": message("x")["parts"] });
    assert_eq!(server.post("/announcements", &announcement).status, 202);
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/messages");
    for _ in 0..3 {
        assert_eq!(server.post_tagged(&path, UNKNOWN, &message("once")).status, 201);
    }
    server.text(&conversation, "last");
    assert_eq!(types(&receiver.wait_for_events(3)), ["conversation.created", "message.sent", "message.sent"]);
    assert_eq!(last(&receiver, 3).json()["message"]["parts"][0]["body"], "last");
}

#[test]
fn a_refused_request_fires_nothing() {
    let (server, receiver) = listening("1.0");
    let path = format!("/conversations/{}", server.conversation(&["maria"]));
    let messages = format!("{path}/messages");
    server.post(&messages, &message_of("stranger", "x")).assert_error(403, "access_denied", None);
    let bad = json!([{ "operation": "set", "property": "metadata.a", "value": 1 }]);
    assert_eq!(server.patch(&path, &bad).status, 422);
    server.post(&messages, &message("last"));
    assert_eq!(types(&receiver.wait_for_events(2)), ["conversation.created", "message.sent"]);
}

// Contract 6.3: only the events that the webhook asked for.
#[test]
fn a_webhook_gets_only_what_it_asked_for() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let mut request = registration(&receiver.url);
    request["events"] = json!(["message.deleted"]);
    activated_with(&server, &request);
    let conversation = server.conversation(&["maria"]);
    let id = server.text(&conversation, "Hi");
    server.delete(&format!("/conversations/{conversation}/messages/{id}"));
    assert_eq!(last(&receiver, 1).event_type(), "message.deleted");
}

/// A `BasicIdentity` as payloads of 2.0 and 3.0 show it. Contract 1.4: its URL in webhook bodies (recorded, R4 to R6).
/// A key without a value is left out (contract 3).
fn identity(server: &Server, user: &str, display_name: Option<&str>) -> Value {
    let mut identity = json!({
        "id": format!("layer:///identities/{user}"),
        "url": format!("{}/identities/{user}", server.prefix()),
        "user_id": user,
    });
    if let Some(name) = display_name {
        identity["display_name"] = json!(name);
    }
    identity
}

// Contract 1.4 (recorded, R4 to R6: the URLs of identities and parts, the ids of parts) and 6.5 (recorded, R4 to R6,
// for 2.0; 3.0 is assumed): the keys of `Message.created` in their order, none of them null, no empty `config`, the id
// and the time of the event.
#[test]
fn a_message_is_told_with_the_recorded_keys_in_their_order() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = (start(), Receiver::start(usual));
        let mut request = registration(&receiver.url);
        request["version"] = json!(version);
        request["events"] = json!(["Message.created"]);
        activated_with(&server, &request);
        server.post("/users/maria/identity", &json!({ "display_name": "Maria", "avatar_url": "https://img/m.png" }));
        let conversation = server.conversation(&["maria", "jon"]);
        let path = format!("/conversations/{conversation}/messages");
        let sent = server.at("3.0").post(
            &path,
            &json!({ "sender_id": "maria", "parts": [
            { "mime_type": "text/plain", "body": "pong" },
            { "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" },
        ] }),
        );
        let (id, sent_at) = (sent.uuid(), sent.json()["sent_at"].as_str().unwrap().to_owned());
        let read = server.at("3.0").get(&format!("{path}/{id}")).json();
        let part = |index: usize| read["parts"][index]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let part_url = |index: usize| format!("{}/messages/{id}/parts/{}", server.platform.url(), part(index));
        let prefix = server.prefix();
        let maria = format!(
            r#"{{"id":"layer:///identities/maria","url":"{prefix}/identities/maria","user_id":"maria","display_name":"Maria","avatar_url":"https://img/m.png"}}"#
        );
        let expected = [
            format!(r#"{{"event":{{"id":"{id}","type":"Message.created","created_at":"{sent_at}"}},"#),
            format!(r#""actor":{maria},"message":{{"id":"layer:///messages/{id}","url":"{prefix}{path}/{id}","#),
            format!(r#""conversation":{{"id":"layer:///conversations/{conversation}","url":"{prefix}/conversations/{conversation}"}},"#),
            format!(r#""parts":[{{"id":"layer:///messages/{id}/parts/{}","url":"{}","#, part(0), part_url(0)),
            r#""mime_type":"text/plain","body":"pong"},"#.to_owned(),
            format!(r#"{{"id":"layer:///messages/{id}/parts/{}","url":"{}","#, part(1), part_url(1)),
            r#""mime_type":"image/png","body":"iVBORw==","encoding":"base64"}],"#.to_owned(),
            format!(r#""sent_at":"{sent_at}","sender":{maria},"#),
            r#""recipient_status":{"layer:///identities/maria":"read","layer:///identities/jon":"sent"},"#.to_owned(),
            format!(r#""position":{}}}}}"#, read["position"]),
        ]
        .concat();
        let delivery = receiver.wait_for_events(1).remove(0);
        assert_eq!(String::from_utf8_lossy(&delivery.body), expected, "{version}");
    }
}

// Contract 6.5 and 3.1: events of conversations in 2.0 and 3.0.
#[test]
fn later_versions_show_the_conversation_with_identities() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = listening(version);
        server.post("/users/maria/identity", &json!({ "display_name": "Maria" }));
        let conversation = server.conversation(&["maria", "jon"]);
        let path = format!("/conversations/{conversation}");
        let payload = checked(&last(&receiver, 1));
        assert_eq!(payload["event"], json!({ "type": "Conversation.created" }));
        let people = json!([identity(&server, "maria", Some("Maria")), identity(&server, "jon", None)]);
        assert_eq!(payload["conversation"]["participants"], people);
        assert_eq!(payload["config"], json!({ "k": "v" }));

        // V3 names the event; that it is for metadata is (assumed).
        server.patch(&path, &json!([{ "operation": "set", "property": "metadata.title", "value": "New" }]));
        let payload = checked(&last(&receiver, 2));
        assert_eq!(payload["event"], json!({ "type": "Conversation.updated" }));
        assert_eq!(payload["conversation"]["metadata"], json!({ "title": "New" }));

        server.delete(&path).assert_empty(204);
        let payload = checked(&last(&receiver, 3));
        assert_eq!(payload["event"], json!({ "type": "Conversation.deleted" }));
        // Those that it had (V3).
        assert_eq!(payload["conversation"]["participants"], people);
    }
}

// Contract 6.5 (V3): who joined and who left, with `conversation` and `changes`. One event for all of one request, and
// that the conversation is shown in full and the changes as BasicIdentity, is (assumed).
#[test]
fn later_versions_tell_who_joined_and_who_left() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = listening(version);
        server.post("/users/zoe/identity", &json!({ "display_name": "Zoe" }));
        let path = format!("/conversations/{}", server.conversation(&["maria", "jon"]));
        receiver.wait_for_events(1);
        let add = |user: &str| json!({ "operation": "add", "property": "participants", "value": user });
        server.patch(&path, &json!([add("zoe"), add("paul"), add("maria")])).assert_empty(204);
        let payload = checked(&last(&receiver, 2));
        let shown = |user: &str| identity(&server, user, (user == "zoe").then_some("Zoe"));
        assert_eq!(payload["event"], json!({ "type": "Participation.created" }));
        assert_eq!(payload["changes"], json!([shown("zoe"), shown("paul")]));
        assert_eq!(payload["conversation"]["participants"], json!(["maria", "jon", "zoe", "paul"].map(shown)));

        server.delete(&format!("/users/jon{path}?mode=my_devices&leave=true")).assert_empty(204);
        let payload = checked(&last(&receiver, 3));
        assert_eq!(payload["event"], json!({ "type": "Participation.deleted" }));
        assert_eq!(payload["changes"], json!([shown("jon")]));
        assert_eq!(payload["conversation"]["participants"], json!(["maria", "zoe", "paul"].map(shown)));

        // Those who come and those who go in one request are told of in two events.
        let set = json!([{ "operation": "set", "property": "participants", "value": ["ines", "zoe"] }]);
        server.patch(&path, &set).assert_empty(204);
        let told = receiver.wait_for_events(5);
        let changes = |kind: &str| {
            let mut of_kind = told.iter().filter(|one| one.event_type() == kind).map(Received::json);
            of_kind.next_back().expect("an event")["changes"].clone()
        };
        assert_eq!(changes("Participation.created"), json!([shown("ines")]));
        assert_eq!(changes("Participation.deleted"), json!([shown("maria"), shown("paul")]));
    }
}

// Contract 6.5 (V3): a deleted message with its conversation, position and status; a changed one with `updated_at`
// (assumed). The id of these events is a fresh one (assumed), unlike that of `Message.created`.
#[test]
fn later_versions_tell_of_changed_and_deleted_messages() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = listening(version);
        let conversation = server.conversation(&["maria", "jon"]);
        let path = format!("/conversations/{conversation}/messages");
        let id = server.post(&path, &message_of("maria", "Hi")).uuid();
        let created = last(&receiver, 2);
        assert_eq!((created.event_id(), created.json()["message"].get("updated_at")), (id.clone(), None));
        let added = server.at("3.0").post(&format!("{path}/{id}/parts"), &json!({ "mime_type": "a/b", "body": "x" }));
        let updated = last(&receiver, 3);
        assert_eq!((updated.event_type().as_str(), updated.event_id() == id), ("Message.updated", false));
        assert_eq!(updated.json()["message"]["updated_at"], added.json()["updated_at"]);
        server.delete(&format!("/users/jon/messages/{id}?mode=all_participants")).assert_empty(204);
        let deleted = last(&receiver, 4);
        assert_eq!((deleted.event_type().as_str(), deleted.event_id() == id), ("Message.deleted", false));
        let payload = deleted.json();
        assert_eq!(payload["actor"], identity(&server, "jon", None));
        assert_eq!(payload["message"]["conversation"]["id"], format!("layer:///conversations/{conversation}"));
        assert_eq!(payload["message"]["position"], created.json()["message"]["position"]);
        let status = json!({ "layer:///identities/maria": "read", "layer:///identities/jon": "sent" });
        assert_eq!(payload["message"]["recipient_status"], status);
    }
}

// Contract 6.5 (V3 and J3): `Receipt.created` with `Read`, `from` and `to`; `Delivery` is (assumed).
#[test]
fn later_versions_tell_of_receipts_by_position() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = listening(version);
        let conversation = server.conversation(&["maria", "jon"]);
        let path = format!("/conversations/{conversation}/messages");
        let ids: Vec<_> = (0..3).map(|_| server.post(&path, &message_of("maria", "Hi")).uuid()).collect();
        let created = receiver.wait_for_events(4);
        let position_of = |id: &String| {
            let created = created.iter().find(|one| one.event_id() == *id).expect("the event of the message");
            created.json()["message"]["position"].clone()
        };
        let receipts = format!("/users/jon/messages/{}/receipts", ids[1]);
        server.post(&receipts, &json!({ "type": "delivery" })).assert_empty(204);
        let jon = identity(&server, "jon", None);
        let link = json!({
            "id": format!("layer:///conversations/{conversation}"),
            "url": format!("{}/conversations/{conversation}", server.prefix()),
        });
        let expected = |kind: &str, from: &String, to: &String| {
            json!({
                "event": { "type": "Receipt.created" },
                "actor": jon,
                "conversation": link,
                "receipt": { "type": kind, "positions": { "from": position_of(from), "to": position_of(to) } },
                "config": { "k": "v" },
            })
        };
        assert_eq!(checked(&last(&receiver, 5)), expected("Delivery", &ids[1], &ids[1]));
        server.post(&receipts, &json!({ "type": "read" })).assert_empty(204);
        assert_eq!(checked(&last(&receiver, 6)), expected("Read", &ids[1], &ids[1]));
        let mark = server.at("3.0").post(&format!("/users/jon/conversations/{conversation}/mark_all_read"), &json!({}));
        assert_eq!(mark.status, 202, "{mark:?}");
        // One for the whole range.
        assert_eq!(checked(&last(&receiver, 7)), expected("Read", &ids[0], &ids[2]));
    }
}

/// The same, as version 1.0 tells it: one event for each message.
#[test]
fn marking_all_as_read_is_told_message_by_message_in_1_0() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}/messages");
    (0..3).for_each(|_| drop(server.post(&path, &message_of("maria", "Hi")).uuid()));
    receiver.wait_for_events(4);
    let mark = server.at("3.0").post(&format!("/users/jon/conversations/{conversation}/mark_all_read"), &json!({}));
    assert!(mark.status < 300, "{mark:?}");
    let deliveries = receiver.wait_for_events(7);
    let read: Vec<_> = deliveries.iter().filter(|delivery| delivery.event_type() == "message.read").collect();
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|delivery| delivery.json()["message"]["recipient_status"]["jon"] == "read"));
}

// Contract 5 (assumed): a free-text sender of 1.x, seen by later versions.
#[test]
fn a_named_sender_is_an_identity_with_nothing_but_a_name_in_later_versions() {
    let (server, receiver) = listening("2.0");
    let conversation = server.conversation(&["maria"]);
    receiver.wait_for_events(1);
    server.text(&conversation, "Hi");
    let payload = checked(&last(&receiver, 2));
    let named = json!({ "display_name": "Concierge" });
    assert_eq!((&payload["actor"], &payload["message"]["sender"]), (&named, &named));
}

// Contract 6.5: parts are told of in 3.0 only, and the message with them.
#[test]
fn changes_of_parts_are_told_with_their_message() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let mut request = registration(&receiver.url);
    request["version"] = json!("3.0");
    request["events"] = json!(["MessagePart.created", "MessagePart.updated", "MessagePart.deleted", "Message.updated"]);
    activated_with(&server, &request);
    let conversation = server.conversation(&["maria"]);
    let message = server.text(&conversation, "Hi");
    let path = format!("/conversations/{conversation}/messages/{message}/parts");
    let part = |body: &str| json!({ "mime_type": "text/plain", "body": body });
    let told = |count: usize| -> Vec<(String, Value)> {
        let mut told: Vec<_> =
            receiver.wait_for_events(count).iter().map(|one| (one.event_type(), one.json())).collect();
        assert_eq!(told.len(), count);
        told.sort_by(|(one, _), (other, _)| one.cmp(other));
        told
    };
    let added = server.at("3.0").post(&path, &part("two")).json();
    let events = told(2);
    assert_eq!((events[0].0.as_str(), events[1].0.as_str()), ("Message.updated", "MessagePart.created"));
    let (part_id, message_id) = (added["id"].as_str().unwrap(), format!("layer:///messages/{message}"));
    // As in messages of payloads, with the time of the change (assumed).
    let expected = json!({
        "id": part_id,
        "url": format!("{}/messages/{}", server.platform.url(), part_id.strip_prefix("layer:///messages/").unwrap()),
        "mime_type": "text/plain", "body": "two", "updated_at": added["updated_at"],
    });
    assert_eq!((&events[1].1["message_part"], &events[1].1["message"]["id"]), (&expected, &json!(message_id)));
    assert_eq!(events[0].1["message"]["updated_at"], added["updated_at"]);

    let id = added["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(server.at("3.0").put(&format!("{path}/{id}"), &part("new")).status, 200);
    assert_eq!(told(4).iter().filter(|(name, _)| name == "MessagePart.updated").count(), 1);
    // One part goes, one comes, one stays as it is.
    let mut kept = part("new");
    kept["id"] = added["id"].clone();
    assert_eq!(server.at("3.0").put(&path, &json!([kept, part("three")])).status, 200);
    let events = told(7);
    let count = |wanted: &str| events.iter().filter(|(name, _)| name == wanted).count();
    let counts = ["MessagePart.created", "MessagePart.updated", "MessagePart.deleted", "Message.updated"].map(count);
    assert_eq!(counts, [2, 1, 1, 3]);
}

// Contract 2.2.5 and 6.4: a delayed message is told of when it is sent, not before.
#[test]
fn a_delayed_message_is_told_of_when_it_is_sent() {
    let (server, receiver) = listening("1.0");
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/messages");
    receiver.wait_for_events(1);
    let mut delayed = message("later");
    delayed["schedule"] = json!({ "delay_in_seconds": 300 });
    let scheduled = server.post(&path, &delayed);
    assert_eq!(scheduled.status, 202);
    server.text(&conversation, "now");
    assert_eq!(last(&receiver, 2).json()["message"]["parts"][0]["body"], "now");
    server.platform.clock().advance(300_000);
    let sent = last(&receiver, 3);
    assert_eq!((sent.event_type().as_str(), &sent.json()["message"]["id"]), ("message.sent", &scheduled.json()["id"]));
}

// Contract 2.1 and 6.5: one event for all messages that are marked as read at once, in 1.0 one for each.
#[test]
fn marking_all_read_is_told_once_or_for_each_message() {
    for (version, name, count) in [("1.0", "message.read", 3), ("2.0", "Receipt.created", 1)] {
        let (server, receiver) = listening(version);
        let conversation = server.conversation(&["maria"]);
        for _ in 0..3 {
            server.text(&conversation, "Hi");
        }
        receiver.wait_for_events(4);
        let path = format!("/users/maria/conversations/{conversation}/mark_all_read");
        for _ in 0..2 {
            assert_eq!(server.at("3.0").send("POST", &path, &[], "").status, 202);
        }
        let events = receiver.wait_for_events(4 + count);
        assert_eq!(events.iter().filter(|one| one.event_type() == name).count(), count, "{version}");
    }
}

/// Makes everything happen that a version has an event for, and one thing of which nobody is told.
fn make_everything_happen(server: &Server) {
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}");
    let operation = |operation: &str, property: &str, value: &str| json!([{ "operation": operation, "property": property, "value": value }]);
    server.patch(&path, &operation("add", "participants", "zoe")).assert_empty(204);
    server.patch(&path, &operation("remove", "participants", "zoe")).assert_empty(204);
    server.patch(&path, &operation("set", "metadata.title", "Tour")).assert_empty(204);
    let id = server.post(&format!("{path}/messages"), &message_of("maria", "Hi")).uuid();
    for kind in ["delivery", "read"] {
        server.post(&format!("/users/jon/messages/{id}/receipts"), &json!({ "type": kind })).assert_empty(204);
    }
    let parts = format!("{path}/messages/{id}/parts");
    let part = json!({ "mime_type": "a/b", "body": "x" });
    let added = server.at("3.0").post(&parts, &part).uuid();
    assert_eq!(
        server.at("3.0").put(&format!("{parts}/{added}"), &json!({ "mime_type": "a/b", "body": "y" })).status,
        200
    );
    server.at("3.0").delete(&format!("{parts}/{added}")).assert_empty(204);
    server.delete(&format!("{path}/messages/{id}")).assert_empty(204);
    server.delete(&path).assert_empty(204);
}

// Contract 6.4 and 6.5: whatever a webhook may ask for is sent when it happens. The names are those that the platform
// itself takes; those of channels, which nothing here causes, are told of in docs/webhooks.md.
#[test]
fn every_event_that_can_be_asked_for_is_sent_when_it_happens() {
    for (version, known) in
        [("1.0", layer_wire::Version::V1_0), ("2.0", layer_wire::Version::V2_0), ("3.0", layer_wire::Version::V3_0)]
    {
        let server = start();
        let names = layer_wire::event::names(known);
        // Each name has a webhook and a receiver of its own, so that it is that name which is sent.
        let receivers: Vec<_> = names
            .iter()
            .map(|name| {
                let receiver = Receiver::start(usual);
                let mut request = registration(&receiver.url);
                request["version"] = json!(version);
                request["events"] = json!([name]);
                activated_with(&server, &request);
                receiver
            })
            .collect();
        make_everything_happen(&server);
        for (name, receiver) in names.iter().zip(receivers) {
            let told = receiver.wait_for_events(1);
            assert!(told.iter().all(|delivery| delivery.event_type() == *name), "{version} {name}: {told:?}");
        }
    }
}

// Contract 6.5: names that receivers of the time asked for, and names that nobody ever sends.
#[test]
fn what_can_never_happen_is_refused_or_documented() {
    let server = start();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md")).unwrap();
    let receiver = Receiver::start(usual);
    let asked = |version: &str, name: &str| {
        let mut request = registration(&receiver.url);
        request["version"] = json!(version);
        request["events"] = json!([name]);
        crate::receiver::ask(&server, "POST", "", &request.to_string())
    };
    for version in ["2.0", "3.0"] {
        for name in layer_wire::event::OF_CHANNELS {
            assert_eq!(asked(version, name).status, 201, "{version} {name}");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
        for name in ["Message.read", "Conversation.updated.participants", "Message.sent", "message.sent"] {
            let refused = asked(version, name);
            refused.assert_error(422, "invalid_property", Some("events"));
            let message = refused.json()["message"].as_str().unwrap().to_owned();
            assert!(message.contains("Message.created"), "{message}");
        }
    }
    asked("2.0", "MessagePart.created").assert_error(422, "invalid_property", Some("events"));
    asked("1.0", "Channel.created").assert_error(422, "invalid_property", Some("events"));
}
