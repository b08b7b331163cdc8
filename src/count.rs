//! What requests cost, for `__test__/cost`; only with the feature `counting`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{fs, io, thread};

use layer_client::count::{COMPLETIONS, WAKE_UPS};
use napi_derive::napi;

/// The system's allocator, with each call noted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator that gave memory, and the bytes that were asked for.
struct Allocations {
    count: AtomicU64,
    bytes: AtomicU64,
}

/// On the thread that asks for [`counts`].
static ON_CALLER: Allocations = Allocations::new();
/// On all other threads: in a process that runs no platform, these are the engine's and those that look up names.
static ELSEWHERE: Allocations = Allocations::new();

/// Whose allocations are those of a thread.
#[derive(Clone, Copy)]
enum Side {
    Caller,
    Elsewhere,
    /// Those of this module.
    Nobody,
}

thread_local! {
    /// Neither made lazily nor dropped, so that the allocator may look at it at any time.
    static SIDE: Cell<Side> = const { Cell::new(Side::Elsewhere) };
}

impl Allocations {
    const fn new() -> Self {
        Self { count: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    fn note(bytes: usize) {
        let allocations = match SIDE.get() {
            Side::Caller => &ON_CALLER,
            Side::Elsewhere => &ELSEWHERE,
            Side::Nobody => return,
        };
        allocations.count.fetch_add(1, Ordering::Relaxed);
        allocations.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: the system's allocator does the work; notes are atomic numbers and allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Allocations::note(layout.size());
        // SAFETY: the caller keeps the promises of this function, which are those of the other.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Allocations::note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Allocations::note(size);
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Numbers that only grow.
#[napi(object)]
pub struct Counts {
    /// Allocations on the thread that asks, since it asked first.
    pub caller_allocations: f64,
    /// Bytes of these.
    pub caller_bytes: f64,
    /// Allocations on all other threads.
    pub engine_allocations: f64,
    /// Bytes of these.
    pub engine_bytes: f64,
    /// Times that the engine's thread was told of new requests.
    pub wake_ups: f64,
    /// Requests that were completed, whether JavaScript has collected them or not.
    pub completions: f64,
}

/// Waits until `completions` requests were completed and the engine's thread has come to rest: what happens next
/// depends on nobody's speed then. Linux only.
#[napi]
pub fn settle(completions: f64) -> napi::Result<()> {
    let side = SIDE.replace(Side::Nobody);
    let result = wait(completions).map_err(|error| napi::Error::from_reason(error.to_string()));
    SIDE.set(side);
    result
}

fn wait(completions: f64) -> io::Result<()> {
    const PAUSE: Duration = Duration::from_micros(100);
    while number(COMPLETIONS.get()) < completions {
        thread::sleep(PAUSE);
    }
    let engine = engine()?;
    while !is_asleep(&engine)? {
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// The folder of the engine's thread in `/proc`.
fn engine() -> io::Result<PathBuf> {
    for task in fs::read_dir("/proc/self/task")? {
        let folder = task?.path();
        if fs::read_to_string(folder.join("comm"))?.trim_end() == "layer-client" {
            return Ok(folder);
        }
    }
    Err(io::Error::other("the engine's thread was not started"))
}

fn is_asleep(task: &Path) -> io::Result<bool> {
    // The state follows the name, which is in parentheses.
    Ok(fs::read_to_string(task.join("stat"))?.contains(") S "))
}

/// The numbers by now.
#[napi]
pub fn counts() -> Counts {
    SIDE.set(Side::Caller);
    Counts {
        caller_allocations: number(ON_CALLER.count.load(Ordering::Relaxed)),
        caller_bytes: number(ON_CALLER.bytes.load(Ordering::Relaxed)),
        engine_allocations: number(ELSEWHERE.count.load(Ordering::Relaxed)),
        engine_bytes: number(ELSEWHERE.bytes.load(Ordering::Relaxed)),
        wake_ups: number(WAKE_UPS.get()),
        completions: number(COMPLETIONS.get()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no test counts to 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
