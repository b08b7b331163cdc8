//! The engine at its edges: batches with failing jobs, failing commits, full queues.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};

use layer_store::announcement::{AnnouncementReads as _, AnnouncementRecord};
use layer_store::app::{AppWrites as _, TokenRecord};
use layer_store::block::BlockReads as _;
use layer_store::changes::{Change, Changes, Feed, Kinds};
use layer_store::clock::machine_time;
use layer_store::content::ContentReads as _;
use layer_store::conversation::{ConversationChange, ConversationRecord, NewConversationRecord};
use layer_store::export::ExportReads as _;
use layer_store::file::{FileName, RenamedFile};
use layer_store::held::{Held, Inserted};
use layer_store::key::AppKey;
use layer_store::message::{MessageReads as _, NewMessageRecord};
use layer_store::token::TokenHash;
use layer_store::upkeep::Findings;
use layer_store::{Counts, DataLocation, Store, StoreError, WriteJob, Writes};
use layer_wire::message::{RecipientStatus, Sender};
use layer_wire::part::{Part, PartBody};
use layer_wire::{AnnouncementId, AppId, ContentId, ConversationId, ExportId, MessageId, Timestamp, UserId};
use uuid::Uuid;

use super::writer::{self, Job};
use super::{Session, open};

const APP: AppKey = AppKey::from_number(1);

type Work = Box<dyn FnMut(&mut dyn Writes) -> Result<(), StoreError> + Send>;

/// A job that reports what became of it.
struct Reporting {
    work: Work,
    outcome: Option<Result<(), StoreError>>,
    reports: Arc<Mutex<Vec<Result<(), StoreError>>>>,
}

impl WriteJob for Reporting {
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        self.outcome = None;
        self.outcome = Some((self.work)(writes));
        self.outcome == Some(Ok(()))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Lost));
        self.reports.lock().unwrap().push(committed.and(outcome));
    }
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn block(blocked: &'static str) -> Work {
    Box::new(move |writes| writes.block(APP, &user("owner"), &user(blocked)))
}

fn announce(id: u128) -> Work {
    Box::new(move |writes| {
        let announcement = AnnouncementRecord {
            id: AnnouncementId::new(Uuid::from_u128(id)),
            sent_at: Timestamp::from_ms(0),
            recipients: vec![user("a")],
            sender: Sender::Name("x".into()),
            parts: vec![],
        };
        assert_eq!(writes.insert_announcement(APP, &announcement)?, Inserted::Done(()));
        Ok(())
    })
}

/// Runs the works as one batch on a fresh database that was prepared with some SQL, then returns what was reported and
/// who is blocked in the end.
fn run_batch(prepare: &str, works: Vec<Work>) -> (Vec<Result<(), StoreError>>, Vec<String>) {
    let (reports, blocked, _) = run_batch_and_listen(prepare, works);
    (reports, blocked)
}

/// The same, with what was told of block lists and announcements.
fn run_batch_and_listen(prepare: &str, works: Vec<Work>) -> (Vec<Result<(), StoreError>>, Vec<String>, Changes) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let connection = open::open_writer(&DataLocation::File(path.clone())).unwrap();
    let app = AppId::new(Uuid::from_u128(1));
    Session::of_reader(&connection).insert_app(app, None, Timestamp::from_ms(0)).unwrap();
    connection.execute_batch(prepare).unwrap();
    let reports = Arc::new(Mutex::new(vec![]));
    let (jobs, receiver) = crossbeam_channel::unbounded();
    for work in works {
        let job = Reporting { work, outcome: None, reports: Arc::clone(&reports) };
        jobs.send(Job::Write(Box::new(job))).unwrap();
    }
    drop(jobs);
    let feed = Arc::new(Feed::default());
    let changes = feed.subscribe(Kinds::BLOCK_LISTS | Kinds::ANNOUNCEMENTS);
    writer::run(connection, None, &receiver, &feed, &Counts::default(), Arc::new(machine_time)).unwrap();
    let reader = open::open_reader(&path).unwrap();
    let blocked = Session::of_reader(&reader).block_list(APP, &user("owner")).unwrap();
    let mut blocked: Vec<_> = blocked.iter().map(ToString::to_string).collect();
    blocked.sort();
    let reports = reports.lock().unwrap().clone();
    (reports, blocked, changes)
}

