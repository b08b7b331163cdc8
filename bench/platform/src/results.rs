//! What was measured, as it is saved.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::AnyError;
use crate::figures::Figures;
use crate::load::Pace;
use crate::target::Peer;

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
    /// In the order of the command line.
    pub targets: Vec<Target>,
    pub cases: Vec<Case>,
}

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    Platform,
    /// It answers always the same: the limit of the stack.
    Constant,
    Peer(Peer),
}

/// A target.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    pub name: String,
    pub kind: Kind,
    /// Messages in its store at the start.
    pub messages: u64,
    /// Bytes of the database for each message in it before the load, conversations included, and how many more each
    /// message of the load took. `None` for what has no database, or none that is seen, and for a run without sends.
    pub seeded_bytes_per_message: Option<f64>,
    pub added_bytes_per_message: Option<f64>,
    /// From a start to the first answer, in ms: with its store, and with a new one. Empty where it is not started anew.
    pub first_answers_ms: Vec<f64>,
    pub new_first_answers_ms: Vec<f64>,
}

/// A kind of load.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    pub scenario: String,
    pub title: String,
    pub pace: Pace,
    /// Figures by target; of those that have such operations.
    pub rounds: Vec<BTreeMap<String, Figures>>,
}

impl Case {
    /// What each round found of a target; nothing where it has no such operations.
    pub fn figures(&self, target: &str) -> Vec<&Figures> {
        self.rounds.iter().filter_map(|round| round.get(target)).collect()
    }
}

/// Saves a run.
pub fn save(results: &impl Serialize, path: &Path) -> Result<(), AnyError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    Ok(fs::write(path, text)?)
}

/// The run that was saved last. Error: there is none.
pub fn saved<Results: DeserializeOwned>(path: &Path) -> Result<Results, AnyError> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}; measure first", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// Processors of this machine and their model.
pub fn machine() -> String {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    format!("{count} × {}", model.map_or("unknown processor", |(_, model)| model))
}

/// The load average of the last minute.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(f64::NAN)
}
