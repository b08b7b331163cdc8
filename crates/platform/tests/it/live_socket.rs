//! How sockets open, count, answer and end. Client API 1.2, 2.3, 5.1, 5.2 and 6.

use layer_platform::{Config, SocketOptions};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Server, start, wait_until};
use crate::device::{Device, Signer};
use crate::live_client::{Live, People, conversation_id, message_id, uuid};

fn text(body: &str) -> Value {
    json!({ "parts": [{ "mime_type": "text/plain", "body": body }] })
}

#[test]
fn a_socket_opens_on_all_its_paths_in_each_version_with_the_token_in_query_or_header() {
    let server = start();
    let device = Signer::of(&server).device(&server, "a");
    let query = format!("session_token={}&client-id=x&layer-xdk-version=3.4.18", device.session);
    for path in ["/", "/websocket", "/websocket/"] {
        for protocol in ["layer-1.0", "layer-2.0", "layer-3.0", "unknown, layer-2.0"] {
            let mut live =
                Live::try_open(&server, &format!("{path}?{query}"), &[("Sec-WebSocket-Protocol", protocol)]).unwrap();
            assert_eq!(live.ask("Counter.read", None, &Value::Null), json!({ "counter": 0 }));
        }
    }
    let authorization = format!("Layer session-token=\"{}\"", device.session);
    let headers = [("Sec-WebSocket-Protocol", "layer-2.0"), ("Authorization", authorization.as_str())];
    Live::try_open(&server, "/", &headers).unwrap();
}

#[test]
fn a_socket_without_a_known_version_or_a_session_is_refused() {
    let server = start();
    let device = Signer::of(&server).device(&server, "a");
    let target = format!("/?session_token={}", device.session);
    for headers in [&[][..], &[("Sec-WebSocket-Protocol", "layer-4.0")], &[("Sec-WebSocket-Protocol", "")]] {
        let (status, body) = Live::try_open(&server, &target, headers).err().unwrap();
        assert_eq!((status, &body["id"]), (400, &json!("invalid_request")));
    }
    let protocol = [("Sec-WebSocket-Protocol", "layer-2.0")];
    for target in ["/?session_token=wrong", "/?session_token=", "/", "/websocket"] {
        let (status, body) = Live::try_open(&server, target, &protocol).err().unwrap();
        assert_eq!((status, &body["id"]), (401, &json!("authentication_required")));
        assert!(body["data"]["nonce"].is_string(), "{body}");
    }
    // What is no upgrade is the root request.
    assert_eq!(device.get("/").status, 200);
}

#[test]
fn the_answer_comes_before_the_changes_that_the_request_makes_and_names_the_request() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "1.0");
    let (answer, before) = a.ask_and_hear("Conversation.create", None, &json!({ "participants": ["b"] }));
    assert_eq!(before, 0);
    let id = answer["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(a.told().2, id);
    let (answer, before) = a.ask_and_hear("Message.create", Some(&id), &text("hi"));
    assert_eq!(before, 0);
    assert_eq!(a.told().2, answer["data"]["id"]);
    a.told();
    assert_eq!(a.ask("Counter.read", None, &Value::Null), json!({ "counter": 4 }));
}

#[test]
fn a_request_without_an_id_is_done_and_not_answered_and_an_unknown_one_is_refused() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    a.send(
        &json!({ "type": "request", "body": { "method": "Conversation.create", "data": { "participants": ["b"] } } }),
    );
    assert_eq!(a.told().0, "create");
    for method in ["Channel.create", "Conversation.destroy", ""] {
        let error = a.refusal(method, None, &json!({}));
        assert_eq!((&error["id"], &error["code"]), (&json!("invalid_endpoint"), &json!(106)));
    }
}

