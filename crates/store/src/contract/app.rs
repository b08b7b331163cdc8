//! Apps, and the ids that are in use.

use layer_wire::message::Sender;
use layer_wire::{AnnouncementId, AppId, MessageId};

use super::{Case, Fixture, hold, hold_message, insert_app, inserted, new_message, part, time, user, users, uuid};
use crate::announcement::AnnouncementRecord;
use crate::app::IdUse;
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
];

fn an_app_is_found(fixture: &Fixture) {
    let found = fixture.read(|reads, _| reads.app(AppId::new(uuid(1)))).unwrap();
    assert_eq!(found.key, fixture.app);
    assert!(found.tokens.len() == 1 && found.tokens[0].matches(&TokenHash::of("1")));
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
