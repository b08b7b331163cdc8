//! What came in and what went out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::broadcast;

use super::capture::{Captured, Charge, Sight, Watched, look};
use crate::ground::clock::Clock;

/// The last requests, oldest first.
pub struct RequestLog {
    /// How many are kept; 0 records nothing.
    capacity: usize,
    clock: Clock,
    entries: Mutex<Entries>,
    /// What they take up in all. Unit: bytes.
    kept: Arc<AtomicUsize>,
    /// Tells the number of a request when it comes in, and again when it is answered.
    news: broadcast::Sender<u64>,
}

/// How much news may wait for a listener that is slow; it then hears how much it missed.
const NEWS: usize = 1024;

#[derive(Default)]
struct Entries {
    /// In the order of their numbers, without a gap.
    kept: VecDeque<Arc<Entry>>,
    last_number: u64,
}

/// The most that is kept of all requests; the oldest give way. Unit: bytes.
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// A request on record, perhaps still without its answer.
struct Entry {
    number: u64,
    received_at: String,
    method: String,
    path: String,
    headers: Map<String, Value>,
    body: Sight,
    are_bodies_hidden: bool,
    fault: Option<u64>,
    began: Instant,
    answer: Mutex<Option<Answer>>,
    kept: Arc<AtomicUsize>,
    _charge: Charge,
}

struct Answer {
    _charge: Charge,
    status: Option<u16>,
    headers: Map<String, Value>,
    body: Sight,
    duration_ms: f64,
}

/// A request as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// Counts the requests that were recorded, from 1.
    number: u64,
    /// When its head was there, by the clock of the platform.
    received_at: String,
    /// Its method, before any override.
    method: String,
    /// Its path with the query; session tokens in them are hidden.
    path: String,
    /// Its headers in lower case; what follows `Bearer` is hidden.
    headers: Map<String, Value>,
    /// Its body; hidden, as that of the answer, where a session begins: they are tokens.
    #[serde(flatten)]
    body: ShownBody,
    /// The injected fault that struck it.
    fault: Option<u64>,
    /// What went out; `null` while nothing has.
    response: Option<RecordedAnswer>,
}

/// An answer as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedAnswer {
    /// `null` when the connection was reset instead.
    status: Option<u16>,
    headers: Map<String, Value>,
    #[serde(flatten)]
    body: ShownBody,
    /// Milliseconds from the head of the request to the head of the answer, by the clock of the machine.
    duration_ms: f64,
}

#[derive(Debug, Clone, Serialize)]
struct ShownBody {
    /// The first 16 KiB; text as it is, other bytes as base64.
    body: String,
    /// `base64` when the body is.
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    /// How long the body was in all, in bytes.
    body_length: u64,
}

impl ShownBody {
    fn new(captured: &Captured, are_bodies_hidden: bool) -> Self {
        if are_bodies_hidden {
            return Self { body: HIDDEN.to_owned(), encoding: None, body_length: captured.length };
        }
        // A cut may fall into a character; what is before it is text all the same.
        let text = match std::str::from_utf8(&captured.bytes) {
            Ok(text) => Some(text),
            Err(error) if error.error_len().is_none() && captured.length > captured.bytes.len() as u64 => {
                std::str::from_utf8(&captured.bytes[..error.valid_up_to()]).ok()
            }
            Err(_) => None,
        };
        let (body, encoding) = match text {
            Some(text) => (text.to_owned(), None),
            None => (STANDARD.encode(&captured.bytes), Some("base64")),
        };
        Self { body, encoding, body_length: captured.length }
    }
}

impl RequestLog {
    /// A log of so many requests; 0 records nothing.
    pub fn new(capacity: usize, clock: Clock) -> Self {
        Self { capacity, clock, entries: Mutex::default(), kept: Arc::default(), news: broadcast::Sender::new(NEWS) }
    }