/// A file of the first release: schema 1, parts in format 1.
#[test]
fn a_file_of_the_first_release_is_opened_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let message = MessageId::new(Uuid::from_u128(0x0c4b_e7a2_51f8_4c0e_9a35_2f1f_6ce1_d001));
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../migrations/001_initial.sql")).unwrap();
    old.execute_batch(
        r#"PRAGMA application_id = 0x4C415952;
           PRAGMA user_version = 1;
           INSERT INTO apps VALUES (1, zeroblob(16), 0);
           INSERT INTO conversations (app, uuid, created_at, active_at, participants, metadata, message_count, last_position)
           VALUES (1, zeroblob(16), 5, 6, '["maria"]', '{}', 1, 1);
           INSERT INTO messages VALUES (4294967297, 1, X'0c4be7a251f84c0e9a352f1f6ce1d001', 6, 'maria', NULL,
               X'0102050000006d61726961', X'0103000000612f62020000004869'); -- maria: read; a/b: Hi
           INSERT INTO announcements VALUES (3, 1, X'00000000000000000000000000000007', 7, '["jon"]', 'Concierge',
               X'0103000000612f62020000004869');"#,
    )
    .unwrap();
    drop(old);

    let connection = open::open_writer(&DataLocation::File(path)).unwrap();
    let read = Session::of_reader(&connection).message(APP, message).unwrap().unwrap();
    let part = |owner: Uuid| Part {
        id: Part::id_at(owner, 0),
        mime_type: "a/b".into(),
        body: PartBody::Bytes(b"Hi".into()),
        updated_at: None,
    };
    assert_eq!((read.updated_at, read.sender), (None, Sender::User(user("maria"))));
    assert_eq!(read.parts, [part(message.uuid())]);
    let id = AnnouncementId::new(Uuid::from_u128(7));
    let read = Session::of_reader(&connection).announcement(APP, id).unwrap().unwrap();
    assert_eq!((read.sent_at.as_ms(), read.recipients), (7, vec![user("jon")]));
    assert_eq!((read.sender, read.parts), (Sender::Name("Concierge".into()), vec![part(id.uuid())]));
}

