//! Stores on disk: a folder with the database and, beside it, the app whose token the load needs.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;

use crate::AnyError;
use crate::target::{self, App, Data};

/// The database in the folder of a store.
pub const DATA: &str = "layer.db";

const APP: &str = "app.json";

/// Makes a store: a platform is started, filled and stopped.
pub fn make(
    program: &Path,
    data: Data<'_>,
    fill: impl FnOnce(&App, SocketAddr) -> Result<(), AnyError>,
) -> Result<App, AnyError> {
    let (server, app) = target::start_platform(program, data, true)?;
    let app = app.ok_or("A platform has no app")?;
    fill(&app, server.address)?;
    server.stop()?;
    Ok(app)
}

/// The same in a folder.
pub fn make_in(
    program: &Path,
    folder: &Path,
    fill: impl FnOnce(&App, SocketAddr) -> Result<(), AnyError>,
) -> Result<App, AnyError> {
    let app = make(program, Data::File(&folder.join(DATA)), fill)?;
    fs::write(folder.join(APP), serde_json::to_string(&app)?)?;
    Ok(app)
}

/// Copies a store that no platform has open. It is on disk then: what is measured next does not pay for the copy.
pub fn copy(from: &Path, to: &Path) -> Result<App, AnyError> {
    fs::create_dir_all(to)?;
    // The app is what a whole store is known by, so it comes last.
    for name in [DATA, APP] {
        fs::copy(from.join(name), to.join(name))?;
        File::open(to.join(name))?.sync_all()?;
    }
    Ok(serde_json::from_str(&fs::read_to_string(to.join(APP))?)?)
}

/// Whether a whole store is in this folder.
pub fn is_in(folder: &Path) -> bool {
    folder.join(APP).is_file()
}

/// Bytes of a database with its log, which is gone once the platform was stopped.
pub fn size_of(data: &Path) -> Result<u64, AnyError> {
    let mut log = data.as_os_str().to_owned();
    log.push("-wal");
    Ok(fs::metadata(data)?.len() + fs::metadata(log).map_or(0, |metadata| metadata.len()))
}
