//! The REST API of webhooks, and their verification. Contract 6.1 and 6.2.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{PATIENCE, UNKNOWN, start as start_strict, wait_until};
use crate::receiver::{
    ACCEPT, Reaction, Receiver, activated, ask, register, registration, start, usual, wait_for_status,
};

/// Contract 6.1: the error of this API points at its own documentation (recorded, R1).
fn assert_in_webhook_docs(body: &Value) {
    assert_eq!(body["url"], "https://developer.layer.com/docs/webhooks", "{body}");
}

// Contract 1.1 and 6.1 (recorded, R1): status and keys; it is verified without being asked.
#[test]
fn a_new_webhook_is_unverified_and_is_verified_by_itself() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let mut request = registration(&receiver.url);
    request["config"] = json!({ "key1": "value1", "key2": "value2" });
    let answer = ask(&server, "POST", "", &request.to_string());
    assert_eq!(answer.status, 201);
    let (created, id) = (answer.json(), answer.uuid());
    assert_eq!(
        created,
        json!({
            "id": format!("layer:///apps/{}/webhooks/{id}", server.app.app_id),
            "url": format!("{}/webhooks/{id}", server.prefix()),
            "version": "1.0",
            "target_url": receiver.url,
            "events": request["events"],
            "status": "unverified",
            "created_at": created["created_at"],
            "config": { "key1": "value1", "key2": "value2" },
        })
    );
    // The keys come in the recorded order, and the secret is none of them.
    let keys: Vec<_> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["id", "url", "version", "target_url", "events", "status", "created_at", "config"]);
    let active = wait_for_status(&server, &id, "active");
    assert_eq!(active.get("status_reason"), None);
}

// Contract 1.6 and 6.1 (recorded, R1): the tag is tolerated, but the webhook gets a UUID of its own.
#[test]
fn a_dedupe_tag_is_tolerated_and_not_used() {
    let server = start();
    for tag in [UNKNOWN, "not-a-uuid"] {
        let body = registration("https://hooks.example.com/layer").to_string();
        let answer = server.send("POST", "/webhooks", &[ACCEPT, ("If-None-Match", tag)], &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_ne!(answer.uuid(), tag);
    }
}

// Contract 1.9 and 6.1 (recorded, R1): the text, the code, the link and the property of the first check.
#[test]
fn an_empty_request_lacks_its_version() {
    let answer = ask(&start_strict(), "POST", "", "{}");
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.json(),
        json!({
            "id": "missing_property",
            "code": 104,
            "message": "The version property cannot be omitted.",
            "url": "https://developer.layer.com/docs/webhooks",
            "data": { "property": "version" },
        })
    );
}

#[test]
fn what_is_wrong_with_a_request_is_named_in_the_order_of_the_contract() {
    let server = start_strict();
    let mut request = json!({ "events": [], "target_url": "http://a.example", "secret": 1, "version": "9" });
    for (property, mended) in [
        ("version", json!("2.0")),
        // Only `https`, unless the operator allows more (assumed).
        ("target_url", json!("https://a.example")),
        ("events", json!(["Message.created"])),
        ("secret", json!("s")),
    ] {
        let answer = ask(&server, "POST", "", &request.to_string());
        answer.assert_error(422, "invalid_property", Some(property));
        assert_in_webhook_docs(&answer.json());
        request[property] = mended;
    }
    assert_eq!(ask(&server, "POST", "", &request.to_string()).status, 201);
    for body in ["", "{", "7"] {
        let answer = ask(&server, "POST", "", body);
        answer.assert_error(400, "invalid_request", None);
        assert_in_webhook_docs(&answer.json());
    }
}

// Contract 6.1: another media type than the rest of the API, with versions 1.0, 2.0 and 3.0; anything else is 406.
#[test]
fn another_accept_is_refused() {
    let server = start_strict();
    for version in ["1.0", "2.0", "3.0"] {
        let accept = format!("application/vnd.layer.webhooks+json; version={version}");
        assert_eq!(server.send("GET", "/webhooks", &[("Accept", &accept)], "").json(), json!([]));
    }
    for accept in [
        "",
        "application/json",
        "application/vnd.layer+json; version=1.0",
        "application/vnd.layer.webhooks+json",
        "application/vnd.layer.webhooks+json; version=1.1",
    ] {
        for (method, path) in [("GET", "/webhooks"), ("POST", "/webhooks"), ("DELETE", "/webhooks/x")] {
            let answer = server.send(method, path, &[("Accept", accept)], "");
            answer.assert_error(406, "invalid_header", None);
            assert_eq!(answer.json()["data"], json!({ "header": "Accept" }));
            assert_in_webhook_docs(&answer.json());
        }
    }
    let of_webhooks = server.send("GET", "/users/a/blocks", &[ACCEPT], "");
    of_webhooks.assert_error(406, "invalid_header", None);
}

