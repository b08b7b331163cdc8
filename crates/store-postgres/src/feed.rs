//! What was committed, told to the readers of this process and to other processes.
//!
//! A notification in each transaction would have the transactions of all processes commit one after the other, so a
//! connection of its own tells for all of them, some times in a second. What it tells is a hint: one that is lost, with
//! the connection or with the process, makes others look later than they could.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use layer_store::OpenError;
use layer_store::changes::{Change, Feed, Kinds, What};
use layer_store::key::{AppKey, WebhookKey};
use layer_store::passing::Passing;
use layer_wire::message::Status;
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use super::connect::{Driven, Server, Unreachable};
use super::jobs::{Job, Queue};
use super::passing::{self, Passed};
use super::{claim, migrate};

/// The channel of notifications.
const CHANNEL: &str = "layer";

/// How long changes are gathered before they are told to other processes.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// How many changes are gathered. Beyond that, others hear that they missed some.
const MAX_GATHERED: usize = 1024;

/// How long a notification is at most; the server takes less than 8,000 bytes.
pub const MAX_LENGTH: usize = 7500;

/// How many notifications are told at once. In place of more, others hear that they missed some.
const MAX_AT_ONCE: usize = 16;

/// How often it is looked whether another process is gone, since what it told last may be lost, and how long the answer
/// may take: for twice that time, what others did may be unknown here.
const LOOK: Duration = Duration::from_secs(2);

/// How long to wait for who is about to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// How long to wait before the next connection when there is none.
const RECONNECT: Duration = Duration::from_millis(500);

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

    /// Tells others what is gathered, and ends.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// Locks, also after a panic elsewhere: what is inside is whole at each step.
    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is gathered, as the texts of notifications.
    fn take(&self, process: Uuid) -> Vec<String> {
        let Gathered { changes, has_lagged } = std::mem::take(&mut *self.lock());
        let head = format!("{process} {}", env!("CARGO_PKG_VERSION"));
        let in_texts = |changes: &mut dyn Iterator<Item = &Change>| {
            in_texts(&head, changes.filter_map(|change| serde_json::to_string(&Hint::from(change)).ok()))
        };
        let missed = [Change::Unknown];
        let texts = in_texts(&mut missed.iter().filter(|_| has_lagged).chain(&changes));
        if texts.len() > MAX_AT_ONCE { in_texts(&mut missed.iter()) } else { texts }
    }
}

/// Lines as the texts of as few notifications as hold them, each with this line at its head.
pub fn in_texts(head: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = vec![];
    for line in lines {
        match texts.last_mut() {
            Some(text) if text.len() + line.len() < MAX_LENGTH => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(format!("{head}\n{line}")),
        }
    }
    texts
}

/// Starts the thread that tells and hears. It connects and brings the schema up to date before this returns. With
/// writes that end when others may have the database, it holds it alone.
pub fn start(
    server: Arc<Server>,
    told: Arc<Told>,
    alone: Option<Arc<Queue<Job>>>,
) -> Result<JoinHandle<()>, OpenError> {
    let (ready, is_ready) = sync_channel(1);
    let work = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(OpenError::Thread(error)))),
        };
        runtime.block_on(async {
            match begin(&server, alone.is_some()).await {
                Ok(driver) => {
                    drop(ready.send(Ok(())));
                    run(&server, &told, Uuid::new_v4(), driver, alone.as_deref()).await;
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
    };
    let thread = std::thread::Builder::new().name("layer-feed".into()).spawn(work).map_err(OpenError::Thread)?;
    let lost = || OpenError::Thread(std::io::Error::other("it ended at once"));
    is_ready.recv().unwrap_or_else(|_| Err(lost()))?;
    Ok(thread)
}

async fn begin(server: &Server, alone: bool) -> Result<Driver, OpenError> {
    let failed = |reason| OpenError::Database { database: server.name().to_owned(), reason };
    let unreachable = |error: Unreachable| failed(format!("{error}; check that the server runs and lets this user in"));
    let (client, connection) = server.open().await.map_err(unreachable)?;
    let driver = Driver::start(client, connection);
    migrate::run(server, &driver.client).await?;
    let until = Instant::now() + LEAVE;
    while !driver.listen(alone).await.map_err(|error| unreachable(error.into()))? {
        if Instant::now() > until {
            let reason = if alone {
                "it is in use by a platform or another command; stop that one first"
            } else {
                "a copy or an import has it for itself; wait until that is done"
            };
            return Err(failed(reason.into()));
        }
        tokio::time::sleep(GATHERED_FOR).await;
    }
    Ok(driver)
}

/// A connection with what it hears.
struct Driver {
    client: Client,
    heard: mpsc::Receiver<Notification>,
}

impl Driver {
    /// Must be called inside a runtime.
    fn start(client: Client, mut connection: Driven) -> Self {
        let (sender, heard) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message
                    && sender.send(notification).await.is_err()
                {
                    return;
                }
            }
        });
        Self { client, heard }
    }

    /// Listens, and shows as long as the connection lasts that this process is there. `false` when it may not be.
    async fn listen(&self, alone: bool) -> Result<bool, tokio_postgres::Error> {
        let how = if alone { "" } else { "_shared" };
        let (of, what) = (claim::WHOLE, claim::PRESENCE);
        let hold = format!("SELECT pg_try_advisory_lock{how}({of}, {what})");
        let is_held = self.client.query_one(&hold, &[]).await?.try_get(0)?;
        if is_held {
            self.client.batch_execute(&format!("LISTEN {CHANNEL}; LISTEN {}", passing::CHANNEL)).await?;
        }
        Ok(is_held)
    }
}

