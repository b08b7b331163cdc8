//! Identifiers: `layer:///conversations/<uuid>` and friends, bare UUIDs, and the user ids of the application. Contract 1.4.
//!
//! Every kind is a type of its own, so that a message id cannot be passed where a conversation id belongs.

use std::fmt;

use uuid::Uuid;

use crate::percent;

/// Reads a bare UUID in its hyphenated form of 36 characters, upper or lower case.
///
/// `None` for anything else, also for the other spellings (braces, no hyphens) that a general UUID parser takes.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

macro_rules! resource_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Makes the id of a UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID without its prefix, as it stands in paths.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads a bare UUID; `None` for anything else.
            pub fn parse_bare(text: &str) -> Option<Self> {
                parse_uuid(text).map(Self)
            }

            /// Reads either form: the full id with its prefix, or the bare UUID.
            pub fn parse(text: &str) -> Option<Self> {
                Self::parse_bare(text.strip_prefix($prefix).unwrap_or(text))
            }
        }

        #[doc = concat!("The full form, `", $prefix, "<uuid>`.")]
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "{}"), self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

resource_id!(
    /// Identifies a conversation.
    ConversationId,
    "layer:///conversations/"
);
resource_id!(
    /// Identifies a message.
    MessageId,
    "layer:///messages/"
);
resource_id!(
    /// Identifies an announcement.
    AnnouncementId,
    "layer:///announcements/"
);

/// Identifies an app. It prints as the bare UUID, because that is how paths and clients spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(Uuid);

impl AppId {
    /// Makes the id of a UUID.
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID itself.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Reads the bare UUID, as it stands in paths; `None` for anything else.
    pub fn parse_bare(text: &str) -> Option<Self> {
        parse_uuid(text).map(Self)
    }

    /// Reads the bare UUID or the spelling of the dashboard, `layer:///apps/<environment>/<uuid>`.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = match text.strip_prefix("layer:///apps/") {
            Some(rest) => rest.split_once('/').map_or(rest, |(_environment, uuid)| uuid),
            None => text,
        };
        Self::parse_bare(bare)
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identifies a user: a text of the application's own choosing. Any non-empty text will do, `.` and `ns/42` included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(String);

/// Why a text is no user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidUserId {
    /// It has no characters.
    Empty,
    /// It is longer than [`UserId::MAX_BYTES`].
    TooLong,
    /// It holds the character NUL, which some stores cannot keep.
    HoldsNul,
}

impl UserId {
    /// The longest user id, in bytes of UTF-8. The contract names no limit for requests, so this generous one is (assumed).
    pub const MAX_BYTES: usize = 1024;

    /// Checks a text and makes it a user id.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidUserId> {
        let text = text.into();
        if text.is_empty() {
            Err(InvalidUserId::Empty)
        } else if text.len() > Self::MAX_BYTES {
            Err(InvalidUserId::TooLong)
        } else if text.contains('\0') {
            Err(InvalidUserId::HoldsNul)
        } else {
            Ok(Self(text))
        }
    }

    /// Wraps a text that was checked when it was stored.
    pub fn trusted(text: String) -> Self {
        Self(text)
    }

    /// The text as the application wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as it stands in a path.
    pub fn encoded(&self) -> String {
        percent::encode(&self.0)
    }
}

impl fmt::Display for InvalidUserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("must not be empty"),
            Self::TooLong => write!(formatter, "must not be longer than {} bytes", UserId::MAX_BYTES),
            Self::HoldsNul => formatter.write_str("must not hold the character NUL"),
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl serde::Serialize for UserId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "f3cc7b32-3c92-11e4-baad-164230d1df67";

    #[test]
    fn a_resource_id_is_read_from_both_forms_and_printed_in_full() {
        let full = format!("layer:///conversations/{UUID}");
        let id = ConversationId::parse(UUID).unwrap();
        assert_eq!(ConversationId::parse(&full), Some(id));
        assert_eq!(id.to_string(), full);
        assert_eq!(serde_json::to_value(id).unwrap(), full);
    }

    #[test]
    fn upper_case_is_read_and_printed_as_lower_case() {
        let id = MessageId::parse_bare(&UUID.to_uppercase()).unwrap();
        assert_eq!(id.to_string(), format!("layer:///messages/{UUID}"));
    }

    #[test]
    fn the_id_of_another_kind_is_refused() {
        assert_eq!(MessageId::parse(&format!("layer:///conversations/{UUID}")), None);
        assert_eq!(MessageId::parse_bare(&format!("layer:///messages/{UUID}")), None);
    }

    #[test]
    fn only_the_hyphenated_spelling_is_a_uuid() {
        let simple = UUID.replace('-', "");
        for text in
            ["", "wrongid", &simple, &format!("{{{UUID}}}"), &format!("urn:uuid:{UUID}"), &format!("\"{UUID}\"")]
        {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
    }

    #[test]
    fn an_app_id_is_read_with_and_without_its_environment() {
        let id = AppId::parse(UUID).unwrap();
        for text in [format!("layer:///apps/staging/{UUID}"), format!("layer:///apps/{UUID}")] {
            assert_eq!(AppId::parse(&text), Some(id));
        }
        assert_eq!(AppId::parse_bare(&format!("layer:///apps/staging/{UUID}")), None);
        assert_eq!(id.to_string(), UUID);
    }

    #[test]
    fn any_text_but_the_empty_one_is_a_user_id() {
        for text in [".", "..", "ns/42", "50%", "møller", "🐙", " "] {
            assert_eq!(UserId::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(UserId::parse(""), Err(InvalidUserId::Empty));
        assert_eq!(UserId::parse("a\0b"), Err(InvalidUserId::HoldsNul));
        assert_eq!(UserId::parse("x".repeat(1025)), Err(InvalidUserId::TooLong));
    }
}
