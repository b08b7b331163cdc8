//! The sockets of clients: what an idle one costs, and how long a message takes to all who listen.

mod figures;
mod listen;
mod page;
mod people;

use std::cell::Cell;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::{JoinSet, LocalSet};
use uuid::Uuid;

use self::figures::{Idle, Live, LiveCase, Results};
use self::listen::{Flights, land, listen, open_all};
use self::people::{gather, sign_in};
use crate::AnyError;
use crate::figures::float;
use crate::http::{self, Connection};
use crate::load::{OPEN_CONNECTIONS, Schedule, refused};
use crate::results;
use crate::seed;
use crate::store::DATA;
use crate::target::{self, App, Server, Source, Spec};
use crate::world;

pub use self::page::render;
pub use self::people::PER_CONVERSATION;

/// Descriptors that a process needs beside those of its sockets.
const OTHER_FILES: u64 = 500;

/// How long a platform may take until a message has come everywhere: beyond that, it is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a platform has to settle before its memory is looked at.
const SETTLING: Duration = Duration::from_secs(3);

/// What is measured.
#[derive(Debug)]
pub struct Options {
    /// The platform.
    pub target: Spec,
    /// Sockets that are idle; none to leave that out.
    pub idle: usize,
    /// Users who listen, in conversations of 25.
    pub users: usize,
    /// Messages a second, one case each.
    pub rates: Vec<u32>,
    pub rounds: u32,
    pub warm_up: Duration,
    pub measured: Duration,
    pub data: PathBuf,
    pub out: PathBuf,
    pub profile: String,
}

/// Measures, saves and prints.
pub fn run(options: &Options) -> Result<(), AnyError> {
    let most = u64::try_from(options.idle.max(options.users))?;
    raise_limit(most + u64::from(OPEN_CONNECTIONS) + OTHER_FILES)?;
    let load = results::load_average();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    let idle = local.block_on(&runtime, idle(options))?;
    let live = local.block_on(&runtime, live(options))?;
    let results = Results {
        at: u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?,
        machine: results::machine(),
        load,
        command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        idle,
        users: options.users,
        live,
    };
    results::save(&results, &options.out)?;
    writeln!(std::io::stdout(), "{}", page::tables(&results))?;
    Ok(())
}

/// Raises the number of files that this process, and the platform that it starts, may have open. Error: the system does
/// not let it.
fn raise_limit(wanted: u64) -> Result<(), AnyError> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(format!(
            "So many sockets need {wanted} open files, but this system allows {}; raise it with `ulimit -Hn {wanted}` \
             as root, or measure fewer sockets with --idle and --users",
            limit.maximum.unwrap_or_default()
        )
        .into());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
        .map_err(|error| format!("This process cannot have {wanted} open files: {error}").into())
}

/// A platform with an app, and what opens its admin API.
struct Stage {
    server: Server,
    app: App,
    admin_token: String,
    /// Where its store is, until it ends.
    _folder: Option<tempfile::TempDir>,
}

impl Stage {
    fn open(options: &Options, sockets: usize) -> Result<Self, AnyError> {
        match &options.target.source {
            Source::Path(path) => {
                let program = target::built(path, &options.profile)?;
                fs::create_dir_all(&options.data)?;
                let folder = tempfile::Builder::new().prefix("sockets-").tempdir_in(&options.data)?;
                // Each run has a token for itself, as it opens everything.
                let admin_token = Uuid::new_v4().to_string();
                let data = folder.path().join(DATA);
                let (server, app) = target::start_for_sockets(&program, &data, sockets, &admin_token)?;
                Ok(Self { server, app, admin_token, _folder: Some(folder) })
            }
            Source::Running(address, pid) => {
                let admin_token =
                    std::env::var("LAYER_ADMIN_TOKEN").map_err(|_| "LAYER_ADMIN_TOKEN is not in the environment")?;
                let app = seed::create_app(*address, &admin_token)?;
                Ok(Self { server: Server::running(*address, *pid), app, admin_token, _folder: None })
            }
            Source::Postgres(_) => Err("--target: sockets are measured of a platform with its data in a file".into()),
            Source::Constant | Source::Peer(_) => Err("--target: only a platform has such sockets".into()),
        }
    }
}

/// What an idle socket costs the platform.
async fn idle(options: &Options) -> Result<Option<Idle>, AnyError> {
    if options.idle == 0 {
        return Ok(None);
    }
    let stage = Stage::open(options, options.idle)?;
    let address = stage.server.address;
    let sessions = sign_in(address, &stage.app, &stage.admin_token, options.idle).await?;
    tokio::time::sleep(SETTLING).await;
    let before = stage.server.rss_mb()?;
    let begun = Instant::now();
    let sockets = open_all(address, &sessions).await?;
    let took = begun.elapsed();
    tokio::time::sleep(SETTLING).await;
    let after = stage.server.rss_mb()?;
    let each = (after - before) * 1024.0 * 1.024 / float(u64::try_from(sockets.len())?);
    say(&format!("{} sockets are open after {:.1} s", sockets.len(), took.as_secs_f64()))?;
    Ok(Some(Idle { sockets: sockets.len(), kb_each: each, rss_mb: after, opened_in_s: took.as_secs_f64() }))
}

