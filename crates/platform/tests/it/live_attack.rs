//! Clients that mean harm: what they do ends their own sockets at the most, and all others go on. Client API 2, 5, 6.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use layer_platform::{Config, SocketOptions};
use serde_json::{Value, json};

use crate::client::{Server, start, wait_until};
use crate::device::{Device, Signer};
use crate::live_client::{Live, People, conversation_id, message_id};

const LONG_AGO: &str = "2001-01-01T00:00:00.000Z";
const HOUR_MS: i64 = 60 * 60 * 1000;

/// How many sockets one user tries to open.
const THOUSAND: usize = 1000;

/// Tries to open a socket, as an SDK does.
fn try_open(device: &Device<'_>) -> Result<Live, (u16, Value)> {
    let target = format!("/?session_token={}", device.session);
    Live::try_open(device.server, &target, &[("Sec-WebSocket-Protocol", "layer-2.0")])
}

fn is_new_message(packet: &Value) -> bool {
    packet["body"]["operation"] == "create" && packet["body"]["object"]["type"] == "Message"
}

/// Client API 2.3 and 6.1.
#[test]
fn a_session_that_ends_in_the_middle_of_a_replay_ends_it_there() {
    // Together, more than fits into the buffers of the system.
    const MESSAGES: usize = 120;
    let sockets = SocketOptions { per_user: 1, ..SocketOptions::default() };
    let server = Server::start(|data| Config { data, sockets, ..Config::default() });
    let signer = Signer::of(&server);
    drop(Live::open(&signer.device(&server, "a").at("2.0")));
    let conversation = server.conversation(&["a", "b"]);
    let part = json!({ "mime_type": "text/plain", "body": "x".repeat(2000) });
    let body = json!({ "sender": { "name": "x" }, "parts": vec![part; 100] });
    for _ in 0..MESSAGES {
        assert_eq!(server.post(&format!("/conversations/{conversation}/messages"), &body).status, 201);
    }
    let operations = json!([{ "operation": "set", "property": "session_ttl_in_seconds", "value": 3600 }]);
    assert_eq!(server.patch("", &operations).status, 202);

    let suspend = |value: bool| {
        let operations = json!([{ "operation": "set", "property": "suspended", "value": value }]);
        assert_eq!(server.patch("/users/a", &operations).status, 202);
    };
    let by_its_device = |device: &Device<'_>| {
        device.delete(&format!("/sessions/{}", device.session)).assert_empty(204);
    };
    let by_the_application = |_: &Device<'_>| server.delete("/users/a/sessions").assert_empty(204);
    let by_suspension = |_: &Device<'_>| {
        suspend(true);
        suspend(false);
    };
    let by_time = |_: &Device<'_>| server.platform.clock().advance(HOUR_MS);
    let ways: [&dyn Fn(&Device<'_>); 4] = [&by_its_device, &by_the_application, &by_suspension, &by_time];
    let place = || {
        let mut live = None;
        wait_until("a place for a socket", || {
            live = try_open(&signer.device(&server, "a")).ok();
            live.is_some()
        });
        live.unwrap()
    };
    for end in ways {
        let device = signer.device(&server, "a");
        let mut live = None;
        wait_until("a place for a socket", || {
            live = try_open(&device).ok();
            live.is_some()
        });
        let mut live = live.unwrap();
        let request = json!({ "method": "Event.replay", "request_id": "x", "data": { "from_timestamp": LONG_AGO } });
        live.send(&json!({ "type": "request", "body": request }));
        // It has begun, and the client reads no further until its place is free.
        live.told();
        end(&device);
        drop(place());
        assert_eq!(device.get("/conversations").status, 401);
        let mut heard = 0;
        while let Some(packet) = live.try_read() {
            assert_eq!(packet["type"], "change");
            heard += usize::from(is_new_message(&packet));
        }
        assert!(heard < MESSAGES);
    }
    let (packets, answer) = place().replay(LONG_AGO);
    assert_eq!(answer["success"], true);
    assert_eq!(packets.iter().filter(|packet| is_new_message(packet)).count(), MESSAGES);
}

#[test]
fn of_a_thousand_sockets_of_one_user_as_many_open_as_it_may_have_and_others_go_on() {
    let server = start();
    let people = People::of(&server);
    let (a, first) = people.join("a", "2.0");
    let try_some = || (0..THOUSAND / 8).map(|_| try_open(&a)).collect::<Vec<_>>();
    let tried = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(try_some)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut open = vec![first];
    for one in tried {
        match one {
            Ok(live) => open.push(live),
            Err((status, error)) => assert_eq!((status, &error["id"]), (429, &json!("rate_limit_exceeded"))),
        }
    }
    assert_eq!(open.len(), SocketOptions::default().per_user);
    // The user goes on, and so do others.
    assert_eq!(a.get("/conversations").status, 200);
    let (_, mut b) = people.join("b", "2.0");
    let id = b.ask("Conversation.create", None, &json!({ "participants": ["a"] }))["id"].clone();
    for live in &mut open {
        assert_eq!(live.told().2, id);
    }
    server.delete("/users/a/sessions").assert_empty(204);
    open.iter_mut().for_each(Live::wait_for_end);
    assert_eq!(b.told().2, id);
    b.ask("Counter.read", None, &Value::Null);
}

/// How many files this process may have open at once, as far as it is known.
fn most_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(1024)
}

