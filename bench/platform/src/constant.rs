//! The limit of the stack: axum and hyper as the platform uses them, with answers that are always the same.
//!
//! It reads the body of a `POST` as JSON, and looks at nothing else.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tower_service::Service as _;

use crate::AnyError;

/// Names of the files with the answers: to a `POST`, to a list of messages and to all other `GET`s.
pub const ANSWERS: [&str; 3] = ["message.json", "messages.json", "conversations.json"];

/// A body is never larger than this.
const BODY_LIMIT: usize = 1 << 20;

#[derive(Clone)]
struct Answers {
    message: Bytes,
    messages: Bytes,
    conversations: Bytes,
}

/// Serves the answers of a folder until the process is told to end. Says where it listens as the platform does.
pub fn serve(folder: &Path) -> Result<(), AnyError> {
    let [message, messages, conversations] = ANSWERS.map(|name| std::fs::read(folder.join(name)).map(Bytes::from));
    let answers = Answers { message: message?, messages: messages?, conversations: conversations? };
    let router = Router::new().fallback(answer).with_state(answers);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(std::io::stdout(), "listening on http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let router = router.clone();
            let service = service_fn(move |request| {
                let mut router = router.clone();
                async move { router.call(request).await }
            });
            let connection =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            // How a connection ends is nothing to report.
            tokio::spawn(async move { drop(connection.await) });
        }
    })
}

async fn answer(State(answers): State<Answers>, request: Request) -> Result<Response, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.method == Method::POST {
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
        let is_json = serde_json::from_slice::<Value>(&body).is_ok();
        return Ok(if is_json {
            json(StatusCode::CREATED, answers.message)
        } else {
            json(StatusCode::BAD_REQUEST, body)
        });
    }
    let is_messages = parts.uri.path().ends_with("/messages");
    Ok(json(StatusCode::OK, if is_messages { answers.messages } else { answers.conversations }))
}

fn json(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
