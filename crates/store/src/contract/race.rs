//! Jobs that race: what holds for each of them holds for all.

use layer_wire::message::Status;
use layer_wire::{ConversationId, MessageId};

use super::{Case, Fixture, hold, hold_message, new_conversation, new_message, user, users, uuid};
use crate::conversation::{ConversationChange, NewConversationRecord};
use crate::held::Inserted;
use crate::page::PositionRange;
use crate::{StoreError, Writes};

pub const CASES: &[Case] = &[
    ("sends to one conversation get consecutive positions", sends),
    ("one id creates one thing", one_id),
    ("one distinct conversation is created", one_distinct),
    ("participants added at the same time are all there", participants),
    ("conversations of the same users come and go at the same time", same_users),
    ("receipts given at the same time are all kept", receipts),
    ("a message that is due is sent once", due_once),
];

pub const THREADS: usize = 8;
pub const EACH: usize = 10;

pub fn in_parallel<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|index| scope.spawn(move || work(index))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
    })
}

pub fn id(thread: usize, index: usize) -> u128 {
    1000 + (thread * EACH + index) as u128
}

fn sends(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let mut positions: Vec<u32> = in_parallel(|thread| {
        (0..EACH).map(|index| fixture.message(id(thread, index), 10, "a").position).collect::<Vec<_>>()
    })
    .concat();
    positions.sort_unstable();
    let count = u32::try_from(THREADS * EACH).unwrap();
    assert_eq!(positions, (1..=count).collect::<Vec<_>>());
    let conversation = fixture.find(10);
    assert_eq!((conversation.last_position, conversation.message_count), (count, u64::from(count)));
}

fn one_id(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    let outcomes = in_parallel(|thread| {
        fixture.write(move |writes: &mut dyn Writes, app| {
            if thread % 2 == 0 {
                let mut conversation = hold(writes, app, 10)?;
                let new = new_message(50, "a", &conversation.participants);
                Ok::<_, StoreError>(matches!(writes.append_message(app, &mut conversation, new)?, Inserted::Done(_)))
            } else {
                let new = new_conversation(50, &["a"]);
                Ok(matches!(writes.insert_conversation(app, new)?, Inserted::Done(_)))
            }
        })
    });
    assert_eq!(outcomes.into_iter().filter(|is_done| *is_done).count(), 1);
}

fn one_distinct(fixture: &Fixture) {
    let outcomes = in_parallel(|thread| {
        let new = NewConversationRecord { is_distinct: true, ..new_conversation(id(thread, 0), &["a", "b"]) };
        fixture.write(move |writes, app| writes.insert_conversation(app, new.clone()))
    });
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Inserted::Done(_))).count(), 1);
    assert_eq!(fixture.read(|reads, app| reads.conversation_count_of(app, &user("a"))), 1);
}

fn participants(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    in_parallel(|thread| {
        fixture.write(move |writes, app| {
            let mut conversation = hold(writes, app, 10)?;
            let mut change = ConversationChange::from(&*conversation);
            change.participants.push(user(&thread.to_string()));
            writes.change_conversation(app, &mut conversation, change)
        });
    });
    assert_eq!(fixture.find(10).participants.len(), THREADS + 1);
}

fn same_users(fixture: &Fixture) {
    let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let mut users: Vec<&str> = names.iter().map(String::as_str).collect();
    fixture.conversation(10, &users);
    users.reverse();
    fixture.conversation(11, &users);
    in_parallel(|thread| {
        for index in 0..EACH {
            // Each names them in an order of its own.
            let mut participants = users.clone();
            participants.rotate_left((thread + index) % users.len());
            fixture.conversation(id(thread, index), &participants);
            fixture.write(move |writes, app| {
                let conversation = hold(writes, app, id(thread, index))?;
                writes.delete_conversation(app, &conversation)
            });
        }
    });
    assert_eq!(fixture.read(|reads, app| reads.conversation_count_of(app, &user("3"))), 2);
}

fn receipts(fixture: &Fixture) {
    let recipients: Vec<String> = (0..THREADS).map(|thread| thread.to_string()).collect();
    fixture.conversation(10, &recipients.iter().map(String::as_str).collect::<Vec<_>>());
    fixture.message(11, 10, "0");
    in_parallel(|thread| {
        fixture.write(move |writes, app| {
            let mut message = hold_message(writes, app, 11)?;
            let conversation = writes.conversation(app, ConversationId::new(uuid(10)))?.expect("a conversation");
            writes.raise_status(app, &user(&thread.to_string()), &conversation, &mut message, Status::Read)
        });
    });
    let message = fixture.read(|reads, app| reads.message(app, MessageId::new(uuid(11)))).expect("a message");
    assert!(message.recipient_status.0.iter().all(|(_, status)| *status == Status::Read), "{message:?}");
}

fn due_once(fixture: &Fixture) {
    use layer_wire::message::{RecipientStatus, Sender};

    use crate::scheduled_message::ScheduledMessageRecord;
    fixture.conversation(10, &["a"]);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        for id in 20..40 {
            let new = ScheduledMessageRecord {
                id: MessageId::new(uuid(id)),
                conversation: conversation.id,
                due_at: super::time(1),
                typing_at: None,
                sender: Sender::User(user("a")),
                parts: vec![],
            };
            super::inserted(writes.insert_scheduled_message(app, &conversation, &new)?)?;
        }
        Ok(())
    });
    in_parallel(|_| {
        fixture.write(|writes, _| {
            for (app, message) in writes.hold_due_messages(super::time(1), 7)? {
                let mut conversation = writes.hold_conversation(app, message.conversation)?.expect("a conversation");
                let status = RecipientStatus::new(&users(&["a"]), &message.sender);
                writes.send_scheduled_message(app, &mut conversation, &message, super::time(2), status, vec![])?;
            }
            Ok(())
        });
    });
    let conversation = fixture.find(10);
    let sent = fixture.read(move |reads, _| reads.messages(&conversation, PositionRange::default(), 100));
    assert_eq!(sent.len(), 20);
}
