//! Layer Patch: the operations that change a set, set a value or delete a key inside a JSON document. Contract 4.
//!
//! This module knows the format only. Which properties of a resource may be patched, and with which operations, is for
//! the resource to say; see [`crate::conversation`] and [`crate::identity`].

use serde_json::{Value, json};

use crate::body::{self, Object};
use crate::error::ApiError;
use crate::version::Version;

/// The most segments a path may have.
///
/// Keeps documents shallow enough to be parsed again: parsers refuse, and recursion suffers from, deeper nesting
/// (assumed).
pub const MAX_SEGMENTS: usize = 64;

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Adds an element to a set; nothing happens when it is there already.
    Add(Value),
    /// Removes an element from a set; nothing happens when it is absent.
    Remove(Value),
    /// Replaces the value of a property.
    Set(Value),
    /// Removes a key inside an object.
    Delete,
}

/// One operation of a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What to do.
    pub action: Action,
    /// The property as it was written, for errors.
    pub property: String,
    /// The segments of the property; there is at least one.
    pub path: Vec<String>,
}

/// Parses a patch body. From 2.0 on, `add` and `remove` bring their element as `id` or, all the same, as `value`;
/// before, as `value` only.
///
/// Errors (assumed): `invalid_request` when the body is no array of objects; `missing_property` when an operation lacks
/// one of its keys; `invalid_property` that names the path when the operation is unknown, or its path too deep.
pub fn parse(body: &[u8], version: Version) -> Result<Vec<Operation>, ApiError> {
    let Value::Array(operations) = body::parse(body)? else {
        return Err(ApiError::invalid_request("A patch must be a JSON array of operations."));
    };
    operations.into_iter().map(|operation| parse_operation(operation, version)).collect()
}

fn parse_operation(operation: Value, version: Version) -> Result<Operation, ApiError> {
    let Value::Object(mut operation) = operation else {
        return Err(ApiError::invalid_request("Every operation of a patch must be a JSON object."));
    };
    let name = required_string(&mut operation, "operation")?;
    let property = required_string(&mut operation, "property")?;
    let path = split_path(&property);
    if path.len() > MAX_SEGMENTS {
        return Err(ApiError::invalid_property(&path[0], format_args!("cannot be nested deeper than {MAX_SEGMENTS}")));
    }
    let action = match name.as_str() {
        "add" => Action::Add(required_element(&mut operation, version)?),
        "remove" => Action::Remove(required_element(&mut operation, version)?),
        "set" => Action::Set(required_value(&mut operation)?),
        "delete" => Action::Delete,
        _ => return Err(ApiError::invalid_property(&property, "can be patched with add, remove, set or delete only")),
    };
    Ok(Operation { action, property, path })
}

fn required_string(operation: &mut Object, key: &str) -> Result<String, ApiError> {
    body::take_string(operation, key)?.ok_or_else(|| ApiError::missing_property(key))
}

fn required_element(operation: &mut Object, version: Version) -> Result<Value, ApiError> {
    let id = if version.has_identities() { body::take(operation, "id") } else { None };
    id.map_or_else(|| required_value(operation), Ok)
}

/// Reads the users in an operation on a set of users, and turns their names into plain user ids. `false` when the
/// operation is none of `add`, `remove` and `set`.
///
/// Error: `invalid_property` that names `property`.
pub fn read_users(action: &mut Action, property: &str, version: Version) -> Result<bool, ApiError> {
    match action {
        Action::Add(value) | Action::Remove(value) => *value = json!(body::user_id(value, property, version)?),
        Action::Set(value) => *value = json!(body::user_ids(value, property, version)?),
        Action::Delete => return Ok(false),
    }
    Ok(true)
}

/// A `value` of `null` is a value.
fn required_value(operation: &mut Object) -> Result<Value, ApiError> {
    operation.shift_remove("value").ok_or_else(|| ApiError::missing_property("value"))
}

/// Splits a property at its dots. `\.` is a dot inside a key, and a backslash before any other character is dropped;
/// one at the end stays (reference parser).
pub fn split_path(property: &str) -> Vec<String> {
    let mut segments = vec![];
    let mut segment = String::new();
    let mut characters = property.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => segment.push(characters.next().unwrap_or('\\')),
            '.' => segments.push(std::mem::take(&mut segment)),
            other => segment.push(other),
        }
    }
    segments.push(segment);
    segments
}

