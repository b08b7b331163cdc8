//! Killed in the middle of writing, the platform loses nothing that it acknowledged.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use layer_platform::{Config, DataLocation, NewApp, Platform, Token};

use crate::client::{Answer, message, request, wait_until};

const THREADS: usize = 8;

/// The process is killed once this many messages were acknowledged.
const ACKNOWLEDGED: usize = 200;

pub struct Running {
    process: Child,
    pub address: String,
    app: String,
    token: String,
}

/// How the shell becomes the program.
pub const EXEC: &str = r#"exec "$0" "$@""#;

/// Starts the binary in a process of its own and reads what it prints.
pub fn start_process(data: &Path) -> Running {
    start_process_by(EXEC, data, &[], Stdio::inherit())
}

/// The same by a script of the shell that ends like [`EXEC`], with more options, and with a place for its errors.
pub fn start_process_by(script: &str, data: &Path, options: &[&str], errors: Stdio) -> Running {
    let mut process = spawn_process(script, data, options, errors);
    let (mut said, mut address) = (HashMap::new(), None);
    for line in BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap) {
        address = line.strip_prefix("listening on http://").map(str::to_owned);
        if address.is_some() {
            break;
        }
        said.extend(line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
    let mut told = |name: &str| said.remove(name).unwrap_or_default();
    Running { process, address: address.unwrap(), app: told("app id"), token: told("token") }
}

/// The same, and waits for nothing.
pub fn spawn_process(script: &str, data: &Path, options: &[&str], errors: Stdio) -> Child {
    Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_layer-platform"), "--port", "0", "--create-app", "--data"])
        .arg(data)
        .args(options)
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .unwrap()
}

/// A test that fails must not leave the process behind.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    /// Posts a body and returns the UUID of what was created; `None` when the process is gone before it answers.
    pub fn create(&self, path: &str, body: &str) -> Option<String> {
        let answer = self.send("POST", path, body)?;
        assert!(matches!(answer.status, 201 | 202), "{answer:?}");
        Some(answer.uuid())
    }

    /// Sends a request of version 1.0; `None` when the process is gone before it answers.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        self.send_in("1.0", method, path, body)
    }

    /// Sends a request of any version.
    pub fn send_in(&self, version: &str, method: &str, path: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let head = format!(
            "{method} /apps/{}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Accept: application/vnd.layer+json; version={version}\r\nContent-Length: {}\r\n\r\n",
            self.app,
            self.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer).ok()?;
        Answer::parse(&answer)
    }

    /// The number that the system knows the process by.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Kills the process, and returns once it is gone.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// The app, which the first start on a database makes, for a platform that goes on with the data.
    pub fn app(&self) -> NewApp {
        let app_id = layer_wire::AppId::parse(&self.app).unwrap();
        NewApp { app_id, token: Token::new(self.token.clone()) }
    }
}

/// Sends from many threads, kills the process under them, and returns what was acknowledged.
fn send_until_killed(running: &mut Running, path: &str) -> Vec<String> {
    let count = AtomicUsize::new(0);
    let id = running.process.id().to_string();
    std::thread::scope(|scope| {
        let running = &*running;
        let send = || {
            let send_one = || running.create(path, &message("Hi").to_string());
            let mut acknowledged = vec![];
            while let Some(message) = send_one() {
                acknowledged.push(message);
                count.fetch_add(1, Ordering::Relaxed);
            }
            acknowledged
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(send)).collect();
        wait_until("enough is acknowledged", || count.load(Ordering::Relaxed) >= ACKNOWLEDGED);
        assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let mut running = start_process(&data);
    let conversation = running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
    let path = format!("/conversations/{conversation}/messages");
    let acknowledged = send_until_killed(&mut running, &path);
    running.process.wait().unwrap();
    assert!(acknowledged.len() >= ACKNOWLEDGED);

    let platform = Platform::start(Config { data: DataLocation::File(data), ..Config::default() }).unwrap();
    let app = running.app();
    for message in &acknowledged {
        let answer = request(&platform, &app, "GET", &format!("{path}/{message}"), &[], "");
        assert_eq!(answer.status, 200, "{message} was acknowledged and is lost");
    }
    // The counter agrees with the rows, and the next position is free.
    let list = request(&platform, &app, "GET", &path, &[], "");
    let count: usize = list.header("layer-count").unwrap().parse().unwrap();
    assert!(count >= acknowledged.len() && count <= acknowledged.len() + THREADS);
    let next = request(&platform, &app, "POST", &path, &[], &message("next").to_string()).uuid();
    let seen = request(&platform, &app, "GET", &format!("/users/a/messages/{next}"), &[], "").json();
    assert_eq!(seen["position"], count + 1);
}
