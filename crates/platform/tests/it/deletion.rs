//! Contract 2.2, 2.1.3 and 2.10: deletions as a user, for everyone and for one's own devices.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, start};

fn seen(server: &Server, user: &str, conversation: &str) -> Value {
    server.get(&format!("/users/{user}/conversations/{conversation}")).json()
}

/// The numbers of a user's messages: in the header of the list, on its page, and unread.
fn counts(server: &Server, user: &str, conversation: &str) -> (u64, usize, u64) {
    let list = server.get(&format!("/users/{user}/conversations/{conversation}/messages"));
    let count = list.header("layer-count").unwrap().parse().unwrap();
    let unread = seen(server, user, conversation)["unread_message_count"].as_u64().unwrap();
    (count, list.json().as_array().unwrap().len(), unread)
}

fn delete_message(server: &Server, user: &str, message: &str, mode: &str) -> Answer {
    server.delete(&format!("/users/{user}/messages/{message}?mode={mode}"))
}

fn delete_conversation(server: &Server, user: &str, conversation: &str, query: &str) -> Answer {
    server.delete(&format!("/users/{user}/conversations/{conversation}?{query}"))
}

fn conversations(server: &Server, user: &str) -> (String, usize) {
    let list = server.get(&format!("/users/{user}/conversations"));
    (list.header("layer-count").unwrap().to_owned(), list.json().as_array().unwrap().len())
}

fn set_participants(server: &Server, conversation: &str, participants: &[&str]) {
    let operations = json!([{ "operation": "set", "property": "participants", "value": participants }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
}

/// Contract 2.2 (recorded, L3): 204 in both modes.
#[test]
fn a_message_deleted_for_ones_own_devices_stays_for_the_others() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let messages: Vec<String> = (0..3).map(|index| server.text(&conversation, &index.to_string())).collect();
    assert_eq!(counts(&server, "a", &conversation), (3, 3, 3));

    delete_message(&server, "a", &messages[2], "my_devices").assert_empty(204);
    assert_eq!(counts(&server, "a", &conversation), (2, 2, 2));
    assert_eq!(counts(&server, "b", &conversation), (3, 3, 3));
    assert_eq!(seen(&server, "a", &conversation)["last_message"]["id"], format!("layer:///messages/{}", messages[1]));
    assert_eq!(seen(&server, "b", &conversation)["last_message"]["id"], format!("layer:///messages/{}", messages[2]));
    for path in [format!("/users/a/messages/{}", messages[2]), format!("/users/a/messages/{}?x", messages[2])] {
        server.get(&path).assert_error(404, "not_found", None);
    }
    delete_message(&server, "a", &messages[2], "my_devices").assert_error(404, "not_found", None);
    let receipt = server.post(&format!("/users/a/messages/{}/receipts", messages[2]), &json!({ "type": "read" }));
    receipt.assert_error(404, "not_found", None);
    let from = format!("/users/a/conversations/{conversation}/messages?from_id={}", messages[2]);
    server.get(&from).assert_error(404, "not_found", None);
    // Deleting is not reading: the others do not notice.
    let whole = server.get(&format!("/conversations/{conversation}/messages/{}", messages[2])).json();
    assert_eq!(whole["recipient_status"], json!({ "a": "sent", "b": "sent" }));

    delete_message(&server, "b", &messages[0], "all_participants").assert_empty(204);
    assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), ((1, 1, 1), (2, 2, 2)));
    server.get(&format!("/conversations/{conversation}/messages/{}", messages[0])).assert_error(404, "not_found", None);
}

