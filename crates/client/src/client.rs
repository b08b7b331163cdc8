//! A client: its address, its credentials, and how a call of a method becomes a request.

use crate::agent::{Agent, InvalidAgent, Origin};
use crate::base_url::BaseUrl;
use crate::connection::Body;
use crate::id::uuid_of;
use crate::methods::{Kind, Method, Verb};
use crate::packet::{Draft, Packet};
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
    /// Bytes that the body of a reply may have.
    pub max_response_bytes: usize,
}

/// A client of one app.
pub struct Client {
    pub(crate) origin: Arc<Origin>,
    /// Everything of the path before the method's own.
    root: String,
    accept: Result<HeaderValue, Refusal>,
    authorization: Result<HeaderValue, Refusal>,
    host: HeaderValue,
    connection: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
}

/// Arguments of one call as JavaScript hands them over.
#[derive(Default)]
pub struct Call<'a> {
    /// Arguments of kind tag, id, and user, in the order of the table; `None` where JavaScript could not make text
    /// of one, which then is refused. A user id is already percent-encoded.
    pub path: [Option<&'a str>; 2],
    /// Body of the request, or its query with the question mark; `None` where there is none or it was refused.
    pub text: Option<&'a dyn Source>,
}

/// Text that is written where it is needed, and so copied once.
pub trait Source {
    /// Appends the text in UTF-8.
    fn append_to(&self, bytes: &mut Vec<u8>);
}

impl Source for &str {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }
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
            max_response_bytes: options.max_response_bytes,
        })
    }

    /// Puts the request of a call into `packet`, or says why there is none to make and leaves the packet as it was.
    ///
    /// Checks run in the order of the method's table row; headers come last, as in the original.
    pub fn prepare(
        self: &Arc<Self>,
        method: &'static Method,
        call: &Call<'_>,
        ticket: u32,
        packet: &mut Packet,
    ) -> Result<(), Refusal> {
        let (tag, segments) = check(method, call)?;
        let takes_query = method.params.last().is_some_and(|param| param.kind == Kind::Query);
        self.accept.as_ref().and(self.authorization.as_ref()).map_err(Clone::clone)?;
        let tag = tag.map(|tag| header(tag, "If-None-Match")).transpose()?;

        let start = packet.text.len();
        packet.text.extend_from_slice(self.root.as_bytes());
        fill(&mut packet.text, method.path, &segments);
        let mut path_end = packet.text.len();
        if let Some(text) = call.text.filter(|_| takes_query || method.payload.is_some()) {
            text.append_to(&mut packet.text);
        }
        let body_end = packet.text.len();
        if takes_query {
            path_end = body_end;
        }
        if let Err(refusal) = check_path(&packet.text[start..path_end]) {
            packet.text.truncate(start);
            return Err(refusal);
        }
        packet.drafts.push(Draft { ticket, client: Arc::clone(self), method, tag, path_end, body_end });
        Ok(())
    }

    /// Makes a request, with the headers of the original in its order. `None` for what `prepare` refuses.
    pub(crate) fn request(
        &self,
        method: &Method,
        path: Bytes,
        tag: Option<&HeaderValue>,
        body: Option<Bytes>,
    ) -> Option<Request<Body>> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, self.accept.clone().ok()?);
        headers.insert(AUTHORIZATION, self.authorization.clone().ok()?);
        headers.insert(CONTENT_TYPE, if method.verb == Verb::Patch { LAYER_PATCH } else { JSON });
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        headers.insert(HOST, self.host.clone());
        headers.insert(CONNECTION, self.connection.clone());
        if body.is_some() {
            // The original writes its bodies without knowing their length.
            headers.insert(TRANSFER_ENCODING, CHUNKED);
        }

        let mut request = Request::new(Body::new(body.unwrap_or_default()));
        *request.method_mut() = match method.verb {
            Verb::Get => HttpMethod::GET,
            Verb::Post => HttpMethod::POST,
            Verb::Put => HttpMethod::PUT,
            Verb::Patch => HttpMethod::PATCH,
            Verb::Delete => HttpMethod::DELETE,
        };
        *request.uri_mut() = Uri::from_maybe_shared(path).ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }
}

/// Whether a byte is one of those that ids, and what `querystring` escapes, are made of.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-_.~!*'()%?&=";
    let mut index = 0;
    while index < plain.len() {
        table[plain[index] as usize] = true;
        index += 1;
    }
    table
};

