//! Tables in Markdown: medians of the rounds with the lowest and the highest, and ratios in the same round.

use std::fmt::Write as _;

use crate::figures::{COLUMNS, Figures};
use crate::results::{Case, Results};

/// All tables of a run.
pub fn tables(results: &Results) -> String {
    let mut text = format!(
        "{} conversations, {} messages; {}, load average before {:.2}\n",
        results.conversations, results.messages, results.machine, results.load
    );
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

fn figures(text: &mut String, results: &Results, case: &Case) {
    head(text, COLUMNS.iter().map(|(words, ..)| *words));
    for target in &results.targets {
        let cells = COLUMNS.iter().map(|(_, digits, _, of)| {
            let values = case.rounds.iter().map(|round| of(&round[&target.name])).collect();
            written(values, *digits)
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
            written(case.rounds.iter().map(ratio).collect(), 2)
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

/// `median [low..high]`
fn written(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_unstable_by(f64::total_cmp);
    match (values.first(), values.last()) {
        (Some(low), Some(high)) if values.len() > 1 => {
            format!("{:.digits$} [{low:.digits$}..{high:.digits$}]", median(&values))
        }
        (Some(only), _) => format!("{only:.digits$}"),
        _ => String::new(),
    }
}

/// Of sorted values, at least one.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_median_and_their_range() {
        assert_eq!(written(vec![3.0, 1.0, 2.0], 1), "2.0 [1.0..3.0]");
        assert_eq!(written(vec![4.0, 1.0, 2.0, 3.0], 1), "2.5 [1.0..4.0]");
        assert_eq!(written(vec![7.0], 0), "7");
    }
}
