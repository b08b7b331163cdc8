//! What operators and tests have beyond the API, behind the admin API: recorded requests and deliveries, and injected
//! faults.
//!
//! Time and ids are in `ground`, reset and snapshots in `service`. All of it is reached through `admin`.

pub mod admin;
mod as_app;
pub mod backups;
pub mod capture;
pub mod charts;
pub mod console;
pub mod faults;
pub mod health;
pub mod live;
mod lookup;
pub mod metrics;
mod openapi;
mod query;
pub mod requests;
pub mod state;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use self::faults::{Faults, Outcome};
use self::requests::RequestLog;
use crate::ground::clock::Clock;
use crate::ground::ids::IdSource;
use crate::http::server::Cut;

/// The tools of one platform.
pub struct Tools {
    /// Recorded requests and their answers.
    pub requests: RequestLog,
    /// Injected faults.
    pub faults: Faults,
}

impl Tools {
    /// Tools that keep this many requests; a seed makes random faults reproducible.
    pub fn new(recorded_requests: usize, ids: IdSource, clock: Clock) -> Self {
        Self { requests: RequestLog::new(recorded_requests, clock), faults: Faults::new(ids) }
    }
}

/// Records the request and applies any injected fault. Costs two reads of a flag when neither is wanted.
pub async fn attend(State(tools): State<Arc<Tools>>, request: Request, next: Next) -> Response {
    let fault = tools.faults.strike(&request);
    let (request, recording) = tools.requests.begin(request, fault.as_ref().map(|fault| fault.id));
    let Some(fault) = fault else {
        return recording.finish(next.run(request).await);
    };
    tokio::time::sleep(fault.delay).await;
    let cut = request.extensions().get::<Cut>().cloned();
    let response = match fault.outcome {
        Outcome::Proceed => next.run(request).await,
        Outcome::Truncate(bytes) => faults::truncate(next.run(request).await, bytes),
        outcome => {
            if fault.is_after {
                next.run(request).await;
            }
            let Outcome::Answer(answer) = outcome else {
                if let Some(cut) = cut {
                    cut.request();
                }
                // This answer is never sent: the connection ends instead.
                return recording.lose();
            };
            answer.into_response()
        }
    };
    recording.finish(response)
}
