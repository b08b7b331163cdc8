//! A socket gets what its user may see, and nothing else: live and in a replay.

use serde_json::{Value, json};

use crate::client::{Server, message_of, start, wait_until};
use crate::device::Signer;
use crate::live_client::{Live, People, conversation_id, message_id, uuid};

const LONG_AGO: &str = "2001-01-01T00:00:00.000Z";

/// The objects of packets, by id.
fn objects(packets: &[Value]) -> Vec<&str> {
    packets.iter().map(|packet| packet["body"]["object"]["id"].as_str().unwrap()).collect()
}

/// What a user hears next, by a message that is sent behind everything that must not be heard.
fn next_is_a_mark(server: &Server, live: &mut Live, user: &str) {
    let own = conversation_id(&server.conversation(&[user]));
    assert_eq!(live.told().2, own);
}

#[test]
fn a_former_participant_hears_of_its_leaving_and_of_nothing_that_comes_later() {
    let server = start();
    let people = People::of(&server);
    let (device, mut a) = people.join("a", "2.0");
    let id = server.conversation(&["a", "b"]);
    server.patch(
        &format!("/conversations/{id}"),
        &json!([{ "operation": "remove", "property": "participants", "value": "a" }]),
    );
    assert_eq!(a.told().0, "create");
    assert_eq!(a.told().0, "update");
    let secret = message_id(&server.text(&id, "secret"));
    let metadata = json!([{ "operation": "set", "property": "metadata.later", "value": "x" }]);
    server.patch(&format!("/conversations/{id}"), &metadata).assert_empty(204);
    server.delete(&format!("/conversations/{id}/messages/{}", uuid(&secret))).assert_empty(204);
    next_is_a_mark(&server, &mut a, "a");
    let mut again = Live::open(&device);
    let (packets, _) = again.replay(LONG_AGO);
    assert_eq!(packets.len(), 3);
    assert!(!objects(&packets).contains(&secret.as_str()));
    assert!(!packets.iter().any(|packet| packet.to_string().contains("secret")));
}

#[test]
fn who_comes_later_does_not_hear_what_was_before() {
    let server = start();
    let people = People::of(&server);
    let (_, _b) = people.join("b", "2.0");
    let id = server.conversation(&["b", "c"]);
    server.text(&id, "before");
    let (device, mut a) = people.join("a", "2.0");
    server.patch(
        &format!("/conversations/{id}"),
        &json!([{ "operation": "add", "property": "participants", "value": "a" }]),
    );
    assert_eq!(a.told().2, conversation_id(&id));
    let (packets, _) = Live::open(&device).replay(LONG_AGO);
    assert_eq!(objects(&packets), [conversation_id(&id)]);
}

/// Documented in the vendor's answers on blocks: neither of the two sees messages of the other. Contract 2.6.
#[test]
fn of_two_users_one_of_whom_blocks_the_other_neither_hears_the_other() {
    let server = start();
    let people = People::of(&server);
    let (blocking, mut a) = people.join("a", "2.0");
    let (blocked, mut b) = people.join("b", "2.0");
    let (_, mut c) = people.join("c", "2.0");
    let id = server.conversation(&["a", "b", "c"]);
    let before = server.post(&format!("/conversations/{id}/messages"), &message_of("b", "before"));
    for live in [&mut a, &mut b, &mut c] {
        assert_eq!((live.told().0.as_str(), live.told().2), ("create", message_id(&before.uuid())));
        live.told();
    }
    server.post("/users/a/blocks", &json!({ "user_id": "b" })).assert_empty(204);
    let body = |text: &str| json!({ "parts": [{ "mime_type": "text/plain", "body": text }] });
    let path = format!("/conversations/{id}/messages");
    for is_from_blocked in [true, false] {
        let (device, own, other, deaf) =
            if is_from_blocked { (&blocked, &mut b, &blocking, &mut a) } else { (&blocking, &mut a, &blocked, &mut b) };
        let sent = device.post(&path, &body("hidden"));
        assert_eq!(sent.status, 201, "{sent:?}");
        for live in [&mut *own, &mut c] {
            assert_eq!(live.told().2, message_id(&sent.uuid()));
            live.told();
        }
        // Who types no more is not said to pause later on.
        for action in ["started", "finished"] {
            own.type_in(&conversation_id(&id), action);
            assert_eq!(c.packet()["type"], "signal");
        }
        let conversation = other.get(&format!("/conversations/{id}")).json();
        assert_eq!(conversation["last_message"]["parts"][0]["body"], "before", "{conversation}");
        assert_eq!(other.get(&format!("/messages/{}", sent.uuid())).status, 404);
        assert_eq!(other.get(&path).json().as_array().unwrap().len(), 1, "what was before stays");
        let deleted = device.delete(&format!("/messages/{}?mode=all_participants", sent.uuid()));
        deleted.assert_empty(204);
        for live in [&mut *own, &mut c] {
            assert_eq!(live.told().0, "delete");
            live.told();
        }
        let heard = server.post(&path, &message_of("c", "heard")).uuid();
        for live in [&mut *own, &mut c, deaf] {
            assert_eq!(live.told().2, message_id(&heard));
            live.told();
        }
        server.delete(&format!("{path}/{heard}")).assert_empty(204);
        for live in [&mut *own, &mut c, deaf] {
            assert_eq!(live.told().0, "delete");
            live.told();
        }
        let (packets, _) = Live::open(other).replay(LONG_AGO);
        assert!(!packets.iter().any(|packet| packet.to_string().contains(&sent.uuid())));
    }
    // What was hidden stays so, and what comes later is heard again.
    let hidden = blocked.post(&path, &body("hidden")).uuid();
    server.delete("/users/a/blocks/b").assert_empty(204);
    let heard = blocked.post(&path, &body("heard")).uuid();
    assert_eq!(blocking.get(&format!("/messages/{hidden}")).status, 404);
    assert_eq!(a.told().2, message_id(&heard));
    assert_eq!(blocking.get(&format!("/conversations/{id}")).json()["unread_message_count"], 2);
}

