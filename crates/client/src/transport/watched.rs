//! A stream that remembers when bytes last moved, so that a timeout can mean inactivity of the socket, as in Node.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant};

/// When bytes last moved on a connection; clones share it.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    start: Instant,
    last_us: AtomicU64,
    /// What failed first on the socket; the other direction fails after it, and says less.
    failed: OnceLock<&'static str>,
}

impl Activity {
    /// Counts from now.
    pub fn new() -> Self {
        Self(Arc::new(Shared { start: Instant::now(), last_us: AtomicU64::new(0), failed: OnceLock::new() }))
    }

    /// Notes that something happened now.
    pub fn touch(&self) {
        let elapsed = u64::try_from(self.0.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.last_us.store(elapsed, Ordering::Relaxed);
    }

    /// The moment of the last touch.
    pub fn last(&self) -> Instant {
        self.0.start + Duration::from_micros(self.0.last_us.load(Ordering::Relaxed))
    }

    /// What failed on the socket, as Node names it: `write` or `read`.
    pub fn failed(&self) -> &'static str {
        self.0.failed.get().copied().unwrap_or("read")
    }

    fn note<T>(&self, syscall: &'static str, result: &Poll<io::Result<T>>) {
        match result {
            Poll::Ready(Ok(_)) => self.touch(),
            Poll::Ready(Err(_)) => {
                self.0.failed.get_or_init(|| syscall);
            }
            Poll::Pending => {}
        }
    }

    /// Ends once nothing has happened for `limit`.
    pub async fn silence(&self, limit: Duration) {
        loop {
            let deadline = self.last() + limit;
            tokio::time::sleep_until(deadline).await;
            if self.last() + limit <= Instant::now() {
                return;
            }
        }
    }
}

/// A stream whose reads and writes touch an [`Activity`].
#[derive(Debug)]
pub struct Watched<T> {
    stream: T,
    activity: Activity,
}

impl<T> Watched<T> {
    /// Watches `stream`.
    pub fn new(stream: T, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.activity.note("read", &result);
        result
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.note("write", &result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.activity.note("write", &result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
