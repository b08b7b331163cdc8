//! Databases on a server of PostgreSQL that runs already, by its own `psql`.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::AnyError;

/// The variable of the environment that names the server by a URL without a database.
pub const SERVER: &str = "LAYER_TEST_POSTGRES";

/// A database, which goes with this.
pub struct Database {
    server: String,
    /// Its name on the server.
    pub name: String,
    /// The id of the process of the server, whose children do its work.
    pub server_pid: u32,
}

impl Database {
    /// Creates one for a target.
    pub fn create(target: &str) -> Result<Self, AnyError> {
        let server = std::env::var(SERVER).map_err(|_| {
            format!("{SERVER} is not in the environment; node scripts/postgres.mjs --durable starts a server")
        })?;
        let name = format!("bench-{}-{target}", std::process::id());
        ask(&format!("{server}/postgres"), &format!("CREATE DATABASE \"{name}\""))?;
        let pid = ask(&format!("{server}/{name}"), "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")?;
        Ok(Self { server, name, server_pid: pid.parse()? })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// The port of its server.
    pub fn port(&self) -> Result<u16, AnyError> {
        let port = self.server.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.ok_or_else(|| format!("{SERVER} must end with a port, unlike '{}'", self.server).into())
    }

    /// Runs the statements of a file.
    pub fn load(&self, file: &Path) -> Result<(), AnyError> {
        psql(&self.url(), ["-f".as_ref(), file.as_os_str()]).map(drop)
    }

    /// How large it is, in bytes.
    pub fn size(&self) -> Result<u64, AnyError> {
        Ok(ask(&self.url(), "SELECT pg_database_size(current_database())")?.parse()?)
    }

    /// Ends what loading it began, so that what is measured next does not pay for that.
    pub fn settle(&self) -> Result<(), AnyError> {
        ask(&self.url(), "VACUUM ANALYZE")?;
        ask(&self.url(), "CHECKPOINT").map(drop)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE \"{}\" WITH (FORCE)", self.name);
        // What is left of it goes with the server.
        let _ = ask(&format!("{}/postgres", self.server), &drop);
    }
}

/// Runs a statement and answers with what it says, in one word.
fn ask(url: &str, sql: &str) -> Result<String, AnyError> {
    psql(url, ["-c".as_ref(), sql.as_ref()])
}

fn psql(url: &str, work: [&OsStr; 2]) -> Result<String, AnyError> {
    let output = Command::new("psql")
        .args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url])
        .args(work)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("psql cannot be started: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    } else {
        Err(format!("psql ended with {}", output.status).into())
    }
}
