//! Signed delivery, retries and the end of them. Contract 6.3.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use layer_platform::{Attempt, Config, Outcome, WebhookOptions};
use ring::hmac;
use serde_json::json;

use crate::client::{PATIENCE, Server, free_port, message_of};
use crate::receiver::{
    Reaction, Received, Receiver, activated, activated_with, allowed, allowed_in_time, ask, register, registration,
    start, usual, verified_but, wait_for_status,
};

const HALF_AN_HOUR_MS: i64 = 30 * 60 * 1000;

/// The hexadecimal HMAC-SHA1, as a receiver computes it.
fn signature(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn send(server: &Server, conversation: &str, text: &str) -> String {
    let answer = server.post(&format!("/conversations/{conversation}/messages"), &message_of("maria", text));
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.uuid()
}

fn attempts(server: &Server) -> Vec<Attempt> {
    server.platform.deliveries(server.app.app_id)
}

/// Waits until a condition holds for the attempts that the platform remembers.
fn wait_for_attempts(server: &Server, holds: impl Fn(&[Attempt]) -> bool) -> Vec<Attempt> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let attempts = attempts(server);
        if holds(&attempts) {
            return attempts;
        }
        assert!(Instant::now() < deadline, "waited in vain: {attempts:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A webhook for sent messages only.
fn sent_only(target_url: &str) -> serde_json::Value {
    let mut request = registration(target_url);
    request["events"] = json!(["message.sent"]);
    request
}

// Contract 6.3 (recorded, R4 to R6, for 2.0; documented for 1.0, 3.0 as 2.0 is assumed): headers, and a body that is
// signed to the byte.
#[test]
fn a_delivery_has_the_headers_of_the_contract_and_a_signature_over_its_bytes() {
    for (version, events) in [
        ("1.0", ["message.sent", "conversation.created"]),
        ("2.0", ["Message.created", "Conversation.created"]),
        ("3.0", ["Message.created", "Conversation.created"]),
    ] {
        let (server, receiver) = (start(), Receiver::start(usual));
        let mut request = registration(&receiver.url);
        request["secret"] = json!("größe 🗝");
        request["version"] = json!(version);
        request["events"] = json!(events);
        let webhook = activated_with(&server, &request);
        let webhook = match version {
            "1.0" => webhook,
            _ => format!("layer:///apps/{}/webhooks/{webhook}", server.app.app_id),
        };
        let conversation = server.conversation(&["maria", "jon"]);
        let message = send(&server, &conversation, "Ahøy </b> 🐙 \u{7f}");

        let deliveries = receiver.wait_for_events(2);
        for delivery in &deliveries {
            assert_eq!(delivery.header("layer-webhook-event-type"), Some(delivery.event_type().as_str()));
            assert_eq!(delivery.header("layer-webhook-signature"), Some(signature("größe 🗝", &delivery.body).as_str()));
            assert_eq!(delivery.header("layer-webhook-id"), Some(webhook.as_str()));
            assert_eq!(delivery.header("user-agent"), Some("layer-webhooks/1.0"), "{version}");
            let content_type = format!("application/vnd.layer.webhooks+json; version={version}");
            assert_eq!(delivery.header("content-type"), Some(content_type.as_str()));
            // The same in 1.0 and 3.0 (assumed).
            assert_eq!(delivery.header("layer-webhook-request-id"), Some(delivery.event_id().as_str()), "{version}");
            assert!(uuid::Uuid::try_parse(&delivery.event_id()).is_ok());
            // No other one.
            assert_eq!(delivery.headers.iter().filter(|(name, _)| name.starts_with("layer-")).count(), 4);
            // The request line holds a relative URL (since January 2016).
            assert_eq!(delivery.target, "/hook");
            // Compact, slashes as they are, no escapes but the needed ones.
            assert_eq!(delivery.body, serde_json::to_vec(&delivery.json()).unwrap());
        }
        let sent = deliveries.iter().find(|delivery| delivery.event_type() == events[0]).unwrap();
        assert!(String::from_utf8_lossy(&sent.body).contains("Ahøy </b> 🐙 \u{7f}"), "{sent:?}");
        assert_eq!(sent.event_id() == message, version != "1.0");
        assert_ne!(deliveries[0].header("layer-webhook-request-id"), deliveries[1].header("layer-webhook-request-id"));
    }
}

// Contract 6.3: receivers parse a body and write it again before they check its signature. Engines of JavaScript move
// keys that look like array indices to the front then. `__test__/platform/signed.test.js` checks the same with Node.js
// and generated payloads.
#[test]
fn keys_that_look_like_array_indices_come_first_in_every_object() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let mut request = registration(&receiver.url);
    request["config"] =
        json!({ "b": 1.0, "10": 1e21, "9": { "z": null, "0": -0.0 }, "4294967295": 2, "4294967294": 3, "01": 4 });
    activated_with(&server, &request);
    let metadata = json!({ "title": "x", "10": "a", "9": { "z": "1", "3": "2" } });
    let body = json!({ "participants": ["maria", "200", "5678", "9", "007"], "metadata": metadata });
    let conversation = server.post("/conversations", &body).uuid();
    send(&server, &conversation, "Hi");
    for delivery in receiver.wait_for_events(2) {
        let text = String::from_utf8(delivery.body.clone()).unwrap();
        let config = r#""config":{"9":{"0":0,"z":null},"10":1e+21,"4294967294":3,"b":1,"4294967295":2,"01":4}}"#;
        assert!(text.ends_with(config), "{text}");
        let inside = match delivery.event_type().as_str() {
            "conversation.created" => r#""metadata":{"9":{"3":"2","z":"1"},"10":"a","title":"x"}"#,
            _ => r#""recipient_status":{"9":"sent","200":"sent","5678":"sent","maria":"read","007":"sent"}"#,
        };
        assert!(text.contains(inside), "{text}");
        assert_eq!(delivery.header("layer-webhook-signature"), Some(signature("s3cr3t", &delivery.body).as_str()));
    }
}

// Contract 6.3: HTTP/1.1 keep-alive.
#[test]
fn deliveries_share_a_connection() {
    let (server, receiver) = (start(), Receiver::start(usual));
    activated_with(&server, &sent_only(&receiver.url));
    let conversation = server.conversation(&["maria"]);
    for count in 1..=10 {
        send(&server, &conversation, "Hi");
        receiver.wait_for_events(count);
    }
    let mut connections: Vec<_> = receiver.deliveries().iter().map(|delivery| delivery.connection).collect();
    connections.dedup();
    assert!(connections.len() < 5, "{connections:?}");
}

// Contract 6.3: any 2xx will do, and nobody waits for the rest of the answer.
#[test]
fn an_answer_of_2xx_ends_a_delivery_whatever_its_body_does() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 Odd\r\nContent-Length: 0\r\n\r\n",
        // A body that never comes.
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow",
    ] {
        // Long for a busy machine, and short enough to wait for its end.
        let webhooks = WebhookOptions { delivery_timeout: Duration::from_secs(10), ..allowed() };
        let server = Server::start(|data| Config { data, webhooks, ..Config::default() });
        let receiver = Receiver::start(verified_but(move |_| Reaction::Raw(answer)));
        activated(&server, &receiver.url);
        server.conversation(&["maria"]);
        let attempts = wait_for_attempts(&server, |attempts| !attempts.is_empty());
        assert!(matches!(attempts[0].outcome, Outcome::Delivered { status: 200..=299 }), "{answer}: {attempts:?}");
    }
}

