//! Contract 2.9, 3.8 and 7: data exports, and archives that `openssl` and `tar` open as the customers of the original
//! did.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use layer_platform::{Config, DataLocation, Platform};
use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, exchange, message, message_of, start, wait_until};
use crate::content::{get_bytes, target};
use crate::receiver::EVENTS;

fn openssl(folder: &Path, args: &[&str]) {
    let output = Command::new("openssl").args(args).current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with a new key pair, and the public key in PEM form.
pub fn key_pair(bits: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), &["genrsa", "-out", "private.pem", bits]);
    openssl(folder.path(), &["rsa", "-in", "private.pem", "-pubout", "-out", "public.pem"]);
    let public = fs::read_to_string(folder.path().join("public.pem")).unwrap();
    (folder, public)
}

pub fn set_key(server: &Server, public_key: &str) -> Answer {
    server.put("/export_security", &json!({ "public_key": public_key }))
}

fn daily(server: &Server) -> Answer {
    server.put("/export_schedule", &json!({ "interval": "daily", "events": EVENTS }))
}

/// Waits until an export is completed, and returns it.
pub fn completed(server: &Server, id: &str) -> Value {
    let mut export = Value::Null;
    wait_until("the export is made", || {
        let answer = server.get(&format!("/exports/{id}/status"));
        export = answer.json();
        match (answer.status, export["status"].as_str()) {
            (200, Some("completed")) => true,
            (202, Some("pending" | "executing")) => false,
            _ => panic!("{answer:?}"),
        }
    });
    export
}

/// Downloads and opens an archive with the tools that customers used.
pub fn opened(server: &Server, folder: &Path, export: &Value) -> Value {
    let (status, archive) = get_bytes(server, &target(&export["download_url"]), &[]);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&archive));
    fs::write(folder.join("export.tar.gz.enc"), archive).unwrap();
    let decoded = |name: &str| STANDARD.decode(export[name].as_str().unwrap()).unwrap();
    fs::write(folder.join("key.enc"), decoded("encrypted_aes_key")).unwrap();
    openssl(folder, &["pkeyutl", "-decrypt", "-inkey", "private.pem", "-in", "key.enc", "-out", "key"]);
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let key = hex(&fs::read(folder.join("key")).unwrap());
    assert_eq!(key.len(), 64);
    let iv = hex(&decoded("aes_iv"));
    let enc =
        ["enc", "-d", "-aes-256-cbc", "-K", &key, "-iv", &iv, "-in", "export.tar.gz.enc", "-out", "export.tar.gz"];
    openssl(folder, &enc);
    let listed = Command::new("tar").args(["-tzf", "export.tar.gz"]).current_dir(folder).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "export.json\n");
    let unpacked = Command::new("tar").args(["-xzf", "export.tar.gz"]).current_dir(folder).status().unwrap();
    assert!(unpacked.success());
    serde_json::from_slice(&fs::read(folder.join("export.json")).unwrap()).unwrap()
}

/// Contract 2.9 (recorded, L3): `200` with the key, also for 1024 bits on one line; `422` for what is no key.
#[test]
fn a_public_key_is_taken_in_every_spelling() {
    let server = start();
    server.get("/export_security").assert_error(404, "not_found", None);
    let (folder, pem) = key_pair("1024");
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    openssl(folder.path(), &["rsa", "-in", "private.pem", "-RSAPublicKey_out", "-out", "pkcs1.pem"]);
    let pkcs1 = fs::read_to_string(folder.path().join("pkcs1.pem")).unwrap();
    for spelling in [
        pem.clone(),
        pem.replace('\n', ""),
        pem.replace('\n', " "),
        pem.replace('\n', "\\n"),
        pem.replace('\n', "\r\n"),
        body,
        pkcs1,
    ] {
        for version in ["1.0", "3.0"] {
            let answer = server.at(version).put("/export_security", &json!({ "public_key": spelling }));
            assert_eq!((answer.status, answer.json()), (200, json!({ "public_key": spelling })));
        }
        assert_eq!(server.get("/export_security").json(), json!({ "public_key": spelling }));
    }
    let private = fs::read_to_string(folder.path().join("private.pem")).unwrap();
    for bad in ["wrongKey", "", "-----BEGIN PUBLIC KEY-----", "AAAA", &private] {
        set_key(&server, bad).assert_error(422, "invalid_property", Some("public_key"));
    }
    server.put("/export_security", &json!({})).assert_error(422, "missing_property", Some("public_key"));
    assert_eq!(server.get("/export_security").status, 200);
}

