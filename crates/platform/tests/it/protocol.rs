//! Contract 1.1 to 1.3 and 1.9: addresses, versions, tokens, errors of any request.

use serde_json::json;

use crate::client::{UNKNOWN, raw, request, start};

/// Contract 1.3, the error object word by word.
#[test]
fn a_request_without_an_accept_header_is_not_acceptable() {
    let server = start();
    let answer = server.send("GET", "/users/a/blocks", &[("Accept", "")], "");
    assert_eq!(answer.status, 406);
    assert_eq!(
        answer.json(),
        json!({
            "id": "invalid_header",
            "code": 107,
            "message": "Invalid Accept header; must be of form application/vnd.layer+json; version=x.y",
            "url": "https://developer.layer.com/docs/platform#overview",
            "data": { "header": "Accept" }
        })
    );
}

/// Contract 1.3: four versions are served, and no others.
#[test]
fn other_versions_and_other_media_types_are_not_acceptable() {
    let server = start();
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        assert_eq!(server.at(version).get("/users/a/blocks").status, 200, "{version}");
    }
    for accept in [
        "*/*",
        "application/json",
        "application/vnd.layer+json",
        "application/vnd.layer+json; version=0.9",
        "application/vnd.layer+json; version=4.0",
        "application/vnd.layer.webhooks+json; version=1.0",
    ] {
        let answer = server.send("GET", "/users/a/blocks", &[("Accept", accept)], "");
        answer.assert_error(406, "invalid_header", None);
    }
    let answer = server.send("GET", "/users/a/blocks", &[("Accept", "application/vnd.layer+json;version=1.0")], "");
    assert_eq!(answer.status, 200);
}

/// Contract 6.1: paths about webhooks have a media type of their own.
#[test]
fn paths_about_webhooks_need_the_media_type_of_webhooks() {
    let server = start();
    for path in ["/webhooks", "/webhooks/x/activate"] {
        for version in ["1.0", "1.1", "2.0", "3.0"] {
            let answer = server.at(version).get(path);
            answer.assert_error(406, "invalid_header", None);
            assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/webhooks");
        }
        for version in ["1.0", "2.0", "3.0"] {
            let accept = format!("application/vnd.layer.webhooks+json; version={version}");
            assert_ne!(server.send("GET", path, &[("Accept", &accept)], "").status, 406, "{version}");
        }
        let accept = "application/vnd.layer.webhooks+json; version=1.1";
        server.send("GET", path, &[("Accept", accept)], "").assert_error(406, "invalid_header", None);
    }
}

/// Contract 1.2.
#[test]
fn a_missing_or_wrong_token_is_unauthorized() {
    let server = start();
    let basic = format!("Basic {}", server.app.token.reveal());
    let longer = format!("Bearer {}x", server.app.token.reveal());
    for authorization in ["", "Bearer", "Bearer wrong", basic.as_str(), longer.as_str()] {
        let answer = server.send("GET", "/users/a/blocks", &[("Authorization", authorization)], "");
        answer.assert_error(401, "authentication_required", None);
        assert_eq!(answer.json()["code"], 4);
        assert_eq!(answer.json().get("data"), None);
    }
}

#[test]
fn the_token_of_another_app_is_unauthorized() {
    let server = start();
    let other = server.platform.create_app().unwrap();
    let token = format!("Bearer {}", other.token.reveal());
    server.send("GET", "/users/a/blocks", &[("Authorization", &token)], "").assert_error(
        401,
        "authentication_required",
        None,
    );
}

#[test]
fn an_unknown_or_malformed_app_is_refused() {
    let server = start();
    let token = format!("Bearer {}", server.app.token.reveal());
    let headers = [("Accept", "application/vnd.layer+json; version=1.0"), ("Authorization", token.as_str())];
    for app in [UNKNOWN, "wrongid"] {
        let answer = raw(&server.platform, "GET", &format!("/apps/{app}/users/a/blocks"), &headers, b"");
        answer.assert_error(403, "invalid_app_id", None);
    }
}

