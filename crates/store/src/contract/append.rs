//! Sends and receipts as commands. Whether an engine plans them or runs them, what comes of them is the same.

use std::sync::mpsc::sync_channel;

use layer_wire::message::Status;
use layer_wire::{ConversationId, MessageId, UserId};

use super::race::{EACH, THREADS, id, in_parallel};
use super::{Case, Fixture, claim, hold, hold_message, new_message, object, part, time, user, users, uuid};
use crate::append::{Append, AppendRule};
use crate::changes::{Change, Kinds, What};
use crate::conversation::{ConversationChange, ConversationRecord};
use crate::delivery::{EventBody, NewEvent};
use crate::held::{Held, Inserted};
use crate::job::RuleJob;
use crate::key::{AppKey, WebhookKey};
use crate::message::{MessageRecord, NewMessageRecord};
use crate::page::PositionRange;
use crate::receipt::{Receipt, ReceiptRule, Receivable};
use crate::webhook::Receiver;
use crate::{Reads, Rule, StoreError, Writes};

pub const CASES: &[Case] = &[
    ("a message that a command appends is there like any other", appended),
    ("what a command appends is told before it is answered", told),
    ("the event of a message has the position of the message", events),
    ("the revision of a conversation grows with what plans depend on, and with nothing else", revisions),
    ("a command sees the participants of its commit", changed_meanwhile),
    ("a plan for another revision is not appended", stale),
    ("nothing is appended to a deleted conversation", deleted),
    ("a command whose id is in use changes nothing", taken),
    ("a command that is refused changes nothing", refused),
    ("commands with one id append once", one_id),
    ("commands get consecutive positions, whatever else goes on in the conversation", race),
    ("a receipt that a command gives is there like any other", receipt),
    ("receipts that commands give at the same time are all kept", receipts),
];

/// Sends a message whose text tells how it came to be appended.
#[derive(Clone)]
struct Send {
    app: AppKey,
    conversation: u128,
    id: u128,
    webhook: Option<WebhookKey>,
    /// Plans for a revision that never was.
    is_stale: bool,
    is_refused: bool,
}

const PLANNED: &str = "planned";
const RUN: &str = "run";

impl Send {
    fn message(&self, text: &str, participants: &[UserId]) -> NewMessageRecord {
        NewMessageRecord { parts: vec![part(self.id, 0, text)], ..new_message(self.id, "a", participants) }
    }

    fn event(&self) -> Option<NewEvent> {
        let body = EventBody { before: b"[".into(), after: Some(b"]".into()) };
        let receiver = Receiver::Webhook(self.webhook?);
        Some(NewEvent { receiver, id: uuid(self.id), name: "Message.created", at: time(1), body })
    }
}

impl Rule for Send {
    type Done = Option<u32>;
    type Failure = StoreError;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<Option<u32>, StoreError> {
        let mut conversation = hold(writes, self.app, self.conversation)?;
        if conversation.is_deleted {
            return Err(StoreError::Failed("deleted".into()));
        }
        let new = self.message(RUN, &conversation.participants);
        let Inserted::Done(message) = writes.append_message(self.app, &mut conversation, new)? else {
            return Ok(None);
        };
        if let Some(event) = self.event() {
            event.insert(writes, self.app, message.position)?;
        }
        if self.is_refused { Err(StoreError::Failed("refused".into())) } else { Ok(Some(message.position)) }
    }
}

impl AppendRule for Send {
    fn conversation(&self) -> (AppKey, ConversationId) {
        (self.app, ConversationId::new(uuid(self.conversation)))
    }

    fn plan(&mut self, _: &dyn Reads, conversation: &ConversationRecord) -> Option<(Append, Option<u32>)> {
        if conversation.is_deleted || self.is_refused {
            return None;
        }
        let revision = if self.is_stale { u64::from(u32::MAX) } else { conversation.revision };
        let new = self.message(PLANNED, &conversation.participants);
        Some((Append { revision, new, events: self.event().into_iter().collect() }, None))
    }

    fn place(done: &mut Option<u32>, position: u32) {
        *done = Some(position);
    }
}

