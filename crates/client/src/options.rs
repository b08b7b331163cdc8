//! Settings of agents and of requests, as Node names them, and how one that cannot be used is refused.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::asker::Asked;

/// Settings of an agent; names and defaults are those of Node's `https.Agent`.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Keep connections for later requests. Default: false, as `new https.Agent()`.
    pub keep_alive: bool,
    /// Connections to one origin at a time; further requests wait their turn. Default: no limit.
    pub max_sockets: Option<usize>,
    /// Connections to all origins together. Default: no limit.
    pub max_total_sockets: Option<usize>,
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
    /// How to reach the host.
    pub network: NetworkOptions,
    /// TLS settings.
    pub tls: TlsOptions,
    /// Who answers what only the caller knows. Default: nobody.
    pub asker: Asked,
}

/// TLS settings of an agent; names and defaults are those of Node's `tls.connect`.
#[derive(Clone)]
pub struct TlsOptions {
    /// Trusted certificates in PEM form. Default: Mozilla's list and `extra_ca`.
    pub ca: Option<Vec<String>>,
    /// Certificates to trust beside Mozilla's: Node's `NODE_EXTRA_CA_CERTS`.
    pub extra_ca: Vec<String>,
    /// Lists of revoked certificates in PEM form; with any, each certificate has to be covered by one.
    pub crl: Vec<String>,
    /// Client certificate chain in PEM form.
    pub cert: Option<String>,
    /// Private key of `cert` in PEM form, not encrypted.
    pub key: Option<String>,
    /// What becomes of servers that cannot prove their name. Default: they are refused.
    pub unauthorized: Unauthorized,
    /// Name asked for and checked in place of the URL's host. Empty: none is asked for.
    pub servername: Option<String>,
    /// Whether the caller decides whose certificate it is. Default: webpki does, and where it does not know, the
    /// caller.
    pub asks_identity: bool,
    /// Lowest version to speak. Default: 1.2.
    pub min_version: TlsVersion,
    /// Highest version to speak. Default: 1.3.
    pub max_version: TlsVersion,
    /// OpenSSL's cipher list. Default: all that rustls has.
    pub ciphers: Option<String>,
    /// OpenSSL's names of curves with colons between them. Default: all that rustls has.
    pub curves: Option<String>,
    /// OpenSSL's names of signatures to accept, with colons between them. Default: all that rustls has.
    pub sigalgs: Option<String>,
    /// Protocols to offer by ALPN. Default: the extension is not sent.
    pub protocols: Vec<Vec<u8>>,
    /// Sessions kept for resumption. Default: 100.
    pub max_cached_sessions: usize,
}

/// What becomes of a server that cannot prove its name: `rejectUnauthorized`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthorized {
    /// Its certificate is refused.
    Refused,
    /// It passes.
    Taken,
    /// The caller is asked, when it comes to that: Node reads `NODE_TLS_REJECT_UNAUTHORIZED` at each connection.
    Asks {
        /// Whether it is to be expected that it passes, so that it is better to ask beforehand.
        expects: bool,
    },
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            keep_alive: false,
            max_sockets: None,
            max_total_sockets: None,
            max_free_sockets: 256,
            idle_timeout: None,
            is_fifo: false,
            host: None,
            port: None,
            network: NetworkOptions::default(),
            tls: TlsOptions::default(),
            asker: Asked::default(),
        }
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            ca: None,
            extra_ca: Vec::new(),
            crl: Vec::new(),
            cert: None,
            key: None,
            unauthorized: Unauthorized::Refused,
            servername: None,
            asks_identity: false,
            min_version: TlsVersion::V12,
            max_version: TlsVersion::V13,
            ciphers: None,
            curves: None,
            sigalgs: None,
            protocols: Vec::new(),
            max_cached_sessions: 100,
        }
    }
}

// Certificates are long and the key is a secret.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions").field("servername", &self.servername).finish_non_exhaustive()
    }
}

/// An option that cannot be used; the text names it.
#[derive(Debug)]
pub struct InvalidOption(String);

impl InvalidOption {
    /// An option of an agent.
    pub(crate) fn of_agent(option: &str, reason: impl fmt::Display) -> Self {
        Self(format!("Agent option `{option}` cannot be used: {reason}"))
    }

    /// An option of the client itself.
    pub(crate) fn of_client(option: &str, reason: impl fmt::Display) -> Self {
        Self(format!("Constructor option `{option}` {reason}"))
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidOption {}

/// How to reach a host; names and defaults are those of Node's `net.connect`.
#[derive(Debug, Clone)]
pub struct NetworkOptions {
    /// Only addresses of this kind. Default: both.
    pub family: Option<Family>,
    /// Flags for `getaddrinfo`, with the values of this system. Default: `AI_ADDRCONFIG`, unless `family` is given.
    pub hints: Option<i32>,
    /// Which addresses of a name come first. Default: in the order of the resolver.
    pub first: Option<Family>,
    /// Try the addresses one after the other, with so much time for each but the last. Default: the first one only.
    pub attempt_timeout: Option<Duration>,
    /// Address to connect from. Default: the system's choice.
    pub local_address: Option<IpAddr>,
    /// Whether the caller looks names up.
    pub asks_lookup: bool,
    /// Send small packets at once. Default: true.
    pub no_delay: bool,
    /// Let the system probe connections that have been idle for so long. Default: no probes.
    pub probe_after: Option<Duration>,
}

/// A kind of address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            family: None,
            hints: None,
            first: None,
            attempt_timeout: None,
            local_address: None,
            asks_lookup: false,
            no_delay: true,
            probe_after: None,
        }
    }
}

impl Family {
    pub(crate) fn of(address: &SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// A version of TLS that can be spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2
    V12,
    /// TLS 1.3
    V13,
}

/// Settings of one request.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// How long nothing may move on its connection.
    pub timeout: Duration,
    /// Bytes that the body of the reply may have.
    pub max_response_bytes: usize,
    /// How often it is tried again where `retry` says that this makes sense.
    pub max_retries: u32,
}