// Contract 6.3 and 6.4: retries repeat request and event ids and the body, to the byte.
#[test]
fn a_failed_delivery_is_repeated_to_the_byte() {
    let failures = AtomicUsize::new(0);
    let receiver = Receiver::start(verified_but(move |_| {
        if failures.fetch_add(1, Ordering::SeqCst) < 2 {
            Reaction::Status("500 Internal Server Error")
        } else {
            Reaction::Status("200 OK")
        }
    }));
    let server = start();
    let webhook = activated(&server, &receiver.url);
    server.conversation(&["maria"]);
    let deliveries = receiver.wait_for(3);
    for delivery in &deliveries[1..] {
        assert_eq!(delivery.body, deliveries[0].body);
        for header in ["layer-webhook-request-id", "layer-webhook-signature"] {
            assert_eq!(delivery.header(header), deliveries[0].header(header));
        }
    }
    let attempts = wait_for_attempts(&server, |attempts| attempts.len() == 3);
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    for attempt in &attempts {
        assert_eq!(attempt.event.to_string(), deliveries[0].event_id());
        assert_eq!(attempt.webhook.to_string(), webhook);
        assert_eq!(attempt.event_type, "conversation.created");
    }
    assert!(matches!(&attempts[0].outcome, Outcome::Failed { status: Some(500), error, .. }
        if error == "unexpected response status: 500 Internal Server Error"));
    assert_eq!(attempts[2].outcome, Outcome::Delivered { status: 200 });
}

