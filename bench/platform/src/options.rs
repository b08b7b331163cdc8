//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::AnyError;
use crate::load::Pace;
use crate::scenario::{SCENARIOS, Scenario};
use crate::sockets;
use crate::target::{Peer, Source, Spec};

/// What `--help` prints.
pub const HELP: &str = "\
Usage: npm run bench:platform -- [OPTIONS]

Puts platforms under load, each kind of load in rounds that measure every target once, and prints tables. Ratios are
those to the first target in the same round.

  --target NAME=PLACE  What is measured; again for more. A PLACE is a checkout, whose platform is built, a built
                       program, 'constant', which is the same HTTP stack with answers that are always the same, or
                       'http://127.0.0.1:PORT,PID', which runs already: LAYER_ADMIN_TOKEN in the environment must open
                       its admin API. '@postgres' behind a checkout or a program puts its data on the server that
                       LAYER_TEST_POSTGRES in the environment names, whose CPU counts as well; begin the command with
                       'node scripts/postgres.mjs --durable' for one. '@N' behind all that makes so many conversations
                       in place of --conversations. 'synapse' and 'ejabberd' are servers that others wrote: begin
                       the command with 'node scripts/postgres.mjs --durable node scripts/peers.mjs'
                       [default: platform=. and constant=constant]
  --only LIST          Only these kinds of load: send-v4, send-v7, send, messages, conversations, mixed
  --connections LIST   A closed loop with so many connections, each with a request at a time
  --rates LIST         An open loop of so many sends a second over 64 connections; latencies count from when a send was
                       due [default: closed loops with 1, 16, 64 and 256 connections, an open one with 1000 a second]
  --conversations N    Conversations in the store, with 10 messages each, every hundredth with 100 [default: 2000]
  --rounds N           How often everything is measured [default: 5]
  --seconds N          How long each time [default: 2]
  --data FOLDER        Where stores are made; its disk is part of what is measured [default: target/bench/stores]
  --stores FOLDER      Keep filled stores there, by target and size, and copy them in later runs: filling takes long
                       when there are many conversations
  --out FILE           Where measurements are saved [default: target/bench/platform.json]
  --profile NAME       How checkouts are built [default: release]
  --sockets            Measure sockets instead: what an idle one costs, and how long a message takes from its answer to
                       the last of 25 sockets, in an open loop [default of --rates: 100,250,500,750,1000; of --rounds: 3;
                       of --seconds: 5; of --out: target/bench/sockets.json]
  --idle N             With --sockets: so many idle ones, or 0 [default: 10000]
  --users N            With --sockets: so many users who listen, in conversations of 25 [default: 1000]
  --render             Write what was measured last into docs/benchmark-results.md, and draw it into docs/benchmarks
  --smoke              One short round of everything, for a test: the figures mean nothing
";

/// Run as the limit of the stack, in place of a benchmark: the name of the folder with its answers follows.
const CONSTANT: &str = "constant";

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Answer what is in this folder.
    Constant(PathBuf),
    /// Write the saved results of this file into the page.
    Render {
        /// The saved results.
        saved: PathBuf,
        /// The page.
        page: PathBuf,
    },
    /// Measure.
    Run(Options),
    /// Write the saved results about sockets of this file into the page.
    RenderSockets {
        /// The saved results.
        saved: PathBuf,
        /// The page.
        page: PathBuf,
    },
    /// Measure sockets.
    Sockets(sockets::Options),
}

/// What is measured.
#[derive(Debug)]
pub struct Options {
    pub targets: Vec<Spec>,
    pub scenarios: Vec<Scenario>,
    pub paces: Vec<Pace>,
    pub conversations: u32,
    pub rounds: u32,
    pub warm_up: Duration,
    pub measured: Duration,
    pub data: PathBuf,
    pub stores: Option<PathBuf>,
    pub out: PathBuf,
    pub profile: String,
}

