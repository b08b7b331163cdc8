//! A call as a record, there: from the arguments of a method to its HTTP request.
//!
//! Memory that one thread allocates and another one frees makes both wait for the allocator's lock. So the texts of
//! calls lie one after the other in the memory of a packet, of which the engine takes slices, and all else that a
//! request needs is made over there.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, IF_NONE_MATCH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, Request, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::client::Client;
use crate::failure::NoReply;
use crate::id::uuid_of;
use crate::methods::{Kind, Method, Recipe, Repeat, Resource, Verb};
use crate::refusal::{DOT_SEGMENT, KEY_BESIDE_TAG, KEY_WITHOUT_CREATE, Refusal, header};
use crate::transport::connection::Body;

/// Arguments of one call as JavaScript hands them over.
#[derive(Default)]
pub struct Arguments<'a> {
    /// Arguments of kind tag, id, and user, in the order of the table; `None` where JavaScript could not make text of
    /// one, which then is refused. A user id is already percent-encoded.
    pub path: [Option<&'a str>; 3],
    /// Body of the request, its query with the question mark, or the properties of an upload as JSON; `None` where
    /// there is none or it was refused.
    pub text: Option<&'a dyn Source>,
    /// What the caller may ask of it later.
    pub manner: Manner,
}

/// What a caller wants of a call beside its outcome.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// To be able to give it up.
    pub is_cancellable: bool,
    /// To hear of each attempt, with the time that its steps took.
    pub is_watched: bool,
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
    manner: Manner,
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
        let method = method.among(client.versions);
        if !method.versions.has_any(client.versions) {
            return Err(Refusal::Version(method, client.versions));
        }
        let (tag, segments) = check(method, arguments)?;
        let takes_query =
            method.params.last().is_some_and(|param| matches!(param.kind, Kind::Query | Kind::Parameters));
        client.accept.as_ref().and(client.place.authorization.as_ref()).map_err(Clone::clone)?;
        let mut tag = tag.map(|tag| header(tag, "If-None-Match")).transpose()?;
        if let Some(key) = &client.idempotency_key {
            if method.params.iter().any(|param| param.kind == Kind::Tag) {
                return Err(Refusal::Argument(KEY_BESIDE_TAG));
            }
            if method.repeat() != Repeat::Tagged {
                return Err(Refusal::Argument(KEY_WITHOUT_CREATE));
            }
            tag = Some(key.clone());
        }

        let start = texts.len();
        texts.extend_from_slice(client.place.root.as_bytes());
        fill(texts, method.path, &segments);
        let mut path_end = texts.len();
        if let Some(text) = arguments.text.filter(|_| takes_query || method.payload.is_some()) {
            text.append_to(texts);
        }
        let body_end = texts.len();
        if takes_query {
            path_end = body_end;
        }
        let mut checked = check_path(&texts[start..path_end]);
        if checked.is_ok() && method.payload == Some(Recipe::Upload) {
            checked = upload_headers(&texts[path_end..]).map(drop);
        }
        if let Err(refusal) = checked {
            texts.truncate(start);
            return Err(refusal);
        }
        let client = Arc::clone(client);
        Ok(Self { ticket, client, method, tag, manner: arguments.manner, path_end, body_end })
    }

    /// The call with its slices of `texts`; `start` is where the draft before ends, and becomes where this one does.
    pub(crate) fn into_call(self, texts: &Bytes, start: &mut usize) -> Call {
        let path = texts.slice(std::mem::replace(start, self.body_end)..self.path_end);
        let body = texts.slice(self.path_end..self.body_end);
        let Self { ticket, client, method, mut tag, manner, .. } = self;
        if tag.is_none() && client.options.max_retries > 0 && method.repeat() == Repeat::Tagged {
            // A UUID is made of characters that a header can hold.
            tag = HeaderValue::try_from(Uuid::now_v7().to_string()).ok();
        }
        Call { ticket, client, method, tag, manner, path, body }
    }
}

/// A call that the engine carries.
pub(crate) struct Call {
    pub(crate) ticket: u32,
    pub(crate) client: Arc<Client>,
    method: &'static Method,
    tag: Option<HeaderValue>,
    pub(crate) manner: Manner,
    path: Bytes,
    body: Bytes,
}

impl Call {
    /// Whether the service does the same once where it is asked twice.
    pub(crate) fn is_repeatable(&self) -> bool {
        match self.method.repeat() {
            Repeat::Same => true,
            Repeat::Tagged => self.tag.is_some(),
            Repeat::Twice => false,
        }
    }

