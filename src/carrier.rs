//! Requests that JavaScript carries, and what comes back for them: `transport: 'node'`.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_client::carrier::{Carrier as Carries, Parcel, Step};
use napi::bindgen_prelude::{Buffer, Function, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use crate::bell::Bell;
use crate::channel::{Channel, Outbox};

/// The end of a JavaScript thread at which requests arrive that it carries.
#[napi]
pub struct Carrier {
    desk: Arc<Desk>,
    outbox: Rc<Outbox>,
    _bell: Bell,
}

struct Desk {
    /// Bounded by the number of requests in flight: each is carried once at a time.
    state: Mutex<State>,
    ring: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    last_number: u32,
    waiting: VecDeque<Waiting>,
    /// Numbers of errands for which nobody waits any more.
    recalled: Vec<u32>,
    /// Routes whose clients are gone.
    forgotten: Vec<u32>,
}

struct Waiting {
    number: u32,
    route: u32,
    parcel: Parcel,
    stage: Arc<Stage>,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half-written: it is only pushed to and taken from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an errand is on its way.
///
/// While JavaScript carries it, it does not keep the process alive: what the caller put in place of `https` does, or
/// does not, as with 2.x. A fake that never answers must not keep a test from ending.
///
/// Changed under the lock of the desk only: an errand comes to its end once.
#[derive(Default)]
struct Stage(AtomicU8);

impl Stage {
    /// The errand waits for JavaScript.
    const WAITING: u8 = 0;
    /// JavaScript carries it.
    const CARRIED: u8 = 1;
    /// It has its outcome, or was recalled.
    const OVER: u8 = 2;

    /// Goes from one stage to the next; false where it was not there.
    fn go(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

#[napi]
impl Carrier {
    /// `ring` is called when requests wait, or were recalled.
    #[napi(constructor)]
    pub fn new(env: Env, channel: &Channel, ring: Function<'_, (), Unknown<'static>>) -> Result<Self> {
        let bell = Bell::new(env, &ring)?;
        let desk = Arc::new(Desk { state: Mutex::default(), ring: Box::new(bell.rope()) });
        Ok(Self { desk, outbox: channel.outbox(), _bell: bell })
    }

    /// The next request to carry; `null` when there is none.
    #[napi]
    pub fn next(&self, env: Env) -> Option<Errand> {
        let mut state = self.desk.lock();
        loop {
            let Waiting { number, route, parcel, stage } = state.waiting.pop_front()?;
            if stage.go(Stage::WAITING, Stage::CARRIED) {
                self.outbox.let_go(env);
                let (desk, outbox) = (Arc::clone(&self.desk), Rc::clone(&self.outbox));
                return Some(Errand { number, route, parcel, stage, desk, outbox });
            }
        }
    }

    /// Numbers of errands that were recalled since the last call: their requests have to end.
    #[napi]
    pub fn recalled(&self, env: Env) -> Vec<u32> {
        self.outbox.take_returned(env);
        std::mem::take(&mut self.desk.lock().recalled)
    }

    /// Routes whose clients are gone since the last call.
    #[napi]
    pub fn forgotten(&self) -> Vec<u32> {
        std::mem::take(&mut self.desk.lock().forgotten)
    }
}

impl Carrier {
    /// The way for a client's requests; `route` is the number under which JavaScript knows where they go.
    pub(crate) fn way(&self, route: u32) -> Arc<dyn Carries> {
        Arc::new(Way { desk: Arc::clone(&self.desk), returned: self.outbox.returned(), route })
    }
}

/// The way of one client's requests.
struct Way {
    desk: Arc<Desk>,
    /// Requests that have to keep the process alive again.
    returned: Arc<AtomicUsize>,
    route: u32,
}

impl Carries for Way {
    fn carry(&self, parcel: Parcel) -> Box<dyn Send + Sync> {
        let stage = Arc::new(Stage::default());
        let mut desk = self.desk.lock();
        let number = desk.last_number.wrapping_add(1);
        desk.last_number = number;
        desk.waiting.push_back(Waiting { number, route: self.route, parcel, stage: Arc::clone(&stage) });
        drop(desk);
        (self.desk.ring)();
        Box::new(Recall { desk: Arc::clone(&self.desk), returned: Arc::clone(&self.returned), number, stage })
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.desk.lock().forgotten.push(self.route);
    }
}

/// Recalls an errand that has no outcome when it is dropped.
struct Recall {
    desk: Arc<Desk>,
    returned: Arc<AtomicUsize>,
    number: u32,
    stage: Arc<Stage>,
}

impl Drop for Recall {
    fn drop(&mut self) {
        let mut state = self.desk.lock();
        // One that still waits is skipped when its turn comes.
        if self.stage.go(Stage::WAITING, Stage::OVER) || !self.stage.go(Stage::CARRIED, Stage::OVER) {
            return;
        }
        self.returned.fetch_add(1, Ordering::SeqCst);
        state.recalled.push(self.number);
        drop(state);
        (self.desk.ring)();
    }
}

/// A request that JavaScript carries.
#[napi]
pub struct Errand {
    number: u32,
    route: u32,
    parcel: Parcel,
    stage: Arc<Stage>,
    desk: Arc<Desk>,
    outbox: Rc<Outbox>,
}

#[napi]
impl Errand {
    /// Its own number.
    #[napi(getter)]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Number of the route of its client.
    #[napi(getter)]
    pub fn route(&self) -> u32 {
        self.route
    }

    /// Ticket of its call.
    #[napi(getter)]
    pub fn ticket(&self) -> u32 {
        self.parcel.ticket
    }

    /// Whether it goes over TLS.
    #[napi(getter)]
    pub fn is_secure(&self) -> bool {
        self.parcel.base_url.is_secure
    }

    /// Name or address of the service.
    #[napi(getter)]
    pub fn host(&self) -> String {
        self.parcel.base_url.host.clone()
    }

    /// Its port.
    #[napi(getter)]
    pub fn port(&self) -> u16 {
        self.parcel.base_url.port
    }

    /// `GET`, `POST` and so on.
    #[napi(getter)]
    pub fn method(&self) -> String {
        self.parcel.method.clone()
    }

    /// Path and query.
    #[napi(getter)]
    pub fn path(&self) -> String {
        self.parcel.path.clone()
    }

    /// Names and values by turns, each character of a value a byte.
    #[napi(getter)]
    pub fn headers(&self) -> Vec<String> {
        self.parcel.headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect()
    }

    /// The body; `null` where the request has none.
    #[napi(getter)]
    pub fn body(&self) -> Option<Buffer> {
        self.parcel.body.as_ref().map(|body| body.to_vec().into())
    }

    /// Milliseconds for which nothing may move on the connection.
    #[napi(getter)]
    pub fn timeout(&self) -> f64 {
        self.parcel.timeout.as_secs_f64() * 1000.0
    }

    /// Whether somebody watches, and the steps of the request are to be marked.
    #[napi(getter)]
    pub fn is_watched(&self) -> bool {
        self.parcel.marks.is_some()
    }

    /// A step is done now. `opened`: the connection is new, and was opened before anybody could see how.
    #[napi(ts_args_type = "step: 'turn' | 'lookedUp' | 'connected' | 'secured' | 'sent' | 'replied' | 'opened'")]
    pub fn mark(&self, step: String) {
        let Some(marks) = &self.parcel.marks else { return };
        let given = step;
        match given.as_str() {
            "turn" => marks.set(Step::Turn),
            "lookedUp" => marks.set(Step::LookedUp),
            "connected" => marks.set(Step::Connected),
            "secured" => marks.set(Step::Secured),
            "sent" => marks.set(Step::Sent),
            "replied" => marks.set(Step::Replied),
            "opened" => marks.set_new(),
            _ => {}
        }
    }

    /// Takes status and headers of the reply: names and values by turns. Answers whether the rest is wanted.
    #[napi]
    pub fn head(&mut self, env: Env, status: u16, headers: Vec<String>) -> bool {
        let given = headers;
        let pairs = given.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str()));
        self.report(env, |parcel| parcel.receipt.head(status, pairs))
    }

    /// Takes a piece of the body. Answers whether the rest is wanted.
    #[napi]
    pub fn data(&mut self, env: Env, data: &[u8]) -> bool {
        self.report(env, |parcel| parcel.receipt.data(data))
    }

    /// The reply is complete.
    #[napi]
    pub fn complete(&mut self, env: Env) {
        self.report(env, |parcel| parcel.receipt.complete());
    }

    /// The connection broke off in the middle of the reply.
    #[napi]
    pub fn break_off(&mut self, env: Env) {
        self.report(env, |parcel| parcel.receipt.break_off());
    }

    /// Nothing moved for as long as the timeout.
    #[napi]
    pub fn time_out(&mut self, env: Env) {
        self.report(env, |parcel| parcel.receipt.time_out());
    }

    /// There is an error with this code, which JavaScript keeps under this number. Answers whether anybody still waits
    /// for it.
    #[napi]
    pub fn fail(&mut self, env: Env, error: u32, code: Option<String>) -> bool {
        self.report(env, |parcel| parcel.receipt.fail(error, code))
    }

    fn report<T>(&mut self, env: Env, what: impl FnOnce(&mut Parcel) -> T) -> T {
        let guard = self.desk.lock();
        let answer = what(&mut self.parcel);
        if self.parcel.receipt.is_over() && self.stage.go(Stage::CARRIED, Stage::OVER) {
            self.outbox.take_back(env);
        }
        drop(guard);
        answer
    }
}
