//! TLS sessions to be resumed.

use std::sync::{Arc, OnceLock};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls_pki_types::ServerName;

/// Sessions of an agent, at most so many; 0 keeps none.
pub fn of_at_most(count: usize) -> Resumption {
    match count {
        0 => Resumption::disabled(),
        most => Resumption::store(Arc::new(Sessions { most, cache: OnceLock::new() })),
    }
}

/// A cache that is made when there is something to keep: rustls takes room for all sessions at once, some 30 KB, and
/// most agents connect to one server, or to none with TLS.
#[derive(Debug)]
struct Sessions {
    most: usize,
    cache: OnceLock<ClientSessionMemoryCache>,
}

impl Sessions {
    fn to_write(&self) -> &ClientSessionMemoryCache {
        self.cache.get_or_init(|| ClientSessionMemoryCache::new(self.most))
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.to_write().set_kx_hint(server_name, group);
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.cache.get()?.kx_hint(server_name)
    }

    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.to_write().set_tls12_session(server_name, value);
    }

    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.cache.get()?.tls12_session(server_name)
    }

    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        if let Some(cache) = self.cache.get() {
            cache.remove_tls12_session(server_name);
        }
    }

    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.to_write().insert_tls13_ticket(server_name, value);
    }

    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.cache.get()?.take_tls13_ticket(server_name)
    }
}
