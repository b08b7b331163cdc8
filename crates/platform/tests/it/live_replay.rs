//! What clients catch up with: nothing is missed, nothing comes twice, order is kept. Client API 6.1.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use layer_platform::{Config, DataLocation, SocketOptions};
use serde_json::{Value, json};

use crate::client::{Server, start};
use crate::device::Signer;
use crate::live_client::{Live, People, conversation_id, message_id, uuid};

const LONG_AGO: &str = "2001-01-01T00:00:00.000Z";

/// The ids of new messages among packets.
fn messages(packets: &[Value]) -> Vec<Value> {
    let is_new =
        |packet: &&Value| packet["body"]["operation"] == "create" && packet["body"]["object"]["type"] == "Message";
    packets.iter().filter(is_new).map(|packet| packet["body"]["object"]["id"].clone()).collect()
}

#[test]
fn what_was_missed_is_replayed_from_a_time_on_in_order_with_its_own_times() {
    let server = start();
    let people = People::of(&server);
    let (device, mut a) = people.join("a", "2.0");
    let id = conversation_id(&server.conversation(&["a", "b"]));
    let before = message_id(&server.text(uuid(&id), "before"));
    for _ in 0..3 {
        a.told();
    }
    let from = a.timestamp().to_owned();
    drop(a);
    let missed: Vec<_> = (0..500).map(|n| message_id(&server.text(uuid(&id), &n.to_string()))).collect();
    let mut a = Live::open(&device);
    let (packets, answer) = a.replay(&from);
    assert_eq!(answer["success"], true);
    // From that time on, it included.
    let heard = messages(&packets);
    assert_eq!(heard.last().unwrap(), missed.last().unwrap());
    let rest: Vec<_> = heard.iter().filter(|id| **id != json!(before)).collect();
    assert_eq!(rest, missed.iter().collect::<Vec<_>>());
    let times: Vec<_> = packets.iter().map(|packet| packet["timestamp"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted() && times.first().unwrap() >= &from, "{times:?}");
    // Cut in the middle, it goes on in the middle.
    let mut again = Live::open(&device);
    let (rest, _) = again.replay(&times[500]);
    assert!(rest.len() >= packets.len() - 500 && rest.len() < packets.len(), "{}", rest.len());
    assert_eq!(messages(&rest).last(), heard.last());
    // Then it goes on live.
    let next = message_id(&server.text(uuid(&id), "next"));
    for live in [&mut a, &mut again] {
        assert_eq!(live.told().2, next);
    }
}

/// Does something when it goes.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn what_happens_during_a_replay_is_neither_lost_nor_out_of_order_nor_told_twice() {
    let server = start();
    let people = People::of(&server);
    let (device, _a) = people.join("a", "2.0");
    let id = server.conversation(&["a", "b"]);
    let mut sent: Vec<_> = (0..300).map(|n| message_id(&server.text(&id, &n.to_string()))).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Those who read always have a next one to wait for.
        let sender = scope.spawn(|| {
            let mut sent = vec![];
            while !is_over.load(Ordering::SeqCst) {
                sent.push(message_id(&server.text(&id, "x")));
                // Slower than a replay, which is to come to its end.
                thread::sleep(Duration::from_millis(20));
            }
            sent
        });
        // Also when this fails.
        let _end = AtEnd(|| is_over.store(true, Ordering::SeqCst));
        for _ in 0..5 {
            let mut live = Live::open(&device);
            let (mut packets, answer) = live.replay(LONG_AGO);
            assert_eq!(answer["success"], true);
            // What came live before it was asked for comes again in its place.
            let begin = packets.iter().position(|packet| packet["body"]["object"]["id"] == conversation_id(&id));
            packets.drain(..begin.unwrap());
            // And what comes live right behind it.
            let already = messages(&packets).len();
            packets.extend((0..6).map(|_| live.packet()));
            let heard = messages(&packets);
            assert!(already >= 300 && heard.len() > already, "{already}");
            let mut unique = heard.clone();
            unique.sort_by_key(Value::to_string);
            unique.dedup();
            assert_eq!(unique.len(), heard.len());
            let positions: Vec<_> =
                packets.iter().filter_map(|packet| packet["body"]["data"]["position"].as_u64()).collect();
            assert!(positions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{positions:?}");
        }
        is_over.store(true, Ordering::SeqCst);
        sent.extend(sender.join().unwrap());
    });
    let mut live = Live::open(&device);
    let heard = messages(&live.replay(LONG_AGO).0);
    assert_eq!(heard.len(), sent.len());
    assert!(sent.iter().all(|id| heard.contains(&json!(id))));
}

