//! The requests of the client benchmarks from a program without Node: the floor of what they cost.
//!
//! It measures as `bench/client/worker/load.js` does, with the crate of the client and nothing around it, and prints
//! the same figures as one line of JSON. There is no `loop`, because there is none.
//!
//! ```text
//! layer-bench-floor SETTINGS
//! ```
#![forbid(unsafe_code)]

mod cpu;
mod load;
#[cfg(feature = "http2")]
mod protocol;
mod settings;

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::settings::Settings;

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let text = std::env::args().nth(1).ok_or("Usage: layer-bench-floor SETTINGS")?;
    let settings: Settings = serde_json::from_str(&text)?;
    let measured = match settings.protocol {
        None => load::measure(&settings)?,
        #[cfg(feature = "http2")]
        Some(protocol) => protocol::measure(&settings, protocol)?,
        #[cfg(not(feature = "http2"))]
        Some(_) => return Err("Protocols are compared with the feature `http2`".into()),
    };
    writeln!(std::io::stdout(), "{}", figures(measured)?)?;
    Ok(())
}

/// What a measurement found.
struct Measured {
    latencies: Vec<Duration>,
    took: Duration,
    main: Duration,
    process: Duration,
    server: Duration,
}

impl Measured {
    /// Runs `work`, which gives latencies, and notes what was used meanwhile.
    fn of(server: u32, work: impl FnOnce() -> Result<Vec<Duration>, AnyError>) -> Result<Self, AnyError> {
        let own = std::process::id();
        let used = || Ok::<_, AnyError>((cpu::main_thread(own)?, cpu::process()?, cpu::main_thread(server)?));
        let (main, process, serving) = used()?;
        let start = Instant::now();
        let latencies = work()?;
        let took = start.elapsed();
        let after = used()?;
        Ok(Self {
            latencies,
            took,
            main: after.0.saturating_sub(main),
            process: after.1.saturating_sub(process),
            server: after.2.saturating_sub(serving),
        })
    }
}

fn figures(mut measured: Measured) -> Result<serde_json::Value, AnyError> {
    measured.latencies.sort_unstable();
    let count = measured.latencies.len();
    let latency =
        |percent: usize| measured.latencies.get(count * percent / 100).map_or(0.0, |found| found.as_secs_f64() * 1e3);
    let requests = f64::from(u32::try_from(count)?);
    let us = |used: Duration| used.as_secs_f64() * 1e6 / requests;
    Ok(json!({
        "perSecond": requests / measured.took.as_secs_f64(),
        "p50Ms": latency(50),
        "p99Ms": latency(99),
        "mainUs": us(measured.main),
        "processUs": us(measured.process),
        "rssMb": cpu::rss_mb()?,
        "serverUs": us(measured.server),
    }))
}
