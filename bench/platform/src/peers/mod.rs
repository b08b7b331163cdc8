//! Other servers of messages, to be measured beside the platform: `node scripts/peers.mjs` says where they are.
//!
//! Their stores are small, which favours them: filling one of the platform's size would take a day.

mod ejabberd;
mod synapse;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::AnyError;
use crate::database::Database;
use crate::http::Connection;
use crate::load::refused;
use crate::requests::Requests;
use crate::target::{Peer, Server};

/// How long one may take until it listens.
const PATIENCE: Duration = Duration::from_secs(120);

/// A peer that runs.
pub struct Running {
    pub server: Server,
    pub requests: Rc<dyn Requests>,
    /// What it keeps its messages in, if that is not in its folder.
    pub database: Option<Database>,
}

/// Starts and fills one. Everything that it writes goes into the folder, or into a database of this name.
pub fn start(peer: Peer, name: &str, folder: &Path) -> Result<Running, AnyError> {
    match peer {
        Peer::Synapse => synapse::start(folder),
        Peer::Ejabberd => ejabberd::start(name, folder),
    }
}

/// The path that a variable of the environment names.
fn installed(variable: &str) -> Result<String, AnyError> {
    std::env::var(variable).map_err(|_| {
        format!("{variable} is not in the environment; begin the command with 'node scripts/peers.mjs'").into()
    })
}

/// A port that nothing listens on.
fn free_address() -> Result<SocketAddr, AnyError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Starts a server and waits until it listens. What it prints is in `log` of its folder.
fn listening(mut command: Command, address: SocketAddr, folder: &Path) -> Result<Server, AnyError> {
    let log = folder.join("log");
    let output = File::create(&log)?;
    command.current_dir(folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let spawned = command.spawn();
    let child = spawned.map_err(|error| format!("{} cannot be started: {error}", command.get_program().display()))?;
    let mut server = Server::spawned(child, address);
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if server.has_ended()? || begun.elapsed() > PATIENCE {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("{} does not listen; it said:\n{said}", command.get_program().display()).into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(server)
}

/// Sends a request; the answer as JSON. Error: it is not a success.
async fn answer(connection: &mut Connection, request: &[u8]) -> Result<Value, AnyError> {
    let answer = connection.exchange(request).await?;
    match answer.status {
        200 => Ok(serde_json::from_slice(answer.body)?),
        status => Err(refused(status, answer.body)),
    }
}
