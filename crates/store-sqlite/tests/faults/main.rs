//! The engine on a disk that fails: whatever call is cut off, and whenever the power goes, it loses nothing that it
//! acknowledged, its file stays whole, and its counters equal their rows.
//!
//! Each run tries some of the calls, others each time. `LAYER_FAULT_STEP=1` tries all of them; docs/reliability.md has
//! the figures of the last such run.

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod disk;
mod script;

use std::sync::Arc;

use layer_store::{DataLocation, Store};

use self::disk::{Disk, Fault, Left};
use self::script::Ledger;

/// How far the calls are from each other that are tried.
fn step() -> usize {
    std::env::var("LAYER_FAULT_STEP").map_or(40, |step| step.parse().expect("a number"))
}

/// Which calls a run begins with: all of them when all are wanted, else one.
fn beginnings(step: usize, at_once: usize) -> Vec<usize> {
    if step >= at_once { vec![fastrand::usize(..step)] } else { (0..at_once).collect() }
}

/// From which length on the log is copied into the file: a script that writes little has checkpoints as well. Unit:
/// pages.
const LOG_PAGES: usize = 200;

fn open(path: &std::path::Path) -> Result<Arc<dyn Store>, layer_store::OpenError> {
    layer_store_sqlite::open_with_log(&DataLocation::File(path.to_owned()), LOG_PAGES)
}

/// How many calls the whole script makes, from the first start to the last close.
fn calls() -> usize {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::watch(folder.path());
    let store = open(&folder.path().join("layer.db")).unwrap();
    assert_eq!(script::run(&*store, &Ledger::default()), 0);
    store.close().unwrap();
    disk.calls()
}

#[test]
fn after_a_loss_of_power_at_any_call_nothing_acknowledged_is_lost_and_the_file_is_whole() {
    // Moments are kept in memory, so many of them take several runs.
    const AT_ONCE: usize = 40;
    let step = step();
    let mut count = 0;
    for first in beginnings(step, AT_ONCE) {
        let folder = tempfile::tempdir().unwrap();
        let (disk, ledger) = (Disk::watch(folder.path()), Ledger::default());
        let said = ledger.clone();
        disk.keep_moments(first, step.max(AT_ONCE), move || said.len());
        let store = open(&folder.path().join("layer.db")).unwrap();
        assert_eq!(script::run(&*store, &ledger), 0);
        store.close().unwrap();
        let moments = disk.moments();
        assert!(moments.len() > 10, "{}", moments.len());
        for moment in moments {
            let seed = fastrand::u64(..);
            for left in [Left::Nothing, Left::Everything, Left::Some(seed)] {
                let after = tempfile::tempdir().unwrap();
                moment.write(after.path(), left);
                let context = format!("the power went before call {}, {left:?} is left", moment.call);
                script::check(&after.path().join("layer.db"), &ledger, moment.said, &context);
                count += 1;
            }
        }
    }
    eprintln!("{count} losses of power");
}

#[test]
fn after_any_call_that_fails_nothing_acknowledged_is_lost_and_the_store_serves_again() {
    let (step, all) = (step(), calls());
    // An error, a full disk for a moment, and one that stays full until somebody makes room.
    let kinds = [(1, false), (1, true), (usize::MAX, true), (usize::MAX, false)];
    let (mut count, mut refused_starts, mut refused_writes) = (0, 0, 0);
    for (turn, first) in (fastrand::usize(..step)..all).step_by(step).enumerate() {
        for (kind, (how_many, is_full)) in kinds.into_iter().enumerate() {
            // One kind after the other where not all calls are tried.
            if step > 1 && turn % kinds.len() != kind {
                continue;
            }
            let fault = Fault { first, count: how_many, is_full };
            let context = format!("{fault:?}");
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("layer.db");
            let (disk, ledger) = (Disk::watch(folder.path()), Ledger::default());
            disk.set_fault(Some(fault));
            let store = open(&path).unwrap_or_else(|_| {
                refused_starts += 1;
                disk.set_fault(None);
                open(&path).unwrap_or_else(|error| panic!("{context}: {error}"))
            });
            refused_writes += script::run(&*store, &ledger);
            disk.set_fault(None);
            assert_eq!(script::send_one(&*store, &ledger, 1), Ok(()), "{context}");
            assert_eq!(store.close(), Ok(()), "{context}");
            script::check(&path, &ledger, ledger.len(), &context);
            count += 1;
        }
    }
    assert!(count > 0 && refused_writes > 0, "{count}, {refused_starts}, {refused_writes}");
    eprintln!("{count} faults, {refused_starts} starts and {refused_writes} writes refused");
}

/// The last checkpoint fails with the close: what was acknowledged is in the log, where the next start finds it.
#[test]
fn what_cannot_be_put_in_place_at_the_end_is_found_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let (disk, ledger) = (Disk::watch(folder.path()), Ledger::default());
    let store = open(&path).unwrap();
    assert_eq!(script::run(&*store, &ledger), 0);
    disk.set_fault(Some(Fault { first: 0, count: usize::MAX, is_full: true }));
    assert!(store.close().is_err());
    disk.set_fault(None);
    script::check(&path, &ledger, ledger.len(), "a close on a full disk");
}
