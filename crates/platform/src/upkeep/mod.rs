//! The upkeep of a platform's data, as commands: `check`, `backup`, `restore`, `export`, `import`, `copy`.
//!
//! They open the database beside a platform that may use it. What changes data takes the lock that a platform takes, so
//! that there is none at that time.

mod backup;
mod check;
mod command;
mod copy;
mod error;
mod place;
mod progress;
mod transfer;

pub use backup::{BackedUp, back_up};
pub(crate) use backup::{STATEMENT, UNFINISHED};
pub use command::{Done, UpkeepCommand, VERBS, help};
pub use error::UpkeepError;
