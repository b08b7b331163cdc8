//! Several platforms on one database of PostgreSQL: what one does, all the others stand by.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use layer_platform::{Config, DataLocation, IdSource, NewApp, Platform, Token};
use layer_store::NatsUrls;
use layer_store_postgres::testing::{Database, is_there};
use serde_json::{Value, json};

use crate::client::{PATIENCE, Server, message, message_of, raw, raw_at, wait_until};
use crate::content::{get_bytes, message_with, target, upload};
use crate::device::{Device, Signer, admin};
use crate::export::{completed, key_pair, opened, set_key};
use crate::live_client::{Live, conversation_id, message_id, told_in};
use crate::nats::Nats;
use crate::receiver::{Reaction, Receiver, activated_with, allowed, ask, registration, verified_but};

/// Two platforms with one app.
struct Pair {
    one: Server,
    other: Server,
    config: Config,
    database: Database,
    folder: tempfile::TempDir,
}

/// Starts two; `None` where there is no PostgreSQL.
fn pair() -> Option<Pair> {
    pair_by(None)
}

/// The same, with a server of NATS between them.
fn pair_by(nats: Option<&Nats>) -> Option<Pair> {
    if !is_there() {
        return None;
    }
    let (database, folder) = (Database::with_schema(), tempfile::tempdir().unwrap());
    let config = Config {
        data: DataLocation::Postgres(database.url()),
        files: Some(folder.path().to_owned().into()),
        public_url: Some("http://chat.example.com".into()),
        webhooks: allowed(),
        admin_token: Some(Token::new("of the operator".into())),
        nats: nats.map(Nats::urls),
        ..Config::default()
    };
    let one = Server::on(config.clone());
    let app = one.app.clone();
    let other = Server::of(Platform::start(config.clone()).unwrap(), app);
    Some(Pair { one, other, config, database, folder })
}

impl Pair {
    /// From here on both are spoken to about this app.
    fn turn_to(&mut self, app: &NewApp) {
        for server in [&mut self.one, &mut self.other] {
            server.app = app.clone();
        }
    }
}

