//! Killed again and again under the load of many clients, the platform keeps what it promised. docs/reliability.md has
//! the figures of the last long run.
//!
//! `LAYER_KILL_ROUNDS` says how often it is killed; 20 times where nothing is said.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use layer_platform::NewApp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, differences, wait_until};
use crate::crash::{EXEC, Running, spawn_process, start_process_by};
use crate::receiver::{ACCEPT, Reaction, Receiver, registration, usual};

const CLIENTS: usize = 16;

const CONVERSATIONS: usize = 4;

/// How many kills a database has behind it at the end. Then the next one begins empty.
const KILLS_IN_A_LIFE: usize = 20;

const OPTIONS: [&str; 2] = ["--webhooks-allow-private", "--webhooks-allow-http"];

/// Those who read; the clients are participants, too, and come and go.
const READERS: [&str; 3] = ["a", "b", "c"];

const STATUSES: [&str; 3] = ["sent", "delivered", "read"];

/// A connection that is kept.
struct Caller<'a> {
    app: &'a NewApp,
    stream: BufReader<TcpStream>,
}

impl<'a> Caller<'a> {
    fn connect(address: &str, app: &'a NewApp) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self { app, stream: BufReader::new(stream) })
    }

    /// Sends a request; `None` when the process is gone before it answers.
    fn ask(&mut self, method: &str, path: &str, tag: Option<&str>, body: &Value) -> Option<Answer> {
        let kind = if method == "PATCH" { "application/vnd.layer-patch+json" } else { "application/json" };
        let accept = if path == "/webhooks" { ACCEPT.1 } else { "application/vnd.layer+json; version=1.0" };
        let tag = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} /apps/{}{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept: {accept}\r\n\
             Content-Type: {kind}\r\n{tag}Content-Length: {}\r\n\r\n{body}",
            self.app.app_id,
            self.app.token.reveal(),
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes()).ok()?;
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let begin = head.len();
            if self.stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
            if let Some((name, value)) = head[begin..].split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).ok()?;
        Answer::parse(&[head.as_bytes(), &body].concat())
    }

    fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &Value::Null).expect("an answer")
    }
}

/// What a client did.
#[derive(Debug, Clone)]
enum Deed {
    Send {
        conversation: usize,
        tag: Option<String>,
        text: String,
    },
    Receipt {
        message: String,
        user: &'static str,
        status: usize,
    },
    Delete {
        message: String,
    },
    /// The client itself joins a conversation, or leaves it.
    Membership {
        conversation: usize,
        user: String,
        joins: bool,
    },
}

/// A message that the platform promised to keep, or may have kept.
#[derive(Debug)]
struct Sent {
    conversation: usize,
    tag: Option<String>,
    text: String,
    /// Known once it was seen.
    position: Option<u64>,
    /// What is promised, for the readers.
    statuses: [usize; 3],
    deletion: Deletion,
}

#[derive(Debug, PartialEq)]
enum Deletion {
    None,
    /// It was asked for and not answered.
    Uncertain,
    Done,
}

/// What is known of a database, from outside.
#[derive(Default)]
struct Ledger {
    conversations: Vec<String>,
    /// By id.
    messages: HashMap<String, Sent>,
    /// Sent and not answered: text, tag, conversation.
    uncertain: Vec<(String, Option<String>, usize)>,
    /// Positions of what was deleted, by conversation.
    deleted: [BTreeSet<u64>; CONVERSATIONS],
    /// Whether the client is in the conversation; `None` when that was not answered.
    members: BTreeMap<(usize, String), Option<bool>>,
}

/// Events by their names and the message they are about, with their ids and how often each came.
type Events = Arc<Mutex<HashMap<(String, String), HashMap<String, usize>>>>;

#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    kills_before_it_listened: usize,
    acknowledged: usize,
    sends: usize,
    unanswered: usize,
    unanswered_and_kept: usize,
    replayed_tags: usize,
    events: usize,
    events_delivered_again: usize,
}

fn last_segment(id: &str) -> String {
    id.rsplit('/').next().unwrap().to_owned()
}

fn message(user: &str, text: &str) -> Value {
    json!({ "sender": { "name": user }, "parts": [{ "body": text, "mime_type": "text/plain" }] })
}

/// The path of the messages of a conversation.
fn messages_of(conversation: &str) -> String {
    format!("/conversations/{conversation}/messages")
}

/// What a client works with: the conversations, what it may give receipts for, and what it may delete.
struct Plan {
    client: usize,
    conversations: Vec<String>,
    readable: Vec<String>,
    deletable: Vec<(usize, String)>,
    is_member: bool,
}

