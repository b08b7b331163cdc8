//! The feed of changes: every change is told, once it is durable.

use layer_wire::identity::Fields;
use layer_wire::message::{Sender, Status};
use layer_wire::{AnnouncementId, AppId, ConversationId, MessageId};

use super::{
    Case, Fixture, hold, hold_message, insert_app, inserted, new_conversation, new_message, object, part, time, user,
    users, uuid,
};
use crate::announcement::AnnouncementRecord;
use crate::changes::{Change, Changes, Kinds, What};
use crate::conversation::ConversationChange;
use crate::{StoreError, Writes};

pub const CASES: &[Case] = &[
    ("conversations and memberships are told", conversations),
    ("messages and receipts are told", messages),
    ("what concerns users is told", about_users),
    ("announcements are told", announcements),
    ("a new app is told", apps),
    ("work for the workers is told", work),
    ("what was undone is not told", what_was_undone),
    ("a change is told before its job hears that it is durable", told_before_the_job_hears),
    ("a replaced store is told to all", replaced),
];

fn taken(changes: &Changes) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_next()).collect()
}

fn conversations(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::CONVERSATIONS | Kinds::MEMBERSHIPS);
    fixture.conversation(10, &["a", "b"]);
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let change = ConversationChange { metadata: object("n", 2), ..ConversationChange::from(&*conversation) };
        writes.change_conversation(app, &mut conversation, change)?;
        writes.delete_conversation_of(app, &user("a"), &conversation)?;
        writes.revive_conversation_of(app, &user("a"), &conversation)?;
        writes.delete_conversation(app, &conversation)
    });
    let (app, id) = (fixture.app, ConversationId::new(uuid(10)));
    let told = |what| Change::Conversation { app, id, what };
    let of_member = Change::Membership { app, conversation: id, user: user("a") };
    // Twice the same in a row is one.
    assert_eq!(taken(&changes), [told(What::Created), told(What::Changed), of_member, told(What::Deleted)]);
}

fn messages(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::MESSAGES | Kinds::RECEIPTS | Kinds::MEMBERSHIPS);
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    fixture.message(12, 10, "a");
    fixture.write(|writes, app| {
        let mut conversation = hold(writes, app, 10)?;
        let mut message = hold_message(writes, app, 11)?;
        writes.put_parts(app, &conversation, &mut message, vec![part(11, 0, "x")], time(50))?;
        writes.raise_status(app, &user("b"), &conversation, &mut message, Status::Delivered)?;
        // Nothing changes by that.
        writes.raise_status(app, &user("b"), &conversation, &mut message, Status::Delivered)?;
        writes.mark_read(app, &user("b"), &conversation, 2, 10)?;
        // As it is now: what was held before is not what was marked.
        let message = hold_message(writes, app, 11)?;
        writes.delete_message_of(app, &user("b"), &conversation, &message)?;
        writes.delete_message(app, &mut conversation, &message)
    });
    let (app, conversation) = (fixture.app, ConversationId::new(uuid(10)));
    let message =
        |id, position, what| Change::Message { app, conversation, id: MessageId::new(uuid(id)), position, what };
    let receipt = |position, status| Change::Receipt { app, conversation, user: user("b"), position, status };
    let expected = [
        message(11, 1, What::Created),
        message(12, 2, What::Created),
        message(11, 1, What::Changed),
        receipt(1, Status::Delivered),
        receipt(2, Status::Read),
        Change::Membership { app, conversation, user: user("b") },
        message(11, 1, What::Deleted),
    ];
    assert_eq!(taken(&changes), expected);
}