/// A file of schema 9: an outbox in the order of the sender, webhooks under names that are sent no more. Contract 6.3
/// and 6.5.
#[test]
fn webhooks_of_earlier_releases_keep_what_waits_and_are_told_under_the_new_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    for migration in &open::MIGRATIONS[..9] {
        old.execute_batch(migration).unwrap();
    }
    old.execute_batch(
        r#"PRAGMA application_id = 0x4C415952;
           PRAGMA user_version = 9;
           INSERT INTO apps (key, uuid, created_at) VALUES (1, zeroblob(16), 0);
           INSERT INTO webhooks (key, app, uuid, created_at, version, target_url, events, secret, config, status) VALUES
           (1, 1, X'00000000000000000000000000000001', 0, '3.0', 'https://h',
            '["Message.created","Conversation.updated.participants","Conversation.updated.metadata","Conversation.updated","Own.name"]',
            's', '{}', 'active'),
           (2, 1, X'00000000000000000000000000000002', 0, '1.0', 'https://h',
            '["conversation.updated.participants","conversation.updated.metadata"]', 's', '{}', 'active'),
           (3, 1, X'00000000000000000000000000000003', 0, '2.0', 'https://h', '["Message.created"]', 's', '{}', 'active');
           INSERT INTO webhook_deliveries (key, webhook, event, request, event_type, body, failed_attempts, due_at) VALUES
           (1, 2, zeroblob(16), X'00000000000000000000000000000009', 'message.sent',
            CAST('{"event":{},"recipient_status":{"maria":"sent","200":"read","9":"sent"},"config":{"n":1.0}}' AS BLOB), 2, 5),
           (2, 2, zeroblob(16), zeroblob(16), 'message.sent', X'7B', 0, 6);"#,
    )
    .unwrap();
    drop(old);

    let connection = open::open_writer(&DataLocation::File(path)).unwrap();
    let events = |webhook: i64| -> String {
        connection.query_row("SELECT events FROM webhooks WHERE key = ?1", [webhook], |row| row.get(0)).unwrap()
    };
    let expected =
        r#"["Message.created","Participation.created","Conversation.updated","Own.name","Participation.deleted"]"#;
    assert_eq!(events(1), expected);
    assert_eq!(events(2), r#"["conversation.updated.participants","conversation.updated.metadata"]"#);
    assert_eq!(events(3), r#"["Message.created"]"#);
    let deliveries: Vec<(Vec<u8>, Vec<u8>, u32)> = connection
        .prepare("SELECT body, request, failed_attempts FROM webhook_deliveries ORDER BY key")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = r#"{"event":{},"recipient_status":{"9":"sent","200":"read","maria":"sent"},"config":{"n":1}}"#;
    assert_eq!(String::from_utf8_lossy(&deliveries[0].0), expected);
    assert_eq!((deliveries[0].1.last(), deliveries[0].2), (Some(&9), 2));
    // What is no JSON stays as it is.
    assert_eq!(deliveries[1].0, b"{");
}

/// A file of schema 10: an export that waits has the events up to its key, and somebody worked on a delivery.
#[test]
fn exports_of_earlier_releases_keep_their_events_and_others_wait_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    for migration in &open::MIGRATIONS[..10] {
        old.execute_batch(migration).unwrap();
    }
    old.execute_batch(
        "PRAGMA application_id = 0x4C415952;
         PRAGMA user_version = 10;
         INSERT INTO apps (key, uuid, created_at) VALUES (1, zeroblob(16), 0);
         INSERT INTO exports (app, uuid, is_scheduled, version, public_key, created_at, last_event)
         VALUES (1, X'00000000000000000000000000000007', 1, '1.0', 'k', 0, 2);
         INSERT INTO export_events (app, body) VALUES (1, X'61'), (1, X'62'), (1, X'63');",
    )
    .unwrap();
    drop(old);

    let connection = open::open_writer(&DataLocation::File(path)).unwrap();
    let session = Session::of_reader(&connection);
    let export = ExportId::new(Uuid::from_u128(7));
    let events = session.export_events(APP, export, None, 10).unwrap();
    assert_eq!(events.iter().map(|(_, body)| body.as_slice()).collect::<Vec<_>>(), [b"a", b"b"]);
    let waiting: i64 =
        connection.query_row("SELECT count(*) FROM export_events WHERE export IS NULL", [], |row| row.get(0)).unwrap();
    assert_eq!(waiting, 1);
    assert_eq!(session.exports(APP).unwrap()[0].id, export);
}

/// A file of schema 13: bytes of rich content and an archive, named by the number of their app.
#[test]
fn files_of_earlier_releases_are_renamed_by_the_id_of_their_app() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    for migration in &open::MIGRATIONS[..13] {
        old.execute_batch(migration).unwrap();
    }
    old.execute_batch(
        "PRAGMA application_id = 0x4C415952;
         PRAGMA user_version = 13;
         INSERT INTO apps (key, uuid, created_at) VALUES (7, X'0AF00000000000000000000000000001', 0);
         INSERT INTO conversations (key, app, uuid, created_at, active_at, participants, metadata)
         VALUES (1, 7, zeroblob(16), 0, 0, '[]', '{}');
         INSERT INTO contents (app, uuid, conversation, mime_type, size, created_at)
         VALUES (7, X'00000000000000000000000000000002', 1, 'a/b', 1, 0);
         INSERT INTO exports (app, uuid, is_scheduled, version, public_key, created_at)
         VALUES (7, X'00000000000000000000000000000003', 0, '1.0', 'k', 0);",
    )
    .unwrap();
    drop(old);

    let connection = open::open_writer(&DataLocation::File(path)).unwrap();
    let app = AppId::new(Uuid::from_u128(0x0AF0_0000_0000_0000_0000_0000_0000_0001));
    let (content, export) = (ContentId::new(Uuid::from_u128(2)), ExportId::new(Uuid::from_u128(3)));
    let id = |number: u128| Uuid::from_u128(number);
    let expected = [
        (format!("content-7-{}", id(2)), FileName::content(app, content)),
        (format!("export-7-{}.json", id(3)), FileName::draft(app, export)),
        (format!("export-7-{}.tar.gz.enc", id(3)), FileName::archive(app, export)),
    ];
    let expected = expected.map(|(old, new)| RenamedFile { old, new: new.to_string() });
    assert_eq!(Session::of_reader(&connection).renamed_files(10).unwrap(), expected);
    // It stays content of its conversation, which the application uploaded.
    let kept = Session::of_reader(&connection).content(AppKey::from_number(7), content).unwrap().unwrap();
    assert_eq!((kept.conversation.map(ConversationId::uuid), kept.uploader), (Some(Uuid::nil()), None));
}

