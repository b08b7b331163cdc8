//! The bytes of rich content on their way to a blob: whole, or chunk by chunk over days and restarts. Contract 2.5.
//!
//! The length of the blob is how far an upload is. Until the row of the content says that all is there, nobody can see
//! any of it.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use crc::{CRC_32_ISCSI, Crc, Digest as CrcDigest, Table};
use layer_store::content::FinishedUpload;
use layer_store::{StoreError, Writes};
use layer_wire::content::{UploadRange, check_size, wrong_size};
use layer_wire::{ApiError, ErrorKind};
use md5::{Digest as _, Md5};

use super::content::LinkedContent;
use super::core::Core;
use super::failure::Failure;
use crate::ground::blobs::{BlobWriter, WriteFrom, on_disk};

/// How many bytes are gathered before they are written. With it the memory of an upload is bounded, whatever its size.
pub const BUFFER: usize = 256 * 1024;

static CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// Where an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All bytes are there.
    Finished(FinishedUpload),
    /// So many bytes are there, from the first on.
    Received(u64),
}

/// An upload under way. A second one of the same content is refused.
pub struct Upload {
    linked: LinkedContent,
    state: Option<State>,
    /// How many bytes of this request are there already, and are skipped.
    skip: u64,
    /// Where the bytes of this request end.
    end: u64,
    /// Where the next byte goes.
    offset: u64,
}

/// What goes to the thread that writes, and comes back.
struct State {
    blob: Box<dyn BlobWriter>,
    buffer: Vec<u8>,
    /// Of all bytes so far; `None` when an earlier request brought some of them.
    sums: Option<Sums>,
}

struct Sums {
    md5: Md5,
    crc32c: CrcDigest<'static, u32, Table<16>>,
}

impl Sums {
    fn new() -> Self {
        Self { md5: Md5::new(), crc32c: CRC32C.digest() }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.crc32c.update(bytes);
    }

    fn of_blob(blob: &mut dyn BlobWriter) -> io::Result<Self> {
        let mut sums = Self::new();
        let mut buffer = vec![0; BUFFER];
        let mut bytes = blob.read_back()?;
        loop {
            match bytes.read(&mut buffer)? {
                0 => return Ok(sums),
                count => sums.update(&buffer[..count]),
            }
        }
    }
}

impl State {
    fn flush(&mut self) -> io::Result<()> {
        self.blob.write_all(&self.buffer)?;
        if let Some(sums) = &mut self.sums {
            sums.update(&self.buffer);
        }
        self.buffer.clear();
        Ok(())
    }
}

fn in_use() -> Failure {
    ApiError::new(ErrorKind::Conflict, "Another upload to this URL is under way; try again in a moment.").into()
}

/// Bytes of rich content on their way in.
pub struct UploadService {
    pub(super) core: Arc<Core>,
}

impl UploadService {
    /// How far the upload of content is. What it says is on disk.
    pub async fn progress(&self, linked: &LinkedContent) -> Result<Progress, Failure> {
        if let Some(upload) = linked.content.upload {
            return Ok(Progress::Finished(upload));
        }
        let (blobs, name) = (self.core.blobs(), linked.file());
        Ok(Progress::Received(on_disk(move || blobs.length(name)).await?))
    }

    /// Begins to take bytes. `announced` is the `Content-Length` of the request, if it has one.
    ///
    /// Errors: `invalid_request` when the length is not that of the range, or the range begins after the bytes that are
    /// there; `conflict` while another request uploads the same.
    pub async fn begin(
        &self,
        linked: LinkedContent,
        range: UploadRange,
        announced: Option<u64>,
    ) -> Result<Upload, Failure> {
        let size = linked.content.announced.size;
        let (first, end) = match range {
            UploadRange::Chunk { first, last } => (first, last + 1),
            // Asked for the status of an upload that has its last byte, it is to be ended: a crash came between.
            UploadRange::Whole | UploadRange::Status => (0, size),
        };
        if let Some(announced) = announced {
            check_size(announced, end - first)?;
        }
        let (blobs, name) = (self.core.blobs(), linked.file());
        let from = if range == UploadRange::Whole { WriteFrom::Start } else { WriteFrom::End };
        let blob = on_disk(move || blobs.write(name, from)).await?.ok_or_else(in_use)?;
        let length = blob.length();
        if first > length {
            let message = format!("The upload goes on at byte {length}; the bytes before {first} are missing.");
            return Err(ApiError::invalid_request(message).into());
        }
        let sums = (length == 0).then(Sums::new);
        Ok(Upload {
            linked,
            state: Some(State { blob, buffer: Vec::with_capacity(BUFFER), sums }),
            skip: length - first,
            end: end.max(length),
            offset: length,
        })
    }