/// Refuses what cannot stand in a request line.
fn check_path(path: &[u8]) -> Result<(), Refusal> {
    /// Longest path that `http` takes.
    const LONGEST: usize = u16::MAX as usize - 1;
    // Nearly every path; a service may give `querystring` an escape function that lets more through.
    let is_plain = path.iter().all(|&byte| PLAIN[usize::from(byte)]);
    if path.len() <= LONGEST && (is_plain || Uri::try_from(path).is_ok()) {
        return Ok(());
    }
    Err(Refusal::PathTooLong)
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
            Kind::User => match path.next().flatten().ok_or(refusal)? {
                "." | ".." => return Err(Refusal::Argument(DOT_SEGMENT)),
                user => user,
            },
            Kind::Payload => {
                call.text.ok_or(refusal)?;
                continue;
            }
            Kind::Sender | Kind::Name | Kind::Text | Kind::Properties | Kind::Query => continue,
        };
        segments[filled] = segment;
        filled += 1;
    }
    Ok((tag, segments))
}

/// Appends `template` with `{0}` and `{1}` replaced.
fn fill(path: &mut Vec<u8>, template: &str, segments: &[&str; 2]) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.extend_from_slice(before.as_bytes());
        let (digit, after) = after.split_at("0}".len());
        path.extend_from_slice(segments[usize::from(digit == "1}")].as_bytes());
        rest = after;
    }
    path.extend_from_slice(rest.as_bytes());
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

    fn client(token: &str) -> Arc<Client> {
        let agent = Agent::new(AgentOptions { keep_alive: true, ..AgentOptions::default() }).unwrap();
        let options = ClientOptions {
            app_id: APP.into(),
            token: token.into(),
            version: "1.0".into(),
            base_url: BaseUrl::parse("https://layer.test/prefix").unwrap(),
            proxy: None,
            timeout: Duration::from_secs(10),
            max_response_bytes: 1 << 20,
        };
        Arc::new(Client::new(&agent, &options).unwrap())
    }

    /// What a call of `method` sends: an argument or text that is not given was refused.
    fn request(
        client: &Arc<Client>,
        method: &'static Method,
        path: [Option<&str>; 2],
        text: Option<&str>,
    ) -> Result<Request<Body>, Refusal> {
        let mut packet = Packet::default();
        let text = text.as_ref().map(|text| text as &dyn Source);
        let result = client.prepare(method, &Call { path, text }, 1, &mut packet);
        assert_eq!(result.is_err(), packet.is_empty());
        result.map(|()| packet.into_jobs().next().unwrap().request().unwrap())
    }

    #[test]
    fn headers_go_out_in_the_order_of_the_original() {
        let send = find(Resource::Messages, "sendDedupe");
        let request = request(&client("secret"), send, [Some(ID), Some(ID)], Some("{}")).unwrap();
        let headers: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
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
        assert_eq!(request.uri(), format!("/prefix/apps/{APP}/conversations/{ID}/messages").as_str());
    }

    #[test]
    fn requests_without_a_body_do_not_announce_one() {
        let delete = find(Resource::Conversations, "delete");
        let request = request(&client("t"), delete, [Some(ID), None], None).unwrap();
        assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        assert_eq!(request.method(), HttpMethod::DELETE);
    }

    #[test]
    fn every_method_fills_its_path_with_its_own_arguments() {
        for method in &METHODS {
            let path_params = method.params.iter().filter(|param| matches!(param.kind, Kind::Id | Kind::User));
            let count = path_params.count();
            for index in 0..2 {
                assert_eq!(method.path.contains(&format!("{{{index}}}")), index < count, "{}", method.name);
            }
            let is_tagged = method.params[0].kind == Kind::Tag;
            let first = if is_tagged { None } else { Some(ID) };
            let request = request(&client("t"), method, [first, Some(ID)], Some("-")).unwrap();
            assert!(!request.uri().path().contains('{'), "{}", method.name);
        }
    }

    #[test]
    fn no_user_id_climbs_out_of_its_path() {
        for method in METHODS.iter().filter(|method| method.params[0].kind == Kind::User) {
            for user in [".", ".."] {
                let refusal = request(&client("t"), method, [Some(user), Some(ID)], Some("{}")).err();
                assert_eq!(refusal, Some(Refusal::Argument(DOT_SEGMENT)), "{}", method.name);
            }
        }
    }

    #[test]
    fn arguments_are_checked_in_the_order_of_the_table_and_before_the_headers() {
        let send = find(Resource::Messages, "sendDedupe");
        let client = client("line\nbreak");
        let refusal = |first, second, text| request(&client, send, [first, second], text).err();
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
