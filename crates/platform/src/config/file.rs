//! The file of settings: TOML, with the names of the flags as its keys.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use toml_span::value::ValueInner;

use crate::config::setting::{By, InvalidSetting, Place, Setting};
use crate::config::settings::SETTINGS;

/// What the file says of a setting.
pub struct Entry {
    pub setting: &'static Setting,
    pub by: By,
    pub value: Value,
}

/// Reads a file of settings.
///
/// Error: it cannot be read, is no TOML, or has a key that is no setting; with the file, the line and the key.
pub fn read(path: &OsStr, given_by: &str) -> Result<Vec<Entry>, InvalidSetting> {
    let path = PathBuf::from(path);
    let text = std::fs::read_to_string(&path)
        .map_err(|error| InvalidSetting(format!("{given_by} cannot be read: {}: {error}", path.display())))?;
    parse(&path.into(), &text)
}

fn parse(file: &Arc<Path>, text: &str) -> Result<Vec<Entry>, InvalidSetting> {
    let place = |at: usize| {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        Place { file: Arc::clone(file), line: 1 + before.matches('\n').count() }
    };
    let refuse = |at: usize, reason: String| InvalidSetting(format!("{}: {reason}", place(at)));
    let mut root =
        toml_span::parse(text).map_err(|error| refuse(error.span.start, format!("this is no TOML: {error}")))?;
    let ValueInner::Table(table) = root.take() else { return Ok(vec![]) };
    let mut entries = vec![];
    for (key, mut value) in table {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key.name) else {
            let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
            return Err(refuse(
                key.span.start,
                format!("`{}` is no setting; there are {}", key.name, names.join(", ")),
            ));
        };
        let value = match value.take() {
            ValueInner::String(text) => Value::String(text.into_owned()),
            ValueInner::Integer(number) => number.into(),
            ValueInner::Boolean(truth) => truth.into(),
            // No setting is of another type, so that each says what it needs in place of it.
            _ => Value::Null,
        };
        entries.push(Entry { setting, by: By::File(place(key.span.start)), value });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        match parse(&Path::new("layer.toml").into(), text) {
            Ok(entries) => panic!("{} settings", entries.len()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_setting_is_found_by_the_name_of_its_flag() {
        let text = "# ours\nport = 1\n\nhost = '::1'\nconsole = true\nclock = 1.5\n";
        let entries = parse(&Path::new("layer.toml").into(), text).unwrap();
        let mut found: Vec<_> =
            entries.iter().map(|Entry { setting, by, value }| (by.name(setting), value.to_string())).collect();
        found.sort();
        let expected = [
            ("layer.toml:2: port", "1"),
            ("layer.toml:4: host", "\"::1\""),
            ("layer.toml:5: console", "true"),
            ("layer.toml:6: clock", "null"),
        ];
        assert_eq!(found, expected.map(|(by, value)| (by.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, expected) in [
            (
                "port = 1\nprot = 2",
                "layer.toml:2: `prot` is no setting; there are data, files, nats, port, host, tls-cert,",
            ),
            ("[webhooks]\nca = 'a'", "layer.toml:1: `webhooks` is no setting; there are"),
            ("port = 1\n\nport = 2", "layer.toml:3: this is no TOML: duplicate key: `port`"),
            ("port = 1\nhost = localhost", "layer.toml:2: this is no TOML: "),
            ("host = 'a\n", "layer.toml:1: this is no TOML: "),
        ] {
            assert!(refusal(text).starts_with(expected), "{text}: {}", refusal(text));
        }
    }
}
