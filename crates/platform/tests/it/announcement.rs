//! Contract 2.3 and 3.4: announcements.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, start};

fn body() -> Value {
    json!({
        "recipients": ["maria", "jon"],
        "sender": { "name": "Concierge" },
        "parts": [{ "mime_type": "text/plain", "body": "Pier closed today" }],
        "notification": { "text": "x" }
    })
}

/// Contract 2.3 (recorded: 202) and 3.4 (recorded, R1).
#[test]
fn an_announcement_is_accepted_and_shown() {
    let server = start();
    let answer = server.post("/announcements", &body());
    assert_eq!(answer.status, 202);
    let expected = json!({
        "id": format!("layer:///announcements/{}", answer.uuid()),
        "url": format!("{}/announcements/{}", server.prefix(), answer.uuid()),
        "sent_at": answer.json()["sent_at"],
        "recipients": ["maria", "jon"],
        "sender": { "name": "Concierge" },
        "parts": [{ "mime_type": "text/plain", "body": "Pier closed today" }]
    });
    assert_eq!(answer.json(), expected);
}

/// Contract 2.3 (recorded for recipients).
#[test]
fn properties_are_looked_at_in_order() {
    let server = start();
    server.post("/announcements", &json!({})).assert_error(422, "missing_property", Some("recipients"));
    for (key, value, id) in [
        ("recipients", json!(null), "missing_property"),
        ("recipients", json!("everyone"), "invalid_property"),
        ("recipients", json!([]), "invalid_property"),
        ("sender", json!(null), "missing_property"),
        ("sender", json!({ "user_id": "maria" }), "invalid_property"),
        ("parts", json!(null), "missing_property"),
        ("parts", json!([]), "invalid_property"),
    ] {
        let mut body = body();
        body[key] = value;
        server.post("/announcements", &body).assert_error(422, id, Some(key));
    }
}

#[test]
fn an_announcement_is_in_no_conversation() {
    let server = start();
    server.conversation(&["maria"]);
    server.post("/announcements", &body());
    assert_eq!(server.get("/users/maria/conversations").json()[0]["last_message"], json!(null));
}

fn announce(server: &Server, recipients: &[&str], text: &str) -> String {
    let body = json!({
        "recipients": recipients,
        "sender": { "name": "Concierge" },
        "parts": [{ "body": text, "mime_type": "text/plain" }]
    });
    let answer = server.post("/announcements", &body);
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.uuid()
}

fn texts(list: &Answer) -> Vec<String> {
    let items = list.json();
    items.as_array().unwrap().iter().map(|item| item["parts"][0]["body"].as_str().unwrap().to_owned()).collect()
}

/// Contract 2.3 and 2.10 [C1]: a recipient sees its own entry alone.
#[test]
fn a_recipient_sees_an_announcement_with_its_own_status() {
    let server = start();
    let id = announce(&server, &["a/1", "b"], "Pier closed");
    let path = format!("/users/a%2F1/announcements/{id}");
    let seen = server.get(&path);
    assert_eq!(seen.status, 200);
    let body = seen.json();
    let url = format!("{}{path}", server.prefix());
    assert_eq!((&body["url"], &body["receipts_url"]), (&json!(url), &json!(format!("{url}/receipts"))));
    assert_eq!(body["id"], format!("layer:///announcements/{id}"));
    assert_eq!(body["sender"], json!({ "user_id": null, "name": "Concierge" }));
    assert_eq!(body["recipient_status"], json!({ "a/1": "sent" }));
    assert_eq!((&body["is_unread"], &body["received_at"]), (&json!(true), &body["sent_at"]));
    assert_eq!(body["parts"][0]["id"], format!("layer:///announcements/{id}/parts/0"));
    assert_eq!((body.get("recipients"), body.get("conversation")), (None, None));
    assert_eq!(server.get("/users/a%2F1/announcements").json()[0], body);

    let modern = server.at("3.0").get(&path).json();
    assert_eq!(modern["recipient_status"], json!({ "layer:///identities/a%2F1": "sent" }));
    assert_eq!(modern["sender"]["display_name"], "Concierge");
}

