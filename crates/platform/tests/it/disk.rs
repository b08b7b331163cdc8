//! What the system refuses: a full disk, files that cannot be written, that another process holds, or that are damaged.
//! The platform says in a sentence what to do, loses nothing, lives on, and serves again once the cause is gone.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use serde_json::json;

use crate::client::{Answer, differences, message, raw_at, wait_until};
use crate::crash::{EXEC, Running, spawn_process, start_process_by};
use crate::receiver::{ACCEPT, Receiver, registration, usual};

/// A disk of a few MiB: a file system in memory, in a mount namespace that ends with a process of the test.
struct SmallDisk {
    holder: Child,
    folder: tempfile::TempDir,
    enter: String,
}

impl SmallDisk {
    /// `None` where the system lets nobody mount anything; what the engine does on a full disk is tested everywhere.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        for (namespaces, entered) in [("-m", "-m"), ("-rm", "-U --preserve-credentials -m")] {
            let script = r#"mount -t tmpfs -o size=4m tmpfs "$0" && echo mounted && exec cat"#;
            let mut holder = Command::new("unshare")
                .args([namespaces, "sh", "-c", script])
                .arg(folder.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "mounted\n" {
                let enter = format!("nsenter -t {} {entered}", holder.id());
                return Some(Self { holder, folder, enter });
            }
            holder.wait().unwrap();
        }
        eprintln!("not tested: there is no right to mount a small disk");
        None
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("layer.db")
    }

    /// A file of the disk as this process sees it.
    fn seen(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder).join(name)
    }

    fn fill(&self) {
        let mut ballast = File::create(self.seen("ballast")).unwrap();
        let mut piece = vec![0; 1 << 16];
        while !piece.is_empty() {
            if ballast.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.seen("ballast")).unwrap();
    }

    fn remount(&self, how: &str) {
        let command = format!("{} mount -o remount,{how} {}", self.enter, self.folder.path().display());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// How the shell becomes a program that sees the disk.
    fn script(&self) -> String {
        format!(r#"exec {} "$0" "$@""#, self.enter)
    }

    fn start(&self, errors: &Errors) -> Running {
        start_process_by(
            &self.script(),
            &self.data(),
            &["--webhooks-allow-private", "--webhooks-allow-http"],
            errors.open(),
        )
    }

    /// What is said of a start that is refused.
    fn refused_start(&self) -> String {
        refused_start(&self.script(), &self.data())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What a platform says of errors.
struct Errors(tempfile::NamedTempFile);

impl Errors {
    fn new() -> Self {
        Self(tempfile::NamedTempFile::new().unwrap())
    }

    fn open(&self) -> Stdio {
        fs::OpenOptions::new().append(true).open(self.0.path()).unwrap().into()
    }

    fn wait_for(&self, texts: &[&str]) {
        wait_until(&format!("it says {texts:?}"), || {
            let said = fs::read_to_string(self.0.path()).unwrap();
            said.lines().any(|line| texts.iter().all(|text| line.contains(text)))
        });
    }
}

/// What is said of a start that is refused: one line, and the process is gone.
fn refused_start(script: &str, data: &Path) -> String {
    let mut process = spawn_process(script, data, &[], Stdio::piped());
    // One that serves after all would never end by itself.
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    if lines.any(|line| line.starts_with("listening on ")) {
        process.kill().unwrap();
        process.wait().unwrap();
        panic!("the start was not refused");
    }
    let output = process.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said
}

fn assert_says(said: &str, texts: &[&str]) {
    assert!(texts.iter().all(|text| said.contains(text)), "{said} does not say {texts:?}");
}

fn ask(running: &Running, method: &str, path: &str, body: &serde_json::Value) -> Answer {
    let accept = if path == "/webhooks" { ACCEPT.1 } else { "application/vnd.layer+json; version=1.0" };
    crate::client::request_at(&running.address, &running.app(), method, path, &[("Accept", accept)], &body.to_string())
}

fn assert_refused(answer: &Answer) {
    answer.assert_error(503, "service_unavailable", None);
    assert_eq!(answer.header("retry-after"), Some("1"));
}

fn assert_alive(running: &Running) {
    assert_eq!(raw_at(&running.address, "GET", "/openapi.json", &[], b"").status, 200);
}

#[test]
fn on_a_full_disk_writes_are_refused_and_it_serves_again_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let errors = Errors::new();
    let receiver = Receiver::start(usual);
    let mut running = disk.start(&errors);
    let app = running.app();
    let mut webhook = registration(&receiver.url);
    webhook["events"] = json!(["message.sent"]);
    assert_eq!(ask(&running, "POST", "/webhooks", &webhook).status, 201);
    wait_until("it is active", || ask(&running, "GET", "/webhooks", &json!(null)).json()[0]["status"] == "active");
    let conversation = ask(&running, "POST", "/conversations", &json!({ "participants": ["a"] })).uuid();
    let path = format!("/conversations/{conversation}/messages");
    let bytes = vec![7; 200_000];
    let headers = [("Upload-Content-Type", "a/b"), ("Upload-Content-Length", "200000")];
    let content = format!("/conversations/{conversation}/content");
    let announced = crate::client::request_at(&running.address, &app, "POST", &content, &headers, "").json();
    let upload = announced["upload_url"].as_str().unwrap();
    let upload = &upload[upload.find("/content/").unwrap()..];
    let send = |running: &Running| ask(running, "POST", &path, &message(&"x".repeat(2000)));
    let mut acknowledged = vec![send(&running).uuid()];

    disk.fill();
    // What is left of the log takes some.
    let refused = loop {
        let answer = send(&running);
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(answer.uuid());
    };
    assert_refused(&refused);
    errors.wait_for(&["the disk of the database is full", "make room"]);
    assert_refused(&raw_at(&running.address, "PUT", upload, &[], &bytes));
    errors.wait_for(&["a file beside the database cannot be", "make room"]);
    for _ in 0..20 {
        assert_refused(&send(&running));
        let read = ask(&running, "GET", &format!("{path}/{}", acknowledged[0]), &json!(null));
        assert_eq!(read.status, 200);
    }

    disk.make_room();
    acknowledged.push(send(&running).uuid());
    assert_eq!(raw_at(&running.address, "PUT", upload, &[], &bytes).status, 200);
    receiver.wait_until("every acknowledged message", |deliveries| {
        let about = |id: &String| {
            deliveries.iter().any(|delivery| delivery.json()["message"]["id"].as_str().unwrap().ends_with(id))
        };
        acknowledged.iter().all(about)
    });

    running.kill();
    // The index of the log, which a start makes again.
    fs::remove_file(disk.seen("layer.db-shm")).unwrap();
    disk.fill();
    assert_says(&disk.refused_start(), &["layer-platform: data: the disk of ", "is full; make room on it"]);
    disk.make_room();
    let again = disk.start(&errors);
    for id in &acknowledged {
        let read = crate::client::request_at(&again.address, &app, "GET", &format!("{path}/{id}"), &[], "");
        assert_eq!(read.status, 200, "{id} was acknowledged and is lost");
    }
    drop(again);
    let copy = tempfile::tempdir().unwrap();
    for name in ["layer.db", "layer.db-wal"] {
        fs::copy(disk.seen(name), copy.path().join(name)).unwrap();
    }
    assert_eq!(differences(&copy.path().join("layer.db")), [""; 0]);
}

#[test]
fn a_disk_that_cannot_be_written_is_named_at_the_start() {
    let Some(disk) = SmallDisk::mount() else { return };
    drop(disk.start(&Errors::new()));
    disk.remount("ro");
    assert_says(&disk.refused_start(), &["data: ", "layer.db cannot be written; give the platform the right to"]);
    disk.remount("rw");
    drop(disk.start(&Errors::new()));
}

#[test]
fn a_file_that_cannot_be_written_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    drop(start_process_by(EXEC, &data, &[], Stdio::inherit()));
    // To root nothing is forbidden that the bounds of its capabilities allow.
    let is_root = fs::metadata(&data).unwrap().uid() == 0;
    let bounded = r#"exec setpriv --bounding-set=-dac_override,-dac_read_search "$0" "$@""#;
    let script = if is_root { bounded } else { EXEC };
    fs::set_permissions(&data, fs::Permissions::from_mode(0o400)).unwrap();
    assert_says(
        &refused_start(script, &data),
        &["data: ", "layer.db cannot be written; give the platform the right to"],
    );
    fs::set_permissions(&data, fs::Permissions::from_mode(0o600)).unwrap();
    drop(start_process_by(script, &data, &[], Stdio::inherit()));
    fs::remove_file(folder.path().join("layer.db-lock")).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    assert_says(
        &refused_start(script, &data),
        &["data: ", "layer.db cannot be written; give the platform the right to"],
    );
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    drop(start_process_by(script, &data, &[], Stdio::inherit()));
}

/// A write waits for five seconds; those that came meanwhile do not wait anew, one after the other.
#[test]
fn while_another_process_holds_the_file_writes_are_refused_and_it_serves_again_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let errors = Errors::new();
    let running = start_process_by(EXEC, &data, &[], errors.open());
    let conversation = ask(&running, "POST", "/conversations", &json!({ "participants": ["a"] })).uuid();
    let path = format!("/conversations/{conversation}/messages");
    let send = || ask(&running, "POST", &path, &message("x"));
    assert_eq!(send().status, 201);

    let other = Connection::open(&data).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        // One after the other, so many would wait for longer than anybody has patience.
        let waiting: Vec<_> = (0..100).map(|_| scope.spawn(send)).collect();
        for answer in waiting {
            assert_refused(&answer.join().unwrap());
        }
    });
    errors.wait_for(&["another process holds the database", "end it"]);
    let list = ask(&running, "GET", &path, &json!(null));
    assert_eq!((list.status, list.header("layer-count")), (200, Some("1")));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(send().status, 201);
}