#[test]
fn apps_do_not_see_each_other() {
    let server = start();
    let other = server.platform.create_app().unwrap();
    let conversation = server.conversation(&["a", "b"]);
    let message = server.text(&conversation, "Hi");
    server.put("/users/a/identity", &json!({ "display_name": "A" })).assert_empty(204);
    server.post("/users/a/blocks", &json!({ "user_id": "c" })).assert_empty(204);

    let see = |path: &str| request(&server.platform, &other, "GET", path, &[], "");
    assert_eq!(see(&format!("/conversations/{conversation}")).status, 404);
    assert_eq!(see(&format!("/conversations/{conversation}/messages/{message}")).status, 404);
    assert_eq!(see(&format!("/users/a/messages/{message}")).status, 404);
    // The other app does not even know the user (contract 2.1.3).
    assert_eq!(see("/users/a/conversations").status, 404);
    assert_eq!(see("/users/a/identity").status, 404);
    assert_eq!(see("/users/a/blocks").json(), json!([]));

    // Nor does the id that one of them uses stand in the way of the other.
    let body = json!({ "participants": ["x"] }).to_string();
    let tag = [("If-None-Match", conversation.as_str())];
    let answer = request(&server.platform, &other, "POST", "/conversations", &tag, &body);
    assert_eq!((answer.status, answer.uuid()), (201, conversation));
}

/// Contract 1.1 (recorded, R1 and R3).
#[test]
fn answers_with_a_body_are_json_in_utf8() {
    let server = start();
    assert_eq!(server.get("/users/a/blocks").header("content-type"), Some("application/json; charset=UTF-8"));
    assert_eq!(server.get("/nope").header("content-type"), Some("application/json; charset=UTF-8"));
}

#[test]
fn an_unknown_route_is_an_invalid_endpoint() {
    let server = start();
    for path in ["/", "/nope", "/conversations/", "/users//blocks", "/users/a/nope", "/announcements/x"] {
        server.get(path).assert_error(404, "invalid_endpoint", None);
    }
    raw(&server.platform, "GET", "/nope", &[], b"").assert_error(404, "invalid_endpoint", None);
}

/// Contract 1.9: the answer has an `Allow` header.
#[test]
fn a_wrong_method_is_not_allowed() {
    let server = start();
    for (method, path, allowed) in [
        ("GET", "/conversations", "POST"),
        ("DELETE", "/announcements", "POST"),
        ("GET", "/users/a/blocks/b", "DELETE"),
        ("PUT", &format!("/conversations/{UNKNOWN}"), "GET,HEAD,PATCH,DELETE"),
    ] {
        let answer = server.send(method, path, &[], "");
        answer.assert_error(405, "method_not_allowed", None);
        let mut given: Vec<_> = answer.header("allow").unwrap().split(',').collect();
        let mut expected: Vec<_> = allowed.split(',').collect();
        given.sort_unstable();
        expected.sort_unstable();
        assert_eq!(given, expected, "{method} {path}");
    }
}

/// Contract 1.3 (recorded, R3): `GET` and `DELETE` come without a `Content-Type`, bodies with
/// `application/json;charset=utf-8`. That earlier versions take the same is (assumed).
#[test]
fn only_a_request_with_a_body_needs_a_content_type() {
    let server = start();
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        let speaker = server.at(version);
        let headers = [("Content-Type", "application/json;charset=utf-8")];
        let created = speaker.send("POST", "/conversations", &headers, r#"{"participants":["a"]}"#);
        assert_eq!(created.status, 201, "{version}");
        let path = format!("/conversations/{}", created.uuid());
        // An empty value leaves the header out.
        assert_eq!(speaker.send("GET", &path, &[("Content-Type", "")], "").status, 200, "{version}");
        assert_eq!(speaker.send("GET", "/users/a/conversations", &[("Content-Type", "")], "").status, 200, "{version}");
        speaker.send("DELETE", &path, &[("Content-Type", "")], "").assert_empty(204);
    }
}

