//! Rich content: announced, looked up, referred to. Contract 2.5. The bytes come in `upload.rs`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use layer_store::content::{ContentRecord, FinishedUpload};
use layer_store::conversation::ConversationRecord;
use layer_store::file::FileName;
use layer_store::key::AppKey;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::content::{NewContent, StorageObject};
use layer_wire::part::{Part, PartBody};
use layer_wire::url::{self, DownloadLinks as _};
use layer_wire::{ApiError, AppId, ContentId, ConversationId, Timestamp, UserId};

use super::app::AppService;
use super::conversation::find;
use super::core::Core;
use super::failure::Failure;
use crate::ground::blobs::{on_disk, unavailable};
use crate::ground::links::UPLOAD_MS;

/// How many files are deleted or renamed at a time.
const BATCH: usize = 256;

/// The bucket that answers to uploads name.
const BUCKET: &str = "layer-platform";

/// How many contents a user may have that no message carries (assumed). They go after a week.
const MAX_UNSENT: u64 = 200;

/// Checks that the rich content in parts is uploaded, belongs to the conversation and has the size that the part says.
/// What the sender uploaded comes to belong to the conversation with it; the size of what users upload is that which
/// was announced, because the SDKs count characters here. Client API 4.8.
///
/// Error: `invalid_property` `parts`.
pub fn take_parts(
    writes: &mut dyn Writes,
    app: AppKey,
    conversation: &ConversationRecord,
    sender: Option<&UserId>,
    parts: &mut [Part],
) -> Result<(), Failure> {
    for part in parts {
        let PartBody::Content { id, size } = part.body else { continue };
        let is_usable = |content: &ContentRecord| match content.conversation {
            Some(of) => of == conversation.id,
            None => sender.is_some() && content.uploader.as_ref() == sender,
        };
        let content = writes.content(app, id)?.filter(is_usable);
        let rule = match content {
            None => "refers to rich content that this conversation does not have",
            Some(content) if content.upload.is_none() => "refers to rich content that was not uploaded",
            Some(content) if content.uploader.is_none() && content.announced.size != size => {
                "refers to rich content of another size"
            }
            Some(content) if content.conversation.is_none() && !writes.put_content(app, conversation, id)? => {
                "refers to rich content that this conversation does not have"
            }
            Some(content) => {
                part.body = PartBody::Content { id, size: content.announced.size };
                continue;
            }
        };
        return Err(ApiError::invalid_property("parts", rule).into());
    }
    Ok(())
}

/// Rich content, and the app that it belongs to.
#[derive(Debug, Clone)]
pub struct LinkedContent {
    /// The app.
    pub app: AppId,
    /// The same inside the store.
    pub key: AppKey,
    /// The content.
    pub content: ContentRecord,
}

impl LinkedContent {
    /// The file with its bytes.
    pub fn file(&self) -> FileName {
        FileName::content(self.app, self.content.id)
    }
}

/// Rich content and the files that hold it.
pub struct ContentService {
    pub(super) core: Arc<Core>,
    pub(super) apps: AppService,
}

impl ContentService {
    /// Announces rich content. Errors: `not_found`, `object_deleted`.
    pub async fn create(
        &self,
        app: AppKey,
        conversation: ConversationId,
        new: NewContent,
    ) -> Result<ContentRecord, Failure> {
        let created_at = self.core.clock.now();
        let id = ContentId::new(self.core.ids.resource(created_at));
        let create = move |writes: &mut dyn Writes| {
            let conversation = find(writes, app, conversation)?;
            writes.insert_content(app, &conversation, id, &new, created_at)?;
            let conversation = Some(conversation.id);
            Ok(ContentRecord { id, conversation, uploader: None, announced: new.clone(), created_at, upload: None })
        };
        self.core.store.write(create).await
    }

    /// Announces rich content as a user, for a message that will carry it. Error: `rate_limit_exceeded` when there is
    /// too much that no message carries.
    pub async fn create_as_user(&self, app: AppKey, user: UserId, new: NewContent) -> Result<ContentRecord, Failure> {
        let created_at = self.core.clock.now();
        let id = ContentId::new(self.core.ids.resource(created_at));
        let create = move |writes: &mut dyn Writes| {
            if writes.unsent_contents(app, &user)? >= MAX_UNSENT {
                return Err(ApiError::too_many_uploads(MAX_UNSENT).into());
            }
            writes.insert_content_of_user(app, &user, id, &new, created_at)?;
            let uploader = Some(user.clone());
            Ok(ContentRecord { id, conversation: None, uploader, announced: new.clone(), created_at, upload: None })
        };
        self.core.store.write(create).await
    }