#[test]
fn conversations_are_created_with_ids_of_the_client_found_and_in_conflict() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let id = "layer:///conversations/4d28a3f2-0f8c-4f8a-9a53-0a1d4cf5f1aa";
    let body = |metadata: Value| json!({ "id": id, "participants": ["b"], "distinct": true, "metadata": metadata });
    let created = a.ask("Conversation.create", None, &body(json!({ "k": "1" })));
    assert_eq!(created["id"], id);
    assert_eq!(created["url"], format!("{}/conversations/{}", server.platform.url(), uuid(id)));
    let error = a.refusal("Conversation.create", None, &body(Value::Null));
    assert_eq!((&error["id"], &error["data"]["id"]), (&json!("id_in_use"), &json!(id)));
    let other = json!({ "participants": ["b"], "distinct": true, "metadata": { "k": "1" } });
    assert_eq!(a.ask("Conversation.create", None, &other)["id"], id);
    let other = json!({ "participants": ["b"], "distinct": true, "metadata": { "k": "2" } });
    let error = a.refusal("Conversation.create", None, &other);
    assert_eq!((&error["id"], &error["data"]["id"]), (&json!("conflict"), &json!(id)));
    let error = a.refusal("Conversation.create", None, &json!({ "distinct": true }));
    assert_eq!((&error["id"], &error["data"]["property"]), (&json!("missing_property"), &json!("participants")));
}

#[test]
fn messages_are_sent_with_ids_of_the_client_and_refused_as_over_http() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let mine = conversation_id(&server.conversation(&["a", "b"]));
    let theirs = conversation_id(&server.conversation(&["b", "c"]));
    let id = "layer:///messages/4d28a3f2-0f8c-4f8a-9a53-0a1d4cf5f1ab";
    let body = json!({ "id": id, "object_id": mine, "parts": [{ "mime_type": "text/plain", "body": "x" }] });
    assert_eq!(a.ask("Message.create", Some(&mine), &body)["id"], id);
    let error = a.refusal("Message.create", Some(&mine), &body);
    assert_eq!((&error["id"], &error["data"]["id"]), (&json!("id_in_use"), &json!(id)));
    for conversation in [&theirs, "layer:///conversations/24f43c32-4d95-11e4-b3a2-0fd00000020d", "x"] {
        assert_eq!(a.refusal("Message.create", Some(conversation), &text("x"))["id"], "not_found");
    }
    assert_eq!(a.refusal("Message.create", None, &text("x"))["data"]["property"], "object_id");
    assert_eq!(a.refusal("Message.create", Some(&mine), &json!({}))["data"]["property"], "parts");
    // The id is taken by a message that the user cannot see: nothing of it is shown.
    let hidden = message_id(&server.text(uuid(&theirs), "secret"));
    let body = json!({ "id": hidden, "parts": [{ "mime_type": "text/plain", "body": "x" }] });
    let error = a.refusal("Message.create", Some(&mine), &body);
    assert_eq!((&error["id"], &error["data"]), (&json!("id_in_use"), &Value::Null));
}

#[test]
fn a_session_that_ends_closes_its_sockets_and_no_others() {
    let server = start();
    let signer = Signer::of(&server);
    let [one, other, b] = ["a", "a", "b"].map(|user| signer.device(&server, user).at("2.0"));
    let [mut of_one, mut of_other, mut of_b] = [&one, &other, &b].map(Live::open);
    one.delete(&format!("/sessions/{}", one.session)).assert_empty(204);
    of_one.wait_for_end();
    assert_eq!(of_other.ask("Counter.read", None, &Value::Null), json!({ "counter": 0 }));
    let answer = server.delete("/users/a/sessions");
    assert!(answer.status < 300, "{answer:?}");
    of_other.wait_for_end();
    assert_eq!(of_b.ask("Counter.read", None, &Value::Null), json!({ "counter": 0 }));
    // When its time has come, by the clock of the platform.
    server.platform.clock().advance(400 * 24 * 60 * 60 * 1000);
    of_b.wait_for_end();
}

#[test]
fn a_suspended_user_loses_its_sockets() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let body = json!([{ "operation": "set", "property": "suspended", "value": true }]);
    let answer = server.patch("/users/a", &body);
    assert!(answer.status < 300, "{answer:?}");
    a.wait_for_end();
}

#[test]
fn a_platform_that_is_emptied_or_stops_closes_its_sockets() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    server.platform.call_admin("POST".parse().unwrap(), "/_platform/reset", vec![]).unwrap();
    a.wait_for_end();
    let (_, mut a) = people.join("a", "2.0");
    server.platform.close().unwrap();
    a.wait_for_end();
}

