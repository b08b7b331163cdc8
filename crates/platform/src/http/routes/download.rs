//! The URLs that rich content and the archives of exports are downloaded from: plain `GET` and `HEAD`, without the
//! headers of the API. Contract 2.5 and 7.

use std::io::{self, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::channel::{Channel, Sender};
use layer_store::file::FileName;
use layer_wire::ContentId;

use super::Answer;
use super::upload::linked;
use crate::ground::blobs::on_disk;
use crate::ground::links::{Purpose, hex};
use crate::ground::memory::Share;
use crate::ground::task;
use crate::http::extract::text_header;
use crate::service::Services;

/// How many bytes are read at a time.
const CHUNK: usize = 64 * 1024;

/// How many chunks may wait for the client.
const CHUNKS_WAITING: usize = 1;

/// What a download takes up: the chunk that is read, those that wait, and what the connection holds.
const MEMORY: usize = (CHUNKS_WAITING + 3) * CHUNK;

/// What a browser may do with content that it shows as a page: a page that someone uploaded is not to act as the
/// platform.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// The type that browsers do not show in a sandbox. It cannot act for its origin.
const PDF: &[u8] = b"application/pdf";

/// Downloads rich content.
///
/// - `200`, or `206` for one range; `416` for a range outside; `access_denied` for a bad link or one whose hour is
///   over; `not_found`
pub async fn content(
    State(services): State<Arc<Services>>,
    Path((app, content)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let answer = give(&services, (&app, &content), query.as_deref(), &method, &headers).await;
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    // The link itself is the secret, so a web page of any origin that has it may read (assumed), and see why it cannot.
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn give(
    services: &Services,
    (app, content): (&str, &str),
    query: Option<&str>,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let (app, id) = linked(services, Purpose::Download, app, content, query)?;
    let linked = services.contents.find_linked(app, ContentId::new(id)).await?;
    let (name, content) = (linked.file(), linked.content);
    let upload = content.upload.ok_or_else(layer_wire::ApiError::content_not_found)?;
    let etag = format!("\"{}\"", hex(&upload.md5));
    let mime_type = HeaderValue::from_str(&content.announced.mime_type).ok();
    let mime_type = mime_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = respond(services, name, content.announced.size, &etag, method, headers).await?;
    if !mime_type.as_bytes().to_ascii_lowercase().starts_with(PDF) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, SANDBOX);
    }
    response.headers_mut().insert(CONTENT_TYPE, mime_type);
    Ok(response)
}

/// The answer for a blob of so many bytes. Error: `Busy` when too many downloads are under way.
pub async fn respond(
    services: &Services,
    name: FileName,
    size: u64,
    etag: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Answer {
    let is_same = text_header(headers, IF_RANGE.as_str()).is_none_or(|wanted| wanted == etag);
    let range =
        text_header(headers, RANGE.as_str()).filter(|_| is_same).map_or(Wanted::All, |range| wanted(range, size));
    let (status, first, end) = match range {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part { first, end } => (StatusCode::PARTIAL_CONTENT, first, end),
        Wanted::Nothing => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let blobs = services.core.blobs();
    let bytes = on_disk(move || blobs.read(name, first..end)).await?;
    let body = if method == Method::HEAD || first == end {
        Body::empty()
    } else {
        stream(bytes, end - first, services.core.memory().for_answer(MEMORY)?)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let found = response.headers_mut();
    let content_range = match status {
        StatusCode::PARTIAL_CONTENT => Some(format!("bytes {first}-{}/{size}", end - 1)),
        StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{size}")),
        _ => None,
    };
    if let Some(value) = content_range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        found.insert(CONTENT_RANGE, value);
    }
    if let Ok(etag) = HeaderValue::from_str(etag) {
        found.insert(ETAG, etag);
    }
    found.insert(CONTENT_LENGTH, HeaderValue::from(end - first));
    found.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    found.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
    // Whatever was uploaded is of the type that it was announced with, and a browser is not to guess another one.
    found.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Which bytes a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// All: for several ranges too, and for what is no range.
    All,
    /// Those from `first` on, up to and without `end`.
    Part { first: u64, end: u64 },
    /// None that there are.
    Nothing,
}

fn wanted(header: &str, size: u64) -> Wanted {
    let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Ok(0) => Wanted::Nothing,
            Ok(_) if size == 0 => Wanted::Nothing,
            Ok(count) => Wanted::Part { first: size.saturating_sub(count), end: size },
            Err(_) => Wanted::All,
        },
        (first, last) => {
            let last = if last.is_empty() { Ok(u64::MAX - 1) } else { number(last) };
            match (number(first), last) {
                (Ok(first), Ok(last)) if first <= last && first < size => {
                    Wanted::Part { first, end: last.saturating_add(1).min(size) }
                }
                (Ok(first), Ok(last)) if first <= last => Wanted::Nothing,
                _ => Wanted::All,
            }
        }
    }
}

/// A body that reads a blob as fast as the client takes it.
fn stream(bytes: Box<dyn Read + Send>, length: u64, share: Share) -> Body {
    let (sender, body) = Channel::<Bytes, io::Error>::new(CHUNKS_WAITING);
    tokio::spawn(task::boxed(async move {
        send(bytes, length, sender).await;
        drop(share);
    }));
    Body::new(body)
}

async fn send(mut bytes: Box<dyn Read + Send>, mut rest: u64, mut sender: Sender<Bytes, io::Error>) {
    while rest > 0 {
        let length = usize::try_from(rest).unwrap_or(CHUNK).min(CHUNK);
        let read = move || {
            let mut chunk = vec![0; length];
            bytes.read_exact(&mut chunk)?;
            Ok((bytes, Bytes::from(chunk)))
        };
        match on_disk(read).await {
            Ok((back, chunk)) => {
                bytes = back;
                rest -= chunk.len() as u64;
                // The client hung up.
                let Ok(()) = sender.send_data(chunk).await else { return };
            }
            Err(error) => {
                tracing::error!(%error, "a download broke off");
                return sender.abort(io::Error::other(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_served_and_more_are_ignored() {
        for (header, expected) in [
            ("bytes=0-99", Wanted::Part { first: 0, end: 100 }),
            ("bytes=900-", Wanted::Part { first: 900, end: 1000 }),
            ("bytes=900-5000", Wanted::Part { first: 900, end: 1000 }),
            ("bytes=-100", Wanted::Part { first: 900, end: 1000 }),
            ("bytes=-5000", Wanted::Part { first: 0, end: 1000 }),
            ("bytes=1000-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=5-4", Wanted::All),
            ("bytes=0-1,5-6", Wanted::All),
            ("items=0-1", Wanted::All),
            ("bytes=x-", Wanted::All),
        ] {
            assert_eq!(wanted(header, 1000), expected, "{header}");
        }
        assert_eq!(wanted("bytes=-1", 0), Wanted::Nothing);
        assert_eq!(wanted("bytes=0-0", 0), Wanted::Nothing);
    }
}