/// Works in parallel, half of it with each platform: with the number of the thread, so many times, all at once.
fn race<T: Send>(pair: &Pair, times: usize, work: impl Fn(&Server, usize, usize) -> T + Sync) -> Vec<Vec<T>> {
    const THREADS: usize = 4;
    let barrier = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let server = if thread % 2 == 0 { &pair.one } else { &pair.other };
                let (work, barrier) = (&work, &barrier);
                scope.spawn(move || {
                    let turn = |time| {
                        barrier.wait();
                        work(server, thread, time)
                    };
                    (0..times).map(turn).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A socket of a user with a platform, for a conversation that it has.
fn joined(signer: &Signer, server: &Server, user: &str, conversation: &str) -> Live {
    let device = signer.device(server, user).at("2.0");
    wait_until("the conversation is there", || device.get(&format!("/conversations/{conversation}")).status == 200);
    Live::open(&device)
}

/// Waits until a socket is told of a message. Who types is told at any time, also that one pauses.
fn hear(live: &mut Live, message: &str) {
    let mut packet = live.packet();
    while packet["type"] == "signal" || told_in(&packet).2 != message {
        packet = live.packet();
    }
}

/// What one tells goes by the server of NATS once all who have the database open use it, sooner than by PostgreSQL.
#[test]
fn nats_carries_what_is_told_as_long_as_it_is_there_and_all_use_it() {
    let Some(mut nats) = Nats::start() else { return };
    let Some(pair) = pair_by(Some(&nats)) else { return };
    let signer = Signer::of(&pair.one);
    let conversation = pair.one.conversation(&["a", "b"]);
    let (mut a, mut b) =
        (joined(&signer, &pair.one, "a", &conversation), joined(&signer, &pair.other, "b", &conversation));
    let id = conversation_id(&conversation);
    // It takes a look of each to see that the other one uses it.
    let carries = |nats: &Nats, a: &mut Live, b: &mut Live| {
        let mut listener = nats.listen();
        wait_until("NATS carries what is told", || {
            let sent = message_id(&pair.one.text(&conversation, "x"));
            hear(b, &sent);
            hear(a, &sent);
            listener.heard(".changes ")
        });
        a.type_in(&id, "started");
        // Behind what the messages changed.
        while b.packet()["body"]["data"]["action"] != "started" {}
        wait_until("NATS carries what passes", || listener.heard(".passing "));
    };
    carries(&nats, &mut a, &mut b);

    // One that does not use it hears all the same, and so do the others.
    let third = Platform::start(Config { nats: None, ..pair.config.clone() }).unwrap();
    let third = Server::of(third, pair.one.app.clone());
    let mut c = joined(&signer, &third, "a", &conversation);
    let is_by_nats = |server: &Server| {
        let operator = [("Authorization", "Bearer of the operator")];
        raw(&server.platform, "GET", "/metrics", &operator, b"").body.contains("\nlayer_by_nats 1\n")
    };
    wait_until("one does not use it", || !is_by_nats(&pair.one));
    for server in [&pair.one, &third, &pair.other] {
        for _ in 0..5 {
            let sent = message_id(&server.text(&conversation, "x"));
            for live in [&mut a, &mut b, &mut c] {
                hear(live, &sent);
            }
        }
    }
    drop(c);
    third.platform.close().unwrap();
    carries(&nats, &mut a, &mut b);
    wait_until("all use it", || is_by_nats(&pair.one) && is_by_nats(&pair.other));

    // While it stands still or is gone, PostgreSQL tells them.
    let goes_on = |a: &mut Live, b: &mut Live| {
        for server in [&pair.one, &pair.other, &pair.one] {
            let sent = message_id(&server.text(&conversation, "x"));
            hear(a, &sent);
            hear(b, &sent);
        }
    };
    nats.signal("-STOP");
    goes_on(&mut a, &mut b);
    nats.signal("-CONT");
    carries(&nats, &mut a, &mut b);
    nats.stop();
    goes_on(&mut a, &mut b);
    wait_until("it is seen that it is gone", || !is_by_nats(&pair.one));
    nats.start_again();
    carries(&nats, &mut a, &mut b);
}

#[test]
fn a_server_of_nats_that_is_not_there_is_said_and_keeps_no_platform_from_its_work() {
    let Some(pair) = pair() else { return };
    let bad = NatsUrls::parse("nats://s3cret@a:99999").unwrap();
    let error = Platform::start(Config { nats: Some(bad), ..pair.config.clone() }).unwrap_err().to_string();
    assert!(error.starts_with("nats: nats://a:99999 needs to be the URL of a server of NATS, "), "{error}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_layer-platform"))
        .args(["--port", "0", "--files"])
        .arg(pair.folder.path())
        .env("LAYER_DATA", pair.database.url().reveal())
        .env("LAYER_NATS", "nats://s3cret@127.0.0.1:1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said = log.inspect(|line| assert!(!line.contains("s3cret"), "{line}")).find(|line| line.contains("NATS"));
    let expected =
        "warn: NATS is not there; PostgreSQL tells platforms of each other's changes, servers=\"nats://127.0.0.1:1\"";
    assert!(said.as_ref().is_some_and(|line| line.ends_with(expected)), "{said:?}");
    let mut printed = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = printed.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).unwrap();
    let answer = raw_at(url.strip_prefix("http://").unwrap(), "GET", "/health", &[], b"");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answer.status, 200);
}

/// More at once than waits anywhere, while there is something to be told in turn.
#[test]
fn a_flood_of_what_others_tell_keeps_nobody_from_hearing_telling_and_ending() {
    let Some(pair) = pair() else { return };
    let signer = Signer::of(&pair.one);
    let conversation = pair.one.conversation(&["a", "b"]);
    let mut b = joined(&signer, &pair.other, "b", &conversation);
    let flood = "DO $$ BEGIN FOR number IN 1..5000 LOOP
                     PERFORM pg_notify('layer', format(E'another 1\\n\"%s\"', number));
                 END LOOP; END $$";
    std::thread::scope(|scope| {
        let floods = scope.spawn(|| (0..10).for_each(|_| pair.database.run(flood)));
        while !floods.is_finished() {
            let sent = message_id(&pair.one.text(&conversation, "x"));
            pair.other.text(&conversation, "y");
            hear(&mut b, &sent);
        }
    });
    let (ended, is_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        pair.one.platform.close().unwrap();
        pair.other.platform.close().unwrap();
        ended.send(()).unwrap();
    });
    is_ended.recv_timeout(PATIENCE).expect("both to end");
}

