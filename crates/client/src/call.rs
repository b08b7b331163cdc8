//! A call as a record, there: from the arguments of a method to its HTTP request.
//!
//! Memory that one thread allocates and another one frees makes both wait for the allocator's lock. So the texts of
//! calls lie one after the other in the memory of a packet, of which the engine takes slices, and all else that a
//! request needs is made over there.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, IF_NONE_MATCH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Uri};

use crate::client::Client;
use crate::failure::Failure;
use crate::id::uuid_of;
use crate::methods::{Kind, Method, Verb};
use crate::refusal::{DOT_SEGMENT, Refusal, header};
use crate::transport::connection::Body;

/// Arguments of one call as JavaScript hands them over.
#[derive(Default)]
pub struct Arguments<'a> {
    /// Arguments of kind tag, id, and user, in the order of the table; `None` where JavaScript could not make text of
    /// one, which then is refused. A user id is already percent-encoded.
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

/// A call whose texts lie in a packet.
pub struct Draft {
    pub(crate) ticket: u32,
    client: Arc<Client>,
    method: &'static Method,
    tag: Option<HeaderValue>,
    /// Where its path ends in the text; it begins where the draft before ends.
    path_end: usize,
    body_end: usize,
}

impl Draft {
    /// Checks the arguments of a call and appends its path and body to `texts`; or says why there is nothing to send,
    /// and leaves them as they were.
    ///
    /// Checks run in the order of the method's table row; headers come last, as in the original.
    pub(crate) fn new(
        client: &Arc<Client>,
        method: &'static Method,
        arguments: &Arguments<'_>,
        ticket: u32,
        texts: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        let (tag, segments) = check(method, arguments)?;
        let takes_query = method.params.last().is_some_and(|param| param.kind == Kind::Query);
        client.accept.as_ref().and(client.authorization.as_ref()).map_err(Clone::clone)?;
        let tag = tag.map(|tag| header(tag, "If-None-Match")).transpose()?;

        let start = texts.len();
        texts.extend_from_slice(client.root.as_bytes());
        fill(texts, method.path, &segments);
        let mut path_end = texts.len();
        if let Some(text) = arguments.text.filter(|_| takes_query || method.payload.is_some()) {
            text.append_to(texts);
        }
        let body_end = texts.len();
        if takes_query {
            path_end = body_end;
        }
        if let Err(refusal) = check_path(&texts[start..path_end]) {
            texts.truncate(start);
            return Err(refusal);
        }
        Ok(Self { ticket, client: Arc::clone(client), method, tag, path_end, body_end })
    }

    /// The call with its slices of `texts`; `start` is where the draft before ends, and becomes where this one does.
    pub(crate) fn into_call(self, texts: &Bytes, start: &mut usize) -> Call {
        let path = texts.slice(std::mem::replace(start, self.body_end)..self.path_end);
        let body = texts.slice(self.path_end..self.body_end);
        Call { client: self.client, method: self.method, tag: self.tag, path, body }
    }
}

/// A call that the engine carries.
pub(crate) struct Call {
    pub(crate) client: Arc<Client>,
    method: &'static Method,
    tag: Option<HeaderValue>,
    path: Bytes,
    body: Bytes,
}

impl Call {
    /// The request, with the headers of the original in its order; made anew for each attempt, because few need a
    /// second one.
    pub(crate) fn request(&self) -> Result<Request<Body>, Box<Failure>> {
        // `Draft::new` lets nothing through that this would have to say.
        self.make_request().ok_or_else(|| Box::new(Failure::hang_up()))
    }

    fn make_request(&self) -> Option<Request<Body>> {
        let Self { client, method, tag, path, body } = self;
        let body = method.payload.map(|_| body.clone());
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, client.accept.clone().ok()?);
        headers.insert(AUTHORIZATION, client.authorization.clone().ok()?);
        headers.insert(CONTENT_TYPE, if method.verb == Verb::Patch { LAYER_PATCH } else { JSON });
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        headers.insert(HOST, client.host.clone());
        headers.insert(CONNECTION, client.connection.clone());
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
        *request.uri_mut() = Uri::from_maybe_shared(path.clone()).ok()?;
        *request.headers_mut() = headers;
        Some(request)
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const LAYER_PATCH: HeaderValue = HeaderValue::from_static("application/vnd.layer-patch+json");
const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");

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
fn check<'a>(method: &Method, arguments: &Arguments<'a>) -> Result<(Option<&'a str>, [&'a str; 2]), Refusal> {
    let mut tag = None;
    let mut segments = [""; 2];
    let mut filled = 0;
    let mut path = arguments.path.iter().copied();
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
                arguments.text.ok_or(refusal)?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base_url::BaseUrl;
    use crate::client::ClientOptions;
    use crate::methods::{METHODS, Resource, find};
    use crate::options::{AgentOptions, RequestOptions};
    use crate::transport::pool::Agent;

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
            request: RequestOptions { timeout: Duration::from_secs(10), max_response_bytes: 1 << 20 },
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
        let mut texts = b"of the call before".to_vec();
        let mut start = texts.len();
        let text = text.as_ref().map(|text| text as &dyn Source);
        let result = Draft::new(client, method, &Arguments { path, text }, 1, &mut texts);
        assert_eq!(result.is_err(), texts.len() == start);
        result.map(|draft| draft.into_call(&texts.into(), &mut start).request().unwrap())
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
