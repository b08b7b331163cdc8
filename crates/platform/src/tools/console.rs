//! The console: a page at `/console`, made of `console/` by the build of the project, and in the program as it is. It
//! is a client of the admin API and knows nothing else; the page itself has no data in it, so it needs no token.

use std::io::Read as _;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use layer_wire::ApiError;

use crate::http::error::Answer;
use crate::http::extract::text_header;

/// What the build of the project left for this one.
mod built {
    include!(concat!(env!("OUT_DIR"), "/console.rs"));
}

/// The page.
#[derive(Clone, Copy)]
struct Page {
    /// Compressed with gzip.
    bytes: &'static [u8],
    /// What it may do: run its one script, in its one style, and ask this platform.
    policy: &'static str,
    /// Names this build of it.
    tag: &'static str,
}

/// Whether this program was built with the page.
pub fn is_built() -> bool {
    built::PAGE.is_some()
}

/// The routes of the page; none where it was not built.
pub fn router() -> Router {
    let Some((bytes, policy, tag)) = built::PAGE else { return Router::new() };
    let page = Page { bytes, policy, tag };
    let show = move |headers: HeaderMap| async move { page.answer(&headers) };
    Router::new().route("/console", get(show)).route("/console/", get(show))
}

impl Page {
    /// `GET /console`: the page.
    ///
    /// - `200`; `304` for who has it already
    fn answer(self, asked: &HeaderMap) -> Answer {
        let is_known = text_header(asked, IF_NONE_MATCH.as_str()).is_some_and(|tags| tags.contains(self.tag));
        let takes_gzip = text_header(asked, ACCEPT_ENCODING.as_str()).is_some_and(|names| names.contains("gzip"));
        let mut response = Response::new(if is_known {
            Body::empty()
        } else if takes_gzip {
            Body::from(self.bytes)
        } else {
            let mut plain = vec![];
            GzDecoder::new(self.bytes).read_to_end(&mut plain).map_err(|_| ApiError::internal())?;
            Body::from(plain)
        });
        let headers = response.headers_mut();
        let fixed: [(HeaderName, &'static str); 8] = [
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, self.policy),
            (ETAG, self.tag),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (REFERRER_POLICY, "no-referrer"),
            (VARY, "Accept-Encoding"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if takes_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }
}
