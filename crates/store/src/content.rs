//! What is stored of rich content. The bytes themselves are in files: [`crate::file`].

use std::collections::HashSet;

use layer_wire::content::NewContent;
use layer_wire::part::{Part, PartBody};
use layer_wire::{ContentId, ConversationId, Timestamp, UserId};

use crate::StoreError;
use crate::conversation::ConversationRecord;
use crate::file::RenamedFile;
use crate::key::AppKey;

/// Rich content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentRecord {
    /// Its id.
    pub id: ContentId,
    /// The conversation it belongs to; none as long as no message carries what a user uploaded.
    pub conversation: Option<ConversationId>,
    /// The user who uploaded it through the Client API, where it was a user.
    pub uploader: Option<UserId>,
    /// What was announced: MIME type, size, origin.
    pub announced: NewContent,
    /// When the upload was asked for.
    pub created_at: Timestamp,
    /// What came, once all of it is there.
    pub upload: Option<FinishedUpload>,
}

/// The contents that parts refer to, each once.
pub fn referenced(parts: &[Part]) -> Vec<ContentId> {
    let ids: HashSet<ContentId> = parts
        .iter()
        .filter_map(|part| match part.body {
            PartBody::Content { id, .. } => Some(id),
            PartBody::Bytes(_) => None,
        })
        .collect();
    ids.into_iter().collect()
}

/// What is known of bytes that were uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinishedUpload {
    /// When the last byte came.
    pub at: Timestamp,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// CRC-32C of the bytes.
    pub crc32c: u32,
}

/// What can be read of rich content.
pub trait ContentReads {
    /// Rich content, uploaded or not.
    fn content(&self, app: AppKey, id: ContentId) -> Result<Option<ContentRecord>, StoreError>;

    /// How many contents a user has announced or uploaded that no message has carried yet.
    fn unsent_contents(&self, app: AppKey, uploader: &UserId) -> Result<u64, StoreError>;

    /// Names of files that nothing uses any more, at most `limit`.
    fn unused_files(&self, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Files of an earlier release that are to be renamed before anything else is done with them, at most `limit`. An
    /// engine that never named them otherwise has none.
    fn renamed_files(&self, limit: usize) -> Result<Vec<RenamedFile>, StoreError> {
        let _ = limit;
        Ok(vec![])
    }
}

/// What can be written of rich content. Appending a message counts its references, and deleting it or its conversation
/// gives up what nothing refers to any more.
pub trait ContentWrites {
    /// Adds rich content that is not uploaded.
    fn insert_content(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        id: ContentId,
        new: &NewContent,
        created_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds rich content of a user, which belongs to no conversation and is not uploaded. The user is created on the
    /// fly.
    fn insert_content_of_user(
        &mut self,
        app: AppKey,
        uploader: &UserId,
        id: ContentId,
        new: &NewContent,
        created_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Makes rich content part of a conversation, for good. `false` when it is part of another one already.
    fn put_content(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        id: ContentId,
    ) -> Result<bool, StoreError>;

    /// Says that all bytes are on disk. `false` when the content is gone meanwhile.
    fn finish_upload(&mut self, app: AppKey, id: ContentId, upload: FinishedUpload) -> Result<bool, StoreError>;

    /// Deletes content that was announced before `time` and never uploaded, or never carried by a message.
    fn delete_stale_contents(&mut self, time: Timestamp) -> Result<(), StoreError>;

    /// Says that files are deleted.
    fn forget_unused_files(&mut self, names: &[String]) -> Result<(), StoreError>;

    /// Says that files have their new names.
    fn forget_renamed_files(&mut self, files: &[RenamedFile]) -> Result<(), StoreError> {
        let _ = files;
        Ok(())
    }
}
