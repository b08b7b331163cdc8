//! Faults on demand: so that a service can test what it does about errors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Body as _;
use layer_wire::{ApiError, ErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::capture::Broken;
use crate::ground::ids::IdSource;
use crate::http::answer;

/// The faults that wait for a request to strike.
pub struct Faults {
    /// How many there are, so that a platform without any does not lock for every request.
    count: AtomicUsize,
    waiting: Mutex<Waiting>,
}

struct Waiting {
    faults: Vec<Fault>,
    last_id: u64,
    random: fastrand::Rng,
}

/// A fault as it is asked for, and as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Which requests it strikes. Default: all.
    #[serde(default, rename = "match")]
    pub matcher: Matcher,
    /// Wait so many milliseconds first. Default: 0.
    #[serde(default)]
    pub delay: u64,
    /// Answer with this status in place of doing anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The JSON to answer with, beside `status`. Default: the error of the API with that status, or nothing where it
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Headers of the answer, beside `status`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub headers: Map<String, Value>,
    /// End the connection without an answer, in place of doing anything.
    #[serde(default)]
    pub reset: bool,
    /// Do what is asked before `status` or `reset` strikes: its answer is lost. Default: false.
    #[serde(default)]
    pub after: bool,
    /// Do what is asked, but end the connection after so many bytes of the body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<usize>,
    /// How many requests it strikes. Default: as many as come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How likely it strikes one that matches, from 0 to 1. Default: 1.
    #[serde(default = "certain")]
    pub probability: f64,
}

/// A field: its name, what it needs to be, and whether it is.
type Field = (&'static str, &'static str, fn(&Value) -> bool);

/// The fields of a fault, and what each needs to be.
const FIELDS: [Field; 10] = [
    ("match", "an object with `method`, `path` or both", Value::is_object),
    ("status", "a whole number from 200 to 999", |value| {
        value.as_u64().is_some_and(|number| (200..1000).contains(&number))
    }),
    ("body", "anything that JSON can hold", |_| true),
    ("headers", "an object", Value::is_object),
    ("delay", "a whole number of milliseconds, 0 or more", Value::is_u64),
    ("reset", "true or false", Value::is_boolean),
    ("after", "true or false", Value::is_boolean),
    ("truncate", "a whole number of bytes, 0 or more", Value::is_u64),
    ("times", "a whole number from 1 up", |value| {
        value.as_u64().is_some_and(|number| (1..=u64::from(u32::MAX)).contains(&number))
    }),
    ("probability", "a number from 0 to 1", |value| value.as_f64().is_some_and(|number| (0.0..=1.0).contains(&number))),
];

/// The fields of `match`.
const MATCH_FIELDS: [Field; 2] = [
    ("method", "a string, such as POST", Value::is_string),
    ("path", "a string, such as /conversations", Value::is_string),
];

impl Spec {
    /// Reads a fault out of JSON. Error: a sentence that names the field and how to mend it.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|_| "a fault needs to be a JSON object".to_owned())?;
        let Value::Object(fields) = &value else { return Err("a fault needs to be an object".into()) };
        check_fields(fields, "", &FIELDS)?;
        if let Some(Value::Object(fields)) = fields.get("match") {
            check_fields(fields, "match.", &MATCH_FIELDS)?;
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }
}

fn check_fields(given: &Map<String, Value>, prefix: &str, known: &[Field]) -> Result<(), String> {
    for (name, value) in given {
        let Some((_, rule, is_right)) = known.iter().find(|(field, ..)| field == name) else {
            let names: Vec<_> = known.iter().map(|(field, ..)| *field).collect();
            return Err(format!("`{prefix}{name}` does not exist; there are {}", names.join(", ")));
        };
        if !is_right(value) {
            return Err(format!("`{prefix}{name}` needs to be {rule}"));
        }
    }
    Ok(())
}

/// Which requests a fault strikes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// Their method. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Their path below `/apps/<app id>`, without the query. `*` stands for anything within one segment, `**` for
    /// anything at all. Default: any path, also those outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

fn certain() -> f64 {
    1.0
}

