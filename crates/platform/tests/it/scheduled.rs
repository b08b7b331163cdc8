//! Contract 2.2.5: delayed and batch sending.

use std::time::{Duration, Instant};

#[cfg(unix)]
use layer_platform::{Config, DataLocation, Platform};
use serde_json::{Value, json};

#[cfg(unix)]
use crate::client::request;
use crate::client::{Answer, Server, UNKNOWN, message, message_of, start, wait_until};

const TAG: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";

fn delayed(mut message: Value, seconds: f64) -> Value {
    message["schedule"] = json!({ "delay_in_seconds": seconds });
    message
}

fn from_identity(user: &str, text: &str) -> Value {
    json!({ "sender_id": user, "parts": [{ "body": text, "mime_type": "text/plain" }] })
}

fn send(server: &Server, conversation: &str, body: &Value) -> Answer {
    server.post(&format!("/conversations/{conversation}/messages"), body)
}

/// The texts of a conversation, newest first.
fn texts(answer: &Answer) -> Vec<String> {
    let items = answer.json();
    items.as_array().unwrap().iter().map(|item| item["parts"][0]["body"].as_str().unwrap().to_owned()).collect()
}

fn list(server: &Server, conversation: &str) -> Vec<String> {
    texts(&server.get(&format!("/conversations/{conversation}/messages")))
}

/// Gives the worker the chance to do what it must not do: it sends a message that is due after all that the test is
/// about.
fn pass_by(server: &Server, seconds: i64) {
    let other = server.conversation(&["witness"]);
    server.platform.clock().advance(seconds * 1000);
    assert_eq!(send(server, &other, &delayed(message("witness"), 1.0)).status, 202);
    server.platform.clock().advance(1000);
    wait_until("the witness", || list(server, &other) == ["witness"]);
}

/// Contract 2.2 and 2.2.5 (recorded, L3): 202, with the id.
#[test]
fn a_delayed_message_is_sent_when_its_delay_is_over_and_not_before() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["a", "b"]);
    let answer = send(&server, &conversation, &delayed(message_of("a", "later"), 10.0));
    assert_eq!(answer.status, 202);
    let body = answer.json();
    assert_eq!(body["sent_at"], Value::Null);
    assert_eq!(body["recipient_status"], json!({ "a": "read", "b": "sent" }));
    assert_eq!(body["conversation"]["id"], format!("layer:///conversations/{conversation}"));
    let path = format!("/conversations/{conversation}/messages/{}", answer.uuid());
    server.get(&path).assert_error(404, "not_found", None);
    assert_eq!(send(&server, &conversation, &message("now")).status, 201);

    pass_by(&server, 8);
    assert_eq!(list(&server, &conversation), ["now"]);
    server.platform.clock().advance(1000);
    wait_until("the message", || list(&server, &conversation) == ["later", "now"]);
    let sent = server.get(&path).json();
    assert_eq!(sent["id"], body["id"]);
    assert!(sent["sent_at"].is_string());
    let seen = server.get(&format!("/users/b/conversations/{conversation}")).json();
    assert_eq!((&seen["unread_message_count"], &seen["last_message"]["position"]), (&json!(2), &json!(2)));
}

#[test]
fn a_delayed_message_is_sent_by_a_clock_that_runs() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let started = Instant::now();
    assert_eq!(send(&server, &conversation, &delayed(message("later"), 1.0)).status, 202);
    wait_until("the message", || list(&server, &conversation) == ["later"]);
    assert!(started.elapsed() >= Duration::from_millis(990));
}

/// Contract 2.2.5: out of range 422 `schedule` (assumed); validation before the look-up, as for every send.
#[test]
fn a_delay_out_of_range_is_refused() {
    let server = start();
    for seconds in [0.0, 0.9, 300.1, -1.0] {
        let answer = send(&server, UNKNOWN, &delayed(message("x"), seconds));
        answer.assert_error(422, "invalid_property", Some("schedule"));
    }
    send(&server, UNKNOWN, &delayed(message("x"), 300.0)).assert_error(404, "not_found", None);
    let conversation = server.conversation(&["a"]);
    let stranger = send(&server, &conversation, &delayed(message_of("b", "x"), 1.0));
    stranger.assert_error(403, "access_denied", None);
}

