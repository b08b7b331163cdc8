//! Synapse: messages are sent for users by an application service, as a service sends them to the platform with the
//! token of its app. Nothing limits the rate, and nothing leaves the machine.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Running, answer, free_address, installed, listening};
use crate::AnyError;
use crate::http::{self, Connection};
use crate::requests::{Operation, Requests, Tag};
use crate::seed::block_on;
use crate::world::{World, fresh_id, text, user};

/// The Python whose packages Synapse is among.
const PYTHON: &str = "LAYER_BENCH_SYNAPSE";

/// Rooms, with the participants and the messages of the platform's conversations.
const ROOMS: u32 = 50;

/// Opens this server alone, which is gone after the run.
const TOKEN: &str = "bench";

/// The rooms of the server.
struct Rooms {
    world: World,
    headers: String,
    ids: Vec<String>,
}

/// Starts one in a folder and fills it.
pub fn start(folder: &Path) -> Result<Running, AnyError> {
    let python = installed(PYTHON)?;
    let address = free_address()?;
    configure(folder, address)?;
    let mut command = Command::new(python);
    command.args(["-m", "synapse.app.homeserver", "--generate-keys", "-c", "homeserver.json"]);
    let made = command.current_dir(folder).output()?;
    if !made.status.success() {
        return Err(format!("Synapse cannot make its keys: {}", String::from_utf8_lossy(&made.stderr)).into());
    }
    let mut command = Command::new(command.get_program());
    command.args(["-m", "synapse.app.homeserver", "-c", "homeserver.json"]);
    let server = listening(command, address, folder)?;
    let mut rooms =
        Rooms { world: World::new(ROOMS, "", ""), headers: format!("Authorization: Bearer {TOKEN}\r\n"), ids: vec![] };
    rooms.ids = block_on(rooms.fill(address))?;
    Ok(Running { server, requests: Rc::new(rooms), database: None })
}

/// Writes its settings; JSON is YAML.
fn configure(folder: &Path, address: SocketAddr) -> Result<(), AnyError> {
    let service = json!({
        "id": "bench", "url": null, "as_token": TOKEN, "hs_token": "bench", "sender_localpart": "bench",
        "rate_limited": false, "namespaces": { "users": [{ "exclusive": true, "regex": "@user-.*" }] },
    });
    let log = json!({ "version": 1, "disable_existing_loggers": false, "root": { "level": "WARNING" } });
    let settings = json!({
        "server_name": "localhost",
        "report_stats": false,
        "signing_key_path": folder.join("signing.key"),
        "media_store_path": folder.join("media"),
        "log_config": folder.join("log.json"),
        "macaroon_secret_key": "bench",
        "form_secret": "bench",
        "trusted_key_servers": [],
        "presence": { "enabled": false },
        "listeners": [{
            "port": address.port(), "bind_addresses": [address.ip()], "type": "http",
            "resources": [{ "names": ["client"] }],
        }],
        // A write-ahead log, flushed at each commit: what Synapse and SQLite have by themselves.
        "database": { "name": "sqlite3", "args": { "database": folder.join("homeserver.db") } },
        "app_service_config_files": [folder.join("service.json")],
    });
    for (name, value) in [("service.json", service), ("log.json", log), ("homeserver.json", settings)] {
        fs::write(folder.join(name), value.to_string())?;
    }
    Ok(())
}

impl Rooms {
    /// Registers the users and makes the rooms; their ids.
    async fn fill(&self, address: SocketAddr) -> Result<Vec<String>, AnyError> {
        let mut connection = Connection::open(address).await?;
        let mut request = vec![];
        for number in 0..self.world.users() {
            let body =
                json!({ "type": "m.login.application_service", "username": user(number), "inhibit_login": true });
            self.write("POST", "/_matrix/client/v3/register", &body, &mut request);
            answer(&mut connection, &request).await?;
        }
        let mut ids = vec![];
        for number in 0..ROOMS {
            let participants = self.world.participants(number);
            let invited: Vec<_> = participants[1..].iter().map(|user| id(*user)).collect();
            let path = format!("/_matrix/client/v3/createRoom?user_id={}", id(participants[0]));
            let body = json!({ "preset": "private_chat", "invite": invited });
            self.write("POST", &path, &body, &mut request);
            let created = answer(&mut connection, &request).await?;
            let room = created["room_id"].as_str().ok_or("Synapse does not say the id of a room")?.to_owned();
            for user in invited {
                let path = format!("/_matrix/client/v3/rooms/{room}/join?user_id={user}");
                self.write("POST", &path, &json!({}), &mut request);
                answer(&mut connection, &request).await?;
            }
            let mut rng = Rng::with_seed(u64::from(number));
            for _ in 0..World::messages_of(number) {
                self.send(number, &room, &mut rng, &mut request);
                answer(&mut connection, &request).await?;
            }
            ids.push(room);
        }
        Ok(ids)
    }

    fn write(&self, method: &str, path: &str, body: &Value, request: &mut Vec<u8>) {
        http::write(method, path, &self.headers, &body.to_string(), request);
    }

    /// The id of the transaction is what makes a message findable again when it is sent twice.
    fn send(&self, number: u32, room: &str, rng: &mut Rng, request: &mut Vec<u8>) {
        let sender = id(self.world.participant(number, rng));
        let transaction = fresh_id(rng);
        let path = format!("/_matrix/client/v3/rooms/{room}/send/m.room.message/{transaction}?user_id={sender}");
        self.write("PUT", &path, &json!({ "msgtype": "m.text", "body": text(rng) }), request);
    }
}

impl Requests for Rooms {
    fn write(&self, operation: Operation, rng: &mut Rng, request: &mut Vec<u8>) {
        let number = self.world.draw(operation, rng);
        let room = &self.ids[number as usize];
        match operation {
            Operation::Send(_) => self.send(number, room, rng, request),
            Operation::ListLong | Operation::ListAny | Operation::ListConversations => {
                let reader = id(self.world.participant(number, rng));
                let path = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=100&user_id={reader}");
                http::write("GET", &path, &self.headers, "", request);
            }
        }
    }

    fn successes(&self, operation: Operation) -> &'static [u16] {
        match operation {
            Operation::Send(Tag::V4 | Tag::V7) | Operation::ListLong => &[200],
            // All of its messages have such an id. It has lists of rooms of another kind, without what is in them.
            Operation::Send(Tag::None) | Operation::ListAny | Operation::ListConversations => &[],
        }
    }

    fn messages(&self) -> u64 {
        self.world.messages()
    }
}

fn id(number: u32) -> String {
    format!("@{}:localhost", user(number))
}
