//! A socket: one task, which alone reads and writes. It does one thing after the other, so that the answer to a request
//! goes out before what the request changes, and a client that asks faster than it is answered waits. Client API 5 and
//! 6.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, Uri};
use layer_store::log::Place;
use layer_wire::{ApiError, Timestamp, Version, percent};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use super::hub::{Closing, Hub, Mailbox, Parcel, Seat};
use super::listener::{Listener, view_of};
use super::packet::{Packet, Press};
use super::presence_feed;
use super::request::{self, Incoming, Outcome, Request};
use super::typing::{self, Typing};
use crate::ground::memory::{self, Share};
use crate::ground::task;
use crate::http::error::{self, Answer};
use crate::http::extract::{MAX_BODY_BYTES, text_header};
use crate::http::gate::session_token;
use crate::http::intake::Intake;
use crate::http::server::Place as OfConnection;
use crate::service::Services;
use crate::service::live::{News, Sights};

/// How often a client that says nothing is asked whether it is still there. One that does not answer until the next
/// time is not; one that sends the same large message all that time is too slow.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long a client may take to read what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it may take to read something large that it missed, while others wait for room for the like.
const HURRIED_WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// How much is read from a socket at a time, and how much is gathered before it is written. Unit: bytes.
const BUFFER_BYTES: usize = 4 * 1024;

/// How many entries of the log are replayed at a time.
const REPLAYED_AT_ONCE: usize = 200;

/// How many times over a packet is in memory until it is written: what it is made of, its text, and what is to be sent.
const COPIES: usize = 3;

/// What subprotocols are called, by the version that they speak.
const PROTOCOLS: [(&str, Version); 3] =
    [("layer-1.0", Version::V1_0), ("layer-2.0", Version::V2_0), ("layer-3.0", Version::V3_0)];

/// Codes of RFC 6455, 7.4.1.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
/// Registered by IANA with RFC 6455.
const TRY_AGAIN_LATER: u16 = 1013;

/// `GET /`, `/websocket`, `/websocket/` with `Upgrade: websocket`: opens the socket of a client.
///
/// - `101`, with the subprotocol that says the version; `invalid_request` without one that is known
/// - `authentication_required` without a session; `rate_limit_exceeded` when the user or the app has too many sockets
pub async fn upgrade(
    State(services): State<Arc<Services>>,
    Extension(hub): Extension<Arc<Hub>>,
    place: Option<Extension<OfConnection>>,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer {
    let refuse = |text: String| ApiError::invalid_request(text).in_client_docs();
    let socket = socket.map_err(|error| refuse(format!("This is no upgrade to a WebSocket: {error}.")))?;
    let known = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|names| names.split(',')).map(str::trim);
    let mut known = known.filter_map(|name| PROTOCOLS.iter().find(|(protocol, _)| *protocol == name));
    let Some((protocol, version)) = known.next() else {
        let names = PROTOCOLS.map(|(protocol, _)| protocol).join(", ");
        return Err(refuse(format!("The header Sec-WebSocket-Protocol must name one of {names}.")).into());
    };
    let token = in_query(&uri).or_else(|| {
        let header = text_header(&headers, AUTHORIZATION.as_str())?;
        session_token(header).map(str::to_owned)
    });
    let token = token.unwrap_or_default();
    let session = services.sessions.find(&token).await?;
    let seat = hub.seat(Listener::new(session, &token, *version)).await?;
    // Before the client has its answer: from then on it misses nothing.
    let listener = &seat.mailbox.listener;
    let from = services.live.listen(listener.key, listener.user.clone()).await?;
    seat.mailbox.begin(from);
    let socket = socket
        .protocols([*protocol])
        .max_message_size(MAX_BODY_BYTES)
        .max_frame_size(MAX_BODY_BYTES)
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES);
    let place = place.map(|Extension(place)| place);
    Ok(socket.on_upgrade(move |stream| task::boxed(serve(services, seat, from, stream, place))))
}

