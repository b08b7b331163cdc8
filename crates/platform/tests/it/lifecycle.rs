//! Start, close, start again; and what is said when a start fails.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use layer_platform::{Config, DataLocation, OpenError, Platform, StartError, Tls};
use serde_json::json;

use crate::client::{message, request, wait_until};

fn on_file(path: &Path) -> Config {
    Config { data: DataLocation::File(path.to_owned()), ..Config::default() }
}

#[test]
fn a_restart_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let platform = Platform::start(on_file(&path)).unwrap();
    let app = platform.create_app().unwrap();
    let ask =
        |platform: &Platform, method: &str, path: &str, body: &str| request(platform, &app, method, path, &[], body);
    let body = json!({ "participants": ["a", "b"], "distinct": true, "metadata": { "t": "x" } }).to_string();
    let conversation = ask(&platform, "POST", "/conversations", &body).uuid();
    let messages = format!("/conversations/{conversation}/messages");
    let sent = ask(&platform, "POST", &messages, &message("Hi").to_string()).uuid();
    ask(&platform, "PUT", "/users/a/identity", r#"{"display_name":"A"}"#);
    ask(&platform, "POST", "/users/a/blocks", r#"{"user_id":"c"}"#);
    let reads = [
        format!("/conversations/{conversation}"),
        format!("{messages}/{sent}"),
        "/users/a/identity".into(),
        "/users/a/blocks".into(),
    ];
    let read_all = |platform: &Platform| reads.clone().map(|path| ask(platform, "GET", &path, ""));
    let before = read_all(&platform);
    let old_url = platform.url().to_owned();
    platform.close().unwrap();

    let platform = Platform::start(on_file(&path)).unwrap();
    for (before, after) in before.into_iter().zip(read_all(&platform)) {
        assert_eq!(before.status, 200);
        // The platform listens on another port now.
        assert_eq!(before.body.replace(&old_url, platform.url()), after.body);
    }
    let again = ask(&platform, "POST", &messages, &message("again").to_string()).uuid();
    let seen = ask(&platform, "GET", &format!("/users/a/messages/{again}"), "").json();
    assert_eq!(seen["position"], 2);
    assert_eq!(ask(&platform, "POST", "/conversations", &body).status, 200);
}

#[test]
fn closing_leaves_one_file_and_closing_again_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(on_file(&folder.path().join("layer.db"))).unwrap();
    platform.create_app().unwrap();
    platform.close().unwrap();
    platform.close().unwrap();
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["layer.db"]);
    assert!(platform.create_app().is_err());
    assert!(TcpStream::connect(platform.url().strip_prefix("http://").unwrap()).is_err());
}

#[test]
fn closing_lets_a_request_in_flight_finish() {
    let platform = Platform::start(Config::default()).unwrap();
    let app = platform.create_app().unwrap();
    let body = r#"{"participants":["a"]}"#;
    let mut stream = TcpStream::connect(platform.url().strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "POST /apps/{}/conversations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Accept: application/vnd.layer+json; version=1.0\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        app.app_id,
        app.token.reveal(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The platform has the head and waits for the body.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100 Continue"));
    std::thread::scope(|scope| {
        let closing = scope.spawn(|| platform.close());
        // The listener goes first.
        let address = platform.url().strip_prefix("http://").unwrap();
        wait_until("nobody listens", || TcpStream::connect(address).is_err());
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
        closing.join().unwrap().unwrap();
    });
}

#[test]
fn two_platforms_live_side_by_side() {
    let one = Platform::start(Config::default()).unwrap();
    let other = Platform::start(Config::default()).unwrap();
    let app = one.create_app().unwrap();
    assert_eq!(request(&one, &app, "GET", "/users/a/blocks", &[], "").status, 200);
    assert_eq!(request(&other, &app, "GET", "/users/a/blocks", &[], "").status, 403);
    drop(one);
    assert!(other.create_app().is_ok());
}

#[test]
fn a_file_is_used_by_one_platform_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let one = Platform::start(on_file(&path)).unwrap();
    let app = one.create_app().unwrap();
    let error = Platform::start(on_file(&path)).unwrap_err();
    assert!(matches!(error, StartError::Data(OpenError::InUse(_))), "{error:?}");
    assert!(error.to_string().contains("layer.db is in use by another process"), "{error}");
    // It was not disturbed.
    assert_eq!(request(&one, &app, "POST", "/users/a/blocks", &[], r#"{"user_id":"b"}"#).status, 204);
    one.close().unwrap();
    let next = Platform::start(on_file(&path)).unwrap();
    assert_eq!(request(&next, &app, "GET", "/users/a/blocks", &[], "").json(), json!([{ "user_id": "b" }]));
}

#[test]
fn a_file_that_another_program_has_locked_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    Platform::start(on_file(&path)).unwrap().close().unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = Platform::start(on_file(&path)).unwrap_err();
    assert!(matches!(error, StartError::Data(OpenError::InUse(_))), "{error:?}");
    drop(other);
    Platform::start(on_file(&path)).unwrap();
}

#[test]
fn a_damaged_database_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let platform = Platform::start(on_file(&path)).unwrap();
    let app = platform.create_app().unwrap();
    for _ in 0..100 {
        let body = json!({ "participants": ["a"], "metadata": { "x": "x".repeat(2000) } }).to_string();
        assert_eq!(request(&platform, &app, "POST", "/conversations", &[], &body).status, 201);
    }
    platform.close().unwrap();
    let whole = fs::read(&path).unwrap();
    let third = whole.len() / 3;
    for filler in [0, 0xAA] {
        let mut damaged = whole.clone();
        damaged[third..2 * third].fill(filler);
        fs::write(&path, &damaged).unwrap();
        let error = Platform::start(on_file(&path)).unwrap_err();
        assert!(matches!(error, StartError::Data(OpenError::Damaged { .. })), "{error:?}");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    Platform::start(on_file(&path)).unwrap();
}

/// The database holds secrets of webhooks and the key of links.
#[cfg(unix)]
#[test]
fn a_second_start_with_create_app_goes_on_with_the_app_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let apps = || {
        let platform = Platform::start(on_file(&data)).unwrap();
        let answer = platform.call_admin(layer_platform::Method::GET, "/_platform/apps", vec![]).unwrap();
        let apps: Vec<serde_json::Value> = serde_json::from_slice(&answer.body).unwrap();
        platform.close().unwrap();
        apps.iter().map(|app| app["app_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let start = || crate::crash::start_process(&data);
    let mut first = start();
    let app = first.app().app_id.to_string();
    first.kill();
    for _ in 0..2 {
        start().kill();
    }
    assert_eq!(apps(), [app]);
}

#[test]
fn only_their_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let modes = || {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let mode = |file: fs::DirEntry| {
            (file.file_name().into_string().unwrap(), file.metadata().unwrap().permissions().mode() & 0o777)
        };
        files.map(mode).collect::<std::collections::BTreeMap<_, _>>()
    };
    let start = || {
        let script = format!("umask 022; {}", crate::crash::EXEC);
        crate::crash::start_process_by(&script, &data, &[], std::process::Stdio::inherit())
    };
    let running = start();
    running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
    let found = modes();
    let names: Vec<_> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["layer.db", "layer.db-lock", "layer.db-shm", "layer.db-wal"]);
    assert!(found.values().all(|mode| *mode == 0o600), "{found:?}");
    drop(running);

    // Those of earlier releases are closed to all others but the group, which an operator may have chosen.
    for name in names {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let running = start();
    let found = modes();
    assert_eq!(found["layer.db"], 0o640);
    assert!(
        ["layer.db-wal", "layer.db-shm"].iter().all(|name| found[*name] == 0o640 || found[*name] == 0o600),
        "{found:?}"
    );
    drop(running);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Platform::start(Config { port, ..Config::default() }).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }));
    assert!(error.to_string().starts_with(&format!("port: {port} is in use on 127.0.0.1")), "{error}");
}

