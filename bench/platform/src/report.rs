//! Tables in Markdown: medians of the rounds with the lowest and the highest, and ratios in the same round.

use std::fmt::Write as _;

use crate::figures::{COLUMNS, Figures};
use crate::goals;
use crate::results::{Case, Results};
use crate::spread::Spread;

/// All tables of a run.
pub fn tables(results: &Results) -> String {
    let mut text = format!(
        "{} conversations, {} messages; {}, load average before {:.2}\n",
        results.conversations, results.messages, results.machine, results.load
    );
    goals(&mut text, results);
    for case in &results.cases {
        // Writing to memory does not fail.
        let _ = write!(text, "\n**{}, {}**\n\n", case.title, case.pace);
        figures(&mut text, results, case);
        if results.targets.len() > 1 {
            text.push_str("\nTimes better, in the same round:\n\n");
            ratios(&mut text, results, case);
        }
    }
    sizes(&mut text, results);
    text
}

fn goals(text: &mut String, results: &Results) {
    let rows = goals::rows(results);
    if rows.is_empty() {
        return;
    }
    text.push_str("\n|  | goal | measured |  |\n| --- | --- | --- | --- |\n");
    for goals::Row { what, goal, measured, verdict } in rows {
        // Writing to memory does not fail.
        let _ = writeln!(text, "| {what} | {goal} | {measured} | {verdict} |");
    }
}

fn figures(text: &mut String, results: &Results, case: &Case) {
    head(text, COLUMNS.iter().map(|(words, ..)| *words));
    for target in &results.targets {
        let cells = COLUMNS.iter().map(|(_, digits, _, of)| {
            let values: Vec<_> = case.rounds.iter().map(|round| of(&round[&target.name])).collect();
            Spread::of(&values).written(*digits)
        });
        row(text, &target.name, cells);
    }
}

/// Of every other target to the first: above 1 is better, whatever the figure.
fn ratios(text: &mut String, results: &Results, case: &Case) {
    let compared = || COLUMNS.iter().filter_map(|(words, _, better, of)| Some((*words, (*better)?, *of)));
    head(text, compared().map(|(words, ..)| words));
    let Some((first, others)) = results.targets.split_first() else { return };
    for target in others {
        let cells = compared().map(|(_, more_is_better, of)| {
            let ratio = |round: &std::collections::BTreeMap<String, Figures>| {
                let (own, other) = (of(&round[&target.name]), of(&round[&first.name]));
                if more_is_better { own / other } else { other / own }
            };
            Spread::of(&case.rounds.iter().map(ratio).collect::<Vec<_>>()).written(2)
        });
        row(text, &format!("{} : {}", target.name, first.name), cells);
    }
}

fn sizes(text: &mut String, results: &Results) {
    if results.targets.iter().all(|target| target.seeded_bytes_per_message.is_none()) {
        return;
    }
    text.push_str("\n**Bytes a message**\n\n");
    head(text, ["in the store at the start, conversations included", "added by the load"]);
    for target in &results.targets {
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.0}"));
        row(text, &target.name, [target.seeded_bytes_per_message, target.added_bytes_per_message].map(cell));
    }
}

fn head<'a>(text: &mut String, words: impl IntoIterator<Item = &'a str>) {
    let words: Vec<_> = words.into_iter().collect();
    // Writing to memory does not fail.
    let _ = writeln!(text, "|  | {} |\n| --- |{}", words.join(" | "), " --: |".repeat(words.len()));
}

fn row(text: &mut String, name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<_> = cells.into_iter().collect();
    // Writing to memory does not fail.
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_median_and_their_range() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]).written(1), "2.0 [1.0..3.0]");
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).written(1), "2.5 [1.0..4.0]");
        assert_eq!(Spread::of(&[7.0]).written(0), "7");
    }
}
