//! Message parts: a MIME type with bytes, or with a reference to rich content. Contract 2.2.1, 2.2.2 and 3.3.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::{AnnouncementId, ContentId, ConversationId, MessageId, PartId};
use crate::member::Member;
use crate::timestamp::Timestamp;
use crate::url::Urls;
use crate::version::Version;

/// The longest body of a part, in bytes after decoding.
pub const MAX_BODY_BYTES: usize = 2048;

/// The most parts of a message or an announcement (assumed; the contract names no limit).
pub const MAX_PARTS: usize = 1000;

/// The longest MIME type of a part, in bytes (assumed).
pub const MAX_MIME_TYPE_BYTES: usize = 1024;

/// How long the parts of a message may be in all, in bytes of bodies and MIME types (assumed). One request cannot send
/// more; several that each add a part could.
pub const MAX_MESSAGE_BYTES: usize = 1_048_576;

/// A part as it is stored: what it is encoded in on the wire is decided anew on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Names the part inside its message; only version 3.0 shows it, the others count.
    pub id: Uuid,
    /// Any MIME string, kept verbatim with its parameters.
    pub mime_type: String,
    /// What the part holds.
    pub body: PartBody,
    /// When the part was changed last; `None` as long as it is as it was sent.
    pub updated_at: Option<Timestamp>,
}

/// What a part holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartBody {
    /// Bytes, decoded, at most [`MAX_BODY_BYTES`] of them.
    Bytes(Vec<u8>),
    /// A reference to rich content.
    Content {
        /// The rich content.
        id: ContentId,
        /// Its size in bytes, as the sender gave it.
        size: u64,
    },
}

/// A part in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPart {
    /// The id that the sender chose; version 3.0 only.
    pub id: Option<PartId>,
    /// Any MIME string.
    pub mime_type: String,
    /// What the part holds.
    pub body: PartBody,
}

/// Takes the parts out of a request to send a message or an announcement.
///
/// Errors: `missing_property` for absent `parts`, `mime_type` or `body`; `invalid_property` `parts` for anything else.
pub fn take_parts(request: &mut Object, version: Version) -> Result<Vec<NewPart>, ApiError> {
    match body::take_required(request, "parts")? {
        Value::Array(parts) if !parts.is_empty() => NewPart::read_all(parts, version),
        _ => Err(refuse("must be an array of at least one part")),
    }
}

impl NewPart {
    /// Reads the body of a request to add or replace one part. Errors: `invalid_request`, and those of [`take_parts`].
    pub fn parse_one(body: &[u8], version: Version) -> Result<Self, ApiError> {
        Self::parse(Value::Object(body::parse_object(body)?), version)
    }

    /// Reads the body of a request to replace all parts, an array; it may be empty (assumed, contract 2.2.6).
    ///
    /// Errors: `invalid_request`, and those of [`take_parts`].
    pub fn parse_all(body: &[u8], version: Version) -> Result<Vec<Self>, ApiError> {
        match body::parse(body)? {
            Value::Array(parts) => Self::read_all(parts, version),
            _ => Err(ApiError::invalid_request("The request body must be an array of parts.")),
        }
    }

    fn read_all(parts: Vec<Value>, version: Version) -> Result<Vec<Self>, ApiError> {
        check_count(parts.len())?;
        parts.into_iter().map(|part| Self::parse(part, version)).collect()
    }

    /// Reads a part. Errors as for [`take_parts`].
    pub fn parse(part: Value, version: Version) -> Result<Self, ApiError> {
        let Value::Object(mut part) = part else {
            return Err(refuse("must hold objects only"));
        };
        let id = if version >= Version::V3_0 { take_id(&mut part)? } else { None };
        let mime_type =
            body::take_string(&mut part, "mime_type")?.ok_or_else(|| ApiError::missing_property("mime_type"))?;
        if mime_type.is_empty() || mime_type.contains('\0') {
            return Err(ApiError::invalid_property("mime_type", "must be a MIME type"));
        }
        if mime_type.len() > MAX_MIME_TYPE_BYTES {
            let rule = format_args!("must not be longer than {MAX_MIME_TYPE_BYTES} bytes");
            return Err(ApiError::invalid_property("mime_type", rule));
        }
        let body = match (body::take(&mut part, "content"), body::take_string(&mut part, "body")?) {
            (Some(_), Some(_)) => return Err(refuse("must not have both 'body' and 'content'")),
            (Some(content), None) => parse_content(content)?,
            (None, None) => return Err(ApiError::missing_property("body")),
            (None, Some(text)) => PartBody::Bytes(decode_body(text, body::take(&mut part, "encoding").as_ref())?),
        };
        Ok(Self { id, mime_type, body })
    }
}

