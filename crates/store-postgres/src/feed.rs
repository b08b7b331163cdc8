//! What was committed, told to the readers of this process and to other processes.
//!
//! A notification in each transaction would have the transactions of all processes commit one after the other, so a
//! connection of its own tells for all of them, some times in a second. What it tells is a hint: one that is lost, with
//! the connection or with the process, makes others look later than they could.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use layer_store::OpenError;
use layer_store::changes::{Change, Kinds};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use super::connect::{Driven, Server, Unreachable};
use super::jobs::{Job, Queue};
use super::told::Told;
use super::{claim, migrate, passing};

/// The channel of notifications.
const CHANNEL: &str = "layer";

/// How long changes are gathered before they are told to other processes.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// How often it is looked whether another process is gone, since what it told last may be lost, and how long the answer
/// may take: for twice that time, what others did may be unknown here.
const LOOK: Duration = Duration::from_secs(2);

/// How long to wait for who is about to leave.
const LEAVE: Duration = Duration::from_secs(5);

/// How long to wait before the next connection when there is none.
const RECONNECT: Duration = Duration::from_millis(500);

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
                None if told.is_closed() => return,
                None => {
                    told.feed.tell(Kinds::ALL, &[Change::Unknown]);
                    let _ = tokio::time::timeout(RECONNECT, told.rung()).await;
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
                    return told.is_closed();
                };
                told.looked(bytes, now.len() > 1);
                if !processes.is_subset(&now) {
                    told.feed.tell(Kinds::ALL, &[Change::Unknown]);
                }
                processes = now;
            }
            heard = driver.heard.recv() => match heard {
                None => return told.is_closed(),
                Some(notification) if notification.channel() == passing::CHANNEL => {
                    told.passed.hear(process, notification.payload());
                }
                Some(notification) => told.hear(process, notification.payload()),
            },
            () = told.rung() => {
                let is_closed = told.is_closed();
                let is_sent = send(told, process, &driver.client).await;
                if is_closed || !is_sent {
                    return is_closed;
                }
                // What comes in meanwhile goes with the next one; what others tell is heard after that.
                if !told.is_closed() {
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
