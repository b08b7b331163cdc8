//! A client: its address, its credentials, and what all its requests have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::base_url::BaseUrl;
use crate::carrier::{Carried, Carrier};
use crate::id::uuid_of;
use crate::methods::Versions;
use crate::options::{InvalidOption, RequestOptions};
use crate::refusal::{Refusal, header};
use crate::transport::pool::{Agent, Origin};

/// Settings of a client.
pub struct ClientOptions {
    /// UUID of the app.
    pub app_id: String,
    /// Bearer token; a secret.
    pub token: String,
    /// Version of the Server API, `1.0` unless the caller says otherwise.
    pub version: String,
    /// Where the service is.
    pub base_url: BaseUrl,
    /// URL of an HTTP proxy, which may hold a password. Default: none; variables of the environment play no part.
    pub proxy: Option<String>,
    /// Settings of its requests.
    pub request: RequestOptions,
}

/// A client of one app.
#[derive(Clone)]
pub struct Client {
    pub(crate) place: Arc<Place>,
    /// Its version of the Server API, or all where we do not know it.
    pub(crate) versions: Versions,
    pub(crate) accept: Result<HeaderValue, Refusal>,
    pub(crate) options: RequestOptions,
    /// The tag of what its calls create, where they give none.
    pub(crate) idempotency_key: Option<HeaderValue>,
    /// Further headers.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// What a client shares with those that differ from it in options of requests only.
pub(crate) struct Place {
    pub(crate) origin: Arc<Origin>,
    /// Everything of the path before the method's own.
    pub(crate) root: String,
    pub(crate) authorization: Result<HeaderValue, Refusal>,
    pub(crate) host: HeaderValue,
    pub(crate) connection: HeaderValue,
    /// Who carries its requests in place of the engine's own connections.
    pub(crate) carried: Option<Carried>,
    is_closed: AtomicBool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if !*self.is_closed.get_mut() {
            self.origin.leave(false);
        }
    }
}

/// Options of requests; `None` leaves what the client has.
#[derive(Debug, Default)]
pub struct Overrides<'a> {
    /// How long nothing may move on the connection.
    pub timeout: Option<Duration>,
    /// How often a request is tried again.
    pub max_retries: Option<u32>,
    /// The UUID for `If-None-Match` of what is created.
    pub idempotency_key: Option<&'a str>,
    /// Version of the Server API.
    pub version: Option<&'a str>,
    /// Further headers, in place of those that the client has; lines of name and value with a colon between.
    pub headers: Option<&'a str>,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// A token or version that no header can hold is refused call by call, as the original does.
    /// Errors: a host that TLS cannot check; a proxy that is no URL.
    pub fn new(agent: &Agent, options: &ClientOptions) -> Result<Self, InvalidOption> {
        Self::make(agent, options, None)
    }

    /// The same, for a client whose requests `carrier` carries in place of the agent's connections.
    ///
    /// Errors: as those of `new`.
    pub fn carried_by(
        carrier: Arc<dyn Carrier>,
        agent: &Agent,
        options: &ClientOptions,
    ) -> Result<Self, InvalidOption> {
        Self::make(agent, options, Some(Carried { by: carrier, base_url: options.base_url.clone() }))
    }

    fn make(agent: &Agent, options: &ClientOptions, carried: Option<Carried>) -> Result<Self, InvalidOption> {
        let host = header(&options.base_url.host_header(), "Host")
            .map_err(|_| InvalidOption::of_client("baseUrl", "has a host that no header can hold"))?;
        let mut authorization = header(&format!("Bearer {}", options.token), "Authorization");
        if let Ok(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let place = Place {
            origin: agent.origin(&options.base_url, options.proxy.as_deref())?,
            root: format!("{}/apps/{}", options.base_url.prefix, options.app_id),
            authorization,
            host,
            connection: HeaderValue::from_static(if agent.keeps_alive() { "keep-alive" } else { "close" }),
            carried,
            is_closed: AtomicBool::new(false),
        };
        Ok(Self {
            place: Arc::new(place),
            versions: Versions::named(&options.version),
            accept: accept(&options.version),
            options: options.request.clone(),
            idempotency_key: None,
            headers: Vec::new(),
        })
    }

    /// Closes the connections that no other client of the agent has a use for; those in use close when they are not any
    /// more. Requests still work, each over a connection of its own. Holds for all that share this client's place.
    pub fn close(&self) {
        if !self.place.is_closed.swap(true, Ordering::Relaxed) {
            self.place.origin.leave(true);
        }
    }

    /// A client that differs from this one in options of requests, and shares all else with it.
    ///
    /// A version that no header can hold is refused call by call.
    /// Errors: a key that is no UUID, a header that cannot be sent.
    pub fn with(&self, overrides: &Overrides<'_>) -> Result<Self, Refusal> {
        let mut client = self.clone();
        if let Some(timeout) = overrides.timeout {
            client.options.timeout = timeout;
        }
        if let Some(max_retries) = overrides.max_retries {
            client.options.max_retries = max_retries;
        }
        if let Some(key) = overrides.idempotency_key {
            const NO_KEY: Refusal = Refusal::Argument("The idempotency key needs to be a UUID");
            client.idempotency_key = Some(header(uuid_of(key).ok_or(NO_KEY)?, "If-None-Match")?);
        }
        if let Some(version) = overrides.version {
            client.versions = Versions::named(version);
            client.accept = accept(version);
        }
        if let Some(headers) = overrides.headers {
            const NO_NAME: Refusal = Refusal::Argument("A header has a name that cannot be sent");
            client.headers = headers
                .lines()
                .map(|line| {
                    let (name, value) = line.split_once(':').ok_or(NO_NAME)?;
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NO_NAME)?;
                    Ok((name, header(value, "headers")?))
                })
                .collect::<Result<_, Refusal>>()?;
        }
        Ok(client)
    }
}

fn accept(version: &str) -> Result<HeaderValue, Refusal> {
    header(&format!("application/vnd.layer+json; version={version}"), "Accept")
}
