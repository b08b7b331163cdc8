//! The settings, each written once: its names, its type, its default, and the sentence that says what it does.
//!
//! The command line, the environment, the file of settings and the options of `Platform.start` are read by this table,
//! and `--help` is printed from it. Tests hold the README and index.d.ts to it.

use std::time::Duration;

use layer_store::DataLocation;
use layer_store::token::Token;
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;

use crate::config::setting::{By, Draft, InvalidSetting, Kind, Setting};
use crate::config::{
    Config, LogFormat, MAX_CONNECTIONS, MAX_DRAIN_SECONDS, MAX_RATE, MAX_RECORDED_REQUESTS, MAX_REPLAY_DAYS, RateLimit,
    Tls, TlsFiles,
};
use crate::ground::ids::IdSource;

/// Requests on record where nothing is said, for a platform in memory that a program starts, as it serves tests, and
/// for one with the console.
const RECORDED_BY_DEFAULT: usize = 1000;

/// The largest whole number that JavaScript has without gaps.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

const fn setting(name: &'static str, option: &'static str, kind: Kind, sentence: &'static str) -> Setting {
    Setting { name, option, kind, default: "", default_of_flag: "", sentence, has_flag: true }
}

const FILES: Setting = setting(
    "files",
    "files",
    Kind::Files(|draft, files| draft.files = Some((draft.by.clone(), files))),
    "Folder, or `s3://bucket/prefix`, for rich content and exports where the data is in PostgreSQL; all platforms share one",
);

const NATS: Setting = setting(
    "nats",
    "nats",
    Kind::Nats(|draft, urls| draft.nats = Some((draft.by.clone(), urls))),
    "Servers of NATS, such as `nats://user:password@host:4222`, that tell platforms with data in PostgreSQL of each other's changes",
);

const CERTIFICATE: Setting = setting(
    "tls-cert",
    "cert",
    Kind::Pem(|draft, pem| draft.certificate = Some((draft.by.clone(), pem))),
    "Certificate chain in PEM form; with it and its key, the platform speaks HTTPS. A file is read again when it changes",
);

const KEY: Setting = setting(
    "tls-key",
    "key",
    Kind::Pem(|draft, pem| draft.key = Some((draft.by.clone(), pem))),
    "Private key of the certificate in PEM form",
);

const ADMIN_TOKEN: Setting = Setting {
    has_flag: false,
    ..setting(
        "admin-token",
        "adminToken",
        Kind::Text("TOKEN", |draft, token| draft.admin_token = Some((draft.by.clone(), Token::new(token)))),
        "Opens the admin API, below `/_platform`, to those who know it",
    )
};

const ADMIN_TOKEN_FILE: Setting = setting(
    "admin-token-file",
    "adminTokenFile",
    Kind::Secret(|draft, token| draft.admin_token_of_file = Some((draft.by.clone(), Token::new(token)))),
    "File with the admin token, such as a secret that Docker or systemd puts in place",
);

const AT_ONCE: Setting = Setting {
    default: "as many as in a second",
    ..setting(
        "requests-at-once",
        "rateLimit.atOnce",
        Kind::Whole(MAX_RATE as u64, |draft, most| {
            draft.at_once = u32::try_from(most).ok().map(|most| (draft.by.clone(), most));
        }),
        "How many of them may come at once after a pause",
    )
};

const SEED: Setting = setting(
    "seed",
    "seed",
    Kind::Whole(MAX_SAFE_INTEGER, |draft, seed| draft.seed = Some((draft.by.clone(), seed))),
    "Seed of ids, tokens and chance, for tests: every run has the same ones",
);

const IDS: Setting = Setting {
    default: "`random`",
    ..setting(
        "ids",
        "ids",
        Kind::Choice(&["random", COUNTING], |draft, ids| {
            draft.is_counting = (ids == COUNTING).then(|| draft.by.clone());
        }),
        "Where ids come from; `counting`, for tests, begins with `00000000-0000-4000-8000-000000000001`",
    )
};

const COUNTING: &str = "counting";

const JSON: &str = "json";