async fn run(server: &Server, told: &Told, process: Uuid, first: Driver, alone: Option<&Queue<Job>>) {
    let mut next = Some(first);
    loop {
        let driver = match next.take() {
            Some(driver) => driver,
            None => match tokio::time::timeout(LOOK, reconnect(server)).await.ok().flatten() {
                Some(driver) => {
                    // Whatever was told meanwhile is missed.
                    told.feed.tell(Kinds::ALL, &[Change::Unknown]);
                    driver
                }
                None if told.is_closed.load(Ordering::SeqCst) => return,
                None => {
                    told.feed.tell(Kinds::ALL, &[Change::Unknown]);
                    let _ = tokio::time::timeout(RECONNECT, told.bell.notified()).await;
                    continue;
                }
            },
        };
        if attend(told, process, driver).await {
            return;
        }
        if let Some(writes) = alone {
            // From here on others may have the database.
            return writes.close();
        }
        // From here on nothing is heard: what is remembered of the store is worth nothing.
        told.feed.tell(Kinds::ALL, &[Change::Unknown]);
    }
}

async fn reconnect(server: &Server) -> Option<Driver> {
    let (client, connection) = server.open().await.ok()?;
    let driver = Driver::start(client, connection);
    driver.listen(false).await.ok()?.then_some(driver)
}

/// Tells and hears until the connection is gone, or the store is closed: `true`.
async fn attend(told: &Told, process: Uuid, mut driver: Driver) -> bool {
    let (mut look, mut processes) = (tokio::time::interval(LOOK), HashSet::new());
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = look.tick() => {
                let looked = tokio::time::timeout(LOOK, look_at(&driver.client)).await;
                let Some((now, bytes)) = looked.ok().flatten() else {
                    return told.is_closed.load(Ordering::SeqCst);
                };
                told.database_bytes.store(bytes, Ordering::Relaxed);
                told.is_shared.store(now.len() > 1, Ordering::Relaxed);
                if !processes.is_subset(&now) {
                    told.feed.tell(Kinds::ALL, &[Change::Unknown]);
                }
                processes = now;
            }
            heard = driver.heard.recv() => match heard {
                None => return told.is_closed.load(Ordering::SeqCst),
                Some(notification) if notification.channel() == passing::CHANNEL => {
                    told.passed.hear(process, notification.payload());
                }
                Some(notification) => hear(told, process, notification.payload()),
            },
            () = told.bell.notified() => {
                let is_closed = told.is_closed.load(Ordering::SeqCst);
                let is_sent = send(told, process, &driver.client).await;
                if is_closed || !is_sent {
                    return is_closed;
                }
                // What comes in meanwhile goes with the next one; what others tell is heard after that.
                if !told.is_closed.load(Ordering::SeqCst) {
                    tokio::time::sleep(GATHERED_FOR).await;
                }
            }
        }
    }
}

/// The processes that have the database open, and how large it is in bytes; `None` when that cannot be told.
async fn look_at(client: &Client) -> Option<(HashSet<i32>, u64)> {
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&claim::WHOLE, &claim::PRESENCE];
    let processes = client.query(claim::PROCESSES, &parameters).await.ok()?;
    let processes = processes.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().ok()?;
    let size = client.query_one("SELECT pg_database_size(current_database())", &[]).await.ok()?;
    Some((processes, size.try_get::<_, i64>(0).ok()?.unsigned_abs()))
}

/// Tells others what is gathered. `false` when that fails.
async fn send(told: &Told, process: Uuid, client: &Client) -> bool {
    let texts = told.take(process).into_iter().map(|text| (CHANNEL, text));
    let passing = told.passed.take(process).into_iter().map(|text| (passing::CHANNEL, text));
    for (channel, text) in texts.chain(passing) {
        if client.execute("SELECT pg_notify($1, $2)", &[&channel, &text]).await.is_err() {
            return false;
        }
    }
    true
}

fn hear(told: &Told, process: Uuid, text: &str) {
    let mut lines = text.lines();
    let sender = lines.next().unwrap_or_default();
    if sender.split(' ').next() == Some(&process.to_string()) {
        return;
    }
    let changes: Vec<Change> = lines
        // What a later version tells and this one does not know may be anything.
        .map(|line| serde_json::from_str::<Hint>(line).map_or(Change::Unknown, Into::into))
        .collect();
    told.feed.tell(Kinds::ALL, &changes);
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

fn number(what: What) -> u8 {
    match what {
        What::Created => 0,
        What::Changed => 1,
        What::Deleted => 2,
    }
}

fn what(number: u8) -> What {
    match number {
        0 => What::Created,
        1 => What::Changed,
        _ => What::Deleted,
    }
}

impl From<&Change> for Hint {
    fn from(change: &Change) -> Self {
        let text = |user: &UserId| user.as_str().to_owned();
        match change {
            Change::Conversation { app, id, what } => Self::Conversation(app.number(), id.uuid(), number(*what)),
            Change::Message { app, conversation, id, position, what } => {
                Self::Message(app.number(), conversation.uuid(), id.uuid(), *position, number(*what))
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
                Self::Announcement(app.number(), id.uuid(), user.as_ref().map(text), number(*what))
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
                Self::Conversation { app: app(key), id: ConversationId::new(id), what: what(kind) }
            }
            Hint::Message(key, conversation, id, position, kind) => Self::Message {
                app: app(key),
                conversation: ConversationId::new(conversation),
                id: MessageId::new(id),
                position,
                what: what(kind),
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
            Hint::Announcement(key, id, of, kind) => {
                Self::Announcement { app: app(key), id: AnnouncementId::new(id), user: of.map(user), what: what(kind) }
            }
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
