//! From a request to a reply: connections, TLS, HTTP.
//!
//! `exchange` is the one way in. `pool` keeps connections and limits, `connection` opens one, over `tcp` and `tls`; the
//! timeout is that of `watched`. `proxy` is the way through a proxy, `marks` are for who watches. Nothing in here knows
//! methods or tickets.

mod ciphers;
pub(crate) mod connection;
pub(crate) mod exchange;
pub(crate) mod marks;
pub mod pool;
mod proxy;
pub(crate) mod reply;
mod sessions;
mod tcp;
mod tls;
mod verifier;
mod watched;
