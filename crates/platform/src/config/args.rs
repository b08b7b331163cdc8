//! The command line of the standalone platform, and the variables of its environment.

use std::ffi::OsString;

use layer_store::DataLocation;
use lexopt::{Arg, Parser};
use serde_json::Value;

use crate::config::setting::{By, Draft, InvalidSetting, Setting};
use crate::config::settings::{SETTINGS, of_flag};
use crate::config::{Config, file};
use crate::platform;

/// What the command line can ask for beside settings.
const COMMANDS: [(&str, &str); 6] = [
    ("--config FILE", "TOML file of settings, with these names as its keys; LAYER_CONFIG names one, too"),
    ("--check-config", "Print the settings that would hold, and where each comes from, and do not start"),
    ("--create-app", "Create an app where there is none yet, and print its id and token, which is shown this once"),
    ("--open", "Open the console in a browser; it is on with this"),
    ("--help", "Print this"),
    ("--version", "Print the version"),
];

/// The variable of the environment that names the file of settings.
const CONFIG_VARIABLE: &str = "LAYER_CONFIG";

/// The column where the sentences of `--help` begin.
const INDENT: usize = 20;

/// How long its lines are at the most.
const WIDTH: usize = 100;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Print [`help`].
    Help,
    /// Print the version.
    Version,
    /// Print the settings, which are fine.
    Check(String),
    /// Run the server.
    Serve {
        /// How to start it.
        config: Box<Config>,
        /// Whether to create an app where there is none, and print its id and token.
        create_app: bool,
        /// Whether to open the console in a browser.
        open: bool,
    },
}

impl From<lexopt::Error> for InvalidSetting {
    fn from(error: lexopt::Error) -> Self {
        Self(format!("{error}; see --help"))
    }
}

/// What `--help` prints, for a program that is called like this.
pub fn help(program: &str) -> String {
    let mut help = format!("A server for the Layer Server API.\n\nUsage: {program} [OPTIONS]\n\nOptions:\n");
    for setting in SETTINGS.iter().filter(|setting| setting.has_flag) {
        let default = setting.default_of_command_line();
        let is_shown = setting.takes_value() && !default.is_empty();
        let default = if is_shown { format!(" [default: {default}]") } else { String::new() };
        let flag = format!("--{}{}", setting.name, setting.placeholder());
        write_entry(&mut help, &flag, &format!("{}{default}", setting.sentence));
    }
    for (flag, sentence) in COMMANDS {
        write_entry(&mut help, flag, sentence);
    }
    help.push_str(
        "\nWhat the command line leaves open is taken from the environment: LAYER_TLS_CERT is for\n\
         --tls-cert, and so on; what has no value there is 'true' here. What that leaves open is taken\n\
         from the file of settings: tls-cert = \"chain.pem\", port = 80, console = true. Paths in it are\n\
         relative to its folder. In the environment and the file only:\n",
    );
    for setting in SETTINGS.iter().filter(|setting| !setting.has_flag) {
        write_entry(&mut help, &setting.variable(), setting.sentence);
    }
    help
}

/// Writes what an option does beside it, or below it where it is long.
pub fn write_entry(help: &mut String, option: &str, sentence: &str) {
    let mut line = format!("  {option}");
    if line.len() >= INDENT {
        help.push_str(&line);
        help.push('\n');
        line.clear();
    }
    for word in sentence.replace('`', "").split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            help.push_str(&line);
            help.push('\n');
            line.clear();
        }
        let gap = INDENT.saturating_sub(line.len()).max(1);
        line.extend(std::iter::repeat_n(' ', gap));
        line.push_str(word);
    }
    help.push_str(&line);
    help.push('\n');
}

/// Parses the arguments, without the name of the program; what they leave open is taken from the environment, and what
/// that leaves open from the file of settings. Reads the files of certificates and keys.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, InvalidSetting> {
    parse_with(args, |name| std::env::var_os(name))
}

/// Where the data is, as `--data` of another command or the environment says.
pub fn data_of(data: Option<OsString>) -> Result<DataLocation, InvalidSetting> {
    Ok(place_of(data, None)?.data)
}

/// Where data and files are, as `--data` and `--files` of another command or the environment say.
pub fn place_of(data: Option<OsString>, files: Option<OsString>) -> Result<Config, InvalidSetting> {
    let mut draft = Draft::of_command_line();
    for (name, flag) in [("data", data), ("files", files)] {
        let Some(setting) = of_flag(name) else { continue };
        // With another place than that of the platform, its folder may be set all the same.
        let is_asked = name == "data" || matches!(draft.config.data, DataLocation::Postgres(_));
        match (flag, std::env::var_os(setting.variable()).filter(|text| is_asked && !text.is_empty())) {
            (Some(text), _) => draft.set_text(setting, &By::Flag, text)?,
            (None, Some(text)) => draft.set_text(setting, &By::Variable, text)?,
            (None, None) => {}
        }
    }
    draft.finish()
}

