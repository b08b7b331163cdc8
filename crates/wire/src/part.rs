//! Message parts: bytes and a MIME type. Contract 2.2.2 and 3.3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::MessageId;

/// The longest body of a part, in bytes after decoding.
pub const MAX_BODY_BYTES: usize = 2048;

/// A part as it is stored: what it is encoded in on the wire is decided anew on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Any MIME string, kept verbatim with its parameters.
    pub mime_type: String,
    /// The decoded body.
    pub body: Vec<u8>,
}

/// Takes the parts out of a request to send a message or an announcement.
///
/// Errors: `missing_property` for absent `parts`, `mime_type` or `body`; `invalid_property` `parts` for anything else.
/// Rich content is not served yet: a part with `content` is refused as `invalid_property` `parts`.
pub fn take_parts(request: &mut Object) -> Result<Vec<Part>, ApiError> {
    match body::take_required(request, "parts")? {
        Value::Array(parts) if !parts.is_empty() => parts.into_iter().map(parse_part).collect(),
        _ => Err(refuse("must be an array of at least one part")),
    }
}

fn parse_part(part: Value) -> Result<Part, ApiError> {
    let Value::Object(mut part) = part else {
        return Err(refuse("must hold objects only"));
    };
    if body::take(&mut part, "content").is_some() {
        return Err(refuse("refers to rich content, which this server does not keep"));
    }
    let mime_type =
        body::take_string(&mut part, "mime_type")?.ok_or_else(|| ApiError::missing_property("mime_type"))?;
    if mime_type.is_empty() || mime_type.contains('\0') {
        return Err(ApiError::invalid_property("mime_type", "must be a MIME type"));
    }
    let text = body::take_string(&mut part, "body")?.ok_or_else(|| ApiError::missing_property("body"))?;
    let body = decode_body(text, body::take(&mut part, "encoding").as_ref())?;
    if body.len() > MAX_BODY_BYTES {
        return Err(refuse("must not have bodies over 2048 bytes"));
    }
    Ok(Part { mime_type, body })
}

fn decode_body(text: String, encoding: Option<&Value>) -> Result<Vec<u8>, ApiError> {
    match encoding {
        None => Ok(text.into_bytes()),
        Some(Value::String(name)) if name == "base64" => {
            STANDARD.decode(text).map_err(|_| refuse("has a body that is not valid base64"))
        }
        Some(_) => Err(refuse("has an unknown encoding; only 'base64' is known")),
    }
}

fn refuse(rule: &str) -> ApiError {
    ApiError::invalid_property("parts", rule)
}

impl Part {
    /// The body as it goes out, and its `encoding`: bytes that are valid UTF-8 go out as plain text, also when they came in as
    /// base64 (recorded, R1); others as base64.
    fn encoded(&self) -> (String, Option<&'static str>) {
        match std::str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (STANDARD.encode(&self.body), Some("base64")),
        }
    }
}

/// A part in the answer of a 1.0 create or of an announcement: no id, no null keys (recorded, R1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CompactPart {
    mime_type: String,
    body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

impl CompactPart {
    /// Shows the parts of a resource.
    pub fn all(parts: &[Part]) -> Vec<Self> {
        let show = |part: &Part| {
            let (body, encoding) = part.encoded();
            Self { mime_type: part.mime_type.clone(), body, encoding }
        };
        parts.iter().map(show).collect()
    }
}

/// A part in a 1.0 read: numbered id, explicit nulls (recorded, R1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadPart {
    id: String,
    mime_type: String,
    body: String,
    encoding: Option<&'static str>,
    /// Always `null`: rich content is not served yet.
    content: Option<()>,
}

impl ReadPart {
    /// Shows the parts of a message.
    pub fn all(message: MessageId, parts: &[Part]) -> Vec<Self> {
        let show = |(index, part): (usize, &Part)| {
            let (body, encoding) = part.encoded();
            let id = format!("{message}/parts/{index}");
            Self { id, mime_type: part.mime_type.clone(), body, encoding, content: None }
        };
        parts.iter().enumerate().map(show).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parts(parts: &Value) -> Result<Vec<Part>, ApiError> {
        take_parts(json!({ "parts": parts }).as_object_mut().unwrap())
    }

    fn one(part: &Value) -> Result<Part, ApiError> {
        parts(&json!([part])).map(|mut parts| parts.remove(0))
    }

    #[test]
    fn base64_is_decoded_on_arrival_and_text_goes_out_as_text() {
        let part =
            one(&json!({ "mime_type": "image/jpeg", "body": "YW55IGNhcm5hbCBwbGVhc3VyZQ==", "encoding": "base64" }));
        let shown = serde_json::to_value(&CompactPart::all(&[part.unwrap()])[0]).unwrap();
        assert_eq!(shown, json!({ "mime_type": "image/jpeg", "body": "any carnal pleasure" }));
    }

    #[test]
    fn bytes_that_are_no_text_go_out_as_base64() {
        let part = one(&json!({ "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" })).unwrap();
        let shown = serde_json::to_value(&CompactPart::all(&[part])[0]).unwrap();
        assert_eq!(shown, json!({ "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" }));
    }

    #[test]
    fn the_limit_of_2048_bytes_is_measured_on_the_decoded_body() {
        assert!(one(&json!({ "mime_type": "a/b", "body": "x".repeat(2048) })).is_ok());
        assert!(one(&json!({ "mime_type": "a/b", "body": "x".repeat(2049) })).is_err());
        let fitting = STANDARD.encode(vec![0xff; 2048]);
        assert!(one(&json!({ "mime_type": "a/b", "body": fitting, "encoding": "base64" })).is_ok());
        let long = STANDARD.encode(vec![0xff; 2049]);
        assert!(one(&json!({ "mime_type": "a/b", "body": long, "encoding": "base64" })).is_err());
    }

    #[test]
    fn an_encoding_of_null_means_text() {
        assert_eq!(one(&json!({ "mime_type": "a/b", "body": "YQ==", "encoding": null })).unwrap().body, b"YQ==");
    }

    #[test]
    fn bad_parts_are_refused_with_the_property() {
        for (value, property) in [
            (json!([]), "parts"),
            (json!("x"), "parts"),
            (json!([1]), "parts"),
            (json!([{ "body": "x" }]), "mime_type"),
            (json!([{ "mime_type": "a/b" }]), "body"),
            (json!([{ "mime_type": "", "body": "x" }]), "mime_type"),
            (json!([{ "mime_type": "a/b", "body": 1 }]), "body"),
            (json!([{ "mime_type": "a/b", "body": "%", "encoding": "base64" }]), "parts"),
            (json!([{ "mime_type": "a/b", "body": "x", "encoding": "gzip" }]), "parts"),
            (json!([{ "mime_type": "a/b", "content": { "id": "x", "size": 1 } }]), "parts"),
        ] {
            assert_eq!(parts(&value).unwrap_err().data(), Some(&json!({ "property": property })), "{value}");
        }
    }
}