/// Contract 2.2.3 [C1], for announcements.
#[test]
fn receipts_raise_the_status_of_an_announcement_for_their_reader_alone() {
    let server = start();
    let id = announce(&server, &["a", "b"], "x");
    let path = format!("/users/a/announcements/{id}");
    for (kind, status, is_unread) in
        [("delivery", "delivered", true), ("read", "read", false), ("delivery", "read", false), ("read", "read", false)]
    {
        server.post(&format!("{path}/receipts"), &json!({ "type": kind })).assert_empty(204);
        let seen = server.get(&path).json();
        assert_eq!((&seen["recipient_status"]["a"], &seen["is_unread"]), (&json!(status), &json!(is_unread)), "{kind}");
    }
    assert_eq!(server.get(&format!("/users/b/announcements/{id}")).json()["is_unread"], true);
}

/// Contract 1.7.
#[test]
fn the_announcements_of_a_user_are_paged_newest_first() {
    let server = start();
    let ids: Vec<String> = (0..4).map(|index| announce(&server, &["a", "b"], &index.to_string())).collect();
    announce(&server, &["b"], "not for a");
    let all = server.get("/users/a/announcements");
    assert_eq!((all.status, all.header("layer-count")), (200, Some("4")));
    assert_eq!(texts(&all), ["3", "2", "1", "0"]);
    let page = server.get(&format!("/users/a/announcements?page_size=2&from_id=layer:///announcements/{}", ids[3]));
    assert_eq!((page.status, page.header("layer-count"), texts(&page)), (200, Some("4"), vec!["2".into(), "1".into()]));
    let none = server.at("3.0").get("/users/nobody/announcements");
    assert_eq!((none.body.as_str(), none.header("layer-count")), ("[]", Some("0")));

    server.delete(&format!("/users/a/announcements/{}", ids[2])).assert_empty(204);
    let left = server.get("/users/a/announcements");
    assert_eq!((left.header("layer-count"), texts(&left)), (Some("3"), vec!["3".into(), "1".into(), "0".into()]));
    assert_eq!(server.get("/users/b/announcements").header("layer-count"), Some("5"));
    server.get(&format!("/users/a/announcements?from_id={}", ids[2])).assert_error(404, "not_found", None);
}

#[test]
fn an_announcement_is_found_by_those_who_have_it_only() {
    let server = start();
    let id = announce(&server, &["a", "b"], "x");
    server.introduce("stranger");
    server.delete(&format!("/users/a/announcements/{id}")).assert_empty(204);
    for path in [
        format!("/users/a/announcements/{id}"),
        format!("/users/stranger/announcements/{id}"),
        format!("/users/b/announcements/{UNKNOWN}"),
    ] {
        let answers = [
            server.get(&path),
            server.delete(&path),
            server.post(&format!("{path}/receipts"), &json!({ "type": "read" })),
        ];
        for answer in answers {
            answer.assert_error(404, "not_found", None);
            assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/client/rest#not_found");
        }
        // What is wrong with the request comes first.
        let bad = server.post(&format!("{path}/receipts"), &json!({ "type": "x" }));
        bad.assert_error(422, "invalid_property", Some("type"));
    }
    server.get("/users/a/announcements/wrongid").assert_error(400, "invalid_request_id", None);
    assert_eq!(server.get(&format!("/users/b/announcements/{id}")).status, 200);
}

/// Contract 2.3 (assumed): there is no system view of an announcement.
#[test]
fn an_announcement_cannot_be_read_by_the_system() {
    let server = start();
    let id = announce(&server, &["a"], "x");
    server.get(&format!("/announcements/{id}")).assert_error(404, "invalid_endpoint", None);
}