fn parse_with(
    args: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, InvalidSetting> {
    let mut parser = Parser::from_args(args);
    let mut flags: Vec<(&'static Setting, Option<OsString>)> = vec![];
    let (mut create_app, mut open, mut is_check, mut path) = (false, false, false, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            Arg::Long("create-app") => create_app = true,
            Arg::Long("open") => open = true,
            Arg::Long("check-config") => is_check = true,
            Arg::Long("config") => path = Some((parser.value()?, "--config")),
            Arg::Long(name) => {
                let setting = of_flag(name).ok_or_else(|| arg.unexpected())?;
                let value = if setting.takes_value() { Some(parser.value()?) } else { None };
                flags.push((setting, value));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    // Set to nothing is not set: shells and service managers have no other way to say it.
    let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
    let path = path.or_else(|| variable(CONFIG_VARIABLE).map(|path| (path, CONFIG_VARIABLE)));
    let entries = path.map(|(path, given_by)| file::read(&path, given_by)).transpose()?.unwrap_or_default();
    let mut draft = Draft::of_command_line();
    for setting in &SETTINGS {
        if flags.iter().any(|(flag, _)| flag.name == setting.name) {
            continue;
        }
        if let Some(text) = variable(&setting.variable()) {
            draft.set_text(setting, &By::Variable, text)?;
        } else if let Some(entry) = entries.iter().find(|entry| entry.setting.name == setting.name) {
            draft.set(setting, &entry.by, &entry.value)?;
        }
    }
    for (setting, value) in flags {
        match value {
            Some(text) => draft.set_text(setting, &By::Flag, text)?,
            None => draft.set(setting, &By::Flag, &Value::Bool(true))?,
        }
    }
    draft.config.console |= open;
    let shown = is_check.then(|| shown(&draft));
    let config = Box::new(draft.finish()?);
    let Some(shown) = shown else { return Ok(Command::Serve { config, create_app, open }) };
    platform::check(&config).map_err(|error| InvalidSetting(error.to_string()))?;
    Ok(Command::Check(shown))
}

/// All settings as a file of settings would have them, with where each comes from. Defaults are comments, and secrets
/// are not shown.
fn shown(draft: &Draft) -> String {
    let mut text = "# A platform can start with these settings.\n".to_owned();
    for setting in &SETTINGS {
        let name = setting.name;
        let line = match draft.given.iter().rev().find(|(given, ..)| *given == name) {
            Some((_, by, _)) if !setting.has_flag => format!("# {name} is set by {} and not shown\n", by.source()),
            Some((_, by, value)) => format!("{name} = {value} # {}\n", by.source()),
            None => match setting.default_of_command_line() {
                "" => format!("# {name} is not set\n"),
                default => format!("# {name} by default: {}\n", default.replace('`', "")),
            },
        };
        text.push_str(&line);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::path::PathBuf;

    use super::*;
    use crate::config::WebhookOptions;
    use crate::ground::ids::IdSource;

    fn parsed_with(args: &[&str], variables: &[(&str, &str)]) -> Result<Command, InvalidSetting> {
        let variable = |name: &str| variables.iter().find(|(given, _)| *given == name).map(|(_, value)| value.into());
        parse_with(args.iter().map(OsString::from), variable)
    }

    fn parsed(args: &[&str]) -> Result<Command, InvalidSetting> {
        parsed_with(args, &[])
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
        assert!(matches!(parsed(&["--create-app"]), Ok(Command::Serve { create_app: true, open: false, .. })));
    }

    #[test]
    fn who_opens_the_console_has_it_and_sees_requests_in_it() {
        assert_eq!((served(&[]).console, served(&["--data", ":memory:"]).recorded_requests), (false, 0));
        for args in [&["--console"][..], &["--open"]] {
            assert_eq!((served(args).console, served(args).recorded_requests), (true, 1000));
        }
        assert_eq!(served(&["--console", "--record", "0"]).recorded_requests, 0);
        assert!(matches!(parsed(&["--open"]), Ok(Command::Serve { open: true, .. })));
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
        let help = help("layer-api platform");
        for setting in &SETTINGS {
            let flag = format!("--{}", setting.name);
            let is_told = help.lines().any(|line| line.split_whitespace().next() == Some(&flag));
            assert_eq!(is_told, of_flag(setting.name).is_some(), "{flag}");
            assert_eq!(help.contains(&format!("  {} ", setting.variable())), !setting.has_flag);
        }
        for (flag, _) in COMMANDS {
            assert!(help.contains(&format!("\n  {flag} ")), "{help}");
        }
        assert!(help.contains("Usage: layer-api platform [OPTIONS]"));
        assert!(help.contains("  --port NUMBER     Port to listen on; 0 takes a free one [default: 8080]\n"), "{help}");
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }

    /// Parses with a file of settings that says this, in a folder with a file `token`.
    fn parsed_with_file(text: &str, args: &[&str], variables: &[(&str, &str)]) -> (String, Result<Command, String>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "  secret\n").unwrap();
        std::fs::write(folder.path().join("empty"), "\n").unwrap();
        let path = folder.path().join("layer.toml");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let outcome = parsed_with(&[&["--config", path], args].concat(), variables);
        (path.to_owned(), outcome.map_err(|error| error.to_string()))
    }

    #[test]
    fn the_file_says_what_the_command_line_and_the_environment_leave_open() {
        let text = "port = 1\nhost = 'localhost'\nmax-connections = 3\ndata = 'chat.db'\nids = 'counting'\n\
                    admin-token-file = 'token'\nconsole = true\n";
        let (path, outcome) = parsed_with_file(text, &["--port", "2"], &[("LAYER_MAX_CONNECTIONS", "4")]);
        let Ok(Command::Serve { config, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((config.port, config.max_connections, config.ids), (2, 4, IdSource::Counting));
        assert_eq!((config.host, config.console), (IpAddr::V4(Ipv4Addr::LOCALHOST), true));
        // Relative to the folder of the file, wherever the program is started.
        assert_eq!(config.data, DataLocation::File(path.replace("layer.toml", "chat.db").into()));
        assert_eq!(config.admin_token, Some(layer_store::token::Token::new("secret".into())));

        let by_variable = parsed_with(&[], &[("LAYER_CONFIG", "/nonexistent/layer.toml")]).unwrap_err().to_string();
        assert!(by_variable.starts_with("LAYER_CONFIG cannot be read: /nonexistent/layer.toml: "), "{by_variable}");
        assert!(matches!(parsed_with(&[], &[("LAYER_CONFIG", "")]), Ok(Command::Serve { .. })));
        let (_, memory) = parsed_with_file("data = ':memory:'", &[], &[]);
        assert!(matches!(memory, Ok(Command::Serve { config, .. }) if config.data == DataLocation::Memory));
    }

    #[test]
    fn a_mistake_in_the_file_is_named_with_file_line_and_key() {
        for (text, expected) in [
            ("\nport = 70000", ":2: port needs to be a whole number from 0 to 65535"),
            ("port = '80'", ":1: port needs to be a number"),
            ("port = 80.5", ":1: port needs to be a number"),
            ("console = 1", ":1: console needs to be true or false"),
            ("prot = 1", ":1: `prot` is no setting; there are data, files, nats, port, "),
            ("tls-cert = 'missing.pem'", ":1: tls-cert cannot be read: "),
            ("ids = 'counting'\nseed = 1", ":2: seed is for random ids: leave it out, or "),
            ("admin-token-file = 'empty'", ":1: admin-token-file names an empty file: "),
            ("admin-token = 'a'\nadmin-token-file = 'token'", ":2: admin-token-file is for what "),
            ("data = ''", ":1: data must not be empty"),
            ("files = 'folder'", ":1: files is for data in PostgreSQL: "),
            ("files = 's3://chat'", ":1: files is for data in PostgreSQL: "),
            ("nats = 'nats://127.0.0.1'", ":1: nats is for data in PostgreSQL: a file has one platform"),
            ("nats = 'http://token@host'", ":1: nats needs to be the URL of a server of NATS, or several "),
            (
                "files = 's3://key:secret@chat'",
                ":1: files needs to be a folder, or a bucket such as s3://bucket/prefix, without ",
            ),
        ] {
            let (path, outcome) = parsed_with_file(text, &[], &[]);
            let error = outcome.unwrap_err();
            assert!(error.starts_with(&format!("{path}{expected}")), "{text}: {error}");
        }
    }

    #[test]
    fn a_token_in_the_urls_of_nats_is_shown_by_nothing() {
        let set = "data = 'postgres://db/chat'\n";
        for (text, shown) in [
            ("nats = 'nats://s3cret@a:4222,tls://layer:s3cret@b'", Ok("nats://a:4222,tls://b")),
            ("nats = 's3cret@a:4222'", Err("nats needs to be the URL of a server of NATS")),
        ] {
            let text = format!("{set}{text}\n");
            let (_, served) = parsed_with_file(&text, &[], &[]);
            let (_, checked) = parsed_with_file(&text, &["--check-config"], &[]);
            let outcomes =
                [served.map(|command| format!("{command:?}")), checked.map(|command| format!("{command:?}"))];
            for outcome in outcomes {
                match (shown, outcome) {
                    (Ok(shown), Ok(text)) | (Err(shown), Err(text)) => {
                        assert!(text.contains(shown) && !text.contains("s3cret"), "{text}");
                    }
                    (_, outcome) => panic!("{outcome:?}"),
                }
            }
        }
    }

    #[test]
    fn a_password_in_the_url_of_a_database_is_shown_by_nothing() {
        let url = "postgres://layer:s3cret@127.0.0.1:1/chat?password=s3cret";
        let text = format!("data = '{url}'\nfiles = 'shared'\nport = 0\n");
        let (path, outcome) = parsed_with_file(&text, &[], &[]);
        let Ok(Command::Serve { config, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(matches!(&config.data, DataLocation::Postgres(found) if found.reveal() == url));
        assert_eq!(config.files, Some(PathBuf::from(path.replace("layer.toml", "shared")).into()));
        let refusal = platform::Platform::start((*config).clone()).unwrap_err();
        for shown in [format!("{config:?}"), refusal.to_string(), format!("{refusal:?}")] {
            assert!(shown.contains("postgres://layer@127.0.0.1:1/chat") && !shown.contains("s3cret"), "{shown}");
        }
        for (text, args, variables) in [
            (text.as_str(), &["--check-config"][..], &[][..]),
            ("", &["--check-config", "--data", url], &[]),
            ("", &["--check-config"], &[("LAYER_DATA", url)]),
        ] {
            let (_, outcome) = parsed_with_file(text, args, variables);
            let Ok(Command::Check(shown)) = outcome else { panic!("{outcome:?}") };
            assert!(
                shown.contains("data = \"postgres://layer@127.0.0.1:1/chat\"") && !shown.contains("s3cret"),
                "{shown}"
            );
        }
    }

    #[test]
    fn the_settings_are_shown_as_a_file_of_settings_without_the_secrets() {
        let (path, outcome) = parsed_with_file(
            "host = '::1'\nadmin-token = 'secret'\n",
            &["--port", "2", "--check-config"],
            &[("LAYER_CONSOLE", "false"), ("LAYER_DATA", "a\"b.db")],
        );
        let Ok(Command::Check(shown)) = outcome else { panic!("{outcome:?}") };
        for line in [
            "data = \"a\\\"b.db\" # the environment",
            "port = 2 # the command line",
            &format!("host = \"::1\" # {path}:1"),
            "console = false # the environment",
            "# max-connections by default: 1000",
            "# tls-cert is not set",
            &format!("# admin-token is set by {path}:2 and not shown"),
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
        }
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(shown.lines().count(), 1 + SETTINGS.len());
        // What is shown can be given.
        let (_, again) = parsed_with_file(&shown, &[], &[]);
        assert!(matches!(again, Ok(Command::Serve { config, .. }) if config.port == 2));
        for args in [&["--public-url", "nowhere"][..], &["--port", "x"]] {
            let (_, refused) = parsed_with_file("", &[args, &["--check-config"]].concat(), &[]);
            assert!(
                refused.as_ref().is_err_and(|error| error.contains("url") || error.contains("--port")),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn the_environment_says_what_the_command_line_leaves_open() {
        let variables = [
            ("LAYER_PORT", "1"),
            ("LAYER_HOST", "localhost"),
            ("LAYER_WEBHOOKS_ALLOW_HTTP", "true"),
            ("LAYER_EXPORTS_UNLIMITED", "false"),
            ("LAYER_ADMIN_TOKEN", "secret"),
            ("LAYER_CLOCK", "86400000"),
            ("LAYER_IDS", "counting"),
            ("LAYER_PUBLIC_URL", ""),
        ];
        let Ok(Command::Serve { config, .. }) = parsed_with(&["--port", "2"], &variables) else { panic!() };
        assert_eq!((config.port, config.host), (2, IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(config.webhooks.allow_http && !config.unlimited_exports);
        assert_eq!(config.admin_token, Some(layer_store::token::Token::new("secret".into())));
        assert_eq!(config.frozen_at, Some(layer_wire::Timestamp::from_ms(86_400_000)));
        assert_eq!((config.ids, config.public_url), (IdSource::Counting, None));
        for (variables, args, text) in [
            (&[("LAYER_PORT", "x")][..], &[][..], "LAYER_PORT needs to be a whole number from 0 to 65535"),
            (&[("LAYER_WEBHOOKS_ALLOW_HTTP", "yes")], &[], "LAYER_WEBHOOKS_ALLOW_HTTP needs to be true or false"),
            (&[("LAYER_TLS_CERT", "/nonexistent")], &[], "LAYER_TLS_CERT cannot be read: /nonexistent"),
            (
                &[("LAYER_IDS", "counting")],
                &["--seed", "1"],
                "--seed is for random ids: leave it out, or LAYER_IDS counting",
            ),
        ] {
            let error = parsed_with(args, variables).unwrap_err().to_string();
            assert!(error.starts_with(text), "{error}");
        }
    }
}