fn about_users(fixture: &Fixture) {
    let kinds = Kinds::IDENTITIES | Kinds::BLOCK_LISTS | Kinds::FOLLOWING | Kinds::SUSPENSIONS | Kinds::UNREAD_COUNTS;
    let changes = fixture.store.changes(kinds);
    fixture.write(|writes, app| {
        inserted(writes.insert_identity(app, &user("a"), &Fields::trusted(object("n", 1)))?)?;
        writes.block(app, &user("b"), &user("x"))?;
        writes.put_identity(app, &user("a"), &Fields::trusted(object("n", 2)))?;
        writes.follow(app, &user("c"), &user("x"))?;
        writes.delete_identity(app, &user("a"))?;
        writes.unblock(app, &user("b"), &user("x"))?;
        writes.unfollow(app, &user("c"), &user("x"))?;
        writes.set_suspended(app, &user("d"), true)?;
        writes.set_external_unread_count(app, &user("e"), 1)
    });
    let app = fixture.app;
    let identity = Change::Identity { app, user: user("a") };
    let block_list = Change::BlockList { app, user: user("b") };
    let following = Change::Following { app, user: user("c") };
    let expected = [
        identity.clone(),
        block_list.clone(),
        identity.clone(),
        following.clone(),
        identity,
        block_list,
        following,
        Change::Suspension { app, user: user("d") },
        Change::UnreadCount { app, user: user("e") },
    ];
    assert_eq!(taken(&changes), expected);
}

fn announcements(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::ANNOUNCEMENTS);
    let id = AnnouncementId::new(uuid(10));
    fixture.write(move |writes, app| {
        let sender = Sender::Name("x".into());
        let new = AnnouncementRecord { id, sent_at: time(0), recipients: users(&["a"]), sender, parts: vec![] };
        inserted(writes.insert_announcement(app, &new)?)?;
        let mut copy = writes.hold_announcement_of(app, &user("a"), id)?.expect("a copy");
        writes.put_announcement_status(app, &user("a"), &mut copy, Status::Read)?;
        writes.delete_announcement_of(app, &user("a"), &copy)
    });
    let app = fixture.app;
    let told = |user, what| Change::Announcement { app, id, user, what };
    let of_a = Some(user("a"));
    let expected = [told(None, What::Created), told(of_a.clone(), What::Changed), told(of_a, What::Deleted)];
    assert_eq!(taken(&changes), expected);
}

fn apps(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::APPS);
    insert_app(&*fixture.store, 2);
    assert_eq!(taken(&changes), [Change::App(AppId::new(uuid(2)))]);
}

fn work(fixture: &Fixture) {
    fixture.conversation(10, &["a", "b"]);
    let changes = fixture.store.changes(Kinds::EXPORTS);
    super::export::set_schedule(fixture, &[]);
    assert_eq!(taken(&changes), [Change::Exports]);
    let changes = fixture.store.changes(Kinds::UNUSED_FILES);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    assert_eq!(taken(&changes), [Change::UnusedFiles]);
}

fn what_was_undone(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::CONVERSATIONS);
    let (app, new) = (fixture.app, new_conversation(10, &["a"]));
    let failed = fixture.store.write_blocking(move |writes: &mut dyn Writes| {
        inserted(writes.insert_conversation(app, new.clone())?)?;
        Err::<(), _>(StoreError::Failed("on purpose".into()))
    });
    assert_eq!(failed, Err(StoreError::Failed("on purpose".into())));
    assert_eq!(taken(&changes), []);
}

fn told_before_the_job_hears(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::MESSAGES);
    fixture.conversation(10, &["a"]);
    let app = fixture.app;
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let send = move |writes: &mut dyn Writes| {
        let mut conversation = hold(writes, app, 10)?;
        let new = new_message(11, "a", &conversation.participants);
        inserted(writes.append_message(app, &mut conversation, new)?)
    };
    let reply = move |outcome: Result<_, StoreError>| {
        let _ = sender.send((outcome.is_ok(), changes.has_news()));
    };
    fixture.store.submit_write(send, reply).expect("a store that takes work");
    assert_eq!(receiver.recv(), Ok((true, true)));
}

fn replaced(fixture: &Fixture) {
    let changes = fixture.store.changes(Kinds::APPS);
    fixture.store.reset().expect("an empty store");
    assert_eq!(taken(&changes), [Change::Replaced]);
}
