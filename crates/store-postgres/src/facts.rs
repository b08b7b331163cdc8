//! What plans ask of the store, answered for a whole batch in one round trip.
//!
//! A plan is asked for with guesses first, which shows what it wants to know. All that the plans of a batch want to
//! know is looked up together, and those that guessed are asked for again.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use layer_store::StoreError;
use layer_store::key::AppKey;
use layer_store::webhook::Listener;
use layer_wire::UserId;
use layer_wire::identity::Fields;

use super::block::{self, Between};
use super::sql::{Query, Row, Sql};
use super::{identity, webhook};

/// Answers to questions, and the questions that wait for one.
struct Answers<Question, Answer> {
    known: RefCell<HashMap<Question, Answer>>,
    open: RefCell<HashSet<Question>>,
}

impl<Question: Eq + Hash, Answer: Clone + Default> Answers<Question, Answer> {
    fn new() -> Self {
        Self { known: RefCell::default(), open: RefCell::default() }
    }

    /// The answer, or a guess.
    fn ask(&self, question: Question, is_guess: &Cell<bool>) -> Answer {
        if let Some(answer) = self.known.borrow().get(&question) {
            return answer.clone();
        }
        is_guess.set(true);
        self.open.borrow_mut().insert(question);
        Answer::default()
    }
}

/// What is known, and what was asked.
pub struct Facts {
    listeners: Answers<AppKey, Vec<Listener>>,
    blocks: Answers<Between, bool>,
    identities: Answers<(AppKey, UserId), Option<Fields>>,
    is_guess: Cell<bool>,
}

/// The questions that wait, in the order of their queries.
pub struct Questions {
    apps: Vec<AppKey>,
    blocks: Vec<Between>,
    users: Vec<(AppKey, UserId)>,
}

impl Facts {
    pub fn new() -> Self {
        Self {
            listeners: Answers::new(),
            blocks: Answers::new(),
            identities: Answers::new(),
            is_guess: Cell::new(false),
        }
    }

    /// The listeners to the events of an app.
    pub fn listeners(&self, app: AppKey) -> Vec<Listener> {
        self.listeners.ask(app, &self.is_guess)
    }

    /// Whether anyone blocks anyone.
    pub fn has_block(&self, between: Between) -> bool {
        self.blocks.ask(between, &self.is_guess)
    }

    /// The identity of a user.
    pub fn identity(&self, app: AppKey, user: &UserId) -> Option<Fields> {
        self.identities.ask((app, user.clone()), &self.is_guess)
    }

    /// Whether something was guessed since this was asked last.
    pub fn take_guess(&self) -> bool {
        self.is_guess.take()
    }

    /// Takes the questions that wait.
    pub fn questions(&self) -> Questions {
        Questions {
            apps: self.listeners.open.take().into_iter().collect(),
            blocks: self.blocks.open.take().into_iter().collect(),
            users: self.identities.open.take().into_iter().collect(),
        }
    }

    /// Looks up what waits.
    pub fn answer(&self, sql: Sql<'_>) -> Result<(), StoreError> {
        let questions = self.questions();
        let rows = sql.all(&questions.queries())?;
        self.learn(questions, rows)
    }

    /// Learns what the queries of these questions found.
    pub fn learn(&self, questions: Questions, rows: Vec<Vec<Row>>) -> Result<(), StoreError> {
        let mut rows = rows.into_iter();
        for app in questions.apps {
            let found = rows.next().unwrap_or_default();
            let listeners = found.iter().map(webhook::read_listener).collect::<Result<_, _>>()?;
            self.listeners.known.borrow_mut().insert(app, listeners);
        }
        if !questions.blocks.is_empty() {
            let found = rows.next().unwrap_or_default();
            let with = found.iter().map(|row| row.get(0)).collect::<Result<HashSet<u32>, _>>()?;
            let answers =
                questions.blocks.into_iter().zip(1..).map(|(between, number)| (between, with.contains(&number)));
            self.blocks.known.borrow_mut().extend(answers);
        }
        if !questions.users.is_empty() {
            let found = rows.next().unwrap_or_default();
            let read = |row: &Row| Ok((row.get(0)?, Fields::trusted(row.json(1)?)));
            let mut fields = found.iter().map(read).collect::<Result<HashMap<u32, Fields>, StoreError>>()?;
            let answers = questions.users.into_iter().zip(1..).map(|(user, number)| (user, fields.remove(&number)));
            self.identities.known.borrow_mut().extend(answers);
        }
        Ok(())
    }
}

impl Questions {
    /// What finds the answers.
    pub fn queries(&self) -> Vec<Query<'_>> {
        let mut queries: Vec<_> = self.apps.iter().map(|app| webhook::of_listeners(*app)).collect();
        if !self.blocks.is_empty() {
            queries.push(block::with_blocks(&self.blocks.iter().collect::<Vec<_>>()));
        }
        if !self.users.is_empty() {
            let users: Vec<_> = self.users.iter().map(|(app, user)| (*app, user)).collect();
            queries.push(identity::of_users(&users));
        }
        queries
    }
}