// Contract 6.3: success is an answer within one second.
#[test]
fn a_receiver_that_takes_longer_than_a_second_or_hangs_up_has_not_got_the_event() {
    for (reaction, error) in
        [(Reaction::Delay(Duration::from_millis(1500)), "a timeout"), (Reaction::HangUp, "a connection error")]
    {
        let server = Server::start(|data| Config { data, webhooks: allowed_in_time(), ..Config::default() });
        let is_first = AtomicBool::new(true);
        let receiver = Receiver::start(verified_but(move |_| {
            if is_first.swap(false, Ordering::SeqCst) { reaction.clone() } else { Reaction::Status("200 OK") }
        }));
        activated(&server, &receiver.url);
        server.conversation(&["maria"]);
        let attempts = wait_for_attempts(&server, |attempts| attempts.len() >= 2);
        assert!(
            matches!(&attempts[0].outcome, Outcome::Failed { status: None, error: given, .. }
            if given.starts_with(error)),
            "{attempts:?}"
        );
        let deliveries = receiver.wait_for(2);
        assert_eq!(deliveries[0].event_id(), deliveries[1].event_id());
    }
}

#[test]
fn a_receiver_that_cannot_be_reached_is_told_so_without_its_address() {
    let server = start();
    let port = free_port();
    let webhook = register(&server, &registration(&format!("http://127.0.0.1:{port}/")));
    let reason = wait_for_status(&server, &webhook, "inactive")["status_reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("Verification failed due to a connection error: "), "{reason}");
    assert!(!reason.contains(&port.to_string()), "{reason}");
}

/// Advances the clock to each retry in turn and returns the pauses between them, in milliseconds of the platform's
/// clock.
fn run_through_retries(server: &Server, webhook: &str) -> Vec<i64> {
    let mut pauses = vec![];
    for count in 1.. {
        let attempts = wait_for_attempts(server, |attempts| attempts.len() >= count);
        let now = server.platform.clock().now();
        let Outcome::Failed { next_attempt_at, .. } = attempts[count - 1].outcome else { break };
        pauses.push(next_attempt_at.as_ms() - now.as_ms());
        // A little early nothing happens.
        server.platform.clock().advance(next_attempt_at.as_ms() - now.as_ms() - 1);
        let shown = ask(server, "GET", &format!("/{webhook}"), "").json();
        assert_eq!(shown["status"], "active");
        server.platform.clock().advance(1);
    }
    pauses
}

// Contract 6.3: exponential backoff for about 30 minutes (1 s, doubling: assumed), then `inactive` with a reason.
#[test]
fn a_webhook_becomes_inactive_when_the_retries_are_used_up() {
    let receiver = Receiver::start(verified_but(|_| Reaction::Status("503 Service Unavailable")));
    let server = start();
    let webhook = activated(&server, &receiver.url);
    server.platform.clock().freeze(None);
    server.conversation(&["maria"]);
    let pauses = run_through_retries(&server, &webhook);
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 777].map(|seconds| seconds * 1000));
    assert_eq!(pauses.iter().sum::<i64>(), HALF_AN_HOUR_MS);

    let shown = wait_for_status(&server, &webhook, "inactive");
    assert_eq!(shown["status_reason"], "Delivery failed due to unexpected response status: 503 Service Unavailable");
    let attempts = attempts(&server);
    assert_eq!(attempts.len(), 12);
    assert!(matches!(attempts[11].outcome, Outcome::GivenUp { status: Some(503), .. }), "{attempts:?}");
    assert_eq!(receiver.deliveries().len(), 12);

    // It gets nothing more, whatever happens and however long one waits.
    server.conversation(&["maria"]);
    server.platform.clock().advance(HALF_AN_HOUR_MS);
    let other = Receiver::start(usual);
    activated(&server, &other.url);
    server.conversation(&["maria"]);
    other.wait_for_events(1);
    assert_eq!(receiver.deliveries().len(), 12);
}

