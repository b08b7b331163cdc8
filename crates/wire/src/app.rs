//! The app itself: what can be changed about it. Contract 2.8 and 4.

use crate::error::ApiError;
use crate::patch::{self, Action, Operation};
use crate::version::Version;

/// How short and how long sessions of users may last. Unit: seconds.
pub const SESSION_TTL_SECONDS: std::ops::RangeInclusive<u32> = 30..=31_536_000;

/// One change that a patch makes to an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppChange {
    /// Sets how long sessions of users last. Unit: seconds, within [`SESSION_TTL_SECONDS`].
    SetSessionTtl(u32),
}

/// Reads the patch of an app, a list of changes to be made in order, all or none (assumed).
///
/// Errors: those of [`patch::parse`]; `invalid_property` that names the path for anything that an app does not allow.
pub fn parse_patch(body: &[u8], version: Version) -> Result<Vec<AppChange>, ApiError> {
    patch::parse(body, version)?.iter().map(change).collect()
}

fn change(operation: &Operation) -> Result<AppChange, ApiError> {
    let ("session_ttl_in_seconds", Action::Set(value)) = (operation.property.as_str(), &operation.action) else {
        return Err(operation.error("cannot be changed in this way"));
    };
    let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
    match seconds.filter(|seconds| SESSION_TTL_SECONDS.contains(seconds)) {
        Some(seconds) => Ok(AppChange::SetSessionTtl(seconds)),
        None => Err(operation.error("must be a whole number of seconds from 30 to 31536000")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(operation: &Value) -> Result<Vec<AppChange>, ApiError> {
        parse_patch(json!([operation]).to_string().as_bytes(), Version::V1_0)
    }

    #[test]
    fn a_session_lasts_from_30_seconds_to_a_year() {
        for (value, seconds) in [
            (json!(30), Some(30)),
            (json!(31_536_000), Some(31_536_000)),
            (json!(29), None),
            (json!(31_536_001), None),
            (json!(-30), None),
            (json!(30.5), None),
            (json!("30"), None),
            (json!(null), None),
        ] {
            let parsed = parse(&json!({ "operation": "set", "property": "session_ttl_in_seconds", "value": value }));
            if let Some(seconds) = seconds {
                assert_eq!(parsed, Ok(vec![AppChange::SetSessionTtl(seconds)]));
            } else {
                let data = json!({ "property": "session_ttl_in_seconds" });
                assert_eq!(parsed.unwrap_err().data(), Some(&data), "{value}");
            }
        }
    }

    #[test]
    fn nothing_else_of_an_app_can_be_changed() {
        for operation in [
            json!({ "operation": "delete", "property": "session_ttl_in_seconds" }),
            json!({ "operation": "set", "property": "name", "value": "x" }),
        ] {
            assert!(parse(&operation).is_err(), "{operation}");
        }
    }
}
