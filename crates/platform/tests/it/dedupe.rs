//! Contract 1.6 and 8: the dedupe tag.

use serde_json::{Value, json};

use crate::client::{Server, message, start};

const TAG: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";
const OTHER_TAG: &str = "940de862-3c96-11e4-baad-164230d1df67";

fn announcement(text: &str) -> Value {
    let mut body = message(text);
    body["recipients"] = json!(["a"]);
    body
}

fn tagged_conversation(server: &Server, tag: &str) -> crate::client::Answer {
    server.post_tagged("/conversations", tag, &json!({ "participants": ["a"] }))
}

/// Contract 1.6 (recorded, R1).
#[test]
fn the_tag_becomes_the_id_of_what_is_created() {
    let server = start();
    assert_eq!(tagged_conversation(&server, &TAG.to_uppercase()).uuid(), TAG);
    let path = format!("/conversations/{TAG}/messages");
    assert_eq!(server.post_tagged(&path, OTHER_TAG, &message("x")).uuid(), OTHER_TAG);
    let third = "24f43c32-4d95-11e4-b3a2-0fd00000020d";
    assert_eq!(server.post_tagged("/announcements", third, &announcement("x")).uuid(), third);
}

/// Contract 8: same status, current resource, body ignored.
#[test]
fn a_replay_answers_like_the_first_time_with_the_current_resource() {
    let server = start();
    let first = tagged_conversation(&server, TAG);
    let operations = json!([{ "operation": "set", "property": "metadata.a", "value": "1" }]);
    server.patch(&format!("/conversations/{TAG}"), &operations).assert_empty(204);
    let again = server.post_tagged("/conversations", TAG, &json!({ "participants": ["x", "y"] }));
    assert_eq!((again.status, again.json()["participants"].clone()), (201, json!(["a"])));
    assert_eq!(again.json()["metadata"], json!({ "a": "1" }));
    assert_eq!(again.json()["created_at"], first.json()["created_at"]);

    let path = format!("/conversations/{TAG}/messages");
    let first = server.post_tagged(&path, OTHER_TAG, &message("x"));
    let again = server.post_tagged(&path, OTHER_TAG, &message("something else"));
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(server.get(&path).header("layer-count"), Some("1"));

    let third = "24f43c32-4d95-11e4-b3a2-0fd00000020d";
    let first = server.post_tagged("/announcements", third, &announcement("x"));
    let again = server.post_tagged("/announcements", third, &announcement("y"));
    assert_eq!((again.status, again.json()), (202, first.json()));
}

/// Contract 8 and 1.9.
#[test]
fn a_tag_that_is_the_id_of_something_else_is_in_use() {
    let server = start();
    let conversation = tagged_conversation(&server, TAG);
    let other = server.conversation(&["b"]);
    let path = format!("/conversations/{TAG}/messages");
    server.post_tagged(&path, OTHER_TAG, &message("x"));
    let read = server.get(&format!("{path}/{OTHER_TAG}"));

    let answer = server.post_tagged(&path, TAG, &message("x"));
    answer.assert_error(409, "id_in_use", None);
    assert_eq!(answer.json()["code"], 111);
    assert_eq!(answer.json()["message"], "The requested Message already exists");
    assert_eq!(answer.json()["data"], conversation.json());

    for answer in [
        tagged_conversation(&server, OTHER_TAG),
        server.post_tagged("/announcements", OTHER_TAG, &announcement("x")),
        server.post_tagged(&format!("/conversations/{other}/messages"), OTHER_TAG, &message("x")),
    ] {
        answer.assert_error(409, "id_in_use", None);
        assert_eq!(answer.json()["data"], read.json());
    }
}

#[test]
fn a_tag_of_something_deleted_stays_in_use() {
    let server = start();
    tagged_conversation(&server, TAG);
    let path = format!("/conversations/{TAG}/messages");
    server.post_tagged(&path, OTHER_TAG, &message("x"));
    server.delete(&format!("{path}/{OTHER_TAG}")).assert_empty(204);
    let answer = server.post_tagged(&path, OTHER_TAG, &message("x"));
    answer.assert_error(409, "id_in_use", None);
    assert_eq!(answer.json().get("data"), None);

    let last = "24f43c32-4d95-11e4-b3a2-0fd00000020d";
    server.post_tagged(&path, last, &message("x"));
    server.delete(&format!("/conversations/{TAG}")).assert_empty(204);
    tagged_conversation(&server, TAG).assert_error(409, "id_in_use", None);
    // A message that went with its conversation is deleted as well.
    tagged_conversation(&server, last).assert_error(409, "id_in_use", None);
}

/// Contract 1.6.
#[test]
fn a_tag_that_is_no_uuid_is_an_invalid_request_id() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    for tag in ["x", &format!("\"{TAG}\""), &TAG.replace('-', "")] {
        for answer in [
            tagged_conversation(&server, tag),
            server.post_tagged(&format!("/conversations/{conversation}/messages"), tag, &message("x")),
            server.post_tagged("/announcements", tag, &announcement("x")),
        ] {
            answer.assert_error(400, "invalid_request_id", None);
        }
    }
}

/// Contract 1.6 (recorded, R1).
#[test]
fn a_tag_is_ignored_where_nothing_is_created() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let tag = [("If-None-Match", "not a uuid")];
    let path = format!("/conversations/{conversation}");
    assert_eq!(server.send("GET", &path, &tag, "").status, 200);
    let headers = [tag[0], ("Content-Type", "application/vnd.layer-patch+json")];
    server.send("PATCH", &path, &headers, "[]").assert_empty(204);
    server.send("POST", "/users/a/blocks", &tag, r#"{"user_id":"b"}"#).assert_empty(204);
    server.send("DELETE", &path, &tag, "").assert_empty(204);
}

/// Contract 2.1.1.
#[test]
fn a_distinct_match_does_not_use_the_tag() {
    let server = start();
    let body = json!({ "participants": ["a", "b"], "distinct": true });
    let first = server.post("/conversations", &body);
    let second = server.post_tagged("/conversations", TAG, &body);
    assert_eq!((second.status, second.uuid()), (200, first.uuid()));
    assert_eq!(tagged_conversation(&server, TAG).status, 201);
}
