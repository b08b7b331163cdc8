//! One request and its reply.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::Duration;

use super::connection::{Body, Connection};
use super::marks::{Marks, Step, mark};
use super::pool::{Origin, Turn, close};
use super::reply::Reply;
use super::watched::Activity;
use crate::failure::NoReply;
use crate::options::RequestOptions;

/// What the feature `null-network` answers in place of the network: the message that the benchmark's server sends.
const NULL_NETWORK: &[u8] = include_bytes!("../null_network.txt");

/// What is to be exchanged, and with whom.
pub struct Exchange<'a, F> {
    /// The connections to take one of.
    pub origin: &'a Arc<Origin>,
    /// Limits.
    pub options: &'a RequestOptions,
    /// Makes the request: for each attempt anew, because few need a second one.
    pub request: F,
    /// What else the thread has to do from time to time while a reply is long.
    pub breathe: fn(),
    /// Where to mark the steps, if anybody wants to know.
    pub marks: Option<&'a Marks>,
}

/// Sends the request and reads the reply to its end.
///
/// The client's timeout is how long nothing may move on the connection, from the first attempt to connect on; waiting
/// for a turn does not count. Source: the original sets the timeout on the socket it was given. Redirects are results.
/// A request that was not yet written when its kept connection turned out to be closed goes out again on another; one
/// that was is never repeated. Dropped before it is done, it closes its connection and gives back its turn.
pub async fn exchange<F>(exchange: &Exchange<'_, F>) -> Result<Reply, Box<NoReply>>
where
    F: Fn() -> Result<Request<Body>, Box<NoReply>>,
{
    if cfg!(feature = "null-network") {
        let headers = HeaderMap::new();
        return Ok(Reply { status: 201, headers, body: Bytes::from_static(NULL_NETWORK) });
    }
    let Exchange { origin, options, request, breathe, marks } = exchange;
    let mut turn = origin.turn().await;
    mark(*marks, Step::Turn);
    // Boxed, here and below: a future is as large as its largest part, and is moved when it is spawned. Without the
    // steps that few requests take it is a tenth of the size.
    if let Some(route) = &origin.proxy {
        return Box::pin(route.exchange(request()?, options, *marks)).await.map_err(Box::new);
    }
    while let Some(connection) = origin.take() {
        connection.activity.touch();
        if let Attempt::Done(result) = attempt(exchange, connection, &mut turn).await {
            return result;
        }
    }
    let activity = Activity::new();
    origin.make_room();
    let open = Box::pin(Connection::open(&origin.target, activity.clone(), *marks));
    let connection = within(&activity, options.timeout, open).await?.map_err(Box::new)?;
    // Many handshakes in a row are long work, too.
    breathe();
    match attempt(exchange, connection, &mut turn).await {
        Attempt::Done(result) => result,
        Attempt::Unsent => Err(Box::new(NoReply::hang_up())),
    }
}

enum Attempt {
    Done(Result<Reply, Box<NoReply>>),
    /// The connection was closed before anything was written to it.
    Unsent,
}

async fn attempt<F>(exchange: &Exchange<'_, F>, mut connection: Connection, turn: &mut Turn) -> Attempt
where
    F: Fn() -> Result<Request<Body>, Box<NoReply>>,
{
    let Exchange { origin, options, request, breathe, marks } = exchange;
    connection.begin();
    let activity = connection.activity.clone();
    // Beside the future, which is moved more than once.
    let mut headers = HeaderMap::new();
    let exchanged = within(&activity, options.timeout, async {
        if connection.sender.ready().await.is_err() {
            return Err(Attempt::Unsent);
        }
        let request = request().map_err(|failure| Attempt::Done(Err(failure)))?;
        mark(*marks, Step::Sent);
        let sent = connection.sender.try_send_request(request).await;
        let mut response = sent.map_err(|mut error| match error.take_message() {
            Some(_) => Attempt::Unsent,
            None => Attempt::Done(Err(Box::new(NoReply::http(error.error(), activity.failed())))),
        })?;
        mark(*marks, Step::Replied);
        let announced = announced(response.headers());
        headers = std::mem::take(response.headers_mut());
        let status = response.status().as_u16();
        let body = read(response.into_body(), options.max_response_bytes, *breathe)
            .await
            .map_err(|failure| Attempt::Done(Err(failure)))?;
        Ok((status, body, announced))
    });
    let (status, body, announced) = match exchanged.await {
        Ok(Ok(exchanged)) => exchanged,
        Ok(Err(attempt)) => {
            connection.abort();
            return attempt;
        }
        Err(timeout) => {
            connection.abort();
            return Attempt::Done(Err(timeout));
        }
    };
    connection.end();
    if connection.sender.is_ready() {
        origin.give_back(connection, announced, std::mem::take(turn));
    } else {
        // The reply need not wait until the connection has come to rest.
        let (origin, turn) = (Arc::clone(origin), std::mem::take(turn));
        tokio::spawn(async move {
            if connection.settle().await {
                origin.give_back(connection, announced, turn);
            } else {
                close(connection, turn);
            }
        });
    }
    Attempt::Done(Ok(Reply { status, headers, body }))
}

/// How long the server says that it keeps the connection: `Keep-Alive: timeout=SECONDS`.
fn announced(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("keep-alive")?.to_str().ok()?.strip_prefix("timeout=")?;
    let digits = value.split(|character: char| !character.is_ascii_digit()).next()?;
    digits.parse().ok().map(Duration::from_secs)
}

/// Reads a body of at most `limit` bytes; one that is longer is not read on.
async fn read(mut incoming: Incoming, limit: usize, breathe: fn()) -> Result<Bytes, Box<NoReply>> {
    let announced = incoming.size_hint().exact();
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(Box::new(NoReply::too_large(announced, limit)));
    }
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = incoming.frame().await {
        // Trailers are dropped, as in the original.
        let Ok(data) = frame.map_err(|_| Box::new(NoReply::aborted()))?.into_data() else { continue };
        if data.len() > limit - first.len().max(joined.len()) {
            return Err(Box::new(NoReply::too_large(None, limit)));
        }
        if first.is_empty() {
            first = data;
        } else {
            // The next frame may be there already, and so on: a long reply must hold up no short one.
            breathe();
            // A character may be split between frames, so they are decoded as one.
            if joined.is_empty() {
                joined.extend_from_slice(&first);
            }
            joined.extend_from_slice(&data);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.into() })
}

/// Runs `work` unless the connection falls silent for `timeout` first.
async fn within<T>(activity: &Activity, timeout: Duration, work: impl Future<Output = T>) -> Result<T, Box<NoReply>> {
    tokio::select! {
        biased;
        result = work => Ok(result),
        () = activity.silence(timeout) => Err(Box::new(NoReply::Timeout)),
    }
}
