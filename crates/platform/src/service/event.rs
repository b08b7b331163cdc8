//! Events for webhooks, recorded by the write that makes them. Contract 6.4 and 6.5.
//!
//! The payload is rendered at once, for every active webhook that asked for the event: it shows the object after the
//! change, and a repeated delivery is the same to the byte.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use layer_store::conversation::ConversationRecord;
use layer_store::delivery::{EventBody, NewEvent};
use layer_store::key::AppKey;
use layer_store::message::MessageRecord;
use layer_store::webhook::Listener;
use layer_store::{Reads, StoreError, Writes};
use layer_wire::body::Object;
use layer_wire::event::{self, Envelope, EventKind, Link};
use layer_wire::message::{EventMessage, Sender, ShownSender, Status};
use layer_wire::part::{Part, PartForm, ShownPart};
use layer_wire::url::Urls;
use layer_wire::view::Identities;
use layer_wire::{Timestamp, UserId, Version, View, signed};
use uuid::Uuid;

use super::named::{NamesUsers, identities_of};
use super::shown;
use crate::ground::clock::Clock;
use crate::ground::ids::Ids;
use crate::ground::links::Links;

/// What happened, with the object as it is after the change.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A conversation was created; with metadata it is still one event.
    ConversationCreated(&'a ConversationRecord),
    /// Participants joined or left.
    ConversationParticipantsUpdated {
        /// The conversation.
        conversation: &'a ConversationRecord,
        /// The users who joined.
        joined: &'a [UserId],
        /// The users who left.
        left: &'a [UserId],
    },
    /// Participants came: what later versions than 1.0 make of [`Self::ConversationParticipantsUpdated`].
    ParticipantsJoined {
        /// The conversation.
        conversation: &'a ConversationRecord,
        /// The users who joined.
        users: &'a [UserId],
    },
    /// Participants went, likewise.
    ParticipantsLeft {
        /// The conversation.
        conversation: &'a ConversationRecord,
        /// The users who left.
        users: &'a [UserId],
    },
    /// Metadata changed.
    ConversationMetadataUpdated(&'a ConversationRecord),
    /// A conversation was deleted for everyone. The record is that of before: of a deleted one nothing is left to show
    /// (assumed).
    ConversationDeleted(&'a ConversationRecord),
    /// A message was sent.
    MessageSent(&'a MessageRecord),
    /// The parts of a message changed (assumed).
    MessageUpdated(&'a MessageRecord),
    /// A message was deleted for everyone. The record is that of before.
    MessageDeleted {
        /// The message.
        message: &'a MessageRecord,
        /// The user who deleted it; `None` for a request of the system.
        by: Option<&'a UserId>,
    },
    /// Messages of one conversation reached a participant, or were read. The sender gives no receipts: record none for
    /// it.
    Receipt {
        /// The messages, with the new status. Without any, nothing happened.
        messages: &'a [MessageRecord],
        /// `Delivered` or `Read`.
        status: Status,
        /// Whose receipt it is.
        by: &'a UserId,
    },
    /// A part of a message was added, replaced or removed. Record a [`Self::MessageUpdated`] as well.
    Part {
        /// What was done to it.
        change: PartChange,
        /// The message, after the change.
        message: &'a MessageRecord,
        /// The part; a removed one as it was.
        part: &'a Part,
    },
}

/// What was done to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartChange {
    /// It was added.
    Created,
    /// It was replaced.
    Updated,
    /// It was removed.
    Deleted,
}

impl Event<'_> {
    fn kind(&self) -> EventKind {
        match self {
            Self::ConversationCreated(_) => EventKind::ConversationCreated,
            Self::ConversationParticipantsUpdated { .. } => EventKind::ConversationParticipantsUpdated,
            Self::ParticipantsJoined { .. } => EventKind::ParticipantsJoined,
            Self::ParticipantsLeft { .. } => EventKind::ParticipantsLeft,
            Self::ConversationMetadataUpdated(_) => EventKind::ConversationMetadataUpdated,
            Self::ConversationDeleted(_) => EventKind::ConversationDeleted,
            Self::MessageSent(_) => EventKind::MessageSent,
            Self::MessageUpdated(_) => EventKind::MessageUpdated,
            Self::MessageDeleted { .. } => EventKind::MessageDeleted,
            Self::Receipt { status: Status::Read, .. } => EventKind::MessageRead,
            Self::Receipt { .. } => EventKind::MessageDelivered,
            Self::Part { change: PartChange::Created, .. } => EventKind::PartCreated,
            Self::Part { change: PartChange::Updated, .. } => EventKind::PartUpdated,
            Self::Part { change: PartChange::Deleted, .. } => EventKind::PartDeleted,
        }
    }

    fn actor(&self) -> Option<Sender> {
        match self {
            Self::MessageSent(message) => Some(message.sender.clone()),
            Self::MessageDeleted { by, .. } => by.cloned().map(Sender::User),
            Self::Receipt { by, .. } => Some(Sender::User((*by).clone())),
            _ => None,
        }
    }

    /// The events that a version makes of it. 1.0 has one for each message that a receipt is for, later ones have one
    /// for all; 1.0 has one for all changes of participants, later ones have one for those who came and one for those
    /// who went.
    fn in_version(self, version: Version) -> Vec<Self> {
        match self {
            Self::Receipt { messages: [], .. } => vec![],
            Self::Receipt { messages, status, by } if !version.has_identities() => {
                messages.chunks(1).map(|messages| Self::Receipt { messages, status, by }).collect()
            }
            Self::ConversationParticipantsUpdated { conversation, joined, left } if version.has_identities() => [
                Self::ParticipantsJoined { conversation, users: joined },
                Self::ParticipantsLeft { conversation, users: left },
            ]
            .into_iter()
            .zip([joined, left])
            .filter_map(|(event, users)| (!users.is_empty()).then_some(event))
            .collect(),
            other => vec![other],
        }
    }

    /// The id of the event in a version: that of the message that was sent, from 2.0 on (recorded, R4 to R6); a fresh
    /// one for all others (assumed).
    fn id(&self, version: Version, fresh: impl FnOnce() -> Uuid) -> Uuid {
        match self {
            Self::MessageSent(message) if version.has_identities() => message.id.uuid(),
            _ => fresh(),
        }
    }

    /// The time of the event in a version: when the message was sent, from 2.0 on (recorded, R4 to R6); that of the
    /// change for all others (assumed).
    fn created_at(&self, version: Version, now: Timestamp) -> Timestamp {
        match self {
            Self::MessageSent(message) if version.has_identities() => message.sent_at,
            _ => now,
        }
    }

    /// The members of the payload that tell what it is about.
    fn subject(&self, view: &View) -> Result<Object, StoreError> {
        let conversation_of = |conversation: &ConversationRecord| {
            serde_json::to_value(shown::conversation(conversation.clone(), view, None))
        };
        let message_of = |message: &MessageRecord| serde_json::to_value(EventMessage::new(message.clone(), view));
        let members = match *self {
            Self::ConversationCreated(conversation)
            | Self::ConversationParticipantsUpdated { conversation, .. }
            | Self::ConversationMetadataUpdated(conversation)
            | Self::ConversationDeleted(conversation) => vec![("conversation", conversation_of(conversation)?)],
            Self::ParticipantsJoined { conversation, users } | Self::ParticipantsLeft { conversation, users } => {
                let changes: Vec<_> = users.iter().map(|user| view.user(user.clone())).collect();
                vec![("conversation", conversation_of(conversation)?), ("changes", serde_json::to_value(changes)?)]
            }
            Self::MessageSent(message) | Self::MessageUpdated(message) | Self::MessageDeleted { message, .. } => {
                vec![("message", message_of(message)?)]
            }
            Self::Receipt { messages, status, .. } => {
                let ([first, .., last] | [first @ last]) = messages else { return Ok(Object::new()) };
                if view.version.has_identities() {
                    let (id, url) = (first.conversation, view.urls.conversation(first.conversation));
                    let (from, to) = (first.position.min(last.position), first.position.max(last.position));
                    let receipt = event::receipt(status, from, to);
                    vec![("conversation", serde_json::to_value(Link { id, url })?), ("receipt", receipt)]
                } else {
                    vec![("message", message_of(first)?)]
                }
            }
            Self::Part { message, part, .. } => {
                let url = view.urls.message(message.conversation, message.id);
                let form = PartForm::of_events(view.version);
                let shown =
                    ShownPart::all(vec![part.clone()], form, message.conversation, message.id, &view.urls).pop();
                let message = serde_json::to_value(Link { id: message.id, url })?;
                vec![("message_part", serde_json::to_value(shown)?), ("message", message)]
            }
        };
        Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl NamesUsers for Event<'_> {
    fn for_each_user<'a>(&'a self, name: &mut dyn FnMut(&'a UserId)) {
        match self {
            Self::ConversationCreated(conversation)
            | Self::ConversationMetadataUpdated(conversation)
            | Self::ConversationDeleted(conversation) => conversation.for_each_user(name),
            Self::ConversationParticipantsUpdated { conversation, joined, left } => {
                conversation.for_each_user(name);
                joined.iter().chain(*left).for_each(name);
            }
            Self::ParticipantsJoined { conversation, users } | Self::ParticipantsLeft { conversation, users } => {
                conversation.for_each_user(name);
                users.iter().for_each(name);
            }
            Self::MessageSent(message) | Self::MessageUpdated(message) => message.for_each_user(name),
            Self::MessageDeleted { message, by } => {
                message.for_each_user(name);
                if let Some(user) = by {
                    name(user);
                }
            }
            Self::Receipt { by, .. } => name(by),
            Self::Part { .. } => {}
        }
    }
}

/// Records events. Take [`super::Core::events`] into the job of the write and call [`Self::record`] there.
pub struct Events {
    clock: Clock,
    ids: Arc<Ids>,
    public_url: String,
    links: Arc<Links>,
}

impl Events {
    /// `public_url` is scheme and host of the URLs in payloads.
    pub fn new(clock: Clock, ids: Arc<Ids>, public_url: String, links: Arc<Links>) -> Self {
        Self { clock, ids, public_url, links }
    }

    /// Puts an event into the outbox of every active webhook that asked for it, and into the next scheduled export if
    /// that is to have it, as part of the write at hand.
    pub fn record(&self, writes: &mut dyn Writes, app: AppKey, event: &Event<'_>) -> Result<(), StoreError> {
        for event in self.plan(writes, app, event)? {
            // What is there has its position in its payload.
            event.insert(writes, app, 0)?;
        }
        Ok(())
    }

    /// The same before the write: what it is to record.
    pub fn plan(&self, reads: &dyn Reads, app: AppKey, event: &Event<'_>) -> Result<Vec<NewEvent>, StoreError> {
        self.for_listeners(reads, app, event, whole)
    }

    /// The same for a message that has no position yet.
    pub fn plan_sent(
        &self,
        reads: &dyn Reads,
        app: AppKey,
        message: &MessageRecord,
    ) -> Result<Vec<NewEvent>, StoreError> {
        self.for_listeners(reads, app, &Event::MessageSent(message), without_position)
    }

    /// An event for every active webhook that asked for it, and for the next scheduled export if that is to have it.
    fn for_listeners(
        &self,
        reads: &dyn Reads,
        app: AppKey,
        event: &Event<'_>,
        write: fn(Object) -> Result<EventBody, StoreError>,
    ) -> Result<Vec<NewEvent>, StoreError> {
        let listeners = reads.listeners(app)?;
        if listeners.is_empty() {
            return Ok(vec![]);
        }
        let now = self.clock.now();
        let mut ids = HashMap::new();
        // Shown once for each version, however many webhooks get it: that is most of the work.
        let mut shown = HashMap::new();
        let mut events = vec![];
        for listener in &listeners {
            let version = listener.version;
            for (index, event) in event.in_version(version).into_iter().enumerate() {
                let Some(name) = event.kind().name(version) else { continue };
                if !listener.events.iter().any(|wanted| wanted == name) {
                    continue;
                }
                // All webhooks see the same id of the same event.
                let fresh = || *ids.entry((version.has_identities(), index)).or_insert_with(|| self.ids.resource(now));
                let id = event.id(version, fresh);
                let created_at = event.created_at(version, now);
                let payload = match shown.entry((version, index)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let envelope = Envelope { id, name, created_at };
                        place.insert(write(self.payload(reads, app, listener, envelope, &event)?)?)
                    }
                };
                // In 2.0 the request has the id of its event (recorded, R4 to R6), in the other versions, too
                // (assumed).
                let body = with_config(payload, &listener.config)?;
                events.push(NewEvent { receiver: listener.receiver, id, name, at: now, body });
            }
        }
        Ok(events)
    }

    fn payload(
        &self,
        reads: &dyn Reads,
        app: AppKey,
        listener: &Listener,
        envelope: Envelope<'_>,
        event: &Event<'_>,
    ) -> Result<Object, StoreError> {
        let version = listener.version;
        let identities = if version.has_identities() { identities_of(reads, app, event)? } else { Identities::new() };
        let urls = Urls::in_events(&self.public_url, listener.app).with_downloads(Arc::clone(&self.links) as _);
        let view = View { version, urls, identities };
        let actor = event.actor().map(|actor| ShownSender::new(actor, &view, false));
        Ok(envelope.payload(version, actor.as_ref(), event.subject(&view)?))
    }
}

/// A payload as it is.
fn whole(payload: Object) -> Result<EventBody, StoreError> {
    Ok(EventBody { before: signed::to_vec(&payload.into())?, after: None })
}

/// A payload with a gap where it has the position of its message, if its version shows one.
///
/// It is written with two positions, which differ in one digit. The gap cannot be searched for: a message may hold any
/// text.
fn without_position(mut payload: Object) -> Result<EventBody, StoreError> {
    let Some(position) = payload.get_mut("message").and_then(|message| message.get_mut("position")) else {
        return whole(payload);
    };
    *position = 1.into();
    let mut other = payload.clone();
    other["message"]["position"] = 2.into();
    let (one, other) = (signed::to_vec(&payload.into())?, signed::to_vec(&other.into())?);
    let gap = one.iter().zip(&other).position(|(one, other)| one != other).unwrap_or(one.len());
    Ok(EventBody { before: one[..gap].to_vec(), after: one.get(gap + 1..).map(<[u8]>::to_vec) })
}

/// A payload with what a webhook wants to see again at its end.
fn with_config(payload: &EventBody, config: &Object) -> serde_json::Result<EventBody> {
    let EventBody { before, after } = payload;
    Ok(match after {
        None => EventBody { before: event::with_config(before, config)?, after: None },
        Some(after) => EventBody { before: before.clone(), after: Some(event::with_config(after, config)?) },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gap_of_a_payload_is_where_its_message_has_the_position() {
        let config = json!({ "message": { "position": 1 } }).as_object().cloned().unwrap();
        let payload = |position| {
            let message = json!({ "\"position\":1": "\"position\":1", "position": position, "1": 1 });
            json!({ "position": 1, "message": message }).as_object().cloned().unwrap()
        };
        for config in [Object::new(), config] {
            for position in [1, 2, 7, 4_000_000_000_u32] {
                let expected =
                    event::with_config(&signed::to_vec(&payload(position).into()).unwrap(), &config).unwrap();
                let body = with_config(&without_position(payload(0)).unwrap(), &config).unwrap();
                assert!(body.after.is_some());
                assert_eq!(String::from_utf8(body.at(position)).unwrap(), String::from_utf8(expected).unwrap());
            }
        }
        let mut placeless = payload(0);
        placeless["message"] = json!({});
        let body = without_position(placeless.clone()).unwrap();
        assert_eq!(body, EventBody { before: signed::to_vec(&placeless.into()).unwrap(), after: None });
    }
}