fn take_id(part: &mut Object) -> Result<Option<PartId>, ApiError> {
    let Some(text) = body::take_string(part, "id")? else { return Ok(None) };
    let id =
        PartId::parse(&text).ok_or_else(|| refuse("has an id that is not layer:///messages/<uuid>/parts/<uuid>"))?;
    Ok(Some(id))
}

fn parse_content(content: Value) -> Result<PartBody, ApiError> {
    let Value::Object(mut content) = content else {
        return Err(refuse("has a content that is no object"));
    };
    let id = body::take(&mut content, "id").and_then(|id| ContentId::parse(id.as_str()?));
    let size = body::take(&mut content, "size").and_then(|size| size.as_u64());
    match (id, size) {
        (Some(id), Some(size)) => Ok(PartBody::Content { id, size }),
        _ => Err(refuse("has a content without the id of rich content and its size in bytes")),
    }
}

fn decode_body(text: String, encoding: Option<&Value>) -> Result<Vec<u8>, ApiError> {
    let bytes = match encoding {
        None => text.into_bytes(),
        Some(Value::String(name)) if name == "base64" => {
            STANDARD.decode(text).map_err(|_| refuse("has a body that is not valid base64"))?
        }
        Some(_) => return Err(refuse("has an unknown encoding; only 'base64' is known")),
    };
    if bytes.len() > MAX_BODY_BYTES {
        return Err(refuse("must not have bodies over 2048 bytes; longer ones go as rich content"));
    }
    Ok(bytes)
}

fn refuse(rule: &str) -> ApiError {
    ApiError::invalid_property("parts", rule)
}

fn check_count(count: usize) -> Result<(), ApiError> {
    if count > MAX_PARTS {
        return Err(ApiError::invalid_property("parts", format_args!("must not be more than {MAX_PARTS}")));
    }
    Ok(())
}

/// Checks that a message to which parts are added stays within [`MAX_PARTS`] and [`MAX_MESSAGE_BYTES`].
///
/// Error: `invalid_property` `parts`.
pub fn check_message(parts: &[Part]) -> Result<(), ApiError> {
    check_count(parts.len())?;
    if parts.iter().map(Part::length).sum::<usize>() > MAX_MESSAGE_BYTES {
        let rule = format_args!("must not be longer than {MAX_MESSAGE_BYTES} bytes in all");
        return Err(ApiError::invalid_property("parts", rule));
    }
    Ok(())
}

impl Part {
    /// The parts of a new message or announcement, whose UUID is `owner`.
    ///
    /// Error: `invalid_property` `parts` when a chosen id is taken twice or names another message.
    pub fn all_of(owner: Uuid, new: Vec<NewPart>) -> Result<Vec<Self>, ApiError> {
        let has_chosen = new.iter().any(|part| part.id.is_some());
        let mut parts: Vec<Self> = Vec::with_capacity(new.len());
        for (index, new) in new.into_iter().enumerate() {
            let id = match new.id {
                None => Self::id_at(owner, index),
                Some(id) if id.message.uuid() == owner => id.part,
                Some(_) => return Err(refuse("has an id that belongs to another message")),
            };
            parts.push(Self { id, mime_type: new.mime_type, body: new.body, updated_at: None });
        }
        let mut seen = HashSet::new();
        if has_chosen && !parts.iter().all(|part| seen.insert(part.id)) {
            return Err(refuse("has the same id twice"));
        }
        Ok(parts)
    }

    /// How long its body and its MIME type are, in bytes.
    pub fn length(&self) -> usize {
        let body = match &self.body {
            PartBody::Bytes(bytes) => bytes.len(),
            PartBody::Content { .. } => 0,
        };
        self.mime_type.len() + body
    }