/// Another event that comes shortly before the end must not keep a dead webhook alive for 30 minutes more.
#[test]
fn a_webhook_that_has_failed_for_half_an_hour_is_given_up_with_all_that_waits() {
    let receiver = Receiver::start(verified_but(|_| Reaction::Status("500 Internal Server Error")));
    let server = start();
    let webhook = activated(&server, &receiver.url);
    server.platform.clock().freeze(None);
    server.conversation(&["maria"]);
    wait_for_attempts(&server, |attempts| attempts.len() == 1);
    server.platform.clock().advance(HALF_AN_HOUR_MS - 1);
    wait_for_attempts(&server, |attempts| attempts.len() == 2);
    server.platform.clock().advance(1);
    server.conversation(&["maria"]);
    wait_for_status(&server, &webhook, "inactive");
}

/// The failing webhook of one test succeeds in the middle: its clock of 30 minutes starts anew.
#[test]
fn a_success_ends_a_run_of_failures() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&is_broken);
    let receiver = Receiver::start(verified_but(move |_| {
        if broken.load(Ordering::SeqCst) {
            Reaction::Status("500 Internal Server Error")
        } else {
            Reaction::Status("200 OK")
        }
    }));
    let server = start();
    let webhook = activated(&server, &receiver.url);
    server.platform.clock().freeze(None);
    server.conversation(&["maria"]);
    wait_for_attempts(&server, |attempts| attempts.len() == 1);
    is_broken.store(false, Ordering::SeqCst);
    server.platform.clock().advance(HALF_AN_HOUR_MS - 1);
    wait_for_attempts(&server, |attempts| attempts.len() == 2);
    is_broken.store(true, Ordering::SeqCst);
    server.platform.clock().advance(1);
    server.conversation(&["maria"]);
    wait_for_attempts(&server, |attempts| attempts.len() == 3);
    assert_eq!(ask(&server, "GET", &format!("/{webhook}"), "").json()["status"], "active");
}

// Contract 6.3: only active webhooks receive events; the events missed are not replayed (assumed).
#[test]
fn an_inactive_webhook_gets_nothing_and_what_it_missed_does_not_come_later() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let webhook = activated_with(&server, &sent_only(&receiver.url));
    let conversation = server.conversation(&["maria"]);
    send(&server, &conversation, "first");
    receiver.wait_for_events(1);
    ask(&server, "POST", &format!("/{webhook}/deactivate"), "");
    send(&server, &conversation, "missed");
    ask(&server, "POST", &format!("/{webhook}/activate"), "");
    send(&server, &conversation, "third");
    let texts: Vec<_> = receiver.wait_for_events(2).iter().map(text_of).collect();
    assert_eq!(texts, ["first", "third"]);
}

fn text_of(delivery: &Received) -> String {
    delivery.json()["message"]["parts"][0]["body"].as_str().unwrap().to_owned()
}

#[test]
fn deactivating_or_deleting_a_webhook_drops_what_waits_for_it() {
    for (method, path) in [("POST", "/deactivate"), ("DELETE", "")] {
        let receiver = Receiver::start(verified_but(|_| Reaction::Status("500 Internal Server Error")));
        let server = start();
        let webhook = activated(&server, &receiver.url);
        server.platform.clock().freeze(None);
        server.conversation(&["maria"]);
        wait_for_attempts(&server, |attempts| attempts.len() == 1);
        assert!(ask(&server, method, &format!("/{webhook}{path}"), "").status < 300);
        server.platform.clock().advance(HALF_AN_HOUR_MS);
        let other = Receiver::start(usual);
        activated(&server, &other.url);
        server.conversation(&["maria"]);
        other.wait_for_events(1);
        assert_eq!(receiver.deliveries().len(), 1);
    }
}

#[test]
fn a_slow_receiver_delays_nobody_else() {
    let slow = Receiver::start(verified_but(|_| Reaction::Delay(Duration::from_secs(600))));
    let quick = Receiver::start(usual);
    let server = start();
    activated(&server, &slow.url);
    activated_with(&server, &sent_only(&quick.url));
    let conversation = server.conversation(&["maria"]);
    for _ in 0..100 {
        send(&server, &conversation, "Hi");
    }
    // The slow one has 101 to take and lets each wait.
    quick.wait_for_events(100);
    assert!(slow.deliveries().len() < 100, "{}", slow.deliveries().len());
}

