//! What a platform is started with.

pub mod args;
mod file;
pub mod setting;
pub mod settings;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use layer_store::token::Token;
use layer_store::{DataLocation, NatsUrls};
use layer_wire::Timestamp;

use crate::ground::blobs::FilesLocation;
use crate::ground::ids::IdSource;
pub use crate::ground::log::{LogFormat, LogOptions};
pub use crate::ground::rate::RateLimit;

/// How many connections there may be when nothing is said: with them, and the worst requests, the platform stays below
/// 256 MiB.
pub const DEFAULT_MAX_CONNECTIONS: usize = 1000;

/// The most connections that can be asked for.
pub const MAX_CONNECTIONS: usize = 1_000_000;

/// The highest rate of requests of a token that can be asked for.
pub const MAX_RATE: u32 = 1_000_000;

/// The longest time to finish that can be asked for. Unit: seconds.
pub const MAX_DRAIN_SECONDS: u64 = 3600;

/// The most requests that can be recorded.
pub const MAX_RECORDED_REQUESTS: usize = 100_000;

/// The most days that can be asked for: a hundred years.
pub const MAX_REPLAY_DAYS: u64 = 36_500;

/// How long a receiver of webhooks may take to answer a challenge (assumed; the contract names no time).
pub const VERIFICATION_TIMEOUT: Duration = Duration::from_secs(5);

/// How to start a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting by itself")]
pub struct Config {
    /// The address to listen on. Default: 127.0.0.1, which is reachable from this machine only.
    pub host: IpAddr,
    /// The port to listen on; 0 picks a free one. Default: 0.
    pub port: u16,
    /// Where the data is. Default: in memory.
    pub data: DataLocation,
    /// The folder or the bucket for rich content and archives, where the data is in PostgreSQL; one that all platforms
    /// share. Default: `layer-files` where the platform runs. Data in a file has it beside the file.
    pub files: Option<FilesLocation>,
    /// Servers of NATS that carry hints between platforms, where the data is in PostgreSQL. Default: none; PostgreSQL
    /// carries them.
    pub nats: Option<NatsUrls>,
    /// Certificate and key. Default: none, plain HTTP.
    pub tls: Option<Tls>,
    /// Whether it may speak plain HTTP to other machines: without a certificate, on an address that is not a loopback
    /// address. Default: `false`, and such a platform does not start.
    pub allow_plain_http: bool,
    /// Scheme and host of the URLs in answers, for a platform that is reached through a proxy:
    /// `https://chat.example.com`.
    /// Default: the address it listens on.
    pub public_url: Option<String>,
    /// Where ids and secrets come from. Default: random numbers of the system.
    pub ids: IdSource,
    /// The time at which the clock stands from the start. Default: none, it runs.
    pub frozen_at: Option<Timestamp>,
    /// How many requests are recorded with their answers, for tests to look at. Of each body the first 16 KiB, and of
    /// all requests the latest that fit into 32 MiB. Default: 0.
    pub recorded_requests: usize,
    /// Grants access to the admin API below `/_platform`. Default: none; the admin API is off.
    pub admin_token: Option<Token>,
    /// Whether the console is served at `/console`, for who knows the admin token; one is made where there is none.
    /// Default: `false`.
    pub console: bool,
    /// Where webhooks may go. Default: to public addresses, over HTTPS.
    pub webhooks: WebhookOptions,
    /// How many connections there may be at the same time; one more is answered with `503` and closed. Default: 1000.
    pub max_connections: usize,
    /// How often each token may be used, of an app as of a session. Default: none, as often as requests come.
    pub rate_limit: Option<RateLimit>,
    /// How long requests under way may take to finish once the platform is told to stop. Default: 5 seconds.
    pub drain: Duration,
    /// Whether an app may ask for more than one export a day, as the original did not let it. Default: `false`.
    pub unlimited_exports: bool,
    /// The sockets of clients.
    pub sockets: SocketOptions,
    /// What is printed to the error output. Default: what warns, as text.
    pub log: LogOptions,
    /// The collector that gets a span for each request: OTLP over HTTP, as JSON, below this URL. Default: none.
    pub otlp_endpoint: Option<String>,
    /// Whether `/metrics` is served without the admin token, to this machine only: [`Config::host`] must be a loopback
    /// address. Default: `false`; with an admin token, `/metrics` is served to who knows it.
    pub open_metrics: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            data: DataLocation::Memory,
            files: None,
            nats: None,
            tls: None,
            allow_plain_http: false,
            public_url: None,
            ids: IdSource::Random,
            frozen_at: None,
            recorded_requests: 0,
            admin_token: None,
            console: false,
            webhooks: WebhookOptions::default(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            rate_limit: None,
            drain: Duration::from_secs(5),
            unlimited_exports: false,
            sockets: SocketOptions::default(),
            log: LogOptions::default(),
            otlp_endpoint: None,
            open_metrics: false,
        }
    }
}

/// How many sockets clients may have open, and for how long they can catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// Sockets of one user at the same time; one more is refused with `429`. Default: 64.
    pub per_user: usize,
    /// Sockets of one app at the same time. Default: 100,000.
    pub per_app: usize,
    /// How long the log of changes is kept, from which clients catch up with what they missed. Unit: days. Default: 30
    /// (assumed).
    pub replay_days: u64,
}

impl SocketOptions {
    /// How long the log of changes is kept. Unit: milliseconds.
    pub fn kept_for_ms(&self) -> i64 {
        let days = i64::try_from(self.replay_days.min(MAX_REPLAY_DAYS)).unwrap_or(i64::MAX);
        days.saturating_mul(24 * 60 * 60 * 1000)
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { per_user: 64, per_app: 100_000, replay_days: 30 }
    }
}

/// Where webhooks may go, and how long they wait for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookOptions {
    /// Whether deliveries may go to addresses that are not public: this machine, its network, the metadata service of a
    /// cloud. Whoever holds the token of an app chooses the targets, so allow it only where you trust them. Default:
    /// `false`.
    pub allow_private_addresses: bool,
    /// Whether targets may be `http://`. Default: `false`.
    pub allow_http: bool,
    /// Certificates of authorities, in PEM form, that targets may have their certificate from, beside Mozilla's.
    /// Default: none.
    pub ca_pem: Option<String>,
    /// How long a receiver may take to answer a delivery, connecting included. Default: one second (contract 6.3).
    pub delivery_timeout: Duration,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        let delivery_timeout = Duration::from_secs(1);
        Self { allow_private_addresses: false, allow_http: false, ca_pem: None, delivery_timeout }
    }
}

/// A certificate and its key, as PEM text. The key never shows in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate, followed by its intermediates if there are some.
    pub certificate_pem: String,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key_pem: String,
    /// The files that both were read from. When these change, so does what is shown from the next handshake on.
    /// Default: none.
    pub files: Option<TlsFiles>,
}

/// The files of a certificate and its key, in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate with its intermediates.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls(hidden)")
    }
}
