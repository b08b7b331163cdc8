//! Answers: JSON with the recorded headers, or nothing at all. Contract 1.1 and 1.7.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, StatusCode};
use hyper::body::{Frame, SizeHint};
use layer_wire::Version;
use layer_wire::json::{JsonText, ToJson};
use layer_wire::page::{Listing, MAX_PAGE_BYTES};
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// The header with the number of all items of a list.
static COUNT: HeaderName = HeaderName::from_static("layer-count");

/// A JSON body.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    written(status, |text| serde_json::to_writer(text, body))
}

/// An object that lists have, too, as a JSON body.
pub fn item(status: StatusCode, item: &impl ToJson) -> Response {
    written(status, |text| item.add_to(text))
}

fn written(status: StatusCode, write: impl FnOnce(&mut JsonText) -> serde_json::Result<()>) -> Response {
    let mut text = JsonText(Vec::with_capacity(USUAL_LENGTH));
    match write(&mut text) {
        Ok(()) => of_json(status, text),
        // Our own types have text keys and serialise without fail.
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn of_json(status: StatusCode, text: JsonText) -> Response {
    let mut response = with_body(status, Body::from(text.0));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// Room for most answers. Unit: bytes.
const USUAL_LENGTH: usize = 1024;

/// No body, and no content type either (recorded).
pub fn empty(status: StatusCode) -> Response {
    with_body(status, Body::new(NoBytes))
}

/// A body of no bytes that does not say so before it is asked for them.
///
/// hyper leaves `Content-Length: 0` out of a `204` when it knows that there is no body, as today's HTTP wants it; the
/// service sent it (recorded, contract 1.1).
struct NoBytes;

impl hyper::body::Body for NoBytes {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(0)
    }
}

/// A page of a list, its items shown one by one. Before 2.0 it is always a `200`; in 3.0, and in 2.0 (assumed), a `206`
/// when more items follow. Contract 1.7. It ends where its JSON comes to take up [`MAX_PAGE_BYTES`].
pub fn list<Item, Shown: ToJson>(
    version: Version,
    listing: Listing<Item>,
    mut show: impl FnMut(Item) -> Shown,
) -> Response {
    let Listing { items, total, mut has_more } = listing;
    let mut text = JsonText(Vec::with_capacity(USUAL_LENGTH));
    text.0.push(b'[');
    for item in items {
        if text.0.len() >= MAX_PAGE_BYTES {
            has_more = true;
            break;
        }
        if text.0.len() > 1 {
            text.0.push(b',');
        }
        if show(item).add_to(&mut text).is_err() {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
    text.0.push(b']');
    let is_partial = has_more && version.has_identities();
    let mut response = of_json(if is_partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }, text);
    response.headers_mut().insert(COUNT.clone(), HeaderValue::from(total));
    response
}

/// Adds a `Location`.
pub fn with_location(mut response: Response, location: &str) -> Response {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn with_body(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
