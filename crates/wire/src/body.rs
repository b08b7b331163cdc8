//! Request bodies: bytes to JSON, and the members of an object. Contract 8 (broken JSON, the body `[]`, unknown keys).

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::id::UserId;
use crate::version::Version;

/// A JSON object.
pub type Object = Map<String, Value>;

/// The most values in a body, those inside others included (assumed): each costs many times its length in memory. A
/// message with all the parts that it may have is a tenth of it.
pub const MAX_VALUES: usize = 50_000;

/// How deep objects and arrays may be nested: a limit of the parser.
const MAX_DEPTH: usize = 127;

/// Parses a body. Half a surrogate pair in a text counts as U+FFFD, which is what JavaScript makes of it when it
/// encodes UTF-8 (assumed): a service that cuts a text inside an emoji sends `\ud83d`.
///
/// Error: `invalid_request` when it is empty, broken, nested too deep, holds a number beyond those of JavaScript, or
/// more than [`MAX_VALUES`].
pub fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Err(ApiError::invalid_request("The request needs a JSON body, but it is empty."));
    }
    if Measure::of(body).values > MAX_VALUES {
        let message = format!("The request body must not hold more than {MAX_VALUES} values.");
        return Err(ApiError::invalid_request(message));
    }
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    if let Some(value) = without_half_pairs(body).and_then(|mended| serde_json::from_slice(&mended).ok()) {
        return Ok(value);
    }
    Err(ApiError::invalid_request(reason(body, &error)))
}

/// What is wrong with a body. The parser's own text is left out: it may quote the body.
fn reason(body: &[u8], error: &serde_json::Error) -> String {
    if std::str::from_utf8(body).is_err() {
        return "The request body is not valid UTF-8.".into();
    }
    let text = error.to_string();
    if text.starts_with("recursion limit exceeded") {
        format!("The request body is nested too deep: more than {MAX_DEPTH} objects and arrays inside each other.")
    } else if text.starts_with("number out of range") {
        format!("The request body holds a number out of range, at line {}, column {}.", error.line(), error.column())
    } else {
        "The request body is not valid JSON.".into()
    }
}

/// How much there is in a JSON text, found without parsing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measure {
    /// Values, those inside others included. One more than there are for each object or array that is empty.
    pub values: usize,
    /// Objects.
    pub objects: usize,
}

impl Measure {
    /// Measures a text. What it finds in one that is not JSON does not matter.
    pub fn of(text: &[u8]) -> Self {
        let mut found = Self { values: 1, objects: 0 };
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => {
                    while let Some(byte) = bytes.next() {
                        match byte {
                            b'"' => break,
                            b'\\' => drop(bytes.next()),
                            _ => {}
                        }
                    }
                }
                b'{' => {
                    found.objects += 1;
                    found.values += 1;
                }
                b'[' | b',' => found.values += 1,
                _ => {}
            }
        }
        found
    }
}

/// The body with `\ufffd` in place of each half of a surrogate pair that stands alone; `None` when there is none.
fn without_half_pairs(body: &[u8]) -> Option<Vec<u8>> {
    let code_at = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < body.len() {
        if body[at] != b'\\' {
            at += 1;
            continue;
        }
        let is_low = |code: Option<u32>| code.is_some_and(|code| (0xDC00..0xE000).contains(&code));
        match code_at(at) {
            Some(0xD800..0xDC00) if is_low(code_at(at + 6)) => at += 12,
            Some(0xD800..0xE000) => {
                mended.get_or_insert_with(|| body.to_vec())[at + 2..at + 6].copy_from_slice(b"fffd");
                at += 6;
            }
            // Any other escape is a backslash and one more character, and perhaps plain digits.
            _ => at += 2,
        }
    }
    mended
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

/// Takes an optional text out of an object. Error: `invalid_property` when it is not text.
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
/// Error: `invalid_property` that names `property`, when it is not an array or one of its elements names no user.
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
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_empty_array_counts_as_an_empty_object() {
        assert_eq!(parse_object(b"[]"), Ok(Object::new()));
        assert_eq!(parse_strict_object(b"[]").unwrap_err().kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_body_that_is_no_object_is_an_invalid_request() {
        for body in ["", "{", "null", "1", "\"x\"", "[1]", "{}x", "{\"a\":\"\\ud80\"}"] {
            assert_eq!(parse_object(body.as_bytes()).unwrap_err().kind(), ErrorKind::InvalidRequest, "{body}");
        }
        assert!(parse_object(&[0xff, 0xfe]).is_err());
        assert!(parse_object("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn half_a_surrogate_pair_counts_as_the_replacement_character() {
        for (body, expected) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""cut \uD83D""#, "cut \u{fffd}"),
            (r#""\ude00 x""#, "\u{fffd} x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\\\ude00""#, "\u{fffd}\\\u{fffd}"),
            (r#""\\ud83d\ude00""#, "\\ud83d\u{fffd}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
        ] {
            assert_eq!(parse(body.as_bytes()), Ok(json!(expected)), "{body}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named() {
        let message = |body: &[u8]| parse(body).unwrap_err().message().to_owned();
        assert!(message("[".repeat(1000).as_bytes()).contains("nested too deep"));
        assert!(message(br#"{"a": 1e400}"#).contains("number out of range"));
        assert!(message(b"\"\xff\"").contains("UTF-8"));
        assert!(message(b"{").contains("not valid JSON"));
        assert!(parse(format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)).as_bytes()).is_ok());
        assert!(
            message(format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1)).as_bytes()).contains("deep")
        );
    }

    #[test]
    fn a_body_holds_so_many_values_and_no_more() {
        let list = |count| format!("[{}]", vec!["0"; count].join(","));
        assert!(parse(list(MAX_VALUES - 1).as_bytes()).is_ok());
        let error = parse(list(MAX_VALUES).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.message().contains("50000 values"), "{}", error.message());
        // Commas and brackets inside texts are no values.
        assert_eq!(Measure::of(br#"{"a,[{\"":["{,",{}]}"#), Measure { values: 5, objects: 2 });
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
