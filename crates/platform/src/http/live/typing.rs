//! Who types. Client API 5.5. It passes: nothing of it is stored.

use std::future;
use std::time::Duration;

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_wire::{ConversationId, UserId};
use serde_json::Value;
use tokio::time::Instant;

use super::hub::{Hub, Parcel};
use super::listener::{Listener, view_of};
use super::packet::Writer;
use super::passing;
use crate::service::Services;

/// How long a client may be silent before it counts as one that pauses, and then as one that is done: twice of what the
/// SDKs take (assumed).
const SILENCE: Duration = Duration::from_secs(5);

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It types.
    Started,
    /// It thinks.
    Paused,
    /// It types no more.
    Finished,
}

impl Action {
    /// That of a name in packets.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Started, Self::Paused, Self::Finished].into_iter().find(|action| action.name() == name)
    }

    /// Its name in packets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Finished => "finished",
        }
    }
}

/// The signal in a packet of a client; `None` for one that there is not.
pub fn parse(body: &Value) -> Option<(ConversationId, Action)> {
    if body["type"] != "typing_indicator" {
        return None;
    }
    let action = Action::of_name(body["data"]["action"].as_str()?)?;
    Some((ConversationId::parse(body["object"]["id"].as_str()?)?, action))
}

/// Where the user of a socket types, if it does.
#[derive(Debug, Default)]
pub struct Typing(Option<(ConversationId, Action, Instant)>);

impl Typing {
    /// Tells what the user does now. Where it typed before, it is done.
    pub async fn tell(
        &mut self,
        services: &Services,
        hub: &Hub,
        listener: &Listener,
        (conversation, action): (ConversationId, Action),
    ) -> Result<(), StoreError> {
        if let Some((before, ..)) = self.0.take_if(|(before, ..)| *before != conversation) {
            tell_all(services, hub, listener, before, Action::Finished).await?;
        }
        let is_on = action != Action::Finished;
        self.0 = is_on.then(|| (conversation, action, Instant::now() + SILENCE));
        tell_all(services, hub, listener, conversation, action).await
    }

    /// Waits until the client was silent for too long, and tells what follows from that.
    pub async fn silence(&self) -> Option<(ConversationId, Action)> {
        let Some((conversation, action, at)) = self.0 else { return future::pending().await };
        tokio::time::sleep_until(at).await;
        Some((conversation, if action == Action::Started { Action::Paused } else { Action::Finished }))
    }

    /// What is left to be told when the socket goes.
    pub fn end(&mut self) -> Option<(ConversationId, Action)> {
        self.0.take().map(|(conversation, ..)| (conversation, Action::Finished))
    }
}

/// Tells the others in a conversation what a user does, here and elsewhere.
async fn tell_all(
    services: &Services,
    hub: &Hub,
    listener: &Listener,
    conversation: ConversationId,
    action: Action,
) -> Result<(), StoreError> {
    if tell(services, hub, (listener.key, &listener.user), conversation, action).await? {
        passing::pass_typing(services, listener.key, &listener.user, conversation, action.name());
    }
    Ok(())
}

/// Tells the others in a conversation what a user does. `false` when there are none.
pub async fn tell(
    services: &Services,
    hub: &Hub,
    (app, user): (AppKey, &UserId),
    conversation: ConversationId,
    action: Action,
) -> Result<bool, StoreError> {
    let (others, identities) = services.live.others_in(app, user.clone(), conversation).await?;
    let is_heard = !others.is_empty();
    for (_, sockets) in hub.sockets_among(app, others) {
        for mailbox in sockets {
            let view = view_of(services, &mailbox.listener, identities.clone());
            let packet = Writer::new(&view).typing(user, conversation, action.name());
            mailbox.put(Parcel::Passing(packet));
        }
    }
    Ok(is_heard)
}
