//! What was committed: told to the readers of this process at once, and gathered as hints for other processes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_store::changes::{Change, Feed, Kinds, What};
use layer_store::key::{AppKey, WebhookKey};
use layer_store::passing::Passing;
use layer_wire::message::Status;
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use super::passing::{Passed, in_texts};

/// How many changes are gathered. Beyond that, others hear that they missed some.
const MAX_GATHERED: usize = 1024;

/// How many notifications are told at once. In place of more, others hear that they missed some.
const MAX_AT_ONCE: usize = 16;

/// What processes tell each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// What was committed.
    Changes,
    /// What passes.
    Passing,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Changes, Self::Passing];

    /// What notifications of PostgreSQL have it as.
    pub fn in_postgres(self) -> &'static str {
        match self {
            Self::Changes => "layer",
            Self::Passing => "layer_passing",
        }
    }

    /// The last word of subjects of NATS.
    pub fn in_nats(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Passing => "passing",
        }
    }
}

/// Where changes come in.
#[derive(Default)]
pub struct Told {
    /// The readers of this process.
    pub feed: Arc<Feed>,
    gathered: Mutex<Gathered>,
    bell: Notify,
    is_closed: AtomicBool,
    /// As it was looked at last.
    database_bytes: AtomicU64,
    is_shared: AtomicBool,
    is_by_nats: AtomicBool,
    /// What passes.
    pub passed: Passed,
}

#[derive(Default)]
struct Gathered {
    changes: VecDeque<Change>,
    has_lagged: bool,
}

impl Told {
    /// Tells what is durable now.
    pub fn tell(&self, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        self.feed.tell(Kinds::ALL, &changes);
        let mut gathered = self.lock();
        for change in changes {
            if gathered.changes.len() >= MAX_GATHERED {
                gathered.changes.clear();
                gathered.has_lagged = true;
            }
            if gathered.changes.back() != Some(&change) {
                gathered.changes.push_back(change);
            }
        }
        drop(gathered);
        self.bell.notify_one();
    }

    /// Has others told what passes, where there are some.
    pub fn pass(&self, passing: Passing) {
        if self.is_shared() && self.passed.push(passing) {
            self.bell.notify_one();
        }
    }

    /// How large the database was some seconds ago.
    pub fn database_bytes(&self) -> u64 {
        self.database_bytes.load(Ordering::Relaxed)
    }

    /// Whether other processes had the database open some seconds ago.
    pub fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    /// Whether NATS carried some seconds ago what is told to other processes.
    pub fn is_by_nats(&self) -> bool {
        self.is_by_nats.load(Ordering::Relaxed)
    }

    /// Notes how large the database is, whether other processes have it open, and whether NATS carries what they are
    /// told.
    pub fn looked(&self, database_bytes: u64, is_shared: bool, is_by_nats: bool) {
        self.database_bytes.store(database_bytes, Ordering::Relaxed);
        self.is_shared.store(is_shared, Ordering::Relaxed);
        self.is_by_nats.store(is_by_nats, Ordering::Relaxed);
    }

    /// Returns once there is something to tell, or it is closed.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether it is over once what is gathered is told.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Tells others what is gathered, and ends.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is to be told, as the texts of notifications.
    pub fn take(&self, process: Uuid) -> impl Iterator<Item = (Channel, String)> {
        let changes = self.take_changes(process).into_iter().map(|text| (Channel::Changes, text));
        changes.chain(self.passed.take(process).into_iter().map(|text| (Channel::Passing, text)))
    }

    /// Takes in what another process told.
    pub fn hear(&self, process: Uuid, channel: Channel, text: &str) {
        match channel {
            Channel::Changes => self.hear_changes(process, text),
            Channel::Passing => self.passed.hear(process, text),
        }
    }

    fn take_changes(&self, process: Uuid) -> Vec<String> {
        let Gathered { changes, has_lagged } = std::mem::take(&mut *self.lock());
        let head = format!("{process} {}", env!("CARGO_PKG_VERSION"));
        let in_texts = |changes: &mut dyn Iterator<Item = &Change>| {
            in_texts(&head, changes.filter_map(|change| serde_json::to_string(&Hint::from(change)).ok()))
        };
        let missed = [Change::Unknown];
        let texts = in_texts(&mut missed.iter().filter(|_| has_lagged).chain(&changes));
        if texts.len() > MAX_AT_ONCE { in_texts(&mut missed.iter()) } else { texts }
    }

    fn hear_changes(&self, process: Uuid, text: &str) {
        let mut lines = text.lines();
        let sender = lines.next().unwrap_or_default();
        if sender.split(' ').next() == Some(&process.to_string()) {
            return;
        }
        let changes: Vec<Change> = lines
            // What a later version tells and this one does not know may be anything.
            .map(|line| serde_json::from_str::<Hint>(line).map_or(Change::Unknown, Into::into))
            .collect();
        self.feed.tell(Kinds::ALL, &changes);
    }
}

