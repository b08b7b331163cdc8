//! Names of the files beside the database, which hold the bytes of rich content and the archives of exports.

use std::fmt;

use layer_wire::{AppId, ContentId, ExportId};
use uuid::Uuid;

/// The name of a file. It is made of UUIDs, so no text of a request gets into a path, and it is the same with every
/// engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileName {
    kind: &'static str,
    app: AppId,
    id: Uuid,
    suffix: &'static str,
}

impl FileName {
    /// The bytes of rich content.
    pub fn content(app: AppId, id: ContentId) -> Self {
        Self { kind: "content", app, id: id.uuid(), suffix: "" }
    }

    /// The archive of an export.
    pub fn archive(app: AppId, id: ExportId) -> Self {
        Self { kind: "export", app, id: id.uuid(), suffix: ".tar.gz.enc" }
    }

    /// What an archive is made of, while it is made.
    pub fn draft(app: AppId, id: ExportId) -> Self {
        Self { kind: "export", app, id: id.uuid(), suffix: ".json" }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}-{}{}", self.kind, self.app, self.id, self.suffix)
    }
}

/// Whether a text can be the name of a file: nothing that leads out of the folder.
pub fn is_file_name(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.starts_with('.') && !text.is_empty() && text.bytes().all(is_fine)
}

/// A file of an earlier release that has another name now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenamedFile {
    /// Its name until now.
    pub old: String,
    /// Its name from now on.
    pub new: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_the_id_of_its_app() {
        let app = AppId::new(Uuid::from_u128(1));
        let name = |name: FileName| name.to_string();
        let (one, two) = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002");
        assert_eq!(name(FileName::content(app, ContentId::new(Uuid::from_u128(2)))), format!("content-{one}-{two}"));
        let export = ExportId::new(Uuid::from_u128(2));
        assert_eq!(name(FileName::archive(app, export)), format!("export-{one}-{two}.tar.gz.enc"));
        assert_eq!(name(FileName::draft(app, export)), format!("export-{one}-{two}.json"));
    }
}