#[test]
fn a_tag_that_is_used_with_both_at_once_makes_one_message() {
    const TAGS: usize = 1000;
    const CONVERSATIONS: usize = 10;
    let Some(pair) = pair() else { return };
    let conversations: Vec<_> = (0..CONVERSATIONS).map(|_| pair.one.conversation(&["a", "b"])).collect();
    let answers = race(&pair, TAGS, |server, thread, time| {
        let path = format!("/conversations/{}/messages", conversations[time % CONVERSATIONS]);
        let tag = format!("f3cc7b32-3c92-11e4-baad-{time:012}");
        server.post_tagged(&path, &tag, &message(&format!("of {thread}")))
    });
    let mut ids = HashSet::new();
    for time in 0..TAGS {
        let first = &answers[0][time];
        for answers in &answers {
            assert_eq!((answers[time].status, answers[time].json()), (201, first.json()), "{time}");
        }
        ids.insert(first.uuid());
    }
    assert_eq!(ids.len(), TAGS);
    for conversation in &conversations {
        let listed = pair.other.get(&format!("/users/a/conversations/{conversation}/messages?page_size=100")).json();
        let positions = listed.as_array().unwrap().iter().map(|message| message["position"].as_u64().unwrap());
        assert!(positions.eq((1..=(TAGS / CONVERSATIONS) as u64).rev()), "{listed}");
    }
}

#[test]
fn a_distinct_conversation_that_is_wanted_of_both_at_once_is_one() {
    const TIMES: usize = 50;
    let Some(pair) = pair() else { return };
    let answers = race(&pair, TIMES, |server, _, time| {
        let body = json!({ "participants": ["a", format!("b{time}")], "distinct": true });
        let answer = server.post("/conversations", &body);
        (answer.status, answer.uuid())
    });
    for time in 0..TIMES {
        let of_this: Vec<_> = answers.iter().map(|answers| &answers[time]).collect();
        assert!(of_this.iter().all(|(_, id)| *id == of_this[0].1), "{of_this:?}");
        assert_eq!(of_this.iter().filter(|(status, _)| *status == 201).count(), 1, "{of_this:?}");
        assert!(of_this.iter().all(|(status, _)| [200, 201].contains(status)), "{of_this:?}");
    }
}

/// The promise is 5 seconds.
#[test]
fn a_user_who_is_suspended_at_one_is_out_at_the_other() {
    let Some(pair) = pair() else { return };
    let signer = Signer::of(&pair.one);
    let device = signer.device(&pair.one, "maria");
    let there = Device { server: &pair.other, session: device.session.clone(), version: "3.0" };
    assert_eq!(there.get("/conversations").status, 200);
    let mut live = Live::open(&there);
    let suspend = |value: bool| {
        let operations = json!([{ "operation": "set", "property": "suspended", "value": value }]);
        pair.one.patch("/users/maria", &operations).assert_empty(202);
    };
    suspend(true);
    live.wait_for_end();
    wait_until("the session ends", || there.get("/conversations").status == 401);
    let refused = || there.open_session(&signer.token("maria", &there.nonce())).status == 403;
    wait_until("a session is refused", refused);
    suspend(false);
    wait_until("a session is opened", || !refused());
}

#[test]
fn a_token_that_is_revoked_at_one_is_refused_by_the_other_and_a_deleted_app_is_gone() {
    let Some(pair) = pair() else { return };
    let tokens = format!("/apps/{}/tokens", pair.one.app.app_id);
    let (_, made) = admin(&pair.one.platform, "POST", &tokens, &Value::Null);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {}", text("token"));
    let status = |server: &Server| server.send("GET", "/users/a/blocks", &[("Authorization", &bearer)], "").status;
    wait_until("the token works", || status(&pair.other) == 200);
    let (revoked, _) = admin(&pair.one.platform, "DELETE", &format!("{tokens}/{}", text("token_id")), &Value::Null);
    assert_eq!(revoked, 204);
    wait_until("the token is refused", || status(&pair.other) == 401);

    assert_eq!(pair.other.get("/users/a/blocks").status, 200);
    let app = format!("/apps/{}", pair.one.app.app_id);
    assert_eq!(admin(&pair.one.platform, "DELETE", &app, &Value::Null).0, 204);
    wait_until("the app is gone", || pair.other.get("/users/a/blocks").status != 200);
}