#[test]
fn a_page_that_is_damaged_while_it_serves_is_told_of_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let errors = Errors::new();
    let mut first = start_process_by(EXEC, &data, &[], Stdio::inherit());
    let app = first.app();
    let ask = |running: &Running, method: &str, path: &str, body: &str| {
        crate::client::request_at(&running.address, &app, method, path, &[], body)
    };
    let body = json!({ "participants": ["a"], "metadata": { "x": "x".repeat(2000) } }).to_string();
    let conversations: Vec<_> = (0..200).map(|_| ask(&first, "POST", "/conversations", &body).uuid()).collect();
    // The next start puts what is in the log into its place.
    first.kill();
    let mut running = start_process_by(EXEC, &data, &[], errors.open());
    let database = Connection::open(&data).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(database);
    let file = fs::OpenOptions::new().write(true).open(&data).unwrap();
    let length = file.metadata().unwrap().len();
    let third = usize::try_from(length / 3).unwrap();
    file.write_all_at(&vec![0xAA; third], length / 3).unwrap();

    let statuses: Vec<u16> = conversations
        .iter()
        .map(|conversation| ask(&running, "GET", &format!("/conversations/{conversation}"), "").status)
        .collect();
    assert!(statuses.contains(&500) && statuses.iter().all(|status| matches!(status, 200 | 500)), "{statuses:?}");
    errors.wait_for(&["the database is damaged", "stop the platform and restore a backup"]);
    assert_alive(&running);
    assert_eq!(ask(&running, "GET", "/users/nobody/blocks", "").status, 200);
    running.kill();
    assert_says(&refused_start(EXEC, &data), &["layer.db is damaged", "restore it from a backup"]);
}

/// Nothing of the file is changed, so the newer version finds it as it left it.
#[test]
fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    drop(start_process_by(EXEC, &data, &[], Stdio::inherit()));
    Connection::open(&data).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let before = fs::read(&data).unwrap();
    assert_says(&refused_start(EXEC, &data), &["layer.db has schema 999", "use a newer version"]);
    assert_eq!(fs::read(&data).unwrap(), before);
}
