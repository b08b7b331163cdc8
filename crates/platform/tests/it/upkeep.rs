//! `check`, `backup` and `restore` on real files, beside real platforms.

use std::collections::BTreeMap;
use std::fs;
#[cfg(unix)]
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use layer_platform::{Config, DataLocation, Platform, Token};
use rusqlite::Connection;
use serde_json::json;

use crate::client::{Server, message, message_of, raw, wait_until};
use crate::content::{get_bytes, message_with, target, upload};

/// What the program answered.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the program with a verb and its arguments.
pub fn run(args: &[&str]) -> Answer {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_layer-platform")).args(args).env_remove("LAYER_DATA").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Answer { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// The same, which succeeds.
pub fn done(args: &[&str]) -> String {
    let answer = run(args);
    assert_eq!(answer.code, 0, "{args:?}: {answer:?}");
    answer.out
}

/// The same, which fails with this reason.
pub fn refused(args: &[&str], reason: &str) {
    let answer = run(args);
    assert_eq!(answer.code, 1, "{args:?}: {answer:?}");
    assert!(answer.err.contains(reason), "{args:?}: {answer:?}");
}

pub struct Paths {
    folder: tempfile::TempDir,
}

impl Paths {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    pub fn server(&self, name: &str) -> Server {
        Server::on(on_file(&self.at(name)))
    }
}

pub fn on_file(path: &Path) -> Config {
    Config { data: DataLocation::File(path.to_owned()), ..Config::default() }
}

/// A server on a file again, with the app of an earlier one.
pub fn again(path: &Path, earlier: &Server) -> Server {
    Server::of(Platform::start(on_file(path)).unwrap(), earlier.app.clone())
}

pub const BYTES: &[u8] = b"bytes of a picture";

/// Some of everything, and a content.
pub fn fill(server: &Server) -> (String, String) {
    let conversation = server.conversation(&["a", "b", "c"]);
    for text in ["one", "two", "three"] {
        server.text(&conversation, text);
    }
    let messages = format!("/conversations/{conversation}/messages");
    let sent = server.post(&messages, &message_of("a", "four")).uuid();
    let (content, _) = upload(server, &conversation, BYTES);
    assert_eq!(server.post(&messages, &message_with(&content, BYTES.len())).status, 201);
    assert_eq!(server.post(&format!("/users/b/messages/{sent}/receipts"), &json!({ "type": "read" })).status, 204);
    assert_eq!(server.delete(&format!("{messages}/{sent}")).status, 204);
    let left = json!([{ "operation": "remove", "property": "participants", "value": "c" }]);
    assert_eq!(server.patch(&format!("/conversations/{conversation}"), &left).status, 204);
    server.text(&conversation, "five");
    (conversation, content)
}

#[test]
fn a_backup_under_load_has_all_that_was_acknowledged_before_it_began_and_serves() {
    const SENDERS: usize = 6;
    let paths = Paths::new();
    let server = paths.server("layer.db");
    let (conversation, content) = fill(&server);
    let messages = format!("/conversations/{conversation}/messages");
    let (acknowledged, count, stop) = (Mutex::new(vec![]), AtomicUsize::new(0), AtomicBool::new(false));
    let (before, uploaded) = std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (server, messages, conversation) = (&server, &messages, &conversation);
            let (acknowledged, count, stop) = (&acknowledged, &count, &stop);
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::SeqCst) {
                    let text = format!("{sender}/{number}");
                    let answer = server.post(messages, &message(&text));
                    assert_eq!(answer.status, 201, "{answer:?}");
                    acknowledged.lock().unwrap().push((answer.uuid(), text));
                    count.fetch_add(1, Ordering::SeqCst);
                    number += 1;
                    if sender == 0 && number % 8 == 0 {
                        // Files come and go, too.
                        let (content, _) = upload(server, conversation, BYTES);
                        let sent = server.post(messages, &message_with(&content, BYTES.len())).uuid();
                        let path = format!("{messages}/{sent}");
                        assert_eq!(server.delete(&path).status, 204);
                    }
                }
            });
        }
        wait_until("messages are sent", || count.load(Ordering::SeqCst) > 100);
        let (uploaded, _) = upload(&server, &conversation, b"shortly before");
        assert_eq!(server.post(&messages, &message_with(&uploaded, 14)).status, 201);
        let before = acknowledged.lock().unwrap().clone();
        done(&["backup", "--data", &paths.text("layer.db"), "--to", &paths.text("backup")]);
        let at_the_end = count.load(Ordering::SeqCst);
        wait_until("sending goes on", || count.load(Ordering::SeqCst) > at_the_end + 10);
        stop.store(true, Ordering::SeqCst);
        (before, uploaded)
    });
    assert!(!paths.at("backup-unfinished").exists());

    let restored = paths.text("restored.db");
    done(&["restore", "--from", &paths.text("backup"), "--data", &restored]);
    assert_eq!(done(&["check", "--hashes", "--data", &restored]), format!("{restored} is whole.\n"));
    let copy = again(&paths.at("restored.db"), &server);
    for (id, text) in &before {
        let found = copy.get(&format!("{messages}/{id}"));
        assert_eq!((found.status, &found.json()["parts"][0]["body"]), (200, &json!(text)), "{found:?}");
    }
    for (content, bytes) in [(&content, BYTES), (&uploaded, &b"shortly before"[..])] {
        let shown = copy.get(&format!("/conversations/{conversation}/content/{content}")).json();
        assert_eq!(get_bytes(&copy, &target(&shown["download_url"]), &[]), (200, bytes.to_vec()));
    }
    copy.text(&conversation, "and on");
    // The files of the two are the same, and the one does not take them from the other.
    assert_eq!(copy.delete(&format!("/conversations/{conversation}")).status, 204);
    wait_until("the files are deleted", || fs::read_dir(paths.at("restored.db-files")).unwrap().count() == 0);
    drop(copy);
    drop(server);
    done(&["check", "--hashes", "--data", &paths.text("layer.db")]);
    done(&["check", "--hashes", "--data", &paths.text("backup/layer.db")]);
}

