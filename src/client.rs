//! The client: what all its resources have in common.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use layer_client::base_url::BaseUrl;
use layer_client::client::{Client as Core, ClientOptions as CoreOptions, Overrides};
use layer_client::id::uuid_of;
use layer_client::methods::{METHODS, Method};
use layer_client::options::RequestOptions;
use napi::bindgen_prelude::{ClassInstance, Unknown};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::agent::Agent;
use crate::carrier::Carrier;
use crate::channel::{Channel, Outbox};
use crate::js_text::JsText;
use crate::resources::Seat;

/// Settings of a client; `index.js` has filled in the defaults.
#[napi(object)]
pub struct ClientOptions {
    /// UUID of the app.
    pub app_id: String,
    /// Bearer token.
    pub token: String,
    /// Version of the Server API.
    pub version: String,
    /// `http(s)://host[:port][/prefix]`
    pub base_url: String,
    /// URL of an HTTP proxy.
    pub proxy: Option<String>,
    /// Milliseconds.
    pub timeout: f64,
    /// Bytes that the body of a reply may have.
    pub max_response_bytes: u32,
    /// How often a request is tried again.
    pub max_retries: u32,
    /// Number under which JavaScript knows where requests go, where it carries them.
    pub route: Option<u32>,
}

/// A client of one app.
#[napi]
pub struct Client {
    core: Arc<Core>,
    outbox: Rc<Outbox>,
}

#[napi]
impl Client {
    /// Makes a client; connects to nothing yet. With a `carrier` and a `route`, JavaScript carries its requests. Throws
    /// when `baseUrl` or `proxy` cannot be used.
    #[napi(constructor)]
    pub fn new(
        channel: &Channel,
        agent: &Agent,
        options: ClientOptions,
        carrier: Option<ClassInstance<'_, Carrier>>,
    ) -> Result<Self> {
        let base_url = BaseUrl::parse(&options.base_url).map_err(|error| Error::from_reason(error.to_string()))?;
        let way = carrier.zip(options.route).map(|(carrier, route)| carrier.way(route));
        let options = CoreOptions {
            app_id: options.app_id,
            token: options.token,
            version: options.version,
            base_url,
            proxy: options.proxy,
            request: RequestOptions {
                timeout: milliseconds(options.timeout),
                max_response_bytes: options.max_response_bytes as usize,
                max_retries: options.max_retries,
            },
        };
        let core = match way {
            Some(way) => Core::carried_by(way, &agent.0, &options),
            None => Core::new(&agent.0, &options),
        };
        let core = core.map_err(|error| Error::from_reason(error.to_string()))?;
        Ok(Self { core: Arc::new(core), outbox: channel.outbox() })
    }

    /// What the methods of its resources take.
    #[napi(getter)]
    pub fn seat(&self, env: Env) -> Result<Unknown<'static>> {
        Seat { client: Arc::clone(&self.core), outbox: Rc::clone(&self.outbox) }.into_external(env)
    }

    /// What the methods of a client with other options of requests take. What is not given stays; `headers` are lines
    /// of name and value with a colon between. Throws at a key that is no UUID and a header that cannot be sent.
    #[napi]
    pub fn seat_with(
        &self,
        env: Env,
        timeout: Option<f64>,
        max_retries: Option<u32>,
        idempotency_key: JsText,
        version: JsText,
        headers: Option<String>,
    ) -> Result<Unknown<'static>> {
        let (key, version) = (idempotency_key.read(), version.read());
        let lines = headers;
        let overrides = Overrides {
            timeout: timeout.map(milliseconds),
            max_retries,
            idempotency_key: key.as_deref(),
            version: version.as_deref(),
            headers: lines.as_deref(),
        };
        let client = self.core.with(&overrides).map_err(|refusal| Error::from_reason(refusal.to_string()))?;
        Seat { client: Arc::new(client), outbox: Rc::clone(&self.outbox) }.into_external(env)
    }

    /// Closes the connections that no other client of the agent has a use for.
    #[napi]
    pub fn close(&self) {
        self.core.close();
    }
}

fn milliseconds(number: f64) -> Duration {
    Duration::from_secs_f64(number.clamp(0.0, f64::from(i32::MAX)) / 1000.0)
}

/// The table of methods as JSON: its rows of one resource, or all.
#[napi]
pub fn methods(resource: Option<String>) -> Result<String> {
    let is_asked = move |row: &&Method| resource.as_ref().is_none_or(|resource| row.resource.property() == resource);
    let rows: Vec<_> = METHODS.iter().filter(is_asked).collect();
    serde_json::to_string(&rows).map_err(|error| Error::from_reason(error.to_string()))
}

/// The UUID at the end of an id, if there is one.
#[napi(js_name = "uuidOf", ts_args_type = "id: unknown")]
pub fn uuid(id: JsText) -> Option<String> {
    uuid_of(&id.read()?).map(str::to_owned)
}