    /// Records the head of a request, and its body as it is read.
    pub fn begin(&self, request: Request, fault: Option<u64>) -> (Request, Recording) {
        if self.capacity == 0 {
            return (request, Recording(None));
        }
        let (parts, body) = request.into_parts();
        let sight = Arc::new(Mutex::new(Captured::counted(&self.kept)));
        let path = shown_path(&parts.uri);
        let headers = shown_headers(&parts.headers);
        let charge = Charge::new(&self.kept, PER_ENTRY + path.len() + length_of(&headers));
        let mut entries = lock(&self.entries);
        entries.last_number += 1;
        let entry = Arc::new(Entry {
            number: entries.last_number,
            received_at: self.clock.now().to_string(),
            method: parts.method.to_string(),
            _charge: charge,
            path,
            headers,
            body: Arc::clone(&sight),
            are_bodies_hidden: parts.uri.path() == SESSIONS,
            fault,
            began: Instant::now(),
            answer: Mutex::default(),
            kept: Arc::clone(&self.kept),
        });
        while entries.kept.len() >= self.capacity
            || (self.kept.load(Ordering::Relaxed) > MAX_KEPT_BYTES && !entries.kept.is_empty())
        {
            entries.kept.pop_front();
        }
        entries.kept.push_back(Arc::clone(&entry));
        drop(entries);
        // Nobody may listen.
        let _ = self.news.send(entry.number);
        let recording = Recording(Some((entry, self.news.clone())));
        (Request::from_parts(parts, Watched::body(body, sight)), recording)
    }

    /// Whether requests are recorded.
    pub fn is_on(&self) -> bool {
        self.capacity > 0
    }

    /// Hears the number of each request from now on, when it comes in and when it is answered.
    pub fn listen(&self) -> broadcast::Receiver<u64> {
        self.news.subscribe()
    }

    /// The request with this number, if it is still on record.
    pub fn find(&self, number: u64) -> Option<Recorded> {
        self.entry(number).map(|entry| entry.shown())
    }

    /// The same in short.
    pub fn summary(&self, number: u64) -> Option<Value> {
        self.entry(number).map(|entry| entry.summary())
    }

    fn entry(&self, number: u64) -> Option<Arc<Entry>> {
        let entries = lock(&self.entries);
        let first = entries.kept.front()?.number;
        let entry = entries.kept.get(usize::try_from(number.checked_sub(first)?).ok()?)?;
        Some(Arc::clone(entry))
    }

    /// What is on record, oldest first.
    pub fn shown(&self) -> Vec<Recorded> {
        lock(&self.entries).kept.iter().map(|entry| entry.shown()).collect()
    }

    /// The same in short.
    pub fn summaries(&self) -> Vec<Value> {
        lock(&self.entries).kept.iter().map(|entry| entry.summary()).collect()
    }

    /// Forgets everything. Numbers go on.
    pub fn clear(&self) {
        lock(&self.entries).kept.clear();
    }
}

/// A request that waits for its answer.
pub struct Recording(Option<(Arc<Entry>, broadcast::Sender<u64>)>);

impl Recording {
    /// Records an answer, and its body as it goes out.
    pub fn finish(self, response: Response) -> Response {
        let Some((entry, news)) = self.0 else { return response };
        let (parts, body) = response.into_parts();
        let sight = entry.answer(Some(parts.status.as_u16()), shown_headers(&parts.headers));
        let _ = news.send(entry.number);
        Response::from_parts(parts, Watched::body(body, sight))
    }

    /// Records that there will be no answer.
    pub fn lose(self) -> Response {
        if let Some((entry, news)) = self.0 {
            entry.answer(None, Map::new());
            let _ = news.send(entry.number);
        }
        Response::new(Body::empty())
    }
}

impl Entry {
    fn answer(&self, status: Option<u16>, headers: Map<String, Value>) -> Sight {
        let body = Arc::new(Mutex::new(Captured::counted(&self.kept)));
        let charge = Charge::new(&self.kept, length_of(&headers));
        let duration_ms = self.began.elapsed().as_secs_f64() * 1000.0;
        *lock(&self.answer) = Some(Answer { _charge: charge, status, headers, body: Arc::clone(&body), duration_ms });
        body
    }

    /// The request in short: without headers and bodies.
    fn summary(&self) -> Value {
        let answer = lock(&self.answer);
        json!({
            "number": self.number,
            "received_at": self.received_at,
            "method": self.method,
            "path": self.path,
            "fault": self.fault,
            "is_answered": answer.is_some(),
            "status": answer.as_ref().and_then(|answer| answer.status),
            "duration_ms": answer.as_ref().map(|answer| answer.duration_ms),
        })
    }

    fn shown(&self) -> Recorded {
        let response = lock(&self.answer).as_ref().map(|answer| RecordedAnswer {
            status: answer.status,
            headers: answer.headers.clone(),
            body: ShownBody::new(&look(&answer.body), self.are_bodies_hidden),
            duration_ms: answer.duration_ms,
        });
        Recorded {
            number: self.number,
            received_at: self.received_at.clone(),
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: ShownBody::new(&look(&self.body), self.are_bodies_hidden),
            fault: self.fault,
            response,
        }
    }
}

