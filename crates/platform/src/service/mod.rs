//! The rules: who may do what, what is found again, what is refused. No HTTP, no SQL.
//!
//! A rule that depends on stored data runs inside the job that changes it: nothing can come between.

pub mod announcement;
pub mod app;
pub mod archive;
pub mod batch;
pub mod block;
mod cached;
pub mod caller;
pub mod client_api;
pub mod content;
pub mod conversation;
mod core;
pub mod dedupe;
pub mod deletion;
pub mod delivery;
pub mod event;
pub mod export;
pub mod failure;
pub mod following;
pub mod identity;
pub mod identity_provider;
pub mod identity_token;
pub mod live;
pub mod message;
pub mod named;
pub mod nonce;
pub mod notification;
pub mod overview;
pub mod part;
mod public_key;
pub mod push_token;
pub mod receipt;
pub mod schedule;
pub mod session;
pub mod shown;
pub mod snapshot;
pub mod upload;
pub mod user;
pub mod webhook;

use std::sync::Arc;

use layer_store::StoreError;
use layer_store::changes::Kinds;

use self::announcement::AnnouncementService;
use self::app::AppService;
use self::block::BlockService;
use self::cached::Cached;
use self::content::ContentService;
use self::conversation::ConversationService;
pub use self::core::Core;
use self::delivery::{DeliveryService, History};
use self::export::ExportService;
use self::following::FollowingService;
use self::identity::IdentityService;
use self::identity_provider::IdentityProviderService;
use self::live::LiveService;
use self::message::MessageService;
use self::notification::NotificationService;
use self::overview::OverviewService;
use self::part::PartService;
use self::push_token::PushTokenService;
use self::receipt::ReceiptService;
use self::session::SessionService;
use self::upload::UploadService;
use self::user::UserService;
use self::webhook::WebhookService;
use crate::config::{RateLimit, SocketOptions, WebhookOptions};
use crate::ground::blobs::unavailable;
use crate::ground::rate::Limiter;

/// The rules, by noun.
pub struct Services {
    /// What they all stand on.
    pub core: Arc<Core>,
    /// How often tokens may be used, if that is limited.
    pub limiter: Option<Limiter>,
    pub announcements: AnnouncementService,
    pub apps: AppService,
    pub blocks: BlockService,
    pub contents: ContentService,
    pub conversations: ConversationService,
    pub deliveries: DeliveryService,
    pub exports: ExportService,
    pub following: FollowingService,
    pub identities: IdentityService,
    pub live: LiveService,
    pub identity_providers: IdentityProviderService,
    pub messages: MessageService,
    pub notifications: NotificationService,
    pub overview: OverviewService,
    pub parts: PartService,
    pub push_tokens: PushTokenService,
    pub receipts: ReceiptService,
    pub sessions: SessionService,
    pub uploads: UploadService,
    pub users: UserService,
    pub webhooks: WebhookService,
}

impl Services {
    /// Puts the services together.
    pub fn new(
        core: Core,
        webhooks: WebhookOptions,
        sockets: SocketOptions,
        rate_limit: Option<RateLimit>,
        unlimited_exports: bool,
    ) -> Self {
        let shared = Arc::new(core);
        let core = || Arc::clone(&shared);
        let apps = AppService { core: core(), seen: Arc::new(Cached::new(&*shared.store, Kinds::APPS)) };
        let is_anyone_suspended = Cached::new(&*shared.store, Kinds::SUSPENSIONS);
        Self {
            core: core(),
            limiter: rate_limit.map(Limiter::new),
            announcements: AnnouncementService { core: core() },
            apps: apps.clone(),
            blocks: BlockService { core: core() },
            contents: ContentService { core: core(), apps: apps.clone() },
            conversations: ConversationService { core: core() },
            deliveries: DeliveryService { core: core(), history: History::default() },
            exports: ExportService::new(core(), unlimited_exports),
            following: FollowingService { core: core() },
            identities: IdentityService { core: core() },
            live: LiveService { core: core(), kept_for_ms: sockets.kept_for_ms() },
            identity_providers: IdentityProviderService { core: core(), apps: apps.clone() },
            messages: MessageService { core: core() },
            notifications: NotificationService,
            overview: OverviewService::new(core()),
            parts: PartService { core: core() },
            push_tokens: PushTokenService { core: core(), apps: apps.clone() },
            receipts: ReceiptService { core: core() },
            sessions: SessionService::new(core(), apps),
            uploads: UploadService { core: core() },
            users: UserService { core: core(), is_anyone_suspended },
            webhooks: WebhookService { core: core(), options: webhooks },
        }
    }

    /// Refuses what other platforms on the same database would not take part in. Blocks. Error: `Shared`.
    pub fn check_alone(&self) -> Result<(), StoreError> {
        self.core.store.check_alone()
    }

    /// Empties the store of all but the apps, their tokens and identity providers, and begins anew: ids, history,
    /// files. Blocks until that is durable.
    pub fn reset(&self) -> Result<(), StoreError> {
        let _turn = self.core.blob_turn.blocking_lock();
        self.core.store.reset()?;
        self.deliveries.history.disown();
        self.core.blobs.clear().map_err(|error| unavailable(&error))?;
        self.deliveries.history.clear();
        self.core.ids.restart();
        Ok(())
    }

    /// Everything that is stored, in one piece, in memory. Blocks. Error: `Unavailable` when the engine makes no
    /// copies.
    pub fn snapshot(&self) -> Result<Vec<u8>, StoreError> {
        snapshot::take(&*self.core.store, &*self.core.blobs, &self.core.ids)
    }

    /// Replaces everything by a snapshot. Blocks until that is durable.
    ///
    /// Error: `BadSnapshot` when it is none; nothing is changed then. `Unavailable` when the engine makes no copies.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let _turn = self.core.blob_turn.blocking_lock();
        snapshot::restore(&*self.core.store, &*self.core.blobs, &self.core.ids, bytes)?;
        self.deliveries.history.disown();
        self.contents.rename_files()?;
        Ok(())
    }
}
