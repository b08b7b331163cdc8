//! The figures of a measurement.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::process::Usage;

/// What one measurement found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Requests a second.
    pub per_second: f64,
    /// Latency that half of the requests stay below, in ms; then 99 %, 99.9 %, and the longest.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// CPU time of the server for each request, in µs.
    pub cpu_us: f64,
    /// Calls of the server that write and read, to files and sockets, for each request.
    pub writes: f64,
    pub reads: f64,
    /// What the server wrote into files for each request, in KB.
    pub written_kb: f64,
    /// Memory of the server at the end, in MB.
    pub rss_mb: f64,
    /// How many requests the figures are about.
    pub requests: u64,
}

/// What tables show of them: name, words, digits after the point, whether more is better, and the value.
pub type Column = (&'static str, usize, Option<bool>, fn(&Figures) -> f64);

/// In the order of the columns.
pub const COLUMNS: [Column; 9] = [
    ("requests/s", 0, Some(true), |figures| figures.per_second),
    ("p50 ms", 2, Some(false), |figures| figures.p50_ms),
    ("p99 ms", 2, Some(false), |figures| figures.p99_ms),
    ("p99.9 ms", 2, Some(false), |figures| figures.p999_ms),
    ("CPU µs/request", 1, Some(false), |figures| figures.cpu_us),
    ("writes/request", 2, None, |figures| figures.writes),
    ("reads/request", 2, None, |figures| figures.reads),
    ("KB to files/request", 1, None, |figures| figures.written_kb),
    ("RSS MB", 1, Some(false), |figures| figures.rss_mb),
];

impl Figures {
    /// Puts a measurement together, of at least one request. Latencies are in ns.
    pub fn new(requests: u64, latencies: &Histogram<u64>, took: Duration, used: Usage, rss_mb: f64) -> Self {
        let count = float(requests);
        let ms = |quantile| float(latencies.value_at_quantile(quantile)) / 1e6;
        Self {
            per_second: count / took.as_secs_f64(),
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            p999_ms: ms(0.999),
            max_ms: float(latencies.max()) / 1e6,
            cpu_us: used.cpu.as_secs_f64() * 1e6 / count,
            writes: float(used.writes) / count,
            reads: float(used.reads) / count,
            written_kb: float(used.written) / 1e3 / count,
            rss_mb,
            requests,
        }
    }
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}
