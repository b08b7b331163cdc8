//! SQL as the modules of this crate speak it: prepared statements, and rows read into records, with errors of the
//! store.

use layer_store::StoreError;
use layer_store::page::{Gathered, Weighed};
use layer_store::transfer::Field;
use layer_wire::Timestamp;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{CachedStatement, ErrorCode, Params};
use uuid::Uuid;

/// What the store says of an error of SQLite, and what an operator does about it.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub fn failed(error: rusqlite::Error) -> StoreError {
    let (found, advice) = match error.sqlite_error_code() {
        _ if is_no_room(&error) => ("the disk of the database is full", "make room, and writes go on by themselves"),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            ("the disk of the database fails", "look into the log of the system")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ("another process holds the database", "end it, and writes go on by themselves")
        }
        Some(ErrorCode::ReadOnly) => {
            ("the database cannot be written", "give the platform the right to, and writes go on by themselves")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            return StoreError::Failed(format!(
                "the database is damaged ({error}); stop the platform and restore a backup"
            ));
        }
        _ => return StoreError::Failed(error.to_string()),
    };
    StoreError::Unavailable(format!("{found} ({error}); {advice}"))
}

/// Whether SQLite found no room on the disk: for a page, or for the index of the log, which it allocates at the start.
pub fn is_no_room(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

/// A connection, for statements that are prepared once and kept.
#[derive(Clone, Copy)]
pub struct Sql<'c>(pub &'c rusqlite::Connection);

impl<'c> Sql<'c> {
    /// Prepares a statement, or takes it from the cache.
    pub fn prepare(self, sql: &str) -> Result<Statement<'c>, StoreError> {
        self.0.prepare_cached(sql).map(Statement).map_err(failed)
    }

    /// The key of the row that was inserted last.
    pub fn last_key(self) -> i64 {
        self.0.last_insert_rowid()
    }
}

/// A prepared statement.
pub struct Statement<'c>(CachedStatement<'c>);

impl Statement<'_> {
    /// Runs it. Answers with how many rows it changed.
    pub fn run(&mut self, parameters: impl Params) -> Result<usize, StoreError> {
        self.0.execute(parameters).map_err(failed)
    }

    /// Whether there is a row.
    pub fn exists(&mut self, parameters: impl Params) -> Result<bool, StoreError> {
        self.0.exists(parameters).map_err(failed)
    }

    /// The first row, if there is one.
    pub fn first<T>(
        &mut self,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut rows = self.0.query(parameters).map_err(failed)?;
        let row = rows.next().map_err(failed)?;
        row.map(|row| read(&Row(row))).transpose()
    }

    /// The row of a statement that always has one. Error: `Failed` when it has none.
    pub fn one<T>(
        &mut self,
        parameters: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.first(parameters, read)?.ok_or_else(|| failed(rusqlite::Error::QueryReturnedNoRows))
    }

    /// All rows.
    pub fn all<T>(
        &mut self,
        parameters: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = self.0.query(parameters).map_err(failed)?;
        let mut found = vec![];
        while let Some(row) = rows.next().map_err(failed)? {
            found.push(read(&Row(row))?);
        }
        Ok(found)
    }

    /// Each row, one by one, so that they need no room.
    pub fn each(
        &mut self,
        parameters: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut rows = self.0.query(parameters).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            read(&Row(row))?;
        }
        Ok(())
    }

    /// The rows for which there is room.
    pub fn page<T: Weighed>(
        &mut self,
        parameters: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Gathered<T>, StoreError> {
        let mut rows = self.0.query(parameters).map_err(failed)?;
        let mut found = Gathered::default();
        while let Some(row) = rows.next().map_err(failed)? {
            if !found.add(read(&Row(row))?) {
                break;
            }
        }
        Ok(found)
    }
}

/// A row of an answer. Errors of its methods: `Failed` for a column of another type.
pub struct Row<'r>(&'r rusqlite::Row<'r>);

impl Row<'_> {
    /// A column.
    pub fn get<T: FromSql>(&self, column: usize) -> Result<T, StoreError> {
        self.0.get(column).map_err(failed)
    }

    /// A UUID.
    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        self.get(column).map(Uuid::from_bytes)
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
        let value = self.0.get_ref(column).map_err(failed)?;
        value.as_str().map_err(|error| failed(error.into()))
    }

    /// Bytes, without a copy of them.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        let value = self.0.get_ref(column).map_err(failed)?;
        value.as_blob().map_err(|error| failed(error.into()))
    }

    /// A column of whatever type.
    pub fn field(&self, column: usize) -> Result<Field, StoreError> {
        Ok(match self.0.get_ref(column).map_err(failed)? {
            ValueRef::Null => Field::Null,
            ValueRef::Integer(number) => Field::Whole(number),
            ValueRef::Text(text) => Field::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Field::Bytes(bytes.to_vec()),
            ValueRef::Real(_) => return Err(StoreError::Failed("a column holds a fraction".into())),
        })
    }

    /// A document.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        Ok(serde_json::from_str(self.text(column)?)?)
    }
}

/// A limit as SQL takes it.
pub fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
