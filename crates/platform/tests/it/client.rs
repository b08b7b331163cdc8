//! A platform of one's own and a plain blocking HTTP client for it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use layer_platform::{Config, DataLocation, NewApp, Platform};
use layer_store_postgres::testing::Database;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

/// A UUID that nothing has.
pub const UNKNOWN: &str = "24f43c32-4d95-11e4-b3a2-0fd00000020d";

/// How long to wait for what must come. Only a test that has failed waits so long: a busy machine takes its time.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// Waits until something that is done elsewhere is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port of 127.0.0.1 that nobody has at the moment, and none of those that Linux gives to who asks for any (32768 and
/// above): tests beside this one do, and could be given it before it is used here.
pub fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..32_768);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running platform with one app. Its files go with it.
pub struct Server {
    pub platform: Platform,
    pub app: NewApp,
    _database: Option<Database>,
    _folder: Option<tempfile::TempDir>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// Reads what came over a connection until its end; `None` when it is cut off.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (head, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let answer = Self { status, headers, body: body.to_owned() };
        let is_whole = answer.header("content-length").is_none_or(|length| length.parse() == Ok(body.len()));
        is_whole.then_some(answer)
    }

    /// The value of a header, whose name is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The UUID at the end of the `id` in the body.
    pub fn uuid(&self) -> String {
        let body = self.json();
        body["id"].as_str().expect("an id").rsplit('/').next().expect("a last segment").to_owned()
    }

    /// Status, error name and, if there is one, the property that the error names.
    pub fn error(&self) -> (u16, String, Option<String>) {
        let body = self.json();
        assert!(body["code"].is_u64() && body["message"].is_string() && body["url"].is_string(), "{body}");
        let property = body["data"]["property"].as_str().map(str::to_owned);
        (self.status, body["id"].as_str().expect("an error name").to_owned(), property)
    }

    /// Asserts an error by its name, and its property if it names one.
    pub fn assert_error(&self, status: u16, id: &str, property: Option<&str>) {
        assert_eq!(self.error(), (status, id.to_owned(), property.map(str::to_owned)), "{self:?}");
    }

    /// Asserts an answer without a body: it has a length of 0 and no type. Contract 1.1 (recorded, R1 and R3).
    pub fn assert_empty(&self, status: u16) {
        let (length, kind) = (self.header("content-length"), self.header("content-type"));
        assert_eq!((self.status, self.body.as_str(), length, kind), (status, "", Some("0"), None), "{self:?}");
    }
}

/// Where the data of a test's platform is, by `LAYER_TEST_STORE`: `file` for a database in this folder, which is the
/// default, `memory`, or `postgres` for one that goes when the test is over. Tests of what outlives a platform name a
/// file themselves.
fn data_in(folder: &Path) -> (DataLocation, Option<Database>) {
    match std::env::var("LAYER_TEST_STORE").as_deref() {
        Err(_) | Ok("file") => (DataLocation::File(folder.join("layer.db")), None),
        Ok("memory") => (DataLocation::Memory, None),
        Ok("postgres") => {
            let database = Database::with_schema();
            (DataLocation::Postgres(database.url()), Some(database))
        }
        Ok(other) => panic!("LAYER_TEST_STORE is '{other}'; it can be 'file', 'memory' or 'postgres'"),
    }
}

