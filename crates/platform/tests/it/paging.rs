//! Contract 1.7: pages of lists.

use serde_json::Value;

use crate::client::{Answer, Server, UNKNOWN, start};

fn uuids(answer: &Answer) -> Vec<String> {
    let items = answer.json();
    let uuid = |item: &Value| item["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    items.as_array().unwrap().iter().map(uuid).collect()
}

fn conversation_of_five(server: &Server) -> (String, Vec<String>) {
    let conversation = server.conversation(&["a"]);
    let messages = (0..5).map(|index| server.text(&conversation, &index.to_string())).collect();
    (conversation, messages)
}

/// The status of a page of a list that goes on. Contract 1.7: before 2.0 documented, 3.0 by two clients, 2.0 (assumed).
fn partial(version: &str) -> u16 {
    if version < "2.0" { 200 } else { 206 }
}

/// Contract 1.7 (recorded, R1 and R3): newest first, `Layer-Count` with the total.
#[test]
fn messages_are_paged_newest_first() {
    let server = start();
    let (conversation, messages) = conversation_of_five(&server);
    for (version, path) in ["1.0", "1.1", "2.0", "3.0"].into_iter().flat_map(|version| {
        let path = format!("/conversations/{conversation}/messages");
        [(version, format!("/users/a{path}")), (version, path)]
    }) {
        let (server, partial) = (server.at(version), partial(version));
        let all = server.get(&path);
        assert_eq!((all.status, all.header("layer-count")), (200, Some("5")));
        assert!(uuids(&all).iter().eq(messages.iter().rev()));

        let first = server.get(&format!("{path}?page_size=2"));
        assert_eq!((first.status, first.header("layer-count")), (partial, Some("5")));
        assert!(uuids(&first).iter().eq([&messages[4], &messages[3]]));

        let second = server.get(&format!("{path}?page_size=2&from_id={}", messages[3]));
        assert_eq!(second.status, partial);
        assert!(uuids(&second).iter().eq([&messages[2], &messages[1]]));

        let last = server.get(&format!("{path}?page_size=2&from_id=layer:///messages/{}", messages[1]));
        assert_eq!((last.status, last.header("layer-count")), (200, Some("5")));
        assert!(uuids(&last).iter().eq([&messages[0]]));

        let end = server.get(&format!("{path}?from_id={}", messages[0]));
        assert_eq!((end.status, end.body.as_str(), end.header("layer-count")), (200, "[]", Some("5")));
    }
}

/// Contract 1.7: `200` before 2.0, which a client of 2016 insists on [H1]; `206` in 3.0, which two clients take [G3,
/// L3], and in 2.0 (assumed). A page that ends with its list is a `200` in all.
#[test]
fn a_part_of_a_list_is_a_206_from_2_0_on() {
    let server = start();
    let (conversation, _) = conversation_of_five(&server);
    for index in 0..3 {
        server.conversation(&["a", &format!("b{index}")]);
    }
    let announcement = serde_json::json!({
        "recipients": ["a"], "sender": { "name": "C" }, "parts": [{ "body": "x", "mime_type": "text/plain" }]
    });
    for _ in 0..4 {
        assert_eq!(server.post("/announcements", &announcement).status, 202);
    }
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        let get = |path: &str| server.at(version).get(path).status;
        for (path, count) in [
            (format!("/conversations/{conversation}/messages"), 5),
            (format!("/users/a/conversations/{conversation}/messages"), 5),
            ("/users/a/conversations".to_owned(), 4),
            ("/users/a/announcements".to_owned(), 4),
        ] {
            assert_eq!(get(&format!("{path}?page_size={}", count - 1)), partial(version), "{version} {path}");
            assert_eq!(get(&format!("{path}?page_size={count}")), 200, "{version} {path}");
            assert_eq!(get(&format!("{path}?page_size=1000&page_size=")), 200, "{version} {path}");
        }
    }
}

#[test]
fn bad_parameters_are_refused() {
    let server = start();
    let (conversation, _) = conversation_of_five(&server);
    let elsewhere = server.conversation(&["b"]);
    let foreign = server.text(&elsewhere, "x");
    for path in
        [format!("/conversations/{conversation}/messages"), format!("/users/a/conversations/{conversation}/messages")]
    {
        for size in ["0", "-1", "many", "1.5"] {
            let answer = server.get(&format!("{path}?page_size={size}"));
            answer.assert_error(422, "invalid_property", Some("page_size"));
        }
        server.get(&format!("{path}?from_id=wrongid")).assert_error(400, "invalid_request_id", None);
        server.get(&format!("{path}?from_id={UNKNOWN}")).assert_error(404, "not_found", None);
        server.get(&format!("{path}?from_id={foreign}")).assert_error(404, "not_found", None);
        server.get(&format!("{path}?from_id=%zz")).assert_error(400, "invalid_request", None);
    }
    let answer = server.get("/users/a/conversations?sort_by=name");
    answer.assert_error(422, "invalid_property", Some("sort_by"));
    server.get(&format!("/users/a/conversations?from_id={elsewhere}")).assert_error(404, "not_found", None);
}

#[test]
fn more_than_a_page_of_messages_can_be_walked_to_the_end() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let messages: Vec<String> = (0..205).map(|index| server.text(&conversation, &index.to_string())).collect();
    let path = format!("/conversations/{conversation}/messages");
    let mut walked: Vec<String> = vec![];
    let mut statuses = vec![];
    loop {
        let from = walked.last().map_or(String::new(), |last| format!("?from_id={last}"));
        let page = server.at("3.0").get(&format!("{path}{from}"));
        statuses.push((page.status, uuids(&page).len()));
        if page.body == "[]" {
            break;
        }
        walked.extend(uuids(&page));
    }
    assert_eq!(statuses, [(206, 100), (206, 100), (200, 5), (200, 0)]);
    assert!(walked.iter().eq(messages.iter().rev()));
}