/// The file belongs to one process at a time, so nobody is left who could work on what was claimed.
/// How many rows each table has, but for what belongs to no app.
fn row_counts(path: &std::path::Path) -> Vec<(String, i64)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        .unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let of_no_app = ["secrets", "used_nonces", "nonce_key", "unused_files", "renamed_files"];
    let count = |name: String| {
        let rows = connection.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0)).unwrap();
        (name, rows)
    };
    names.into_iter().filter(|name| !of_no_app.contains(&name.as_str())).map(count).collect()
}

#[test]
fn nothing_of_a_deleted_app_is_left_in_any_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let store = open(&DataLocation::File(path.clone())).unwrap();
    let insert = |number: u128| -> AppKey {
        let id = AppId::new(Uuid::from_u128(number));
        let app = store.write_blocking(move |writes| writes.insert_app(id, None, Timestamp::from_ms(0))).unwrap();
        let token = TokenRecord {
            id: Uuid::from_u128(number),
            hash: TokenHash::of("x"),
            name: None,
            created_at: Timestamp::from_ms(0),
            expires_at: None,
            used_at: None,
        };
        store.write_blocking::<_, StoreError>(move |writes| writes.insert_token(app, &token)).unwrap();
        layer_store::contract::fill(&*store, app, number);
        app
    };
    insert(1);
    let one = row_counts(&path);
    let missing: Vec<_> = one.iter().filter(|(_, rows)| *rows == 0).collect();
    assert!(missing.is_empty(), "tables of which an app has no row here, so that nothing is shown: {missing:?}");
    insert(2);
    let id = AppId::new(Uuid::from_u128(1));
    store.write_blocking::<_, StoreError>(move |writes| writes.delete_app(id)).unwrap();
    while !store.write_blocking::<_, StoreError>(|writes| writes.purge_deleted_apps(7)).unwrap() {}
    assert_eq!(row_counts(&path), one);
}

#[test]
fn claims_end_with_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let connection = open::open_writer(&DataLocation::File(path.clone())).unwrap();
    connection
        .execute_batch(
            "INSERT INTO apps (key, uuid, created_at) VALUES (1, zeroblob(16), 0);
             INSERT INTO exports (app, uuid, is_scheduled, version, public_key, created_at, claim, claimed_until)
             VALUES (1, zeroblob(16), 0, '1.0', 'k', 0, zeroblob(16), 9223372036854775807);",
        )
        .unwrap();
    drop(connection);
    let connection = open::open_writer(&DataLocation::File(path)).unwrap();
    let claimed: i64 =
        connection.query_row("SELECT count(*) FROM exports WHERE claim IS NOT NULL", [], |row| row.get(0)).unwrap();
    assert_eq!(claimed, 0);
}

