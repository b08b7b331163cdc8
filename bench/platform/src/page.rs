//! The results in docs/benchmark-results.md.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::results::{self, Results};
use crate::{AnyError, report};

/// What stands around the part of the page that is made.
pub struct Marks {
    pub begin: &'static str,
    pub end: &'static str,
}

impl Marks {
    /// The page with this text between them. Error: it has lost them.
    pub fn around(&self, page: &str, text: &str) -> Result<String, AnyError> {
        let Self { begin, end } = self;
        let lost = || format!("The page has lost its marks: {begin} and {end}");
        let (before, rest) = page.split_once(begin).ok_or_else(lost)?;
        let (_, after) = rest.split_once(end).ok_or_else(lost)?;
        Ok(format!("{before}{begin}\n\n{text}\n{end}{after}"))
    }
}

const MARKS: Marks = Marks {
    begin: "<!-- Made by `npm run bench:platform -- --render`. -->",
    end: "<!-- End of what is made for the platform. -->",
};

/// Draws the pictures, as those of the clients are.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pictures.mjs");

/// Writes the saved results into the page, and draws them beside it.
pub fn render(saved: &Path, page: &Path) -> Result<(), AnyError> {
    let text = fs::read_to_string(page)?;
    fs::write(page, page_with(&text, &results::saved(saved)?)?)?;
    let drawn = Command::new("node").arg(PICTURES).arg(saved).status()?;
    if drawn.success() { Ok(()) } else { Err(format!("{PICTURES} ended with {drawn}").into()) }
}

/// The page with these results between its marks. Error: it has lost them.
fn page_with(page: &str, results: &Results) -> Result<String, AnyError> {
    MARKS.around(page, &report::tables(results))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        Results {
            at: 0,
            machine: "2 × processor".to_owned(),
            load: 0.5,
            command: String::new(),
            targets: vec![],
            cases: vec![],
        }
    }

    #[test]
    fn what_is_made_stands_between_the_marks_and_nothing_else_changes() {
        let page = format!("# Before\n{}\n\nold\n\n{}\nafter\n", MARKS.begin, MARKS.end);
        let once = page_with(&page, &results()).unwrap();
        assert!(once.starts_with("# Before\n") && once.ends_with("\nafter\n"), "{once}");
        assert!(once.contains("2 × processor") && !once.contains("old"), "{once}");
        assert_eq!(page_with(&once, &results()).unwrap(), once);
    }

    #[test]
    fn the_page_has_its_marks() {
        let page = include_str!("../../../docs/benchmark-results.md");
        assert!(page_with(page, &results()).is_ok());
        assert!(page_with("# Page", &results()).is_err());
    }
}
