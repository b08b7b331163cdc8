//! What becomes of a deleted app and of all that it had.

use std::sync::Arc;

use layer_wire::client_api::push_token::{PushNetwork, PushToken};
use layer_wire::content::NewContent;
use layer_wire::export::{ExportKind, Interval, NewSchedule};
use layer_wire::identity::Fields;
use layer_wire::message::Sender;
use layer_wire::webhook::{NewWebhook, Secret};
use layer_wire::{AnnouncementId, AppId, ContentId, ExportId, MessageId, Version, WebhookId};

use super::{Case, Fixture, hold, hold_message, insert_app, inserted, object, part, time, user, users, uuid};
use crate::announcement::AnnouncementRecord;
use crate::changes::{Change, Changes, Kinds};
use crate::delivery::NewDelivery;
use crate::export::{ExportRecord, ExportSettings};
use crate::file::FileName;
use crate::key::AppKey;
use crate::overview::AppCounts;
use crate::scheduled_message::ScheduledMessageRecord;
use crate::token::TokenHash;
use crate::{Store, StoreError, Writes};

pub const CASES: &[Case] = &[
    ("a deleted app is gone at once, and all that it had little by little", a_deleted_app),
    ("the key of a deleted app is not given again", keys),
];

const SESSION: &str = "the token of a session";

/// A job of the list below.
type Work = Box<dyn FnMut(&mut dyn Writes) -> Result<(), StoreError> + Send>;

/// Gives an app something of everything that an app can have. Its ids begin with `number`.
///
/// # Panics
///
/// When the store fails.
#[expect(clippy::too_many_lines, reason = "one of everything is a long list")]
pub fn fill(store: &dyn Store, app: AppKey, number: u128) {
    // One job for each, as rules have it: what one says is there for the next.
    let write = |mut work: Work| {
        store.write_blocking(move |writes| work(writes)).unwrap();
    };
    let id = move |index: u128| uuid(number * 1000 + index);
    let fixture_id = move |index: u128| number * 1000 + index;
    write(Box::new(move |writes| {
        writes.keep_log(app, &user("a"), time(i64::MAX / 2))?;
        writes.set_session_ttl(app, 60)?;
        writes.insert_session(
            app,
            &user("a"),
            &TokenHash::of(&format!("{SESSION} {number}")),
            time(0),
            time(i64::MAX),
        )?;
        writes.put_identity(app, &user("a"), &Fields::trusted(object("n", 2)))?;
        writes.block(app, &user("a"), &user("b"))?;
        writes.follow(app, &user("b"), &user("c"))?;
        writes.set_external_unread_count(app, &user("b"), 3)?;
        writes.set_suspended(app, &user("c"), true)?;
        let token = PushToken {
            device_id: "d".into(),
            network: PushNetwork::Gcm,
            token: "t".into(),
            apns_bundle_id: None,
            gcm_sender_id: None,
            ios_version: None,
        };
        writes.put_push_token(app, &user("a"), &token, 5)?;
        writes.insert_identity_provider(app, id(900), time(0))?;
        writes.insert_identity_key(app, id(900), id(901), b"key", time(0))?;
        Ok(())
    }));
    write(Box::new(move |writes| {
        let webhook = NewWebhook {
            version: Version::V1_0,
            target_url: "https://example.com".into(),
            events: vec![],
            secret: Secret::new("s".into()),
            config: layer_wire::body::Object::new(),
        };
        writes.insert_webhook(app, WebhookId::new(id(800)), time(0), &webhook)?;
        let webhook = writes.webhook(app, WebhookId::new(id(800)))?.unwrap().key;
        for event in [801, 802, 803] {
            writes.insert_delivery(&NewDelivery {
                webhook,
                event: id(event),
                request: id(event + 10),
                event_type: "Message.created",
                body: b"{}"[..].into(),
                due_at: time(i64::MAX),
            })?;
        }
        let mut held = writes.hold_export_settings(app)?;
        let settings = ExportSettings {
            public_key: Some("key".into()),
            schedule: NewSchedule { interval: Interval::Daily, events: vec![] },
            next_export_at: Some(time(i64::MAX)),
            ..ExportSettings::default()
        };
        writes.put_export_settings(app, &mut held, settings)?;
        writes.insert_export_event(app, b"{}", 10)?;
        writes.insert_export(&ExportRecord {
            id: ExportId::new(id(700)),
            app: AppId::new(uuid(number)),
            app_key: app,
            kind: ExportKind::Historical,
            version: Version::V2_0,
            public_key: "key".into(),
            created_at: time(5),
            started_at: None,
            archive: None,
        })
    }));
    for conversation in [100, 200] {
        write(Box::new(move |writes| {
            let new = super::new_conversation(fixture_id(conversation), &["a", "b", "c"]);
            let mut held = inserted(writes.insert_conversation(app, new)?)?;
            let content = NewContent { mime_type: "a/b".into(), size: 3, origin: None };
            writes.insert_content(app, &held, ContentId::new(id(conversation + 90)), &content, time(0))?;
            writes.insert_content_of_user(app, &user("b"), ContentId::new(id(conversation + 91)), &content, time(0))?;
            for message in 1..=5 {
                let new = super::new_message(fixture_id(conversation + message), "a", &held.participants);
                inserted(writes.append_message(app, &mut held, new)?)?;
            }
            let scheduled = ScheduledMessageRecord {
                id: MessageId::new(id(conversation + 80)),
                conversation: held.id,
                due_at: time(i64::MAX),
                typing_at: None,
                sender: Sender::User(user("a")),
                parts: vec![part(1, 0, "x")],
            };
            inserted(writes.insert_scheduled_message(app, &held, &scheduled)?)?;
            let message = hold_message(writes, app, fixture_id(conversation + 1))?;
            writes.delete_message(app, &mut held, &message)?;
            let message = hold_message(writes, app, fixture_id(conversation + 2))?;
            writes.delete_message_of(app, &user("b"), &held, &message)?;
            let announcement = AnnouncementRecord {
                id: AnnouncementId::new(id(conversation + 70)),
                sent_at: time(0),
                recipients: users(&["a", "b", "d"]),
                sender: Sender::Name("Concierge".into()),
                parts: vec![part(2, 0, "x")],
            };
            inserted(writes.insert_announcement(app, &announcement)?)?;
            Ok(())
        }));
    }
    // One that is deleted, and one that a member left and another one deleted for itself.
    write(Box::new(move |writes| {
        let held = inserted(writes.insert_conversation(app, super::new_conversation(fixture_id(300), &["a", "e"]))?)?;
        writes.delete_conversation(app, &held)?;
        let held = hold(writes, app, fixture_id(200))?;
        writes.delete_conversation_of(app, &user("a"), &held)
    }));
}

