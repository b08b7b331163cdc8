//! Pages: lists that end before they take up too much memory.

use layer_wire::UserId;
use layer_wire::body::Object;
use layer_wire::identity::Fields;
use layer_wire::page::MAX_PAGE_BYTES;
use layer_wire::part::Part;
use layer_wire::view::Profile;
use serde_json::Value;

/// Something of which a page is made, with about what it takes up in memory.
///
/// A list that is read ends when it is as long as asked for, or with the item after the one with which it came to weigh
/// [`MAX_PAGE_BYTES`]: that item only shows that more follow.
pub trait Weighed {
    /// Unit: bytes.
    fn weight(&self) -> usize;
}

/// What a part takes up beside its bytes, and what a user does beside its id.
const PER_PART: usize = 160;
const PER_USER: usize = 64;

/// The items of a list on their way into memory.
pub struct Gathered<Item> {
    items: Vec<Item>,
    weight: usize,
    is_full: bool,
}

impl<Item> Default for Gathered<Item> {
    fn default() -> Self {
        Self { items: vec![], weight: 0, is_full: false }
    }
}

impl<Item: Weighed> Gathered<Item> {
    /// Adds the next item. `false` when it was the last for which there is room.
    pub fn add(&mut self, item: Item) -> bool {
        self.is_full = self.weight >= MAX_PAGE_BYTES;
        self.weight += item.weight();
        self.items.push(item);
        !self.is_full
    }

    /// The items, and whether the list ended for want of room.
    pub fn into_parts(self) -> (Vec<Item>, bool) {
        (self.items, self.is_full)
    }

    /// The items.
    pub fn into_items(self) -> Vec<Item> {
        self.items
    }
}

/// Which positions of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionRange {
    /// Begin after this message, in the order of the list: newest first, so with smaller positions.
    pub after: Option<u32>,
    /// Leave out larger positions.
    pub up_to: Option<u32>,
    /// Leave out this position and smaller ones.
    pub above: u32,
}

/// What parts take up.
pub fn weight_of_parts(parts: &[Part]) -> usize {
    parts.iter().map(|part| PER_PART + part.length()).sum()
}

/// What users take up, of whom each is named by its id.
pub fn weight_of_users<'a>(users: impl IntoIterator<Item = &'a UserId>) -> usize {
    users.into_iter().map(|user| PER_USER + user.as_str().len()).sum()
}

/// What a JSON object takes up: strings, and objects of such.
pub fn weight_of_object(object: &Object) -> usize {
    let weight = |(key, value): (&String, &Value)| {
        let of_value = match value {
            Value::String(text) => text.len(),
            Value::Object(object) => 450 + weight_of_object(object),
            _ => 0,
        };
        150 + key.len() + of_value
    };
    object.iter().map(weight).sum()
}

impl Weighed for Option<Fields> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, |fields| weight_of_object(fields.as_object()))
    }
}

impl Weighed for Profile {
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        200 + length(&self.display_name) + length(&self.avatar_url)
    }
}
