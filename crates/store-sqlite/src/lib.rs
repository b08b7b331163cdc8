//! The SQLite engine: one file in WAL mode, one writer thread, a few reader threads.
//!
//! A database in memory has a single connection, so there the writer does the reads too, between batches.
//!
//! Checkpoints run inline every 300 pages: measured, that keeps the tail short, at some cost to the peak rate.

mod announcement;
mod app;
mod block;
mod content;
mod conversation;
mod deletion;
mod export;
mod file;
mod following;
mod identity;
mod membership;
mod message;
mod open;
mod outbox;
mod part;
mod readers;
mod receipt;
mod scheduled_message;
mod snapshot;
mod sql;
mod user;
mod webhook;
mod writer;

use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use layer_store::model::{
    AnnouncementRecord, AppKey, AppRecord, ConversationRecord, IdUse, Membership, MessageRecord, NewConversationRecord,
    NewMessageRecord, PositionRange,
};
use layer_store::token::TokenHash;
use layer_store::{DataLocation, OpenError, ReadJob, Reads, Store, StoreError, WriteJob, Writes};
use layer_wire::page::SortBy;
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId, Timestamp, UserId, identity as wire_identity};
use rusqlite::Connection;
use uuid::Uuid;

use self::file::Lock;
use self::readers::Readers;
use self::sql::Sql;
use self::writer::Job;

/// How many writes may wait.
const WRITE_QUEUE_LENGTH: usize = 4096;

/// The most reader threads; more gain nothing.
const MAX_READERS: usize = 4;

/// The SQLite engine.
struct SqliteStore {
    running: RwLock<Option<Running>>,
}

struct Running {
    jobs: Sender<Job>,
    writer: JoinHandle<Result<(), StoreError>>,
    /// `None` for a database in memory.
    readers: Option<Readers>,
    /// `None` for a database in memory.
    lock: Option<Lock>,
}

/// Opens or creates a database and starts its threads.
///
/// Error: why the database cannot be opened, or that no thread can be started.
pub fn open(data: &DataLocation) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(SqliteStore::open(data)?))
}

impl SqliteStore {
    fn open(data: &DataLocation) -> Result<Self, OpenError> {
        let lock = match data {
            DataLocation::Memory => None,
            DataLocation::File(path) => {
                open::check_path(path)?;
                Some(Lock::take(path)?)
            }
        };
        let connection = open::open_writer(data)?;
        let readers = match data {
            DataLocation::Memory => None,
            DataLocation::File(path) => {
                let connections = (0..reader_count()).map(|_| open::open_reader(path)).collect::<Result<_, _>>()?;
                Some(Readers::start(connections).map_err(OpenError::Thread)?)
            }
        };
        let (jobs, receiver) = bounded(WRITE_QUEUE_LENGTH);
        let writer = std::thread::Builder::new()
            .name("layer-writer".into())
            .spawn(move || writer::run(connection, &receiver))
            .map_err(OpenError::Thread)?;
        Ok(Self { running: RwLock::new(Some(Running { jobs, writer, readers, lock })) })
    }

    /// Hands out what runs. A lock that was poisoned is as good as any: what it guards is replaced in one step.
    fn with_running<T>(&self, work: impl FnOnce(&Running) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map_or(Err(StoreError::Closed), work)
    }

    /// Works on the database as a whole, on the thread of the writer, and waits for it.
    fn whole<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let job = Job::Whole(Box::new(move |connection| drop(sender.send(work(connection)))));
        self.with_running(|running| running.enqueue(job))?;
        receiver.recv().unwrap_or(Err(StoreError::Lost))
    }
}

fn reader_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_READERS)
}

impl Running {
    fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

impl Store for SqliteStore {
    fn enqueue_read(&self, job: ReadJob) -> Result<(), StoreError> {
        self.with_running(|running| match &running.readers {
            Some(readers) => readers.enqueue(job),
            None => running.enqueue(Job::Read(job)),
        })
    }

    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError> {
        self.with_running(|running| running.enqueue(Job::Write(job)))
    }

    fn reset(&self) -> Result<(), StoreError> {
        self.whole(snapshot::reset)
    }

    fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        self.whole(snapshot::take)
    }

    fn restore(&self, snapshot: Vec<u8>) -> Result<(), StoreError> {
        self.whole(move |connection| snapshot::restore(connection, &snapshot))
    }

    fn close(&self) -> Result<(), StoreError> {
        let running = self.running.write().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { jobs, writer, readers, lock }) = running else { return Ok(()) };
        // Readers first: while one of them reads, the log cannot be emptied.
        if let Some(readers) = readers {
            readers.close();
        }
        drop(jobs);
        let outcome = writer.join().unwrap_or(Err(StoreError::Lost));
        // Held until the database is closed.
        drop(lock);
        outcome
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A connection, seen as what can be read and written. The SQL is in the modules named after nouns.
struct Session<'c> {
    sql: Sql<'c>,
}

