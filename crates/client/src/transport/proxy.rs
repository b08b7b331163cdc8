//! Requests through an HTTP proxy, carried by reqwest.
//!
//! reqwest knows tunnels, credentials and the rest of what proxies ask for, and that is worth more here than the last
//! bit of speed. Two things differ from a direct connection: the path is normalised as a WHATWG URL (a `'` in a query
//! goes out as `%27`), and the timeout counts from connecting, sending and each piece of the reply.

use std::error::Error;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Request;
use reqwest::{Client, Proxy, Url, redirect, retry};
use rustls::ClientConfig;

use super::connection::Body;
use super::marks::{Marks, Step, mark};
use super::reply::Reply;
use crate::failure::NoReply;
use crate::options::{AgentOptions, InvalidOption, RequestOptions};

/// The way through a proxy.
pub struct Route {
    client: Mutex<Client>,
    /// Makes another client: with one, its idle connections go.
    make: Box<dyn Fn() -> reqwest::Result<Client> + Send + Sync>,
    /// `http(s)://host:port` of the service.
    service: String,
}

impl Route {
    /// Prepares the way to `service` through the proxy at `url`; connects to nothing yet.
    ///
    /// Errors: a proxy that is no `http://` or `https://` URL. The text does not quote it: it may hold a password.
    pub fn new(url: &str, service: String, tls: &ClientConfig, options: &AgentOptions) -> Result<Self, InvalidOption> {
        let network = &options.network;
        // reqwest makes these connections, and has no place for them.
        for (name, is_set) in [
            ("checkServerIdentity", options.tls.asks_identity),
            ("lookup", network.asks_lookup),
            ("family", network.family.is_some()),
            ("servername", options.tls.servername.is_some()),
            ("host", options.host.is_some()),
            ("port", options.port.is_some()),
        ] {
            if is_set {
                return Err(InvalidOption::of_agent(name, "it does not go together with a proxy"));
            }
        }
        let refusal =
            |()| InvalidOption::of_client("proxy", "needs to be a URL such as http://user:password@host:3128");
        let parsed = Url::parse(url).map_err(|_| refusal(()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(refusal(()));
        }
        let proxy = Proxy::all(parsed).map_err(|_| refusal(()))?;
        let tls = tls.clone();
        let (no_delay, local_address) = (network.no_delay, network.local_address);
        let max_idle = if options.keep_alive { options.max_free_sockets } else { 0 };
        let make = move || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .proxy(proxy.clone())
                .http1_only()
                .http1_title_case_headers()
                .redirect(redirect::Policy::none())
                .retry(retry::never())
                .tcp_nodelay(no_delay)
                .local_address(local_address)
                .pool_max_idle_per_host(max_idle)
                .build()
        };
        let client = Mutex::new(make().map_err(|_| refusal(()))?);
        Ok(Self { client, make: Box::new(make), service })
    }

    /// Closes idle connections.
    pub fn close_idle(&self) {
        // It was made before, of the same.
        if let Ok(fresh) = (self.make)() {
            *self.client() = fresh;
        }
    }

    fn client(&self) -> MutexGuard<'_, Client> {
        // A panic cannot leave it half-written.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends `request` and reads the reply to its end; the timeout bounds each step. A reply that is too large is not
    /// read on, and its connection is closed.
    pub async fn exchange(
        &self,
        request: Request<Body>,
        options: &RequestOptions,
        marks: Option<&Marks>,
    ) -> Result<Reply, NoReply> {
        let RequestOptions { timeout, max_response_bytes: limit, .. } = *options;
        let (parts, body) = request.into_parts();
        let url = Url::parse(&format!("{}{}", self.service, parts.uri)).map_err(|_| NoReply::hang_up())?;
        let mut proxied = reqwest::Request::new(parts.method, url);
        *proxied.headers_mut() = parts.headers;
        *proxied.body_mut() = Some(reqwest::Body::wrap(body));

        mark(marks, Step::Sent);
        let client = self.client().clone();
        let mut response = step(timeout, client.execute(proxied)).await?;
        mark(marks, Step::Replied);
        let status = response.status().as_u16();
        let announced = response.content_length();
        let headers = std::mem::take(response.headers_mut());
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(NoReply::too_large(announced, limit));
        }
        let mut body = Vec::new();
        while let Some(chunk) = step(timeout, response.chunk()).await? {
            if chunk.len() > limit - body.len() {
                return Err(NoReply::too_large(None, limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body: body.into() })
    }
}

async fn step<T>(timeout: Duration, work: impl Future<Output = reqwest::Result<T>>) -> Result<T, NoReply> {
    match tokio::time::timeout(timeout, work).await {
        Ok(result) => result.map_err(|error| failure(&error)),
        Err(_) => Err(NoReply::Timeout),
    }
}

/// The operating system's part of an error, where there is one.
fn failure(error: &reqwest::Error) -> NoReply {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return NoReply::broken(io, if error.is_connect() { "connect" } else { "read" });
        }
        source = inner.source();
    }
    NoReply::hang_up()
}
