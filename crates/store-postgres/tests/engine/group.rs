//! What a batch writes, jobs that run one after the other write as well, row for row.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;

use layer_store::append::{Append, AppendRule};
use layer_store::changes::{Change, Kinds};
use layer_store::conversation::{ConversationChange, ConversationRecord, NewConversationRecord};
use layer_store::delivery::{EventBody, NewEvent};
use layer_store::held::Inserted;
use layer_store::key::AppKey;
use layer_store::message::NewMessageRecord;
use layer_store::receipt::{Receipt, ReceiptRule, Receivable};
use layer_store::webhook::Receiver as Listening;
use layer_store::{Reads, Rule, Store, StoreError, Writes};
use layer_store_postgres::testing::{Database, is_there};
use layer_wire::message::{RecipientStatus, Sender as Author, Status};
use layer_wire::part::{Part, PartBody};
use layer_wire::webhook::{NewWebhook, Secret, Status as WebhookStatus};
use layer_wire::{AppId, ConversationId, MessageId, Timestamp, UserId, Version, WebhookId};
use uuid::Uuid;

const USERS: [&str; 4] = ["a", "b", "c", "d"];
const CONVERSATIONS: u128 = 5;
/// The time of the log, which stands still.
const NOW: i64 = 1_700_000_000_000;

/// How long to wait for what must come. Only a test that has failed waits so long.
const PATIENCE: Duration = Duration::from_secs(240);

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn conversation_id(number: u128) -> ConversationId {
    ConversationId::new(Uuid::from_u128(100 + number))
}

fn time(ms: u128) -> Timestamp {
    Timestamp::from_ms(i64::try_from(ms).unwrap())
}

fn refused() -> StoreError {
    StoreError::Failed("refused".into())
}

/// What has the batch wait: it is planned while a test fills the queue behind it.
#[derive(Default)]
struct Gate(Option<(Sender<()>, Receiver<()>)>);

impl Gate {
    fn pass(&mut self) -> bool {
        let Some((here, go_on)) = self.0.take() else { return false };
        here.send(()).unwrap();
        go_on.recv().unwrap();
        true
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Planned,
    /// It has no plan, and is sent by a job.
    Run,
    /// It panics when it is asked for its plan.
    Panics,
}

struct Send {
    app: AppKey,
    conversation: u128,
    id: u128,
    sender: Option<&'static str>,
    listening: Vec<Listening>,
    kind: Kind,
    gate: Gate,
}

impl Send {
    fn message(&self, participants: &[UserId]) -> NewMessageRecord {
        let sender = self.sender.map_or(Author::Name("System".into()), |id| Author::User(user(id)));
        let uuid = Uuid::from_u128(self.id);
        NewMessageRecord {
            id: MessageId::new(uuid),
            sent_at: time(self.id),
            recipient_status: RecipientStatus::new(participants, &sender),
            sender,
            parts: vec![Part {
                id: Part::id_at(uuid, 0),
                mime_type: "text/plain".into(),
                body: PartBody::Bytes(format!("'{}' 🐙 \\N\t", self.id).into()),
                updated_at: None,
            }],
            hidden_from: vec![],
        }
    }

    fn events(&self) -> Vec<NewEvent> {
        let event = |receiver: &Listening| NewEvent {
            receiver: *receiver,
            id: Uuid::from_u128(self.id),
            name: "Message.created",
            at: time(self.id),
            body: EventBody { before: format!("{}:", self.id).into(), after: Some(b".".into()) },
        };
        self.listening.iter().map(event).collect()
    }
}

impl Rule for Send {
    type Done = Option<u32>;
    type Failure = StoreError;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<Option<u32>, StoreError> {
        let found = writes.hold_conversation(self.app, conversation_id(self.conversation))?;
        let mut conversation = found.filter(|found| !found.is_deleted).ok_or_else(refused)?;
        let new = self.message(&conversation.participants);
        let Inserted::Done(message) = writes.append_message(self.app, &mut conversation, new)? else {
            return Ok(None);
        };
        for event in self.events() {
            event.insert(writes, self.app, message.position)?;
        }
        Ok(Some(message.position))
    }
}

impl AppendRule for Send {
    fn conversation(&self) -> (AppKey, ConversationId) {
        (self.app, conversation_id(self.conversation))
    }

