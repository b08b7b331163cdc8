//! What a peer can make grow has a limit, and what is refused says why.

use serde_json::{Value, json};

use crate::client::{Answer, Server, start};

/// Sends parts as a message of version 3.0.
fn send(server: &Server, conversation: &str, parts: &[Value]) -> Answer {
    let body = json!({ "sender_id": "a", "parts": parts });
    server.at("3.0").post(&format!("/conversations/{conversation}/messages"), &body)
}

fn parts(count: usize) -> Vec<Value> {
    vec![json!({ "body": "", "mime_type": "a/b" }); count]
}

/// Contract 2.2.1 (assumed).
#[test]
fn a_message_has_at_most_1000_parts_however_they_come() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let sent = send(&server, &conversation, &parts(1000));
    assert_eq!(sent.status, 201, "{sent:?}");
    let one = parts(1)[0].clone();
    let of_message = format!("/conversations/{conversation}/messages/{}/parts", sent.uuid());
    let too_many = json!({ "sender": { "name": "x" }, "parts": parts(1001), "recipients": ["a"], "sender_id": "a" });
    for (method, path, body, version) in [
        ("POST", format!("/conversations/{conversation}/messages"), too_many.clone(), "1.0"),
        ("POST", format!("/conversations/{conversation}/messages"), too_many.clone(), "3.0"),
        ("POST", format!("/conversations/{conversation}/messages"), json!([too_many]), "2.0"),
        ("POST", format!("/users/a/conversations/{conversation}/messages"), too_many.clone(), "1.0"),
        ("POST", "/announcements".into(), too_many, "1.0"),
        ("PUT", of_message.clone(), json!(parts(1001)), "3.0"),
        ("POST", of_message, one, "3.0"),
    ] {
        let answer = server.at(version).send(method, &path, &[], &body.to_string());
        answer.assert_error(422, "invalid_property", Some("parts"));
        assert!(answer.body.contains("1000"), "{answer:?}");
    }
}

/// Contract 2.2.6 (assumed): one request cannot send more, but several could add it up.
#[test]
fn a_message_does_not_grow_beyond_a_mebibyte_part_by_part() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let full = json!({ "body": "x".repeat(2048), "mime_type": format!("a/{}", "b".repeat(1022)) });
    let sent = send(&server, &conversation, &vec![full.clone(); 335]);
    assert_eq!(sent.status, 201, "{sent:?}");
    let of_message = format!("/conversations/{conversation}/messages/{}/parts", sent.uuid());
    let answers: Vec<_> = (0..7).map(|_| server.at("3.0").post(&of_message, &full)).collect();
    // 341 parts of 3072 bytes are 1,047,552 of 1,048,576.
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 6);
    answers[6].assert_error(422, "invalid_property", Some("parts"));
    assert_eq!(server.at("3.0").get(&of_message).json().as_array().unwrap().len(), 341);
}

/// Contract 2.2.1 (assumed).
#[test]
fn the_type_of_a_part_has_at_most_1024_bytes() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let of_length = |length: usize| json!({ "body": "", "mime_type": format!("a/{}", "b".repeat(length - 2)) });
    assert_eq!(send(&server, &conversation, &[of_length(1024)]).status, 201);
    send(&server, &conversation, &[of_length(1025)]).assert_error(422, "invalid_property", Some("mime_type"));
}

/// Contract 2.1.2 (assumed).
#[test]
fn metadata_has_at_most_1000_keys_also_after_patches() {
    let server = start();
    let keys = |range: std::ops::Range<usize>| -> Value { range.map(|key| (key.to_string(), json!("x"))).collect() };
    let body = json!({ "participants": ["a"], "metadata": keys(0..1001) });
    server.post("/conversations", &body).assert_error(422, "invalid_property", Some("metadata"));
    let created = server.post("/conversations", &json!({ "participants": ["a"], "metadata": keys(0..1000) }));
    let path = format!("/conversations/{}", created.uuid());
    let set = json!([{ "operation": "set", "property": "metadata.one_more", "value": "x" }]);
    server.patch(&path, &set).assert_error(422, "invalid_property", Some("metadata"));
    assert_eq!(server.get(&path).json()["metadata"].as_object().unwrap().len(), 1000);
}

/// Contract 8 (assumed): what JavaScript makes of it when it encodes UTF-8.
#[test]
fn half_a_surrogate_pair_is_stored_as_the_replacement_character() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let body = r#"{"sender":{"name":"x"},"parts":[{"body":"cut \ud83d","mime_type":"text/plain"}]}"#;
    let sent = server.send("POST", &path, &[], body);
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(server.get(&path).json()[0]["parts"][0]["body"], "cut \u{fffd}");
}

#[test]
fn what_is_wrong_with_a_body_has_a_sentence_of_its_own() {
    let server = start();
    for (body, expected) in [
        ("[".repeat(1000), "nested too deep"),
        (r#"{"participants":["a"],"x":1e400}"#.into(), "number out of range"),
        (format!("[{}0]", "0,".repeat(50_000)), "more than 50000 values"),
        ("{".into(), "not valid JSON"),
    ] {
        let answer = server.send("POST", "/conversations", &[], &body);
        answer.assert_error(400, "invalid_request", None);
        assert!(answer.body.contains(expected), "{answer:?}");
    }
}
