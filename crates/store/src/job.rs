//! Jobs: what an engine runs. An engine may run one again from its start, on a fresh transaction: after a deadlock, a
//! conflict, a broken connection. Then the last run counts.

use crate::{Reads, StoreError, Writes};

/// A read on its way to the engine.
pub trait ReadJob: Send {
    /// Does the work. May be called again: the last call counts.
    fn run(&mut self, reads: &dyn Reads);

    /// Hears whether the work was done. Called once, after [`Self::run`] or in place of it.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A write on its way to the engine: first it runs, and once its fate is durable it is told so.
pub trait WriteJob: Send {
    /// Does the work. `false` undoes all of it, without touching what other jobs did. May be called again: the last
    /// call counts.
    fn run(&mut self, writes: &mut dyn Writes) -> bool;

    /// Hears whether the work is durable. Called once, after the commit.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A job made of two closures: what to do, and who hears what came of it.
pub(crate) struct Pending<Work, T, E, Reply> {
    work: Work,
    outcome: Option<Result<T, E>>,
    reply: Reply,
}

impl<Work, T, E, Reply> Pending<Work, T, E, Reply>
where
    E: From<StoreError>,
    Reply: FnOnce(Result<T, E>),
{
    pub(crate) fn new(work: Work, reply: Reply) -> Self {
        Self { work, outcome: None, reply }
    }

    fn reply(self, done: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Lost.into()));
        (self.reply)(done.map_err(E::from).and(outcome));
    }
}

impl<Work, T, E, Reply> ReadJob for Pending<Work, T, E, Reply>
where
    Work: FnMut(&dyn Reads) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
    Reply: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, reads: &dyn Reads) {
        self.outcome = Some((self.work)(reads));
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.reply(outcome);
    }
}

impl<Work, T, E, Reply> WriteJob for Pending<Work, T, E, Reply>
where
    Work: FnMut(&mut dyn Writes) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
    Reply: FnOnce(Result<T, E>) + Send,
{
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        // What an earlier run left is gone before this one begins, also when it panics.
        self.outcome = None;
        self.outcome = Some((self.work)(writes));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        self.reply(committed);
    }
}

/// A write that is a rule, in place of a closure: some rules can do more than run.
pub trait Rule: Send {
    /// What the caller hears.
    type Done: Send;
    /// Why it refuses, or cannot be carried out.
    type Failure: From<StoreError> + Send;

    /// Does the work. An error undoes all of it. May be called again: the last call counts.
    fn run(&mut self, writes: &mut dyn Writes) -> Result<Self::Done, Self::Failure>;
}

/// A job made of a rule, and who hears what came of it.
pub(crate) struct RuleJob<R: Rule, Reply> {
    pub(crate) rule: R,
    pub(crate) outcome: Option<Result<R::Done, R::Failure>>,
    reply: Reply,
}

impl<R: Rule, Reply> RuleJob<R, Reply> {
    pub(crate) fn new(rule: R, reply: Reply) -> Self {
        Self { rule, outcome: None, reply }
    }
}

impl<R, Reply> WriteJob for RuleJob<R, Reply>
where
    R: Rule,
    Reply: FnOnce(Result<R::Done, R::Failure>) + Send,
{
    fn run(&mut self, writes: &mut dyn Writes) -> bool {
        self.outcome = None;
        self.outcome = Some(self.rule.run(writes));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::Lost.into()));
        (self.reply)(committed.map_err(R::Failure::from).and(outcome));
    }
}