    /// The id of the part at this place of a message, unless the sender chose one: the UUID of the message, counted up,
    /// as a UUID of version 8. It follows from the message, so that it need not be stored.
    pub fn id_at(owner: Uuid, index: usize) -> Uuid {
        let counted = owner.as_u128().wrapping_add(index as u128 + 1);
        uuid::Builder::from_custom_bytes(counted.to_be_bytes()).into_uuid()
    }
}

/// Bytes as they go out, and their `encoding`: bytes that are valid UTF-8 go out as plain text, also when they came in
/// as base64 (recorded, R1); others as base64.
fn encode_body(bytes: Vec<u8>) -> (String, Option<&'static str>) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => (STANDARD.encode(error.as_bytes()), Some("base64")),
    }
}

/// Rich content inside a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ShownContent {
    id: ContentId,
    size: u64,
    #[serde(skip_serializing_if = "Member::is_absent")]
    download_url: Member<String>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    refresh_url: Member<String>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    expiration: Member<Timestamp>,
}

impl ShownContent {
    fn unlinked(id: ContentId, size: u64) -> Self {
        Self { id, size, download_url: Member::Absent, refresh_url: Member::Absent, expiration: Member::Absent }
    }
}

/// How a part of a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartForm {
    /// No id, no nulls: the answer to a 1.0 create (recorded, R1).
    Compact,
    /// An id with a number, no nulls: payloads of webhooks 1.0 (contract 6.4).
    Event,
    /// A UUID and the short URL, no nulls: payloads of webhooks 2.0 (recorded, R4 to R6) and 3.0 (assumed).
    NamedEvent,
    /// A UUID, explicit nulls, no URLs: the answer to a 3.0 send (recorded, R3).
    Sent,
    /// An id with a number, explicit nulls: messages before 3.0 (recorded, R1).
    Numbered,
    /// A UUID and URLs: messages of 3.0 (recorded, R3).
    Named,
}

impl PartForm {
    /// Whether members without a value are there all the same, as `null`.
    pub fn has_nulls(self) -> bool {
        matches!(self, Self::Numbered | Self::Named | Self::Sent)
    }

    /// The form of the parts of a message in payloads of webhooks.
    pub fn of_events(version: Version) -> Self {
        if version.has_identities() { Self::NamedEvent } else { Self::Event }
    }

    /// The form of the parts of a message that is read.
    pub fn of_reads(version: Version) -> Self {
        if version >= Version::V3_0 { Self::Named } else { Self::Numbered }
    }
}

/// A part in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownPart {
    #[serde(skip_serializing_if = "Member::is_absent")]
    id: Member<String>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    url: Member<String>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    message_url: Member<String>,
    mime_type: String,
    #[serde(skip_serializing_if = "Member::is_absent")]
    body: Member<Option<String>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    encoding: Member<Option<&'static str>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    content: Member<Option<ShownContent>>,
    #[serde(skip_serializing_if = "Member::is_absent")]
    updated_at: Member<Option<Timestamp>>,
}

impl ShownPart {
    /// Shows the parts of a message, in the order in which they are stored, with fresh links to their rich content.
    pub fn all(
        parts: Vec<Part>,
        form: PartForm,
        conversation: ConversationId,
        message: MessageId,
        urls: &Urls,
    ) -> Vec<Self> {
        let message_url = urls.message(conversation, message);
        let show =
            |(index, part)| Self::of_message(part, index, form, message, &message_url, urls).linked(conversation, urls);
        parts.into_iter().enumerate().map(show).collect()
    }

    /// Shows the parts of an announcement, which have no ids.
    pub fn all_unnamed(parts: Vec<Part>, has_nulls: bool) -> Vec<Self> {
        parts.into_iter().map(|part| Self::unnamed(part, has_nulls)).collect()
    }

    /// Shows the parts of an announcement to its recipient: numbered in every version [C1, C3].
    pub fn all_numbered(parts: Vec<Part>, announcement: AnnouncementId) -> Vec<Self> {
        let show = |(index, part)| Self {
            id: Member::Present(format!("{announcement}/parts/{index}")),
            ..Self::unnamed(part, true)
        };
        parts.into_iter().enumerate().map(show).collect()
    }