/// How long messages take to all who listen.
async fn live(options: &Options) -> Result<Vec<LiveCase>, AnyError> {
    let stage = Stage::open(options, options.users + OPEN_CONNECTIONS as usize)?;
    let address = stage.server.address;
    let sessions = sign_in(address, &stage.app, &stage.admin_token, options.users).await?;
    let conversations = Rc::new(gather(address, &stage.app, options.users).await?);
    let flights = Rc::new(Flights::new()?);
    let mut ears = JoinSet::new();
    for socket in open_all(address, &sessions).await? {
        ears.spawn_local(listen(socket, Rc::clone(&flights)));
    }
    let mut cases: Vec<_> = options.rates.iter().map(|rate| LiveCase { rate: *rate, rounds: vec![] }).collect();
    for round in 0..options.rounds {
        for case in &mut cases {
            let work = send(options, &stage, &conversations, &flights, case.rate, u64::from(round));
            let figures = tokio::select! {
                figures = work => figures.map_err(|error| format!("{} messages a second: {error}", case.rate))?,
                Some(ear) = ears.join_next() => return Err(ear?.err().unwrap_or_else(|| "a socket ended".into())),
            };
            say(&format!("round {} of {}: {} messages a second", round + 1, options.rounds, case.rate))?;
            case.rounds.push(figures);
        }
    }
    Ok(cases)
}

/// What is common to all connections that send.
struct Sending {
    schedule: Schedule,
    from: Cell<Option<Instant>>,
    until: Cell<Option<Instant>>,
    /// Answers to what counts.
    answered: Cell<u64>,
}

/// Sends messages at a rate, whether or not answers come, and waits until all have come everywhere.
async fn send(
    options: &Options,
    stage: &Stage,
    conversations: &Rc<Vec<Uuid>>,
    flights: &Rc<Flights>,
    rate: u32,
    seed: u64,
) -> Result<Live, AnyError> {
    // What is left of a round that went before.
    flights.take()?;
    let sending = Rc::new(Sending {
        schedule: Schedule::begin(rate),
        from: Cell::new(None),
        until: Cell::new(None),
        answered: Cell::new(0),
    });
    let mut lanes = JoinSet::new();
    for lane in 0..OPEN_CONNECTIONS {
        let connection = Connection::open(stage.server.address).await?;
        let rng = Rng::with_seed(seed.wrapping_add(u64::from(lane) << 32));
        let (sending, flights) = (Rc::clone(&sending), Rc::clone(flights));
        lanes.spawn_local(send_lane(connection, stage.app.clone(), Rc::clone(conversations), rng, sending, flights));
    }
    let pause = async |time: Duration, lanes: &mut JoinSet<Result<(), AnyError>>| {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            // Before the end only a failure ends one.
            Some(lane) = lanes.join_next() => lane?,
        }
    };
    pause(options.warm_up, &mut lanes).await?;
    let (before, begun) = (stage.server.usage()?, Instant::now());
    sending.from.set(Some(begun));
    pause(options.measured, &mut lanes).await?;
    while sending.answered.get() < crate::load::LEAST {
        pause(options.measured, &mut lanes).await?;
    }
    sending.until.set(Some(Instant::now()));
    let (took, used) = (begun.elapsed(), stage.server.usage()? - before);
    while let Some(lane) = lanes.join_next().await {
        lane??;
    }
    land(flights, PATIENCE).await?;
    Ok(Live::new(sending.answered.get(), &flights.take()?, took, used, stage.server.rss_mb()?))
}

async fn send_lane(
    mut connection: Connection,
    app: App,
    conversations: Rc<Vec<Uuid>>,
    mut rng: Rng,
    sending: Rc<Sending>,
    flights: Rc<Flights>,
) -> Result<(), AnyError> {
    let mut request = vec![];
    loop {
        let due = sending.schedule.next().await?;
        if sending.until.get().is_some_and(|until| due >= until) {
            return Ok(());
        }
        let number = rng.usize(..conversations.len());
        let sender = world::user(number * PER_CONVERSATION + rng.usize(..PER_CONVERSATION));
        let id = world::fresh_id(&mut rng);
        let body = format!(
            r#"{{"sender":{{"user_id":"{sender}"}},"parts":[{{"mime_type":"text/plain","body":"{}"}}]}}"#,
            world::text(&mut rng)
        );
        let path = format_args!("/apps/{}/conversations/{}/messages", app.id, conversations[number]);
        let headers = format_args!(
            "Authorization: Bearer {}\r\nAccept: application/vnd.layer+json; version=1.0\r\nIf-None-Match: {id}\r\n",
            app.token
        );
        http::write("POST", path, headers, &body, &mut request);
        let counts = sending.from.get().is_some_and(|from| due >= from);
        flights.sent(id, due, counts);
        let answer = connection.exchange(&request).await?;
        if answer.status != 201 {
            return Err(refused(answer.status, answer.body));
        }
        flights.acknowledged(id)?;
        if counts && sending.until.get().is_none() {
            sending.answered.set(sending.answered.get() + 1);
        }
    }
}

fn say(text: &str) -> Result<(), AnyError> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
