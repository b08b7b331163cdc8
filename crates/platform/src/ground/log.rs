//! What an operator should know: lines on the error output, with the time. A platform says by settings how much, and in
//! which form; `docs/operations.md` has every line.
//!
//! The threads of a platform have its log as the default of `tracing`, so that several platforms in one process do not
//! mix. What an event says is a fixed text; what changes stands in its fields. No bodies, no secrets.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use layer_store::clock::machine_time;
use layer_wire::Timestamp;
use serde_json::{Map, Value};
use tracing::dispatcher::{self, DefaultGuard};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use crate::ground::report;

/// The name of the field with the text of an event.
const MESSAGE: &str = "message";

/// What is printed to the error output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// How much: at `info` start, stop and what changed, at `debug` each request.
    pub level: LevelFilter,
    /// In which form.
    pub format: LogFormat,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: LevelFilter::WARN, format: LogFormat::Text }
    }
}

/// The form of the lines on the error output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// An object of JSON a line.
    Json,
}

/// The log of one platform.
#[derive(Clone)]
pub struct Log(Dispatch);

impl Log {
    /// A log as told.
    pub fn new(options: LogOptions) -> Self {
        Self(Dispatch::new(Lines(options)))
    }

    /// Makes this the log of the thread, for as long as it lives.
    pub fn adopt_thread(&self) {
        thread_local! {
            static GUARD: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
        }
        GUARD.with(|guard| *guard.borrow_mut() = Some(dispatcher::set_default(&self.0)));
    }

    /// Runs something whose events are of this log.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        dispatcher::with_default(&self.0, work)
    }
}

/// Prints events.
struct Lines(LogOptions);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What others have to say was not written for operators, and might hold anything.
        *metadata.level() <= self.0.level && metadata.target().starts_with("layer_")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.level)
    }

    fn event(&self, event: &Event<'_>) {
        let now = machine_time();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        let line = match self.0.format {
            LogFormat::Text => fields.as_text(now, level),
            LogFormat::Json => fields.into_json(now, level),
        };
        // When the disk is full, every request fails for the same reason.
        if level <= Level::WARN { report::limited(line) } else { report::print(&line) }
    }

    // Spans are not used.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The name of a level, in lower case.
fn name(level: Level) -> String {
    level.as_str().to_ascii_lowercase()
}

/// What an event has.
#[derive(Default)]
struct Fields {
    message: String,
    /// In their order.
    others: Map<String, Value>,
}

impl Fields {
    /// `2026-01-01T00:00:00.000Z layer-platform: error: the store failed, error="…"`
    fn as_text(&self, now: Timestamp, level: Level) -> String {
        let mut line = format!("{now} layer-platform: {}: {}", name(level), self.message);
        for (name, value) in &self.others {
            // Text in the quotes of JSON, so that a line stays one.
            let _ = write!(line, ", {name}={value}");
        }
        line
    }

    fn into_json(self, now: Timestamp, level: Level) -> String {
        let mut line = Map::new();
        line.insert("time".into(), now.to_string().into());
        line.insert("level".into(), name(level).into());
        line.insert(MESSAGE.into(), self.message.into());
        line.extend(self.others);
        Value::Object(line).to_string()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // The message comes as what is to be formatted.
        if field.name() == MESSAGE {
            self.message = format!("{value:?}");
        } else {
            self.others.insert(field.name().into(), format!("{value:?}").into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.others.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.insert(field.name().into(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.insert(field.name().into(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.others.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.insert(field.name().into(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let others = [("route", Value::from("/a\n\"b\"")), ("status", 200.into())];
        let others = others.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Fields { message: "a request was answered".into(), others }
    }

    #[test]
    fn a_line_has_its_time_its_level_and_its_fields_and_stays_one_line() {
        let at = Timestamp::from_ms(0);
        assert_eq!(
            fields().as_text(at, Level::DEBUG),
            r#"1970-01-01T00:00:00.000Z layer-platform: debug: a request was answered, route="/a\n\"b\"", status=200"#
        );
        let json: Value = serde_json::from_str(&fields().into_json(at, Level::ERROR)).unwrap();
        assert_eq!((&json["time"], &json["level"]), (&"1970-01-01T00:00:00.000Z".into(), &"error".into()));
        assert_eq!((&json["status"], &json["route"]), (&200.into(), &"/a\n\"b\"".into()));
        assert_eq!(json["message"], "a request was answered");
    }

    #[test]
    fn nobody_elses_events_and_no_lower_levels_are_printed() {
        let log = Log::new(LogOptions { level: LevelFilter::WARN, format: LogFormat::Text });
        log.within(|| {
            assert!(tracing::enabled!(Level::ERROR) && tracing::enabled!(Level::WARN));
            assert!(!tracing::enabled!(Level::INFO));
            assert!(!tracing::enabled!(target: "hyper", Level::ERROR));
        });
    }
}
