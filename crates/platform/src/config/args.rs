//! The command line of the standalone platform.

use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use layer_store::DataLocation;
use layer_store::token::Token;
use lexopt::{Arg, Parser, ValueExt as _};

use crate::config::{Config, MAX_CONNECTIONS, MAX_RECORDED_REQUESTS, Tls};
use crate::ground::ids::IdSource;

/// The port when none is given.
pub const DEFAULT_PORT: u16 = 8080;

/// The file when none is given.
pub const DEFAULT_DATA: &str = "layer.db";

/// The variable of the environment with the admin token: on the command line everyone could see it.
const ADMIN_TOKEN: &str = "LAYER_ADMIN_TOKEN";

/// What `--help` prints; `program` is what was called.
pub fn help(program: &str) -> String {
    format!("A server for the Layer Server API.\n\nUsage: {program} [OPTIONS]\n\n{OPTIONS}")
}

const OPTIONS: &str = "\
Options:
  --data FILE       Database file, created if need be; ':memory:' keeps nothing [default: ./layer.db]
  --host ADDRESS    IP address to listen on; 0.0.0.0 for all [default: 127.0.0.1]
  --port PORT       Port to listen on; 0 for any free one [default: 8080]
  --tls-cert FILE   Certificate in PEM form, with its intermediates; needs --tls-key
  --tls-key FILE    Private key in PEM form; needs --tls-cert
  --public-url URL  Scheme and host of the URLs in answers [default: the address it listens on]
  --webhooks-allow-private
                    Let webhooks go to loopback, private and link-local addresses
  --webhooks-allow-http
                    Let webhooks go to http:// URLs
  --webhooks-ca FILE
                    Trust these authorities, in PEM form, for webhooks, beside Mozilla's
  --record COUNT    Keep so many requests and answers for the admin API to show, up to 100000 [default: 0]
  --max-connections COUNT
                    Refuse more connections than this at the same time [default: 1000]
  --seed NUMBER     Make ids and secrets from a seed, the same in every run: for tests only
  --exports-unlimited
                    Let apps ask for more than one export a day
  --create-app      Create an app and print its id and token, which is shown this once
  --help            Print this
  --version         Print the version

LAYER_ADMIN_TOKEN in the environment opens the admin API, below /_platform, to whoever knows it.
";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Print [`help`].
    Help,
    /// Print the version.
    Version,
    /// Run the server.
    Serve {
        /// How to start it.
        config: Box<Config>,
        /// Whether to create an app and print its id and token.
        create_app: bool,
    },
}

/// Why a command line makes no sense. The texts name the option and say how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgsError(String);

impl fmt::Display for ArgsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for ArgsError {}

impl From<lexopt::Error> for ArgsError {
    fn from(error: lexopt::Error) -> Self {
        Self(format!("{error}; see --help"))
    }
}

/// Parses the arguments, without the name of the program. Reads the files of `--tls-cert` and `--tls-key`.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, ArgsError> {
    let mut parser = Parser::from_args(args);
    let mut config =
        Config { port: DEFAULT_PORT, data: DataLocation::File(PathBuf::from(DEFAULT_DATA)), ..Config::default() };
    let mut create_app = false;
    let (mut certificate, mut key) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            Arg::Long("data") => config.data = data_location(parser.value()?)?,
            Arg::Long("host") => config.host = host(&parser.value()?.string()?)?,
            Arg::Long("port") => config.port = port(&parser.value()?.string()?)?,
            Arg::Long("tls-cert") => certificate = Some(PathBuf::from(parser.value()?)),
            Arg::Long("tls-key") => key = Some(PathBuf::from(parser.value()?)),
            Arg::Long("public-url") => config.public_url = Some(parser.value()?.string()?),
            Arg::Long("webhooks-allow-private") => config.webhooks.allow_private_addresses = true,
            Arg::Long("webhooks-allow-http") => config.webhooks.allow_http = true,
            Arg::Long("webhooks-ca") => {
                config.webhooks.ca_pem = Some(read("--webhooks-ca", Path::new(&parser.value()?))?);
            }
            Arg::Long("record") => {
                config.recorded_requests = up_to(MAX_RECORDED_REQUESTS, "--record", &parser.value()?.string()?)?;
            }
            Arg::Long("max-connections") => {
                let most = up_to(MAX_CONNECTIONS, "--max-connections", &parser.value()?.string()?)?;
                config.max_connections = most;
            }
            Arg::Long("seed") => config.ids = IdSource::Seeded(number("--seed", &parser.value()?.string()?)?),
            Arg::Long("exports-unlimited") => config.unlimited_exports = true,
            Arg::Long("create-app") => create_app = true,
            other => return Err(other.unexpected().into()),
        }
    }
    config.tls = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Some(Tls { certificate_pem: read("--tls-cert", &certificate)?, key_pem: read("--tls-key", &key)? })
        }
        (Some(_), None) => return Err(ArgsError("--tls-cert needs --tls-key beside it".into())),
        (None, Some(_)) => return Err(ArgsError("--tls-key needs --tls-cert beside it".into())),
    };
    config.admin_token = std::env::var(ADMIN_TOKEN).ok().filter(|token| !token.is_empty()).map(Token::new);
    Ok(Command::Serve { config: Box::new(config), create_app })
}

