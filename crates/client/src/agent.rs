//! An agent: the connections that one or more clients share, with their limits, as `https.Agent` has them.

use crate::base_url::BaseUrl;
use crate::connection::Connection;
use crate::proxy::Route;
use crate::tls;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant};
use tokio_rustls::TlsConnector;

/// Settings of an agent; names and defaults are those of Node's `https.Agent`.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Keep connections for later requests. Default: false, as `new https.Agent()`.
    pub keep_alive: bool,
    /// Connections to one origin at a time; further requests wait their turn. Default: no limit.
    pub max_sockets: Option<usize>,
    /// Idle connections kept for one origin. Default: 256.
    pub max_free_sockets: usize,
    /// How long an idle connection is kept. Default: until the server closes it.
    pub idle_timeout: Option<Duration>,
    /// Reuse the connection that rested longest (`scheduling: 'fifo'`) and not the one that was used last.
    pub is_fifo: bool,
    /// Host to connect to in place of the URL's.
    pub host: Option<String>,
    /// Port to connect to in place of the URL's.
    pub port: Option<u16>,
    /// TLS settings.
    pub tls: TlsOptions,
}

/// TLS settings of an agent; names and defaults are those of Node's `tls.connect`.
#[derive(Clone)]
pub struct TlsOptions {
    /// Trusted certificates in PEM form. Default: Mozilla's list.
    pub ca: Vec<String>,
    /// Client certificate chain in PEM form.
    pub cert: Option<String>,
    /// Private key of `cert` in PEM form, not encrypted.
    pub key: Option<String>,
    /// Refuse servers that cannot prove their name. Default: true.
    pub reject_unauthorized: bool,
    /// Name asked for and checked in place of the URL's host.
    pub servername: Option<String>,
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            keep_alive: false,
            max_sockets: None,
            max_free_sockets: 256,
            idle_timeout: None,
            is_fifo: false,
            host: None,
            port: None,
            tls: TlsOptions::default(),
        }
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self { ca: Vec::new(), cert: None, key: None, reject_unauthorized: true, servername: None }
    }
}

// Certificates are long and the key is a secret.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions").field("servername", &self.servername).finish_non_exhaustive()
    }
}

/// An option about connections that cannot be used; the text names it.
#[derive(Debug)]
pub struct InvalidAgent(String);

impl InvalidAgent {
    pub(crate) fn new(option: &str, reason: impl fmt::Display) -> Self {
        Self(format!("Agent option `{option}` cannot be used: {reason}"))
    }

    /// An option of the constructor that bears on connections.
    pub(crate) fn option(option: &str, reason: impl fmt::Display) -> Self {
        Self(format!("Constructor option `{option}` {reason}"))
    }
}

impl fmt::Display for InvalidAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidAgent {}

/// Connections shared by clients.
pub struct Agent {
    options: AgentOptions,
    tls: Arc<ClientConfig>,
    origins: Mutex<HashMap<Key, Arc<Origin>>>,
}

/// What tells origins apart: TLS or not, host, port, proxy.
type Key = (bool, String, u16, Option<String>);

impl Agent {
    /// Makes an agent; connects to nothing yet.
    ///
    /// Errors: certificates or keys that cannot be read.
    pub fn new(options: AgentOptions) -> Result<Self, InvalidAgent> {
        let tls = Arc::new(tls::client_config(&options.tls)?);
        Ok(Self { options, tls, origins: Mutex::default() })
    }

    /// Whether requests ask for their connection to stay open: for later requests, or for those that wait for a turn.
    pub fn keeps_alive(&self) -> bool {
        self.options.keep_alive || self.options.max_sockets.is_some()
    }