/// What an entry takes up beside its texts. Unit: bytes.
const PER_ENTRY: usize = 1024;

fn length_of(headers: &Map<String, Value>) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum()
}

/// What stands in place of a credential.
const HIDDEN: &str = "(hidden)";

/// Where sessions begin, and below which they are named by their token. Contract of the Client API, section 2.
const SESSIONS: &str = "/sessions";

/// The path and query as they may be shown: no session token.
fn shown_path(uri: &Uri) -> String {
    let is_named = uri.path().strip_prefix(SESSIONS).is_some_and(|rest| rest.starts_with('/'));
    let path = if is_named { format!("{SESSIONS}/{HIDDEN}") } else { uri.path().to_owned() };
    let Some(query) = uri.query() else { return path };
    let shown: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some(("session_token", _)) => format!("session_token={HIDDEN}"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", shown.join("&"))
}

/// Headers as they may be shown: no credentials. Of a repeated one the values are joined.
fn shown_headers(headers: &HeaderMap) -> Map<String, Value> {
    let show = |name: &http::HeaderName| {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        let joined = values.join(", ");
        let shown = if *name == AUTHORIZATION {
            joined.split_once(' ').map_or_else(|| HIDDEN.to_owned(), |(scheme, _)| format!("{scheme} {HIDDEN}"))
        } else {
            joined
        };
        (name.as_str().to_owned(), Value::String(shown))
    };
    headers.keys().map(show).collect()
}

/// Locks, also after a panic elsewhere: each value is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn no_token_of_a_session_is_on_record() {
        let log = RequestLog::new(10, Clock::default());
        for uri in ["/sessions/secret.1", "/?client-id=1&session_token=secret&x", "/sessions", "/sessions?y=1"] {
            let request = Request::builder().uri(uri).body(Body::from("{\"identity_token\":\"secret\"}")).unwrap();
            let (request, recording) = log.begin(request, None);
            request.into_body().collect().await.unwrap();
            let answer = recording.finish(Response::new(Body::from("{\"session_token\":\"secret\"}")));
            answer.into_body().collect().await.unwrap();
        }
        let shown = log.shown();
        let paths: Vec<_> = shown.iter().map(|request| request.path.as_str()).collect();
        let expected = ["/sessions/(hidden)", "/?client-id=1&session_token=(hidden)&x", "/sessions", "/sessions?y=1"];
        assert_eq!(paths, expected);
        let begun = serde_json::to_string(&shown[2..]).unwrap();
        assert!(!begun.contains("secret") && begun.contains("\"body_length\":27"), "{begun}");
    }

    #[tokio::test]
    async fn a_request_is_told_when_it_comes_in_and_when_it_is_answered_and_found_by_its_number() {
        let log = RequestLog::new(2, Clock::default());
        let mut news = log.listen();
        for number in 1..=3 {
            let request = Request::builder().uri(format!("/{number}")).body(Body::empty()).unwrap();
            let (_, recording) = log.begin(request, None);
            assert_eq!(news.try_recv(), Ok(number));
            assert_eq!(log.summary(number).unwrap()["is_answered"], false);
            recording.finish(Response::new(Body::empty()));
            assert_eq!(news.try_recv(), Ok(number));
        }
        assert!(log.find(1).is_none() && log.find(4).is_none() && log.find(0).is_none());
        let summary = log.summary(2).unwrap();
        assert_eq!((&summary["path"], &summary["status"]), (&json!("/2"), &json!(200)));
        assert_eq!(log.summaries(), [summary, log.summary(3).unwrap()]);
        log.clear();
        assert!(log.find(3).is_none());
    }

    #[tokio::test]
    async fn the_oldest_give_way_when_all_take_up_too_much() {
        let log = RequestLog::new(100_000, Clock::default());
        for number in 0..3000 {
            let request = Request::builder().uri(format!("/{number}")).body(Body::from(vec![b'x'; 20_000])).unwrap();
            let (request, recording) = log.begin(request, None);
            request.into_body().collect().await.unwrap();
            recording.finish(Response::new(Body::empty()));
        }
        let shown = log.shown();
        assert!((1500..2500).contains(&shown.len()), "{}", shown.len());
        assert_eq!(shown.last().unwrap().path, "/2999");
        assert!(log.kept.load(Ordering::Relaxed) <= MAX_KEPT_BYTES + 20_000);
        log.clear();
        assert_eq!(log.kept.load(Ordering::Relaxed), 0);
    }
}