impl Operation {
    /// Applies the operation to a document. Missing objects on the way are created, also by `delete`.
    ///
    /// Errors: `invalid_property` that names the path, when the path walks through something that is not an object,
    /// when `add` or `remove` meets something that is not a set or brings an element that is not a scalar, or when
    /// `delete` names a top-level property. The document may then be half changed: apply a patch to a copy.
    pub fn apply(&self, document: &mut Object) -> Result<(), ApiError> {
        let Some((key, parents)) = self.path.split_last() else {
            return Err(self.error("must not be empty"));
        };
        let object = self.walk(document, parents)?;
        match &self.action {
            Action::Set(value) => {
                object.insert(key.clone(), value.clone());
            }
            Action::Delete if parents.is_empty() => return Err(self.error("cannot be deleted as a whole")),
            Action::Delete => {
                object.shift_remove(key);
            }
            Action::Add(element) => {
                let set = self.set(object, key, element)?;
                if !set.contains(element) {
                    set.push(element.clone());
                }
            }
            // A set has an element once; should a document say otherwise, one goes (reference parser).
            Action::Remove(element) => {
                let set = self.set(object, key, element)?;
                if let Some(index) = set.iter().position(|present| present == element) {
                    set.remove(index);
                }
            }
        }
        Ok(())
    }

    /// The refusal of this operation; `rule` completes the sentence "The property '...' ...".
    pub fn error(&self, rule: &str) -> ApiError {
        ApiError::invalid_property(&self.property, rule)
    }

