//! Percent-encoding of single path segments and query values.
//!
//! A user id may hold any character, `/` and `%` included, so a segment is decoded on its own and never before the path
//! is split.

use std::fmt::Write as _;

/// A segment that cannot be decoded: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// Encodes a segment as the vendor's service did: everything but `A-Z a-z 0-9 - _ . *`. That is more than
/// `encodeURIComponent` does, and the SDKs compare what comes out of it as text. Client API 3.
pub fn encode(segment: &str) -> String {
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Decodes one path segment. A `+` stays a `+`.
pub fn decode(segment: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = rest.next().and_then(hex_digit).ok_or(Malformed)?;
            let low = rest.next().and_then(hex_digit).ok_or(Malformed)?;
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| Malformed)
}

/// Decodes one name or value of a query string, where a `+` means a space.
pub fn decode_query(value: &str) -> Result<String, Malformed> {
    decode(&value.replace('+', " "))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_encoding_and_decoding() {
        for text in ["", "maria", "ns/42", "50%", "a+b c?d#e", "..", "møller", "🐙\u{0}"] {
            assert_eq!(decode(&encode(text)).as_deref(), Ok(text));
        }
    }

    #[test]
    fn more_is_encoded_than_javascript_does() {
        assert_eq!(encode("ns/42 +%?é!~*'()"), "ns%2F42%20%2B%25%3F%C3%A9%21%7E*%27%28%29");
    }

    #[test]
    fn a_bad_escape_or_bad_utf8_is_refused() {
        for text in ["%", "%4", "%zz", "a%2", "%ff", "%C3"] {
            assert_eq!(decode(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_plus_is_a_space_in_a_query_only() {
        assert_eq!(decode("a+b").as_deref(), Ok("a+b"));
        assert_eq!(decode_query("a+b%2B").as_deref(), Ok("a b+"));
    }
}
