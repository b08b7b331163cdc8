//! The feed of changes: what was committed, told by the engine once it is durable, and never if it was undone.
//!
//! A change is a hint of a few bytes: it says what to look at, not what is there. One that comes twice, or for
//! something that has changed again since, does no harm. What a reader has no interest in is not even recorded.

use std::collections::VecDeque;
use std::ops::BitOr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_wire::message::Status;
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId, UserId};
use tokio::sync::Notify;

use crate::key::{AppKey, WebhookKey};

/// How many changes wait for a reader that is slow. Beyond that it hears [`Change::Unknown`] in place of them.
const MAX_WAITING: usize = 1024;

/// What happened to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Created,
    /// It is another one now.
    Changed,
    /// It is gone, for everyone.
    Deleted,
}

impl What {
    /// What stands for it where it is stored, and between processes.
    pub const fn number(self) -> u8 {
        match self {
            Self::Created => 0,
            Self::Changed => 1,
            Self::Deleted => 2,
        }
    }

    /// What a number stands for.
    pub const fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Created,
            1 => Self::Changed,
            _ => Self::Deleted,
        }
    }
}

/// Something that was committed, by this process or another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A conversation: created, its participants or metadata changed, deleted with its messages.
    Conversation {
        /// The app.
        app: AppKey,
        /// The conversation.
        id: ConversationId,
        /// What happened to it.
        what: What,
    },
    /// A message: sent, its parts changed, deleted.
    Message {
        /// The app.
        app: AppKey,
        /// The conversation it is in.
        conversation: ConversationId,
        /// The message.
        id: MessageId,
        /// Its position.
        position: u32,
        /// What happened to it.
        what: What,
    },
    /// Messages reached a participant, or were read.
    Receipt {
        /// The app.
        app: AppKey,
        /// The conversation they are in.
        conversation: ConversationId,
        /// Whose receipt it is.
        user: UserId,
        /// The position of the newest of them.
        position: u32,
        /// `Delivered` or `Read`.
        status: Status,
    },
    /// A member deleted a conversation or a message in it for itself, or brought the conversation back.
    Membership {
        /// The app.
        app: AppKey,
        /// The conversation.
        conversation: ConversationId,
        /// The member.
        user: UserId,
    },
    /// The identity of a user.
    Identity {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// The users whom a user blocks.
    BlockList {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// The users whom a user follows, because it said so. What conversations make of that follows from their changes.
    Following {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// An announcement: sent to all its recipients, or read or deleted by one of them.
    Announcement {
        /// The app.
        app: AppKey,
        /// The announcement.
        id: AnnouncementId,
        /// The recipient who did something to its copy.
        user: Option<UserId>,
        /// What happened to it.
        what: What,
    },
    /// Whether a user is suspended.
    Suspension {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// What the application counts as unread for a user elsewhere.
    UnreadCount {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// A session of a user ended, before its time.
    SessionEnded {
        /// The app.
        app: AppKey,
        /// The user.
        user: UserId,
    },
    /// An app: it was added or deleted, the last of a deleted one is gone, or its tokens are others now.
    App(AppId),
    /// The status of a webhook, or whether its deliveries fail; it was registered or deleted.
    Webhook(WebhookKey),
    /// A delivery came into the outbox, is put off or gone.
    Deliveries,
    /// A message is to be sent later.
    ScheduledMessages,
    /// An export was asked for, or the schedule of exports changed.
    Exports,
    /// Files may be no longer in use.
    UnusedFiles,
    /// The log of changes has new entries.
    Log,
    /// The store was emptied, or its content replaced: whatever was known of it is out of date.
    Replaced,
    /// Some changes were missed: whatever was known may be out of date.
    Unknown,
}

impl Change {
    /// The app that it is of; `None` for what is told of a platform as a whole.
    pub const fn app(&self) -> Option<AppKey> {
        match self {
            Self::Conversation { app, .. }
            | Self::Message { app, .. }
            | Self::Receipt { app, .. }
            | Self::Membership { app, .. }
            | Self::Identity { app, .. }
            | Self::BlockList { app, .. }
            | Self::Following { app, .. }
            | Self::Announcement { app, .. }
            | Self::Suspension { app, .. }
            | Self::UnreadCount { app, .. }
            | Self::SessionEnded { app, .. } => Some(*app),
            _ => None,
        }
    }

    /// What kind it is.
    pub const fn kind(&self) -> Kinds {
        match self {
            Self::Conversation { .. } => Kinds::CONVERSATIONS,
            Self::Message { .. } => Kinds::MESSAGES,
            Self::Receipt { .. } => Kinds::RECEIPTS,
            Self::Membership { .. } => Kinds::MEMBERSHIPS,
            Self::Identity { .. } => Kinds::IDENTITIES,
            Self::BlockList { .. } => Kinds::BLOCK_LISTS,
            Self::Following { .. } => Kinds::FOLLOWING,
            Self::Announcement { .. } => Kinds::ANNOUNCEMENTS,
            Self::Suspension { .. } => Kinds::SUSPENSIONS,
            Self::UnreadCount { .. } => Kinds::UNREAD_COUNTS,
            Self::SessionEnded { .. } => Kinds::SESSIONS,
            Self::App(_) => Kinds::APPS,
            Self::Webhook(_) => Kinds::WEBHOOKS,
            Self::Deliveries => Kinds::DELIVERIES,
            Self::ScheduledMessages => Kinds::SCHEDULED_MESSAGES,
            Self::Exports => Kinds::EXPORTS,
            Self::UnusedFiles => Kinds::UNUSED_FILES,
            Self::Log => Kinds::LOG,
            Self::Replaced | Self::Unknown => Kinds::ALL,
        }
    }
}

/// Kinds of changes, such as `Kinds::MESSAGES | Kinds::RECEIPTS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// None.
    pub const NONE: Self = Self(0);
    /// [`Change::Conversation`].
    pub const CONVERSATIONS: Self = Self(1);
    /// [`Change::Message`].
    pub const MESSAGES: Self = Self(1 << 1);
    /// [`Change::Receipt`].
    pub const RECEIPTS: Self = Self(1 << 2);
    /// [`Change::Membership`].
    pub const MEMBERSHIPS: Self = Self(1 << 3);
    /// [`Change::Identity`].
    pub const IDENTITIES: Self = Self(1 << 4);
    /// [`Change::BlockList`].
    pub const BLOCK_LISTS: Self = Self(1 << 5);
    /// [`Change::Following`].
    pub const FOLLOWING: Self = Self(1 << 6);
    /// [`Change::Announcement`].
    pub const ANNOUNCEMENTS: Self = Self(1 << 7);
    /// [`Change::Suspension`].
    pub const SUSPENSIONS: Self = Self(1 << 8);
    /// [`Change::App`].
    pub const APPS: Self = Self(1 << 9);
    /// [`Change::Webhook`].
    pub const WEBHOOKS: Self = Self(1 << 10);
    /// [`Change::Deliveries`].
    pub const DELIVERIES: Self = Self(1 << 11);
    /// [`Change::ScheduledMessages`].
    pub const SCHEDULED_MESSAGES: Self = Self(1 << 12);
    /// [`Change::Exports`].
    pub const EXPORTS: Self = Self(1 << 13);
    /// [`Change::UnusedFiles`].
    pub const UNUSED_FILES: Self = Self(1 << 14);
    /// [`Change::UnreadCount`].
    pub const UNREAD_COUNTS: Self = Self(1 << 15);
    /// [`Change::Log`].
    pub const LOG: Self = Self(1 << 16);
    /// [`Change::SessionEnded`].
    pub const SESSIONS: Self = Self(1 << 17);
    /// All of them.
    pub const ALL: Self = Self(u32::MAX);

    /// Whether the two have a kind in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all kinds of the other are among these.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// For engines: where changes come in and readers get theirs.
#[derive(Default)]
pub struct Feed {
    readers: Mutex<Vec<Arc<Reader>>>,
    /// What any reader has an interest in.
    wanted: AtomicU32,
}

struct Reader {
    kinds: Kinds,
    waiting: Mutex<Waiting>,
    has_news: AtomicBool,
    bell: Notify,
}

#[derive(Default)]
struct Waiting {
    changes: VecDeque<Change>,
    /// Whether some were missed.
    has_lagged: bool,
}

/// Locks, also after a panic elsewhere: what is inside is whole at each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reader {
    fn tell(&self, change: Option<&Change>) {
        let mut waiting = lock(&self.waiting);
        match change {
            // The same hint twice in a row is one.
            Some(change) if waiting.changes.back() == Some(change) => {}
            Some(change) if waiting.changes.len() < MAX_WAITING => waiting.changes.push_back(change.clone()),
            _ => {
                waiting.changes.clear();
                waiting.has_lagged = true;
            }
        }
        self.has_news.store(true, Ordering::SeqCst);
        drop(waiting);
        self.bell.notify_one();
    }

    fn take(&self) -> Option<Change> {
        let mut waiting = lock(&self.waiting);
        let next =
            if std::mem::take(&mut waiting.has_lagged) { Some(Change::Unknown) } else { waiting.changes.pop_front() };
        self.has_news.store(!waiting.changes.is_empty(), Ordering::SeqCst);
        next
    }
}

impl Feed {
    /// Adds a reader.
    pub fn subscribe(self: &Arc<Self>, kinds: Kinds) -> Changes {
        let reader = Arc::new(Reader {
            kinds,
            waiting: Mutex::default(),
            has_news: AtomicBool::new(false),
            bell: Notify::new(),
        });
        let mut readers = lock(&self.readers);
        readers.push(Arc::clone(&reader));
        self.wanted.fetch_or(kinds.0, Ordering::SeqCst);
        drop(readers);
        Changes { reader, feed: Arc::clone(self) }
    }

    /// What readers have an interest in now. Ask before the first write of a transaction, and record these kinds.
    pub fn wanted(&self) -> Kinds {
        Kinds(self.wanted.load(Ordering::SeqCst))
    }

    /// Tells readers what is durable now. `recorded` are the kinds that were wanted when the transaction began: who
    /// came since for another kind hears that something was missed.
    pub fn tell(&self, recorded: Kinds, changes: &[Change]) {
        if changes.is_empty() && recorded.covers(self.wanted()) {
            return;
        }
        for reader in lock(&self.readers).iter() {
            if !recorded.covers(reader.kinds) {
                reader.tell(None);
                continue;
            }
            for change in changes.iter().filter(|change| change.kind().meets(reader.kinds)) {
                reader.tell(Some(change));
            }
        }
    }
}

/// A reader of the feed.
pub struct Changes {
    reader: Arc<Reader>,
    feed: Arc<Feed>,
}

impl Changes {
    /// Waits for the next change. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.try_next() {
                return change;
            }
            self.reader.bell.notified().await;
        }
    }

    /// The next change, if there is one.
    pub fn try_next(&self) -> Option<Change> {
        self.reader.take()
    }

    /// Whether [`Self::try_next`] has something. It costs next to nothing to ask.
    pub fn has_news(&self) -> bool {
        self.reader.has_news.load(Ordering::SeqCst)
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let mut readers = lock(&self.feed.readers);
        readers.retain(|reader| !Arc::ptr_eq(reader, &self.reader));
        let wanted = readers.iter().fold(0, |wanted, reader| wanted | reader.kinds.0);
        self.feed.wanted.store(wanted, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(number: i64) -> Change {
        Change::Webhook(WebhookKey::from_number(number))
    }

    fn taken(changes: &Changes) -> Vec<Change> {
        std::iter::from_fn(|| changes.try_next()).collect()
    }

    #[test]
    fn a_reader_hears_the_kinds_that_it_asked_for_in_order_and_a_replaced_store_always() {
        let feed = Arc::new(Feed::default());
        assert_eq!(feed.wanted(), Kinds::NONE);
        let changes = feed.subscribe(Kinds::WEBHOOKS | Kinds::EXPORTS);
        assert!(!changes.has_news());
        let told = [webhook(1), Change::Deliveries, Change::Exports, webhook(1), Change::Replaced];
        feed.tell(feed.wanted(), &told);
        assert!(changes.has_news());
        assert_eq!(taken(&changes), [webhook(1), Change::Exports, webhook(1), Change::Replaced]);
        assert!(!changes.has_news());
        drop(changes);
        assert_eq!(feed.wanted(), Kinds::NONE);
    }

    #[test]
    fn the_same_hint_twice_in_a_row_is_one() {
        let feed = Arc::new(Feed::default());
        let changes = feed.subscribe(Kinds::DELIVERIES);
        for _ in 0..2 * MAX_WAITING {
            feed.tell(feed.wanted(), &[Change::Deliveries]);
        }
        assert_eq!(taken(&changes), [Change::Deliveries]);
    }

    #[test]
    fn a_slow_reader_hears_that_it_missed_something_and_then_what_came_since() {
        let feed = Arc::new(Feed::default());
        let changes = feed.subscribe(Kinds::WEBHOOKS);
        let told: Vec<_> = (0..=i64::try_from(MAX_WAITING).unwrap()).map(webhook).collect();
        feed.tell(feed.wanted(), &told);
        feed.tell(feed.wanted(), &[webhook(-1)]);
        assert_eq!(taken(&changes), [Change::Unknown, webhook(-1)]);
    }

    /// What it would have heard was not recorded.
    #[test]
    fn a_reader_that_comes_in_the_middle_of_a_transaction_hears_that_it_missed_something() {
        let feed = Arc::new(Feed::default());
        let recorded = feed.wanted();
        let changes = feed.subscribe(Kinds::WEBHOOKS);
        feed.tell(recorded, &[]);
        assert_eq!(taken(&changes), [Change::Unknown]);
    }

    #[tokio::test]
    async fn a_wait_that_was_given_up_loses_nothing() {
        let feed = Arc::new(Feed::default());
        let mut changes = feed.subscribe(Kinds::WEBHOOKS);
        for _ in 0..3 {
            let waited = tokio::select! {
                biased;
                change = changes.next() => Some(change),
                () = std::future::ready(()) => None,
            };
            assert_eq!(waited, None);
            feed.tell(feed.wanted(), &[webhook(7)]);
            assert_eq!(changes.next().await, webhook(7));
        }
    }
}
