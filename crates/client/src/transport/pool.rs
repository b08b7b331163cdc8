//! An agent: the connections that one or more clients share, with their limits, as `https.Agent` has them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustls_pki_types::ServerName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant};

use super::connection::{Connection, Security, Target};
use super::proxy::Route;
use super::tls::Tls;
use crate::base_url::BaseUrl;
use crate::options::{AgentOptions, InvalidOption};

/// Connections shared by clients.
pub struct Agent {
    options: Arc<AgentOptions>,
    tls: Arc<Tls>,
    total: Option<Arc<Total>>,
    origins: Mutex<HashMap<Key, Arc<Origin>>>,
}

/// What tells origins apart: TLS or not, host and port of the URL, proxy.
type Key = (bool, String, u16, Option<String>);

impl Agent {
    /// Makes an agent; connects to nothing yet.
    ///
    /// Errors: certificates or keys that cannot be read.
    pub fn new(options: AgentOptions) -> Result<Self, InvalidOption> {
        let tls = Arc::new(Tls::new(&options.tls, options.asker.clone())?);
        let total = options.max_total_sockets.map(|limit| Arc::new(Total::new(limit)));
        Ok(Self { options: Arc::new(options), tls, total, origins: Mutex::default() })
    }

    /// Whether requests ask for their connection to stay open: for later requests, or for those that wait for a turn.
    pub fn keeps_alive(&self) -> bool {
        self.options.keep_alive || self.options.max_sockets.is_some()
    }

    /// Closes all idle connections. Those in use are not touched, and later requests open new ones.
    pub fn close_idle(&self) {
        for origin in lock(&self.origins).values() {
            origin.close_idle();
        }
    }

    /// The connections to the origin of `url`, through `proxy` where there is one; for one more client, which then
    /// calls `leave` once.
    ///
    /// Errors: a host that cannot stand in a certificate; a proxy that is no URL, or that an option cannot go with.
    pub fn origin(&self, url: &BaseUrl, proxy: Option<&str>) -> Result<Arc<Origin>, InvalidOption> {
        let options = &self.options;
        let key = (url.is_secure, url.host.clone(), url.port, proxy.map(str::to_owned));
        let mut origins = lock(&self.origins);
        if let Some(origin) = origins.get(&key) {
            origin.enter();
            return Ok(Arc::clone(origin));
        }
        let tls = if url.is_secure {
            let name = options.tls.servername.clone().filter(|name| !name.is_empty());
            let host = name.unwrap_or_else(|| url.host.clone());
            let name =
                ServerName::try_from(host.clone()).map_err(|error| InvalidOption::of_agent("servername", error))?;
            Some(Security { tls: Arc::clone(&self.tls), name, host })
        } else {
            None
        };
        let proxy = match proxy {
            Some(proxy) => Some(Route::new(proxy, url.service(), self.tls.config(), options)?),
            None => None,
        };
        let origin = Arc::new(Origin {
            target: Target {
                host: options.host.clone().unwrap_or_else(|| url.host.clone()),
                port: options.port.unwrap_or(url.port),
                tls,
                options: Arc::clone(options),
            },
            proxy,
            slots: options.max_sockets.map(|limit| Arc::new(Semaphore::new(limit))),
            total: self.total.clone(),
            clients: AtomicUsize::new(1),
            is_shut: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
        });
        if let Some(total) = &self.total {
            lock(&total.origins).push(Arc::downgrade(&origin));
        }
        origins.insert(key, Arc::clone(&origin));
        Ok(origin)
    }
}

/// The limit of an agent's connections to all origins together.
struct Total {
    slots: Arc<Semaphore>,
    origins: Mutex<Vec<Weak<Origin>>>,
}

impl Total {
    fn new(limit: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(limit)), origins: Mutex::default() }
    }

    /// Closes idle connections until there is room for one more beside those in use.
    fn make_room(&self) {
        let origins: Vec<Arc<Origin>> = lock(&self.origins).iter().filter_map(Weak::upgrade).collect();
        let mut excess = origins
            .iter()
            .map(|origin| lock(&origin.idle).connections.len())
            .sum::<usize>()
            .saturating_sub(self.slots.available_permits());
        for origin in origins {
            while excess > 0 && lock(&origin.idle).connections.pop_front().is_some() {
                excess -= 1;
            }
        }
    }
}

/// The connections of one agent to one host and port.
pub struct Origin {
    pub(super) target: Target,
    pub(super) proxy: Option<Route>,
    slots: Option<Arc<Semaphore>>,
    total: Option<Arc<Total>>,
    /// Clients that have not left.
    clients: AtomicUsize,
    /// Whether the last client closed, so that no connection is kept.
    is_shut: AtomicBool,
    /// Requests that wait for a turn.
    waiting: AtomicUsize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// In the order in which they came to rest.
    connections: VecDeque<Resting>,
    /// When the task that closes those that rest too long looks next, and the way to end it.
    reaper: Option<(Instant, AbortHandle)>,
}

/// How long more connections rest than `max_free_sockets`. Replies reach JavaScript many at a time, and only then come
/// the next requests: closed at once, those that they need would be opened anew, handshake and all.
const EXCESS: Duration = Duration::from_millis(100);

