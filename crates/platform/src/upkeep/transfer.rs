//! `export` and `import`: one app as a file of JSON lines, in constant memory whatever its size.
//!
//! The first line says what the file is, the last one how many lines there are, so that half a file is not taken for a
//! whole one. An import puts the app together as one that was deleted, so that nobody finds it; with the last write it
//! has its tokens and all that acts (webhooks, messages that wait), and is there. One that fails takes back what it
//! put; what is left of one that was killed goes as deleted apps do: at the next start of a platform, or with the next
//! import.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use layer_store::file::FileName;
use layer_store::key::AppKey;
use layer_store::transfer::{CONTENT, KINDS, Record};
use layer_store::upkeep::{Step, Told};
use layer_store::{Reads, Store, StoreError, Writes};
use layer_wire::{AppId, ContentId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::backup::UNFINISHED;
use super::error::UpkeepError;
use super::place::Place;
use crate::ground::blobs::{BlobWriter, Blobs, WriteFrom, unavailable};
use crate::ground::engine;
use crate::ground::files::beside;

/// What the first line says.
const HEADER: &str = "layer_export";

/// The form of the lines.
const FORMAT: u64 = 1;

/// The type of a line with bytes of rich content.
const CONTENT_BYTES: &str = "content_bytes";

/// The type of the last line.
const END: &str = "end";

/// How many bytes of rich content are in a line.
const CHUNK: usize = 192 * 1024;

/// How long a line may be.
const MAX_LINE: u64 = 64 * 1024 * 1024;

/// How much is put in one write.
pub const BATCH_LINES: usize = 500;
pub const BATCH_BYTES: usize = 2 * 1024 * 1024;

/// How often progress is told. Unit: lines.
const TOLD_EVERY: u64 = 256;

/// An app that was written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// The app.
    pub app: AppId,
    /// How many lines the file has.
    pub lines: u64,
    /// How many contents have no bytes, because there is no file.
    pub missing_files: u64,
}

/// Writes an app of a database, which may be in use, to a file that is not there yet.
pub fn export(from: &Place, app: AppId, to: &Path, told: Told<'_>) -> Result<Transferred, UpkeepError> {
    if to.exists() {
        return Err(UpkeepError::Other(format!("{} is there already; name a file that is not", to.display())));
    }
    let store = engine::open_to_read(&from.data)?;
    let files = from.files()?;
    let draft = beside(to, UNFINISHED);
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&draft).map_err(|error| UpkeepError::of_path(&draft, "created", &error))?;
    let written = write_app(&store, &files, app, file, told);
    let transferred = match written {
        Ok(transferred) => transferred,
        Err(error) => {
            // What cannot be deleted now is overwritten by the next export of this name.
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
    };
    fs::rename(&draft, to).map_err(|error| UpkeepError::of_path(to, "created", &error))?;
    Ok(transferred)
}

/// Writes an app to a file, as it is at one moment.
fn write_app(
    store: &Arc<dyn Store>,
    files: &Arc<dyn Blobs>,
    app: AppId,
    file: File,
    told: Told<'_>,
) -> Result<Transferred, UpkeepError> {
    // Who tells of the progress is here, and the work on a thread of the store.
    let (steps, heard) = mpsc::sync_channel::<Step>(16);
    let (sender, outcome) = mpsc::sync_channel(1);
    let files = Arc::clone(files);
    let work = move |reads: &dyn Reads| {
        let tell = |step| {
            // Never waited for: the next one says more.
            let _ = steps.try_send(step);
        };
        write_all(reads, &*files, app, &file, &tell)
    };
    store.submit_read(work, move |written: Result<Transferred, UpkeepError>| drop(sender.send(written)))?;
    while let Ok(step) = heard.recv() {
        told(step);
    }
    outcome.recv().map_err(|_| StoreError::Lost)?
}

/// The lines of a file on their way out.
struct Lines<'f> {
    out: BufWriter<&'f File>,
    count: u64,
}

