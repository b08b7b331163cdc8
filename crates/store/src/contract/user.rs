//! Users, identities, block lists, following, announcements.

use layer_wire::AnnouncementId;
use layer_wire::identity::Fields;
use layer_wire::message::{Sender, Status};

use super::{Case, Fixture, hold, inserted, object, part, time, user, users, uuid};
use crate::announcement::{AnnouncementCopy, AnnouncementRecord};
use crate::conversation::ConversationChange;
use crate::held::Inserted;
use crate::user::UnreadCounts;

pub const CASES: &[Case] = &[
    ("a user exists once a write has named it", a_user_exists),
    ("users are suspended and counted", users_are_suspended),
    ("an identity is inserted once, replaced, deleted", identities),
    ("a user who had nothing but an identity is forgotten with it", a_user_is_forgotten),
    ("identities come in the order in which they are asked for", several_identities),
    ("block lists hold each user once", block_lists),
    ("a block counts both ways, and never oneself", blocks_between),
    ("users follow whom they share a conversation with, and whom they said", following),
    ("an unfollow lasts until the next shared conversation", unfollowing),
    ("each recipient has a copy of an announcement", announcements),
    ("announcements come newest first, page by page", announcement_pages),
];

fn exists(fixture: &Fixture, id: &'static str) -> bool {
    fixture.read(move |reads, app| reads.user_exists(app, &user(id)))
}

fn a_user_exists(fixture: &Fixture) {
    assert!(!exists(fixture, "a"));
    fixture.conversation(10, &["a"]);
    assert!(exists(fixture, "a") && !exists(fixture, "b"));
}

fn users_are_suspended(fixture: &Fixture) {
    let look = |id: &'static str| fixture.read(move |reads, app| reads.is_suspended(app, &user(id)));
    assert_eq!(look("a"), None);
    assert!(!fixture.read(|reads, _| reads.is_anyone_suspended()));
    fixture.write(|writes, app| writes.set_suspended(app, &user("a"), true));
    assert_eq!(look("a"), Some(true));
    assert!(fixture.read(|reads, _| reads.is_anyone_suspended()));
    fixture.write(|writes, app| writes.set_suspended(app, &user("a"), false));
    assert_eq!(look("a"), Some(false));
    assert!(!fixture.read(|reads, _| reads.is_anyone_suspended()));

    fixture.write(|writes, app| writes.set_external_unread_count(app, &user("b"), 7));
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    let counts = fixture.read(|reads, app| reads.unread_counts(app, &user("b")));
    assert_eq!((counts.external, counts.conversations, counts.messages), (7, 1, 2));
    assert_eq!(fixture.read(|reads, app| reads.unread_counts(app, &user("nobody"))), UnreadCounts::default());
}

fn fields(value: i64) -> Fields {
    Fields::trusted(object("n", value))
}

fn identities(fixture: &Fixture) {
    let look = || fixture.read(|reads, app| reads.identity(app, &user("a")));
    assert_eq!(look(), None);
    let insert = |value| fixture.write(move |writes, app| writes.insert_identity(app, &user("a"), &fields(value)));
    assert_eq!(insert(1), Inserted::Done(()));
    assert_eq!(insert(2), Inserted::Taken(fields(1)));
    assert_eq!(look(), Some(fields(1)));
    fixture.write(|writes, app| {
        assert_eq!(*writes.hold_identity(app, &user("a"))?.unwrap(), fields(1));
        assert_eq!(writes.hold_identity(app, &user("b"))?, None);
        writes.put_identity(app, &user("a"), &fields(3))
    });
    assert_eq!(look(), Some(fields(3)));
    let delete = || fixture.write(|writes, app| writes.delete_identity(app, &user("a")));
    assert_eq!((delete(), delete(), look()), (true, false, None));
}

fn a_user_is_forgotten(fixture: &Fixture) {
    fixture.conversation(10, &["member"]);
    fixture.write(|writes, app| {
        writes.block(app, &user("owner"), &user("blocked"))?;
        writes.follow(app, &user("follower"), &user("followed"))?;
        writes.set_suspended(app, &user("suspended"), true)?;
        writes.set_external_unread_count(app, &user("counted"), 1)
    });
    let named = ["member", "owner", "blocked", "follower", "followed", "suspended", "counted"];
    for id in named.into_iter().chain(["nothing else"]) {
        fixture.write(move |writes, app| {
            writes.put_identity(app, &user(id), &fields(1))?;
            assert!(writes.delete_identity(app, &user(id))?);
            Ok(())
        });
    }
    assert!(named.into_iter().all(|id| exists(fixture, id)));
    assert!(!exists(fixture, "nothing else"));
}

fn several_identities(fixture: &Fixture) {
    fixture.write(|writes, app| {
        writes.put_identity(app, &user("a"), &fields(1))?;
        writes.put_identity(app, &user("c"), &fields(3))
    });
    let found = fixture.read(|reads, app| {
        let asked = users(&["c", "b", "a", "c"]);
        reads.identities(app, &asked.iter().collect::<Vec<_>>())
    });
    assert_eq!(found, [Some(fields(3)), None, Some(fields(1)), Some(fields(3))]);
}

fn block_lists(fixture: &Fixture) {
    let look = || {
        let mut found = fixture.read(|reads, app| reads.block_list(app, &user("a")));
        found.sort();
        found
    };
    fixture.write(|writes, app| {
        for blocked in ["b", "c", "b"] {
            writes.block(app, &user("a"), &user(blocked))?;
        }
        Ok(())
    });
    assert_eq!(look(), users(&["b", "c"]));
    for _ in 0..2 {
        fixture.write(|writes, app| writes.unblock(app, &user("a"), &user("b")));
    }
    fixture.write(|writes, app| writes.unblock(app, &user("unknown"), &user("b")));
    assert_eq!(look(), users(&["c"]));
}