/// Not more than four at a time go to one receiver.
#[test]
fn deliveries_to_one_receiver_are_bounded() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let receiver = Receiver::start(verified_but({
        let most = Arc::clone(&most);
        move |_| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(50));
            now.fetch_sub(1, Ordering::SeqCst);
            Reaction::Status("200 OK")
        }
    }));
    let server = start();
    activated_with(&server, &sent_only(&receiver.url));
    let conversation = server.conversation(&["maria"]);
    for _ in 0..30 {
        send(&server, &conversation, "Hi");
    }
    receiver.wait_for_events(30);
    let most = most.load(Ordering::SeqCst);
    assert!((1..=4).contains(&most), "{most}");
}

#[test]
fn many_events_reach_many_webhooks_and_none_is_lost() {
    let server = start();
    let receivers: Vec<_> = (0..5).map(|_| Receiver::start(usual)).collect();
    for receiver in &receivers {
        activated_with(&server, &sent_only(&receiver.url));
    }
    let conversation = server.conversation(&["maria"]);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (server, conversation) = (&server, &conversation);
            scope.spawn(move || {
                for index in 0..25 {
                    send(server, conversation, &format!("{thread}-{index}"));
                }
            });
        }
    });
    let ids = |receiver: &Receiver| {
        let mut ids: Vec<_> = receiver.wait_for_events(100).iter().map(Received::event_id).collect();
        ids.sort();
        ids
    };
    let first = ids(&receivers[0]);
    // The same event has the same id everywhere.
    for receiver in &receivers[1..] {
        assert_eq!(ids(receiver), first);
    }
}

#[test]
fn webhooks_of_other_apps_hear_nothing() {
    let (server, receiver) = (start(), Receiver::start(usual));
    activated(&server, &receiver.url);
    let other = server.platform.create_app().unwrap();
    let body = r#"{"participants":["a"]}"#;
    assert_eq!(crate::client::request(&server.platform, &other, "POST", "/conversations", &[], body).status, 201);
    server.conversation(&["a"]);
    let delivery = &receiver.wait_for(1)[0];
    let url = delivery.json()["conversation"]["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&server.prefix()), "{url}");
    assert_eq!(server.platform.deliveries(other.app_id), []);
}

fn tls_receiver() -> (Receiver, String) {
    let certified = rcgen::generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    (Receiver::start_tls(config, usual), certified.cert.pem())
}

#[test]
fn deliveries_go_over_tls_to_receivers_that_can_be_trusted() {
    let (receiver, certificate) = tls_receiver();
    let webhooks = WebhookOptions { ca_pem: Some(certificate), allow_http: false, ..allowed() };
    let server = Server::start(|data| Config { data, webhooks, ..Config::default() });
    activated(&server, &receiver.url);
    server.conversation(&["maria"]);
    assert_eq!(receiver.wait_for_events(1)[0].event_type(), "conversation.created");
}

#[test]
fn a_receiver_with_a_certificate_of_nobody_gets_nothing() {
    let (receiver, _) = tls_receiver();
    let server = start();
    let webhook = register(&server, &registration(&receiver.url));
    let reason = wait_for_status(&server, &webhook, "inactive")["status_reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("Verification failed due to a connection error: invalid peer certificate"), "{reason}");
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn the_secret_is_in_no_answer_and_in_no_debug_output() {
    let (server, receiver) = (start(), Receiver::start(usual));
    let webhook = activated(&server, &receiver.url);
    server.conversation(&["maria"]);
    receiver.wait_for(1);
    let mut shown = format!("{:?} {:?}", server.platform, attempts(&server));
    for (method, path) in [("GET", ""), ("GET", "/x"), ("POST", "/x/deactivate"), ("POST", "/x/activate")] {
        shown += &ask(&server, method, &path.replace('x', &webhook), "").body;
    }
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn attempts_are_remembered_up_to_a_thousand() {
    let (server, receiver) = (start(), Receiver::start(usual));
    activated_with(&server, &sent_only(&receiver.url));
    let conversation = server.conversation(&["maria"]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..252).for_each(|_| drop(send(&server, &conversation, "Hi"))));
        }
    });
    receiver.wait_for_events(1008);
    let attempts = wait_for_attempts(&server, |attempts| attempts.len() >= 1000);
    assert_eq!(attempts.len(), 1000);
}

#[test]
fn a_platform_closes_soon_though_a_receiver_is_silent() {
    let receiver = Receiver::start(verified_but(|_| Reaction::Delay(Duration::from_secs(600))));
    let server = start();
    activated(&server, &receiver.url);
    server.conversation(&["maria"]);
    receiver.wait_for(1);
    let before = Instant::now();
    server.platform.close().unwrap();
    assert!(before.elapsed() < PATIENCE);
}
