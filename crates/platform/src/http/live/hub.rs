//! Who is listening. Each socket has a mailbox, into which everything is put that its client is to hear.
//!
//! A mailbox is bounded. A client that does not read loses its socket, and catches up from the log when it comes back.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use layer_store::key::AppKey;
use layer_store::log::Place;
use layer_wire::{ApiError, AppId, ErrorKind, Timestamp, UserId};
use tokio::sync::{Notify, watch};

use super::listener::Listener;
use super::packet::Packet;
use super::presence::Presences;

/// How much may wait for a client that is slow. Unit: bytes.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// How many packets may wait for a client that is slow.
const MAX_WAITING: usize = 4096;

/// How much may wait for all clients together. Beyond that, those are slow for whom more than [`FAIR_SHARE`] waits.
const MAX_WAITING_IN_ALL: usize = 64 * 1024 * 1024;

/// What a client may always have waiting.
const FAIR_SHARE: usize = 16 * 1024;

/// How many sockets there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one user.
    pub per_user: usize,
    /// Of one app.
    pub per_app: usize,
}

/// Something for a client.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// What it is told of an entry of the log.
    Change(Place, Vec<Packet>),
    /// What stands in no log.
    Passing(Packet),
}

impl Parcel {
    fn packets(&self) -> &[Packet] {
        match self {
            Self::Change(_, packets) => packets,
            Self::Passing(packet) => std::slice::from_ref(packet),
        }
    }

    /// How long its packets are together. Unit: bytes.
    pub fn weight(&self) -> usize {
        self.packets().iter().map(|packet| packet.body.len()).sum()
    }
}

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Its session ended, or everything that is stored is another one now.
    SessionEnded,
    /// The client does not read, or does not end a message.
    TooSlow,
    /// There is no room for the message that the client sends.
    NoRoom,
    /// The platform stops.
    Stopping,
}

/// What waits for one client.
pub struct Mailbox {
    /// Whose it is.
    pub listener: Listener,
    waiting: Mutex<Waiting>,
    /// What waits for all clients. Unit: bytes.
    in_all: Arc<AtomicUsize>,
    bell: Notify,
    closed: Notify,
    opened_at: Instant,
}

