//! What an operator should know: lines on the error output, with the time. There is one error output for the process,
//! so this is one for all platforms in it.
//!
//! A line a second at most: when the disk is full, every request fails for the same reason.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use layer_wire::Timestamp;

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

fn print(text: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp::from_ms(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    eprintln!("{now} layer-platform: {text}");
}

/// Prints a line, unless one was printed within the last second: then it is counted, and the last of those is printed
/// with their number when the second is over.
pub fn report(text: impl Display) {
    let mut lines = lines();
    let Some(printed_at) = lines.printed_at.filter(|at| at.elapsed() < PAUSE) else {
        lines.printed_at = Some(Instant::now());
        drop(lines);
        return print(&text.to_string());
    };
    lines.held_back += 1;
    lines.latest = text.to_string();
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
    let (count, text) = (std::mem::take(&mut lines.held_back), std::mem::take(&mut lines.latest));
    if count > 0 {
        lines.printed_at = Some(Instant::now());
        drop(lines);
        print(&format!("{text} ({count} in the last second)"));
    }
}
