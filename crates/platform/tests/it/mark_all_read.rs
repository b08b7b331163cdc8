//! Contract 2.1: `mark_all_read`.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, start, wait_until};

fn mark_all_read(server: &Server, user: &str, conversation: &str, body: &str) -> Answer {
    let path = format!("/users/{user}/conversations/{conversation}/mark_all_read");
    server.at("3.0").send("POST", &path, &[], body)
}

/// The position that an answer says is marked up to.
fn marked(answer: &Answer) -> u64 {
    let body = answer.json();
    assert_eq!((answer.status, body.as_object().map(serde_json::Map::len)), (202, Some(1)), "{answer:?}");
    body["position"].as_u64().unwrap_or_else(|| panic!("{answer:?}"))
}

fn give(server: &Server, user: &str, message: &str) {
    server.post(&format!("/users/{user}/messages/{message}/receipts"), &json!({ "type": "read" })).assert_empty(204);
}

fn status(server: &Server, conversation: &str, message: &str) -> Value {
    server.get(&format!("/conversations/{conversation}/messages/{message}")).json()["recipient_status"].clone()
}

fn unread(server: &Server, user: &str, conversation: &str) -> u64 {
    let seen = server.get(&format!("/users/{user}/conversations/{conversation}")).json();
    seen["unread_message_count"].as_u64().unwrap()
}

/// Contract 2.1 (recorded, R3: 202 with the position; the request may hold `null`). That the answer is the position of
/// the last message that is marked is (assumed), so is 0 when there is none.
#[test]
fn marking_all_read_settles_what_is_there_and_nothing_later() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, r#"{"position":null}"#)), 0);
    let messages: Vec<String> = (0..5).map(|index| server.text(&conversation, &index.to_string())).collect();
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, r#"{"position":0}"#)), 0);
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, r#"{"position":2}"#)), 2);
    assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (3, 5));
    assert_eq!(status(&server, &conversation, &messages[1]), json!({ "a": "read", "b": "sent" }));
    assert_eq!(status(&server, &conversation, &messages[2]), json!({ "a": "sent", "b": "sent" }));
    // A single receipt in between is not counted twice.
    give(&server, "a", &messages[3]);
    for body in ["", r#"{"position":null}"#] {
        assert_eq!(marked(&mark_all_read(&server, "a", &conversation, body)), 5);
        assert_eq!(unread(&server, "a", &conversation), 0);
    }
    server.text(&conversation, "later");
    assert_eq!(unread(&server, "a", &conversation), 1);
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, r#"{"position":15032697020}"#)), 6);
    // It is the position that answers in 3.0 show.
    let shown = server.at("3.0").get(&format!("/conversations/{conversation}/messages?page_size=1")).json();
    assert_eq!(shown[0]["position"], 6);
    // 2.0 as 3.0 (assumed).
    let path = format!("/users/a/conversations/{conversation}/mark_all_read");
    assert_eq!(marked(&server.at("2.0").send("POST", &path, &[], "")), 6);
    assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (0, 6));
}

#[test]
fn marking_all_read_checks_its_body_before_the_conversation() {
    let server = start();
    let refused = mark_all_read(&server, "a", UNKNOWN, r#"{"position":"2"}"#);
    refused.assert_error(422, "invalid_property", Some("position"));
    mark_all_read(&server, "a", UNKNOWN, "").assert_error(404, "not_found", None);
    assert_eq!(mark_all_read(&server, "a", "wrongid", "").status, 404);
}

/// Contract 5: not before 2.0.
#[test]
fn marking_all_read_does_not_exist_in_version_1() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/users/a/conversations/{conversation}/mark_all_read");
    server.post(&path, &json!({})).assert_error(404, "invalid_endpoint", None);
}

/// Contract 2.1.3 [C1].
#[test]
fn only_participants_of_a_conversation_that_exists_mark_it_as_read() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    server.text(&conversation, "x");
    mark_all_read(&server, "c", &conversation, "").assert_error(404, "not_found", None);
    server.delete(&format!("/users/a/conversations/{conversation}?mode=my_devices&leave=true")).assert_empty(204);
    let denied = mark_all_read(&server, "a", &conversation, "");
    denied.assert_error(403, "access_denied", None);
    assert_eq!(denied.json()["url"], "https://developer.layer.com/docs/client/rest#access_denied");
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    mark_all_read(&server, "b", &conversation, "").assert_error(410, "object_deleted", None);
}

