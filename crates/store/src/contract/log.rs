//! The log of changes: who hears what, in order, and for how long.

use layer_wire::identity::Fields;
use layer_wire::message::{Sender, Status};
use layer_wire::{AnnouncementId, ConversationId, MessageId, Timestamp};
use serde_json::json;

use super::{
    Case, Fixture, hold, hold_message, insert_app, inserted, new_conversation, object, part, time, user, users, uuid,
};
use crate::StoreError;
use crate::announcement::AnnouncementRecord;
use crate::changes::{Change, Kinds, What};
use crate::conversation::ConversationChange;
use crate::log::{ConversationChanges, Entry, PartChanges, Place, Scope};

pub const CASES: &[Case] = &[
    ("where nobody listens nothing is logged", nobody_listens),
    ("what happens in a conversation is logged once, in order, for all its members", in_a_conversation),
    ("what concerns a user alone is logged for it, while a log is kept for it", for_one_user),
    ("identities are logged for those who follow", identities),
    ("entries that concern nobody any more are passed", of_nobody),
    ("a former member hears of its leaving and of nothing later", former_members),
    ("who is back hears what it missed", back_again),
    ("a conversation that is deleted is told to those who were in it", deleted),
    ("places grow, and what was undone is not logged", undone),
    ("entries are told in the feed, and read on from a place", told_and_read_on),
    ("old entries are forgotten, oldest first", forgotten),
    ("other apps hear nothing", other_apps),
];

const ALWAYS: Timestamp = Timestamp::from_ms(1 << 50);

fn listen(fixture: &Fixture, id: &'static str) -> Place {
    fixture.write(move |writes, app| writes.keep_log(app, &user(id), ALWAYS))
}

fn heard_after(fixture: &Fixture, by: &'static str, after: Place) -> Vec<(Scope, Entry)> {
    let records = fixture.read(move |reads, app| reads.log_of(app, &user(by), after, 1000).map(|page| page.records));
    assert!(records.is_sorted_by(|one, next| one.place < next.place), "{records:?}");
    assert!(records.iter().all(|record| record.app == fixture.app));
    for record in records.clone() {
        let readers = fixture.read(move |reads, _| reads.log_readers(&record));
        assert!(readers.contains(&user(by)), "{readers:?}");
    }
    records.into_iter().map(|record| (record.scope, record.entry)).collect()
}

fn heard(fixture: &Fixture, by: &'static str) -> Vec<Entry> {
    heard_after(fixture, by, Place::START).into_iter().map(|(_, entry)| entry).collect()
}

fn change(fixture: &Fixture, id: u128, participants: &'static [&'static str]) {
    fixture.write(move |writes, app| {
        let mut conversation = hold(writes, app, id)?;
        let change = ConversationChange { participants: users(participants), ..(&*conversation).into() };
        writes.change_conversation(app, &mut conversation, change)
    });
}

fn joined(id: &str) -> Entry {
    Entry::ConversationChanged(ConversationChanges { joined: users(&[id]), ..ConversationChanges::default() })
}

fn left(id: &str) -> Entry {
    Entry::ConversationChanged(ConversationChanges { left: users(&[id]), ..ConversationChanges::default() })
}

fn nobody_listens(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.write(|writes, app| writes.follow(app, &user("a"), &user("x")));
    assert_eq!(fixture.read(|reads, _| reads.log_end()), Place::START);
    // A log that was kept until yesterday is kept no more.
    fixture.write(|writes, app| writes.keep_log(app, &user("a"), time(1)));
    fixture.message(12, 10, "a");
    assert_eq!(fixture.read(|reads, _| reads.log_end()), Place::START);
    let place = listen(fixture, "a");
    fixture.message(13, 10, "a");
    // Once set, the time does not become an earlier one.
    fixture.write(|writes, app| writes.keep_log(app, &user("a"), time(1)));
    fixture.message(14, 10, "a");
    assert_eq!(heard(fixture, "a"), [Entry::MessageSent { position: 3 }, Entry::MessageSent { position: 4 }]);
    assert!(fixture.read(|reads, _| reads.log_end()) > place);
}

