//! What the platform asks of its store, in words of conversations and messages.
//!
//! A [`Store`] runs jobs: a read sees one consistent state, a write is a transaction of its own even when the engine commits many
//! together. The rules live in the jobs (`service`), the SQL in the crate of an engine, so another engine can take its place.

pub mod announcement;
pub mod codec;
pub mod content;
pub mod deletion;
pub mod export;
pub mod file;
pub mod following;
pub mod model;
mod open;
pub mod part;
pub mod receipt;
pub mod scheduled_message;
pub mod token;
pub mod user;
pub mod webhook;

use std::fmt;

pub use open::{DataLocation, OpenError};

use layer_wire::page::SortBy;
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId, UserId, identity};
use uuid::Uuid;

use announcement::{AnnouncementReads, AnnouncementWrites};
use content::{ContentReads, ContentWrites};
use deletion::{DeletionReads, DeletionWrites};
use export::{ExportReads, ExportWrites};
use following::{FollowingReads, FollowingWrites};
use model::{
    AnnouncementRecord, AppKey, AppRecord, ConversationRecord, IdUse, Membership, MessageRecord, NewMessageRecord,
    PositionRange,
};
use part::PartWrites;
use receipt::ReceiptWrites;
use scheduled_message::{ScheduledMessageReads, ScheduledMessageWrites};
use user::{UserReads, UserWrites};
use webhook::{WebhookReads, WebhookWrites};

use token::TokenHash;

