//! `copy` between files and databases of PostgreSQL, with the real program; and `export` and `import` there.

use std::fs;
use std::path::Path;
use std::process::Command;

use layer_platform::{Config, DataLocation, Platform};
use layer_store::contract;
use layer_store::transfer::KINDS;
use layer_store::{Store, StoreError};
use layer_store_postgres::testing::{Database, is_there};
use layer_wire::{AppId, Timestamp};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Server, message_of, wait_until};
use crate::content::{get_bytes, target};
use crate::device::admin;
use crate::upkeep::{BYTES, Paths, change_in, done, files, fill, on_file, refused, run};

/// An app with something of everything.
const FULL: u128 = 7;

/// A place that a test copies to and from.
pub struct Place {
    /// As the program takes it.
    pub name: String,
    /// Its folder of files, where it has to be named.
    files: Option<String>,
    config: Config,
    database: Option<Database>,
}

impl Place {
    pub fn file(paths: &Paths, name: &str) -> Self {
        Self { name: paths.text(name), files: None, config: on_file(&paths.at(name)), database: None }
    }

    /// `None` where there is no PostgreSQL.
    fn postgres(paths: &Paths) -> Option<Self> {
        if !is_there() {
            return None;
        }
        let (database, files) = (Database::with_schema(), paths.text("pg-files"));
        let config = Config {
            data: DataLocation::Postgres(database.url()),
            files: Some(paths.at("pg-files").into()),
            ..Config::default()
        };
        Some(Self { name: database.url().reveal().to_owned(), files: Some(files), config, database: Some(database) })
    }

    /// The options that name it.
    fn args(&self, option: &str, files: &str) -> Vec<String> {
        let mut args = vec![format!("--{option}"), self.name.clone()];
        if let Some(folder) = &self.files {
            args.extend([format!("--{files}"), folder.clone()]);
        }
        args
    }

    /// All apps, as lines that are sorted, since kinds without an order have none.
    pub fn lines(&self, paths: &Paths, apps: &[String]) -> Vec<String> {
        let mut lines = vec![];
        for app in apps {
            let file = paths.text("lines.jsonl");
            let mut args = vec!["export".into(), "--app".into(), app.clone(), "--to".into(), file.clone()];
            args.extend(self.args("data", "files"));
            done(&texts(&args));
            lines.extend(fs::read_to_string(&file).unwrap().lines().map(str::to_owned));
            fs::remove_file(file).unwrap();
        }
        lines.sort();
        lines
    }

    fn again(&self, earlier: &Server) -> Server {
        Server::of(Platform::start(self.config.clone()).unwrap(), earlier.app.clone())
    }

    fn count(&self, table: &str) -> i64 {
        match &self.database {
            Some(database) => database.number(&format!("SELECT count(*) FROM layer.{table}")),
            // While the program brings the file to its form, there is nothing to count.
            None => Connection::open_with_flags(&self.name, OpenFlags::SQLITE_OPEN_READ_ONLY)
                .and_then(|data| data.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)))
                .unwrap_or_default(),
        }
    }
}

fn texts(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

fn args_of(from: &Place, to: &Place) -> Vec<String> {
    let mut args = vec!["copy".to_owned()];
    args.extend(from.args("from", "from-files"));
    args.extend(to.args("to", "to-files"));
    args
}

/// Copies, and expects that both are the same.
fn copied(from: &Place, to: &Place) -> String {
    let args = args_of(from, to);
    let said = done(&texts(&args));
    assert!(said.ends_with("All were compared, and are the same.\n"), "{said}");
    said
}

/// Copies, and expects a difference.
fn differs(from: &Place, to: &Place, difference: &str) {
    let args = args_of(from, to);
    let answer = run(&texts(&args));
    assert!(answer.code == 1 && answer.out.contains(difference), "{difference}: {answer:?}");
}

/// Three apps in `layer.db`: one of a platform that has some of everything and a content, one with a record of each
/// kind, and one that is deleted.
pub struct House {
    pub source: Place,
    server: Server,
    conversation: String,
    pub content: String,
    pub apps: Vec<String>,
}

pub fn house(paths: &Paths) -> House {
    let server = paths.server("layer.db");
    let (conversation, content) = fill(&server);
    let deleted = server.platform.create_app().unwrap();
    server.platform.close().unwrap();
    let data = DataLocation::File(paths.at("layer.db"));
    let store = layer_store_sqlite::open(&data).unwrap();
    let full = AppId::new(Uuid::from_u128(FULL));
    let key = write(&*store, move |writes| {
        assert!(writes.delete_app(deleted.app_id)?);
        writes.insert_app(full, Some("full"), Timestamp::from_ms(5))
    });
    contract::fill(&*store, key, FULL);
    store.close().unwrap();
    let source = Place::file(paths, "layer.db");
    let apps = vec![server.app.app_id.to_string(), full.to_string()];
    House { source, server, conversation, content, apps }
}

fn write<T: Send + 'static>(
    store: &dyn Store,
    work: impl FnOnce(&mut dyn layer_store::Writes) -> Result<T, StoreError> + Send + 'static,
) -> T {
    let mut work = Some(work);
    store.write_blocking(move |writes| work.take().unwrap()(writes)).unwrap()
}

