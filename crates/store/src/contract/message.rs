//! Messages, receipts, rich content, and messages that are to be sent later.

use layer_wire::content::NewContent;
use layer_wire::message::{RecipientStatus, Sender, Status};
use layer_wire::part::{Part, PartBody};
use layer_wire::{ContentId, ConversationId, MessageId};

use super::{Case, Fixture, hold, hold_message, inserted, new_message, part, time, user, users, uuid};
use crate::content::FinishedUpload;
use crate::conversation::ConversationChange;
use crate::membership::Membership;
use crate::message::MessageRecord;
use crate::page::PositionRange;
use crate::scheduled_message::ScheduledMessageRecord;

pub const CASES: &[Case] = &[
    ("messages take the next positions, also several in one write", messages_take_positions),
    ("messages are listed newest first, within a range", messages_are_listed),
    ("a message is gone for the member who deleted it", a_message_is_gone_for_a_member),
    ("a deleted message leaves the counts and the time of the one before it", a_deleted_message),
    ("parts are replaced", parts_are_replaced),
    ("a status only rises, and what is read is no longer unread", a_status_only_rises),
    ("a long history is marked as read step by step", marked_as_read),
    ("rich content lives as long as something refers to it", rich_content),
    ("content that was never uploaded goes with its time", stale_content),
    ("a message can be hidden from some participants, whom it does not count for", hidden_messages),
    ("content of a user belongs to the conversation that it was put into first", content_of_a_user),
    ("what is due is sent in order, and no longer waits", what_is_due_is_sent),
    ("what a participant had scheduled goes when it leaves", what_was_scheduled_goes),
];

/// The membership of a user, and the positions of the messages that it sees.
pub fn seen_by(fixture: &Fixture, id: u128, of: &'static str) -> (Membership, Vec<u32>) {
    let conversation = fixture.find(id);
    fixture.read(move |reads, app| {
        let membership = reads.membership(app, &user(of), &conversation)?.unwrap();
        let messages = reads.messages_of(app, &user(of), &conversation, membership, None, 10)?;
        Ok((membership, messages.iter().map(|message| message.position).collect()))
    })
}

fn positions(fixture: &Fixture, id: u128, range: PositionRange, limit: usize) -> Vec<u32> {
    let conversation = fixture.find(id);
    let found = fixture.read(move |reads, _| reads.messages(&conversation, range, limit));
    found.iter().map(|message| message.position).collect()
}

fn messages_take_positions(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    let first = fixture.message(11, 10, "a");
    let rest = fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let mut sent = vec![];
        for id in [12, 13] {
            let new = new_message(id, "b", &conversation.participants);
            sent.push(inserted(writes.append_message(app, &mut conversation, new)?)?);
        }
        assert_eq!((conversation.last_position, conversation.message_count, conversation.active_at), (3, 3, time(13)));
        Ok(sent)
    });
    assert_eq!((first.position, rest[0].position, rest[1].position), (1, 2, 3));
    let conversation = fixture.find(10);
    assert_eq!((conversation.last_position, conversation.message_count, conversation.active_at), (3, 3, time(13)));
    let found = fixture.read(|reads, app| reads.message(app, MessageId::new(uuid(11)))).unwrap();
    assert_eq!(found, first);
    assert_eq!((found.parts, found.sender), (vec![part(11, 0, "Hi 🐙")], Sender::User(user("a"))));
    assert_eq!(found.recipient_status.of(&user("b")), Some(Status::Sent));
}

fn messages_are_listed(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    for id in 11..16 {
        fixture.message(id, 10, "a");
    }
    let all = PositionRange::default();
    assert_eq!(positions(fixture, 10, all, 10), [5, 4, 3, 2, 1]);
    assert_eq!(positions(fixture, 10, PositionRange { after: Some(4), ..all }, 2), [3, 2]);
    assert_eq!(positions(fixture, 10, PositionRange { up_to: Some(2), ..all }, 10), [2, 1]);
    assert_eq!(positions(fixture, 10, PositionRange { above: 3, ..all }, 10), [5, 4]);
}

fn a_message_is_gone_for_a_member(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    for _ in 0..2 {
        fixture.write(|writes, app| {
            let conversation = hold(writes, app, 10)?;
            let message = hold_message(writes, app, 11)?;
            writes.delete_message_of(app, &user("b"), &conversation, &message)
        });
    }
    let (member, seen) = seen_by(fixture, 10, "b");
    assert_eq!((seen, member.visible_count, member.unread_count, member.deleted_count), (vec![2], 1, 1, 1));
    assert_eq!(seen_by(fixture, 10, "a").1, [2, 1]);
    let conversation = fixture.find(10);
    let deleted = fixture.read(move |reads, app| {
        let by = |who: &str| reads.has_deleted_message(app, &user(who), &conversation, 1);
        Ok((by("b")?, by("a")?))
    });
    assert_eq!(deleted, (true, false));
}