#[test]
fn a_failing_job_undoes_itself_and_nothing_else() {
    let fail_after_writing: Work = Box::new(|writes| {
        writes.block(APP, &user("owner"), &user("undone"))?;
        Err(StoreError::Failed("on purpose".into()))
    });
    let (reports, blocked) = run_batch("", vec![block("a"), fail_after_writing, block("b")]);
    assert_eq!(reports, [Ok(()), Err(StoreError::Failed("on purpose".into())), Ok(())]);
    assert_eq!(blocked, ["a", "b"]);
}

#[test]
fn a_job_that_breaks_a_constraint_undoes_itself_and_nothing_else() {
    let prepare = "CREATE TRIGGER fuse BEFORE INSERT ON announcements WHEN EXISTS (SELECT 1 FROM announcements)
                   BEGIN SELECT RAISE(ABORT, 'on purpose'); END;";
    let (reports, blocked) = run_batch(prepare, vec![block("a"), announce(7), announce(8), block("b")]);
    assert!(matches!(reports[..], [Ok(()), Ok(()), Err(StoreError::Failed(_)), Ok(())]), "{reports:?}");
    assert_eq!(blocked, ["a", "b"]);
}

#[test]
fn what_was_committed_is_told_in_order_and_what_was_undone_is_not() {
    let fail: Work = Box::new(|writes| {
        writes.block(APP, &user("undone"), &user("a"))?;
        Err(StoreError::Failed("on purpose".into()))
    });
    let panic: Work = Box::new(|writes| {
        writes.block(APP, &user("undone"), &user("a"))?;
        panic!("on purpose")
    });
    let (_, _, changes) = run_batch_and_listen("", vec![block("a"), fail, panic, announce(7)]);
    let told: Vec<_> = std::iter::from_fn(|| changes.try_next()).collect();
    assert!(
        matches!(&told[..], [Change::BlockList { user, .. }, Change::Announcement { .. }] if user.as_str() == "owner")
    );

    let (_, _, changes) = run_batch_and_listen(COMMIT_FAILS_AFTER_AN_ANNOUNCEMENT, vec![block("a"), announce(7)]);
    assert_eq!(changes.try_next(), None);
}

#[test]
fn a_panicking_job_undoes_itself_and_the_writer_goes_on() {
    let panic_after_writing: Work = Box::new(|writes| {
        writes.block(APP, &user("owner"), &user("undone"))?;
        panic!("on purpose")
    });
    let (reports, blocked) = run_batch("", vec![block("a"), panic_after_writing, block("b")]);
    assert_eq!(reports, [Ok(()), Err(StoreError::Lost), Ok(())]);
    assert_eq!(blocked, ["a", "b"]);
}

/// A deferred foreign key makes the commit fail, not the statement.
const COMMIT_FAILS_AFTER_AN_ANNOUNCEMENT: &str = "
    CREATE TABLE bomb (app INTEGER REFERENCES apps (key) DEFERRABLE INITIALLY DEFERRED);
    CREATE TRIGGER fuse AFTER INSERT ON announcements BEGIN INSERT INTO bomb VALUES (999); END;";

#[test]
fn after_a_failed_commit_every_job_hears_of_it_and_nothing_is_left() {
    let (reports, blocked) = run_batch(COMMIT_FAILS_AFTER_AN_ANNOUNCEMENT, vec![block("a"), announce(7), block("b")]);
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|report| matches!(report, Err(StoreError::Failed(_)))), "{reports:?}");
    assert_eq!(blocked, [""; 0]);
}

#[test]
fn the_batch_after_a_failed_commit_is_as_good_as_any() {
    let mut works = vec![announce(7)];
    // One batch takes 256 jobs, so the last of these comes in a later one.
    works.extend((0..256).map(|_| block("lost or kept")));
    let (reports, blocked) = run_batch(COMMIT_FAILS_AFTER_AN_ANNOUNCEMENT, works);
    assert!(reports[..256].iter().all(Result::is_err));
    assert_eq!(reports[256], Ok(()));
    assert_eq!(blocked, ["lost or kept"]);
}

