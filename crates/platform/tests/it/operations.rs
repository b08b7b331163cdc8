//! What operators look at: health, readiness, metrics, the log.

#![expect(clippy::float_cmp, reason = "what is counted is whole")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use layer_platform::{Config, RateLimit};
use serde_json::{Value, json};

use crate::client::{Answer, Server, raw, raw_at, request, start, wait_until};
use crate::device::Signer;
use crate::live_client::Live;
use crate::{admin, docs};

/// The values on the page of metrics, by name and labels.
fn metrics(server: &Server) -> BTreeMap<String, f64> {
    let answer = raw(&server.platform, "GET", "/metrics", &[("Authorization", "Bearer admin")], b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.into(), value.parse().unwrap()))
        .collect()
}

#[test]
fn who_starts_it_again_and_who_balances_hear_how_it_is_without_a_token() {
    let server = start();
    for path in ["/health", "/ready"] {
        let answer = raw(&server.platform, "GET", path, &[], b"");
        assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })), "{path}");
    }
    assert_eq!(raw(&server.platform, "POST", "/health", &[], b"").status, 405);
}

#[test]
fn metrics_are_for_who_knows_the_admin_token_or_open_on_this_machine_by_option() {
    let server = admin::start();
    assert_eq!(raw(&server.platform, "GET", "/metrics", &[("Authorization", "Bearer other")], b"").status, 401);
    assert_eq!(raw(&server.platform, "GET", "/metrics", &[], b"").status, 401);
    let without_token = start();
    assert_eq!(raw(&without_token.platform, "GET", "/metrics", &[], b"").status, 404);
    let open = Server::start(|data| Config { data, open_metrics: true, ..Config::default() });
    let answer = raw(&open.platform, "GET", "/metrics", &[], b"");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let host = "0.0.0.0".parse().unwrap();
    let error = layer_platform::Platform::start(Config {
        open_metrics: true,
        allow_plain_http: true,
        host,
        ..Config::default()
    })
    .unwrap_err();
    assert!(error.to_string().starts_with("open_metrics: "), "{error}");
}

#[test]
fn requests_count_by_route_and_status() {
    let server = admin::start();
    let conversation = server.conversation(&["a", "b"]);
    for number in 0..3 {
        server.text(&conversation, &number.to_string());
    }
    assert_eq!(server.get("/conversations/none").status, 404);
    raw(&server.platform, "GET", "/nowhere/secret", &[], b"");
    let numbers = metrics(&server);
    let messages = "route=\"/apps/{app}/conversations/{conversation}/messages\"";
    let sent = format!("layer_requests_total{{method=\"POST\",{messages},status=\"201\"}}");
    assert_eq!(numbers.get(&sent), Some(&3.0), "{numbers:#?}");
    let lost = "layer_requests_total{method=\"GET\",route=\"/apps/{app}/conversations/{conversation}\",status=\"404\"}";
    assert_eq!(numbers.get(lost), Some(&1.0));
    // What anyone may write into a path is no label.
    assert!(numbers.contains_key("layer_requests_total{method=\"GET\",route=\"none\",status=\"404\"}"), "{numbers:#?}");
    assert!(!numbers.keys().any(|name| name.contains("secret") || name.contains(&conversation)));
    let class =
        |bound: &str| numbers[&format!("layer_request_seconds_bucket{{method=\"POST\",{messages},le=\"{bound}\"}}")];
    assert_eq!((class("+Inf"), class("0.00025") <= class("10")), (3.0, true));
    assert_eq!(numbers[&format!("layer_request_seconds_count{{method=\"POST\",{messages}}}")], 3.0);
    assert!(numbers[&format!("layer_request_seconds_sum{{method=\"POST\",{messages}}}")] > 0.0);
    assert_eq!((numbers["layer_connections_max"], numbers["layer_connections_refused_total"]), (1000.0, 0.0));
    // This one.
    assert_eq!((numbers["layer_requests_under_way"], numbers["layer_connections"] >= 1.0), (1.0, true));
}

