//! Contract 1.9: the error table, word by word, for every row that these requests can meet.

use serde_json::{Value, json};

use crate::client::{Answer, UNKNOWN, raw, start};

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];
const PLATFORM: &str = "https://developer.layer.com/docs/platform";
const OVERVIEW: &str = "https://developer.layer.com/docs/platform#overview";
const CLIENT: &str = "https://developer.layer.com/docs/client/rest#";

/// Asserts the whole body of an error; `message` is asserted where a text is recorded or documented.
fn assert_row(
    answer: &Answer,
    status: u16,
    id: &str,
    code: u16,
    url: &str,
    data: Option<Value>,
    message: Option<&str>,
) {
    let body = answer.json();
    let mut expected =
        json!({ "id": id, "code": code, "message": message.map_or(body["message"].clone(), Value::from), "url": url });
    if let Some(data) = data {
        expected["data"] = data;
    }
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert_eq!((answer.status, body), (status, expected));
}

fn property(name: &str) -> Value {
    json!({ "property": name })
}

fn client(id: &str) -> String {
    format!("{CLIENT}{id}")
}

/// Contract 1.9, 2, 2.1 and 2.2.1: texts, links and the absence of `data` where there is none (recorded, R1 and N1).
#[test]
fn every_row_about_the_request_itself_prints_as_it_should() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let path = format!("/conversations/{conversation}");
    for version in VERSIONS {
        let speaker = server.at(version);
        let accept = format!("application/vnd.layer+json; version={version}");
        let authorization = format!("Bearer {}", server.app.token.reveal());
        let headers = [("Accept", accept.as_str()), ("Authorization", authorization.as_str())];
        for app in [UNKNOWN, "x"] {
            let answer = raw(&server.platform, "GET", &format!("/apps/{app}/users/a/blocks"), &headers, b"");
            assert_row(&answer, 403, "invalid_app_id", 2, PLATFORM, None, None);
        }

        let tagged = [("If-None-Match", "\"x\"")];
        let answer = speaker.send("POST", "/conversations", &tagged, r#"{"participants":["a"]}"#);
        assert_row(&answer, 400, "invalid_request_id", 3, PLATFORM, None, None);
        let answer = speaker.get(&format!("{path}/messages/x"));
        assert_row(&answer, 400, "invalid_request_id", 3, &client("invalid_request_id"), None, None);

        let answer = speaker.send("GET", &path, &[("Authorization", "Bearer x")], "");
        let text = Some("Authentication is required");
        assert_row(&answer, 401, "authentication_required", 4, PLATFORM, None, text);

        let answer = speaker.send("POST", "/conversations", &[], "{");
        assert_row(&answer, 400, "invalid_request", 10, PLATFORM, None, None);

        let sender = if version < "2.0" { "sender" } else { "sender_id" };
        let messages = format!("{path}/messages");
        let mut missing =
            vec![("/conversations", "participants"), ("/announcements", "recipients"), (messages.as_str(), sender)];
        if version < "2.0" {
            missing.push(("/users/a/blocks", "user_id"));
        }
        for (path, name) in missing {
            let answer = speaker.post(path, &json!({}));
            let text = format!("Object is missing required member '{name}'");
            assert_row(&answer, 422, "missing_property", 104, PLATFORM, Some(property(name)), Some(&text));
        }

        let many: Vec<String> = (0..26).map(|user| user.to_string()).collect();
        let answer = speaker.post("/conversations", &json!({ "participants": many }));
        assert_row(&answer, 422, "invalid_property", 105, PLATFORM, Some(property("participants")), None);
        let answer = speaker.get("/users/a/conversations?page_size=0");
        let url = client("invalid_property");
        assert_row(&answer, 422, "invalid_property", 105, &url, Some(property("page_size")), None);

        assert_row(&speaker.get("/nope"), 404, "invalid_endpoint", 106, PLATFORM, None, None);

        let header = |name: &str| Some(json!({ "header": name }));
        let answer = speaker.send("GET", &path, &[("Accept", "application/json")], "");
        let text = Some("Invalid Accept header; must be of form application/vnd.layer+json; version=x.y");
        assert_row(&answer, 406, "invalid_header", 107, OVERVIEW, header("Accept"), text);
        let answer = speaker.send("PATCH", &path, &[], "[]");
        assert_row(&answer, 406, "invalid_header", 107, OVERVIEW, header("Content-Type"), None);

        let answer = speaker.put("/announcements", &json!({}));
        assert_row(&answer, 405, "method_not_allowed", 109, PLATFORM, None, None);
        assert_eq!(answer.header("allow"), Some("POST"));
        let answer = speaker.put("/users/a/conversations", &json!({}));
        assert_row(&answer, 405, "method_not_allowed", 109, &client("method_not_allowed"), None, None);
        assert!(answer.header("allow").unwrap().split(',').any(|method| method == "GET"));
    }
}