impl Lines<'_> {
    fn write(&mut self, line: &Map<String, Value>) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.count += 1;
        self.out.write_all(&text).map_err(|error| unavailable(&error))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn write_all(
    reads: &dyn Reads,
    files: &dyn Blobs,
    app: AppId,
    file: &File,
    tell: &dyn Fn(Step),
) -> Result<Transferred, UpkeepError> {
    let found = reads.app(app)?;
    let key = found.ok_or_else(|| UpkeepError::Other(format!("there is no app {app} in the database")))?.key;
    // A job may run again from its start.
    let mut begin = file;
    file.set_len(0).and_then(|()| begin.seek(SeekFrom::Start(0))).map_err(|error| unavailable(&error))?;
    let total = reads.app_counts(key)?.messages;
    let mut lines = Lines { out: BufWriter::with_capacity(1 << 16, file), count: 0 };
    lines.write(&object(json!({
        "type": HEADER,
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "app": app.to_string(),
    })))?;
    let mut missing_files = 0;
    for kind in &KINDS {
        let total = if kind.name == "message" { total } else { 0 };
        let mut done = 0;
        tell(Step { name: kind.name, done, total });
        reads.for_each_record(key, kind, &mut |record| {
            lines.write(&record.to_json()?)?;
            done += 1;
            if done % TOLD_EVERY == 0 {
                tell(Step { name: kind.name, done, total });
            }
            Ok(())
        })?;
        if kind.name == CONTENT {
            reads.for_each_record(key, kind, &mut |record| {
                if !write_bytes(files, app, &record, &mut lines)? {
                    missing_files += 1;
                }
                Ok(())
            })?;
        }
    }
    let count = lines.count + 1;
    lines.write(&object(json!({ "type": END, "lines": count })))?;
    lines.out.flush().and_then(|()| file.sync_all()).map_err(|error| unavailable(&error))?;
    Ok(Transferred { app, lines: count, missing_files })
}

/// Writes the bytes of a content. `false` when there should be some and are none: it is missing, or was deleted since.
fn write_bytes(files: &dyn Blobs, app: AppId, record: &Record, lines: &mut Lines<'_>) -> Result<bool, StoreError> {
    let Some((id, size)) = record.uploaded() else { return Ok(true) };
    let mut file = match files.read(FileName::content(app, ContentId::new(id)), 0..size) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|error| unavailable(&error))?,
    };
    let mut offset = 0_u64;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).map_err(|error| unavailable(&error))?;
        if read == 0 && offset > 0 {
            return Ok(true);
        }
        let line = json!({
            "type": CONTENT_BYTES, "id": id.to_string(), "offset": offset, "base64": STANDARD.encode(&chunk),
        });
        lines.write(&object(line))?;
        if read == 0 {
            return Ok(true);
        }
        offset += read as u64;
    }
}

/// The lines of a file on their way in.
struct Source {
    path: PathBuf,
    reader: BufReader<File>,
    /// The number of the latest line.
    number: u64,
    /// How many bytes were read.
    position: u64,
}

/// A line with its number, its length, and where the next one begins.
struct Line {
    number: u64,
    length: usize,
    object: Map<String, Value>,
}

impl Source {
    fn open(path: &Path) -> Result<Self, UpkeepError> {
        let file = File::open(path).map_err(|error| UpkeepError::of_path(path, "read", &error))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::with_capacity(1 << 16, file), number: 0, position: 0 })
    }

    /// Something that is wrong with a line.
    fn wrong(&self, number: u64, reason: impl std::fmt::Display) -> UpkeepError {
        UpkeepError::Other(format!("{}, line {number}: {reason}", self.path.display()))
    }

    fn next(&mut self) -> Result<Option<Line>, UpkeepError> {
        let mut text = vec![];
        let read = (&mut self.reader).take(MAX_LINE + 1).read_until(b'\n', &mut text);
        let length = read.map_err(|error| UpkeepError::of_path(&self.path, "read", &error))?;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.position += length as u64;
        if length as u64 > MAX_LINE {
            return Err(self.wrong(self.number, format!("it is longer than {MAX_LINE} bytes")));
        }
        let parsed = serde_json::from_slice(&text);
        let object = parsed.map_err(|error| self.wrong(self.number, format!("it is no JSON object: {error}")))?;
        Ok(Some(Line { number: self.number, length, object }))
    }

    /// Goes back to a place.
    fn go_to(&mut self, number: u64, position: u64) -> Result<(), UpkeepError> {
        let moved = self.reader.seek(SeekFrom::Start(position));
        moved.map_err(|error| UpkeepError::of_path(&self.path, "read", &error))?;
        (self.number, self.position) = (number, position);
        Ok(())
    }
}

/// The content that is written at the moment.
type Open = (Uuid, Box<dyn BlobWriter>);

/// Why a record cannot be put: the number of its line, and the reason.
#[derive(Debug)]
struct Refused(u64, StoreError);

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self(0, error)
    }
}

