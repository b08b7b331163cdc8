//! A run: stores are made, then every round measures every target once under every load.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::database::Database;
use crate::figures::float;
use crate::load::{self, Load, Pace};
use crate::options::Options;
use crate::peers::{self, Running};
use crate::requests::{Operation, Requests, Tag};
use crate::results::{self, Case, Kind, Results, Target};
use crate::scenario::Scenario;
use crate::seed;
use crate::store;
use crate::target::{self, App, Data, Server, Source, Spec};
use crate::world::World;
use crate::{AnyError, report};

/// A target that runs.
struct Ready {
    name: String,
    kind: Kind,
    server: Server,
    requests: Rc<dyn Requests>,
    /// The database, and its bytes before the load.
    store: Option<(Store, u64)>,
    /// How long it took from a start to the first answer, in ms: with its store, and with a new one.
    first_answers: [Vec<f64>; 2],
    /// Messages that the load sent.
    sent: u64,
}

/// What a target has its data in.
enum Store {
    File(PathBuf),
    Database(Database),
}

impl Store {
    fn size(&self) -> Result<u64, AnyError> {
        match self {
            Self::File(path) => store::size_of(path),
            Self::Database(database) => database.size(),
        }
    }
}

/// Measures, saves and prints.
pub fn run(options: &Options) -> Result<(), AnyError> {
    let load = results::load_average();
    fs::create_dir_all(&options.data)?;
    let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&options.data)?;
    let mut targets: Vec<Ready> = vec![];
    for spec in &options.targets {
        let first = targets.first();
        targets.push(ready(spec, options, &folder, first)?);
    }
    let cases = measure(options, &mut targets)?;
    let results = Results {
        at: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?,
        machine: results::machine(),
        load,
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        targets: targets.into_iter().map(finished).collect::<Result<_, _>>()?,
        cases,
    };
    results::save(&results, &options.out)?;
    writeln!(std::io::stdout(), "{}", report::tables(&results))?;
    Ok(())
}

/// Starts a target and fills its store; one that answers always the same repeats `first`.
fn ready(spec: &Spec, options: &Options, folder: &TempDir, first: Option<&Ready>) -> Result<Ready, AnyError> {
    let name = spec.name.clone();
    let folder = folder.path().join(&name);
    fs::create_dir(&folder)?;
    let conversations = spec.conversations.unwrap_or(options.conversations);
    let world = |app: &App| World::new(conversations, &app.id, &app.token);
    let platform = |server, world: World, store, first_answers| Ready {
        name: name.clone(),
        kind: Kind::Platform,
        server,
        requests: Rc::new(world),
        store,
        first_answers,
        sent: 0,
    };
    match &spec.source {
        Source::Path(path) => {
            let program = target::built(path, &options.profile)?;
            let kept = options.stores.as_ref().map(|kept| kept.join(format!("{name}-{conversations}")));
            let app = match &kept {
                Some(kept) if store::is_in(kept) => store::copy(kept, &folder)?,
                _ => {
                    let app = store::make_in(&program, &folder, |app, address| fill(&name, &world(app), address))?;
                    if let Some(kept) = &kept {
                        store::copy(&folder, kept)?;
                    }
                    app
                }
            };
            let empty = (0..options.rounds).map(|round| first_start(&program, &folder.join(format!("new-{round}.db"))));
            let empty = empty.collect::<Result<_, _>>()?;
            // Closed and opened again, it begins with all of its store in one file.
            let data = folder.join(store::DATA);
            let world = world(&app);
            let (mut server, took) = start(&program, &data, &world)?;
            let mut starts = vec![took];
            for _ in 1..options.rounds {
                server.stop()?;
                let took;
                (server, took) = start(&program, &data, &world)?;
                starts.push(took);
            }
            let store = Store::File(data);
            let size = store.size()?;
            Ok(platform(server, world, Some((store, size)), [starts, empty]))
        }
        Source::Postgres(path) => {
            let program = target::built(path, &options.profile)?;
            let database = Database::create(&name)?;
            let data = Data::Database(&database, &folder);
            let app = store::make(&program, data, |app, address| fill(&name, &world(app), address))?;
            database.settle()?;
            let (server, _) = target::start_platform(&program, data, false)?;
            let store = Store::Database(database);
            let size = store.size()?;
            Ok(platform(server, world(&app), Some((store, size)), Default::default()))
        }
        Source::Running(address, pid) => {
            let token =
                std::env::var("LAYER_ADMIN_TOKEN").map_err(|_| "LAYER_ADMIN_TOKEN is not in the environment")?;
            let server = Server::running(*address, *pid);
            let world = world(&seed::create_app(*address, &token)?);
            fill(&name, &world, *address)?;
            Ok(platform(server, world, None, Default::default()))
        }
        Source::Constant => {
            let first = first.ok_or("There is no platform whose answers could be repeated")?;
            let answer = |operation| seed::ask(&*first.requests, operation, first.server.address);
            let message = answer(Operation::Send(Tag::V7))?;
            let (messages, conversations) = (answer(Operation::ListLong)?, answer(Operation::ListConversations)?);
            target::save_answers(&folder, [&message, &messages, &conversations])?;
            let (server, requests) = (target::start_constant(&folder)?, Rc::clone(&first.requests));
            let first_answers = Default::default();
            Ok(Ready { name, kind: Kind::Constant, server, requests, store: None, first_answers, sent: 0 })
        }
        Source::Peer(peer) => {
            let begun = Instant::now();
            let Running { server, requests, database } = peers::start(*peer, &name, &folder)?;
            say_filled(&name, requests.messages(), begun)?;
            let store = database.map(Store::Database);
            let store = store.map(|store| store.size().map(|size| (store, size))).transpose()?;
            let first_answers = Default::default();
            Ok(Ready { name, kind: Kind::Peer(*peer), server, requests, store, first_answers, sent: 0 })
        }
    }
}

