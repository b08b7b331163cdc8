//! SQL as the modules of this crate speak it: statements that are prepared once and kept, and rows read into records,
//! with errors of the store.
//!
//! A connection belongs to one thread, which drives it while it waits for an answer. So a job needs no other thread,
//! and its statements are as simple to write as those of an engine in the process.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::TryStreamExt as _;
use layer_store::StoreError;
use layer_store::page::{Gathered, Weighed};
use layer_store::transfer::Field;
use layer_wire::Timestamp;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement as Prepared};
use uuid::Uuid;

/// Why a transaction cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Another one was faster: it is worth to run the job again.
    Conflict,
    /// The connection is gone, or leads to a server that takes no writes: it is worth to run the job again on another.
    Broken(String),
    /// Anything else.
    Refused(StoreError),
}

impl Trouble {
    /// What an error of the driver means.
    pub fn of(error: &Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            let is_broken = error.is_closed()
                || error.source().is_some_and(|source| source.downcast_ref::<std::io::Error>().is_some());
            return if is_broken {
                Self::Broken(error.to_string())
            } else {
                Self::Refused(StoreError::Failed(error.to_string()))
            };
        };
        let code = refusal.code();
        // The details of a refusal can hold what users wrote; its sentence does not.
        let text = format!("{} ({})", refusal.message(), code.code());
        match *code {
            SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::UNIQUE_VIOLATION
            | SqlState::FOREIGN_KEY_VIOLATION
            | SqlState::LOCK_NOT_AVAILABLE => Self::Conflict,
            // Where a server shuts down, begins, or is no longer the primary.
            SqlState::ADMIN_SHUTDOWN
            | SqlState::CRASH_SHUTDOWN
            | SqlState::CANNOT_CONNECT_NOW
            | SqlState::READ_ONLY_SQL_TRANSACTION
            | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => Self::Broken(text),
            // Too little of memory, disk or connections; too long a statement.
            _ if code.code().starts_with("53")
                || code.code().starts_with("08")
                || *code == SqlState::QUERY_CANCELED =>
            {
                Self::Refused(StoreError::Unavailable(text))
            }
            _ => Self::Refused(StoreError::Failed(text)),
        }
    }

    /// What the store says of it.
    pub fn into_error(self) -> StoreError {
        match self {
            Self::Conflict => StoreError::Busy,
            Self::Broken(reason) => StoreError::Unavailable(format!("the connection to PostgreSQL broke: {reason}")),
            Self::Refused(error) => error,
        }
    }
}

/// A connection.
pub struct Connection {
    client: Client,
    statements: RefCell<HashMap<String, Prepared>>,
    /// What begins the transaction; it goes with its first statement.
    begin: Cell<Option<&'static str>>,
    /// What went wrong first in the transaction at hand.
    trouble: RefCell<Option<Trouble>>,
    /// Last, so that it is dropped last: it drives the connection.
    runtime: Runtime,
}

impl Connection {
    /// Wraps a client whose connection is driven by this runtime of the current thread.
    pub fn new(client: Client, runtime: Runtime) -> Self {
        Self { client, statements: RefCell::default(), begin: Cell::new(None), trouble: RefCell::new(None), runtime }
    }

    /// Begins a transaction with its first statement.
    pub fn begin(&self, how: &'static str) {
        self.begin.set(Some(how));
        *self.trouble.borrow_mut() = None;
    }

    /// What went wrong in the transaction at hand, if something did.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.borrow().clone()
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Commits; a transaction without a statement never began.
    pub fn commit(&self) -> Result<(), Trouble> {
        if self.begin.take().is_some() {
            return Ok(());
        }
        self.wait(self.client.batch_execute("COMMIT")).map_err(|error| Trouble::of(&error))
    }

    /// Rolls back. `false` when that fails: then the connection is of no more use.
    pub fn roll_back(&self) -> bool {
        self.begin.take().is_some() || self.wait(self.client.batch_execute("ROLLBACK")).is_ok()
    }

