//! NATS in the place of notifications, for hints that come sooner and cost the database nothing.
//!
//! A server of NATS keeps nothing, and may be gone. So notifications are heard in any case, and told unless all
//! processes that have the database open hear by NATS, which each shows by a lock ([`super::claim::BY_NATS`]).

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subscriber};
use futures_util::StreamExt as _;
use layer_store::{NatsUrls, OpenError};
use tokio::sync::watch;

use super::told::Channel;

/// How many messages may wait here. Beyond that some are missed, which is noticed.
const CAPACITY: usize = 1024;

/// How often the connection is tried, so that one that is dead is noticed.
const PING: Duration = Duration::from_secs(1);

/// How long the server may take for what is asked of it. With the time between two looks, and until others look, it
/// makes the 5 seconds after which nothing that others did is unknown.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    is_connected: bool,
    /// How often something may have been missed.
    losses: u64,
}

/// What happened.
pub enum News {
    /// Another process told something, or this one.
    Heard(Channel, String),
    /// Something may have been missed, or the connection is there again.
    Unsure,
}

/// A connection to servers of NATS, which comes and goes.
pub struct Nats {
    /// Where it connects to.
    pub servers: NatsUrls,
    client: Client,
    heard: Subscriber,
    /// What subjects of this database begin with.
    subject: String,
    state: watch::Receiver<State>,
}

impl Nats {
    /// Begins to connect, for a database by a name that no other one has. Must be called inside a runtime, which
    /// carries the connection.
    ///
    /// Error: `Nats` when a URL cannot be understood. A server that is not there is none.
    pub async fn start(urls: &NatsUrls, database: &str) -> Result<Self, OpenError> {
        let refused = || OpenError::Nats(urls.to_string());
        let servers: Result<Vec<ServerAddr>, _> = urls.reveal().map(str::parse).collect();
        let (changed, state) = watch::channel(State { is_connected: false, losses: 0 });
        let note = move |event| {
            changed.send_modify(|state| match event {
                Event::Connected => state.is_connected = true,
                Event::Disconnected | Event::Closed => state.is_connected = false,
                Event::SlowConsumer(_) => state.losses += 1,
                _ => {}
            });
            std::future::ready(())
        };
        let options = ConnectOptions::new()
            .name("layer-platform")
            .no_echo()
            .ping_interval(PING)
            .subscription_capacity(CAPACITY)
            .event_callback(note)
            .retry_on_initial_connect();
        let client = options.connect(servers.map_err(|_| refused())?).await.map_err(|_| refused())?;
        let subject = format!("layer.{database}");
        let heard = client.subscribe(format!("{subject}.*")).await.map_err(|_| refused())?;
        Ok(Self { servers: urls.clone(), client, heard, subject, state })
    }

    /// Whether what others tell comes in: the server knows what is wanted here.
    pub async fn is_heard(&self) -> bool {
        self.state.borrow().is_connected && self.flush().await
    }

    /// Waits until all that was told before is with the server.
    pub async fn flush(&self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.client.flush()).await, Ok(Ok(())))
    }

    /// Tells others. `false` when that fails.
    pub async fn tell(&self, channel: Channel, text: String) -> bool {
        let told = self.client.publish(format!("{}.{}", self.subject, channel.in_nats()), text.into());
        matches!(tokio::time::timeout(PATIENCE, told).await, Ok(Ok(())))
    }

    /// Waits for news. Nothing is lost when this is dropped.
    pub async fn next(&mut self) -> News {
        loop {
            let message = tokio::select! {
                message = self.heard.next() => message,
                _ = self.state.changed() => return News::Unsure,
            };
            // The client ends with this alone.
            let Some(message) = message else { std::future::pending().await };
            let Ok(text) = String::from_utf8(message.payload.into()) else { continue };
            let word = message.subject.rsplit('.').next().unwrap_or_default();
            if let Some(channel) = Channel::ALL.into_iter().find(|channel| channel.in_nats() == word) {
                return News::Heard(channel, text);
            }
        }
    }
}
