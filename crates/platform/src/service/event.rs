//! Events for webhooks, recorded by the write that makes them. Contract 6.4 and 6.5.
//!
//! The payload is rendered at once, for every active webhook that asked for the event: it shows the object after the change, and a
//! repeated delivery is the same to the byte.

use std::sync::Arc;

use layer_wire::conversation::Conversation;
use layer_wire::event::{self, Envelope, EventKind};
use layer_wire::identity::Identities;
use layer_wire::message::{Message, Sender, ShownSender, Status};
use layer_wire::url::Urls;
use layer_wire::{UserId, Version, View};
use serde_json::Value;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::ids::Ids;
use crate::store::model::{AppKey, ConversationRecord, MessageRecord};
use crate::store::webhook::{NewDelivery, Subscription};
use crate::store::{StoreError, Writes};

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
    /// A message was deleted for everyone. The record is that of before.
    MessageDeleted {
        /// The message.
        message: &'a MessageRecord,
        /// Who deleted it; `None` for a request of the system.
        by: Option<&'a UserId>,
    },
    /// A message reached a participant, or was read. The sender gives no receipts: record none for it.
    Receipt {
        /// The message, with the new status.
        message: &'a MessageRecord,
        /// `Delivered` or `Read`.
        status: Status,
        /// Whose receipt it is.
        by: &'a UserId,
    },
}

impl Event<'_> {
    fn kind(&self) -> EventKind {
        match self {
            Self::ConversationCreated(_) => EventKind::ConversationCreated,
            Self::ConversationParticipantsUpdated(_) => EventKind::ConversationParticipantsUpdated,
            Self::ConversationMetadataUpdated(_) => EventKind::ConversationMetadataUpdated,
            Self::ConversationDeleted(_) => EventKind::ConversationDeleted,
            Self::MessageSent(_) => EventKind::MessageSent,
            Self::MessageDeleted { .. } => EventKind::MessageDeleted,
            Self::Receipt { status: Status::Read, .. } => EventKind::MessageRead,
            Self::Receipt { .. } => EventKind::MessageDelivered,
        }
    }

    fn actor(&self) -> Option<Sender> {
        match self {
            Self::MessageSent(message) => Some(message.sender.clone()),
            Self::MessageDeleted { by, .. } => by.map(event::acting_user),
            Self::Receipt { by, .. } => Some(event::acting_user(by)),
            _ => None,
        }
    }
}

/// Records events. Take [`super::Services::events`] into the job of the write and call [`Self::record`] there.
pub struct Events {
    clock: Clock,
    ids: Arc<Ids>,
    public_url: String,
    recorded: Arc<Notify>,
}

impl Events {
    /// `public_url` is scheme and host of the URLs in payloads.
    pub fn new(clock: Clock, ids: Arc<Ids>, public_url: String) -> Self {
        Self { clock, ids, public_url, recorded: Arc::default() }
    }

    /// Rings when an event was recorded, or when a webhook wants to be verified.
    ///
    /// It rings in the middle of a write, so what was recorded is seen by another *write* only: one that is asked for now runs after
    /// that one. A read may come too early.
    pub fn recorded(&self) -> &Arc<Notify> {
        &self.recorded
    }

    /// Puts an event into the outbox of every active webhook that asked for it, as part of the write at hand.
    pub fn record(&self, writes: &mut dyn Writes, app: AppKey, event: &Event<'_>) -> Result<(), StoreError> {
        let subscriptions = writes.subscriptions(app)?;
        if subscriptions.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let id = self.ids.resource(now);
        for subscription in &subscriptions {
            let Some(name) = event.kind().name(subscription.version) else { continue };
            if !subscription.events.iter().any(|wanted| wanted == name) {
                continue;
            }
            let envelope = Envelope { id, name, created_at: now, config: &subscription.config };
            let body = serde_json::to_vec(&self.payload(subscription, envelope, event)?)?;
            let request = self.ids.resource(now);
            let webhook = subscription.webhook;
            writes.insert_delivery(&NewDelivery {
                webhook,
                event: id,
                request,
                event_type: name,
                body,
                due_at: now,
            })?;
            self.recorded.notify_one();
        }
        Ok(())
    }

    fn payload(
        &self,
        subscription: &Subscription,
        envelope: Envelope<'_>,
        event: &Event<'_>,
    ) -> Result<Value, StoreError> {
        match subscription.version {
            Version::V1_0 | Version::V1_1 => self.first_payload(subscription, envelope, event),
            // Not registered yet.
            Version::V2_0 | Version::V3_0 => Err(StoreError::Failed("no payload of this version".into())),
        }
    }

    fn first_payload(
        &self,
        subscription: &Subscription,
        envelope: Envelope<'_>,
        event: &Event<'_>,
    ) -> Result<Value, StoreError> {
        let view = View {
            version: Version::V1_0,
            urls: Urls::system(&self.public_url, subscription.app),
            identities: Identities::new(),
        };
        let actor = event.actor().map(|actor| ShownSender::new(actor, &view, false));
        let (key, subject) = match *event {
            Event::ConversationCreated(record)
            | Event::ConversationParticipantsUpdated(record)
            | Event::ConversationMetadataUpdated(record)
            | Event::ConversationDeleted(record) => {
                let shown = Conversation::in_system_view(record.clone().into(), &view);
                ("conversation", serde_json::to_value(shown)?)
            }
            Event::MessageSent(message) | Event::MessageDeleted { message, .. } | Event::Receipt { message, .. } => {
                let shown = Message::in_first_event(message.clone().into(), &view);
                ("message", serde_json::to_value(shown)?)
            }
        };
        Ok(envelope.first(actor.as_ref(), key, subject))
    }
}