fn in_a_conversation(fixture: &Fixture) {
    listen(fixture, "a");
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let metadata = json!({ "n": 1, "deep": { "x": "1", "y": "2" } }).as_object().expect("an object").clone();
        let change = ConversationChange { metadata, ..(&*conversation).into() };
        writes.change_conversation(app, &mut conversation, change)?;
        let metadata = json!({ "deep": { "x": "1", "y": "3" } }).as_object().expect("an object").clone();
        let change = ConversationChange { metadata, ..(&*conversation).into() };
        writes.change_conversation(app, &mut conversation, change)?;
        let mut message = hold_message(writes, app, 11)?;
        let parts = vec![part(11, 0, "new"), part(11, 1, "more")];
        writes.put_parts(app, &conversation, &mut message, parts, time(50))?;
        writes.raise_status(app, &user("b"), &conversation, &mut message, Status::Delivered)?;
        // Nothing changes by that.
        writes.raise_status(app, &user("b"), &conversation, &mut message, Status::Delivered)?;
        writes.mark_read(app, &user("b"), &conversation, 2, 10)?;
        writes.mark_read(app, &user("b"), &conversation, 2, 10)?;
        let message = hold_message(writes, app, 11)?;
        writes.delete_message(app, &mut conversation, &message)
    });
    let path = |path: &[&str]| path.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    let metadata =
        |metadata| Entry::ConversationChanged(ConversationChanges { metadata, ..ConversationChanges::default() });
    let (added, changed) = (vec![part(11, 1, "").id], vec![part(11, 0, "").id]);
    let expected = [
        Entry::ConversationCreated,
        Entry::MessageSent { position: 1 },
        Entry::MessageSent { position: 2 },
        metadata(vec![(path(&["deep"]), Some(json!({ "x": "1", "y": "2" })))]),
        metadata(vec![(path(&["deep", "y"]), Some(json!("3"))), (path(&["n"]), None)]),
        Entry::PartsChanged { position: 1, parts: PartChanges { added, changed, removed: vec![] } },
        Entry::Receipt { position: 1, user: user("b"), status: Status::Delivered },
        Entry::MarkedRead { position: 2, user: user("b"), unread: vec![1, 2] },
        Entry::MessageDeleted { position: 1, id: MessageId::new(uuid(11)), sender: Some(user("a")) },
    ];
    assert_eq!(heard(fixture, "a"), expected);
    // One entry each, and no more is needed for the other one.
    assert_eq!(heard(fixture, "b"), expected);
    assert_eq!(heard(fixture, "c"), []);
    let all = fixture.read(|reads, _| reads.log_after(Place::START, 1000).map(|page| page.records));
    assert_eq!(all.len(), expected.len());
    assert!(all.iter().all(|record| record.scope == Scope::Conversation(ConversationId::new(uuid(10)))));
}

fn for_one_user(fixture: &Fixture) {
    listen(fixture, "a");
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "b");
    let id = AnnouncementId::new(uuid(20));
    for by in ["a", "b"] {
        fixture.write(move |writes, app| {
            let by = user(by);
            let conversation = hold(writes, app, 10)?;
            let message = hold_message(writes, app, 11)?;
            writes.delete_message_of(app, &by, &conversation, &message)?;
            writes.delete_message_of(app, &by, &conversation, &message)?;
            writes.delete_conversation_of(app, &by, &conversation)?;
            writes.revive_conversation_of(app, &by, &conversation)?;
            writes.revive_conversation_of(app, &by, &conversation)?;
            writes.follow(app, &by, &user("x"))?;
            writes.unfollow(app, &by, &user("x"))
        });
    }
    fixture.write(move |writes, app| {
        let sender = Sender::Name("x".into());
        let new = AnnouncementRecord { id, sent_at: time(0), recipients: users(&["a", "b"]), sender, parts: vec![] };
        inserted(writes.insert_announcement(app, &new)?)?;
        let mut copy = writes.hold_announcement_of(app, &user("a"), id)?.expect("a copy");
        writes.put_announcement_status(app, &user("a"), &mut copy, Status::Read)?;
        writes.delete_announcement_of(app, &user("a"), &copy)
    });
    let conversation = ConversationId::new(uuid(10));
    let in_conversation = [Entry::ConversationCreated, Entry::MessageSent { position: 1 }];
    let alone = [
        Entry::MessageDeletedForUser { position: 1, id: MessageId::new(uuid(11)), conversation },
        Entry::ConversationDeletedForUser { id: conversation },
        Entry::ConversationRevived { id: conversation },
        Entry::Following { user: user("x"), is_following: true },
        Entry::Following { user: user("x"), is_following: false },
        Entry::Announcement { id, what: What::Created },
        Entry::Announcement { id, what: What::Changed },
        Entry::Announcement { id, what: What::Deleted },
    ];
    assert_eq!(heard(fixture, "a"), [&in_conversation[..], &alone[..]].concat());
    assert_eq!(heard(fixture, "b"), in_conversation);
    // The next message brings a conversation back, and that is told before the message.
    let place = fixture.read(|reads, _| reads.log_end());
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation_of(app, &user("a"), &conversation)
    });
    fixture.message(12, 10, "b");
    let expected = [
        (Scope::User(user("a")), Entry::ConversationDeletedForUser { id: conversation }),
        (Scope::User(user("a")), Entry::ConversationRevived { id: conversation }),
        (Scope::Conversation(conversation), Entry::MessageSent { position: 2 }),
    ];
    assert_eq!(heard_after(fixture, "a", place), expected);
}