impl<'c> Session<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self { sql: Sql(connection) }
    }
}

impl Reads for Session<'_> {
    fn app(&self, id: AppId) -> Result<Option<AppRecord>, StoreError> {
        app::get(self.sql, id)
    }

    fn id_use(&self, app: AppKey, id: Uuid) -> Result<Option<IdUse>, StoreError> {
        app::id_use(self.sql, app, id)
    }

    fn conversation(&self, app: AppKey, id: ConversationId) -> Result<Option<ConversationRecord>, StoreError> {
        conversation::get(self.sql, app, id)
    }

    fn distinct_conversation(
        &self,
        app: AppKey,
        participants: &[UserId],
    ) -> Result<Option<ConversationRecord>, StoreError> {
        conversation::find_distinct(self.sql, app, participants)
    }

    fn membership(
        &self,
        app: AppKey,
        user: &UserId,
        conversation: &ConversationRecord,
    ) -> Result<Option<Membership>, StoreError> {
        membership::get(self.sql, app, user, conversation)
    }

    fn conversations_of(
        &self,
        app: AppKey,
        user: &UserId,
        sort_by: SortBy,
        from: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<(ConversationRecord, Membership)>, StoreError> {
        membership::conversations_of(self.sql, app, user, sort_by, from, limit)
    }

    fn conversation_count_of(&self, app: AppKey, user: &UserId) -> Result<u64, StoreError> {
        user::conversation_count(self.sql, app, user)
    }

    fn message(&self, app: AppKey, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
        message::get(self.sql, app, id)
    }

    fn messages(
        &self,
        conversation: &ConversationRecord,
        range: PositionRange,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        message::list(self.sql, conversation, range, limit)
    }

    fn announcement(&self, app: AppKey, id: AnnouncementId) -> Result<Option<AnnouncementRecord>, StoreError> {
        announcement::get(self.sql, app, id)
    }

    fn block_list(&self, app: AppKey, owner: &UserId) -> Result<Vec<UserId>, StoreError> {
        block::list(self.sql, app, owner)
    }

    fn has_block_between(&self, app: AppKey, one: &[UserId], other: &[UserId]) -> Result<bool, StoreError> {
        block::exists_between(self.sql, app, one, other)
    }

    fn user_exists(&self, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
        Ok(user::find(self.sql, app, user)?.is_some())
    }

    fn identity(&self, app: AppKey, user: &UserId) -> Result<Option<wire_identity::Fields>, StoreError> {
        identity::get(self.sql, app, user)
    }
}

impl Writes for Session<'_> {
    fn insert_app(&mut self, id: AppId, token: &TokenHash, created_at: Timestamp) -> Result<(), StoreError> {
        app::insert(self.sql, id, token, created_at)
    }

    fn set_session_ttl(&mut self, app: AppKey, seconds: u32) -> Result<(), StoreError> {
        app::set_session_ttl(self.sql, app, seconds)
    }

    fn insert_conversation(
        &mut self,
        app: AppKey,
        new: NewConversationRecord,
    ) -> Result<ConversationRecord, StoreError> {
        conversation::insert(self.sql, app, new)
    }

    fn update_conversation(&mut self, app: AppKey, changed: &ConversationRecord) -> Result<(), StoreError> {
        conversation::update(self.sql, app, changed)
    }

    fn delete_conversation(&mut self, app: AppKey, conversation: &ConversationRecord) -> Result<(), StoreError> {
        conversation::delete(self.sql, app, conversation)
    }

    fn append_message(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        new: NewMessageRecord,
    ) -> Result<MessageRecord, StoreError> {
        message::append(self.sql, app, conversation, new)
    }

    fn delete_message(
        &mut self,
        app: AppKey,
        conversation: &ConversationRecord,
        message: &MessageRecord,
    ) -> Result<(), StoreError> {
        message::delete(self.sql, app, conversation, message)
    }

    fn insert_announcement(&mut self, app: AppKey, new: &AnnouncementRecord) -> Result<(), StoreError> {
        announcement::insert(self.sql, app, new)
    }

    fn block(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        block::insert(self.sql, app, owner, blocked)
    }

    fn unblock(&mut self, app: AppKey, owner: &UserId, blocked: &UserId) -> Result<(), StoreError> {
        block::delete(self.sql, app, owner, blocked)
    }

    fn put_identity(&mut self, app: AppKey, user: &UserId, fields: &wire_identity::Fields) -> Result<(), StoreError> {
        identity::put(self.sql, app, user, fields)
    }

    fn delete_identity(&mut self, app: AppKey, user: &UserId) -> Result<bool, StoreError> {
        identity::delete(self.sql, app, user)
    }
}

#[cfg(test)]
mod tests;
