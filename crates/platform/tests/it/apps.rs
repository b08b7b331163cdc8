//! Apps and their tokens, by the admin API: what is shown, what works at once, and what becomes of all that an app had.

use std::path::Path;

use layer_platform::{Config, DataLocation, NewApp, Platform, Token};
use serde_json::{Value, json};

use crate::admin::{Events, ask, start};
use crate::client::{Answer, Server, UNKNOWN, message, raw, request, wait_until};
use crate::live_client::People;

const NONE: Value = Value::Null;

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// How a request of the Server API is answered that comes with this token.
fn status_with(server: &Server, token: &str) -> u16 {
    let app = NewApp { app_id: server.app.app_id, token: Token::new(token.into()) };
    request(&server.platform, &app, "GET", "/users/a/blocks", &[], "").status
}

/// The path of the tokens of the app of a server.
fn tokens_path(server: &Server) -> String {
    format!("/apps/{}/tokens", server.app.app_id)
}

fn tokens(server: &Server) -> Vec<Value> {
    ask(server, "GET", &tokens_path(server), &NONE).json().as_array().unwrap().clone()
}

/// Adds a token and returns what is shown of it.
fn add(server: &Server, body: &Value) -> Value {
    let answer = ask(server, "POST", &tokens_path(server), body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[test]
fn apps_are_created_with_a_name_and_listed() {
    let server = start();
    let made = ask(&server, "POST", "/apps", &json!({ "name": " Ferry " })).json();
    assert_eq!(made.as_object().unwrap().keys().collect::<Vec<_>>(), ["app_id", "token"]);
    let list = ask(&server, "GET", "/apps", &NONE).json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|app| (text(app, "app_id"), app["name"].clone())).collect();
    assert_eq!(ids, [(server.app.app_id.to_string(), NONE), (text(&made, "app_id"), "Ferry".into())]);
    assert!(list[1]["created_at"].as_str().unwrap().ends_with('Z'));
    assert!(!list.to_string().contains(&text(&made, "token")));
    let overview = ask(&server, "GET", "/overview", &NONE).json();
    assert_eq!((&overview["apps"][1]["name"], &overview["apps"][0]["name"]), (&"Ferry".into(), &NONE));
    for name in [json!("x".repeat(101)), json!("a\nb"), json!(1)] {
        let refused = ask(&server, "POST", "/apps", &json!({ "name": name }));
        assert_eq!((refused.status, refused.error().1.as_str()), (422, "invalid_property"), "{refused:?}");
    }
    assert_eq!(ask(&server, "POST", "/apps", &json!({ "nmae": "x" })).status, 422);
}

#[test]
fn a_token_works_from_its_creation_to_its_end_and_is_shown_once() {
    let server = start();
    let second = add(&server, &json!({ "name": "Second" }));
    let (id, secret) = (text(&second, "token_id"), text(&second, "token"));
    assert_eq!((second["name"].as_str(), secret.len()), (Some("Second"), 64));
    assert_eq!((status_with(&server, &secret), status_with(&server, server.app.token.reveal())), (200, 200));
    let listed = tokens(&server);
    assert_eq!(listed.len(), 2);
    assert_eq!((text(&listed[1], "token_id"), &listed[0]["name"]), (id.clone(), &NONE));
    let shown = Value::from(listed).to_string();
    assert!(!shown.contains(&secret) && !shown.contains("hash"), "{shown}");

    // The one that came with the app goes; the other one does not mind.
    let first = text(&tokens(&server)[0], "token_id");
    ask(&server, "DELETE", &format!("{}/{first}", tokens_path(&server)), &NONE).assert_empty(204);
    assert_eq!((status_with(&server, server.app.token.reveal()), status_with(&server, &secret)), (401, 200));
    for unknown in [&first, UNKNOWN, "x"] {
        let path = format!("{}/{unknown}", tokens_path(&server));
        ask(&server, "DELETE", &path, &NONE).assert_error(404, "not_found", None);
        ask(&server, "POST", &format!("{path}/rotate"), &NONE).assert_error(404, "not_found", None);
    }
    // Nor can it be had by the path of another app.
    let other = text(&ask(&server, "POST", "/apps", &NONE).json(), "app_id");
    ask(&server, "DELETE", &format!("/apps/{other}/tokens/{id}"), &NONE).assert_error(404, "not_found", None);
    assert_eq!(status_with(&server, &secret), 200);
}

#[test]
fn a_rotated_token_works_for_the_grace_that_is_asked_for_or_until_it_is_revoked() {
    let server = start();
    ask(&server, "POST", "/clock/freeze", &json!({ "at_ms": 1_000_000 }));
    let rotate = |id: &str, body: &Value| {
        let answer = ask(&server, "POST", &format!("{}/{id}/rotate", tokens_path(&server)), body);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    };
    let one = add(&server, &json!({ "name": "Ours" }));
    let two = rotate(&text(&one, "token_id"), &json!({ "grace_in_seconds": 60 }));
    assert_eq!(two["name"], "Ours");
    let works = |token: &Value| status_with(&server, &text(token, "token")) == 200;
    assert!(works(&one) && works(&two));
    assert_eq!(tokens(&server)[1]["expires_at"], "1970-01-01T00:17:40.000Z");
    // Another rotation never lets it live longer.
    rotate(&text(&one, "token_id"), &json!({ "grace_in_seconds": 3600 }));
    ask(&server, "POST", "/clock/advance", &json!({ "by_ms": 59_999 }));
    assert!(works(&one));
    ask(&server, "POST", "/clock/advance", &json!({ "by_ms": 1 }));
    assert!(!works(&one) && works(&two));

    // Without a grace, both work; with none, the old one is gone at once.
    let three = rotate(&text(&two, "token_id"), &NONE);
    ask(&server, "POST", "/clock/advance", &json!({ "by_ms": 1_000_000_000 }));
    assert!(works(&two) && works(&three));
    let four = rotate(&text(&three, "token_id"), &json!({ "grace_in_seconds": 0 }));
    assert!(!works(&three) && works(&four));
    // What has expired leaves the list with the next one that comes.
    let is_listed = |token: &Value| tokens(&server).iter().any(|other| other["token_id"] == token["token_id"]);
    assert!(!is_listed(&one) && is_listed(&two) && !is_listed(&three));
    let path = format!("{}/{}/rotate", tokens_path(&server), text(&four, "token_id"));
    ask(&server, "POST", &path, &json!({ "grace_in_seconds": -1 })).assert_error(422, "invalid_property", None);
}

#[test]
fn an_app_has_so_many_tokens_and_no_more() {
    let server = start();
    for _ in 1..20 {
        add(&server, &NONE);
    }
    let refused = ask(&server, "POST", &tokens_path(&server), &NONE);
    assert_eq!((refused.status, refused.error().1.as_str()), (422, "invalid_operation"), "{refused:?}");
    let path = format!("{}/{}/rotate", tokens_path(&server), text(&tokens(&server)[3], "token_id"));
    assert_eq!(ask(&server, "POST", &path, &NONE).status, 422);
    // One that goes at once makes room.
    assert_eq!(ask(&server, "POST", &path, &json!({ "grace_in_seconds": 0 })).status, 201);
}

#[test]
fn when_a_token_was_used_last_is_told_to_the_hour() {
    let server = start();
    ask(&server, "POST", "/clock/freeze", &json!({ "at_ms": 1_000_000 }));
    let used = || tokens(&server)[0]["last_used_at"].clone();
    let first_use = "1970-01-01T00:16:40.000Z";
    assert_eq!(used(), NONE);
    assert_eq!(status_with(&server, "another"), 401);
    assert_eq!(used(), NONE);
    server.get("/users/a/blocks");
    wait_until("the first use is noted", || used() == first_use);
    ask(&server, "POST", "/clock/advance", &json!({ "by_ms": 3_599_999 }));
    server.get("/users/a/blocks");
    ask(&server, "POST", "/clock/advance", &json!({ "by_ms": 1 }));
    server.get("/users/a/blocks");
    wait_until("the next hour is noted", || used() == "1970-01-01T01:16:40.000Z");
}

/// The app of a server is deleted.
fn delete(server: &Server) -> Answer {
    ask(server, "DELETE", &format!("/apps/{}", server.app.app_id), &NONE)
}

#[test]
fn of_a_deleted_app_nothing_is_found_and_its_sockets_are_closed() {
    let server = start();
    let other = text(&ask(&server, "POST", "/apps", &json!({ "name": "Other" })).json(), "app_id");
    let conversation = server.conversation(&["a", "b"]);
    let people = People::of(&server);
    let (device, mut live) = people.join("a", "3.0");
    let mut events = Events::open(&server, "?kinds=changes");
    events.next("ready");

    delete(&server).assert_empty(204);
    live.wait_for_end();
    let mut change = events.next("change");
    while change["type"] != "app" {
        change = events.next("change");
    }
    assert_eq!((&change["what"], &change["app_id"]), (&"changed".into(), &server.app.app_id.to_string().into()));
    server.get(&format!("/conversations/{conversation}")).assert_error(403, "invalid_app_id", None);
    assert_eq!(device.get("/conversations").status, 401);
    let refused = device.open_session("x.y.z");
    assert_eq!(refused.error().1, "invalid_app_id", "{refused:?}");
    for path in ["", "/tokens", "/conversations", "/users/a", "/identity_providers", "/api/users/a/blocks"] {
        let method = if path.is_empty() { "DELETE" } else { "GET" };
        let path = format!("/apps/{}{path}", server.app.app_id);
        ask(&server, method, &path, &NONE).assert_error(403, "invalid_app_id", None);
    }
    assert_eq!(ask(&server, "GET", &format!("/find/{conversation}"), &NONE).json(), json!([]));
    let left = ask(&server, "GET", "/apps", &NONE).json();
    assert_eq!((left.as_array().unwrap().len(), text(&left[0], "app_id")), (1, other));
}

/// How many rows of the first app there are in tables of which it has many here.
fn rows(path: &Path) -> i64 {
    let sql = "SELECT (SELECT count(*) FROM deleted_messages WHERE app = 1)
               + (SELECT count(*) FROM messages WHERE app = 1) + (SELECT count(*) FROM users WHERE app = 1)";
    rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The removal is cut off in its middle, as by a crash, and goes on with the next start.
#[test]
fn what_a_deleted_app_had_is_removed_also_when_the_platform_ends_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let files = folder.path().join("layer.db-files");
    let config = || Config {
        data: DataLocation::File(path.clone()),
        admin_token: Some(Token::new("admin".into())),
        ..Config::default()
    };
    let server = Server::on(config());
    let conversation = server.conversation(&["a", "b"]);
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &message("Hi"));
    assert_eq!(sent.status, 201);
    let headers = [("Upload-Content-Type", "a/b"), ("Upload-Content-Length", "3")];
    let announced = server.send("POST", &format!("/conversations/{conversation}/content"), &headers, "").json();
    let url = text(&announced, "upload_url");
    assert_eq!(raw(&server.platform, "PUT", &url[url.find("/content/").unwrap()..], &[], b"abc").status, 200);
    let other = ask(&server, "POST", "/apps", &NONE).json();
    let other = NewApp {
        app_id: layer_wire::AppId::parse(&text(&other, "app_id")).unwrap(),
        token: Token::new(text(&other, "token")),
    };
    let kept = request(&server.platform, &other, "POST", "/conversations", &[], r#"{"participants":["a"]}"#).uuid();
    server.platform.close().unwrap();
    let many = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
                INSERT INTO deleted_messages (app, uuid) SELECT 1, CAST(printf('%016d', n) AS BLOB) FROM numbers";
    rusqlite::Connection::open(&path).unwrap().execute(many, []).unwrap();

    let platform = Platform::start(config()).unwrap();
    let target = format!("/_platform/apps/{}", server.app.app_id);
    raw(&platform, "DELETE", &target, &[("Authorization", "Bearer admin")], b"").assert_empty(204);
    platform.close().unwrap();
    assert!(rows(&path) > 0, "the removal was over before it could be cut off");

    let platform = Platform::start(config()).unwrap();
    wait_until("all rows are gone", || rows(&path) == 0);
    wait_until("the file is gone", || std::fs::read_dir(&files).unwrap().next().is_none());
    let answer = request(&platform, &other, "GET", &format!("/conversations/{kept}"), &[], "");
    assert_eq!(answer.status, 200, "{answer:?}");
}