/// The table.
pub static SETTINGS: [Setting; 31] = [
    Setting {
        default: "`:memory:`",
        default_of_flag: "`layer.db`",
        ..setting(
            "data",
            "data",
            Kind::Data(|draft, data| draft.config.data = data),
            "File of the database, created if missing; `:memory:` keeps nothing; \
             `postgres://user:password@host/database` needs the program `layer-platform`",
        )
    },
    Setting { default: "`layer-files` where it runs", ..FILES },
    Setting { default: "PostgreSQL tells them", ..NATS },
    Setting {
        default: "`0`",
        default_of_flag: "`8080`",
        ..setting(
            "port",
            "port",
            Kind::Whole(u16::MAX as u64, |draft, port| draft.config.port = u16::try_from(port).unwrap_or_default()),
            "Port to listen on; `0` takes a free one",
        )
    },
    Setting {
        default: "`127.0.0.1`",
        ..setting(
            "host",
            "host",
            Kind::Address(|draft, host| draft.config.host = host),
            "IP address to listen on; the default is reachable from this machine only, `0.0.0.0` from everywhere",
        )
    },
    CERTIFICATE,
    KEY,
    Setting {
        default: "`false`",
        ..setting(
            "allow-plain-http",
            "allowPlainHttp",
            Kind::Truth(|draft, is_allowed| draft.config.allow_plain_http = is_allowed),
            "Lets other machines in without a certificate, for a platform behind a proxy that has one",
        )
    },
    Setting {
        default: "the address it listens on",
        ..setting(
            "public-url",
            "publicUrl",
            Kind::Text("URL", |draft, url| draft.config.public_url = Some(url)),
            "Scheme and host of the URLs in replies, behind a proxy",
        )
    },
    Setting {
        default: "`false`",
        ..setting(
            "webhooks-allow-private",
            "webhooks.allowPrivateAddresses",
            Kind::Truth(|draft, is_allowed| draft.config.webhooks.allow_private_addresses = is_allowed),
            "Lets webhooks go to loopback, private, link-local and other addresses that are not public, too",
        )
    },
    Setting {
        default: "`false`",
        ..setting(
            "webhooks-allow-http",
            "webhooks.allowHttp",
            Kind::Truth(|draft, is_allowed| draft.config.webhooks.allow_http = is_allowed),
            "Lets webhooks go to `http://` URLs, too",
        )
    },
    setting(
        "webhooks-ca",
        "webhooks.ca",
        Kind::Pem(|draft, pem| draft.config.webhooks.ca_pem = Some(pem.text)),
        "Certificates of authorities in PEM form that webhooks trust, beside Mozilla's",
    ),
    Setting {
        default: "`false`",
        ..setting(
            "exports-unlimited",
            "exports.unlimited",
            Kind::Truth(|draft, is_unlimited| draft.config.unlimited_exports = is_unlimited),
            "Lets an app ask for more than one data export a day",
        )
    },
    Setting {
        default: "`1000`",
        ..setting(
            "max-connections",
            "maxConnections",
            Kind::Whole(MAX_CONNECTIONS as u64, |draft, most| draft.config.max_connections = count(most)),
            "Connections at the same time; one more is answered with `503` and closed",
        )
    },
    Setting {
        default: "`0`",
        ..setting(
            "requests-per-second",
            "rateLimit.perSecond",
            Kind::Whole(MAX_RATE as u64, |draft, most| {
                draft.per_second = u32::try_from(most).ok().filter(|most| *most > 0);
            }),
            "Requests a second that may come with one token; one more is answered with `429`. `0` sets no limit",
        )
    },
    AT_ONCE,
    Setting {
        default: "`5`",
        ..setting(
            "drain-seconds",
            "drainSeconds",
            Kind::Whole(MAX_DRAIN_SECONDS, |draft, seconds| draft.config.drain = Duration::from_secs(seconds)),
            "Time for requests under way to finish when the platform is told to stop",
        )
    },
    Setting {
        default: "`64`",
        ..setting(
            "sockets-per-user",
            "sockets.perUser",
            Kind::Whole(MAX_CONNECTIONS as u64, |draft, most| draft.config.sockets.per_user = count(most)),
            "Sockets that the clients of one user may have open at the same time; one more is refused with `429`",
        )
    },
    Setting {
        default: "`100000`",
        ..setting(
            "sockets-per-app",
            "sockets.perApp",
            Kind::Whole(MAX_CONNECTIONS as u64, |draft, most| draft.config.sockets.per_app = count(most)),
            "The same for all users of one app together",
        )
    },
    Setting {
        default: "`30`",
        ..setting(
            "replay-days",
            "sockets.replayDays",
            Kind::Whole(MAX_REPLAY_DAYS, |draft, days| draft.config.sockets.replay_days = days),
            "Days for which clients that were away can catch up with what they missed",
        )
    },
    ADMIN_TOKEN,
    ADMIN_TOKEN_FILE,
    Setting {
        default: "`false`",
        ..setting(
            "console",
            "console",
            Kind::Truth(|draft, is_on| draft.config.console = is_on),
            "Serves the console at `/console`, behind the admin token; makes a token where there is none",
        )
    },
    Setting {
        default: "`warn`",
        default_of_flag: "`info`",
        ..setting(
            "log-level",
            "log.level",
            Kind::Choice(&["off", "error", "warn", "info", "debug"], |draft, name| {
                // Each is a name of the same meaning there.
                draft.config.log.level = name.parse().unwrap_or(LevelFilter::WARN);
            }),
            "What the error output says: at `info` start and stop, too, at `debug` each request",
        )
    },
    Setting {
        default: "`text`",
        ..setting(
            "log-format",
            "log.format",
            Kind::Choice(&["text", JSON], |draft, name| {
                draft.config.log.format = if name == JSON { LogFormat::Json } else { LogFormat::Text };
            }),
            "Form of its lines; each is an object with `json`",
        )
    },
    Setting {
        default: "`false`",
        ..setting(
            "metrics-open",
            "metrics.open",
            Kind::Truth(|draft, is_open| draft.config.open_metrics = is_open),
            "Serves `/metrics` without the admin token, on a loopback address only",
        )
    },
    setting(
        "otlp-endpoint",
        "otlpEndpoint",
        Kind::Text("URL", |draft, url| draft.config.otlp_endpoint = Some(url)),
        "Collector of OpenTelemetry that gets a span for each request, such as `http://127.0.0.1:4318`",
    ),
    Setting {
        default: "`1000` for a platform in memory or with the console, else `0`",
        default_of_flag: "`0`, with the console `1000`",
        ..setting(
            "record",
            "recordedRequests",
            Kind::Whole(MAX_RECORDED_REQUESTS as u64, |draft, most| draft.recorded_requests = Some(count(most))),
            "Latest requests and replies to remember, for tests: of each body 16 KiB, of all together 32 MiB",
        )
    },
    SEED,
    IDS,
    setting(
        "clock",
        "clock",
        Kind::Time(|draft, at| draft.config.frozen_at = Some(at)),
        "Time at which the clock stands, for tests: milliseconds since 1970, in a program also a Date or ISO 8601 text",
    ),
];

