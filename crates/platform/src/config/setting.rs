//! One setting: its names, and how its value is read.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use layer_store::token::Token;
use layer_store::{DataLocation, DatabaseUrl, NatsUrls};
use layer_wire::Timestamp;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::config::{Config, LogOptions};
use crate::ground::blobs::FilesLocation;

/// The furthest that a time may be from 1970, as in JavaScript. Unit: milliseconds.
const MAX_TIME_MS: i64 = 8_640_000_000_000_000;

/// One setting.
pub struct Setting {
    /// Its flag without the dashes, and its key in the file of settings. The variable of the environment follows from
    /// it: `LAYER_TLS_CERT` for `tls-cert`.
    pub name: &'static str,
    /// The option of `Platform.start`, behind a dot if it is in a group: `webhooks.ca`.
    pub option: &'static str,
    /// How its value is read, and where that goes.
    pub(super) kind: Kind,
    /// The default in a program, in Markdown. Empty for none.
    pub(super) default: &'static str,
    /// The default of the command line, where it is another one.
    pub(super) default_of_flag: &'static str,
    /// What it does.
    pub(super) sentence: &'static str,
    /// Whether it has a flag. A secret has none, because everyone sees the arguments of a process.
    pub(super) has_flag: bool,
}

/// How a value is read, and where it goes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// The file of the database, `:memory:`, or the URL of a database of a server.
    Data(fn(&mut Draft, DataLocation)),
    /// A folder, or a bucket.
    Files(fn(&mut Draft, FilesLocation)),
    /// URLs of servers of NATS.
    Nats(fn(&mut Draft, NatsUrls)),
    /// An IP address.
    Address(fn(&mut Draft, IpAddr)),
    /// A whole number from 0 up to this.
    Whole(u64, fn(&mut Draft, u64)),
    /// PEM in a program; elsewhere a file with PEM.
    Pem(fn(&mut Draft, Pem)),
    /// A file with a secret, whose blanks at both ends do not count.
    Secret(fn(&mut Draft, String)),
    /// Text, and what `--help` calls it.
    Text(&'static str, fn(&mut Draft, String)),
    /// True or false. The flag alone says true.
    Truth(fn(&mut Draft, bool)),
    /// One of these.
    Choice(&'static [&'static str], fn(&mut Draft, &str)),
    /// Milliseconds since 1970. What else JavaScript takes for a time, it reads itself.
    Time(fn(&mut Draft, Timestamp)),
}

/// PEM text, and the file that it was read from, if it was.
pub struct Pem {
    pub text: String,
    pub file: Option<PathBuf>,
}

impl Setting {
    /// The variable of the environment.
    pub fn variable(&self) -> String {
        format!("LAYER_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// The default of the command line, in Markdown. Empty for none.
    pub fn default_of_command_line(&self) -> &'static str {
        if self.default_of_flag.is_empty() { self.default } else { self.default_of_flag }
    }

    /// Whether the flag takes a value.
    pub fn takes_value(&self) -> bool {
        !matches!(self.kind, Kind::Truth(_))
    }

    /// What stands for the value in `--help`.
    pub fn placeholder(&self) -> String {
        match self.kind {
            Kind::Data(_) | Kind::Pem(_) | Kind::Secret(_) => " FILE".into(),
            Kind::Files(_) => " FOLDER".into(),
            Kind::Nats(_) => " URL".into(),
            Kind::Address(_) => " ADDRESS".into(),
            Kind::Whole(..) => " NUMBER".into(),
            Kind::Text(name, _) => format!(" {name}"),
            Kind::Truth(_) => String::new(),
            Kind::Choice(names, _) => format!(" {}", names.join("|")),
            Kind::Time(_) => " MS".into(),
        }
    }
}

/// What a setting was given by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum By {
    /// An option of `Platform.start`.
    #[default]
    Option,
    /// A flag of the command line.
    Flag,
    /// A variable of the environment.
    Variable,
    /// A line of the file of settings.
    File(Place),
}

/// A line of a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.display(), self.line)
    }
}

impl By {
    pub fn name(&self, setting: &Setting) -> String {
        match self {
            Self::Option => format!("`{}`", setting.option),
            Self::Flag => format!("--{}", setting.name),
            Self::Variable => setting.variable(),
            Self::File(place) => format!("{place}: {}", setting.name),
        }
    }

