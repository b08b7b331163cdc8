//! A socket gets what its user may see, and nothing else: live and in a replay.

use serde_json::{Value, json};

use crate::client::{Server, message_of, start};
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

#[test]
fn messages_of_a_blocked_user_are_not_told_to_the_one_who_blocks() {
    let server = start();
    let people = People::of(&server);
    let (device, mut a) = people.join("a", "2.0");
    let (blocked, mut b) = people.join("b", "2.0");
    let id = server.conversation(&["a", "b", "c"]);
    assert_eq!(a.told().0, "create");
    server.post("/users/a/blocks", &json!({ "user_id": "b" })).assert_empty(204);
    let body = json!({ "parts": [{ "mime_type": "text/plain", "body": "hidden" }] });
    let sent = blocked.post(&format!("/conversations/{id}/messages"), &body);
    assert_eq!(sent.status, 201, "{sent:?}");
    b.type_in(&conversation_id(&id), "started");
    b.ask("Counter.read", None, &Value::Null);
    let deleted = blocked.delete(&format!("/messages/{}?mode=all_participants", sent.uuid()));
    deleted.assert_empty(204);
    let heard = server.post(&format!("/conversations/{id}/messages"), &message_of("c", "heard"));
    assert_eq!(a.told().2, message_id(&heard.uuid()));
    let (packets, _) = Live::open(&device).replay(LONG_AGO);
    assert!(!packets.iter().any(|packet| packet.to_string().contains(&sent.uuid())));
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
