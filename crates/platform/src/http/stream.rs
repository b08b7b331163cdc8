//! Connections whose peer has to take what is sent to it, and answers that have to be taken in time.
//!
//! A peer that does not read would otherwise keep its answer in memory for ever, at no cost to itself.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::ground::memory::Share;

/// How long a peer may keep the platform waiting until it has taken [`LEAST_TAKEN`] bytes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a peer has to take within [`WRITE_TIMEOUT`] when there is as much for it. Unit: bytes.
const LEAST_TAKEN: usize = 16 * 1024;

/// How long an answer that is in memory as a whole may take to be sent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// How much of an answer is handed over at a time. Unit: bytes.
const CHUNK: usize = 32 * 1024;

/// A stream that breaks off when its peer does not take what is written.
pub struct Paced<Stream> {
    stream: Stream,
    /// Runs from the moment when the peer took no more until everything is written.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Since then.
    taken: usize,
}

impl<Stream> Paced<Stream> {
    /// Watches a stream.
    pub fn new(stream: Stream) -> Self {
        Self { stream, waiting: None, taken: 0 }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &Stream {
        &self.stream
    }

    /// Keeps track of an attempt to write. Error: `TimedOut` when the peer has taken too little for too long.
    fn noted(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => {
                self.taken = self.taken.saturating_add(*count);
                if self.taken >= LEAST_TAKEN {
                    self.waiting = None;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.waiting.is_none() {
                    self.taken = 0;
                }
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_TIMEOUT)));
                ready!(waiting.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Paced<Stream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Paced<Stream> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called when all is written: then nobody waits for the peer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.waiting = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// An answer that is counted until its reader has it.
pub struct Counted {
    body: Body,
    /// What was taken out of `body` and not handed over yet.
    rest: Bytes,
    share: Option<Share>,
    began: Instant,
}

impl Counted {
    /// Counts an answer, with a share of the memory if there was one.
    pub fn body(body: Body, share: Option<Share>) -> Body {
        Body::new(Self { body, rest: Bytes::new(), share, began: Instant::now() })
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    /// The next chunk, as a copy: so the answer itself is gone, and its share given back, once the last chunk is handed
    /// over.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.began.elapsed() > ANSWER_TIMEOUT {
            return Poll::Ready(Some(Err(axum::Error::new("the client was too slow"))));
        }
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.rest.len().min(CHUNK);
        let chunk = Bytes::copy_from_slice(&self.rest.split_to(length));
        if self.rest.is_empty() {
            self.rest = Bytes::new();
            if self.body.is_end_stream() {
                self.share = None;
            }
        }
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(of_body.lower() + rest);
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;
    use crate::ground::memory::Memory;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_or_drips_is_cut_off_after_thirty_seconds() {
        for drips in [false, true] {
            let (stream, mut peer) = duplex(1024);
            let began = Instant::now();
            let reading = tokio::spawn(async move {
                let mut byte = [0; 1];
                while drips && peer.read_exact(&mut byte).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            });
            let error = Paced::new(stream).write_all(&vec![0; 100_000]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{drips}");
            assert_eq!(began.elapsed().as_secs(), 30, "{drips}");
            reading.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_steadily_or_has_nothing_to_read_is_not() {
        let (stream, mut peer) = duplex(4096);
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 1024];
            let mut length = 0;
            while let Ok(count @ 1..) = peer.read(&mut buffer).await {
                length += count;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            length
        });
        let mut stream = Paced::new(stream);
        for _ in 0..3 {
            stream.write_all(&vec![0; 100_000]).await.unwrap();
            stream.flush().await.unwrap();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        drop(stream);
        assert_eq!(reading.await.unwrap(), 300_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_in_chunks_and_breaks_off_when_it_takes_too_long() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|index| index.to_le_bytes()[0]).collect();
        let share = Memory::default().for_answer(bytes.len()).unwrap();
        let mut body = Counted::body(Body::from(bytes.clone()), Some(share));
        assert_eq!(body.size_hint().exact(), Some(100_000));
        let mut received = vec![];
        while let Some(frame) = body.frame().await {
            received.extend_from_slice(&frame.unwrap().into_data().unwrap());
            assert_eq!(body.size_hint().exact(), Some((100_000 - received.len()) as u64));
        }
        assert!(body.is_end_stream() && received == bytes);

        let mut body = Counted::body(Body::from(bytes), None);
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(ANSWER_TIMEOUT + Duration::from_secs(1)).await;
        assert!(body.frame().await.unwrap().is_err());
    }
}