    /// Where that is, without the name of the setting.
    pub fn source(&self) -> String {
        match self {
            Self::Option => "an option".into(),
            Self::Flag => "the command line".into(),
            Self::Variable => "the environment".into(),
            Self::File(place) => place.to_string(),
        }
    }

    pub fn refuse(&self, setting: &Setting, reason: impl fmt::Display) -> InvalidSetting {
        let prefix = if *self == Self::Option { "Platform option " } else { "" };
        InvalidSetting(format!("{prefix}{} {reason}", self.name(setting)))
    }

    /// Whether values come with their types, and not as text.
    fn is_typed(&self) -> bool {
        matches!(self, Self::Option | Self::File(_))
    }

    /// The path that a setting names. In a file of settings it is relative to the folder of that file.
    fn path(&self, path: PathBuf) -> PathBuf {
        match self {
            Self::File(Place { file, .. }) => file.parent().map_or_else(|| path.clone(), |folder| folder.join(&path)),
            _ => path,
        }
    }

    fn read_pem(&self, setting: &Setting, path: PathBuf) -> Result<Pem, InvalidSetting> {
        Ok(Pem { text: self.read(setting, &path)?, file: Some(path) })
    }

    /// The text of the file that a setting names.
    fn read(&self, setting: &Setting, path: &Path) -> Result<String, InvalidSetting> {
        std::fs::read_to_string(path)
            .map_err(|error| self.refuse(setting, format!("cannot be read: {}: {error}", path.display())))
    }

    /// The secret in the file that a setting names.
    fn read_secret(&self, setting: &Setting, path: &Path) -> Result<String, InvalidSetting> {
        let secret = self.read(setting, path)?.trim().to_owned();
        if secret.is_empty() {
            return Err(self.refuse(setting, format!("names an empty file: {}", path.display())));
        }
        Ok(secret)
    }

    fn files_location(&self, setting: &Setting, text: &str) -> Result<FilesLocation, InvalidSetting> {
        match FilesLocation::parse(text) {
            Some(FilesLocation::Folder(folder)) => Ok(self.path(folder).into()),
            Some(bucket) => Ok(bucket),
            None => Err(self.refuse(setting, FilesLocation::NEEDS)),
        }
    }

    /// The place that a text names.
    pub fn data_location(&self, path: PathBuf) -> DataLocation {
        if path.as_os_str() == ":memory:" {
            return DataLocation::Memory;
        }
        let url = path.to_str().and_then(DatabaseUrl::parse);
        url.map_or_else(|| DataLocation::File(self.path(path)), DataLocation::Postgres)
    }
}

/// Why settings cannot be used. The text names the option, flag or variable, and says how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSetting(pub(super) String);