/// When the whole transaction is rolled back under the jobs, as on a full disk, none of them is acknowledged.
#[test]
fn a_transaction_that_is_rolled_back_midway_acknowledges_nothing() {
    let prepare = "CREATE TRIGGER fuse AFTER INSERT ON announcements BEGIN SELECT RAISE(ROLLBACK, 'on purpose'); END;";
    let (reports, blocked) = run_batch(prepare, vec![block("a"), announce(7), block("b")]);
    assert!(matches!(reports[..], [Err(_), Err(_), Ok(())]), "{reports:?}");
    assert_eq!(blocked, ["b"]);
}

/// Keeps the writer busy until the sender is dropped.
fn stall(store: &dyn Store) -> (std::sync::mpsc::SyncSender<()>, Receiver<Result<(), StoreError>>) {
    let (release, released) = sync_channel::<()>(0);
    let (running, is_running) = sync_channel(1);
    let (done, outcome) = sync_channel(1);
    let work = move |_: &mut dyn Writes| {
        running.send(()).unwrap();
        let _ = released.recv();
        Ok(())
    };
    store.submit_write(work, move |result: Result<(), StoreError>| done.send(result).unwrap()).unwrap();
    is_running.recv().unwrap();
    (release, outcome)
}

#[test]
fn a_full_queue_refuses_work_instead_of_growing() {
    let store = super::open(&DataLocation::Memory).unwrap();
    let (release, outcome) = stall(store.as_ref());
    let submit = || store.submit_write(|_| Ok::<_, StoreError>(()), |_| {});
    for _ in 0..super::WRITE_QUEUE_LENGTH {
        assert_eq!(submit(), Ok(()));
    }
    assert_eq!(submit(), Err(StoreError::Busy));
    drop(release);
    assert_eq!(outcome.recv().unwrap(), Ok(()));
    assert_eq!(store.write_blocking(|_| Ok::<_, StoreError>(7)), Ok(7));
}

#[test]
fn closing_finishes_what_waits_and_refuses_what_comes_later() {
    let store = super::open(&DataLocation::Memory).unwrap();
    let (release, outcome) = stall(store.as_ref());
    let (done, waiting) = sync_channel(1);
    store.submit_write(|_| Ok::<_, StoreError>(()), move |result| done.send(result).unwrap()).unwrap();
    drop(release);
    assert_eq!(store.close(), Ok(()));
    assert_eq!(outcome.recv().unwrap(), Ok(()));
    assert_eq!(waiting.recv().unwrap(), Ok(()));
    assert_eq!(store.write_blocking(|_| Ok::<_, StoreError>(())), Err(StoreError::Closed));
    assert_eq!(store.close(), Ok(()));
}

/// Two threads write without a pause while two read, so that there is no moment at which nobody uses the log.
#[test]
fn the_log_begins_anew_while_writes_and_reads_never_pause() {
    const LOG_PAGES: usize = 200;
    const WRITES: usize = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let data = DataLocation::File(folder.path().join("layer.db"));
    let store = super::open_with_log(&data, LOG_PAGES).unwrap();
    let app = AppId::new(Uuid::from_u128(1));
    store.write_blocking(move |writes| writes.insert_app(app, None, Timestamp::from_ms(0))).unwrap();
    let blocked = |owner: &str| {
        let (sender, list) = sync_channel(1);
        let owner = user(owner);
        store.submit_read(move |reads| reads.block_list(APP, &owner), move |list| sender.send(list).unwrap()).unwrap();
        list.recv().unwrap().unwrap().len()
    };
    let is_over = AtomicBool::new(false);
    let longest = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    blocked("nobody");
                }
            });
        }
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    let mut longest = 0;
                    for turn in 0..WRITES {
                        let other = user(&format!("{writer} {turn}"));
                        store.write_blocking(move |writes| writes.block(APP, &user("owner"), &other)).unwrap();
                        longest = longest.max(store.state().log_bytes);
                    }
                    longest
                })
            })
            .collect();
        let longest = writers.into_iter().map(|writer| writer.join().unwrap()).max().unwrap();
        is_over.store(true, Ordering::Relaxed);
        longest
    });
    // Each write is some pages of 4 KiB: without checkpoints the log would be as long as all of them.
    assert!(longest < WRITES as u64 * 4096, "{longest}");
    assert_eq!(blocked("owner"), 2 * WRITES);
    store.close().unwrap();
}