fn identities(fixture: &Fixture) {
    listen(fixture, "a");
    fixture.conversation(10, &["a", "b"]);
    let place = fixture.read(|reads, _| reads.log_end());
    fixture.write(|writes, app| {
        for id in ["a", "b", "stranger", "followed"] {
            inserted(writes.insert_identity(app, &user(id), &Fields::trusted(object("n", 1)))?)?;
        }
        writes.put_identity(app, &user("b"), &Fields::trusted(object("n", 2)))?;
        // Nothing changes by that.
        writes.put_identity(app, &user("b"), &Fields::trusted(object("n", 2)))?;
        writes.delete_identity(app, &user("b"))?;
        writes.follow(app, &user("a"), &user("followed"))
    });
    let identity = |id, what, fields: &[&str]| {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        (Scope::Identity(user(id)), Entry::Identity { what, fields })
    };
    let expected = [
        identity("a", What::Created, &["n"]),
        identity("b", What::Created, &["n"]),
        identity("followed", What::Created, &["n"]),
        identity("b", What::Changed, &["n"]),
        identity("b", What::Deleted, &[]),
        (Scope::User(user("a")), Entry::Following { user: user("followed"), is_following: true }),
    ];
    assert_eq!(heard_after(fixture, "a", place), expected);
    let followers = |of| {
        let mut followers = fixture.read(move |reads, app| reads.followers(app, &user(of)));
        followers.sort_unstable();
        followers
    };
    assert_eq!((followers("b"), followers("followed")), (users(&["a"]), users(&["a"])));
    assert_eq!((followers("stranger"), followers("nobody")), (vec![], vec![]));
    fixture.write(|writes, app| writes.unfollow(app, &user("a"), &user("b")));
    assert_eq!(followers("b"), []);
}

fn of_nobody(fixture: &Fixture) {
    listen(fixture, "a");
    // Whoever is known by an identity alone is forgotten with it, and who its entries concern.
    for id in ["stranger 1", "stranger 2", "stranger 3"] {
        fixture.write(move |writes, app| {
            writes.put_identity(app, &user(id), &Fields::trusted(object("n", 1)))?;
            writes.delete_identity(app, &user(id))
        });
    }
    fixture.conversation(10, &["a"]);
    let (mut after, mut records) = (Place::START, vec![]);
    loop {
        let page = fixture.read(move |reads, _| reads.log_after(after, 2));
        assert!(page.is_all || page.up_to > after, "{page:?}");
        after = page.up_to;
        records.extend(page.records);
        if page.is_all {
            break;
        }
    }
    assert_eq!(after, fixture.read(|reads, _| reads.log_end()));
    assert_eq!(records.last().map(|record| record.entry.clone()), Some(Entry::ConversationCreated));
    assert_eq!(heard(fixture, "a"), [Entry::ConversationCreated]);
    let page = fixture.read(|reads, app| reads.log_of(app, &user("a"), Place::START, 1));
    assert_eq!((page.records.len(), page.is_all, page.up_to), (1, false, after));
    let page = fixture.read(move |reads, app| reads.log_of(app, &user("a"), after, 1));
    assert_eq!((page.records.len(), page.is_all, page.up_to), (0, true, after));
}

fn former_members(fixture: &Fixture) {
    listen(fixture, "a");
    listen(fixture, "b");
    fixture.conversation(10, &["a", "b", "c"]);
    fixture.message(11, 10, "a");
    change(fixture, 10, &["a", "c"]);
    fixture.message(12, 10, "a");
    change(fixture, 10, &["a", "c", "d"]);
    let until_it_left = [Entry::ConversationCreated, Entry::MessageSent { position: 1 }, left("b")];
    let after_that = [Entry::MessageSent { position: 2 }, joined("d")];
    assert_eq!(heard(fixture, "b"), until_it_left);
    assert_eq!(heard(fixture, "a"), [&until_it_left[..], &after_that[..]].concat());
    // Who comes later does not hear what was before.
    fixture.message(13, 10, "a");
    assert_eq!(heard(fixture, "d"), [joined("d"), Entry::MessageSent { position: 3 }]);
    let all = fixture.read(|reads, _| reads.log_after(Place::START, 100).map(|page| page.records));
    let readers = all.into_iter().map(|record| {
        let mut readers = fixture.read(move |reads, _| reads.log_readers(&record));
        readers.sort_unstable();
        readers
    });
    let expected: [&[&str]; 6] =
        [&["a", "b", "c"], &["a", "b", "c"], &["a", "b", "c"], &["a", "c"], &["a", "c", "d"], &["a", "c", "d"]];
    assert!(readers.eq(expected.map(users)));
}

