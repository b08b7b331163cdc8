//! Bodies that are watched, or cut short, while they stream.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// The most bytes of a body that are kept.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// Counts bytes that are kept, until it is dropped.
#[derive(Debug, Default)]
pub struct Charge {
    total: Arc<AtomicUsize>,
    bytes: usize,
}

impl Charge {
    /// Counts into `total`.
    pub fn new(total: &Arc<AtomicUsize>, bytes: usize) -> Self {
        let mut charge = Self { total: Arc::clone(total), bytes: 0 };
        charge.add(bytes);
        charge
    }

    fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What was seen of a body.
#[derive(Debug, Default)]
pub struct Captured {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How long it was, or is so far.
    pub length: u64,
    charge: Charge,
}

impl Captured {
    /// Nothing yet; what is kept is counted into `total`.
    pub fn counted(total: &Arc<AtomicUsize>) -> Self {
        Self { charge: Charge::new(total, 0), ..Self::default() }
    }

    fn add(&mut self, data: &[u8]) {
        self.length += data.len() as u64;
        let room = MAX_KEPT_BYTES - self.bytes.len();
        let kept = data.len().min(room);
        self.bytes.extend_from_slice(&data[..kept]);
        self.charge.add(kept);
    }
}

/// What is seen of a body while it streams.
pub type Sight = Arc<Mutex<Captured>>;

/// Looks at what was seen, also after a panic elsewhere: it is whole at each step.
pub fn look(sight: &Sight) -> MutexGuard<'_, Captured> {
    sight.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body whose first bytes are kept as they pass.
pub struct Watched {
    body: Body,
    sight: Sight,
}

impl Watched {
    /// Watches a body.
    pub fn body(body: Body, sight: Sight) -> Body {
        Body::new(Self { body, sight })
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            look(&self.sight).add(data);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that breaks off after so many bytes.
pub struct Broken {
    body: Body,
    left: usize,
}

impl Broken {
    /// Breaks a body.
    pub fn body(body: Body, after: usize) -> Body {
        Body::new(Self { body, left: after })
    }
}

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(axum::Error::new("broken off on demand"))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let Poll::Ready(Some(Ok(frame))) = polled else {
            // An end before the break is a break, too: what is shorter than asked for is cut at its end.
            return match polled {
                Poll::Ready(None) => Poll::Ready(Some(Err(axum::Error::new("broken off on demand")))),
                other => other,
            };
        };
        let Ok(mut data) = frame.into_data() else { return Poll::Ready(None) };
        data.truncate(self.left);
        self.left -= data.len();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}
