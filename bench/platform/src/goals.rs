//! The goals of the platform, as far as a run has measured what they are about. The median of the rounds decides.

use crate::figures::Figures;
use crate::load::Pace;
use crate::results::{Kind, Results, Target};
use crate::spread::Spread;
use crate::target::Peer;

/// What is compared with the goal.
enum Measured {
    /// A figure of the first target, which may have at the most so much.
    Figure(fn(&Figures) -> f64),
    /// Requests a second of the first target by those of another one, which must be at least so many.
    Times(Kind),
    /// CPU time of a request to the platform whose store is the largest by that of the first, at the most.
    Growth,
}

/// A goal about one kind of load.
struct Goal {
    scenario: &'static str,
    pace: Pace,
    what: &'static str,
    unit: &'static str,
    limit: f64,
    measured: Measured,
}

const GOALS: [Goal; 15] = [
    share("send-v4", 0.15),
    share("send-v7", 0.5),
    share("send", 0.5),
    tail("send-v4"),
    tail("send-v7"),
    times("send-v4", 16, Peer::Synapse, 100.0),
    times("send-v7", 16, Peer::Synapse, 100.0),
    times("messages", 16, Peer::Synapse, 100.0),
    times("send-v4", 64, Peer::Ejabberd, 5.0),
    times("send-v7", 64, Peer::Ejabberd, 5.0),
    growth("send-v4", 1.5),
    growth("send-v7", 1.5),
    growth("messages", 1.1),
    growth("conversations", 1.1),
    Goal {
        scenario: "send-v4",
        pace: Pace::Closed(64),
        what: "RSS",
        unit: " MB",
        limit: 40.0,
        measured: Measured::Figure(|figures| figures.rss_mb),
    },
];

/// Bytes of a message, with its share of its conversation.
const BYTES: f64 = 260.0;

/// Milliseconds to the first answer with a new store, and with one of so many messages.
const NEW_MS: f64 = 50.0;
const LARGE_MS: f64 = 1000.0;
const LARGE: u64 = 10_000_000;

/// A store is large beside another one that has so many times fewer messages.
const GROWN: u64 = 100;

const fn share(scenario: &'static str, limit: f64) -> Goal {
    let what = "requests/s, as a share of the constant answer";
    Goal { scenario, pace: Pace::Closed(64), what, unit: "", limit, measured: Measured::Times(Kind::Constant) }
}

const fn times(scenario: &'static str, connections: u32, peer: Peer, limit: f64) -> Goal {
    let what = match peer {
        Peer::Synapse => "requests/s, by those of Synapse",
        Peer::Ejabberd => "requests/s, by those of ejabberd",
    };
    let measured = Measured::Times(Kind::Peer(peer));
    Goal { scenario, pace: Pace::Closed(connections), what, unit: "", limit, measured }
}

const fn growth(scenario: &'static str, limit: f64) -> Goal {
    let what = "CPU with a store that is 100 times larger";
    Goal { scenario, pace: Pace::Closed(64), what, unit: " times", limit, measured: Measured::Growth }
}

const fn tail(scenario: &'static str) -> Goal {
    let measured = Measured::Figure(|figures| figures.p999_ms);
    Goal { scenario, pace: Pace::Open(1000), what: "p99.9", unit: " ms", limit: 10.0, measured }
}

/// A goal and how far it is met, in words.
pub struct Row {
    pub what: String,
    pub goal: String,
    pub measured: String,
    pub verdict: String,
}

/// The goals that something was measured for.
pub fn rows(results: &Results) -> Vec<Row> {
    let Some(first) = results.targets.first() else { return vec![] };
    let mut rows: Vec<_> = GOALS.iter().filter_map(|goal| row(goal, results, first)).collect();
    let most = |what: &str, unit, limit, values: &[f64]| judged(what.to_owned(), unit, limit, values, false);
    if let Some(bytes) = first.seeded_bytes_per_message {
        rows.push(most("bytes of a message in the store, conversations included", "", BYTES, &[bytes]));
    }
    if !first.new_first_answers_ms.is_empty() {
        let what = "from a start to the first answer, new store";
        rows.push(most(what, " ms", NEW_MS, &first.new_first_answers_ms));
    }
    for target in &results.targets {
        if target.messages >= LARGE && !target.first_answers_ms.is_empty() {
            let what = format!("from a start to the first answer, {} messages", target.messages);
            rows.push(most(&what, " ms", LARGE_MS, &target.first_answers_ms));
        }
    }
    rows
}

fn row(goal: &Goal, results: &Results, first: &Target) -> Option<Row> {
    let case = results.cases.iter().find(|case| case.scenario == goal.scenario && case.pace == goal.pace)?;
    let of_first = case.figures(&first.name);
    let by = |other: &Target, ratio: fn(&Figures, &Figures) -> f64| -> Vec<_> {
        of_first.iter().zip(case.figures(&other.name)).map(|(first, other)| ratio(first, other)).collect()
    };
    let (values, is_least): (Vec<_>, _) = match goal.measured {
        Measured::Figure(of) => (of_first.iter().map(|figures| of(figures)).collect(), false),
        Measured::Times(kind) => {
            let other = results.targets.iter().find(|target| target.kind == kind)?;
            (by(other, |first, other| first.per_second / other.per_second), true)
        }
        Measured::Growth => {
            let grown = |target: &&Target| {
                target.kind == Kind::Platform && first.messages > 0 && target.messages / first.messages >= GROWN
            };
            let other = results.targets.iter().filter(grown).max_by_key(|target| target.messages)?;
            (by(other, |first, other| other.cpu_us / first.cpu_us), false)
        }
    };
    if values.is_empty() {
        return None;
    }
    let what = format!("{}, {}: {}", case.title, case.pace, goal.what);
    Some(judged(what, goal.unit, goal.limit, &values, is_least))
}

fn judged(what: String, unit: &str, limit: f64, values: &[f64], is_least: bool) -> Row {
    let spread = Spread::of(values);
    let (sign, is_met) = if is_least { (">=", spread.median >= limit) } else { ("<=", spread.median <= limit) };
    let missing = if is_least { 1.0 - spread.median / limit } else { spread.median / limit - 1.0 };
    let verdict = if is_met { "met".to_owned() } else { format!("missed by {:.0} %", 100.0 * missing) };
    Row { what, goal: format!("{sign} {limit}{unit}"), measured: spread.written(2), verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_or_missed_by_the_median_of_its_rounds() {
        let row = judged("what".to_owned(), " ms", 10.0, &[30.0, 9.0, 8.0], false);
        assert_eq!((row.goal.as_str(), row.verdict.as_str()), ("<= 10 ms", "met"));
        assert_eq!(row.measured, "9.00 [8.00..30.00]");
        let row = judged("what".to_owned(), "", 0.5, &[0.25], true);
        assert_eq!((row.goal.as_str(), row.verdict.as_str()), (">= 0.5", "missed by 50 %"));
    }
}
