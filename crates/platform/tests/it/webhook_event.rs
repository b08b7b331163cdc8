//! What happens, and what webhooks are told of it. Contract 6.4 and 6.5.

use serde_json::{Value, json};

use crate::client::{Server, UNKNOWN, message, message_of};
use crate::receiver::{Received, Receiver, activated, activated_with, registration, start, usual};

/// A platform with one webhook of a version for all its events.
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
            "Conversation.updated.participants",
            "Conversation.updated.metadata",
            "Conversation.deleted",
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

/// A `BasicIdentity` as payloads of 2.0 and 3.0 show it. Contract 1.4: its URL in webhook bodies (recorded, M3).
fn identity(server: &Server, user: &str, display_name: Option<&str>) -> Value {
    json!({
        "id": format!("layer:///identities/{user}"),
        "url": format!("{}/identities/{user}", server.prefix()),
        "user_id": user,
        "display_name": display_name,
        "avatar_url": null,
    })
}

// Contract 1.4 (recorded, M3: the URL of an identity) and 6.5: new names, the actor at the top level as BasicIdentity, identities, `position` and `updated_at`.
#[test]
fn later_versions_show_identities_and_have_the_actor_at_the_top_level() {
    for version in ["2.0", "3.0"] {
        let (server, receiver) = listening(version);
        server.post("/users/maria/identity", &json!({ "display_name": "Maria" }));
        let conversation = server.conversation(&["maria", "jon"]);
        let delivery = last(&receiver, 1);
        assert_eq!(delivery.header("user-agent"), Some(format!("layer-webhooks/{version}").as_str()));
        let content_type = format!("application/vnd.layer.webhooks+json; version={version}");
        assert_eq!(delivery.header("content-type"), Some(content_type.as_str()));
        let payload = checked(&delivery);
        assert_eq!(payload["event"], json!({ "type": "Conversation.created" }));
        let people = json!([identity(&server, "maria", Some("Maria")), identity(&server, "jon", None)]);
        assert_eq!(payload["conversation"]["participants"], people);
        assert_eq!(payload["config"], json!({ "k": "v" }));

        let path = format!("/conversations/{conversation}/messages");
        let sent = server.post(&path, &message_of("maria", "Hi"));
        let id = sent.uuid();
        let mut payload = checked(&last(&receiver, 2));
        let parts = payload["message"]["parts"].take();
        let maria = identity(&server, "maria", Some("Maria"));
        assert_eq!(
            payload,
            json!({
                "event": { "type": "Message.created" },
                "actor": maria,
                "message": {
                    "id": format!("layer:///messages/{id}"),
                    "url": format!("{}{path}/{id}", server.prefix()),
                    "conversation": {
                        "id": format!("layer:///conversations/{conversation}"),
                        "url": format!("{}/conversations/{conversation}", server.prefix()),
                    },
                    "parts": null,
                    "sent_at": sent.json()["sent_at"],
                    "sender": maria,
                    "recipient_status": { "layer:///identities/maria": "read", "layer:///identities/jon": "sent" },
                    "position": 1,
                    "updated_at": null,
                },
                "config": { "k": "v" },
            })
        );
        let part = parts[0].as_object().unwrap();
        assert_eq!((part["mime_type"].as_str(), part["body"].as_str()), (Some("text/plain"), Some("Hi")));
        let part_id = part["id"].as_str().unwrap();
        let numbered = format!("layer:///messages/{id}/parts/0");
        // 3.0 names parts by UUID, and shows where they are.
        assert_eq!(part_id == numbered, version == "2.0", "{part_id}");
        assert_eq!(part.contains_key("message_url"), version == "3.0");
    }
}

// Contract 6.5: `Receipt.created` in place of `Message.read` and `Message.delivered`.
#[test]
fn later_versions_tell_of_receipts_by_position() {
    let (server, receiver) = listening("3.0");
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}/messages");
    let ids: Vec<_> = (0..3).map(|_| server.post(&path, &message_of("maria", "Hi")).uuid()).collect();
    receiver.wait_for_events(4);
    let receipts = format!("/users/jon/messages/{}/receipts", ids[1]);
    server.post(&receipts, &json!({ "type": "delivery" })).assert_empty(204);
    let jon = identity(&server, "jon", None);
    let link = json!({
        "id": format!("layer:///conversations/{conversation}"),
        "url": format!("{}/conversations/{conversation}", server.prefix()),
    });
    let expected = |kind: &str, start: u32, end: u32| {
        json!({
            "event": { "type": "Receipt.created" },
            "actor": jon,
            "conversation": link,
            "receipt": { "type": kind, "positions": { "start": start, "end": end } },
            "config": { "k": "v" },
        })
    };
    assert_eq!(checked(&last(&receiver, 5)), expected("delivery", 2, 2));
    let mark = server.at("3.0").post(&format!("/users/jon/conversations/{conversation}/mark_all_read"), &json!({}));
    assert!(mark.status < 300, "{mark:?}");
    // One for the whole range.
    assert_eq!(checked(&last(&receiver, 6)), expected("read", 1, 3));
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
    let named = json!({ "id": null, "url": null, "user_id": null, "display_name": "Concierge", "avatar_url": null });
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
    assert_eq!(events[1].1["message_part"]["id"], added["id"]);
    assert_eq!(events[1].1["message"]["id"], format!("layer:///messages/{message}"));
    assert_eq!(events[0].1["message"]["updated_at"], added["updated_at"]);

    let id = added["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    server.at("3.0").put(&format!("{path}/{id}"), &part("new")).assert_empty(204);
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
            server.at("3.0").send("POST", &path, &[], "").assert_empty(204);
        }
        let events = receiver.wait_for_events(4 + count);
        assert_eq!(events.iter().filter(|one| one.event_type() == name).count(), count, "{version}");
    }
}
