//! What processes have used so far, from `/proc`: Linux only.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

/// CPU time of the main thread of a process.
pub fn main_thread(pid: u32) -> Result<Duration> {
    schedstat(&format!("/proc/{pid}/task/{pid}/schedstat"))
}

/// CPU time of all threads of this process that are alive: none ends while it is measured.
pub fn process() -> Result<Duration> {
    fs::read_dir("/proc/self/task")?.map(|task| schedstat(&format!("{}/schedstat", task?.path().display()))).sum()
}

/// Memory of this process that is in use, in MB.
pub fn rss_mb() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let kb = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    kb.map(|kb| kb / 1024.0).ok_or_else(|| invalid("/proc/self/status"))
}

/// The first field is the CPU time, in nanoseconds.
fn schedstat(path: &str) -> Result<Duration> {
    let text = fs::read_to_string(path)?;
    let ns = text.split_ascii_whitespace().next().and_then(|field| field.parse().ok());
    ns.map(Duration::from_nanos).ok_or_else(|| invalid(path))
}

fn invalid(path: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{path} is not what it should be"))
}
