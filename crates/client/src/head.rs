//! The head of a completion: what a reply says beside its body, as bytes that JavaScript reads when somebody asks.
//!
//! Lines that end with a line feed; each is a name and a value with a colon between, one byte a character. Names of
//! headers are in lower case. Names that begin with a colon are ours: `:retry-after`, seconds; `:timings`, JSON.

use std::io::Write;

use http::HeaderMap;

use crate::flight::Ended;
use crate::transport::reply::Reply;

/// Writes the head of a completion.
pub(crate) fn write(bytes: &mut Vec<u8>, reply: Option<&Reply>, ended: &Ended) {
    if let Some(wait) = ended.ending.retry_after {
        // Writing to memory cannot fail.
        let _ = writeln!(bytes, ":retry-after:{}", wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
    }
    if let Some(timings) = &ended.timings {
        bytes.extend_from_slice(b":timings:");
        // Numbers only.
        let _ = serde_json::to_writer(&mut *bytes, timings);
        bytes.push(b'\n');
    }
    if let Some(reply) = reply {
        write_headers(bytes, &reply.headers);
    }
}

/// Writes headers; hyper lets no line feed into one.
pub(crate) fn write_headers(bytes: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
}

/// Appends bytes to numbers, four in each; the last one is filled up with zeros.
pub(crate) fn append_words(words: &mut Vec<i32>, bytes: &[u8]) {
    let (chunks, rest) = bytes.as_chunks::<4>();
    words.extend(chunks.iter().map(|chunk| i32::from_ne_bytes(*chunk)));
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        words.push(i32::from_ne_bytes(last));
    }
}

/// How many numbers a head of so many bytes takes.
pub(crate) fn words(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or_default().div_ceil(4)
}