/// Gives a receipt, as long as the user is a participant.
struct Give(Receipt);

impl Rule for Give {
    type Done = ();
    type Failure = StoreError;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<(), StoreError> {
        let Receipt { app, user, message, status } = &self.0;
        let mut message = writes.hold_message(*app, *message)?.expect("a message");
        let conversation = writes.conversation(*app, message.conversation)?.expect("a conversation");
        let membership = writes.membership(*app, user, &conversation)?;
        if membership.is_none_or(|membership| !membership.is_current()) {
            return Err(StoreError::Failed("refused".into()));
        }
        writes.raise_status(*app, user, &conversation, &mut message, *status)?;
        Ok(())
    }
}

impl ReceiptRule for Give {
    fn receipt(&self) -> &Receipt {
        &self.0
    }

    fn plan(&mut self, _: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>> {
        assert_eq!(of.message.conversation, of.conversation.id);
        of.membership.is_current().then(Vec::new)
    }
}

impl Fixture {
    fn send(&self, id: u128, conversation: u128) -> Send {
        Send { app: self.app, conversation, id, webhook: None, is_stale: false, is_refused: false }
    }

    fn append(&self, rule: Send) -> Result<Option<u32>, StoreError> {
        let (sender, receiver) = sync_channel(1);
        let job = RuleJob::new(rule, move |outcome| drop(sender.send(outcome)));
        self.store.enqueue_append(Box::new(job)).unwrap();
        receiver.recv().unwrap()
    }

    fn give(&self, of: &str, message: u128, status: Status) -> Result<(), StoreError> {
        let (sender, receiver) = sync_channel(1);
        let receipt = Receipt { app: self.app, user: user(of), message: MessageId::new(uuid(message)), status };
        let job = RuleJob::new(Give(receipt), move |outcome| drop(sender.send(outcome)));
        self.store.enqueue_receipt(Box::new(job)).unwrap();
        receiver.recv().unwrap()
    }

    fn sent(&self, id: u128) -> Option<MessageRecord> {
        self.read(move |reads, app| reads.message(app, MessageId::new(uuid(id))))
    }

    fn unread(&self, of: &'static str) -> u64 {
        self.read(move |reads, app| reads.unread_counts(app, &user(of))).messages
    }

    fn join(&self, id: u128, newcomer: &str) -> ConversationRecord {
        let newcomer = user(newcomer);
        self.write(move |writes, app| {
            let mut conversation = hold(writes, app, id)?;
            let mut change = ConversationChange::from(&*conversation);
            change.participants.push(newcomer.clone());
            writes.change_conversation(app, &mut conversation, change)?;
            Ok(conversation.into_record())
        })
    }
}

fn recipients(message: &MessageRecord) -> Vec<UserId> {
    message.recipient_status.0.iter().map(|(user, _)| user.clone()).collect()
}

fn appended(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation_of(app, &user("b"), &conversation)
    });
    assert_eq!(fixture.append(fixture.send(11, 10)), Ok(Some(1)));
    assert_eq!(fixture.message(12, 10, "b").position, 2);
    assert_eq!(fixture.append(fixture.send(13, 10)), Ok(Some(3)));
    let (found, message) = (fixture.find(10), fixture.sent(13).expect("a message"));
    assert_eq!((found.last_position, found.message_count, found.active_at), (3, 3, time(13)));
    assert_eq!((message.position, message.sent_at, message.conversation), (3, time(13), found.id));
    assert_eq!(recipients(&message), users(&["a", "b"]));
    assert_eq!((fixture.unread("a"), fixture.unread("b")), (1, 2));
    // It came back to the one who had deleted it.
    assert_eq!(fixture.read(|reads, app| reads.conversation_count_of(app, &user("b"))), 1);
}

fn told(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let changes = fixture.store.changes(Kinds::MESSAGES);
    fixture.append(fixture.send(11, 10)).unwrap();
    let change = Change::Message {
        app: fixture.app,
        conversation: ConversationId::new(uuid(10)),
        id: MessageId::new(uuid(11)),
        position: 1,
        what: What::Created,
    };
    assert_eq!((changes.try_next(), changes.try_next()), (Some(change), None));
}

