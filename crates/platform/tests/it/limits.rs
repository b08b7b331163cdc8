//! What a peer can make grow has a limit, and what is refused says why.

use layer_platform::{Config, DataLocation};
use serde_json::{Value, json};

use crate::client::{Answer, Server, request, start};

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

/// Contract 6.1 (assumed).
#[test]
fn an_app_has_at_most_50_webhooks_and_those_it_had_before_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let config = || Config { data: DataLocation::File(path.clone()), ..Config::default() };
    let server = Server::on(config());
    let headers = [("Accept", "application/vnd.layer.webhooks+json; version=1.0")];
    let body = json!({
        "version": "1.0", "target_url": "https://hooks.invalid/", "events": ["message.sent"], "secret": "s"
    });
    let register = |server: &Server| server.send("POST", "/webhooks", &headers, &body.to_string());
    for _ in 0..50 {
        assert_eq!(register(&server).status, 201);
    }
    let refused = register(&server);
    refused.assert_error(422, "invalid_operation", None);
    assert!(refused.body.contains("50 webhooks"), "{refused:?}");
    let other = server.platform.create_app().unwrap();
    let of_other = request(&server.platform, &other, "POST", "/webhooks", &headers, &body.to_string());
    assert_eq!(of_other.status, 201, "{of_other:?}");
    let count = |server: &Server| server.send("GET", "/webhooks", &headers, "").json().as_array().unwrap().len();
    assert_eq!(count(&server), 50);

    // A database of an earlier release may have more, which go on; there is room for another one once they are fewer.
    server.platform.close().unwrap();
    let app = server.app.clone();
    let file = rusqlite::Connection::open(&path).unwrap();
    let copy = "INSERT INTO webhooks (app, uuid, created_at, version, target_url, events, secret, config, status)
         SELECT app, randomblob(16), created_at, version, target_url, events, secret, config, 'inactive'
         FROM webhooks WHERE app = (SELECT min(app) FROM webhooks) LIMIT 10";
    assert_eq!(file.execute(copy, []).unwrap(), 10);
    file.close().unwrap();
    let mut server = Server::on(config());
    server.app = app;
    assert_eq!(count(&server), 60);
    for left in (49..60).rev() {
        register(&server).assert_error(422, "invalid_operation", None);
        let webhooks = server.send("GET", "/webhooks", &headers, "").json();
        let id = webhooks[0]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        assert_eq!(server.send("DELETE", &format!("/webhooks/{id}"), &headers, "").status, 204);
        assert_eq!(count(&server), left);
    }
    assert_eq!(register(&server).status, 201);
}

/// Contract 6.1 (assumed): it is in every payload.
#[test]
fn the_config_and_the_secret_of_a_webhook_have_limits() {
    let server = start();
    let headers = [("Accept", "application/vnd.layer.webhooks+json; version=1.0")];
    for (config, secret, property) in [
        (json!({ "x": "x".repeat(8184) }), "s".repeat(1024), None),
        (json!({ "x": "x".repeat(8185) }), "s".into(), Some("config")),
        (json!({}), "s".repeat(1025), Some("secret")),
    ] {
        let body = json!({
            "version": "1.0", "target_url": "https://hooks.invalid/", "events": ["message.sent"],
            "secret": secret, "config": config
        });
        let answer = server.send("POST", "/webhooks", &headers, &body.to_string());
        match property {
            None => assert_eq!(answer.status, 201, "{answer:?}"),
            Some(property) => answer.assert_error(422, "invalid_property", Some(property)),
        }
    }
}
