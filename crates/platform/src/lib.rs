//! The Layer platform: a server that speaks the Layer Server API, to be embedded in a program or run alone.
//!
//! Everything hangs on a [`Platform`]: its threads, its listener, its database. Nothing is global, and no signal is handled here, so
//! one process can run several. Requests pass `router` (every route on one page), `routes` (HTTP), `service` (rules) and `layer_store`
//! (what is kept), each knowing only the next.

#![forbid(unsafe_code)]

mod answer;
pub mod args;
mod clock;
mod config;
mod error;
mod extract;
mod files;
mod gate;
mod ids;
mod links;
mod memory;
mod openapi;
mod outbound;
mod platform;
mod render;
mod router;
mod routes;
mod server;
mod service;
mod stream;
mod task;
mod tls;
mod tools;
mod unread;
mod worker;

pub use clock::Clock;
pub use config::{Config, Tls, WebhookOptions};
pub use http::Method;
pub use ids::IdSource;
pub use layer_store::token::Token;
pub use layer_store::{DataLocation, OpenError, StoreError};
pub use layer_wire::Timestamp;
pub use platform::{AdminAnswer, Error, NewApp, Platform, StartError};
pub use service::delivery::{Attempt, Outcome};