    /// The object that an earlier attempt created, where `body`, a conflict, shows it: it has the tag of this call.
    pub(crate) fn created(&self, body: &Bytes) -> Option<Bytes> {
        #[derive(Deserialize)]
        struct Conflict<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Object {
            id: String,
        }
        // The object of a batch would be its first message alone.
        if self.method.repeat() != Repeat::Tagged || self.body.starts_with(b"[") {
            return None;
        }
        let tag = self.tag.as_ref()?.to_str().ok()?;
        let conflict: Conflict<'_> = serde_json::from_slice(body).ok()?;
        let object: Object = serde_json::from_str(conflict.data.get()).ok()?;
        // The path ends with the noun that the id has: `layer:///messages/UUID`.
        let (rest, id) = object.id.rsplit_once('/')?;
        let is_same = id.eq_ignore_ascii_case(tag) && rest.rsplit('/').next() == self.method.path.rsplit('/').next();
        is_same.then(|| body.slice_ref(conflict.data.get().as_bytes()))
    }

    /// The request, with the headers of the original in its order and then those of the caller; made anew for each
    /// attempt, because few need a second one.
    pub(crate) fn request(&self) -> Result<Request<Body>, Box<NoReply>> {
        // `Draft::new` lets nothing through that this would have to say.
        self.make_request().ok_or_else(|| Box::new(NoReply::hang_up()))
    }

    /// The body, where the method has one.
    pub(crate) fn body(&self) -> Option<Bytes> {
        // What an upload announces goes into headers.
        self.method.payload.filter(|&payload| payload != Recipe::Upload).map(|_| self.body.clone())
    }

    fn make_request(&self) -> Option<Request<Body>> {
        let Self { client, method, tag, path, body, .. } = self;
        let place = &client.place;
        let accept = client.accept.clone().ok()?;
        let accept = if method.resource == Resource::Webhooks { of_webhooks(&accept)? } else { accept };
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(ACCEPT, accept);
        headers.insert(AUTHORIZATION, place.authorization.clone().ok()?);
        headers.insert(CONTENT_TYPE, if method.verb == Verb::Patch { LAYER_PATCH } else { JSON });
        if let Some(tag) = tag {
            headers.insert(IF_NONE_MATCH, tag.clone());
        }
        headers.insert(HOST, place.host.clone());
        headers.insert(CONNECTION, place.connection.clone());
        if method.payload == Some(Recipe::Upload) {
            headers.extend(upload_headers(body).ok()?);
        }
        let body = self.body();
        if body.is_some() {
            // The original writes its bodies without knowing their length.
            headers.insert(TRANSFER_ENCODING, CHUNKED);
        }
        for (name, value) in &client.headers {
            headers.append(name, value.clone());
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

/// The properties of content that is to be uploaded.
#[derive(Deserialize)]
struct Upload {
    /// Its MIME type.
    r#type: String,
    /// Bytes.
    size: u64,
    /// Of a web page that is to upload it.
    origin: Option<String>,
}

/// The headers that announce an upload, of its properties as JSON. Contract 2.5.
fn upload_headers(json: &[u8]) -> Result<Vec<(HeaderName, HeaderValue)>, Refusal> {
    let upload: Upload = serde_json::from_slice(json)
        .map_err(|_| Refusal::Argument("Content properties should be an object with type and size"))?;
    let (kind, length, origin) = ("Upload-Content-Type", "Upload-Content-Length", "Upload-Origin");
    let mut headers = vec![
        (HeaderName::from_static("upload-content-type"), header(&upload.r#type, kind)?),
        (HeaderName::from_static("upload-content-length"), header(&upload.size.to_string(), length)?),
    ];
    if let Some(value) = upload.origin {
        headers.push((HeaderName::from_static("upload-origin"), header(&value, origin)?));
    }
    Ok(headers)
}

/// What webhooks have in place of the media type of all others. Contract 1.3.
fn of_webhooks(accept: &HeaderValue) -> Option<HeaderValue> {
    let version = accept.as_bytes().strip_prefix(b"application/vnd.layer+json".as_slice())?;
    HeaderValue::from_bytes(&[b"application/vnd.layer.webhooks+json".as_slice(), version].concat()).ok()
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
fn check<'a>(method: &Method, arguments: &Arguments<'a>) -> Result<(Option<&'a str>, [&'a str; 3]), Refusal> {
    let mut tag = None;
    let mut segments = [""; 3];
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
            Kind::Sender | Kind::Name | Kind::Text | Kind::Properties | Kind::Query | Kind::Parameters => continue,
        };
        segments[filled] = segment;
        filled += 1;
    }
    Ok((tag, segments))
}

/// Appends `template` with `{0}`, `{1}` and `{2}` replaced.
fn fill(path: &mut Vec<u8>, template: &str, segments: &[&str; 3]) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.extend_from_slice(before.as_bytes());
        let (digit, after) = after.split_at("0}".len());
        let index = match digit {
            "0}" => 0,
            "1}" => 1,
            _ => 2,
        };
        path.extend_from_slice(segments[index].as_bytes());
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
        client_of(token, "1.0")
    }