    /// Runs statements that have no parameters and no answer.
    pub fn run_all(&self, sql: &str) -> Result<(), Trouble> {
        self.wait(async {
            self.send_begin().await?;
            self.client.batch_execute(sql).await
        })
        .map_err(|error| Trouble::of(&error))
    }

    /// Waits for an answer, and drives the connection meanwhile.
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The client, for what has no verb here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn send_begin(&self) -> Result<(), Error> {
        match self.begin.take() {
            Some(begin) => self.client.batch_execute(begin).await,
            None => Ok(()),
        }
    }

    async fn prepared(&self, sql: &str) -> Result<Prepared, Error> {
        let known = self.statements.borrow().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        self.send_begin().await?;
        let statement = self.client.prepare(sql).await?;
        self.statements.borrow_mut().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Runs a statement and hands over its rows until one is enough. Answers with how many rows it changed.
    fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
        on_row: &mut dyn FnMut(&Row) -> Result<bool, StoreError>,
    ) -> Result<u64, StoreError> {
        let answered = self.wait(async {
            let statement = self.prepared(sql).await?;
            let query = self.client.query_raw(&statement, values);
            let rows = match self.begin.take() {
                None => query.await?,
                Some(begin) => {
                    let (is_begun, rows) = tokio::join!(biased; self.client.batch_execute(begin), query);
                    is_begun?;
                    rows?
                }
            };
            let mut rows = std::pin::pin!(rows);
            while let Some(row) = rows.try_next().await? {
                match on_row(&Row(row)) {
                    Ok(true) => {}
                    Ok(false) => return Ok(Ok(0)),
                    Err(error) => return Ok(Err(error)),
                }
            }
            Ok::<_, Error>(Ok(rows.rows_affected().unwrap_or_default()))
        });
        answered.unwrap_or_else(|error| Err(self.failed(&error)))
    }

    /// Runs statements one after the other, without waiting for the answers in between. Answers with the rows of each.
    fn query_all(&self, queries: &[Query<'_>]) -> Result<Vec<Vec<Row>>, StoreError> {
        let answered = self.wait(async {
            let mut statements = Vec::with_capacity(queries.len());
            for query in queries {
                statements.push(self.prepared(&query.sql).await?);
            }
            let mut sent: Vec<Answer<'_, Result<Vec<Row>, Error>>> = vec![];
            if let Some(begin) = self.begin.take() {
                sent.push(Box::pin(async { self.client.batch_execute(begin).await.map(|()| vec![]) }));
            }
            let skipped = sent.len();
            for (query, statement) in queries.iter().zip(&statements) {
                sent.push(Box::pin(async {
                    self.client.query_raw(statement, &query.values).await?.map_ok(Row).try_collect().await
                }));
            }
            Ok::<_, Error>(in_order(sent).await.into_iter().collect::<Result<Vec<_>, _>>()?.split_off(skipped))
        });
        answered.map_err(|error| self.failed(&error))
    }

    /// Notes what went wrong, if it was the first.
    fn failed(&self, error: &Error) -> StoreError {
        let trouble = Trouble::of(error);
        self.trouble.borrow_mut().get_or_insert_with(|| trouble.clone());
        trouble.into_error()
    }
}

/// An answer that is waited for.
type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Waits for all of them. Each is polled for the first time after the one before it, so that what they send goes out in
/// their order.
async fn in_order<T>(mut futures: Vec<Answer<'_, T>>) -> Vec<T> {
    let mut outcomes: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, outcome) in futures.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(ready) => *outcome = Some(ready),
                Poll::Pending => is_done = false,
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}

/// A connection, for statements that are prepared once and kept.
#[derive(Clone, Copy)]
pub struct Sql<'c>(pub &'c Connection);

