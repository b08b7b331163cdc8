//! Spans of requests for a collector of `OpenTelemetry`: OTLP over HTTP, as JSON. Off unless an endpoint is set. A span
//! is what the log says of a request, and no more; where the collector is slow or away, spans are dropped, never
//! requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use reqwest::{Client, Url};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::ground::trust;

/// How many spans may wait.
const ROOM: usize = 4096;

/// How many go in one request.
const BATCH: usize = 512;

/// How long a span waits for others.
const PAUSE: Duration = Duration::from_secs(2);

/// How long the collector may take for a batch.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request that was answered.
pub struct Span {
    /// Which trace it belongs to, and which span of it asked.
    pub context: Context,
    /// When it began.
    pub began: SystemTime,
    /// How long it took.
    pub duration: Duration,
    /// The method.
    pub method: &'static str,
    /// The route.
    pub route: String,
    /// The app, where the path has one.
    pub app: Option<String>,
    /// The id of the request.
    pub request: String,
    /// The status of the answer.
    pub status: u16,
}

/// The place of a request in a trace (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    trace: u128,
    parent: Option<u64>,
}

impl Context {
    /// That of the `traceparent` of a request, or a new trace. `None`: whoever asks does not want it to be recorded.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let Some((trace, parent, flags)) =
            headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parsed)
        else {
            return Some(Self { trace: fastrand::u128(1..), parent: None });
        };
        (flags & 1 == 1).then_some(Self { trace, parent: Some(parent) })
    }
}

/// `00-<trace>-<parent>-<flags>`, all in hexadecimal digits.
fn parsed(header: &str) -> Option<(u128, u64, u8)> {
    let mut fields = header.split('-');
    let mut next = |digits: usize| fields.next().filter(|field| field.len() == digits);
    let version = next(2)?;
    let trace = u128::from_str_radix(next(32)?, 16).ok()?;
    let parent = u64::from_str_radix(next(16)?, 16).ok()?;
    let flags = u8::from_str_radix(next(2)?, 16).ok()?;
    (version != "ff" && trace != 0 && parent != 0).then_some((trace, parent, flags))
}

impl Span {
    fn shown(&self) -> Value {
        let began = self.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = |at: Duration| at.as_nanos().to_string();
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let mut attributes = vec![
            text("http.request.method", self.method),
            text("http.route", &self.route),
            json!({ "key": "http.response.status_code", "value": { "intValue": self.status.to_string() } }),
            text("layer.request_id", &self.request),
        ];
        attributes.extend(self.app.as_ref().map(|app| text("layer.app_id", app)));
        let mut span = json!({
            "traceId": format!("{:032x}", self.context.trace),
            "spanId": format!("{:016x}", fastrand::u64(1..)),
            "name": format!("{} {}", self.method, self.route),
            // A server.
            "kind": 2,
            "startTimeUnixNano": nanos(began),
            "endTimeUnixNano": nanos(began + self.duration),
            "attributes": attributes,
        });
        if let Some(parent) = self.context.parent {
            span["parentSpanId"] = format!("{parent:016x}").into();
        }
        if self.status >= 500 {
            span["status"] = json!({ "code": 2 });
        }
        span
    }
}

/// Where spans are handed in.
pub type Sender = mpsc::Sender<Span>;

/// Sends spans to a collector.
pub struct Exporter {
    client: Client,
    url: Url,
    spans: mpsc::Receiver<Span>,
}

impl Exporter {
    /// Prepares it; connects to nothing yet. The endpoint is that of OTLP over HTTP, without `/v1/traces`.
    ///
    /// Error: what is wrong with the endpoint.
    pub fn new(endpoint: &str) -> Result<(Self, Sender), String> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let url: Url = url.parse().map_err(|error| format!("'{endpoint}' is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("'{endpoint}' is neither http:// nor https://"));
        }
        let client = trust::client(None)?.timeout(PATIENCE).build().map_err(|error| error.to_string())?;
        let (sender, spans) = mpsc::channel(ROOM);
        Ok((Self { client, url, spans }, sender))
    }

    /// Sends what comes until the last request is answered, and then what is left.
    pub async fn run(mut self, mut is_last_answered: watch::Receiver<bool>) {
        loop {
            let is_over = tokio::select! {
                () = tokio::time::sleep(PAUSE) => false,
                _ = is_last_answered.wait_for(|is_over| *is_over) => true,
            };
            let mut batch = vec![];
            while let Ok(span) = self.spans.try_recv() {
                batch.push(span.shown());
                if batch.len() == BATCH {
                    self.send(std::mem::take(&mut batch)).await;
                }
            }
            if !batch.is_empty() {
                self.send(batch).await;
            }
            if is_over {
                return;
            }
        }
    }

    async fn send(&self, spans: Vec<Value>) {
        let count = spans.len();
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let resource = [text("service.name", "layer-platform"), text("service.version", env!("CARGO_PKG_VERSION"))];
        let body = json!({ "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": "layer-platform" }, "spans": spans }],
        }] });
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let error = match request.body(body.to_string()).send().await {
            Ok(answer) if answer.status().is_success() => return,
            Ok(answer) => format!("the collector answered {}", answer.status()),
            // Without the URL, which may have a password.
            Err(error) => error.without_url().to_string(),
        };
        tracing::warn!(error, spans = count, "spans could not be sent, and are dropped");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_part_of_the_trace_that_it_names() {
        let of = |header: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", header.parse().unwrap());
            Context::of(&headers)
        };
        let (trace, parent) = (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331);
        let named = Some(Context { trace, parent: Some(parent) });
        assert_eq!(of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), named);
        assert_eq!(of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"), None);
        for wrong in ["", "00-0-0-01", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
            assert!(of(wrong).is_some_and(|context| context.parent.is_none()), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_that_is_none_is_refused() {
        assert!(Exporter::new("http://127.0.0.1:4318/").is_ok());
        for wrong in ["collector", "ftp://a"] {
            assert!(Exporter::new(wrong).is_err_and(|reason| reason.contains(wrong)), "{wrong}");
        }
    }
}
