//! Conversations and memberships.

use layer_wire::page::SortBy;

use super::message::seen_by;
use super::{Case, Fixture, hold, new_conversation, object, time, user, users, uuid};
use crate::conversation::{ConversationChange, ConversationRecord, ConversationTaken};
use crate::held::{Held, Inserted};
use crate::membership::Membership;

pub const CASES: &[Case] = &[
    ("a conversation is found as it was created", a_conversation_is_found),
    ("there is one distinct conversation among the same participants", one_distinct_conversation),
    ("a conversation changes with its members, and what is held changes with it", a_conversation_changes),
    ("a deleted conversation keeps its id alone", a_deleted_conversation),
    ("a walk meets every conversation of the app once", a_walk),
    ("former members see what was sent before they left", former_members),
    ("a former member sees the metadata of when it left", metadata_of_former_members),
    ("the conversations of a user come newest first, page by page", conversations_of_a_user),
    ("a conversation deleted by a member comes back with the next message", deleted_by_a_member),
    (
        "who deleted a conversation that it had left sees as many messages as it counts when it is back",
        deleted_after_leaving,
    ),
];

fn change(fixture: &Fixture, id: u128, participants: &'static [&str]) -> ConversationRecord {
    fixture.write(move |writes, app| {
        let mut conversation = hold(writes, app, id)?;
        let change =
            ConversationChange { participants: users(participants), is_distinct: false, metadata: object("n", 2) };
        writes.change_conversation(app, &mut conversation, change)?;
        Ok(conversation.into_record())
    })
}

fn membership(fixture: &Fixture, id: u128, of: &'static str) -> Option<Membership> {
    let conversation = fixture.find(id);
    fixture.read(move |reads, app| reads.membership(app, &user(of), &conversation))
}

fn list(fixture: &Fixture, of: &'static str, sort_by: SortBy, from: Option<u128>, limit: usize) -> Vec<u128> {
    let from = from.map(|id| fixture.find(id));
    let found = fixture.read(move |reads, app| {
        let seen = reads.seen_conversations_of(app, &user(of), sort_by, from.as_ref(), limit)?;
        let plain = reads.conversations_of(app, &user(of), sort_by, from.as_ref(), limit)?;
        for (seen, (conversation, membership)) in seen.iter().zip(&plain) {
            assert_eq!((&seen.conversation, &seen.membership), (conversation, membership));
            let newest = reads.last_message_of(app, &user(of), conversation, *membership)?;
            assert_eq!(seen.last_message, newest);
        }
        Ok(plain)
    });
    found.into_iter().map(|(conversation, _)| conversation.id.uuid().as_u128()).collect()
}

fn a_conversation_is_found(fixture: &Fixture) {
    let created = fixture.conversation(10, &["b", "a"]);
    assert_eq!((created.id.uuid(), created.created_at, created.active_at), (uuid(10), time(10), time(10)));
    assert_eq!((created.participants.clone(), created.metadata.clone()), (users(&["b", "a"]), object("n", 1)));
    assert_eq!((created.is_distinct, created.is_deleted), (false, false));
    assert_eq!((created.message_count, created.last_position), (0, 0));
    assert_eq!(fixture.find(10), created);
    let held = fixture.write(|writes, app| hold(writes, app, 10).map(Held::into_record));
    assert_eq!(held, created);
    assert_eq!(membership(fixture, 10, "a").unwrap().left_position, None);
    assert_eq!(membership(fixture, 10, "c"), None);
}

fn one_distinct_conversation(fixture: &Fixture) {
    let distinct = |id, participants: &[&str]| {
        let new =
            crate::conversation::NewConversationRecord { is_distinct: true, ..new_conversation(id, participants) };
        fixture.write(move |writes, app| writes.insert_conversation(app, new.clone()))
    };
    let Inserted::Done(first) = distinct(10, &["a", "b"]) else { panic!("it is the first") };
    assert_eq!(distinct(11, &["b", "a"]), Inserted::Taken(ConversationTaken::Distinct(first.clone().into_record())));
    assert!(matches!(distinct(12, &["a", "b", "c"]), Inserted::Done(_)));
    let found = fixture.read(|reads, app| reads.distinct_conversation(app, &users(&["b", "a"])));
    assert_eq!(found, Some(first.into_record()));
    // Once it is no longer distinct, or deleted, there may be another one.
    change(fixture, 10, &["a", "b"]);
    assert!(matches!(distinct(13, &["a", "b"]), Inserted::Done(_)));
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 13)?;
        writes.delete_conversation(app, &conversation)
    });
    assert!(matches!(distinct(14, &["a", "b"]), Inserted::Done(_)));
}

fn a_conversation_changes(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    let changed = change(fixture, 10, &["b", "c"]);
    assert_eq!((changed.participants.clone(), changed.metadata.clone()), (users(&["b", "c"]), object("n", 2)));
    assert_eq!(fixture.find(10), changed);
    assert_eq!(membership(fixture, 10, "a").unwrap().left_position, Some(0));
    assert_eq!(membership(fixture, 10, "c").unwrap().left_position, None);
}