/// A conversation that the one who blocks deleted for itself does not come back with what it does not see.
#[test]
fn a_message_of_a_blocked_user_brings_no_conversation_back() {
    let server = start();
    let people = People::of(&server);
    let (blocking, _a) = people.join("a", "2.0");
    let (blocked, _b) = people.join("b", "2.0");
    let id = server.conversation(&["a", "b"]);
    server.post("/users/a/blocks", &json!({ "user_id": "b" })).assert_empty(204);
    blocking.delete(&format!("/conversations/{id}?mode=my_devices&leave=false")).assert_empty(204);
    let body = json!({ "parts": [{ "mime_type": "text/plain", "body": "hidden" }] });
    assert_eq!(blocked.post(&format!("/conversations/{id}/messages"), &body).status, 201);
    assert_eq!(blocking.get("/conversations").body, "[]");
    // A delayed message is hidden by the block that there is when it is sent.
    let mut delayed = message_of("b", "hidden, too");
    delayed["schedule"] = json!({ "delay_in_seconds": 1 });
    assert_eq!(server.post(&format!("/conversations/{id}/messages"), &delayed).status, 202);
    server.platform.clock().advance(2000);
    wait_until("the message is sent", || {
        blocked.get(&format!("/conversations/{id}")).json()["last_message"]["parts"][0]["body"] == "hidden, too"
    });
    assert_eq!(blocking.get("/conversations").body, "[]");
}

/// Contract 2.1.3: history up to that point; for metadata, assumed.
#[test]
fn a_former_participant_sees_the_metadata_of_when_it_left() {
    let server = start();
    let people = People::of(&server);
    let (device, _a) = people.join("a", "2.0");
    let id = server.conversation(&["a", "b"]);
    let path = format!("/conversations/{id}");
    let set = |value: &str| json!([{ "operation": "set", "property": "metadata.topic", "value": value }]);
    server.patch(&path, &set("then")).assert_empty(204);
    let remove = json!([{ "operation": "remove", "property": "participants", "value": "a" }]);
    server.patch(&path, &remove).assert_empty(204);
    server.patch(&path, &set("later")).assert_empty(204);
    let seen = || (device.get(&path).json(), device.get("/conversations").json()[0].clone());
    let (one, listed) = seen();
    assert_eq!((&one["metadata"], &one["participants"]), (&json!({ "topic": "then" }), &json!([])));
    assert_eq!(one, listed);
    let (packets, _) = Live::open(&device).replay(LONG_AGO);
    assert!(!packets.iter().any(|packet| packet.to_string().contains("later")), "{packets:?}");
    // Who comes back sees what there is.
    let add = json!([{ "operation": "add", "property": "participants", "value": "a" }]);
    server.patch(&path, &add).assert_empty(204);
    let (one, listed) = seen();
    assert_eq!((&one["metadata"], &one), (&json!({ "topic": "later" }), &listed));
}

#[test]
fn what_was_deleted_is_not_told_any_more() {
    let server = start();
    let people = People::of(&server);
    let (device, a) = people.join("a", "2.0");
    drop(a);
    let id = server.conversation(&["a", "b"]);
    let gone = server.text(&id, "gone for all");
    let mine = server.text(&id, "gone for me");
    server.delete(&format!("/conversations/{id}/messages/{gone}")).assert_empty(204);
    device.delete(&format!("/messages/{mine}?mode=my_devices")).assert_empty(204);
    let other = server.conversation(&["a", "b"]);
    server.text(&other, "gone with all of it");
    server.delete(&format!("/conversations/{other}")).assert_empty(204);
    let (packets, _) = Live::open(&device).replay(LONG_AGO);
    assert!(!packets.iter().any(|packet| packet.to_string().contains("gone ")), "{packets:?}");
    let ends: Vec<_> = packets.iter().filter(|packet| packet["body"]["operation"] == "delete").collect();
    let ids: Vec<_> = ends.iter().map(|packet| packet["body"]["object"]["id"].clone()).collect();
    assert_eq!(ids, [message_id(&gone), message_id(&mine), conversation_id(&other)]);
}

#[test]
fn users_of_other_apps_hear_nothing_even_with_the_same_names() {
    let server = start();
    let mut other = start();
    let people = People::of(&server);
    let (device, mut a) = people.join("a", "2.0");
    // A second app of the same platform.
    other.app = server.platform.create_app().unwrap();
    let path = |app: &layer_platform::NewApp| format!("/apps/{}", app.app_id);
    let body = json!({ "participants": ["a", "b"] }).to_string();
    let answer = crate::client::request(&server.platform, &other.app, "POST", "/conversations", &[], &body);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(path(&other.app) != path(&server.app));
    next_is_a_mark(&server, &mut a, "a");
    let (packets, _) = Live::open(&device).replay(LONG_AGO);
    assert_eq!(packets.len(), 1);
}

#[test]
fn who_has_nothing_to_do_with_it_hears_nothing() {
    let server = start();
    let signer = Signer::of(&server);
    let device = signer.device(&server, "a").at("2.0");
    let mut a = Live::open(&device);
    let id = server.conversation(&["b", "c"]);
    server.text(&id, "x");
    server.put("/users/b/identity", &json!({ "display_name": "B" })).assert_empty(204);
    next_is_a_mark(&server, &mut a, "a");
    assert_eq!(Live::open(&device).replay(LONG_AGO).0.len(), 1);
}