/// The setting with this flag.
pub fn of_flag(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.has_flag && setting.name == name)
}

/// A number below the limits of the table.
fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Draft {
    /// Sets what the options of `Platform.start` say. A name that there is not is an error and not silence.
    fn set_options(&mut self, options: &Map<String, Value>, group: &str) -> Result<(), InvalidSetting> {
        for (name, value) in options {
            let option = format!("{group}{name}");
            let subgroup = format!("{option}.");
            if let Some(setting) = SETTINGS.iter().find(|setting| setting.option == option) {
                self.set(setting, &By::Option, value)?;
            } else if !SETTINGS.iter().any(|setting| setting.option.starts_with(&subgroup)) {
                let names = names_in(group).join(", ");
                return Err(InvalidSetting(format!("Platform option `{option}` does not exist; there are {names}")));
            } else if let Value::Object(options) = value {
                self.set_options(options, &subgroup)?;
            } else {
                return Err(InvalidSetting(format!("Platform option `{option}` needs to be an object")));
            }
        }
        Ok(())
    }

    /// The settings together.
    pub fn finish(self) -> Result<Config, InvalidSetting> {
        let Self {
            mut config,
            files,
            nats,
            certificate,
            key,
            seed,
            is_counting,
            recorded_requests,
            per_second,
            at_once,
            admin_token,
            admin_token_of_file,
            is_of_command_line,
            by: _,
            given: _,
        } = self;
        config.files = for_postgres(files, &config.data, &FILES, "data in a file has them beside it")?;
        config.nats = for_postgres(nats, &config.data, &NATS, "a file has one platform")?;
        config.rate_limit = match (per_second, at_once) {
            (Some(_), Some((by, 0))) => return Err(by.refuse(&AT_ONCE, "needs to be 1 at the least")),
            (Some(per_second), at_once) => {
                Some(RateLimit { per_second, at_once: at_once.map_or(per_second, |(_, most)| most) })
            }
            (None, _) => None,
        };
        config.admin_token = match (admin_token, admin_token_of_file) {
            (Some((other, _)), Some((by, _))) => {
                let reason = format!("is for what {} says already: leave one of them out", other.name(&ADMIN_TOKEN));
                return Err(by.refuse(&ADMIN_TOKEN_FILE, reason));
            }
            (one, other) => one.or(other).map(|(_, token)| token),
        };
        config.tls = match (certificate, key) {
            (Some((_, certificate)), Some((_, key))) => {
                let files = certificate.file.zip(key.file);
                let files = files.map(|(certificate, key)| TlsFiles { certificate, key });
                Some(Tls { certificate_pem: certificate.text, key_pem: key.text, files })
            }
            (None, None) => None,
            (Some((by, _)), None) => {
                return Err(by.refuse(&KEY, format!("is missing beside {}", by.name(&CERTIFICATE))));
            }
            (None, Some((by, _))) => {
                return Err(by.refuse(&CERTIFICATE, format!("is missing beside {}", by.name(&KEY))));
            }
        };
        config.ids = match (seed, is_counting) {
            (None, None) => IdSource::Random,
            (None, Some(_)) => IdSource::Counting,
            (Some((_, seed)), None) => IdSource::Seeded(seed),
            (Some((by, _)), Some(other)) => {
                let reason = format!("is for random ids: leave it out, or {} {COUNTING}", other.name(&IDS));
                return Err(by.refuse(&SEED, reason));
            }
        };
        let is_for_tests = config.data == DataLocation::Memory && !is_of_command_line;
        let is_looked_at = is_for_tests || config.console;
        config.recorded_requests = recorded_requests.unwrap_or(if is_looked_at { RECORDED_BY_DEFAULT } else { 0 });
        Ok(config)
    }
}