impl<'c> Sql<'c> {
    /// Names a statement. It is prepared when it runs, or taken from the cache.
    pub fn prepare<'s>(self, sql: impl Into<Cow<'s, str>>) -> Statement<'c, 's> {
        Statement { connection: self.0, sql: sql.into() }
    }

    /// Runs a statement. Answers with its rows.
    pub fn rows(self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        Ok(self.0.query_all(&[query])?.pop().unwrap_or_default())
    }

    /// Runs statements in one round trip. Answers with the rows of each.
    pub fn all(self, queries: &[Query<'_>]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.0.query_all(queries)
    }

    /// Says that another transaction was in the way: the job is run again.
    pub fn conflict(self) -> StoreError {
        self.0.trouble.borrow_mut().get_or_insert(Trouble::Conflict);
        Trouble::Conflict.into_error()
    }
}

/// A statement with what it is given.
pub struct Query<'v> {
    sql: Cow<'v, str>,
    values: Vec<Value<'v>>,
}

impl<'v> Query<'v> {
    /// Puts them together.
    pub fn new(sql: impl Into<Cow<'v, str>>, parameters: impl Params<'v>) -> Self {
        Self { sql: sql.into(), values: parameters.values() }
    }
}

/// A statement.
pub struct Statement<'c, 's> {
    connection: &'c Connection,
    sql: Cow<'s, str>,
}

impl Statement<'_, '_> {
    /// Runs it. Answers with how many rows it changed.
    pub fn run<'v>(&self, parameters: impl Params<'v>) -> Result<usize, StoreError> {
        let changed = self.connection.query(&self.sql, &parameters.values(), &mut |_| Ok(true))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Whether there is a row.
    pub fn exists<'v>(&self, parameters: impl Params<'v>) -> Result<bool, StoreError> {
        Ok(self.first(parameters, |_| Ok(()))?.is_some())
    }

    /// The first row, if there is one.
    pub fn first<'v, T>(
        &self,
        parameters: impl Params<'v>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        self.connection.query(&self.sql, &parameters.values(), &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(true)
        })?;
        Ok(found)
    }

    /// The row of a statement that always has one. Error: `Failed` when it has none.
    pub fn one<'v, T>(
        &self,
        parameters: impl Params<'v>,
        read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.first(parameters, read)?.ok_or_else(|| StoreError::Failed("a row is missing".into()))
    }

    /// All rows.
    pub fn all<'v, T>(
        &self,
        parameters: impl Params<'v>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = vec![];
        self.connection.query(&self.sql, &parameters.values(), &mut |row| {
            found.push(read(row)?);
            Ok(true)
        })?;
        Ok(found)
    }

    /// Each row, one by one, so that they need no room. What is done with a row asks the database for nothing.
    pub fn each<'v>(
        &self,
        parameters: impl Params<'v>,
        mut read: impl FnMut(&Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.connection.query(&self.sql, &parameters.values(), &mut |row| read(row).map(|()| true))?;
        Ok(())
    }

    /// The rows for which there is room.
    pub fn page<'v, T: Weighed>(
        &self,
        parameters: impl Params<'v>,
        mut read: impl FnMut(&Row) -> Result<T, StoreError>,
    ) -> Result<Gathered<T>, StoreError> {
        let mut found = Gathered::default();
        self.connection.query(&self.sql, &parameters.values(), &mut |row| Ok(found.add(read(row)?)))?;
        Ok(found)
    }
}