    /// Rich content that a user uploaded itself, or that belongs to a conversation in which it takes or took part
    /// (assumed). Error: `not_found`, also when it was never uploaded.
    pub async fn find_of_user(&self, app: AppKey, user: UserId, id: ContentId) -> Result<ContentRecord, Failure> {
        let read = move |reads: &dyn Reads| {
            let found = reads.content(app, id)?.filter(|content| content.upload.is_some());
            let content = found.ok_or_else(ApiError::content_not_found)?;
            if content.uploader.as_ref() == Some(&user) {
                return Ok(content);
            }
            let conversation = content.conversation.ok_or_else(ApiError::content_not_found)?;
            let conversation = find(reads, app, conversation).map_err(|_| ApiError::content_not_found())?;
            let membership = reads.membership(app, &user, &conversation)?;
            membership.map(|_| content).ok_or_else(|| ApiError::content_not_found().into())
        };
        self.core.store.read(read).await
    }

    /// Rich content of a conversation. Errors: `not_found`, also when it was never uploaded (assumed);
    /// `object_deleted`.
    pub async fn find(
        &self,
        app: AppKey,
        conversation: ConversationId,
        id: ContentId,
    ) -> Result<ContentRecord, Failure> {
        let read = move |reads: &dyn Reads| {
            let conversation = find(reads, app, conversation)?;
            let content = reads.content(app, id)?.filter(|content| content.conversation == Some(conversation.id));
            let content = content.filter(|content| content.upload.is_some());
            content.ok_or_else(|| ApiError::content_not_found().into())
        };
        self.core.store.read(read).await
    }

    /// Rich content by what its links name, uploaded or not. Error: `not_found`.
    pub async fn find_linked(&self, app: AppId, id: ContentId) -> Result<LinkedContent, Failure> {
        let key = self.apps.find(app).await?.ok_or_else(ApiError::content_not_found)?.key;
        let found = self.core.store.read(move |reads| reads.content(key, id)).await?;
        Ok(LinkedContent { app, key, content: found.ok_or_else(ApiError::content_not_found)? })
    }

    /// What the answer to a finished upload shows.
    pub fn storage_object(&self, linked: &LinkedContent, upload: FinishedUpload) -> StorageObject {
        let LinkedContent { app, content, .. } = linked;
        // Nothing of it is looked at by clients, but for `size`; of a user's upload, no conversation is known.
        let (name, location) = match content.conversation {
            Some(conversation) => (
                format!("{app}/{}/{}", conversation.uuid(), content.id.uuid()),
                url::content_location(*app, conversation, content.id),
            ),
            None => (format!("{app}/{}", content.id.uuid()), url::content_location_in_client_api(content.id)),
        };
        let generation = upload.at.as_ms().saturating_mul(1000).to_string();
        StorageObject {
            kind: "storage#object",
            id: format!("{BUCKET}/{name}/{generation}"),
            self_link: format!("{}{location}", self.core.public_url),
            name,
            bucket: BUCKET,
            metageneration: "1",
            content_type: content.announced.mime_type.clone(),
            time_created: upload.at,
            updated: upload.at,
            storage_class: "STANDARD",
            time_storage_class_updated: upload.at,
            size: content.announced.size.to_string(),
            md5_hash: STANDARD.encode(upload.md5),
            media_link: self.core.links.download(*app, content.id).url,
            crc32c: STANDARD.encode(upload.crc32c.to_be_bytes()),
            etag: STANDARD.encode(generation.as_bytes()),
            generation,
        }
    }

    /// Gives files of an earlier release the names that they have now. Blocks until that is durable.
    pub fn rename_files(&self) -> Result<(), StoreError> {
        loop {
            let renamed = self.core.store.write_blocking(|writes: &mut dyn Writes| writes.renamed_files(BATCH))?;
            if renamed.is_empty() {
                return Ok(());
            }
            self.core.blobs.rename(&renamed).map_err(|error| unavailable(&error))?;
            self.core.store.write_blocking(move |writes: &mut dyn Writes| writes.forget_renamed_files(&renamed))?;
        }
    }

    /// Deletes the files that nothing uses any more, and gives up content that was announced long ago and never
    /// uploaded.
    pub async fn delete_unused_files(&self) -> Result<(), StoreError> {
        let stale = Timestamp::from_ms(self.core.clock.now().as_ms().saturating_sub(UPLOAD_MS));
        loop {
            let _turn = self.core.blob_turn.lock().await;
            let names = self
                .core
                .store
                .write(move |writes: &mut dyn Writes| {
                    writes.delete_stale_contents(stale)?;
                    writes.unused_files(BATCH)
                })
                .await?;
            if names.is_empty() {
                return Ok(());
            }
            let blobs = self.core.blobs();
            let delete = move || {
                names.iter().try_for_each(|name| blobs.delete(name))?;
                Ok(names)
            };
            let names = on_disk(delete).await?;
            self.core.store.write(move |writes: &mut dyn Writes| writes.forget_unused_files(&names)).await?;
        }
    }
}