impl Plan {
    fn next(&mut self, random: &mut fastrand::Rng, text: String) -> Deed {
        let conversation = random.usize(..CONVERSATIONS);
        match random.usize(..100) {
            0..12 if !self.readable.is_empty() => {
                let message = self.readable[random.usize(..self.readable.len())].clone();
                Deed::Receipt { message, user: READERS[1 + random.usize(..2)], status: 1 + random.usize(..2) }
            }
            12..16 if !self.deletable.is_empty() => {
                let (_, message) = self.deletable.swap_remove(random.usize(..self.deletable.len()));
                Deed::Delete { message }
            }
            16..20 => {
                self.is_member = !self.is_member;
                let user = format!("client{}", self.client);
                Deed::Membership { conversation: self.client % CONVERSATIONS, user, joins: self.is_member }
            }
            // Most have a tag, as those of a careful client do.
            kind => Deed::Send { conversation, tag: (kind < 90).then(|| Uuid::new_v4().to_string()), text },
        }
    }

    fn ask(&self, caller: &mut Caller<'_>, deed: &Deed, of_message: impl Fn(&str) -> usize) -> Option<Answer> {
        let (method, path, tag, body) = match deed {
            Deed::Send { conversation, tag, text } => {
                let body = message(&format!("client{}", self.client), text);
                ("POST", messages_of(&self.conversations[*conversation]), tag.as_deref(), body)
            }
            Deed::Receipt { message, user, status } => {
                let kind = if *status == 1 { "delivery" } else { "read" };
                ("POST", format!("/users/{user}/messages/{message}/receipts"), None, json!({ "type": kind }))
            }
            Deed::Delete { message } => {
                let path = messages_of(&self.conversations[of_message(message)]);
                ("DELETE", format!("{path}/{message}"), None, Value::Null)
            }
            Deed::Membership { conversation, user, joins } => {
                let operation = if *joins { "add" } else { "remove" };
                let body = json!([{ "operation": operation, "property": "participants", "value": user }]);
                ("PATCH", format!("/conversations/{}", self.conversations[*conversation]), None, body)
            }
        };
        caller.ask(method, &path, tag, &body)
    }
}

/// What a client did, in order, with the answers; the last one may have none.
type Done = Vec<(Deed, Option<Answer>)>;

/// Works until the process is gone.
fn work(address: &str, app: &NewApp, mut plan: Plan, round: usize, answered: &AtomicUsize) -> Done {
    let mut done = vec![];
    // It may be gone already.
    let Some(mut caller) = Caller::connect(address, app) else { return done };
    let mut random = fastrand::Rng::new();
    let places: HashMap<String, usize> = plan.deletable.iter().map(|(place, id)| (id.clone(), *place)).collect();
    for number in 0.. {
        let deed = plan.next(&mut random, format!("{}/{round:04}/{number:04}", plan.client));
        let answer = plan.ask(&mut caller, &deed, |message| places[message]);
        if let Some(answer) = &answer {
            match &deed {
                // A reader may give a receipt for what another client has just deleted.
                Deed::Receipt { .. } => assert!(matches!(answer.status, 204 | 404), "{deed:?}: {answer:?}"),
                Deed::Send { .. } => assert_eq!(answer.status, 201, "{deed:?}: {answer:?}"),
                _ => assert_eq!(answer.status, 204, "{deed:?}: {answer:?}"),
            }
            answered.fetch_add(1, Ordering::Relaxed);
        }
        let is_gone = answer.is_none();
        done.push((deed, answer));
        if is_gone {
            break;
        }
    }
    done
}

/// A platform that is killed, and what is known of it.
struct Life<'a> {
    data: &'a Path,
    app: NewApp,
    ledger: Ledger,
    events: Events,
    receiver: Receiver,
    figures: &'a mut Figures,
}