#[test]
fn a_socket_hears_live_and_in_a_replay_what_is_sent_by_way_of_the_other() {
    let Some(pair) = pair() else { return };
    let device = Signer::of(&pair.one).device(&pair.one, "a");
    let there = Device { server: &pair.other, session: device.session.clone(), version: "2.0" };
    let mut live = Live::open(&there);
    let conversation = pair.one.conversation(&["a", "b"]);
    assert_eq!(live.told().2, conversation_id(&conversation));
    let mut sent = vec![];
    for number in 0..20 {
        let server = if number % 2 == 0 { &pair.one } else { &pair.other };
        sent.push(message_id(&server.text(&conversation, "x")));
    }
    let next = |live: &mut Live| loop {
        let (operation, kind, id, _) = live.told();
        if operation == "create" && kind == "Message" {
            return id;
        }
    };
    let heard: Vec<_> = (0..sent.len()).map(|_| next(&mut live)).collect();
    assert_eq!(heard, sent);

    drop(live);
    let missed = message_id(&pair.one.text(&conversation, "missed"));
    let mut live = Live::open(&Device { server: &pair.one, ..there });
    let (packets, _) = live.replay("2000-01-01T00:00:00.000Z");
    let ids: Vec<_> = packets.iter().map(|packet| packet["body"]["object"]["id"].clone()).collect();
    sent.push(missed);
    assert!(sent.iter().all(|id| ids.contains(&json!(id))), "{ids:?}");
}

#[test]
fn who_types_and_who_is_there_is_told_to_the_sockets_of_the_other_platform() {
    let Some(pair) = pair() else { return };
    for server in [&pair.one, &pair.other] {
        let is_shared = || admin(&server.platform, "GET", "/overview", &Value::Null).1["is_shared"] == true;
        wait_until("they know of each other", is_shared);
    }
    let signer = Signer::of(&pair.one);
    let join = |server, user| Live::open(&signer.device(server, user).at("2.0"));
    let (mut a, mut b) = (join(&pair.one, "a"), join(&pair.other, "b"));
    let id = conversation_id(&pair.one.conversation(&["a", "b"]));
    for live in [&mut a, &mut b] {
        assert_eq!(live.told().2, id);
        assert_eq!(live.ask("Presence.subscribe", None, &Value::Null), json!({}));
    }
    for action in ["started", "paused", "finished"] {
        a.type_in(&id, action);
        b.hears_typing(&id, action, "a");
    }
    // Who types no more is not said to pause later on.
    for action in ["started", "finished"] {
        b.type_in(&id, action);
        a.hears_typing(&id, action, "b");
    }

    assert_eq!(b.status_of("a"), "offline");
    for status in ["busy", "available"] {
        a.be(status);
        a.hears_presence("a", status);
        b.hears_presence("a", status);
        assert_eq!(b.status_of("a"), status);
    }
    // The user sees at one what it sets at the other, and is there as long as it is at one of them.
    let mut too = join(&pair.other, "a");
    assert_eq!(too.ask("Presence.subscribe", None, &Value::Null), json!({}));
    too.be("away");
    too.hears_presence("a", "away");
    a.hears_presence("a", "away");
    b.hears_presence("a", "away");
    a.be("busy");
    too.hears_presence("a", "busy");
    b.hears_presence("a", "busy");
    drop(a);
    drop(too);
    b.hears_presence("a", "offline");
    let mut again = join(&pair.one, "a");
    again.be("auto");
    b.hears_presence("a", "busy");
    pair.one.platform.close().unwrap();
    b.hears_presence("a", "offline");
    assert_eq!(b.status_of("a"), "offline");
}