/// Starts a platform on its store; how long it took until a list was answered, in ms.
fn start(program: &Path, data: &Path, world: &World) -> Result<(Server, f64), AnyError> {
    let begun = Instant::now();
    let (server, _) = target::start_platform(program, Data::File(data), false)?;
    seed::ask(world, Operation::ListLong, server.address)?;
    Ok((server, begun.elapsed().as_secs_f64() * 1e3))
}

/// Starts a platform for the first time; how long it took until a request was answered, in ms.
fn first_start(program: &Path, data: &Path) -> Result<f64, AnyError> {
    let begun = Instant::now();
    let (server, app) = target::start_platform(program, Data::File(data), true)?;
    let app = app.ok_or("A platform has no app")?;
    seed::send_to_nobody(&World::new(1, &app.id, &app.token), server.address)?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    server.stop()?;
    Ok(took)
}

fn fill(name: &str, world: &World, address: SocketAddr) -> Result<(), AnyError> {
    let begun = Instant::now();
    seed::fill(world, address)?;
    say_filled(name, world.messages(), begun)
}

fn say_filled(name: &str, messages: u64, begun: Instant) -> Result<(), AnyError> {
    say(&format!("{name}: filled with {messages} messages in {:.1} s", begun.elapsed().as_secs_f64()))
}

impl Ready {
    /// Whether it can be put under this load. A constant rate is for platforms: what cannot keep up has no latency.
    fn takes(&self, scenario: &Scenario, pace: Pace) -> bool {
        let is_known = scenario.operations().all(|operation| !self.requests.successes(operation).is_empty());
        is_known && !(matches!(self.kind, Kind::Peer(_)) && matches!(pace, Pace::Open(_)))
    }
}

fn measure(options: &Options, targets: &mut [Ready]) -> Result<Vec<Case>, AnyError> {
    let mut cases: Vec<_> = options
        .loads()
        .map(|(scenario, pace)| {
            let (name, title) = (scenario.name.to_owned(), scenario.title.to_owned());
            (scenario, Case { scenario: name, title, pace, rounds: vec![] })
        })
        .collect();
    for round in 0..options.rounds {
        for (scenario, case) in &mut cases {
            let mut figures = BTreeMap::new();
            for index in 0..targets.len() {
                // Each round begins with another one, so that none always comes after the same.
                let turn = (index + round as usize) % targets.len();
                let target = &mut targets[turn];
                if !target.takes(scenario, case.pace) {
                    continue;
                }
                let load = Load {
                    scenario: *scenario,
                    pace: case.pace,
                    warm_up: options.warm_up,
                    measured: options.measured,
                    seed: u64::from(round),
                };
                let outcome = load::run(&load, &target.requests, &target.server)
                    .map_err(|error| format!("{}, {}: {error}", target.name, case.title))?;
                target.sent += outcome.sent;
                figures.insert(target.name.clone(), outcome.figures);
            }
            say(&format!("round {} of {}: {}, {}", round + 1, options.rounds, case.title, case.pace))?;
            case.rounds.push(figures);
        }
    }
    Ok(cases.into_iter().map(|(_, case)| case).collect())
}

/// Stops a target and looks at what it leaves.
fn finished(ready: Ready) -> Result<Target, AnyError> {
    let Ready { name, kind, server, requests, store, first_answers: [first_answers, new], sent } = ready;
    let messages = requests.messages();
    let mut target = Target {
        name,
        kind,
        messages,
        seeded_bytes_per_message: None,
        added_bytes_per_message: None,
        first_answers_ms: first_answers,
        new_first_answers_ms: new,
    };
    if let Some((store, before)) = store {
        if kind == Kind::Platform {
            // What its log holds is in the file then.
            server.stop()?;
        }
        let added = store.size()?.saturating_sub(before);
        target.seeded_bytes_per_message = (messages > 0).then(|| float(before) / float(messages));
        target.added_bytes_per_message = (sent > 0).then(|| float(added) / float(sent));
    }
    Ok(target)
}

fn say(text: &str) -> Result<(), AnyError> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