    /// The connections to the origin of `url`, through `proxy` where there is one.
    ///
    /// Errors: a host that cannot stand in a certificate; a proxy that is no URL.
    pub fn origin(&self, url: &BaseUrl, proxy: Option<&str>) -> Result<Arc<Origin>, InvalidAgent> {
        let options = &self.options;
        let host = options.host.clone().unwrap_or_else(|| url.host.clone());
        let port = options.port.unwrap_or(url.port);
        let key = (url.is_secure, host, port, proxy.map(str::to_owned));
        let mut origins = lock(&self.origins);
        if let Some(origin) = origins.get(&key) {
            return Ok(Arc::clone(origin));
        }
        let tls = if url.is_secure {
            let name = options.tls.servername.clone().unwrap_or_else(|| url.host.clone());
            let name = ServerName::try_from(name).map_err(|error| InvalidAgent::new("servername", error))?;
            Some((TlsConnector::from(Arc::clone(&self.tls)), name))
        } else {
            None
        };
        let proxy = match proxy {
            Some(proxy) => Some(Route::new(proxy, url.service(), &self.tls, options.keep_alive)?),
            None => None,
        };
        let origin = Arc::new(Origin {
            host: key.1.clone(),
            port,
            tls,
            proxy,
            keep_alive: options.keep_alive,
            max_free_sockets: options.max_free_sockets,
            idle_timeout: options.idle_timeout,
            is_fifo: options.is_fifo,
            slots: options.max_sockets.map(|limit| Arc::new(Semaphore::new(limit))),
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
        });
        origins.insert(key, Arc::clone(&origin));
        Ok(origin)
    }
}

/// The connections of one agent to one host and port.
pub struct Origin {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Connector and the name to ask for and check; `None` for plain HTTP.
    pub(crate) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(crate) proxy: Option<Route>,
    keep_alive: bool,
    max_free_sockets: usize,
    idle_timeout: Option<Duration>,
    is_fifo: bool,
    slots: Option<Arc<Semaphore>>,
    /// Requests that wait for a turn.
    waiting: AtomicUsize,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// In the order in which they came to rest.
    connections: VecDeque<Resting>,
    /// Whether a task is waiting to close those that rest too long.
    has_reaper: bool,
}

/// A connection between two requests.
struct Resting {
    connection: Connection,
    /// When it is to be closed, if not by the server.
    deadline: Option<Instant>,
}

/// Leave to have one connection; none where there is no limit.
pub(crate) type Turn = Option<OwnedSemaphorePermit>;

impl Origin {
    /// Waits for a turn where the number of connections is limited; first come, first served.
    pub(crate) async fn turn(&self) -> Turn {
        match &self.slots {
            Some(slots) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let turn = Arc::clone(slots).acquire_owned().await.ok();
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                turn
            }
            None => None,
        }
    }

    /// An idle connection that is still open.
    pub(crate) fn take(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        loop {
            let next = if self.is_fifo { idle.connections.pop_front() } else { idle.connections.pop_back() };
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
        if !self.keep_alive || idle.connections.len() >= self.max_free_sockets {
            // Those that the server closed give room to others. Only here, because it looks at every one.
            idle.connections.retain(|resting| !resting.connection.is_closed());
        }
        // Without `keepAlive`, too, Node hands a connection on to a request that waits for one.
        let is_wanted = self.keep_alive || self.waiting.load(Ordering::Relaxed) > idle.connections.len();
        if !is_wanted || is_short || connection.is_closed() || idle.connections.len() >= self.max_free_sockets {
            close(connection, turn);
            return;
        }
        let limit = [self.idle_timeout, announced].into_iter().flatten().min();
        idle.connections.push_back(Resting { connection, deadline: limit.map(|limit| Instant::now() + limit) });
        if limit.is_some() && !idle.has_reaper {
            idle.has_reaper = true;
            tokio::spawn(Arc::clone(self).reap());
        }
    }

    /// Closes connections as their time comes; ends, and leaves no timer, when none has a time.
    async fn reap(self: Arc<Self>) {
        loop {
            let next = {
                let mut idle = lock(&self.idle);
                let now = Instant::now();
                idle.connections.retain(|resting| resting.deadline.is_none_or(|deadline| deadline > now));
                let Some(next) = idle.connections.iter().filter_map(|resting| resting.deadline).min() else {
                    idle.has_reaper = false;
                    return;
                };
                next
            };
            tokio::time::sleep_until(next).await;
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
