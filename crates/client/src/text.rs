//! Text in the two forms in which V8 takes it fastest.

/// Text that is either one byte a unit or two.
///
/// V8 makes a string of ASCII bytes without looking at them, and one of UTF-16 units by copying; decoding UTF-8 on the
/// main thread costs six times as much. So the decoding is done here, off the main thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Nothing but ASCII.
    Ascii(Vec<u8>),
    /// UTF-16 code units.
    Wide(Vec<u16>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Ascii(Vec::new())
    }
}

impl Text {
    /// Length in UTF-16 code units: what `length` says in JavaScript.
    pub fn len(&self) -> usize {
        match self {
            Self::Ascii(bytes) => bytes.len(),
            Self::Wide(units) => units.len(),
        }
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends UTF-8 bytes, each malformed sequence as U+FFFD, and says how many code units they came to.
    ///
    /// Source: the original decodes replies with `setEncoding('utf8')`, which replaces in the same way and keeps a byte
    /// order mark.
    pub fn push_utf8(&mut self, bytes: &[u8]) -> usize {
        let before = self.len();
        match self {
            Self::Ascii(text) if bytes.is_ascii() => text.extend_from_slice(bytes),
            Self::Ascii(text) => {
                let mut units: Vec<u16> = Vec::with_capacity(text.len() + bytes.len());
                units.extend(text.iter().map(|&byte| u16::from(byte)));
                *self = Self::Wide(units);
                return self.push_utf8(bytes);
            }
            Self::Wide(units) => units.extend(String::from_utf8_lossy(bytes).encode_utf16()),
        }
        self.len() - before
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn ascii_stays_narrow_until_something_else_comes() {
        let mut text = Text::default();
        assert_eq!(text.push_utf8(b"{\"a\":1}"), 7);
        assert_eq!(text, Text::Ascii(b"{\"a\":1}".to_vec()));
        assert_eq!(text.push_utf8("é😀".as_bytes()), 3);
        assert_eq!(text.push_utf8(b"!"), 1);
        assert_eq!(text, Text::Wide("{\"a\":1}é😀!".encode_utf16().collect()));
    }

    #[test]
    fn malformed_bytes_become_replacement_characters() {
        let mut text = Text::default();
        assert_eq!(text.push_utf8(b"a\xff\xe2\x82b"), 4);
        assert_eq!(text, Text::Wide("a\u{fffd}\u{fffd}b".encode_utf16().collect()));
    }
}