#[test]
fn the_store_the_sockets_and_the_outbox_are_in_the_numbers() {
    let server = admin::start();
    let before = metrics(&server);
    let conversation = server.conversation(&["maria"]);
    server.text(&conversation, "a");
    let after = metrics(&server);
    let grown = |name: &str| after[name] - before[name];
    assert!(grown("layer_store_commit_writes_sum") >= 2.0, "{after:#?}");
    assert!(
        grown("layer_store_commit_writes_count") >= 2.0 && grown("layer_store_commit_writes_bucket{le=\"1\"}") >= 1.0
    );
    assert_eq!(after["layer_store_commit_writes_bucket{le=\"+Inf\"}"], after["layer_store_commit_writes_count"]);
    assert_eq!(after["layer_store_waiting{queue=\"writes\"}"] + after["layer_store_failed_commits_total"], 0.0);
    // In memory there is neither, and a server keeps its log by itself.
    let store = std::env::var("LAYER_TEST_STORE").unwrap_or_default();
    if store != "memory" {
        wait_until("the size of the database is known", || metrics(&server)["layer_database_bytes"] > 0.0);
        assert_eq!(after["layer_database_log_bytes"] > 0.0, store != "postgres");
    }
    assert_eq!(
        (after["layer_sockets"], after["layer_outbox_deliveries"], after["layer_outbox_age_seconds"]),
        (0.0, 0.0, 0.0)
    );
    assert_eq!(after["layer_webhooks{status=\"active\"}"], 0.0);

    let device = Signer::of(&server).device(&server, "maria");
    let socket = Live::open(&device);
    wait_until("the socket counts", || metrics(&server)["layer_sockets"] == 1.0);
    drop(socket);
    wait_until("the socket is gone", || metrics(&server)["layer_sockets"] == 0.0);
}

