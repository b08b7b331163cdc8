//! What everything else stands on, time, ids, signed links, blobs, tasks, memory.

pub mod blobs;
#[cfg(feature = "postgres")]
pub mod bucket;
pub mod clock;
pub mod engine;
pub mod files;
pub mod ids;
pub mod links;
pub mod log;
pub mod memory;
pub mod rate;
pub mod report;
pub mod rsa_key;
pub mod task;
pub mod trust;
