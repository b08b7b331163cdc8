//! Where the data is, and why it cannot be opened.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where the data of a platform is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataLocation {
    /// In a file, which is created if need be; its folder must exist. Three more files appear beside it while it is
    /// open. One platform at a time can use it.
    File(PathBuf),
    /// In memory; gone when the platform is closed.
    Memory,
    /// In a database of a PostgreSQL server, which several platforms can use.
    Postgres(DatabaseUrl),
}

impl DataLocation {
    /// The file, where it is in one.
    pub fn file(&self) -> Option<&Path> {
        if let Self::File(path) = self { Some(path) } else { None }
    }
}

impl fmt::Display for DataLocation {
    /// As `--data` has it, without secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Memory => formatter.write_str(":memory:"),
            Self::Postgres(url) => url.fmt(formatter),
        }
    }
}

/// The URL of a database, which may hold a password: that never shows, neither in debug output nor in an error.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Wraps a URL; `None` for a text that is none of PostgreSQL.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        is_one.then(|| Self(text.to_owned()))
    }

    /// The URL itself: for the driver, and never for a log.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL without its password and its options, which can hold one, too. Where it cannot be told what is what,
    /// neither is shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const OPTIONS: [char; 2] = ['?', '#'];
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let before_options = place.split(OPTIONS).next().unwrap_or_default();
        let hosts = before_options.split('/').next().unwrap_or_default();
        // What stands in the place of a port may be a password without its host.
        let is_port = |text: &str| text.chars().all(|digit| digit.is_ascii_digit());
        let has_ports = hosts.split(',').all(|host| host.rsplit_once(':').is_none_or(|(_, port)| is_port(port)));
        let is_clear = has_ports && !user.is_some_and(|user| user.contains(OPTIONS));
        let place = if is_clear { before_options } else { "…" };
        match user.map(|user| user.split([':', '@', '/', '?', '#']).next().unwrap_or_default()) {
            Some(user) => write!(formatter, "{scheme}://{user}@{place}"),
            None => write!(formatter, "{scheme}://{place}"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

/// The URLs of servers of NATS, which may hold a password or a token: neither ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrls(String);

impl NatsUrls {
    /// What is said of a text that is none.
    pub const NEEDS: &str = "needs to be the URL of a server of NATS, or several with commas between them, such as \
                             nats://user:password@host:4222 or tls://host";

    /// Wraps URLs with commas between them; `None` for a text that is something else. It is not to be shown: what is in
    /// their place may be a secret.
    pub fn parse(text: &str) -> Option<Self> {
        let has_host = |rest: &str| !rest.rsplit('@').next().unwrap_or_default().trim_matches(['/', ':']).is_empty();
        let is_one = |url: &str| url.strip_prefix("nats://").or(url.strip_prefix("tls://")).is_some_and(has_host);
        text.split(',').all(is_one).then(|| Self(text.to_owned()))
    }

    /// The URLs themselves: for the driver, and never for a log.
    pub fn reveal(&self) -> impl Iterator<Item = &str> {
        self.0.split(',')
    }
}

impl fmt::Display for NatsUrls {
    /// The URLs without who connects: a user may be a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, url) in self.reveal().enumerate() {
            let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
            let comma = if number > 0 { "," } else { "" };
            write!(formatter, "{comma}{scheme}://{}", rest.rsplit('@').next().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for NatsUrls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NatsUrls({self})")
    }
}

/// Why a database cannot be opened. The texts say how to mend it.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder of the file does not exist.
    NoDirectory(PathBuf),
    /// The path names a folder.
    IsDirectory(PathBuf),
    /// There is no file, where one is needed.
    Missing(PathBuf),
    /// The file belongs to something else.
    NotOurs(PathBuf),
    /// Another process has the file: a platform, or something that looks into it.
    InUse(PathBuf),
    /// There is no room on the disk for what belongs to an open database.
    NoRoom(PathBuf),
    /// The file or its folder cannot be written.
    ReadOnly(PathBuf),
    /// The file is damaged.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a later version of this software.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest schema version that this software knows.
        known: i64,
    },
    /// The file was written by an earlier version of this software, and is only to be read.
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The schema version that is needed.
        needed: i64,
    },
    /// A database of a server cannot be used.
    Database {
        /// The database, without secrets.
        database: String,
        /// Why, and how to mend it.
        reason: String,
    },
    /// URLs of servers of NATS, without secrets, cannot be understood.
    Nats(String),
    /// The system refuses a thread.
    Thread(std::io::Error),
    /// The engine cannot open it or bring its schema up to date.
    Engine {
        /// The file.
        path: PathBuf,
        /// What the engine says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDirectory(path) => {
                write!(formatter, "data: the folder of {} does not exist; create it first", path.display())
            }
            Self::IsDirectory(path) => {
                write!(formatter, "data: {} is a folder; name a file inside it", path.display())
            }
            Self::Missing(path) => {
                write!(formatter, "data: there is no {}; name the file of the database", path.display())
            }
            Self::NotOurs(path) => {
                write!(formatter, "data: {} is not a Layer database; choose another file", path.display())
            }
            Self::InUse(path) => write!(
                formatter,
                "data: {} is in use by another process; stop that one first, or choose another file",
                path.display()
            ),
            Self::NoRoom(path) => {
                write!(formatter, "data: the disk of {} is full; make room on it, and start again", path.display())
            }
            Self::ReadOnly(path) => write!(
                formatter,
                "data: {} cannot be written; give the platform the right to write the file and its folder, or choose \
                 another file",
                path.display()
            ),
            Self::Damaged { path, reason } => {
                write!(formatter, "data: {} is damaged: {reason}; restore it from a backup", path.display())
            }
            Self::Newer { path, found, known } => write!(
                formatter,
                "data: {} has schema {found}, but this version knows up to {known} only; use a newer version",
                path.display()
            ),
            Self::Older { path, found, needed } => write!(
                formatter,
                "data: {} has schema {found}, and {needed} is needed for this; start a platform of this version on it \
                 once, or use the version that wrote it",
                path.display()
            ),
            Self::Database { database, reason } => write!(formatter, "data: {database}: {reason}"),
            Self::Nats(urls) => write!(formatter, "nats: {urls} {}", NatsUrls::NEEDS),
            Self::Thread(source) => write!(formatter, "cannot start a thread for the store: {source}"),
            Self::Engine { path, source } => {
                write!(
                    formatter,
                    "data: cannot open {}: {source}; check that it can be read and written",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Engine { source, .. } => Some(source.as_ref()),
            Self::Thread(source) => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_shows_nowhere() {
        let shown = |text| {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.reveal(), text);
            assert_eq!(format!("{url:?}"), format!("DatabaseUrl({url})"));
            url.to_string()
        };
        assert_eq!(shown("postgres://layer:s@cret@db:5432/chat?password=s"), "postgres://layer@db:5432/chat");
        assert_eq!(shown("postgresql://db/chat"), "postgresql://db/chat");
        assert_eq!(shown("postgres://[::1]:5432/chat"), "postgres://[::1]:5432/chat");
        assert_eq!(shown("postgres://layer:s?e/c#ret@db/chat"), "postgres://layer@…");
        assert_eq!(shown("postgres://layer@db/chat?password=s@cret"), "postgres://layer@…");
        assert_eq!(shown("postgres://layer:secret"), "postgres://…");
        assert_eq!(shown("postgres://layer@a,b:1/chat"), "postgres://layer@a,b:1/chat");
        assert_eq!(DatabaseUrl::parse("layer.db"), None);
    }

    #[test]
    fn a_token_of_nats_shows_nowhere() {
        for (text, shown) in [
            ("nats://token@a:4222", "nats://a:4222"),
            ("nats://user:pa@ss@a,tls://b", "nats://a,tls://b"),
            ("nats://[::1]:4222", "nats://[::1]:4222"),
        ] {
            let urls = NatsUrls::parse(text).unwrap();
            assert_eq!((urls.to_string(), format!("{urls:?}")), (shown.to_owned(), format!("NatsUrls({shown})")));
            assert_eq!(urls.reveal().collect::<Vec<_>>().join(","), text);
        }
        for none in ["", "nats://", "nats://user@", "a:4222", "http://a", "nats://a,", "nats://a,b"] {
            assert_eq!(NatsUrls::parse(none), None, "{none}");
        }
    }
}
