//! What is put under load: a platform that is built and started here, one that runs already, or the limit of the stack.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::constant;
use crate::database::Database;
use crate::process::Usage;
use crate::{AnyError, process};

/// Connections of a platform beside its sockets.
const OTHER_CONNECTIONS: usize = 200;

/// Where a target comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A checkout, whose platform is built, or the built program itself.
    Path(PathBuf),
    /// The same with its data on a server of PostgreSQL.
    Postgres(PathBuf),
    /// A platform that runs on this machine. Its id as a process, for what it uses.
    Running(SocketAddr, u32),
    /// The same stack with answers that are always the same.
    Constant,
    /// A server that others wrote.
    Peer(Peer),
}

/// A server that others wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Peer {
    /// Synapse, the server of Matrix, with its data in SQLite.
    Synapse,
    /// ejabberd, a server of XMPP, with its archive in PostgreSQL.
    Ejabberd,
}

impl Peer {
    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "synapse" => Some(Self::Synapse),
            "ejabberd" => Some(Self::Ejabberd),
            _ => None,
        }
    }
}

/// A target by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name in the results.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// Conversations in its store, where they are not as many as in the others.
    pub conversations: Option<u32>,
}

/// The app that the load is about.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct App {
    /// Its UUID.
    pub id: String,
    /// Its token.
    pub token: String,
}

/// A server, ended when this is dropped.
pub struct Server {
    child: Option<Child>,
    pid: u32,
    /// The server that keeps its data, if that is another process.
    pub database_pid: Option<u32>,
    /// Where it listens.
    pub address: SocketAddr,
}

/// Builds the platform of a checkout, unless the path is a program; the path of the program.
pub fn built(path: &Path, profile: &str) -> Result<PathBuf, AnyError> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    if !path.is_dir() {
        return Err(format!("{} is no checkout and no program", path.display()).into());
    }
    let mut cargo = Command::new("cargo");
    // `cargo run` says what it runs. Build scripts of dependencies, such as that of ring, would take that for news, and
    // all that stands on them would be built again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|head| name.starts_with(head)))
        {
            cargo.env_remove(name);
        }
    }
    let output = cargo
        .args(["build", "--profile", profile, "-p", "layer-platform", "--bin", "layer-platform"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(path)
        .stderr(Stdio::inherit())
        .output()?;
    let messages = String::from_utf8(output.stdout)?;
    let program = messages.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    program.ok_or_else(|| format!("The platform of {} could not be built", path.display()).into())
}

/// Where the data of a platform is.
#[derive(Clone, Copy)]
pub enum Data<'d> {
    /// A file.
    File(&'d Path),
    /// A database of PostgreSQL, and a folder for files.
    Database(&'d Database, &'d Path),
}

/// Starts a platform on its data, with an app if it is the first time.
pub fn start_platform(program: &Path, data: Data<'_>, create_app: bool) -> Result<(Server, Option<App>), AnyError> {
    let mut command = Command::new(program);
    command.args(["--port", "0", "--data"]);
    match data {
        Data::File(path) => command.arg(path),
        Data::Database(database, files) => command.arg(database.url()).arg("--files").arg(files),
    };
    if create_app {
        command.arg("--create-app");
    }
    let (child, mut lines) = spawn(command)?;
    let app = if create_app {
        Some(App { id: said(&mut lines, "app id: ")?, token: said(&mut lines, "token: ")? })
    } else {
        None
    };
    let mut server = Server::listening(child, &mut lines)?;
    if let Data::Database(database, _) = data {
        server.database_pid = Some(database.server_pid);
    }
    Ok((server, app))
}

/// Starts a platform on a file, with an app, room for so many sockets, and an admin API that a token opens.
pub fn start_for_sockets(
    program: &Path,
    data: &Path,
    sockets: usize,
    admin_token: &str,
) -> Result<(Server, App), AnyError> {
    let mut command = Command::new(program);
    let most = (sockets + OTHER_CONNECTIONS).to_string();
    command.args(["--port", "0", "--create-app", "--data"]).arg(data);
    command.args(["--max-connections", &most, "--sockets-per-app", &most]);
    command.env("LAYER_ADMIN_TOKEN", admin_token);
    let (child, mut lines) = spawn(command)?;
    let app = App { id: said(&mut lines, "app id: ")?, token: said(&mut lines, "token: ")? };
    Ok((Server::listening(child, &mut lines)?, app))
}

/// Starts the limit of the stack, with the answers of a folder.
pub fn start_constant(folder: &Path) -> Result<Server, AnyError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("constant").arg(folder);
    let (child, mut lines) = spawn(command)?;
    Server::listening(child, &mut lines)
}