// Contract 6.1: a `POST` needs `Content-Type: application/json`.
#[test]
fn a_new_webhook_needs_the_content_type_of_json() {
    let server = start_strict();
    let body = registration("https://hooks.example.com/layer").to_string();
    for content_type in ["", "text/plain", "application/vnd.layer-patch+json"] {
        let answer = server.send("POST", "/webhooks", &[ACCEPT, ("Content-Type", content_type)], &body);
        answer.assert_error(406, "invalid_header", None);
        assert_eq!(answer.json()["data"], json!({ "header": "Content-Type" }));
    }
    let charset = ("Content-Type", "application/json; charset=UTF-8");
    assert_eq!(server.send("POST", "/webhooks", &[ACCEPT, charset], &body).status, 201);
}

/// Contract 1.9 and 2 (recorded, R1): whatever goes wrong below /webhooks.
#[test]
fn a_token_is_needed_and_errors_point_at_the_documentation_of_webhooks() {
    let server = start_strict();
    let answer = server.send("GET", "/webhooks", &[ACCEPT, ("Authorization", "")], "");
    answer.assert_error(401, "authentication_required", None);
    assert_in_webhook_docs(&answer.json());
    for (method, path, allowed) in [
        ("PUT", "", "POST"),
        ("PATCH", "/x", "DELETE"),
        ("GET", "/x/activate", "POST"),
        ("PUT", "/x/deactivate", "POST"),
    ] {
        let answer = ask(&server, method, path, "");
        answer.assert_error(405, "method_not_allowed", None);
        assert!(answer.header("allow").unwrap().contains(allowed), "{answer:?}");
        assert_in_webhook_docs(&answer.json());
    }
    for path in ["/", "/x/nope", "/x/activate/more"] {
        let answer = ask(&server, "GET", path, "");
        answer.assert_error(404, "invalid_endpoint", None);
        assert_in_webhook_docs(&answer.json());
    }
    let large = format!(r#"{{"version":"{}"}}"#, "1".repeat(1_048_576));
    let answer = ask(&server, "POST", "", &large);
    answer.assert_error(413, "invalid_request", None);
    assert_in_webhook_docs(&answer.json());
    // A path that only begins alike is no part of that API.
    let answer = server.get("/webhooks-of-mine");
    answer.assert_error(404, "invalid_endpoint", None);
    assert_eq!(answer.json()["url"], "https://developer.layer.com/docs/platform");
}

#[test]
fn webhooks_are_listed_read_and_deleted() {
    let server = start_strict();
    let ids: Vec<_> =
        (0..3).map(|index| register(&server, &registration(&format!("https://hooks.example.com/{index}")))).collect();
    let list = ask(&server, "GET", "", "");
    assert_eq!(list.status, 200);
    let listed: Vec<_> = list.json().as_array().unwrap().iter().map(|webhook| webhook["url"].clone()).collect();
    let expected: Vec<_> = ids.iter().map(|id| json!(format!("{}/webhooks/{id}", server.prefix()))).collect();
    assert_eq!(listed, expected);

    let one = format!("/{}", ids[0]);
    assert_eq!(ask(&server, "GET", &one, "").json()["target_url"], "https://hooks.example.com/0");
    ask(&server, "DELETE", &one, "").assert_empty(204);
    assert_eq!(ask(&server, "GET", "", "").json().as_array().unwrap().len(), 2);
    for (method, path) in [
        ("GET", one.clone()),
        ("DELETE", one.clone()),
        ("POST", format!("{one}/activate")),
        ("POST", one + "/deactivate"),
    ] {
        let answer = ask(&server, method, &path, "");
        answer.assert_error(404, "not_found", None);
        assert_in_webhook_docs(&answer.json());
    }
    let answer = ask(&server, "GET", "/x", "");
    answer.assert_error(400, "invalid_request_id", None);
    assert_in_webhook_docs(&answer.json());
}

#[test]
fn another_app_does_not_see_a_webhook() {
    let server = start_strict();
    let webhook = register(&server, &registration("https://hooks.example.com/layer"));
    let other = server.platform.create_app().unwrap();
    let ask = |path: &str| crate::client::request(&server.platform, &other, "GET", path, &[ACCEPT], "");
    assert_eq!(ask("/webhooks").json(), json!([]));
    ask(&format!("/webhooks/{webhook}")).assert_error(404, "not_found", None);
}

// Contract 6.1 (recorded, R1): activation answers with the outcome, here a failure with the recorded reason.
#[test]
fn activation_answers_with_the_outcome_of_the_verification() {
    let (server, receiver) = (start(), Receiver::start(|_| Reaction::Status("404 Not Found")));
    let webhook = register(&server, &registration(&receiver.url));
    let reason = "Verification failed due to unexpected response status: 404 Not Found";
    assert_eq!(wait_for_status(&server, &webhook, "inactive")["status_reason"], reason);
    let answer = ask(&server, "POST", &format!("/{webhook}/activate"), "");
    assert_eq!(answer.status, 200);
    let shown = answer.json();
    assert_eq!(shown["status"], "inactive");
    assert_eq!(shown["status_reason"], reason);
    let keys: Vec<_> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["id", "url", "version", "target_url", "events", "status", "status_reason", "created_at", "config"]
    );
    // Each verification is one request, without a retry.
    let challenges = receiver.received();
    assert_eq!(challenges.len(), 2);
    assert_ne!(challenges[0].target, challenges[1].target, "a challenge is random");
}

