//! The goals of the platform, as far as a run has measured what they are about. The median of the rounds decides.

use crate::figures::Figures;
use crate::load::Pace;
use crate::results::{Results, Target};
use crate::spread::Spread;

/// What is compared with the goal.
enum Measured {
    /// A figure of the first target.
    Figure(fn(&Figures) -> f64),
    /// Requests a second of the first target, as a share of those of the limit of the stack.
    Share,
}

/// A goal about one kind of load.
struct Goal {
    scenario: &'static str,
    pace: Pace,
    what: &'static str,
    unit: &'static str,
    /// The least that it takes when it is a share, the most otherwise.
    limit: f64,
    measured: Measured,
}

const GOALS: [Goal; 6] = [
    share("send-v4", 0.15),
    share("send-v7", 0.5),
    share("send", 0.5),
    tail("send-v4"),
    tail("send-v7"),
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

const fn share(scenario: &'static str, limit: f64) -> Goal {
    let what = "requests/s, as a share of the constant answer";
    Goal { scenario, pace: Pace::Closed(64), what, unit: "", limit, measured: Measured::Share }
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
    let limit = results.targets.iter().find(|target| target.is_constant);
    let mut rows: Vec<_> = GOALS.iter().filter_map(|goal| row(goal, results, first, limit)).collect();
    if let Some(bytes) = first.seeded_bytes_per_message {
        rows.push(judged(
            "bytes of a message in the store, conversations included".to_owned(),
            "",
            BYTES,
            &[bytes],
            false,
        ));
    }
    rows
}

fn row(goal: &Goal, results: &Results, first: &Target, limit: Option<&Target>) -> Option<Row> {
    let case = results.cases.iter().find(|case| case.scenario == goal.scenario && case.pace == goal.pace)?;
    let of_first = |of: fn(&Figures) -> f64| case.rounds.iter().map(move |round| of(&round[&first.name]));
    let values: Vec<_> = match goal.measured {
        Measured::Figure(of) => of_first(of).collect(),
        Measured::Share => {
            let name = &limit?.name;
            case.rounds.iter().map(|round| round[&first.name].per_second / round[name].per_second).collect()
        }
    };
    let what = format!("{}, {}: {}", case.title, case.pace, goal.what);
    Some(judged(what, goal.unit, goal.limit, &values, matches!(goal.measured, Measured::Share)))
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
