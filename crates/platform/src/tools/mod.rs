//! What tests need of a platform beyond the API: what came in and went out, and faults on demand.
//!
//! Time and ids are in `clock` and `ids`; reset and snapshots in `store`. All of it is reached through `routes::admin`.

pub mod capture;
pub mod faults;
pub mod requests;
pub mod snapshot;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use self::faults::{Faults, Outcome};
use self::requests::RequestLog;
use crate::clock::Clock;
use crate::ids::IdSource;
use crate::server::Cut;

/// The tools of one platform.
pub struct Tools {
    /// What came in and went out.
    pub requests: RequestLog,
    /// What is to go wrong.
    pub faults: Faults,
}

impl Tools {
    /// Tools that remember so many requests; with a seed, chance is foretold too.
    pub fn new(recorded_requests: usize, ids: IdSource, clock: Clock) -> Self {
        Self { requests: RequestLog::new(recorded_requests, clock), faults: Faults::new(ids) }
    }
}

/// Records a request and lets go wrong what is to go wrong. Costs two looks at a flag when neither is wanted.
pub async fn attend(State(tools): State<Arc<Tools>>, request: Request, next: Next) -> Response {
    let fault = tools.faults.strike(&request);
    let (request, recording) = tools.requests.begin(request, fault.as_ref().map(|fault| fault.id));
    let Some(fault) = fault else {
        return recording.finish(next.run(request).await);
    };
    tokio::time::sleep(fault.delay).await;
    let response = match fault.outcome {
        Outcome::Proceed => next.run(request).await,
        Outcome::Answer(answer) => answer.into_response(),
        Outcome::Reset => {
            if let Some(cut) = request.extensions().get::<Cut>() {
                cut.request();
            }
            // Nobody sees this one: the connection ends instead.
            return recording.lose();
        }
        Outcome::Truncate(bytes) => faults::truncate(next.run(request).await, bytes),
    };
    recording.finish(response)
}