struct Fault {
    id: u64,
    spec: Spec,
    answer: Option<Answered>,
}

/// A fault that strikes.
pub struct Strike {
    /// Which one it is.
    pub id: u64,
    /// To be waited first.
    pub delay: Duration,
    /// Whether what was asked is done, and its answer lost.
    pub is_after: bool,
    /// What happens then.
    pub outcome: Outcome,
}

/// What happens to a request that was struck.
pub enum Outcome {
    /// What would have happened anyway.
    Proceed,
    /// This answer.
    Answer(Answered),
    /// The end of the connection.
    Reset,
    /// The end of the connection after so many bytes of the body.
    Truncate(usize),
}

/// An answer that was made in advance.
#[derive(Clone)]
pub struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Value>,
}

impl Answered {
    /// The answer.
    pub fn into_response(self) -> Response {
        let mut response = match &self.body {
            Some(body) => answer::json(self.status, body),
            None => answer::empty(self.status),
        };
        response.headers_mut().extend(self.headers);
        response
    }
}

impl Faults {
    /// No faults yet. With a seed, chance takes the same course in every run.
    pub fn new(ids: IdSource) -> Self {
        let random = match ids {
            IdSource::Seeded(seed) => fastrand::Rng::with_seed(seed),
            IdSource::Counting => fastrand::Rng::with_seed(0),
            IdSource::Random => fastrand::Rng::new(),
        };
        Self { count: AtomicUsize::new(0), waiting: Mutex::new(Waiting { faults: vec![], last_id: 0, random }) }
    }

    /// Adds a fault and returns its id. Of several that match a request, the one that was added first strikes.
    ///
    /// Error: a sentence that names the field and how to mend it.
    pub fn inject(&self, spec: Spec) -> Result<u64, String> {
        let answer = check(&spec)?;
        let mut waiting = self.lock();
        waiting.last_id += 1;
        let id = waiting.last_id;
        waiting.faults.push(Fault { id, spec, answer });
        self.count.store(waiting.faults.len(), Ordering::Relaxed);
        Ok(id)
    }

    /// The faults that wait, by id.
    pub fn shown(&self) -> Map<String, Value> {
        let show = |fault: &Fault| (fault.id.to_string(), serde_json::to_value(&fault.spec).unwrap_or_default());
        self.lock().faults.iter().map(show).collect()
    }

    /// Takes a fault back, or all of them. `false` when there is none with that id.
    pub fn remove(&self, id: Option<u64>) -> bool {
        let mut waiting = self.lock();
        let before = waiting.faults.len();
        waiting.faults.retain(|fault| id.is_some_and(|id| fault.id != id));
        self.count.store(waiting.faults.len(), Ordering::Relaxed);
        id.is_none() || waiting.faults.len() < before
    }

