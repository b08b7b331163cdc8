//! The platform as clients see it: every test starts a real one on a real socket. Most tests name a recorded fact of
//! the contract.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod admin;
mod announcement;
mod apps;
mod block;
#[cfg(unix)]
mod bucket;
mod client;
mod client_api;
mod client_content;
mod concurrency;
mod content;
mod conversation;
mod copy;
mod cors;
#[cfg(unix)]
mod crash;
mod dedupe;
mod deletion;
mod device;
#[cfg(target_os = "linux")]
mod disk;
mod docs;
mod errors;
mod export;
mod following;
mod identity;
mod isolation;
#[cfg(unix)]
mod kill;
mod lifecycle;
mod limits;
mod live_attack;
mod live_change;
mod live_client;
#[cfg(unix)]
mod live_crash;
mod live_isolation;
mod live_passing;
mod live_replay;
mod live_socket;
mod mark_all_read;
mod message;
mod model;
mod nats;
mod notification;
mod openapi;
mod operations;
mod overload;
mod overview;
mod paging;
mod parts;
mod patch;
mod pressure;
mod protocol;
mod proxy;
mod receipt;
mod receiver;
mod scheduled;
mod session;
mod several;
mod tls;
mod upkeep;
mod user;
mod user_view;
mod versions;
mod webhook;
mod webhook_address;
mod webhook_delivery;
mod webhook_event;
#[cfg(unix)]
mod webhook_restart;