/// Reads an app from a file into a database that no platform uses, under its id or another one.
pub fn import(from: &Path, to: &Place, app: Option<AppId>, told: Told<'_>) -> Result<Transferred, UpkeepError> {
    let mut source = Source::open(from)?;
    let own = read_header(&mut source)?;
    let app = app.unwrap_or(own);
    let store = engine::open_alone(&to.data)?;
    let files = to.files()?;
    let imported = sweep(&*store, &*files).and_then(|()| {
        let imported = Import { source, store: &store, files: &*files, app, missing_files: 0 }.run(told);
        if imported.is_err() {
            // What cannot be removed now, for the same reason perhaps, goes at the next start.
            let _ = sweep(&*store, &*files);
        }
        imported
    });
    let closed = store.close();
    let transferred = imported?;
    closed?;
    Ok(transferred)
}

/// Removes what deleted apps and imports that were broken off have left. Their files have the names that those of an
/// app that comes again will have.
pub fn sweep(store: &dyn Store, files: &dyn Blobs) -> Result<(), UpkeepError> {
    while !store.write_blocking(|writes: &mut dyn Writes| writes.purge_deleted_apps(BATCH_LINES))? {}
    loop {
        let names = store.write_blocking(|writes: &mut dyn Writes| writes.unused_files(BATCH_LINES))?;
        if names.is_empty() {
            return Ok(());
        }
        names.iter().try_for_each(|name| files.delete(name)).map_err(|error| unavailable(&error))?;
        store.write_blocking(move |writes: &mut dyn Writes| writes.forget_unused_files(&names))?;
    }
}

/// The app that a file is of.
fn read_header(source: &mut Source) -> Result<AppId, UpkeepError> {
    let header = source.next()?.ok_or_else(|| source.wrong(1, "the file is empty"))?.object;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("type") != Some(HEADER) {
        return Err(source.wrong(1, "it does not begin an export; name a file that `layer-api export` made"));
    }
    let format = header.get("format").and_then(Value::as_u64);
    if format != Some(FORMAT) {
        return Err(
            source.wrong(1, format!("the format is not {FORMAT}; use the version that made the file, or a later one"))
        );
    }
    text("app").and_then(AppId::parse).ok_or_else(|| source.wrong(1, "`app` needs to be a UUID"))
}

struct Import<'s> {
    source: Source,
    store: &'s Arc<dyn Store>,
    files: &'s dyn Blobs,
    app: AppId,
    missing_files: u64,
}