#[test]
fn conversations_are_paged_newest_first() {
    let server = start();
    let conversations: Vec<String> = (0..3).map(|_| server.conversation(&["a", "b"])).collect();
    server.conversation(&["b"]);
    let first = server.get("/users/a/conversations?page_size=2");
    assert_eq!((first.status, first.header("layer-count")), (200, Some("3")));
    assert!(uuids(&first).iter().eq([&conversations[2], &conversations[1]]));
    let from = format!("layer%3A%2F%2F%2Fconversations%2F{}", conversations[1]);
    let last = server.get(&format!("/users/a/conversations?page_size=2&from_id={from}"));
    assert_eq!((last.status, last.header("layer-count")), (200, Some("3")));
    assert!(uuids(&last).iter().eq([&conversations[0]]));
}

/// Contract 1.7: a conversation without messages is ranked by its creation.
#[test]
fn conversations_can_be_sorted_by_their_last_message() {
    let server = start();
    let old = server.conversation(&["a"]);
    let silent = server.conversation(&["a"]);
    let deleted_from = server.conversation(&["a"]);
    let pause = || std::thread::sleep(std::time::Duration::from_millis(5));
    pause();
    server.text(&old, "x");
    pause();
    let message = server.text(&deleted_from, "x");
    let path = "/users/a/conversations?sort_by=last_message";
    assert!(uuids(&server.get(path)).iter().eq([&deleted_from, &old, &silent]));
    server.delete(&format!("/conversations/{deleted_from}/messages/{message}")).assert_empty(204);
    assert_eq!(uuids(&server.get(path))[0], old);
    let after = server.get(&format!("{path}&page_size=1&from_id={old}"));
    assert_eq!((after.status, uuids(&after).len()), (200, 1));
    assert!(uuids(&server.get("/users/a/conversations")).iter().eq([&deleted_from, &silent, &old]));
}

/// Contract 1.7 (recorded: a count of 0) and 2.1.3 (recorded, L3: `200` and `[]` in 3.0; 2.0 as 3.0 is assumed).
#[test]
fn an_unknown_user_has_an_empty_list_from_2_0_on() {
    let server = start();
    for version in ["2.0", "3.0"] {
        for path in ["/users/nobody/conversations", "/users/nobody/announcements"] {
            let answer = server.at(version).get(path);
            let found = (answer.status, answer.body.as_str(), answer.header("layer-count"));
            assert_eq!(found, (200, "[]", Some("0")), "{version} {path}");
        }
    }
}

/// Contract 2.1.3 and 2.10: before 2.0 every call on behalf of an unknown user is `404`, with `not_found` (assumed). A
/// service of 2016 makes a user's first conversation on that [E1].
#[test]
fn before_2_0_nothing_is_done_on_behalf_of_an_unknown_user() {
    let server = start();
    let deleted = server.conversation(&["a"]);
    let message = server.text(&deleted, "x");
    server.delete(&format!("/conversations/{deleted}")).assert_empty(204);
    let conversation = server.conversation(&["a"]);
    let parts = r#"{"parts":[{"body":"x","mime_type":"text/plain"}]}"#;
    for version in ["1.0", "1.1"] {
        let speaker = server.at(version);
        for (method, path, body) in [
            ("GET", "conversations".to_owned(), ""),
            ("GET", "conversations?page_size=1".to_owned(), ""),
            ("POST", "conversations".to_owned(), r#"{"participants":["a"]}"#),
            ("GET", format!("conversations/{conversation}"), ""),
            ("GET", format!("conversations/{deleted}"), ""),
            ("DELETE", format!("conversations/{conversation}?mode=all_participants"), ""),
            ("GET", format!("conversations/{conversation}/messages"), ""),
            ("POST", format!("conversations/{conversation}/messages"), parts),
            ("GET", format!("messages/{message}"), ""),
            ("DELETE", format!("messages/{message}?mode=all_participants"), ""),
            ("POST", format!("messages/{message}/receipts"), r#"{"type":"read"}"#),
            ("GET", "announcements".to_owned(), ""),
            ("GET", format!("announcements/{UNKNOWN}"), ""),
            ("POST", format!("announcements/{UNKNOWN}/receipts"), r#"{"type":"read"}"#),
        ] {
            let answer = speaker.send(method, &format!("/users/ns%2F42/{path}"), &[], body);
            answer.assert_error(404, "not_found", None);
            assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#not_found", "{path}");
        }
        // Nobody was created by that.
        speaker.get("/users/ns%2F42").assert_error(404, "not_found", None);
    }
    // What is not made on behalf of a user has answers of its own (contract 2.6 to 2.8).
    assert_eq!(server.get("/users/ns%2F42/blocks").json(), serde_json::json!([]));

    // A user exists once it was named.
    let first = server.conversation(&["ns/42"]);
    let list = server.get("/users/ns%2F42/conversations");
    assert_eq!((list.status, uuids(&list)), (200, vec![first]));
    server.put("/users/identified/identity", &serde_json::json!({ "display_name": "I" })).assert_empty(204);
    assert_eq!(server.get("/users/identified/conversations").body, "[]");
}