    /// Shows one part of a message; `index` is its place there, `message_url` the URL of the message in this view.
    fn of_message(
        part: Part,
        index: usize,
        form: PartForm,
        message: MessageId,
        message_url: &str,
        urls: &Urls,
    ) -> Self {
        let (part_id, updated_at) = (part.id, part.updated_at);
        let shown = Self::unnamed(part, form.has_nulls());
        let id = Member::Present(PartId { message, part: part_id }.to_string());
        match form {
            PartForm::Compact => shown,
            PartForm::Event | PartForm::Numbered => {
                Self { id: Member::Present(format!("{message}/parts/{index}")), ..shown }
            }
            PartForm::Sent => Self { id, ..shown },
            PartForm::NamedEvent => Self {
                id,
                url: Member::Present(urls.part_in_event(message, part_id)),
                updated_at: Member::nullable(updated_at, false),
                ..shown
            },
            PartForm::Named => Self {
                id,
                url: Member::Present(Urls::part(message_url, part_id)),
                message_url: Member::Present(message_url.to_owned()),
                updated_at: Member::Present(updated_at),
                ..shown
            },
        }
    }

    /// Adds fresh links to the rich content of the part, if it has some. Contract 2.5 and 3.6.
    #[must_use]
    fn linked(mut self, conversation: ConversationId, urls: &Urls) -> Self {
        if let Member::Present(Some(content)) = &mut self.content {
            content.refresh_url = Member::Present(urls.content(conversation, content.id));
            if let Some(link) = urls.download(content.id) {
                content.download_url = Member::Present(link.url);
                content.expiration = Member::Present(link.expires_at);
            }
        }
        self
    }

