//! What is done to a store while its disk fails, what it acknowledged of that, and whether it keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use layer_store::app::IdUse;
use layer_store::conversation::{ConversationChange, ConversationRecord, NewConversationRecord};
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::message::NewMessageRecord;
use layer_store::upkeep::Findings;
use layer_store::{DataLocation, Reads, Store, StoreError, Writes};
use layer_wire::body::Object;
use layer_wire::message::{RecipientStatus, Sender, Status};
use layer_wire::part::{Part, PartBody};
use layer_wire::{AppId, ConversationId, MessageId, Timestamp, UserId};
use rusqlite::Connection;
use uuid::Uuid;

const APP: AppId = AppId::new(Uuid::from_u128(1));

/// Their ids begin here.
const CONVERSATIONS: u128 = 100;

const CONVERSATION_COUNT: u128 = 3;

/// The ids of messages begin here.
const MESSAGES: u128 = 1000;

const BURSTS: u128 = 40;

/// So many writes are given to the store at once.
const BURST: u128 = 6;

/// What is known of the store.
#[derive(Debug, Clone)]
enum Fact {
    /// A message has this position.
    Message {
        id: u128,
        conversation: u128,
        position: u32,
    },
    /// The status of a message for a user is this one at least.
    Status {
        id: u128,
        user: &'static str,
        status: Status,
    },
    /// Somebody asked for the deletion of a message.
    Deleting(u128),
    Deleted(u128),
    /// Whether a user takes part: what was asked for last.
    Joining(u128),
    Joined(u128, bool),
}

/// What was acknowledged, in order.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Vec<Fact>>>);

impl Ledger {
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn note(&self, fact: Fact) {
        self.0.lock().unwrap().push(fact);
    }

    /// What was known when it was so long.
    fn up_to(&self, length: usize) -> Vec<Fact> {
        self.0.lock().unwrap()[..length].to_vec()
    }

