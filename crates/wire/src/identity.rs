//! Identities: requests, patches and answers. Contract 2.7 and 3.7.

use serde::Serialize;
use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::UserId;
use crate::metadata;
use crate::patch::{self, Action, Operation};
use crate::version::Version;
use crate::view::{Profile, View};

/// The writable text fields and their longest values in characters, in the order of answers.
const TEXT_FIELDS: [(&str, usize); 7] = [
    ("display_name", 128),
    ("avatar_url", 1024),
    ("first_name", 128),
    ("last_name", 128),
    ("phone_number", 32),
    ("email_address", 255),
    // Without a limit in the contract (assumed): an RSA key of 16384 bits in PEM form is a third of it.
    ("public_key", 8192),
];

/// The field that tells users from bots, from version 2.0 on (recorded, L3 and G3).
const IDENTITY_TYPE: &str = "identity_type";

/// The default of [`IDENTITY_TYPE`].
const USER: &str = "user";

/// The other value of [`IDENTITY_TYPE`].
const BOT: &str = "bot";

/// The fields of an identity, checked. Absent fields are unset.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(Object);

impl Fields {
    /// Reads the body of a create or a replacement. Unknown keys are ignored, `identity_type` before 2.0 among them.
    ///
    /// Errors: `invalid_request`; `missing_property` `display_name`; `invalid_property` with the field.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let mut given = body::parse_object(body)?;
        if !version.has_identities() {
            given.shift_remove(IDENTITY_TYPE);
        }
        Self::check(given)
    }

    /// The fields of a user without identity: none is set.
    pub fn unset() -> Self {
        Self(Object::new())
    }

    /// Wraps fields that were checked when they were stored.
    pub fn trusted(fields: Object) -> Self {
        Self(fields)
    }

    /// The fields with the claims of an identity token over them; `None` when that makes no identity, for want of a
    /// name.
    ///
    /// Error: `invalid_property` with the field.
    pub fn with_claims(before: Option<&Self>, claims: &Object) -> Result<Option<Self>, ApiError> {
        let mut fields = before.map(|before| before.0.clone()).unwrap_or_default();
        fields.extend(claims.iter().map(|(name, value)| (name.clone(), value.clone())));
        if fields.get("display_name").is_none_or(|name| name == "") {
            return Ok(None);
        }
        Self::check(fields).map(Some)
    }

    /// The fields that are set, as they are stored.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// Whether it is the identity of a bot, which may send to conversations without being a participant.
    pub fn is_bot(&self) -> bool {
        self.0.get(IDENTITY_TYPE).is_some_and(|kind| kind == BOT)
    }

    /// The fields, with the `identity_type` of `before`: a replacement by 1.x keeps what it cannot see (assumed).
    #[must_use]
    pub fn with_type_of(mut self, before: &Self) -> Self {
        if let Some(kind) = before.0.get(IDENTITY_TYPE) {
            self.0.insert(IDENTITY_TYPE.into(), kind.clone());
        }
        self
    }

    /// What answers show of the user besides the id.
    pub fn profile(&self) -> Profile {
        let text = |name: &str| self.0.get(name).and_then(Value::as_str).map(str::to_owned);
        Profile { display_name: text("display_name"), avatar_url: text("avatar_url") }
    }

    fn check(mut given: Object) -> Result<Self, ApiError> {
        let mut fields = Object::new();
        for (name, max_chars) in TEXT_FIELDS {
            let Some(text) = body::take_string(&mut given, name)? else { continue };
            if text.chars().count() > max_chars {
                return Err(ApiError::invalid_property(
                    name,
                    format_args!("must not be longer than {max_chars} characters"),
                ));
            }
            fields.insert(name.into(), Value::String(text));
        }
        match fields.get("display_name").and_then(Value::as_str) {
            None => return Err(ApiError::missing_property("display_name")),
            Some("") => return Err(ApiError::invalid_property("display_name", "must not be empty")),
            Some(_) => {}
        }
        match body::take_string(&mut given, IDENTITY_TYPE)?.as_deref() {
            // Not stored, because it is what every identity is unless it says otherwise.
            None | Some(USER) => {}
            Some(BOT) => {
                fields.insert(IDENTITY_TYPE.into(), BOT.into());
            }
            Some(_) => return Err(ApiError::invalid_property(IDENTITY_TYPE, "must be 'user' or 'bot'")),
        }
        match body::take(&mut given, "metadata") {
            None => {}
            Some(Value::Object(metadata)) => {
                metadata::check_identity(&metadata)?;
                fields.insert("metadata".into(), Value::Object(metadata));
            }
            Some(_) => return Err(ApiError::invalid_property("metadata", "must be an object")),
        }
        Ok(Self(fields))
    }
}