impl Options {
    /// Every kind of load at every pace. Only sends come at a rate: what reads cost depends on what they find.
    pub fn loads(&self) -> impl Iterator<Item = (Scenario, Pace)> {
        self.scenarios.iter().flat_map(|scenario| {
            let fits = |pace: &&Pace| scenario.is_send() || matches!(pace, Pace::Closed(_));
            self.paces.iter().filter(fits).map(|pace| (*scenario, *pace))
        })
    }
}

/// Parses the arguments, without the name of the program. Relative paths begin at the checkout that this was built in.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, AnyError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let mut options = Options {
        targets: vec![],
        scenarios: SCENARIOS.to_vec(),
        paces: vec![],
        conversations: 2000,
        rounds: 5,
        warm_up: Duration::from_millis(500),
        measured: Duration::from_secs(2),
        data: root.join("target/bench/stores"),
        stores: None,
        out: root.join("target/bench/platform.json"),
        profile: "release".to_owned(),
    };
    let (mut is_render, mut is_smoke) = (false, false);
    // What the command line says about sockets, or of what they have other defaults.
    let (mut is_sockets, mut idle, mut users) = (false, 10_000, 1000);
    let (mut rounds, mut measured, mut out) = (None, None, None);
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(value) if value == CONSTANT => return Ok(Command::Constant(parser.value()?.into())),
            Arg::Long("target") => options.targets.push(target(&root, &parser.value()?.string()?)?),
            Arg::Long("only") => options.scenarios = list("--only", &parser.value()?.string()?, Scenario::named)?,
            Arg::Long("connections") => {
                options.paces.extend(list("--connections", &parser.value()?.string()?, |text| {
                    positive(text).map(Pace::Closed)
                })?);
            }
            Arg::Long("rates") => {
                let rate = |text: &str| positive(text).map(Pace::Open);
                options.paces.extend(list("--rates", &parser.value()?.string()?, rate)?);
            }
            Arg::Long("conversations") => options.conversations = count("--conversations", parser.value()?)?,
            Arg::Long("rounds") => rounds = Some(count("--rounds", parser.value()?)?),
            Arg::Long("seconds") => measured = Some(seconds(&parser.value()?.string()?)?),
            Arg::Long("data") => options.data = root.join(parser.value()?),
            Arg::Long("stores") => options.stores = Some(root.join(parser.value()?)),
            Arg::Long("render") => is_render = true,
            Arg::Long("out") => out = Some(root.join(parser.value()?)),
            Arg::Long("sockets") => is_sockets = true,
            Arg::Long("idle") => idle = whole("--idle", &parser.value()?.string()?)?,
            Arg::Long("users") => users = listeners(&parser.value()?.string()?)?,
            Arg::Long("profile") => options.profile = parser.value()?.string()?,
            Arg::Long("smoke") => is_smoke = true,
            other => return Err(other.unexpected().into()),
        }
    }
    if is_smoke {
        (rounds, measured) = (Some(1), Some(Duration::from_millis(50)));
        (options.conversations, options.warm_up) = (100, Duration::ZERO);
        options.paces = vec![Pace::Closed(4), Pace::Open(100)];
        (idle, users) = (50, 50);
    }
    if is_sockets {
        let saved = out.unwrap_or_else(|| root.join("target/bench/sockets.json"));
        if is_render {
            return Ok(Command::RenderSockets { saved, page: root.join("docs/benchmark-results.md") });
        }
        return sockets_of(options, root.as_path(), (idle, users), (rounds, measured, saved)).map(Command::Sockets);
    }
    options.rounds = rounds.unwrap_or(options.rounds);
    options.measured = measured.unwrap_or(options.measured);
    options.out = out.unwrap_or(options.out);
    if is_render {
        return Ok(Command::Render { saved: options.out, page: root.join("docs/benchmark-results.md") });
    }
    if options.paces.is_empty() {
        options.paces = [1, 16, 64, 256].map(Pace::Closed).to_vec();
        options.paces.push(Pace::Open(1000));
    }
    if options.targets.is_empty() {
        options.targets = vec![target(&root, "platform=.")?, target(&root, "constant=constant")?];
    }
    let mut names: Vec<_> = options.targets.iter().map(|target| &target.name).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < options.targets.len() {
        return Err("--target: every target needs a name for itself".into());
    }
    if matches!(options.targets[0].source, Source::Constant | Source::Peer(_)) {
        return Err("--target: the first must be a platform, which the others are compared with".into());
    }
    Ok(Command::Run(options))
}

