//! A connection that carries one request at a time, at the least cost: the generator shares its cores with the
//! platform.

use std::fmt::Display;
use std::io::Write as _;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::AnyError;

/// The most headers that an answer may have.
const MAX_HEADERS: usize = 32;

/// Bytes behind a chunk, and behind the last one, as long as no trailers come.
const CHUNK_END: usize = 2;

/// Writes a request with a body of JSON, which may be empty, in place of what `request` holds. Each of the `headers`
/// ends with a line break.
pub fn write(method: &str, path: impl Display, headers: impl Display, body: &str, request: &mut Vec<u8>) {
    request.clear();
    let length = body.len();
    // Writing to memory does not fail.
    let _ = write!(
        request,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
}

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
    /// Bytes of the body; `None` where it comes in chunks.
    length: Option<usize>,
}

impl Connection {
    /// Connects to a server on this machine.
    pub async fn open(address: SocketAddr) -> Result<Self, AnyError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a whole request and reads its whole answer. Error: the server closed the connection, or its answer has
    /// neither a length nor chunks.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, AnyError> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = parse_head(&self.answer)? {
                break head;
            }
        };
        if let Some(length) = head.length {
            while self.answer.len() < head.end + length {
                self.read_more().await?;
            }
        } else {
            while !joined(&mut self.answer, head.end)? {
                self.read_more().await?;
            }
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
    let header = |name| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let length = match (header("content-length"), header("transfer-encoding")) {
        (Some(length), _) => Some(std::str::from_utf8(length.value)?.parse()?),
        (None, Some(coding)) if coding.value == b"chunked" => None,
        _ => return Err("An answer has neither a Content-Length nor chunks".into()),
    };
    Ok(Some(Head { status: response.code.unwrap_or_default(), end, length }))
}

/// Whether all chunks of a body are there; then they are one piece, without their sizes.
fn joined(bytes: &mut Vec<u8>, begin: usize) -> Result<bool, AnyError> {
    let mut chunks = vec![];
    let mut at = begin;
    loop {
        let httparse::Status::Complete((head, size)) =
            httparse::parse_chunk_size(&bytes[at..]).map_err(|_| "An answer has a chunk without a size")?
        else {
            return Ok(false);
        };
        let chunk = at + head..at + head + usize::try_from(size)?;
        at = chunk.end + CHUNK_END;
        if bytes.len() < at {
            return Ok(false);
        }
        if size == 0 {
            break;
        }
        chunks.push(chunk);
    }
    let mut end = begin;
    for chunk in chunks {
        bytes.copy_within(chunk.clone(), end);
        end += chunk.len();
    }
    bytes.truncate(end);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_once_the_last_one_is_there() {
        let whole = b"head5\r\nhello\r\n7;of=2\r\n, world\r\n0\r\n\r\n";
        for length in 4..whole.len() {
            let mut part = whole[..length].to_vec();
            assert!(!joined(&mut part, 4).unwrap(), "{length}");
            assert_eq!(part, whole[..length]);
        }
        let mut bytes = whole.to_vec();
        assert!(joined(&mut bytes, 4).unwrap());
        assert_eq!(bytes, b"headhello, world");
        assert!(joined(&mut b"zz\r\n".to_vec(), 0).is_err());
    }
}