/// A patch of an identity, checked as far as that goes without the identity.
#[derive(Debug, Clone, PartialEq)]
pub struct IdentityPatch {
    operations: Vec<Operation>,
}

impl IdentityPatch {
    /// Reads the patch body: `set` on any writable field, `set` and `delete` on keys of `metadata`. From 2.0 on,
    /// `identity_type` is writable.
    ///
    /// Errors: those of [`patch::parse`]; `invalid_property` that names the path for anything else.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let operations = patch::parse(body, version)?;
        match operations.iter().find(|operation| !is_allowed(operation, version)) {
            Some(refused) => Err(refused.error("cannot be changed in this way")),
            None => Ok(Self { operations }),
        }
    }

    /// Applies all operations in order, or none (assumed).
    ///
    /// Errors: `invalid_property` with the field when the result breaks a rule; `display_name` cannot be unset.
    pub fn apply(&self, to: &Fields) -> Result<Fields, ApiError> {
        let mut document = to.0.clone();
        for operation in &self.operations {
            // A document without metadata has none to walk through; an unset field is null in answers and absent here.
            operation.apply(&mut document)?;
        }
        if body::take(&mut document.clone(), "display_name").is_none() {
            return Err(ApiError::invalid_property("display_name", "cannot be unset"));
        }
        Fields::check(document)
    }
}

fn is_allowed(operation: &Operation, version: Version) -> bool {
    let name = operation.path[0].as_str();
    match (&operation.action, operation.path.len()) {
        (Action::Set(_), 1) if name == IDENTITY_TYPE => version.has_identities(),
        (Action::Set(_), 1) => name == "metadata" || TEXT_FIELDS.iter().any(|(field, _)| *field == name),
        (Action::Set(_) | Action::Delete, 2) => name == "metadata",
        _ => false,
    }
}

/// An identity in an answer: all fields, unset ones `null` (assumed). In 1.x `user_id` and the writable fields, from
/// 2.0 on also `id`, `url` and `identity_type`, twelve keys in all (recorded, L3).
#[derive(Debug, Clone, PartialEq)]
pub struct Identity(Object);

impl Identity {
    /// Shows the identity of a user.
    pub fn new(user: &UserId, fields: &Fields, view: &View) -> Self {
        let field = |name: &str| (name.to_owned(), fields.0.get(name).cloned().unwrap_or_default());
        let mut answer = Object::new();
        if view.version.has_identities() {
            answer.insert("id".into(), user.identity_id().into());
            answer.insert("url".into(), view.urls.identity(user).into());
        }
        answer.insert("user_id".into(), user.as_str().into());
        answer.extend(TEXT_FIELDS.iter().map(|(name, _)| field(name)));
        if view.version.has_identities() {
            answer.insert(IDENTITY_TYPE.into(), if fields.is_bot() { BOT } else { USER }.into());
        }
        let (name, metadata) = field("metadata");
        if view.urls.are_of_clients() {
            // The SDKs read `type`, and take an identity without metadata for a short one. Client API 3.1.
            answer.insert("type".into(), if fields.is_bot() { BOT } else { USER }.into());
            answer.insert(name, if metadata.is_null() { Value::Object(Object::new()) } else { metadata });
        } else {
            answer.insert(name, metadata);
        }
        Self(answer)
    }
}

