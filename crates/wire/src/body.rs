//! Request bodies: bytes to JSON, and the members of an object. Contract 8 (broken JSON, the body `[]`, unknown keys).

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::id::UserId;
use crate::version::Version;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Parses a body. Error: `invalid_request` when it is empty or broken.
pub fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Err(ApiError::invalid_request("The request needs a JSON body, but it is empty."));
    }
    // The parser's own text is left out: it may quote the body.
    serde_json::from_slice(body).map_err(|_| ApiError::invalid_request("The request body is not valid JSON."))
}

/// Parses a body that must be an object. The body `[]` counts as an object without keys (recorded).
///
/// Error: `invalid_request` when it is anything else.
pub fn parse_object(body: &[u8]) -> Result<Object, ApiError> {
    match parse(body)? {
        Value::Object(object) => Ok(object),
        Value::Array(array) if array.is_empty() => Ok(Object::new()),
        _ => Err(not_an_object()),
    }
}

/// Parses a body that must be an object, and where an array means something else or nothing.
///
/// Error: `invalid_request` when it is anything else, `[]` included.
pub fn parse_strict_object(body: &[u8]) -> Result<Object, ApiError> {
    match parse(body)? {
        Value::Object(object) => Ok(object),
        _ => Err(not_an_object()),
    }
}

fn not_an_object() -> ApiError {
    ApiError::invalid_request("The request body must be a JSON object.")
}

/// Takes a member out of an object. An explicit `null` counts as absent.
pub fn take(object: &mut Object, property: &str) -> Option<Value> {
    object.shift_remove(property).filter(|value| !value.is_null())
}

/// Takes a required member out of an object. Error: `missing_property`.
pub fn take_required(object: &mut Object, property: &str) -> Result<Value, ApiError> {
    take(object, property).ok_or_else(|| ApiError::missing_property(property))
}

/// Takes an optional text out of an object. Error: `invalid_property` when it is no text.
pub fn take_string(object: &mut Object, property: &str) -> Result<Option<String>, ApiError> {
    match take(object, property) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::invalid_property(property, "must be a string")),
    }
}

/// Reads the name of a user: a user id in 1.x; from 2.0 on an identity id, or a user id all the same (recorded, L3).
///
/// Error: `invalid_property` that names `property`.
pub fn user_id(value: &Value, property: &str, version: Version) -> Result<UserId, ApiError> {
    let Value::String(text) = value else {
        return Err(ApiError::invalid_property(property, "must hold user ids, which are strings"));
    };
    let user = if version.has_identities() { UserId::parse_identity(text) } else { UserId::parse(text.as_str()) };
    user.map_err(|reason| ApiError::invalid_property(property, reason))
}

/// Reads a list of such names as a set that keeps the order sent: repeated users collapse (assumed).
///
/// Error: `invalid_property` that names `property`, when it is no array or one of its elements names no user.
pub fn user_ids(value: &Value, property: &str, version: Version) -> Result<Vec<UserId>, ApiError> {
    let Value::Array(values) = value else {
        return Err(ApiError::invalid_property(property, "must be an array of user ids"));
    };
    let mut seen = std::collections::HashSet::new();
    let mut ids = Vec::with_capacity(values.len());
    for value in values {
        let id = user_id(value, property, version)?;
        if seen.insert(id.clone()) {
            ids.push(id);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    #[test]
    fn an_empty_array_counts_as_an_empty_object() {
        assert_eq!(parse_object(b"[]"), Ok(Object::new()));
        assert_eq!(parse_strict_object(b"[]").unwrap_err().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_body_that_is_no_object_is_an_invalid_request() {
        for body in ["", "{", "null", "1", "\"x\"", "[1]", "{}x", "{\"a\":\"\\ud800\"}"] {
            assert_eq!(parse_object(body.as_bytes()).unwrap_err().kind(), ErrorKind::InvalidRequest, "{body}");
        }
        assert!(parse_object(&[0xff, 0xfe]).is_err());
        assert!(parse_object("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn null_counts_as_absent() {
        let mut object = parse_object(br#"{"a":null}"#).unwrap();
        assert_eq!(take_required(&mut object, "a").unwrap_err().kind(), ErrorKind::MissingProperty);
    }

    #[test]
    fn repeated_user_ids_collapse_and_keep_their_order() {
        for (list, version) in [
            (json!(["b", "a", "b"]), Version::V1_1),
            (json!(["layer:///identities/b", "a", "b", "layer:///identities/%61"]), Version::V2_0),
        ] {
            let ids = user_ids(&list, "participants", version).unwrap();
            assert_eq!(ids.iter().map(UserId::as_str).collect::<Vec<_>>(), ["b", "a"]);
        }
    }

    #[test]
    fn before_identities_a_user_id_is_taken_word_by_word() {
        let text = "layer:///identities/b";
        assert_eq!(user_id(&json!(text), "participants", Version::V1_1).unwrap().as_str(), text);
    }

    #[test]
    fn a_list_with_anything_but_user_ids_is_refused() {
        for value in [json!("a"), json!({}), json!([1]), json!([""]), json!([null]), json!(["a\u{0}"])] {
            let error = user_ids(&value, "participants", Version::V1_0).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": "participants" })), "{value}");
        }
    }
}