impl Life<'_> {
    /// Puts the platform under load and kills it in the middle.
    fn load_and_kill(&mut self, running: &mut Running, round: usize) {
        let enough = fastrand::usize(30..300);
        let answered = AtomicUsize::new(0);
        let done: Vec<Done> = std::thread::scope(|scope| {
            let clients = (0..CLIENTS).map(|client| {
                let (plan, app, address, answered) = (self.plan(client), &self.app, &running.address, &answered);
                scope.spawn(move || work(address, app, plan, round, answered))
            });
            let clients: Vec<_> = clients.collect();
            wait_until("enough is answered", || answered.load(Ordering::Relaxed) >= enough);
            std::thread::sleep(Duration::from_micros(fastrand::u64(..5000)));
            let id = running.process_id().to_string();
            assert!(Command::new("kill").args(["-KILL", &id]).status().unwrap().success());
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        running.kill();
        self.figures.kills += 1;
        for (deed, answer) in done.into_iter().flatten() {
            if let Some(answer) = answer {
                self.figures.acknowledged += 1;
                self.ledger.keep(deed, &answer, &mut self.figures.sends);
            } else {
                self.figures.unanswered += 1;
                self.ledger.doubt(deed);
            }
        }
    }

    fn plan(&self, client: usize) -> Plan {
        let ledger = &self.ledger;
        let prefix = format!("{client}/");
        let seen =
            ledger.messages.iter().filter(|(_, sent)| sent.position.is_some() && sent.deletion == Deletion::None);
        let seen: Vec<_> = seen.collect();
        // A client deletes nothing but its own, so that nobody is faster.
        let own = seen.iter().filter(|(_, sent)| sent.text.starts_with(&prefix));
        let member = ledger.members.get(&(client % CONVERSATIONS, format!("client{client}")));
        Plan {
            client,
            conversations: ledger.conversations.clone(),
            readable: seen.iter().map(|(id, _)| (*id).clone()).collect(),
            deletable: own.map(|(id, sent)| (sent.conversation, (*id).clone())).collect(),
            is_member: member.is_some_and(|is_member| is_member.expect("it was looked at")),
        }
    }

    /// Starts the platform again; now and then it is killed first, before or while it looks through its file.
    fn start(&mut self) -> Running {
        if fastrand::usize(..4) == 0 {
            let mut process = spawn_process(EXEC, self.data, &OPTIONS, Stdio::null());
            std::thread::sleep(Duration::from_millis(fastrand::u64(..60)));
            process.kill().unwrap();
            process.wait().unwrap();
            self.figures.kills_before_it_listened += 1;
        }
        start_process_by(EXEC, self.data, &OPTIONS, Stdio::inherit())
    }

    /// Holds the platform to what it promised before it was killed.
    fn check(&mut self, running: &Running, is_last: bool) {
        assert_eq!(differences(self.data), [""; 0]);
        let app = self.app.clone();
        let mut caller = Caller::connect(&running.address, &app).expect("a connection");
        self.figures.unanswered_and_kept += self.ledger.look(&mut caller);
        self.figures.replayed_tags += self.ledger.replay_tags(&mut caller, is_last);
        // The replays, too, are there once and in order.
        assert_eq!(self.ledger.look(&mut caller), 0);
        if is_last {
            assert_eq!(differences(self.data), [""; 0]);
        }
        self.wait_for_events();
    }

    /// Waits until the receiver has heard of everything that was acknowledged, and looks whether what came twice came
    /// as the same event.
    fn wait_for_events(&mut self) {
        let wanted = self.ledger.messages.iter().flat_map(|(id, sent)| {
            let deleted = (sent.deletion == Deletion::Done).then(|| ("message.deleted".to_owned(), id.clone()));
            std::iter::once(("message.sent".to_owned(), id.clone())).chain(deleted)
        });
        let mut wanted: Vec<_> = wanted.collect();
        wait_until("every event is delivered", || {
            let events = self.events.lock().unwrap();
            wanted.retain(|event| !events.contains_key(event));
            wanted.is_empty()
        });
        self.receiver.forget();
        for (event, ids) in &*self.events.lock().unwrap() {
            assert_eq!(ids.len(), 1, "{event:?} came under several ids");
        }
    }
}

impl Ledger {
    /// Notes what the platform acknowledged.
    fn keep(&mut self, deed: Deed, answer: &Answer, sends: &mut usize) {
        match deed {
            Deed::Send { conversation, tag, text } => {
                *sends += 1;
                let id = answer.uuid();
                assert!(tag.as_ref().is_none_or(|tag| *tag == id), "{tag:?} became {id}");
                self.insert(&id, conversation, tag, text);
            }
            Deed::Receipt { message, user, status } if answer.status == 204 => {
                let reader = READERS.iter().position(|reader| *reader == user).unwrap();
                let promised = &mut self.messages.get_mut(&message).unwrap().statuses[reader];
                *promised = status.max(*promised);
            }
            Deed::Receipt { .. } => {}
            Deed::Delete { message } => self.delete(&message, Deletion::Done),
            Deed::Membership { conversation, user, joins } => {
                self.members.insert((conversation, user), Some(joins));
            }
        }
    }

    fn insert(&mut self, id: &str, conversation: usize, tag: Option<String>, text: String) {
        let sent = Sent { conversation, tag, text, position: None, statuses: [0; 3], deletion: Deletion::None };
        let before = self.messages.insert(id.to_owned(), sent);
        assert!(before.is_none(), "{id} was given twice");
    }

    fn delete(&mut self, message: &str, deletion: Deletion) {
        let sent = self.messages.get_mut(message).unwrap();
        sent.deletion = deletion;
        self.deleted[sent.conversation].insert(sent.position.unwrap());
    }

    /// Notes what may have happened or not.
    fn doubt(&mut self, deed: Deed) {
        match deed {
            Deed::Send { conversation, tag, text } => self.uncertain.push((text, tag, conversation)),
            Deed::Receipt { .. } => {}
            Deed::Delete { message } => self.delete(&message, Deletion::Uncertain),
            Deed::Membership { conversation, user, .. } => {
                self.members.insert((conversation, user), None);
            }
        }
    }

    /// Looks at everything over HTTP. Answers with how many of the messages that were not acknowledged are there.
    fn look(&mut self, caller: &mut Caller<'_>) -> usize {
        let mut kept = 0;
        for place in 0..CONVERSATIONS {
            kept += self.look_at_messages(caller, place);
            self.look_at_members(caller, place);
        }
        for (id, sent) in &mut self.messages {
            if sent.deletion == Deletion::Uncertain {
                let path = format!("{}/{id}", messages_of(&self.conversations[sent.conversation]));
                let status = caller.get(&path).status;
                assert!(matches!(status, 200 | 404), "{status}");
                sent.deletion = if status == 404 { Deletion::Done } else { Deletion::None };
                if status == 200 {
                    self.deleted[sent.conversation].remove(&sent.position.unwrap());
                }
            }
        }
        kept
    }

    fn look_at_messages(&mut self, caller: &mut Caller<'_>, place: usize) -> usize {
        let list = format!("/users/a/conversations/{}/messages?page_size=100", self.conversations[place]);
        let (mut found, mut from) = (vec![], String::new());
        let count: usize = loop {
            let page = caller.get(&format!("{list}{from}"));
            assert_eq!(page.status, 200, "{page:?}");
            let Value::Array(items) = page.json() else { panic!("{page:?}") };
            let Some(oldest) = items.last() else { break page.header("layer-count").unwrap().parse().unwrap() };
            from = format!("&from_id={}", oldest["id"].as_str().unwrap());
            found.extend(items);
        };
        found.reverse();
        assert_eq!(found.len(), count, "the count of conversation {place}");

        let mut kept = 0;
        let (mut last_position, mut seen, mut last_of_client) = (0, BTreeSet::new(), HashMap::new());
        for item in &found {
            let id = last_segment(item["id"].as_str().unwrap());
            let text = item["parts"][0]["body"].as_str().unwrap();
            let position = item["position"].as_u64().unwrap();
            for hole in last_position + 1..position {
                assert!(self.deleted[place].contains(&hole), "conversation {place} has nothing at {hole}");
            }
            assert!(position > last_position, "conversation {place}: {position} after {last_position}");
            last_position = position;
            // What a client sent later comes later.
            let (client, number) = text.split_once('/').unwrap();
            let before = last_of_client.insert(client.to_owned(), number.to_owned());
            assert!(before.is_none_or(|before| *before < *number), "{text} is out of order");
            if !self.messages.contains_key(&id) {
                let sent = self.uncertain.iter().position(|(sent, _, _)| sent == text);
                let (text, tag, conversation) = self.uncertain.swap_remove(sent.expect("a text that was sent"));
                assert!(conversation == place && tag.as_ref().is_none_or(|tag| *tag == id), "{text}");
                self.insert(&id, place, tag, text);
                kept += 1;
            }
            let sent = self.messages.get_mut(&id).unwrap();
            assert_eq!((sent.conversation, sent.text.as_str()), (place, text));
            assert_eq!(*sent.position.get_or_insert(position), position, "{id} has moved");
            assert_ne!(sent.deletion, Deletion::Done, "{id} was deleted and is there");
            for (reader, user) in READERS.iter().enumerate() {
                let status = item["recipient_status"][user].as_str().unwrap();
                let status = STATUSES.iter().position(|known| *known == status).unwrap();
                assert!(status >= sent.statuses[reader], "{id} was {} for {user}", sent.statuses[reader]);
                sent.statuses[reader] = status;
            }
            seen.insert(id);
        }
        for (id, sent) in &self.messages {
            let is_there = sent.conversation != place || sent.deletion != Deletion::None || seen.contains(id);
            assert!(is_there, "{id} was acknowledged and is lost: {sent:?}");
        }
        kept
    }

    fn look_at_members(&mut self, caller: &mut Caller<'_>, place: usize) {
        let conversation = caller.get(&format!("/conversations/{}", self.conversations[place])).json();
        let participants = conversation["participants"].as_array().unwrap();
        for ((_, user), is_member) in self.members.iter_mut().filter(|((of, _), _)| *of == place) {
            let is_there = participants.iter().any(|participant| participant == user.as_str());
            assert_eq!(*is_member.get_or_insert(is_there), is_there, "{user} in conversation {place}");
        }
    }

    /// Sends again what has a tag, as a client does that was not answered: of what was acknowledged some, or all.
    fn replay_tags(&mut self, caller: &mut Caller<'_>, all: bool) -> usize {
        let mut count = 0;
        for (text, tag, place) in std::mem::take(&mut self.uncertain) {
            // Without a tag, a client cannot know.
            let Some(tag) = tag else { continue };
            let path = messages_of(&self.conversations[place]);
            let answer = caller.ask("POST", &path, Some(&tag), &message("a", &text)).expect("an answer");
            assert_eq!((answer.status, answer.uuid()), (201, tag.clone()), "{answer:?}");
            self.insert(&tag, place, Some(tag.clone()), text);
            count += 1;
        }
        for (id, sent) in &self.messages {
            let Some(tag) = sent.tag.as_deref().filter(|_| all || fastrand::usize(..10) == 0) else { continue };
            let path = messages_of(&self.conversations[sent.conversation]);
            let answer = caller.ask("POST", &path, Some(tag), &message("a", "again")).expect("an answer");
            if sent.deletion == Deletion::Done {
                answer.assert_error(409, "id_in_use", None);
            } else {
                assert_eq!((answer.status, answer.uuid()), (201, id.clone()), "{answer:?}");
                assert_eq!(answer.json()["parts"][0]["body"], sent.text.as_str());
            }
            count += 1;
        }
        count
    }
}

/// A receiver that counts events, and now and then takes one without saying so.
fn receiver(events: &Events) -> Receiver {
    let events = Arc::clone(events);
    let count = AtomicUsize::new(0);
    Receiver::start(move |request| {
        if request.method == "GET" {
            return usual(request);
        }
        let about = last_segment(request.json()["message"]["id"].as_str().unwrap());
        let mut events = events.lock().unwrap();
        let ids = events.entry((request.event_type(), about)).or_default();
        *ids.entry(request.event_id()).or_default() += 1;
        let is_lost = count.fetch_add(1, Ordering::Relaxed) % 100 == 99;
        if is_lost { Reaction::HangUp } else { Reaction::Status("200 OK") }
    })
}

/// Makes a database, kills the platform so often under load, and checks after each time.
fn live(kills: usize, figures: &mut Figures) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let events = Events::default();
    let receiver = receiver(&events);
    let mut running = start_process_by(EXEC, &data, &OPTIONS, Stdio::inherit());
    let app = running.app();
    let mut ledger = Ledger::default();
    {
        let mut caller = Caller::connect(&running.address, &app).unwrap();
        let mut webhook = registration(&receiver.url);
        webhook["events"] = json!(["message.sent", "message.deleted"]);
        assert_eq!(caller.ask("POST", "/webhooks", None, &webhook).unwrap().status, 201);
        wait_until("the webhook is active", || caller.get("/webhooks").json()[0]["status"] == "active");
        for _ in 0..CONVERSATIONS {
            let body = json!({ "participants": READERS });
            ledger.conversations.push(caller.ask("POST", "/conversations", None, &body).unwrap().uuid());
        }
    }
    let mut life = Life { data: &data, app, ledger, events, receiver, figures };
    for round in 1..=kills {
        life.load_and_kill(&mut running, round);
        running = life.start();
        life.check(&running, round == kills);
    }
    let events = life.events.lock().unwrap();
    life.figures.events += events.len();
    life.figures.events_delivered_again +=
        events.values().flat_map(HashMap::values).map(|times| times - 1).sum::<usize>();
}

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_every_kill() {
    let rounds = std::env::var("LAYER_KILL_ROUNDS").map_or(20, |rounds| rounds.parse().expect("a number"));
    let began = Instant::now();
    let mut figures = Figures::default();
    while figures.kills < rounds {
        live(KILLS_IN_A_LIFE.min(rounds - figures.kills), &mut figures);
        eprintln!("{figures:?}, {} s", began.elapsed().as_secs());
    }
    assert!(figures.unanswered > 0 && figures.replayed_tags > 0, "{figures:?}");
}
