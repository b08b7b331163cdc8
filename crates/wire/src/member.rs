//! Members of objects that not every version has.

use serde::Serialize;

/// A member of an object that not every version, or not every answer, has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(untagged)]
pub enum Member<T> {
    /// The object does not have the member.
    #[default]
    Absent,
    /// The object has the member, though its value may be `null`.
    Present(T),
}

impl<T> Member<T> {
    /// For `skip_serializing_if`: an absent member must not be serialised.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The member, if `is_present`.
    pub fn when(is_present: bool, value: impl FnOnce() -> T) -> Self {
        if is_present { Self::Present(value()) } else { Self::Absent }
    }
}

impl<T> Member<Option<T>> {
    /// The member with a value, or else with `null`, or absent where nulls are left out.
    pub fn nullable(value: Option<T>, has_nulls: bool) -> Self {
        if value.is_some() || has_nulls { Self::Present(value) } else { Self::Absent }
    }
}
