//! The fixed replies, made once at the start.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use std::fs;

/// Messages in a list, as many as Layer puts on one page.
const PAGE: u32 = 100;

/// What a message says, 24 characters each: of 600 bytes as JSON, most is ids, addresses and times.
const ASCII: &str = "See you at nine o'clock.";
const NON_ASCII: &str = "Увидимся в девять часов.";

/// Bodies of the replies.
pub struct Replies {
    message: Bytes,
    conversation: Bytes,
    list: Bytes,
    list_non_ascii: Bytes,
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
        }
    }

    /// The reply to a request: a message to a POST, what is asked for to a GET, and nothing to all others. A list with
    /// `non-ascii` in its query has text in Cyrillic.
    pub fn to(&self, method: &Method, uri: &Uri) -> Response<Full<Bytes>> {
        match *method {
            Method::POST => reply(StatusCode::CREATED, &self.message),
            Method::GET if uri.path() == "/cpu" => cpu(),
            Method::GET if uri.path().ends_with("/messages") => {
                let is_ascii = !uri.query().is_some_and(|query| query.contains("non-ascii"));
                reply(StatusCode::OK, if is_ascii { &self.list } else { &self.list_non_ascii })
            }
            Method::GET => reply(StatusCode::OK, &self.conversation),
            _ => reply(StatusCode::NO_CONTENT, &Bytes::new()),
        }
    }
}

/// CPU time that this thread, which does all the work, has used so far: `{"ns": …}`. Linux only.
fn cpu() -> Response<Full<Bytes>> {
    let used = fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().next()?.parse::<u64>().ok());
    match used {
        Some(ns) => reply(StatusCode::OK, &bytes(&json!({ "ns": ns }))),
        None => reply(StatusCode::NOT_IMPLEMENTED, &Bytes::new()),
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
    use super::Replies;
    use http::{Method, StatusCode, Uri};
    use http_body_util::BodyExt;

    async fn ask(method: Method, uri: &'static str) -> (StatusCode, String) {
        let response = Replies::new().to(&method, &Uri::from_static(uri));
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
        assert_eq!(message, include_str!("../../../crates/client/src/null_network.txt"));
    }

    #[tokio::test]
    async fn what_changes_something_is_answered_with_nothing() {
        for method in [Method::PATCH, Method::DELETE] {
            assert_eq!(ask(method, "/apps/a/conversations/c").await, (StatusCode::NO_CONTENT, String::new()));
        }
    }
}