/// Contract 2.2.5.
#[test]
fn what_was_scheduled_goes_with_its_conversation_and_with_its_sender() {
    let server = start();
    server.platform.clock().freeze(None);
    let (deleted, left) = (server.conversation(&["a"]), server.conversation(&["a", "b", "c"]));
    let of_deleted = send(&server, &deleted, &delayed(message("x"), 10.0)).uuid();
    let of_left = send(&server, &left, &delayed(message_of("a", "of a"), 10.0)).uuid();
    for (message, seconds) in
        [(message_of("b", "of b"), 10.0), (message("of a name"), 11.0), (message_of("c", "of c"), 9.0)]
    {
        assert_eq!(send(&server, &left, &delayed(message, seconds)).status, 202);
    }
    server.delete(&format!("/conversations/{deleted}")).assert_empty(204);
    server.delete(&format!("/users/c/conversations/{left}?mode=my_devices&leave=true")).assert_empty(204);
    let operations = json!([{ "operation": "remove", "property": "participants", "value": "a" }]);
    server.patch(&format!("/conversations/{left}"), &operations).assert_empty(204);
    // It does not come back with the sender.
    let operations = json!([{ "operation": "add", "property": "participants", "value": "a" }]);
    server.patch(&format!("/conversations/{left}"), &operations).assert_empty(204);
    pass_by(&server, 20);
    assert_eq!(list(&server, &left), ["of a name", "of b"]);
    // The ids stay in use.
    for tag in [of_deleted, of_left] {
        server.post_tagged("/conversations", &tag, &json!({ "participants": ["a"] })).assert_error(
            409,
            "id_in_use",
            None,
        );
    }
}

/// Contract 1.6 and 8: a replay answers like the first request, before the message is sent and after it.
#[test]
fn a_scheduled_message_has_its_id_from_the_start() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let body = delayed(message("x"), 5.0);
    let first = server.post_tagged(&path, TAG, &body);
    assert_eq!((first.status, first.uuid()), (202, TAG.to_owned()));
    let replay = server.post_tagged(&path, TAG, &body);
    assert_eq!((replay.status, replay.json()), (202, first.json()));
    assert_eq!(server.post_tagged(&path, TAG, &message("y")).status, 202);
    let taken = server.post_tagged("/conversations", TAG, &json!({ "participants": ["a"] }));
    taken.assert_error(409, "id_in_use", None);
    assert_eq!(taken.json()["data"]["id"], format!("layer:///messages/{TAG}"));
    let other = server.conversation(&["a"]);
    server.post_tagged(&format!("/conversations/{other}/messages"), TAG, &body).assert_error(409, "id_in_use", None);

    server.platform.clock().advance(5000);
    wait_until("the message", || list(&server, &conversation) == ["x"]);
    let replay = server.post_tagged(&path, TAG, &body);
    assert_eq!((replay.status, replay.uuid()), (202, TAG.to_owned()));
    assert!(replay.json()["sent_at"].is_string());
    assert_eq!(list(&server, &conversation), ["x"]);
}

/// Contract 2.2 and 2.2.5 (recorded, L3): 202, also for one message; each delay counts from the message before.
#[test]
fn a_batch_is_delivered_in_its_order_each_delay_after_the_one_before() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let batch = json!([
        from_identity("a", "1"),
        from_identity("a", "2"),
        delayed(from_identity("a", "3"), 2.0),
        from_identity("a", "4"),
        delayed(from_identity("a", "5"), 0.5),
    ]);
    let answer = server.at("3.0").post(&path, &batch);
    assert_eq!(answer.status, 202);
    let ids: Vec<String> =
        answer.json().as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(list(&server, &conversation), ["2", "1"]);
    pass_by(&server, 0);
    assert_eq!(list(&server, &conversation), ["2", "1"]);
    server.platform.clock().advance(1000);
    wait_until("two messages", || list(&server, &conversation) == ["4", "3", "2", "1"]);
    server.platform.clock().advance(499);
    pass_by(&server, -1);
    assert_eq!(list(&server, &conversation), ["4", "3", "2", "1"]);
    server.platform.clock().advance(1);
    wait_until("the last", || list(&server, &conversation) == ["5", "4", "3", "2", "1"]);
    let sent = server.get(&path).json();
    let sent: Vec<&str> = sent.as_array().unwrap().iter().rev().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(sent, ids);

    let one = server.at("2.0").post(&path, &json!([from_identity("a", "6")]));
    assert_eq!((one.status, one.json().as_array().unwrap().len()), (202, 1));
}

