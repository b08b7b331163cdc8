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
    /// URL of an HTTP proxy, which may hold a password. Default: none; variables of the environment play no part.
    pub proxy: Option<String>,
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
    /// Errors: a host that TLS cannot check; a proxy that is no URL.
    pub fn new(agent: &Agent, options: &ClientOptions) -> Result<Self, InvalidAgent> {
        let host = header(&options.base_url.host_header(), "Host")
            .map_err(|_| InvalidAgent::option("baseUrl", "has a host that no header can hold"))?;
        let mut authorization = header(&format!("Bearer {}", options.token), "Authorization");
        if let Ok(value) = &mut authorization {
            value.set_sensitive(true);
        }
        Ok(Self {
            origin: agent.origin(&options.base_url, options.proxy.as_deref())?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::AgentOptions;
    use crate::methods::{METHODS, Resource, find};

    const APP: &str = "e4fd3974-20fe-11e5-89c5-080725007e28";
    const ID: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";

    fn client(token: &str) -> Client {
        let agent = Agent::new(AgentOptions { keep_alive: true, ..AgentOptions::default() }).unwrap();
        let options = ClientOptions {
            app_id: APP.into(),
            token: token.into(),
            version: "1.0".into(),
            base_url: BaseUrl::parse("https://layer.test/prefix").unwrap(),
            proxy: None,
            timeout: Duration::from_secs(10),
        };
        Client::new(&agent, &options).unwrap()
    }

    fn call<'a>(first: Option<&'a str>, second: Option<&'a str>, text: Option<&str>) -> Call<'a> {
        Call { path: [first, second], text: text.map(str::to_owned) }
    }

    #[test]
    fn headers_go_out_in_the_order_of_the_original() {
        let send = find(Resource::Messages, "sendDedupe");
        let job = client("secret").prepare(send, call(Some(ID), Some(ID), Some("{}")), 1).unwrap();
        let headers: Vec<_> =
            job.request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(
            headers,
            [
                ("accept", "application/vnd.layer+json; version=1.0"),
                ("authorization", "Bearer secret"),
                ("content-type", "application/json"),
                ("if-none-match", ID),
                ("host", "layer.test"),
                ("connection", "keep-alive"),
                ("transfer-encoding", "chunked"),
            ]
        );
        assert_eq!(job.request.uri(), format!("/prefix/apps/{APP}/conversations/{ID}/messages").as_str());
    }

    #[test]
    fn requests_without_a_body_do_not_announce_one() {
        let job = client("t").prepare(find(Resource::Conversations, "delete"), call(Some(ID), None, None), 1).unwrap();
        assert!(!job.request.headers().contains_key(TRANSFER_ENCODING));
        assert_eq!(job.request.method(), HttpMethod::DELETE);
    }

    #[test]
    fn every_method_fills_its_path_with_its_own_arguments() {
        for method in &METHODS {
            let path_params =
                method.params.iter().filter(|param| matches!(param.kind, Kind::Id | Kind::LooseId | Kind::User));
            let count = path_params.count();
            for index in 0..2 {
                assert_eq!(method.path.contains(&format!("{{{index}}}")), index < count, "{}", method.name);
            }
            let is_tagged = method.params[0].kind == Kind::Tag;
            let arguments =
                if is_tagged { call(None, Some(ID), Some("-")) } else { call(Some(ID), Some(ID), Some("-")) };
            let job = client("t").prepare(method, arguments, 1).unwrap();
            assert!(!job.request.uri().path().contains('{'), "{}", method.name);
        }
    }

    #[test]
    fn no_user_id_climbs_out_of_its_path() {
        for method in METHODS.iter().filter(|method| method.params[0].kind == Kind::User) {
            for user in [".", ".."] {
                let refusal = client("t").prepare(method, call(Some(user), Some(ID), Some("{}")), 1).err();
                assert_eq!(refusal, Some(Refusal::Argument(DOT_SEGMENT)), "{}", method.name);
            }
        }
    }

    #[test]
    fn arguments_are_checked_in_the_order_of_the_table_and_before_the_headers() {
        let send = find(Resource::Messages, "sendDedupe");
        let client = client("line\nbreak");
        let refusal = |first, second, text| client.prepare(send, call(first, second, text), 1).err();
        assert_eq!(refusal(Some(""), None, None), Some(Refusal::Argument("De-duplicating UUID value is required")));
        assert_eq!(refusal(None, None, None), Some(Refusal::Argument("Conversation ID is required")));
        assert_eq!(refusal(None, Some(ID), None), Some(Refusal::Argument("Message body is required")));
        assert_eq!(refusal(None, Some(ID), Some("{}")), Some(Refusal::Header("Authorization")));
    }

    #[test]
    fn header_values_are_single_bytes_without_control_characters() {
        assert_eq!(header("é", "X").unwrap().as_bytes(), [0xe9]);
        assert!(header("a\tb", "X").is_ok());
        for value in ["a\nb", "a\rb", "a\0b", "😀", "\u{7f}"] {
            assert_eq!(header(value, "X"), Err(Refusal::Header("X")), "{value:?}");
        }
    }
}
