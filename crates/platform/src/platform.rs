//! The handle on a running platform.

use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::{from_fn, from_fn_with_state};
use http::{Method, Request};
use layer_store::clock::machine_time;
use layer_store::token::Token;
use layer_store::{OpenError, Store, StoreError};
use layer_wire::AppId;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::config::Config;
use crate::ground::clock::Clock;
use crate::ground::engine;
use crate::ground::ids::{IdSource, Ids};
use crate::ground::log::Log;
use crate::ground::memory::Memory;
use crate::ground::task;
use crate::http::live::{Hub, Limits};
use crate::http::observe::Observer;
use crate::http::tls::{Certificate, TlsError};
use crate::http::{cors, router, server, tls};
use crate::outbound::Outbound;
use crate::outbound::spans::{self, Exporter};
use crate::service::app::NewApp;
use crate::service::delivery::Attempt;
use crate::service::failure::Failure;
use crate::service::{Core, Services};
use crate::tools::backups::Backups;
use crate::tools::charts::{self, Charts};
use crate::tools::metrics::{self, Metrics};
use crate::tools::state::{Admin, Watchers};
use crate::tools::{self, Tools, admin, console, health};
use crate::work;

/// A running platform. It owns its threads, its listener and its database; dropping it stops it like
/// [`Platform::close`].
pub struct Platform {
    url: String,
    services: Arc<Services>,
    store: Arc<dyn Store>,
    admin: Router,
    console: Option<Console>,
    log: Log,
    running: Mutex<Option<Running>>,
}

struct Running {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    /// How long requests under way may take to finish.
    drain: Duration,
    /// Hears when the last connection is closed.
    stopped: mpsc::Receiver<()>,
}

/// The console of a platform.
#[derive(Debug, Clone)]
pub struct Console {
    /// Its address.
    pub url: String,
    /// The admin token, which it asks for.
    pub token: Token,
    /// Whether the platform made the token, because there was none.
    pub is_token_new: bool,
}

/// An answer of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, mostly JSON.
    pub body: Vec<u8>,
}

/// Why a platform does not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The store failed, or the platform is closed.
    Store(StoreError),
    /// The platform is closed, but its database could not be put in order for that.
    Checkpoint(StoreError),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(formatter),
            Self::Checkpoint(error) => {
                let reason = match error {
                    StoreError::Unavailable(reason) | StoreError::Failed(reason) => reason.clone(),
                    other => other.to_string(),
                };
                write!(
                    formatter,
                    "stopped; the last checkpoint could not be written: {reason}. Nothing that was acknowledged is lost"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let (Self::Store(error) | Self::Checkpoint(error)) = self;
        Some(error)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a platform cannot be started. The texts begin with the field of [`Config`] and say how to mend it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    Data(OpenError),
    /// The database was opened, but cannot be read.
    Store(StoreError),
    /// Rich content cannot be kept where it should be.
    Files(String),
    /// Other machines would reach it, and it has no certificate.
    PlainHttp(IpAddr),
    /// The certificate cannot be used.
    Certificate(String),
    /// The private key cannot be used.
    Key(String),
    /// The certificates of the authorities for webhooks cannot be used.
    WebhookCa(String),
    /// The public URL is not one.
    PublicUrl(String),
    /// The program was built without the console.
    Console,
    /// The address of the collector of spans cannot be used.
    OtlpEndpoint(String),
    /// Metrics are to be open to everyone on an address that others reach.
    OpenMetrics,
    /// The system refuses threads.
    Threads(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, source } => write_listen_error(formatter, *address, source),
            Self::Data(error) => error.fmt(formatter),
            Self::Store(error) => write!(formatter, "data: {error}"),
            Self::Files(reason) => write!(formatter, "files: {reason}"),
            Self::PlainHttp(host) => write!(
                formatter,
                "host: other machines reach {host}, and without a certificate all that they send goes over the network as \
                 it is, tokens included; give a certificate (options `cert` and `key`, --tls-cert and --tls-key), or \
                 where a proxy in front of the platform has one, allow it (option `allowPlainHttp`, --allow-plain-http)"
            ),
            Self::Certificate(reason) => {
                write!(
                    formatter,
                    "tls: the certificate cannot be used: {reason}; give a PEM certificate and its own key"
                )
            }
            Self::Key(reason) => {
                write!(formatter, "tls: the key cannot be used: {reason}; give a PEM private key without a passphrase")
            }
            Self::WebhookCa(reason) => {
                write!(formatter, "webhooks: the ca cannot be used: {reason}; give certificates in PEM form")
            }
            Self::PublicUrl(url) => write!(
                formatter,
                "public_url: '{url}' is no base URL; give scheme and host, such as https://chat.example.com"
            ),
            Self::Console => formatter.write_str(
                "console: this program was built without it; build it with `npm run build`, or leave the option out",
            ),
            Self::OtlpEndpoint(reason) => {
                write!(
                    formatter,
                    "otlp_endpoint: {reason}; give the URL of the collector, such as http://127.0.0.1:4318"
                )
            }
            Self::OpenMetrics => formatter.write_str(
                "open_metrics: metrics are open on a loopback address only; leave the option out and let who asks for \
                 them bring the admin token, or listen on 127.0.0.1",
            ),
            Self::Threads(source) => write!(formatter, "cannot start the threads of the server: {source}"),
        }
    }
}

