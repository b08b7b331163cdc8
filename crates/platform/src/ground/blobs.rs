//! Blobs: the bytes of rich content and the archives of exports, each under a name, wherever they are kept.
//!
//! A blob counts only once a row of the store says so, and the row goes before the blob does. So there is no
//! half-written state to see: what matters is that the bytes are kept for good before the row is.
//!
//! What waits for a disk or a network blocks: [`on_disk`] takes it off the threads that serve requests.

use std::io::{self, Read, Write};
use std::ops::Range;

use layer_store::file::{FileName, RenamedFile};
use layer_store::{Beside, StoreError};

/// Where blobs are kept: files in a folder, or objects in a bucket, where what a writer adds is an object of its own.
pub trait Blobs: Send + Sync {
    /// Begins to write behind what is there, or from the start, which drops what is there. `None` while another writer
    /// has the blob.
    fn write(&self, name: FileName, from: WriteFrom) -> io::Result<Option<Box<dyn BlobWriter>>>;

    /// How many bytes are kept for good; 0 when there is no such blob.
    fn length(&self, name: FileName) -> io::Result<u64>;

    /// The bytes of a range. Error: `NotFound` when there is no such blob; the reader tells when it ends too early.
    fn read(&self, name: FileName, range: Range<u64>) -> io::Result<Box<dyn Read + Send>>;

    /// All blobs. One that is deleted meanwhile is left out.
    fn list(&self) -> io::Result<Vec<Listed>>;

    /// Deletes a blob by what [`FileName`] prints; one that is not there is fine.
    fn delete(&self, name: &str) -> io::Result<()>;

    /// Gives blobs of an earlier release their names of today; one that is not there has it already.
    fn rename(&self, renamed: &[RenamedFile]) -> io::Result<()>;

    /// Puts blobs aside that are to take the place of all others, which calling the outcome does; dropped, they are
    /// gone.
    fn stage(&self, blobs: &[(String, Vec<u8>)]) -> io::Result<Beside>;

    /// Deletes everything.
    fn clear(&self) -> io::Result<()>;

    /// Deletes everything, if it is not to outlive the platform.
    fn close(&self);
}

/// Where a writer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFrom {
    /// At the start: what is there is dropped.
    Start,
    /// Behind what is there.
    End,
}

/// A blob in a list.
pub struct Listed {
    /// Its name.
    pub name: String,
    /// How long it is.
    pub length: u64,
    /// Its bytes.
    pub bytes: Box<dyn Read + Send>,
}

/// A blob that is written. Nobody else writes it before this is dropped. What was written may be lost until it is kept.
pub trait BlobWriter: Write + Send {
    /// How long the blob is, which is where the next byte goes.
    fn length(&self) -> u64;

    /// Keeps for good what was written.
    fn keep(&mut self) -> io::Result<()>;

    /// Drops what this writer wrote.
    fn undo(&mut self) -> io::Result<()>;

    /// Reads the blob from its start to its end. What is written next comes behind that end.
    fn read_back(&mut self) -> io::Result<Box<dyn Read + '_>>;
}

/// Runs what waits for a disk or a network, off the threads that serve requests. Error: `Unavailable` with what the
/// system says.
pub async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    // Boxed, because a task for each closure of its own is much code for nothing.
    let work: Box<dyn FnOnce() -> io::Result<T> + Send> = Box::new(work);
    let outcome = tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Lost)?;
    outcome.map_err(|error| unavailable(&error))
}

/// What the disk refused, as an error of the store.
pub fn unavailable(error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "give the platform the right to",
        _ => "look into the log of the system",
    };
    StoreError::Unavailable(format!("a file beside the database cannot be read or written ({error}); {advice}"))
}