fn events(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let webhook = Some(claim::active(fixture, 20).key);
    for id in 11..14 {
        fixture.append(Send { webhook, ..fixture.send(id, 10) }).unwrap();
    }
    let claims = claim::claim(fixture, 5, claim::LEASE);
    let bodies: Vec<_> = claims.taken.iter().map(|(_, claimed)| claimed.record.body.clone()).collect();
    assert_eq!(bodies, [b"[1]", b"[2]", b"[3]"]);
}

fn revisions(fixture: &Fixture) {
    let first = fixture.conversation(10, &["a", "b"]).revision;
    fixture.message(11, 10, "a");
    fixture.append(fixture.send(12, 10)).unwrap();
    fixture.give("b", 11, Status::Read).unwrap();
    assert_eq!(fixture.find(10).revision, first);
    let second = fixture.join(10, "c").revision;
    let third = fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let change = ConversationChange { metadata: object("n", 2), ..ConversationChange::from(&*conversation) };
        writes.change_conversation(app, &mut conversation, change)?;
        Ok(conversation.into_record())
    });
    assert!(first < second && second < third.revision);
    assert_eq!(fixture.find(10), third);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    assert!(fixture.find(10).revision > third.revision);
}

fn changed_meanwhile(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    for (id, newcomer) in [(11, "b"), (12, "c"), (13, "d")] {
        fixture.append(fixture.send(id, 10)).unwrap();
        fixture.join(10, newcomer);
    }
    fixture.append(fixture.send(14, 10)).unwrap();
    let all = ["a", "b", "c", "d"];
    for (id, count) in [(11, 1), (12, 2), (13, 3), (14, 4)] {
        assert_eq!(recipients(&fixture.sent(id).expect("a message")), users(&all[..count]), "{id}");
    }
}

fn stale(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    assert_eq!(fixture.append(Send { is_stale: true, ..fixture.send(11, 10) }), Ok(Some(1)));
    let message = fixture.sent(11).expect("a message");
    assert_eq!(message.parts, [part(11, 0, RUN)]);
}

fn deleted(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    fixture.append(fixture.send(11, 10)).unwrap();
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    assert_eq!(fixture.append(fixture.send(12, 10)), Err(StoreError::Failed("deleted".into())));
    assert_eq!((fixture.sent(12), fixture.find(10).message_count), (None, 0));
}

fn taken(fixture: &Fixture) {
    let before = fixture.conversation(10, &["a"]);
    let webhook = Some(claim::active(fixture, 20).key);
    assert_eq!(fixture.append(Send { webhook, ..fixture.send(10, 10) }), Ok(None));
    assert_eq!(fixture.find(10), before);
    fixture.append(fixture.send(11, 10)).unwrap();
    assert_eq!(fixture.append(Send { webhook, ..fixture.send(11, 10) }), Ok(None));
    assert_eq!((fixture.find(10).last_position, fixture.unread("a")), (1, 0));
    assert!(claim::claim(fixture, 5, claim::LEASE).taken.is_empty());
}

fn refused(fixture: &Fixture) {
    let before = fixture.conversation(10, &["a"]);
    let refused = fixture.append(Send { is_refused: true, ..fixture.send(11, 10) });
    assert_eq!(refused, Err(StoreError::Failed("refused".into())));
    assert_eq!((fixture.find(10), fixture.sent(11)), (before, None));
}

fn one_id(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    fixture.conversation(11, &["a"]);
    for number in 0..EACH {
        let outcomes =
            in_parallel(|thread| fixture.append(fixture.send(id(0, number), 10 + (thread % 2) as u128)).unwrap());
        assert_eq!(outcomes.into_iter().flatten().count(), 1);
    }
    let count = [10, 11].map(|id| fixture.find(id).message_count).into_iter().sum::<u64>();
    assert_eq!(count, EACH as u64);
}

