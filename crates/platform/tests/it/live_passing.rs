//! What passes: typing and presence. Client API 5.5 and 5.6.

use serde_json::{Value, json};

use crate::client::{message_of, start};
use crate::live_client::{Live, People, conversation_id, uuid};

impl Live {
    /// Asserts that the next packet says that someone types, or no longer.
    pub fn hears_typing(&mut self, conversation: &str, action: &str, user: &str) {
        let packet = self.packet();
        assert_eq!(packet["type"], "signal", "{packet}");
        let body = &packet["body"];
        assert_eq!((&body["type"], &body["object"]["id"]), (&json!("typing_indicator"), &json!(conversation)));
        let by = if self.version == "1.0" { &body["data"]["user_id"] } else { &body["data"]["sender"]["user_id"] };
        assert_eq!((&body["data"]["action"], by), (&json!(action), &json!(user)), "{packet}");
    }

    /// Asserts the next packet about presence, and returns when the user was last seen.
    pub fn hears_presence(&mut self, user: &str, status: &str) -> Value {
        let (operation, kind, id, data) = self.told();
        assert_eq!((operation.as_str(), kind.as_str()), ("update", "Identity"));
        assert_eq!(id, format!("layer:///identities/{user}"));
        assert_eq!(data[0], json!({ "operation": "set", "property": "presence.status", "value": status }));
        assert_eq!(data[1]["property"], "presence.last_seen_at");
        data[1]["value"].clone()
    }

    pub fn be(&mut self, status: &str) {
        let operations = json!([{ "operation": "set", "property": "status", "value": status }]);
        assert_eq!(self.ask("Presence.update", None, &operations), json!({}));
    }

    pub fn status_of(&mut self, user: &str) -> String {
        let ids = json!({ "ids": [format!("layer:///identities/{user}")] });
        let changes = self.ask("Presence.sync", None, &ids)["changes"].clone();
        assert_eq!(changes[0]["object"]["id"], format!("layer:///identities/{user}"));
        changes[0]["data"][0]["value"].as_str().unwrap().to_owned()
    }
}

#[test]
fn typing_is_told_to_the_other_participants_alone() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut own) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "3.0");
    let (_, mut old) = people.join("c", "1.0");
    let (_, mut stranger) = people.join("x", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b", "c"]));
    for live in [&mut a, &mut own, &mut b, &mut old] {
        assert_eq!(live.told().2, id);
    }
    // From those who take no part, and for what there is not, nothing is told.
    stranger.type_in(&id, "started");
    a.type_in("layer:///conversations/24f43c32-4d95-11e4-b3a2-0fd00000020d", "started");
    a.type_in(&id, "dancing");
    for action in ["started", "paused", "finished"] {
        a.type_in(&id, action);
        b.hears_typing(&id, action, "a");
        old.hears_typing(&id, action, "a");
    }
    server.text(uuid(&id), "x");
    for live in [&mut a, &mut own, &mut b, &mut old] {
        assert_eq!(live.told().1, "Message");
    }
}

#[test]
fn typing_ends_by_itself_when_the_client_falls_silent_and_when_its_socket_goes() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    b.told();
    a.type_in(&id, "started");
    for action in ["started", "paused", "finished"] {
        b.hears_typing(&id, action, "a");
    }
    a.type_in(&id, "started");
    b.hears_typing(&id, "started", "a");
    drop(a);
    b.hears_typing(&id, "finished", "a");
}

/// Contract 2.2.5: the indicator runs during the last seconds of the delay.
#[test]
fn the_sender_of_a_delayed_message_seems_to_type_before_it_comes() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "2.0");
    let (_, mut old) = people.join("c", "1.0");
    let uuid = server.conversation(&["a", "b", "c"]);
    let id = conversation_id(&uuid);
    for live in [&mut a, &mut b, &mut old] {
        assert_eq!(live.told().2, id);
    }
    server.platform.clock().freeze(None);
    let mut message = message_of("a", "later");
    message["schedule"] = json!({ "delay_in_seconds": 20, "typing_indicator_in_seconds": 5 });
    assert_eq!(server.post(&format!("/conversations/{uuid}/messages"), &message).status, 202);
    // A name alone types nowhere.
    let mut named = message_of("a", "later still");
    named["sender"] = json!({ "name": "Shop" });
    named["schedule"] = json!({ "delay_in_seconds": 20, "typing_indicator_in_seconds": 20 });
    assert_eq!(server.post(&format!("/conversations/{uuid}/messages"), &named).status, 202);
    server.platform.clock().advance(14_000);
    let mark = conversation_id(&server.conversation(&["b"]));
    assert_eq!(b.told().2, mark, "nobody types yet");
    server.platform.clock().advance(2000);
    b.hears_typing(&id, "started", "a");
    old.hears_typing(&id, "started", "a");
    // The SDKs forget after 6 s, so it is told again.
    server.platform.clock().advance(2500);
    b.hears_typing(&id, "started", "a");
    server.platform.clock().advance(5000);
    // It comes, and typing ends: which is first does not matter.
    let mut kinds = vec![];
    while !kinds.contains(&"finished".to_owned()) || !kinds.iter().any(|kind| kind == "later") {
        let packet = b.packet();
        let body = &packet["body"];
        let kind = if packet["type"] == "signal" { &body["data"]["action"] } else { &body["data"]["parts"][0]["body"] };
        kinds.extend(kind.as_str().map(str::to_owned));
    }
    // The sender hears its message, and nothing of its typing.
    assert_eq!(a.told().1, "Message");
}