/// What is measured of sockets.
fn sockets_of(
    options: Options,
    root: &Path,
    (idle, users): (usize, usize),
    (rounds, measured, out): (Option<u32>, Option<Duration>, PathBuf),
) -> Result<sockets::Options, AnyError> {
    let Options { mut targets, paces, warm_up, data, profile, .. } = options;
    if targets.is_empty() {
        targets.push(target(root, "platform=.")?);
    }
    let target = targets.remove(0);
    if !targets.is_empty() || matches!(target.source, Source::Constant | Source::Peer(_)) {
        return Err("--target: sockets are measured of one platform".into());
    }
    let open = |pace| if let Pace::Open(rate) = pace { Some(rate) } else { None };
    let mut rates: Vec<_> = paces.into_iter().filter_map(open).collect();
    if rates.is_empty() {
        rates = vec![100, 250, 500, 750, 1000];
    }
    let (rounds, measured) = (rounds.unwrap_or(3), measured.unwrap_or(Duration::from_secs(5)));
    Ok(sockets::Options { target, idle, users, rates, rounds, warm_up, measured, data, out, profile })
}

fn whole(option: &str, text: &str) -> Result<usize, AnyError> {
    text.parse().map_err(|_| format!("{option} must be a whole number, not '{text}'").into())
}

/// How many users listen.
fn listeners(text: &str) -> Result<usize, AnyError> {
    let users = whole("--users", text)?;
    if users > 0 && users.is_multiple_of(sockets::PER_CONVERSATION) {
        Ok(users)
    } else {
        Err(format!("--users must be a multiple of {}, not '{text}'", sockets::PER_CONVERSATION).into())
    }
}

fn target(root: &Path, text: &str) -> Result<Spec, AnyError> {
    let (name, place) = text.split_once('=').ok_or_else(|| format!("--target must be NAME=PLACE, not '{text}'"))?;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err(format!("--target: a name is made of letters, digits, '-', '_' and '.', unlike '{name}'").into());
    }
    let (place, conversations) = match place.rsplit_once('@') {
        Some((place, number)) if number != "postgres" => {
            (place, Some(count("--target NAME=PLACE@N: N", number.into())?))
        }
        _ => (place, None),
    };
    let source = if place == CONSTANT {
        Source::Constant
    } else if let Some(peer) = Peer::named(place) {
        Source::Peer(peer)
    } else if let Some(running) = place.strip_prefix("http://") {
        let parsed =
            running.split_once(',').and_then(|(address, pid)| Some((address.parse().ok()?, pid.parse().ok()?)));
        let (address, pid) =
            parsed.ok_or_else(|| format!("--target must be http://ADDRESS:PORT,PID, not '{place}'"))?;
        Source::Running(address, pid)
    } else if let Some(path) = place.strip_suffix("@postgres") {
        Source::Postgres(root.join(path))
    } else {
        Source::Path(root.join(place))
    };
    Ok(Spec { name: name.to_owned(), source, conversations })
}

fn list<T>(option: &str, text: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, AnyError> {
    text.split(',')
        .map(|item| read(item).ok_or_else(|| format!("{option} has no '{item}'; see --help").into()))
        .collect()
}

fn positive(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0)
}

fn count(option: &str, value: OsString) -> Result<u32, AnyError> {
    let text = value.string()?;
    positive(&text).ok_or_else(|| format!("{option} must be a whole number above 0, not '{text}'").into())
}

