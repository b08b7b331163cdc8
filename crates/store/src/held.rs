//! What a write works on: rows that nobody else changes, and the outcome of inserting one.

use std::ops::Deref;

/// A row as it is, and as it stays until the end of the write: nobody else changes it before that.
///
/// Only an engine makes one, so a rule that changes a row cannot forget to hold it. What an engine changes of the row,
/// it changes here as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<T>(T);

impl<T> Held<T> {
    /// For engines: wraps a row that is locked until the end of the write.
    pub fn by_engine(row: T) -> Self {
        Self(row)
    }

    /// For engines: the row, to be kept the same as what is stored.
    pub fn in_engine(&mut self) -> &mut T {
        &mut self.0
    }

    /// The row, to be shown.
    pub fn into_record(self) -> T {
        self.0
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// The outcome of an insert: there is no need to look first, and no gap between the look and the insert.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Inserted<T, By> {
    /// It was inserted.
    Done(T),
    /// Something is in its place. Nothing was changed.
    Taken(By),
}

impl<T, By> Inserted<T, By> {
    /// Changes what was inserted into something else.
    pub fn map<Other>(self, change: impl FnOnce(T) -> Other) -> Inserted<Other, By> {
        match self {
            Self::Done(inserted) => Inserted::Done(change(inserted)),
            Self::Taken(by) => Inserted::Taken(by),
        }
    }
}
