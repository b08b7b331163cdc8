//! Where the data of a platform is, and the files that go with it.

use std::sync::Arc;

use layer_store::DataLocation;

use super::error::UpkeepError;
use crate::ground::blobs::{Blobs, FilesLocation};
use crate::ground::engine;
use crate::ground::files::Files;
use crate::ground::memory::Memory;

/// Where the data of a platform is, and the files that go with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The data.
    pub data: DataLocation,
    /// The files, as the setting `files` has them.
    pub files: Option<FilesLocation>,
}

impl Place {
    /// Opens the files.
    pub fn files(&self) -> Result<Arc<dyn Blobs>, UpkeepError> {
        let opened = engine::open_blobs(self.files.clone(), &self.data, &Memory::default());
        opened.map_err(|reason| UpkeepError::Other(format!("files: {reason}")))
    }

    /// Where the files are, whatever it is called: a folder that is not there yet by the name that it will have.
    pub fn files_location(&self) -> FilesLocation {
        let folder = match &self.files {
            Some(FilesLocation::Bucket(bucket)) => return FilesLocation::Bucket(bucket.clone()),
            Some(FilesLocation::Folder(folder)) => folder.clone(),
            None => Files::beside(&self.data).path_of(""),
        };
        let real = folder.canonicalize().or_else(|_| std::path::absolute(&folder));
        FilesLocation::Folder(real.unwrap_or(folder))
    }
}