fn a_deleted_message(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    let held = fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let message = hold_message(writes, app, 12)?;
        writes.delete_message(app, &mut conversation, &message)?;
        Ok(conversation.into_record())
    });
    let conversation = fixture.find(10);
    assert_eq!(conversation, held);
    assert_eq!((conversation.message_count, conversation.last_position, conversation.active_at), (1, 2, time(11)));
    let (member, seen) = seen_by(fixture, 10, "b");
    assert_eq!((seen, member.visible_count, member.unread_count), (vec![1], 1, 1));
    // Its position is not used again.
    assert_eq!(fixture.message(13, 10, "a").position, 3);
}

fn parts_are_replaced(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    fixture.message(11, 10, "a");
    let changed = fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        let mut message = hold_message(writes, app, 11)?;
        let parts = vec![part(11, 0, "a"), Part { updated_at: Some(time(50)), ..part(11, 1, "b") }];
        writes.put_parts(app, &conversation, &mut message, parts, time(50))?;
        Ok(message.into_record())
    });
    assert_eq!((changed.parts.len(), changed.updated_at), (2, Some(time(50))));
    assert_eq!(fixture.read(|reads, app| reads.message(app, MessageId::new(uuid(11)))), Some(changed));
}

fn raise(fixture: &Fixture, id: u128, of: &'static str, status: Status) -> (bool, MessageRecord) {
    fixture.write(move |writes, app| {
        let mut message = hold_message(writes, app, id)?;
        let conversation = writes.conversation(app, message.conversation)?.unwrap();
        let is_raised = writes.raise_status(app, &user(of), &conversation, &mut message, status)?;
        Ok((is_raised, message.into_record()))
    })
}

fn a_status_only_rises(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    assert_eq!(seen_by(fixture, 10, "b").0.unread_count, 1);
    let (is_raised, shown) = raise(fixture, 11, "b", Status::Read);
    assert!(is_raised && shown.recipient_status.of(&user("b")) == Some(Status::Read));
    assert_eq!(fixture.read(|reads, app| reads.message(app, MessageId::new(uuid(11)))), Some(shown));
    assert_eq!(seen_by(fixture, 10, "b").0.unread_count, 0);
    for (of, status) in [("b", Status::Delivered), ("b", Status::Read), ("nobody", Status::Read)] {
        assert!(!raise(fixture, 11, of, status).0);
    }
    assert_eq!(seen_by(fixture, 10, "b").0.unread_count, 0);
}

fn marked_as_read(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    for id in 11..16 {
        fixture.message(id, 10, "a");
    }
    let mark = |up_to, limit| {
        let conversation = fixture.find(10);
        let marked = fixture.write(move |writes, app| writes.mark_read(app, &user("b"), &conversation, up_to, limit));
        (marked.messages.iter().map(|message| message.position).collect::<Vec<_>>(), marked.is_done)
    };
    assert_eq!(mark(4, 2), (vec![1, 2], false));
    assert_eq!(mark(4, 3), (vec![3, 4], true));
    assert_eq!(seen_by(fixture, 10, "b").0.unread_count, 1);
    assert_eq!(mark(u32::MAX, 10), (vec![5], true));
    assert_eq!(mark(u32::MAX, 10), (vec![], true));
    let counts = fixture.read(|reads, app| reads.unread_counts(app, &user("b")));
    assert_eq!((counts.conversations, counts.messages), (0, 0));
}

fn hidden_messages(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b", "c"]);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation_of(app, &user("b"), &conversation)
    });
    let send = |id, hidden: &'static [&'static str]| {
        fixture.write(move |writes, app| {
            let mut conversation = hold(writes, app, 10)?;
            let mut new = new_message(id, "a", &conversation.participants);
            new.hidden_from = hidden.iter().map(|name| user(name)).collect();
            inserted(writes.append_message(app, &mut conversation, new)?).map(drop)
        });
    };
    send(11, &["b"]);
    // It does not come back with what is hidden.
    let count = |name| fixture.read(move |reads, app| reads.conversation_count_of(app, &user(name)));
    assert_eq!((count("b"), count("c")), (0, 1));
    let (membership, positions) = seen_by(fixture, 10, "c");
    assert_eq!((membership.visible_count, membership.unread_count, positions), (1, 1, vec![1]));
    send(12, &[]);
    send(13, &["b"]);
    let (membership, positions) = seen_by(fixture, 10, "b");
    assert_eq!((membership.visible_count, membership.unread_count, count("b")), (1, 1, 1));
    assert_eq!(positions, [2]);
    let conversation = fixture.find(10);
    let is_gone = |position| {
        let conversation = conversation.clone();
        fixture.read(move |reads, app| reads.has_deleted_message(app, &user("b"), &conversation, position))
    };
    assert_eq!([1, 2, 3].map(is_gone), [true, false, true]);
}