#[test]
fn a_token_that_is_used_too_often_waits_and_others_do_not() {
    let rate_limit = Some(RateLimit { per_second: 1, at_once: 3 });
    let server = Server::start(|data| Config { data, rate_limit, ..Config::default() });
    let other = server.platform.create_app().unwrap();
    let answers: Vec<_> = (0..5).map(|_| server.get("/users/a/identity")).collect();
    let limited: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    // A busy machine may take seconds for them, and then more than three pass.
    assert!(answers[..3].iter().all(|answer| answer.status == 404), "{answers:?}");
    for answer in limited {
        // Contract 1.8.
        answer.assert_empty(429);
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // As many more as it takes: each is one more of a second, however slow they come.
    wait_until("one is limited", || (0..100).any(|_| server.get("/users/a/identity").status == 429));
    assert_eq!(request(&server.platform, &other, "GET", "/users/a/identity", &[], "").status, 404);
    // Who tries tokens is slowed down as well, and who comes without one needs none.
    let wrong = [("Authorization", "Bearer wrong")];
    wait_until("a wrong token is limited", || {
        (0..100).any(|_| server.send("GET", "/users/a/identity", &wrong, "").status == 429)
    });
    assert_eq!(raw(&server.platform, "GET", "/health", &[], b"").status, 200);
    wait_until("the token is good again", || server.get("/users/a/identity").status == 404);
}

#[test]
fn a_session_that_is_used_too_often_waits_over_sockets_too() {
    let rate_limit = Some(RateLimit { per_second: 1, at_once: 40 });
    let server = Server::start(|data| Config { data, rate_limit, ..Config::default() });
    let device = Signer::of(&server).device(&server, "maria");
    let mut socket = Live::open(&device);
    wait_until("the socket is limited", || {
        let (answer, _) = socket.ask_and_hear("Conversation.create", None, &json!({ "participants": ["a"] }));
        answer["success"] == false && answer["data"]["id"] == "rate_limit_exceeded"
    });
    wait_until("so is the session over REST", || (0..100).any(|_| device.get("/conversations").status == 429));
}

/// The body of the next request to a server that answers each with `200`.
fn received(listener: &TcpListener) -> Value {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (&stream).write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn a_collector_gets_a_span_for_each_request_that_wants_to_be_traced() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let otlp_endpoint = Some(format!("http://{}", collector.local_addr().unwrap()));
    let server = Server::start(|data| Config { data, otlp_endpoint, ..Config::default() });
    let trace = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    let ask = |flags: &str, id: &str| {
        let headers = [("traceparent", &*format!("00-{trace}-{flags}")), ("X-Request-Id", id)];
        assert_eq!(server.send("GET", "/users/the-user/identity", &headers, "").status, 404);
    };
    ask("00", "unwanted");
    ask("01", "wanted");
    let received = received(&collector);
    let spans = received["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    let [span] = &spans[..] else { panic!("{received:#}") };
    assert_eq!(span["traceId"], trace[..32]);
    assert_eq!((&span["parentSpanId"], &span["kind"]), (&trace[33..].into(), &2.into()));
    assert_eq!(span["name"], "GET /apps/{app}/users/{user}/identity");
    let attribute = |key: &str| {
        let found = span["attributes"].as_array().unwrap().iter().find(|attribute| attribute["key"] == key);
        found.map(|attribute| attribute["value"].clone())
    };
    assert_eq!(attribute("http.response.status_code"), Some(json!({ "intValue": "404" })));
    assert_eq!(attribute("layer.app_id"), Some(json!({ "stringValue": server.app.app_id.to_string() })));
    assert_eq!(attribute("layer.request_id"), Some(json!({ "stringValue": "wanted" })));
    let nanos = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
    let text = received.to_string();
    assert!(!text.contains("the-user") && !text.contains(server.app.token.reveal()), "{text}");
    let wrong = Config { otlp_endpoint: Some("collector".into()), ..Config::default() };
    let error = layer_platform::Platform::start(wrong).unwrap_err().to_string();
    assert!(error.starts_with("otlp_endpoint: 'collector'"), "{error}");
}

/// The platform as a program, with what it prints to the error output.
struct Program {
    child: Child,
    address: String,
    app: (String, String),
    errors: BufReader<std::process::ChildStderr>,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
            .args(["--port", "0", "--data", ":memory:", "--create-app"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut after = |prefix: &str| lines.next().unwrap().strip_prefix(prefix).unwrap().to_owned();
        let app = (after("app id: "), after("token: "));
        let address = after("listening on http://");
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, address, app, errors }
    }

    fn send(&self, text: &str, id: &str) -> Answer {
        let token = format!("Bearer {}", self.app.1);
        let headers = [
            ("Accept", "application/vnd.layer+json; version=1.0"),
            ("Authorization", token.as_str()),
            ("Content-Type", "application/json"),
            ("X-Request-Id", id),
        ];
        let path = format!("/apps/{}/conversations", self.app.0);
        let body = json!({ "participants": [text], "metadata": { "text": text } }).to_string();
        raw_at(&self.address, "POST", &path, &headers, body.as_bytes())
    }

    /// Ends it, and answers the rest of what it printed.
    fn end(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        rest
    }
}

#[test]
fn each_request_is_a_line_at_debug_with_its_id_its_route_and_no_word_of_what_it_says() {
    let program = Program::start(&["--log-level", "debug", "--log-format", "json"]);
    assert_eq!(program.send("the words", "the-id").status, 201);
    assert_eq!(raw_at(&program.address, "GET", "/health?secret", &[], b"").status, 200);
    let app = program.app.0.clone();
    let token = program.app.1.clone();
    let printed = program.end();
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["message"], &lines[0]["level"]),
        (&"the platform listens".into(), &"info".into()),
        "{printed}"
    );
    assert_eq!(lines[0]["version"], env!("CARGO_PKG_VERSION"));
    let requests: Vec<_> = lines.iter().filter(|line| line["message"] == "a request was answered").collect();
    let sent = requests[0];
    let expected = json!({
        "time": sent["time"], "level": "debug", "message": "a request was answered", "request": "the-id",
        "method": "POST", "route": "/apps/{app}/conversations", "app": app, "status": 201, "ms": sent["ms"],
    });
    assert_eq!(*sent, expected);
    assert!(sent["ms"].as_f64().unwrap() > 0.0);
    assert_eq!((&requests[1]["route"], requests[1].get("app")), (&"/health".into(), None));
    for word in ["the words", &token, "secret"] {
        assert!(!printed.contains(word), "{word}: {printed}");
    }
}

#[test]
fn the_level_says_how_much_is_printed() {
    for (args, count) in [(&[][..], 1), (&["--log-level", "warn"], 0), (&["--log-level", "off"], 0)] {
        let program = Program::start(args);
        assert_eq!(program.send("a", "b").status, 201);
        let printed = program.end();
        assert_eq!(printed.lines().count(), count, "{printed}");
        assert!(printed.lines().all(|line| line.contains(" layer-platform: info: the platform listens, version=")));
    }
}

/// The cells of each row of the tables below a heading of docs/operations.md.
fn documented(heading: &str) -> Vec<Vec<String>> {
    let page = docs::read("docs/operations.md");
    let section = page.split(&format!("\n## {heading}\n")).nth(1).expect("the section");
    docs::rows(section.split("\n## ").next().unwrap())
}

/// The texts between backticks in a cell.
fn name(cell: &str) -> String {
    docs::quoted(cell).first().map(|name| (*name).to_owned()).expect("a name")
}

#[test]
fn the_page_of_operations_has_every_metric_and_no_other() {
    let server = admin::start();
    let page = raw(&server.platform, "GET", "/metrics", &[("Authorization", "Bearer admin")], b"").body;
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: Vec<_> =
        types.map(|line| line.split_once(' ').unwrap()).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let told: Vec<_> = documented("Metrics").iter().map(|row| (name(&row[0]), row[1].clone())).collect();
    assert_eq!(told, shown);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let family = shown.iter().find(|(name, _)| line.starts_with(name.as_str()));
        assert!(family.is_some(), "{line}");
    }
}

