//! The engine on a server that `scripts/postgres.mjs` starts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says why it does nothing"
)]

mod contract;
mod feed;
mod server;
