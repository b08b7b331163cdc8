//! What every storage engine is held to: each verb, and what happens when jobs race. Feature `contract`.
//!
//! An engine calls [`run`] in its tests, once for each way to open it. Each case gets a store of its own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

pub mod again;
mod app;
mod append;
mod claim;
mod conversation;
mod deleted_app;
mod export;
mod log;
mod message;
mod overview;
pub mod planned;
mod race;
mod session;
mod told;
mod transfer;
mod user;
mod whole;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use layer_wire::body::Object;
use layer_wire::message::{RecipientStatus, Sender};
use layer_wire::part::{Part, PartBody};
use layer_wire::{AppId, ConversationId, MessageId, Timestamp, UserId};
use uuid::Uuid;

use self::again::Again;
pub use self::deleted_app::fill;
use self::planned::Planned;
use crate::app::TokenRecord;
use crate::conversation::{ConversationRecord, NewConversationRecord};
use crate::held::{Held, Inserted};
use crate::key::AppKey;
use crate::message::{MessageRecord, NewMessageRecord};
use crate::token::TokenHash;
use crate::{Reads, Store, StoreError, Writes};

/// A case of the contract: what holds, and the check of it.
type Case = (&'static str, fn(&Fixture));

/// How many cases run at once: each waits for its store most of the time.
const AT_ONCE: usize = 4;

/// Runs every case on a store that `open` opens empty, once more with every write undone and run again, and those of
/// commands once more with commands that are planned.
///
/// # Panics
///
/// When a case fails, with the names of all that did; each has printed why.
pub fn run(open: impl Fn() -> Arc<dyn Store> + Sync) {
    let all = [
        app::CASES,
        append::CASES,
        claim::CASES,
        conversation::CASES,
        deleted_app::CASES,
        export::CASES,
        log::CASES,
        message::CASES,
        overview::CASES,
        race::CASES,
        session::CASES,
        told::CASES,
        user::CASES,
        whole::CASES,
    ];
    run_on("", &all, &open);
    run_on(" (run again)", &all, &|| Again::new(open()) as Arc<dyn Store>);
    run_on(" (planned)", &[append::CASES], &|| Planned::new(open()) as Arc<dyn Store>);
}

fn run_on(how: &str, cases: &[&[Case]], open: &(dyn Fn() -> Arc<dyn Store> + Sync)) {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let cases: Vec<_> = cases.iter().copied().flatten().collect();
    let work = || {
        while let Some((name, check)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fixture = Fixture::new(open());
            let run = || {
                check(&fixture);
                transfer::assert_moves(&fixture);
            };
            if catch_unwind(AssertUnwindSafe(run)).is_err() {
                failed.lock().unwrap().push(format!("{name}{how}"));
            }
            fixture.store.close().expect("a store that closes");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "the contract is broken: {failed:#?}");
}

/// The id of the app of a [`Fixture`].
const APP: AppId = AppId::new(Uuid::from_u128(1));

/// A store with an app.
struct Fixture {
    store: Arc<dyn Store>,
    app: AppKey,
}

impl Fixture {
    fn new(store: Arc<dyn Store>) -> Self {
        let app = insert_app(&*store, 1);
        Self { store, app }
    }

    /// Runs a write that succeeds.
    fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Writes, AppKey) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let app = self.app;
        self.store.write_blocking(move |writes| work(writes, app)).unwrap()
    }

    /// Runs a read that succeeds.
    fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&dyn Reads, AppKey) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let (sender, receiver) = sync_channel(1);
        let app = self.app;
        let reply = move |outcome: Result<T, StoreError>| drop(sender.send(outcome));
        self.store.submit_read(move |reads| work(reads, app), reply).unwrap();
        receiver.recv().unwrap().unwrap()
    }

    /// Creates a conversation with this id.
    fn conversation(&self, id: u128, participants: &[&str]) -> ConversationRecord {
        let new = new_conversation(id, participants);
        self.write(move |writes, app| inserted(writes.insert_conversation(app, new.clone())?).map(Held::into_record))
    }

    /// A conversation as it is now.
    fn find(&self, id: u128) -> ConversationRecord {
        self.read(move |reads, app| reads.conversation(app, ConversationId::new(uuid(id)))).unwrap()
    }

    /// Sends a message with this id.
    fn message(&self, id: u128, conversation: u128, sender: &'static str) -> MessageRecord {
        self.write(move |writes, app| {
            let mut conversation = hold(writes, app, conversation)?;
            let new = new_message(id, sender, &conversation.participants);
            inserted(writes.append_message(app, &mut conversation, new)?)
        })
    }
}

fn insert_app(store: &dyn Store, number: u128) -> AppKey {
    let id = AppId::new(uuid(number));
    let insert = move |writes: &mut dyn Writes| {
        let app = writes.insert_app(id, Some("An app"), time(0))?;
        writes.insert_token(app, &token(number))?;
        Ok::<_, StoreError>(app)
    };
    store.write_blocking(insert).unwrap()
}

/// A token whose text is its number.
fn token(number: u128) -> TokenRecord {
    TokenRecord {
        id: uuid(number),
        hash: TokenHash::of(&number.to_string()),
        name: None,
        created_at: time(0),
        expires_at: None,
        used_at: None,
    }
}

/// What was inserted, of an insert with nothing in its way.
fn inserted<T, By: std::fmt::Debug>(inserted: Inserted<T, By>) -> Result<T, StoreError> {
    match inserted {
        Inserted::Done(done) => Ok(done),
        Inserted::Taken(by) => Err(StoreError::Failed(format!("{by:?} is in its place"))),
    }
}

fn hold(writes: &mut dyn Writes, app: AppKey, id: u128) -> Result<Held<ConversationRecord>, StoreError> {
    Ok(writes.hold_conversation(app, ConversationId::new(uuid(id)))?.unwrap())
}

fn hold_message(writes: &mut dyn Writes, app: AppKey, id: u128) -> Result<Held<MessageRecord>, StoreError> {
    Ok(writes.hold_message(app, MessageId::new(uuid(id)))?.unwrap())
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn time(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn users(ids: &[&str]) -> Vec<UserId> {
    ids.iter().map(|id| user(id)).collect()
}

fn object(name: &str, value: i64) -> Object {
    [(name.to_owned(), value.into())].into_iter().collect()
}

/// A conversation that is created at the time of its id.
fn new_conversation(id: u128, participants: &[&str]) -> NewConversationRecord {
    NewConversationRecord {
        id: ConversationId::new(uuid(id)),
        created_at: time(i64::try_from(id).unwrap()),
        participants: users(participants),
        is_distinct: false,
        metadata: object("n", 1),
    }
}

/// A message that is sent at the time of its id.
fn new_message(id: u128, sender: &str, participants: &[UserId]) -> NewMessageRecord {
    let sender = Sender::User(user(sender));
    NewMessageRecord {
        id: MessageId::new(uuid(id)),
        sent_at: time(i64::try_from(id).unwrap()),
        recipient_status: RecipientStatus::new(participants, &sender),
        sender,
        parts: vec![part(id, 0, "Hi 🐙")],
        hidden_from: vec![],
    }
}

fn part(owner: u128, index: usize, text: &str) -> Part {
    Part {
        id: Part::id_at(uuid(owner), index),
        mime_type: "text/plain".into(),
        body: PartBody::Bytes(text.into()),
        updated_at: None,
    }
}