/// The levels and messages of all events in the source.
fn lines_of(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines_of(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for call in source.split("tracing::").skip(1) {
            let Some((level, rest)) = call.split_once("!(") else { continue };
            if ["error", "warn", "info", "debug"].contains(&level) {
                // The last text in the call. None of them has an escaped quote.
                let (mut depth, mut message) = (1, "");
                for (number, piece) in rest.split('"').enumerate() {
                    if number % 2 == 1 {
                        message = piece;
                        continue;
                    }
                    let closes = piece.chars().any(|letter| {
                        depth += i32::from(letter == '(') - i32::from(letter == ')');
                        depth == 0
                    });
                    if closes {
                        break;
                    }
                }
                found.insert((level.to_owned(), message.to_owned()));
            }
        }
    }
}

#[test]
fn the_page_of_operations_has_every_line_of_the_log_and_no_other() {
    let mut found = BTreeSet::new();
    for folder in ["src", "../store-postgres/src"] {
        lines_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    let told: BTreeSet<_> = documented("Log").iter().map(|row| (name(&row[0]), name(&row[1]))).collect();
    assert_eq!(told, found);
}

/// Each setting that a file of deploy/ names is one, and the file of settings can be used.
#[test]
fn what_is_there_to_begin_with_names_settings_that_there_are() {
    let help = layer_platform::args::help("layer-api platform");
    let flags: BTreeSet<_> = help.split_whitespace().filter_map(|word| word.strip_prefix("--")).collect();
    let mut variables: BTreeSet<_> =
        flags.iter().map(|flag| format!("LAYER_{}", flag.to_uppercase().replace('-', "_"))).collect();
    // What has no flag stands there by its variable.
    variables.extend(help.split_whitespace().filter(|word| word.starts_with("LAYER_")).map(str::to_owned));
    let mut count = 0;
    for file in ["layer-platform.service", "Dockerfile", "compose.yaml"] {
        let text = docs::read(&format!("deploy/{file}"));
        for rest in text.split("LAYER_").skip(1) {
            let end = rest.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap();
            let name = format!("LAYER_{}", &rest[..end]);
            // An argument of the build.
            if name != "LAYER_API_VERSION" {
                assert!(variables.contains(&name), "{file}: {name}");
                count += 1;
            }
        }
    }
    assert!(count > 8, "{count}");
    let file = docs::root().join("deploy/layer.toml");
    let checked = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
        .args(["--check-config", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let shown = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // What stands in comments are settings, too.
    for line in std::fs::read_to_string(&file).unwrap().lines() {
        if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") {
            assert!(flags.contains(key), "{line}");
            assert!(line.starts_with('#') || shown.contains(&format!("\n{key} = ")), "{line}\n{shown}");
        }
    }
    // Whoever stops the platform waits for longer than it drains.
    let unit = docs::read("deploy/layer-platform.service");
    assert!(unit.contains("\nTimeoutStopSec=60\n") && shown.contains("\ndrain-seconds = 30 "), "{unit}{shown}");
}

#[test]
fn systemd_takes_the_unit() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let unit = docs::read("deploy/layer-platform.service");
    let path = folder.path().join("layer-platform.service");
    // Node need not be where it is on servers.
    std::fs::write(&path, unit.replace("/usr/bin/node ", "/bin/sh ")).unwrap();
    let checked = Command::new("systemd-analyze").arg("verify").arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(checked.status.success() && !said.contains("layer-platform.service"), "{said}");
}
