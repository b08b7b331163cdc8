//! What the platform asks of its store, in words of conversations and messages.
//!
//! A [`Store`] runs jobs: a read sees one consistent state, a write is a transaction of its own even when the engine
//! commits many together. The rules live in the jobs, the SQL in the crate of an engine, so another engine can take its
//! place. Each noun has a file with its records and verbs.
//!
//! What an engine owes to the rules beyond the verbs:
//! - What a write holds ([`held::Held`]) nobody else changes until it ends. Inserts say what is in their place
//!   ([`held::Inserted`]).
//! - A job may be run again from its start, so it leaves nothing behind outside the transaction.
//! - What was committed is told in the feed of changes ([`changes`]), before the job hears that it is durable.
//! - Work that is queued is claimed in its rows ([`claim`]), never in the memory of a process alone.

pub mod announcement;
pub mod app;
pub mod append;
pub mod block;
pub mod changes;
pub mod claim;
pub mod clock;
pub mod codec;
pub mod content;
#[cfg(feature = "contract")]
pub mod contract;
pub mod conversation;
mod counts;
pub mod delivery;
mod error;
pub mod export;
pub mod file;
pub mod following;
pub mod held;
pub mod identity;
pub mod identity_provider;
mod job;
pub mod key;
pub mod log;
pub mod log_codec;
pub mod membership;
pub mod message;
mod open;
pub mod overview;
pub mod page;
pub mod passing;
pub mod push_token;
pub mod receipt;
pub mod scheduled_message;
pub mod seen;
pub mod session;
pub mod token;
pub mod transfer;
pub mod upkeep;
pub mod user;
pub mod webhook;

pub use counts::Counts;
pub use error::StoreError;
pub use job::{ReadJob, Rule, WriteJob};
pub use open::{DataLocation, DatabaseUrl, NatsUrls, OpenError};

use announcement::{AnnouncementReads, AnnouncementWrites};
use app::{AppReads, AppWrites};
use append::{AppendJob, AppendRule};
use block::{BlockReads, BlockWrites};
use changes::{Changes, Kinds};
use content::{ContentReads, ContentWrites};
use conversation::{ConversationReads, ConversationWrites};
use delivery::DeliveryWrites;
use export::{ExportReads, ExportWrites};
use following::{FollowingReads, FollowingWrites};
use identity::{IdentityReads, IdentityWrites};
use identity_provider::{IdentityProviderReads, IdentityProviderWrites};
use job::{Pending, RuleJob};
use log::{LogReads, LogWrites};
use membership::{MembershipReads, MembershipWrites};
use message::{MessageReads, MessageWrites};
use overview::{OverviewReads, OverviewWrites};
use passing::{Heard, Passing};
use push_token::{PushTokenReads, PushTokenWrites};
use receipt::{ReceiptJob, ReceiptRule, ReceiptWrites};
use scheduled_message::{ScheduledMessageReads, ScheduledMessageWrites};
use seen::SeenReads;
use session::{SessionReads, SessionWrites};
use tokio::sync::mpsc;
use transfer::{TransferReads, TransferWrites};
use user::{UserReads, UserWrites};
use webhook::{WebhookReads, WebhookWrites};

/// What can be read. Every method stays inside the app that it is given.
pub trait Reads:
    AnnouncementReads
    + AppReads
    + BlockReads
    + ContentReads
    + ConversationReads
    + ExportReads
    + FollowingReads
    + IdentityReads
    + IdentityProviderReads
    + LogReads
    + MembershipReads
    + MessageReads
    + OverviewReads
    + PushTokenReads
    + ScheduledMessageReads
    + SeenReads
    + SessionReads
    + TransferReads
    + UserReads
    + WebhookReads
{
}

/// What can be written. The verbs that change something tell it in the feed of changes and in the log by themselves, so
/// that no rule forgets to.
pub trait Writes:
    Reads
    + AnnouncementWrites
    + AppWrites
    + BlockWrites
    + ContentWrites
    + ConversationWrites
    + DeliveryWrites
    + ExportWrites
    + FollowingWrites
    + IdentityWrites
    + IdentityProviderWrites
    + LogWrites
    + MembershipWrites
    + MessageWrites
    + OverviewWrites
    + PushTokenWrites
    + ReceiptWrites
    + ScheduledMessageWrites
    + SessionWrites
    + TransferWrites
    + UserWrites
    + WebhookWrites
{
}

/// What goes with the content of a store and is put in place by [`Images::restore`].
pub type Beside = Box<dyn FnOnce() -> Result<(), StoreError> + Send>;

/// A storage engine.
pub trait Store: Send + Sync {
    /// Takes a read. Error: `Busy` when its queue is full, `Closed` after [`Self::close`].
    fn enqueue_read(&self, job: Box<dyn ReadJob>) -> Result<(), StoreError>;

    /// Takes a write. Error: `Busy` when its queue is full, `Closed` after [`Self::close`].
    fn enqueue_write(&self, job: Box<dyn WriteJob>) -> Result<(), StoreError>;

