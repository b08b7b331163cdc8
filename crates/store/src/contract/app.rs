//! Apps, and the ids that are in use.

use layer_wire::message::Sender;
use layer_wire::{AnnouncementId, AppId, MessageId};

use super::{
    Case, Fixture, hold, hold_message, insert_app, inserted, new_message, part, time, token, user, users, uuid,
};
use crate::announcement::AnnouncementRecord;
use crate::app::{IdUse, TokenRecord};
use crate::changes::{Change, Kinds};
use crate::conversation::ConversationTaken;
use crate::held::Inserted;
use crate::scheduled_message::ScheduledMessageRecord;
use crate::token::TokenHash;
use crate::{StoreError, Writes};

pub const CASES: &[Case] = &[
    ("an app is found by its id, with its token", an_app_is_found),
    ("an app sees nothing of another one", an_app_sees_nothing_of_another_one),
    ("an id is used once, whatever for, and for ever", an_id_is_used_once),
    ("an insert says what has the id, and changes nothing", an_insert_says_what_has_the_id),
    ("the link key stays the same", the_link_key_stays_the_same),
    ("tokens of an app come, expire, are noted as used, and go", tokens),
];

fn an_app_is_found(fixture: &Fixture) {
    let found = fixture.read(|reads, _| reads.app(AppId::new(uuid(1)))).unwrap();
    assert_eq!(found.key, fixture.app);
    assert!(found.tokens.len() == 1 && found.tokens[0].hash.matches(&TokenHash::of("1")));
    assert!(fixture.read(|reads, _| reads.app(AppId::new(uuid(2)))).is_none());
    fixture.write(|writes, app| writes.set_session_ttl(app, 60));
}

fn an_app_sees_nothing_of_another_one(fixture: &Fixture) {
    let other = Fixture { store: std::sync::Arc::clone(&fixture.store), app: insert_app(&*fixture.store, 2) };
    fixture.conversation(10, &["a", "b"]);
    fixture.message(11, 10, "a");
    assert_eq!(other.read(|reads, app| reads.id_use(app, uuid(11))), None);
    assert_eq!(other.read(|reads, app| reads.message(app, MessageId::new(uuid(11)))), None);
    assert!(!other.read(|reads, app| reads.user_exists(app, &user("a"))));
    // The same ids are free there.
    other.conversation(10, &["a"]);
    other.message(11, 10, "a");
    assert_eq!(fixture.find(10).participants, users(&["a", "b"]));
}

fn announcement(id: u128) -> AnnouncementRecord {
    AnnouncementRecord {
        id: AnnouncementId::new(uuid(id)),
        sent_at: time(0),
        recipients: users(&["a"]),
        sender: Sender::Name("Concierge".into()),
        parts: vec![part(id, 0, "x")],
    }
}

fn scheduled(id: u128, conversation: u128) -> ScheduledMessageRecord {
    ScheduledMessageRecord {
        id: MessageId::new(uuid(id)),
        conversation: layer_wire::ConversationId::new(uuid(conversation)),
        due_at: time(100),
        typing_at: None,
        sender: Sender::User(user("a")),
        parts: vec![part(id, 0, "x")],
    }
}

/// Uses ids from 10 on: a conversation, a message, an announcement, a scheduled message, a deleted message.
fn use_ids(fixture: &Fixture) -> [(u128, IdUse); 5] {
    fixture.conversation(10, &["a"]);
    fixture.message(11, 10, "a");
    fixture.message(14, 10, "a");
    fixture.write(|writes, app| {
        inserted(writes.insert_announcement(app, &announcement(12))?)?;
        let mut conversation = hold(writes, app, 10)?;
        inserted(writes.insert_scheduled_message(app, &conversation, &scheduled(13, 10))?)?;
        let message = hold_message(writes, app, 14)?;
        writes.delete_message(app, &mut conversation, &message)
    });
    [
        (10, IdUse::Conversation),
        (11, IdUse::Message),
        (12, IdUse::Announcement),
        (13, IdUse::ScheduledMessage),
        (14, IdUse::DeletedMessage),
    ]
}

