//! Who is there. Client API 5.6. It passes: nothing of it is stored, and it is told anew rather than replayed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_wire::identity::Identities;
use layer_wire::patch::Action;
use layer_wire::{ApiError, Timestamp, UserId, Version, patch};
use serde_json::Value;

use super::hub::{Hub, Listener, Mailbox, Parcel};
use super::packet::{Kind, Packet, Writer};
use crate::http::render::UserView;
use crate::service::Services;

/// How many users are remembered. Beyond that, those who are offline are forgotten.
const MAX_REMEMBERED: usize = 100_000;

/// A status that a user chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// It can be talked to.
    #[default]
    Available,
    /// It has no time.
    Busy,
    /// It is elsewhere.
    Away,
    /// It is not there.
    Offline,
    /// It is there, but nobody is to know.
    Invisible,
}

impl Status {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Available, "available"),
        (Self::Busy, "busy"),
        (Self::Away, "away"),
        (Self::Offline, "offline"),
        (Self::Invisible, "invisible"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("offline", |(_, name)| name)
    }

    fn for_others(self) -> Self {
        if self == Self::Invisible { Self::Offline } else { self }
    }
}

/// What a request sets: a status, or the one that was chosen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This one.
    Of(Status),
    /// `auto`.
    Last,
}

impl Choice {
    /// Reads a patch of the presence: one operation that sets the status.
    ///
    /// Errors: those of a patch; `invalid_property` `status`.
    pub fn parse(data: &Value, version: Version) -> Result<Self, ApiError> {
        let wrong = || ApiError::invalid_property("status", "must be set to a status that there is");
        let operations = patch::parse(data.to_string().as_bytes(), version)?;
        let operation = operations.last().ok_or_else(wrong)?;
        let path: Vec<&str> = operation.path.iter().map(String::as_str).collect();
        let (["status"] | ["presence", "status"], Action::Set(value)) = (path.as_slice(), &operation.action) else {
            return Err(wrong());
        };
        let name = value.as_str().ok_or_else(wrong)?;
        if name == "auto" {
            return Ok(Self::Last);
        }
        Status::ALL.iter().find(|(_, known)| *known == name).map(|(status, _)| Self::Of(*status)).ok_or_else(wrong)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Presence {
    chosen: Status,
    /// Sockets that announced it.
    sockets: usize,
    last_seen_at: Option<Timestamp>,
    changed_at: Option<Timestamp>,
}

impl Presence {
    fn status(self) -> Status {
        if self.sockets > 0 { self.chosen } else { Status::Offline }
    }
}

/// Who is there.
#[derive(Default)]
pub struct Presences(Mutex<HashMap<(AppKey, UserId), Presence>>);

impl Presences {
    fn lock(&self) -> MutexGuard<'_, HashMap<(AppKey, UserId), Presence>> {
        // What is inside is whole at each step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, app: AppKey, user: &UserId) -> Presence {
        self.lock().get(&(app, user.clone())).copied().unwrap_or_default()
    }

    /// `true` when others see something else now.
    fn change(&self, listener: &Listener, now: Timestamp, change: impl FnOnce(&mut Presence)) -> bool {
        let mut presences = self.lock();
        if presences.len() >= MAX_REMEMBERED {
            presences.retain(|_, presence| presence.sockets > 0);
        }
        let presence = presences.entry((listener.key, listener.user.clone())).or_default();
        let before = presence.status().for_others();
        change(presence);
        presence.changed_at = Some(now);
        presence.status().for_others() != before
    }

    fn changed_since(&self, app: AppKey, since: Timestamp) -> Vec<UserId> {
        let presences = self.lock();
        let is_meant = |presence: &Presence| presence.changed_at.is_some_and(|at| at >= since);
        let meant = presences.iter().filter(|((of, _), presence)| *of == app && is_meant(presence));
        meant.map(|((_, user), _)| user.clone()).collect()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().clear();
    }
}

fn body(services: &Services, hub: &Hub, listener: &Listener, user: &UserId) -> Value {
    let presence = hub.presences.get(listener.key, user);
    let status = presence.status();
    let shown = if *user == listener.user { status } else { status.for_others() };
    let view = view_of(services, listener, Identities::new());
    Writer::new(&view).presence_body(user, shown.name(), presence.last_seen_at)
}

/// The view of the user who listens.
pub fn view_of(services: &Services, listener: &Listener, identities: Identities) -> UserView {
    let caller = listener.caller();
    UserView::new(services.core.urls_of_user(caller, &listener.user), caller, listener.user.clone(), identities)
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
    tell(services, hub, listener, is_seen).await
}

/// A socket that had announced presence is gone.
pub async fn gone(services: &Services, hub: &Hub, listener: &Listener) -> Result<(), StoreError> {
    let now = services.core.clock().now();
    let is_seen = hub.presences.change(listener, now, |presence| {
        presence.sockets = presence.sockets.saturating_sub(1);
    });
    tell(services, hub, listener, is_seen).await
}

/// Tells a presence to the other sockets of the user, and to its followers if it is another one for them.
async fn tell(services: &Services, hub: &Hub, listener: &Listener, is_seen: bool) -> Result<(), StoreError> {
    let user = &listener.user;
    let mut readers = hub.sockets_of(listener.key, user);
    if is_seen {
        let followers = services.live.followers(listener.key, user.clone()).await?;
        readers.extend(hub.sockets_among(listener.key, followers).into_iter().flat_map(|(_, sockets)| sockets));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(property: &str, value: &Value) -> Result<Choice, ApiError> {
        let operations = json!([{ "operation": "set", "property": property, "value": value }]);
        Choice::parse(&operations, Version::V2_0)
    }

    #[test]
    fn a_patch_of_the_presence_sets_a_status_and_nothing_else() {
        assert_eq!(parse("status", &json!("auto")), Ok(Choice::Last));
        assert_eq!(parse("status", &json!("busy")), Ok(Choice::Of(Status::Busy)));
        assert_eq!(parse("presence.status", &json!("invisible")), Ok(Choice::Of(Status::Invisible)));
        for (property, value) in [("status", json!("bored")), ("status", json!(1)), ("mood", json!("busy"))] {
            assert!(parse(property, &value).is_err(), "{property} {value}");
        }
        assert!(Choice::parse(&json!([]), Version::V2_0).is_err());
        assert!(Choice::parse(&Value::Null, Version::V2_0).is_err());
    }
}