/// Where copies go: another file, and PostgreSQL where it is.
fn targets(paths: &Paths) -> Vec<Place> {
    std::iter::once(Place::file(paths, "target.db")).chain(Place::postgres(paths)).collect()
}

#[test]
fn everything_goes_to_another_place_and_comes_back_the_same() {
    let paths = Paths::new();
    let House { source, server, conversation, content, apps } = house(&paths);
    let lines = source.lines(&paths, &apps);
    for kind in &KINDS {
        let of_kind = format!(r#""type":"{}""#, kind.name);
        assert!(lines.iter().any(|line| line.contains(&of_kind)), "there is no {}", kind.name);
    }
    for (number, place) in targets(&paths).iter().enumerate() {
        let said = copied(&source, place);
        assert!(said.contains("2 apps, 0 of them there already") && said.contains(" 1 contents."), "{said}");
        assert_eq!(place.lines(&paths, &apps), lines);
        // Again, there is nothing to be done.
        assert!(copied(&source, place).contains("2 of them there already"));
        let back = Place::file(&paths, &format!("back-{number}.db"));
        copied(place, &back);
        assert_eq!(back.lines(&paths, &apps), lines);
        done(&["check", "--hashes", "--data", &back.name]);

        let copy = place.again(&server);
        let shown = copy.get(&format!("/conversations/{conversation}/content/{content}")).json();
        assert_eq!(get_bytes(&copy, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
        let next = copy.text(&conversation, "next");
        assert_eq!(copy.get(&format!("/users/a/messages/{next}")).json()["position"], 7);
        // What is under way there is not pushed aside.
        let args = args_of(&source, place);
        refused(&texts(&args), "in use by");
        copy.platform.close().unwrap();
        differs(&source, place, &format!("app {}: there are 5 records of type message in the source and 6", apps[0]));
    }
}

#[cfg(unix)]
#[test]
fn a_copy_that_was_killed_goes_on_or_begins_anew_where_the_source_has_changed() {
    let paths = Paths::new();
    let House { source, server, conversation, content, apps } = house(&paths);
    let bytes = paths.at("layer.db-files").join(format!("content-{}-{content}", apps[0]));
    for place in targets(&paths) {
        // Nobody writes to the pipe: the copy stands still at the bytes of the content until it is killed.
        fs::rename(&bytes, paths.at("bytes")).unwrap();
        assert!(Command::new("mkfifo").arg(&bytes).status().unwrap().success());
        let mut copy =
            Command::new(env!("CARGO_BIN_EXE_layer-platform")).args(args_of(&source, &place)).spawn().unwrap();
        wait_until("the last kind that does not act is there", || place.count("contents") > 0);
        copy.kill().unwrap();
        copy.wait().unwrap();
        fs::remove_file(&bytes).unwrap();
        fs::rename(paths.at("bytes"), &bytes).unwrap();
        // As if it had been killed among the messages.
        match &place.database {
            Some(database) => database.run("DELETE FROM layer.contents; DELETE FROM layer.messages WHERE position > 3"),
            None => change_in(
                Path::new(&place.name),
                "DELETE FROM contents; DELETE FROM messages WHERE key & 0xFFFFFFFF > 3",
            ),
        }
        // Nobody sees it, and nothing of it is removed.
        let platform = place.again(&server);
        assert_eq!(platform.get("/conversations").status, 403);
        let other = platform.platform.create_app().unwrap();
        let path = format!("/apps/{}", other.app_id);
        assert_eq!(admin(&platform.platform, "DELETE", &path, &Value::Null).0, 204);
        let left = place.database.as_ref().map_or("apps WHERE is_deleted < 2", |_| "apps WHERE NOT is_unfinished");
        wait_until("what is deleted is removed", || place.count(left) == 0);
        platform.platform.close().unwrap();
        assert!(place.count("messages") > 0);
        let mut args = vec!["import".to_owned(), "--from".into(), paths.text("app.jsonl")];
        args.extend(place.args("data", "files"));
        if !paths.at("app.jsonl").exists() {
            done(&["export", "--data", &source.name, "--app", &apps[0], "--to", &paths.text("app.jsonl")]);
        }
        refused(&texts(&args), "waits to be continued");

        if place.database.is_none() {
            // The source has others by now: one more, one less, one that changed.
            let source = source.again(&server);
            source.text(&conversation, "later");
            let first = source.get(&format!("/conversations/{conversation}/messages")).json()[4]["id"].clone();
            let first = first.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            assert_eq!(source.delete(&format!("/conversations/{conversation}/messages/{first}")).status, 204);
            source.post(&format!("/conversations/{conversation}/messages"), &message_of("b", "now"));
            source.platform.close().unwrap();
        }
        let said = copied(&source, &place);
        assert!(said.contains("2 apps, 0 of them there already"), "{said}");
        assert_eq!(place.lines(&paths, &apps), source.lines(&paths, &apps));
    }
}

#[test]
fn what_differs_or_is_missing_is_said() {
    let paths = Paths::new();
    let House { source, content, apps, .. } = house(&paths);
    let name = format!("content-{}-{content}", apps[0]);
    let of_source = paths.at("layer.db-files").join(&name);
    let said = |what: &str| format!("content {content} of app {} {what}", apps[0]);
    for place in targets(&paths) {
        let of_place = place.files.as_ref().map_or_else(|| paths.at("target.db-files"), Into::into).join(&name);
        // One that the source lacks or has otherwise is told; the rest is there.
        fs::rename(&of_source, paths.at("bytes")).unwrap();
        differs(&source, &place, &said("is missing in the source"));
        assert_eq!(place.lines(&paths, &apps).len(), source.lines(&paths, &apps).len());
        fs::write(&of_source, vec![b'x'; BYTES.len()]).unwrap();
        differs(&source, &place, &said("has other bytes than were uploaded"));
        fs::write(&of_source, "short").unwrap();
        differs(&source, &place, &said("has 5 bytes in place of 18"));
        fs::rename(paths.at("bytes"), &of_source).unwrap();
        copied(&source, &place);
        assert_eq!(fs::read(&of_place).unwrap(), BYTES);

        for (table, sql, difference) in [
            ("messages", "UPDATE messages SET sent_at = sent_at + 1", "records of type message, some are not the same"),
            ("webhook_deliveries", "DELETE FROM webhook_deliveries", "3 records of type delivery in the source and 0"),
            ("app_tokens", "DELETE FROM app_tokens", "1 records of type token in the source and 0"),
        ] {
            assert!(place.count(table) > 0);
            match &place.database {
                Some(database) => database.run(&format!("SET search_path = layer; {sql}")),
                None => change_in(Path::new(&place.name), sql),
            }
            differs(&source, &place, difference);
        }
    }
}

#[test]
fn a_copy_refuses_what_makes_no_sense() {
    let paths = Paths::new();
    let House { source, .. } = house(&paths);
    let data = source.name.clone();
    refused(&["copy", "--from", &data, "--to", &data], "the same place");
    let (none, target) = (paths.text("none.db"), paths.text("target.db"));
    refused(&["copy", "--from", &none, "--to", &target], "there is no");
    assert!(!paths.at("target.db").exists() && !paths.at("none.db").exists());
    let empty = paths.text("empty.db");
    layer_store_sqlite::open(&DataLocation::File(paths.at("empty.db"))).unwrap().close().unwrap();
    refused(&["copy", "--from", &empty, "--to", &paths.text("nothing.db")], "no app in --from");
    let url = "postgres://layer:secret@localhost:1/chat";
    refused(
        &["copy", "--from", &data, "--to", url, "--to-files", &paths.text("layer.db-files")],
        "their files in the same place",
    );
    refused(&["copy", "--from", &data, "--to", url], "postgres://layer@localhost:1/chat");
    refused(&["copy", "--from", &data], "copy needs --to");
    let answer = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
        .arg("copy")
        .envs([("LAYER_COPY_FROM", &data), ("LAYER_COPY_TO", &target)])
        .output()
        .unwrap();
    assert!(answer.status.success() && paths.at("target.db").exists(), "{answer:?}");
}

#[test]
fn an_app_goes_to_a_file_and_comes_back_in_postgresql() {
    let paths = Paths::new();
    let House { source, server, apps, .. } = house(&paths);
    let Some(place) = Place::postgres(&paths) else { return };
    let lines = source.lines(&paths, &apps);
    let import = |file: &str, app: &str| -> Vec<String> {
        let mut args = vec!["import".to_owned(), "--from".into(), paths.text(file)];
        if !app.is_empty() {
            args.extend(["--app".into(), app.to_owned()]);
        }
        args.extend(place.args("data", "files"));
        args
    };
    for (number, app) in apps.iter().enumerate() {
        let file = format!("{number}.jsonl");
        done(&["export", "--data", &source.name, "--app", app, "--to", &paths.text(&file)]);
        let args = import(&file, "");
        done(&texts(&args));
        refused(&texts(&args), "already");
    }
    assert_eq!(place.lines(&paths, &apps), lines);

    // One that fails names the line and leaves nothing.
    let text = fs::read_to_string(paths.at("0.jsonl")).unwrap();
    let at = text.lines().position(|line| line.contains(r#""type":"membership""#)).unwrap();
    let mut broken: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut line: Value = serde_json::from_str(&broken[at]).unwrap();
    line["user"] = json!("nobody");
    broken[at] = line.to_string();
    fs::write(paths.at("broken.jsonl"), broken.join("\n")).unwrap();
    let (messages, contents) = (place.count("messages"), files(&paths.at("pg-files")).len());
    let args = import("broken.jsonl", crate::client::UNKNOWN);
    refused(&texts(&args), &format!("line {}: it names something that does not come before it", at + 1));
    assert_eq!((place.count("messages"), files(&paths.at("pg-files")).len()), (messages, contents));

    // While a platform runs, an app can be written to a file, and none comes.
    let platform = place.again(&server);
    assert_eq!(place.lines(&paths, &apps[..1]), source.lines(&paths, &apps[..1]));
    refused(&texts(&args), "in use by a platform");
    platform.platform.close().unwrap();
}