    fn walk<'a>(&self, document: &'a mut Object, parents: &[String]) -> Result<&'a mut Object, ApiError> {
        let mut object = document;
        for parent in parents {
            let next = object.entry(parent.as_str()).or_insert_with(|| Value::Object(Object::new()));
            object = next.as_object_mut().ok_or_else(|| self.error("leads through something that is no object"))?;
        }
        Ok(object)
    }

    fn set<'a>(&self, object: &'a mut Object, key: &str, element: &Value) -> Result<&'a mut Vec<Value>, ApiError> {
        let set = object.entry(key).or_insert_with(|| Value::Array(vec![]));
        let set = set.as_array_mut().ok_or_else(|| self.error("is no set, so nothing can be added or removed"))?;
        if element.is_array() || element.is_object() {
            return Err(self.error("takes single values only with add and remove"));
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn patched(document: Value, patch: &Value) -> Result<Value, ApiError> {
        let Value::Object(mut document) = document else { panic!("the document must be an object") };
        for operation in parse(patch.to_string().as_bytes(), Version::V1_0)? {
            operation.apply(&mut document)?;
        }
        Ok(Value::Object(document))
    }

    #[test]
    fn operations_change_the_document_in_order() {
        for (before, patch, after) in [
            (
                json!({ "p": ["a"] }),
                json!([{ "operation": "add", "property": "p", "value": "b" }]),
                json!({ "p": ["a", "b"] }),
            ),
            (
                json!({ "p": ["a"] }),
                json!([{ "operation": "add", "property": "p", "value": "a" }]),
                json!({ "p": ["a"] }),
            ),
            (
                json!({ "p": ["a"] }),
                json!([{ "operation": "remove", "property": "p", "value": "b" }]),
                json!({ "p": ["a"] }),
            ),
            (
                json!({ "p": ["a", "b"] }),
                json!([{ "operation": "remove", "property": "p", "value": "a" }]),
                json!({ "p": ["b"] }),
            ),
            (json!({}), json!([{ "operation": "add", "property": "p", "value": "a" }]), json!({ "p": ["a"] })),
            (json!({ "m": 1 }), json!([{ "operation": "set", "property": "m", "value": null }]), json!({ "m": null })),
            (
                json!({}),
                json!([
                    { "operation": "set", "property": "m.a.b", "value": "1" },
                    { "operation": "set", "property": "m.a.b", "value": "2" },
                    { "operation": "delete", "property": "m.a.c" }
                ]),
                json!({ "m": { "a": { "b": "2" } } }),
            ),
            (json!({}), json!([{ "operation": "delete", "property": "m.a.b" }]), json!({ "m": { "a": {} } })),
            (json!({ "m": {} }), json!([]), json!({ "m": {} })),
        ] {
            assert_eq!(patched(before, &patch), Ok(after), "{patch}");
        }
    }

    #[test]
    fn deleting_a_key_keeps_the_order_of_the_others() {
        let after = patched(
            json!({ "m": { "a": "1", "b": "2", "c": "3", "d": "4" } }),
            &json!([{ "operation": "delete", "property": "m.a" }]),
        );
        assert_eq!(after.unwrap().to_string(), r#"{"m":{"b":"2","c":"3","d":"4"}}"#);
    }

    #[test]
    fn refused_operations_name_their_property() {
        for (patch, property) in [
            (json!([{ "operation": "move", "property": "m.a", "value": "b" }]), "m.a"),
            (json!([{ "operation": "set", "property": "text.a", "value": "b" }]), "text.a"),
            (json!([{ "operation": "delete", "property": "text.a" }]), "text.a"),
            (json!([{ "operation": "delete", "property": "text" }]), "text"),
            (json!([{ "operation": "add", "property": "text", "value": "b" }]), "text"),
            (json!([{ "operation": "add", "property": "p", "value": ["b"] }]), "p"),
            (json!([{ "operation": "remove", "property": "p", "value": {} }]), "p"),
        ] {
            let error = patched(json!({ "text": "x", "p": [] }), &patch).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidProperty);
            assert_eq!(error.data(), Some(&json!({ "property": property })), "{patch}");
        }
    }

    #[test]
    fn an_operation_without_one_of_its_keys_is_refused() {
        for (patch, key) in [
            (json!([{ "property": "p", "value": 1 }]), "operation"),
            (json!([{ "operation": "set", "value": 1 }]), "property"),
            (json!([{ "operation": "set", "property": "p" }]), "value"),
            (json!([{ "operation": "add", "property": "p" }]), "value"),
        ] {
            let error = parse(patch.to_string().as_bytes(), Version::V1_0).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingProperty);
            assert_eq!(error.data(), Some(&json!({ "property": key })));
        }
    }

    #[test]
    fn from_2_0_on_an_element_comes_as_id_or_as_value() {
        let elements = |version| {
            let patch = json!([
                { "operation": "add", "property": "p", "id": "a", "value": "b" },
                { "operation": "remove", "property": "p", "value": "c" },
                { "operation": "set", "property": "p", "id": "d", "value": "e" }
            ]);
            parse(patch.to_string().as_bytes(), version).unwrap().into_iter().map(|operation| operation.action)
        };
        let (add, remove, set) =
            (|value| Action::Add(json!(value)), Action::Remove(json!("c")), Action::Set(json!("e")));
        assert!(elements(Version::V1_1).eq([add("b"), remove.clone(), set.clone()]));
        assert!(elements(Version::V2_0).eq([add("a"), remove, set]));
    }

    #[test]
    fn a_patch_must_be_an_array_of_objects() {
        for body in ["", "{}", "null", "[1]", "[[]]", "[{]"] {
            assert_eq!(parse(body.as_bytes(), Version::V1_0).unwrap_err().kind(), ErrorKind::InvalidRequest, "{body}");
        }
    }

    #[test]
    fn an_escaped_dot_is_part_of_the_key_and_other_backslashes_are_dropped() {
        for (property, segments) in [
            ("a", vec!["a"]),
            ("a.b.c", vec!["a", "b", "c"]),
            (r"a\.b.c", vec!["a.b", "c"]),
            (r"a\b", vec!["ab"]),
            (r"a\\.b", vec![r"a\", "b"]),
            (r"a\", vec![r"a\"]),
            ("a..b", vec!["a", "", "b"]),
            ("", vec![""]),
        ] {
            assert_eq!(split_path(property), segments, "{property}");
        }
    }

    #[test]
    fn a_path_of_absurd_depth_is_refused_before_it_is_walked() {
        let property = vec!["a"; 300_000].join(".");
        let error = parse(
            json!([{ "operation": "set", "property": property, "value": "1" }]).to_string().as_bytes(),
            Version::V1_0,
        );
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidProperty);
    }
}