    /// The fault that strikes a request, if one does.
    pub fn strike(&self, request: &Request) -> Option<Strike> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let Waiting { faults, random, .. } = &mut *self.lock();
        let index = faults.iter().position(|fault| {
            fault.spec.matcher.matches(request)
                && (fault.spec.probability >= 1.0 || random.f64() < fault.spec.probability)
        })?;
        let fault = &mut faults[index];
        let outcome = match (&fault.answer, fault.spec.reset, fault.spec.truncate) {
            (Some(answer), ..) => Outcome::Answer(answer.clone()),
            (None, true, _) => Outcome::Reset,
            (None, false, Some(bytes)) => Outcome::Truncate(bytes),
            (None, false, None) => Outcome::Proceed,
        };
        let delay = Duration::from_millis(fault.spec.delay);
        let strike = Strike { id: fault.id, delay, is_after: fault.spec.after, outcome };
        if let Some(times) = &mut fault.spec.times {
            *times -= 1;
            if *times == 0 {
                faults.remove(index);
                self.count.store(faults.len(), Ordering::Relaxed);
            }
        }
        Some(strike)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Also after a panic elsewhere: a fault is added and removed in one step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks what can be wrong with a fault, and makes its answer.
fn check(spec: &Spec) -> Result<Option<Answered>, String> {
    let outcomes = [spec.status.is_some(), spec.reset, spec.truncate.is_some()];
    match outcomes.iter().filter(|is_wanted| **is_wanted).count() {
        0 if spec.delay == 0 => return Err("fault: give one of status, delay, reset and truncate".into()),
        0 | 1 => {}
        _ => return Err("fault: give only one of status, reset and truncate".into()),
    }
    if spec.after && !spec.reset && spec.status.is_none() {
        return Err("after: goes with status and reset only".into());
    }
    if !(0.0..=1.0).contains(&spec.probability) {
        return Err("probability: needs to be from 0 to 1".into());
    }
    if spec.times == Some(0) {
        return Err("times: needs to be at least 1".into());
    }
    if spec.matcher.path.as_deref().is_some_and(|path| !path.starts_with(['/', '*'])) {
        return Err("match.path: needs to begin with a slash, such as /conversations/*/messages".into());
    }
    let Some(status) = spec.status else {
        return if spec.body.is_some() || !spec.headers.is_empty() {
            Err("body, headers: go with status only".into())
        } else {
            Ok(None)
        };
    };
    let status = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .ok_or("status: needs to be from 200 to 999")?;
    let body = spec.body.clone().or_else(|| standard_body(status));
    let headers = spec.headers.iter().map(header).collect::<Result<_, _>>()?;
    Ok(Some(Answered { status, headers, body }))
}

fn header((name, value): (&String, &Value)) -> Result<(HeaderName, HeaderValue), String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::try_from(text).ok());
    parsed.ok_or_else(|| format!("headers: '{name}' cannot be sent"))
}

/// The error of the API that a status stands for. A `429` has no body (contract 1.8).
fn standard_body(status: StatusCode) -> Option<Value> {
    let kind = ErrorKind::of_status(status.as_u16()).filter(|kind| *kind != ErrorKind::RateLimitExceeded)?;
    serde_json::to_value(ApiError::new(kind, "This error was injected.")).ok()
}

impl Matcher {
    fn matches(&self, request: &Request) -> bool {
        let is_method =
            self.method.as_ref().is_none_or(|method| request.method().as_str().eq_ignore_ascii_case(method));
        is_method && self.path.as_ref().is_none_or(|pattern| is_match(pattern, below_app(request.uri().path())))
    }
}

/// The part of a path below `/apps/<app id>`.
fn below_app(path: &str) -> &str {
    let below = path.strip_prefix("/apps/").and_then(|rest| rest.find('/').map(|slash| &rest[slash..]));
    below.unwrap_or(path)
}

/// Whether a path has the form of a pattern.
fn is_match(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**") {
        return ends_of(path).any(|end| is_match(rest, end));
    }
    match pattern.chars().next() {
        None => path.is_empty(),
        Some('*') => {
            let within = path.find('/').unwrap_or(path.len());
            ends_of(path).take_while(|end| path.len() - end.len() <= within).any(|end| is_match(&pattern[1..], end))
        }
        Some(first) => path.strip_prefix(first).is_some_and(|rest| is_match(&pattern[first.len_utf8()..], rest)),
    }
}

/// The path itself, and it without its first character, and so on to nothing.
fn ends_of(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().map(|(index, _)| &path[index..]).chain([""])
}