/// A change, as it is written into a notification.
#[derive(Serialize, Deserialize)]
enum Hint {
    Conversation(i64, Uuid, u8),
    Message(i64, Uuid, Uuid, u32, u8),
    Receipt(i64, Uuid, String, u32, u8),
    Membership(i64, Uuid, String),
    Identity(i64, String),
    BlockList(i64, String),
    Following(i64, String),
    Announcement(i64, Uuid, Option<String>, u8),
    Suspension(i64, String),
    UnreadCount(i64, String),
    SessionEnded(i64, String),
    App(Uuid),
    Webhook(i64),
    Deliveries,
    ScheduledMessages,
    Exports,
    UnusedFiles,
    Log,
    Replaced,
    Unknown,
}

impl From<&Change> for Hint {
    fn from(change: &Change) -> Self {
        let text = |user: &UserId| user.as_str().to_owned();
        match change {
            Change::Conversation { app, id, what } => Self::Conversation(app.number(), id.uuid(), what.number()),
            Change::Message { app, conversation, id, position, what } => {
                Self::Message(app.number(), conversation.uuid(), id.uuid(), *position, what.number())
            }
            Change::Receipt { app, conversation, user, position, status } => {
                let is_read = u8::from(*status == Status::Read);
                Self::Receipt(app.number(), conversation.uuid(), text(user), *position, is_read)
            }
            Change::Membership { app, conversation, user } => {
                Self::Membership(app.number(), conversation.uuid(), text(user))
            }
            Change::Identity { app, user } => Self::Identity(app.number(), text(user)),
            Change::BlockList { app, user } => Self::BlockList(app.number(), text(user)),
            Change::Following { app, user } => Self::Following(app.number(), text(user)),
            Change::Announcement { app, id, user, what } => {
                Self::Announcement(app.number(), id.uuid(), user.as_ref().map(text), what.number())
            }
            Change::Suspension { app, user } => Self::Suspension(app.number(), text(user)),
            Change::UnreadCount { app, user } => Self::UnreadCount(app.number(), text(user)),
            Change::SessionEnded { app, user } => Self::SessionEnded(app.number(), text(user)),
            Change::App(id) => Self::App(id.uuid()),
            Change::Webhook(key) => Self::Webhook(key.number()),
            Change::Deliveries => Self::Deliveries,
            Change::ScheduledMessages => Self::ScheduledMessages,
            Change::Exports => Self::Exports,
            Change::UnusedFiles => Self::UnusedFiles,
            Change::Log => Self::Log,
            Change::Replaced => Self::Replaced,
            _ => Self::Unknown,
        }
    }
}

impl From<Hint> for Change {
    fn from(hint: Hint) -> Self {
        let (app, user) = (AppKey::from_number, UserId::trusted);
        match hint {
            Hint::Conversation(key, id, kind) => {
                Self::Conversation { app: app(key), id: ConversationId::new(id), what: What::of_number(kind.into()) }
            }
            Hint::Message(key, conversation, id, position, kind) => Self::Message {
                app: app(key),
                conversation: ConversationId::new(conversation),
                id: MessageId::new(id),
                position,
                what: What::of_number(kind.into()),
            },
            Hint::Receipt(key, conversation, id, position, is_read) => Self::Receipt {
                app: app(key),
                conversation: ConversationId::new(conversation),
                user: user(id),
                position,
                status: if is_read == 1 { Status::Read } else { Status::Delivered },
            },
            Hint::Membership(key, conversation, id) => {
                Self::Membership { app: app(key), conversation: ConversationId::new(conversation), user: user(id) }
            }
            Hint::Identity(key, id) => Self::Identity { app: app(key), user: user(id) },
            Hint::BlockList(key, id) => Self::BlockList { app: app(key), user: user(id) },
            Hint::Following(key, id) => Self::Following { app: app(key), user: user(id) },
            Hint::Announcement(key, id, of, kind) => Self::Announcement {
                app: app(key),
                id: AnnouncementId::new(id),
                user: of.map(user),
                what: What::of_number(kind.into()),
            },
            Hint::Suspension(key, id) => Self::Suspension { app: app(key), user: user(id) },
            Hint::UnreadCount(key, id) => Self::UnreadCount { app: app(key), user: user(id) },
            Hint::SessionEnded(key, id) => Self::SessionEnded { app: app(key), user: user(id) },
            Hint::App(id) => Self::App(AppId::new(id)),
            Hint::Webhook(key) => Self::Webhook(WebhookKey::from_number(key)),
            Hint::Deliveries => Self::Deliveries,
            Hint::ScheduledMessages => Self::ScheduledMessages,
            Hint::Exports => Self::Exports,
            Hint::UnusedFiles => Self::UnusedFiles,
            Hint::Log => Self::Log,
            Hint::Replaced => Self::Replaced,
            Hint::Unknown => Self::Unknown,
        }
    }
}
