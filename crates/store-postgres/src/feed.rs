//! What was committed, told to the readers of this process and to other processes.
//!
//! A notification in each transaction would have the transactions of all processes commit one after the other, so a
//! connection of its own tells for all of them, some times in a second. What it tells is a hint: one that is lost, with
//! the connection or with the process, makes others look later than they could. Where all processes hear by NATS, that
//! carries the hints ([`super::nats`]).

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use layer_store::changes::{Change, Kinds};
use layer_store::{NatsUrls, OpenError};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use super::connect::{Driven, Server, Unreachable};
use super::jobs::{Job, Queue};
use super::nats::{Nats, News};
use super::told::{Channel, Told};
use super::{claim, migrate};

/// How long changes are gathered before they are told to other processes.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// The same where NATS carries them: many are one message, and none waits for long.
const GATHERED_FOR_NATS: Duration = Duration::from_millis(2);

/// How often it is looked whether another process is gone, since what it told last may be lost, and how long the answer
/// may take: for twice that time, what others did may be unknown here.
const LOOK: Duration = Duration::from_secs(2);

/// How long to wait for who is about to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// How long to wait before the next connection when there is none.
const RECONNECT: Duration = Duration::from_millis(500);

/// Starts the thread that tells and hears, by NATS as well where servers of it are named. It connects and brings the
/// schema up to date before this returns. With writes that end when others may have the database, it holds it alone.
pub fn start(
    server: Arc<Server>,
    told: Arc<Told>,
    nats: Option<NatsUrls>,
    alone: Option<Arc<Queue<Job>>>,
) -> Result<JoinHandle<()>, OpenError> {
    let (ready, is_ready) = sync_channel(1);
    let log = tracing::dispatcher::get_default(Clone::clone);
    let work = move || {
        let _log = tracing::dispatcher::set_default(&log);
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(OpenError::Thread(error)))),
        };
        runtime.block_on(async {
            match begin(&server, nats.as_ref(), alone.is_some()).await {
                Ok((driver, nats)) => {
                    drop(ready.send(Ok(())));
                    let mut teller = Teller { told: &told, process: Uuid::new_v4(), nats, said: None };
                    teller.run(&server, driver, alone.as_deref()).await;
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

async fn begin(server: &Server, nats: Option<&NatsUrls>, alone: bool) -> Result<(Driver, Option<Nats>), OpenError> {
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
    let nats = match nats {
        None => None,
        Some(urls) => {
            let named = driver.client.query_one(DATABASE, &[]).await.and_then(|row| row.try_get::<_, String>(0));
            let refused = |error: tokio_postgres::Error| {
                let why = Unreachable::from(error);
                failed(format!("{why}; for NATS, let this user execute pg_control_system()"))
            };
            Some(Nats::start(urls, &named.map_err(refused)?).await?)
        }
    };
    Ok((driver, nats))
}

/// What the database is called by NATS: the same for all who have it open, however they connect.
const DATABASE: &str = "SELECT format('%s-%s', system_identifier, oid) FROM pg_control_system(), pg_database \
                        WHERE datname = current_database()";

/// How many notifications wait here at most. Beyond that some are missed, which is noticed.
const MAX_WAITING: usize = 1024;

/// A connection with what it hears.
struct Driver {
    client: Client,
    heard: mpsc::Receiver<Notification>,
    has_missed: Arc<AtomicBool>,
}

impl Driver {
    /// Must be called inside a runtime.
    fn start(client: Client, mut connection: Driven) -> Self {
        let (sender, heard) = mpsc::channel(MAX_WAITING);
        let has_missed = Arc::<AtomicBool>::default();
        let missed = Arc::clone(&has_missed);
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                let AsyncMessage::Notification(notification) = message else { continue };
                // It never waits for who takes them: that may wait for an answer, which comes over this connection.
                match sender.try_send(notification) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => missed.store(true, Ordering::Relaxed),
                    Err(TrySendError::Closed(_)) => return,
                }
            }
        });
        Self { client, heard, has_missed }
    }

    /// Listens, and shows as long as the connection lasts that this process is there. `false` when it may not be.
    async fn listen(&self, alone: bool) -> Result<bool, tokio_postgres::Error> {
        let how = if alone { "" } else { "_shared" };
        let (of, what) = (claim::WHOLE, claim::PRESENCE);
        let hold = format!("SELECT pg_try_advisory_lock{how}({of}, {what})");
        let is_held = self.client.query_one(&hold, &[]).await?.try_get(0)?;
        if is_held {
            let listen: String = Channel::ALL.map(|channel| format!("LISTEN {};", channel.in_postgres())).concat();
            self.client.batch_execute(&listen).await?;
        }
        Ok(is_held)
    }
}

