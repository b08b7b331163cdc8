//! The archives of exports: `export.json` in a tar, compressed, encrypted with a fresh key, and that key with the
//! public key of the app. Contract 7.
//!
//! Nothing is ever whole in memory. The objects are read page by page, in short reads, between which the log of the
//! database can be emptied; they go into a draft first, because a tar names the length of a file before its
//! bytes.

use std::io::{self, BufReader, BufWriter, Write};

use aes::Aes256;
use cbc::Encryptor;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use layer_store::claim::{ClaimId, Claimed};
use layer_store::conversation::ConversationRecord;
use layer_store::export::{ArchiveRecord, ExportRecord};
use layer_store::file::FileName;
use layer_store::page::PositionRange;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::View;
use layer_wire::export::ExportKind;
use layer_wire::view::Identities;
use serde::Serialize;

use super::export::{EXPORT_LEASE, ExportService, Progress};
use super::failure::Failure;
use super::named::identities_of;
use super::public_key::PublicKey;
use super::shown;
use crate::ground::blobs::{BlobWriter, Blobs, WriteFrom, on_disk};
use crate::ground::ids::Ids;

/// How many objects are read at a time.
const PAGE: usize = 200;

/// How many events are given to an export in one transaction, so that other writes need not wait for many.
const EVENTS_AT_ONCE: usize = 10_000;

/// The one file in the archive.
const NAME: &str = "export.json";

/// Encrypts with AES-256-CBC what is written to it.
struct Encrypted<W> {
    to: W,
    cipher: Encryptor<Aes256>,
    /// Less than a block, between two writes.
    rest: Vec<u8>,
}

impl<W: Write> Encrypted<W> {
    const BLOCK: usize = 16;

    fn new(to: W, key: &[u8; 32], iv: &[u8; 16]) -> Self {
        Self { to, cipher: Encryptor::new(key.into(), iv.into()), rest: vec![] }
    }

    fn encrypt_whole_blocks(&mut self) -> io::Result<()> {
        let whole = self.rest.len() / Self::BLOCK * Self::BLOCK;
        let (blocks, _) = cbc::cipher::Array::slice_as_chunks_mut(&mut self.rest[..whole]);
        self.cipher.encrypt_blocks(blocks);
        self.to.write_all(&self.rest[..whole])?;
        self.rest.drain(..whole);
        Ok(())
    }

    /// Fills the last block up, as PKCS#7 has it.
    fn finish(mut self) -> io::Result<W> {
        let missing = Self::BLOCK - self.rest.len() % Self::BLOCK;
        self.rest.resize(self.rest.len() + missing, u8::try_from(missing).unwrap_or_default());
        self.encrypt_whole_blocks()?;
        Ok(self.to)
    }
}

impl<W: Write> Write for Encrypted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest.extend_from_slice(bytes);
        self.encrypt_whole_blocks()?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Begins to write a blob that is made anew.
fn begin(blobs: &dyn Blobs, name: FileName) -> io::Result<Box<dyn BlobWriter>> {
    let is_written = || io::Error::other(format!("{name} is being written"));
    blobs.write(name, WriteFrom::Start)?.ok_or_else(is_written)
}

/// Packs, compresses and encrypts a draft, and keeps the archive for good.
fn pack(
    draft: &mut dyn BlobWriter,
    archive: Box<dyn BlobWriter>,
    key: &[u8; 32],
    iv: &[u8; 16],
    made_at: i64,
) -> io::Result<Box<dyn BlobWriter>> {
    let encrypted = Encrypted::new(BufWriter::new(archive), key, iv);
    let mut tar = tar::Builder::new(GzEncoder::new(encrypted, Compression::default()));
    let mut header = tar::Header::new_gnu();
    header.set_size(draft.length());
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(made_at / 1000).unwrap_or_default());
    tar.append_data(&mut header, NAME, BufReader::new(draft.read_back()?))?;
    let mut archive = tar.into_inner()?.finish()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    archive.keep()?;
    Ok(archive)
}

/// A draft, to which objects are appended.
struct Draft {
    blob: Box<dyn BlobWriter>,
    is_first: bool,
}

impl Draft {
    /// Writes objects that are JSON already, with commas between them.
    async fn append(mut self, objects: Vec<Vec<u8>>) -> Result<Self, StoreError> {
        on_disk(move || {
            let mut page = Vec::new();
            for object in &objects {
                if !std::mem::replace(&mut self.is_first, false) {
                    page.push(b',');
                }
                page.extend_from_slice(object);
            }
            self.blob.write_all(&page)?;
            Ok(self)
        })
        .await
    }