#[test]
fn events_go_to_a_webhook_from_one_platform_at_a_time_and_within_its_limit() {
    const SENDS: usize = 60;
    /// As many as go to one webhook at once.
    const LIMIT: usize = 4;
    let Some(pair) = pair() else { return };
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let receiver = Receiver::start(verified_but({
        let (under_way, most) = (Arc::clone(&under_way), Arc::clone(&most));
        move |_| {
            most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(5));
            under_way.fetch_sub(1, Ordering::SeqCst);
            Reaction::Status("200 OK")
        }
    }));
    let mut wanted = registration(&receiver.url);
    wanted["events"] = json!(["message.sent"]);
    let webhook = activated_with(&pair.one, &wanted);
    wait_until("it is active there, too", || {
        ask(&pair.other, "GET", &format!("/{webhook}"), "").json()["status"] == "active"
    });
    let conversation = pair.one.conversation(&["a", "b"]);
    race(&pair, SENDS / 4, |server, _, _| server.text(&conversation, "x"));
    receiver.wait_for_events(SENDS);
    assert!((1..=LIMIT).contains(&most.load(Ordering::SeqCst)), "{most:?} at once");
    assert_eq!(receiver.deliveries().len(), SENDS, "an event was delivered twice");
}

#[test]
fn a_message_that_both_are_to_send_later_is_sent_once() {
    const MESSAGES: usize = 30;
    let Some(pair) = pair() else { return };
    let conversation = pair.one.conversation(&["a", "b"]);
    let path = format!("/conversations/{conversation}/messages");
    for number in 0..MESSAGES {
        let mut body = message_of("a", &number.to_string());
        body["schedule"] = json!({ "delay_in_seconds": 1 });
        let server = if number % 2 == 0 { &pair.one } else { &pair.other };
        assert_eq!(server.post(&path, &body).status, 202);
    }
    let sent = || pair.other.get(&format!("{path}?page_size=100")).json().as_array().unwrap().len();
    wait_until("all are sent", || sent() == MESSAGES);
    // The one that comes last says that the workers had their chance to send another one again.
    let mut last = message_of("a", "last");
    last["schedule"] = json!({ "delay_in_seconds": 1 });
    assert_eq!(pair.one.post(&path, &last).status, 202);
    wait_until("the last one is sent", || sent() > MESSAGES);
    assert_eq!(sent(), MESSAGES + 1);
}

/// Contract 7: an archive that either makes is opened with what the other one answers.
#[test]
fn exports_that_both_are_asked_for_are_made_once_each() {
    const APPS: usize = 6;
    let Some(mut pair) = pair() else { return };
    let (folder, pem) = key_pair("2048");
    let apps: Vec<_> = (0..APPS).map(|_| pair.one.platform.create_app().unwrap()).collect();
    let mut exports = vec![];
    for (number, app) in apps.iter().enumerate() {
        pair.turn_to(app);
        set_key(&pair.one, &pem);
        let conversation = pair.one.conversation(&["a", "b"]);
        for text in 0..=number {
            pair.one.text(&conversation, &text.to_string());
        }
        let asked = if number % 2 == 0 { &pair.one } else { &pair.other };
        exports.push(asked.send("POST", "/exports", &[], "").uuid());
    }
    for (number, (app, id)) in apps.iter().zip(&exports).enumerate() {
        pair.turn_to(app);
        let export = completed(&pair.other, id);
        assert_eq!(completed(&pair.one, id)["encrypted_aes_key"], export["encrypted_aes_key"]);
        for server in [&pair.one, &pair.other] {
            let json = opened(server, folder.path(), &export);
            assert_eq!(json["messages"].as_array().unwrap().len(), number + 1);
        }
    }
    // What they were made of is gone, and nothing is there twice.
    let stored = || std::fs::read_dir(pair.folder.path()).unwrap().count();
    wait_until("the archives alone are there", || stored() == APPS);
}