/// Contract 1.9 and 2: texts, links and the absence of `data` where there is none (recorded, R1 and N1).
#[test]
fn every_row_about_what_is_stored_prints_as_it_should() {
    let server = start();
    let conversation = server.conversation(&["a", "b"]);
    let path = format!("/conversations/{conversation}");
    let deleted = server.conversation(&["a"]);
    server.delete(&format!("/conversations/{deleted}")).assert_empty(204);
    server.put("/users/c/identity", &json!({ "display_name": "C" })).assert_empty(204);
    server.post("/users/f/blocks", &json!({ "user_id": "g" })).assert_empty(204);
    for version in VERSIONS {
        let speaker = server.at(version);
        let from = |user: &str| {
            let sender =
                if version < "2.0" { ("sender", json!({ "user_id": user })) } else { ("sender_id", json!(user)) };
            let mut message = json!({ "parts": [{ "mime_type": "text/plain", "body": "x" }] });
            message[sender.0] = sender.1;
            message
        };
        let answer = speaker.post(&format!("{path}/messages"), &from("c"));
        assert_row(&answer, 403, "access_denied", 101, PLATFORM, None, None);

        let answer = speaker.get(&format!("/conversations/{UNKNOWN}"));
        let text = Some("The referenced conversation cannot be found.");
        assert_row(&answer, 404, "not_found", 102, PLATFORM, None, text);
        let answer = speaker.get(&format!("/users/a/conversations/{UNKNOWN}"));
        assert_row(&answer, 404, "not_found", 102, &client("not_found"), None, text);
        let answer = speaker.get(&format!("{path}/messages/{UNKNOWN}"));
        let text = Some("A Message with the specified identifier could not be found.");
        assert_row(&answer, 404, "not_found", 102, &client("not_found"), None, text);

        let answer = speaker.get(&format!("/conversations/{deleted}"));
        let text = Some("The referenced conversation has been deleted.");
        assert_row(&answer, 410, "object_deleted", 103, PLATFORM, None, text);

        let distinct = json!({ "participants": ["d", "e"], "distinct": true });
        let existing = speaker.post("/conversations", &distinct).json();
        let mut other = distinct;
        other["metadata"] = json!({ "a": "b" });
        let answer = speaker.post("/conversations", &other);
        let text =
            Some("The requested Distinct Conversation was found but had metadata that did not match your request.");
        assert_row(&answer, 409, "conflict", 108, PLATFORM, Some(existing), text);

        let answer = speaker.post("/conversations", &json!({ "participants": ["f", "g"] }));
        assert_row(&answer, 422, "participant_blocked", 110, PLATFORM, None, None);

        let existing = speaker.get(&path).json();
        let answer = speaker.post_tagged(&format!("{path}/messages"), &conversation, &from("a"));
        let text = Some("The requested Message already exists");
        assert_row(&answer, 409, "id_in_use", 111, PLATFORM, Some(existing), text);
    }
}