fn insert_content(fixture: &Fixture, id: u128, created_at: i64) {
    fixture.write(move |writes, app| {
        let conversation = hold(writes, app, 10)?;
        let new = NewContent { mime_type: "a/b".into(), size: 3, origin: Some("https://o".into()) };
        writes.insert_content(app, &conversation, ContentId::new(uuid(id)), &new, time(created_at))
    });
}

fn content_part(owner: u128, content: u128) -> Part {
    Part { body: PartBody::Content { id: ContentId::new(uuid(content)), size: 3 }, ..part(owner, 0, "") }
}

fn rich_content(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    insert_content(fixture, 20, 1);
    let id = ContentId::new(uuid(20));
    let announced = fixture.read(move |reads, app| reads.content(app, id)).unwrap();
    assert_eq!((announced.conversation, announced.upload), (Some(ConversationId::new(uuid(10))), None));
    assert_eq!((announced.announced.size, announced.created_at), (3, time(1)));
    let upload = FinishedUpload { at: time(2), md5: [1; 16], crc32c: 7 };
    assert!(fixture.write(move |writes, app| writes.finish_upload(app, id, upload)));
    assert!(!fixture.write(move |writes, app| writes.finish_upload(app, ContentId::new(uuid(99)), upload)));
    assert_eq!(fixture.read(move |reads, app| reads.content(app, id)).unwrap().upload, Some(upload));
    for message in [11, 12] {
        fixture.write(move |writes, app| {
            let mut conversation = hold(writes, app, 10)?;
            let mut new = new_message(message, "a", &conversation.participants);
            new.parts = vec![content_part(message, 20)];
            inserted(writes.append_message(app, &mut conversation, new)?).map(drop)
        });
    }
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let message = hold_message(writes, app, 11)?;
        writes.delete_message(app, &mut conversation, &message)
    });
    assert_eq!(fixture.read(|reads, _| reads.unused_files(10)), [""; 0]);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        let mut message = hold_message(writes, app, 12)?;
        writes.put_parts(app, &conversation, &mut message, vec![part(12, 0, "x")], time(9))
    });
    assert_eq!(fixture.read(move |reads, app| reads.content(app, id)), None);
    let unused = fixture.read(|reads, _| reads.unused_files(10));
    assert_eq!(unused, [crate::file::FileName::content(super::APP, id).to_string()]);
    fixture.write(move |writes, _| writes.forget_unused_files(&unused));
    assert_eq!(fixture.read(|reads, _| reads.unused_files(10)), [""; 0]);
}

fn content_of_a_user(fixture: &Fixture) {
    for id in [10, 11] {
        fixture.conversation(id, &["a"]);
    }
    let new = || NewContent { mime_type: "a/b".into(), size: 3, origin: None };
    for id in [20, 21] {
        fixture.write(move |writes, app| {
            writes.insert_content_of_user(app, &user("u"), ContentId::new(uuid(id)), &new(), time(1))
        });
    }
    let content = |id| fixture.read(move |reads, app| reads.content(app, ContentId::new(uuid(id))));
    let unsent = |name| fixture.read(move |reads, app| reads.unsent_contents(app, &user(name)));
    let found = content(20).unwrap();
    assert_eq!((found.conversation, found.uploader), (None, Some(user("u"))));
    assert_eq!((unsent("u"), unsent("a"), unsent("unknown")), (2, 0, 0));
    let put = |conversation, id| {
        fixture.write(move |writes, app| {
            let conversation = hold(writes, app, conversation)?;
            writes.put_content(app, &conversation, ContentId::new(uuid(id)))
        })
    };
    assert_eq!((put(10, 20), put(10, 20), put(11, 20), put(10, 99)), (true, true, false, false));
    let found = content(20).unwrap();
    assert_eq!((found.conversation, found.uploader), (Some(ConversationId::new(uuid(10))), Some(user("u"))));
    assert_eq!(unsent("u"), 1);

    // All bytes may be there: what no message carries goes all the same.
    let upload = FinishedUpload { at: time(2), md5: [1; 16], crc32c: 7 };
    for id in [20, 21] {
        fixture.write(move |writes, app| writes.finish_upload(app, ContentId::new(uuid(id)), upload));
    }
    fixture.write(|writes, _| writes.delete_stale_contents(time(5)));
    assert_eq!((content(20).is_some(), content(21).is_some(), unsent("u")), (true, false, 0));
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    assert_eq!(content(20), None);
}

