//! The requests that the platform makes: challenges and deliveries of webhooks. Contract 6.2 and 6.3.
//!
//! They go where the holder of an app's token says, so nothing about them is trusted: addresses that are not public are
//! refused unless the operator allows them, on the very address that is connected to; redirects are not followed;
//! answers are hardly read.

mod address;
pub mod spans;

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, StatusCode};
use layer_wire::version::WEBHOOKS_MEDIA_TYPE;
use layer_wire::webhook::NewWebhook;
use layer_wire::{AppId, Version, WebhookId};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, Url};
use ring::hmac;
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::{VERIFICATION_TIMEOUT, WebhookOptions};
use crate::ground::trust;

/// What deliveries of every version call themselves (recorded with 2.0, R4 to R6).
const DELIVERY_AGENT: &str = "layer-webhooks/1.0";

/// How much of the answer to a delivery is read, so that the connection can be used again. Longer answers cost the
/// connection.
const MAX_DISCARDED_BYTES: usize = 65_536;

/// How many connections to one receiver are kept for the next deliveries.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// The query parameter that the challenge goes in.
const CHALLENGE: &str = "verification_challenge";

static EVENT_TYPE: HeaderName = HeaderName::from_static("layer-webhook-event-type");
static SIGNATURE: HeaderName = HeaderName::from_static("layer-webhook-signature");
static REQUEST_ID: HeaderName = HeaderName::from_static("layer-webhook-request-id");
static WEBHOOK_ID: HeaderName = HeaderName::from_static("layer-webhook-id");

/// What to send to a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// The id of the request, the same on retries.
    pub request: Uuid,
    /// The name of the event.
    pub event_type: &'a str,
    /// The exact bytes.
    pub body: &'a [u8],
}

/// Why a receiver did not do what it should. The texts complete the sentence "… failed due to".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It answered with another status than 2xx.
    Status(StatusCode),
    /// It answered the challenge with something else.
    Body,
    /// It took too long.
    Timeout,
    /// Its address is not public.
    PrivateAddress,
    /// Its target is `http`, which the operator does not allow any more.
    PlainHttp,
    /// It cannot be reached, or hung up; the text says how.
    Connection(String),
}

impl Refusal {
    /// The status that it answered with, if it did.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(status.as_u16()),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Recorded, with its reason phrase: "unexpected response status: 404 Not Found".
            Self::Status(status) => {
                write!(formatter, "unexpected response status: {}", status.as_str())?;
                status.canonical_reason().map_or(Ok(()), |reason| write!(formatter, " {reason}"))
            }
            Self::Body => formatter.write_str("unexpected response body: it must be the challenge and nothing else"),
            Self::Timeout => formatter.write_str("a timeout"),
            Self::PrivateAddress => formatter
                .write_str("an address that is not public, which the operator of the platform has to allow first"),
            Self::PlainHttp => {
                formatter.write_str("a target that is not https, which the operator of the platform has to allow first")
            }
            Self::Connection(reason) => write!(formatter, "a connection error: {reason}"),
        }
    }
}

/// Sends the requests.
pub struct Outbound {
    client: Client,
    allows_private: bool,
    allows_http: bool,
    delivery_timeout: Duration,
}

impl Outbound {
    /// Prepares it; connects to nothing yet. Error: why the certificates of `ca_pem` cannot be used.
    pub fn new(options: &WebhookOptions) -> Result<Self, String> {
        let resolver = PublicNames { allows_private: options.allow_private_addresses };
        let client = trust::client(options.ca_pem.as_deref())?
            .dns_resolver(resolver)
            .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            client,
            allows_private: options.allow_private_addresses,
            allows_http: options.allow_http,
            delivery_timeout: options.delivery_timeout,
        })
    }

    /// Challenges the receiver at `target`: it must answer 2xx (assumed; documented is 200) with the challenge as its
    /// whole body.
    pub async fn challenge(&self, target: &str, challenge: &str) -> Result<(), Refusal> {
        let mut url = self.checked(target)?;
        let query = match url.query() {
            None | Some("") => format!("{CHALLENGE}={challenge}"),
            Some(query) => format!("{query}&{CHALLENGE}={challenge}"),
        };
        url.set_query(Some(&query));
        let exchange = async {
            let mut response = success(self.client.get(url).send().await)?;
            let mut left = challenge.as_bytes();
            while let Some(chunk) = response.chunk().await.map_err(|error| refusal(&error))? {
                left = left.strip_prefix(&*chunk).ok_or(Refusal::Body)?;
            }
            if left.is_empty() { Ok(()) } else { Err(Refusal::Body) }
        };
        tokio::time::timeout(VERIFICATION_TIMEOUT, exchange).await.unwrap_or(Err(Refusal::Timeout))
    }

    /// Delivers an event. It is delivered once the receiver has answered 2xx, whatever comes of the rest of its answer.
    pub async fn deliver(
        &self,
        app: AppId,
        webhook: WebhookId,
        registered: &NewWebhook,
        payload: Payload<'_>,
    ) -> Result<StatusCode, Refusal> {
        let deadline = Instant::now() + self.delivery_timeout;
        let url = self.checked(&registered.target_url)?;
        let request = self
            .client
            .post(url)
            .header(&EVENT_TYPE, payload.event_type)
            .header(&SIGNATURE, sign(registered.secret.reveal(), payload.body))
            .header(&REQUEST_ID, payload.request.to_string())
            .header(&WEBHOOK_ID, webhook_id(app, webhook, registered.version))
            .header(USER_AGENT, DELIVERY_AGENT)
            .header(CONTENT_TYPE, content_type(registered.version))
            .body(payload.body.to_vec());
        let sent = tokio::time::timeout_at(deadline, request.send()).await.map_err(|_| Refusal::Timeout)?;
        let response = success(sent)?;
        let status = response.status();
        // What the receiver says besides does not matter, but a connection is free only once it has said it.
        let _ = tokio::time::timeout_at(deadline, discard(response)).await;
        Ok(status)
    }

    /// The target as a URL, if it may be asked. An address in it is looked at here, those of a name when they are
    /// resolved.
    fn checked(&self, target: &str) -> Result<Url, Refusal> {
        let url = Url::parse(target).map_err(|error| Refusal::Connection(error.to_string()))?;
        if url.scheme() != "https" && !self.allows_http {
            return Err(Refusal::PlainHttp);
        }
        let literal = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if !self.allows_private && literal.is_some_and(|literal| !address::is_public(literal)) {
            return Err(Refusal::PrivateAddress);
        }
        Ok(url)
    }
}