/// A value for a parameter.
#[derive(Debug)]
pub enum Value<'v> {
    /// `NULL`.
    Null,
    /// A number, for a column of any width.
    Number(i64),
    /// A `boolean`.
    Boolean(bool),
    /// A `text`.
    Text(Cow<'v, str>),
    /// A `bytea`.
    Bytes(Cow<'v, [u8]>),
    /// A `uuid`.
    Uuid(Uuid),
    /// An array.
    List(Vec<Self>),
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) if *ty == Type::INT2 => i16::try_from(*number)?.to_sql(ty, out),
            Self::Number(number) if *ty == Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
            Self::Number(number) => number.to_sql(ty, out),
            Self::Boolean(value) => value.to_sql(ty, out),
            Self::Text(text) => (&**text).to_sql(ty, out),
            Self::Bytes(bytes) => (&**bytes).to_sql(ty, out),
            Self::Uuid(uuid) => uuid.to_sql(ty, out),
            Self::List(values) => values.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

macro_rules! values {
    ($($Type:ty => |$value:ident| $made:expr;)*) => {$(
        impl<'v> From<$Type> for Value<'v> {
            fn from($value: $Type) -> Self {
                $made
            }
        }
    )*};
}

values! {
    i64 => |value| Value::Number(value);
    u32 => |value| Value::Number(value.into());
    u8 => |value| Value::Number(value.into());
    bool => |value| Value::Boolean(value);
    &'v str => |value| Value::Text(Cow::Borrowed(value));
    &'v String => |value| Value::Text(Cow::Borrowed(value));
    String => |value| Value::Text(Cow::Owned(value));
    &'v Vec<u8> => |value| Value::Bytes(Cow::Borrowed(value));
    &'v [u8] => |value| Value::Bytes(Cow::Borrowed(value));
    Vec<u8> => |value| Value::Bytes(Cow::Owned(value));
    &'v [u8; 32] => |value| Value::Bytes(Cow::Borrowed(value));
    [u8; 16] => |value| Value::Bytes(Cow::Owned(value.into()));
    [u8; 32] => |value| Value::Bytes(Cow::Owned(value.into()));
    Uuid => |value| Value::Uuid(value);
}

/// Lists are arrays, but for those of bytes.
macro_rules! lists {
    ($($Item:ty),*) => {$(
        impl<'v> From<Vec<$Item>> for Value<'v> {
            fn from(values: Vec<$Item>) -> Self {
                Value::List(values.into_iter().map(Into::into).collect())
            }
        }
    )*};
}

lists! { i64, Option<i64>, &'v str, Option<&'v str>, Vec<u8>, &'v [u8], Uuid }

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<'v> From<&'v Option<String>> for Value<'v> {
    fn from(value: &'v Option<String>) -> Self {
        value.as_ref().into()
    }
}

/// What a statement is given.
pub trait Params<'v> {
    /// In the order of the parameters.
    fn values(self) -> Vec<Value<'v>>;
}

impl<'v, T: Into<Value<'v>>, const N: usize> Params<'v> for [T; N] {
    fn values(self) -> Vec<Value<'v>> {
        self.into_iter().map(Into::into).collect()
    }
}

macro_rules! tuples {
    ($(($($Type:ident)*))*) => {$(
        impl<'v, $($Type: Into<Value<'v>>),*> Params<'v> for ($($Type,)*) {
            #[expect(non_snake_case, reason = "a name for each type")]
            fn values(self) -> Vec<Value<'v>> {
                let ($($Type,)*) = self;
                vec![$($Type.into()),*]
            }
        }
    )*};
}

tuples! {
    (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
}

impl<'v> Params<'v> for Vec<Value<'v>> {
    fn values(self) -> Self {
        self
    }
}

impl Params<'static> for () {
    fn values(self) -> Vec<Value<'static>> {
        vec![]
    }
}

/// A row of an answer. Errors of its methods: `Failed` for a column of another type.
pub struct Row(tokio_postgres::Row);

/// What a column can be read as.
pub trait Column: Sized {
    /// Reads it.
    fn read(row: &Row, column: usize) -> Result<Self, StoreError>;
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn unreadable(error: impl ToString) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn direct<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T, StoreError> {
    row.0.try_get(column).map_err(unreadable)
}

fn number(row: &Row, column: usize) -> Result<Option<i64>, StoreError> {
    let kind = row.0.columns().get(column).map(tokio_postgres::Column::type_);
    Ok(match kind {
        Some(kind) if *kind == Type::INT2 => direct::<Option<i16>>(row, column)?.map(Into::into),
        Some(kind) if *kind == Type::INT4 => direct::<Option<i32>>(row, column)?.map(Into::into),
        _ => direct(row, column)?,
    })
}

fn present<T>(value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Failed("a column is empty".into()))
}