    fn plan(&mut self, reads: &dyn Reads, conversation: &ConversationRecord) -> Option<(Append, Option<u32>)> {
        if self.gate.pass() {
            return None;
        }
        assert!(self.kind != Kind::Panics, "a plan that panics");
        // What rules ask, so that there is a second round.
        let is_blocked = reads.has_block_between(self.app, &[user("a")], &[user("d")]).unwrap();
        let _ = reads.listeners(self.app).unwrap();
        let identity = reads.identity(self.app, &user("a")).unwrap();
        if self.kind == Kind::Run || conversation.is_deleted || !is_blocked || identity.is_none() {
            return None;
        }
        let new = self.message(&conversation.participants);
        Some((Append { revision: conversation.revision, new, events: self.events() }, None))
    }

    fn place(done: &mut Option<u32>, position: u32) {
        *done = Some(position);
    }
}

struct Give {
    receipt: Receipt,
    listening: Vec<Listening>,
    gate: Gate,
}

impl Give {
    fn events(&self, position: u32) -> Vec<NewEvent> {
        let event = |receiver: &Listening| NewEvent {
            receiver: *receiver,
            id: self.receipt.message.uuid(),
            name: "Message.read",
            at: time(1),
            body: EventBody { before: format!("{} {position}", self.receipt.user.as_str()).into(), after: None },
        };
        self.listening.iter().map(event).collect()
    }
}

impl Rule for Give {
    type Done = ();
    type Failure = StoreError;

    fn run(&mut self, writes: &mut dyn Writes) -> Result<(), StoreError> {
        let Receipt { app, user, message, status } = &self.receipt;
        let mut message = writes.hold_message(*app, *message)?.ok_or_else(refused)?;
        let conversation = writes.conversation(*app, message.conversation)?.ok_or_else(refused)?;
        let membership = writes.membership(*app, user, &conversation)?;
        membership.filter(|membership| membership.is_current()).ok_or_else(refused)?;
        if writes.raise_status(*app, user, &conversation, &mut message, *status)? {
            for event in self.events(message.position) {
                event.insert(writes, *app, message.position)?;
            }
        }
        Ok(())
    }
}

impl ReceiptRule for Give {
    fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    fn plan(&mut self, reads: &dyn Reads, of: Receivable<'_>) -> Option<Vec<NewEvent>> {
        if self.gate.pass() || !of.membership.is_current() {
            return None;
        }
        reads.identity(self.receipt.app, &self.receipt.user).unwrap();
        Some(if of.is_raised { self.events(of.message.position) } else { vec![] })
    }
}

/// A platform's store with an app, whose log is kept, which has a webhook, and users some of whom block others.
struct Stage {
    store: Arc<dyn Store>,
    app: AppKey,
    listening: Vec<Listening>,
    database: Database,
}

impl Stage {
    fn new() -> Self {
        let database = Database::with_schema();
        let now = Arc::new(|| Timestamp::from_ms(NOW));
        let store = layer_store_postgres::open_with(&database.url(), &(now as _), None).unwrap();
        let (app, webhook) = store
            .write_blocking(|writes| {
                let app = writes.insert_app(AppId::new(Uuid::from_u128(1)), None, time(1))?;
                let id = WebhookId::new(Uuid::from_u128(2));
                let new = NewWebhook {
                    version: Version::V3_0,
                    target_url: "https://example.com".into(),
                    events: vec![],
                    secret: Secret::new("secret".into()),
                    config: serde_json::Map::new(),
                };
                writes.insert_webhook(app, id, time(1), &new)?;
                let mut webhook = writes.hold_webhook(app, id)?.unwrap();
                writes.set_webhook_status(&mut webhook, WebhookStatus::Active)?;
                for number in 0..CONVERSATIONS {
                    let new = NewConversationRecord {
                        id: conversation_id(number),
                        created_at: time(number),
                        participants: USERS.map(user).to_vec(),
                        is_distinct: false,
                        metadata: serde_json::Map::new(),
                    };
                    assert!(matches!(writes.insert_conversation(app, new)?, Inserted::Done(_)));
                }
                writes.block(app, &user("d"), &user("a"))?;
                let fields = layer_wire::identity::Fields::trusted(serde_json::Map::new());
                assert!(matches!(writes.insert_identity(app, &user("a"), &fields)?, Inserted::Done(())));
                writes.keep_log(app, &user("a"), Timestamp::from_ms(NOW + 1))?;
                Ok::<_, StoreError>((app, webhook.key))
            })
            .unwrap();
        let listening = vec![Listening::Webhook(webhook), Listening::Export];
        Self { store, app, listening, database }
    }

    fn send(&self, conversation: u128, id: u128, sender: Option<&'static str>, kind: Kind) -> Send {
        let listening = if id.is_multiple_of(3) { self.listening.clone() } else { vec![] };
        Send { app: self.app, conversation, id, sender, listening, kind, gate: Gate::default() }
    }

