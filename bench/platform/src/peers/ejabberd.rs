//! ejabberd: chat messages are sent for users by its HTTP API, and archived (XEP-0313) in PostgreSQL. It asks for no
//! token, answers a digit, and has no list of messages over HTTP.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use fastrand::Rng;
use serde_json::json;

use super::{Running, answer, free_address, installed, listening};
use crate::AnyError;
use crate::database::Database;
use crate::http::{self, Connection};
use crate::requests::{Operation, Requests, Tag};
use crate::seed::block_on;
use crate::world::{World, text, user};

/// The folder of its code.
const CODE: &str = "LAYER_BENCH_EJABBERD";

/// The tables that it comes with.
const TABLES: &str = "/usr/share/ejabberd/sql/pg.sql";

/// Pairs of users who write to each other come from so many conversations.
const CONVERSATIONS: u32 = 2000;

/// Users who write to each other.
struct Chats {
    world: World,
}

/// Starts one on a database for itself, with its users.
pub fn start(name: &str, folder: &Path) -> Result<Running, AnyError> {
    let code = installed(CODE)?;
    let database = Database::create(name)?;
    database.load(Path::new(TABLES))?;
    let address = free_address()?;
    configure(folder, address, &database)?;
    let mut command = Command::new("erl");
    // A node that no other may join, so that it needs no daemon of ports.
    command.args(["-noinput", "-start_epmd", "false", "-pa", &code, "-s", "ejabberd"]);
    command.args(["-mnesia", "dir", &erlang(&folder.join("spool"))]);
    command.args(["-ejabberd", "config", &erlang(&folder.join("ejabberd.json.yml"))]);
    command.args(["log_path", &erlang(&folder.join("ejabberd.log"))]);
    command.env("HOME", folder);
    let mut server = listening(command, address, folder)?;
    server.database_pid = Some(database.server_pid);
    let chats = Chats { world: World::new(CONVERSATIONS, "", "") };
    block_on(chats.register(address))?;
    database.settle()?;
    Ok(Running { server, requests: Rc::new(chats), database: Some(database) })
}

/// Writes its settings; JSON is YAML.
fn configure(folder: &Path, address: SocketAddr, database: &Database) -> Result<(), AnyError> {
    let settings = json!({
        "hosts": ["localhost"],
        "loglevel": "warning",
        "listen": [{
            "port": address.port(), "ip": address.ip(), "module": "ejabberd_http", "backlog": 1024,
            "request_handlers": { "/api": "mod_http_api" },
        }],
        "api_permissions": { "load": { "who": "all", "what": "*" } },
        "sql_type": "pgsql",
        "sql_server": "127.0.0.1",
        "sql_port": database.port()?,
        "sql_database": database.name,
        "sql_username": "postgres",
        "sql_password": "",
        "modules": {
            "mod_http_api": {},
            "mod_admin_extra": {},
            "mod_mam": { "default": "always", "db_type": "sql" },
        },
    });
    Ok(fs::write(folder.join("ejabberd.json.yml"), settings.to_string())?)
}

/// A path as a term of Erlang.
fn erlang(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

impl Chats {
    async fn register(&self, address: SocketAddr) -> Result<(), AnyError> {
        let mut connection = Connection::open(address).await?;
        let mut request = vec![];
        for number in 0..self.world.users() {
            let body = json!({ "user": user(number), "host": "localhost", "password": "bench" });
            http::write("POST", "/api/register", "", &body.to_string(), &mut request);
            answer(&mut connection, &request).await?;
        }
        Ok(())
    }
}

impl Requests for Chats {
    fn write(&self, operation: Operation, rng: &mut Rng, request: &mut Vec<u8>) {
        let participants = self.world.participants(self.world.draw(operation, rng));
        let body = json!({
            "type": "chat",
            "from": address_of(participants[0]),
            "to": address_of(participants[1]),
            "subject": "",
            "body": text(rng),
        });
        http::write("POST", "/api/send_message", "", &body.to_string(), request);
    }

    fn successes(&self, operation: Operation) -> &'static [u16] {
        match operation {
            // It knows no tags: a message that is sent twice is there twice.
            Operation::Send(Tag::V4 | Tag::V7) => &[200],
            Operation::Send(Tag::None) | Operation::ListLong | Operation::ListAny | Operation::ListConversations => &[],
        }
    }

    fn messages(&self) -> u64 {
        0
    }
}

/// How others write to a user.
fn address_of(number: u32) -> String {
    format!("{}@localhost", user(number))
}
