//! Blobs: the bytes of rich content and the archives of exports, each under a name, wherever they are kept.
//!
//! A blob counts only once a row of the store says so, and the row goes before the blob does. So there is no
//! half-written state to see: what matters is that the bytes are kept for good before the row is.
//!
//! What waits for a disk or a network blocks: [`on_disk`] takes it off the threads that serve requests.

use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;

use layer_store::file::{FileName, RenamedFile};
use layer_store::{Beside, StoreError};

/// The place of blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilesLocation {
    /// A folder.
    Folder(PathBuf),
    /// A bucket, or part of one.
    Bucket(BucketPlace),
}

impl FilesLocation {
    /// What is said of a text that is none.
    pub const NEEDS: &str = "needs to be a folder, or a bucket such as s3://bucket/prefix, without keys: they come \
                             from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)";

    /// Reads a folder, or `s3://bucket/prefix`; `None` for what is meant as a bucket and is none. It is not to be
    /// shown: what is in its place may be a secret.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(BucketPlace::SCHEME) {
            BucketPlace::parse(text).map(Self::Bucket)
        } else {
            Some(Self::Folder(text.into()))
        }
    }
}

impl From<PathBuf> for FilesLocation {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

/// A bucket, and what the names of our objects in it begin with. Shown as `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPlace {
    /// The name of the bucket.
    pub bucket: String,
    /// Names with `/` between them; empty for the whole bucket.
    pub prefix: String,
}

impl BucketPlace {
    /// What a text of a place begins with that is a bucket.
    pub const SCHEME: &str = "s3://";

    /// Reads `s3://bucket/prefix`; `None` for anything else, such as one with keys in it.
    pub fn parse(text: &str) -> Option<Self> {
        let (bucket, prefix) =
            text.strip_prefix(Self::SCHEME).map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
        let prefix = prefix.trim_end_matches('/');
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && name.bytes().all(is_plain);
        let is_one = is_name(bucket) && (prefix.is_empty() || prefix.split('/').all(is_name));
        is_one.then(|| Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for BucketPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", Self::SCHEME, self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.prefix) }
    }
}

/// Where blobs are kept: files in a folder, or objects in a bucket.
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

/// What a place that is no disk refused: a sentence that says how to mend it.
#[derive(Debug)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for Refused {}

/// What the disk or the network refused, as an error of the store.
pub fn unavailable(error: &io::Error) -> StoreError {
    if error.get_ref().is_some_and(<dyn Error + Send + Sync>::is::<Refused>) {
        return StoreError::Unavailable(error.to_string());
    }
    let advice = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "give the platform the right to",
        _ => "look into the log of the system",
    };
    StoreError::Unavailable(format!("a file beside the database cannot be read or written ({error}); {advice}"))
}

#[cfg(test)]
mod tests {
    use layer_store::DataLocation;
    use layer_wire::{AppId, ContentId};
    use uuid::Uuid;

    use super::*;
    use crate::ground::files::Files;

    fn name(id: u128) -> FileName {
        FileName::content(AppId::new(Uuid::from_u128(1)), ContentId::new(Uuid::from_u128(id)))
    }

    fn text(mut bytes: impl Read) -> String {
        let mut text = String::new();
        bytes.read_to_string(&mut text).unwrap();
        text
    }

    /// Runs a test with each kind of blobs.
    fn with_each(test: impl Fn(&dyn Blobs)) {
        let folder = tempfile::tempdir().unwrap();
        test(&Files::beside(&DataLocation::File(folder.path().join("layer.db"))));
        #[cfg(feature = "postgres")]
        test(&crate::ground::bucket::testing::in_memory());
    }

    #[test]
    fn a_blob_is_written_by_one_at_a_time_and_taken_up_where_it_ends() {
        with_each(|blobs| {
            let write = |from| blobs.write(name(2), from).unwrap();
            assert_eq!(blobs.length(name(2)).unwrap(), 0);
            let mut first = write(WriteFrom::End).unwrap();
            first.write_all(b"abc").unwrap();
            assert!(write(WriteFrom::Start).is_none(), "two write it");
            assert_eq!((first.length(), text(first.read_back().unwrap())), (3, "abc".into()));
            first.write_all(b"d").unwrap();
            first.keep().unwrap();
            drop(first);
            let mut second = write(WriteFrom::End).unwrap();
            assert_eq!(second.length(), 4);
            second.write_all(b"ef").unwrap();
            // Left off in the middle, it is written behind its end all the same.
            second.read_back().unwrap().read_exact(&mut [0; 2]).unwrap();
            second.write_all(b"g").unwrap();
            assert_eq!(text(second.read_back().unwrap()), "abcdefg");
            second.undo().unwrap();
            assert_eq!((second.length(), blobs.length(name(2)).unwrap()), (4, 4));
            second.write_all(b"x").unwrap();
            second.keep().unwrap();
            drop(second);
            assert_eq!(text(blobs.read(name(2), 1..4).unwrap()), "bcd");
            assert_eq!(text(blobs.read(name(2), 3..9).unwrap()), "dx");
            let mut third = write(WriteFrom::Start).unwrap();
            third.write_all(b"y").unwrap();
            third.undo().unwrap();
            assert_eq!((third.length(), blobs.length(name(2)).unwrap()), (0, 0));
        });
    }

    #[test]
    fn blobs_are_listed_replaced_and_deleted() {
        with_each(|blobs| {
            let list = || -> Vec<(String, u64, String)> {
                let listed = blobs.list().unwrap().into_iter();
                let mut all: Vec<_> = listed.map(|blob| (blob.name, blob.length, text(blob.bytes))).collect();
                all.sort();
                all
            };
            assert_eq!(list(), []);
            assert_eq!(blobs.read(name(2), 0..1).err().unwrap().kind(), io::ErrorKind::NotFound);
            let mut writer = blobs.write(name(2), WriteFrom::End).unwrap().unwrap();
            writer.write_all(b"abc").unwrap();
            writer.keep().unwrap();
            drop(writer);
            assert_eq!(list(), [(name(2).to_string(), 3, "abc".into())]);
            drop(blobs.stage(&[("b".into(), b"x".to_vec())]).unwrap());
            assert_eq!(list().len(), 1);
            let staged = blobs.stage(&[("b".into(), b"x".to_vec()), ("c".into(), vec![])]).unwrap();
            staged().unwrap();
            assert_eq!(list(), [("b".into(), 1, "x".into()), ("c".into(), 0, String::new())]);
            let staged = blobs.stage(&[("b".into(), b"yz".to_vec()), ("c".into(), vec![])]).unwrap();
            staged().unwrap();
            assert_eq!(list(), [("b".into(), 2, "yz".into()), ("c".into(), 0, String::new())]);
            blobs.rename(&[RenamedFile { old: "b".into(), new: "a".into() }]).unwrap();
            blobs.delete("c").unwrap();
            blobs.delete("c").unwrap();
            assert_eq!(list(), [("a".into(), 2, "yz".into())]);
            blobs.clear().unwrap();
            assert_eq!(list(), []);
        });
    }

    #[test]
    fn a_bucket_is_named_with_a_prefix_or_without_and_never_with_keys() {
        let shown = |text: &str| BucketPlace::parse(text).map(|place| place.to_string());
        for text in ["s3://chat", "s3://chat.example/a", "s3://chat/a/b_c"] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        assert_eq!(shown("s3://chat/").as_deref(), Some("s3://chat"));
        for text in
            ["chat", "s3://", "s3:///a", "s3://key:secret@chat", "s3://chat/a//b", "s3://chat/../b", "s3://chat?a"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