// Contract 6.1 and 6.2: the recorded reason; unverified -> active -> inactive -> unverified -> active.
#[test]
fn a_webhook_can_be_deactivated_and_activated_again() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let webhook = activated(&server, &receiver.url);
    let answer = ask(&server, "POST", &format!("/{webhook}/deactivate"), "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["status"], "inactive");
    assert_eq!(answer.json()["status_reason"], "Deactivated by User");
    let answer = ask(&server, "POST", &format!("/{webhook}/activate"), "");
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("active")));
    assert_eq!(answer.json().get("status_reason"), None);
    // An active one stays so, and is not challenged again (assumed).
    assert_eq!(ask(&server, "POST", &format!("/{webhook}/activate"), "").json()["status"], "active");
    assert_eq!(receiver.received().len(), 2);
}

// Contract 6.2: GET with the challenge added to whatever query there is.
#[test]
fn the_challenge_is_added_to_the_query_of_the_target() {
    let server = start();
    for (query, added) in
        [("", "?verification_challenge="), ("?", "?verification_challenge="), ("?a=1", "?a=1&verification_challenge=")]
    {
        let receiver = Receiver::start(usual);
        activated(&server, &format!("{}{query}", receiver.url));
        let [challenge] = &receiver.received()[..] else { panic!("one challenge") };
        assert_eq!(challenge.method, "GET");
        assert!(challenge.target.starts_with(&format!("/hook{added}")), "{}", challenge.target);
        assert!(challenge.body.is_empty());
    }
}

// Contract 6.2: the challenge is the whole body, of any content type; any 2xx will do (assumed).
#[test]
fn an_answer_that_is_not_the_challenge_leaves_the_webhook_inactive() {
    let server = start();
    let challenge_of = |target: &str| target.rsplit('=').next().unwrap().to_owned();
    for (reaction, reason) in [
        ("more", "unexpected response body"),
        ("nothing", "unexpected response body"),
        ("redirect", "unexpected response status: 302 Found"),
        ("hang up", "a connection error"),
        ("silence", "a timeout"),
    ] {
        let receiver = Receiver::start(move |request| match reaction {
            "more" => Reaction::Body(challenge_of(&request.target) + "\n"),
            "nothing" => Reaction::Body(String::new()),
            "redirect" => Reaction::Raw("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
            "hang up" => Reaction::HangUp,
            _ => Reaction::Delay(Duration::from_secs(20)),
        });
        let webhook = register(&server, &registration(&receiver.url));
        let shown = wait_for_status(&server, &webhook, "inactive");
        let shown = shown["status_reason"].as_str().unwrap();
        assert!(shown.starts_with(&format!("Verification failed due to {reason}")), "{reaction}: {shown}");
        assert_eq!(receiver.received().len(), 1, "{reaction}: no retry, and no redirect is followed");
    }
}

#[test]
fn a_webhook_that_is_deactivated_during_its_verification_stays_inactive() {
    let (arrive, arrived) = std::sync::mpsc::channel::<()>();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (arrive, released) = (std::sync::Mutex::new(arrive), std::sync::Mutex::new(released));
    let receiver = Receiver::start(move |request| {
        arrive.lock().unwrap().send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        usual(request)
    });
    let server = start();
    let webhook = register(&server, &registration(&receiver.url));
    // Deactivated before its challenge is on its way, it would get none.
    arrived.recv_timeout(PATIENCE).unwrap();
    ask(&server, "POST", &format!("/{webhook}/deactivate"), "");
    release.send(()).unwrap();
    wait_until("the challenge came", || !receiver.received().is_empty());
    // The answer is on its way; give it the time to do harm.
    thread::sleep(Duration::from_millis(500));
    let shown = ask(&server, "GET", &format!("/{webhook}"), "").json();
    assert_eq!(shown["status_reason"], "Deactivated by User");
}