#[test]
fn sockets_are_limited_for_each_user_and_each_app_and_a_closed_one_gives_its_place_back() {
    let sockets = SocketOptions { per_user: 2, per_app: 3, ..SocketOptions::default() };
    let server = Server::start(|data| Config { data, sockets, ..Config::default() });
    let signer = Signer::of(&server);
    let [a, b] = ["a", "b"].map(|user| signer.device(&server, user).at("2.0"));
    let refusal = |device: &Device<'_>| {
        let target = format!("/?session_token={}", device.session);
        let (status, body) = Live::try_open(&server, &target, &[("Sec-WebSocket-Protocol", "layer-2.0")]).err()?;
        assert_eq!((status, &body["id"]), (429, &json!("rate_limit_exceeded")));
        Some(())
    };
    let (first, _second) = (Live::open(&a), Live::open(&a));
    assert_eq!(refusal(&a), Some(()));
    let _third = Live::open(&b);
    assert_eq!(refusal(&b), Some(()));
    drop(first);
    wait_until("a place", || refusal(&b).is_none());
}

#[test]
fn a_socket_counts_as_a_connection_for_as_long_as_it_is_open() {
    let server = Server::start(|data| Config { data, max_connections: 3, ..Config::default() });
    let signer = Signer::of(&server);
    let device = signer.device(&server, "a").at("2.0");
    let sockets = [(); 3].map(|()| Live::open(&device));
    assert_eq!(device.get("/ping").status, 503);
    drop(sockets);
    wait_until("a place", || device.get("/ping").status == 200);
}

#[test]
fn hostile_frames_are_ignored_or_end_the_socket_and_harm_nobody_else() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut other) = people.join("a", "2.0");
    let deep = format!("{{\"type\":\"request\",\"body\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for frame in [
        Message::binary(vec![0; 1000]),
        Message::text("{"),
        Message::text("null"),
        Message::text("[]"),
        Message::text(r#"{"type":"request"}"#),
        Message::text(r#"{"type":"request","body":7}"#),
        Message::text(r#"{"type":"signal","body":null}"#),
        Message::text(r#"{"type":"signal","body":{"type":"typing_indicator"}}"#),
        Message::text(r#"{"type":"operation","body":{}}"#),
        Message::text(deep),
        Message::Ping(vec![1; 100].into()),
        Message::Pong(vec![].into()),
    ] {
        a.socket.send(frame).unwrap();
    }
    assert_eq!(a.ask("Counter.read", None, &Value::Null), json!({ "counter": 0 }));
    // A frame that is too long is not taken.
    let _ = a.socket.send(Message::text("x".repeat(2 * 1024 * 1024)));
    a.wait_for_end();
    assert_eq!(other.ask("Counter.read", None, &Value::Null), json!({ "counter": 0 }));
}

#[test]
fn a_client_that_does_not_read_is_cut_and_hears_all_of_it_when_it_comes_back() {
    let server = start();
    let people = People::of(&server);
    let (slow, mut a) = people.join("a", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    assert_eq!(a.told().2, id);
    let from = a.timestamp().to_owned();
    // More than fits into the buffers of the system and what the platform keeps for a client.
    let part = json!({ "mime_type": "text/plain", "body": "x".repeat(2000) });
    let body = json!({ "sender": { "name": "x" }, "parts": vec![part; 100] });
    let mut sent = vec![];
    for _ in 0..120 {
        sent.push(message_id(&server.post(&format!("/conversations/{}/messages", uuid(&id)), &body).uuid()));
    }
    // It reads what is there, and then its end.
    a.wait_for_end();
    let mut again = Live::open(&slow);
    let (packets, answer) = again.replay(&from);
    assert_eq!(answer["success"], true);
    let created = packets.iter().filter(|packet| packet["body"]["object"]["type"] == "Message");
    assert_eq!(created.map(|packet| packet["body"]["object"]["id"].clone()).collect::<Vec<_>>(), sent);
}
