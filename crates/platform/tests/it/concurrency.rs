//! Many requests at once.

use std::collections::HashSet;

use layer_platform::{Config, DataLocation, Platform};
use serde_json::json;

use crate::client::{Server, message, request, start};

const THREADS: usize = 16;
const SENDS_PER_THREAD: usize = 10;

fn in_parallel<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|index| scope.spawn(move || work(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn positions(server: &Server, conversation: &str) -> Vec<u64> {
    let mut positions = vec![];
    let mut from = String::new();
    loop {
        let page = server.get(&format!("/users/a/conversations/{conversation}/messages{from}")).json();
        let Some(last) = page.as_array().unwrap().last() else { return positions };
        from = format!("?from_id={}", last["id"].as_str().unwrap());
        positions.extend(page.as_array().unwrap().iter().map(|message| message["position"].as_u64().unwrap()));
    }
}

#[test]
fn parallel_sends_to_one_conversation_get_consecutive_positions() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let sent = in_parallel(|thread| {
        (0..SENDS_PER_THREAD).map(|index| server.text(&conversation, &format!("{thread}/{index}"))).collect::<Vec<_>>()
    });
    let distinct: HashSet<_> = sent.into_iter().flatten().collect();
    assert_eq!(distinct.len(), THREADS * SENDS_PER_THREAD);
    let expected: Vec<u64> = (1..=(THREADS * SENDS_PER_THREAD) as u64).rev().collect();
    assert_eq!(positions(&server, &conversation), expected);
}

#[test]
fn one_tag_sent_in_parallel_creates_one_resource() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    for round in 0..5 {
        let tag = format!("f3cc7b32-3c92-11e4-baad-16423000000{round}");
        let answers = in_parallel(|thread| server.post_tagged(&path, &tag, &message(&thread.to_string())));
        assert!(answers.iter().all(|answer| answer.status == 201 && answer.json() == answers[0].json()));
        assert_eq!(server.get(&path).header("layer-count"), Some((round + 1).to_string().as_str()));
    }
}

#[test]
fn a_distinct_conversation_wanted_in_parallel_is_created_once() {
    let server = start();
    let body = json!({ "participants": ["a", "b"], "distinct": true });
    let answers = in_parallel(|_| server.post("/conversations", &body));
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| answer.uuid() == answers[0].uuid()));
    assert_eq!(server.get("/users/a/conversations").header("layer-count"), Some("1"));
}

#[test]
fn failing_requests_do_not_undo_their_neighbours() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let answers = in_parallel(|thread| {
        let body = if thread % 2 == 0 { message("x") } else { crate::client::message_of("stranger", "x") };
        server.post(&path, &body).status
    });
    assert_eq!(answers.iter().filter(|status| **status == 201).count(), THREADS / 2);
    assert_eq!(answers.iter().filter(|status| **status == 403).count(), THREADS / 2);
    assert_eq!(server.get(&path).header("layer-count"), Some((THREADS / 2).to_string().as_str()));
}

#[test]
fn participants_added_in_parallel_are_all_there() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    in_parallel(|thread| {
        let operations = json!([{ "operation": "add", "property": "participants", "value": thread.to_string() }]);
        server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
    });
    let body = server.get(&format!("/conversations/{conversation}")).json();
    assert_eq!(body["participants"].as_array().unwrap().len(), THREADS + 1);
}

#[test]
fn a_platform_in_memory_serves_reads_and_writes_in_parallel() {
    let platform = Platform::start(Config { data: DataLocation::Memory, ..Config::default() }).unwrap();
    let app = platform.create_app().unwrap();
    let body = json!({ "participants": ["a"] }).to_string();
    let conversation = request(&platform, &app, "POST", "/conversations", &[], &body).uuid();
    let path = format!("/conversations/{conversation}/messages");
    in_parallel(|_| {
        let sent = request(&platform, &app, "POST", &path, &[], &message("x").to_string());
        assert_eq!(request(&platform, &app, "GET", &format!("{path}/{}", sent.uuid()), &[], "").status, 200);
    });
    let list = request(&platform, &app, "GET", &path, &[], "");
    assert_eq!(list.header("layer-count"), Some(THREADS.to_string().as_str()));
}
