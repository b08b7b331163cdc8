//! A client: its address, its credentials, and how a call of a method becomes a request.

use crate::agent::{Agent, InvalidAgent, Origin};
use crate::base_url::BaseUrl;
use crate::connection::Body;
use crate::engine::Job;
use crate::id::uuid_of;
use crate::methods::{Kind, Method, Verb};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, IF_NONE_MATCH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Uri};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use tokio::time::Duration;

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
    /// How long nothing may move on a connection.
    pub timeout: Duration,
}

/// A client of one app.
pub struct Client {
    origin: Arc<Origin>,
    /// Everything of the path before the method's own.
    root: String,
    accept: Result<HeaderValue, Refusal>,
    authorization: Result<HeaderValue, Refusal>,
    host: HeaderValue,
    connection: HeaderValue,
    timeout: Duration,
}

/// Arguments of one call as JavaScript hands them over.
#[derive(Debug, Default)]
pub struct Call<'a> {
    /// Arguments of kind tag, id, and user, in the order of the table; `None` where JavaScript could not make text
    /// of one, which then is refused. A user id is already percent-encoded.
    pub path: [Option<&'a str>; 2],
    /// Body of the request, or its query with the question mark; `None` where there is none or it was refused.
    pub text: Option<String>,
}

/// Why a call sends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// An argument is missing or wrong; the text is for the callback.
    Argument(&'static str),
    /// A header cannot hold the value it should; the name is for Node's `ERR_INVALID_CHAR`.
    Header(&'static str),
    /// The path is longer than a request line can be.
    PathTooLong,
}

/// The text for user ids that would climb out of their path, even percent-encoded: proxies resolve `%2E%2E` too.
pub const DOT_SEGMENT: &str = "User ID must not be \".\" or \"..\", it would change the path of the request";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const LAYER_PATCH: HeaderValue = HeaderValue::from_static("application/vnd.layer-patch+json");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// A token or version that no header can hold is refused call by call, as the original does.
    /// Errors: a host that TLS cannot check.
    pub fn new(agent: &Agent, options: &ClientOptions) -> Result<Self, InvalidAgent> {
        let host =
            header(&options.base_url.host_header(), "Host").map_err(|_| InvalidAgent::new("host", "not a host"))?;
        let mut authorization = header(&format!("Bearer {}", options.token), "Authorization");
        if let Ok(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Ok(Self {
            origin: agent.origin(&options.base_url)?,
            root: format!("{}/apps/{}", options.base_url.prefix, options.app_id),
            accept: header(&format!("application/vnd.layer+json; version={}", options.version), "Accept"),
            authorization,
            host,
            connection: HeaderValue::from_static(if agent.keeps_alive() { "keep-alive" } else { "close" }),
            timeout: options.timeout,
        })
    }

    /// Makes the request of a call, or says why there is none to make.
    ///
    /// Checks run in the order of the method's table row; headers come last, as in the original.
    pub fn prepare(&self, method: &Method, call: Call<'_>, ticket: u32) -> Result<Job, Refusal> {
        let (tag, segments) = check(method, &call)?;
        let mut path = String::with_capacity(self.root.len() + 128);
        path.push_str(&self.root);
        fill(&mut path, method.path, &segments);
        if method.params.last().is_some_and(|param| param.kind == Kind::Query) {
            path.push_str(call.text.as_deref().unwrap_or_default());
        }
        let body = method.payload.and(call.text).map(Bytes::from);
        let headers = self.headers(method.verb, tag, body.is_some())?;

        let mut request = Request::new(Body::new(body.unwrap_or_default()));
        *request.method_mut() = match method.verb {
            Verb::Get => HttpMethod::GET,
            Verb::Post => HttpMethod::POST,
            Verb::Put => HttpMethod::PUT,
            Verb::Patch => HttpMethod::PATCH,
            Verb::Delete => HttpMethod::DELETE,
        };
        *request.uri_mut() = Uri::try_from(path).map_err(|_| Refusal::PathTooLong)?;
        *request.headers_mut() = headers;
        Ok(Job { ticket, origin: Arc::clone(&self.origin), request, timeout: self.timeout })
    }

    /// The headers of the original, in its order.
    fn headers(&self, verb: Verb, tag: Option<&str>, has_body: bool) -> Result<HeaderMap, Refusal> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, self.accept.clone()?);
        headers.insert(AUTHORIZATION, self.authorization.clone()?);
        headers.insert(CONTENT_TYPE, if verb == Verb::Patch { LAYER_PATCH } else { JSON });
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, header(tag, "If-None-Match")?);
        }
        headers.insert(HOST, self.host.clone());
        headers.insert(CONNECTION, self.connection.clone());
        if has_body {
            // The original writes its bodies without knowing their length.
            headers.insert(TRANSFER_ENCODING, CHUNKED);
        }
        Ok(headers)
    }
}

/// Checks the arguments in the order of the table and sorts them into the tag and the segments of the path.
fn check<'a>(method: &Method, call: &Call<'a>) -> Result<(Option<&'a str>, [&'a str; 2]), Refusal> {
    let mut tag = None;
    let mut segments = [""; 2];
    let mut filled = 0;
    let mut path = call.path.iter().copied();
    for param in method.params {
        let refusal = Refusal::Argument(param.error);
        let segment = match param.kind {
            Kind::Tag => {
                tag = path.next().flatten();
                if let Some(tag) = tag {
                    uuid_of(tag).ok_or(refusal)?;
                }
                continue;
            }
            Kind::Id => path.next().flatten().and_then(uuid_of).ok_or(refusal)?,
            Kind::LooseId => uuid_of(path.next().flatten().ok_or(refusal)?).unwrap_or("null"),
            Kind::User => match path.next().flatten().ok_or(refusal)? {
                "." | ".." => return Err(Refusal::Argument(DOT_SEGMENT)),
                user => user,
            },
            Kind::Payload => {
                call.text.as_ref().ok_or(refusal)?;
                continue;
            }
            Kind::Value | Kind::Query => continue,
        };
        segments[filled] = segment;
        filled += 1;
    }
    Ok((tag, segments))
}

/// Appends `template` with `{0}` and `{1}` replaced.
fn fill(path: &mut String, template: &str, segments: &[&str; 2]) {
    let mut rest = template;
    while let Some(start) = rest.find('{') {
        path.push_str(&rest[..start]);
        path.push_str(if rest[start..].starts_with("{0}") { segments[0] } else { segments[1] });
        rest = &rest[start + 3..];
    }
    path.push_str(rest);
}

/// A header value with the characters that Node allows: one byte each, no control characters but the tab.
fn header(value: &str, name: &'static str) -> Result<HeaderValue, Refusal> {
    let bytes: Cow<'_, [u8]> = if value.is_ascii() {
        Cow::Borrowed(value.as_bytes())
    } else {
        value
            .chars()
            .map(|character| u8::try_from(u32::from(character)))
            .collect::<Result<Vec<u8>, _>>()
            .map_err(|_| Refusal::Header(name))?
            .into()
    };
    HeaderValue::from_bytes(&bytes).map_err(|_| Refusal::Header(name))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(text) => f.write_str(text),
            Self::Header(name) => write!(f, "Invalid character in header content [\"{name}\"]"),
            Self::PathTooLong => f.write_str("The path of the request is longer than 65,534 bytes"),
        }
    }
}

impl std::error::Error for Refusal {}