/// What can be read. Every method stays inside the app that it is given.
pub trait Reads:
    AnnouncementReads
    + ContentReads
    + DeletionReads
    + ExportReads
    + FollowingReads
    + ScheduledMessageReads
    + UserReads
    + WebhookReads
{
    /// The app with this id.
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError>;

    /// What an id is used for, if it is: no two resources of an app have the same one, not even after deletion.
    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError>;

    /// A conversation, also a deleted one.
    fn conversation(&self, app: AppKey, id: ConversationId) -> Result<Option<ConversationRecord>, StoreError>;

    /// The distinct conversation among exactly these participants, in whatever order.
    fn distinct_conversation(
        &self,
        app: AppKey,
        participants: &[UserId],
    ) -> Result<Option<ConversationRecord>, StoreError>;

    /// How a user is or was a member of a conversation.
    fn membership(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Membership>, StoreError>;

    /// The conversations that a user is or was a member of, without those deleted for all or for the user, newest first: at most `limit`, beginning
    /// after the conversation `from`.
    fn conversations_of(
        &self,
        app: AppKey,
        user: &UserId,
        sort_by: SortBy,
        from: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<(ConversationRecord, Membership)>, StoreError>;

    /// How many conversations [`Self::conversations_of`] has in all.
    fn conversation_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError>;

    /// A message.
    fn message(&self, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError>;

    /// The messages of a conversation within a range of positions, newest first, at most `limit`.
    fn messages(
        &self,
        conversation: &ConversationRecord,
        range: PositionRange,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError>;

    /// An announcement.
    fn announcement(&self, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError>;

    /// The users whom `owner` blocks.
    fn block_list(&self, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError>;

    /// Whether a user of the one list blocks a user of the other or the other way round. Blocking oneself does not count.
    fn has_block_between(&self, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError>;

    /// Whether a user exists: a write named it, and be it as the participant of a conversation. Who had nothing but an identity does
    /// not exist any more once that is deleted.
    fn user_exists(&self, app: AppKey, user: &UserId) -> Result<bool, StoreError>;

    /// The identity of a user.
    fn identity(&self, app: AppKey, user: &UserId) -> Result<Option<identity::Fields>, StoreError>;
}

/// What can be written.
pub trait Writes:
    Reads
    + AnnouncementWrites
    + ContentWrites
    + DeletionWrites
    + ExportWrites
    + FollowingWrites
    + PartWrites
    + ReceiptWrites
    + ScheduledMessageWrites
    + UserWrites
    + WebhookWrites
{
    /// Adds an app.
    fn insert_app(&mut self, id: AppId, token: &TokenHash, created_at: layer_wire::Timestamp)
    -> Result<(), StoreError>;

    /// Sets how long sessions of users of an app last. Unit: seconds.
    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError>;

    /// Adds a conversation and makes its participants members.
    fn insert_conversation(
        &mut self,
        app: AppKey,
        new: model::NewConversationRecord,
    ) -> Result<ConversationRecord, StoreError>;

    /// Replaces participants, distinctness and metadata of a conversation. Members come and go with the participants.
    fn update_conversation(&mut self, app: AppKey, changed: &ConversationRecord) -> Result<(), StoreError>;

    /// Deletes a conversation with its messages. Its id, and theirs, stay in use.
    fn delete_conversation(&mut self, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError>;

    /// Adds a message at the next position of a conversation.
    fn append_message(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        new: NewMessageRecord,
    ) -> Result<MessageRecord, StoreError>;

    /// Deletes a message. Its id stays in use.
    fn delete_message(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        message: &MessageRecord,
    ) -> Result<(), StoreError>;

    /// Adds an announcement; each recipient gets a copy.
    fn insert_announcement(&mut self, app: AppKey, new: &AnnouncementRecord) -> Result<(), StoreError>;

    /// Makes `owner` block a user; nothing happens when it does already.
    fn block(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError>;

    /// Makes `owner` no longer block a user; nothing happens when it does not.
    fn unblock(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError>;

    /// Creates or replaces the identity of a user.
    fn put_identity(&mut self, app: AppKey, user: &UserId, fields: &identity::Fields) -> Result<(), StoreError>;

    /// Deletes the identity of a user; `false` when there was none.
    fn delete_identity(&mut self, app: AppKey, user: &UserId) -> Result<bool, StoreError>;
}

/// A read on its way to the engine. It is called once, with what it may read or with why it cannot.
pub type ReadJob = Box<dyn FnOnce(Result<&dyn Reads, StoreError>) + Send>;

/// A write on its way to the engine: first it runs, and once its fate is durable it is told so.
pub trait WriteJob: Send {
    /// Does the work. `false` undoes all of it, without touching what other jobs did.
    fn run(&mut self, writes: &mut dyn Writes) -> bool;

    /// Hears whether the work is durable. Called once, after the commit.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A storage engine.
pub trait Store: Send + Sync {
    /// Takes a read. Error: `Busy` when its queue is full, `Closed` after [`Self::close`].
    fn enqueue_read(&self, job: ReadJob) -> Result<(), StoreError>;

    /// Takes a write. Error: `Busy` when its queue is full, `Closed` after [`Self::close`].
    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError>;

    /// Empties the store of all but the apps and their tokens. Blocks until that is durable.
    fn reset(&self) -> Result<(), StoreError>;

    /// A copy of everything, in a form that [`Self::restore`] of the same engine takes. Blocks; held in memory as a whole.
    fn snapshot(&self) -> Result<Vec<u8>, StoreError>;

    /// Replaces everything by a snapshot, also one of an earlier version. Blocks until that is durable.
    ///
    /// Error: `BadSnapshot` when it is none; nothing is changed then.
    fn restore(&self, snapshot: Vec<u8>) -> Result<(), StoreError>;

    /// Finishes the work at hand and closes the store. Further calls do nothing.
    fn close(&self) -> Result<(), StoreError>;
}

impl dyn Store + '_ {
    /// Runs a read and passes its outcome on, without waiting for it.
    pub fn submit_read<T, E>(
        &self,
        work: impl FnOnce(&dyn Reads) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        E: From<StoreError>,
    {
        self.enqueue_read(Box::new(move |reads| reply(reads.map_err(E::from).and_then(work))))
    }

    /// Runs a write and passes its outcome on after the commit, without waiting for it.
    pub fn submit_write<T, E>(
        &self,
        work: impl FnOnce(&mut dyn Writes) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.enqueue_write(Box::new(PendingWrite { work: Some(work), outcome: None, reply }))
    }

    /// Runs a read off the threads of the caller.
    pub async fn read<T, E>(&self, work: impl FnOnce(&dyn Reads) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // The caller may be gone; then the reply is dropped.
        self.submit_read(work, |outcome| drop(sender.send(outcome)))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }

    /// Runs a write, and returns once it is durable.
    pub async fn write<T, E>(&self, work: impl FnOnce(&mut dyn Writes) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.submit_write(work, |outcome| drop(sender.send(outcome)))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }

    /// Like `write`, for a thread that may wait.
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnOnce(&mut dyn Writes) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.submit_write(work, move |outcome| drop(sender.send(outcome)))?;
        receiver.recv().unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }
}

struct PendingWrite<Work, T, E, Reply> {
    work: Option<Work>,
    outcome: Option<Result<T, E>>,
    reply: Reply,
}

impl<Work, T, E, Reply> WriteJob for PendingWrite<Work, T, E, Reply>
where
    Work: FnOnce(&mut dyn Writes) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
    Reply: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        self.outcome = self.work.take().map(|work| work(writes));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Lost.into()));
        (self.reply)(committed.map_err(E::from).and(outcome));
    }
}

/// Why the store did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Too much work is waiting; try again in a moment.
    Busy,
    /// The store is closed.
    Closed,
    /// The work was dropped on the way: it panicked, or the store went down.
    Lost,
    /// The disk is full, cannot be read or written, or is locked by someone else; the text says which.
    Unavailable(String),
    /// What was given to be restored is no snapshot; the text says why.
    BadSnapshot(String),
    /// Anything else: a bug, or a damaged file.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => formatter.write_str("too much work is waiting for the store"),
            Self::Closed => formatter.write_str("the store is closed"),
            Self::Lost => formatter.write_str("the store dropped the work"),
            Self::Unavailable(reason) => write!(formatter, "the store is unavailable: {reason}"),
            Self::BadSnapshot(reason) => write!(formatter, "the snapshot cannot be restored: {reason}"),
            Self::Failed(reason) => write!(formatter, "the store failed: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("a stored document is damaged: {error}"))
    }
}
