//! Requests that the caller carries, in place of the engine's own connections: `transport: 'node'` sends them through
//! Node's `https`, where the tests of a service have put their fakes. This crate knows no Node.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::oneshot;

use crate::base_url::BaseUrl;
use crate::failure::NoReply;
use crate::options::RequestOptions;
pub use crate::transport::marks::{Marks, Step};
use crate::transport::reply::Reply;

/// The way of requests to the caller.
pub trait Carrier: Send + Sync {
    /// Takes a request. When what it returns is dropped, nobody waits for the reply any more, and the request has to
    /// end. Must not block.
    fn carry(&self, parcel: Parcel) -> Box<dyn Send + Sync>;
}

/// One attempt of a request, ready to be sent.
pub struct Parcel {
    /// The ticket of its call.
    pub ticket: u32,
    /// TLS or not, host and port.
    pub base_url: BaseUrl,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values as they are written, in their order, without those that Node itself adds. Each character of a
    /// value is a byte.
    pub headers: Vec<(String, String)>,
    /// Absent where a request has none.
    pub body: Option<Bytes>,
    /// How long nothing may move on the connection.
    pub timeout: Duration,
    /// Marks of what is done, where somebody watches.
    pub marks: Option<Arc<Marks>>,
    /// Where the reply goes.
    pub receipt: Receipt,
}

/// Takes what comes back for a parcel, piece by piece.
pub struct Receipt {
    reply: Option<oneshot::Sender<Result<Reply, NoReply>>>,
    limit: usize,
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Receipt {
    /// Takes status and headers, whose characters are bytes. Answers whether the rest is wanted: it is not where the
    /// reply is too large.
    pub fn head<'a>(&mut self, status: u16, headers: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        if status == 0 {
            self.end(Err(NoReply::no_status()));
        }
        self.status = status;
        self.headers = read(headers);
        let announced = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length| length > self.limit as u64) {
            self.end(Err(NoReply::too_large(announced, self.limit)));
        }
        self.reply.is_some()
    }

    /// Takes a piece of the body. Answers whether the rest is wanted.
    pub fn data(&mut self, data: &[u8]) -> bool {
        if data.len() > self.limit - self.body.len() {
            self.end(Err(NoReply::too_large(None, self.limit)));
        } else {
            self.body.extend_from_slice(data);
        }
        self.reply.is_some()
    }

    /// The reply is complete.
    pub fn complete(&mut self) {
        let headers = std::mem::take(&mut self.headers);
        let reply = Reply { status: self.status, headers, body: std::mem::take(&mut self.body).into() };
        self.end(Ok(reply));
    }

    /// The connection broke off in the middle of the reply.
    pub fn break_off(&mut self) {
        self.end(Err(NoReply::aborted()));
    }

    /// Nothing moved for as long as the timeout.
    pub fn time_out(&mut self) {
        self.end(Err(NoReply::Timeout));
    }

    /// There is an error with this code, which the caller keeps under this number. Answers whether anybody still waits
    /// for it.
    pub fn fail(&mut self, error: u32, code: Option<String>) -> bool {
        self.end(Err(NoReply::Answer { error, code }))
    }

    /// Whether the outcome is known, so that nothing that comes now counts.
    pub fn is_over(&self) -> bool {
        self.reply.is_none()
    }

    fn end(&mut self, outcome: Result<Reply, NoReply>) -> bool {
        self.reply.take().is_some_and(|reply| reply.send(outcome).is_ok())
    }
}

/// A client's carrier, and where its requests go.
pub(crate) struct Carried {
    pub(crate) by: Arc<dyn Carrier>,
    pub(crate) base_url: BaseUrl,
}

impl Carried {
    /// Has an attempt carried, and waits for what comes back. Dropped before, it ends the request.
    pub(crate) async fn carry(
        &self,
        ticket: u32,
        head: Parts,
        body: Option<Bytes>,
        options: &RequestOptions,
        marks: Option<&Arc<Marks>>,
    ) -> Result<Reply, NoReply> {
        let (sender, receiver) = oneshot::channel();
        let parcel = Parcel {
            ticket,
            base_url: self.base_url.clone(),
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: written(&head.headers),
            body,
            timeout: options.timeout,
            marks: marks.cloned(),
            receipt: Receipt {
                reply: Some(sender),
                limit: options.max_response_bytes,
                status: 0,
                headers: HeaderMap::new(),
                body: Vec::new(),
            },
        };
        let _recall = self.by.carry(parcel);
        // The thread of the caller is gone: nobody hears of this.
        match receiver.await {
            Ok(outcome) => outcome,
            Err(_) => Err(NoReply::fault()),
        }
    }
}

/// The headers that are Node's to add: it knows about the connection, and how a body is written.
const OF_NODE: [HeaderName; 3] = [HOST, CONNECTION, TRANSFER_ENCODING];

/// Names as hyper writes them, with capitals.
fn written(headers: &HeaderMap) -> Vec<(String, String)> {
    let own = headers.iter().filter(|(name, _)| !OF_NODE.contains(name));
    let text = |value: &HeaderValue| value.as_bytes().iter().map(|&byte| char::from(byte)).collect();
    own.map(|(name, value)| (with_capitals(name.as_str()), text(value))).collect()
}

/// Headers that came back; without what no header can be, which a fake may have.
fn read<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pairs = headers.filter_map(|(name, value)| {
        let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(bytes.ok()?).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name, value);
    }
    map
}

fn with_capitals(name: &str) -> String {
    let mut is_first = true;
    let capitals = name.chars().map(|character| {
        let written = if is_first { character.to_ascii_uppercase() } else { character };
        is_first = character == '-';
        written
    });
    capitals.collect()
}
