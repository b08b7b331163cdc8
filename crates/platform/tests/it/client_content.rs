//! Client API 4.3, 4.6, 4.8 and 6.7: what a page uploads for a message, the parts of its messages, push tokens, and
//! what SDKs tell their vendor.

use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, raw, start, wait_until};
use crate::device::{Device, Signer, admin};

const ORIGIN: &str = "https://shop.example";

/// 4,000 letters of two bytes each, as a page has them: their number is half of that of the bytes.
fn letters() -> String {
    "Ω".repeat(4000)
}

fn announce(device: &Device<'_>, size: usize) -> Answer {
    let size = size.to_string();
    let headers = [
        ("Origin", ORIGIN),
        ("Upload-Content-Type", "text/plain"),
        ("Upload-Content-Length", size.as_str()),
        ("Upload-Origin", ORIGIN),
    ];
    device.send("POST", "/content", &headers, "")
}

fn target(url: &Value) -> String {
    let url = url.as_str().expect("a URL");
    url[url.find("/content/").expect("a link")..].to_owned()
}

fn put(server: &Server, url: &Value, headers: &[(&str, &str)], bytes: &[u8]) -> Answer {
    raw(&server.platform, "PUT", &target(url), headers, bytes)
}

/// Announces and uploads; returns the UUID.
fn upload(device: &Device<'_>, text: &str) -> String {
    let announced = announce(device, text.len());
    assert_eq!(announced.status, 201, "{announced:?}");
    let uploaded = put(device.server, &announced.json()["upload_url"], &[("Origin", ORIGIN)], text.as_bytes());
    assert_eq!(uploaded.status, 200, "{uploaded:?}");
    announced.uuid()
}

fn carrying(content: &str, size: usize) -> Value {
    let content = json!({ "id": format!("layer:///content/{content}"), "size": size });
    json!({ "parts": [{ "mime_type": "text/plain", "content": content }] })
}

fn converse(device: &Device<'_>, with: &str) -> String {
    device.post("/conversations", &json!({ "participants": [with], "distinct": false })).uuid()
}

/// Client API 4.8: no conversation is named, and the size is in characters where the page says it.
#[test]
fn a_page_uploads_and_its_message_carries_it_in_every_version() {
    let server = start();
    let signer = Signer::of(&server);
    let (maria, leo) = (signer.device(&server, "maria"), signer.device(&server, "leo"));
    for version in ["1.0", "2.0", "3.0"] {
        let (maria, leo) = (maria.at(version), leo.at(version));
        let text = letters();
        let announced = announce(&maria, text.len());
        assert_eq!(announced.status, 201, "{announced:?}");
        assert_eq!(announced.header("access-control-allow-origin"), Some(ORIGIN));
        let id = announced.uuid();
        assert_eq!(announced.header("location"), Some(format!("/content/{id}").as_str()));
        let path = format!("/content/{id}");
        assert_eq!(maria.get(&path).status, 404, "nothing was uploaded yet");

        // The browser asks beforehand, and sends what the SDK says of the length in characters.
        let url = &announced.json()["upload_url"];
        let asked = [
            ("Origin", ORIGIN),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "content-type,upload-content-length,upload-content-type"),
        ];
        let preflight = raw(&server.platform, "OPTIONS", &target(url), &asked, b"");
        assert_eq!(preflight.header("access-control-allow-origin"), Some(ORIGIN), "{preflight:?}");
        let uploaded = put(
            &server,
            url,
            &[("Origin", ORIGIN), ("Upload-Content-Length", "4000"), ("Content-Type", "text/plain")],
            text.as_bytes(),
        );
        assert_eq!((uploaded.status, uploaded.header("access-control-allow-origin")), (200, Some(ORIGIN)));

        // Until a message carries it, it is its uploader's.
        assert_eq!((maria.get(&path).status, leo.get(&path).status), (200, 404));
        let conversation = converse(&maria, "leo");
        let sent = maria.post(&format!("/conversations/{conversation}/messages"), &carrying(&id, 4000));
        assert_eq!(sent.status, 201, "{sent:?}");
        let content = leo.get(&format!("/messages/{}", sent.uuid())).json()["parts"][0]["content"].clone();
        assert_eq!(content["size"], text.len(), "{content}");
        let refresh_url = format!("{}{path}", server.platform.url());
        assert_eq!(content["refresh_url"], refresh_url);
        let refreshed = leo.send("GET", &path, &[("Origin", ORIGIN)], "");
        assert_eq!(refreshed.header("access-control-allow-origin"), Some(ORIGIN));
        assert_eq!(refreshed.json()["refresh_url"], refresh_url);
        let download =
            raw(&server.platform, "GET", &target(&refreshed.json()["download_url"]), &[("Origin", ORIGIN)], b"");
        assert_eq!((download.status, download.header("access-control-allow-origin")), (200, Some("*")));
        assert_eq!(download.body, text);
    }
}

