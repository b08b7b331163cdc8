//! What an operator looks at.

use super::{APP, Case, Fixture, hold, insert_app, inserted, new_conversation, new_message, time, user, uuid};
use crate::held::Held;
use crate::overview::{AppCounts, Hastened, OutboxState};

pub const CASES: &[Case] = &[
    ("an operator finds all apps, and how much each has", apps_and_counts),
    ("conversations and messages of an app come newest first, page by page", newest_first),
    ("users come in the order of their ids, page by page", users_in_order),
    ("what waits for a webhook is told, and made sooner unless it is under way", waiting_deliveries),
    ("what waits for all webhooks is counted, up to a limit", outbox_state),
];

fn apps_and_counts(fixture: &Fixture) {
    let other = insert_app(&*fixture.store, 2);
    let apps = fixture.read(|reads, _| reads.app_ids());
    assert_eq!(apps.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [fixture.app, other]);
    assert_eq!(apps[0].1, APP);
    fixture.conversation(10, &["a", "b"]);
    fixture.conversation(11, &["a"]);
    fixture.message(20, 10, "a");
    fixture.message(21, 10, "b");
    let counts = |app| fixture.read(move |reads, _| reads.app_counts(app));
    assert_eq!(counts(fixture.app), AppCounts { conversations: 2, messages: 2, users: 2 });
    assert_eq!(counts(other), AppCounts::default());
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 10)?;
        writes.delete_conversation(app, &conversation)
    });
    assert_eq!(counts(fixture.app), AppCounts { conversations: 1, messages: 0, users: 2 });
}

fn conversations(fixture: &Fixture, after: Option<u128>, limit: usize) -> Vec<u128> {
    let after = after.map(|id| fixture.find(id));
    let found = fixture.read(move |reads, app| reads.newest_conversations(app, after.as_ref(), limit));
    found.into_iter().map(|conversation| conversation.id.uuid().as_u128()).collect()
}

fn messages(fixture: &Fixture, after: Option<u128>, limit: usize) -> Vec<u128> {
    let found = fixture.read(move |reads, app| {
        let after = match after {
            Some(id) => reads.message(app, layer_wire::MessageId::new(uuid(id)))?,
            None => None,
        };
        reads.newest_messages(app, after.as_ref(), limit)
    });
    for message in &found {
        assert_eq!(message.sent_at, time(i64::try_from(message.id.uuid().as_u128()).unwrap()));
    }
    found.into_iter().map(|message| message.id.uuid().as_u128()).collect()
}

fn newest_first(fixture: &Fixture) {
    assert_eq!((conversations(fixture, None, 10), messages(fixture, None, 10)), (vec![], vec![]));
    for id in 10..15 {
        fixture.conversation(id, &["a", "b"]);
    }
    for (id, conversation) in [(20, 10), (21, 12), (22, 10), (23, 12)] {
        fixture.message(id, conversation, "a");
    }
    let other = insert_app(&*fixture.store, 2);
    fixture.write(move |writes, _| {
        let new = new_conversation(16, &["a"]);
        let mut conversation: Held<_> = inserted(writes.insert_conversation(other, new)?)?;
        let new = new_message(26, "a", &conversation.participants);
        inserted(writes.append_message(other, &mut conversation, new)?)
    });
    assert_eq!(conversations(fixture, None, 3), [14, 13, 12]);
    assert_eq!(conversations(fixture, Some(12), 3), [11, 10]);
    assert_eq!(messages(fixture, None, 3), [23, 21, 22]);
    assert_eq!(messages(fixture, Some(21), 10), [22, 20]);
    fixture.write(|writes, app| {
        let conversation = hold(writes, app, 12)?;
        writes.delete_conversation(app, &conversation)
    });
    assert_eq!(conversations(fixture, Some(12), 10), [11, 10]);
    assert_eq!(conversations(fixture, None, 10), [14, 13, 11, 10]);
    assert_eq!(messages(fixture, None, 10), [22, 20]);
}