fn data_location(value: OsString) -> Result<DataLocation, ArgsError> {
    if value.is_empty() {
        Err(ArgsError("--data needs the name of a file, or ':memory:'".into()))
    } else if value == ":memory:" {
        Ok(DataLocation::Memory)
    } else {
        Ok(DataLocation::File(PathBuf::from(value)))
    }
}

fn host(value: &str) -> Result<IpAddr, ArgsError> {
    if value == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    value.parse().map_err(|_| ArgsError(format!("--host: '{value}' is no IP address; use 127.0.0.1 or 0.0.0.0")))
}

fn port(value: &str) -> Result<u16, ArgsError> {
    value.parse().map_err(|_| ArgsError(format!("--port: '{value}' is no port; use a number from 0 to 65535")))
}

fn number<T: FromStr>(option: &str, value: &str) -> Result<T, ArgsError> {
    value.parse().map_err(|_| ArgsError(format!("{option}: '{value}' is no whole number from 0 up")))
}

fn up_to(most: usize, option: &str, value: &str) -> Result<usize, ArgsError> {
    value
        .parse()
        .ok()
        .filter(|number| *number <= most)
        .ok_or_else(|| ArgsError(format!("{option}: '{value}' is no whole number from 0 to {most}")))
}

fn read(option: &str, path: &Path) -> Result<String, ArgsError> {
    std::fs::read_to_string(path)
        .map_err(|error| ArgsError(format!("{option}: cannot read {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WebhookOptions;

    fn parsed(args: &[&str]) -> Result<Command, ArgsError> {
        parse(args.iter().map(OsString::from))
    }

    fn served(args: &[&str]) -> Config {
        match parsed(args).unwrap() {
            Command::Serve { config, .. } => *config,
            other => panic!("not a server: {other:?}"),
        }
    }

    #[test]
    fn without_options_it_serves_a_local_file_on_port_8080() {
        let config = served(&[]);
        assert_eq!(config.host, IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(config.port, 8080);
        assert_eq!(config.data, DataLocation::File("layer.db".into()));
        assert_eq!(config.tls, None);
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        let config =
            served(&["--data=:memory:", "--host", "0.0.0.0", "--port", "0", "--public-url", "https://a.example"]);
        assert_eq!(config.data, DataLocation::Memory);
        assert_eq!(config.host.to_string(), "0.0.0.0");
        assert_eq!(config.port, 0);
        assert_eq!(config.public_url.as_deref(), Some("https://a.example"));
        assert!(!config.unlimited_exports && served(&["--exports-unlimited"]).unlimited_exports);
        assert!(matches!(parsed(&["--create-app"]), Ok(Command::Serve { create_app: true, .. })));
    }

    #[test]
    fn tests_ask_for_a_seed_and_a_record() {
        let config = served(&["--seed", "7", "--record", "100"]);
        assert_eq!((config.ids, config.recorded_requests), (IdSource::Seeded(7), 100));
        for args in [
            ["--seed", "x"],
            ["--record", "-1"],
            ["--record", "100001"],
            ["--record", "999999999999"],
            ["--max-connections", "1000001"],
        ] {
            assert!(parsed(&args).is_err_and(|error| error.to_string().contains(args[0])), "{args:?}");
        }
    }

    #[test]
    fn webhooks_stay_outside_unless_they_are_let_in() {
        assert_eq!(served(&[]).webhooks, WebhookOptions::default());
        let allowed = served(&["--webhooks-allow-private", "--webhooks-allow-http"]).webhooks;
        assert!(allowed.allow_private_addresses && allowed.allow_http);
    }

    #[test]
    fn help_and_version_win_over_the_rest() {
        assert_eq!(parsed(&["--port", "1", "--help"]), Ok(Command::Help));
        assert_eq!(parsed(&["--version"]), Ok(Command::Version));
    }

    #[test]
    fn a_mistake_is_named() {
        for (args, name) in [
            (&["--prot", "1"][..], "--prot"),
            (&["--port", "70000"], "--port"),
            (&["--port"], "--port"),
            (&["--host", "example.com"], "--host"),
            (&["--data", ""], "--data"),
            (&["--tls-cert", "a.pem"], "--tls-key"),
            (&["--tls-key", "a.pem"], "--tls-cert"),
            (&["--tls-cert", "/nonexistent/a", "--tls-key", "/nonexistent/b"], "--tls-cert"),
            (&["--webhooks-ca", "/nonexistent/ca"], "--webhooks-ca"),
            (&["extra"], "extra"),
        ] {
            let error = parsed(args).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn the_help_names_every_option() {
        for option in [
            "--data",
            "--host",
            "--port",
            "--tls-cert",
            "--tls-key",
            "--public-url",
            "--webhooks-allow-private",
            "--webhooks-allow-http",
            "--webhooks-ca",
            "--record",
            "--max-connections",
            "--seed",
            "--exports-unlimited",
            "--create-app",
            "--help",
            "--version",
        ] {
            assert!(help("x").contains(option), "{option}");
        }
    }
}
