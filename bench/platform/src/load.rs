//! Load in a closed loop, where every connection sends its next request as soon as it has its answer, and in an open
//! one, where requests come at a constant rate whether or not answers do.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use crate::AnyError;
use crate::figures::Figures;
use crate::http::Connection;
use crate::requests::{Operation, Requests};
use crate::scenario::Scenario;
use crate::target::Server;

/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// No figure rests on fewer requests than these: where they are slow, it is measured longer.
pub const LEAST: u64 = 20;

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pace {
    /// So many connections, each with a request at a time, and the next one follows the answer.
    Closed(u32),
    /// So many requests a second, over [`OPEN_CONNECTIONS`]. A latency begins when the request was due: what waits for
    /// a connection because answers are late is late itself.
    Open(u32),
}

/// Connections of an open loop.
pub const OPEN_CONNECTIONS: u32 = 64;

impl Pace {
    fn connections(self) -> u32 {
        match self {
            Self::Closed(connections) => connections,
            Self::Open(_) => OPEN_CONNECTIONS,
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(1) => formatter.write_str("1 connection"),
            Self::Closed(connections) => write!(formatter, "{connections} connections"),
            Self::Open(rate) => write!(formatter, "{rate} requests a second"),
        }
    }
}

/// How much load, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The kind of requests.
    pub scenario: Scenario,
    /// When requests are sent.
    pub pace: Pace,
    /// How long it runs before anything is noted.
    pub warm_up: Duration,
    /// How long it is measured.
    pub measured: Duration,
    /// Where random choices begin.
    pub seed: u64,
}

/// What is common to all connections.
struct Shared {
    /// What begins from then on counts; `None` during the warm-up.
    from: Cell<Option<Instant>>,
    /// What begins from then on does not, and is not even sent.
    until: Cell<Option<Instant>>,
    /// Of the requests that count, however late their answers are.
    latencies: RefCell<Histogram<u64>>,
    /// Answers that came while it was measured, and their bytes.
    answered: Cell<u64>,
    received: Cell<u64>,
    /// Messages that were sent, the warm-up included.
    sent: Cell<u64>,
    /// In an open loop.
    schedule: Option<Schedule>,
}

/// When requests are due in an open loop: one after the other, with the same time between them.
pub struct Schedule {
    begun: Instant,
    interval: Duration,
    /// How many were taken.
    taken: Cell<u32>,
    /// One permit for each that is due and was not taken.
    due: Arc<Semaphore>,
}

impl Schedule {
    /// Begins now. The clock is a thread: the timers of tokio go by milliseconds.
    pub fn begin(rate: u32) -> Self {
        let (begun, interval) = (Instant::now(), Duration::from_secs(1) / rate);
        let due = Arc::new(Semaphore::new(0));
        let clock = Arc::downgrade(&due);
        thread::spawn(move || {
            for number in 0.. {
                thread::sleep((begun + interval * number).saturating_duration_since(Instant::now()));
                // It ends with the load.
                let Some(due) = clock.upgrade() else { return };
                due.add_permits(1);
            }
        });
        Self { begun, interval, taken: Cell::new(0), due }
    }

    /// Waits for the next request that is due, and says when it was.
    pub async fn next(&self) -> Result<Instant, AnyError> {
        self.due.acquire().await?.forget();
        let number = self.taken.replace(self.taken.get() + 1);
        Ok(self.begun + self.interval * number)
    }
}

/// What a measurement found, and how many messages it sent in all.
pub struct Outcome {
    pub figures: Figures,
    pub sent: u64,
}

/// Puts a server under load. Error: an answer that is not a success.
pub fn run(load: &Load, requests: &Rc<dyn Requests>, server: &Server) -> Result<Outcome, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(load, requests, server))
}

