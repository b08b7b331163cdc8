//! What other platforms on the same database are told of users: who types, who is there.

use layer_store::key::AppKey;
use layer_store::passing::Passing;
use layer_wire::{ConversationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::hub::Hub;
use crate::service::Services;

/// What presence is about; typing is about a conversation.
pub const PRESENCE: &str = "";

/// A presence as it is told.
#[derive(Serialize, Deserialize)]
pub struct Told {
    /// The name of the status that the user chose.
    pub chosen: String,
    /// Whether a socket of the user is open.
    pub is_there: bool,
    /// Unit: milliseconds since 1970.
    pub last_seen_at: Option<i64>,
}

/// Tells other platforms what a user does in a conversation, by the name of the action.
pub fn pass_typing(services: &Services, app: AppKey, user: &UserId, conversation: ConversationId, action: &str) {
    let about = conversation.uuid().to_string();
    services.core.pass(Passing { app, user: user.clone(), about, text: action.into() });
}

/// Tells other platforms what is known here of a user.
pub fn pass_presence(services: &Services, hub: &Hub, app: AppKey, user: &UserId) {
    let known = hub.presences.get(app, user);
    let told = Told {
        chosen: known.chosen.name().into(),
        is_there: known.sockets > 0,
        last_seen_at: known.last_seen_at.map(Timestamp::as_ms),
    };
    // It has nothing that JSON does not know.
    let text = serde_json::to_string(&told).unwrap_or_default();
    services.core.pass(Passing { app, user: user.clone(), about: PRESENCE.into(), text });
}
