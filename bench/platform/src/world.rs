//! What is in a store under load, and the requests about it. Everything follows from the number of a conversation, so
//! that a million of them need no memory here.

use std::fmt::Display;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use uuid::{Builder, Uuid};

use crate::http;
use crate::requests::{Operation, Requests, Tag};

/// Messages of a conversation at the start.
pub const MESSAGES: u32 = 10;

/// Every so manieth conversation is long: lists of 100 are about these.
const LONG_EVERY: u32 = 100;

/// Messages of a long conversation at the start: a whole page.
const LONG: u32 = 100;

/// Conversations for each user; each has three participants in the mean, so a user is in about 60 of them.
const CONVERSATIONS_PER_USER: u32 = 20;

/// What a message says is cut from this: 40 to 199 bytes of it.
const TEXT: &str = "The boat leaves at nine from the old pier behind the fish market, so be there a little earlier and \
    bring a warm coat, because the wind out there is colder than it looks; tickets are with Maria, who waits \
    at the gate.";

/// When the first conversation was created, in milliseconds since 1970.
const BEGINNING: u64 = 1_500_000_000_000;

/// The conversations of an app, by number.
#[derive(Debug, Clone)]
pub struct World {
    conversations: u32,
    app: String,
    /// Headers that all requests have.
    headers: String,
}

impl World {
    /// A world of so many conversations in an app.
    pub fn new(conversations: u32, app: &str, token: &str) -> Self {
        let headers = format!("Authorization: Bearer {token}\r\nAccept: application/vnd.layer+json; version=3.0\r\n");
        Self { conversations, app: app.to_owned(), headers }
    }

    /// How many conversations there are.
    pub fn conversations(&self) -> u32 {
        self.conversations
    }

    /// How many messages a conversation has at the start.
    pub fn messages_of(number: u32) -> u32 {
        if number.is_multiple_of(LONG_EVERY) { LONG } else { MESSAGES }
    }