#[test]
fn counts_stay_exact_when_a_message_is_deleted_for_one_user_and_then_for_all() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let messages: Vec<String> = (0..4).map(|index| server.text(&conversation, &index.to_string())).collect();
    // One that is unread, one that was read, and one only for b.
    delete_message(&server, "a", &messages[0], "my_devices").assert_empty(204);
    server.post(&format!("/users/a/messages/{}/receipts", messages[1]), &json!({ "type": "read" })).assert_empty(204);
    delete_message(&server, "a", &messages[1], "my_devices").assert_empty(204);
    delete_message(&server, "b", &messages[2], "my_devices").assert_empty(204);
    assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), ((2, 2, 2), (3, 3, 3)));
    for (message, expected) in messages.iter().zip([
        ((2, 2, 2), (2, 2, 2)),
        ((2, 2, 2), (1, 1, 1)),
        ((1, 1, 1), (1, 1, 1)),
        ((0, 0, 0), (0, 0, 0)),
    ]) {
        server.delete(&format!("/conversations/{conversation}/messages/{message}")).assert_empty(204);
        assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), expected);
    }
}

#[test]
fn pages_leave_out_what_the_user_deleted() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let messages: Vec<String> = (0..6).map(|index| server.text(&conversation, &index.to_string())).collect();
    for index in [1, 2, 4] {
        delete_message(&server, "a", &messages[index], "my_devices").assert_empty(204);
    }
    let path = format!("/users/a/conversations/{conversation}/messages?page_size=2");
    let first = server.get(&path);
    assert_eq!((first.status, first.header("layer-count")), (200, Some("3")));
    let texts = |answer: &Answer| -> Vec<String> {
        let items = answer.json();
        items.as_array().unwrap().iter().map(|item| item["parts"][0]["body"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&first), ["5", "3"]);
    let second = server.get(&format!("{path}&from_id={}", messages[3]));
    assert_eq!((second.status, texts(&second)), (200, vec!["0".to_owned()]));
}

/// Contract 2.10 [C1]: the next message brings the conversation back, with the history that begins there.
#[test]
fn a_conversation_deleted_for_ones_own_devices_comes_back_with_the_next_message() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let old = server.text(&conversation, "old");
    delete_message(&server, "a", &old, "my_devices").assert_empty(204);
    server.text(&conversation, "older");
    delete_conversation(&server, "a", &conversation, "mode=my_devices").assert_empty(204);
    assert_eq!((conversations(&server, "a"), conversations(&server, "b")), (("0".into(), 0), ("1".into(), 1)));
    let gone = server.get(&format!("/users/a/conversations/{conversation}"));
    gone.assert_error(404, "not_found", None);
    server.get(&format!("/users/a/conversations/{conversation}/messages")).assert_error(404, "not_found", None);
    server.get(&format!("/users/a/messages/{old}")).assert_error(404, "not_found", None);
    // Still a participant, who may delete it once more.
    let system = server.get(&format!("/conversations/{conversation}")).json();
    assert_eq!(system["participants"], json!(["a", "b"]));
    delete_conversation(&server, "a", &conversation, "mode=my_devices&leave=false").assert_empty(204);

    let new = server.text(&conversation, "new");
    assert_eq!((conversations(&server, "a"), counts(&server, "a", &conversation)), (("1".into(), 1), (1, 1, 1)));
    assert_eq!(counts(&server, "b", &conversation), (3, 3, 3));
    assert_eq!(seen(&server, "a", &conversation)["last_message"]["id"], format!("layer:///messages/{new}"));
    // What is deleted for all leaves the counts of those who had deleted it before alone.
    server.delete(&format!("/conversations/{conversation}/messages/{old}")).assert_empty(204);
    assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), ((1, 1, 1), (2, 2, 2)));
    server.delete(&format!("/conversations/{conversation}/messages/{new}")).assert_empty(204);
    assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), ((0, 0, 0), (1, 1, 1)));
}