fn back_again(fixture: &Fixture) {
    listen(fixture, "b");
    fixture.conversation(10, &["a", "b"]);
    change(fixture, 10, &["a"]);
    fixture.message(11, 10, "a");
    change(fixture, 10, &["a", "b"]);
    let message = Entry::MessageSent { position: 1 };
    assert_eq!(heard(fixture, "b"), [Entry::ConversationCreated, left("b"), message, joined("b")]);
}

fn deleted(fixture: &Fixture) {
    listen(fixture, "a");
    listen(fixture, "gone");
    fixture.conversation(10, &["a", "b", "gone"]);
    change(fixture, 10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    // What was before cannot be shown any more.
    let id = ConversationId::new(uuid(10));
    assert_eq!(heard(fixture, "a"), [Entry::ConversationDeleted { id }]);
    assert_eq!(heard(fixture, "gone"), []);
}

fn undone(fixture: &Fixture) {
    let mut last = listen(fixture, "a");
    let (app, new) = (fixture.app, new_conversation(10, &["a"]));
    let failed = fixture.store.write_blocking(move |writes: &mut dyn crate::Writes| {
        inserted(writes.insert_conversation(app, new.clone())?)?;
        Err::<(), _>(StoreError::Failed("on purpose".into()))
    });
    assert_eq!(failed, Err(StoreError::Failed("on purpose".into())));
    assert_eq!(heard(fixture, "a"), []);
    for id in 10..20 {
        fixture.conversation(id, &["a"]);
        let end = fixture.read(|reads, _| reads.log_end());
        assert!(end > last);
        last = listen(fixture, "a");
        assert!(last > end);
    }
    assert_eq!(heard(fixture, "a").len(), 10);
}

fn told_and_read_on(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::LOG);
    fixture.conversation(9, &["a"]);
    assert_eq!(changes.try_next(), None);
    listen(fixture, "a");
    fixture.conversation(10, &["a"]);
    assert_eq!(changes.try_next(), Some(Change::Log));
    for id in 11..20 {
        fixture.message(id, 10, "a");
    }
    let (mut place, mut positions) = (Place::START, vec![]);
    loop {
        let page = fixture.read(move |reads, app| reads.log_of(app, &user("a"), place, 3).map(|page| page.records));
        let Some(last) = page.last() else { break };
        place = last.place;
        assert_eq!(
            fixture.read(move |reads, _| reads.log_after(place, 100).map(|page| page.records)).len()
                + positions.len()
                + page.len(),
            10
        );
        positions.extend(page.into_iter().map(|record| record.entry));
    }
    let sent = (1..10).map(|position| Entry::MessageSent { position });
    assert_eq!(positions, std::iter::once(Entry::ConversationCreated).chain(sent).collect::<Vec<_>>());
    fixture.store.reset().expect("an empty store");
    assert_eq!(fixture.read(|reads, _| reads.log_end()), Place::START);
}

fn forgotten(fixture: &Fixture) {
    listen(fixture, "a");
    fixture.conversation(10, &["a"]);
    for id in 11..15 {
        fixture.message(id, 10, "a");
    }
    assert!(fixture.write(|writes, _| writes.forget_log(time(0), 100)));
    assert_eq!(heard(fixture, "a").len(), 5);
    assert!(!fixture.write(|writes, _| writes.forget_log(ALWAYS, 2)));
    let rest = [2, 3, 4].map(|position| Entry::MessageSent { position });
    assert_eq!(heard(fixture, "a"), rest);
    assert!(fixture.write(|writes, _| writes.forget_log(ALWAYS, 100)));
    assert_eq!(heard(fixture, "a"), []);
}

fn other_apps(fixture: &Fixture) {
    listen(fixture, "a");
    let other = insert_app(&*fixture.store, 2);
    fixture.write(move |writes, _| writes.keep_log(other, &user("a"), ALWAYS));
    fixture.write(move |writes, _| {
        inserted(writes.insert_conversation(other, new_conversation(10, &["a", "b"]))?)?;
        writes.put_identity(other, &user("b"), &Fields::trusted(object("n", 1)))?;
        writes.follow(other, &user("a"), &user("x"))
    });
    assert_eq!(heard(fixture, "a"), []);
    assert_eq!(
        fixture.read(move |reads, _| reads.log_of(other, &user("a"), Place::START, 10).map(|page| page.records)).len(),
        3
    );
}
