//! Names of the files beside the database, which hold the bytes of rich content and the archives of exports.

use std::fmt;

use layer_wire::{ContentId, ExportId};
use uuid::Uuid;

use crate::key::AppKey;

/// The name of a file. It is made of a number and a UUID, so that no text of a request gets into a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName {
    kind: &'static str,
    app: AppKey,
    id: Uuid,
    suffix: &'static str,
}

impl FileName {
    /// The bytes of rich content.
    pub fn content(app: AppKey, id: ContentId) -> Self {
        Self { kind: "content", app, id: id.uuid(), suffix: "" }
    }

    /// The archive of an export.
    pub fn archive(app: AppKey, id: ExportId) -> Self {
        Self { kind: "export", app, id: id.uuid(), suffix: ".tar.gz.enc" }
    }

    /// What an archive is made of, while it is made.
    pub fn draft(app: AppKey, id: ExportId) -> Self {
        Self { kind: "export", app, id: id.uuid(), suffix: ".json" }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}{}", self.kind, self.app.number(), self.id, self.suffix)
    }
}