    fn client_of(token: &str, version: &str) -> Arc<Client> {
        let agent = Agent::new(AgentOptions { keep_alive: true, ..AgentOptions::default() }).unwrap();
        let options = ClientOptions {
            app_id: APP.into(),
            token: token.into(),
            version: version.into(),
            base_url: BaseUrl::parse("https://layer.test/prefix").unwrap(),
            proxy: None,
            request: RequestOptions { timeout: Duration::from_secs(10), max_response_bytes: 1 << 20, max_retries: 0 },
        };
        Arc::new(Client::new(&agent, &options).unwrap())
    }

    /// What a call of `method` sends: an argument or text that is not given was refused.
    fn request(
        client: &Arc<Client>,
        method: &'static Method,
        path: [Option<&str>; 3],
        text: Option<&str>,
    ) -> Result<Request<Body>, Refusal> {
        let mut texts = b"of the call before".to_vec();
        let mut start = texts.len();
        let text = text.as_ref().map(|text| text as &dyn Source);
        let result = Draft::new(client, method, &Arguments { path, text, ..Arguments::default() }, 1, &mut texts);
        assert_eq!(result.is_err(), texts.len() == start);
        result.map(|draft| draft.into_call(&texts.into(), &mut start).request().unwrap())
    }

    #[test]
    fn headers_go_out_in_the_order_of_the_original() {
        let send = find(Resource::Messages, "sendDedupe");
        let request = request(&client("secret"), send, [Some(ID), Some(ID), None], Some("{}")).unwrap();
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
    fn a_conflict_shows_what_was_created_where_it_has_the_tag_and_the_noun_of_the_call() {
        let call = |tag: Option<&str>, text: &str| {
            let mut texts = Vec::new();
            let arguments = Arguments { path: [tag, Some(ID), None], text: Some(&text), ..Arguments::default() };
            let send = find(Resource::Messages, "sendDedupe");
            let draft = Draft::new(&client("t"), send, &arguments, 1, &mut texts).unwrap();
            draft.into_call(&texts.into(), &mut 0)
        };
        let conflict = |id: &str| {
            Bytes::from(format!(r#"{{"id":"id_in_use","data":{{"n":[1.50],"id":"layer:///{id}"}},"url":""}}"#))
        };
        let own = conflict(&format!("messages/{ID}"));
        let created = call(Some(ID), "{}").created(&own).unwrap();
        assert_eq!(created, format!(r#"{{"n":[1.50],"id":"layer:///messages/{ID}"}}"#));
        let upper = ID.to_uppercase();
        assert_eq!(call(Some(&upper), "{}").created(&own), Some(created));
        let others = [conflict(&format!("conversations/{ID}")), conflict(&format!("messages/{APP}")), Bytes::new()];
        for other in others {
            assert_eq!(call(Some(ID), "{}").created(&other), None);
        }
        assert_eq!(call(None, "{}").created(&own), None);
        assert_eq!(call(Some(ID), "[{}]").created(&own), None);
    }

    #[test]
    fn requests_without_a_body_do_not_announce_one() {
        let delete = find(Resource::Conversations, "delete");
        let request = request(&client("t"), delete, [Some(ID), None, None], None).unwrap();
        assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        assert_eq!(request.method(), HttpMethod::DELETE);
    }

    #[test]
    fn every_method_fills_its_path_with_its_own_arguments() {
        for method in &METHODS {
            let path_params = method.params.iter().filter(|param| matches!(param.kind, Kind::Id | Kind::User));
            let count = path_params.count();
            for index in 0..3 {
                assert_eq!(method.path.contains(&format!("{{{index}}}")), index < count, "{}", method.name);
            }
            let is_tagged = method.params.first().is_some_and(|param| param.kind == Kind::Tag);
            let first = if is_tagged { None } else { Some(ID) };
            let text = if method.payload == Some(Recipe::Upload) { r#"{"type":"a/b","size":1}"# } else { "-" };
            // A version that nobody knows is left to the service.
            let request = request(&client_of("t", "9.9"), method, [first, Some(ID), Some(ID)], Some(text)).unwrap();
            assert!(!request.uri().path().contains('{'), "{}", method.name);
        }
    }

    #[test]
    fn no_user_id_climbs_out_of_its_path() {
        let is_user = |method: &&'static Method| method.params.first().is_some_and(|param| param.kind == Kind::User);
        for method in METHODS.iter().filter(is_user) {
            for user in [".", ".."] {
                let refusal = request(&client_of("t", "9.9"), method, [Some(user), Some(ID), None], Some("{}")).err();
                assert_eq!(refusal, Some(Refusal::Argument(DOT_SEGMENT)), "{}", method.name);
            }
        }
    }

    #[test]
    fn arguments_are_checked_in_the_order_of_the_table_and_before_the_headers() {
        let send = find(Resource::Messages, "sendDedupe");
        let client = client("line\nbreak");
        let refusal = |first, second, text| request(&client, send, [first, second, None], text).err();
        assert_eq!(refusal(Some(""), None, None), Some(Refusal::Argument("De-duplicating UUID value is required")));
        assert_eq!(refusal(None, None, None), Some(Refusal::Argument("Conversation ID is required")));
        assert_eq!(refusal(None, Some(ID), None), Some(Refusal::Argument("Message body is required")));
        assert_eq!(refusal(None, Some(ID), Some("{}")), Some(Refusal::Header("Authorization")));
    }

    #[test]
    fn a_method_that_the_version_has_not_is_refused_before_its_arguments() {
        let refusal = |resource, name, version| {
            let refusal = request(&client_of("t", version), find(resource, name), [None; 3], None).err();
            refusal.map(|refusal| refusal.to_string())
        };
        assert_eq!(
            refusal(Resource::Messages, "sendTextFromName", "3.0").unwrap(),
            "layer.messages.sendTextFromName needs version 1.0 or 1.1 of the Server API, and the client has 3.0"
        );
        assert_eq!(
            refusal(Resource::Messages, "getParts", "2.0").unwrap(),
            "layer.messages.getParts needs version 3.0 of the Server API, and the client has 2.0"
        );
        assert_eq!(
            refusal(Resource::Webhooks, "getAll", "1.1").unwrap(),
            "layer.webhooks.getAll needs version 1.0, 2.0 or 3.0 of the Server API, and the client has 1.1"
        );
    }

    #[test]
    fn from_2_0_on_a_block_list_is_patched() {
        let block = find(Resource::Blocklist, "unblock");
        let sent = |version| request(&client_of("t", version), block, [Some("maria"), Some("jon"), None], Some("[]"));
        for (version, verb, path) in [
            ("1.0", "DELETE", "/users/maria/blocks/jon"),
            ("1.1", "DELETE", "/users/maria/blocks/jon"),
            ("2.0", "PATCH", "/users/maria"),
            ("3.0", "PATCH", "/users/maria"),
            ("9.9", "DELETE", "/users/maria/blocks/jon"),
        ] {
            let request = sent(version).unwrap();
            assert_eq!(request.method(), verb, "{version}");
            assert!(request.uri().path().ends_with(path), "{version}");
        }
    }

    #[test]
    fn an_upload_is_announced_in_headers_and_webhooks_have_their_own_media_type() {
        let create = find(Resource::Content, "create");
        let sent = |text| request(&client("t"), create, [Some(ID), None, None], Some(text));
        let announced = sent(r#"{"type":"image/png","size":5,"origin":"https://a.test"}"#).unwrap();
        let value = |name: &str| announced.headers()[name].to_str().unwrap();
        assert_eq!(value("upload-content-type"), "image/png");
        assert_eq!(value("upload-content-length"), "5");
        assert_eq!(value("upload-origin"), "https://a.test");
        assert!(!announced.headers().contains_key(TRANSFER_ENCODING));
        assert_eq!(sent(r#"{"type":"a\nb","size":5}"#).err(), Some(Refusal::Header("Upload-Content-Type")));

        let webhooks = request(&client_of("t", "2.0"), find(Resource::Webhooks, "getAll"), [None; 3], None).unwrap();
        assert_eq!(webhooks.headers()[ACCEPT], "application/vnd.layer.webhooks+json; version=2.0");
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