#[derive(Default)]
struct Waiting {
    parcels: VecDeque<Parcel>,
    packets: usize,
    weight: usize,
    /// Entries up to this one are no news.
    from: Option<Place>,
    /// Whether entries are read from the log for now.
    is_paused: bool,
    wants_presence: bool,
    closing: Option<Closing>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is whole at each step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mailbox {
    fn new(listener: Listener, in_all: Arc<AtomicUsize>) -> Self {
        let (bell, closed, opened_at) = (Notify::new(), Notify::new(), Instant::now());
        Self { listener, waiting: Mutex::default(), in_all, bell, closed, opened_at }
    }

    /// How long ago the socket was opened.
    pub fn open_for(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// How many packets wait, and how long they are in all, in bytes.
    pub fn waiting(&self) -> (usize, usize) {
        let waiting = lock(&self.waiting);
        (waiting.packets, waiting.weight)
    }

    /// Keeps of what waits only what is still wanted.
    fn retain(&self, waiting: &mut Waiting, is_wanted: impl Fn(&Parcel) -> bool) {
        waiting.parcels.retain(is_wanted);
        waiting.packets = waiting.parcels.iter().map(|parcel| parcel.packets().len()).sum();
        let weight = waiting.parcels.iter().map(Parcel::weight).sum();
        self.in_all.fetch_sub(waiting.weight - weight, Ordering::Relaxed);
        waiting.weight = weight;
    }

    /// Puts something in. A client that has too much to read already is cut off.
    pub fn put(&self, parcel: Parcel) {
        let mut waiting = lock(&self.waiting);
        if waiting.closing.is_some() {
            return;
        }
        if let Parcel::Change(place, _) = parcel
            && (waiting.is_paused || waiting.from.is_some_and(|from| place <= from))
        {
            return;
        }
        let weight = parcel.weight();
        waiting.packets += parcel.packets().len();
        waiting.weight += weight;
        let in_all = self.in_all.fetch_add(weight, Ordering::Relaxed) + weight;
        let most = if in_all > MAX_WAITING_IN_ALL { FAIR_SHARE } else { MAX_WAITING_BYTES };
        if waiting.packets > MAX_WAITING || waiting.weight > most {
            drop(waiting);
            self.close(Closing::TooSlow);
            return;
        }
        waiting.parcels.push_back(parcel);
        drop(waiting);
        self.bell.notify_one();
    }

    /// Takes what waits longest.
    pub fn next(&self) -> Option<Parcel> {
        let mut waiting = lock(&self.waiting);
        let parcel = waiting.parcels.pop_front()?;
        let weight = parcel.weight();
        waiting.packets -= parcel.packets().len();
        waiting.weight -= weight;
        self.in_all.fetch_sub(weight, Ordering::Relaxed);
        Some(parcel)
    }

    /// Returns when there is perhaps something.
    pub async fn rung(&self) {
        self.bell.notified().await;
    }

    /// From here on everything is news; what waits and is older is not.
    pub fn begin(&self, from: Place) {
        let mut waiting = lock(&self.waiting);
        waiting.from = Some(from);
        self.retain(&mut waiting, |parcel| !matches!(parcel, Parcel::Change(place, _) if *place <= from));
    }

    /// Leaves out entries of the log, which are read there for now.
    pub fn pause(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.is_paused = true;
        self.retain(&mut waiting, |parcel| matches!(parcel, Parcel::Passing(_)));
    }

    fn resume(&self, from: Place) {
        let mut waiting = lock(&self.waiting);
        waiting.is_paused = false;
        waiting.from = Some(from);
        drop(waiting);
    }

    /// Closes the socket.
    pub fn close(&self, why: Closing) {
        let mut waiting = lock(&self.waiting);
        waiting.closing.get_or_insert(why);
        self.retain(&mut waiting, |_| false);
        drop(waiting);
        self.closed.notify_one();
    }

    /// Returns when the socket is to be closed.
    pub async fn closing(&self) -> Closing {
        loop {
            if let Some(why) = lock(&self.waiting).closing {
                return why;
            }
            self.closed.notified().await;
        }
    }

    /// Begins to hear of presence. Client API 5.6.
    pub fn want_presence(&self) {
        lock(&self.waiting).wants_presence = true;
    }

    /// Whether it is to hear of presence.
    pub fn wants_presence(&self) -> bool {
        lock(&self.waiting).wants_presence
    }
}

#[derive(Default)]
struct Seats {
    by_user: HashMap<(AppKey, UserId), Vec<Arc<Mailbox>>>,
    of_app: HashMap<AppKey, usize>,
    is_stopping: bool,
}

/// All sockets.
pub struct Hub {
    limits: Limits,
    /// What waits for all clients. Unit: bytes.
    waiting: Arc<AtomicUsize>,
    seats: Mutex<Seats>,
    /// Up to where the log was handed out. Locked while some of it is.
    position: Mutex<Place>,
    /// Whether it is known from where on the log is handed out. Before that nobody is seated, as what came in between
    /// would be handed out to nobody.
    is_ready: watch::Sender<bool>,
    /// Who is there.
    pub(super) presences: Presences,
    /// Rings when a socket comes.
    pub(super) arrivals: Notify,
    /// Rings when the last socket goes.
    empty: Notify,
}

impl Hub {
    /// Without sockets.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: Arc::default(),
            seats: Mutex::default(),
            position: Mutex::new(Place::START),
            is_ready: watch::Sender::new(false),
            presences: Presences::default(),
            arrivals: Notify::new(),
            empty: Notify::new(),
        }
    }

    /// Gives a socket its seat, and keeps it as long as the outcome lives. Waits until there are seats.
    ///
    /// Errors: `rate_limit_exceeded` when the user or the app has too many; `service_unavailable` when the platform
    /// stops.
    pub async fn seat(self: &Arc<Self>, listener: Listener) -> Result<Seat, ApiError> {
        // It fails only when there is no hub any more.
        let _ = self.is_ready.subscribe().wait_for(|is_ready| *is_ready).await.is_ok();
        self.seat_now(listener)
    }

