//! Questions of the engine to JavaScript, and the answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_client::asker::{Answer, Asked, Asker as Asks, Question as Asking, Reply};
use napi::bindgen_prelude::{Buffer, Function, Unknown};
use napi::{Env, Result};
use napi_derive::napi;

use crate::bell::Bell;

/// The end of a JavaScript thread at which questions arrive.
#[napi]
pub struct Asker {
    questions: Arc<Questions>,
    _bell: Bell,
}

struct Questions {
    /// Bounded by the number of requests in flight: each has one at a time.
    state: Mutex<State>,
    ring: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Question>,
    /// Hooks of agents that are gone.
    forgotten: Vec<u32>,
}

impl Questions {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic cannot leave it half-written: it is only pushed to and taken from.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[napi]
impl Asker {
    /// `ring` is called when questions wait. It does not keep the process alive: the request that waits for the answer
    /// does.
    #[napi(constructor)]
    pub fn new(env: Env, ring: Function<'_, (), Unknown<'static>>) -> Result<Self> {
        let bell = Bell::new(env, &ring)?;
        let questions = Arc::new(Questions { state: Mutex::default(), ring: Box::new(bell.rope()) });
        Ok(Self { questions, _bell: bell })
    }

    /// The next question; `null` when there is none.
    #[napi]
    pub fn next(&self) -> Option<Question> {
        self.questions.lock().waiting.pop_front()
    }

    /// Hooks whose agents are gone since the last call.
    #[napi]
    pub fn forgotten(&self) -> Vec<u32> {
        std::mem::take(&mut self.questions.lock().forgotten)
    }
}

impl Asker {
    /// The way for an agent's questions; `hooks` is the number under which JavaScript has its functions, 0 for none.
    pub(crate) fn asked(&self, hooks: u32) -> Asked {
        Asked(Some(Arc::new(Line { questions: Arc::clone(&self.questions), hooks })))
    }
}

/// The way of one agent's questions.
struct Line {
    questions: Arc<Questions>,
    hooks: u32,
}

impl Asks for Line {
    fn ask(&self, asking: Asking, reply: Reply) {
        self.questions.lock().waiting.push_back(Question { hooks: self.hooks, asking, reply: Some(reply) });
        (self.questions.ring)();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.hooks != 0 {
            self.questions.lock().forgotten.push(self.hooks);
        }
    }
}

/// A question of the engine.
#[napi]
pub struct Question {
    hooks: u32,
    asking: Asking,
    reply: Option<Reply>,
}

#[napi]
impl Question {
    /// Number of the hooks that it is for; 0 for none.
    #[napi(getter)]
    pub fn hooks(&self) -> u32 {
        self.hooks
    }

    /// `lookup`, `identity` or `unauthorized`.
    #[napi(getter)]
    pub fn kind(&self) -> &'static str {
        match self.asking {
            Asking::Lookup { .. } => "lookup",
            Asking::Identity { .. } => "identity",
            Asking::Unauthorized => "unauthorized",
        }
    }

    /// The host that it is about.
    #[napi(getter)]
    pub fn host(&self) -> String {
        match &self.asking {
            Asking::Lookup { host } | Asking::Identity { host, .. } => host.clone(),
            Asking::Unauthorized => String::new(),
        }
    }

    /// DER of the server's certificate, then of those that it sent with it.
    #[napi(getter)]
    pub fn chain(&self) -> Vec<Buffer> {
        match &self.asking {
            Asking::Identity { chain, .. } => chain.iter().cloned().map(Buffer::from).collect(),
            _ => Vec::new(),
        }
    }

    /// Says yes; to a look-up with the addresses. Answers whether anybody still waits.
    #[napi]
    pub fn accept(&mut self, addresses: Vec<String>) -> bool {
        self.send(Ok(addresses))
    }

    /// Says no, with the number under which JavaScript keeps the error. Answers whether anybody still waits.
    #[napi]
    pub fn refuse(&mut self, error: u32) -> bool {
        self.send(Err(error))
    }

    fn send(&mut self, answer: Answer) -> bool {
        self.reply.take().is_some_and(|reply| reply.send(answer).is_ok())
    }
}
