//! A receiver of webhooks on loopback: it records what comes in and reacts as a test wants it to.

use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use layer_platform::{Config, DataLocation, Platform, WebhookOptions};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::client::{Answer, PATIENCE, Server, wait_until};

/// What came in.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// The request line's target.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// `event.id` of the payload.
    pub fn event_id(&self) -> String {
        self.json()["event"]["id"].as_str().expect("an event id").to_owned()
    }

    /// `event.type` of the payload.
    pub fn event_type(&self) -> String {
        self.json()["event"]["type"].as_str().expect("an event type").to_owned()
    }

    fn challenge(&self) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix("verification_challenge="))
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Reaction {
    /// Answer with a status line and no body.
    Status(&'static str),
    /// Answer `200 OK` with a body.
    Body(String),
    /// Answer with raw bytes and keep the connection open.
    Raw(&'static str),
    /// Say nothing for so long, then answer `200 OK`.
    Delay(Duration),
    /// Close the connection without a word.
    HangUp,
}

/// What a usual receiver does: it repeats the challenge and accepts events.
pub fn usual(request: &Received) -> Reaction {
    match request.challenge() {
        Some(challenge) if request.method == "GET" => Reaction::Body(challenge.to_owned()),
        _ => Reaction::Status("200 OK"),
    }
}

/// Repeats the challenge, but reacts to events in its own way.
pub fn verified_but(reaction: impl Fn(&Received) -> Reaction + Send + Sync) -> impl Fn(&Received) -> Reaction {
    move |request| if request.method == "GET" { usual(request) } else { reaction(request) }
}

#[derive(Default)]
struct Log {
    received: Mutex<Vec<Received>>,
    more: Condvar,
}

/// A running receiver. It lives as long as the process of the tests.
#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    log: Arc<Log>,
}

impl Receiver {
    /// Starts a receiver that speaks plain HTTP.
    pub fn start(react: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start_with(None, react)
    }

    /// Starts a receiver that speaks TLS.
    pub fn start_tls(tls: ServerConfig, react: impl Fn(&Received) -> Reaction + Send + Sync + 'static) -> Self {
        Self::start_with(Some(Arc::new(tls)), react)
    }

    fn start_with(
        tls: Option<Arc<ServerConfig>>,
        react: impl Fn(&Received) -> Reaction + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let receiver = Self { url: format!("{scheme}://127.0.0.1:{port}/hook"), log: Arc::default() };
        let (log, react) = (Arc::clone(&receiver.log), Arc::new(react));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (stream, tls) = (stream.unwrap(), tls.clone());
                let (log, react) = (Arc::clone(&log), Arc::clone(&react));
                thread::spawn(move || match tls {
                    None => serve(stream, connection, &log, &*react),
                    Some(tls) => {
                        let session = ServerConnection::new(tls).unwrap();
                        serve(StreamOwned::new(session, stream), connection, &log, &*react);
                    }
                });
            }
        });
        receiver
    }

    /// Everything that came in up to now.
    pub fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// Forgets what came in up to now.
    pub fn forget(&self) {
        self.log.received.lock().unwrap().clear();
    }

    /// The events that came in up to now.
    pub fn deliveries(&self) -> Vec<Received> {
        self.received().into_iter().filter(|request| request.method == "POST").collect()
    }

    /// Waits until a condition holds for the events that came in.
    pub fn wait_until(&self, what: &str, holds: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE;
        let mut received = self.log.received.lock().unwrap();
        loop {
            let deliveries: Vec<_> = received.iter().filter(|request| request.method == "POST").cloned().collect();
            if holds(&deliveries) {
                return deliveries;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited in vain for {what}: {deliveries:?}");
            received = self.log.more.wait_timeout(received, left).unwrap().0;
        }
    }

    /// Waits for so many events. More may have come by then.
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} deliveries"), |deliveries| deliveries.len() >= count)
    }

    /// Waits for so many different events: a busy machine may have had one delivered twice. Each once, in the order of
    /// arrival.
    pub fn wait_for_events(&self, count: usize) -> Vec<Received> {
        let distinct = |deliveries: &[Received]| {
            let mut seen = std::collections::HashSet::new();
            deliveries.iter().filter(|delivery| seen.insert(delivery.event_id())).cloned().collect::<Vec<_>>()
        };
        let all = self.wait_until(&format!("{count} events"), |deliveries| distinct(deliveries).len() >= count);
        distinct(&all)
    }
}