#[test]
fn a_check_says_what_is_wrong_and_how_to_mend_it() {
    let paths = Paths::new();
    let (data, files) = (paths.text("layer.db"), paths.at("layer.db-files"));
    let server = paths.server("layer.db");
    let (_, content) = fill(&server);
    // While a platform runs, which has the lock.
    assert_eq!(done(&["check", "--data", &data]), format!("{data} is whole.\n"));
    refused(&["check", "--mend", "--data", &data], "in use by another process");
    server.platform.close().unwrap();
    for (sql, found) in [
        ("UPDATE conversations SET message_count = message_count + 1", "number of messages of conversation"),
        ("UPDATE conversations SET active_at = 1", "time of the latest message"),
        ("UPDATE memberships SET settled_count = settled_count + 1", "that are not unread of user a"),
        ("UPDATE memberships SET deleted_count = 7", "number of deleted messages of user a"),
        ("UPDATE memberships SET visible_count = 7 WHERE visible_count > 0", "number of messages of user c"),
        ("UPDATE users SET conversation_count = 9", "number of conversations of user a"),
        ("UPDATE contents SET reference_count = 9", &format!("number of messages with content {content}")),
    ] {
        change(&paths, sql);
        let answer = run(&["check", "--data", &data]);
        assert_eq!(answer.code, 1, "{sql}: {answer:?}");
        assert!(answer.out.contains(found) && answer.out.contains("run `layer-api check --mend`"), "{sql}: {answer:?}");
        let mended = done(&["check", "--mend", "--data", &data]);
        assert!(mended.contains("was not whole, and is now"), "{sql}: {mended}");
        assert_eq!(done(&["check", "--data", &data]), format!("{data} is whole.\n"), "{sql}");
    }

    // Files.
    fs::write(files.join("content-of-nobody"), "x").unwrap();
    let of_content = fs::read_dir(&files).unwrap().map(|entry| entry.unwrap().path());
    let of_content: Vec<PathBuf> = of_content.filter(|path| path.to_str().unwrap().ends_with(&content)).collect();
    let other = vec![b'x'; BYTES.len()];
    fs::remove_file(&of_content[0]).unwrap();
    let answer = run(&["check", "--data", &data]);
    assert!(answer.code == 1 && answer.out.contains(&format!("{content} is missing")), "{answer:?}");
    assert!(answer.out.contains("file content-of-nobody belongs to nothing"), "{answer:?}");
    assert!(run(&["check", "--mend", "--data", &data]).code == 1 && !files.join("content-of-nobody").exists());
    fs::write(&of_content[0], "short").unwrap();
    assert!(run(&["check", "--data", &data]).out.contains("has 5 bytes in place of 18"));
    fs::write(&of_content[0], &other).unwrap();
    done(&["check", "--data", &data]);
    let answer = run(&["check", "--hashes", "--data", &data]);
    assert!(answer.code == 1 && answer.out.contains("has other bytes than were uploaded"), "{answer:?}");
    fs::write(&of_content[0], BYTES).unwrap();

    // What no counter can put right.
    change(&paths, "DELETE FROM messages WHERE key = (SELECT max(key) FROM messages)");
    let answer = run(&["check", "--mend", "--data", &data]);
    assert!(answer.code == 1 && answer.out.contains("1 positions of conversations"), "{answer:?}");
    change(&paths, "PRAGMA foreign_keys = OFF; DELETE FROM users WHERE id = 'a'");
    let answer = run(&["check", "--data", &data]);
    assert!(answer.code == 1 && answer.out.contains("refer to rows of users that are not there"), "{answer:?}");
    assert!(answer.out.contains("restore the latest backup"), "{answer:?}");
    let mut bytes = fs::read(paths.at("layer.db")).unwrap();
    let third = bytes.len() / 3;
    bytes[third..2 * third].fill(0xAA);
    fs::write(paths.at("layer.db"), bytes).unwrap();
    let answer = run(&["check", "--data", &data]);
    assert!(answer.code == 1 && (answer.out + &answer.err).contains("damaged"), "{data}");

    refused(&["check", "--data", &paths.text("none.db")], "there is no");
    fs::write(paths.at("text.db"), "This is no database. ".repeat(100)).unwrap();
    refused(&["check", "--data", &paths.text("text.db")], "is not a Layer database");
    refused(&["check", "--data", ":memory:"], "needs to name a file");
}

