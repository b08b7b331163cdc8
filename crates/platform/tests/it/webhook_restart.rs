//! What is in the outbox survives a restart and a kill. Contract 6.3: at least once, and `event.id` tells repeats.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use layer_platform::{NewApp, Platform, Token};
use serde_json::json;

use crate::client::{message, request, wait_until};
use crate::receiver::{ACCEPT, Reaction, Received, Receiver, registration, start_on, usual, verified_but};

fn ask(platform: &Platform, app: &NewApp, method: &str, path: &str, body: &str) -> crate::client::Answer {
    let headers: &[_] = if path.starts_with("/webhooks") { &[ACCEPT] } else { &[] };
    request(platform, app, method, path, headers, body)
}

fn wait_until_active(platform: &Platform, app: &NewApp) {
    let status = || ask(platform, app, "GET", "/webhooks", "").json()[0]["status"].clone();
    wait_until("the webhook is active", || status() == "active");
}

/// A receiver that fails each delivery as long as it `is_broken`.
fn failing_while(is_broken: &Arc<AtomicBool>) -> Receiver {
    let broken = Arc::clone(is_broken);
    Receiver::start(verified_but(move |_| {
        if broken.load(Ordering::SeqCst) {
            Reaction::Status("500 Internal Server Error")
        } else {
            Reaction::Status("200 OK")
        }
    }))
}

#[test]
fn a_retry_survives_a_restart_with_its_ids_and_its_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let is_broken = Arc::new(AtomicBool::new(true));
    let receiver = failing_while(&is_broken);
    let platform = start_on(&path);
    let app = platform.create_app().unwrap();
    assert_eq!(ask(&platform, &app, "POST", "/webhooks", &registration(&receiver.url).to_string()).status, 201);
    wait_until_active(&platform, &app);
    ask(&platform, &app, "POST", "/conversations", r#"{"participants":["a"]}"#);
    receiver.wait_for(2);
    platform.close().unwrap();
    let tried = receiver.deliveries().len();

    is_broken.store(false, Ordering::SeqCst);
    let platform = start_on(&path);
    let deliveries = receiver.wait_for(tried + 1);
    assert!(deliveries.iter().all(|delivery| delivery.body == deliveries[0].body));
    wait_until("the delivery is remembered", || !platform.deliveries(app.app_id).is_empty());
    // It goes on counting where it was.
    assert_eq!(platform.deliveries(app.app_id)[0].number as usize, tried + 1);
}

/// Contract 6.3: the id of a request stays the same on retries. Releases before the corrected contract gave requests
/// ids of their own, and webhooks of 2.0 names that are sent no more; what they left behind is delivered under both.
#[test]
fn what_an_earlier_release_left_in_the_outbox_is_delivered_under_its_own_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let is_broken = Arc::new(AtomicBool::new(true));
    let receiver = failing_while(&is_broken);
    let platform = start_on(&path);
    let app = platform.create_app().unwrap();
    let mut webhook = registration(&receiver.url);
    webhook["version"] = json!("2.0");
    webhook["events"] = json!(["Conversation.created"]);
    assert_eq!(ask(&platform, &app, "POST", "/webhooks", &webhook.to_string()).status, 201);
    wait_until_active(&platform, &app);
    ask(&platform, &app, "POST", "/conversations", r#"{"participants":["a"]}"#);
    receiver.wait_for(1);
    platform.close().unwrap();
    let tried = receiver.deliveries().len();
    let file = rusqlite::Connection::open(&path).unwrap();
    let (request, name) = (uuid::Uuid::new_v4(), "Conversation.updated.participants");
    let changed =
        file.execute("UPDATE webhook_deliveries SET request = ?1, event_type = ?2", (request.as_bytes(), name));
    assert_eq!(changed, Ok(1));
    drop(file);

    is_broken.store(false, Ordering::SeqCst);
    let platform = start_on(&path);
    let delivered = receiver.wait_for(tried + 1).pop().unwrap();
    assert_eq!(delivered.header("layer-webhook-request-id"), Some(request.to_string().as_str()));
    assert_eq!(delivered.header("layer-webhook-event-type"), Some(name));
    assert!(delivered.header("layer-webhook-id").unwrap().starts_with("layer:///apps/"));
    assert_eq!(delivered.body, receiver.deliveries()[0].body);
    platform.close().unwrap();
}

#[test]
fn a_verification_that_a_restart_cut_off_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let is_first = AtomicBool::new(true);
    let receiver = Receiver::start(move |request| {
        if is_first.swap(false, Ordering::SeqCst) {
            Reaction::Delay(std::time::Duration::from_secs(600))
        } else {
            usual(request)
        }
    });
    let platform = start_on(&path);
    let app = platform.create_app().unwrap();
    ask(&platform, &app, "POST", "/webhooks", &registration(&receiver.url).to_string());
    wait_until("the challenge came", || !receiver.received().is_empty());
    platform.close().unwrap();
    let platform = start_on(&path);
    wait_until_active(&platform, &app);
    assert_eq!(receiver.received().len(), 2);
}

