//! How far a command is, for who waits: a bar on a terminal, lines elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use layer_store::upkeep::Step;

/// How often the bar is drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// How often a line is printed.
const PRINTED_EVERY: Duration = Duration::from_secs(10);

/// How wide the bar is. Unit: characters.
const WIDTH: u64 = 30;

/// The progress of a command on the error output, so that the output has the outcome alone.
pub struct Progress {
    command: &'static str,
    is_terminal: bool,
    shown_at: Option<Instant>,
    shown: Option<Step>,
}

impl Progress {
    /// Progress of a command by its name.
    pub fn new(command: &'static str) -> Self {
        Self { command, is_terminal: stderr().is_terminal(), shown_at: None, shown: None }
    }

    /// Shows how far it is, unless that was shown a moment ago.
    pub fn show(&mut self, step: Step) {
        let is_another = self.shown.is_none_or(|shown| shown.name != step.name);
        let is_end = step.total > 0 && step.done >= step.total;
        let pause = if self.is_terminal { DRAWN_EVERY } else { PRINTED_EVERY };
        let is_due = self.shown_at.is_none_or(|at| at.elapsed() >= pause);
        let is_last = is_end && self.is_terminal;
        if !(is_another || is_due || is_last) {
            return;
        }
        (self.shown_at, self.shown) = (Some(Instant::now()), Some(step));
        // Nobody may be there to see it, and the work goes on.
        let _ = if self.is_terminal {
            write!(stderr(), "\r\x1b[K{}", bar(step))
        } else {
            writeln!(stderr(), "{}: {}", self.command, line(step))
        };
    }

    /// Takes the bar away.
    pub fn end(&mut self) {
        if self.is_terminal && self.shown.take().is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn line(Step { name, done, total }: Step) -> String {
    match (done, total) {
        (0, 0) => name.to_owned(),
        (done, 0) => format!("{name}: {done}"),
        (done, total) => format!("{name}: {done} of {total}"),
    }
}

fn bar(step: Step) -> String {
    if step.total == 0 {
        return line(step);
    }
    let filled = (step.done.min(step.total).saturating_mul(WIDTH) / step.total).min(WIDTH);
    let mut bar = String::from("[");
    for at in 0..WIDTH {
        bar.push(if at < filled { '#' } else { '.' });
    }
    format!("{bar}] {}", line(step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_full_as_the_work_is_done() {
        let bar = |done, total| super::bar(Step { name: "pages", done, total });
        assert_eq!(bar(0, 0), "pages");
        assert_eq!(bar(7, 0), "pages: 7");
        assert_eq!(bar(15, 30), format!("[{}{}] pages: 15 of 30", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(31, 30), format!("[{}] pages: 31 of 30", "#".repeat(30)));
        assert!(bar(u64::MAX, u64::MAX).starts_with("[#"));
    }
}
