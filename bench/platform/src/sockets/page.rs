//! The figures as tables, and in docs/benchmark-results.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::figures::{Live, LiveCase, Results};
use super::people::PER_CONVERSATION;
use crate::AnyError;
use crate::page::Marks;
use crate::results;
use crate::spread::Spread;

const MARKS: Marks = Marks {
    begin: "<!-- Made by `npm run bench:platform -- --sockets --render`. -->",
    end: "<!-- End of what is made for sockets. -->",
};

/// What an idle socket may cost. Unit: KB.
const IDLE_KB: f64 = 20.0;

/// The rate that the goal is about, in messages a second, and what 99 % have to stay below, in ms.
const GOAL: (u32, f64) = (500, 50.0);

/// A column: words, digits after the point, the value.
type Column = (&'static str, usize, fn(&Live) -> f64);

const COLUMNS: [Column; 9] = [
    ("answered/s", 0, |live| live.per_second),
    ("p50 ms", 1, |live| live.p50_ms),
    ("p99 ms", 1, |live| live.p99_ms),
    ("p99.9 ms", 1, |live| live.p999_ms),
    ("longest ms", 1, |live| live.max_ms),
    ("p50 ms since due", 1, |live| live.due_p50_ms),
    ("p99 ms since due", 1, |live| live.due_p99_ms),
    ("CPU µs/message", 0, |live| live.cpu_us),
    ("RSS MB", 0, |live| live.rss_mb),
];

/// All tables of a run.
pub fn tables(results: &Results) -> String {
    let mut text = format!("{}, load average before {:.2}\n", results.machine, results.load);
    text.push_str("\n|  | goal | measured |  |\n| --- | --- | --- | --- |\n");
    // Writing to memory does not fail, here and below.
    if let Some(idle) = &results.idle {
        let what = format!("memory of each of {} idle sockets", idle.sockets);
        let _ =
            writeln!(text, "| {what} | <= {IDLE_KB} KB | {:.1} | {} |", idle.kb_each, verdict(idle.kb_each, IDLE_KB));
    }
    let (rate, limit) = GOAL;
    if let Some(case) = results.live.iter().find(|case| case.rate == rate) {
        let spread = spread(case, |live| live.p99_ms);
        let what = format!(
            "{rate} messages a second to {PER_CONVERSATION} sockets each: p99 from the answer to the last socket"
        );
        let _ =
            writeln!(text, "| {what} | <= {limit} ms | {} | {} |", spread.written(1), verdict(spread.median, limit));
    }
    if let Some(idle) = &results.idle {
        let _ = writeln!(
            text,
            "\nWith {} sockets open the platform has {:.0} MB; to open them took {:.1} s.",
            idle.sockets, idle.rss_mb, idle.opened_in_s
        );
    }
    let _ = writeln!(
        text,
        "\n**{} users with a socket each, in conversations of {PER_CONVERSATION}: from the answer to a message to the \
         last socket that it comes over**\n",
        results.users
    );
    let words: Vec<_> = COLUMNS.iter().map(|(words, ..)| *words).collect();
    let _ = writeln!(text, "| messages/s | {} |\n| --: |{}", words.join(" | "), " --: |".repeat(words.len()));
    for case in &results.live {
        let cells: Vec<_> = COLUMNS.iter().map(|(_, digits, of)| spread(case, *of).written(*digits)).collect();
        let _ = writeln!(text, "| {} | {} |", case.rate, cells.join(" | "));
    }
    text
}

fn spread(case: &LiveCase, of: fn(&Live) -> f64) -> Spread {
    Spread::of(&case.rounds.iter().map(of).collect::<Vec<_>>())
}

fn verdict(measured: f64, limit: f64) -> String {
    if measured <= limit { "met".to_owned() } else { format!("missed by {:.0} %", 100.0 * (measured / limit - 1.0)) }
}

/// Writes the saved results into the page.
pub fn render(saved: &Path, page: &Path) -> Result<(), AnyError> {
    let text = fs::read_to_string(page)?;
    Ok(fs::write(page, page_with(&text, &results::saved(saved)?)?)?)
}

/// The page with these results between its marks. Error: it has lost them.
fn page_with(page: &str, results: &Results) -> Result<String, AnyError> {
    MARKS.around(page, &tables(results))
}

#[cfg(test)]
mod tests {
    use super::super::figures::Idle;
    use super::*;

    fn results() -> Results {
        let live = Live {
            per_second: 500.0,
            p50_ms: 1.0,
            p99_ms: 60.0,
            p999_ms: 70.0,
            max_ms: 80.0,
            due_p50_ms: 2.0,
            due_p99_ms: 61.0,
            cpu_us: 900.0,
            rss_mb: 50.0,
            messages: 1000,
        };
        Results {
            at: 0,
            machine: "2 × processor".to_owned(),
            load: 0.5,
            command: String::new(),
            idle: Some(Idle { sockets: 10_000, kb_each: 12.5, rss_mb: 150.0, opened_in_s: 3.0 }),
            users: 1000,
            live: vec![LiveCase { rate: 500, rounds: vec![live] }],
        }
    }

    #[test]
    fn goals_are_met_or_missed() {
        let text = tables(&results());
        assert!(text.contains("| <= 20 KB | 12.5 | met |") && text.contains("| 60.0 | missed by 20 % |"), "{text}");
    }

    #[test]
    fn the_page_has_its_marks() {
        let page = include_str!("../../../../docs/benchmark-results.md");
        let once = page_with(page, &results()).unwrap();
        assert_eq!(page_with(&once, &results()).unwrap(), once);
        assert!(page_with("# Page", &results()).is_err());
    }
}
