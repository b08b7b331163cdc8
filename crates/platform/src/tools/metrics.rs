//! `GET /metrics`: the platform in numbers, in the text format of Prometheus. `docs/operations.md` says what each
//! means; a test holds it to what is shown.

use std::fmt::{Display, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use layer_store::token::TokenHash;
use layer_wire::webhook::Status;
use layer_wire::{ApiError, Timestamp};

use super::admin::knows;
use crate::http::error::{Answer, HttpError};
use crate::http::live::Hub;
use crate::http::observe::{BOUNDS_US, Observer};
use crate::service::Services;

/// How long the store may take to say what waits. What it does not say is left out.
const PATIENCE: Duration = Duration::from_secs(5);

/// The names of what is measured, each with its kind and what it is.
pub const FAMILIES: [(&str, &str, &str); 19] = [
    ("layer_info", "gauge", "Always 1; its label has the version"),
    ("layer_start_time_seconds", "gauge", "When the platform was started, in seconds since 1970"),
    ("layer_requests_total", "counter", "Requests that were answered, by method, route and status"),
    ("layer_request_seconds", "histogram", "Seconds until the head of an answer, by method and route"),
    ("layer_requests_under_way", "gauge", "Requests that have no answer yet"),
    ("layer_connections", "gauge", "Connections that are open, sockets among them"),
    ("layer_connections_max", "gauge", "Connections that there may be"),
    ("layer_connections_refused_total", "counter", "Connections that were refused because there were too many"),
    ("layer_sockets", "gauge", "Sockets of clients that are open"),
    ("layer_sockets_waiting_bytes", "gauge", "Bytes that wait for clients that are slow"),
    ("layer_store_waiting", "gauge", "Jobs that wait for the store, by queue"),
    ("layer_store_commit_writes", "histogram", "Writes in each commit"),
    ("layer_store_failed_commits_total", "counter", "Commits that failed"),
    ("layer_database_bytes", "gauge", "Size of the database file"),
    ("layer_database_log_bytes", "gauge", "Size of the write-ahead log beside it"),
    ("layer_by_nats", "gauge", "1 while NATS carries what platforms on one database tell each other"),
    ("layer_webhooks", "gauge", "Webhooks by status"),
    ("layer_outbox_deliveries", "gauge", "Deliveries to webhooks that wait"),
    ("layer_outbox_age_seconds", "gauge", "How long the oldest delivery has waited"),
];

/// What the numbers come from.
#[derive(Clone)]
pub struct Metrics {
    /// The rules.
    pub services: Arc<Services>,
    /// The sockets of clients.
    pub hub: Arc<Hub>,
    /// What became of requests.
    pub observer: Arc<Observer>,
    /// When the platform was started, by the clock of the machine.
    pub started_at: Timestamp,
    /// Who may ask. `None`: everyone.
    pub token: Option<TokenHash>,
}

/// The route.
pub fn router(metrics: Metrics) -> Router {
    Router::new().route("/metrics", get(show)).with_state(metrics)
}

/// `GET /metrics`: all numbers.
///
/// - `200` with text; `authentication_required`
async fn show(State(metrics): State<Metrics>, request: Request) -> Answer {
    if metrics.token.as_ref().is_some_and(|token| !knows(request.headers(), token)) {
        return Err(HttpError::from(ApiError::authentication_required()));
    }
    let mut response = Response::new(metrics.text().await.into());
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// The text in the making.
#[derive(Default)]
struct Page(String);

impl Page {
    /// Begins with what is measured under a name.
    fn family(&mut self, name: &str) {
        if let Some((_, kind, help)) = FAMILIES.iter().find(|(known, ..)| *known == name) {
            // Writing to a text does not fail; so below.
            let _ = write!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}\n");
        }
    }

    /// One value; labels with their braces.
    fn value(&mut self, name: &str, labels: impl Display, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// What has one value only.
    fn single(&mut self, name: &str, value: impl Display) {
        self.family(name);
        self.value(name, "", value);
    }
}

impl Metrics {
    async fn text(&self) -> String {
        let mut page = Page::default();
        page.family("layer_info");
        page.value("layer_info", format_args!("{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1);
        page.single("layer_start_time_seconds", self.started_at.as_ms() / 1000);
        self.write_requests(&mut page);
        page.single("layer_connections", self.observer.connections());
        page.single("layer_connections_max", self.observer.max_connections);
        page.single("layer_connections_refused_total", self.observer.refused.load(Ordering::Relaxed));
        let sockets = self.hub.sockets();
        page.single("layer_sockets", sockets.len());
        page.single("layer_sockets_waiting_bytes", sockets.iter().map(|socket| socket.waiting().1).sum::<usize>());
        self.write_store(&mut page);
        self.write_outbox(&mut page).await;
        page.0
    }

    fn write_requests(&self, page: &mut Page) {
        page.family("layer_requests_total");
        for (method, route, counts) in self.observer.counts() {
            for (status, count) in counts.statuses() {
                let labels = format_args!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
                page.value("layer_requests_total", labels, count);
            }
        }
        page.family("layer_request_seconds");
        for (method, route, counts) in self.observer.counts() {
            let (up_to, all) = counts.durations();
            let labels = format!("method=\"{method}\",route=\"{route}\"");
            for (bound, count) in BOUNDS_US.iter().zip(up_to) {
                let bound = Duration::from_micros(*bound).as_secs_f64();
                page.value("layer_request_seconds_bucket", format_args!("{{{labels},le=\"{bound}\"}}"), count);
            }
            let count = up_to[BOUNDS_US.len()];
            page.value("layer_request_seconds_bucket", format_args!("{{{labels},le=\"+Inf\"}}"), count);
            page.value("layer_request_seconds_sum", format_args!("{{{labels}}}"), all.as_secs_f64());
            page.value("layer_request_seconds_count", format_args!("{{{labels}}}"), count);
        }
        page.single("layer_requests_under_way", self.observer.under_way());
    }

    fn write_store(&self, page: &mut Page) {
        let state = self.services.core.store_state();
        page.family("layer_store_waiting");
        page.value("layer_store_waiting", "{queue=\"writes\"}", state.waiting_writes);
        page.value("layer_store_waiting", "{queue=\"reads\"}", state.waiting_reads);
        page.family("layer_store_commit_writes");
        let (last, bounded) = state.batches.split_last().unwrap_or((&0, &[]));
        let mut commits = 0;
        for (class, count) in bounded.iter().enumerate() {
            commits += count;
            page.value("layer_store_commit_writes_bucket", format_args!("{{le=\"{}\"}}", 1_u64 << class), commits);
        }
        commits += last;
        page.value("layer_store_commit_writes_bucket", "{le=\"+Inf\"}", commits);
        page.value("layer_store_commit_writes_sum", "", state.committed_writes);
        page.value("layer_store_commit_writes_count", "", commits);
        page.single("layer_store_failed_commits_total", state.failed_commits);
        page.single("layer_database_bytes", state.database_bytes);
        page.single("layer_database_log_bytes", state.log_bytes);
        page.single("layer_by_nats", u8::from(state.is_by_nats));
    }

    async fn write_outbox(&self, page: &mut Page) {
        let asked = tokio::time::timeout(PATIENCE, self.services.overview.outbox()).await;
        let Ok(Ok((outbox, age))) = asked else { return };
        page.family("layer_webhooks");
        for (status, count) in [
            (Status::Active, outbox.active),
            (Status::Inactive { reason: String::new() }, outbox.inactive),
            (Status::Unverified, outbox.unverified),
        ] {
            page.value("layer_webhooks", format_args!("{{status=\"{}\"}}", status.name()), count);
        }
        page.single("layer_outbox_deliveries", outbox.deliveries);
        page.single("layer_outbox_age_seconds", age.as_secs_f64());
    }
}