fn race(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let webhook = Some(claim::active(fixture, 20).key);
    let sent = in_parallel(|thread| {
        let mut positions = vec![];
        for index in 0..EACH {
            let id = id(thread, index);
            if index % 4 == 3 {
                positions.push((id, fixture.message(id, 10, "a").position));
                fixture.join(10, &id.to_string());
            } else {
                let position = fixture.append(Send { webhook, ..fixture.send(id, 10) }).unwrap();
                positions.push((id, position.expect("a position")));
            }
        }
        positions
    });
    let mut sent = sent.concat();
    sent.sort_unstable_by_key(|(_, position)| *position);
    let count = u32::try_from(THREADS * EACH).unwrap();
    assert_eq!(sent.iter().map(|(_, position)| *position).collect::<Vec<_>>(), (1..=count).collect::<Vec<_>>());
    let conversation = fixture.find(10);
    assert_eq!((conversation.last_position, conversation.message_count), (count, u64::from(count)));
    let found = {
        let conversation = conversation.clone();
        fixture.read(move |reads, _| reads.messages(&conversation, PositionRange::default(), THREADS * EACH))
    };
    let mut earlier: Vec<UserId> = vec![];
    for (message, (id, position)) in found.iter().rev().zip(sent) {
        assert_eq!((message.id, message.position), (MessageId::new(uuid(id)), position));
        // Participants only came: each message has those of the one before.
        let recipients = recipients(message);
        assert!(recipients.starts_with(&earlier), "{position}");
        earlier = recipients;
    }
    assert!(conversation.participants.starts_with(&earlier));
    let unread_of_joiner = fixture.unread(conversation.participants[1].as_str().to_owned().leak());
    assert!(unread_of_joiner < u64::from(count), "{unread_of_joiner}");
}

fn receipt(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b", "c"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    let changes = fixture.store.changes(Kinds::RECEIPTS);
    fixture.give("b", 11, Status::Read).unwrap();
    // It stays as high as it is.
    fixture.give("b", 11, Status::Delivered).unwrap();
    fixture.give("b", 12, Status::Delivered).unwrap();
    let told = |position, status| Change::Receipt {
        app: fixture.app,
        conversation: ConversationId::new(uuid(10)),
        user: user("b"),
        position,
        status,
    };
    let first = [changes.try_next(), changes.try_next(), changes.try_next()];
    assert_eq!(first, [Some(told(1, Status::Read)), Some(told(2, Status::Delivered)), None]);
    assert_eq!((fixture.unread("b"), fixture.unread("c")), (1, 2));
    let status = |id| fixture.sent(id).expect("a message").recipient_status.0;
    assert_eq!(
        status(11).iter().map(|(_, status)| *status).collect::<Vec<_>>(),
        [Status::Read, Status::Read, Status::Sent]
    );
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let change =
            ConversationChange { participants: users(&["a", "b"]), ..ConversationChange::from(&*conversation) };
        writes.change_conversation(app, &mut conversation, change)
    });
    assert_eq!(fixture.give("c", 12, Status::Read), Err(StoreError::Failed("refused".into())));
    let held = fixture.write(|writes, app| hold_message(writes, app, 12).map(Held::into_record));
    assert_eq!(
        held.recipient_status.0.iter().map(|(_, status)| *status).collect::<Vec<_>>(),
        [Status::Read, Status::Delivered, Status::Sent]
    );
}

fn receipts(fixture: &Fixture) {
    let readers: Vec<String> = (0..THREADS).map(|thread| thread.to_string()).collect();
    fixture.conversation(10, &readers.iter().map(String::as_str).chain(["a"]).collect::<Vec<_>>());
    for index in 0..EACH {
        fixture.message(id(0, index), 10, "a");
    }
    in_parallel(|thread| {
        for index in 0..EACH {
            let index = if thread % 2 == 0 { index } else { EACH - 1 - index };
            fixture.give(&readers[thread], id(0, index), Status::Read).unwrap();
        }
    });
    for index in 0..EACH {
        let message = fixture.sent(id(0, index)).expect("a message");
        assert!(message.recipient_status.0.iter().all(|(_, status)| *status == Status::Read), "{message:?}");
    }
    assert_eq!(fixture.unread("7"), 0);
}
