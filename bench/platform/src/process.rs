//! What a process has used so far, from `/proc`: Linux only.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::ops::Sub;
use std::time::Duration;

/// What a process used since it started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// CPU time of its threads, also of those that have ended; in steps of 10 ms.
    pub cpu: Duration,
    /// Calls that write, to files and to sockets.
    pub writes: u64,
    /// Calls that read, from files and from sockets.
    pub reads: u64,
    /// Bytes that were written into files and sockets, before the system put them into blocks.
    pub written: u64,
}

impl Usage {
    /// Of a process.
    pub fn of(pid: u32) -> Result<Self> {
        let path = format!("/proc/{pid}/stat");
        let cpu = cpu_in(&fs::read_to_string(&path)?).ok_or_else(|| invalid(&path))?;
        let path = format!("/proc/{pid}/io");
        let text = fs::read_to_string(&path)?;
        let field = |name| field(&text, name).ok_or_else(|| invalid(&path));
        Ok(Self { cpu, writes: field("syscw:")?, reads: field("syscr:")?, written: field("wchar:")? })
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            writes: self.writes.saturating_sub(before.writes),
            reads: self.reads.saturating_sub(before.reads),
            written: self.written.saturating_sub(before.written),
        }
    }
}

/// Memory of a process that is in use, in KiB.
pub fn rss_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    field(&fs::read_to_string(&path)?, "VmRSS:").ok_or_else(|| invalid(&path))
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_ascii_whitespace().next()?.parse().ok())
}

/// The time as user and as system: the 14th and 15th field, in ticks, which Linux has 100 of in a second. The second
/// field is the name of the program in parentheses, in which anything may stand.
fn cpu_in(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_ascii_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    Some(Duration::from_millis(10 * (ticks.next()?? + ticks.next()??)))
}

fn invalid(path: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{path} is not what it should be"))
}

#[cfg(test)]
mod tests {
    use std::process;
    use std::thread;
    use std::time::Instant;

    use super::*;

    #[test]
    fn cpu_time_stands_behind_the_name_of_the_program() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 120 0 3 0 250 31 0 0 20 0 5 0 900 1 2";
        assert_eq!(cpu_in(stat), Some(Duration::from_millis(2810)));
        assert_eq!(cpu_in("7 (a) S 1"), None);
    }

    #[test]
    fn threads_that_end_keep_their_share_and_disturb_nobody() {
        let before = Usage::of(process::id()).unwrap().cpu;
        let busy = thread::spawn(|| {
            let start = Instant::now();
            // By its own clock: on a busy machine it comes late to its CPU time.
            while cpu_of_this_thread() < Duration::from_millis(100) && start.elapsed() < Duration::from_mins(1) {
                std::hint::black_box(fastrand::u64(..));
            }
        });
        busy.join().unwrap();
        assert!(Usage::of(process::id()).unwrap().cpu >= before + Duration::from_millis(90));

        let ending = thread::spawn(|| (0..2000).for_each(|_| thread::spawn(|| ()).join().unwrap()));
        while !ending.is_finished() {
            Usage::of(process::id()).unwrap();
        }
        ending.join().unwrap();
    }

    fn cpu_of_this_thread() -> Duration {
        cpu_in(&fs::read_to_string("/proc/thread-self/stat").unwrap()).unwrap()
    }
}
