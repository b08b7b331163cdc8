//! The engine on a server that `scripts/postgres.mjs` starts.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alone;
mod contract;
mod feed;
mod group;
