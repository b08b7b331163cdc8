//! Why upkeep does not do what it was asked to.

use std::fmt;
use std::path::Path;

use layer_store::{OpenError, StoreError};

/// Why upkeep does not do what it was asked to. The text says how to mend it.
#[derive(Debug)]
pub enum UpkeepError {
    /// The database cannot be opened.
    Open(OpenError),
    /// The database failed.
    Store(StoreError),
    /// Something else, as a sentence.
    Other(String),
}

impl UpkeepError {
    /// What the disk refused about a path.
    pub fn of_path(path: &Path, what: &str, error: &std::io::Error) -> Self {
        Self::Other(format!("{} cannot be {what}: {error}", path.display()))
    }
}

impl fmt::Display for UpkeepError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(formatter),
            Self::Store(error) => error.fmt(formatter),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

impl std::error::Error for UpkeepError {}

impl From<OpenError> for UpkeepError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<StoreError> for UpkeepError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