/// Contract 2.9 and 3.8 (recorded, L3): `202` and 13 keys; `422` for a second one within a day.
#[test]
fn an_export_is_asked_for_once_a_day() {
    let server = start();
    server.send("POST", "/exports", &[], "").assert_error(422, "invalid_operation", None);
    let (_folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    let answer = server.send("POST", "/exports", &[], "");
    let (body, id) = (answer.json(), answer.uuid());
    let expected = json!({
        "id": id,
        "type": "historical",
        "status": "pending",
        "public_key": pem,
        "created_at": body["created_at"],
        "started_at": null,
        "completed_at": null,
        "expired_at": null,
        "download_url": null,
        "download_url_expires_at": null,
        "encrypted_aes_key": null,
        "aes_iv": null,
        "status_url": format!("{}/exports/{id}/status", server.prefix())
    });
    assert_eq!((answer.status, &body), (202, &expected));
    let done = completed(&server, &id);
    for key in expected.as_object().unwrap().keys() {
        assert_eq!(done[key].is_null(), key == "expired_at", "{key} in {done}");
    }
    let list = server.at("3.0").get("/exports");
    let listed = list.json();
    assert_eq!((list.status, listed[0]["id"].as_str(), listed.as_array().unwrap().len()), (200, Some(id.as_str()), 1));

    server.send("POST", "/exports", &[], "").assert_error(422, "invalid_operation", None);
    server.platform.clock().advance(24 * 3_600_000);
    assert_eq!(server.send("POST", "/exports", &[], "").status, 202);
}

#[test]
fn the_limit_of_one_a_day_can_be_lifted() {
    let server = Server::start(|data| Config { data, unlimited_exports: true, ..Config::default() });
    let (_folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    for _ in 0..3 {
        assert_eq!(server.send("POST", "/exports", &[], "").status, 202);
    }
}

/// Contract 2.9 (recorded, L3): `404` for an unknown export.
#[test]
fn an_unknown_export_is_not_found() {
    let server = start();
    for id in [UNKNOWN, "wrong", ".."] {
        server.get(&format!("/exports/{id}/status")).assert_error(404, "not_found", None);
        server.delete(&format!("/exports/{id}")).assert_error(404, "not_found", None);
    }
}

/// Contract 7 (recorded: one file, `export.json`): the archive, from download to its content.
#[test]
fn openssl_and_tar_open_an_archive_with_everything_in_it() {
    for version in ["1.0", "3.0"] {
        let server = start();
        let (folder, pem) = key_pair("2048");
        set_key(&server, &pem);
        let first = server.conversation(&["maria", "jon"]);
        let second = server.conversation(&["maria"]);
        let deleted = server.conversation(&["gone"]);
        server.delete(&format!("/conversations/{deleted}"));
        for number in 0..450 {
            server.text(&first, &format!("Hi {number}"));
        }
        server.post(&format!("/conversations/{second}/messages"), &message_of("maria", "møller 🐙"));
        let id = server.at(version).send("POST", "/exports", &[], "").uuid();
        let json = opened(&server, folder.path(), &completed(&server, &id));
        let conversations = json["conversations"].as_array().unwrap();
        let shown = |path: &str| server.at(version).get(path).json();
        let expected = [&first, &second].map(|id| shown(&format!("/conversations/{id}")));
        assert_eq!(conversations[..], expected);
        let messages = json["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 451);
        assert_eq!(messages[..100], shown(&format!("/conversations/{first}/messages")).as_array().unwrap()[..]);
        assert_eq!(messages[450], shown(&format!("/conversations/{second}/messages"))[0]);
    }
}

#[test]
fn an_empty_app_has_an_empty_archive() {
    let server = start();
    let (folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    let id = server.send("POST", "/exports", &[], "").uuid();
    let json = opened(&server, folder.path(), &completed(&server, &id));
    assert_eq!(json, json!({ "conversations": [], "messages": [] }));
}

#[test]
fn a_deleted_export_goes_with_its_archive() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataLocation::File(folder.path().join("layer.db"));
    let server = Server::on(Config { data, ..Config::default() });
    let (_folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    let id = server.send("POST", "/exports", &[], "").uuid();
    let done = completed(&server, &id);
    let stored = || fs::read_dir(folder.path().join("layer.db-files")).unwrap().count();
    let wait_for = |count: usize| wait_until(&format!("{count} files"), || stored() == count);
    // The archive alone: what it was made of is gone.
    wait_for(1);
    server.delete(&format!("/exports/{id}")).assert_empty(204);
    server.delete(&format!("/exports/{id}")).assert_error(404, "not_found", None);
    wait_for(0);
    let target = done["download_url"].as_str().unwrap().strip_prefix(server.platform.url()).unwrap().to_owned();
    let get = |target: &str| {
        let address = server.platform.url().strip_prefix("http://").unwrap();
        exchange(&mut std::net::TcpStream::connect(address).unwrap(), "GET", target, &[], b"")
    };
    get(&target).assert_error(404, "not_found", None);
    get(target.split('?').next().unwrap()).assert_error(403, "access_denied", None);
    server.platform.clock().advance(3_600_000);
    get(&target).assert_error(403, "access_denied", None);
}

/// Contract 2.9 (recorded, L3): the five keys, and the eight names of events, in 3.0 too.
#[test]
fn a_schedule_shows_five_keys() {
    let server = start();
    let nothing = json!({
        "interval": "disabled", "events": [], "last_export_at": null, "last_export_id": null, "next_export_at": null
    });
    assert_eq!(server.get("/export_schedule").json(), nothing);
    daily(&server).assert_error(422, "invalid_operation", None);
    let (_folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    for version in ["1.0", "3.0"] {
        let body = json!({ "interval": "daily", "events": EVENTS });
        let answer = server.at(version).put("/export_schedule", &body);
        let shown = answer.json();
        assert!(shown["next_export_at"].is_string());
        let expected = json!({
            "interval": "daily",
            "events": EVENTS,
            "last_export_at": null,
            "last_export_id": null,
            "next_export_at": shown["next_export_at"]
        });
        assert_eq!((answer.status, &shown), (200, &expected));
        assert_eq!(server.at(version).get("/export_schedule").json(), expected);
    }
    server.put("/export_schedule", &json!({ "interval": "daily", "events": ["Message.created"] })).assert_error(
        422,
        "invalid_property",
        Some("events"),
    );
    assert_eq!(server.put("/export_schedule", &json!({ "interval": "disabled" })).json(), nothing);
}

/// Contract 7: a scheduled archive holds what happened, as webhooks tell it.
#[test]
fn a_scheduled_export_is_made_every_day_with_the_events_of_the_day() {
    let server = start();
    let (folder, pem) = key_pair("1024");
    set_key(&server, &pem);
    server.conversation(&["before"]);
    server.put("/export_schedule", &json!({ "interval": "daily", "events": ["message.sent", "conversation.created"] }));
    let conversation = server.conversation(&["maria", "jon"]);
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &message_of("maria", "Hi")).uuid();
    server.delete(&format!("/conversations/{conversation}/messages/{sent}"));

    let next_day = |count: usize| {
        server.platform.clock().advance(24 * 3_600_000);
        let mut list = Value::Null;
        wait_until(&format!("{count} exports"), || {
            list = server.get("/exports").json();
            list.as_array().unwrap().len() == count
        });
        completed(&server, list[0]["id"].as_str().unwrap())
    };
    let export = next_day(1);
    assert_eq!(export["type"], "scheduled");
    let schedule = server.get("/export_schedule").json();
    assert_eq!((&schedule["last_export_id"], &schedule["last_export_at"]), (&export["id"], &export["created_at"]));
    let events = opened(&server, folder.path(), &export);
    let kinds: Vec<_> = events.as_array().unwrap().iter().map(|event| event["event"]["type"].as_str()).collect();
    assert_eq!(kinds, [Some("conversation.created"), Some("message.sent")]);
    assert_eq!(events[0]["conversation"]["id"], format!("layer:///conversations/{conversation}"));
    assert_eq!(events[1]["message"]["id"], format!("layer:///messages/{sent}"));
    assert_eq!(events[1]["event"]["actor"], json!({ "user_id": "maria" }));

    // The next one begins where this one ended.
    server.post(&format!("/conversations/{conversation}/messages"), &message("more"));
    let events = opened(&server, folder.path(), &next_day(2));
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!(opened(&server, folder.path(), &next_day(3)), json!([]));
}

/// An export that was begun before the end of a platform is made by the next one.
#[test]
fn an_export_that_waits_is_made_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let config = Config { data: DataLocation::File(path.clone()), ..Config::default() };
    let mut server = Server::on(config.clone());
    let (keys, pem) = key_pair("1024");
    set_key(&server, &pem);
    server.conversation(&["maria"]);
    let id = server.send("POST", "/exports", &[], "").uuid();
    completed(&server, &id);
    server.platform.close().unwrap();
    // As a kill in the middle leaves it: begun, a draft half written, an archive half written.
    let begun = "UPDATE exports SET completed_at = NULL, size = NULL, encrypted_key = NULL, iv = NULL";
    rusqlite::Connection::open(&path).unwrap().execute_batch(begun).unwrap();
    for suffix in [".json", ".tar.gz.enc"] {
        let name = format!("layer.db-files/export-{}-{id}{suffix}", server.app.app_id);
        fs::write(folder.path().join(name), "half of something that is much longer than the whole ".repeat(100))
            .unwrap();
    }
    server.platform = Platform::start(config).unwrap();
    let json = opened(&server, keys.path(), &completed(&server, &id));
    assert_eq!(json["conversations"].as_array().unwrap().len(), 1);
}