/// Writes the answers that the limit of the stack gives.
pub fn save_answers(folder: &Path, answers: [&[u8]; 3]) -> Result<(), AnyError> {
    for (name, answer) in constant::ANSWERS.iter().zip(answers) {
        fs::write(folder.join(name), answer)?;
    }
    Ok(())
}

type Printed = Lines<BufReader<ChildStdout>>;

fn spawn(mut command: Command) -> Result<(Child, Printed), AnyError> {
    let spawned = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
    let mut child =
        spawned.map_err(|error| format!("{} cannot be started: {error}", command.get_program().display()))?;
    let stdout = child.stdout.take().ok_or("A process has no output")?;
    Ok((child, BufReader::new(stdout).lines()))
}

/// What the next line says behind `prefix`.
fn said(lines: &mut Printed, prefix: &str) -> Result<String, AnyError> {
    let line = lines.next().ok_or("The server ended before it listened")??;
    let said = line.strip_prefix(prefix).ok_or_else(|| format!("The server should say '{prefix}', not '{line}'"))?;
    Ok(said.to_owned())
}

impl Server {
    /// A server that runs already, and goes on after this.
    pub fn running(address: SocketAddr, pid: u32) -> Self {
        Self { child: None, pid, database_pid: None, address }
    }

    /// A process that is to listen there, and is ended when this is dropped.
    pub fn spawned(child: Child, address: SocketAddr) -> Self {
        Self { pid: child.id(), child: Some(child), database_pid: None, address }
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> Result<bool, AnyError> {
        Ok(match &mut self.child {
            Some(child) => child.try_wait()?.is_some(),
            None => false,
        })
    }

    fn listening(child: Child, lines: &mut Printed) -> Result<Self, AnyError> {
        // Held from here on, so that the process ends whatever it says.
        let mut server = Self::spawned(child, SocketAddr::from(([127, 0, 0, 1], 0)));
        server.address = said(lines, "listening on http://")?.parse()?;
        Ok(server)
    }

    /// What its process used so far, and with it those that keep its data.
    pub fn usage(&self) -> Result<Usage, AnyError> {
        let own = Usage::of(self.pid)?;
        Ok(match self.database_pid {
            Some(pid) => own + Usage::of_children(pid)?,
            None => own,
        })
    }

    /// Memory of its process that is in use, in MB.
    pub fn rss_mb(&self) -> Result<f64, AnyError> {
        Ok(crate::figures::float(process::rss_kib(self.pid)?) / 1024.0)
    }

    /// Ends the process as a service manager does, and waits until it is gone.
    pub fn stop(mut self) -> Result<(), AnyError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("The server ended with {status}").into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_of_a_checkout_is_built_and_a_program_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let manifest = "[package]\nname = \"layer-platform\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
        std::fs::create_dir(path.join("src")).unwrap();
        std::fs::write(path.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(path.join("src/main.rs"), "fn main() { println!(\"built\") }").unwrap();
        let program = built(path, "dev").unwrap();
        assert_eq!(Command::new(&program).output().unwrap().stdout, b"built\n");
        assert_eq!(built(&program, "dev").unwrap(), program);

        std::fs::write(path.join("src/main.rs"), "fn main() { no }").unwrap();
        assert!(built(path, "dev").unwrap_err().to_string().ends_with("could not be built"));
        let nowhere = path.join("nowhere");
        assert!(built(&nowhere, "dev").unwrap_err().to_string().ends_with("is no checkout and no program"));
    }
}