/// Contract 1.3.
#[test]
fn a_post_can_stand_in_for_a_patch() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}");
    let operations = json!([{ "operation": "add", "property": "participants", "value": "b" }]).to_string();
    let headers = [("X-HTTP-Method-Override", "PATCH"), ("Content-Type", "application/vnd.layer-patch+json")];
    server.send("POST", &path, &headers, &operations).assert_empty(204);
    assert_eq!(server.get(&path).json()["participants"], json!(["a", "b"]));
    let headers = [("X-HTTP-Method-Override", "PATCH"), ("Content-Type", "application/json")];
    server.send("POST", &path, &headers, &operations).assert_error(406, "invalid_header", None);
}

/// Contract 1.3 (recorded, R1 and R3: the type that clients send). Checked before the body and the conversation are
/// looked at.
#[test]
fn a_patch_with_another_content_type_is_not_acceptable() {
    let server = start();
    for content_type in ["", "application/json", "application/vnd.layer-patch.json"] {
        let path = format!("/conversations/{UNKNOWN}");
        let answer = server.send("PATCH", &path, &[("Content-Type", content_type)], "[]");
        answer.assert_error(406, "invalid_header", None);
        assert_eq!(answer.json()["data"], json!({ "header": "Content-Type" }));
    }
}

/// Contract 8: broken JSON.
#[test]
fn a_broken_body_is_an_invalid_request() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    for path in ["/conversations", "/announcements", "/users/a/blocks", "/users/a/identity"] {
        for body in ["", "{", "null", "7", "\"x\"", "[1]"] {
            server.send("POST", path, &[], body).assert_error(400, "invalid_request", None);
        }
    }
    let headers = [("Content-Type", "application/vnd.layer-patch+json")];
    for body in ["", "{", "{}", "null", "[1]"] {
        let path = format!("/conversations/{conversation}");
        server.send("PATCH", &path, &headers, body).assert_error(400, "invalid_request", None);
    }
}

/// Contract 8 and 2.2.1 (recorded, L3): `[]` is an object without keys, but not for messages.
#[test]
fn an_empty_array_counts_as_an_object_without_keys_except_for_messages() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    for (path, property) in [
        ("/conversations", "participants"),
        ("/announcements", "recipients"),
        ("/users/a/blocks", "user_id"),
        ("/users/a/identity", "display_name"),
    ] {
        server.post(path, &json!([])).assert_error(422, "missing_property", Some(property));
    }
    let path = format!("/conversations/{conversation}/messages");
    server.post(&path, &json!([])).assert_error(400, "invalid_request", None);
}

#[test]
fn a_body_over_one_mebibyte_is_too_large() {
    let server = start();
    let body = json!({ "participants": ["a"], "ignored": "x".repeat(1_048_576) });
    server.post("/conversations", &body).assert_error(413, "invalid_request", None);
    let body = json!({ "participants": ["a"], "ignored": "x".repeat(1_048_576 - 100) });
    assert_eq!(server.post("/conversations", &body).status, 201);
}

#[test]
fn a_refused_request_with_a_large_body_sees_its_answer_and_no_reset() {
    use std::io::{Read as _, Write as _};
    let server = start();
    let address = server.platform.url().strip_prefix("http://").unwrap();
    let body = vec![b'x'; 4_000_000];
    for _ in 0..10 {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {}/conversations HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.layer+json; version=1.0\r\n\
             Authorization: Bearer wrong\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            server.prefix(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
}

#[test]
fn a_path_that_is_not_percent_encoded_utf8_is_an_invalid_request() {
    let server = start();
    for path in ["/users/%/blocks", "/users/%zz/blocks", "/users/%ff/blocks", "/users/a%4/blocks", "/users/%00/blocks"]
    {
        server.get(path).assert_error(400, "invalid_request", None);
    }
    server.get(&format!("/users/{}/blocks", "x".repeat(1025))).assert_error(400, "invalid_request", None);
}

#[test]
fn several_requests_go_over_one_connection() {
    use std::io::{Read as _, Write as _};
    let server = start();
    let address = server.platform.url().strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"HTTP/1.1 404"));
    }
}