/// What is wrong with a database, which a platform may use meanwhile; nothing, if it is whole for the store, and only
/// active webhooks have deliveries.
pub fn differences(data: &Path) -> Vec<String> {
    let found = layer_store_sqlite::open_beside(data).unwrap().check(false, &mut |_| {}).unwrap();
    let mut found: Vec<String> = found.listed.into_iter().map(|finding| finding.what).collect();
    let database = Connection::open_with_flags(data, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let waiting = "SELECT count(*) FROM webhook_deliveries
                   WHERE webhook NOT IN (SELECT key FROM webhooks WHERE status = 'active')";
    let waiting: i64 = database.query_row(waiting, [], |row| row.get(0)).unwrap();
    if waiting > 0 {
        found.push(format!("{waiting} deliveries to webhooks that are not active"));
    }
    found
}

/// Starts a platform on the store of the tests.
pub fn start() -> Server {
    Server::start(|data| Config { data, ..Config::default() })
}

impl Server {
    /// Starts a platform on the store of the tests, with a config made for it.
    pub fn start(config: impl FnOnce(DataLocation) -> Config) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, database) = data_in(folder.path());
        let mut config = config(data);
        if database.is_some() {
            config.files = Some(folder.path().join("files").into());
        }
        Self { _folder: Some(folder), _database: database, ..Self::on(config) }
    }

    /// Starts a platform as told, whose files stay.
    pub fn on(config: Config) -> Self {
        let platform = Platform::start(config).expect("a platform");
        let app = platform.create_app().expect("an app");
        Self::of(platform, app)
    }

    /// A platform that has an app already.
    pub fn of(platform: Platform, app: NewApp) -> Self {
        Self { platform, app, _database: None, _folder: None }
    }

    /// The same server, spoken to in another version: `server.at("3.0").get(...)`. Without it, the version is 1.0.
    pub fn at(&self, version: &str) -> Speaker<'_> {
        Speaker { server: self, accept: format!("application/vnd.layer+json; version={version}") }
    }

    fn speaker(&self) -> Speaker<'_> {
        self.at("1.0")
    }

    /// Sends a request to a path below the app, with the headers that every request needs.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.speaker().send(method, path, headers, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.speaker().get(path)
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.speaker().delete(path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.speaker().post(path, body)
    }

    /// Posts with a dedupe tag.
    pub fn post_tagged(&self, path: &str, tag: &str, body: &Value) -> Answer {
        self.speaker().post_tagged(path, tag, body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.speaker().put(path, body)
    }

    pub fn patch(&self, path: &str, operations: &Value) -> Answer {
        self.speaker().patch(path, operations)
    }

    /// Makes the platform know a user: versions before 2.0 do nothing on behalf of an unknown one.
    pub fn introduce(&self, user: &str) {
        self.put(&format!("/users/{user}/identity"), &json!({ "display_name": user })).assert_empty(204);
    }

    /// Creates a conversation and returns its UUID.
    pub fn conversation(&self, participants: &[&str]) -> String {
        let answer = self.post("/conversations", &json!({ "participants": participants }));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.uuid()
    }

    /// Sends a text under the name "Concierge" and returns the UUID of the message.
    pub fn text(&self, conversation: &str, text: &str) -> String {
        let answer = self.post(&format!("/conversations/{conversation}/messages"), &message(text));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.uuid()
    }

    /// The prefix of absolute URLs.
    pub fn prefix(&self) -> String {
        format!("{}/apps/{}", self.platform.url(), self.app.app_id)
    }
}

/// A server, spoken to in one version.
pub struct Speaker<'s> {
    server: &'s Server,
    accept: String,
}

impl Speaker<'_> {
    /// Sends a request to a path below the app, with the headers that every request needs; given headers replace those.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut all = vec![("Accept", self.accept.as_str())];
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
        all.extend(headers);
        request(&self.server.platform, &self.server.app, method, path, &all, body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], &body.to_string())
    }

    /// Posts with a dedupe tag.
    pub fn post_tagged(&self, path: &str, tag: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("If-None-Match", tag)], &body.to_string())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], &body.to_string())
    }

    pub fn patch(&self, path: &str, operations: &Value) -> Answer {
        let headers = [("Content-Type", "application/vnd.layer-patch+json")];
        self.send("PATCH", path, &headers, &operations.to_string())
    }
}

/// A message from a named sender.
pub fn message(text: &str) -> Value {
    json!({ "sender": { "name": "Concierge" }, "parts": [{ "body": text, "mime_type": "text/plain" }] })
}

/// A message from a user.
pub fn message_of(user: &str, text: &str) -> Value {
    json!({ "sender": { "user_id": user }, "parts": [{ "body": text, "mime_type": "text/plain" }] })
}

/// Sends a request to a path below an app, with the headers that every request needs; given headers replace those.
pub fn request(
    platform: &Platform,
    app: &NewApp,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    request_at(address(platform), app, method, path, headers, body)
}

fn address(platform: &Platform) -> &str {
    platform.url().strip_prefix("http://").expect("plain HTTP")
}

/// The same for a platform of which only the address is known.
pub fn request_at(
    address: &str,
    app: &NewApp,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let token = format!("Bearer {}", app.token.reveal());
    let defaults = [
        ("Accept", "application/vnd.layer+json; version=1.0"),
        ("Authorization", token.as_str()),
        ("Content-Type", "application/json"),
    ];
    let is_given = |name: &str| headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    let mut all: Vec<_> = defaults.into_iter().filter(|(name, _)| !is_given(name)).collect();
    // An empty value stands for a header that is left out.
    all.extend(headers.iter().copied().filter(|(_, value)| !value.is_empty()));
    raw_at(address, method, &format!("/apps/{}{path}", app.app_id), &all, body.as_bytes())
}

/// Sends a request with nothing but the headers given.
pub fn raw(platform: &Platform, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    raw_at(address(platform), method, target, headers, body)
}

/// The same for a platform of which only the address is known.
pub fn raw_at(address: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).expect("a connection");
    exchange(&mut stream, method, target, headers, body)
}

/// Sends one request over a stream and reads until its end.
pub fn exchange(
    stream: &mut (impl Read + Write),
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("a sent head");
    stream.write_all(body).expect("a sent body");
    let mut answer = vec![];
    stream.read_to_end(&mut answer).expect("an answer");
    Answer::parse(&answer).expect("a whole answer")
}