fn blocks_between(fixture: &Fixture) {
    fixture.write(|writes, app| {
        writes.block(app, &user("a"), &user("b"))?;
        writes.block(app, &user("c"), &user("c"))
    });
    let between = |one: &'static [&str], other: &'static [&str]| {
        fixture.read(move |reads, app| reads.has_block_between(app, &users(one), &users(other)))
    };
    assert!(between(&["a"], &["x", "b"]) && between(&["b"], &["a"]) && between(&["a", "b"], &["a", "b"]));
    assert!(!between(&["a"], &["a", "c"]) && !between(&["c"], &["c"]) && !between(&["unknown"], &["b"]));
}

fn follows(fixture: &Fixture, one: &'static str, other: &'static str) -> bool {
    fixture.read(move |reads, app| reads.is_following(app, &user(one), &user(other)))
}

fn following(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b", "c"]);
    fixture.write(|writes, app| writes.follow(app, &user("a"), &user("d")));
    assert!(follows(fixture, "a", "b") && follows(fixture, "b", "a") && follows(fixture, "a", "d"));
    assert!(!follows(fixture, "d", "a") && !follows(fixture, "a", "a"));
    let list = |from: Option<&'static str>, limit| {
        let from = from.map(user);
        fixture.read(move |reads, app| reads.following(app, &user("a"), from.as_ref(), limit))
    };
    assert_eq!(list(None, 2), users(&["b", "c"]));
    assert_eq!(list(Some("c"), 2), users(&["d"]));
    assert_eq!(fixture.read(|reads, app| reads.following_count(app, &user("a"))), 3);
    // It goes on after the conversation ended, and after one left it.
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let participants = users(&["a", "b"]);
        let change = ConversationChange { participants, ..ConversationChange::from(&*conversation) };
        writes.change_conversation(app, &mut conversation, change)?;
        writes.delete_conversation(app, &conversation)
    });
    assert!(follows(fixture, "a", "b") && follows(fixture, "c", "a") && follows(fixture, "a", "c"));
}

fn unfollowing(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.write(|writes, app| writes.unfollow(app, &user("a"), &user("b")));
    assert!(!follows(fixture, "a", "b") && follows(fixture, "b", "a"));
    fixture.conversation(11, &["a", "b"]);
    assert!(follows(fixture, "a", "b"));
}

fn announce(fixture: &Fixture, id: u128) {
    fixture.write(move |writes, app| {
        let new = AnnouncementRecord {
            id: AnnouncementId::new(uuid(id)),
            sent_at: time(i64::try_from(id).unwrap()),
            recipients: users(&["a", "b"]),
            sender: Sender::User(user("c")),
            parts: vec![part(id, 0, "x")],
        };
        inserted(writes.insert_announcement(app, &new)?)
    });
}

fn copy(fixture: &Fixture, id: u128, of: &'static str) -> Option<AnnouncementCopy> {
    fixture.read(move |reads, app| reads.announcement_of(app, &user(of), AnnouncementId::new(uuid(id))))
}

fn announcements(fixture: &Fixture) {
    announce(fixture, 10);
    let whole = fixture.read(|reads, app| reads.announcement(app, AnnouncementId::new(uuid(10)))).unwrap();
    assert_eq!((whole.recipients.clone(), whole.parts.clone()), (users(&["a", "b"]), vec![part(10, 0, "x")]));
    let mine = copy(fixture, 10, "a").unwrap();
    assert_eq!((mine.announcement, mine.status), (whole, Status::Sent));
    assert_eq!(copy(fixture, 10, "c"), None);
    let kept = fixture.write(|writes, app| {
        let mut held = writes.hold_announcement_of(app, &user("a"), AnnouncementId::new(uuid(10)))?.unwrap();
        writes.put_announcement_status(app, &user("a"), &mut held, Status::Read)?;
        Ok(held.into_record())
    });
    assert_eq!(kept.status, Status::Read);
    assert_eq!(copy(fixture, 10, "a"), Some(kept));
    assert_eq!(copy(fixture, 10, "b").unwrap().status, Status::Sent);
    fixture.write(|writes, app| {
        let held = writes.hold_announcement_of(app, &user("a"), AnnouncementId::new(uuid(10)))?.unwrap();
        writes.delete_announcement_of(app, &user("a"), &held)
    });
    assert_eq!(copy(fixture, 10, "a"), None);
    assert!(copy(fixture, 10, "b").is_some());
}

fn announcement_pages(fixture: &Fixture) {
    for id in 10..14 {
        announce(fixture, id);
    }
    let page = |from: Option<u128>| {
        let from = from.map(|id| copy(fixture, id, "a").unwrap());
        let found = fixture.read(move |reads, app| reads.announcements_of(app, &user("a"), from.as_ref(), 2));
        assert!(found.is_sorted_by(|newer, older| newer.position > older.position));
        found.iter().map(|copy| copy.announcement.id.uuid().as_u128()).collect::<Vec<_>>()
    };
    assert_eq!((page(None), page(Some(12)), page(Some(10))), (vec![13, 12], vec![11, 10], vec![]));
    assert_eq!(fixture.read(|reads, app| reads.announcement_count_of(app, &user("a"))), 4);
}
