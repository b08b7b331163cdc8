//! The addon: what of the client and the platform JavaScript sees. N-API only; no HTTP, no SQL, no rules.
//!
//! [`resources`] is the way of all calls; `lib/` adds what N-API cannot express.

pub mod agent;
pub mod asker;
pub mod bell;
mod carrier;
pub mod channel;
pub mod client;
#[cfg(feature = "counting")]
pub mod count;
pub mod js_text;
pub mod platform;
pub mod resources;

use napi_derive::napi;

/// Version of the addon: that of the package it was built for.
#[napi]
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
