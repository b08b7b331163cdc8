//! Web pages use the Client API from any origin, and the Server API from none. Client API 1.4.

use serde_json::json;

use crate::client::{Answer, Server, UNKNOWN, raw, request, start};
use crate::device::{Device, Signer, admin};

const ORIGIN: (&str, &str) = ("Origin", "https://shop.example");

/// Asserts that a page of [`ORIGIN`] can read the answer and its headers.
fn assert_readable(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN.1), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"), "{answer:?}");
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
    for name in ["Layer-Count", "Layer-Conversation-Is-Syncing", "Link", "Location"] {
        assert!(exposed.contains(name), "{name}: {answer:?}");
    }
    assert!(answer.headers.iter().any(|(name, value)| name == "vary" && value.contains("Origin")), "{answer:?}");
    assert_eq!(answer.header("set-cookie"), None);
}

fn has_cors(answer: &Answer) -> bool {
    answer.headers.iter().any(|(name, _)| name.starts_with("access-control-"))
}

/// Client API 1.4: the SDK reads the nonce of a `401`.
#[test]
fn a_page_of_any_origin_reads_every_answer() {
    let server = start();
    let device = Signer::of(&server).device(&server, "maria");
    let anonymous = Device::anonymous(&server);
    let patch = json!([{ "operation": "set", "property": "nonsense", "value": 1 }]).to_string();
    let conversation = device.post("/conversations", &json!({ "participants": ["leo"] })).uuid();
    let of_conversation = format!("/conversations/{conversation}");
    for (status, device, method, path, headers, body) in [
        (200, &device, "GET", "/conversations", vec![], ""),
        (201, &anonymous, "POST", "/nonces", vec![], ""),
        (200, &anonymous, "GET", "/", vec![], ""),
        (200, &anonymous, "HEAD", "/ping", vec![], ""),
        (400, &device, "GET", "/messages/x", vec![], ""),
        (401, &anonymous, "GET", "/conversations", vec![], ""),
        (403, &device, "POST", "/sessions", vec![], r#"{"identity_token":"x","app_id":"x"}"#),
        (404, &device, "GET", "/channels", vec![], ""),
        (404, &device, "GET", &format!("/conversations/{UNKNOWN}"), vec![], ""),
        (405, &device, "PUT", "/conversations", vec![], ""),
        (406, &device, "GET", "/conversations", vec![("Accept", "application/json")], ""),
        (406, &device, "PATCH", &of_conversation, vec![], "[]"),
        (422, &device, "POST", "/conversations", vec![], "{}"),
        (422, &device, "PATCH", &of_conversation, vec![("Content-Type", "application/vnd.layer-patch+json")], &patch),
    ] {
        let mut all = vec![ORIGIN];
        all.extend(headers);
        let answer = device.send(method, path, &all, body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_readable(&answer);
    }
    // A fault that a test injects, too.
    let fault = json!({ "status": 503, "match": { "path": "/announcements" } });
    assert_eq!(admin(&server.platform, "POST", "/faults", &fault).0, 201);
    let answer = device.send("GET", "/announcements", &[ORIGIN], "");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_readable(&answer);
}

fn preflight(server: &Server, path: &str) -> Answer {
    let asked = "accept,authorization,client-id,content-type,layer-xdk-version";
    let headers = [ORIGIN, ("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", asked)];
    raw(&server.platform, "OPTIONS", path, &headers, b"")
}

/// Client API 1.4: a preflight has neither version nor session.
#[test]
fn a_preflight_is_answered_before_everything_else() {
    let server = start();
    for path in ["/conversations/x", "/nonces", "/sessions/token", "/", "/identities/o'neil"] {
        let answer = preflight(&server, path);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{answer:?}");
        assert_readable(&answer);
        assert_eq!(answer.header("access-control-allow-methods"), Some("GET, HEAD, POST, PUT, PATCH, DELETE"));
        let asked = "accept,authorization,client-id,content-type,layer-xdk-version";
        assert_eq!(answer.header("access-control-allow-headers"), Some(asked));
        assert_eq!(answer.header("access-control-max-age"), Some("600"));
    }
    // Without an origin it is a request like any other.
    let device = Device::anonymous(&server);
    assert_eq!(device.send("OPTIONS", "/nonces", &[], "").status, 405);
}

/// Client API 1.4: the token of an app belongs in no browser.
#[test]
fn the_server_api_lets_no_page_in() {
    let server = start();
    let of_server = |path: &str| request(&server.platform, &server.app, "GET", path, &[ORIGIN], "");
    for answer in [
        of_server("/webhooks"),
        of_server("/users/maria/conversations"),
        preflight(&server, &format!("/apps/{}/conversations", server.app.app_id)),
        preflight(&server, "/openapi.json"),
        raw(&server.platform, "GET", "/openapi.json", &[ORIGIN], b""),
    ] {
        assert!(!has_cors(&answer), "{answer:?}");
    }
    // Who asks without an origin is no page.
    assert!(!has_cors(&Device::anonymous(&server).get("/")));
}
