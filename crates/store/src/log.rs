//! The log of changes: what the clients of users have to hear, kept for a time, so that a client that was away can
//! catch up. Client API 5.3 and 6.1.
//!
//! An entry is written by the verb that makes the change, in its transaction. There is one entry for a change of a
//! conversation, however many participants hear of it: what a user may see follows from its memberships. Entries say
//! what to look at; what is shown is what is there when it is looked at.

use layer_wire::body::Object;
use layer_wire::identity::Fields;
use layer_wire::message::Status;
use layer_wire::part::Part;
use layer_wire::{AnnouncementId, ConversationId, MessageId, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::StoreError;
use crate::changes::What;
use crate::key::AppKey;

/// How many entries one millisecond has room for. Those beyond it take the places of the next one.
const PER_MS: i64 = 1 << 10;

/// A place in the log. It is the time of its entry, and grows from one entry to the next, across all apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(i64);

impl Place {
    /// Before all entries.
    pub const START: Self = Self(0);

    /// The place before the first entry of this time.
    pub const fn before(time: Timestamp) -> Self {
        Self(time.as_ms().saturating_mul(PER_MS).saturating_sub(1))
    }

    /// For engines: the place that a number stands for.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// For engines: the number that stands for it.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The time of the entry. It never goes back from one entry to the next, even where the clock does.
    pub const fn time(self) -> Timestamp {
        Timestamp::from_ms(self.0.div_euclid(PER_MS))
    }

    /// For engines: the place of an entry that is made now, behind this one.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Self {
        Self((self.0 + 1).max(now.as_ms().saturating_mul(PER_MS)))
    }
}

/// Whom an entry concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those who are members of a conversation at this place of the log.
    Conversation(ConversationId),
    /// A user alone.
    User(UserId),
    /// A user and those who follow it.
    Identity(UserId),
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// The conversation was created.
    ConversationCreated,
    /// The conversation was changed.
    ConversationChanged(ConversationChanges),
    /// A message was sent.
    MessageSent {
        /// Its position in the conversation.
        position: u32,
    },
    /// Parts of a message changed.
    PartsChanged {
        /// The position of the message.
        position: u32,
        /// What became of the parts.
        parts: PartChanges,
    },
    /// A message was deleted for everyone.
    MessageDeleted {
        /// The position that it had.
        position: u32,
        /// The message.
        id: MessageId,
        /// The user who had sent it.
        sender: Option<UserId>,
    },
    /// A message reached a participant, or was read by it.
    Receipt {
        /// The position of the message.
        position: u32,
        /// Whose receipt it is.
        user: UserId,
        /// `Delivered` or `Read`.
        status: Status,
    },
    /// A participant marked messages as read.
    MarkedRead {
        /// All that the user can see up to this position are read now.
        position: u32,
        /// Who did.
        user: UserId,
        /// The positions of those that were unread before.
        unread: Vec<u32>,
    },
    /// The conversation was deleted for everyone.
    ConversationDeleted {
        /// The conversation.
        id: ConversationId,
    },
    /// The user deleted a conversation for itself.
    ConversationDeletedForUser {
        /// The conversation.
        id: ConversationId,
    },
    /// A conversation that the user had deleted for itself came back.
    ConversationRevived {
        /// The conversation.
        id: ConversationId,
    },
    /// The user deleted a message for itself.
    MessageDeletedForUser {
        /// The position of the message.
        position: u32,
        /// The message.
        id: MessageId,
        /// The conversation it is in.
        conversation: ConversationId,
    },
    /// An announcement was sent to the user; the user read it, or deleted it.
    Announcement {
        /// The announcement.
        id: AnnouncementId,
        /// What happened to it.
        what: What,
    },
    /// The user said that it follows another one, or no longer.
    Following {
        /// The other user.
        user: UserId,
        /// Whether it follows it now.
        is_following: bool,
    },
    /// The identity of the user was created, changed or deleted.
    Identity {
        /// What happened to it.
        what: What,
        /// The fields that changed, by name.
        fields: Vec<String>,
    },
}

/// What changed of a conversation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationChanges {
    /// Who came.
    pub joined: Vec<UserId>,
    /// Who went.
    pub left: Vec<UserId>,
    /// Whether it is distinct no more.
    pub is_no_longer_distinct: bool,
    /// What changed of its metadata: paths, as in patches without `metadata`, with the value that is there now, `None`
    /// for one that is gone.
    pub metadata: Vec<(Vec<String>, Option<Value>)>,
}