/// Tells what was committed here, and hears what others did.
struct Teller<'t> {
    told: &'t Told,
    /// Who tells.
    process: Uuid,
    nats: Option<Nats>,
    /// Whether the log says that NATS is there.
    said: Option<bool>,
}

impl Teller<'_> {
    /// Works until the store is closed.
    async fn run(&mut self, server: &Server, first: Driver, alone: Option<&Queue<Job>>) {
        let mut next = Some(first);
        loop {
            let driver = match next.take() {
                Some(driver) => driver,
                None => match tokio::time::timeout(LOOK, reconnect(server)).await.ok().flatten() {
                    Some(driver) => {
                        // Whatever was told meanwhile is missed.
                        self.miss();
                        driver
                    }
                    None if self.told.is_closed() => return,
                    None => {
                        self.miss();
                        let _ = tokio::time::timeout(RECONNECT, self.told.rung()).await;
                        continue;
                    }
                },
            };
            if self.attend(driver).await {
                return;
            }
            if let Some(writes) = alone {
                // From here on others may have the database.
                return writes.close();
            }
            // From here on nothing is heard: what is remembered of the store is worth nothing.
            self.miss();
        }
    }

    /// Tells the log when NATS comes or goes.
    fn say(&mut self, is_there: bool) {
        let Some(nats) = self.nats.as_ref().filter(|_| self.said != Some(is_there)) else { return };
        self.said = Some(is_there);
        let servers = &nats.servers;
        if is_there {
            tracing::info!(%servers, "NATS tells platforms of each other's changes");
        } else {
            tracing::warn!(%servers, "NATS is not there; PostgreSQL tells platforms of each other's changes");
        }
    }

    /// Says that something may be missed.
    fn miss(&self) {
        self.told.feed.tell(Kinds::ALL, &[Change::Unknown]);
    }

    /// Tells and hears until the connection is gone, or the store is closed: `true`.
    async fn attend(&mut self, mut driver: Driver) -> bool {
        let told = self.told;
        let (mut look, mut processes) = (tokio::time::interval(LOOK), HashSet::new());
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Whether this process hears by NATS and shows it, and whether all do.
        let (mut is_by_nats, mut are_all_by_nats) = (false, false);
        loop {
            tokio::select! {
                _ = look.tick() => {
                    if !self.show(&driver.client, &mut is_by_nats).await {
                        return told.is_closed();
                    }
                    let looked = tokio::time::timeout(LOOK, look_at(&driver.client)).await;
                    let Some(Looked { processes: now, by_nats, bytes }) = looked.ok().flatten() else {
                        return told.is_closed();
                    };
                    are_all_by_nats = now.is_subset(&by_nats);
                    told.looked(bytes, now.len() > 1, is_by_nats && are_all_by_nats);
                    // Until the second look it has its time to connect.
                    if !processes.is_empty() || self.said.is_some() {
                        self.say(is_by_nats);
                    }
                    // What others tell by NATS until they see that this one does not hear it.
                    let is_left_out = !is_by_nats && !by_nats.is_empty();
                    if is_left_out || !processes.is_subset(&now) {
                        self.miss();
                    }
                    processes = now;
                }
                heard = driver.heard.recv() => {
                    let Some(notification) = heard else { return told.is_closed() };
                    if driver.has_missed.swap(false, Ordering::Relaxed) {
                        self.miss();
                    }
                    let channel = Channel::ALL.into_iter().find(|it| it.in_postgres() == notification.channel());
                    if let Some(channel) = channel {
                        told.hear(self.process, channel, notification.payload());
                    }
                }
                news = next_of(&mut self.nats) => match news {
                    News::Heard(channel, text) => told.hear(self.process, channel, &text),
                    News::Unsure => {
                        let is_shown = self.show(&driver.client, &mut is_by_nats).await;
                        self.miss();
                        if !is_shown {
                            return told.is_closed();
                        }
                    }
                },
                () = told.rung() => {
                    let is_closed = told.is_closed();
                    let is_for_nats = is_by_nats && are_all_by_nats;
                    let is_sent = self.send(&driver.client, is_for_nats).await;
                    if is_closed || !is_sent {
                        return is_closed;
                    }
                    // What comes in meanwhile goes with the next one; what others tell is heard after that.
                    if !told.is_closed() {
                        tokio::time::sleep(if is_for_nats { GATHERED_FOR_NATS } else { GATHERED_FOR }).await;
                    }
                }
            }
        }
    }

    /// Shows others that this process hears by NATS, once it does. `false` when that fails, or is over: what was told
    /// last may be lost, which others notice by the end of the connection.
    async fn show(&self, client: &Client, is_shown: &mut bool) -> bool {
        let Some(nats) = &self.nats else { return true };
        let is_heard = nats.is_heard().await;
        if is_heard && !*is_shown {
            let hold = format!("SELECT pg_try_advisory_lock_shared({}, {})", claim::WHOLE, claim::BY_NATS);
            *is_shown = client.query_one(&hold, &[]).await.is_ok();
        }
        is_heard == *is_shown
    }

    /// Tells others what is gathered. `false` when that fails.
    async fn send(&self, client: &Client, by_nats: bool) -> bool {
        let nats = self.nats.as_ref().filter(|_| by_nats);
        for (channel, text) in self.told.take(self.process) {
            let is_told = match nats {
                Some(nats) => nats.tell(channel, text).await,
                None => client.execute("SELECT pg_notify($1, $2)", &[&channel.in_postgres(), &text]).await.is_ok(),
            };
            if !is_told {
                return false;
            }
        }
        // The last words are to be out before the thread ends, and the connection with it.
        match nats {
            Some(nats) if self.told.is_closed() => nats.flush().await,
            _ => true,
        }
    }
}

