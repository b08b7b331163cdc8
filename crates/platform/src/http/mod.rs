//! HTTP: what comes in over a socket, what is asked, and how it is answered. Rules are in `service`.

pub mod answer;
pub mod client;
pub mod cors;
pub mod error;
pub mod extract;
pub mod gate;
pub mod intake;
pub mod live;
pub mod observe;
mod openapi;
pub mod render;
pub mod request_id;
pub mod router;
pub mod routes;
pub mod server;
pub mod stream;
pub mod tls;
mod unread;
