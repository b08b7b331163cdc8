//! The folder beside the database: the bytes of rich content and the archives of exports, one file each.
//!
//! A file counts only once a row of the database says so, and the row goes before the file does. So there is no
//! half-written state to see, and nothing to be renamed: what matters is that the bytes are on disk before the row is.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use layer_store::file::FileName;
use layer_store::{DataLocation, StoreError};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// The folder. It is made when the first file is.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    is_temporary: bool,
    turn: Mutex<()>,
}

impl Files {
    /// The folder that goes with a database: `layer.db-files` beside `layer.db`; for one in memory, a folder for
    /// temporary files.
    pub fn beside(data: &DataLocation) -> Self {
        match data {
            DataLocation::File(path) => {
                let mut folder = path.clone().into_os_string();
                folder.push("-files");
                Self { folder: folder.into(), is_temporary: false, turn: Mutex::default() }
            }
            DataLocation::Memory => {
                let folder = std::env::temp_dir().join(format!("layer-platform-{}", Uuid::new_v4()));
                Self { folder, is_temporary: true, turn: Mutex::default() }
            }
        }
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.folder.join(name.to_string())
    }

    /// Opens a file to be read and written, and creates it if need be.
    pub fn open_to_write(&self, name: FileName) -> io::Result<File> {
        let path = self.path(name);
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create_private(&self.folder)?;
                open()
            }
            opened => opened,
        }
    }

    /// Opens a file to be read.
    pub fn open_to_read(&self, name: FileName) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// Writes a file and its name to disk.
    pub fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()?;
        self.sync_names()
    }

    /// The turn of deleting files by the names that the store gives, from reading these to forgetting them. Replacing
    /// the store has turns of the same kind: the names are then those of other files.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The same for a thread that may block.
    pub fn blocking_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.blocking_lock()
    }

    /// Deletes a file by what [`FileName`] prints; one that is not there is fine.
    pub fn delete(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives a file another name; one that is not there has it already.
    pub fn rename(&self, old: &str, new: &str) -> io::Result<()> {
        match std::fs::rename(self.folder.join(old), self.folder.join(new)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the names of files to disk.
    pub fn sync_names(&self) -> io::Result<()> {
        // Elsewhere a folder cannot be opened like a file, nor does it need to be.
        if !cfg!(unix) {
            return Ok(());
        }
        match File::open(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            folder => folder?.sync_all(),
        }
    }

    /// All files with their names. One that is deleted meanwhile is left out.
    pub fn all(&self) -> io::Result<Vec<(String, File)>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries?,
        };
        let mut files = vec![];
        for entry in entries {
            let entry = entry?;
            match File::open(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => files.push((entry.file_name().to_string_lossy().into_owned(), file?)),
            }
        }
        Ok(files)
    }

    /// Whether a text can be the name of a file: nothing that leads out of the folder.
    pub fn is_name(text: &str) -> bool {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        !text.starts_with('.') && !text.is_empty() && text.bytes().all(is_fine)
    }

    /// Writes files into a folder aside, to take the place of all others. Error: `Unavailable` with what the system
    /// says.
    pub fn stage(self: &Arc<Self>, contents: &[(String, Vec<u8>)]) -> Result<Staged, StoreError> {
        let mut folder = self.folder.clone().into_os_string();
        folder.push("-restored");
        let staged = Staged { files: Arc::clone(self), folder: folder.into() };
        let write = || {
            // What a crash left behind.
            remove_folder(&staged.folder)?;
            create_private(&staged.folder)?;
            contents.iter().try_for_each(|(name, bytes)| {
                let mut file = File::create_new(staged.folder.join(name))?;
                file.write_all(bytes)?;
                file.sync_all()
            })
        };
        write().map_err(|error| unavailable(&error))?;
        Ok(staged)
    }

    /// Deletes everything. Error: `Unavailable` with what the system says.
    pub fn clear(&self) -> Result<(), StoreError> {
        remove_folder(&self.folder).map_err(|error| unavailable(&error))
    }

    /// Deletes everything, if the database was in memory.
    pub fn close(&self) {
        if self.is_temporary {
            // What cannot be deleted is left to the system, as other temporary files are.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Files that wait to take the place of all others; dropped, they are gone.
pub struct Staged {
    files: Arc<Files>,
    folder: PathBuf,
}

impl Staged {
    /// Puts them in their place. Error: `Unavailable` with what the system says.
    pub fn replace(self) -> Result<(), StoreError> {
        self.files.clear()?;
        std::fs::rename(&self.folder, &self.files.folder).map_err(|error| unavailable(&error))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Runs what waits for the disk, off the threads that serve requests. Error: `Unavailable` with what the system says.
pub async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    // Boxed, because a task for each closure of its own is much code for nothing.
    let work: Box<dyn FnOnce() -> io::Result<T> + Send> = Box::new(work);
    let outcome = tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Lost)?;
    outcome.map_err(|error| unavailable(&error))
}

/// What the disk refused, as an error of the store.
pub fn unavailable(error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("a file cannot be read or written: {error}"))
}

/// Makes a folder that other users of the machine cannot look into.
fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