fn stale_content(fixture: &Fixture) {
    fixture.conversation(10, &["a"]);
    insert_content(fixture, 20, 1);
    insert_content(fixture, 21, 5);
    fixture.write(|writes, _| writes.delete_stale_contents(time(5)));
    let left =
        [20, 21].map(|id| fixture.read(move |reads, app| reads.content(app, ContentId::new(uuid(id)))).is_some());
    assert_eq!(left, [false, true]);
    assert_eq!(fixture.read(|reads, _| reads.unused_files(10)).len(), 1);
}

fn schedule(fixture: &Fixture, id: u128, due_at: i64, sender: &'static str) {
    fixture.write(move |writes, app| {
        let conversation = hold(writes, app, 10)?;
        let new = ScheduledMessageRecord {
            id: MessageId::new(uuid(id)),
            conversation: conversation.id,
            due_at: time(due_at),
            typing_at: (due_at >= 200).then(|| time(due_at - 50)),
            sender: Sender::User(user(sender)),
            parts: vec![part(id, 0, "later")],
        };
        inserted(writes.insert_scheduled_message(app, &conversation, &new)?)
    });
}

fn what_is_due_is_sent(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    for (id, due_at) in [(21, 200), (22, 100), (23, 100), (24, 300)] {
        schedule(fixture, id, due_at, "a");
    }
    assert_eq!(fixture.read(|reads, _| reads.next_scheduled_message()), Some(time(100)));
    let waiting = fixture.read(|reads, app| reads.scheduled_message(app, MessageId::new(uuid(22)))).unwrap();
    assert_eq!((waiting.due_at, waiting.typing_at, waiting.parts), (time(100), None, vec![part(22, 0, "later")]));
    let typists = |now| {
        let found = fixture.read(move |reads, _| reads.typists(time(now), 10));
        let next = fixture.read(move |reads, _| reads.next_typist(time(now)));
        (found.into_iter().map(|typist| typist.message.uuid().as_u128()).collect::<Vec<_>>(), next)
    };
    assert_eq!(typists(149), (vec![], Some(time(150))));
    assert_eq!(typists(150), (vec![21], Some(time(250))));
    let found = fixture.read(|reads, _| reads.typists(time(150), 10)).remove(0);
    assert_eq!((found.app, found.user, found.conversation), (fixture.app, user("a"), ConversationId::new(uuid(10))));
    let sent = fixture.write(|writes, _| {
        let mut sent = vec![];
        for (app, message) in writes.hold_due_messages(time(200), 10)? {
            let mut conversation = writes.hold_conversation(app, message.conversation)?.unwrap();
            let status = RecipientStatus::new(&conversation.participants, &message.sender);
            sent.push(writes.send_scheduled_message(app, &mut conversation, &message, time(250), status, vec![])?);
        }
        Ok(sent)
    });
    let order: Vec<_> = sent.iter().map(|message| (message.id.uuid().as_u128(), message.position)).collect();
    assert_eq!(order, [(22, 1), (23, 2), (21, 3)]);
    assert!(sent.iter().all(|message| message.sent_at == time(250)));
    assert_eq!(typists(250), (vec![24], None));
    assert_eq!(fixture.read(|reads, app| reads.message(app, MessageId::new(uuid(21)))), Some(sent[2].clone()));
    assert_eq!(fixture.read(|reads, app| reads.scheduled_message(app, MessageId::new(uuid(21)))), None);
    assert_eq!(fixture.read(|reads, _| reads.next_scheduled_message()), Some(time(300)));
}

fn what_was_scheduled_goes(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    schedule(fixture, 21, 100, "a");
    schedule(fixture, 22, 100, "b");
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let change = ConversationChange { participants: users(&["b"]), ..ConversationChange::from(&*conversation) };
        writes.change_conversation(app, &mut conversation, change)
    });
    let due = fixture.write(|writes, _| writes.hold_due_messages(time(100), 10));
    assert_eq!(due.iter().map(|(_, message)| message.id.uuid().as_u128()).collect::<Vec<_>>(), [22]);
}
