//! Agents as JavaScript describes them.

use std::net::IpAddr;
use std::time::Duration;

use layer_client::asker::Asked;
use layer_client::options::{
    AgentOptions as CoreOptions, Family, NetworkOptions, TlsOptions, TlsVersion, Unauthorized,
};
use layer_client::transport::pool::Agent as Core;
use napi::{Error, Result};
use napi_derive::napi;

use crate::asker::Asker;

/// Settings of an agent, in the words of Node's `https.Agent`; all optional, with Node's defaults. `lib/agent.js` has
/// checked their types.
#[napi(object)]
pub struct AgentOptions {
    /// Keep connections for later requests. Default: false.
    pub keep_alive: Option<bool>,
    /// Idle time after which the system probes a kept connection, in milliseconds. Default: 1000.
    pub keep_alive_msecs: Option<f64>,
    /// Connections to one origin at a time. Default: no limit.
    pub max_sockets: Option<f64>,
    /// Connections to all origins together. Default: no limit.
    pub max_total_sockets: Option<f64>,
    /// Idle connections kept for one origin. Default: 256.
    pub max_free_sockets: Option<f64>,
    /// How long an idle connection is kept, in milliseconds. Default: until the server closes it.
    pub idle_timeout: Option<f64>,
    /// `lifo` or `fifo`. Default: `lifo`.
    pub scheduling: Option<String>,
    /// Host to connect to in place of the URL's.
    pub host: Option<String>,
    /// Port to connect to in place of the URL's.
    pub port: Option<u16>,
    /// 4 or 6: only addresses of this kind. Default: both.
    pub family: Option<u32>,
    /// 4 or 6: the kind of addresses that come first. Default: in the order of the resolver.
    pub first_family: Option<u32>,
    /// Flags for `getaddrinfo`.
    pub hints: Option<i32>,
    /// Milliseconds for each of several addresses. Default: only the first one is tried.
    pub attempt_timeout: Option<f64>,
    /// Address to connect from.
    pub local_address: Option<String>,
    /// Send small packets at once. Default: true.
    pub no_delay: Option<bool>,
    /// Whether the caller looks names up. Default: the system does.
    pub asks_lookup: Option<bool>,
    /// Trusted certificates, PEM. Default: Mozilla's list and `extra_ca`.
    pub ca: Option<Vec<String>>,
    /// Certificates to trust beside Mozilla's, PEM.
    pub extra_ca: Option<Vec<String>>,
    /// Lists of revoked certificates, PEM.
    pub crl: Option<Vec<String>>,
    /// Client certificate chain, PEM.
    pub cert: Option<String>,
    /// Private key of `cert`, PEM, not encrypted.
    pub key: Option<String>,
    /// Refuse servers that cannot prove their name. Default: ask the caller when one cannot.
    pub reject_unauthorized: Option<bool>,
    /// Whether the caller is expected to let such a server pass. Default: false.
    pub expects_unauthorized: Option<bool>,
    /// Name to ask for and check in place of the URL's host.
    pub servername: Option<String>,
    /// Whether the caller decides whose certificate it is. Default: false.
    pub asks_identity: Option<bool>,
    /// `TLSv1.2` or `TLSv1.3`. Default: `TLSv1.2`.
    pub min_version: Option<String>,
    /// `TLSv1.2` or `TLSv1.3`. Default: `TLSv1.3`.
    pub max_version: Option<String>,
    /// OpenSSL's cipher list.
    pub ciphers: Option<String>,
    /// OpenSSL's names of curves.
    pub curves: Option<String>,
    /// OpenSSL's names of signatures.
    pub sigalgs: Option<String>,
    /// Protocols to offer.
    pub protocols: Option<Vec<String>>,
    /// Sessions kept for resumption. Default: 100.
    pub max_cached_sessions: Option<f64>,
}

/// Connections that clients share.
#[napi]
pub struct Agent(pub(crate) Core);

#[napi]
impl Agent {
    /// Connects to nothing yet. `hooks` is the number of the functions that answer its questions, 0 for none. Throws
    /// when a certificate or a key cannot be read.
    #[napi(constructor)]
    pub fn new(options: AgentOptions, asker: &Asker, hooks: u32) -> Result<Self> {
        Core::new(options.with(asker.asked(hooks))).map(Self).map_err(|error| Error::from_reason(error.to_string()))
    }

    /// Closes all idle connections.
    #[napi]
    pub fn close_idle(&self) {
        self.0.close_idle();
    }
}

impl AgentOptions {
    fn with(self, asker: Asked) -> CoreOptions {
        let defaults = CoreOptions::default();
        let keep_alive = self.keep_alive.unwrap_or(defaults.keep_alive);
        CoreOptions {
            keep_alive,
            max_sockets: self.max_sockets.and_then(limit),
            max_total_sockets: self.max_total_sockets.and_then(limit),
            max_free_sockets: self
                .max_free_sockets
                .map_or(defaults.max_free_sockets, |n| limit(n).unwrap_or(usize::MAX)),
            idle_timeout: self.idle_timeout.and_then(milliseconds),
            is_fifo: self.scheduling.as_deref() == Some("fifo"),
            host: self.host,
            port: self.port,
            network: NetworkOptions {
                family: self.family.and_then(family),
                hints: self.hints,
                first: self.first_family.and_then(family),
                attempt_timeout: self.attempt_timeout.and_then(milliseconds),
                local_address: self.local_address.and_then(|text| text.parse::<IpAddr>().ok()),
                asks_lookup: self.asks_lookup.unwrap_or(false),
                no_delay: self.no_delay.unwrap_or(true),
                probe_after: keep_alive
                    .then(|| self.keep_alive_msecs.and_then(milliseconds).unwrap_or(Duration::from_secs(1))),
            },
            tls: TlsOptions {
                ca: self.ca,
                extra_ca: self.extra_ca.unwrap_or_default(),
                crl: self.crl.unwrap_or_default(),
                cert: self.cert,
                key: self.key,
                unauthorized: match self.reject_unauthorized {
                    Some(true) => Unauthorized::Refused,
                    Some(false) => Unauthorized::Taken,
                    None => Unauthorized::Asks { expects: self.expects_unauthorized.unwrap_or(false) },
                },
                servername: self.servername,
                asks_identity: self.asks_identity.unwrap_or(false),
                min_version: version(self.min_version.as_deref()).unwrap_or(TlsVersion::V12),
                max_version: version(self.max_version.as_deref()).unwrap_or(TlsVersion::V13),
                ciphers: self.ciphers,
                curves: self.curves,
                sigalgs: self.sigalgs,
                protocols: self.protocols.unwrap_or_default().into_iter().map(String::into_bytes).collect(),
                max_cached_sessions: self.max_cached_sessions.map_or(100, |n| if n < 1.0 { 0 } else { 100 }),
            },
            asker,
        }
    }
}

/// A JavaScript number as a limit; none for `Infinity` and for anything that is not a count.
fn limit(number: f64) -> Option<usize> {
    // Agents with more sockets than a process can have are without limit.
    const MOST: f64 = 1e9;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 and 1e9 by the check")]
    (1.0..=MOST).contains(&number).then_some(number as usize)
}

fn milliseconds(number: f64) -> Option<Duration> {
    limit(number).map(|ms| Duration::from_millis(ms as u64))
}

fn family(number: u32) -> Option<Family> {
    match number {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        _ => None,
    }
}

fn version(name: Option<&str>) -> Option<TlsVersion> {
    match name? {
        "TLSv1.2" => Some(TlsVersion::V12),
        "TLSv1.3" => Some(TlsVersion::V13),
        _ => None,
    }
}
