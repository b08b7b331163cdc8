//! Hands out what is new to those who listen, in the order of the log.

use std::sync::Arc;

use layer_store::StoreError;
use layer_store::changes::{Change, Kinds};
use layer_store::key::AppKey;
use layer_store::log::Place;
use layer_wire::view::Identities;
use layer_wire::{Timestamp, UserId};
use tokio::sync::watch;

use super::delayed;
use super::elsewhere;
use super::hub::{Closing, Hub, Mailbox, Parcel};
use super::listener::{Listener, view_of};
use super::packet::Press;
use crate::service::Services;
use crate::service::failure::Failure;
use crate::service::live::{News, Sights};

/// How many entries are handed out at a time.
const AT_ONCE: usize = 128;

/// How long to wait before the log is looked at again, after it could not be read.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// How often it is said that a log is to be kept for those who listen. Unit: milliseconds.
const RENEWAL_MS: i64 = 3_600_000;

impl Hub {
    /// Hands out what is new until `stop` says so, and then closes all sockets.
    pub async fn run(self: Arc<Self>, services: Arc<Services>, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = hand_out(&self, &services) => {}
            () = delayed::run(Arc::clone(&self), Arc::clone(&services)) => {}
            () = elsewhere::run(Arc::clone(&self), Arc::clone(&services)) => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => {}
        }
        self.stop().await;
    }
}

async fn hand_out(hub: &Arc<Hub>, services: &Arc<Services>) {
    // After a panic nobody knows who has heard what: they come again, and catch up.
    hub.begin_anew();
    let mut changes = services.core.changes(Kinds::LOG | Kinds::SESSIONS | Kinds::APPS);
    let mut position = Place::START;
    let mut is_known = false;
    let mut renewed_at = services.core.clock().now();
    let mut expires_at = Timestamp::from_ms(i64::MIN);
    loop {
        let handed_out = if is_known {
            go_on(hub, services, position).await
        } else {
            // Nobody is seated yet, so nothing before this concerns anyone.
            services.live.end().await.inspect(|place| hub.begin(*place))
        };
        match handed_out {
            Ok(place) => (position, is_known) = (place, true),
            Err(StoreError::Closed) => return std::future::pending().await,
            Err(StoreError::Busy) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "what is new cannot be read for those who listen");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        }
        let now = services.core.clock().now();
        if now >= expires_at {
            hub.close_expired(now);
            expires_at = hub.next_expiry();
        }
        if now.as_ms() >= renewed_at.as_ms() + RENEWAL_MS {
            renewed_at = now;
            renew(hub, services).await;
        }
        let next = expires_at.min(Timestamp::from_ms(renewed_at.as_ms() + RENEWAL_MS));
        tokio::select! {
            change = changes.next() => {
                let mut change = Some(change);
                while let Some(next) = change {
                    match next {
                        Change::SessionEnded { app, user } => check_sessions(services, &hub.sockets_of(app, &user)).await,
                        Change::App(app) => check_sessions(services, &hub.sockets_in(app)).await,
                        Change::Replaced => {
                            hub.begin_anew();
                            hub.presences.clear();
                            is_known = false;
                        }
                        Change::Unknown => check_sessions(services, &hub.sockets()).await,
                        _ => {}
                    }
                    change = changes.try_next();
                }
            }
            () = services.core.clock().wait_until(next) => {}
            () = hub.arrivals.notified() => expires_at = hub.next_expiry(),
        }
    }
}

/// Hands out all that lies behind a place, and answers with where it came to.
async fn go_on(hub: &Arc<Hub>, services: &Arc<Services>, after: Place) -> Result<Place, StoreError> {
    let mut position = after;
    loop {
        let among = Arc::clone(hub);
        let find = move |app: AppKey, users: Vec<UserId>| among.sockets_among(app, users);
        let Sights { news, up_to, is_all } = services.live.news(position, AT_ONCE, find).await?;
        position = up_to;
        let view = |listener: &Listener, identities: Identities| view_of(services, listener, identities);
        let parcels: Vec<_> = news.iter().flat_map(|news| written(news, &view)).collect();
        hub.hand_out(position, parcels);
        if is_all {
            return Ok(position);
        }
    }
}

fn written(
    news: &News<Vec<Arc<Mailbox>>>,
    view: &dyn Fn(&Listener, Identities) -> crate::http::render::UserView,
) -> Vec<(Arc<Mailbox>, Parcel)> {
    let mut press = Press::new(view, &news.identities);
    let mut parcels = vec![];
    for (sockets, told) in &news.told {
        for mailbox in sockets {
            let packets = press.packets(&mailbox.listener, told);
            if !packets.is_empty() {
                parcels.push((Arc::clone(mailbox), Parcel::Change(news.place, packets)));
            }
        }
    }
    parcels
}

/// Closes the sockets whose session has ended.
async fn check_sessions(services: &Services, sockets: &[Arc<Mailbox>]) {
    for mailbox in sockets {
        // Whether it has ended is not known while the store does not answer: then requests fail, too.
        if let Err(Failure::Api(_)) = services.sessions.find(&mailbox.listener.token).await {
            mailbox.close(Closing::SessionEnded);
        }
    }
}

/// Has the log kept for those who listen for as long as ever.
async fn renew(hub: &Hub, services: &Services) {
    for mailbox in hub.sockets() {
        let listener = &mailbox.listener;
        if let Err(error) = services.live.listen(listener.key, listener.user.clone()).await {
            tracing::error!(%error, "that a user listens cannot be noted");
        }
    }
}
