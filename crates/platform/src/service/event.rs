//! Events for webhooks, recorded by the write that makes them. Contract 6.4 and 6.5.
//!
//! The payload is rendered at once, for every active webhook that asked for the event: it shows the object after the change, and a
//! repeated delivery is the same to the byte.

use std::collections::HashMap;
use std::sync::Arc;

use layer_store::model::{AppKey, ConversationRecord, MessageRecord};
use layer_store::webhook::{NewDelivery, Subscription};
use layer_store::{Reads, StoreError, Writes};
use layer_wire::body::Object;
use layer_wire::conversation::Conversation;
use layer_wire::event::{self, Envelope, EventKind, Link};
use layer_wire::identity::Identities;
use layer_wire::message::{Message, Sender, ShownSender, Status};
use layer_wire::part::{Part, PartForm, ShownPart};
use layer_wire::url::Urls;
use layer_wire::{UserId, Version, View};
use tokio::sync::Notify;

use super::named::{NamesUsers, identities_of};
use crate::clock::Clock;
use crate::ids::Ids;
use crate::links::Links;

/// What happened, with the object as it is after the change.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A conversation was created; with metadata it is still one event.
    ConversationCreated(&'a ConversationRecord),
    /// Participants came or went.
    ConversationParticipantsUpdated(&'a ConversationRecord),
    /// Metadata changed.
    ConversationMetadataUpdated(&'a ConversationRecord),
    /// A conversation was deleted for everyone. The record is that of before: of a deleted one nothing is left to show (assumed).
    ConversationDeleted(&'a ConversationRecord),
    /// A message was sent.
    MessageSent(&'a MessageRecord),
    /// The parts of a message changed (assumed).
    MessageUpdated(&'a MessageRecord),
    /// A message was deleted for everyone. The record is that of before.
    MessageDeleted {
        /// The message.
        message: &'a MessageRecord,
        /// Who deleted it; `None` for a request of the system.
        by: Option<&'a UserId>,
    },
    /// Messages of one conversation reached a participant, or were read. The sender gives no receipts: record none for it.
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
            Self::ConversationParticipantsUpdated(_) => EventKind::ConversationParticipantsUpdated,
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

    /// The events that a version makes of it: 1.0 has one for each message that a receipt is for, later ones have one for all.
    fn in_version(self, version: Version) -> Vec<Self> {
        match self {
            Self::Receipt { messages: [], .. } => vec![],
            Self::Receipt { messages, status, by } if !version.has_identities() => {
                messages.chunks(1).map(|messages| Self::Receipt { messages, status, by }).collect()
            }
            other => vec![other],
        }
    }

    /// The members of the payload that tell what it is about.
    fn subject(&self, view: &View) -> Result<Object, StoreError> {
        let message_of =
            |message: &MessageRecord| serde_json::to_value(Message::in_event(message.clone().into(), view));
        let members = match *self {
            Self::ConversationCreated(record)
            | Self::ConversationParticipantsUpdated(record)
            | Self::ConversationMetadataUpdated(record)
            | Self::ConversationDeleted(record) => {
                let shown = Conversation::in_system_view(record.clone().into(), view);
                vec![("conversation", serde_json::to_value(shown)?)]
            }
            Self::MessageSent(message) | Self::MessageUpdated(message) | Self::MessageDeleted { message, .. } => {
                vec![("message", message_of(message)?)]
            }
            Self::Receipt { messages, status, .. } => {
                let ([first, .., last] | [first @ last]) = messages else { return Ok(Object::new()) };
                if view.version.has_identities() {
                    let (id, url) = (first.conversation, view.urls.conversation(first.conversation));
                    let (start, end) = (first.position.min(last.position), first.position.max(last.position));
                    let receipt = event::receipt(status, start, end);
                    vec![("conversation", serde_json::to_value(Link { id, url })?), ("receipt", receipt)]
                } else {
                    vec![("message", message_of(first)?)]
                }
            }
            Self::Part { message, part, .. } => {
                let url = view.urls.message(message.conversation, message.id);
                // Parts have numbers in the older versions, which have no such events.
                let shown = ShownPart::of_message(part.clone(), 0, PartForm::of_reads(view.version), message.id, &url)
                    .linked(message.conversation, &view.urls);
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
            | Self::ConversationParticipantsUpdated(conversation)
            | Self::ConversationMetadataUpdated(conversation)
            | Self::ConversationDeleted(conversation) => conversation.for_each_user(name),
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

/// Records events. Take [`super::Services::events`] into the job of the write and call [`Self::record`] there.
pub struct Events {
    clock: Clock,
    ids: Arc<Ids>,
    public_url: String,
    links: Arc<Links>,
    recorded: Arc<Notify>,
}

impl Events {
    /// `public_url` is scheme and host of the URLs in payloads.
    pub fn new(clock: Clock, ids: Arc<Ids>, public_url: String, links: Arc<Links>) -> Self {
        Self { clock, ids, public_url, links, recorded: Arc::default() }
    }

    /// Rings when an event was recorded, or when a webhook wants to be verified.
    ///
    /// It rings in the middle of a write, so what was recorded is seen by another *write* only: one that is asked for now runs after
    /// that one. A read may come too early.
    pub fn recorded(&self) -> &Arc<Notify> {
        &self.recorded
    }

    /// Puts an event into the outbox of every active webhook that asked for it, and into the next scheduled export if that is to have
    /// it, as part of the write at hand.
    pub fn record(&self, writes: &mut dyn Writes, app: AppKey, event: &Event<'_>) -> Result<(), StoreError> {
        let mut subscriptions = writes.subscriptions(app)?;
        let webhook_count = subscriptions.len();
        // The schedule of exports is one more receiver, behind the webhooks.
        subscriptions.extend(writes.export_subscription(app)?);
        if subscriptions.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let mut ids = HashMap::new();
        for (index, subscription) in subscriptions.iter().enumerate() {
            let is_export = index == webhook_count;
            let version = subscription.version;
            let Some(name) = event.kind().name(version) else { continue };
            if !subscription.events.iter().any(|wanted| wanted == name) {
                continue;
            }
            for (index, event) in event.in_version(version).into_iter().enumerate() {
                // All webhooks see the same id of the same event.
                let id = *ids.entry((version.has_identities(), index)).or_insert_with(|| self.ids.resource(now));
                let envelope = Envelope { id, name, created_at: now, config: &subscription.config };
                let payload = self.payload(writes, app, subscription, envelope, &event)?;
                if is_export {
                    writes.insert_export_event(app, &serde_json::to_vec(&payload)?)?;
                    continue;
                }
                writes.insert_delivery(&NewDelivery {
                    webhook: subscription.webhook,
                    event: id,
                    request: self.ids.resource(now),
                    event_type: name,
                    body: serde_json::to_vec(&payload)?,
                    due_at: now,
                })?;
            }
            self.recorded.notify_one();
        }
        Ok(())
    }

    fn payload(
        &self,
        reads: &dyn Reads,
        app: AppKey,
        subscription: &Subscription,
        envelope: Envelope<'_>,
        event: &Event<'_>,
    ) -> Result<Object, StoreError> {
        let version = subscription.version;
        let identities = if version.has_identities() { identities_of(reads, app, event)? } else { Identities::new() };
        let urls = Urls::in_events(&self.public_url, subscription.app).with_downloads(Arc::clone(&self.links) as _);
        let view = View { version, urls, identities };
        let actor = event.actor().map(|actor| ShownSender::new(actor, &view, false));
        Ok(envelope.payload(version, actor.as_ref(), event.subject(&view)?))
    }
}
