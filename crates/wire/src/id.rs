//! Identifiers: `layer:///conversations/<uuid>` and friends, bare UUIDs, and the user ids of the application.
//! Contract 1.4.
//!
//! Every kind has its own type, so a message id cannot be passed where a conversation id belongs.

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
resource_id!(
    /// Identifies rich content.
    ContentId,
    "layer:///content/"
);

/// Identifies a part of a message in version 3.0: `layer:///messages/<uuid>/parts/<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartId {
    /// The message.
    pub message: MessageId,
    /// The part inside the message.
    pub part: Uuid,
}

impl PartId {
    /// Reads the full form; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (message, part) = text.split_once("/parts/")?;
        let message = message.strip_prefix("layer:///messages/").and_then(MessageId::parse_bare)?;
        Some(Self { message, part: parse_uuid(part)? })
    }
}

impl fmt::Display for PartId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/parts/{}", self.message, self.part)
    }
}

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

/// What the id of an identity begins with.
const IDENTITY_PREFIX: &str = "layer:///identities/";
/// Identifies a webhook. It prints as the bare UUID, because its full form names the app too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(Uuid);

impl WebhookId {
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

    /// The full form, `layer:///apps/<app>/webhooks/<uuid>`.
    pub fn of_app(self, app: AppId) -> String {
        format!("layer:///apps/{app}/webhooks/{self}")
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Identifies an export. It prints as the bare UUID, as most samples do (contract 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExportId(Uuid);

impl ExportId {
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
}

impl serde::Serialize for ExportId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for ExportId {
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
    /// It is an identity id whose end is not valid percent-encoding.
    Malformed,
}

impl UserId {
    /// The longest user id, in bytes of UTF-8. The contract names no limit for requests, so this generous one is
    /// (assumed).
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

    /// Reads an identity id, `layer:///identities/<percent-encoded user id>`, or a bare user id (tolerated by version
    /// 3.0, recorded).
    pub fn parse_identity(text: &str) -> Result<Self, InvalidUserId> {
        match text.strip_prefix(IDENTITY_PREFIX) {
            Some(encoded) => Self::parse(percent::decode(encoded).map_err(|_| InvalidUserId::Malformed)?),
            None => Self::parse(text),
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

    /// The id of the user's identity, as versions 2.0 and later write it.
    pub fn identity_id(&self) -> String {
        format!("{IDENTITY_PREFIX}{}", self.encoded())
    }
}

impl fmt::Display for InvalidUserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("must not be empty"),
            Self::TooLong => write!(formatter, "must not be longer than {} bytes", UserId::MAX_BYTES),
            Self::HoldsNul => formatter.write_str("must not hold the character NUL"),
            Self::Malformed => formatter.write_str("must not hold an identity id that is not valid percent-encoding"),
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
    fn an_identity_id_is_the_percent_encoded_user_id_and_a_bare_one_is_taken_too() {
        for (text, user) in [
            ("layer:///identities/maria", "maria"),
            ("layer:///identities/ns%2F42", "ns/42"),
            ("layer:///identities/m%C3%B8ller", "møller"),
            ("layer:///identities/a+b", "a+b"),
            ("ns/42", "ns/42"),
            ("50%", "50%"),
        ] {
            assert_eq!(UserId::parse_identity(text).unwrap().as_str(), user, "{text}");
        }
        assert_eq!(UserId::parse("ns/42").unwrap().identity_id(), "layer:///identities/ns%2F42");
        assert_eq!(UserId::parse_identity("layer:///identities/"), Err(InvalidUserId::Empty));
        assert_eq!(UserId::parse_identity("layer:///identities/50%"), Err(InvalidUserId::Malformed));
    }

    #[test]
    fn a_part_id_names_its_message() {
        let text = format!("layer:///messages/{UUID}/parts/52d1c0de-0000-4000-8000-00000000beef");
        let id = PartId::parse(&text).unwrap();
        assert_eq!((id.message, id.to_string()), (MessageId::parse(UUID).unwrap(), text));
        for text in ["", UUID, &format!("layer:///messages/{UUID}/parts/0"), &format!("{UUID}/parts/{UUID}")] {
            assert_eq!(PartId::parse(text), None, "{text}");
        }
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