#[test]
fn a_thousand_sockets_of_one_user_hear_everything_and_end_with_its_sessions() {
    // Fewer where the machine does not give this process the files for both ends, beside other tests.
    let count = THOUSAND.min(most_files().saturating_sub(600) / 2);
    let sockets = SocketOptions { per_user: THOUSAND, ..SocketOptions::default() };
    let server = Server::start(|data| Config { data, sockets, max_connections: 2 * THOUSAND, ..Config::default() });
    let people = People::of(&server);
    let (a, first) = people.join("a", "2.0");
    let mut open = vec![first];
    open.extend((1..count).map(|_| try_open(&a).unwrap()));
    let (_, mut b) = people.join("b", "2.0");
    let id = b.ask("Conversation.create", None, &json!({ "participants": ["a"] }))["id"].clone();
    let id = id.as_str().unwrap();
    let part = json!({ "mime_type": "text/plain", "body": "hi" });
    let message = b.ask("Message.create", Some(id), &json!({ "parts": [part] }))["id"].clone();
    for live in &mut open {
        assert_eq!(live.told().2, id);
        assert_eq!(live.told().2, message);
        assert_eq!(live.told().2, id);
    }
    server.delete("/users/a/sessions").assert_empty(204);
    open.iter_mut().for_each(Live::wait_for_end);
}

/// Client API 6.1: what is kept is whole, also while it is written on and its beginning is forgotten.
#[test]
fn a_replay_from_before_what_is_kept_is_whole_from_there_on_while_others_write() {
    const HOURS: usize = 36;
    const IN_AN_HOUR: usize = 12;
    let sockets = SocketOptions { replay_days: 1, ..SocketOptions::default() };
    let server = Server::start(|data| Config { data, sockets, ..Config::default() });
    let people = People::of(&server);
    let (device, _) = people.join("a", "2.0");
    let conversation = server.conversation(&["a", "b"]);
    let is_over = AtomicBool::new(false);
    let heard = |live: &mut Live| {
        let (packets, answer) = live.replay(LONG_AGO);
        assert_eq!(answer["success"], true);
        let kept_since = answer["data"]["kept_since"].as_str().unwrap().to_owned();
        let kept = packets.iter().filter(|packet| packet["timestamp"].as_str().unwrap() >= kept_since.as_str());
        let new = kept.filter(|packet| is_new_message(packet));
        let positions: Vec<_> = new.map(|packet| packet["body"]["data"]["position"].as_u64().unwrap()).collect();
        // What came live before it was asked for comes again in its place.
        let begin = positions.iter().min().and_then(|first| positions.iter().rposition(|position| position == first));
        positions[begin.unwrap_or_default()..].to_vec()
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    let positions = heard(&mut Live::open(&device));
                    assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{positions:?}");
                }
            });
        }
        for _ in 0..HOURS {
            for _ in 0..IN_AN_HOUR {
                server.text(&conversation, "x");
            }
            server.platform.clock().advance(HOUR_MS);
        }
        is_over.store(true, Ordering::Release);
    });
    let last = (HOURS * IN_AN_HOUR) as u64;
    let positions = heard(&mut Live::open(&device));
    assert_eq!(positions.last(), Some(&last));
    // Those of the last day, not counting the hour that is going on.
    assert_eq!(positions.len(), 23 * IN_AN_HOUR, "{positions:?}");
}