/// Changes `layer.db` behind its back.
fn change(paths: &Paths, sql: &str) {
    change_in(&paths.at("layer.db"), sql);
}

/// Changes a database behind its back.
pub fn change_in(data: &Path, sql: &str) {
    let connection = Connection::open(data).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}

#[test]
fn a_restore_replaces_nothing_unless_told_and_takes_nothing_that_is_not_whole() {
    let paths = Paths::new();
    let (data, backup) = (paths.text("layer.db"), paths.text("backup"));
    let server = paths.server("layer.db");
    let (conversation, content) = fill(&server);
    let made = done(&["backup", "--data", &data, "--to", &backup]);
    assert!(made.contains(&backup) && made.contains("1 files of 18 bytes"), "{made}");
    refused(&["backup", "--data", &data, "--to", &backup], "is there already");
    let later = server.text(&conversation, "later");
    let (later_content, _) = upload(&server, &conversation, b"later");
    server.post(&format!("/conversations/{conversation}/messages"), &message_with(&later_content, 5));

    refused(&["restore", "--from", &backup, "--data", &data, "--overwrite"], "in use by another process");
    server.platform.close().unwrap();
    refused(&["restore", "--from", &backup, "--data", &data], "`--overwrite` replaces it");

    // One that was broken off, and one that is damaged: the database is as it was.
    fs::create_dir(paths.at("half")).unwrap();
    fs::copy(paths.at("backup/layer.db"), paths.at("half/layer.db")).unwrap();
    refused(&["restore", "--from", &paths.text("half"), "--data", &data, "--overwrite"], "no backup that was finished");
    fs::copy(paths.at("backup/backup.json"), paths.at("half/backup.json")).unwrap();
    let mut bytes = fs::read(paths.at("half/layer.db")).unwrap();
    let third = bytes.len() / 3;
    bytes[third..2 * third].fill(0xAA);
    fs::write(paths.at("half/layer.db"), bytes).unwrap();
    refused(&["restore", "--from", &paths.text("half"), "--data", &data, "--overwrite"], "damaged");
    assert!(!paths.at("layer.db-restored").exists());
    done(&["check", "--hashes", "--data", &data]);
    let server = again(&paths.at("layer.db"), &server);
    assert_eq!(server.get(&format!("/conversations/{conversation}/messages/{later}")).status, 200);
    server.platform.close().unwrap();

    // What a restore left that was broken off before its last step does no harm.
    fs::write(paths.at("layer.db-restored"), "half of it").unwrap();
    done(&["restore", "--from", &backup, "--data", &data, "--overwrite"]);
    done(&["check", "--hashes", "--data", &data]);
    let server = again(&paths.at("layer.db"), &server);
    assert_eq!(server.get(&format!("/conversations/{conversation}/messages/{later}")).status, 404);
    let shown = server.get(&format!("/conversations/{conversation}/content/{content}")).json();
    assert_eq!(get_bytes(&server, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
    assert_eq!(fs::read_dir(paths.at("layer.db-files")).unwrap().count(), 1);
}

#[test]
fn an_app_goes_to_a_file_and_comes_back_the_same() {
    let paths = Paths::new();
    let (data, file, other) = (paths.text("layer.db"), paths.text("app.jsonl"), paths.text("other.db"));
    let server = paths.server("layer.db");
    let (conversation, content) = fill(&server);
    let tag = tag();
    let messages = format!("/conversations/{conversation}/messages");
    let tagged = server.post_tagged(&messages, tag, &message("tagged")).json();
    server.introduce("a");
    server.post("/users/a/blocks", &json!({ "user_id": "z" })).assert_empty(204);
    assert_eq!(server.post("/announcements", &announcement()).status, 202);
    server.post("/conversations", &json!({ "participants": ["x", "y"], "distinct": true }));
    let app = server.app.app_id.to_string();
    let (all, urls) = (everything(&server, &conversation), server.platform.url().to_owned());
    let said = done(&["export", "--data", &data, "--app", &app, "--to", &file]);
    let lines: Vec<serde_json::Value> =
        fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(said.contains(&format!("{} lines", lines.len())), "{said}");
    assert_eq!((&lines[0]["type"], &lines[0]["app"]), (&json!("layer_export"), &json!(app)));
    assert!(!fs::read_to_string(&file).unwrap().contains(server.app.token.reveal()));
    refused(&["export", "--data", &data, "--app", &app, "--to", &file], "is there already");
    let unknown = crate::client::UNKNOWN;
    refused(&["export", "--data", &data, "--app", unknown, "--to", &paths.text("x")], "there is no app");
    assert!(!paths.at("x").exists() && !paths.at("x-unfinished").exists());

    refused(&["import", "--from", &file, "--data", &data], "in use by another process");
    server.platform.close().unwrap();
    refused(&["import", "--from", &file, "--data", &data], "already");
    done(&["import", "--from", &file, "--data", &other]);
    done(&["check", "--hashes", "--data", &other]);
    let copy = again(&paths.at("other.db"), &server);
    for (before, after) in all.iter().zip(everything(&copy, &conversation)) {
        assert_eq!(before.replace(&urls, copy.platform.url()), after);
    }
    let shown = copy.get(&format!("/conversations/{conversation}/content/{content}")).json();
    assert_eq!(get_bytes(&copy, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
    // Tags still answer, positions go on, and what is distinct is found.
    assert_eq!(copy.post_tagged(&messages, tag, &message("again")).json()["sent_at"], tagged["sent_at"]);
    let next = copy.text(&conversation, "next");
    assert_eq!(copy.get(&format!("/users/a/messages/{next}")).json()["position"], 8);
    let distinct = copy.post("/conversations", &json!({ "participants": ["y", "x"], "distinct": true }));
    assert_eq!(distinct.status, 200);
    copy.platform.close().unwrap();

    // Beside the first one, under another id.
    done(&["import", "--from", &file, "--data", &data, "--app", unknown]);
    done(&["check", "--hashes", "--data", &data]);
}

fn announcement() -> serde_json::Value {
    json!({ "recipients": ["a", "b"], "sender": { "name": "x" }, "parts": [{ "body": "Hi", "mime_type": "text/plain" }] })
}

/// What a conversation and its users look like from all sides, without what is signed for a time.
fn everything(server: &Server, conversation: &str) -> Vec<String> {
    let reads = [
        format!("/conversations/{conversation}"),
        format!("/conversations/{conversation}/messages"),
        format!("/users/a/conversations/{conversation}"),
        format!("/users/b/conversations/{conversation}/messages"),
        format!("/users/c/conversations/{conversation}/messages"),
        "/users/a/conversations".into(),
        "/users/x/conversations".into(),
        "/users/a/identity".into(),
        "/users/a/blocks".into(),
        "/users/a/badge".into(),
    ];
    let read = |path: String| {
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        without_links(answer.json()).to_string()
    };
    reads.map(read).into()
}

fn without_links(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(object) => object
            .into_iter()
            .filter(|(name, _)| name != "download_url" && name != "expiration")
            .map(|(name, value)| (name, without_links(value)))
            .collect(),
        serde_json::Value::Array(items) => items.into_iter().map(without_links).collect(),
        other => other,
    }
}

#[test]
fn an_import_that_fails_leaves_nothing_and_a_mistake_is_named_by_its_line() {
    let paths = Paths::new();
    let (file, other) = (paths.text("app.jsonl"), paths.text("other.db"));
    let Exported { server, conversation, text, .. } = exported(&paths);
    let lines: Vec<&str> = text.lines().collect();
    let broken = paths.text("broken.jsonl");
    let import = || run(&["import", "--from", &broken, "--data", &other]);
    let position = lines.iter().position(|line| line.contains(r#""type":"message""#)).unwrap();
    let (first, message) = (lines[..position].join("\n"), lines[position]);
    let bytes = lines.iter().position(|line| line.contains(r#""type":"content_bytes""#)).unwrap();
    let of_nobody = lines[bytes].replacen(r#""id":""#, &format!(r#""id":"{}","of":""#, tag()), 1);
    let without = |field: &str, by: &str| message.replacen(field, by, 1);
    for (broken_text, reason) in [
        (String::new(), "line 1: the file is empty".to_owned()),
        ("{}".into(), "line 1: it does not begin an export".into()),
        (text.replacen(r#""format":1"#, r#""format":9"#, 1), "line 1: the format is not 1".into()),
        (first.clone(), format!("line {}: the file ends here", position + 1)),
        (format!("{first}\n{{\"type\":"), format!("line {}: it is no JSON object", position + 1)),
        (format!("{first}\n{{\"type\":\"x\"}}"), format!("line {}: there is no type `x`", position + 1)),
        (
            format!("{first}\n{}", without(r#""position":1"#, r#""position":"1""#)),
            format!("line {}: `position` is not what it should be", position + 1),
        ),
        (
            format!("{first}\n{}\n{}", without(&conversation, tag()), lines.last().unwrap()),
            "lines are missing before it".into(),
        ),
        (
            format!("{first}\n{}\n{{\"type\":\"end\",\"lines\":{}}}", without(&conversation, tag()), position + 2),
            format!("line {}: it names something that does not come before it", position + 1),
        ),
        (
            lines.iter().filter(|line| !line.contains(r#""type":"message""#)).copied().collect::<Vec<_>>().join("\n"),
            "lines are missing before it".into(),
        ),
        (
            format!("{}\n{of_nobody}", lines[..=bytes].join("\n")),
            format!("line {}: there is no content with this `id`", bytes + 2),
        ),
    ] {
        fs::write(&broken, &broken_text).unwrap();
        let answer = import();
        assert!(answer.code == 1 && answer.err.contains(&reason), "{reason}: {answer:?}");
        assert!(answer.err.contains("broken.jsonl, line "), "{answer:?}");
        if paths.at("other.db").exists() {
            assert_eq!(rows(&paths.at("other.db")), BTreeMap::new(), "{reason}");
            assert_eq!(files(&paths.at("other.db-files")), Vec::<String>::new(), "{reason}");
            done(&["check", "--data", &other]);
        }
    }
    done(&["import", "--from", &file, "--data", &other]);
    done(&["check", "--hashes", "--data", &other]);
    let copy = again(&paths.at("other.db"), &server);
    assert_eq!(copy.get(&format!("/conversations/{conversation}/messages")).json().as_array().unwrap().len(), 5);
}

#[cfg(unix)]
#[test]
fn what_is_left_of_an_import_that_was_killed_goes_with_the_next_start_or_the_next_import() {
    let paths = Paths::new();
    let (file, other) = (paths.text("app.jsonl"), paths.text("other.db"));
    let Exported { server, text, conversation, content } = exported(&paths);
    let lines: Vec<&str> = text.lines().collect();
    let bytes = lines.iter().position(|line| line.contains(r#""type":"content_bytes""#)).unwrap();
    // The bytes come through a pipe: the import stands still in the middle until it is killed.
    let pipe = paths.text("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let kill_in_the_middle = || {
        let mut import = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
            .args(["import", "--from", &pipe, "--data", &other])
            .spawn()
            .unwrap();
        let mut end = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        end.write_all(format!("{}\n", lines[..=bytes].join("\n")).as_bytes()).unwrap();
        wait_until("the bytes of the content are there", || {
            files(&paths.at("other.db-files")).first().is_some_and(|name| {
                fs::metadata(paths.at("other.db-files").join(name)).unwrap().len() == BYTES.len() as u64
            })
        });
        import.kill().unwrap();
        import.wait().unwrap();
        assert_eq!(rows(&paths.at("other.db"))["messages"], 5);
        // Nothing is wrong meanwhile, and nothing is touched.
        assert_eq!(done(&["check", "--mend", "--hashes", "--data", &other]), format!("{other} is whole.\n"));
        assert_eq!(files(&paths.at("other.db-files")).len(), 1);
    };

    kill_in_the_middle();
    let platform = Server::of(Platform::start(on_file(&paths.at("other.db"))).unwrap(), server.app.clone());
    assert_eq!(platform.get("/conversations").status, 403);
    wait_until("the rows are gone", || rows(&paths.at("other.db")).is_empty());
    wait_until("the file is gone", || files(&paths.at("other.db-files")).is_empty());
    platform.platform.close().unwrap();

    kill_in_the_middle();
    done(&["import", "--from", &file, "--data", &other]);
    done(&["check", "--hashes", "--data", &other]);
    let copy = again(&paths.at("other.db"), &server);
    let shown = copy.get(&format!("/conversations/{conversation}/content/{content}")).json();
    assert_eq!(get_bytes(&copy, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
    copy.platform.close().unwrap();
}

#[test]
fn an_app_that_was_deleted_comes_back_with_its_files() {
    let paths = Paths::new();
    let (data, file) = (paths.text("layer.db"), paths.text("app.jsonl"));
    let Exported { server, conversation, content, .. } = exported(&paths);
    // Whether nothing of it was removed yet, some of it, or all: its files are the ones that come again.
    for left in ["", "DELETE FROM contents; INSERT INTO unused_files (name) VALUES ('FILE')", "the platform removes it"]
    {
        change(&paths, "UPDATE apps SET is_deleted = 1");
        if left.starts_with("the platform") {
            let platform = Platform::start(on_file(&paths.at("layer.db"))).unwrap();
            wait_until("the rows are gone", || rows(&paths.at("layer.db")).is_empty());
            platform.close().unwrap();
        } else {
            change(&paths, &left.replace("FILE", &files(&paths.at("layer.db-files"))[0]));
        }
        done(&["import", "--from", &file, "--data", &data]);
        done(&["check", "--hashes", "--data", &data]);
        let copy = again(&paths.at("layer.db"), &server);
        let shown = copy.get(&format!("/conversations/{conversation}/content/{content}")).json();
        assert_eq!(get_bytes(&copy, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
        copy.platform.close().unwrap();
    }
}

#[test]
fn a_check_finds_nothing_wrong_with_an_app_that_is_being_removed() {
    let paths = Paths::new();
    let Exported { .. } = exported(&paths);
    change(&paths, "UPDATE apps SET is_deleted = 1; DELETE FROM messages WHERE key = (SELECT min(key) FROM messages)");
    let data = paths.text("layer.db");
    assert_eq!(done(&["check", "--data", &data]), format!("{data} is whole.\n"));
}

/// An app and its file.
struct Exported {
    /// The platform that had it, which is closed.
    server: Server,
    conversation: String,
    content: String,
    text: String,
}

/// Exports an app from `layer.db` to `app.jsonl`.
fn exported(paths: &Paths) -> Exported {
    let server = paths.server("layer.db");
    let (conversation, content) = fill(&server);
    let (app, file) = (server.app.app_id.to_string(), paths.text("app.jsonl"));
    done(&["export", "--data", &paths.text("layer.db"), "--app", &app, "--to", &file]);
    server.platform.close().unwrap();
    Exported { server, conversation, content, text: fs::read_to_string(&file).unwrap() }
}

/// How many rows the tables have that apps fill; empty ones are left out, and so is the row that is left of an app.
fn rows(data: &Path) -> BTreeMap<String, i64> {
    let connection = Connection::open(data).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('secrets', 'sqlite_sequence')";
    let tables: Vec<String> =
        connection.prepare(names).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let count = |table: &String| {
        let condition = if table == "apps" { "is_deleted < 2" } else { "1" };
        connection.query_row(&format!("SELECT count(*) FROM {table} WHERE {condition}"), [], |row| row.get(0)).unwrap()
    };
    tables.iter().map(|table| (table.clone(), count(table))).filter(|(_, count)| *count > 0).collect()
}

/// The names in a folder, which may be missing.
pub fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn commands_say_how_far_they_are_with_lines_and_on_a_terminal_with_a_bar() {
    let paths = Paths::new();
    let server = paths.server("layer.db");
    fill(&server);
    let app = server.app.app_id.to_string();
    server.platform.close().unwrap();
    let text = |name: &str| paths.text(name);
    for (round, is_terminal) in [("lines", false), ("bar", true)] {
        let named = |name: &str| text(&format!("{round}-{name}"));
        let (data, backup, file) = (text("layer.db"), named("backup"), named("app.jsonl"));
        for (args, steps) in [
            (vec!["backup", "--data", &data, "--to", &backup], ["pages of the database: ", "files"]),
            (vec!["restore", "--from", &backup, "--data", &named("restored.db")], ["pages of the database: ", "files"]),
            (vec!["export", "--data", &data, "--app", &app, "--to", &file], ["message: 0 of 5", "content"]),
            (vec!["import", "--from", &file, "--data", &named("imported.db")], ["bytes: 0 of ", "bytes"]),
            (vec!["copy", "--from", &data, "--to", &named("copied.db")], ["records: ", "contents"]),
        ] {
            let verb = args[0];
            if !is_terminal {
                let answer = run(&args);
                assert_eq!(answer.code, 0, "{answer:?}");
                for step in steps {
                    let is_said = answer.err.lines().any(|line| line.starts_with(&format!("{verb}: {step}")));
                    assert!(is_said, "{step}: {answer:?}");
                }
                assert!(!answer.err.contains('\x1b'), "{answer:?}");
            } else if cfg!(target_os = "linux") {
                // Here `script` makes a terminal.
                let line = format!("{} {}", env!("CARGO_BIN_EXE_layer-platform"), args.join(" "));
                let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).output().unwrap();
                let shown = String::from_utf8(shown.stdout).unwrap();
                let bar = shown.split("\r\x1b[K").find(|drawn| drawn.starts_with('[') && drawn.contains(steps[0]));
                let bar = bar.unwrap_or_else(|| panic!("{verb}: {shown:?}"));
                assert!(bar[1..].starts_with(['#', '.']), "{bar:?}");
                // It is taken away before the outcome is there.
                let last = shown.rsplit("\r\x1b[K").next().unwrap();
                assert!(last.starts_with(char::is_uppercase), "{verb}: {shown:?}");
            }
        }
    }
}

#[test]
fn the_help_of_the_program_lists_the_commands_of_upkeep() {
    let help = done(&["--help"]);
    let (_, commands) = help.split_once("\nOr: layer-platform COMMAND [OPTIONS], each with its own --help\n").unwrap();
    let told: Vec<&str> =
        commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').find(|word| !word.is_empty())).collect();
    for verb in ["check", "backup", "restore", "export", "import", "copy"] {
        assert!(told.contains(&verb), "{commands}");
        assert!(done(&[verb, "--help"]).starts_with(&format!("Usage: layer-platform {verb} ")), "{verb}");
    }
}

fn tag() -> &'static str {
    "f3cc7b32-3c92-11e4-baad-164230d1df67"
}

#[test]
fn a_backup_asked_for_over_the_admin_api_is_listed_and_can_be_restored() {
    let paths = Paths::new();
    let server = Server::on(Config { admin_token: Some(Token::new("admin".into())), ..on_file(&paths.at("layer.db")) });
    fill(&server);
    let ask = |server: &Server, method: &str| {
        raw(&server.platform, method, "/_platform/backups", &[("Authorization", "Bearer admin")], b"")
    };
    let folder = paths.text("layer.db-backups");
    assert_eq!(ask(&server, "GET").json(), json!({ "folder": folder, "items": [] }));
    // What a process left behind that ended in the middle of it.
    fs::create_dir_all(paths.at("layer.db-backups/2016-unfinished")).unwrap();
    let begun = ask(&server, "POST");
    assert_eq!(begun.status, 202, "{begun:?}");
    let name = begun.json()["name"].as_str().unwrap().to_owned();
    wait_until("the backup is made", || ask(&server, "GET").json()["items"][0]["status"] == "completed");
    let item = &ask(&server, "GET").json()["items"][0];
    assert_eq!((&item["name"], &item["files"], &item["file_bytes"]), (&json!(name), &json!(1), &json!(BYTES.len())));
    assert!(!paths.at("layer.db-backups/2016-unfinished").exists());
    let (backup, restored) = (paths.text(&format!("layer.db-backups/{name}")), paths.text("restored.db"));
    done(&["restore", "--from", &backup, "--data", &restored]);
    done(&["check", "--hashes", "--data", &restored]);

    let in_memory = Server::on(Config { admin_token: Some(Token::new("admin".into())), ..Config::default() });
    ask(&in_memory, "POST").assert_error(422, "invalid_operation", None);
    assert_eq!(ask(&in_memory, "GET").json(), json!({ "folder": null, "items": [] }));
}