    fn seat_now(self: &Arc<Self>, listener: Listener) -> Result<Seat, ApiError> {
        let mut seats = lock(&self.seats);
        if seats.is_stopping {
            return Err(ApiError::service_unavailable());
        }
        let of_app = seats.of_app.get(&listener.key).copied().unwrap_or_default();
        let of_user = seats.by_user.get(&(listener.key, listener.user.clone())).map_or(0, Vec::len);
        if of_app >= self.limits.per_app || of_user >= self.limits.per_user {
            let whose = if of_user >= self.limits.per_user { "user" } else { "app" };
            let text = format!("The {whose} has too many open sockets.");
            return Err(ApiError::new(ErrorKind::RateLimitExceeded, text).in_client_docs());
        }
        let mailbox = Arc::new(Mailbox::new(listener, Arc::clone(&self.waiting)));
        let listener = &mailbox.listener;
        *seats.of_app.entry(listener.key).or_default() += 1;
        seats.by_user.entry((listener.key, listener.user.clone())).or_default().push(Arc::clone(&mailbox));
        drop(seats);
        self.arrivals.notify_one();
        Ok(Seat { hub: Arc::clone(self), mailbox })
    }

    fn leave(&self, mailbox: &Arc<Mailbox>) {
        // What nobody reads any more counts no longer, and nothing is added to it.
        mailbox.close(Closing::Stopping);
        let listener = &mailbox.listener;
        let mut seats = lock(&self.seats);
        let place = (listener.key, listener.user.clone());
        if let Some(mailboxes) = seats.by_user.get_mut(&place) {
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if mailboxes.is_empty() {
                seats.by_user.remove(&place);
            }
        }
        if let Some(count) = seats.of_app.get_mut(&listener.key) {
            *count -= 1;
            if *count == 0 {
                seats.of_app.remove(&listener.key);
            }
        }
        if seats.by_user.is_empty() {
            self.empty.notify_one();
        }
    }

    /// The sockets of a user.
    pub fn sockets_of(&self, app: AppKey, user: &UserId) -> Vec<Arc<Mailbox>> {
        lock(&self.seats).by_user.get(&(app, user.clone())).cloned().unwrap_or_default()
    }

    /// The sockets of those users who have some.
    pub fn sockets_among(&self, app: AppKey, users: Vec<UserId>) -> Vec<(UserId, Vec<Arc<Mailbox>>)> {
        let seats = lock(&self.seats);
        let find = |user: UserId| {
            let sockets = seats.by_user.get(&(app, user.clone()))?.clone();
            Some((user, sockets))
        };
        users.into_iter().filter_map(find).collect()
    }

    /// The sockets of an app.
    pub fn sockets_in(&self, app: AppId) -> Vec<Arc<Mailbox>> {
        let mut sockets = self.sockets();
        sockets.retain(|mailbox| mailbox.listener.app == app);
        sockets
    }

    /// All sockets.
    pub fn sockets(&self) -> Vec<Arc<Mailbox>> {
        lock(&self.seats).by_user.values().flatten().cloned().collect()
    }

    /// Hands out entries, which are in order and lie behind those before.
    pub fn hand_out(&self, up_to: Place, parcels: impl IntoIterator<Item = (Arc<Mailbox>, Parcel)>) {
        let mut position = lock(&self.position);
        for (mailbox, parcel) in parcels {
            mailbox.put(parcel);
        }
        *position = up_to;
    }

    /// Lets a socket that has read the log up to a place hear what comes behind it; `false` when some of that was
    /// handed out to others already, and is to be read there as well.
    pub fn resume(&self, mailbox: &Mailbox, from: Place) -> bool {
        let position = lock(&self.position);
        let is_ahead = *position <= from;
        if is_ahead {
            mailbox.resume(from);
        }
        is_ahead
    }