    fn messages(&self) -> Vec<(u128, u128)> {
        let facts = self.0.lock().unwrap();
        let found = facts.iter().filter_map(|fact| match fact {
            Fact::Message { id, conversation, .. } => Some((*id, *conversation)),
            _ => None,
        });
        found.collect()
    }
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

/// The app, which is there after the first write that succeeds.
fn app(writes: &mut dyn Writes) -> Result<AppKey, StoreError> {
    if writes.app(APP)?.is_none() {
        writes.insert_app(APP, None, Timestamp::from_ms(0))?;
    }
    writes.app(APP)?.map(|app| app.key).ok_or(StoreError::Lost)
}

/// The same for a conversation.
fn conversation(writes: &mut dyn Writes, app: AppKey, id: u128) -> Result<Held<ConversationRecord>, StoreError> {
    if let Some(found) = writes.hold_conversation(app, ConversationId::new(uuid(id)))? {
        return Ok(found);
    }
    let new = NewConversationRecord {
        id: ConversationId::new(uuid(id)),
        created_at: Timestamp::from_ms(0),
        participants: ["a", "b"].map(user).to_vec(),
        is_distinct: false,
        metadata: Object::default(),
    };
    match writes.insert_conversation(app, new)? {
        Inserted::Done(inserted) => Ok(inserted),
        Inserted::Taken(taken) => Err(StoreError::Failed(format!("{taken:?}"))),
    }
}

type Work = Box<dyn FnMut(&mut dyn Writes) -> Result<Vec<Fact>, StoreError> + Send>;

fn text(id: u128) -> String {
    // Some pages for each, so that checkpoints come soon.
    format!("{id} {}", "x".repeat(usize::try_from(id % 7 * 900).unwrap()))
}

fn send(id: u128, to: u128) -> Work {
    Box::new(move |writes| {
        let app = app(writes)?;
        let mut conversation = conversation(writes, app, to)?;
        let sender = Sender::Name("Concierge".into());
        let new = NewMessageRecord {
            id: MessageId::new(uuid(id)),
            sent_at: Timestamp::from_ms(i64::try_from(id).unwrap()),
            recipient_status: RecipientStatus::new(&conversation.participants, &sender),
            sender,
            parts: vec![Part {
                id: Part::id_at(uuid(id), 0),
                mime_type: "text/plain".into(),
                body: PartBody::Bytes(text(id).into()),
                updated_at: None,
            }],
            hidden_from: vec![],
        };
        match writes.append_message(app, &mut conversation, new)? {
            Inserted::Done(sent) => Ok(vec![Fact::Message { id, conversation: to, position: sent.position }]),
            Inserted::Taken(taken) => Err(StoreError::Failed(format!("{taken:?}"))),
        }
    })
}

fn receive(id: u128, of: u128, by: &'static str, status: Status) -> Work {
    Box::new(move |writes| {
        let app = app(writes)?;
        let conversation = conversation(writes, app, of)?;
        let Some(mut message) = writes.hold_message(app, MessageId::new(uuid(id)))? else { return Ok(vec![]) };
        writes.raise_status(app, &user(by), &conversation, &mut message, status)?;
        Ok(vec![Fact::Status { id, user: by, status }])
    })
}

fn mark_read(of: u128) -> Work {
    Box::new(move |writes| {
        let app = app(writes)?;
        let conversation = conversation(writes, app, of)?;
        let marked = writes.mark_read(app, &user("b"), &conversation, conversation.last_position, 1000)?;
        let fact = |id: Uuid| Fact::Status { id: id.as_u128(), user: "b", status: Status::Read };
        Ok(marked.messages.iter().map(|message| fact(message.id.uuid())).collect())
    })
}

fn delete(id: u128, of: u128) -> Work {
    Box::new(move |writes| {
        let app = app(writes)?;
        let mut conversation = conversation(writes, app, of)?;
        let Some(message) = writes.hold_message(app, MessageId::new(uuid(id)))? else { return Ok(vec![]) };
        writes.delete_message(app, &mut conversation, &message)?;
        Ok(vec![Fact::Deleted(id)])
    })
}

/// The user "c" comes or goes.
fn change_participants(of: u128) -> Work {
    Box::new(move |writes| {
        let app = app(writes)?;
        let mut conversation = conversation(writes, app, of)?;
        let mut change = ConversationChange::from(&*conversation);
        let joins = !change.participants.contains(&user("c"));
        if joins {
            change.participants.push(user("c"));
        } else {
            change.participants.retain(|participant| *participant != user("c"));
        }
        writes.change_conversation(app, &mut conversation, change)?;
        Ok(vec![Fact::Joined(of, joins)])
    })
}

fn submit(store: &dyn Store, ledger: &Ledger, done: &SyncSender<Result<(), StoreError>>, work: Work) {
    let (ledger, done) = (ledger.clone(), done.clone());
    let reply = move |outcome: Result<Vec<Fact>, StoreError>| {
        let outcome = outcome.map(|facts| facts.into_iter().for_each(|fact| ledger.note(fact)));
        done.send(outcome).unwrap();
    };
    store.submit_write(work, reply).unwrap();
}

/// Does the same each time: sends, receipts, deletions, changed participants, in batches. Answers with how many writes
/// the store refused.
pub fn run(store: &dyn Store, ledger: &Ledger) -> usize {
    let (done, outcomes) = sync_channel(usize::try_from(BURST).unwrap());
    let mut refused = 0;
    for burst in 0..BURSTS {
        let sent = ledger.messages();
        let pick = |salt: u128| {
            let place = usize::try_from(burst * 31 + salt * 7).unwrap();
            (!sent.is_empty()).then(|| sent[place % sent.len()])
        };
        for number in 0..BURST {
            let of = CONVERSATIONS + (burst + number) % CONVERSATION_COUNT;
            let work = match (burst + number) % 9 {
                1 if let Some((id, of)) = pick(number) => receive(id, of, "a", Status::Delivered),
                2 if let Some((id, of)) = pick(number) => receive(id, of, "b", Status::Read),
                3 if let Some((id, of)) = pick(number) => {
                    ledger.note(Fact::Deleting(id));
                    delete(id, of)
                }
                4 if burst % 8 == 7 => mark_read(of),
                5 if burst % 4 == 3 => {
                    ledger.note(Fact::Joining(of));
                    change_participants(of)
                }
                _ => send(MESSAGES + burst * BURST + number, of),
            };
            submit(store, ledger, &done, work);
        }
        refused += (0..BURST).filter(|_| outcomes.recv().unwrap().is_err()).count();
    }
    refused
}

/// Sends one message more. Error: what the store says.
pub fn send_one(store: &dyn Store, ledger: &Ledger, id: u128) -> Result<(), StoreError> {
    let (done, outcome) = sync_channel(1);
    submit(store, ledger, &done, send(id, CONVERSATIONS));
    outcome.recv().unwrap()
}

/// Opens the database and holds it to what was acknowledged up to some moment.
pub fn check(path: &Path, ledger: &Ledger, length: usize, context: &str) {
    let facts = ledger.up_to(length);
    let store = layer_store_sqlite::open(&DataLocation::File(path.to_owned()))
        .unwrap_or_else(|error| panic!("{context}: {error}"));
    let (sender, found) = sync_channel(1);
    let read = {
        let (facts, context) = (facts.clone(), context.to_owned());
        move |reads: &dyn Reads| {
            compare(reads, &facts, &context);
            Ok::<_, StoreError>(())
        }
    };
    store.submit_read(read, move |outcome| sender.send(outcome).unwrap()).unwrap();
    // A comparison that fails has panicked, and is lost.
    assert_eq!(found.recv().unwrap(), Ok(()), "{context}");
    store.close().unwrap();
    let found = layer_store_sqlite::open_beside(path).unwrap().check(false, &mut |_| {});
    assert_eq!(found, Ok(Findings::default()), "{context}");
    let database = Connection::open(path).unwrap();
    let holes = holes(&database, &facts);
    assert!(holes.is_empty(), "{context}: nothing at {holes:?}");
}

fn compare(reads: &dyn Reads, facts: &[Fact], context: &str) {
    let Some(app) = reads.app(APP).unwrap() else {
        assert!(!facts.iter().any(|fact| matches!(fact, Fact::Message { .. })), "{context}: the app is lost");
        return;
    };
    let app = app.key;
    let deleting: BTreeSet<u128> =
        facts.iter().filter_map(|fact| if let Fact::Deleting(id) = fact { Some(*id) } else { None }).collect();
    // Of a change that was asked for and not answered, nothing is known.
    let mut members = BTreeMap::new();
    for fact in facts {
        match fact {
            Fact::Message { id, position, .. } => {
                let found = reads.message(app, MessageId::new(uuid(*id))).unwrap();
                let id_use = reads.id_use(app, uuid(*id)).unwrap();
                let Some(found) = found else {
                    assert!(deleting.contains(id), "{context}: {id} is lost");
                    assert_eq!(id_use, Some(IdUse::DeletedMessage), "{context}: the tag of {id}");
                    continue;
                };
                assert_eq!(id_use, Some(IdUse::Message), "{context}: the tag of {id}");
                assert_eq!(found.position, *position, "{context}: {id} has moved");
                assert_eq!(found.parts[0].body, PartBody::Bytes(text(*id).into()), "{context}: {id}");
            }
            Fact::Status { id, user: of, status } => {
                if let Some(found) = reads.message(app, MessageId::new(uuid(*id))).unwrap() {
                    assert!(found.recipient_status.of(&user(of)) >= Some(*status), "{context}: {id} of {of}");
                }
            }
            Fact::Deleted(id) => {
                let found = reads.message(app, MessageId::new(uuid(*id))).unwrap();
                assert_eq!(found, None, "{context}: {id} is back");
            }
            Fact::Joining(of) => drop(members.insert(*of, None)),
            Fact::Joined(of, is_member) => drop(members.insert(*of, Some(*is_member))),
            Fact::Deleting(_) => {}
        }
    }
    for (of, is_member) in members {
        let Some(is_member) = is_member else { continue };
        let found = reads.conversation(app, ConversationId::new(uuid(of))).unwrap().unwrap();
        assert_eq!(found.participants.contains(&user("c")), is_member, "{context}: \"c\" in {of}");
    }
}

/// Positions below the last one where there is no message, and none was deleted.
fn holes(database: &Connection, facts: &[Fact]) -> Vec<(i64, i64)> {
    let mut statement = database
        .prepare(
            "WITH RECURSIVE places (conversation, place, last) AS (
                 SELECT key, 1, last_position FROM conversations WHERE last_position > 0
                 UNION ALL SELECT conversation, place + 1, last FROM places WHERE place < last)
             SELECT conversation, place FROM places
             WHERE NOT EXISTS (SELECT 1 FROM messages WHERE key = (conversation << 32 | place))",
        )
        .unwrap();
    let missing: Vec<(i64, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    let deleting: BTreeSet<u128> =
        facts.iter().filter_map(|fact| if let Fact::Deleting(id) = fact { Some(*id) } else { None }).collect();
    let mut given_up = BTreeSet::new();
    for fact in facts {
        if let Fact::Message { id, conversation, position } = fact
            && deleting.contains(id)
        {
            let key: i64 = database
                .query_row("SELECT key FROM conversations WHERE uuid = ?1", [uuid(*conversation).as_bytes()], |row| {
                    row.get(0)
                })
                .unwrap();
            given_up.insert((key, i64::from(*position)));
        }
    }
    missing.into_iter().filter(|place| !given_up.contains(place)).collect()
}