/// Contract 2.2.1 (recorded, L3): an empty array is 400. Contract 5: no batch before 2.0.
#[test]
fn a_batch_needs_a_message_and_version_2() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        server.at(version).post(&path, &json!([])).assert_error(400, "invalid_request", None);
    }
    let old = server.at("1.1").post(&path, &json!([message("x")]));
    old.assert_error(400, "invalid_request", None);
}

#[test]
fn a_batch_is_accepted_as_a_whole_or_not_at_all() {
    let server = start();
    server.conversation(&["stranger"]);
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let refused = server.at("3.0").post(&path, &json!([from_identity("a", "1"), from_identity("stranger", "2")]));
    refused.assert_error(403, "access_denied", None);
    let refused = server.at("3.0").post(&path, &json!([from_identity("a", "1"), {}]));
    refused.assert_error(422, "missing_property", Some("sender_id"));
    assert!(list(&server, &conversation).is_empty());
}

/// Contract 1.6: the tag is the id of the first message; the whole batch is sent once.
#[test]
fn a_batch_that_is_sent_again_is_not_delivered_again() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let batch = json!([from_identity("a", "1"), delayed(from_identity("a", "2"), 1.0), from_identity("a", "3")]);
    let ids = |answer: &Answer| -> Vec<Value> {
        answer.json().as_array().unwrap().iter().map(|item| item["id"].clone()).collect()
    };
    let first = server.at("3.0").post_tagged(&path, TAG, &batch);
    assert_eq!(ids(&first)[0], format!("layer:///messages/{TAG}"));
    let replay = server.at("3.0").post_tagged(&path, TAG, &batch);
    assert_eq!((replay.status, ids(&replay)), (202, ids(&first)));
    server.platform.clock().advance(1000);
    wait_until("the rest", || list(&server, &conversation) == ["3", "2", "1"]);
    let replay = server.at("3.0").post_tagged(&path, TAG, &batch);
    assert_eq!((replay.status, ids(&replay)), (202, ids(&first)));
    pass_by(&server, 10);
    assert_eq!(list(&server, &conversation), ["3", "2", "1"]);
    // Where one of the ids is gone, nothing is sent again.
    server.delete(&format!("{path}/{TAG}")).assert_empty(204);
    server.at("3.0").post_tagged(&path, TAG, &batch).assert_error(409, "id_in_use", None);
    assert_eq!(list(&server, &conversation), ["3", "2"]);
}

#[test]
fn many_messages_due_at_once_are_sent_in_their_order() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let batch: Vec<Value> = (0..300)
        .map(|index| {
            let message = from_identity("a", &index.to_string());
            if index == 0 { delayed(message, 1.0) } else { message }
        })
        .collect();
    assert_eq!(server.at("3.0").post(&path, &json!(batch)).status, 202);
    server.platform.clock().advance(1000);
    let count = || server.get(&path).header("layer-count").map(str::to_owned);
    wait_until("all of them", || count().as_deref() == Some("300"));
    let newest = list(&server, &conversation);
    assert!(newest.iter().map(|text| text.parse::<i32>().unwrap()).eq((200..300).rev()), "{newest:?}");
}

/// What waits stands in the store: killed in the middle of sending, the platform sends the rest after a restart, and
/// each once.
#[cfg(unix)]
#[test]
fn scheduled_messages_survive_a_kill_and_are_sent_exactly_once() {
    const MESSAGES: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let mut running = crate::crash::start_process(&data);
    let conversation = running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
    let path = format!("/conversations/{conversation}/messages");
    let mut expected: Vec<String> = (0..u32::try_from(MESSAGES).unwrap())
        .map(|index| {
            let body = delayed(message("x"), 1.0 + f64::from(index) * 0.02);
            running.create(&path, &body.to_string()).unwrap()
        })
        .collect();
    let count = |running: &crate::crash::Running| -> usize {
        running.send("GET", &path, "").unwrap().header("layer-count").unwrap().parse().unwrap()
    };
    wait_until("the first messages", || count(&running) >= 5);
    running.kill();

    let platform = Platform::start(Config { data: DataLocation::File(data), ..Config::default() }).unwrap();
    let app = running.app();
    let list = || request(&platform, &app, "GET", &path, &[], "");
    let of_all = MESSAGES.to_string();
    wait_until("the other messages", || list().header("layer-count") == Some(of_all.as_str()));
    let sent = list().json();
    let mut sent: Vec<String> = sent
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
}