fn users_in_order(fixture: &Fixture) {
    fixture.conversation(10, &["b", "Z", "a", "ä"]);
    fixture.write(|writes, app| writes.set_suspended(app, &user("b"), true));
    let list = |after: Option<&'static str>, limit| {
        let found = fixture.read(move |reads, app| reads.users(app, after.map(user).as_ref(), limit));
        let show = |user: &crate::overview::UserRecord| {
            assert!(user.identity.is_none());
            (user.id.as_str().to_owned(), user.is_suspended, user.conversation_count)
        };
        found.iter().map(show).collect::<Vec<_>>()
    };
    let of = |id: &str, is_suspended| (id.to_owned(), is_suspended, 1);
    assert_eq!(list(None, 10), [of("Z", false), of("a", false), of("b", true), of("ä", false)]);
    assert_eq!(list(Some("a"), 1), [of("b", true)]);
    assert_eq!(list(Some("aa"), 10), [of("b", true), of("ä", false)]);
}

fn waiting_deliveries(fixture: &Fixture) {
    let webhook = super::claim::active(fixture, 10);
    for (event, due_at) in [(1, 30), (2, 20), (3, 10)] {
        super::claim::deliver(fixture, &webhook, event, due_at);
    }
    let key = webhook.key;
    let waiting = |limit| fixture.read(move |reads, _| reads.waiting_deliveries(key, limit));
    let (found, count) = waiting(2);
    let events: Vec<_> = found.iter().map(|delivery| (delivery.event.as_u128(), delivery.due_at)).collect();
    assert_eq!((events, count), (vec![(3, time(10)), (2, time(20))], 3));
    assert_eq!((found[0].event_type.as_str(), found[0].failed_attempts), ("Message.created", 0));
    let hasten = |event, at| fixture.write(move |writes, _| writes.hasten_delivery(key, uuid(event), time(at)));
    assert_eq!(hasten(1, 5), Hastened::Due);
    assert_eq!(waiting(1).0[0].event, uuid(1));
    assert_eq!(hasten(4, 5), Hastened::Gone);
    let claimed = super::claim::claim(fixture, 5, super::claim::LEASE);
    assert_eq!(super::claim::events(&claimed), [1]);
    assert_eq!(hasten(1, 4), Hastened::UnderWay);
    assert_eq!(waiting(0).1, 3);
}

fn outbox_state(fixture: &Fixture) {
    let state = |limit| fixture.read(move |reads, _| reads.outbox_state(limit));
    assert_eq!(state(10), OutboxState::default());
    let [first, second, _] = [10, 11, 12].map(|id| super::claim::active(fixture, id));
    super::claim::set_status(fixture, 12, super::claim::inactive());
    super::claim::register(fixture, 13);
    for (event, webhook, due_at) in [(1, &first, 39), (2, &first, 38), (3, &second, 37)] {
        super::claim::deliver(fixture, webhook, event, due_at);
    }
    let found = OutboxState { active: 2, inactive: 1, unverified: 1, deliveries: 3, oldest: Some(time(39)) };
    assert_eq!(state(10), found);
    assert_eq!((state(1).active, state(2).deliveries), (1, 2));
    // Once it was tried, its first attempt says how old it is, and not when it is due again.
    let claimed = super::claim::claim(fixture, 39, super::claim::LEASE);
    let of = |event| claimed.taken.iter().find(|(_, claimed)| claimed.record.event == uuid(event)).unwrap();
    let (key, id) = (of(1).1.record.key, of(1).1.claim);
    assert!(fixture.write(move |writes, _| writes.postpone_delivery(key, id, time(40), time(90))));
    assert_eq!(state(10).oldest, Some(time(40)));
    let (key, id) = (of(2).1.record.key, of(2).1.claim);
    assert!(fixture.write(move |writes, _| writes.delete_delivery(key, id)));
    assert_eq!((state(10).deliveries, state(10).oldest), (2, Some(time(40))));
}