/// The session token in a query.
fn in_query(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    let found = query.split('&').find_map(|pair| pair.strip_prefix("session_token="))?;
    percent::decode(found).ok()
}

/// Why nothing more is written.
enum End {
    /// The client is gone, or broke the protocol.
    Gone,
    /// It is to go.
    Closed(Closing),
}

impl From<axum::Error> for End {
    fn from(_: axum::Error) -> Self {
        Self::Gone
    }
}

struct Socket {
    services: Arc<Services>,
    seat: Seat,
    stream: WebSocket,
    /// Counts what `stream` has read of a message that is not whole.
    intake: Arc<Intake>,
    /// Of the next packet.
    counter: u64,
    /// Up to where the client has everything.
    position: Place,
    /// Whether it announced presence.
    is_announced: bool,
    typing: Typing,
}

/// What a client is told again of an entry.
fn told_again(services: &Arc<Services>, mailbox: &Mailbox, news: &News<()>) -> Parcel {
    let view = |listener: &Listener, identities| view_of(services, listener, identities);
    let mut press = Press::new(&view, &news.identities);
    let packets = news.told.iter().flat_map(|((), told)| press.packets(&mailbox.listener, told)).collect();
    Parcel::Change(news.place, packets)
}

/// Serves a socket until it is closed. It counts as a connection for that time.
async fn serve(services: Arc<Services>, seat: Seat, from: Place, stream: WebSocket, place: Option<OfConnection>) {
    let intake = place.as_ref().map(|place| Arc::clone(&place.intake));
    let intake = intake.unwrap_or_else(|| Arc::new(Intake::new(services.core.memory().clone())));
    intake.begin();
    let mut socket = Socket {
        services,
        seat,
        stream,
        intake,
        counter: 0,
        position: from,
        is_announced: false,
        typing: Typing::default(),
    };
    let end = socket.run().await;
    socket.leave().await;
    if let End::Closed(why) = end {
        let (code, reason) = match why {
            Closing::SessionEnded => (POLICY, "the session has ended"),
            Closing::TooSlow => (POLICY, "too slow"),
            Closing::NoRoom => (TRY_AGAIN_LATER, "no room for a message of this size now"),
            Closing::Stopping => (GOING_AWAY, "the platform stops"),
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        let Socket { seat, mut stream, .. } = socket;
        // Its seat is free while the client takes its time.
        drop(seat);
        let farewell = async {
            if stream.send(Message::Close(Some(frame))).await.is_ok() {
                // Closed with something unread, the connection would be reset, and this might be lost.
                while let Some(Ok(_)) = stream.next().await {}
            }
        };
        // A client that does not read does not read this either.
        let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
    }
}

impl Socket {
    fn listener(&self) -> &Listener {
        &self.seat.mailbox.listener
    }

    async fn run(&mut self) -> End {
        let mut pings = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_alive = true;
        loop {
            let (mailbox, intake) = (Arc::clone(&self.seat.mailbox), Arc::clone(&self.intake));
            let outcome = tokio::select! {
                biased;
                why = mailbox.closing() => Err(End::Closed(why)),
                () = intake.refused() => Err(End::Closed(Closing::NoRoom)),
                () = mailbox.rung() => self.deliver().await,
                message = self.stream.next() => {
                    is_alive = true;
                    match message {
                        Some(Ok(Message::Text(text))) => self.take(text.as_bytes(), intake.whole()).await,
                        // Binary frames mean nothing.
                        Some(Ok(Message::Binary(_))) => {
                            intake.whole();
                            Ok(())
                        }
                        // Pings are answered below.
                        Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                            intake.control(payload.len());
                            Ok(())
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
                    }
                }
                now = self.typing.silence() => match now {
                    Some(now) => self.tell_typing(now).await,
                    None => Ok(()),
                },
                _ = pings.tick() => {
                    if intake.is_overdue() {
                        Err(End::Closed(Closing::TooSlow))
                    } else if std::mem::replace(&mut is_alive, false) {
                        self.write([Message::Ping(bytes::Bytes::new())]).await
                    } else {
                        Err(End::Gone)
                    }
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    /// Writes frames, unless the socket is to be closed meanwhile, or the client does not read.
    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), End> {
        self.write_within(WRITE_TIMEOUT, messages, true).await
    }

    /// The same; what is left in the buffer waits for more where `is_last` says so.
    async fn write_within(
        &mut self,
        limit: Duration,
        messages: impl IntoIterator<Item = Message>,
        is_last: bool,
    ) -> Result<(), End> {
        let mailbox = Arc::clone(&self.seat.mailbox);
        let stream = &mut self.stream;
        let written = async move {
            for message in messages {
                stream.feed(message).await?;
            }
            if is_last { stream.flush().await } else { Ok(()) }
        };
        tokio::select! {
            biased;
            why = mailbox.closing() => Err(End::Closed(why)),
            written = tokio::time::timeout(limit, written) => match written {
                Ok(written) => Ok(written?),
                Err(_) => Err(End::Closed(Closing::TooSlow)),
            },
        }
    }

    /// A packet as a frame. What is no entry of the log has the time of the last one that the client has, so that a
    /// client which goes on from there misses nothing.
    fn frame(&mut self, packet: &Packet) -> Message {
        let text = packet.text(self.counter, self.position.time());
        self.counter += 1;
        Message::Text(text.into())
    }

    fn frames(&mut self, parcel: &Parcel) -> Vec<Message> {
        match parcel {
            Parcel::Change(place, packets) => {
                self.position = self.position.max(*place);
                let time = place.time();
                let frame = |packet: &Packet| {
                    let text = packet.text(self.counter, time);
                    self.counter += 1;
                    Message::Text(text.into())
                };
                packets.iter().map(frame).collect()
            }
            Parcel::Passing(packet) => vec![self.frame(packet)],
        }
    }

    async fn deliver(&mut self) -> Result<(), End> {
        // One by one: what waits is shared with other sockets, and frames are not.
        while let Some(parcel) = self.seat.mailbox.next() {
            let frames = self.frames(&parcel);
            self.write_within(WRITE_TIMEOUT, frames, false).await?;
        }
        self.write([]).await
    }

    /// Takes what came, once there is room for what is made of it; until then it holds what it was read into.
    async fn take(&mut self, text: &[u8], held: Option<Share>) -> Result<(), End> {
        let (services, mailbox) = (Arc::clone(&self.services), Arc::clone(&self.seat.mailbox));
        let _room = tokio::select! {
            biased;
            why = mailbox.closing() => return Err(End::Closed(why)),
            room = services.core.memory().for_packet(text) => room,
        };
        drop(held);
        match Incoming::parse(text) {
            None => Ok(()),
            Some(Incoming::Signal(body)) => match typing::parse(&body) {
                Some(typing) => self.tell_typing(typing).await,
                None => Ok(()),
            },
            Some(Incoming::Request(request)) => self.answer(request).await,
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), End> {
        let outcome = match request.method.as_str() {
            // That of the last packet before the answer; there is none at first (assumed: 0).
            "Counter.read" => Ok(Some(json!({ "counter": self.counter.saturating_sub(1) }))),
            "Event.replay" => match request.replayed_from() {
                Ok(from) => self.replay(from).await?,
                Err(error) => Err(error),
            },
            _ => {
                let (services, hub, mailbox) = (&self.services, &self.seat.hub, &self.seat.mailbox);
                request::handle(services, hub, mailbox, &request, &mut self.is_announced).await
            }
        };
        let Some(answer) = request.answer(outcome) else { return Ok(()) };
        let frame = self.frame(&answer);
        self.write([frame]).await
    }

    /// Sends again what the client was told since a time, and what it would have been. Then it goes on with what is
    /// new.
    async fn replay(&mut self, from: Timestamp) -> Result<Outcome, End> {
        let mailbox = Arc::clone(&self.seat.mailbox);
        mailbox.pause();
        // What was put in and not taken yet is told by this, too.
        let mut position = Place::before(from).min(self.position);
        let mut room = None;
        loop {
            let (key, user) = (self.listener().key, self.listener().user.clone());
            let replayed = self.services.live.replay(key, user, position, REPLAYED_AT_ONCE).await;
            let replayed = match replayed {
                Ok(replayed) => replayed,
                Err(error) => {
                    // The client comes again, and asks from the last packet that it has.
                    error::of_store(&error);
                    return Err(End::Gone);
                }
            };
            let is_all = replayed.is_all;
            if let Some(bytes) = self.tell_again(&mailbox, replayed, &mut position, room.take()).await? {
                // What was read is given up meanwhile, and read again.
                room = tokio::select! {
                    biased;
                    why = mailbox.closing() => return Err(End::Closed(why)),
                    room = self.services.core.memory().wait_for_replay(bytes) => room,
                };
            } else if is_all && self.seat.hub.resume(&mailbox, position) {
                break;
            }
        }
        self.position = self.position.max(position);
        let kept_since = self.services.live.kept_since();
        let is_cut = from < kept_since;
        Ok(Ok(is_cut.then(|| json!({ "kept_since": kept_since }))))
    }

    /// Tells the client again what is in a part of the log, and moves the position on. It stops at an entry that needs
    /// more room than there is, and returns how much that is. Unit: bytes.
    async fn tell_again(
        &mut self,
        mailbox: &Mailbox,
        part: Sights<()>,
        position: &mut Place,
        mut given: Option<Share>,
    ) -> Result<Option<usize>, End> {
        let services = Arc::clone(&self.services);
        for news in part.news {
            let parcel = told_again(&services, mailbox, &news);
            let bytes = COPIES * parcel.weight();
            let room = match given.take() {
                Some(room) => Some(room),
                None if bytes <= memory::SMALL => None,
                None => match services.core.memory().for_replay(bytes) {
                    Ok(room) => Some(room),
                    Err(_) => return Ok(Some(bytes)),
                },
            };
            let frames = self.frames(&parcel);
            drop(parcel);
            let is_hurried = room.is_some() && services.core.memory().is_replay_awaited();
            let limit = if is_hurried { HURRIED_WRITE_TIMEOUT } else { WRITE_TIMEOUT };
            self.write_within(limit, frames, true).await?;
            *position = news.place;
        }
        *position = part.up_to;
        Ok(None)
    }

    async fn tell_typing(&mut self, now: (layer_wire::ConversationId, typing::Action)) -> Result<(), End> {
        let (services, hub) = (Arc::clone(&self.services), Arc::clone(&self.seat.hub));
        let listener = self.listener().clone();
        // Nobody waits for it: it passes.
        if let Err(error) = self.typing.tell(&services, &hub, &listener, now).await {
            error::of_store(&error);
        }
        Ok(())
    }

    /// What others are told when the socket goes.
    async fn leave(&mut self) {
        if let Some(end) = self.typing.end() {
            let _ = self.tell_typing(end).await;
        }
        if self.is_announced {
            let gone = presence_feed::gone(&self.services, &self.seat.hub, self.listener()).await;
            if let Err(error) = gone {
                error::of_store(&error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_the_query() {
        for (uri, token) in [
            ("/?session_token=a.1-1", Some("a.1-1")),
            ("/websocket?client-id=1&session_token=a%2Db", Some("a-b")),
            ("/?session=1", None),
            ("/", None),
        ] {
            assert_eq!(in_query(&uri.parse().unwrap()).as_deref(), token, "{uri}");
        }
    }
}
