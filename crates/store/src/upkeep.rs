//! What an engine does for the upkeep of its data, whether a platform uses them at the moment or not: looks whether
//! they are whole, copies them, says which files belong to them.

use std::path::Path;

use crate::StoreError;

/// How far long work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is done, as a word or two: "conversations".
    pub name: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much it is in all; 0 where nobody knows.
    pub total: u64,
}

/// Who hears how far long work is; often, so it is quick.
pub type Told<'a> = &'a mut dyn FnMut(Step);

/// What kind of thing is wrong, from which follows how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// The file is damaged, or rows refer to rows that are not there.
    Damage,
    /// A counter differs from the rows that it counts. [`Upkeep::check`] can put it right.
    Counter,
    /// A file beside the database is missing, or is not what its row says.
    MissingFile,
    /// A file beside the database belongs to no row.
    UnusedFile,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// A sentence that names what is concerned.
    pub what: String,
}

/// What is wrong. Of very many findings only the first are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first ones.
    pub listed: Vec<Finding>,
    /// How many there are in all.
    pub count: u64,
    /// How many of these were put right.
    pub mended: u64,
}

impl Findings {
    /// How many are kept.
    const KEPT: usize = 100;

    /// Adds one.
    pub fn add(&mut self, kind: FindingKind, what: impl Into<String>) {
        self.count += 1;
        if self.listed.len() < Self::KEPT {
            self.listed.push(Finding { kind, what: what.into() });
        }
    }
}

/// A file beside the database that has all its bytes, as a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeFile {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The MD5 of the bytes, where it is known.
    pub md5: Option<[u8; 16]>,
}

/// What is known of a file beside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// It has all its bytes, as a row says.
    Whole,
    /// A row waits for its bytes, or it waits to be deleted.
    Unfinished,
    /// It belongs to nothing.
    Unknown,
}

/// The upkeep of a database.
pub trait Upkeep {
    /// Looks whether everything is whole: the file, what rows refer to, counters, positions. With `mend`, counters that
    /// are wrong are put right; no platform may use the database then.
    ///
    /// Error: the database cannot be read at all.
    fn check(&self, mend: bool, told: Told<'_>) -> Result<Findings, StoreError>;

    /// Looks at the file alone, also at one of an earlier version: whether it can be read, and rows refer to rows.
    fn check_file(&self, told: Told<'_>) -> Result<Findings, StoreError>;

    /// Copies everything to a new file, as it is at one moment, while others write. What they write meanwhile neither
    /// waits for the copy nor makes it begin again.
    fn copy_to(&self, target: &Path, told: Told<'_>) -> Result<(), StoreError>;

    /// Passes on every file that a row says is whole, in the order of names by kind.
    fn for_each_file(&self, each: &mut dyn FnMut(WholeFile) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// What is known of a file by its name.
    fn file_state(&self, name: &str) -> Result<FileState, StoreError>;
}