impl Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;
    use crate::id::AppId;
    use crate::url::Urls;
    use crate::view::Identities;

    fn fields(body: &Value) -> Result<Fields, ApiError> {
        Fields::parse(body.to_string().as_bytes(), Version::V1_0)
    }

    fn patched(before: &Value, operations: &Value) -> Result<Value, ApiError> {
        let before = fields(before)?;
        let after = IdentityPatch::parse(operations.to_string().as_bytes(), Version::V1_0)?.apply(&before)?;
        Ok(Value::Object(after.0))
    }

    #[test]
    fn an_identity_needs_a_display_name() {
        for body in [json!({}), json!([]), json!({ "first_name": "x" }), json!({ "display_name": null })] {
            let error = fields(&body).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingProperty);
            assert_eq!(error.data(), Some(&json!({ "property": "display_name" })));
        }
    }

    #[test]
    fn too_long_values_are_refused_with_the_field() {
        for (name, max_chars) in TEXT_FIELDS.into_iter().filter(|(_, max_chars)| *max_chars < usize::MAX) {
            let mut body = json!({ "display_name": "x" });
            body[name] = json!("é".repeat(max_chars));
            assert!(fields(&body).is_ok(), "{name}");
            body[name] = json!("é".repeat(max_chars + 1));
            assert_eq!(fields(&body).unwrap_err().data(), Some(&json!({ "property": name })));
        }
    }

    fn shown(fields: &Fields, version: Version) -> String {
        let app = AppId::parse("e4fd3974-20fe-11e5-89c5-080725007e28").unwrap();
        let view = View { version, urls: Urls::system("https://h", app), identities: Identities::default() };
        serde_json::to_string(&Identity::new(&UserId::parse("ns/42").unwrap(), fields, &view)).unwrap()
    }

    #[test]
    fn all_fields_are_shown_and_unset_ones_are_null() {
        let fields = fields(&json!({ "display_name": "Maria" })).unwrap();
        let expected = r#"{"user_id":"ns/42","display_name":"Maria","avatar_url":null,"first_name":null,"last_name":null,"phone_number":null,"email_address":null,"public_key":null,"metadata":null}"#;
        assert_eq!(shown(&fields, Version::V1_1), expected);
        let expected = r#"{"id":"layer:///identities/ns%2F42","url":"https://h/apps/e4fd3974-20fe-11e5-89c5-080725007e28/users/ns%2F42/identity","user_id":"ns/42","display_name":"Maria","avatar_url":null,"first_name":null,"last_name":null,"phone_number":null,"email_address":null,"public_key":null,"identity_type":"user","metadata":null}"#;
        assert_eq!(shown(&fields, Version::V2_0), expected);
    }

    #[test]
    fn a_bot_is_made_from_2_0_on_and_survives_what_cannot_see_it() {
        let body = |kind: Value| json!({ "display_name": "B", "identity_type": kind }).to_string();
        let parse = |kind, version| Fields::parse(body(kind).as_bytes(), version);
        let bot = parse(json!("bot"), Version::V2_0).unwrap();
        assert!(bot.is_bot());
        assert!(!parse(json!("user"), Version::V2_0).unwrap().is_bot());
        assert!(!parse(json!("bot"), Version::V1_1).unwrap().is_bot());
        assert!(parse(json!("robot"), Version::V1_1).is_ok());
        for kind in [json!("Bot"), json!(""), json!(1)] {
            let error = parse(kind, Version::V3_0).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": "identity_type" })));
        }
        let of_1_0 = fields(&json!({ "display_name": "C" })).unwrap();
        assert!(of_1_0.with_type_of(&bot).is_bot());

        let operations = json!([{ "operation": "set", "property": "identity_type", "value": "user" }]).to_string();
        let patch = |version| IdentityPatch::parse(operations.as_bytes(), version);
        assert!(!patch(Version::V2_0).unwrap().apply(&bot).unwrap().is_bot());
        assert!(patch(Version::V1_1).is_err());
        let rename = json!([{ "operation": "set", "property": "display_name", "value": "D" }]).to_string();
        assert!(IdentityPatch::parse(rename.as_bytes(), Version::V1_0).unwrap().apply(&bot).unwrap().is_bot());
    }

    #[test]
    fn a_patch_sets_fields_and_sets_and_deletes_metadata_keys() {
        let after = patched(
            &json!({ "display_name": "A", "metadata": { "a": "1", "b": "2" }, "last_name": "x" }),
            &json!([
                { "operation": "set", "property": "email_address", "value": "john@doe.com" },
                { "operation": "set", "property": "last_name", "value": null },
                { "operation": "set", "property": "metadata.c", "value": "3" },
                { "operation": "delete", "property": "metadata.a" }
            ]),
        );
        assert_eq!(
            after.unwrap(),
            json!({ "display_name": "A", "email_address": "john@doe.com", "metadata": { "b": "2", "c": "3" } })
        );
    }

    #[test]
    fn a_patch_of_anything_else_is_refused() {
        for (operation, property) in [
            (json!({ "operation": "set", "property": "user_id", "value": "x" }), "user_id"),
            (json!({ "operation": "delete", "property": "first_name" }), "first_name"),
            (json!({ "operation": "add", "property": "metadata.a", "value": "x" }), "metadata.a"),
            (json!({ "operation": "set", "property": "metadata.a.b", "value": "x" }), "metadata.a.b"),
            (json!({ "operation": "set", "property": "metadata.a", "value": 1 }), "metadata"),
            (json!({ "operation": "set", "property": "display_name", "value": null }), "display_name"),
            (json!({ "operation": "set", "property": "first_name", "value": 1 }), "first_name"),
        ] {
            let error = patched(&json!({ "display_name": "A" }), &json!([operation])).unwrap_err();
            assert_eq!(error.data(), Some(&json!({ "property": property })), "{operation}");
        }
    }
}
