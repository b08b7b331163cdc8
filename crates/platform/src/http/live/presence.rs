//! Who is there. Client API 5.6. It passes: nothing of it is stored.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use layer_store::key::AppKey;
use layer_wire::patch::Action;
use layer_wire::{ApiError, Timestamp, UserId, Version, patch};
use serde_json::Value;
use uuid::Uuid;

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

    /// That of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(status, _)| *status)
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
        Status::of_name(name).map(Self::Of).ok_or_else(wrong)
    }
}

/// What is known of a user.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    /// What it chose last.
    pub chosen: Status,
    /// Sockets that announced it.
    pub sockets: usize,
    /// When it chose something last.
    pub last_seen_at: Option<Timestamp>,
    changed_at: Option<Timestamp>,
    /// Other processes in which there are such sockets, and when they said so last.
    elsewhere: Vec<(Uuid, Instant)>,
}

/// What another process says of a user.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// What it chose last, as far as that process knows.
    pub chosen: Status,
    /// Whether there are sockets that announced it.
    pub is_there: bool,
    /// When it chose something last.
    pub last_seen_at: Option<Timestamp>,
}

impl Presence {
    /// Its status now.
    pub fn status(&self) -> Status {
        if self.is_there() { self.chosen } else { Status::Offline }
    }

    fn is_there(&self) -> bool {
        self.sockets > 0 || !self.elsewhere.is_empty()
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
        self.lock().get(&(app, user.clone())).cloned().unwrap_or_default()
    }

    /// `true` when others see something else now.
    pub fn change(&self, listener: &Listener, now: Timestamp, change: impl FnOnce(&mut Presence)) -> bool {
        let mut presences = self.lock();
        let presence = entry(&mut presences, listener.key, &listener.user);
        let before = presence.status().for_others();
        change(presence);
        presence.changed_at = Some(now);
        presence.status().for_others() != before
    }

    /// Takes in what another process says of a user: whether others see something else now, `None` when nobody does.
    pub fn hear(&self, app: AppKey, user: &UserId, process: Uuid, word: Word, now: Timestamp) -> Option<bool> {
        let mut presences = self.lock();
        let presence = entry(&mut presences, app, user);
        let before = (presence.status(), presence.last_seen_at);
        presence.elsewhere.retain(|(other, _)| *other != process);
        if word.is_there {
            presence.elsewhere.push((process, Instant::now()));
        }
        if word.last_seen_at >= presence.last_seen_at {
            (presence.chosen, presence.last_seen_at) = (word.chosen, word.last_seen_at);
        }
        let after = (presence.status(), presence.last_seen_at);
        (after != before).then(|| {
            presence.changed_at = Some(now);
            after.0.for_others() != before.0.for_others()
        })
    }

    /// Forgets those of whom other processes have said nothing for some time. Answers with whom others see otherwise
    /// now.
    pub fn forget(&self, after: Duration, now: Timestamp) -> Vec<(AppKey, UserId)> {
        let mut gone = vec![];
        for (whose, presence) in self.lock().iter_mut() {
            let before = presence.status().for_others();
            presence.elsewhere.retain(|(_, at)| at.elapsed() < after);
            if presence.status().for_others() != before {
                presence.changed_at = Some(now);
                gone.push(whose.clone());
            }
        }
        gone
    }

    /// Who has sockets here that announced it.
    pub fn here(&self) -> Vec<(AppKey, UserId)> {
        self.lock().iter().filter(|(_, presence)| presence.sockets > 0).map(|(whose, _)| whose.clone()).collect()
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

/// What is known of a user; room is made for it.
fn entry<'p>(presences: &'p mut HashMap<(AppKey, UserId), Presence>, app: AppKey, user: &UserId) -> &'p mut Presence {
    if presences.len() >= MAX_REMEMBERED {
        presences.retain(|_, presence| presence.is_there());
    }
    presences.entry((app, user.clone())).or_default()
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

    #[test]
    fn a_user_is_there_as_long_as_one_process_says_so_and_not_for_ever() {
        let presences = Presences::default();
        let (app, user) = (AppKey::from_number(1), UserId::parse("a").unwrap());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hear = |process, chosen, is_there, at| {
            let word = Word { chosen, is_there, last_seen_at: Some(Timestamp::from_ms(at)) };
            presences.hear(app, &user, process, word, Timestamp::from_ms(100 + at))
        };
        let status = || presences.get(app, &user).status();
        assert_eq!(hear(one, Status::Busy, true, 1), Some(true));
        // Said again, it is nothing new.
        assert_eq!(hear(one, Status::Busy, true, 1), None);
        // What is older does not count, but the user is there.
        assert_eq!(hear(other, Status::Away, true, 0), None);
        assert_eq!(status(), Status::Busy);
        assert_eq!(hear(one, Status::Busy, false, 1), None);
        assert_eq!(hear(other, Status::Invisible, true, 2), Some(true));
        assert_eq!(hear(other, Status::Offline, true, 3), Some(false));
        assert_eq!(hear(other, Status::Away, true, 4), Some(true));
        assert!(presences.here().is_empty());
        let now = Timestamp::from_ms(1000);
        assert!(presences.forget(Duration::from_secs(3600), now).is_empty());
        assert_eq!(presences.forget(Duration::ZERO, now), [(app, user.clone())]);
        assert_eq!((status(), presences.changed_since(app, now)), (Status::Offline, vec![user.clone()]));
    }
}
