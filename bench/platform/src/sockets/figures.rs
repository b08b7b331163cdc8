//! What was measured of sockets, as it is saved.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::listen::Latencies;
use crate::figures::float;
use crate::process::Usage;

/// A run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// Milliseconds since 1970.
    pub at: u64,
    /// Processors and their model.
    pub machine: String,
    /// Load average before the first measurement.
    pub load: f64,
    /// Arguments of the command.
    pub command: String,
    pub idle: Option<Idle>,
    /// Users who listen.
    pub users: usize,
    pub live: Vec<LiveCase>,
}

/// Sockets over which nothing goes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Idle {
    pub sockets: usize,
    /// Memory of the platform that each takes, in KB.
    pub kb_each: f64,
    /// Memory of the platform with all of them, in MB.
    pub rss_mb: f64,
    /// How long it took to open them, one behind the other in some lanes, in seconds.
    pub opened_in_s: f64,
}

/// A rate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveCase {
    /// Messages a second.
    pub rate: u32,
    pub rounds: Vec<Live>,
}

/// What one round found at a rate.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    /// Messages a second that were answered.
    pub per_second: f64,
    /// From the answer to the sender to the last socket, in ms: half, 99 %, 99.9 %, the longest.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// From when the message was due to the last socket, in ms: half, 99 %.
    pub due_p50_ms: f64,
    pub due_p99_ms: f64,
    /// CPU time of the platform for each message, in µs.
    pub cpu_us: f64,
    /// Memory of the platform at the end, in MB.
    pub rss_mb: f64,
    /// How many messages the figures are about.
    pub messages: u64,
}

impl Live {
    /// Puts a measurement together, of at least one message.
    pub fn new(answered: u64, latencies: &Latencies, took: Duration, used: Usage, rss_mb: f64) -> Self {
        let ms = |of: &Histogram<u64>, quantile| float(of.value_at_quantile(quantile)) / 1e6;
        let Latencies { from_answer, from_due } = latencies;
        Self {
            per_second: float(answered) / took.as_secs_f64(),
            p50_ms: ms(from_answer, 0.5),
            p99_ms: ms(from_answer, 0.99),
            p999_ms: ms(from_answer, 0.999),
            max_ms: float(from_answer.max()) / 1e6,
            due_p50_ms: ms(from_due, 0.5),
            due_p99_ms: ms(from_due, 0.99),
            cpu_us: used.cpu.as_secs_f64() * 1e6 / float(answered),
            rss_mb,
            messages: from_answer.len(),
        }
    }
}
