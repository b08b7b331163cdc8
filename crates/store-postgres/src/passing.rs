//! What passes, on its way to other processes: the latest of each user, and not more than there is room for.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use layer_store::key::AppKey;
use layer_store::passing::{Heard, Passing};
use layer_wire::UserId;
use tokio::sync::mpsc;
use uuid::Uuid;

/// How long a notification is at most; the server takes less than 8,000 bytes.
const MAX_LENGTH: usize = 7500;

/// How much is told at a time, of all users and of one. Of one, the latest; what is beyond that in all is lost.
const MAX_WAITING: usize = 512;
const MAX_OF_USER: usize = 4;

#[derive(Default)]
pub struct Passed {
    waiting: Mutex<VecDeque<Passing>>,
    listener: Mutex<Option<mpsc::Sender<Heard>>>,
}

/// Locks, also after a panic elsewhere: what is inside is whole at each step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Passed {
    /// Has something told. `false` when it found no room.
    pub fn push(&self, passing: Passing) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|other| (other.app, &other.user, &other.about) != (passing.app, &passing.user, &passing.about));
        let is_own = |other: &Passing| (other.app, &other.user) == (passing.app, &passing.user);
        if waiting.iter().filter(|other| is_own(other)).count() >= MAX_OF_USER
            && let Some(oldest) = waiting.iter().position(is_own)
        {
            waiting.remove(oldest);
        }
        let has_room = waiting.len() < MAX_WAITING;
        if has_room {
            waiting.push_back(passing);
        }
        has_room
    }

    /// Takes what waits, as the texts of notifications.
    pub fn take(&self, process: Uuid) -> Vec<String> {
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        let lines = waiting.into_iter().filter_map(|Passing { app, user, about, text }| {
            serde_json::to_string(&(app.number(), user.as_str(), about, text)).ok()
        });
        in_texts(&process.to_string(), lines.filter(|line| line.len() < MAX_LENGTH / 2))
    }

    /// Takes in a notification. What is not understood, and what finds no room, is lost.
    pub fn hear(&self, own: Uuid, text: &str) {
        let mut lines = text.lines();
        let Some(process) = lines.next().and_then(|line| Uuid::try_parse(line).ok()).filter(|it| *it != own) else {
            return;
        };
        let listener = lock(&self.listener);
        let Some(listener) = &*listener else { return };
        for line in lines {
            if let Ok((app, user, about, text)) = serde_json::from_str::<(i64, String, String, String)>(line) {
                let (app, user) = (AppKey::from_number(app), UserId::trusted(user));
                let _ = listener.try_send(Heard { process, passing: Passing { app, user, about, text } });
            }
        }
    }

    /// Lets somebody hear, in the place of who heard before.
    pub fn listen(&self) -> mpsc::Receiver<Heard> {
        let (sender, heard) = layer_store::passing::channel();
        *lock(&self.listener) = Some(sender);
        heard
    }
}

/// Lines as the texts of as few notifications as hold them, each with this line at its head.
pub fn in_texts(head: &str, lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = vec![];
    for line in lines {
        match texts.last_mut() {
            Some(text) if text.len() + line.len() < MAX_LENGTH => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(format!("{head}\n{line}")),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing(user: &str, about: &str, text: &str) -> Passing {
        let user = UserId::parse(user.to_owned()).unwrap();
        Passing { app: AppKey::from_number(1), user, about: about.into(), text: text.into() }
    }

    fn heard(texts: &[String]) -> Vec<Passing> {
        let there = Passed::default();
        let mut heard = there.listen();
        for text in texts {
            there.hear(Uuid::nil(), text);
        }
        std::iter::from_fn(|| heard.try_recv().ok()).map(|heard| heard.passing).collect()
    }

    #[test]
    fn the_latest_of_each_user_is_told_and_no_more_than_there_is_room_for() {
        let here = Passed::default();
        for (about, text) in [("x", "1"), ("y", "1"), ("x", "2")] {
            assert!(here.push(passing("a", about, text)));
        }
        let texts = here.take(Uuid::max());
        assert_eq!(heard(&texts), [passing("a", "y", "1"), passing("a", "x", "2")]);
        assert!(here.take(Uuid::max()).is_empty());
        // A process does not hear itself.
        let own = Passed::default();
        let mut nothing = own.listen();
        own.hear(Uuid::max(), &texts[0]);
        assert!(nothing.try_recv().is_err());

        // One that does much takes the place of nobody else.
        assert!((0..1000).all(|number: u32| here.push(passing("a", &number.to_string(), "1"))));
        assert!(here.push(passing("b", "x", "1")));
        let all = heard(&here.take(Uuid::max()));
        let of_a: Vec<_> = all.iter().filter(|one| one.user.as_str() == "a").map(|one| one.about.as_str()).collect();
        assert_eq!((of_a, all.len()), (vec!["996", "997", "998", "999"], 5));
        let pushed = (0..1000).filter(|number| here.push(passing(&number.to_string(), "x", "1"))).count();
        let texts = here.take(Uuid::max());
        assert_eq!((pushed, heard(&texts).len()), (MAX_WAITING, MAX_WAITING));
        assert!(texts.len() > 1 && texts.iter().all(|text| text.len() < 8000), "{}", texts.len());
    }
}