/// Contract 2.10 [C1]: `leave=true`; Aug 30 2016: who is added again sees all participants.
#[test]
fn a_user_who_leaves_is_no_participant_and_hears_nothing_more_until_it_is_added_again() {
    let server = start();
    let body = json!({ "participants": ["a", "b"], "distinct": true });
    let conversation = server.post("/conversations", &body).uuid();
    server.text(&conversation, "old");
    delete_conversation(&server, "a", &conversation, "mode=my_devices&leave=true").assert_empty(204);
    let system = server.get(&format!("/conversations/{conversation}")).json();
    assert_eq!((&system["participants"], &system["distinct"]), (&json!(["b"]), &json!(false)));
    server.text(&conversation, "meanwhile");
    assert_eq!(conversations(&server, "a"), ("0".into(), 0));
    server.get(&format!("/users/a/conversations/{conversation}")).assert_error(404, "not_found", None);
    let again = delete_conversation(&server, "a", &conversation, "mode=my_devices");
    again.assert_error(403, "access_denied", None);

    set_participants(&server, &conversation, &["b", "a"]);
    assert_eq!(seen(&server, "a", &conversation)["participants"], json!(["b", "a"]));
    assert_eq!((conversations(&server, "a"), counts(&server, "a", &conversation)), (("1".into(), 1), (1, 1, 0)));
    server.text(&conversation, "new");
    assert_eq!(counts(&server, "a", &conversation), (2, 2, 1));
}

/// Contract 2.1.3 [C1].
#[test]
fn former_members_may_not_delete_and_strangers_find_nothing() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.text(&conversation, "x");
    set_participants(&server, &conversation, &["b"]);
    for query in ["mode=all_participants", "mode=my_devices", "mode=my_devices&leave=true"] {
        let denied = delete_conversation(&server, "a", &conversation, query);
        denied.assert_error(403, "access_denied", None);
        assert_eq!(denied.json()["url"], "https://developer.layer.com/docs/client/rest#access_denied");
        delete_conversation(&server, "c", &conversation, query).assert_error(404, "not_found", None);
        delete_conversation(&server, "b", UNKNOWN, query).assert_error(404, "not_found", None);
    }
    delete_message(&server, "a", &message, "all_participants").assert_error(403, "access_denied", None);
    delete_message(&server, "c", &message, "my_devices").assert_error(404, "not_found", None);
    // Its own copy of the history is its own.
    delete_message(&server, "a", &message, "my_devices").assert_empty(204);
    assert_eq!((counts(&server, "a", &conversation), counts(&server, "b", &conversation)), ((0, 0, 0), (1, 1, 1)));
}

#[test]
fn a_conversation_deleted_by_a_participant_for_all_is_gone_for_all() {
    let server = start();
    let conversation = server.conversation(&["a", "b", "c"]);
    delete_conversation(&server, "c", &conversation, "mode=my_devices").assert_empty(204);
    delete_conversation(&server, "a", &conversation, "mode=all_participants").assert_empty(204);
    server.get(&format!("/conversations/{conversation}")).assert_error(410, "object_deleted", None);
    for user in ["a", "b", "c"] {
        assert_eq!(conversations(&server, user), ("0".into(), 0));
    }
    // The count of a user who had deleted it before is not lowered twice.
    server.conversation(&["c"]);
    assert_eq!(conversations(&server, "c"), ("1".into(), 1));
}

/// Contract 2.2.3 (recorded, L3): a bad message id 400. A deletion without a mode is refused before the look-up
/// (assumed).
#[test]
fn a_bad_deletion_is_refused_before_the_look_up() {
    let server = start();
    server.introduce("a");
    delete_message(&server, "a", "wrongid", "my_devices").assert_error(400, "invalid_request_id", None);
    assert_eq!(delete_conversation(&server, "a", "wrongid", "mode=my_devices").status, 404);
    for path in [format!("/users/a/messages/{UNKNOWN}"), format!("/users/a/conversations/{UNKNOWN}")] {
        server.delete(&path).assert_error(422, "missing_property", Some("mode"));
        server.delete(&format!("{path}?mode=x")).assert_error(422, "invalid_property", Some("mode"));
    }
}
