//! What an operator looks at across an app: everything of a kind, newest first, and what waits.
//!
//! Nobody else reads such lists, so no index is kept for them that a send would have to pay for: they walk along keys
//! that there are anyway, page by page.

use layer_wire::identity::Fields;
use layer_wire::{AppId, Timestamp, UserId};
use uuid::Uuid;

use crate::StoreError;
use crate::conversation::ConversationRecord;
use crate::key::{AppKey, WebhookKey};
use crate::message::MessageRecord;
use crate::page::{Weighed, weight_of_object};

/// How much an app has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AppCounts {
    /// Conversations that are not deleted.
    pub conversations: u64,
    /// Messages in them.
    pub messages: u64,
    /// Users that some write has named.
    pub users: u64,
}

/// A user, as lists of users show it.
#[derive(Debug, Clone, PartialEq)]
pub struct UserRecord {
    /// Its id.
    pub id: UserId,
    /// The fields of its identity, if it has one.
    pub identity: Option<Fields>,
    /// Whether it is suspended.
    pub is_suspended: bool,
    /// How many conversations it sees.
    pub conversation_count: u64,
}

impl Weighed for UserRecord {
    fn weight(&self) -> usize {
        let fields = self.identity.as_ref().map_or(0, |fields| weight_of_object(fields.as_object()));
        64 + self.id.as_str().len() + fields
    }
}

/// A delivery in the outbox, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// The id of the event.
    pub event: Uuid,
    /// The name of the event.
    pub event_type: String,
    /// Failed attempts so far.
    pub failed_attempts: u32,
    /// When it was tried first, if it was.
    pub first_attempt_at: Option<Timestamp>,
    /// When the next attempt is due.
    pub due_at: Timestamp,
}

/// What waits for webhooks, of all apps. Counts end at the limit that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxState {
    /// Webhooks that events go to.
    pub active: u64,
    /// Webhooks that no events go to.
    pub inactive: u64,
    /// Webhooks that have not answered their challenge yet.
    pub unverified: u64,
    /// Deliveries that wait or are under way.
    pub deliveries: u64,
    /// Since when the oldest of these has been tried, or due where it was not tried yet.
    pub oldest: Option<Timestamp>,
}

/// What an operator can read.
pub trait OverviewReads {
    /// All apps that are not deleted, the oldest first.
    fn app_ids(&self) -> Result<Vec<(AppKey, AppId)>, StoreError>;

    /// How much an app has. The time it takes grows with the number of its conversations.
    fn app_counts(&self, app: AppKey) -> Result<AppCounts, StoreError>;

    /// The conversations of an app that are not deleted, the newest first: at most `limit`, beginning after the
    /// conversation `after`, which may be deleted.
    fn newest_conversations(
        &self,
        app: AppKey,
        after: Option<&ConversationRecord>,
        limit: usize,
    ) -> Result<Vec<ConversationRecord>, StoreError>;

    /// The messages of an app by conversation, the newest first of those as of the messages in each: at most `limit`,
    /// beginning after the message `after`.
    fn newest_messages(
        &self,
        app: AppKey,
        after: Option<&MessageRecord>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError>;

    /// The users of an app in the order of their ids, byte by byte: at most `limit`, beginning after the id `after`.
    fn users(&self, app: AppKey, after: Option<&UserId>, limit: usize) -> Result<Vec<UserRecord>, StoreError>;

    /// The deliveries that wait for a webhook, the next one first, at most `limit`; and how many there are in all.
    fn waiting_deliveries(&self, webhook: WebhookKey, limit: usize) -> Result<(Vec<WaitingDelivery>, u64), StoreError>;

    /// What waits for webhooks. Looks at about `limit` rows of each kind at the most, however many there are.
    fn outbox_state(&self, limit: usize) -> Result<OutboxState, StoreError>;
}

/// What became of a delivery that was to be made sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hastened {
    /// It is due now.
    Due,
    /// An attempt is under way.
    UnderWay,
    /// It is not in the outbox.
    Gone,
}

/// What an operator can write.
pub trait OverviewWrites {
    /// Makes a delivery in the outbox due at `due_at`.
    fn hasten_delivery(&mut self, webhook: WebhookKey, event: Uuid, due_at: Timestamp) -> Result<Hastened, StoreError>;
}