#[test]
fn a_replay_outlives_the_platform() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataLocation::File(folder.path().join("layer.db"));
    let server = Server::on(Config { data: data.clone(), ..Config::default() });
    let session = Signer::of(&server).device(&server, "a").session;
    let target = format!("/?session_token={session}");
    let protocol = [("Sec-WebSocket-Protocol", "layer-2.0")];
    let first = Live::try_open(&server, &target, &protocol).unwrap();
    drop(first);
    let id = server.conversation(&["a", "b"]);
    let message = message_id(&server.text(&id, "x"));
    server.platform.close().unwrap();
    let again = Server::on(Config { data, ..Config::default() });
    let mut live = Live::try_open(&again, &target, &protocol).unwrap();
    let (packets, _) = live.replay(LONG_AGO);
    assert_eq!(messages(&packets), [json!(message)]);
    assert_eq!(packets[0]["body"]["object"]["id"], conversation_id(&id));
}

#[test]
fn an_unreadable_time_is_refused_and_the_socket_goes_on() {
    let server = start();
    let people = People::of(&server);
    let (_, mut a) = people.join("a", "2.0");
    for time in [json!("yesterday"), json!(7), json!("")] {
        let error = a.refusal("Event.replay", None, &json!({ "from_timestamp": time }));
        assert_eq!((&error["id"], &error["data"]["property"]), (&json!("invalid_property"), &json!("from_timestamp")));
    }
    assert_eq!(a.refusal("Event.replay", None, &Value::Null)["id"], "missing_property");
    let id = conversation_id(&server.conversation(&["a"]));
    assert_eq!(a.told().2, id);
    let (packets, answer) = a.replay("2999-01-01T00:00:00.000Z");
    assert_eq!((packets.len(), &answer["success"]), (0, &json!(true)));
}

#[test]
fn what_is_too_old_is_forgotten_and_a_client_that_asks_for_it_is_told_so() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let sockets = SocketOptions { replay_days: 2, ..SocketOptions::default() };
    let server = Server::start(|data| Config { data, sockets, ..Config::default() });
    let people = People::of(&server);
    let (device, mut a) = people.join("a", "2.0");
    let id = server.conversation(&["a", "b"]);
    a.told();
    let begin = a.timestamp().to_owned();
    server.platform.clock().advance(DAY);
    let kept = message_id(&server.text(&id, "kept"));
    let mut live = Live::open(&device);
    let (packets, answer) = live.replay(&begin);
    assert_eq!((packets.len(), answer.get("data")), (3, None));
    server.platform.clock().advance(DAY + DAY / 2);
    // It is forgotten within an hour; until then it may come or not.
    crate::client::wait_until("the first day is forgotten", || Live::open(&device).replay(&begin).0.len() == 2);
    let mut live = Live::open(&device);
    let (packets, answer) = live.replay(&begin);
    assert_eq!(messages(&packets), [json!(kept)]);
    assert_eq!(answer["success"], true);
    assert!(answer["data"]["kept_since"].as_str().unwrap() > begin.as_str(), "{answer}");
}

#[test]
fn every_device_of_a_user_hears_everything() {
    let server = start();
    let people = People::of(&server);
    let (_, mut one) = people.join("a", "2.0");
    let (_, mut other) = people.join("a", "3.0");
    let created = one.ask("Conversation.create", None, &json!({ "participants": ["b"] }));
    for live in [&mut one, &mut other] {
        assert_eq!(live.told().2, created["id"]);
    }
}