/// Names inside the store begin anew with a reset, so what is under way must not be taken for what comes after it.
#[test]
fn a_reset_forgets_what_is_under_way() {
    let deliveries = AtomicUsize::new(0);
    let receiver = Receiver::start(verified_but(move |_| {
        // The answer to the first comes long after the reset.
        let is_first = deliveries.fetch_add(1, Ordering::SeqCst) == 0;
        Reaction::Delay(std::time::Duration::from_millis(if is_first { 700 } else { 300 }))
    }));
    let platform = Platform::start(layer_platform::Config {
        webhooks: crate::receiver::allowed(),
        ids: layer_platform::IdSource::Counting,
        ..layer_platform::Config::default()
    })
    .unwrap();
    let app = platform.create_app().unwrap();
    let prepare = || {
        ask(&platform, &app, "POST", "/webhooks", &registration(&receiver.url).to_string());
        wait_until_active(&platform, &app);
        assert_eq!(ask(&platform, &app, "POST", "/conversations", r#"{"participants":["a"]}"#).status, 201);
    };
    prepare();
    receiver.wait_for(1);
    let answer = platform.call_admin(layer_platform::Method::POST, "/_platform/reset", vec![]).unwrap();
    assert_eq!(answer.status, 204);
    prepare();
    receiver.wait_for(2);
    // The same ids, and still two deliveries, of which the second is remembered.
    wait_until("the delivery is remembered", || !platform.deliveries(app.app_id).is_empty());
    let attempts = platform.deliveries(app.app_id);
    assert_eq!((attempts.len(), attempts[0].number), (1, 1), "{attempts:?}");
    assert_eq!(receiver.deliveries().len(), 2);
}

/// The binary in a process of its own, which can be killed.
struct Running {
    process: Child,
    address: String,
    app: NewApp,
}

impl Running {
    fn start(data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
            .args(["--port", "0", "--create-app", "--webhooks-allow-private", "--webhooks-allow-http", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut after = |prefix: &str| lines.next().unwrap().unwrap().strip_prefix(prefix).unwrap().to_owned();
        let app_id = layer_wire::AppId::parse(&after("app id: ")).unwrap();
        let app = NewApp { app_id, token: Token::new(after("token: ")) };
        Self { process, address: after("listening on http://"), app }
    }

    /// Sends a request; `None` when the process is gone before it answers.
    fn send(&self, method: &str, path: &str, body: &str) -> Option<serde_json::Value> {
        let accept = if path.starts_with("/webhooks") { ACCEPT.1 } else { "application/vnd.layer+json; version=1.0" };
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!(
            "{method} /apps/{}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Accept: {accept}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.app.app_id,
            self.app.token.reveal(),
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

/// Killed with SIGKILL in the middle of sending, after 200 acknowledged messages; the receiver is broken until then, so
/// that the outbox is full.
#[test]
fn no_event_of_an_acknowledged_change_is_lost_by_a_kill() {
    const ACKNOWLEDGED: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let receiver = Receiver::start(verified_but(move |_| {
        // Every second delivery fails for a while.
        if seen.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            Reaction::Status("500 Internal Server Error")
        } else {
            Reaction::Status("200 OK")
        }
    }));
    let mut running = Running::start(&data);
    let mut webhook = registration(&receiver.url);
    webhook["events"] = json!(["message.sent"]);
    running.send("POST", "/webhooks", &webhook.to_string()).unwrap();
    wait_until("the webhook is active", || running.send("GET", "/webhooks", "").unwrap()[0]["status"] == "active");
    let conversation = running.send("POST", "/conversations", r#"{"participants":["a"]}"#).unwrap();
    let conversation = conversation["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let path = format!("/conversations/{conversation}/messages");

    let acknowledged = AtomicUsize::new(0);
    let sent: Vec<String> = std::thread::scope(|scope| {
        let (running, path, acknowledged) = (&running, &path, &acknowledged);
        let send = move || {
            let mut sent = vec![];
            while let Some(answer) = running.send("POST", path, &message("Hi").to_string()) {
                sent.push(answer["id"].as_str().unwrap().to_owned());
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            sent
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        wait_until("enough is acknowledged", || acknowledged.load(Ordering::Relaxed) >= ACKNOWLEDGED);
        let id = running.process.id().to_string();
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    running.process.wait().unwrap();

    let platform = start_on(&data);
    let message_of = |delivery: &Received| delivery.json()["message"]["id"].as_str().unwrap().to_owned();
    let deliveries = receiver.wait_until("every acknowledged message", |deliveries| {
        let seen: HashSet<_> = deliveries.iter().map(message_of).collect();
        sent.iter().all(|id| seen.contains(id))
    });
    // A message that came more than once came as the same event.
    let mut event_of = std::collections::HashMap::new();
    for delivery in &deliveries {
        let event = event_of.entry(message_of(delivery)).or_insert_with(|| delivery.event_id());
        assert_eq!(*event, delivery.event_id());
    }
    platform.close().unwrap();
}
