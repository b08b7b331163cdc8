//! Load in a closed loop: every connection sends its next request as soon as it has its answer.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};

use crate::AnyError;
use crate::figures::Figures;
use crate::http::Connection;
use crate::scenario::Scenario;
use crate::target::Server;
use crate::world::{Operation, World};

/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// No figure rests on fewer requests than these: where they are slow, it is measured longer.
const LEAST: u64 = 20;

/// How much load, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// The kind of requests.
    pub scenario: Scenario,
    /// Connections, each with one request at a time.
    pub connections: u32,
    /// How long it runs before anything is noted.
    pub warm_up: Duration,
    /// How long it is measured.
    pub measured: Duration,
    /// Where random choices begin.
    pub seed: u64,
}

/// What is common to all connections.
struct Shared {
    phase: Cell<Phase>,
    latencies: RefCell<Histogram<u64>>,
    /// Bytes of answers since the warm-up.
    received: Cell<u64>,
    /// Messages that were sent, the warm-up included.
    sent: Cell<u64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    WarmUp,
    Measured,
    Over,
}

/// What a measurement found, and how many messages it sent in all.
pub struct Outcome {
    pub figures: Figures,
    pub sent: u64,
}

/// Puts a server under load. Error: an answer that is not a success.
pub fn run(load: &Load, world: &World, server: &Server) -> Result<Outcome, AnyError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(load, world, server))
}

async fn measure(load: &Load, world: &World, server: &Server) -> Result<Outcome, AnyError> {
    let shared = Rc::new(Shared {
        phase: Cell::new(Phase::WarmUp),
        latencies: RefCell::new(Histogram::new(DIGITS)?),
        received: Cell::new(0),
        sent: Cell::new(0),
    });
    let mut lanes = JoinSet::new();
    for lane in 0..load.connections {
        let connection = Connection::open(server.address).await?;
        let rng = Rng::with_seed(load.seed.wrapping_add(u64::from(lane) << 32));
        lanes.spawn_local(run_lane(connection, load.scenario, world.clone(), rng, Rc::clone(&shared)));
    }
    pause(load.warm_up, &mut lanes).await?;
    let (before, begun) = (server.usage()?, Instant::now());
    shared.phase.set(Phase::Measured);
    pause(load.measured, &mut lanes).await?;
    while shared.latencies.borrow().len() < LEAST {
        pause(load.measured, &mut lanes).await?;
    }
    shared.phase.set(Phase::Over);
    let (took, mut used) = (begun.elapsed(), server.usage()? - before);
    // Answers are written as files are; hyper has them in one call each, which is left in.
    used.written = used.written.saturating_sub(shared.received.get());
    let rss_mb = server.rss_mb()?;
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    let figures = Figures::new(&shared.latencies.borrow(), took, used, rss_mb);
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
    world: World,
    mut rng: Rng,
    shared: Rc<Shared>,
) -> Result<(), AnyError> {
    let mut request = Vec::with_capacity(1024);
    while shared.phase.get() != Phase::Over {
        let operation = scenario.next(&mut rng);
        world.request(operation, &mut rng, &mut request);
        let begun = Instant::now();
        let answer = connection.exchange(&request).await?;
        if !operation.accepts(answer.status) {
            return Err(refused(answer.status, answer.body));
        }
        let length = u64::try_from(answer.length)?;
        if matches!(operation, Operation::Send(_)) {
            shared.sent.set(shared.sent.get() + 1);
        }
        if shared.phase.get() == Phase::Measured {
            let ns = u64::try_from(begun.elapsed().as_nanos())?;
            shared.latencies.borrow_mut().record(ns)?;
            shared.received.set(shared.received.get() + length);
        }
    }
    Ok(())
}

/// An answer that ends a measurement.
pub fn refused(status: u16, body: &[u8]) -> AnyError {
    format!("The server answered {status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)])).into()
}