    /// Writes what stands around objects.
    async fn frame(mut self, text: &'static str) -> Result<Self, StoreError> {
        on_disk(move || {
            self.blob.write_all(text.as_bytes())?;
            self.is_first = true;
            Ok(self)
        })
        .await
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    Ok(serde_json::to_vec(value)?)
}

impl ExportService {
    /// Makes the archive of an export that was claimed, from the start, also when it was begun before. Gives it back
    /// when that fails.
    pub async fn make(&self, claimed: Claimed<ExportRecord>) -> Result<(), Failure> {
        let Claimed { claim, record: export } = claimed;
        *self.lock_progress() = Some(Progress { id: export.id, done: 0, total: None });
        let outcome = tokio::select! {
            outcome = self.make_archive(export.clone(), claim) => outcome,
            // Somebody else makes it by now, or it was deleted.
            () = self.hold_claim(export.clone(), claim) => Ok(()),
        };
        *self.lock_progress() = None;
        if outcome.is_err() {
            let release = move |writes: &mut dyn Writes| writes.release_export(&export, claim);
            self.core.store.write::<_, StoreError>(release).await?;
        }
        outcome
    }

    /// Goes on with the claim on an export. Ends when it is lost.
    async fn hold_claim(&self, export: ExportRecord, claim: ClaimId) {
        loop {
            tokio::time::sleep(EXPORT_LEASE / 3).await;
            // A store that is busy may take the next one.
            if let Ok(false) = self.renew_claim(&export, claim).await {
                return;
            }
        }
    }

    /// Makes the claim on an export last anew; `false` when it is lost.
    async fn renew_claim(&self, export: &ExportRecord, claim: ClaimId) -> Result<bool, StoreError> {
        let export = export.clone();
        self.core.store.write(move |writes: &mut dyn Writes| writes.renew_export(&export, claim, EXPORT_LEASE)).await
    }

    async fn make_archive(&self, export: ExportRecord, claim: ClaimId) -> Result<(), Failure> {
        let (app, id, now) = (export.app_key, export.id, self.core.clock.now());
        self.core
            .store
            .write::<_, StoreError>(move |writes: &mut dyn Writes| writes.start_export(app, id, now))
            .await?;
        let (blobs, draft_name) = (self.core.blobs(), FileName::draft(export.app, id));
        let draft = on_disk(move || Ok(Draft { blob: begin(&*blobs, draft_name)?, is_first: true })).await?;
        let mut draft = match export.kind {
            ExportKind::Historical => self.draft_everything(draft, &export).await?,
            ExportKind::Scheduled => self.draft_events(draft, &export).await?,
        };
        let (key, iv): ([u8; 32], [u8; 16]) = (Ids::system_secret(), Ids::system_secret());
        let encrypted_key = PublicKey::parse(&export.public_key)?.encrypt(&key)?;
        // The archive takes the place of whatever is there, so only who has the claim may begin it.
        if !self.renew_claim(&export, claim).await? {
            drop(draft);
            return Ok(self.leave(export, None).await?);
        }
        let (blobs, made_at, archive_name) = (self.core.blobs(), now.as_ms(), FileName::archive(export.app, id));
        let written = on_disk(move || {
            let archive = begin(&*blobs, archive_name)?;
            pack(&mut *draft.blob, archive, &key, &iv, made_at)
        })
        .await?;
        let archive = ArchiveRecord { size: written.length(), completed_at: self.core.clock.now(), encrypted_key, iv };
        let to_complete = export.clone();
        let complete = move |writes: &mut dyn Writes| writes.complete_export(&to_complete, claim, &archive);
        // Until this is answered nobody else begins the archive: the writer is not dropped.
        if self.core.store.write::<_, StoreError>(complete).await? {
            return Ok(());
        }
        Ok(self.leave(export, Some(written)).await?)
    }

    /// Takes back what was written of an export that was deleted meanwhile, or that somebody else has claimed.
    async fn leave(&self, export: ExportRecord, archive: Option<Box<dyn BlobWriter>>) -> Result<(), StoreError> {
        let (app, id) = (export.app_key, export.id);
        let found = self.core.store.read::<_, StoreError>(move |reads: &dyn Reads| reads.export(app, id)).await?;
        let blobs = self.core.blobs();
        on_disk(move || {
            archive.map_or(Ok(()), |mut archive| archive.undo())?;
            if found.as_ref().is_none_or(|export| export.archive.is_some()) {
                blobs.delete(&FileName::draft(export.app, id).to_string())?;
            }
            if found.is_none() {
                blobs.delete(&FileName::archive(export.app, id).to_string())?;
            }
            Ok(())
        })
        .await
    }

    fn note_total(&self, total: u64) {
        if let Some(progress) = &mut *self.lock_progress() {
            progress.total = Some(total);
        }
    }

