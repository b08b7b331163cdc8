//! The sockets of the users, and what is noted of the packets that come over them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use hdrhistogram::Histogram;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;

use super::people::{LANES, PER_CONVERSATION};
use crate::AnyError;

/// What is read from a socket at a time. Unit: bytes. There are thousands of them.
const BUFFER: usize = 4096;

/// What stands before the id of the message in a packet that brings one.
const CREATED: &str = r#""operation":"create","object":{"type":"Message","id":"layer:///messages/"#;

/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// An open socket.
pub type Socket = WebSocketStream<TcpStream>;

/// Opens a socket for each session, in their order.
pub async fn open_all(address: SocketAddr, sessions: &[String]) -> Result<Vec<Socket>, AnyError> {
    let next = Rc::new(Cell::new(0));
    let sessions: Rc<[String]> = sessions.into();
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (next, sessions) = (Rc::clone(&next), Rc::clone(&sessions));
        lanes.spawn_local(async move {
            let mut sockets = vec![];
            loop {
                let number = next.get();
                let Some(session) = sessions.get(number) else { return Ok::<_, AnyError>(sockets) };
                next.set(number + 1);
                sockets.push((number, open(address, session).await?));
            }
        });
    }
    let mut sockets = vec![];
    while let Some(lane) = lanes.join_next().await {
        sockets.extend(lane??);
    }
    sockets.sort_unstable_by_key(|(number, _)| *number);
    Ok(sockets.into_iter().map(|(_, socket)| socket).collect())
}

async fn open(address: SocketAddr, session: &str) -> Result<Socket, AnyError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/?session_token={session}").into_client_request()?;
    let protocol = http::HeaderValue::from_static("layer-2.0");
    request.headers_mut().insert(http::header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let config = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    Ok(socket)
}

/// A message on its way.
struct Flight {
    due: Instant,
    /// When its sender had the answer.
    acknowledged: Option<Instant>,
    /// When it came over the socket that it came over last.
    heard: Option<Instant>,
    /// Sockets that it has not come over yet.
    left: usize,
    /// Whether it counts.
    is_measured: bool,
}

/// Latencies of the messages that came everywhere. Unit: ns.
pub struct Latencies {
    /// From the answer to the sender to the last socket: 0 where all sockets were faster.
    pub from_answer: Histogram<u64>,
    /// From when the message was due to the last socket.
    pub from_due: Histogram<u64>,
}

impl Latencies {
    /// None yet.
    pub fn new() -> Result<Self, AnyError> {
        Ok(Self { from_answer: Histogram::new(DIGITS)?, from_due: Histogram::new(DIGITS)? })
    }
}

/// The messages on their way, and what became of those before.
pub struct Flights {
    under_way: RefCell<HashMap<Uuid, Flight>>,
    latencies: RefCell<Latencies>,
}

impl Flights {
    /// None yet.
    pub fn new() -> Result<Self, AnyError> {
        Ok(Self { under_way: RefCell::default(), latencies: RefCell::new(Latencies::new()?) })
    }

    /// A message is sent now.
    pub fn sent(&self, id: Uuid, due: Instant, is_measured: bool) {
        let flight = Flight { due, acknowledged: None, heard: None, left: PER_CONVERSATION, is_measured };
        self.under_way.borrow_mut().insert(id, flight);
    }

    /// Its sender has the answer.
    pub fn acknowledged(&self, id: Uuid) -> Result<(), AnyError> {
        let now = Instant::now();
        self.change(id, |flight| flight.acknowledged = Some(now))
    }

    /// It came over a socket.
    fn heard(&self, id: Uuid) -> Result<(), AnyError> {
        let now = Instant::now();
        self.change(id, |flight| {
            flight.heard = Some(now);
            flight.left = flight.left.saturating_sub(1);
        })
    }

    fn change(&self, id: Uuid, change: impl FnOnce(&mut Flight)) -> Result<(), AnyError> {
        let mut under_way = self.under_way.borrow_mut();
        // What comes a second time is an error of the platform.
        let flight = under_way.get_mut(&id).ok_or_else(|| format!("Message {id} came once too often"))?;
        change(flight);
        let (Some(acknowledged), Some(heard), 0) = (flight.acknowledged, flight.heard, flight.left) else {
            return Ok(());
        };
        if flight.is_measured {
            let ns = |from: Instant| u64::try_from(heard.saturating_duration_since(from).as_nanos());
            let mut latencies = self.latencies.borrow_mut();
            latencies.from_answer.record(ns(acknowledged)?)?;
            latencies.from_due.record(ns(flight.due)?)?;
        }
        under_way.remove(&id);
        Ok(())
    }

    /// Messages that have not come everywhere.
    pub fn under_way(&self) -> usize {
        self.under_way.borrow().len()
    }

    /// Takes the latencies so far.
    pub fn take(&self) -> Result<Latencies, AnyError> {
        Ok(self.latencies.replace(Latencies::new()?))
    }
}

/// Reads a socket until it ends, which is an error.
pub async fn listen(mut socket: Socket, flights: Rc<Flights>) -> Result<(), AnyError> {
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        if let Some(id) = created(&text) {
            flights.heard(id)?;
        }
    }
    Err("The platform closed a socket".into())
}

/// The message that a packet brings.
fn created(packet: &str) -> Option<Uuid> {
    let (_, rest) = packet.split_once(CREATED)?;
    rest.get(..36)?.parse().ok()
}

/// Waits until every message has come everywhere. Error: some do not.
pub async fn land(flights: &Flights, patience: Duration) -> Result<(), AnyError> {
    let deadline = Instant::now() + patience;
    while flights.under_way() > 0 {
        if Instant::now() > deadline {
            return Err(format!("{} messages have not come over all sockets", flights.under_way()).into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_packet_is_found() {
        let id = Uuid::from_u128(7);
        let packet = format!(
            r#"{{"type":"change","counter":1,"timestamp":"t","body":{{"operation":"create","object":{{"type":"Message","id":"layer:///messages/{id}","url":"u"}},"data":{{}}}}}}"#
        );
        assert_eq!(created(&packet), Some(id));
        assert_eq!(created(&packet.replace("create", "update")), None);
    }

    #[test]
    fn a_latency_is_that_of_the_last_socket_and_begins_with_the_answer() {
        let flights = Flights::new().unwrap();
        let id = Uuid::from_u128(7);
        let due = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        flights.sent(id, due, true);
        for _ in 1..PER_CONVERSATION {
            flights.heard(id).unwrap();
        }
        flights.acknowledged(id).unwrap();
        assert_eq!((flights.under_way(), flights.latencies.borrow().from_due.len()), (1, 0));
        flights.heard(id).unwrap();
        assert_eq!(flights.under_way(), 0);
        let latencies = flights.take().unwrap();
        assert!(latencies.from_due.max() >= 2_000_000_000 && latencies.from_answer.max() < 1_000_000_000);
        assert!(flights.heard(id).is_err());
    }
}
