//! `backup` and `restore`: a folder with a copy of the database and of the files beside it.
//!
//! Files are held fast by links before the database is copied, because a platform deletes files once no row names them:
//! so whatever the copy names is there. Files never change once they are whole, so links are as good as copies.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use layer_store::clock::machine_time;
use layer_store::upkeep::{FileState, FindingKind, Step, Told, Upkeep};
use layer_store::{DataLocation, StoreError};
use layer_wire::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::error::UpkeepError;
use crate::ground::blobs::{Blobs as _, unavailable};
use crate::ground::files::{Files, beside, create_private, remove_file, remove_folder, sync_folder};

/// The database in a backup.
const DATABASE: &str = "layer.db";

/// Says what the folder is, and that it is whole: it is written last.
pub const STATEMENT: &str = "backup.json";

/// Stands behind the name of a backup or an export until it is whole.
pub const UNFINISHED: &str = "-unfinished";

/// The form of a backup.
const FORMAT: u32 = 1;

/// How often the database is copied when files vanish meanwhile.
const ROUNDS: usize = 3;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Statement {
    format: u32,
    version: String,
    made_at: Timestamp,
    database_bytes: u64,
    files: u64,
    file_bytes: u64,
    missing_files: u64,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Its folder.
    pub folder: PathBuf,
    /// How large the copy of the database is.
    pub database_bytes: u64,
    /// How many files are in it.
    pub files: u64,
    /// How large they are together.
    pub file_bytes: u64,
    /// How many files the platform lacks itself.
    pub missing_files: u64,
}

impl fmt::Display for BackedUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, database_bytes, files, file_bytes, missing_files } = self;
        write!(
            formatter,
            "Backup made in {}: a database of {database_bytes} bytes, {files} files of {file_bytes} bytes.",
            folder.display()
        )?;
        if *missing_files > 0 {
            write!(
                formatter,
                "\n{missing_files} files are missing beside the database itself: see `layer-api check`."
            )?;
        }
        Ok(())
    }
}

/// The files beside a database.
pub fn files_of(data: &Path) -> Files {
    Files::beside(&DataLocation::File(data.to_owned()))
}

/// What the disk refused.
fn refused(error: &io::Error) -> UpkeepError {
    unavailable(error).into()
}

/// Makes a backup of a database, which may be in use, in a folder that is not there yet. It has this name only once it
/// is whole.
pub fn back_up(data: &Path, to: &Path, told: Told<'_>) -> Result<BackedUp, UpkeepError> {
    if to.exists() {
        return Err(UpkeepError::Other(format!("{} is there already; name a folder that is not", to.display())));
    }
    let upkeep = layer_store_sqlite::open_beside(data)?;
    let draft = beside(to, UNFINISHED);
    let made = make(&*upkeep, &files_of(data), &draft, told);
    let statement = match made {
        Ok(statement) => statement,
        Err(error) => {
            // What cannot be deleted now is deleted by the next backup of this name.
            let _ = remove_folder(&draft);
            return Err(error);
        }
    };
    fs::rename(&draft, to).map_err(|error| UpkeepError::of_path(to, "created", &error))?;
    sync_folder(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        .map_err(|error| refused(&error))?;
    let Statement { database_bytes, files, file_bytes, missing_files, .. } = statement;
    Ok(BackedUp { folder: to.to_owned(), database_bytes, files, file_bytes, missing_files })
}

fn make(upkeep: &dyn Upkeep, source: &Files, draft: &Path, told: Told<'_>) -> Result<Statement, UpkeepError> {
    let failed = |error: io::Error| UpkeepError::of_path(draft, "created", &error);
    remove_folder(draft).map_err(failed)?;
    create_private(draft).map_err(failed)?;
    let (database, held) = (draft.join(DATABASE), draft.join("held"));
    create_private(&held).map_err(failed)?;
    let kept = files_of(&database);
    let mut missing = vec![];
    for round in 0..ROUNDS {
        hold(source, &held, told)?;
        upkeep.copy_to(&database, told)?;
        let before = std::mem::take(&mut missing);
        missing = keep(&*layer_store_sqlite::open_beside(&database)?, source, &held, &kept, told)?;
        // Those that were missing before as well are not there at all.
        if missing.is_empty() || missing == before || round + 1 == ROUNDS {
            break;
        }
        fs::remove_file(&database).map_err(failed)?;
    }
    remove_folder(&held).map_err(failed)?;
    let copy = layer_store_sqlite::open_beside(&database)?;
    let (mut files, mut file_bytes) = (0, 0);
    copy.for_each_file(&mut |file| {
        (files, file_bytes) = (files + 1, file_bytes + file.size);
        Ok(())
    })?;
    drop(copy);
    let size = fs::metadata(&database).map_err(failed)?.len();
    let statement = Statement {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: machine_time(),
        database_bytes: size,
        files: files - missing.len() as u64,
        file_bytes,
        missing_files: missing.len() as u64,
    };
    let mut text = serde_json::to_vec_pretty(&statement).map_err(StoreError::from)?;
    text.push(b'\n');
    write_durably(&draft.join(STATEMENT), &text).map_err(failed)?;
    kept.sync_names().map_err(|error| refused(&error))?;
    sync_folder(draft).map_err(failed)?;
    Ok(statement)
}

/// Links or copies all files that are there now to a folder.
fn hold(source: &Files, held: &Path, told: Told<'_>) -> Result<(), StoreError> {
    let mut done = 0;
    source.for_each_name(&mut |name| {
        told(Step { name: "files", done, total: 0 });
        done += 1;
        match link_or_copy(&source.path_of(name), &held.join(name)) {
            // Deleted just now, or held since an earlier round.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => Ok(()),
            outcome => outcome.map_err(|error| unavailable(&error)),
        }
    })
}

/// Moves the files that a copy of the database names from where they are held to the folder beside it. Answers with
/// those that are nowhere.
fn keep(
    copy: &dyn Upkeep,
    source: &Files,
    held: &Path,
    kept: &Files,
    told: Told<'_>,
) -> Result<Vec<String>, UpkeepError> {
    let mut missing = vec![];
    let mut done = 0;
    copy.for_each_file(&mut |file| {
        told(Step { name: "files", done, total: 0 });
        done += 1;
        let (here, there) = (held.join(&file.name), kept.path_of(&file.name));
        kept.create_folder().map_err(|error| unavailable(&error))?;
        let has_all = |path: &Path| fs::metadata(path).is_ok_and(|found| found.len() == file.size);
        if has_all(&there) {
            return Ok(());
        }
        // One that was copied while it grew is copied again; a link has grown with it.
        let moved =
            if has_all(&here) { fs::rename(&here, &there) } else { replace(&source.path_of(&file.name), &there) };
        match moved {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(file.name),
            outcome => outcome.map_err(|error| unavailable(&error))?,
        }
        Ok(())
    })?;
    Ok(missing)
}

/// Gives a file a second name, or copies it where that is not possible, such as to another disk.
fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => Err(error),
        Err(_) => {
            let mut source = File::open(from)?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut copy = options.open(to)?;
            io::copy(&mut source, &mut copy)?;
            copy.sync_all()
        }
    }
}