/// News by NATS; none ever without it.
async fn next_of(nats: &mut Option<Nats>) -> News {
    match nats {
        Some(nats) => nats.next().await,
        None => std::future::pending().await,
    }
}

async fn reconnect(server: &Server) -> Option<Driver> {
    let (client, connection) = server.open().await.ok()?;
    let driver = Driver::start(client, connection);
    driver.listen(false).await.ok()?.then_some(driver)
}

/// What is seen at a look.
struct Looked {
    /// The processes that have the database open.
    processes: HashSet<i32>,
    /// Those of them that hear by NATS.
    by_nats: HashSet<i32>,
    /// How large the database is.
    bytes: u64,
}

/// Looks; `None` when that fails.
async fn look_at(client: &Client) -> Option<Looked> {
    let processes = holders(client, claim::PRESENCE).await?;
    let by_nats = holders(client, claim::BY_NATS).await?;
    let size = client.query_one("SELECT pg_database_size(current_database())", &[]).await.ok()?;
    Some(Looked { processes, by_nats, bytes: size.try_get::<_, i64>(0).ok()?.unsigned_abs() })
}

async fn holders(client: &Client, lock: i64) -> Option<HashSet<i32>> {
    let rows = client.query(claim::PROCESSES, &[&claim::WHOLE, &lock]).await.ok()?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().ok()
}
