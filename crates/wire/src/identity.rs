//! Identities: requests, patches and answers. Contract 2.7 and 3.7.

use serde::Serialize;
use serde_json::Value;

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::id::UserId;
use crate::metadata;
use crate::patch::{self, Action, Operation};
use crate::version::Version;

/// The writable text fields and their longest values in characters, in the order of answers.
const TEXT_FIELDS: [(&str, usize); 7] = [
    ("display_name", 128),
    ("avatar_url", 1024),
    ("first_name", 128),
    ("last_name", 128),
    ("phone_number", 32),
    ("email_address", 255),
    // Without a limit in the contract; the limit of the request body holds.
    ("public_key", usize::MAX),
];

/// The fields of an identity, checked. Absent fields are unset.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields(Object);

impl Fields {
    /// Reads the body of a create or a replacement. Unknown keys are ignored.
    ///
    /// Errors: `invalid_request`; `missing_property` `display_name`; `invalid_property` with the field.
    pub fn parse(body: &[u8]) -> Result<Self, ApiError> {
        Self::check(body::parse_object(body)?)
    }

    /// Wraps fields that were checked when they were stored.
    pub fn trusted(fields: Object) -> Self {
        Self(fields)
    }

    /// The fields that are set.
    pub fn as_object(&self) -> &Object {
        &self.0
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
    /// Reads the patch body: `set` on any writable field, `set` and `delete` on keys of `metadata`.
    ///
    /// Errors: those of [`patch::parse`]; `invalid_property` that names the path for anything else.
    pub fn parse(body: &[u8], version: Version) -> Result<Self, ApiError> {
        let operations = patch::parse(body, version)?;
        match operations.iter().find(|operation| !is_allowed(operation)) {
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

fn is_allowed(operation: &Operation) -> bool {
    let name = operation.path[0].as_str();
    match (&operation.action, operation.path.len()) {
        (Action::Set(_), 1) => name == "metadata" || TEXT_FIELDS.iter().any(|(field, _)| *field == name),
        (Action::Set(_) | Action::Delete, 2) => name == "metadata",
        _ => false,
    }
}

/// An identity in an answer of version 1.x: all writable fields and `user_id`, unset ones `null` (assumed).
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    user: UserId,
    fields: Fields,
}

impl Identity {
    /// Shows the identity of a user.
    pub fn new(user: UserId, fields: Fields) -> Self {
        Self { user, fields }
    }
}

impl Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = |name: &str| (name.to_owned(), self.fields.0.get(name).cloned().unwrap_or_default());
        let mut answer = Object::new();
        answer.insert("user_id".into(), Value::String(self.user.as_str().to_owned()));
        answer.extend(TEXT_FIELDS.iter().map(|(name, _)| field(name)));
        answer.extend([field("metadata")]);
        answer.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use serde_json::json;

    fn fields(body: &Value) -> Result<Fields, ApiError> {
        Fields::parse(body.to_string().as_bytes())
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

    #[test]
    fn all_fields_are_shown_and_unset_ones_are_null() {
        let identity =
            Identity::new(UserId::parse("maria").unwrap(), fields(&json!({ "display_name": "Maria" })).unwrap());
        assert_eq!(
            serde_json::to_string(&identity).unwrap(),
            r#"{"user_id":"maria","display_name":"Maria","avatar_url":null,"first_name":null,"last_name":null,"phone_number":null,"email_address":null,"public_key":null,"metadata":null}"#
        );
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