fn an_id_is_used_once(fixture: &Fixture) {
    for (id, expected) in use_ids(fixture) {
        assert_eq!(fixture.read(move |reads, app| reads.id_use(app, uuid(id))), Some(expected));
    }
    assert_eq!(fixture.read(|reads, app| reads.id_use(app, uuid(99))), None);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    let after = [(10, IdUse::Conversation), (11, IdUse::DeletedMessage), (13, IdUse::DeletedMessage)];
    for (id, expected) in after {
        assert_eq!(fixture.read(move |reads, app| reads.id_use(app, uuid(id))), Some(expected));
    }
}

fn an_insert_says_what_has_the_id(fixture: &Fixture) {
    let used = use_ids(fixture);
    fixture.conversation(20, &["a"]);
    let before = fixture.find(20);
    for (id, expected) in used {
        let taken = fixture.write(move |writes: &mut dyn Writes, app| {
            let conversation = writes.insert_conversation(app, super::new_conversation(id, &["b"]))?;
            let mut to = hold(writes, app, 20)?;
            let new = new_message(id, "a", &to.participants);
            let message = writes.append_message(app, &mut to, new)?;
            let later = writes.insert_scheduled_message(app, &to, &scheduled(id, 20))?;
            let announcement = writes.insert_announcement(app, &announcement(id))?;
            Ok::<_, StoreError>((conversation, message, later, announcement))
        });
        assert_eq!(taken.0, Inserted::Taken(ConversationTaken::Id(expected)));
        assert_eq!((taken.1, taken.2), (Inserted::Taken(expected), Inserted::Taken(expected)));
        assert_eq!(taken.3, Inserted::Taken(expected));
    }
    assert_eq!(fixture.find(20), before);
    assert!(!fixture.read(|reads, app| reads.user_exists(app, &user("b"))));
}

fn the_link_key_stays_the_same(fixture: &Fixture) {
    assert_eq!(fixture.write(|writes, _| writes.link_key([1; 32])), [1; 32]);
    assert_eq!(fixture.write(|writes, _| writes.link_key([2; 32])), [1; 32]);
}

fn tokens(fixture: &Fixture) {
    let other = insert_app(&*fixture.store, 2);
    let changes = fixture.store.changes(Kinds::APPS);
    let told = || std::iter::from_fn(|| changes.try_next()).collect::<Vec<_>>();
    let of = |id: u128| fixture.read(move |reads, _| reads.app(AppId::new(uuid(id)))).unwrap();
    assert_eq!((of(1).name.as_deref(), of(1).created_at), (Some("An app"), time(0)));
    fixture.write(|writes, app| {
        let named = TokenRecord { name: Some("Second".into()), created_at: time(7), ..token(5) };
        writes.insert_token(app, &named)
    });
    assert_eq!(told(), [Change::App(AppId::new(uuid(1)))]);
    let second = of(1).tokens.pop().unwrap();
    assert_eq!((second.id, second.name.as_deref(), second.created_at), (uuid(5), Some("Second"), time(7)));
    assert!(second.hash.matches(&TokenHash::of("5")));
    assert_eq!((second.expires_at, second.used_at), (None, None));

    fixture.write(|writes, app| writes.note_token_use(app, uuid(5), time(8)));
    assert_eq!((of(1).tokens[1].used_at, told()), (Some(time(8)), vec![]));
    assert!(fixture.write(|writes, app| writes.expire_token(app, uuid(5), time(9))));
    assert_eq!((of(1).tokens[1].expires_at, told().len()), (Some(time(9)), 1));
    // Each is that of one app.
    assert!(!fixture.write(move |writes, _| writes.expire_token(other, uuid(5), time(1))));
    assert!(!fixture.write(move |writes, _| writes.delete_token(other, uuid(5))));
    fixture.write(move |writes, _| writes.note_token_use(other, uuid(5), time(1)));
    assert_eq!((of(1).tokens[1].used_at, of(1).tokens[1].expires_at), (Some(time(8)), Some(time(9))));

    told();
    assert!(fixture.write(|writes, app| writes.delete_token(app, uuid(1))));
    assert!(!fixture.write(|writes, app| writes.delete_token(app, uuid(1))));
    assert_eq!(told()[0], Change::App(AppId::new(uuid(1))));
    assert_eq!(of(1).tokens.iter().map(|token| token.id).collect::<Vec<_>>(), [uuid(5)]);
    assert_eq!(of(2).tokens.len(), 1);
}