impl Config {
    /// The configuration that the options of `Platform.start` describe, as JSON.
    ///
    /// Error: an option that does not exist, or whose value cannot be used.
    pub fn from_json(options: &str) -> Result<Self, InvalidSetting> {
        let options: Map<String, Value> = serde_json::from_str(options)
            .map_err(|_| InvalidSetting("The options of a platform need to be an object".into()))?;
        let mut draft = Draft::default();
        draft.set_options(&options, "")?;
        draft.finish()
    }
}

/// A setting that data in a file or in memory has no use for, for a reason.
fn for_postgres<T>(
    given: Option<(By, T)>,
    data: &DataLocation,
    setting: &Setting,
    reason: &str,
) -> Result<Option<T>, InvalidSetting> {
    match given {
        Some((by, _)) if !matches!(data, DataLocation::Postgres(_)) => {
            Err(by.refuse(setting, format_args!("is for data in PostgreSQL: {reason}")))
        }
        given => Ok(given.map(|(_, value)| value)),
    }
}

/// The names of the options and groups in a group.
fn names_in(group: &str) -> Vec<&'static str> {
    let within = SETTINGS.iter().filter_map(|setting| setting.option.strip_prefix(group));
    let mut names: Vec<_> = within.map(|option| option.split('.').next().unwrap_or(option)).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use layer_wire::Timestamp;

    use super::*;

    fn project_file(name: &str) -> String {
        std::fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn refusal(options: &str) -> String {
        Config::from_json(options).unwrap_err().to_string()
    }

    #[test]
    fn options_of_a_program_are_read_as_json() {
        let config = Config::from_json(
            r#"{"data":"chat.db","port":1,"host":"::1","cert":"c","key":"k","allowPlainHttp":true,"publicUrl":"u","ids":"counting","clock":-5,
            "recordedRequests":7,"maxConnections":8,"adminToken":"t","log":{"level":"debug","format":"json"},
            "metrics":{"open":true},"rateLimit":{"perSecond":9,"atOnce":10},"drainSeconds":11,"otlpEndpoint":"o","console":true,"exports":{"unlimited":true},
            "sockets":{"perUser":2,"perApp":3,"replayDays":4},
            "webhooks":{"allowPrivateAddresses":true,"allowHttp":true,"ca":"a"}}"#,
        );
        let webhooks = crate::config::WebhookOptions {
            allow_private_addresses: true,
            allow_http: true,
            ca_pem: Some("a".into()),
            ..Default::default()
        };
        let expected = Config {
            data: DataLocation::File("chat.db".into()),
            files: None,
            nats: None,
            port: 1,
            host: "::1".parse().unwrap(),
            tls: Some(Tls { certificate_pem: "c".into(), key_pem: "k".into(), files: None }),
            allow_plain_http: true,
            public_url: Some("u".into()),
            ids: IdSource::Counting,
            frozen_at: Some(Timestamp::from_ms(-5)),
            recorded_requests: 7,
            max_connections: 8,
            admin_token: Some(Token::new("t".into())),
            console: true,
            unlimited_exports: true,
            sockets: crate::config::SocketOptions { per_user: 2, per_app: 3, replay_days: 4 },
            log: crate::config::LogOptions { level: LevelFilter::DEBUG, format: LogFormat::Json },
            otlp_endpoint: Some("o".into()),
            open_metrics: true,
            rate_limit: Some(RateLimit { per_second: 9, at_once: 10 }),
            drain: Duration::from_secs(11),
            webhooks,
        };
        assert_eq!(config, Ok(expected));
        let rate_limit = Some(RateLimit { per_second: 3, at_once: 3 });
        assert_eq!(Config::from_json(r#"{"rateLimit":{"perSecond":3}}"#).unwrap().rate_limit, rate_limit);
        assert_eq!(Config::from_json(r#"{"seed":9007199254740991}"#).unwrap().ids, IdSource::Seeded(MAX_SAFE_INTEGER));
    }

    #[test]
    fn what_is_given_wrongly_is_named_as_it_was_given() {
        for (options, text) in [
            ("[]", "The options of a platform need to be an object"),
            (
                r#"{"prot":1}"#,
                "Platform option `prot` does not exist; there are data, files, nats, port, host, cert, key, allowPlainHttp, publicUrl, webhooks,",
            ),
            (
                r#"{"webhooks":{"al":1}}"#,
                "Platform option `webhooks.al` does not exist; there are allowPrivateAddresses, allowHttp, ca",
            ),
            (r#"{"webhooks":null}"#, "Platform option `webhooks` needs to be an object"),
            (r#"{"port":"80"}"#, "Platform option `port` needs to be a number"),
            (r#"{"port":65536}"#, "Platform option `port` needs to be a whole number from 0 to 65535"),
            (r#"{"port":1.5}"#, "Platform option `port` needs to be a whole number from 0 to 65535"),
            (r#"{"data":""}"#, "Platform option `data` must not be empty"),
            (r#"{"adminTokenFile":"/nonexistent"}"#, "Platform option `adminTokenFile` cannot be read: /nonexistent: "),
            (
                r#"{"rateLimit":{"perSecond":1,"atOnce":0}}"#,
                "Platform option `rateLimit.atOnce` needs to be 1 at the least",
            ),
            (r#"{"adminToken":""}"#, "Platform option `adminToken` must not be empty"),
            (r#"{"cert":null}"#, "Platform option `cert` needs to be a string"),
            (r#"{"cert":"c"}"#, "Platform option `key` is missing beside `cert`"),
            (r#"{"key":"c"}"#, "Platform option `cert` is missing beside `key`"),
            (r#"{"exports":{"unlimited":"true"}}"#, "Platform option `exports.unlimited` needs to be a boolean"),
            (r#"{"ids":"odd"}"#, "Platform option `ids` needs to be 'random' or 'counting'"),
            (r#"{"clock":"noon"}"#, "Platform option `clock` needs to be milliseconds since 1970"),
            (
                r#"{"seed":1,"ids":"counting"}"#,
                "Platform option `seed` is for random ids: leave it out, or `ids` counting",
            ),
        ] {
            assert!(refusal(options).starts_with(text), "{options}: {}", refusal(options));
        }
    }

    /// The defaults that are a value and not a description.
    #[test]
    fn the_defaults_of_the_table_are_those_that_take_effect() {
        let (mut program, mut command_line) = (Draft::default(), Draft::of_command_line());
        for setting in &SETTINGS {
            let defaults = [(&mut program, setting.default), (&mut command_line, setting.default_of_flag)];
            for (draft, default) in defaults {
                if let Some(value) = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
                    && !value.contains('`')
                {
                    draft.set_text(setting, &By::Flag, value.into()).unwrap();
                }
            }
        }
        assert_eq!(program.finish(), Config::from_json("{}"));
        assert_eq!(command_line.finish(), Draft::of_command_line().finish());
        let of_program = Config::from_json("{}").unwrap();
        assert_eq!(of_program, Config { recorded_requests: 1000, ..Config::default() });
        assert_eq!(Config::from_json(r#"{"data":"layer.db"}"#).unwrap().recorded_requests, 0);
        assert_eq!(Config::from_json(r#"{"data":"layer.db","console":true}"#).unwrap().recorded_requests, 1000);
    }

    #[test]
    fn the_readme_has_the_table() {
        let rows = SETTINGS.iter().map(|setting| {
            let flag = if setting.has_flag { format!("--{}", setting.name) } else { setting.variable() };
            let default = match (setting.default, setting.default_of_flag) {
                (default, "") => default.to_owned(),
                (default, of_flag) => format!("{default}; {of_flag} on the command line"),
            };
            format!("| `{}` | `{flag}` | {default} | {} |\n", setting.option, setting.sentence)
        });
        let head = "| option of `start` | command line | default | |\n| --- | --- | --- | --- |\n";
        let table = head.to_owned() + &rows.collect::<String>();
        assert!(project_file("README.md").contains(&table.replace("|  |", "| |")), "README.md needs this:\n{table}");
    }

    /// Each option is declared with its sentence, its default and its type, and nothing else is.
    #[test]
    fn the_types_have_the_table() {
        let text = project_file("index.d.ts");
        let interfaces = ["PlatformOptions", "WebhookOptions"].map(|name| {
            let from = text.find(&format!("export interface {name} {{")).unwrap();
            &text[from..from + text[from..].find("\n  }\n").unwrap()]
        });
        let words: Vec<&str> =
            interfaces.iter().flat_map(|text| text.split_whitespace()).filter(|word| *word != "*").collect();
        let words = words.join(" ");
        for setting in &SETTINGS {
            let of_type = match setting.kind {
                Kind::Data(_)
                | Kind::Files(_)
                | Kind::Nats(_)
                | Kind::Address(_)
                | Kind::Text(..)
                | Kind::Secret(_) => "string".to_owned(),
                Kind::Whole(..) => "number".to_owned(),
                Kind::Pem(_) => "string | Buffer".to_owned(),
                Kind::Truth(_) => "boolean".to_owned(),
                Kind::Choice(names, _) => format!("'{}'", names.join("' | '")),
                Kind::Time(_) => "Date | string | number".to_owned(),
            };
            let name = setting.option.split('.').next_back().unwrap();
            let default = if setting.default.is_empty() { "none" } else { setting.default };
            let declared = format!("/** {}. Default: {default}. */ {name}?: {of_type};", setting.sentence);
            assert!(words.contains(&declared), "index.d.ts needs this: {declared}");
        }
        let groups = names_in("").len() - SETTINGS.iter().filter(|setting| !setting.option.contains('.')).count();
        assert_eq!(words.matches("?: ").count(), SETTINGS.len() + groups);
    }
}
