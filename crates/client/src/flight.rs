//! One request under way: its attempts, and the one outcome that it owes.

use tokio::task::AbortHandle;

use crate::call::Call;
use crate::failure::Failure;
use crate::transport::exchange::{Exchange, exchange};
use crate::transport::reply::Reply;

/// What became of a request.
pub type Outcome = Result<Reply, Failure>;

/// Carries a call to its end and hands the outcome to `end`, once, whatever happens to it. `breathe` is what else the
/// thread has to do from time to time. Aborted, the flight closes its connection and ends with a fault.
pub fn begin(call: Call, breathe: fn(), end: impl FnOnce(Outcome) + 'static + Send) -> AbortHandle {
    let debt = Debt(Some(end));
    let flight = async move {
        let outcome = attempt(&call, breathe).await;
        debt.pay(outcome);
    };
    tokio::spawn(flight).abort_handle()
}

/// One attempt. Here is where a failure would be tried again.
async fn attempt(call: &Call, breathe: fn()) -> Outcome {
    let client = &call.client;
    exchange(&Exchange { origin: &client.origin, options: &client.options, request: || call.request(), breathe }).await
}

/// The outcome that a request owes its caller. One that is dropped, because the request panicked or was aborted, is a
/// fault.
struct Debt<F: FnOnce(Outcome)>(Option<F>);

impl<F: FnOnce(Outcome)> Debt<F> {
    fn pay(mut self, outcome: Outcome) {
        if let Some(end) = self.0.take() {
            end(outcome);
        }
    }
}

impl<F: FnOnce(Outcome)> Drop for Debt<F> {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end(Err(Failure::fault()));
        }
    }
}