    /// Writes the request that creates a conversation.
    pub fn create(&self, number: u32, request: &mut Vec<u8>) {
        let participants: Vec<_> =
            self.participants(number).iter().map(|user| format!("\"{}\"", identity(*user))).collect();
        let body = format!(r#"{{"participants":[{}],"distinct":false}}"#, participants.join(","));
        self.post("", Some(conversation_id(number)), &body, request);
    }

    /// Writes the request that sends the first `count` messages of a conversation in one batch.
    pub fn fill(&self, number: u32, count: u32, rng: &mut Rng, request: &mut Vec<u8>) {
        let messages: Vec<_> = (0..count).map(|_| self.message(number, rng)).collect();
        let body = format!("[{}]", messages.join(","));
        self.post(&format!("/{}/messages", conversation_id(number)), None, &body, request);
    }

    /// Draws the conversation that an operation is about.
    pub fn draw(&self, operation: Operation, rng: &mut Rng) -> u32 {
        let number = rng.u32(..self.conversations);
        if operation == Operation::ListLong { number - number % LONG_EVERY } else { number }
    }

    fn get(&self, path: &str, request: &mut Vec<u8>) {
        request.clear();
        // Writing to memory does not fail.
        let _ = write!(request, "GET /apps/{}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", self.app, self.headers);
    }

    fn post(&self, path: &str, tag: Option<Uuid>, body: &str, request: &mut Vec<u8>) {
        let (app, headers) = (&self.app, &self.headers);
        let tag = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let path = format_args!("/apps/{app}/conversations{path}");
        http::write("POST", path, format_args!("{headers}{tag}"), body, request);
    }

    /// A message of one text part, by one of the participants.
    fn message(&self, number: u32, rng: &mut Rng) -> String {
        let sender = identity(self.participant(number, rng));
        let text = text(rng);
        format!(r#"{{"sender_id":"{sender}","parts":[{{"mime_type":"text/plain","body":"{text}"}}]}}"#)
    }

    /// Draws one of the participants of a conversation.
    pub fn participant(&self, number: u32, rng: &mut Rng) -> u32 {
        let participants = self.participants(number);
        participants[rng.usize(..participants.len())]
    }

    /// Two to four users.
    pub fn participants(&self, number: u32) -> Vec<u32> {
        let mut rng = Rng::with_seed(u64::from(number));
        let count = rng.usize(2..=4);
        let mut users = Vec::with_capacity(count);
        while users.len() < count {
            let user = rng.u32(..self.users());
            if !users.contains(&user) {
                users.push(user);
            }
        }
        users
    }

    /// How many users there are.
    pub fn users(&self) -> u32 {
        (self.conversations / CONVERSATIONS_PER_USER).max(4)
    }
}

impl Requests for World {
    fn write(&self, operation: Operation, rng: &mut Rng, request: &mut Vec<u8>) {
        let number = self.draw(operation, rng);
        match operation {
            Operation::Send(tag) => {
                let tag = match tag {
                    Tag::None => None,
                    Tag::V4 => Some(random_v4(rng)),
                    Tag::V7 => Some(v7(now(), rng)),
                };
                let path = format!("/{}/messages", conversation_id(number));
                self.post(&path, tag, &self.message(number, rng), request);
            }
            Operation::ListLong | Operation::ListAny => {
                self.get(&format!("/conversations/{}/messages?page_size=100", conversation_id(number)), request);
            }
            Operation::ListConversations => {
                let path = format!("/users/{}/conversations?page_size=100", user(rng.u32(..self.users())));
                self.get(&path, request);
            }
        }
    }

    fn successes(&self, operation: Operation) -> &'static [u16] {
        match operation {
            Operation::Send(_) => &[201],
            Operation::ListLong | Operation::ListAny | Operation::ListConversations => &[200, 206],
        }
    }

    fn messages(&self) -> u64 {
        let long = self.conversations.div_ceil(LONG_EVERY);
        u64::from(long) * u64::from(LONG) + u64::from(self.conversations - long) * u64::from(MESSAGES)
    }
}

/// The id of a user.
pub fn user(number: impl Display) -> String {
    format!("user-{number}")
}

fn identity(number: u32) -> String {
    format!("layer:///identities/{}", user(number))
}

/// In the order of creation, as the platform makes them.
fn conversation_id(number: u32) -> Uuid {
    v7(BEGINNING + u64::from(number), &mut Rng::with_seed(!u64::from(number)))
}

fn random_v4(rng: &mut Rng) -> Uuid {
    Builder::from_random_bytes(rng.u128(..).to_ne_bytes()).into_uuid()
}

fn v7(ms: u64, rng: &mut Rng) -> Uuid {
    let mut random = [0; 10];
    rng.fill(&mut random);
    Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}

/// A UUID that nothing has yet, and that begins with the time.
pub fn fresh_id(rng: &mut Rng) -> Uuid {
    v7(now(), rng)
}

/// What a message says.
pub fn text(rng: &mut Rng) -> &'static str {
    &TEXT[..rng.usize(40..200)]
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_the_same_in_every_process() {
        let world = World::new(1000, "app", "token");
        assert_eq!(world.participants(7), World::new(1000, "app", "token").participants(7));
        assert_eq!(conversation_id(7), conversation_id(7));
        assert_ne!(conversation_id(7), conversation_id(8));
        assert!(conversation_id(7) < conversation_id(8));
    }

    #[test]
    fn a_message_is_from_a_participant() {
        let world = World::new(1000, "app", "token");
        let mut rng = Rng::with_seed(1);
        for number in 0..100 {
            let message = world.message(number, &mut rng);
            let participants = world.participants(number);
            assert!((2..=4).contains(&participants.len()));
            assert!(participants.iter().any(|user| message.contains(&format!("\"{}\"", identity(*user)))), "{message}");
        }
    }

    #[test]
    fn messages_are_counted_as_they_are_made() {
        for conversations in [1, 99, 100, 101, 2000] {
            let made: u64 = (0..conversations).map(|number| u64::from(World::messages_of(number))).sum();
            assert_eq!(World::new(conversations, "app", "token").messages(), made);
        }
    }

    #[test]
    fn tags_have_the_version_that_is_asked_for() {
        let mut rng = Rng::with_seed(1);
        assert_eq!(random_v4(&mut rng).get_version_num(), 4);
        assert_eq!(v7(now(), &mut rng).get_version_num(), 7);
        let world = World::new(10, "app", "token");
        let mut request = vec![];
        for (tag, expected) in [(Tag::None, None), (Tag::V4, Some('4')), (Tag::V7, Some('7'))] {
            world.write(Operation::Send(tag), &mut rng, &mut request);
            let text = std::str::from_utf8(&request).unwrap();
            let found = text.split_once("If-None-Match: ").and_then(|(_, rest)| rest.chars().nth(14));
            assert_eq!(found, expected, "{text}");
        }
    }
}
