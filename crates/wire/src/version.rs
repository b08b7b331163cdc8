//! API versions and the `Accept` header that names them. Contract 1.3 and 5.

use std::fmt;

use crate::error::ApiError;

/// A version of the Server API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.0, of 2015: user ids as plain strings, compact create answers.
    V1_0,
    /// 1.1, of September 2015.
    V1_1,
    /// 2.0, of 2017: identities instead of user ids.
    V2_0,
    /// 3.0, of 2017: message parts with their own ids.
    V3_0,
}

/// Media type of requests and answers, without its version parameter.
pub const MEDIA_TYPE: &str = "application/vnd.layer+json";

/// Media type that a Layer Patch body must carry.
pub const PATCH_MEDIA_TYPE: &str = "application/vnd.layer-patch+json";

/// Media type of requests and answers about webhooks, without its version parameter.
pub const WEBHOOKS_MEDIA_TYPE: &str = "application/vnd.layer.webhooks+json";

impl Version {
    /// All versions, the oldest first.
    pub const ALL: [Self; 4] = [Self::V1_0, Self::V1_1, Self::V2_0, Self::V3_0];

    /// Reads `1.0`, `1.1`, `2.0` or `3.0`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1.0" => Some(Self::V1_0),
            "1.1" => Some(Self::V1_1),
            "2.0" => Some(Self::V2_0),
            "3.0" => Some(Self::V3_0),
            _ => None,
        }
    }

    /// Whether users are spoken of as identities, in requests and in answers: from 2.0 on.
    pub fn has_identities(self) -> bool {
        self >= Self::V2_0
    }

    /// Reads the `Accept` header of a request.
    ///
    /// Spaces around the parts and upper case are accepted, as are further parameters and quotes around the number
    /// (assumed). Error: `invalid_header` when the header is absent, malformed, or names an unknown version.
    pub fn from_accept(header: Option<&str>) -> Result<Self, ApiError> {
        let version = header.and_then(|header| accepted_version(header, MEDIA_TYPE)).and_then(Self::parse);
        version.ok_or_else(ApiError::invalid_accept)
    }

    /// Reads the `Accept` header of a request about webhooks: another media type, and there is no 1.1. Contract 6.1.
    ///
    /// Error: `invalid_header`.
    pub fn from_webhooks_accept(header: Option<&str>) -> Result<Self, ApiError> {
        let version = header.and_then(|header| accepted_version(header, WEBHOOKS_MEDIA_TYPE)).and_then(Self::parse);
        version.filter(|version| version.is_of_webhooks()).ok_or_else(ApiError::invalid_webhooks_accept)
    }

    /// Whether webhooks have this version: all but 1.1. Contract 6.1.
    pub fn is_of_webhooks(self) -> bool {
        self != Self::V1_1
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V2_0 => "2.0",
            Self::V3_0 => "3.0",
        })
    }
}

/// Checks the `Content-Type` of a Layer Patch. Parameters such as `charset` are ignored.
///
/// Error: `invalid_header` with `data.header` = `Content-Type`.
pub fn check_patch_content_type(header: Option<&str>) -> Result<(), ApiError> {
    if is_media_type(header, PATCH_MEDIA_TYPE) {
        Ok(())
    } else {
        Err(ApiError::invalid_patch_content_type(PATCH_MEDIA_TYPE))
    }
}

/// Checks the `Content-Type` of a new webhook, which is required (contract 6.1). Parameters such as `charset` are
/// ignored.
///
/// Error: `invalid_header` with `data.header` = `Content-Type` (assumed, by the rule for patches).
pub fn check_webhook_content_type(header: Option<&str>) -> Result<(), ApiError> {
    if is_media_type(header, "application/json") { Ok(()) } else { Err(ApiError::invalid_webhook_content_type()) }
}

fn is_media_type(header: Option<&str>, expected: &str) -> bool {
    let media_type = header.map(|value| value.split(';').next().unwrap_or_default().trim());
    media_type.is_some_and(|media_type| media_type.eq_ignore_ascii_case(expected))
}

/// The value of the `version` parameter, if the header is `media_type` with exactly one such parameter.
fn accepted_version<'a>(header: &'a str, media_type: &str) -> Option<&'a str> {
    let mut pieces = header.split(';').map(str::trim);
    if !pieces.next()?.eq_ignore_ascii_case(media_type) {
        return None;
    }
    let mut versions = pieces
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("version"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    let version = versions.next()?;
    versions.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_accept_header_is_read() {
        for version in Version::ALL {
            let header = format!("application/vnd.layer+json; version={version}");
            assert_eq!(Version::from_accept(Some(&header)), Ok(version));
            assert!(Version::from_webhooks_accept(Some(&header)).is_err());
        }
    }

    #[test]
    fn a_new_webhook_needs_a_json_body() {
        assert_eq!(check_webhook_content_type(Some("application/json; charset=UTF-8")), Ok(()));
        assert!(check_webhook_content_type(Some("text/plain")).is_err() && check_webhook_content_type(None).is_err());
    }

    #[test]
    fn versions_print_as_they_are_read() {
        for version in Version::ALL {
            assert_eq!(Version::parse(&version.to_string()), Some(version));
        }
    }

    #[test]
    fn a_patch_needs_its_own_content_type() {
        assert_eq!(check_patch_content_type(Some("application/vnd.layer-patch+json")), Ok(()));
        assert_eq!(check_patch_content_type(Some("Application/vnd.layer-patch+json; charset=utf-8")), Ok(()));
        for header in [None, Some("application/json"), Some("application/vnd.layer-patch.json")] {
            assert!(check_patch_content_type(header).is_err(), "{header:?}");
        }
    }
}