impl Import<'_> {
    fn run(&mut self, told: Told<'_>) -> Result<Transferred, UpkeepError> {
        let app = self.app;
        let begun = self.store.write_blocking(move |writes: &mut dyn Writes| writes.begin_app(app))?;
        let Some(key) = begun else {
            let find = move |writes: &mut dyn Writes| writes.unfinished_app(app);
            if self.store.write_blocking::<_, StoreError>(find)?.is_some() {
                return Err(UpkeepError::Other(format!(
                    "a copy of app {app} was broken off and waits to be continued; run `copy` again, or name another id \
                     with --app"
                )));
            }
            return Err(UpkeepError::Other(format!(
                "there is an app {app} already, and it is left as it is; delete it first, or name another id with --app"
            )));
        };
        let size = fs::metadata(&self.source.path).map_or(0, |metadata| metadata.len());
        told(Step { name: "bytes", done: 0, total: size });
        let (mut batch, mut bytes): (Vec<(u64, Record)>, usize) = (vec![], 0);
        let mut open: Option<Open> = None;
        // Where what acts begins.
        let mut acting = None;
        let lines = loop {
            let (number, position) = (self.source.number, self.source.position);
            let Some(line) = self.source.next()? else {
                return Err(self
                    .source
                    .wrong(number + 1, "the file ends here and is not whole; nothing of it is kept"));
            };
            if line.number % TOLD_EVERY == 0 {
                told(Step { name: "bytes", done: position, total: size });
            }
            match line.object.get("type").and_then(Value::as_str) {
                Some(END) => {
                    let said = line.object.get("lines").and_then(Value::as_u64);
                    if said != Some(line.number) {
                        return Err(self
                            .source
                            .wrong(line.number, "lines are missing before it; nothing of it is kept"));
                    }
                    acting = acting.or(Some((number, position)));
                    break line.number;
                }
                Some(CONTENT_BYTES) => {
                    // Its row comes first: what removes the app looks there for what files it has.
                    self.put(key, std::mem::take(&mut batch))?;
                    bytes = 0;
                    self.put_bytes(key, &line, &mut open)?;
                }
                _ => {
                    let record = Record::from_json(line.object);
                    let record = record.map_err(|reason| self.source.wrong(line.number, reason))?;
                    if record.kind.acts {
                        acting = acting.or(Some((number, position)));
                    } else if acting.is_some() {
                        return Err(self
                            .source
                            .wrong(line.number, format!("a {} cannot come so late", record.kind.name)));
                    } else {
                        bytes += line.length;
                        batch.push((line.number, record));
                    }
                }
            }
            if batch.len() >= BATCH_LINES || bytes >= BATCH_BYTES {
                self.put(key, std::mem::take(&mut batch))?;
                bytes = 0;
            }
        };
        self.put(key, batch)?;
        if let Some((_, mut file)) = open {
            file.keep().map_err(|error| unavailable(&error))?;
        }
        self.end(key, acting.unwrap_or_default())?;
        Ok(Transferred { app, lines, missing_files: self.missing_files })
    }

    /// Puts records in one write.
    fn put(&self, key: AppKey, batch: Vec<(u64, Record)>) -> Result<(), UpkeepError> {
        if batch.is_empty() {
            return Ok(());
        }
        let (numbers, records): (Vec<u64>, Vec<Record>) = batch.into_iter().unzip();
        let records = Arc::new(records);
        let all = Arc::clone(&records);
        let put = self.store.write_blocking(move |writes: &mut dyn Writes| writes.put_records(key, &all));
        let Err(StoreError::Failed(_)) = put else { return Ok(put?) };
        // One by one, to hear which one it is.
        let put = self.store.write_blocking(move |writes: &mut dyn Writes| {
            numbers.iter().zip(records.chunks(1)).try_for_each(|(number, record)| {
                writes.put_records(key, record).map_err(|error| Refused(*number, error))
            })
        });
        put.map_err(|refused| self.refused(refused))
    }

    fn refused(&self, Refused(number, error): Refused) -> UpkeepError {
        match error {
            StoreError::Failed(reason) if number > 0 => self.source.wrong(
                number,
                format!("it names something that does not come before it, or lacks something ({reason})"),
            ),
            other => other.into(),
        }
    }

    /// Writes bytes of a content behind those of the lines before.
    fn put_bytes(&self, key: AppKey, line: &Line, open: &mut Option<Open>) -> Result<(), UpkeepError> {
        let text = |name: &str| line.object.get(name).and_then(Value::as_str);
        let id = text("id").and_then(|text| Uuid::try_parse(text).ok());
        let bytes = text("base64").and_then(|text| STANDARD.decode(text).ok());
        let offset = line.object.get("offset").and_then(Value::as_u64);
        let (Some(id), Some(bytes), Some(offset)) = (id, bytes, offset) else {
            return Err(self.source.wrong(line.number, "`id`, `offset` or `base64` is not what it should be"));
        };
        let refused = |error: io::Error| UpkeepError::from(unavailable(&error));
        if open.as_ref().is_none_or(|(opened, _)| *opened != id) {
            if let Some((_, mut file)) = open.take() {
                file.keep().map_err(refused)?;
            }
            let find = move |writes: &mut dyn Writes| writes.content(key, ContentId::new(id));
            if self.store.write_blocking::<_, StoreError>(find)?.is_none() {
                return Err(self.source.wrong(line.number, "there is no content with this `id` before it"));
            }
            let file = self.files.write(FileName::content(self.app, ContentId::new(id)), WriteFrom::Start);
            *open = file.map_err(refused)?.map(|file| (id, file));
        }
        match open {
            Some((_, file)) if file.length() == offset => file.write_all(&bytes).map_err(refused),
            _ => Err(self.source.wrong(line.number, "the bytes do not follow those before them")),
        }
    }

    /// Puts what acts, and lets the app be found, in one write.
    fn end(&mut self, key: AppKey, (number, position): (u64, u64)) -> Result<(), UpkeepError> {
        let mut source = Source::open(&self.source.path)?;
        let outcome = self.store.write_blocking(move |writes: &mut dyn Writes| {
            source.go_to(number, position).map_err(Ending::Other)?;
            while let Some(line) = source.next().map_err(Ending::Other)? {
                if line.object.get("type").and_then(Value::as_str) == Some(END) {
                    break;
                }
                let record = Record::from_json(line.object);
                let record = record.map_err(|reason| Ending::Other(source.wrong(line.number, reason)))?;
                writes.put_records(key, &[record]).map_err(|error| Ending::Refused(Refused(line.number, error)))?;
            }
            Ok::<_, Ending>(writes.end_app(key)?)
        });
        outcome.map_err(|ending| match ending {
            Ending::Refused(refused) => self.refused(refused),
            Ending::Other(error) => error,
        })
    }
}

/// Why the last write fails.
enum Ending {
    Refused(Refused),
    Other(UpkeepError),
}

impl From<StoreError> for Ending {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}
