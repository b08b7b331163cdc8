//! Tables in Markdown: medians of the rounds with the lowest and the highest, and ratios in the same round.

use std::fmt::Write as _;

use crate::figures::{COLUMNS, Figures};
use crate::goals;
use crate::results::{Case, Kind, Results};
use crate::spread::Spread;

/// All tables of a run.
pub fn tables(results: &Results) -> String {
    let mut text = format!("{}, load average before {:.2}\n", results.machine, results.load);
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
    stores(&mut text, results);
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
        let figures = case.figures(&target.name);
        if figures.is_empty() {
            continue;
        }
        let cells = COLUMNS.iter().map(|(_, digits, _, of)| {
            let values: Vec<_> = figures.iter().map(|figures| of(figures)).collect();
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
    let of_first = case.figures(&first.name);
    for target in others {
        let of_target = case.figures(&target.name);
        if of_target.is_empty() {
            continue;
        }
        let cells = compared().map(|(_, more_is_better, of)| {
            let ratio = |(own, other): (&&Figures, &&Figures)| {
                let (own, other) = (of(own), of(other));
                if more_is_better { own / other } else { other / own }
            };
            Spread::of(&of_target.iter().zip(&of_first).map(ratio).collect::<Vec<_>>()).written(3)
        });
        row(text, &format!("{} : {}", target.name, first.name), cells);
    }
}

fn stores(text: &mut String, results: &Results) {
    text.push_str("\n**Stores**\n\n");
    head(
        text,
        [
            "messages at the start",
            "bytes of each, conversations included",
            "bytes of a message that the load added",
            "from a start to the first answer, ms",
            "the same with a new store, ms",
        ],
    );
    for target in results.targets.iter().filter(|target| target.kind != Kind::Constant) {
        let bytes = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.0}"));
        let ms = |values: &[f64]| if values.is_empty() { String::new() } else { Spread::of(values).written(1) };
        let cells = [
            target.messages.to_string(),
            bytes(target.seeded_bytes_per_message),
            bytes(target.added_bytes_per_message),
            ms(&target.first_answers_ms),
            ms(&target.new_first_answers_ms),
        ];
        row(text, &target.name, cells);
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