macro_rules! columns {
    ($($Type:ty => |$row:ident, $column:ident| $read:expr;)*) => {$(
        impl Column for $Type {
            fn read($row: &Row, $column: usize) -> Result<Self, StoreError> {
                present($read)
            }
        }

        impl Column for Option<$Type> {
            fn read($row: &Row, $column: usize) -> Result<Self, StoreError> {
                Ok($read)
            }
        }
    )*};
}

columns! {
    i64 => |row, column| number(row, column)?;
    u32 => |row, column| number(row, column)?.map(u32::try_from).transpose().map_err(unreadable)?;
    u8 => |row, column| number(row, column)?.map(u8::try_from).transpose().map_err(unreadable)?;
    bool => |row, column| direct::<Option<bool>>(row, column)?;
    String => |row, column| direct::<Option<String>>(row, column)?;
    Vec<u8> => |row, column| direct::<Option<Vec<u8>>>(row, column)?;
    Uuid => |row, column| direct::<Option<Uuid>>(row, column)?;
    [u8; 16] => |row, column| array(row, column)?;
    [u8; 32] => |row, column| array(row, column)?;
}

fn array<const N: usize>(row: &Row, column: usize) -> Result<Option<[u8; N]>, StoreError> {
    let bytes: Option<&[u8]> = row.0.try_get(column).map_err(unreadable)?;
    bytes.map(TryInto::try_into).transpose().map_err(unreadable)
}

impl Row {
    /// A column.
    pub fn get<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        T::read(self, column)
    }

    /// A UUID.
    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        self.get(column)
    }

    /// A time.
    pub fn time(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_ms)
    }

    /// A time, or nothing.
    pub fn optional_time(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_ms))
    }

    /// A number that is never negative.
    pub fn count(&self, column: usize) -> Result<u64, StoreError> {
        self.get::<i64>(column).map(i64::unsigned_abs)
    }

    /// A text, without a copy of it.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.0.try_get(column).map_err(unreadable)
    }

    /// Bytes, without a copy of them.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.0.try_get(column).map_err(unreadable)
    }

    /// A column of whatever type.
    pub fn field(&self, column: usize) -> Result<Field, StoreError> {
        let kind = self.0.columns().get(column).map(tokio_postgres::Column::type_);
        let field = match kind {
            Some(kind) if *kind == Type::BOOL => {
                self.get::<Option<bool>>(column)?.map(|is_true| Field::Whole(is_true.into()))
            }
            Some(kind) if *kind == Type::TEXT => self.get::<Option<String>>(column)?.map(Field::Text),
            Some(kind) if *kind == Type::BYTEA => self.get::<Option<Vec<u8>>>(column)?.map(Field::Bytes),
            Some(kind) if *kind == Type::UUID => {
                self.get::<Option<Uuid>>(column)?.map(|uuid| Field::Bytes(uuid.as_bytes().to_vec()))
            }
            _ => number(self, column)?.map(Field::Whole),
        };
        Ok(field.unwrap_or(Field::Null))
    }

    /// A document.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        Ok(serde_json::from_str(self.text(column)?)?)
    }
}

/// Which element of an array a row is about, by its number in a column, which is counted from one.
pub fn element(row: &Row, column: usize) -> Result<usize, StoreError> {
    let number: u32 = row.get(column)?;
    (number as usize).checked_sub(1).ok_or_else(|| StoreError::Failed("an element has no number".into()))
}

/// The same, by the first column.
pub fn numbered(row: &Row) -> Result<usize, StoreError> {
    element(row, 0)
}

/// A limit as SQL takes it.
pub fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
