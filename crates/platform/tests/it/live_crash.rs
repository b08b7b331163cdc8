//! Killed in mid-traffic, the platform leaves nobody behind: a client that comes back and catches up has the state that
//! a fresh one reads, object by object.
//!
//! `LAYER_TEST_ROUNDS` says how often it is killed; three times where nothing is said.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use layer_platform::{Config, DataLocation};
use serde_json::{Value, json};

use crate::client::{Answer, Server, message_of, raw_at, request_at, wait_until};
use crate::crash::{Running, start_process};
use crate::device::Signer;
use crate::live_client::{Live, uuid};

/// What is done before the process is killed.
const CHANGES: usize = 60;

const CONVERSATIONS: usize = 2;

/// What a client knows: objects by their ids, as far as they are told.
#[derive(Debug, Default, PartialEq)]
struct State(BTreeMap<String, Value>);

impl State {
    /// What is kept of an object: that which changes.
    fn put(&mut self, object: &Value) {
        let id = object["id"].as_str().unwrap().to_owned();
        let kept = if id.contains("/conversations/") {
            json!({
                "metadata": object["metadata"],
                "unread_message_count": object["unread_message_count"],
                "last_message": object["last_message"]["id"],
            })
        } else {
            json!({ "parts": object["parts"], "position": object["position"], "status": object["recipient_status"] })
        };
        self.0.insert(id, kept);
    }

    fn apply(&mut self, packet: &Value) {
        let body = &packet["body"];
        let id = body["object"]["id"].as_str().unwrap_or_default().to_owned();
        match (packet["type"].as_str().unwrap(), body["operation"].as_str()) {
            ("change", Some("create")) => self.put(&body["data"]),
            ("change", Some("delete")) => {
                self.0.remove(&id);
            }
            ("change", _) => {
                // Of what is gone by now there is nothing to change.
                let Some(object) = self.0.get_mut(&id) else { return };
                for operation in body["data"].as_array().unwrap() {
                    apply(object, operation);
                }
            }
            _ => {}
        }
    }

    fn of(device: &Remote<'_>) -> Self {
        let mut state = Self::default();
        for conversation in device.get("/conversations?page_size=100").json().as_array().unwrap() {
            state.put(conversation);
            let list = format!("/conversations/{}/messages?page_size=100", uuid(conversation["id"].as_str().unwrap()));
            let mut page = device.get(&list).json();
            while let Some(last) = page.as_array().unwrap().last() {
                for message in page.as_array().unwrap() {
                    state.put(message);
                }
                page = device.get(&format!("{list}&from_id={}", last["id"].as_str().unwrap())).json();
            }
        }
        state
    }
}

fn apply(object: &mut Value, operation: &Value) {
    let property = operation["property"].as_str().unwrap();
    let value = if operation.get("id").is_some() { &operation["id"] } else { &operation["value"] };
    if let Some(user) = property.strip_prefix("recipient_status.") {
        object["status"][user] = value.clone();
    } else if let Some(key) = property.strip_prefix("metadata.") {
        let metadata = object["metadata"].as_object_mut().unwrap();
        if operation["operation"] == "delete" {
            metadata.remove(key);
        } else {
            metadata.insert(key.to_owned(), value.clone());
        }
    } else {
        object[property] = value.clone();
    }
}

/// A device that knows the address of its platform alone.
struct Remote<'a> {
    address: &'a str,
    session: &'a str,
}

impl Remote<'_> {
    fn get(&self, path: &str) -> Answer {
        let authorization = format!("Layer session-token=\"{}\"", self.session);
        let headers =
            [("Accept", "application/vnd.layer+json; version=2.0"), ("Authorization", authorization.as_str())];
        raw_at(self.address, "GET", path, &headers, b"")
    }

    fn open(&self) -> Live {
        let target = format!("/?session_token={}", self.session);
        Live::try_open_at(self.address, &target, &[("Sec-WebSocket-Protocol", "layer-2.0")]).unwrap()
    }
}

/// Changes things until the process is gone.
fn change_things(running: &Running, app: &layer_platform::NewApp, conversation: &str, seed: usize, done: &AtomicUsize) {
    let ask = |method: &str, path: &str, body: &Value| {
        let result =
            std::panic::catch_unwind(|| request_at(&running.address, app, method, path, &[], &body.to_string()));
        result.ok()
    };
    let messages = format!("/conversations/{conversation}/messages");
    for round in seed.. {
        let Some(sent) = ask("POST", &messages, &message_of("b", "x")) else { return };
        let id = sent.uuid();
        let changed = match round % 5 {
            0 => ask("DELETE", &format!("{messages}/{id}"), &Value::Null),
            1 => ask("POST", &format!("/users/a/messages/{id}/receipts"), &json!({ "type": "read" })),
            2 => ask("POST", &format!("/users/c/messages/{id}/receipts"), &json!({ "type": "delivery" })),
            3 => ask("DELETE", &format!("/users/a/messages/{id}?mode=my_devices"), &Value::Null),
            _ => {
                let operation =
                    json!([{ "operation": "set", "property": "metadata.round", "value": round.to_string() }]);
                ask("PATCH", &format!("/conversations/{conversation}"), &operation)
            }
        };
        if changed.is_none() {
            return;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_client_that_comes_back_after_a_kill_has_the_state_that_a_fresh_one_reads() {
    let rounds = std::env::var("LAYER_TEST_ROUNDS").map_or(3, |rounds| rounds.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let server = Server::on(Config { data: DataLocation::File(data.clone()), ..Config::default() });
    let session = Signer::of(&server).device(&server, "a").session;
    let conversations: Vec<_> = (0..CONVERSATIONS).map(|_| server.conversation(&["a", "b", "c"])).collect();
    server.platform.close().unwrap();
    let app = server.app;

    let mut known: Option<(State, String)> = None;
    for round in 0..rounds {
        let mut running = start_process(&data);
        let address = running.address.clone();
        let device = Remote { address: &address, session: &session };
        let mut live = device.open();
        let mut state = match known.take() {
            None => State::of(&device),
            Some((mut state, timestamp)) => {
                let (packets, answer) = live.replay(&timestamp);
                assert_eq!(answer["success"], true);
                for packet in &packets {
                    state.apply(packet);
                }
                assert_eq!(state, State::of(&device), "round {round}");
                state
            }
        };
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            for (seed, conversation) in conversations.iter().enumerate() {
                let (running, app, done) = (&running, &app, &done);
                scope.spawn(move || change_things(running, app, conversation, seed, done));
            }
            wait_until("enough is changed", || done.load(Ordering::Relaxed) >= CHANGES);
            let id = running.process_id().to_string();
            assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
        });
        while let Some(packet) = live.try_read() {
            state.apply(&packet);
        }
        running.kill();
        known = Some((state, live.timestamp().to_owned()));
    }
}