/// Contract 2.2.5: not sent if the sender leaves, and so it does not type on.
#[test]
fn typing_ends_when_what_was_delayed_is_not_sent_any_more() {
    let server = start();
    let people = People::of(&server);
    let (_, mut b) = people.join("b", "2.0");
    let uuid = server.conversation(&["a", "b"]);
    let id = conversation_id(&uuid);
    b.told();
    let mut message = message_of("a", "never");
    message["schedule"] = json!({ "delay_in_seconds": 300, "typing_indicator_in_seconds": 300 });
    assert_eq!(server.post(&format!("/conversations/{uuid}/messages"), &message).status, 202);
    b.hears_typing(&id, "started", "a");
    // It goes on typing, also over a longer time.
    b.hears_typing(&id, "started", "a");
    server.delete(&format!("/conversations/{uuid}")).assert_empty(204);
    loop {
        let packet = b.packet();
        if packet["type"] == "change" {
            assert_eq!(packet["body"]["operation"], "delete", "{packet}");
            break;
        }
    }
}

#[test]
fn presence_is_told_to_the_user_and_to_followers_who_asked_for_it() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "3.0");
    let (_, mut deaf) = people.join("b", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    for live in [&mut a, &mut b, &mut deaf] {
        assert_eq!(live.told().2, id);
    }
    for live in [&mut a, &mut b] {
        assert_eq!(live.ask("Presence.subscribe", None, &Value::Null), json!({}));
    }
    assert_eq!(b.status_of("a"), "offline");
    a.be("auto");
    assert!(a.hears_presence("a", "available").is_string());
    assert!(b.hears_presence("a", "available").is_string());
    for status in ["busy", "away"] {
        a.be(status);
        a.hears_presence("a", status);
        b.hears_presence("a", status);
        assert_eq!(b.status_of("a"), status);
    }
    // Others do not see who is invisible.
    a.be("invisible");
    a.hears_presence("a", "invisible");
    b.hears_presence("a", "offline");
    assert_eq!((a.status_of("a"), b.status_of("a")), ("invisible".into(), "offline".into()));
    a.be("available");
    a.hears_presence("a", "available");
    b.hears_presence("a", "available");
    drop(a);
    b.hears_presence("a", "offline");
    // What was chosen last is what `auto` means.
    let (_, mut a) = people.join("a", "2.0");
    a.be("busy");
    b.hears_presence("a", "busy");
    drop(a);
    b.hears_presence("a", "offline");
    let (_, mut a) = people.join("a", "2.0");
    a.be("auto");
    b.hears_presence("a", "busy");
    server.text(uuid(&id), "x");
    assert_eq!(deaf.told().1, "Message");
}

#[test]
fn presence_that_changed_since_a_time_is_told_of_those_whom_the_user_follows() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut friend) = people.join("friend", "2.0");
    let (_, mut stranger) = people.join("stranger", "2.0");
    server.conversation(&["a", "friend"]);
    friend.be("busy");
    stranger.be("busy");
    let changes = a.ask("Presence.sync", None, &json!({ "since": "2001-01-01T00:00:00.000Z" }))["changes"].clone();
    let ids: Vec<_> = changes.as_array().unwrap().iter().map(|change| change["object"]["id"].clone()).collect();
    assert_eq!(ids, ["layer:///identities/friend"]);
    let later = json!({ "since": "2999-01-01T00:00:00.000Z" });
    assert_eq!(a.ask("Presence.sync", None, &later), json!({ "changes": [] }));
    assert_eq!(a.ask("Presence.sync", None, &json!({ "ids": [] })), json!({ "changes": [] }));
    for data in [json!({}), json!({ "ids": 7 }), json!({ "ids": [7] }), json!({ "since": "x" })] {
        let error = a.refusal("Presence.sync", None, &data);
        assert!(["missing_property", "invalid_property"].contains(&error["id"].as_str().unwrap()), "{error}");
    }
    let wrong = json!([{ "operation": "set", "property": "status", "value": "bored" }]);
    assert_eq!(a.refusal("Presence.update", None, &wrong)["data"]["property"], "status");
}