#[test]
fn marking_all_read_leaves_alone_what_the_user_deleted_for_itself() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let messages: Vec<String> = (0..3).map(|index| server.text(&conversation, &index.to_string())).collect();
    server.delete(&format!("/users/a/messages/{}?mode=my_devices", messages[1])).assert_empty(204);
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, "")), 3);
    // The last message that the user can see, not one that it deleted for itself.
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, r#"{"position":2}"#)), 1);
    assert_eq!(unread(&server, "a", &conversation), 0);
    assert_eq!(status(&server, &conversation, &messages[1]), json!({ "a": "sent", "b": "sent" }));
    for message in &messages {
        server.delete(&format!("/conversations/{conversation}/messages/{message}")).assert_empty(204);
    }
    assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (0, 0));
}

#[test]
fn marking_all_read_in_parallel_with_receipts_counts_each_message_once() {
    let server = start();
    let users = ["a", "b", "c", "d"];
    let conversation = server.conversation(&users);
    let messages: Vec<String> = (0..6).map(|index| server.text(&conversation, &index.to_string())).collect();
    std::thread::scope(|scope| {
        for user in users {
            scope.spawn(|| {
                for message in &messages {
                    give(&server, user, message);
                }
            });
            for _ in 0..2 {
                scope.spawn(|| marked(&mark_all_read(&server, user, &conversation, "")));
            }
        }
    });
    for user in users {
        assert_eq!(unread(&server, user, &conversation), 0);
    }
    server.text(&conversation, "later");
    for user in users {
        assert_eq!(unread(&server, user, &conversation), 1);
    }
}

#[test]
fn thousands_of_messages_are_marked_as_read_while_others_write() {
    const MESSAGES: usize = 2000;
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..MESSAGES / 16 {
                    server.text(&conversation, "x");
                }
            });
        }
    });
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| marked(&mark_all_read(&server, "a", &conversation, "")));
        }
        scope.spawn(|| {
            for _ in 0..20 {
                server.text(&conversation, "meanwhile");
            }
        });
    });
    // Everything is read but what came in after the marking had begun.
    let rest = unread(&server, "a", &conversation);
    assert!(rest <= 20, "{rest}");
    assert_eq!(marked(&mark_all_read(&server, "a", &conversation, "")), MESSAGES as u64 + 20);
    assert_eq!((unread(&server, "a", &conversation), unread(&server, "b", &conversation)), (0, MESSAGES as u64 + 20));
    let mut from = String::new();
    loop {
        let page = server.get(&format!("/users/a/conversations/{conversation}/messages{from}")).json();
        let Some(last) = page.as_array().unwrap().last() else { break };
        from = format!("?from_id={}", last["id"].as_str().unwrap());
        assert!(page.as_array().unwrap().iter().all(|message| message["is_unread"] == false));
    }
}

/// Killed in between, what was marked is marked, and the counts agree with the messages; marking goes on where it was.
#[cfg(unix)]
#[test]
fn marking_all_read_that_is_cut_off_leaves_counts_that_agree_with_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let mut running = crate::crash::start_process(&data);
    let conversation = running.create("/conversations", r#"{"participants":["a","b"]}"#).unwrap();
    let messages = format!("/conversations/{conversation}/messages");
    let batch = vec![json!({ "sender_id": "b", "parts": [{ "mime_type": "text/plain", "body": "x" }] }); 500];
    for _ in 0..4 {
        assert_eq!(running.send_in("2.0", "POST", &messages, &json!(batch).to_string()).unwrap().status, 202);
    }
    let seen = format!("/users/a/conversations/{conversation}");
    let mark = format!("{seen}/mark_all_read");
    let unread = |answer: &Answer| answer.json()["unread_message_count"].as_u64().unwrap();
    std::thread::scope(|scope| {
        // Cut off or not: the answer does not matter.
        scope.spawn(|| running.send_in("2.0", "POST", &mark, ""));
        wait_until("some are marked", || unread(&running.send("GET", &seen, "").unwrap()) != 2000);
        let id = running.process_id().to_string();
        assert!(std::process::Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
    });
    running.kill();

    let data = layer_platform::DataLocation::File(data);
    let platform = layer_platform::Platform::start(layer_platform::Config { data, ..Default::default() }).unwrap();
    let app = running.app();
    let send = |method: &str, path: &str| {
        let headers = [("Accept", "application/vnd.layer+json; version=2.0")];
        crate::client::request(&platform, &app, method, path, &headers, "")
    };
    let unread_messages = || {
        let (mut count, mut from) = (0, String::new());
        loop {
            let page = send("GET", &format!("{seen}/messages{from}")).json();
            let Some(last) = page.as_array().unwrap().last() else { return count };
            from = format!("?from_id={}", last["id"].as_str().unwrap());
            count += page.as_array().unwrap().iter().filter(|message| message["is_unread"] == true).count() as u64;
        }
    };
    assert_eq!(unread(&send("GET", &seen)), unread_messages());
    assert_eq!(marked(&send("POST", &mark)), 2000);
    assert_eq!((unread(&send("GET", &seen)), unread_messages()), (0, 0));
}
