//! Why a call sends nothing.

use std::borrow::Cow;
use std::fmt;

use http::HeaderValue;

use crate::methods::{Method, Versions};

/// Why a call sends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// An argument is missing or wrong; the text is for the callback.
    Argument(&'static str),
    /// A header cannot hold the value it should; the name is for Node's `ERR_INVALID_CHAR`.
    Header(&'static str),
    /// The path is longer than a request line can be.
    PathTooLong,
    /// The method is in none of the versions that the client has.
    Version(&'static Method, Versions),
}

/// The text for user ids that would climb out of their path, even percent-encoded: proxies resolve `%2E%2E` too.
pub const DOT_SEGMENT: &str = "User ID must not be \".\" or \"..\", it would change the path of the request";

/// The text for a method that makes nothing of the option `idempotencyKey`.
pub const KEY_WITHOUT_CREATE: &str =
    "Option `idempotencyKey` is for methods that create a conversation, a message or an announcement";

/// The text for a method that takes its tag as an argument.
pub const KEY_BESIDE_TAG: &str = "Option `idempotencyKey` does not go together with a method that takes a UUID itself";

/// A header value with the characters that Node allows: one byte each, no control characters but the tab.
pub(crate) fn header(value: &str, name: &'static str) -> Result<HeaderValue, Refusal> {
    let bytes: Cow<'_, [u8]> = if value.is_ascii() {
        Cow::Borrowed(value.as_bytes())
    } else {
        value
            .chars()
            .map(|character| u8::try_from(u32::from(character)))
            .collect::<Result<Vec<u8>, _>>()
            .map_err(|_| Refusal::Header(name))?
            .into()
    };
    HeaderValue::from_bytes(&bytes).map_err(|_| Refusal::Header(name))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(text) => f.write_str(text),
            Self::Header(name) => write!(f, "Invalid character in header content [\"{name}\"]"),
            Self::Version(method, versions) => {
                let (resource, name, needed) = (method.resource.property(), method.name, method.versions);
                let has = versions;
                write!(f, "layer.{resource}.{name} needs version {needed} of the Server API, and the client has {has}")
            }
            Self::PathTooLong => f.write_str("The path of the request is longer than 65,534 bytes"),
        }
    }
}

impl std::error::Error for Refusal {}
