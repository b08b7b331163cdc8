//! Who is there. Client API 5.6. It passes: nothing of it is stored.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use layer_store::key::AppKey;
use layer_wire::patch::Action;
use layer_wire::{ApiError, Timestamp, UserId, Version, patch};
use serde_json::Value;

use super::listener::Listener;

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

    /// Its name in packets.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(status, _)| *status == self).map_or("offline", |(_, name)| name)
    }

    /// What others see of it.
    pub fn for_others(self) -> Self {
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

/// What is known of a user.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presence {
    /// What it chose last.
    pub chosen: Status,
    /// Sockets that announced it.
    pub sockets: usize,
    /// When it chose something last.
    pub last_seen_at: Option<Timestamp>,
    changed_at: Option<Timestamp>,
}

impl Presence {
    /// Its status now.
    pub fn status(self) -> Status {
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

    /// What is known of a user.
    pub fn get(&self, app: AppKey, user: &UserId) -> Presence {
        self.lock().get(&(app, user.clone())).copied().unwrap_or_default()
    }

    /// `true` when others see something else now.
    pub fn change(&self, listener: &Listener, now: Timestamp, change: impl FnOnce(&mut Presence)) -> bool {
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

    /// The users of an app whose presence changed since a time.
    pub fn changed_since(&self, app: AppKey, since: Timestamp) -> Vec<UserId> {
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