/// The same in the place of a file that may be there.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let aside = beside(to, ".new");
    remove_file(&aside)?;
    link_or_copy(from, &aside)?;
    fs::rename(&aside, to)?;
    // Two names of the same file stay two when one is renamed to the other.
    remove_file(&aside)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    File::open(path)?.sync_all()
}

/// Puts a backup in the place of a database that no platform uses.
///
/// The database is replaced in one step, after everything else is there: whatever happens before, the old one is whole;
/// whatever happens after it, the new one is.
pub fn restore(from: &Path, data: &Path, overwrite: bool, told: Told<'_>) -> Result<(), UpkeepError> {
    let backup = from.join(DATABASE);
    if !from.join(STATEMENT).is_file() || !backup.is_file() {
        return Err(UpkeepError::Other(format!(
            "{} is no backup that was finished: there is no {STATEMENT} with a {DATABASE} in it; name a folder that \
             `layer-api backup` made",
            from.display()
        )));
    }
    let statement = from.join(STATEMENT);
    let read = fs::read(&statement).map_err(|error| UpkeepError::of_path(&statement, "read", &error))?;
    let format = serde_json::from_slice::<Value>(&read).ok().and_then(|said| said.get("format")?.as_u64());
    if format != Some(FORMAT.into()) {
        return Err(UpkeepError::Other(format!(
            "{} does not say format {FORMAT}; use the version that made the backup, or a later one",
            statement.display()
        )));
    }
    let _lock = layer_store_sqlite::lock(data)?;
    if data.exists() && !overwrite {
        return Err(UpkeepError::Other(format!(
            "{} is there already and is left as it is; `--overwrite` replaces it, or name another file",
            data.display()
        )));
    }
    let (upkeep, fresh) = (layer_store_sqlite::open_beside(&backup)?, beside(data, "-restored"));
    let restored = put_back(&*upkeep, &files_of(&backup), data, &fresh, told);
    if restored.is_err() {
        // The next attempt deletes what cannot be deleted now.
        let _ = fs::remove_file(&fresh);
    }
    restored
}

fn put_back(upkeep: &dyn Upkeep, source: &Files, data: &Path, fresh: &Path, told: Told<'_>) -> Result<(), UpkeepError> {
    let failed = |error: io::Error| UpkeepError::of_path(data, "replaced", &error);
    remove_file(fresh).map_err(failed)?;
    upkeep.copy_to(fresh, told)?;
    let copy = layer_store_sqlite::open_beside(fresh)?;
    let findings = copy.check_file(told)?;
    if let Some(finding) = findings.listed.iter().find(|finding| finding.kind == FindingKind::Damage) {
        return Err(UpkeepError::Other(format!("the backup is damaged, take another one: {}", finding.what)));
    }
    let files = files_of(data);
    let mut done = 0;
    // Beside those of the database that is there, which does not know them: names are never used twice.
    copy.for_each_file(&mut |file| {
        told(Step { name: "files", done, total: 0 });
        done += 1;
        files.create_folder().map_err(|error| unavailable(&error))?;
        match replace(&source.path_of(&file.name), &files.path_of(&file.name)) {
            // It was missing when the backup was made; `check` says so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome.map_err(|error| unavailable(&error)),
        }
    })?;
    files.sync_names().map_err(|error| refused(&error))?;
    drop(copy);
    layer_store_sqlite::replace(data, fresh)?;
    let upkeep = layer_store_sqlite::open_beside(data)?;
    files.for_each_name(&mut |name| {
        if upkeep.file_state(name)? == FileState::Whole {
            return Ok(());
        }
        files.delete(name).map_err(|error| unavailable(&error))
    })?;
    Ok(())
}