fn serve(stream: impl Read + Write, connection: usize, log: &Log, react: &impl Fn(&Received) -> Reaction) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream, connection) {
        let reaction = react(&request);
        log.received.lock().unwrap().push(request);
        log.more.notify_all();
        let answer = match reaction {
            Reaction::Status(status) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
            Reaction::Body(body) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            Reaction::Raw(answer) => answer.to_owned(),
            Reaction::Delay(time) => {
                thread::sleep(time);
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            Reaction::HangUp => return,
        };
        if stream.get_mut().write_all(answer.as_bytes()).and_then(|()| stream.get_mut().flush()).is_err() {
            return;
        }
    }
}

fn read_request(stream: &mut impl std::io::BufRead, connection: usize) -> Option<Received> {
    let mut line = || {
        let mut line = String::new();
        (stream.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = vec![];
    loop {
        let line = line()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Received { method, target, headers, body, connection })
}

/// Options that let webhooks go to a receiver of these tests, which may take its time where that is not what is tested.
pub fn allowed() -> WebhookOptions {
    WebhookOptions { delivery_timeout: PATIENCE, ..allowed_in_time() }
}

/// The same where a receiver has to answer within the second that the contract gives it.
pub fn allowed_in_time() -> WebhookOptions {
    WebhookOptions { allow_private_addresses: true, allow_http: true, ..WebhookOptions::default() }
}

/// A platform that lets webhooks go to a receiver of these tests.
pub fn start() -> Server {
    Server::start(|data| Config { data, webhooks: allowed(), ..Config::default() })
}

/// The `Accept` of the Webhooks API.
pub const ACCEPT: (&str, &str) = ("Accept", "application/vnd.layer.webhooks+json; version=1.0");

/// All events of version 1.0.
pub const EVENTS: [&str; 8] = [
    "message.sent",
    "message.delivered",
    "message.read",
    "message.deleted",
    "conversation.created",
    "conversation.updated.participants",
    "conversation.updated.metadata",
    "conversation.deleted",
];

/// A request to register a webhook for all events of version 1.0.
pub fn registration(target_url: &str) -> Value {
    json!({ "version": "1.0", "target_url": target_url, "events": EVENTS, "secret": "s3cr3t" })
}

/// Sends a request of the Webhooks API.
pub fn ask(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    server.send(method, &format!("/webhooks{path}"), &[ACCEPT], body)
}

/// Registers a webhook and returns its UUID.
pub fn register(server: &Server, registration: &Value) -> String {
    let answer = ask(server, "POST", "", &registration.to_string());
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.uuid()
}

/// Waits until a webhook has a status, and returns the webhook.
pub fn wait_for_status(server: &Server, webhook: &str, status: &str) -> Value {
    let mut shown = Value::Null;
    wait_until(&format!("{webhook} is {status}"), || {
        shown = ask(server, "GET", &format!("/{webhook}"), "").json();
        shown["status"] == status
    });
    shown
}

/// Registers a webhook for all events of version 1.0 and waits until it is active. Returns its UUID.
pub fn activated(server: &Server, target_url: &str) -> String {
    activated_with(server, &registration(target_url))
}

/// Registers a webhook and waits until it is active. Returns its UUID.
pub fn activated_with(server: &Server, registration: &Value) -> String {
    let webhook = register(server, registration);
    wait_for_status(server, &webhook, "active");
    webhook
}

/// A platform on a file that a test keeps for the next start.
pub fn start_on(path: &std::path::Path) -> Platform {
    let data = DataLocation::File(path.to_owned());
    Platform::start(Config { data, webhooks: allowed(), ..Config::default() }).unwrap()
}
