//! Agents as JavaScript describes them.

use layer_client::agent::{Agent as Core, AgentOptions as CoreOptions, TlsOptions};
use napi::{Error, Result};
use napi_derive::napi;
use std::time::Duration;

/// Settings of an agent, in the words of Node's `https.Agent`; all optional, with Node's defaults.
#[napi(object)]
pub struct AgentOptions {
    /// Keep connections for later requests. Default: false.
    pub keep_alive: Option<bool>,
    /// Connections to one origin at a time. Default: no limit.
    pub max_sockets: Option<f64>,
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
    /// Trusted certificates, PEM. Default: Mozilla's list.
    pub ca: Option<Vec<String>>,
    /// Client certificate chain, PEM.
    pub cert: Option<String>,
    /// Private key of `cert`, PEM.
    pub key: Option<String>,
    /// Refuse servers that cannot prove their name. Default: true.
    pub reject_unauthorized: Option<bool>,
    /// Name to ask for and check in place of the URL's host.
    pub servername: Option<String>,
}

/// Connections that clients share.
#[napi]
pub struct Agent(pub(crate) Core);

#[napi]
impl Agent {
    /// Connects to nothing yet. Throws when a certificate or a key cannot be read.
    #[napi(constructor)]
    pub fn new(options: AgentOptions) -> Result<Self> {
        Core::new(options.into()).map(Self).map_err(|error| Error::from_reason(error.to_string()))
    }
}

impl From<AgentOptions> for CoreOptions {
    fn from(options: AgentOptions) -> Self {
        let defaults = Self::default();
        Self {
            keep_alive: options.keep_alive.unwrap_or(defaults.keep_alive),
            max_sockets: options.max_sockets.and_then(limit),
            max_free_sockets: options
                .max_free_sockets
                .map_or(defaults.max_free_sockets, |n| limit(n).unwrap_or(usize::MAX)),
            idle_timeout: options.idle_timeout.and_then(limit).map(|ms| Duration::from_millis(ms as u64)),
            is_fifo: options.scheduling.as_deref() == Some("fifo"),
            host: options.host,
            port: options.port,
            tls: TlsOptions {
                ca: options.ca.unwrap_or_default(),
                cert: options.cert,
                key: options.key,
                reject_unauthorized: options.reject_unauthorized.unwrap_or(true),
                servername: options.servername,
            },
        }
    }
}

/// A JavaScript number as a limit; `Infinity` and what is no count are none.
fn limit(number: f64) -> Option<usize> {
    // Agents with more sockets than a process can have are without limit.
    const MOST: f64 = 1e9;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 and 1e9 by the check")]
    (1.0..=MOST).contains(&number).then_some(number as usize)
}
