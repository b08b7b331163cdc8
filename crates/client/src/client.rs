//! A client: its address, its credentials, and what all its requests have in common.

use std::sync::Arc;

use http::HeaderValue;

use crate::base_url::BaseUrl;
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
pub struct Client {
    pub(crate) origin: Arc<Origin>,
    /// Everything of the path before the method's own.
    pub(crate) root: String,
    /// Its version of the Server API, or all where we do not know it.
    pub(crate) versions: Versions,
    pub(crate) accept: Result<HeaderValue, Refusal>,
    pub(crate) authorization: Result<HeaderValue, Refusal>,
    pub(crate) host: HeaderValue,
    pub(crate) connection: HeaderValue,
    pub(crate) options: RequestOptions,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// A token or version that no header can hold is refused call by call, as the original does.
    /// Errors: a host that TLS cannot check; a proxy that is no URL.
    pub fn new(agent: &Agent, options: &ClientOptions) -> Result<Self, InvalidOption> {
        let host = header(&options.base_url.host_header(), "Host")
            .map_err(|_| InvalidOption::of_client("baseUrl", "has a host that no header can hold"))?;
        let mut authorization = header(&format!("Bearer {}", options.token), "Authorization");
        if let Ok(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Ok(Self {
            origin: agent.origin(&options.base_url, options.proxy.as_deref())?,
            root: format!("{}/apps/{}", options.base_url.prefix, options.app_id),
            versions: Versions::named(&options.version),
            accept: header(&format!("application/vnd.layer+json; version={}", options.version), "Accept"),
            authorization,
            host,
            connection: HeaderValue::from_static(if agent.keeps_alive() { "keep-alive" } else { "close" }),
            options: options.request.clone(),
        })
    }
}
