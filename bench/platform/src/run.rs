//! A run: stores are made, then every round measures every target once under every load.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::database::Database;
use crate::figures::float;
use crate::load::{self, Load};
use crate::options::Options;
use crate::results::{self, Case, Results, Target};
use crate::seed;
use crate::store;
use crate::target::{self, App, Data, Server, Source, Spec};
use crate::world::World;
use crate::{AnyError, report};

/// A target that runs.
struct Ready {
    name: String,
    server: Server,
    world: World,
    /// Whether it answers always the same.
    is_constant: bool,
    /// The database, and its bytes before the load.
    store: Option<(Store, u64)>,
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
    let messages = targets[0].world.messages();
    let results = Results {
        at: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?,
        machine: results::machine(),
        load,
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        conversations: options.conversations,
        messages,
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
    let world = |app: &App| World::new(options.conversations, &app.id, &app.token);
    match &spec.source {
        Source::Path(path) => {
            let program = target::built(path, &options.profile)?;
            let kept = options.stores.as_ref().map(|kept| kept.join(format!("{name}-{}", options.conversations)));
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
            // Closed and opened again, it begins with all of its store in one file.
            let data = folder.join(store::DATA);
            let (server, _) = target::start_platform(&program, Data::File(&data), false)?;
            let store = Store::File(data);
            let size = store.size()?;
            Ok(Ready { name, server, world: world(&app), is_constant: false, store: Some((store, size)), sent: 0 })
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
            Ok(Ready { name, server, world: world(&app), is_constant: false, store: Some((store, size)), sent: 0 })
        }
        Source::Running(address, pid) => {
            let token =
                std::env::var("LAYER_ADMIN_TOKEN").map_err(|_| "LAYER_ADMIN_TOKEN is not in the environment")?;
            let server = Server::running(*address, *pid);
            let world = world(&seed::create_app(*address, &token)?);
            fill(&name, &world, *address)?;
            Ok(Ready { name, server, world, is_constant: false, store: None, sent: 0 })
        }
        Source::Constant => {
            let first = first.ok_or("There is no platform whose answers could be repeated")?;
            let [message, messages, conversations] = seed::samples(&first.world, first.server.address)?;
            target::save_answers(&folder, [&message, &messages, &conversations])?;
            let server = target::start_constant(&folder)?;
            Ok(Ready { name, server, world: first.world.clone(), is_constant: true, store: None, sent: 0 })
        }
    }
}

fn fill(name: &str, world: &World, address: SocketAddr) -> Result<(), AnyError> {
    let begun = Instant::now();
    seed::fill(world, address)?;
    say(&format!(
        "{name}: {} conversations with {} messages in {:.1} s",
        world.conversations(),
        world.messages(),
        begun.elapsed().as_secs_f64()
    ))
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
                let load = Load {
                    scenario: *scenario,
                    pace: case.pace,
                    warm_up: options.warm_up,
                    measured: options.measured,
                    seed: u64::from(round),
                };
                let outcome = load::run(&load, &target.world, &target.server)
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
    let Ready { name, server, world, is_constant, store, sent } = ready;
    let Some((store, before)) = store else {
        return Ok(Target { name, is_constant, seeded_bytes_per_message: None, added_bytes_per_message: None });
    };
    server.stop()?;
    let added = store.size()?.saturating_sub(before);
    Ok(Target {
        name,
        is_constant,
        seeded_bytes_per_message: Some(float(before) / float(world.messages())),
        added_bytes_per_message: (sent > 0).then(|| float(added) / float(sent)),
    })
}

fn say(text: &str) -> Result<(), AnyError> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
