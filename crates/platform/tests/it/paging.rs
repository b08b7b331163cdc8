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

/// Contract 1.7 (recorded): newest first, `Layer-Count` with the total.
#[test]
fn messages_are_paged_newest_first_with_206_while_more_follow() {
    let server = start();
    let (conversation, messages) = conversation_of_five(&server);
    for path in
        [format!("/conversations/{conversation}/messages"), format!("/users/a/conversations/{conversation}/messages")]
    {
        let all = server.get(&path);
        assert_eq!((all.status, all.header("layer-count")), (200, Some("5")));
        assert!(uuids(&all).iter().eq(messages.iter().rev()));

        let first = server.get(&format!("{path}?page_size=2"));
        assert_eq!((first.status, first.header("layer-count")), (206, Some("5")));
        assert!(uuids(&first).iter().eq([&messages[4], &messages[3]]));

        let second = server.get(&format!("{path}?page_size=2&from_id={}", messages[3]));
        assert_eq!(second.status, 206);
        assert!(uuids(&second).iter().eq([&messages[2], &messages[1]]));

        let last = server.get(&format!("{path}?page_size=2&from_id=layer:///messages/{}", messages[1]));
        assert_eq!((last.status, last.header("layer-count")), (200, Some("5")));
        assert!(uuids(&last).iter().eq([&messages[0]]));

        let end = server.get(&format!("{path}?from_id={}", messages[0]));
        assert_eq!((end.status, end.body.as_str(), end.header("layer-count")), (200, "[]", Some("5")));
    }
}

#[test]
fn a_page_that_ends_with_the_list_is_a_200() {
    let server = start();
    let (conversation, _) = conversation_of_five(&server);
    let path = format!("/conversations/{conversation}/messages");
    assert_eq!(server.get(&format!("{path}?page_size=5")).status, 200);
    assert_eq!(server.get(&format!("{path}?page_size=4")).status, 206);
    assert_eq!(server.get(&format!("{path}?page_size=1000&page_size=")).status, 200);
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
        let page = server.get(&format!("{path}{from}"));
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
    assert_eq!((first.status, first.header("layer-count")), (206, Some("3")));
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
    assert_eq!((after.status, uuids(&after).len()), (206, 1));
    assert!(uuids(&server.get("/users/a/conversations")).iter().eq([&deleted_from, &silent, &old]));
}

/// Contract 1.7 (recorded: a count of 0) and 2.1.3 (recorded, L3).
#[test]
fn an_unknown_user_has_an_empty_list() {
    let server = start();
    let answer = server.get("/users/nobody/conversations");
    assert_eq!((answer.status, answer.body.as_str(), answer.header("layer-count")), (200, "[]", Some("0")));
}
