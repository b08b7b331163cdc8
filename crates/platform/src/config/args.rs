//! The command line of the standalone platform, and the variables of its environment.

use std::ffi::OsString;

use layer_store::DataLocation;
use lexopt::{Arg, Parser};
use serde_json::Value;

use crate::config::Config;
use crate::config::setting::{By, Draft, InvalidSetting, Setting};
use crate::config::settings::{SETTINGS, of_flag};

/// What the command line can ask for beside settings.
const COMMANDS: [(&str, &str); 4] = [
    ("--create-app", "Create an app and print its id and token, which is shown this once"),
    ("--open", "Open the console in a browser; it is on with this"),
    ("--help", "Print this"),
    ("--version", "Print the version"),
];

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
    /// Run the server.
    Serve {
        /// How to start it.
        config: Box<Config>,
        /// Whether to create an app and print its id and token.
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
        let default = if setting.default_of_flag.is_empty() { setting.default } else { setting.default_of_flag };
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
         --tls-cert, and so on; what has no value there is 'true' here. In the environment only:\n",
    );
    for setting in SETTINGS.iter().filter(|setting| !setting.has_flag) {
        write_entry(&mut help, &setting.variable(), setting.sentence);
    }
    help
}

/// Writes what an option does beside it, or below it where it is long.
fn write_entry(help: &mut String, option: &str, sentence: &str) {
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

/// Parses the arguments, without the name of the program; what they leave open is taken from the environment. Reads the
/// files of certificates and keys.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Command, InvalidSetting> {
    parse_with(args, |name| std::env::var_os(name))
}

/// Where the data is, as `--data` of another command or the environment says.
pub fn data_of(flag: Option<OsString>) -> Result<DataLocation, InvalidSetting> {
    let mut draft = Draft::of_command_line();
    let Some(setting) = of_flag("data") else { return Ok(draft.config.data) };
    match (flag, std::env::var_os(setting.variable()).filter(|text| !text.is_empty())) {
        (Some(text), _) => draft.set_text(setting, By::Flag, text)?,
        (None, Some(text)) => draft.set_text(setting, By::Variable, text)?,
        (None, None) => {}
    }
    Ok(draft.config.data)
}

fn parse_with(
    args: impl Iterator<Item = OsString>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Command, InvalidSetting> {
    let mut parser = Parser::from_args(args);
    let mut flags: Vec<(&'static Setting, Option<OsString>)> = vec![];
    let (mut create_app, mut open) = (false, false);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Long("version") | Arg::Short('V') => return Ok(Command::Version),
            Arg::Long("create-app") => create_app = true,
            Arg::Long("open") => open = true,
            Arg::Long(name) => {
                let setting = of_flag(name).ok_or_else(|| arg.unexpected())?;
                let value = if setting.takes_value() { Some(parser.value()?) } else { None };
                flags.push((setting, value));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let mut draft = Draft::of_command_line();
    for setting in &SETTINGS {
        let is_left_open = !flags.iter().any(|(flag, _)| flag.name == setting.name);
        // Set to nothing is not set: shells and service managers have no other way to say it.
        if let Some(text) = variable(&setting.variable()).filter(|text| is_left_open && !text.is_empty()) {
            draft.set_text(setting, By::Variable, text)?;
        }
    }
    for (setting, value) in flags {
        match value {
            Some(text) => draft.set_text(setting, By::Flag, text)?,
            None => draft.set(setting, By::Flag, &Value::Bool(true))?,
        }
    }
    draft.config.console |= open;
    Ok(Command::Serve { config: Box::new(draft.finish()?), create_app, open })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

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
            assert_eq!(help.contains(&format!("  --{}", setting.name)), of_flag(setting.name).is_some());
            assert_eq!(help.contains(&format!("  {} ", setting.variable())), !setting.has_flag);
        }
        for (flag, _) in COMMANDS {
            assert!(help.contains(&format!("\n  {flag} ")), "{help}");
        }
        assert!(help.contains("Usage: layer-api platform [OPTIONS]"));
        assert!(help.contains("  --port NUMBER     Port to listen on; 0 takes a free one [default: 8080]\n"), "{help}");
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
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