#[test]
fn what_waits_and_what_was_committed_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&DataLocation::File(folder.path().join("a.db"))).unwrap();
    let before = store.state();
    let (release, outcome) = stall(store.as_ref());
    let (done, waiting) = sync_channel(3);
    for _ in 0..3 {
        let done = done.clone();
        store.submit_write(|_| Ok::<_, StoreError>(()), move |result| done.send(result).unwrap()).unwrap();
    }
    assert_eq!(store.state().waiting_writes, 3);
    drop(release);
    assert_eq!(outcome.recv().unwrap(), Ok(()));
    for _ in 0..3 {
        assert_eq!(waiting.recv().unwrap(), Ok(()));
    }
    let after = store.state();
    assert_eq!((after.waiting_writes, after.committed_writes - before.committed_writes), (0, 4));
    // They waited while the first one ran, so that all were committed with it: more than two, and up to four.
    assert_eq!((after.batches[2] - before.batches[2], after.failed_commits), (1, 0));
    assert!(after.database_bytes > 0 && after.log_bytes > 0, "{after:?}");
    store.close().unwrap();
    assert_eq!(store.state().waiting_writes, 0);
}

#[test]
fn the_contract_of_stores_holds_for_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    layer_store::contract::run(|| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        super::open(&DataLocation::File(folder.path().join(format!("{number}.db")))).unwrap()
    });
    // Whatever was done to them, they are whole.
    for number in 0..count.into_inner() {
        let looked = super::open_beside(&folder.path().join(format!("{number}.db"))).unwrap();
        assert_eq!(looked.check(false, &mut |_| {}).unwrap(), Findings::default(), "{number}");
    }
}

#[test]
fn the_contract_of_stores_holds_in_memory() {
    layer_store::contract::run(|| super::open(&DataLocation::Memory).unwrap());
}

#[test]
fn counters_are_right_for_one_who_deleted_what_it_had_left_and_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let store = super::open(&DataLocation::File(path.clone())).unwrap();
    let (app, id) = (AppId::new(Uuid::from_u128(1)), ConversationId::new(Uuid::from_u128(10)));
    let both = vec![user("a"), user("b")];
    let work = move |writes: &mut dyn Writes| {
        writes.insert_app(app, None, Timestamp::from_ms(0))?;
        let new = NewConversationRecord {
            id,
            created_at: Timestamp::from_ms(0),
            participants: both.clone(),
            is_distinct: false,
            metadata: layer_wire::body::Object::new(),
        };
        let Inserted::Done(mut conversation) = writes.insert_conversation(APP, new)? else { panic!("it is taken") };
        let send = |writes: &mut dyn Writes, number: u128, conversation: &mut Held<ConversationRecord>| {
            let sender = Sender::User(user("a"));
            let new = NewMessageRecord {
                id: MessageId::new(Uuid::from_u128(number)),
                sent_at: Timestamp::from_ms(1),
                recipient_status: RecipientStatus::new(&conversation.participants, &sender),
                sender,
                parts: vec![],
                hidden_from: vec![],
            };
            writes.append_message(APP, conversation, new).map(drop)
        };
        send(writes, 11, &mut conversation)?;
        let with = |participants, conversation: &ConversationRecord| ConversationChange {
            participants,
            ..conversation.into()
        };
        let change = with(vec![user("a")], &conversation);
        writes.change_conversation(APP, &mut conversation, change)?;
        send(writes, 12, &mut conversation)?;
        writes.delete_conversation_of(APP, &user("b"), &conversation)?;
        let change = with(both.clone(), &conversation);
        writes.change_conversation(APP, &mut conversation, change)?;
        send(writes, 13, &mut conversation)
    };
    store.write_blocking(work).unwrap();
    store.close().unwrap();
    let found = super::open_beside(&path).unwrap().check(false, &mut |_| {}).unwrap();
    assert_eq!(found, Findings::default());
}
