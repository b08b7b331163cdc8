//! What a process has used so far, from `/proc`: Linux only.

use std::fs;
use std::io::{Error, ErrorKind, Result};
use std::ops::{Add, Sub};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

/// What a process used since it started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// CPU time of its threads that are alive: few end under load.
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
        let cpu = fs::read_dir(format!("/proc/{pid}/task"))?.map(|task| cpu_of(&task?.path())).sum::<Result<_>>()?;
        let path = format!("/proc/{pid}/io");
        let text = fs::read_to_string(&path)?;
        let field = |name| field(&text, name).ok_or_else(|| invalid(&path));
        Ok(Self { cpu, writes: field("syscw:")?, reads: field("syscr:")?, written: field("wchar:")? })
    }
}

impl Usage {
    /// Of the children of a process that are alive, all together.
    pub fn of_children(pid: u32) -> Result<Self> {
        // Each thread has its own.
        let of_thread = |task: Result<fs::DirEntry>| fs::read_to_string(task?.path().join("children"));
        let children = fs::read_dir(format!("/proc/{pid}/task"))?.map(of_thread).collect::<Result<String>>()?;
        let mut usage = Self::default();
        for child in children.split_ascii_whitespace().filter_map(|child| child.parse().ok()) {
            match Self::of(child) {
                Err(error) if has_ended(&error) => {}
                used => usage = usage + used?,
            }
        }
        Ok(usage)
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            writes: self.writes + other.writes,
            reads: self.reads + other.reads,
            written: self.written + other.written,
        }
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

/// CPU time of a thread by its folder in `/proc`; none for one that has ended since the folder was listed.
fn cpu_of(task: &Path) -> Result<Duration> {
    let path = task.join("schedstat");
    let text = match fs::read_to_string(&path) {
        Err(error) if has_ended(&error) => return Ok(Duration::ZERO),
        text => text?,
    };
    // The first field is the time, in nanoseconds.
    let ns = text.split_ascii_whitespace().next().and_then(|field| field.parse().ok());
    ns.map(Duration::from_nanos).ok_or_else(|| invalid(&path.display().to_string()))
}

/// `ENOENT` before the file is opened, `ESRCH` after.
fn has_ended(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound || Errno::from_io_error(error) == Some(Errno::SRCH)
}

fn invalid(path: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{path} is not what it should be"))
}

#[cfg(test)]
mod tests {
    use std::{process, thread};

    use super::*;

    #[test]
    fn threads_that_end_disturb_nobody() {
        let ending = thread::spawn(|| (0..2000).for_each(|_| thread::spawn(|| ()).join().unwrap()));
        while !ending.is_finished() {
            Usage::of(process::id()).unwrap();
        }
        ending.join().unwrap();
    }
}