    /// Ends a request: everything that was announced is there, or the request was one chunk of several.
    ///
    /// Errors: `invalid_request` when bytes are missing; `not_found` when the content was deleted meanwhile.
    pub async fn end(&self, mut upload: Upload) -> Result<Progress, Failure> {
        upload.flush().await?;
        let Upload { linked, state, offset, end, .. } = upload;
        let Some(State { mut blob, sums, .. }) = state else { return Err(StoreError::Lost.into()) };
        let size = linked.content.announced.size;
        if offset < end {
            return Err(wrong_size(offset, end).into());
        }
        if offset < size {
            on_disk(move || blob.keep()).await?;
            return Ok(Progress::Received(offset));
        }
        // Nobody else writes it until the row is there: the writer goes along and comes back.
        let (blob, sums) = on_disk(move || {
            blob.keep()?;
            let sums = sums.map_or_else(|| Sums::of_blob(&mut *blob), Ok)?;
            Ok((blob, sums))
        })
        .await?;
        let upload = FinishedUpload {
            at: self.core.clock.now(),
            md5: sums.md5.finalize().into(),
            crc32c: sums.crc32c.finalize(),
        };
        let (app, id) = (linked.key, linked.content.id);
        let finish = move |writes: &mut dyn Writes| writes.finish_upload(app, id, upload);
        let is_kept = self.core.store.write::<_, StoreError>(finish).await?;
        drop(blob);
        if !is_kept {
            self.discard(&linked).await?;
            return Err(ApiError::content_not_found().into());
        }
        Ok(Progress::Finished(upload))
    }

    /// Deletes the bytes of content that was deleted while they came.
    async fn discard(&self, linked: &LinkedContent) -> Result<(), Failure> {
        let (blobs, name) = (self.core.blobs(), linked.file());
        Ok(on_disk(move || blobs.delete(&name.to_string())).await?)
    }
}

impl Upload {
    /// Takes the next bytes. Error: `invalid_request` when there are more than were announced; what came with this
    /// request is dropped.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        bytes = &bytes[skipped..];
        self.skip -= skipped as u64;
        if self.offset + bytes.len() as u64 > self.end {
            let found = self.offset + bytes.len() as u64;
            self.undo().await?;
            return Err(wrong_size(found, self.end).into());
        }
        self.offset += bytes.len() as u64;
        while !bytes.is_empty() {
            let Some(state) = &mut self.state else { return Err(StoreError::Lost.into()) };
            let taken = bytes.len().min(BUFFER - state.buffer.len());
            state.buffer.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if state.buffer.len() == BUFFER {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Keeps the bytes so far; the client can go on from there.
    pub async fn keep(mut self) -> Result<(), Failure> {
        self.flush().await?;
        let Some(State { mut blob, .. }) = self.state else { return Ok(()) };
        Ok(on_disk(move || blob.keep()).await?)
    }

    /// Drops what came with this request.
    pub async fn undo(&mut self) -> Result<(), Failure> {
        let Some(State { mut blob, .. }) = self.state.take() else { return Ok(()) };
        Ok(on_disk(move || blob.undo()).await?)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        let Some(mut state) = self.state.take() else { return Err(StoreError::Lost.into()) };
        let flushed = on_disk(move || {
            state.flush()?;
            Ok(state)
        });
        self.state = Some(flushed.await?);
        Ok(())
    }
}