    /// When the next session of a socket expires.
    pub fn next_expiry(&self) -> Timestamp {
        let seats = lock(&self.seats);
        let expiries = seats.by_user.values().flatten().map(|mailbox| mailbox.listener.expires_at);
        expiries.min().unwrap_or(Timestamp::from_ms(i64::MAX))
    }

    /// Closes the sockets whose session has expired.
    pub fn close_expired(&self, now: Timestamp) {
        for mailbox in self.sockets().iter().filter(|mailbox| mailbox.listener.expires_at <= now) {
            mailbox.close(Closing::SessionEnded);
        }
    }

    /// Seats nobody until it is known from where on the log is handed out, and sends away who sits there.
    pub fn begin_anew(&self) {
        self.is_ready.send_replace(false);
        self.close_all(Closing::SessionEnded);
    }

    /// Hands out what lies behind a place.
    pub fn begin(&self, from: Place) {
        *lock(&self.position) = from;
        self.is_ready.send_replace(true);
    }

    /// Closes all sockets.
    fn close_all(&self, why: Closing) {
        for mailbox in self.sockets() {
            mailbox.close(why);
        }
    }

    /// Closes all sockets, takes no more, and returns when they are gone.
    pub async fn stop(&self) {
        lock(&self.seats).is_stopping = true;
        self.is_ready.send_replace(true);
        self.close_all(Closing::Stopping);
        while !lock(&self.seats).by_user.is_empty() {
            self.empty.notified().await;
        }
    }
}

/// The seat of a socket.
pub struct Seat {
    /// Where it sits.
    pub hub: Arc<Hub>,
    /// What waits for it.
    pub mailbox: Arc<Mailbox>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(&self.mailbox);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use layer_wire::{AppId, Version};
    use serde_json::json;

    use super::*;
    use crate::http::live::packet::Kind;

    fn mailbox(in_all: &Arc<AtomicUsize>) -> Mailbox {
        let listener = Listener {
            app: AppId::parse("e4fd3974-20fe-11e5-89c5-080725007e28").unwrap(),
            key: AppKey::from_number(1),
            user: UserId::parse("a").unwrap(),
            version: Version::V2_0,
            token: "t".into(),
            expires_at: Timestamp::from_ms(0),
        };
        Mailbox::new(listener, Arc::clone(in_all))
    }

    fn parcel(place: i64, length: usize) -> Parcel {
        Parcel::Change(Place::from_number(place), vec![Packet::new(Kind::Change, &json!("x".repeat(length)))])
    }

    fn is_closed(mailbox: &Mailbox) -> bool {
        lock(&mailbox.waiting).closing.is_some()
    }

    #[test]
    fn a_mailbox_that_is_too_full_is_closed_and_everything_is_counted_until_it_is_gone() {
        let in_all = Arc::<AtomicUsize>::default();
        let (one, other) = (mailbox(&in_all), mailbox(&in_all));
        one.put(parcel(1, 1000));
        other.put(parcel(1, 1000));
        one.put(parcel(2, 1000));
        assert_eq!(in_all.load(Ordering::Relaxed), 3 * 1002);
        one.begin(Place::from_number(1));
        assert!(matches!(one.next(), Some(Parcel::Change(place, _)) if place == Place::from_number(2)));
        assert_eq!((one.next().is_none(), in_all.load(Ordering::Relaxed)), (true, 1002));
        one.put(parcel(3, MAX_WAITING_BYTES));
        assert!(is_closed(&one) && !is_closed(&other));
        assert_eq!(in_all.load(Ordering::Relaxed), 1002);
        for place in 0..=i64::try_from(MAX_WAITING).unwrap() {
            other.put(parcel(place, 0));
        }
        assert!(is_closed(&other));
        assert_eq!(in_all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn where_too_much_waits_in_all_those_with_more_than_a_fair_share_are_closed() {
        let in_all = Arc::new(AtomicUsize::new(MAX_WAITING_IN_ALL));
        let (small, large) = (mailbox(&in_all), mailbox(&in_all));
        small.put(parcel(1, 1000));
        large.put(parcel(1, FAIR_SHARE));
        assert!(!is_closed(&small) && is_closed(&large));
    }
}
