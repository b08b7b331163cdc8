//! What goes wrong while a request is served, and its one way out as an answer.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use layer_store::StoreError;
use layer_wire::{ApiError, ErrorKind};

use crate::http::answer;
use crate::service::failure::Failure;

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub enum HttpError {
    /// A rule says no, or the store does.
    Failure(Failure),
    /// A conversation id that is not a UUID: `404` with a plain text (recorded, contract 2.1.3).
    NoSuchPath,
    /// A request body over this limit. Unit: bytes.
    BodyTooLarge(usize),
    /// A request body that did not arrive in time, or was cut off.
    BodyIncomplete,
    /// A request body that is not framed as HTTP wants it.
    BodyMalformed,
    /// A request body that is compressed, or encoded otherwise.
    BodyEncoded,
    /// A token that is used too often, and how long to wait.
    RateLimited(Duration),
}

/// What a handler returns.
pub type Answer = Result<Response, HttpError>;

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<ApiError> for HttpError {
    fn from(error: ApiError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<StoreError> for HttpError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error.into())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        match self {
            Self::Failure(Failure::Api(error)) => from_table(&error),
            Self::Failure(Failure::Store(error)) => from_store(&error),
            Self::NoSuchPath => {
                let text = "The requested resource could not be found.";
                (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response()
            }
            Self::BodyTooLarge(limit) => body_too_large(limit),
            Self::BodyIncomplete => {
                from_table(&ApiError::new(ErrorKind::RequestTimeout, "The request body did not arrive."))
            }
            Self::BodyMalformed => {
                closing(from_table(&ApiError::invalid_request("The request body is not in well-formed chunks.")))
            }
            Self::BodyEncoded => body_encoded(),
            Self::RateLimited(wait) => rate_limited(wait),
        }
    }
}

fn from_table(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer::json(status, error);
    response.extensions_mut().insert(error.clone());
    response
}

/// Points the error in an answer, if there is one, at the client documentation.
pub async fn in_client_docs(response: Response) -> Response {
    in_docs(response, ApiError::in_client_docs)
}

/// Points the error in an answer, if there is one, at the documentation of webhooks.
pub fn in_webhooks_docs(response: Response) -> Response {
    in_docs(response, ApiError::in_webhooks_docs)
}

fn in_docs(mut response: Response, point: fn(ApiError) -> ApiError) -> Response {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        *response.body_mut() = answer::json(response.status(), &point(error)).into_body();
        // The router below has counted the old body; hyper counts the new one.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// What a failure of the store is for a client. The cause goes to the error output, once; the client gets a fixed text.
pub fn of_store(error: &StoreError) -> ApiError {
    match error {
        StoreError::Busy | StoreError::Closed | StoreError::Shared => {}
        _ => tracing::error!(%error, "the store failed"),
    }
    match error {
        StoreError::Busy | StoreError::Closed | StoreError::Uncertain | StoreError::Unavailable(_) => {
            ApiError::service_unavailable()
        }
        StoreError::Shared => ApiError::new(ErrorKind::InvalidOperation, error.to_string()),
        StoreError::Lost | StoreError::BadSnapshot(_) | StoreError::Failed(_) => ApiError::internal(),
    }
}

fn from_store(error: &StoreError) -> Response {
    let error = of_store(error);
    let mut response = from_table(&error);
    if error.kind() == ErrorKind::ServiceUnavailable {
        // Unit: seconds.
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// `429` without a body (contract 1.8), and when to come again (assumed).
fn rate_limited(wait: Duration) -> Response {
    let mut response = answer::empty(StatusCode::TOO_MANY_REQUESTS);
    // Unit: whole seconds, so that nobody comes too early.
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, seconds.max(1).into());
    response
}

/// The error table has no row for it, so: status 415, `invalid_request` (assumed).
fn body_encoded() -> Response {
    let mut response = from_table(&ApiError::invalid_request("The request body must not be compressed."));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// What follows on the connection cannot be told from the body any more.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The error table has no row for it, so: status 413, `invalid_request` (assumed). The rest of the body is not read.
fn body_too_large(limit: usize) -> Response {
    let error = ApiError::invalid_request(format!("The request body must not be larger than {limit} bytes."));
    let mut response = from_table(&error);
    *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
    closing(response)
}

/// What is answered where there is no route.
pub async fn no_such_route() -> HttpError {
    ApiError::invalid_endpoint().into()
}

/// What is answered where a route has no such method. The router adds the `Allow` header.
pub async fn no_such_method() -> HttpError {
    ApiError::method_not_allowed().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_store_and_one_that_does_not_know_ask_the_client_to_try_again_in_a_second() {
        for error in [StoreError::Busy, StoreError::Closed, StoreError::Uncertain] {
            let response = HttpError::from(error).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "1");
        }
    }

    #[test]
    fn a_lost_job_is_an_internal_error() {
        let response = HttpError::from(StoreError::Lost).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get(RETRY_AFTER), None);
    }
}