/// The id of a webhook in the header: its UUID in 1.0 (documented), the full id in 2.0 (recorded, R4 to R6) and 3.0
/// (assumed).
fn webhook_id(app: AppId, webhook: WebhookId, version: Version) -> String {
    if version.has_identities() { webhook.of_app(app) } else { webhook.to_string() }
}

fn content_type(version: Version) -> String {
    format!("{WEBHOOKS_MEDIA_TYPE}; version={version}")
}

/// Lower-case hex of the HMAC-SHA1 of the exact bytes. Contract 6.3.
fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let mut hex = String::with_capacity(40);
    for byte in hmac::sign(&key, body).as_ref() {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
    }
    hex
}

fn success(sent: reqwest::Result<Response>) -> Result<Response, Refusal> {
    let response = sent.map_err(|error| refusal(&error))?;
    if response.status().is_success() { Ok(response) } else { Err(Refusal::Status(response.status())) }
}

async fn discard(mut response: Response) {
    let mut length = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        length += chunk.len();
        if length > MAX_DISCARDED_BYTES {
            return;
        }
    }
}

/// The innermost cause, which names neither the URL nor what is in it.
fn refusal(error: &reqwest::Error) -> Refusal {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if cause.is::<NotPublic>() {
            return Refusal::PrivateAddress;
        }
        if let Some(error) = cause.downcast_ref::<io::Error>()
            && let Some(inner) = error.get_ref()
        {
            // `source` skips what an I/O error holds.
            return Refusal::Connection(inner.to_string());
        }
    }
    if error.source().is_none() {
        return Refusal::Connection("the request cannot be sent".into());
    }
    Refusal::Connection(cause.to_string())
}

/// Resolves names to the addresses that may be connected to. The client connects to one of them and asks nobody else.
struct PublicNames {
    allows_private: bool,
}

/// A name that leads to no public address.
#[derive(Debug)]
struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name leads to no public address")
    }
}

impl Error for NotPublic {}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> =
                found.filter(|found| allows_private || address::is_public(found.ip())).collect();
            if allowed.is_empty() { Err(NotPublic.into()) } else { Ok(Box::new(allowed.into_iter()) as Addrs) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202, test case 2.
    #[test]
    fn a_signature_is_the_lower_case_hex_of_the_hmac_sha1() {
        assert_eq!(sign("Jefe", b"what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    /// Contract 6.1 (recorded).
    #[test]
    fn a_status_is_named_with_its_phrase() {
        assert_eq!(Refusal::Status(StatusCode::NOT_FOUND).to_string(), "unexpected response status: 404 Not Found");
        let unknown = Refusal::Status(StatusCode::from_u16(599).unwrap());
        assert_eq!(unknown.to_string(), "unexpected response status: 599");
    }

    fn outbound(allow_private_addresses: bool, allow_http: bool) -> Outbound {
        Outbound::new(&WebhookOptions { allow_private_addresses, allow_http, ..WebhookOptions::default() }).unwrap()
    }

    #[tokio::test]
    async fn every_spelling_of_a_private_address_is_refused() {
        for target in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.0.0.1./",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://0.0.0.0/",
            // A name, so that the answer of the resolver is looked at.
            "https://localhost/",
            "https://LOCALHOST/",
        ] {
            assert_eq!(outbound(false, true).challenge(target, "x").await, Err(Refusal::PrivateAddress), "{target}");
        }
    }

    #[tokio::test]
    async fn plain_http_is_refused_unless_allowed() {
        assert_eq!(outbound(true, false).challenge("http://localhost:1/", "x").await, Err(Refusal::PlainHttp));
        let reached = outbound(true, true).challenge("http://127.0.0.1:1/", "x").await;
        assert!(matches!(reached, Err(Refusal::Connection(_))), "{reached:?}");
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        for pem in ["", "nonsense"] {
            let options = WebhookOptions { ca_pem: Some(pem.into()), ..WebhookOptions::default() };
            assert!(Outbound::new(&options).is_err());
        }
    }
}