async fn measure(load: &Load, requests: &Rc<dyn Requests>, server: &Server) -> Result<Outcome, AnyError> {
    let shared = Rc::new(Shared {
        from: Cell::new(None),
        until: Cell::new(None),
        latencies: RefCell::new(Histogram::new(DIGITS)?),
        answered: Cell::new(0),
        received: Cell::new(0),
        sent: Cell::new(0),
        schedule: match load.pace {
            Pace::Closed(_) => None,
            Pace::Open(rate) => Some(Schedule::begin(rate)),
        },
    });
    let mut lanes = JoinSet::new();
    for lane in 0..load.pace.connections() {
        let connection = Connection::open(server.address).await?;
        let rng = Rng::with_seed(load.seed.wrapping_add(u64::from(lane) << 32));
        lanes.spawn_local(run_lane(connection, load.scenario, Rc::clone(requests), rng, Rc::clone(&shared)));
    }
    pause(load.warm_up, &mut lanes).await?;
    let (before, begun) = (server.usage()?, Instant::now());
    shared.from.set(Some(begun));
    pause(load.measured, &mut lanes).await?;
    while shared.answered.get() < LEAST {
        pause(load.measured, &mut lanes).await?;
    }
    shared.until.set(Some(Instant::now()));
    let (took, mut used) = (begun.elapsed(), server.usage()? - before);
    // Answers are written as files are; hyper has them in one call each, which is left in.
    used.written = used.written.saturating_sub(shared.received.get());
    let rss_mb = server.rss_mb()?;
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    let figures = Figures::new(shared.answered.get(), &shared.latencies.borrow(), took, used, rss_mb);
    Ok(Outcome { figures, sent: shared.sent.get() })
}

/// Lets the load run. Error: that of the first connection that failed.
async fn pause(time: Duration, lanes: &mut JoinSet<Result<(), AnyError>>) -> Result<(), AnyError> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        // Before the end only a failure ends one.
        Some(lane) = lanes.join_next() => lane?,
    }
}

async fn run_lane(
    mut connection: Connection,
    scenario: Scenario,
    requests: Rc<dyn Requests>,
    mut rng: Rng,
    shared: Rc<Shared>,
) -> Result<(), AnyError> {
    let mut request = Vec::with_capacity(1024);
    loop {
        let operation = scenario.next(&mut rng);
        requests.write(operation, &mut rng, &mut request);
        let begun = match &shared.schedule {
            None => Instant::now(),
            Some(schedule) => schedule.next().await?,
        };
        if shared.until.get().is_some_and(|until| begun >= until) {
            return Ok(());
        }
        let answer = connection.exchange(&request).await?;
        if !requests.successes(operation).contains(&answer.status) {
            return Err(refused(answer.status, answer.body));
        }
        let length = u64::try_from(answer.length)?;
        if matches!(operation, Operation::Send(_)) {
            shared.sent.set(shared.sent.get() + 1);
        }
        let Some(from) = shared.from.get() else { continue };
        if begun >= from {
            shared.latencies.borrow_mut().record(u64::try_from(begun.elapsed().as_nanos())?)?;
        }
        if shared.until.get().is_none() {
            shared.answered.set(shared.answered.get() + 1);
            shared.received.set(shared.received.get() + length);
        }
    }
}

/// An answer that ends a measurement.
pub fn refused(status: u16, body: &[u8]) -> AnyError {
    format!("The server answered {status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)])).into()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::*;
    use crate::world::World;

    /// A server that answers at once, but stands still for a while at its hundredth request.
    fn stalling(pause: Duration) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::new(Mutex::new(0));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answered) = (stream.unwrap(), Arc::clone(&answered));
                thread::spawn(move || {
                    let mut request = [0; 1024];
                    // A request without a body comes in one piece over loopback.
                    while matches!(stream.read(&mut request), Ok(1..)) {
                        let mut answered = answered.lock().unwrap();
                        *answered += 1;
                        if *answered == 100 {
                            thread::sleep(pause);
                        }
                        drop(answered);
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
                    }
                });
            }
        });
        Server::running(address, std::process::id())
    }

    fn measured(pace: Pace) -> Figures {
        let load = Load {
            scenario: Scenario::named("messages").unwrap(),
            pace,
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(1),
            seed: 0,
        };
        let requests: Rc<dyn Requests> = Rc::new(World::new(10, "app", "token"));
        run(&load, &requests, &stalling(Duration::from_millis(600))).unwrap().figures
    }

    #[test]
    fn requests_that_are_due_while_the_server_stands_still_are_late_also_without_a_connection_for_them() {
        // Some 600 of 1,000 are due meanwhile, and connections are there for 64.
        let figures = measured(Pace::Open(1000));
        assert!(figures.p50_ms > 50.0, "{figures:?}");
    }

    #[test]
    fn a_closed_loop_waits_with_the_server() {
        let figures = measured(Pace::Closed(1));
        assert!(figures.max_ms > 590.0 && figures.requests >= 20, "{figures:?}");
    }
}
