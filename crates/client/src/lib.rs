//! The Layer client without Node.
//!
//! [`methods`] is the one table of the 30 methods; [`client`] turns a call of one of them into an HTTP request;
//! [`packet`] holds such requests until they are handed over; [`engine`] carries them on a thread of its own and
//! collects what came of them; [`agent`] and its neighbours are the connections underneath. Nothing in here knows JavaScript: values arrive as text and leave as text.
#![forbid(unsafe_code)]

pub mod agent;
mod alert;
pub mod base_url;
pub mod caller;
mod ciphers;
pub mod client;
mod connection;
pub mod count;
pub mod engine;
mod exchange;
pub mod failure;
pub mod id;
pub mod methods;
pub mod packet;
mod proxy;
mod sessions;
mod tcp;
mod text;
mod tls;
mod verifier;
mod watched;

pub use text::Text;
