//! What rules and workers do although they are interrupted: a worker panics, a job is undone and run again.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use layer_store::contract::again::Again;
use layer_store::contract::planned::Planned;
use layer_store::log::Place;
use layer_store::{Reads, Writes};
use layer_wire::content::{NewContent, UploadRange};
use layer_wire::conversation::{ConversationPatch, NewConversation};
use layer_wire::message::{NewMessage, Sender, Status as MessageStatus};
use layer_wire::page::Page;
use layer_wire::schedule::Delay;
use layer_wire::webhook::{NewWebhook, Status};
use layer_wire::{ConversationId, ExportId, MessageId, Timestamp, UserId, Version, WebhookId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::config::WebhookOptions;
use crate::service::caller::{Api, Caller};
use crate::service::content::LinkedContent;
use crate::service::conversation::Created;
use crate::service::dedupe::Creation;
use crate::service::message::Accepted;
use crate::work::failpoint;

/// Of 1024 bits. Nobody has its private key.
const PUBLIC_KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCt0zm3/J+pBkWRbHIRUdXP+U6nYjomWvB9uhNWO+Si4jkP0A7eil1cijn9\
                          BbdMFO35M8DC2aZDrB3qU6GD/LiU8pkJ0xd/lkzLVtCYzpSs2x6+bU5Wd0PXuLJnCkF+nXXpm8Nbq1bQwdl2LIOMbFqF23hr\
                          lfnL0tKZmMYQRi3hkQIDAQAB";

/// A platform with an app, called past HTTP.
struct Stage {
    platform: Platform,
    runtime: Runtime,
    caller: Caller,
}

type InFront = fn(Arc<dyn Store>) -> Arc<dyn Store>;

/// What a worker was given.
enum Task {
    Message(ConversationId),
    Files,
    App(ConversationId),
    Log,
    Export(ExportId),
    Webhook(WebhookId),
}

impl Stage {
    /// With something in front of the store.
    fn new(in_front: InFront) -> Self {
        let config = Config {
            frozen_at: Some(Timestamp::from_ms(0)),
            webhooks: WebhookOptions { allow_private_addresses: true, allow_http: true, ..WebhookOptions::default() },
            ..Config::default()
        };
        let platform = Platform::start_on(config, in_front).unwrap();
        let app = platform.create_app().unwrap().app_id;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let key = runtime.block_on(platform.services.apps.find(app)).unwrap().unwrap().key;
        Self { platform, runtime, caller: Caller { app, key, version: Version::V1_0, api: Api::Server } }
    }

    fn services(&self) -> &Services {
        &self.platform.services
    }

    fn wait<T, E: fmt::Debug>(&self, work: impl Future<Output = Result<T, E>>) -> T {
        self.runtime.block_on(work).unwrap()
    }

    fn conversation(&self) -> ConversationId {
        self.created(None, br#"{"participants":["a","b"]}"#)
    }

    fn created(&self, tag: Option<Uuid>, request: &[u8]) -> ConversationId {
        let request = NewConversation::parse(request, Version::V1_0).unwrap();
        match self.wait(self.services().conversations.create(self.caller, tag, request)).0 {
            Created::Plain(Creation::Done(conversation)) | Created::Existing(conversation) => conversation.id,
            other => panic!("{other:?}"),
        }
    }

    /// Sends messages, as a batch if there are several, and tells their positions.
    fn send(&self, conversation: ConversationId, tag: u128, count: usize) -> Vec<u32> {
        let new = NewMessage { sender: Sender::User(user("a")), parts: vec![], delay: None };
        let (messages, tag) = (&self.services().messages, Some(Uuid::from_u128(tag)));
        let accepted = if count == 1 {
            match self.wait(messages.send(self.caller, conversation, tag, new)).0 {
                Creation::Done(accepted) => vec![accepted],
                Creation::IdInUse(by) => panic!("{by:?}"),
            }
        } else {
            match self.wait(messages.send_batch(self.caller, conversation, tag, vec![new; count])).0 {
                Creation::Done(accepted) => accepted,
                Creation::IdInUse(by) => panic!("{by:?}"),
            }
        };
        let position = |accepted: Accepted| match accepted {
            Accepted::Sent(message) => message.position,
            Accepted::Scheduled(scheduled) => panic!("{scheduled:?}"),
        };
        accepted.into_iter().map(position).collect()
    }

    /// An active webhook that cannot be reached.
    fn activate_webhook(&self) {
        let id = self.registered("3.0", "Message.created");
        let app = self.caller.key;
        wait_until("the challenge", || self.is_done(&Task::Webhook(id)));
        let activate = move |writes: &mut dyn Writes| {
            let mut webhook = writes.hold_webhook(app, id)?.unwrap();
            writes.set_webhook_status(&mut webhook, Status::Active)
        };
        self.platform.store.write_blocking::<_, StoreError>(activate).unwrap();
    }

    /// A message that is due at once.
    fn schedule_message(&self) -> Task {
        let conversation = self.conversation();
        let delay = Some(Delay { after: Duration::from_secs(60), typing: Duration::ZERO });
        let request = NewMessage { sender: Sender::Name("x".into()), parts: vec![], delay };
        self.wait(self.services().messages.send(self.caller, conversation, None, request));
        self.platform.clock().advance(60_000);
        Task::Message(conversation)
    }

    /// A file of a conversation that is deleted.
    fn leave_file(&self) -> Task {
        let (conversation, key) = (self.conversation(), self.caller.key);
        let new = NewContent { mime_type: "text/plain".into(), size: 2, origin: None };
        let content = self.wait(self.services().contents.create(key, conversation, new));
        let uploads = &self.services().uploads;
        let linked = LinkedContent { app: self.caller.app, key, content };
        let mut upload = self.wait(uploads.begin(linked, UploadRange::Whole, Some(2)));
        self.wait(upload.write(b"hi"));
        self.wait(uploads.end(upload));
        assert_eq!(self.services().core.blobs().list().unwrap().len(), 1);
        self.wait(self.services().conversations.delete(key, conversation));
        Task::Files
    }

    /// A conversation of an app that is deleted.
    fn delete_app(&self) -> Task {
        let task = Task::App(self.conversation());
        assert!(!self.is_done(&task));
        self.wait(self.services().apps.delete(self.caller.app));
        task
    }

    /// An entry of the log of changes, long ago.
    fn outlive_log(&self) -> Task {
        let app = self.caller.key;
        let keep = move |writes: &mut dyn Writes| writes.keep_log(app, &user("a"), Timestamp::from_ms(i64::MAX >> 10));
        self.platform.store.write_blocking::<_, StoreError>(keep).unwrap();
        self.conversation();
        assert!(!self.is_done(&Task::Log));
        self.platform.clock().advance(1000 * 24 * 3_600_000);
        Task::Log
    }

    fn request_export(&self) -> Task {
        self.wait(self.services().exports.set_key(self.caller.key, PUBLIC_KEY.into()));
        Task::Export(self.wait(self.services().exports.request(self.caller)).id)
    }

    /// A webhook to a port that nobody listens on.
    fn register_webhook(&self) -> Task {
        Task::Webhook(self.registered("1.0", "message.sent"))
    }

    fn registered(&self, version: &str, event: &str) -> WebhookId {
        let request = json!({
            "version": version, "target_url": "http://127.0.0.1:9/", "events": [event], "secret": "s"
        });
        let request = NewWebhook::parse(request.to_string().as_bytes(), true).unwrap();
        self.wait(self.services().webhooks.register(self.caller.key, request)).id
    }

    fn is_done(&self, task: &Task) -> bool {
        let (services, key) = (self.services(), self.caller.key);
        match *task {
            Task::Message(conversation) => {
                let page = Page { size: 10, from: None };
                self.wait(services.messages.page(self.caller, conversation, page, |found| found)).0.items.len() == 1
            }
            Task::App(conversation) => {
                let of_conversation = move |reads: &dyn Reads| reads.id_use(key, conversation.uuid());
                self.wait(self.platform.store.read::<_, StoreError>(of_conversation)).is_none()
            }
            Task::Log => {
                let first = |reads: &dyn Reads| reads.log_after(Place::START, 1).map(|page| page.records);
                self.wait(self.platform.store.read::<_, StoreError>(first)).is_empty()
            }
            Task::Files => services.core.blobs().list().unwrap().is_empty(),
            Task::Export(id) => self.wait(services.exports.find(key, id)).archive.is_some(),
            Task::Webhook(id) => self.wait(services.webhooks.find(key, id)).status != Status::Unverified,
        }
    }
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(240);
    while !is_so() {
        assert!(Instant::now() < give_up, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

#[test]
fn every_worker_that_panics_is_started_again_and_does_what_it_was_given() {
    type Give = fn(&Stage) -> Task;
    let given: [(&str, Give); 6] = [
        ("scheduled messages", Stage::schedule_message),
        ("files", Stage::leave_file),
        ("deleted apps", Stage::delete_app),
        ("the log of changes", Stage::outlive_log),
        ("exports", Stage::request_export),
        ("webhooks", Stage::register_webhook),
    ];
    assert_eq!(given.map(|(worker, _)| worker).as_slice(), work::names(), "a worker is missing here");

    // Each on a platform of its own, and all at once: the pause before a restart is the longest part of it.
    let under_way = given.map(|(worker, give)| {
        let stage = Stage::new(|store| store);
        failpoint::arm(stage.services().core.public_url(), worker);
        let task = give(&stage);
        (worker, stage, task)
    });
    for (worker, stage, task) in under_way {
        wait_until(worker, || stage.is_done(&task));
        assert!(
            !failpoint::is_armed(stage.services().core.public_url(), worker),
            "the worker for {worker} never panicked"
        );
    }
}

/// The second run of a job finds nothing of the first, so positions, counts, replays and events are as after one.
#[test]
fn a_rule_whose_job_is_undone_and_run_again_leaves_the_right_result() {
    leaves_the_right_result(|store| Again::new(store));
}

/// What a plan appends or gives is what its rule would have.
#[test]
fn a_rule_that_is_planned_leaves_the_right_result() {
    leaves_the_right_result(|store| Planned::new(store));
}

fn leaves_the_right_result(in_front: InFront) {
    let stage = Stage::new(in_front);
    let (services, caller) = (stage.services(), stage.caller);
    let tag = Some(Uuid::from_u128(7));
    let conversation = stage.created(tag, br#"{"participants":["a","b"],"distinct":true}"#);
    assert_eq!(stage.created(tag, br#"{"participants":["a","b"],"distinct":true}"#), conversation);
    assert_eq!(stage.created(None, br#"{"participants":["b","a"],"distinct":true}"#), conversation);
    stage.activate_webhook();

    for (tag, count, positions) in
        [(100, 1, vec![1]), (200, 3, vec![2, 3, 4]), (100, 1, vec![1]), (200, 3, vec![2, 3, 4])]
    {
        assert_eq!(stage.send(conversation, tag, count), positions, "{tag}");
    }
    let unread = || stage.wait(services.users.unread_counts(caller.key, user("b"))).messages;
    assert_eq!(unread(), 4);
    let first = MessageId::new(Uuid::from_u128(100));
    stage.wait(services.receipts.give(caller.key, user("b"), first, MessageStatus::Read));
    assert_eq!(unread(), 3);
    assert_eq!(stage.wait(services.receipts.mark_all_read(caller.key, user("b"), conversation, None)), 4);
    assert_eq!(unread(), 0);
    stage.wait(services.messages.delete(caller.key, conversation, first));
    let add = br#"[{"operation":"add","property":"participants","value":"c"}]"#;
    let add = ConversationPatch::parse(add, Version::V1_0).unwrap();
    stage.wait(services.conversations.edit(caller.key, conversation, add));

    let found = stage.wait(services.conversations.find(caller, conversation)).0;
    assert_eq!((found.message_count, found.last_position), (3, 4));
    assert_eq!(found.participants, ["a", "b", "c"].map(user));
    wait_until("an attempt for each message", || services.deliveries.latest().len() >= 4);
    let attempts = services.deliveries.latest();
    let events: HashSet<Uuid> = attempts.iter().map(|attempt| attempt.event).collect();
    assert_eq!((events.len(), attempts.iter().filter(|attempt| attempt.number == 1).count()), (4, 4));
    let position = |attempt: &Attempt| {
        let body: Value = serde_json::from_slice(&attempt.body).unwrap();
        body["message"]["position"].as_u64().unwrap()
    };
    let told: BTreeSet<u64> = attempts.iter().map(position).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
    for give in [Stage::schedule_message, Stage::leave_file, Stage::request_export] {
        let task = give(&stage);
        wait_until("a worker", || stage.is_done(&task));
    }
}