impl InvalidSetting {
    /// A reason, as a sentence.
    pub(crate) fn new(reason: String) -> Self {
        Self(reason)
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for InvalidSetting {}

/// A [`Config`] in the making. What depends on more than one setting is decided at its end.
#[derive(Default)]
pub struct Draft {
    pub config: Config,
    /// What the setting at hand is given by.
    pub by: By,
    pub files: Option<(By, FilesLocation)>,
    pub nats: Option<(By, NatsUrls)>,
    pub certificate: Option<(By, Pem)>,
    pub key: Option<(By, Pem)>,
    pub seed: Option<(By, u64)>,
    pub is_counting: Option<By>,
    pub recorded_requests: Option<usize>,
    pub per_second: Option<u32>,
    pub at_once: Option<(By, u32)>,
    pub admin_token: Option<(By, Token)>,
    pub admin_token_of_file: Option<(By, Token)>,
    /// Where each setting that is not left open comes from, with its value as TOML.
    pub given: Vec<(&'static str, By, String)>,
    /// Whether it is that of a program of its own.
    pub is_of_command_line: bool,
}

impl Draft {
    /// What a command line begins with.
    pub fn of_command_line() -> Self {
        let log = LogOptions { level: LevelFilter::INFO, ..LogOptions::default() };
        let data = DataLocation::File(PathBuf::from("layer.db"));
        let config = Config { port: 8080, data, log, ..Config::default() };
        Self { config, is_of_command_line: true, ..Self::default() }
    }

    /// Gives a setting its value: JSON of its type, or text where it is given by a flag or variable.
    pub fn set(&mut self, setting: &'static Setting, by: &By, value: &Value) -> Result<(), InvalidSetting> {
        self.by = by.clone();
        // JSON writes text, numbers and truths as TOML does. URLs are shown without their secrets.
        let url = value.as_str().and_then(|text| match setting.kind {
            Kind::Data(_) => DatabaseUrl::parse(text).map(|url| url.to_string()),
            // What cannot be understood is refused below.
            Kind::Nats(_) => Some(NatsUrls::parse(text).map(|urls| urls.to_string()).unwrap_or_default()),
            _ => None,
        });
        self.given.push((setting.name, by.clone(), url.map_or_else(|| value.clone(), Value::from).to_string()));
        let refuse = |reason: &str| by.refuse(setting, reason);
        let text = || match value.as_str() {
            Some("") => Err(refuse("must not be empty")),
            Some(text) => Ok(text),
            None => Err(refuse("needs to be a string")),
        };
        let path = || Ok::<_, InvalidSetting>(by.path(PathBuf::from(text()?)));
        match setting.kind {
            Kind::Data(set) => set(self, by.data_location(PathBuf::from(text()?))),
            Kind::Files(set) => set(self, by.files_location(setting, text()?)?),
            Kind::Nats(set) => set(self, NatsUrls::parse(text()?).ok_or_else(|| refuse(NatsUrls::NEEDS))?),
            Kind::Address(set) => {
                let text = if value == "localhost" && *by != By::Option { "127.0.0.1" } else { text()? };
                let address = text.parse();
                set(self, address.map_err(|_| refuse("needs to be an IP address, such as 127.0.0.1 or 0.0.0.0"))?);
            }
            Kind::Whole(most, set) => set(self, whole(value, by, most).map_err(|reason| refuse(&reason))?),
            Kind::Pem(set) if *by == By::Option => set(self, Pem { text: text()?.to_owned(), file: None }),
            Kind::Pem(set) => set(self, by.read_pem(setting, path()?)?),
            Kind::Secret(set) => set(self, by.read_secret(setting, &path()?)?),
            Kind::Text(_, set) => set(self, text()?.to_owned()),
            Kind::Truth(set) => set(self, truth(value, by).map_err(refuse)?),
            Kind::Choice(names, set) => {
                let name = value.as_str().filter(|name| names.contains(name));
                set(self, name.ok_or_else(|| refuse(&format!("needs to be '{}'", names.join("' or '"))))?);
            }
            Kind::Time(set) => {
                let ms = value.as_i64().filter(|ms| (-MAX_TIME_MS..=MAX_TIME_MS).contains(ms));
                set(self, Timestamp::from_ms(ms.ok_or_else(|| refuse("needs to be milliseconds since 1970"))?));
            }
        }
        Ok(())
    }

    /// Gives a setting the value that a text stands for. The name of a file need not be Unicode.
    pub fn set_text(&mut self, setting: &'static Setting, by: &By, text: OsString) -> Result<(), InvalidSetting> {
        let path = match text.into_string() {
            // What a file of settings could hold in its place, so that it is shown like that.
            Ok(text) => match (setting.kind, text.parse()) {
                (Kind::Truth(_) | Kind::Whole(..) | Kind::Time(_), Ok(value @ (Value::Bool(_) | Value::Number(_)))) => {
                    return self.set(setting, by, &value);
                }
                _ => return self.set(setting, by, &text.into()),
            },
            Err(path) => path,
        };
        self.by = by.clone();
        if matches!(setting.kind, Kind::Data(_)) && DatabaseUrl::parse(&path.to_string_lossy()).is_some() {
            return Err(by.refuse(setting, "needs to be Unicode"));
        }
        self.given.push((setting.name, by.clone(), Value::from(path.to_string_lossy()).to_string()));
        match setting.kind {
            Kind::Data(set) => set(self, by.data_location(path.into())),
            Kind::Files(set) => set(self, by.path(path.into()).into()),
            Kind::Pem(set) => set(self, by.read_pem(setting, path.into())?),
            Kind::Secret(set) => set(self, by.read_secret(setting, Path::new(&path))?),
            _ => return Err(by.refuse(setting, "needs to be Unicode")),
        }
        Ok(())
    }
}

fn whole(value: &Value, by: &By, most: u64) -> Result<u64, String> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        _ if by.is_typed() => return Err("needs to be a number".into()),
        _ => None,
    };
    number.filter(|number| *number <= most).ok_or_else(|| format!("needs to be a whole number from 0 to {most}"))
}

fn truth(value: &Value, by: &By) -> Result<bool, &'static str> {
    let reason = if *by == By::Option { "needs to be a boolean" } else { "needs to be true or false" };
    value.as_bool().ok_or(reason)
}
