//! Dedupe tags: the `If-None-Match` of a create request becomes the id of what it creates. Contract 1.6 and 8.

use layer_store::announcement::AnnouncementRecord;
use layer_store::app::IdUse;
use layer_store::conversation::ConversationRecord;
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::scheduled_message::ScheduledMessageRecord;
use layer_store::{Reads, StoreError};
use layer_wire::message::RecipientStatus;
use layer_wire::{AnnouncementId, ConversationId, MessageId, UserId};
use uuid::Uuid;

use super::named::NamesUsers;

/// What has the id of a tag.
#[derive(Debug, Clone, PartialEq)]
pub enum Tagged {
    /// A conversation.
    Conversation(ConversationRecord),
    /// A message.
    Message(MessageRecord),
    /// An announcement.
    Announcement(AnnouncementRecord),
    /// A message that is to be sent later.
    Scheduled(Scheduled),
    /// Something that was deleted, or that was to be sent and no longer is.
    Deleted,
}

/// The outcome of a create request.
#[derive(Debug, Clone, PartialEq)]
pub enum Creation<Record> {
    /// It was created, or a replay found what it created the first time; a replay answers like the first time
    /// (assumed).
    Done(Record),
    /// The tag is the id of something else, or of something that was deleted.
    IdInUse(Tagged),
}

/// A message that waits, and the conversation that it will be in.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduled {
    /// The message.
    pub message: ScheduledMessageRecord,
    /// What the status with its recipients would be, were it sent now.
    pub recipient_status: RecipientStatus,
}

impl Scheduled {
    /// Looks at the conversation, whose participants get the message.
    pub fn new(message: ScheduledMessageRecord, conversation: &ConversationRecord) -> Self {
        let recipient_status = RecipientStatus::new(&conversation.participants, &message.sender);
        Self { message, recipient_status }
    }
}

impl From<Scheduled> for MessageRecord {
    fn from(scheduled: Scheduled) -> Self {
        let Scheduled { message, recipient_status } = scheduled;
        Self {
            id: message.id,
            conversation: message.conversation,
            // It has none before it is sent; the answers that show it show no position.
            position: 0,
            sent_at: message.due_at,
            updated_at: None,
            sender: message.sender,
            parts: message.parts,
            recipient_status,
        }
    }
}

impl<Record: NamesUsers> NamesUsers for Creation<Record> {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::Done(record) => record.for_each_user(name),
            Self::IdInUse(tagged) => tagged.for_each_user(name),
        }
    }
}

impl NamesUsers for Tagged {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::Conversation(conversation) => conversation.for_each_user(name),
            Self::Message(message) => message.for_each_user(name),
            Self::Announcement(announcement) => announcement.for_each_user(name),
            Self::Scheduled(scheduled) => scheduled.message.sender.for_each_user(name),
            Self::Deleted => {}
        }
    }
}

/// Looks up what has the id of a tag, if there is a tag and something has it.
pub fn find(reads: &dyn Reads, app: AppKey, tag: Option<Uuid>) -> Result<Option<Tagged>, StoreError> {
    let Some(tag) = tag else { return Ok(None) };
    let Some(id_use) = reads.id_use(app, tag)? else { return Ok(None) };
    look_up(reads, app, tag, id_use).map(Some)
}

/// What has the id of a tag, as an insert found. Error: `Failed` without a tag: then the id was fresh, and nothing can
/// have it.
pub fn taken(reads: &dyn Reads, app: AppKey, tag: Option<Uuid>, id_use: IdUse) -> Result<Tagged, StoreError> {
    let tag = tag.ok_or_else(|| StoreError::Failed("a fresh id is in use".into()))?;
    look_up(reads, app, tag, id_use)
}

fn look_up(reads: &dyn Reads, app: AppKey, tag: Uuid, id_use: IdUse) -> Result<Tagged, StoreError> {
    let found = match id_use {
        IdUse::Conversation => reads
            .conversation(app, ConversationId::new(tag))?
            .filter(|conversation| !conversation.is_deleted)
            .map(Tagged::Conversation),
        IdUse::Message => reads.message(app, MessageId::new(tag))?.map(Tagged::Message),
        IdUse::Announcement => reads.announcement(app, AnnouncementId::new(tag))?.map(Tagged::Announcement),
        IdUse::ScheduledMessage => find_scheduled(reads, app, MessageId::new(tag))?,
        IdUse::DeletedMessage => None,
    };
    Ok(found.unwrap_or(Tagged::Deleted))
}

fn find_scheduled(reads: &dyn Reads, app: AppKey, id: MessageId) -> Result<Option<Tagged>, StoreError> {
    let Some(message) = reads.scheduled_message(app, id)? else { return Ok(None) };
    let conversation = reads.conversation(app, message.conversation)?;
    Ok(conversation.map(|conversation| Tagged::Scheduled(Scheduled::new(message, &conversation))))
}