/// Who is too slow, since the database or the process stood still, has lost its claim on an export. What it does then
/// does no harm to the archive that somebody else has made.
#[test]
fn an_export_that_another_platform_claims_meanwhile_is_left_to_it() {
    let Some(mut pair) = pair() else { return };
    pair.other.platform.close().unwrap();
    let (folder, pem) = key_pair("2048");
    let apps: Vec<_> = (0..3).map(|_| pair.one.platform.create_app().unwrap()).collect();
    let export = |pair: &mut Pair, app: usize| {
        pair.turn_to(&apps[app]);
        set_key(&pair.one, &pem);
        pair.one.send("POST", "/exports", &[], "").uuid()
    };
    // As soon as it is begun, another one claims it.
    pair.database.run(
        "CREATE SEQUENCE layer.made_there;
         CREATE FUNCTION layer.claim_there() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             WHILE NOT (SELECT is_called FROM layer.made_there) LOOP PERFORM pg_sleep(0.01); END LOOP;
             NEW.claim := '00000000-0000-4000-8000-000000000001';
             NEW.claimed_until := 9000000000000000;
             RETURN NEW;
         END $$;
         CREATE TRIGGER claim_there BEFORE UPDATE OF started_at ON layer.exports FOR EACH ROW
         WHEN (OLD.started_at IS NULL) EXECUTE FUNCTION layer.claim_there()",
    );
    let id = export(&mut pair, 0);
    let archive = pair.folder.path().join(format!("export-{}-{id}.tar.gz.enc", apps[0].app_id));
    std::fs::write(&archive, "made by another one").unwrap();
    pair.database.run("SELECT nextval('layer.made_there')");
    let claimed = "SELECT count(*) FROM layer.exports WHERE claimed_until = 9000000000000000";
    wait_until("it is claimed there", || pair.database.number(claimed) == 1);
    pair.database.run("DROP TRIGGER claim_there ON layer.exports");
    // They are made one after the other, so this one says that the first one is left.
    let next = export(&mut pair, 1);
    completed(&pair.one, &next);
    assert_eq!(std::fs::read(&archive).unwrap(), b"made by another one");

    // The other one is gone.
    pair.database.run("UPDATE layer.exports SET claimed_until = 0 WHERE claim IS NOT NULL");
    let wakes = export(&mut pair, 2);
    completed(&pair.one, &wakes);
    pair.turn_to(&apps[0]);
    let json = opened(&pair.one, folder.path(), &completed(&pair.one, &id));
    assert_eq!(json["messages"], json!([]));
}

#[test]
fn files_that_nothing_uses_are_deleted_by_either_and_no_others() {
    const CONTENTS: usize = 20;
    let Some(pair) = pair() else { return };
    let made: Vec<_> = (0..CONTENTS)
        .map(|number| {
            let (here, there) = if number % 2 == 0 { (&pair.one, &pair.other) } else { (&pair.other, &pair.one) };
            let conversation = here.conversation(&["a"]);
            let bytes = format!("the bytes of {number}").into_bytes();
            let (content, _) = upload(here, &conversation, &bytes);
            let message = message_with(&content, bytes.len());
            assert_eq!(there.post(&format!("/conversations/{conversation}/messages"), &message).status, 201);
            (conversation, content, bytes)
        })
        .collect();
    let stored = || std::fs::read_dir(pair.folder.path()).unwrap().count();
    assert_eq!(stored(), CONTENTS);
    let gone = CONTENTS / 2;
    race(&pair, gone / 4 + 1, |server, thread, time| {
        if let Some((conversation, ..)) = made.get(2 * (4 * time + thread)) {
            server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
        }
    });
    wait_until("the files are deleted", || stored() == CONTENTS - gone);
    for (conversation, content, bytes) in made.iter().skip(1).step_by(2) {
        for server in [&pair.one, &pair.other] {
            let shown = server.get(&format!("/conversations/{conversation}/content/{content}")).json();
            assert_eq!(get_bytes(server, &target(&shown["download_url"]), &[]), (200, bytes.clone()));
        }
    }
    let left = "SELECT count(*) FROM layer.unused_files";
    wait_until("nothing is to be deleted", || pair.database.number(left) == 0);
}

