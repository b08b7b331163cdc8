//! A connection that carries one request at a time, at the least cost: the generator shares its cores with the
//! platform.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::AnyError;

/// The most headers that an answer may have.
const MAX_HEADERS: usize = 32;

/// An HTTP/1.1 connection that stays open.
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// An answer, whose body is in the connection until the next request.
pub struct Answer<'a> {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: &'a [u8],
    /// Bytes of head and body.
    pub length: usize,
}

/// Where the head of an answer ends, and what it says.
struct Head {
    status: u16,
    end: usize,
    length: usize,
}

impl Connection {
    /// Connects to a server on this machine.
    pub async fn open(address: SocketAddr) -> Result<Self, AnyError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and reads its whole answer. Error: the server closed the connection, or its answer has no
    /// length.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, AnyError> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = parse_head(&self.answer)? {
                break head;
            }
        };
        while self.answer.len() < head.end + head.length {
            self.read_more().await?;
        }
        Ok(Answer { status: head.status, body: &self.answer[head.end..], length: self.answer.len() })
    }

    async fn read_more(&mut self) -> Result<(), AnyError> {
        match self.stream.read_buf(&mut self.answer).await? {
            0 => Err("The server closed the connection in the middle of an answer".into()),
            _ => Ok(()),
        }
    }
}

/// The head, once it is there.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, AnyError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(end) = response.parse(bytes)? else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.ok_or("An answer has no Content-Length")?;
    let length = std::str::from_utf8(length.value)?.parse()?;
    Ok(Some(Head { status: response.code.unwrap_or_default(), end, length }))
}