/// Announces the whole body and breaks it off.
pub fn truncate(response: Response, after: usize) -> Response {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, Broken::body(Body::new(body), after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(json: Value) -> Spec {
        serde_json::from_value(json).unwrap()
    }

    fn request(method: &str, path: &str) -> Request {
        Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
    }

    #[test]
    fn what_is_wrong_with_a_fault_is_said_in_its_own_words() {
        for (fault, expected) in [
            (json!({ "statsu": 503 }), "`statsu` does not exist; there are match, status, body"),
            (json!({ "delay": -1 }), "`delay` needs to be a whole number of milliseconds, 0 or more"),
            (json!({ "delay": 1.5 }), "`delay` needs to be a whole number"),
            (json!({ "status": "503" }), "`status` needs to be a whole number from 200 to 999"),
            (json!({ "status": 70_000 }), "`status` needs to be"),
            (json!({ "times": 0, "reset": true }), "`times` needs to be a whole number from 1 up"),
            (json!({ "probability": 2, "reset": true }), "`probability` needs to be a number from 0 to 1"),
            (json!({ "reset": 1 }), "`reset` needs to be true or false"),
            (json!({ "match": { "url": "/" } }), "`match.url` does not exist; there are method, path"),
            (json!({ "match": { "method": 1 } }), "`match.method` needs to be a string"),
            (json!([]), "needs to be an object"),
        ] {
            let error = Spec::read(fault.to_string().as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{fault}: {error}");
        }
        assert!(Spec::read(br#"{"match":{"method":"POST"},"status":503,"times":1}"#).is_ok());
    }

    #[test]
    fn a_star_stays_within_a_segment_and_two_do_not() {
        for (pattern, path, is_expected) in [
            ("/conversations", "/conversations", true),
            ("/conversations", "/conversations/1", false),
            ("/conversations/*", "/conversations/1", true),
            ("/conversations/*", "/conversations/1/messages", false),
            ("/conversations/*/messages", "/conversations/1/messages", true),
            ("/conversations/**", "/conversations/1/messages/2", true),
            ("**/messages", "/users/x/conversations/1/messages", true),
            ("/users/mar*/blocks", "/users/maria/blocks", true),
            ("/users/mar*/blocks", "/users/jon/blocks", false),
        ] {
            assert_eq!(is_match(pattern, path), is_expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_fault_strikes_what_matches_as_often_as_it_is_told() {
        let faults = Faults::new(IdSource::Random);
        let matcher = json!({ "method": "post", "path": "/conversations" });
        let id = faults.inject(spec(json!({ "match": matcher, "status": 503, "times": 2 }))).unwrap();
        assert!(faults.strike(&request("GET", "/apps/x/conversations")).is_none());
        for _ in 0..2 {
            assert_eq!(faults.strike(&request("POST", "/apps/x/conversations?a=b")).map(|strike| strike.id), Some(id));
        }
        assert!(faults.strike(&request("POST", "/apps/x/conversations")).is_none());
        assert!(faults.shown().is_empty());
    }

    #[test]
    fn chance_is_foretold_by_the_seed() {
        let struck = |seed| -> Vec<bool> {
            let faults = Faults::new(IdSource::Seeded(seed));
            faults.inject(spec(json!({ "reset": true, "probability": 0.5 }))).unwrap();
            (0..64).map(|_| faults.strike(&request("GET", "/")).is_some()).collect()
        };
        assert_eq!(struck(1), struck(1));
        assert_ne!(struck(1), struck(2));
        assert!(struck(1).contains(&true) && struck(1).contains(&false));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_the_name_of_the_field() {
        let faults = Faults::new(IdSource::Random);
        for (json, word) in [
            (json!({}), "status, delay, reset"),
            (json!({ "status": 500, "reset": true }), "only one"),
            (json!({ "status": 99 }), "status"),
            (json!({ "reset": true, "probability": 2.0 }), "probability"),
            (json!({ "reset": true, "times": 0 }), "times"),
            (json!({ "reset": true, "body": {} }), "body"),
            (json!({ "reset": true, "match": { "path": "conversations" } }), "match.path"),
            (json!({ "status": 500, "headers": { "a b": "c" } }), "headers"),
        ] {
            let error = faults.inject(spec(json.clone())).unwrap_err();
            assert!(error.contains(word), "{json} {error}");
        }
        assert!(serde_json::from_value::<Spec>(json!({ "statsu": 500 })).is_err());
        assert!(faults.shown().is_empty());
    }

    #[test]
    fn the_error_of_a_status_is_that_of_the_table() {
        let body = |status| standard_body(StatusCode::from_u16(status).unwrap());
        assert_eq!(body(503).unwrap()["id"], "service_unavailable");
        assert_eq!(body(429), None);
        assert_eq!(body(418), None);
    }
}