/// A rolling upgrade: the first process of the next release adds to the schema, and those of this one go on.
#[test]
fn a_later_release_adds_to_the_schema_while_both_serve_and_none_of_this_one_starts_after_that() {
    let Some(pair) = pair() else { return };
    let use_both = |round: &str| {
        for (number, server) in [&pair.one, &pair.other].into_iter().enumerate() {
            let user = format!("{round}{number}");
            let profile = json!({ "display_name": "x" });
            assert_eq!(server.post(&format!("/users/{user}/identity"), &profile).status, 201, "{round}");
            let conversation = server.conversation(&[&user, "b"]);
            let sent = message_id(&server.text(&conversation, "x"));
            let uuid = sent.rsplit('/').next().unwrap().to_owned();
            let receipts = format!("/users/{user}/messages/{uuid}/receipts");
            assert_eq!(server.post(&receipts, &json!({ "type": "read" })).status, 204, "{round}");
            assert_eq!(server.post(&format!("/users/{user}/blocks"), &json!({ "user_id": "c" })).status, 204);
            for path in ["conversations", "blocks", "identity", "announcements"] {
                assert_eq!(server.get(&format!("/users/{user}/{path}")).status, 200, "{round} {path}");
            }
            let metadata = json!([{ "operation": "set", "property": "metadata.a", "value": round }]);
            server.patch(&format!("/conversations/{conversation}"), &metadata).assert_empty(204);
            let messages = format!("/conversations/{conversation}/messages");
            assert_eq!(server.get(&messages).json().as_array().unwrap().len(), 1, "{round}");
            server.delete(&format!("{messages}/{uuid}")).assert_empty(204);
        }
    };
    use_both("before");
    pair.database.run(
        "DO $$ DECLARE of_layer text; BEGIN
             FOR of_layer IN SELECT tablename FROM pg_tables WHERE schemaname = 'layer' LOOP
                 EXECUTE format('ALTER TABLE layer.%I ADD COLUMN of_later text', of_layer);
             END LOOP;
             UPDATE layer.schema_version SET version = version + 1;
         END $$",
    );
    use_both("after");
    let error = Platform::start(pair.config.clone()).unwrap_err().to_string();
    assert!(error.contains("use a newer version"), "{error}");
    use_both("later");
}

#[test]
fn what_is_meant_for_tests_is_refused_by_a_sentence_while_there_are_two() {
    let Some(pair) = pair() else { return };
    let all = [
        ("POST", "/reset"),
        ("GET", "/snapshot"),
        ("POST", "/clock/freeze"),
        ("POST", "/clock/advance"),
        ("POST", "/faults"),
    ];
    for (method, path) in all {
        let body = match path {
            "/clock/advance" => json!({ "by_ms": 1 }),
            "/faults" => json!({ "status": 503 }),
            _ => Value::Null,
        };
        let (status, error) = admin(&pair.one.platform, method, path, &body);
        assert!((400..500).contains(&status), "{path}: {status} {error}");
        assert!(error["message"].as_str().unwrap().contains("works with one only; stop the others"), "{error}");
    }
    let third = Platform::start(Config { ids: IdSource::Counting, ..pair.config.clone() });
    assert!(third.unwrap_err().to_string().contains("works with one only; stop the others"));
    // A fault that was taken back or never there is no matter of several.
    assert_eq!(admin(&pair.one.platform, "DELETE", "/faults", &Value::Null).0, 204);
    pair.other.platform.close().unwrap();
    wait_until("one is alone", || admin(&pair.one.platform, "POST", "/reset", &Value::Null).0 == 204);
    assert_eq!(admin(&pair.one.platform, "POST", "/faults", &json!({ "status": 503 })).0, 201);
}

#[test]
fn what_shows_requests_says_whether_other_platforms_get_some_as_well() {
    let Some(pair) = pair() else { return };
    let is_shared = |path: &str| admin(&pair.one.platform, "GET", path, &Value::Null).1["is_shared"].clone();
    for path in ["/overview", "/charts"] {
        wait_until("it is seen that there are two", || is_shared(path) == true);
    }
    let of_requests = || {
        let operator = [("Authorization", "Bearer of the operator")];
        let answer = raw(&pair.one.platform, "GET", "/_platform/requests", &operator, b"");
        assert_eq!((answer.status, answer.json()), (200, json!([])));
        answer.header("layer-shared").map(str::to_owned)
    };
    assert_eq!(of_requests().as_deref(), Some("true"));
    pair.other.platform.close().unwrap();
    for path in ["/overview", "/charts"] {
        wait_until("it is seen that one is alone", || is_shared(path) == false);
    }
    assert_eq!(of_requests(), None);
}
