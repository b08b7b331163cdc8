//! Backups that an operator asks for from elsewhere: one at a time, in a folder beside the database, with how far it
//! is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_store::DataLocation;
use layer_store::upkeep::Step;
use layer_wire::{ApiError, ErrorKind};
use serde_json::{Value, json};

use crate::ground::files::{beside, create_private, remove_folder};
use crate::upkeep::{STATEMENT, UNFINISHED, back_up};

/// The most backups that are listed, the latest ones.
const MOST_LISTED: usize = 100;

/// The backup that is made now, or how the latest one ended.
#[derive(Debug, Clone, Default)]
struct Latest {
    name: String,
    step: Option<Step>,
    is_running: bool,
    error: Option<String>,
}

/// The backups of a platform.
pub struct Backups {
    /// `None` for a database that is in no file.
    data: Option<PathBuf>,
    latest: Mutex<Latest>,
}

impl Backups {
    /// Those beside a database.
    pub fn of(data: &DataLocation) -> Self {
        Self { data: data.file().map(Path::to_owned), latest: Mutex::default() }
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        // Also after a panic: what is in it is shown only.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where they are: `layer.db-backups` beside `layer.db`.
    pub fn folder(&self) -> Option<PathBuf> {
        self.data.as_deref().map(|data| beside(data, "-backups"))
    }

    /// Begins one under a name. Error: there is no database in a file, or one is made already.
    pub fn begin(self: &Arc<Self>, name: String) -> Result<(), ApiError> {
        let (Some(data), Some(folder)) = (self.data.clone(), self.folder()) else {
            let reason = "The database is in no file: of one in memory take a snapshot, of PostgreSQL make backups with its own tools.";
            return Err(ApiError::new(ErrorKind::InvalidOperation, reason));
        };
        let mut latest = self.latest();
        if latest.is_running {
            return Err(ApiError::new(ErrorKind::Conflict, "A backup is being made; wait until it is done."));
        }
        *latest = Latest { name: name.clone(), is_running: true, ..Latest::default() };
        drop(latest);
        let backups = Arc::clone(self);
        // It goes on when the platform stops, and is not whole when the process ends.
        let log = tracing::dispatcher::get_default(Clone::clone);
        let make = move || {
            let _log = tracing::dispatcher::set_default(&log);
            let outcome = make(&data, &folder, &name, &mut |step| backups.latest().step = Some(step));
            let mut latest = backups.latest();
            latest.is_running = false;
            if let Err(error) = outcome {
                tracing::error!(%error, "a backup could not be made");
                latest.error = Some(error);
            }
        };
        let started = std::thread::Builder::new().name("layer-backup".into()).spawn(make);
        started.map(drop).map_err(|error| {
            self.latest().is_running = false;
            ApiError::new(ErrorKind::ServiceUnavailable, format!("The system refuses a thread: {error}."))
        })
    }

    /// The latest ones, newest first.
    pub fn shown(&self) -> io::Result<Vec<Value>> {
        let latest = self.latest().clone();
        let mut items = vec![];
        if latest.is_running || latest.error.is_some() {
            let step = latest.step.map(|step| json!({ "name": step.name, "done": step.done, "total": step.total }));
            let status = if latest.is_running { "executing" } else { "failed" };
            items.push(json!({ "name": latest.name, "status": status, "progress": step, "error": latest.error }));
        }
        let Some(folder) = self.folder() else { return Ok(items) };
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(items),
            entries => entries?,
        };
        let mut whole: Vec<(String, PathBuf)> = vec![];
        for entry in entries {
            let entry = entry?;
            let statement = entry.path().join(STATEMENT);
            // Those that are not whole have another name.
            if !entry.file_name().to_string_lossy().ends_with(UNFINISHED) && statement.is_file() {
                whole.push((entry.file_name().to_string_lossy().into_owned(), statement));
            }
        }
        whole.sort_by(|one, other| other.cmp(one));
        for (name, statement) in whole.into_iter().take(MOST_LISTED) {
            let said = fs::read(&statement).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            let mut shown = json!({ "name": name, "status": "completed", "progress": null, "error": null });
            for field in ["made_at", "database_bytes", "files", "file_bytes", "missing_files"] {
                shown[field] = said.as_ref().map_or(Value::Null, |said| said[field].clone());
            }
            items.push(shown);
        }
        Ok(items)
    }
}

fn make(data: &Path, folder: &Path, name: &str, told: &mut dyn FnMut(Step)) -> Result<(), String> {
    let prepare = || {
        create_private(folder)?;
        // What was broken off when a process ended.
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
                remove_folder(&entry.path())?;
            }
        }
        Ok(())
    };
    prepare().map_err(|error: io::Error| format!("{} cannot be used: {error}", folder.display()))?;
    back_up(data, &folder.join(name), told).map(drop).map_err(|error| error.to_string())
}
