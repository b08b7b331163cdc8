//! Every worker panics once, is started again, and does what was given to it meanwhile.

use std::time::{Duration, Instant};

use layer_wire::content::{NewContent, UploadRange};
use layer_wire::conversation::NewConversation;
use layer_wire::message::{NewMessage, Sender};
use layer_wire::page::Page;
use layer_wire::webhook::{NewWebhook, Status};
use layer_wire::{ConversationId, ExportId, Timestamp, Version, WebhookId};

use super::*;
use crate::config::WebhookOptions;
use crate::service::caller::{Api, Caller};
use crate::service::conversation::Created;
use crate::service::dedupe::Creation;
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

/// What a worker was given.
enum Task {
    Message(ConversationId),
    Files,
    Export(ExportId),
    Webhook(WebhookId),
}

impl Stage {
    fn new() -> Self {
        let config = Config {
            frozen_at: Some(Timestamp::from_ms(0)),
            webhooks: WebhookOptions { allow_private_addresses: true, allow_http: true, ..WebhookOptions::default() },
            ..Config::default()
        };
        let platform = Platform::start(config).unwrap();
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
        let request = NewConversation::parse(br#"{"participants":["a"]}"#, Version::V1_0).unwrap();
        let created = self.wait(self.services().conversations.create(self.caller, None, request)).0;
        let Created::Plain(Creation::Done(conversation)) = created else { panic!("{created:?}") };
        conversation.id
    }

    /// A message that is due at once.
    fn schedule_message(&self) -> Task {
        let conversation = self.conversation();
        let delay = Some(Duration::from_secs(60));
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
        let mut upload = self.wait(uploads.begin(key, content, UploadRange::Whole, Some(2)));
        self.wait(upload.write(b"hi"));
        self.wait(uploads.end(upload));
        assert_eq!(self.services().core.files().all().unwrap().len(), 1);
        self.wait(self.services().conversations.delete(key, conversation));
        Task::Files
    }

    fn request_export(&self) -> Task {
        self.wait(self.services().exports.set_key(self.caller.key, PUBLIC_KEY.into()));
        Task::Export(self.wait(self.services().exports.request(self.caller)).id)
    }

    /// A webhook to a port that nobody listens on.
    fn register_webhook(&self) -> Task {
        let request = br#"{"version":"1.0","target_url":"http://127.0.0.1:9/","events":["message.sent"],"secret":"s"}"#;
        let request = NewWebhook::parse(request, true).unwrap();
        Task::Webhook(self.wait(self.services().webhooks.register(self.caller.key, request)).id)
    }

    fn is_done(&self, task: &Task) -> bool {
        let (services, key) = (self.services(), self.caller.key);
        match *task {
            Task::Message(conversation) => {
                let page = Page { size: 10, from: None };
                self.wait(services.messages.page(self.caller, conversation, page)).0.items.len() == 1
            }
            Task::Files => services.core.files().all().unwrap().is_empty(),
            Task::Export(id) => self.wait(services.exports.find(key, id)).archive.is_some(),
            Task::Webhook(id) => self.wait(services.webhooks.find(key, id)).status != Status::Unverified,
        }
    }
}

#[test]
fn every_worker_that_panics_is_started_again_and_does_what_it_was_given() {
    type Give = fn(&Stage) -> Task;
    let given: [(&str, Give); 4] = [
        ("scheduled messages", Stage::schedule_message),
        ("files", Stage::leave_file),
        ("exports", Stage::request_export),
        ("webhooks", Stage::register_webhook),
    ];
    assert_eq!(given.map(|(worker, _)| worker).as_slice(), work::names(), "a worker is missing here");

    // Each on a platform of its own, and all at once: the pause before a restart is the longest part of it.
    let under_way = given.map(|(worker, give)| {
        let stage = Stage::new();
        failpoint::arm(stage.services().core.public_url(), worker);
        let task = give(&stage);
        (worker, stage, task)
    });
    let give_up = Instant::now() + Duration::from_secs(240);
    for (worker, stage, task) in under_way {
        while !stage.is_done(&task) {
            assert!(Instant::now() < give_up, "the worker for {worker} did nothing");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(
            !failpoint::is_armed(stage.services().core.public_url(), worker),
            "the worker for {worker} never panicked"
        );
    }
}
