//! The admin API from outside: its token, its description, the page of the docs, and what it tells as it happens.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use layer_platform::{Config, Token};
use serde_json::{Value, json};

use crate::client::{Answer, PATIENCE, Server, message_of, raw};

/// A server whose admin API is open to who knows the token.
pub fn start() -> Server {
    start_with(Config::default())
}

fn start_with(config: Config) -> Server {
    let admin_token = Some(Token::new("admin".into()));
    Server::start(|data| Config { data, admin_token, recorded_requests: 100, ..config })
}

/// Asks the admin API over HTTP.
pub fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let headers = [("Authorization", "Bearer admin"), ("Content-Type", "application/json")];
    raw(&server.platform, method, &format!("/_platform{path}"), &headers, body.as_bytes())
}

/// The requests that tools/admin.rs routes, such as `GET /apps/{app}/users`.
fn routed() -> BTreeSet<String> {
    let source = include_str!("../../src/tools/admin.rs");
    let mut requests = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap().trim_start_matches("/_platform").replace("{*", "{");
        let methods = route.split('"').nth(2).unwrap().split(".route(").next().unwrap();
        let names: &[&str] = if methods.contains(" any(") {
            &["get", "post", "put", "patch", "delete"]
        } else {
            &["get", "post", "put", "delete"]
        };
        for method in names {
            let is_there = methods.contains(" any(")
                || methods.contains(&format!(" {method}("))
                || methods.contains(&format!(".{method}("));
            if is_there {
                requests.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    requests
}

#[test]
fn the_description_and_the_page_have_every_route_and_no_other() {
    let server = start();
    let description = ask(&server, "GET", "/openapi.json", &Value::Null).json();
    let mut described = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {}", method.to_uppercase(), path.strip_prefix("/_platform").unwrap()));
        }
    }
    assert_eq!(described, routed());
    let page = include_str!("../../../../docs/testing.md");
    let mut documented = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let Some(call) = line.split('`').nth(1).filter(|call| call.contains(" /_platform/")) else { continue };
        let (methods, path) = call.split_once(" /_platform").unwrap();
        let path = path.replace('<', "{").replace('>', "}");
        let methods: Vec<&str> = if methods == "ANY" {
            vec!["GET", "POST", "PUT", "PATCH", "DELETE"]
        } else {
            methods.split(", ").collect()
        };
        documented.extend(methods.into_iter().map(|method| format!("{method} {path}")));
    }
    assert_eq!(documented, routed());
}

#[test]
fn nothing_is_told_without_the_token() {
    let server = start();
    for request in routed() {
        let (method, path) = request.split_once(' ').unwrap();
        let path = format!("/_platform{}", path.replace(['{', '}'], ""));
        for headers in [&[][..], &[("Authorization", "Bearer other")]] {
            raw(&server.platform, method, &path, headers, b"").assert_error(401, "authentication_required", None);
        }
    }
    let closed = crate::client::start();
    assert_eq!(
        raw(&closed.platform, "GET", "/_platform/overview", &[("Authorization", "Bearer admin")], b"").status,
        404
    );
}

/// A stream of events.
pub struct Events(BufReader<TcpStream>);

impl Events {
    pub fn open(server: &Server, query: &str) -> Self {
        let mut stream = TcpStream::connect(server.platform.url().strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head =
            format!("GET /_platform/events{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut events = Self(BufReader::new(stream));
        assert!(events.line().starts_with("HTTP/1.1 200"));
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream has ended");
        line.trim_end().to_owned()
    }

    /// The next event of this name.
    pub fn next(&mut self, name: &str) -> Value {
        loop {
            if self.line() == format!("event: {name}") {
                let data = self.line();
                return serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            }
        }
    }
}

#[test]
fn who_watches_hears_of_requests_and_changes_as_they_happen() {
    let server = start();
    let mut events = Events::open(&server, "");
    assert_eq!(events.next("ready"), json!({ "is_recording": true, "is_shared": false }));
    let conversation = server.conversation(&["maria", "jon"]);
    let request = loop {
        let request = events.next("request");
        if request["is_answered"] == true {
            break request;
        }
    };
    assert_eq!((&request["method"], &request["status"]), (&json!("POST"), &json!(201)));
    assert!(request["duration_ms"].as_f64().unwrap() > 0.0);
    let number = request["number"].as_u64().unwrap();
    let whole = ask(&server, "GET", &format!("/requests/{number}"), &Value::Null).json();
    assert!(whole["body"].as_str().unwrap().contains("maria"), "{whole}");
    assert_eq!(whole["headers"]["authorization"], "Bearer (hidden)");
    ask(&server, "GET", "/requests/9999", &Value::Null).assert_error(404, "not_found", None);

    let mut changes = Events::open(&server, "?kinds=changes");
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &message_of("maria", "Hi")).uuid();
    let expected = json!({
        "type": "message", "what": "created", "app_id": server.app.app_id.to_string(),
        "conversation_id": conversation, "message_id": sent, "position": 1,
    });
    assert_eq!(changes.next("change"), expected);
    server.post(&format!("/users/jon/messages/{sent}/receipts"), &json!({ "type": "read" })).assert_empty(204);
    let receipt = changes.next("change");
    assert_eq!(
        (&receipt["type"], &receipt["user_id"], &receipt["status"]),
        (&json!("receipt"), &json!("jon"), &json!("read"))
    );
    let refused = ask(&server, "GET", "/events?kinds=all", &Value::Null);
    refused.assert_error(422, "invalid_property", Some("kinds"));
    assert_eq!(ask(&server, "POST", "/reset", &Value::Null).status, 204);
    assert_eq!(changes.next("missed"), json!({ "kind": "changes", "is_replaced": true }));
}

#[test]
fn thirty_two_may_watch_and_a_platform_that_stops_sends_them_away() {
    let server = start_with(Config { drain: PATIENCE, ..Config::default() });
    let mut watchers: Vec<Events> = (0..32).map(|_| Events::open(&server, "")).collect();
    for events in &mut watchers {
        events.next("ready");
    }
    ask(&server, "GET", "/events", &Value::Null).assert_error(429, "rate_limit_exceeded", None);
    drop(watchers.pop());
    // A place is free once the platform notices; it writes to find out.
    crate::client::wait_until("a place is free", || {
        server.get("/users/maria/blocks");
        ask_for_head(&server)
    });
    let began = std::time::Instant::now();
    server.platform.close().unwrap();
    assert!(began.elapsed() < PATIENCE, "it waited for those who watch");
}

/// Whether a stream is opened.
fn ask_for_head(server: &Server) -> bool {
    let mut stream = TcpStream::connect(server.platform.url().strip_prefix("http://").unwrap()).unwrap();
    stream
        .write_all(b"GET /_platform/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer admin\r\n\r\n")
        .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.starts_with("HTTP/1.1 200")
}