/// Client API 4.8 (assumed): access follows from the conversation.
#[test]
fn uploaded_content_is_for_those_in_whose_conversation_it_is() {
    let mut server = start();
    let id = {
        let signer = Signer::of(&server);
        let people = ["maria", "leo", "eve"].map(|name| signer.device(&server, name));
        let [maria, leo, eve] = &people;
        let id = upload(maria, "bytes");
        let (one, other) = (converse(maria, "leo"), converse(leo, "eve"));
        // Nobody else can send what a user uploaded, and it is in one conversation.
        let into = |device: &Device<'_>, conversation: &str| {
            device.post(&format!("/conversations/{conversation}/messages"), &carrying(&id, 5))
        };
        into(leo, &one).assert_error(422, "invalid_property", Some("parts"));
        assert_eq!(into(maria, &one).status, 201);
        assert_eq!(into(leo, &one).status, 201, "those in the conversation can send it on there");
        into(leo, &other).assert_error(422, "invalid_property", Some("parts"));
        let path = format!("/content/{id}");
        assert_eq!((maria.get(&path).status, leo.get(&path).status, eve.get(&path).status), (200, 200, 404));
        // The application sees it as content of the conversation.
        assert_eq!(server.get(&format!("/conversations/{one}/content/{id}")).status, 200);
        assert_eq!(server.get(&format!("/conversations/{other}/content/{id}")).status, 404);
        maria.get("/content/x").assert_error(400, "invalid_request_id", None);
        assert_eq!(maria.get(&format!("/content/{UNKNOWN}")).status, 404);
        Device::anonymous(&server).get(&path).assert_error(401, "authentication_required", None);

        maria.delete(&format!("/conversations/{one}?mode=all_participants")).assert_empty(204);
        assert_eq!((maria.get(&path).status, leo.get(&path).status), (404, 404));
        upload(maria, "more")
    };
    // The user of the same name in another app is another user.
    server.app = server.platform.create_app().unwrap();
    let elsewhere = Signer::of(&server).device(&server, "maria");
    assert_eq!(elsewhere.get(&format!("/content/{id}")).status, 404);
}

/// Client API 4.8 (assumed): memory and disk are bounded.
#[test]
fn what_no_message_carries_is_limited_and_goes_after_a_week() {
    let server = start();
    server.platform.clock().freeze(None);
    let signer = Signer::of(&server);
    let maria = signer.device(&server, "maria");
    let id = upload(&maria, "forgotten");
    for _ in 1..200 {
        assert_eq!(announce(&maria, 5).status, 201);
    }
    announce(&maria, 5).assert_error(429, "rate_limit_exceeded", None);
    assert_eq!(announce(&signer.device(&server, "leo"), 5).status, 201, "others are not limited by that");
    assert_eq!(maria.get(&format!("/content/{id}")).status, 200);
    server.platform.clock().advance(8 * 24 * 3600 * 1000);
    wait_until("the forgotten content is gone", || maria.get(&format!("/content/{id}")).status == 404);
    assert_eq!(announce(&maria, 5).status, 201);
}

/// Client API 4.8: `missing_property` with the name of the header.
#[test]
fn an_upload_needs_its_headers() {
    let server = start();
    let maria = Signer::of(&server).device(&server, "maria");
    maria.post("/content", &json!({})).assert_error(422, "missing_property", Some("Upload-Content-Type"));
    let headers = [("Upload-Content-Type", "a/b")];
    maria.send("POST", "/content", &headers, "").assert_error(422, "missing_property", Some("Upload-Content-Length"));
}

/// Client API 1.4: a page sees why a link does not work any more.
#[test]
fn a_page_reads_why_a_link_does_not_work() {
    let server = start();
    server.platform.clock().freeze(None);
    let maria = Signer::of(&server).device(&server, "maria");
    let id = upload(&maria, "bytes");
    let link = target(&maria.get(&format!("/content/{id}")).json()["download_url"]);
    server.platform.clock().advance(2 * 3600 * 1000);
    let answer = raw(&server.platform, "GET", &link, &[("Origin", ORIGIN)], b"");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, Some("*")), "{answer:?}");
    let fresh = target(&maria.get(&format!("/content/{id}")).json()["download_url"]);
    assert_eq!(raw(&server.platform, "GET", &fresh, &[], b"").body, "bytes");
}