    /// Takes a write that appends one message. An engine that is far away gathers them ([`append`]); others run it as
    /// any write. Errors as for [`Self::enqueue_write`].
    fn enqueue_append(&self, job: Box<dyn AppendJob>) -> Result<(), StoreError> {
        self.enqueue_write(job)
    }

    /// Takes a write that gives one receipt, likewise ([`receipt`]).
    fn enqueue_receipt(&self, job: Box<dyn ReceiptJob>) -> Result<(), StoreError> {
        self.enqueue_write(job)
    }

    /// What is committed from now on, of these kinds.
    fn changes(&self, kinds: Kinds) -> Changes;

    /// Tells other processes that have the database open what passes ([`passing`]). Without such, nobody is told.
    fn pass(&self, passing: Passing) {
        let _ = passing;
    }

    /// What other processes tell from now on that passes; it goes to who asked last. Nothing with an engine that
    /// several cannot use.
    fn passing(&self) -> mpsc::Receiver<Heard> {
        passing::channel().1
    }

    /// Empties the store of all but the apps, their tokens and identity providers. Blocks until that is durable.
    fn reset(&self) -> Result<(), StoreError>;

    /// Looks whether this is the only process that has the database open. Blocks for the time that takes.
    ///
    /// Error: `Shared` when it is not. An engine that several cannot use has none.
    fn check_alone(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Copies of everything, if the engine can make them.
    fn images(&self) -> Option<&dyn Images> {
        None
    }

    /// What waits, and what was done since it was opened. Takes no part in the work and does not wait for it.
    /// An engine that counts nothing has zeros.
    fn state(&self) -> State {
        State::default()
    }

    /// Finishes the work at hand and closes the store. Further calls do nothing.
    fn close(&self) -> Result<(), StoreError>;
}

/// How many classes of sizes [`State::batches`] has: a batch of one, of two, of up to 4, 8, ... 256, and larger ones.
pub const BATCH_CLASSES: usize = 10;

/// A store in numbers, each since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Writes that wait. With a database in memory, reads are among them.
    pub waiting_writes: usize,
    /// Reads that wait.
    pub waiting_reads: usize,
    /// Commits by the number of writes in them: in the class `n` those of more than `2^(n-1)` and up to `2^n`.
    pub batches: [u64; BATCH_CLASSES],
    /// Writes in all commits together.
    pub committed_writes: u64,
    /// Commits that failed.
    pub failed_commits: u64,
    /// How large the database is. Unit: bytes. 0 in memory.
    pub database_bytes: u64,
    /// How large its log of writes is, which a checkpoint empties. Unit: bytes. 0 in memory.
    pub log_bytes: u64,
    /// Whether other processes had the database open some seconds ago. Never with an engine that several cannot use.
    pub is_shared: bool,
    /// Whether servers of NATS carry what the processes tell each other. Never where none is named.
    pub is_by_nats: bool,
}

/// Copies of everything that is stored, as bytes.
pub trait Images {
    /// A copy of everything, in a form that [`Self::restore`] of the same engine takes. Blocks; held in memory as a
    /// whole.
    fn snapshot(&self) -> Result<Vec<u8>, StoreError>;

    /// Replaces everything by a snapshot, also one of an earlier version, and then has `beside` put in place what goes
    /// with it, before any job sees the new content. Blocks until that is durable.
    ///
    /// Error: `BadSnapshot` when it is none; nothing is changed then, and `beside` is not called.
    fn restore(&self, snapshot: Vec<u8>, beside: Beside) -> Result<(), StoreError>;
}

impl dyn Store + '_ {
    /// Runs a read and passes its outcome on, without waiting for it.
    pub fn submit_read<T, E>(
        &self,
        work: impl FnMut(&dyn Reads) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.enqueue_read(Box::new(Pending::new(work, reply)))
    }

    /// Runs a write and passes its outcome on after the commit, without waiting for it.
    pub fn submit_write<T, E>(
        &self,
        work: impl FnMut(&mut dyn Writes) -> Result<T, E> + Send + 'static,
        reply: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.enqueue_write(Box::new(Pending::new(work, reply)))
    }

    /// Runs a read off the threads of the caller.
    pub async fn read<T, E>(&self, work: impl FnMut(&dyn Reads) -> Result<T, E> + Send + 'static) -> Result<T, E>
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
    pub async fn write<T, E>(&self, work: impl FnMut(&mut dyn Writes) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.submit_write(work, |outcome| drop(sender.send(outcome)))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }

    /// Appends a message by a rule, and returns once it is durable.
    pub async fn append<R: AppendRule + 'static>(&self, rule: R) -> Result<R::Done, R::Failure> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.enqueue_append(Box::new(RuleJob::new(rule, |outcome| drop(sender.send(outcome)))))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }

    /// Gives a receipt by a rule, and returns once it is durable.
    pub async fn give_receipt<R: ReceiptRule + 'static>(&self, rule: R) -> Result<(), R::Failure> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.enqueue_receipt(Box::new(RuleJob::new(rule, |outcome| drop(sender.send(outcome)))))?;
        receiver.await.unwrap_or_else(|_| Err(StoreError::Lost.into()))
    }

    /// Like `write`, for a thread that may wait.
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnMut(&mut dyn Writes) -> Result<T, E> + Send + 'static,
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
