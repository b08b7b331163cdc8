//! A server of NATS, and who listens to all that goes over it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use layer_store::NatsUrls;

use crate::client::{free_port, wait_until};

/// Where Debian has the program, which need not be in the path.
const PROGRAMS: [&str; 2] = ["nats-server", "/usr/sbin/nats-server"];

/// A server. It ends with this.
pub struct Nats {
    child: Child,
    port: u16,
    program: &'static str,
    folder: tempfile::TempDir,
}

impl Nats {
    /// Starts one; `None` where it is not installed, which is said.
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let started = PROGRAMS.iter().find_map(|program| Some((*program, spawn(program, folder.path(), port)?)));
        let Some((program, child)) = started else {
            eprintln!("SKIPPED: no NATS (Debian: apt-get install nats-server)");
            return None;
        };
        let nats = Self { child, port, program, folder };
        nats.wait();
        Some(nats)
    }

    /// Where it is.
    pub fn urls(&self) -> NatsUrls {
        NatsUrls::parse(&format!("nats://127.0.0.1:{}", self.port)).unwrap()
    }

    /// Kills it.
    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Has it stand still, or go on.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Starts it where it was.
    pub fn start_again(&mut self) {
        self.child = spawn(self.program, self.folder.path(), self.port).unwrap();
        self.wait();
    }

    /// Waits until it listens, by the file that it writes then.
    fn wait(&self) {
        let file = self.folder.path().join(format!("nats-server_{}.ports", self.child.id()));
        wait_until("NATS listens", || file.exists());
    }

    /// Listens from now on.
    pub fn listen(&self) -> Listener {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"CONNECT {\"verbose\":false}\r\nSUB layer.> 1\r\nPING\r\n").unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "PONG"));
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            // Until the server or the test ends.
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Listener { heard, _stream: stream }
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Who hears what goes over a server.
pub struct Listener {
    heard: Receiver<String>,
    _stream: TcpStream,
}

impl Listener {
    /// Whether a message came that such a subject is in.
    pub fn heard(&mut self, subject: &str) -> bool {
        self.heard.try_iter().any(|line| line.starts_with("MSG layer.") && line.contains(subject))
    }
}

fn spawn(program: &str, folder: &Path, port: u16) -> Option<Child> {
    let port = port.to_string();
    let mut command = Command::new(program);
    command.args(["--addr", "127.0.0.1", "--port", &port, "--ports_file_dir"]).arg(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}