fn a_deleted_conversation(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    let deleted = fixture.find(10);
    assert!(deleted.is_deleted && deleted.participants.is_empty() && deleted.metadata.is_empty());
    assert_eq!(membership(fixture, 10, "a"), None);
    assert_eq!(fixture.read(|reads, app| reads.conversation_count_of(app, &user("a"))), 0);
    assert_eq!(fixture.read(|reads, app| reads.message(app, layer_wire::MessageId::new(uuid(11)))), None);
}

fn a_walk(fixture: &Fixture) {
    for id in 10..15 {
        fixture.conversation(id, &["a"]);
    }
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 12)?;
        writes.delete_conversation(app, &conversation)
    });
    let (mut met, mut after) = (vec![], None);
    loop {
        let page = fixture.read(move |reads, app| reads.conversations(app, after.as_ref(), 2));
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        met.extend(page.into_iter().map(|conversation| conversation.id.uuid().as_u128()));
    }
    met.sort_unstable();
    assert_eq!(met, [10, 11, 13, 14]);
}

fn former_members(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    change(fixture, 10, &["a"]);
    fixture.message(12, 10, "a");
    let left = membership(fixture, 10, "b").unwrap();
    assert_eq!((left.left_position, left.visible_count, left.unread_count), (Some(1), 1, 1));
    // What was sent meanwhile does not count as unread after the return.
    change(fixture, 10, &["a", "b"]);
    let back = membership(fixture, 10, "b").unwrap();
    assert_eq!((back.left_position, back.visible_count, back.unread_count), (None, 2, 1));
}

fn metadata_of_former_members(fixture: &Fixture) {
    let left_with = |of: &'static str| {
        let conversation = fixture.find(10);
        fixture.read(move |reads, app| {
            let left = reads.metadata_left_with(app, &user(of), &conversation)?;
            // What such a user sees is that, or what everyone sees.
            if let Some(membership) = reads.membership(app, &user(of), &conversation)? {
                let seen = reads.seen(app, &user(of), conversation.clone(), membership)?;
                assert_eq!(seen.conversation.metadata, left.clone().unwrap_or_else(|| conversation.metadata.clone()));
            }
            Ok(left)
        })
    };
    fixture.conversation(10, &["a", "b"]);
    change(fixture, 10, &["a", "b"]);
    assert_eq!((left_with("a"), left_with("b"), left_with("c")), (None, None, None));
    change(fixture, 10, &["a"]);
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let change = ConversationChange { participants: users(&["a"]), is_distinct: false, metadata: object("n", 3) };
        writes.change_conversation(app, &mut conversation, change)
    });
    assert_eq!((left_with("a"), left_with("b")), (None, Some(object("n", 2))));
    // After its return it sees what everyone sees.
    change(fixture, 10, &["a", "b"]);
    assert_eq!(left_with("b"), None);
}

fn conversations_of_a_user(fixture: &Fixture) {
    for id in 10..15 {
        fixture.conversation(id, &["a", "b"]);
    }
    fixture.message(20, 12, "a");
    assert_eq!(list(fixture, "a", SortBy::CreatedAt, None, 10), [14, 13, 12, 11, 10]);
    assert_eq!(list(fixture, "a", SortBy::CreatedAt, Some(13), 2), [12, 11]);
    assert_eq!(list(fixture, "a", SortBy::LastMessage, None, 10), [12, 14, 13, 11, 10]);
    assert_eq!(list(fixture, "a", SortBy::LastMessage, Some(12), 2), [14, 13]);
    assert_eq!(fixture.read(|reads, app| reads.conversation_count_of(app, &user("a"))), 5);
    assert_eq!(list(fixture, "nobody", SortBy::CreatedAt, None, 10), [0; 0]);
}

fn deleted_by_a_member(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    let delete = |fixture: &Fixture| {
        fixture.write(|writes, app| {
            let conversation = hold(writes, app, 10)?;
            writes.delete_conversation_of(app, &user("b"), &conversation)
        });
    };
    delete(fixture);
    assert_eq!(list(fixture, "b", SortBy::CreatedAt, None, 10), [0; 0]);
    assert_eq!(list(fixture, "a", SortBy::CreatedAt, None, 10), [10]);
    let deleted = membership(fixture, 10, "b").unwrap();
    assert_eq!((deleted.is_deleted, deleted.visible_count, deleted.unread_count), (true, 0, 0));
    fixture.message(12, 10, "a");
    assert_eq!(list(fixture, "b", SortBy::CreatedAt, None, 10), [10]);
    let back = membership(fixture, 10, "b").unwrap();
    assert_eq!((back.is_deleted, back.visible_count, back.unread_count), (false, 1, 1));
    delete(fixture);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.revive_conversation_of(app, &user("b"), &conversation)
    });
    assert_eq!(membership(fixture, 10, "b").map(|member| (member.is_deleted, member.visible_count)), Some((false, 0)));
}

fn deleted_after_leaving(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    change(fixture, 10, &["a"]);
    fixture.message(12, 10, "a");
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation_of(app, &user("b"), &conversation)
    });
    change(fixture, 10, &["a", "b"]);
    fixture.message(13, 10, "a");
    let (back, seen) = seen_by(fixture, 10, "b");
    assert_eq!((back.visible_count, seen), (2, vec![3, 2]));
}