fn seconds(text: &str) -> Result<Duration, AnyError> {
    let parsed = text.parse().ok().filter(|seconds| (0.01..=3600.0).contains(seconds));
    parsed.map(Duration::from_secs_f64).ok_or_else(|| format!("--seconds must be 0.01 to 3600, not '{text}'").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    fn options(args: &[&str]) -> Options {
        match parsed(args) {
            Ok(Command::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_this_checkout_is_measured_beside_the_limit_of_its_stack() {
        let options = options(&[]);
        assert_eq!(
            options.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(),
            ["platform", "constant"]
        );
        let closed = [1, 16, 64, 256].map(Pace::Closed);
        assert!(options.paces.starts_with(&closed) && options.paces.ends_with(&[Pace::Open(1000)]));
        assert_eq!(options.loads().count(), SCENARIOS.len() * closed.len() + 3);
        assert_eq!(options.scenarios.len(), SCENARIOS.len());
    }

    #[test]
    fn targets_are_places_by_name() {
        let options = options(&[
            "--target",
            "before=/a/checkout",
            "--target",
            "now=http://127.0.0.1:8080,7",
            "--target",
            "pg=/a/program@postgres",
            "--target",
            "large=/a/program@postgres@1000000",
            "--target",
            "other=synapse",
        ]);
        assert_eq!(options.targets[0].source, Source::Path("/a/checkout".into()));
        assert_eq!(options.targets[1].source, Source::Running(([127, 0, 0, 1], 8080).into(), 7));
        assert_eq!(options.targets[2].source, Source::Postgres("/a/program".into()));
        assert_eq!(options.targets[3].source, options.targets[2].source);
        assert_eq!([2, 3].map(|target: usize| options.targets[target].conversations), [None, Some(1_000_000)]);
        assert_eq!(options.targets[4].source, Source::Peer(Peer::Synapse));
    }

    #[test]
    fn a_mistake_is_named() {
        for (args, name) in [
            (&["--only", "sned"][..], "'sned'"),
            (&["--connections", "0"], "--connections"),
            (&["--rates", "1,x"], "'x'"),
            (&["--rounds", "0"], "--rounds"),
            (&["--seconds", "0"], "--seconds"),
            (&["--target", "x"], "NAME=PLACE"),
            (&["--target", "x=constant"], "the first must be a platform"),
            (&["--target", "x=synapse"], "the first must be a platform"),
            (&["--target", "x=.@many"], "'many'"),
            (&["--target", "x=.", "--target", "x=.."], "a name for itself"),
            (&["--target", "x=http://127.0.0.1:8080"], "PID"),
            (&["--tarket", "x=."], "--tarket"),
            (&["--sockets", "--users", "30"], "multiple of 25"),
            (&["--sockets", "--idle", "many"], "--idle"),
            (&["--sockets", "--target", "a=.", "--target", "b=."], "one platform"),
        ] {
            let error = parsed(args).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn sockets_are_measured_with_defaults_of_their_own() {
        let Ok(Command::Sockets(options)) = parsed(&["--sockets"]) else { panic!("a measurement of sockets") };
        assert_eq!((options.idle, options.users, options.rounds), (10_000, 1000, 3));
        assert!(options.rates.contains(&500) && options.out.ends_with("sockets.json"));
        let Ok(Command::Sockets(options)) = parsed(&["--sockets", "--rates", "7", "--idle", "0"]) else {
            panic!("a measurement of sockets");
        };
        assert_eq!((options.idle, options.rates), (0, vec![7]));
        assert!(matches!(parsed(&["--sockets", "--render"]), Ok(Command::RenderSockets { .. })));
    }

    #[test]
    fn the_help_names_every_scenario() {
        for scenario in SCENARIOS {
            assert!(HELP.contains(scenario.name), "{}", scenario.name);
        }
    }
}