    fn unnamed(part: Part, has_nulls: bool) -> Self {
        let (body, encoding, content) = match part.body {
            PartBody::Bytes(bytes) => {
                let (body, encoding) = encode_body(bytes);
                (Some(body), encoding, None)
            }
            PartBody::Content { id, size } => (None, None, Some(ShownContent::unlinked(id, size))),
        };
        Self {
            id: Member::Absent,
            url: Member::Absent,
            message_url: Member::Absent,
            mime_type: part.mime_type,
            body: Member::nullable(body, has_nulls),
            encoding: Member::nullable(encoding, has_nulls),
            content: Member::nullable(content, has_nulls),
            updated_at: Member::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::AppId;

    const OWNER: Uuid = Uuid::from_u128(0x0c4b_e7a2_51f8_4c0e_9a35_2f1f_6ce1_d001);

    fn parts(parts: &Value) -> Result<Vec<Part>, ApiError> {
        Part::all_of(OWNER, take_parts(json!({ "parts": parts }).as_object_mut().unwrap(), Version::V3_0)?)
    }

    fn one(part: &Value) -> Result<Part, ApiError> {
        parts(&json!([part])).map(|mut parts| parts.remove(0))
    }

    #[test]
    fn base64_is_decoded_on_arrival_and_text_goes_out_as_text() {
        let part =
            one(&json!({ "mime_type": "image/jpeg", "body": "YW55IGNhcm5hbCBwbGVhc3VyZQ==", "encoding": "base64" }));
        let shown = serde_json::to_value(&ShownPart::all_unnamed(vec![part.unwrap()], false)[0]).unwrap();
        assert_eq!(shown, json!({ "mime_type": "image/jpeg", "body": "any carnal pleasure" }));
    }

    #[test]
    fn bytes_that_are_no_text_go_out_as_base64() {
        let part = one(&json!({ "mime_type": "image/png", "body": "iVBORw==", "encoding": "base64" })).unwrap();
        let shown = serde_json::to_value(&ShownPart::all_unnamed(vec![part], false)[0]).unwrap();
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
        assert_eq!(
            one(&json!({ "mime_type": "a/b", "body": "YQ==", "encoding": null })).unwrap().body,
            PartBody::Bytes(b"YQ==".into())
        );
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
            (json!([{ "mime_type": "a/b", "content": { "id": OWNER.to_string() } }]), "parts"),
            (json!([{ "mime_type": "a/b", "content": { "id": OWNER.to_string(), "size": -1 } }]), "parts"),
            (json!([{ "mime_type": "a/b", "body": "x", "content": { "id": OWNER.to_string(), "size": 1 } }]), "parts"),
            (json!([{ "id": 1, "mime_type": "a/b", "body": "x" }]), "id"),
            (json!([{ "id": OWNER.to_string(), "mime_type": "a/b", "body": "x" }]), "parts"),
        ] {
            assert_eq!(parts(&value).unwrap_err().data(), Some(&json!({ "property": property })), "{value}");
        }
    }

    #[test]
    fn a_part_may_refer_to_rich_content() {
        let part =
            one(&json!({ "mime_type": "a/b", "content": { "id": format!("layer:///content/{OWNER}"), "size": 7 } }));
        assert_eq!(part.unwrap().body, PartBody::Content { id: ContentId::new(OWNER), size: 7 });
    }

    #[test]
    fn part_ids_follow_from_the_message_unless_they_were_chosen() {
        let chosen = Uuid::from_u128(7);
        let part = json!({ "mime_type": "a/b", "body": "x" });
        let named = |message: Uuid| json!({ "id": format!("layer:///messages/{message}/parts/{chosen}"), "mime_type": "a/b", "body": "x" });
        let ids: Vec<Uuid> = parts(&json!([part, named(OWNER), part])).unwrap().iter().map(|part| part.id).collect();
        assert_eq!(ids, [Part::id_at(OWNER, 0), chosen, Part::id_at(OWNER, 2)]);
        assert_eq!(ids[0].to_string(), "0c4be7a2-51f8-8c0e-9a35-2f1f6ce1d002");
        for refused in [json!([named(OWNER), named(OWNER)]), json!([named(chosen)])] {
            assert_eq!(parts(&refused).unwrap_err().data(), Some(&json!({ "property": "parts" })), "{refused}");
        }
    }

    /// Contract 3.3.
    #[test]
    fn a_part_is_counted_before_3_0_and_named_since() {
        let message = MessageId::new(OWNER);
        let shown = |form| {
            let part = one(&json!({ "mime_type": "text/plain", "body": "Hi" })).unwrap();
            let urls = Urls::in_events("https://h", AppId::new(OWNER));
            serde_json::to_value(ShownPart::of_message(part, 0, form, message, "https://m", &urls)).unwrap()
        };
        let numbered = json!({
            "id": format!("{message}/parts/0"), "mime_type": "text/plain", "body": "Hi", "encoding": null,
            "content": null
        });
        assert_eq!(shown(PartForm::of_reads(Version::V2_0)), numbered);
        let id = Part::id_at(OWNER, 0);
        let named = json!({
            "id": format!("{message}/parts/{id}"), "url": format!("https://m/parts/{id}"), "message_url": "https://m",
            "mime_type": "text/plain", "body": "Hi", "encoding": null, "content": null, "updated_at": null
        });
        assert_eq!(shown(PartForm::of_reads(Version::V3_0)), named);
        assert_eq!(shown(PartForm::Compact), json!({ "mime_type": "text/plain", "body": "Hi" }));
        let in_event = json!({
            "id": format!("{message}/parts/{id}"), "url": format!("https://h/messages/{OWNER}/parts/{id}"),
            "mime_type": "text/plain", "body": "Hi"
        });
        assert_eq!(shown(PartForm::of_events(Version::V2_0)), in_event);
        assert_eq!(shown(PartForm::of_events(Version::V3_0)), in_event);
        let sent = json!({
            "id": format!("{message}/parts/{id}"), "mime_type": "text/plain", "body": "Hi", "encoding": null,
            "content": null
        });
        assert_eq!(shown(PartForm::Sent), sent);
    }

    #[test]
    fn before_3_0_a_part_has_no_id_to_choose() {
        let mut request = json!({ "parts": [{ "id": 1, "mime_type": "a/b", "body": "x" }] });
        let parts = take_parts(request.as_object_mut().unwrap(), Version::V2_0).unwrap();
        assert_eq!(parts[0].id, None);
    }
}