#[test]
fn a_host_of_another_machine_is_named() {
    let config = Config { host: "192.0.2.1".parse().unwrap(), allow_plain_http: true, ..Config::default() };
    let error = Platform::start(config).unwrap_err().to_string();
    assert!(error.starts_with("host: 192.0.2.1 is no address of this machine"), "{error}");
}

#[test]
fn data_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let fail = |path: &Path| match Platform::start(on_file(path)).unwrap_err() {
        StartError::Data(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(fail(&folder.path().join("missing/layer.db")), OpenError::NoDirectory(_)));
    assert!(matches!(fail(folder.path()), OpenError::IsDirectory(_)));

    let text = folder.path().join("notes.txt");
    fs::write(&text, "x".repeat(5000)).unwrap();
    assert!(matches!(fail(&text), OpenError::NotOurs(_)));
    assert_eq!(fs::read_to_string(&text).unwrap(), "x".repeat(5000));
}

#[test]
fn the_database_of_someone_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = Platform::start(on_file(&path)).unwrap_err();
    assert!(matches!(error, StartError::Data(OpenError::NotOurs(_))), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    Platform::start(on_file(&path)).unwrap().close().unwrap();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let error = Platform::start(on_file(&path)).unwrap_err();
    assert!(matches!(error, StartError::Data(OpenError::Newer { found: 999, .. })), "{error}");
    assert!(error.to_string().ends_with("use a newer version"), "{error}");
}

#[test]
fn a_bad_certificate_key_or_url_is_named() {
    let tls =
        |certificate: &str, key: &str| Tls { certificate_pem: certificate.into(), key_pem: key.into(), files: None };
    let own = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    for (tls, beginning) in [
        (tls("", ""), "tls: the certificate"),
        (tls("nonsense", &own.signing_key.serialize_pem()), "tls: the certificate"),
        (tls(&own.cert.pem(), "nonsense"), "tls: the key"),
        (tls(&own.cert.pem(), &other.signing_key.serialize_pem()), "tls: the certificate"),
    ] {
        let error = Platform::start(Config { tls: Some(tls), ..Config::default() }).unwrap_err().to_string();
        assert!(error.starts_with(beginning), "{error}");
        assert!(!error.contains("PRIVATE KEY"), "{error}");
    }
    for url in ["chat.example.com", "ftp://chat.example.com", "", "https://a.example/?x=1", "https://a.example/#x"] {
        let config = Config { public_url: Some(url.into()), ..Config::default() };
        let error = Platform::start(config).unwrap_err();
        assert!(matches!(&error, StartError::PublicUrl(refused) if refused == url), "{error}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let platform = Platform::start(Config::default()).unwrap();
    let app = platform.create_app().unwrap();
    let shown = format!("{platform:?} {app:?}");
    assert!(!shown.contains(app.token.reveal()), "{shown}");
    let tls = Tls { certificate_pem: "certificate".into(), key_pem: "secret".into(), files: None };
    assert!(!format!("{:?}", Config { tls: Some(tls), ..Config::default() }).contains("secret"));
}

#[test]
fn the_token_is_not_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let platform = Platform::start(on_file(&path)).unwrap();
    let app = platform.create_app().unwrap();
    platform.close().unwrap();
    let file = fs::read(&path).unwrap();
    let token = app.token.reveal().as_bytes();
    assert!(!file.windows(token.len()).any(|window| window == token));
}