/// What became of the parts of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartChanges {
    /// Those that are new.
    pub added: Vec<Uuid>,
    /// Those whose content is another one.
    pub changed: Vec<Uuid>,
    /// Those that are gone.
    pub removed: Vec<Uuid>,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRecord {
    /// Its place.
    pub place: Place,
    /// The app.
    pub app: AppKey,
    /// Whom it concerns.
    pub scope: Scope,
    /// What happened.
    pub entry: Entry,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// Its entries, oldest first.
    pub records: Vec<LogRecord>,
    /// Up to where it goes: the place of its last entry, also where that concerns nobody any more.
    pub up_to: Place,
    /// Whether the log ends there.
    pub is_all: bool,
}

/// What can be read of the log. A read sees all entries up to some place, and never one without those before it.
pub trait LogReads {
    /// The place of the newest entry; [`Place::START`] when there is none.
    fn log_end(&self) -> Result<Place, StoreError>;

    /// The entries of all apps behind a place: at most `limit`, and at most as many as there is room for.
    fn log_after(&self, after: Place, limit: usize) -> Result<LogPage, StoreError>;

    /// Whom an entry concerns: the members of a conversation at its place; the user; the user and its followers now.
    fn log_readers(&self, record: &LogRecord) -> Result<Vec<UserId>, StoreError>;

    /// The entries behind a place that concern a user: at most `limit`, and at most as many as there is room for. Of a
    /// conversation only what happened while the user was a member, joining and leaving included; of identities only
    /// those of the user and of those whom it follows now.
    fn log_of(&self, app: AppKey, user: &UserId, after: Place, limit: usize) -> Result<LogPage, StoreError>;
}

/// What can be written of the log, beside the entries.
pub trait LogWrites {
    /// Keeps a log for a user until a time, which never becomes an earlier one. Entries about conversations are written
    /// while a log is kept for any user of the app, those about a user alone while one is kept for that user: where
    /// nobody listens, the log costs nothing.
    ///
    /// Answers with a place behind all entries so far and before all that come.
    fn keep_log(&mut self, app: AppKey, user: &UserId, until: Timestamp) -> Result<Place, StoreError>;

    /// Forgets the oldest entries before a time: at most `limit`. `true` when none is left.
    fn forget_log(&mut self, before: Timestamp, limit: usize) -> Result<bool, StoreError>;
}

/// What became of the parts of a message.
pub fn part_changes(before: &[Part], after: &[Part]) -> PartChanges {
    let mut changes = PartChanges::default();
    for part in after {
        match before.iter().find(|old| old.id == part.id) {
            None => changes.added.push(part.id),
            Some(old) if old != part => changes.changed.push(part.id),
            Some(_) => {}
        }
    }
    let is_gone = |old: &&Part| !after.iter().any(|part| part.id == old.id);
    changes.removed = before.iter().filter(is_gone).map(|old| old.id).collect();
    changes
}

/// The fields of an identity that are other ones now, by name.
pub fn changed_fields(before: Option<&Fields>, after: &Fields) -> Vec<String> {
    let (unset, after) = (Object::new(), after.as_object());
    let before = before.map_or(&unset, Fields::as_object);
    let is_changed = |name: &&String| before.get(*name) != after.get(*name);
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    after.keys().filter(is_changed).chain(gone).cloned().collect()
}

/// What became of the metadata of a conversation, as paths with the value that is there now.
pub fn metadata_changes(before: &Object, after: &Object) -> Vec<(Vec<String>, Option<Value>)> {
    let mut changes = vec![];
    compare(&mut vec![], before, after, &mut changes);
    changes
}

fn compare(path: &mut Vec<String>, before: &Object, after: &Object, changes: &mut Vec<(Vec<String>, Option<Value>)>) {
    for (key, value) in after {
        path.push(key.clone());
        match (before.get(key), value) {
            (Some(old), value) if old == value => {}
            (Some(Value::Object(old)), Value::Object(new)) => compare(path, old, new, changes),
            (_, value) => changes.push((path.clone(), Some(value.clone()))),
        }
        path.pop();
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        path.push(key.clone());
        changes.push((path.clone(), None));
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_grow_with_time_and_where_it_stands_or_goes_back() {
        let noon = Timestamp::from_ms(1_000);
        let first = Place::START.next(noon);
        assert_eq!(first.time(), noon);
        assert!(first > Place::before(noon) && Place::before(noon).time() < noon);
        let mut last = first;
        for _ in 0..PER_MS {
            let next = last.next(noon);
            assert!(next > last);
            last = next;
        }
        assert_eq!(last.time(), Timestamp::from_ms(1_001));
        assert!(last.next(Timestamp::from_ms(5)) > last);
    }
}