fn write_listen_error(formatter: &mut fmt::Formatter<'_>, address: SocketAddr, source: &std::io::Error) -> fmt::Result {
    let port = address.port();
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            write!(formatter, "port: {port} is in use on {}; choose another one, or 0 for any free port", address.ip())
        }
        std::io::ErrorKind::PermissionDenied => {
            write!(formatter, "port: no permission to listen on {port}; choose one from 1024 up")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            write!(formatter, "host: {} is no address of this machine; use 127.0.0.1 or 0.0.0.0", address.ip())
        }
        _ => write!(formatter, "host, port: cannot listen on {address}: {source}"),
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Threads(source) => Some(source),
            Self::Data(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<TlsError> for StartError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Certificate(reason) => Self::Certificate(reason),
            TlsError::Key(reason) => Self::Key(reason),
        }
    }
}

impl Platform {
    /// Starts a platform and returns once it listens.
    ///
    /// Blocks for the time it takes to open the database, some milliseconds. May be called on any thread, also on one
    /// of an async runtime.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_on(config, |store| store)
    }

    /// The same, with something in front of the store.
    #[expect(clippy::too_many_lines, reason = "it puts together what there is, one after the other")]
    fn start_on(config: Config, in_front: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Result<Self, StartError> {
        let Checked { acceptor, public_url, outbound, exporter } = Checked::of(&config)?;
        let (acceptor, certificate) = acceptor.unzip();
        let (exporter, spans) = exporter.unzip();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let (listener, address) = listen(SocketAddr::new(config.host, config.port))?;
        let url = format!("{scheme}://{}", reachable(address));
        let clock = Clock::default();
        if config.frozen_at.is_some() {
            clock.freeze(config.frozen_at);
        }
        let now = clock.clone();
        let log = Log::new(config.log);
        let open = || engine::open(&config.data, Arc::new(move || now.now()), config.nats.clone());
        let store = log.within(open).map_err(StartError::Data)?;
        if config.ids != IdSource::Random || config.frozen_at.is_some() {
            store.check_alone().map_err(StartError::Store)?;
        }
        let store = in_front(store);
        let memory = Memory::default();
        let blobs = engine::open_blobs(config.files, &config.data, &memory).map_err(StartError::Files)?;
        let core = Core::new(
            Arc::clone(&store),
            (blobs, memory),
            clock.clone(),
            Ids::new(config.ids),
            public_url.unwrap_or_else(|| url.clone()),
        );
        let core = core.map_err(StartError::Store)?;
        let services =
            Services::new(core, config.webhooks, config.sockets, config.rate_limit, config.unlimited_exports);
        let services = Arc::new(services);
        services.contents.rename_files().map_err(StartError::Store)?;

        let adopted = log.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .on_thread_start(move || adopted.adopt_thread())
            .thread_name("layer-platform")
            .build()
            .map_err(StartError::Threads)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(|source| StartError::Listen { address, source })?
        };
        let (stop, is_stopping) = watch::channel(false);
        let limits = Limits { per_user: config.sockets.per_user, per_app: config.sockets.per_app };
        let hub = Arc::new(Hub::new(limits));
        let (has_stopped, stopped) = mpsc::channel();
        let tools = Arc::new(Tools::new(config.recorded_requests, config.ids, clock));
        let (charts, api) = (Arc::<Charts>::default(), router::server_api(&services));
        let admin = Admin {
            services: Arc::clone(&services),
            tools: Arc::clone(&tools),
            charts: Arc::clone(&charts),
            hub: Arc::clone(&hub),
            api: api.clone(),
            backups: Arc::new(Backups::of(&config.data)),
            watchers: Arc::new(Watchers::new(is_stopping.clone())),
        };
        let mut router =
            router::build(Arc::clone(&services), Arc::clone(&hub), api).layer(from_fn_with_state(tools, tools::attend));
        // Outside of all that, so that a page can read what a fault answers, too.
        router = router.layer(from_fn(cors::allow));
        router = router.merge(health::router(Arc::clone(&services), is_stopping.clone()));
        let observer = Observer::new(config.max_connections, spans);
        let is_token_new = config.console && config.admin_token.is_none();
        // Not one of the ids, which a seed would tell.
        let admin_token = config.admin_token.or_else(|| is_token_new.then(Ids::system_token));
        let mut looks = None;
        if let Some(token) = &admin_token {
            router = router.layer(from_fn_with_state(Arc::clone(&charts), charts::attend));
            router = router.merge(admin::guarded_router(admin.clone(), token));
            looks = Some(charts::follow_store(charts, Arc::clone(&services), is_stopping.clone()));
        }
        if config.open_metrics || admin_token.is_some() {
            router = router.merge(metrics::router(Metrics {
                services: Arc::clone(&services),
                hub: Arc::clone(&hub),
                observer: Arc::clone(&observer),
                started_at: machine_time(),
                token: admin_token.as_ref().filter(|_| !config.open_metrics).map(Token::hash),
            }));
        }
        if config.console {
            router = router.merge(console::router());
        }
        let console = admin_token.filter(|_| config.console).map(|token| Console {
            url: format!("{url}/console"),
            token,
            is_token_new,
        });
        let (last_answered, is_last_answered) = watch::channel(false);
        let mut workers = {
            let _inside = runtime.enter();
            let mut workers = work::start(&services, outbound, &is_stopping);
            let (services, is_told) = (Arc::clone(&services), is_stopping.clone());
            let start = move || task::boxed(Arc::clone(&hub).run(Arc::clone(&services), is_told.clone()));
            workers.spawn(task::boxed(work::supervise("sockets", is_stopping.clone(), Box::new(start))));
            if let Some(looks) = looks {
                workers.spawn(task::boxed(looks));
            }
            if let Some(exporter) = exporter {
                workers.spawn(task::boxed(exporter.run(is_last_answered)));
            }
            if let (Some(certificate), Some(tls)) = (certificate, config.tls)
                && let Some(files) = tls.files.clone()
            {
                workers.spawn(task::boxed(tls::follow(certificate, files, tls, is_stopping.clone())));
            }
            workers
        };
        let drain = config.drain;
        let service = server::Service { tls: acceptor, router, memory: services.core.memory().clone(), observer };
        runtime.spawn(task::boxed(async move {
            server::serve(listener, service, drain, is_stopping).await;
            let _ = last_answered.send(true);
            while workers.join_next().await.is_some() {}
            // Nobody waits when the platform was dropped in a hurry.
            let _ = has_stopped.send(());
        }));
        let running = Mutex::new(Some(Running { runtime, stop, drain, stopped }));
        log.within(|| {
            let data = config.data.to_string();
            tracing::info!(version = env!("CARGO_PKG_VERSION"), url, data, "the platform listens");
        });
        Ok(Self { url, services, store, admin: admin::router(admin), console, log, running })
    }

    /// The address it listens on: `http://127.0.0.1:49152`, or `https://…` with a certificate. No slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the sockets of the Client API: that of [`Self::url`], or the public one where that is set, with
    /// `ws` in place of `http`. No slash at the end.
    pub fn websocket_url(&self) -> String {
        // Both begin with `http`, which was checked.
        self.services.core.public_url().replacen("http", "ws", 1)
    }

    /// The console, if it is on.
    pub fn console(&self) -> Option<&Console> {
        self.console.as_ref()
    }

    /// Its clock, to be stopped and moved by tests: timestamps, schedules and retries follow it.
    pub fn clock(&self) -> &Clock {
        self.services.core.clock()
    }

    /// Creates an app with a token. Blocks until it is stored.
    ///
    /// Error: the store failed, or the platform is closed.
    pub fn create_app(&self) -> Result<NewApp, Error> {
        self.services.apps.create(None).map_err(|failure| match failure {
            Failure::Store(error) => error.into(),
            // It has no name that could be refused.
            Failure::Api(error) => StoreError::Failed(error.message().to_owned()).into(),
        })
    }

    /// The same where there is no app yet, so that a platform that is started again goes on with those that it has.
    pub fn create_first_app(&self) -> Result<Option<NewApp>, Error> {
        if self.services.apps.is_there_any()? { Ok(None) } else { self.create_app().map(Some) }
    }

    /// Calls the admin API in-process, as its operator: `path` begins with `/_platform`. Blocks until it is answered.
    ///
    /// Error: the platform is closed, or the path cannot be one.
    pub fn call_admin(&self, method: Method, path: &str, body: Vec<u8>) -> Result<AdminAnswer, Error> {
        let runtime = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let running = running.as_ref().ok_or(StoreError::Closed)?;
            running.runtime.handle().clone()
        };
        let request = Request::builder().method(method).uri(path).body(Body::from(body));
        let request = request.map_err(|error| StoreError::Failed(format!("the path cannot be called: {error}")))?;
        let mut router = self.admin.clone();
        // A task of the platform, so that it does not matter which kind of thread waits here.
        let (sender, receiver) = mpsc::sync_channel(1);
        runtime.spawn(task::boxed(async move {
            let response = router.call(request).await.unwrap_or_else(|never: Infallible| match never {});
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
            let _ = sender.send(AdminAnswer { status, body: body.into() });
        }));
        Ok(receiver.recv().map_err(|_| StoreError::Closed)?)
    }

    /// The latest attempts to deliver events of an app to its webhooks, oldest first. The last 1000 of all apps are
    /// remembered, in memory.
    pub fn deliveries(&self, app: AppId) -> Vec<Attempt> {
        let mut attempts = self.services.deliveries.latest();
        attempts.retain(|attempt| attempt.app == app);
        attempts
    }

    /// Stops the platform: accepts no more connections, lets requests under way finish for the time to drain, writes
    /// what is left and closes the file. Blocks meanwhile. Calling it again does nothing.
    ///
    /// Error: the database could not be flushed. What was answered is safe even then; the next start puts the file in
    /// order.
    pub fn close(&self) -> Result<(), Error> {
        // Held to the end, so that a second call returns only when the first one is through.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let was_running = running.is_some();
        if let Some(Running { runtime, stop, drain, stopped }) = running.take() {
            self.log.within(|| tracing::info!(url = self.url, "the platform stops"));
            // The server is gone already if nobody hears this.
            let _ = stop.send(true);
            let _ = stopped.recv_timeout(drain + Duration::from_secs(1));
            runtime.shutdown_background();
        }
        let closed = self.store.close();
        self.services.core.blobs().close();
        if was_running && closed.is_ok() {
            self.log.within(|| tracing::info!(url = self.url, "the platform has stopped"));
        }
        closed.map_err(Error::Checkpoint)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Platform").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What can be made of a config before anything is opened.
struct Checked {
    acceptor: Option<(TlsAcceptor, Arc<Certificate>)>,
    public_url: Option<String>,
    outbound: Outbound,
    exporter: Option<(Exporter, spans::Sender)>,
}

impl Checked {
    fn of(config: &Config) -> Result<Self, StartError> {
        if config.console && !console::is_built() {
            return Err(StartError::Console);
        }
        if config.tls.is_none() && !config.allow_plain_http && !config.host.to_canonical().is_loopback() {
            return Err(StartError::PlainHttp(config.host));
        }
        engine::check(&config.data).map_err(StartError::Data)?;
        if config.open_metrics && !config.host.is_loopback() {
            return Err(StartError::OpenMetrics);
        }
        Ok(Self {
            acceptor: config.tls.as_ref().map(tls::acceptor).transpose()?,
            public_url: config.public_url.clone().map(checked_public_url).transpose()?,
            outbound: Outbound::new(&config.webhooks).map_err(StartError::WebhookCa)?,
            exporter: config
                .otlp_endpoint
                .as_deref()
                .map(Exporter::new)
                .transpose()
                .map_err(StartError::OtlpEndpoint)?,
        })
    }
}

/// Whether a platform can start with a config, as far as that can be known before anything is opened.
pub fn check(config: &Config) -> Result<(), StartError> {
    Checked::of(config).map(drop)
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bind().map_err(|source| StartError::Listen { address, source })
}

/// An address that clients on this machine can use: 0.0.0.0 stands for all addresses and is none itself.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// Scheme, host and perhaps a path; slashes at the end are dropped.
fn checked_public_url(url: String) -> Result<String, StartError> {
    let trimmed = url.trim_end_matches('/');
    let is_base = trimmed.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
    });
    if is_base && !trimmed.contains('#') { Ok(trimmed.to_owned()) } else { Err(StartError::PublicUrl(url)) }
}

#[cfg(test)]
mod tests;
