//! Bodies that a request is answered without: refused at the gate, or of no use to the method.
//!
//! hyper hangs up on a client that still sends when its answer is out, and the client then sees a reset and no answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONNECTION, EXPECT};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::http::extract;

/// Reads what is left of the body before the answer goes out, within the limits of [`extract::discard`].
///
/// A client that waits to be told to send (`Expect`) is told no; one that was told to close, or was too slow, is not
/// waited for.
pub async fn discard(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() || request.headers().contains_key(EXPECT) {
        return next.run(request).await;
    }
    let (sender, mut receiver) = oneshot::channel();
    let response = next.run(request.map(|body| Body::new(Lent { body, owner: Some(sender) }))).await;
    let is_over = response.headers().contains_key(CONNECTION) || response.status() == StatusCode::REQUEST_TIMEOUT;
    if let Ok(body) = receiver.try_recv()
        && !is_over
    {
        extract::discard(body).await;
    }
    response
}

/// A body that goes back to where it came from when it is dropped.
struct Lent {
    body: Body,
    owner: Option<oneshot::Sender<Body>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            // Nobody waits for it when the request was given up.
            let _ = owner.send(std::mem::take(&mut self.body));
        }
    }
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