    fn receipt(&self, of: &str, message: u128, status: Status) -> Give {
        let receipt =
            Receipt { app: self.app, user: user(of), message: MessageId::new(Uuid::from_u128(message)), status };
        Give { receipt, listening: self.listening.clone(), gate: Gate::default() }
    }

    /// Runs rules one after the other, each as a job.
    fn run_each<R>(&self, rules: Vec<R>) -> Vec<Result<R::Done, StoreError>>
    where
        R: Rule<Failure = StoreError> + 'static,
        R::Done: 'static,
    {
        rules.into_iter().map(|mut rule| self.store.write_blocking(move |writes| rule.run(writes))).collect()
    }

    /// Has them wait in the queue until all of them are there: until then, each thread that could take one is held at
    /// a gate.
    fn together<R, T: 'static>(
        &self,
        threads: usize,
        gate: impl Fn(Gate) -> R,
        rules: Vec<R>,
        enqueue: fn(Arc<dyn Store>, R) -> Outcome<T>,
    ) -> Vec<Result<T, StoreError>> {
        let start = |rule| {
            let mut outcome = enqueue(Arc::clone(&self.store), rule);
            assert!(outcome.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            outcome
        };
        let gates: Vec<_> = (0..threads)
            .map(|_| {
                let ((here, is_here), (go_on, may_go_on)) = (channel(), channel());
                let outcome = start(gate(Gate(Some((here, may_go_on)))));
                is_here.recv_timeout(PATIENCE).unwrap();
                (outcome, go_on)
            })
            .collect();
        let outcomes: Vec<_> = rules.into_iter().map(start).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let wait = |outcome| runtime.block_on(async { tokio::time::timeout(PATIENCE, outcome).await.unwrap() });
        for (outcome, go_on) in gates {
            go_on.send(()).unwrap();
            drop(wait(outcome));
        }
        outcomes.into_iter().map(wait).collect()
    }

    fn send_together(&self, sends: Vec<Send>) -> Vec<Result<Option<u32>, StoreError>> {
        // It sends nothing: its id is that of a conversation.
        let gate = |gate| Send { gate, ..self.send(0, 100, None, Kind::Run) };
        self.together(2, gate, sends, |store, rule| Box::pin(async move { store.append(rule).await }))
    }

    fn give_together(&self, receipts: Vec<Give>) -> Vec<Result<(), StoreError>> {
        // It raises nothing: the sender has read its message.
        let gate = |gate| Give { gate, ..self.receipt("a", FIRST, Status::Read) };
        self.together(1, gate, receipts, |store, rule| Box::pin(async move { store.give_receipt(rule).await }))
    }

    fn change(&self, work: impl Fn(&mut dyn Writes, AppKey) -> Result<(), StoreError> + std::marker::Send + 'static) {
        let app = self.app;
        self.store.write_blocking(move |writes| work(writes, app)).unwrap();
    }

    /// Commits, by how many writes they had: more than one in the second number.
    fn commits(&self) -> (u64, u64) {
        let batches = self.store.state().batches;
        (batches[0], batches[1..].iter().sum())
    }

    /// All rows.
    fn rows(&self) -> BTreeSet<String> {
        let copy = self.store.images().unwrap().snapshot().unwrap();
        let mut table = String::new();
        let mut rows = BTreeSet::new();
        for line in String::from_utf8(copy).unwrap().lines() {
            // Each table begins with its name and its length.
            let is_name = line.split_once(' ').is_some_and(|(name, length)| {
                length.parse::<usize>().is_ok() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
            });
            if is_name {
                line.split_once(' ').unwrap().0.clone_into(&mut table);
            } else {
                assert!(rows.insert(format!("{table}: {line}")) || line.is_empty(), "{table}: {line}");
            }
        }
        rows
    }

    fn close(self) {
        self.store.close().unwrap();
        drop(self.database);
    }
}

type Outcome<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>>>>;

/// The first message, which is sent by a job.
const FIRST: u128 = 1000;

/// Sends and gives receipts in batches, and by jobs elsewhere.
fn compare(seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (group, jobs) = (Stage::new(), Stage::new());
    let mut next = FIRST;
    let first = |stage: &Stage| stage.run_each(vec![stage.send(0, FIRST, Some("a"), Kind::Run)]);
    assert_eq!(first(&group), first(&jobs));
    for wave in 0..8 {
        let mut sends = vec![];
        for _ in 0..rng.u32(2..30) {
            next += 1;
            // Names alone send, and users who are no participants, as bots may.
            let sender = *rng.choice(&[Some("a"), Some("a"), Some("b"), Some("e"), None]).unwrap();
            sends.push((rng.u128(1..CONVERSATIONS), next, sender, Kind::Planned));
        }
        // What is not done by the batch comes last: so it does with jobs.
        next += 1;
        sends.push(match wave % 4 {
            0 => (1, sends[0].1, Some("b"), Kind::Planned),
            1 => (0, next, Some("b"), Kind::Planned),
            2 => (2, next, Some("b"), Kind::Run),
            _ => (9, next, Some("b"), Kind::Planned),
        });
        let rules = |stage: &Stage| sends.iter().map(|send| stage.send(send.0, send.1, send.2, send.3)).collect();
        let (sent, expected) = (group.send_together(rules(&group)), jobs.run_each(rules(&jobs)));
        assert_eq!(sent, expected, "seed {seed}, wave {wave}");

        let receipts: Vec<_> = (0..rng.u32(1..40))
            .map(|_| {
                // Some are of nobody's, or about no message.
                let of = *rng.choice(&["a", "b", "c", "d"]).unwrap();
                let status = *rng.choice(&[Status::Delivered, Status::Read]).unwrap();
                (of, rng.u128(FIRST..=next), status)
            })
            .collect();
        let rules = |stage: &Stage| receipts.iter().map(|(of, id, status)| stage.receipt(of, *id, *status)).collect();
        let (given, expected) = (group.give_together(rules(&group)), jobs.run_each(rules(&jobs)));
        assert_eq!(given, expected, "seed {seed}, wave {wave}");

        for stage in [&group, &jobs] {
            stage.change(move |writes, app| {
                let mut conversation = writes.hold_conversation(app, conversation_id(3))?.unwrap();
                let mut change = ConversationChange::from(&*conversation);
                change.participants.retain(|participant| *participant != user("c"));
                if wave % 2 == 0 {
                    change.participants.push(user("c"));
                }
                writes.change_conversation(app, &mut conversation, change)?;
                // The next send brings it back.
                let conversation = writes.hold_conversation(app, conversation_id(0))?.unwrap();
                writes.delete_conversation_of(app, &user("c"), &conversation)
            });
        }
    }
    let (rows, expected) = (group.rows(), jobs.rows());
    let differing = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> Vec<String> {
        these.difference(those).cloned().collect()
    };
    assert_eq!((differing(&rows, &expected), differing(&expected, &rows)), (vec![], vec![]), "seed {seed}");
    for table in ["messages", "webhook_deliveries", "export_events", "log"] {
        assert!(rows.iter().any(|row| row.starts_with(&format!("{table}: "))), "{table}");
    }
    let (_, gathered) = group.commits();
    assert!(gathered >= 8, "{gathered} batches");
    assert_eq!(jobs.commits().1, 0);
    group.close();
    jobs.close();
}

#[test]
fn batches_write_what_jobs_write() {
    if !is_there() {
        return;
    }
    for seed in 0..4 {
        compare(seed);
    }
}

#[test]
fn what_fails_in_a_batch_fails_alone() {
    if !is_there() {
        return;
    }
    let stage = Stage::new();
    let changes = stage.store.changes(Kinds::MESSAGES);
    let mut sends: Vec<_> = (0..6).map(|id| stage.send(1, FIRST + id, Some("a"), Kind::Planned)).collect();
    sends[1].kind = Kind::Panics;
    sends[2].conversation = 77;
    sends[4].id = FIRST;
    let sent = stage.send_together(sends);
    let expected = [Ok(Some(1)), Err(StoreError::Lost), Err(refused()), Ok(Some(2)), Ok(None), Ok(Some(3))];
    assert_eq!(sent, expected);
    let told: Vec<_> = std::iter::from_fn(|| changes.try_next())
        .map(|change| if let Change::Message { position, .. } = change { position } else { 0 })
        .collect();
    assert_eq!(told, [1, 2, 3]);
    stage.close();
}

/// The server refuses the text of one message: the batch is undone, and each runs by itself.
#[test]
fn what_the_server_refuses_of_a_batch_fails_alone() {
    if !is_there() {
        return;
    }
    let stage = Stage::new();
    stage.database.run("ALTER TABLE layer.messages ADD CONSTRAINT refused CHECK (sent_at <> 1002)");
    let sends = (0..5).map(|id| stage.send(1, FIRST + id, Some("a"), Kind::Planned)).collect();
    let sent = stage.send_together(sends);
    assert!(matches!(&sent[2], Err(StoreError::Failed(reason)) if reason.contains("23514")), "{sent:?}");
    let mut positions: Vec<_> = sent.into_iter().filter_map(|sent| sent.ok().flatten()).collect();
    positions.sort_unstable();
    assert_eq!(positions, [1, 2, 3, 4]);
    stage.close();
}