/// Client API 4.3 (assumed): as contract 2.2.6, for one's own messages.
#[test]
fn a_user_changes_the_parts_of_its_own_messages() {
    let server = start();
    let signer = Signer::of(&server);
    let (maria, leo) = (signer.device(&server, "maria"), signer.device(&server, "leo"));
    let conversation = converse(&maria, "leo");
    let text = |body: &str| json!({ "mime_type": "text/plain", "body": body });
    let sent =
        maria.post(&format!("/conversations/{conversation}/messages"), &json!({ "parts": [text("one")] })).uuid();
    let path = format!("/messages/{sent}/parts");
    let listed = leo.get(&path).json();
    assert_eq!(listed[0]["body"], "one");
    let url = listed[0]["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}{path}/", server.platform.url())), "{url}");
    let first = format!("{path}/{}", url.rsplit('/').next().unwrap());
    assert_eq!(leo.get(&first).json(), listed[0]);

    let added = maria.post(&path, &text("two"));
    assert_eq!((added.status, &added.json()["body"]), (201, &json!("two")));
    let replaced = maria.send("PUT", &first, &[], &text("1").to_string());
    assert_eq!((replaced.status, &replaced.json()["body"]), (200, &json!("1")));
    let bodies = |device: &Device<'_>| -> Vec<String> {
        let parts = device.get(&path).json();
        parts.as_array().unwrap().iter().map(|part| part["body"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(bodies(&leo), ["1", "two"]);
    // Others see them, and change nothing.
    for (method, path) in [("POST", &path), ("PUT", &first)] {
        leo.send(method, path, &[], &text("x").to_string()).assert_error(403, "access_denied", None);
    }
    leo.send("PUT", &path, &[], &json!([text("x")]).to_string()).assert_error(403, "access_denied", None);
    leo.delete(&first).assert_error(403, "access_denied", None);
    signer.device(&server, "eve").get(&path).assert_error(404, "not_found", None);
    maria.delete(&first).assert_empty(204);
    let all = maria.send("PUT", &path, &[], &json!([text("a"), text("b")]).to_string());
    assert_eq!((all.status, bodies(&leo)), (200, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(maria.at("2.0").get(&path).status, 404);

    maria.delete(&format!("/conversations/{conversation}?mode=my_devices&leave=true")).assert_empty(204);
    let refused = maria.post(&path, &text("late"));
    assert!([403, 404].contains(&refused.status), "{refused:?}");
}

/// Client API 4.6.
#[test]
fn push_tokens_are_kept_by_device_and_shown_to_the_application() {
    let server = start();
    let signer = Signer::of(&server);
    let maria = signer.device(&server, "maria");
    let token = |device: &str, token: &str| json!({ "token": token, "type": "apns", "device_id": device, "apns_bundle_id": "b" });
    for version in ["1.0", "2.0", "3.0"] {
        maria.at(version).post("/push_tokens", &token("phone", version)).assert_empty(202);
    }
    maria.post("/push_tokens", &json!({ "type": "apns" })).assert_error(422, "missing_property", Some("token"));
    maria.post("/push_tokens", &token("a/b c", "t")).assert_empty(202);
    let shown = |user: &str| {
        let path = format!("/apps/{}/users/{user}/push_tokens", server.app.app_id);
        admin(&server.platform, "GET", &path, &Value::Null).1
    };
    let expected = json!({
        "device_id": "phone", "type": "apns", "token": "3.0", "apns_bundle_id": "b", "gcm_sender_id": null,
        "ios_version": null,
    });
    assert_eq!((&shown("maria")[1], shown("leo")), (&expected, json!([])));
    maria.delete("/push_tokens/a%2Fb%20c").assert_empty(202);
    maria.delete("/push_tokens/unknown").assert_empty(202);
    signer.device(&server, "leo").delete("/push_tokens/phone").assert_empty(202);
    assert_eq!(shown("maria"), json!([expected]));
    for number in 0..30 {
        maria.post("/push_tokens", &token(&format!("d{number}"), "t")).assert_empty(202);
    }
    let left = shown("maria");
    assert_eq!((left.as_array().unwrap().len(), &left[0]["device_id"]), (25, &json!("d29")));
}

/// Client API 6.7.
#[test]
fn telemetry_is_taken_from_any_page_and_dropped() {
    let server = start();
    let anonymous = Device::anonymous(&server);
    for body in [r#"{"id":"x","records":[]}"#, "", "{"] {
        let answer = anonymous.send("POST", "/telemetry", &[("Origin", ORIGIN), ("Accept", "")], body);
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (202, Some(ORIGIN)), "{answer:?}");
    }
    assert_eq!(anonymous.get("/telemetry").status, 405);
}

/// Client API 4.7: never documented as stable.
#[test]
fn channels_do_not_exist() {
    let server = start();
    let maria = Signer::of(&server).device(&server, "maria");
    for path in ["/channels", &format!("/channels/{UNKNOWN}"), &format!("/channels/{UNKNOWN}/members")] {
        maria.get(path).assert_error(404, "invalid_endpoint", None);
    }
}
