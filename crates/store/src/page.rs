//! Pages: lists that end before they take up too much memory.

use layer_wire::UserId;
use layer_wire::body::Object;
use layer_wire::identity::{Fields, Profile};
use layer_wire::page::MAX_PAGE_BYTES;
use layer_wire::part::Part;
use serde_json::Value;

use crate::announcement::AnnouncementCopy;
use crate::conversation::ConversationRecord;
use crate::delivery::DeliveryRecord;
use crate::held::Held;
use crate::key::{AppKey, ExportEventKey};
use crate::membership::{Membership, SeenConversation};
use crate::message::MessageRecord;
use crate::scheduled_message::ScheduledMessageRecord;

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

fn weight_of_parts(parts: &[Part]) -> usize {
    parts.iter().map(|part| PER_PART + part.length()).sum()
}

fn weight_of_users<'a>(users: impl IntoIterator<Item = &'a UserId>) -> usize {
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

impl Weighed for MessageRecord {
    fn weight(&self) -> usize {
        weight_of_parts(&self.parts) + weight_of_users(self.recipient_status.0.iter().map(|(user, _)| user))
    }
}

impl Weighed for ConversationRecord {
    fn weight(&self) -> usize {
        weight_of_users(&self.participants) + weight_of_object(&self.metadata)
    }
}

impl Weighed for (ConversationRecord, Membership) {
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

impl Weighed for AnnouncementCopy {
    fn weight(&self) -> usize {
        weight_of_parts(&self.announcement.parts) + weight_of_users(&self.announcement.recipients)
    }
}

impl Weighed for (AppKey, Held<ScheduledMessageRecord>) {
    fn weight(&self) -> usize {
        weight_of_parts(&self.1.parts)
    }
}

impl Weighed for (ExportEventKey, Vec<u8>) {
    fn weight(&self) -> usize {
        self.1.len()
    }
}

impl Weighed for SeenConversation {
    fn weight(&self) -> usize {
        self.conversation.weight() + self.last_message.as_ref().map_or(0, Weighed::weight)
    }
}

impl Weighed for Option<Fields> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, |fields| weight_of_object(fields.as_object()))
    }
}

impl Weighed for DeliveryRecord {
    fn weight(&self) -> usize {
        self.body.len()
    }
}

impl Weighed for Profile {
    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        200 + length(&self.display_name) + length(&self.avatar_url)
    }
}
