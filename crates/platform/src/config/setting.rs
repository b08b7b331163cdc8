//! One setting: its names, and how its value is read.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use layer_store::DataLocation;
use layer_wire::Timestamp;
use serde_json::Value;

use crate::config::Config;

/// The furthest that a time may be from 1970, as in JavaScript. Unit: milliseconds.
const MAX_TIME_MS: i64 = 8_640_000_000_000_000;

/// One setting.
pub struct Setting {
    /// Its flag without the dashes. The variable of the environment follows from it: `LAYER_TLS_CERT` for `tls-cert`.
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
    /// The file of the database, or `:memory:`.
    Data(fn(&mut Draft, DataLocation)),
    /// An IP address.
    Address(fn(&mut Draft, IpAddr)),
    /// A whole number from 0 up to this.
    Whole(u64, fn(&mut Draft, u64)),
    /// PEM in a program; a file with PEM in a flag or variable.
    Pem(fn(&mut Draft, String)),
    /// Text, and what `--help` calls it.
    Text(&'static str, fn(&mut Draft, String)),
    /// True or false. The flag alone says true.
    Truth(fn(&mut Draft, bool)),
    /// One of these.
    Choice(&'static [&'static str], fn(&mut Draft, &str)),
    /// Milliseconds since 1970. What else JavaScript takes for a time, it reads itself.
    Time(fn(&mut Draft, Timestamp)),
}

impl Setting {
    /// The variable of the environment.
    pub fn variable(&self) -> String {
        format!("LAYER_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Whether the flag takes a value.
    pub fn takes_value(&self) -> bool {
        !matches!(self.kind, Kind::Truth(_))
    }

    /// What stands for the value in `--help`.
    pub fn placeholder(&self) -> String {
        match self.kind {
            Kind::Data(_) | Kind::Pem(_) => " FILE".into(),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// An option of `Platform.start`.
    #[default]
    Option,
    /// A flag of the command line.
    Flag,
    /// A variable of the environment.
    Variable,
}

impl By {
    pub fn name(self, setting: &Setting) -> String {
        match self {
            Self::Option => format!("`{}`", setting.option),
            Self::Flag => format!("--{}", setting.name),
            Self::Variable => setting.variable(),
        }
    }

    pub fn refuse(self, setting: &Setting, reason: impl fmt::Display) -> InvalidSetting {
        let prefix = if self == Self::Option { "Platform option " } else { "" };
        InvalidSetting(format!("{prefix}{} {reason}", self.name(setting)))
    }

    /// The text of the file that a setting names.
    fn read(self, setting: &Setting, path: &Path) -> Result<String, InvalidSetting> {
        std::fs::read_to_string(path)
            .map_err(|error| self.refuse(setting, format!("cannot be read: {}: {error}", path.display())))
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
    pub certificate: Option<(By, String)>,
    pub key: Option<(By, String)>,
    pub seed: Option<(By, u64)>,
    pub is_counting: Option<By>,
    pub recorded_requests: Option<usize>,
    /// Whether it is that of a program of its own.
    pub is_of_command_line: bool,
}

impl Draft {
    /// What a command line begins with.
    pub fn of_command_line() -> Self {
        let config = Config { port: 8080, data: DataLocation::File(PathBuf::from("layer.db")), ..Config::default() };
        Self { config, is_of_command_line: true, ..Self::default() }
    }

    /// Gives a setting its value: JSON of its type, or text where it is not `by` an option.
    pub fn set(&mut self, setting: &'static Setting, by: By, value: &Value) -> Result<(), InvalidSetting> {
        self.by = by;
        let refuse = |reason: &str| by.refuse(setting, reason);
        let text = || match value.as_str() {
            Some("") => Err(refuse("must not be empty")),
            Some(text) => Ok(text),
            None => Err(refuse("needs to be a string")),
        };
        match setting.kind {
            Kind::Data(set) => set(self, data_location(PathBuf::from(text()?))),
            Kind::Address(set) => {
                let text = if value == "localhost" && by != By::Option { "127.0.0.1" } else { text()? };
                let address = text.parse();
                set(self, address.map_err(|_| refuse("needs to be an IP address, such as 127.0.0.1 or 0.0.0.0"))?);
            }
            Kind::Whole(most, set) => set(self, whole(value, by, most).map_err(|reason| refuse(&reason))?),
            Kind::Pem(set) if by == By::Option => set(self, text()?.to_owned()),
            Kind::Pem(set) => set(self, by.read(setting, Path::new(text()?))?),
            Kind::Text(_, set) => set(self, text()?.to_owned()),
            Kind::Truth(set) => set(self, truth(value, by).map_err(refuse)?),
            Kind::Choice(names, set) => {
                let name = value.as_str().filter(|name| names.contains(name));
                set(self, name.ok_or_else(|| refuse(&format!("needs to be '{}'", names.join("' or '"))))?);
            }
            Kind::Time(set) => {
                let ms = if by == By::Option { value.as_i64() } else { text()?.parse().ok() };
                let ms = ms.filter(|ms| (-MAX_TIME_MS..=MAX_TIME_MS).contains(ms));
                set(self, Timestamp::from_ms(ms.ok_or_else(|| refuse("needs to be milliseconds since 1970"))?));
            }
        }
        Ok(())
    }

    /// Gives a setting the value that a text stands for. The name of a file need not be Unicode.
    pub fn set_text(&mut self, setting: &'static Setting, by: By, text: OsString) -> Result<(), InvalidSetting> {
        self.by = by;
        match (setting.kind, text.into_string()) {
            (_, Ok(text)) => self.set(setting, by, &text.into())?,
            (Kind::Data(set), Err(path)) => set(self, data_location(path.into())),
            (Kind::Pem(set), Err(path)) => set(self, by.read(setting, Path::new(&path))?),
            (_, Err(_)) => return Err(by.refuse(setting, "needs to be Unicode")),
        }
        Ok(())
    }
}

/// Where the data is that this names.
fn data_location(path: PathBuf) -> DataLocation {
    if path.as_os_str() == ":memory:" { DataLocation::Memory } else { DataLocation::File(path) }
}

fn whole(value: &Value, by: By, most: u64) -> Result<u64, String> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) if by != By::Option => text.parse().ok(),
        _ => return Err("needs to be a number".into()),
    };
    number.filter(|number| *number <= most).ok_or_else(|| format!("needs to be a whole number from 0 to {most}"))
}

fn truth(value: &Value, by: By) -> Result<bool, &'static str> {
    match (value, value.as_str()) {
        (Value::Bool(truth), _) => Ok(*truth),
        (_, Some("true")) if by != By::Option => Ok(true),
        (_, Some("false")) if by != By::Option => Ok(false),
        _ if by == By::Option => Err("needs to be a boolean"),
        _ => Err("needs to be true or false"),
    }
}
