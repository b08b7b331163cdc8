//! What the benchmark asks for: the settings of `bench/client/worker/load.js`, and the call in words of the wire.

use std::time::{Duration, Instant};

use serde::Deserialize;

/// All settings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// The server's port on loopback.
    pub port: u16,
    /// Its certificate.
    pub ca: String,
    /// Its process, whose CPU time is reported.
    pub server_pid: u32,
    /// Requests in flight.
    pub concurrency: u32,
    /// Connections at the most.
    pub connections: usize,
    /// Before it is measured.
    pub warm_up: Limit,
    /// While it is measured.
    pub measured: Limit,
    /// The resource, as `messages`.
    pub resource: String,
    /// Name of the method, as `send`.
    pub method: String,
    /// Id of the conversation.
    pub id: String,
    /// Body or query.
    pub text: Option<String>,
    /// Status that each reply must have.
    pub status: u16,
    /// Compare protocols with hyper alone, in place of the client.
    pub protocol: Option<Protocol>,
}

/// How the requests go in a comparison of protocols.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// One at a time on each connection.
    Http1,
    /// All at once on each connection.
    Http2,
}

/// When to end; what comes first counts.
#[derive(Clone, Copy, Deserialize)]
pub struct Limit {
    seconds: Option<f64>,
    requests: Option<usize>,
}

impl Limit {
    /// A function that says whether one more request may be sent, and counts it.
    pub fn begin(self) -> impl FnMut() -> bool {
        let end = self.seconds.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
        let mut left = self.requests.unwrap_or(usize::MAX);
        move || {
            let may = left > 0 && end.is_none_or(|end| Instant::now() < end);
            left -= usize::from(may);
            may
        }
    }
}
