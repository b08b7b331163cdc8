//! The fixed replies, made once at the start.

use std::cell::RefCell;
use std::collections::HashMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::{Value, json};

/// Messages in a list, as many as Layer puts on one page.
const PAGE: u32 = 100;

/// What a message says, 24 characters each: of 600 bytes as JSON, most is ids, addresses and times.
const ASCII: &str = "See you at nine o'clock.";
const NON_ASCII: &str = "Увидимся в девять часов.";

/// Value of each header that is asked for.
const EXTRA: HeaderValue = HeaderValue::from_static("0123456789");

/// Bodies of the replies.
pub struct Replies {
    message: Bytes,
    conversation: Bytes,
    list: Bytes,
    list_non_ascii: Bytes,
    /// Lists by the number of bytes that was asked for; made when they are first.
    sized: RefCell<HashMap<usize, Bytes>>,
}

impl Replies {
    /// Writes the bodies.
    pub fn new() -> Self {
        let list = |text| (0..PAGE).map(|position| message(position, text)).collect::<Value>();
        Self {
            message: bytes(&message(0, ASCII)),
            conversation: bytes(&conversation()),
            list: bytes(&list(ASCII)),
            list_non_ascii: bytes(&list(NON_ASCII)),
            sized: RefCell::default(),
        }
    }

    /// The reply to a request: a message to a POST, what is asked for to a GET, and nothing to all others.
    ///
    /// The query of a list may ask for text in Cyrillic (`text=non-ascii`), for another length (`bytes=N`, met to half
    /// a message), and for more headers (`headers=N`).
    pub fn to(&self, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
        match *method {
            Method::POST => reply(StatusCode::CREATED, &self.message),
            Method::GET if uri.path().ends_with("/messages") => self.list(uri.query().unwrap_or_default()),
            Method::GET => reply(StatusCode::OK, &self.conversation),
            _ => reply(StatusCode::NO_CONTENT, &Bytes::new()),
        }
    }

    fn list(&self, query: &str) -> Response<Full<Bytes>> {
        let number = |name| query.split('&').find_map(|pair| pair.strip_prefix(name)?.parse::<usize>().ok());
        let mut response = match number("bytes=") {
            Some(length) => reply(StatusCode::OK, &self.sized(length)),
            None if query.contains("non-ascii") => reply(StatusCode::OK, &self.list_non_ascii),
            None => reply(StatusCode::OK, &self.list),
        };
        for index in 0..number("headers=").unwrap_or_default() {
            let name = HeaderName::try_from(format!("x-layer-{index}"));
            // Letters, digits and a dash: always a name.
            response.headers_mut().extend(name.ok().map(|name| (name, EXTRA)));
        }
        response
    }

    fn sized(&self, length: usize) -> Bytes {
        let made = || {
            // Each has a comma or bracket behind it.
            let each = self.message.len() + 1;
            let count = (length + each / 2) / each;
            bytes(&(0..).map(|position| message(position, ASCII)).take(count.max(1)).collect())
        };
        self.sized.borrow_mut().entry(length).or_insert_with(made).clone()
    }
}

fn reply(status: StatusCode, body: &Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.clone()));
    *response.status_mut() = status;
    if !body.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn message(position: u32, text: &str) -> Value {
    let id = format!("layer:///messages/940de862-3c96-11e4-baad-1641{position:08x}");
    json!({
        "id": id,
        "url": id.replace("layer://", "https://api.layer.com"),
        "conversation": {
            "id": "layer:///conversations/f3cc7b32-3c92-11e4-baad-164230d1df67",
            "url": "https://api.layer.com/conversations/f3cc7b32-3c92-11e4-baad-164230d1df67",
        },
        "parts": [{ "id": format!("{id}/parts/0"), "mime_type": "text/plain", "body": text }],
        "sent_at": "2016-09-09T04:44:47.000Z",
        "sender": { "user_id": "1234", "name": null },
        "recipient_status": { "777": "sent", "999": "read", "1234": "read" },
    })
}

fn conversation() -> Value {
    json!({
        "id": "layer:///conversations/f3cc7b32-3c92-11e4-baad-164230d1df67",
        "url": "https://api.layer.com/conversations/f3cc7b32-3c92-11e4-baad-164230d1df67",
        "messages_url": "https://api.layer.com/conversations/f3cc7b32-3c92-11e4-baad-164230d1df67/messages",
        "created_at": "2016-09-09T04:44:47.000Z",
        "participants": ["1234", "777", "999"],
        "distinct": true,
        "metadata": { "title": "Ski trip", "background_color": "#3c3c3c" },
    })
}

#[cfg(test)]
mod tests {
    use http::{Method, StatusCode, Uri};
    use http_body_util::BodyExt;

    use super::Replies;

    async fn ask(method: Method, uri: &str) -> (StatusCode, String) {
        let response = Replies::new().to(&method, &uri.parse().unwrap());
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_replies_have_the_sizes_that_the_benchmark_promises() {
        let (status, message) = ask(Method::POST, "/apps/a/conversations/c/messages").await;
        assert_eq!(status, StatusCode::CREATED);
        assert!((580..620).contains(&message.len()), "{}", message.len());

        let (status, list) = ask(Method::GET, "/apps/a/conversations/c/messages").await;
        assert_eq!(status, StatusCode::OK);
        assert!((58_000..62_000).contains(&list.len()), "{}", list.len());
        assert!(list.is_ascii());

        let (_, list) = ask(Method::GET, "/apps/a/conversations/c/messages?text=non-ascii").await;
        assert!(!list.is_ascii());
    }

    #[tokio::test]
    async fn the_client_without_a_network_answers_with_the_same_message() {
        let (_, message) = ask(Method::POST, "/apps/a/conversations/c/messages").await;
        let parsed = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        // Whether names are in order depends on what else is built.
        assert_eq!(parsed(&message), parsed(include_str!("../../../crates/client/src/null_network.txt")));
    }

    #[tokio::test]
    async fn a_list_is_as_long_as_asked_for() {
        for length in [1_000, 100_000, 1_000_000] {
            let uri = format!("/apps/a/conversations/c/messages?bytes={length}");
            let (_, list) = ask(Method::GET, &uri).await;
            assert!(list.len().abs_diff(length) < 500, "{}", list.len());
        }
    }

    #[test]
    fn a_reply_has_the_headers_that_are_asked_for() {
        let uri = Uri::from_static("/apps/a/conversations/c/messages?bytes=1000&headers=300");
        assert_eq!(Replies::new().to(&Method::GET, &uri).headers().len(), 301);
    }

    #[tokio::test]
    async fn what_changes_something_is_answered_with_nothing() {
        for method in [Method::PATCH, Method::DELETE] {
            assert_eq!(ask(method, "/apps/a/conversations/c").await, (StatusCode::NO_CONTENT, String::new()));
        }
    }
}
