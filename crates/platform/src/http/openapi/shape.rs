//! JSON schemas as tables. They are data of the program: code that builds all of them value by value is ten times as
//! large.

use serde_json::{Map, Value, json};

/// A schema.
pub enum Shape {
    /// One that is written out, as JSON.
    Json(&'static str),
    /// One with numbers in it that the platform's rules are made of.
    Made(fn() -> Value),
    /// Another one of the description, by its name.
    Named(&'static str),
    /// An array of another one, by its name.
    List(&'static str),
    /// An array.
    ListOf(&'static Shape),
    /// The alternatives of versions.
    OneOf(&'static [Shape]),
    /// An object with required and optional members; any others may be there.
    Object(Members, Members),
    /// The same, without any others: what tells the alternatives of versions apart.
    Closed(Members, Members),
}

/// Members of an object by name, in groups that objects share.
pub type Members = &'static [&'static [(&'static str, Shape)]];

impl Shape {
    /// The schema as `OpenAPI` has it.
    #[expect(clippy::expect_used, reason = "a test makes all of them")]
    pub fn schema(&self) -> Value {
        match self {
            Self::Json(text) => serde_json::from_str(text).expect("JSON"),
            Self::Made(make) => make(),
            Self::Named(name) => json!({ "$ref": format!("#/components/schemas/{name}") }),
            Self::List(name) => json!({ "type": "array", "items": Self::Named(name).schema() }),
            Self::ListOf(item) => json!({ "type": "array", "items": item.schema() }),
            Self::OneOf(shapes) => json!({ "oneOf": shapes.iter().map(Self::schema).collect::<Vec<_>>() }),
            Self::Object(required, optional) => object(required, optional),
            Self::Closed(required, optional) => {
                let mut schema = object(required, optional);
                schema["additionalProperties"] = Value::Bool(false);
                schema
            }
        }
    }
}

fn object(required: Members, optional: Members) -> Value {
    let properties: Map<String, Value> = required
        .iter()
        .chain(optional)
        .copied()
        .flatten()
        .map(|(name, shape)| ((*name).to_owned(), shape.schema()))
        .collect();
    let names: Vec<&str> = required.iter().copied().flatten().map(|(name, _)| *name).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}
