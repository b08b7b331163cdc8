//! Blobs as files in the folder beside the database.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use layer_store::file::{FileName, RenamedFile};
use layer_store::{Beside, DataLocation, StoreError};
use uuid::Uuid;

use super::blobs::{BlobWriter, Blobs, Listed, WriteFrom, unavailable};

/// The folder. It is made when the first file is.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    is_temporary: bool,
}

impl Files {
    /// A folder, which several platforms may share.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder, is_temporary: false }
    }

    /// The folder that goes with a database: `layer.db-files` beside `layer.db`; for one in memory, a folder for
    /// temporary files; for one of a server, `layer-files` where the platform runs.
    pub fn beside(data: &DataLocation) -> Self {
        match data {
            DataLocation::File(path) => Self { folder: beside(path, "-files"), is_temporary: false },
            DataLocation::Postgres(_) => Self::in_folder("layer-files".into()),
            DataLocation::Memory => {
                let folder = std::env::temp_dir().join(format!("layer-platform-{}", Uuid::new_v4()));
                Self { folder, is_temporary: true }
            }
        }
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.folder.join(name.to_string())
    }

    /// Where a file is, by what [`FileName`] prints.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Opens a file to be read, by what [`FileName`] prints.
    pub fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.path_of(name))
    }

    /// Makes the folder, unless it is there.
    pub fn create_folder(&self) -> io::Result<()> {
        create_private(&self.folder)
    }

    /// Writes the names of files to disk.
    pub fn sync_names(&self) -> io::Result<()> {
        sync_names(&self.folder)
    }

    /// Passes on the name of every file, in no order. What comes or goes meanwhile may be left out.
    pub fn for_each_name(&self, each: &mut dyn FnMut(&str) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| unavailable(&error))?,
        };
        for entry in entries {
            let name = entry.map_err(|error| unavailable(&error))?.file_name();
            each(&name.to_string_lossy())?;
        }
        Ok(())
    }

    fn open_to_write(&self, name: FileName) -> io::Result<File> {
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
}

impl Blobs for Files {
    fn write(&self, name: FileName, from: WriteFrom) -> io::Result<Option<Box<dyn BlobWriter>>> {
        let mut file = self.open_to_write(name)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if from == WriteFrom::Start {
            file.set_len(0)?;
        }
        let start = file.seek(SeekFrom::End(0))?;
        Ok(Some(Box::new(Writer { file, start, end: start, folder: self.folder.clone() })))
    }

    fn length(&self, name: FileName) -> io::Result<u64> {
        match File::open(self.path(name)) {
            Ok(file) => {
                file.sync_all()?;
                Ok(file.metadata()?.len())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn read(&self, name: FileName, range: Range<u64>) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(range.start))?;
        Ok(Box::new(file.take(range.end.saturating_sub(range.start))))
    }

    fn list(&self) -> io::Result<Vec<Listed>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries?,
        };
        let mut files = vec![];
        for entry in entries {
            let entry = entry?;
            let file = match File::open(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            let (name, length) = (entry.file_name().to_string_lossy().into_owned(), file.metadata()?.len());
            // An upload may go on meanwhile.
            files.push(Listed { name, length, bytes: Box::new(file.take(length)) });
        }
        Ok(files)
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        remove_file(&self.folder.join(name))
    }

    fn rename(&self, renamed: &[RenamedFile]) -> io::Result<()> {
        for RenamedFile { old, new } in renamed {
            match std::fs::rename(self.folder.join(old), self.folder.join(new)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync_names(&self.folder)
    }

    fn stage(&self, blobs: &[(String, Vec<u8>)]) -> io::Result<Beside> {
        let staged = Staged { folder: self.folder.clone(), aside: beside(&self.folder, "-restored") };
        // What a crash left behind.
        remove_folder(&staged.aside)?;
        create_private(&staged.aside)?;
        for (name, bytes) in blobs {
            let mut file = File::create_new(staged.aside.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        Ok(Box::new(move || staged.replace().map_err(|error| unavailable(&error))))
    }

    fn clear(&self) -> io::Result<()> {
        remove_folder(&self.folder)
    }

    fn close(&self) {
        if self.is_temporary {
            // What cannot be deleted is left to the system, as other temporary files are.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A file that is locked against other writers.
struct Writer {
    file: File,
    /// Where it began.
    start: u64,
    end: u64,
    folder: PathBuf,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.end += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl BlobWriter for Writer {
    fn length(&self) -> u64 {
        self.end
    }

    fn keep(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        sync_names(&self.folder)
    }

    fn undo(&mut self) -> io::Result<()> {
        self.file.set_len(self.start)?;
        self.end = self.file.seek(SeekFrom::Start(self.start))?;
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.file.rewind()?;
        Ok(Box::new(ReadBack(self)))
    }
}

/// Reads a file from its start. When it is dropped, the file is written at its end again.
struct ReadBack<'w>(&'w mut Writer);

impl Read for ReadBack<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.file.read(buffer)
    }
}

impl Drop for ReadBack<'_> {
    fn drop(&mut self) {
        // A position behind what is there cannot be refused.
        let _ = self.0.file.seek(SeekFrom::Start(self.0.end));
    }
}

/// Files that wait to take the place of all others; dropped, they are gone.
struct Staged {
    folder: PathBuf,
    aside: PathBuf,
}

impl Staged {
    fn replace(&self) -> io::Result<()> {
        remove_folder(&self.folder)?;
        std::fs::rename(&self.aside, &self.folder)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.aside);
    }
}

/// Writes the names of files to disk.
fn sync_names(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the names in a folder to disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened like a file, nor does it need to be.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Something beside a path, by an ending.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Deletes a file; one that is not there is fine.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Deletes a folder with all that is in it; one that is not there is fine.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a folder that other users of the machine cannot look into.
pub fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