    fn note_done(&self, count: usize) {
        if let Some(progress) = &mut *self.lock_progress() {
            progress.done += count as u64;
        }
    }

    /// All conversations, then all messages, in system view (assumed, contract 7).
    async fn draft_everything(&self, draft: Draft, export: &ExportRecord) -> Result<Draft, StoreError> {
        let app = export.app_key;
        let counts = self.core.store.read::<_, StoreError>(move |reads: &dyn Reads| reads.app_counts(app)).await?;
        self.note_total(counts.conversations + counts.messages);
        let mut draft = draft.frame("{\"conversations\":[").await?;
        let mut after = None;
        loop {
            let conversations = self.conversations_after(export, after).await?;
            let Some(last) = conversations.last() else { break };
            after = Some(last.clone());
            self.note_done(conversations.len());
            draft = draft.append(self.shown_conversations(export, conversations).await?).await?;
        }
        draft = draft.frame("],\"messages\":[").await?;
        let mut after = None;
        loop {
            let conversations = self.conversations_after(export, after).await?;
            let Some(last) = conversations.last() else { break };
            after = Some(last.clone());
            for conversation in conversations {
                draft = self.draft_messages(draft, export, conversation).await?;
            }
        }
        draft.frame("]}").await
    }

    async fn conversations_after(
        &self,
        export: &ExportRecord,
        after: Option<ConversationRecord>,
    ) -> Result<Vec<ConversationRecord>, StoreError> {
        let app = export.app_key;
        self.core.store.read(move |reads: &dyn Reads| reads.conversations(app, after.as_ref(), PAGE)).await
    }

    async fn shown_conversations(
        &self,
        export: &ExportRecord,
        conversations: Vec<ConversationRecord>,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let view = self.view(export);
        let app = export.app_key;
        let show = move |reads: &dyn Reads| {
            let show_one = |record: ConversationRecord| {
                let view = named(&view, reads, app, &record)?;
                json(&shown::conversation(record, &view, None))
            };
            conversations.iter().cloned().map(show_one).collect()
        };
        self.core.store.read(show).await
    }

    /// The messages of a conversation, newest first.
    async fn draft_messages(
        &self,
        mut draft: Draft,
        export: &ExportRecord,
        conversation: ConversationRecord,
    ) -> Result<Draft, StoreError> {
        let mut after = None;
        loop {
            let (view, app, conversation) = (self.view(export), export.app_key, conversation.clone());
            let read = move |reads: &dyn Reads| {
                let range = PositionRange { after, ..PositionRange::default() };
                let found = reads.messages(&conversation, range, PAGE)?;
                let last = found.last().map(|message| message.position);
                let show = |record: layer_store::message::MessageRecord| {
                    let view = named(&view, reads, app, &record)?;
                    json(&layer_wire::message::Message::in_system_view(record, &view))
                };
                let shown = found.into_iter().map(show).collect::<Result<Vec<_>, StoreError>>()?;
                Ok::<_, StoreError>((last, shown))
            };
            let (last, shown) = self.core.store.read(read).await?;
            if last.is_none() {
                return Ok(draft);
            }
            after = last;
            self.note_done(shown.len());
            draft = draft.append(shown).await?;
        }
    }

    fn view(&self, export: &ExportRecord) -> View {
        View { version: export.version, urls: self.core.urls(export.app), identities: Identities::new() }
    }

    /// The events since the scheduled export before, as they were delivered to webhooks 1.0 (assumed, contract 7).
    async fn draft_events(&self, draft: Draft, export: &ExportRecord) -> Result<Draft, StoreError> {
        loop {
            let to = export.clone();
            let give = move |writes: &mut dyn Writes| writes.give_events_to(&to, EVENTS_AT_ONCE);
            if self.core.store.write::<_, StoreError>(give).await? {
                break;
            }
        }
        let mut draft = draft.frame("[").await?;
        let (app, id) = (export.app_key, export.id);
        let mut after = None;
        loop {
            let read = move |reads: &dyn Reads| reads.export_events(app, id, after, PAGE);
            let events = self.core.store.read::<_, StoreError>(read).await?;
            let Some((last, _)) = events.last() else { break };
            after = Some(*last);
            self.note_done(events.len());
            draft = draft.append(events.into_iter().map(|(_, body)| body).collect()).await?;
        }
        draft.frame("]").await
    }
}

/// The view with what is known of the users in an object.
fn named(
    view: &View,
    reads: &dyn Reads,
    app: layer_store::key::AppKey,
    object: &impl super::named::NamesUsers,
) -> Result<View, StoreError> {
    let identities = if view.version.has_identities() { identities_of(reads, app, object)? } else { Identities::new() };
    Ok(View { identities, ..view.clone() })
}
