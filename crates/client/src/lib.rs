//! The Layer client without Node.
//!
//! [`methods`] is the one table of the 30 methods. A call of one of them is a record ([`call`]): the arguments with
//! what its [`client`] adds, and later the HTTP request. [`lane`] is its way from a JavaScript thread to the engine's
//! and back, in packets and batches; there it is in flight (`flight`), over connections of [`transport`] or carried by
//! the caller ([`carrier`]), and tried again as [`retry`] says. [`options`], [`failure`] and [`refusal`] are the ground
//! floor. Nothing in here knows JavaScript: values arrive as text and leave as text.
#![forbid(unsafe_code)]

mod alert;
pub mod asker;
pub mod base_url;
pub mod call;
pub mod carrier;
pub mod client;
pub mod count;
pub mod failure;
mod flight;
mod head;
pub mod id;
pub mod lane;
pub mod methods;
pub mod options;
pub mod refusal;
pub mod retry;
mod text;
pub mod transport;

pub use text::Text;