/// How often a store has to be asked for a removal to be over, and what it tells meanwhile.
fn purge(fixture: &Fixture, limit: usize) -> usize {
    let mut rounds = 1;
    while !fixture.write(move |writes, _| writes.purge_deleted_apps(limit)) {
        rounds += 1;
        assert!(rounds < 10_000, "the removal does not come to an end");
    }
    rounds
}

fn told(changes: &Changes) -> Vec<Change> {
    std::iter::from_fn(|| changes.try_next()).collect()
}

fn a_deleted_app(fixture: &Fixture) {
    let other = Fixture { store: Arc::clone(&fixture.store), app: insert_app(&*fixture.store, 2) };
    let third = insert_app(&*fixture.store, 3);
    fill(&*fixture.store, fixture.app, 1);
    fill(&*fixture.store, other.app, 2);
    let before = other.find(2100);
    let session = |number: u128| TokenHash::of(&format!("{SESSION} {number}"));
    assert!(fixture.read(move |reads, _| reads.session(&session(1))).is_some());

    let changes = fixture.store.changes(Kinds::APPS);
    let id = AppId::new(uuid(1));
    assert!(!fixture.write(|writes, _| writes.delete_app(AppId::new(uuid(9)))));
    assert!(fixture.write(move |writes, _| writes.delete_app(id)));
    assert!(!fixture.write(move |writes, _| writes.delete_app(id)));
    assert_eq!(told(&changes), [Change::App(id)]);
    assert!(fixture.read(move |reads, _| reads.app(id)).is_none());
    assert!(fixture.read(move |reads, _| reads.session(&session(1))).is_none());
    let listed = fixture.read(|reads, _| reads.app_ids());
    assert_eq!(listed, [(other.app, AppId::new(uuid(2))), (third, AppId::new(uuid(3)))]);

    // So few at a time that it ends in the middle of everything.
    assert!(purge(fixture, 2) > 20);
    assert_eq!(told(&changes), [Change::App(id)]);
    assert_eq!(fixture.read(|reads, app| reads.app_counts(app)), AppCounts::default());
    assert_eq!(fixture.read(|reads, app| reads.id_use(app, uuid(1100))), None);
    assert!(fixture.read(|reads, app| reads.webhooks(app)).is_empty());
    let mut files = fixture.read(|reads, _| reads.unused_files(100));
    files.sort();
    let content = |index: u128| FileName::content(id, ContentId::new(uuid(index))).to_string();
    let export = ExportId::new(uuid(1700));
    let mut expected: Vec<_> = [1190, 1191, 1290, 1291].map(content).into();
    expected.extend([FileName::draft(id, export), FileName::archive(id, export)].map(|name| name.to_string()));
    expected.sort();
    assert_eq!(files, expected);
    // Nothing is left to be done, and nothing of it to be told.
    assert_eq!(purge(fixture, 2), 1);
    assert_eq!(told(&changes), []);

    // The other one has what it had.
    assert_eq!(other.find(2100), before);
    assert_eq!(other.read(|reads, app| reads.app_counts(app)), AppCounts { conversations: 2, messages: 8, users: 5 });
    assert!(fixture.read(move |reads, _| reads.session(&session(2))).is_some());
    assert_eq!(other.read(|reads, app| reads.block_list(app, &user("a"))), [user("b")]);
    assert!(other.read(|reads, app| reads.content(app, ContentId::new(uuid(2190)))).is_some());
}

fn keys(fixture: &Fixture) {
    let newest = insert_app(&*fixture.store, 2);
    fixture.conversation(10, &["a"]);
    for (id, key) in [(2, newest), (1, fixture.app)] {
        fixture.write(move |writes, _| writes.delete_app(AppId::new(uuid(id))));
        purge(fixture, 100);
        let next = insert_app(&*fixture.store, id + 10);
        assert!(next != key && next != newest, "{next:?}");
        assert!(fixture.write(move |writes, _| writes.delete_app(AppId::new(uuid(id + 10)))));
        purge(fixture, 100);
    }
    assert!(fixture.read(|reads, _| reads.app_ids()).is_empty());
}
