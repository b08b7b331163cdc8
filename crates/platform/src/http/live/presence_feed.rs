//! Who hears of presence. It is told anew rather than replayed.

use std::sync::Arc;

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_wire::view::Identities;
use layer_wire::{Timestamp, UserId};
use serde_json::Value;

use super::hub::{Hub, Mailbox, Parcel};
use super::listener::{Listener, view_of};
use super::packet::{Kind, Packet, Writer};
use super::passing;
use super::presence::Choice;
use crate::service::Services;

fn body(services: &Services, hub: &Hub, listener: &Listener, user: &UserId) -> Value {
    let presence = hub.presences.get(listener.key, user);
    let status = presence.status();
    let shown = if *user == listener.user { status } else { status.for_others() };
    let view = view_of(services, listener, Identities::new());
    Writer::new(&view).presence_body(user, shown.name(), presence.last_seen_at)
}

/// Sets the presence of a user. `is_first` where the socket has not announced any before.
pub async fn set(
    services: &Services,
    hub: &Hub,
    listener: &Listener,
    choice: Choice,
    is_first: bool,
) -> Result<(), StoreError> {
    let now = services.core.clock().now();
    let is_seen = hub.presences.change(listener, now, |presence| {
        presence.sockets += usize::from(is_first);
        if let Choice::Of(status) = choice {
            presence.chosen = status;
        }
        presence.last_seen_at = Some(now);
    });
    passing::pass_presence(services, hub, listener.key, &listener.user);
    tell(services, hub, (listener.key, &listener.user), is_seen).await
}

/// A socket that had announced presence is gone.
pub async fn gone(services: &Services, hub: &Hub, listener: &Listener) -> Result<(), StoreError> {
    let now = services.core.clock().now();
    let is_seen = hub.presences.change(listener, now, |presence| {
        presence.sockets = presence.sockets.saturating_sub(1);
    });
    passing::pass_presence(services, hub, listener.key, &listener.user);
    tell(services, hub, (listener.key, &listener.user), is_seen).await
}

/// Tells a presence to the other sockets of the user, and to its followers if it is another one for them.
pub async fn tell(
    services: &Services,
    hub: &Hub,
    (app, user): (AppKey, &UserId),
    is_seen: bool,
) -> Result<(), StoreError> {
    let mut readers = hub.sockets_of(app, user);
    if is_seen {
        let followers = services.live.followers(app, user.clone()).await?;
        readers.extend(hub.sockets_among(app, followers).into_iter().flat_map(|(_, sockets)| sockets));
    }
    let is_meant = |mailbox: &&Arc<Mailbox>| mailbox.wants_presence() && mailbox.listener.version.has_identities();
    for mailbox in readers.iter().filter(is_meant) {
        let packet = Packet::new(Kind::Change, &body(services, hub, &mailbox.listener, user));
        mailbox.put(Parcel::Passing(packet));
    }
    Ok(())
}

/// The presence of these users, as bodies of changes.
pub fn of_all(services: &Services, hub: &Hub, listener: &Listener, users: &[UserId]) -> Vec<Value> {
    users.iter().map(|user| body(services, hub, listener, user)).collect()
}

/// The presence of the user and of those whom it follows, where it changed since a time.
pub async fn since(
    services: &Services,
    hub: &Hub,
    listener: &Listener,
    since: Timestamp,
) -> Result<Vec<Value>, StoreError> {
    let changed = hub.presences.changed_since(listener.key, since);
    let followed = services.live.followed_among(listener.key, listener.user.clone(), changed).await?;
    Ok(of_all(services, hub, listener, &followed))
}
