//! What goes wrong in a store.

use std::fmt;

/// Why the store did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Too much work is waiting; try again in a moment.
    Busy,
    /// The store is closed.
    Closed,
    /// The work was dropped on the way: it panicked, or the store went down.
    Lost,
    /// The connection to the store broke while it committed: the write may be kept or not. With the same ids it can be
    /// repeated.
    Uncertain,
    /// The disk is full, cannot be read or written, or is locked by someone else; the text says which.
    Unavailable(String),
    /// Several platforms share the database, and what was asked for works with one only.
    Shared,
    /// The bytes to restore are not a snapshot; the text says why.
    BadSnapshot(String),
    /// Anything else: a bug, or a damaged file.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => formatter.write_str("too much work is waiting for the store"),
            Self::Closed => formatter.write_str("the store is closed"),
            Self::Lost => formatter.write_str("the store dropped the work"),
            Self::Uncertain => formatter.write_str("the store broke off while it committed"),
            Self::Unavailable(reason) => write!(formatter, "the store is unavailable: {reason}"),
            Self::Shared => formatter.write_str(
                "several platforms share this database, and what is meant for tests works with one only; stop the others",
            ),
            Self::BadSnapshot(reason) => write!(formatter, "the snapshot cannot be restored: {reason}"),
            Self::Failed(reason) => write!(formatter, "the store failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("a stored document is damaged: {error}"))
    }
}
