//! The error output. There is one for the process, so this is one for all platforms in it.
//!
//! What warns comes once a second at most: when the disk is full, every request fails for the same reason.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_secs(1);

struct Lines {
    /// When the last line was printed.
    printed_at: Option<Instant>,
    /// How many were not, since then, and the last of them.
    held_back: u64,
    latest: String,
}

static LINES: Mutex<Lines> = Mutex::new(Lines { printed_at: None, held_back: 0, latest: String::new() });

fn lines() -> MutexGuard<'static, Lines> {
    // Also after a panic elsewhere: at worst a line is missing.
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints a line.
pub fn print(line: &str) {
    eprintln!("{line}");
}

/// Prints a line, unless one was printed within the last second: then it is counted, and the last of those is printed
/// with their number when the second is over.
pub fn limited(line: String) {
    let mut lines = lines();
    let Some(printed_at) = lines.printed_at.filter(|at| at.elapsed() < PAUSE) else {
        lines.printed_at = Some(Instant::now());
        drop(lines);
        return print(&line);
    };
    lines.held_back += 1;
    lines.latest = line;
    if lines.held_back == 1 {
        drop(lines);
        let rest = PAUSE.saturating_sub(printed_at.elapsed());
        // Without a thread, what is held back comes with the next line.
        let _ = std::thread::Builder::new().name("layer-report".into()).spawn(move || {
            std::thread::sleep(rest);
            print_held_back();
        });
    }
}

fn print_held_back() {
    let mut lines = lines();
    let (count, line) = (std::mem::take(&mut lines.held_back), std::mem::take(&mut lines.latest));
    if count > 0 {
        lines.printed_at = Some(Instant::now());
        drop(lines);
        print(&counted(&line, count));
    }
}

/// A line with how many it stands for, in JSON as in text.
fn counted(line: &str, count: u64) -> String {
    match line.strip_suffix('}').filter(|_| line.starts_with('{')) {
        Some(open) => format!("{open},\"in_the_last_second\":{count}}}"),
        None => format!("{line} ({count} in the last second)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_many_it_stands_for() {
        assert_eq!(counted("a, error=\"{}\"", 3), "a, error=\"{}\" (3 in the last second)");
        assert_eq!(counted(r#"{"level":"error"}"#, 3), r#"{"level":"error","in_the_last_second":3}"#);
    }
}
