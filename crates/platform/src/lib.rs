//! The Layer platform: a server that speaks the Layer Server API, to be embedded in a program or run alone.
//!
//! Everything hangs on a [`Platform`]: its threads, its listener, its database. Nothing is global, and no signal is
//! handled here, so one process can run several. Requests pass `http` (every route on one page, `http::router`),
//! `service` (rules) and `layer_store` (what is kept), each knowing only the next.

#![forbid(unsafe_code)]

mod config;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod ground;
mod http;
mod outbound;
mod platform;
mod service;
mod tools;
pub mod upkeep;
mod work;

pub use ::http::Method;
pub use config::setting::InvalidSetting;
pub use config::{Config, LogFormat, LogOptions, RateLimit, SocketOptions, Tls, TlsFiles, WebhookOptions, args};
pub use ground::blobs::{BucketPlace, FilesLocation};
pub use ground::clock::Clock;
pub use ground::ids::IdSource;
pub use layer_store::token::Token;
pub use layer_store::{DataLocation, OpenError, StoreError};
pub use layer_wire::Timestamp;
pub use platform::{AdminAnswer, Console, Error, Platform, StartError};
pub use service::app::NewApp;
pub use service::delivery::{Attempt, Outcome};
pub use tracing::level_filters::LevelFilter;
