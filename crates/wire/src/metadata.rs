//! The rules for metadata. Contract 2.1.2 and 3.7.

use serde_json::Value;

use crate::body::Object;
use crate::error::ApiError;
use crate::patch;

/// The longest value under one key of conversation metadata, in bytes (SDK guides: "2k of data under each key").
pub const MAX_VALUE_BYTES: usize = 2048;

/// The largest conversation metadata as a whole, in bytes of keys and values (assumed; the contract names no limit).
pub const MAX_TOTAL_BYTES: usize = 1_048_576;

/// The most keys of conversation metadata, those inside others included (assumed; the contract names no limit).
pub const MAX_KEYS: usize = 1000;

/// The largest identity metadata as a whole, in bytes of keys and values (assumed; the contract names no limit).
pub const MAX_IDENTITY_BYTES: usize = 65_536;

/// The most keys of identity metadata.
pub const MAX_IDENTITY_KEYS: usize = 16;

/// Checks the metadata of a conversation: strings, or objects of such.
///
/// Error: `invalid_property` `metadata` (assumed).
pub fn check_conversation(metadata: &Object) -> Result<(), ApiError> {
    let mut total = Size::default();
    check_object(metadata, 1, &mut total)?;
    if total.keys > MAX_KEYS {
        return Err(refuse(format_args!("must not have more than {MAX_KEYS} keys as a whole")));
    }
    if total.bytes > MAX_TOTAL_BYTES {
        return Err(refuse(format_args!("must not be longer than {MAX_TOTAL_BYTES} bytes as a whole")));
    }
    Ok(())
}

#[derive(Default)]
struct Size {
    bytes: usize,
    keys: usize,
}

fn check_object(object: &Object, depth: usize, total: &mut Size) -> Result<(), ApiError> {
    if depth > patch::MAX_SEGMENTS {
        return Err(refuse(format_args!("must not be nested deeper than {}", patch::MAX_SEGMENTS)));
    }
    for (key, value) in object {
        total.keys += 1;
        total.bytes += key.len();
        match value {
            Value::String(text) if text.len() <= MAX_VALUE_BYTES => total.bytes += text.len(),
            Value::String(_) => return Err(refuse(format_args!("must not hold values over {MAX_VALUE_BYTES} bytes"))),
            Value::Object(inner) => check_object(inner, depth + 1, total)?,
            _ => return Err(refuse(format_args!("must hold strings and objects of strings only"))),
        }
    }
    Ok(())
}

/// Checks the metadata of an identity: flat, strings only, at most [`MAX_IDENTITY_KEYS`] keys.
///
/// Error: `invalid_property` `metadata`.
pub fn check_identity(metadata: &Object) -> Result<(), ApiError> {
    if metadata.len() > MAX_IDENTITY_KEYS {
        return Err(refuse(format_args!("must not have more than {MAX_IDENTITY_KEYS} keys")));
    }
    let mut bytes = 0;
    for (key, value) in metadata {
        let Value::String(text) = value else {
            return Err(refuse(format_args!("of an identity must hold strings only")));
        };
        bytes += key.len() + text.len();
    }
    if bytes > MAX_IDENTITY_BYTES {
        return Err(refuse(format_args!(
            "of an identity must not be longer than {MAX_IDENTITY_BYTES} bytes as a whole"
        )));
    }
    Ok(())
}

fn refuse(rule: std::fmt::Arguments<'_>) -> ApiError {
    ApiError::invalid_property("metadata", rule)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: &Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn conversation_metadata_holds_strings_and_objects() {
        assert_eq!(check_conversation(&object(&json!({ "a": "1", "b": { "c": { "d": "" } }, "e f": {} }))), Ok(()));
        for value in [json!(1), json!(true), json!(null), json!([]), json!({ "b": 1 })] {
            assert!(check_conversation(&object(&json!({ "a": value }))).is_err(), "{value}");
        }
    }

    #[test]
    fn a_value_of_2048_bytes_fits_and_one_more_does_not() {
        assert!(check_conversation(&object(&json!({ "a": "x".repeat(2048) }))).is_ok());
        assert!(check_conversation(&object(&json!({ "a": "x".repeat(2049) }))).is_err());
        assert!(check_conversation(&object(&json!({ "a": "é".repeat(1025) }))).is_err());
    }

    #[test]
    fn metadata_cannot_be_nested_without_end() {
        let nested = |depth| (0..depth).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert!(check_conversation(&object(&nested(63))).is_ok());
        assert!(check_conversation(&object(&nested(64))).is_err());
    }

    #[test]
    fn metadata_has_at_most_1000_keys_wherever_they_are() {
        let keys =
            |count: usize| json!({ "in": (0..count).map(|key| (key.to_string(), json!({}))).collect::<Object>() });
        assert!(check_conversation(&object(&keys(999))).is_ok());
        assert!(check_conversation(&object(&keys(1000))).is_err());
    }

    #[test]
    fn identity_metadata_has_a_limit_as_a_whole() {
        assert!(check_identity(&object(&json!({ "a": "x".repeat(MAX_IDENTITY_BYTES - 1) }))).is_ok());
        assert!(check_identity(&object(&json!({ "a": "x".repeat(MAX_IDENTITY_BYTES) }))).is_err());
    }

    #[test]
    fn identity_metadata_is_flat_and_has_at_most_16_keys() {
        let keys = |count| object(&(0..count).map(|key| (key.to_string(), json!("x"))).collect());
        assert!(check_identity(&keys(16)).is_ok());
        assert!(check_identity(&keys(17)).is_err());
        assert!(check_identity(&object(&json!({ "a": {} }))).is_err());
    }
}
