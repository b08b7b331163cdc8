//! The wire contract of the Layer Server API: ids, versions, errors, Layer Patch and the JSON of requests and answers.
//!
//! Nothing here does I/O. The client and the platform both speak this crate, so a rule of the contract is written down
//! once. "Contract n.m" in a comment names a section of the reconstructed contract; `(assumed)` marks a guess that
//! fills a hole in it.

#![forbid(unsafe_code)]

pub mod announcement;
pub mod app;
pub mod block_list;
pub mod body;
pub mod client_api;
pub mod content;
pub mod conversation;
pub mod error;
pub mod event;
pub mod export;
pub mod id;
pub mod identity;
pub mod json;
mod member;
pub mod message;
pub mod metadata;
pub mod notification;
pub mod page;
pub mod part;
pub mod patch;
pub mod percent;
pub mod receipt;
pub mod schedule;
pub mod signed;
pub mod timestamp;
pub mod url;
pub mod user;
pub mod version;
pub mod view;
pub mod webhook;

pub use error::{ApiError, ErrorKind};
pub use id::{AnnouncementId, AppId, ContentId, ConversationId, ExportId, MessageId, PartId, UserId, WebhookId};
pub use timestamp::Timestamp;
pub use version::Version;
pub use view::View;
