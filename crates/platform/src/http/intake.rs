//! What sockets have read of messages that are not whole: it stands in buffers of the protocol, which nobody sees, and
//! is counted here as it comes in.
//!
//! A client that sends all but the end of a large message would otherwise keep it in memory for as long as it likes,
//! with each of its sockets.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

use crate::ground::memory::{Memory, Share};

/// How long the head of a control frame of a client is. Unit: bytes. RFC 6455, 5.2 and 5.5.
const CONTROL_HEAD: usize = 6;

/// Counts what comes in over a connection, once that is a socket.
pub struct Intake {
    memory: Memory,
    is_socket: AtomicBool,
    unfinished: Mutex<Unfinished>,
    refused: Notify,
}

/// What was read since the last message that was whole.
#[derive(Default)]
struct Unfinished {
    bytes: usize,
    share: Option<Share>,
    is_refused: bool,
    /// Whether it was there at the last look already.
    was_seen: bool,
}

impl Intake {
    /// Nothing is counted yet: a request has its own count.
    pub fn new(memory: Memory) -> Self {
        Self { memory, is_socket: AtomicBool::new(false), unfinished: Mutex::default(), refused: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Unfinished> {
        // What is inside is whole at each step.
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count: from now on the connection is a socket.
    pub fn begin(&self) {
        self.is_socket.store(true, Ordering::Relaxed);
    }

    /// A message is whole. Answers with the room that it takes up.
    pub fn whole(&self) -> Option<Share> {
        let mut unfinished = self.lock();
        (unfinished.bytes, unfinished.was_seen) = (0, false);
        unfinished.share.take()
    }

    /// Whether the same message takes up room as at the last look: it takes too long.
    pub fn is_overdue(&self) -> bool {
        let mut unfinished = self.lock();
        let takes_room = unfinished.share.is_some();
        std::mem::replace(&mut unfinished.was_seen, takes_room) && takes_room
    }

    /// A control frame came, perhaps in the middle of a message; nothing is kept of it.
    pub fn control(&self, payload: usize) {
        let mut unfinished = self.lock();
        unfinished.bytes = unfinished.bytes.saturating_sub(CONTROL_HEAD + payload);
    }

    /// Returns once there was no room for what came in. What comes from then on is dropped.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }

    /// Counts what was read. Answers with whether there is room for it.
    fn take(&self, count: usize) -> bool {
        let mut unfinished = self.lock();
        let Unfinished { bytes, share, is_refused, was_seen: _ } = &mut *unfinished;
        *bytes = bytes.saturating_add(count);
        if self.memory.for_message(share, *bytes).is_err() {
            // The buffers go with the socket.
            *is_refused = true;
            self.refused.notify_one();
        }
        !*is_refused
    }
}

/// A stream whose bytes are counted.
pub struct Counted<Stream> {
    stream: Stream,
    intake: Arc<Intake>,
}

impl<Stream> Counted<Stream> {
    /// Counts what is read from a stream.
    pub fn new(stream: Stream, intake: Arc<Intake>) -> Self {
        Self { stream, intake }
    }

    /// The stream itself.
    pub fn get_ref(&self) -> &Stream {
        &self.stream
    }
}

impl<Stream: AsyncRead + Unpin> Counted<Stream> {
    /// Reads to the end and keeps nothing: what the client has not sent yet would make a reset of the farewell.
    fn poll_drop(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<Stream: AsyncRead + Unpin> AsyncRead for Counted<Stream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.intake.is_socket.load(Ordering::Relaxed) {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        if self.intake.lock().is_refused {
            return self.poll_drop(context);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.intake.take(buffer.filled().len() - before) {
            return Poll::Ready(Ok(()));
        }
        buffer.set_filled(before);
        self.poll_drop(context)
    }
}

impl<Stream: AsyncWrite + Unpin> AsyncWrite for Counted<Stream> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const MIB: usize = 1024 * 1024;

    #[tokio::test]
    async fn a_message_that_is_whole_gives_its_room_to_who_takes_it_and_pings_take_none() {
        let memory = Memory::default();
        let intake = Intake::new(memory.clone());
        for _ in 0..100 {
            assert!(intake.take(MIB));
            let held = intake.whole();
            assert!(held.is_some());
        }
        for _ in 0..1_000_000 {
            assert!(intake.take(CONTROL_HEAD + 125));
            intake.control(125);
        }
        assert!(intake.whole().is_none());
        // What one holds is there for no other.
        assert!(intake.take(10 * MIB));
        let (held, other) = (intake.whole(), Intake::new(memory));
        assert!(other.take(6 * MIB) && !other.take(MIB) && !other.take(1));
        drop(held);
        other.refused().await;
    }

    #[test]
    fn a_message_that_takes_room_is_overdue_at_the_second_look_and_the_next_one_has_its_own_time() {
        let intake = Intake::new(Memory::default());
        let look = |count: usize| {
            assert!(intake.take(count));
            intake.is_overdue()
        };
        assert_eq!([look(1000), look(1000), look(MIB), look(MIB)], [false, false, false, true]);
        intake.whole();
        assert_eq!([look(MIB), look(0)], [false, true]);
    }

    #[tokio::test]
    async fn what_comes_after_the_refusal_is_read_to_its_end_and_dropped() {
        let (stream, mut peer) = duplex(64 * 1024);
        let intake = Arc::new(Intake::new(Memory::default()));
        let mut stream = Counted::new(stream, Arc::clone(&intake));
        peer.write_all(&[7; 100]).await.unwrap();
        let mut head = vec![0; 100];
        stream.read_exact(&mut head).await.unwrap();
        intake.begin();
        let writing = tokio::spawn(async move { peer.write_all(&vec![7; 40 * MIB]).await });
        let mut kept = vec![];
        stream.read_to_end(&mut kept).await.unwrap();
        writing.await.unwrap().unwrap();
        assert!((15 * MIB..=16 * MIB).contains(&kept.len()), "{}", kept.len());
        intake.refused().await;
    }
}