/// A connection between two requests.
struct Resting {
    connection: Connection,
    /// When it is to be closed, if not by the server.
    deadline: Option<Instant>,
}

/// Leave to have one connection; ends when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    _slot: Option<OwnedSemaphorePermit>,
    _total: Option<OwnedSemaphorePermit>,
}

/// A request that waits for its turn, until it has one or is given up.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Origin {
    /// Waits for a turn where the number of connections is limited; first come, first served.
    pub(crate) async fn turn(&self) -> Turn {
        if self.slots.is_none() && self.total.is_none() {
            return Turn::default();
        }
        let waits = Waits::new(&self.waiting);
        let slot = match &self.slots {
            Some(slots) => Arc::clone(slots).acquire_owned().await.ok(),
            None => None,
        };
        let total = match &self.total {
            Some(total) => Arc::clone(&total.slots).acquire_owned().await.ok(),
            None => None,
        };
        drop(waits);
        Turn { _slot: slot, _total: total }
    }

    /// Makes room for one more connection where the number of all together is limited.
    pub(crate) fn make_room(&self) {
        if let Some(total) = &self.total {
            total.make_room();
        }
    }

    fn close_idle(&self) {
        lock(&self.idle).connections.clear();
        if let Some(route) = &self.proxy {
            route.close_idle();
        }
    }

    fn enter(&self) {
        self.clients.fetch_add(1, Ordering::Relaxed);
        self.is_shut.store(false, Ordering::Relaxed);
    }

    /// One client less. Where it was closed, and not only forgotten, and was the last one, no connection is kept.
    pub(crate) fn leave(&self, is_closed: bool) {
        let was_last = self.clients.fetch_sub(1, Ordering::Relaxed) == 1;
        if is_closed && was_last {
            self.is_shut.store(true, Ordering::Relaxed);
            self.close_idle();
        }
    }

    /// An idle connection that is still open.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        loop {
            let next =
                if self.target.options.is_fifo { idle.connections.pop_front() } else { idle.connections.pop_back() };
            match next {
                Some(resting) if resting.connection.is_closed() => {}
                other => return other.map(|resting| resting.connection),
            }
        }
    }

    /// Keeps a connection for later, or closes it where the limits say so; the turn ends when it is kept or closed.
    ///
    /// `announced` is how long the server says that it keeps the connection. It is left a second before that, as Node
    /// does, so that no request crosses the close.
    pub(crate) fn give_back(self: &Arc<Self>, connection: Connection, announced: Option<Duration>, turn: Turn) {
        const MARGIN: Duration = Duration::from_secs(1);
        let announced = announced.map(|limit| limit.saturating_sub(MARGIN));
        let is_short = announced.is_some_and(|limit| limit.is_zero());
        let mut idle = lock(&self.idle);
        if !self.target.options.keep_alive {
            // Those that the server closed give room to others. Only here, because it looks at every one.
            idle.connections.retain(|resting| !resting.connection.is_closed());
        }
        // Without `keepAlive`, too, Node hands a connection on to a request that waits for one.
        let is_wanted = self.target.options.keep_alive || self.waiting.load(Ordering::Relaxed) > idle.connections.len();
        let is_wanted = is_wanted && !self.is_shut.load(Ordering::Relaxed);
        if !is_wanted || is_short || connection.is_closed() {
            close(connection, turn);
            return;
        }
        let excess = (idle.connections.len() >= self.target.options.max_free_sockets).then_some(EXCESS);
        let limit = [self.target.options.idle_timeout, announced, excess].into_iter().flatten().min();
        let deadline = limit.map(|limit| Instant::now() + limit);
        idle.connections.push_back(Resting { connection, deadline });
        let Some(deadline) = deadline else { return };
        if let Some((next, reaper)) = &idle.reaper {
            if *next <= deadline {
                return;
            }
            reaper.abort();
        }
        let reaper = tokio::spawn(Arc::clone(self).reap(deadline));
        idle.reaper = Some((deadline, reaper.abort_handle()));
    }

    /// Closes connections as their time comes; ends, and leaves no timer, when none has a time.
    async fn reap(self: Arc<Self>, mut next: Instant) {
        loop {
            tokio::time::sleep_until(next).await;
            let mut idle = lock(&self.idle);
            let now = Instant::now();
            idle.connections.retain(|resting| {
                resting.deadline.is_none_or(|deadline| deadline > now) && !resting.connection.is_closed()
            });
            let deadline = idle.connections.iter().filter_map(|resting| resting.deadline).min();
            let reaper = idle.reaper.take();
            let (Some(deadline), Some((_, reaper))) = (deadline, reaper) else { return };
            idle.reaper = Some((deadline, reaper));
            next = deadline;
        }
    }
}

/// Closes a connection; its turn ends when that is done.
pub(crate) fn close(connection: Connection, turn: Turn) {
    tokio::spawn(async move {
        connection.close().await;
        drop(turn);
    });
}

/// Locks, also after a panic elsewhere: every holder leaves the value whole at each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