/// A frame whose mask changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    if let Ok(length @ ..=125) = u8::try_from(payload.len()) {
        bytes.push(0x80 | length);
    } else {
        bytes.push(0xFE);
        bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// What no client may send, by RFC 6455: it ends the socket.
fn broken() -> Vec<Vec<u8>> {
    let endless = [frame(0x01, b"["), frame(0x00, &vec![b'['; 60_000]).repeat(20)].concat();
    vec![
        // Without a mask, with reserved bits, of unknown kind.
        b"\x81\x02hi".to_vec(),
        frame(0xF1, b"hi"),
        frame(0x83, b"hi"),
        // A ping in fragments, one that is too long, the rest of what never began.
        frame(0x09, b"hi"),
        frame(0x89, &[0; 126]),
        frame(0x80, b"hi"),
        // No UTF-8, half a code, 2^63 bytes.
        frame(0x81, b"\xff\xfe"),
        frame(0x88, b"\x00"),
        [&b"\x81\xff"[..], &[0xFF; 8], &[0; 4]].concat(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        vec![0xFF; 65_536],
        endless,
    ]
}

/// What a client may send, but does not read what comes of it.
fn floods() -> Vec<Vec<u8>> {
    let text = |packet: &Value| frame(0x81, packet.to_string().as_bytes());
    let request = |method: &str, data: Value| {
        text(&json!({ "type": "request", "body": { "method": method, "request_id": "x", "data": data } }))
    };
    let typing = json!({
        "type": "typing_indicator", "object": { "id": conversation_id(crate::client::UNKNOWN) },
        "data": { "action": "started" },
    });
    vec![
        frame(0x81, b"{").repeat(5000),
        frame(0x82, &[0; 1000]).repeat(1000),
        frame(0x89, b"ping").repeat(5000),
        frame(0x01, b"{"),
        request(&"x".repeat(10_000), Value::Null).repeat(20),
        request("Event.replay", json!({ "from_timestamp": LONG_AGO })).repeat(50),
        request("Presence.sync", json!({ "since": LONG_AGO })).repeat(50),
        text(&json!({ "type": "signal", "body": typing })).repeat(200),
    ]
}

#[test]
fn whoever_sends_garbage_ends_its_own_sockets_and_those_who_talk_hear_each_other() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    let (_, mut b) = people.join("b", "1.0");
    let (eve, _) = people.join("eve", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    for live in [&mut a, &mut b] {
        assert_eq!(live.told().2, id);
    }
    let is_over = AtomicBool::new(false);
    let (broken, floods) = (broken(), floods());
    let break_all = || {
        for bytes in &broken {
            let mut live = try_open(&eve).unwrap();
            // One that is cut off already may not take all of it.
            let _ = live.socket.get_mut().write_all(bytes);
            live.wait_for_end();
        }
    };
    let flood_all = || {
        for bytes in &floods {
            let mut live = try_open(&eve).unwrap();
            let _ = live.socket.get_mut().write_all(bytes);
        }
    };
    let attacks: [&(dyn Fn() + Sync); 2] = [&break_all, &flood_all];
    thread::scope(|scope| {
        let attackers = attacks.map(|attack| {
            let is_over = &is_over;
            scope.spawn(move || {
                attack();
                while !is_over.load(Ordering::Acquire) {
                    attack();
                }
            })
        });
        let mut said = 0;
        let mut talk = |from: &mut Live, to: &mut Live| {
            said += 1;
            let body = json!({ "parts": [{ "mime_type": "text/plain", "body": said.to_string() }] });
            let sent = from.ask("Message.create", Some(&id), &body)["id"].clone();
            for live in [from, to] {
                let packet = live.packet();
                assert!(is_new_message(&packet), "{packet}");
                assert_eq!(
                    (&packet["body"]["object"]["id"], &packet["body"]["data"]["position"]),
                    (&sent, &json!(said))
                );
                // That it is the last one now.
                assert_eq!(live.told().2, id);
            }
        };
        for _ in 0..50 {
            talk(&mut a, &mut b);
            talk(&mut b, &mut a);
        }
        is_over.store(true, Ordering::Release);
        for attacker in attackers {
            attacker.join().unwrap();
        }
        talk(&mut a, &mut b);
    });
    let last = message_id(&server.text(id.rsplit('/').next().unwrap(), "x"));
    assert_eq!((a.told().2, b.told().2), (last.clone(), last));
}
