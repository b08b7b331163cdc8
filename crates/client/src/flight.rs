//! One request under way: its attempts, and the one outcome that it owes.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Serialize;
use tokio::task::AbortHandle;

use crate::call::Call;
use crate::failure::NoReply;
use crate::retry::{Ending, Verdict, verdict};
use crate::transport::exchange::{Exchange, exchange};
use crate::transport::marks::{Marks, Timings};
use crate::transport::reply::Reply;

/// What became of a request. A failure is large and rare: in a box, it does not make room for itself in each future.
pub type Outcome = Result<Reply, Box<NoReply>>;

/// The end of a request.
pub struct Ended {
    /// Reply or failure of the last attempt.
    pub outcome: Outcome,
    /// How many attempts there were.
    pub attempts: u32,
    /// How the last one ended.
    pub ending: Ending,
    /// What the last one took, where the caller watches.
    pub timings: Option<Box<Timings>>,
}

impl Ended {
    /// The end with the attempt of this number.
    fn of(outcome: Outcome, number: u32) -> Self {
        let ending = ending(&outcome);
        Self { outcome, attempts: number, ending, timings: None }
    }
}

/// Word of an attempt, for a caller who watches.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum News<'a> {
    /// An attempt has ended, and there will be another one. Its reply goes with this, if there was one.
    Retry {
        /// Which attempt has ended, from 1.
        attempt: u32,
        /// Milliseconds until the next one.
        delay: f64,
        /// Why there was no reply.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<&'a NoReply>,
        /// What it took.
        timings: Option<&'a Timings>,
    },
    /// An attempt begins that is not the first.
    Attempt {
        /// Which one, from 2.
        attempt: u32,
    },
}

/// Who hears of attempts.
pub type Watcher = Box<dyn Fn(&News<'_>, Option<&Reply>) + Send + Sync>;

/// Carries a call to its end and hands that to `end`, once, whatever happens to it. `breathe` is what else the thread
/// has to do from time to time. Aborted, the flight closes its connection, gives back its turn, and ends as aborted.
pub fn begin(
    call: Call,
    watcher: Option<Watcher>,
    breathe: fn(),
    end: impl FnOnce(Ended) + 'static + Send,
) -> AbortHandle {
    let debt = Debt(Some(end));
    let flight = async move {
        let ended = match &watcher {
            None => Ended::of(attempt(&call, breathe, None).await, 1),
            Some(_) => Box::pin(watched(&call, breathe, 1)).await,
        };
        // Boxed: few requests come here, and a future is as large as its largest part.
        let ended = match next(&call, &ended) {
            Verdict::End => ended,
            Verdict::Again(delay) => Box::pin(try_again(&call, watcher, breathe, ended, delay)).await,
        };
        debt.pay(ended);
    };
    tokio::spawn(flight).abort_handle()
}

/// One attempt.
async fn attempt(call: &Call, breathe: fn(), marks: Option<&Arc<Marks>>) -> Outcome {
    let client = &call.client;
    let request = || call.request();
    let origin = &client.place.origin;
    if let Some(carried) = &client.place.carried {
        // Boxed, as what few requests come to.
        let (head, _) = call.request()?.into_parts();
        let carried = Box::pin(carried.carry(call.ticket, head, call.body(), &client.options, marks));
        return carried.await.map_err(Box::new);
    }
    let marks = marks.map(|marks| &**marks);
    exchange(&Exchange { origin, options: &client.options, request, breathe, marks }).await
}

async fn watched(call: &Call, breathe: fn(), number: u32) -> Ended {
    let marks = Arc::new(Marks::begin());
    let outcome = attempt(call, breathe, Some(&marks)).await;
    Ended { timings: Some(Box::new(marks.timings())), ..Ended::of(outcome, number) }
}

/// All attempts after the first one, which has ended; the next one comes after `delay`.
async fn try_again(
    call: &Call,
    watcher: Option<Watcher>,
    breathe: fn(),
    mut ended: Ended,
    mut delay: Duration,
) -> Ended {
    loop {
        if let Some(watcher) = &watcher {
            let (reply, failure) = match &ended.outcome {
                Ok(reply) => (Some(reply), None),
                Err(failure) => (None, Some(&**failure)),
            };
            let timings = ended.timings.as_deref();
            let delay = delay.as_secs_f64() * 1000.0;
            watcher(&News::Retry { attempt: ended.attempts, delay, failure, timings }, reply);
        }
        let number = ended.attempts + 1;
        // What came of the last attempt need not be kept meanwhile.
        drop(ended);
        tokio::time::sleep(delay).await;
        ended = match &watcher {
            None => Ended::of(attempt(call, breathe, None).await, number),
            Some(watcher) => {
                watcher(&News::Attempt { attempt: number }, None);
                watched(call, breathe, number).await
            }
        };
        match next(call, &ended) {
            Verdict::End => return settled(call, ended),
            Verdict::Again(longer) => delay = longer,
        }
    }
}

fn next(call: &Call, ended: &Ended) -> Verdict {
    // Nearly every request ends here.
    if !ended.ending.is_retryable || call.client.options.max_retries == 0 {
        return Verdict::End;
    }
    let chance = fastrand::f64();
    verdict(ended.ending, ended.attempts, call.client.options.max_retries, call.is_repeatable(), chance)
}

/// A create that was sent again and is told that what it creates is there: the answer to an earlier attempt was lost.
fn settled(call: &Call, ended: Ended) -> Ended {
    match ended.outcome {
        Ok(Reply { status, headers, body }) if status == StatusCode::CONFLICT => {
            let reply = match call.created(&body) {
                Some(object) => Reply { status: StatusCode::CREATED.as_u16(), headers, body: object },
                None => Reply { status, headers, body },
            };
            Ended { outcome: Ok(reply), ..ended }
        }
        outcome => Ended { outcome, ..ended },
    }
}

fn ending(outcome: &Outcome) -> Ending {
    match outcome {
        Ok(reply) if reply.status < 400 => Ending::default(),
        Ok(reply) => {
            let retry_after = reply.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            Ending::of_reply(reply.status, retry_after, SystemTime::now())
        }
        Err(failure) => Ending::of_failure(failure),
    }
}

/// The outcome that a request owes its caller. One that is dropped was aborted, or is a fault where something panicked.
struct Debt<F: FnOnce(Ended)>(Option<F>);

impl<F: FnOnce(Ended)> Debt<F> {
    fn pay(mut self, ended: Ended) {
        if let Some(end) = self.0.take() {
            end(ended);
        }
    }
}

impl<F: FnOnce(Ended)> Drop for Debt<F> {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            let failure = if thread::panicking() { NoReply::fault() } else { NoReply::Aborted };
            end(Ended { outcome: Err(Box::new(failure)), attempts: 1, ending: Ending::default(), timings: None });
        }
    }
}
