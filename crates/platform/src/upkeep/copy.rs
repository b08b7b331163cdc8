//! `copy`: every app of one place to another, whatever engine either has, in constant memory.
//!
//! An app is read as it is at one moment. It is put together where nobody finds it, and stays there when that is broken
//! off: run again, the copy goes on behind what it put. Before the app is found, with what acts in the same write, its
//! records on both sides are compared by counts and sums of hashes, and its contents with the hashes of their uploads.
//! An app that is there already is compared alone.

use std::fmt;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use layer_store::file::FileName;
use layer_store::key::AppKey;
use layer_store::transfer::{CONTENT, Field, KINDS, Kind, Record, Tally};
use layer_store::upkeep::{Step, Told, WholeFile};
use layer_store::{Reads, Store, StoreError, Writes};
use layer_wire::{AppId, ContentId};

use super::check::{MISSING, compare};
use super::error::UpkeepError;
use super::place::Place;
use super::transfer::{BATCH_BYTES, sweep};
use crate::ground::blobs::{Blobs, WriteFrom, unavailable};
use crate::ground::engine;

/// How much is put in one write, beside [`BATCH_BYTES`].
const BATCH_RECORDS: usize = 1000;

/// How often progress is told of what is only compared. Unit: records.
const TOLD_EVERY: u64 = 4096;

/// How many differences are listed.
const LISTED: usize = 100;

/// A copy that was made.
#[derive(Debug, Default)]
pub struct Copied {
    /// The apps of the source.
    apps: usize,
    /// How many of them were there already.
    already: usize,
    records: u64,
    contents: u64,
    /// What is not the same, or is not there, as sentences; the first of them.
    differences: Vec<String>,
    /// How many there are in all.
    count: usize,
}

impl Copied {
    /// Whether both sides are the same.
    pub fn is_well(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, differences: Vec<String>) {
        self.count += differences.len();
        self.differences.extend(differences);
        self.differences.truncate(LISTED);
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { apps, already, records, contents, differences, count } = self;
        write!(formatter, "{apps} apps, {already} of them there already: {records} records, {contents} contents.")?;
        if *count == 0 {
            return write!(formatter, " All were compared, and are the same.");
        }
        write!(formatter, " Not the same:")?;
        for difference in differences {
            write!(formatter, "\n- {difference}")?;
        }
        if *count > differences.len() {
            write!(formatter, "\n- and {} more", count - differences.len())?;
        }
        Ok(())
    }
}

/// Copies all apps of a place, which platforms may use, to another one, which none uses.
pub fn copy(from: &Place, to: &Place, told: Told<'_>) -> Result<Copied, UpkeepError> {
    if from.data == to.data {
        return Err(UpkeepError::Other("--from and --to are the same place".into()));
    }
    // What is broken off there takes its files with it.
    if from.files_location() == to.files_location() {
        return Err(UpkeepError::Other(
            "both sides would have their files in the same place; name another one with --from-files or --to-files"
                .into(),
        ));
    }
    let source = engine::open_to_read(&from.data)?;
    let target = engine::open_alone(&to.data)?;
    let mut copying = Copying {
        source: Arc::clone(&source),
        target: Arc::clone(&target),
        from: from.files()?,
        to: to.files()?,
        done: 0,
        total: 0,
        copied: Copied::default(),
        told,
    };
    let outcome = copying.run();
    let copied = copying.copied;
    let closed = target.close();
    outcome?;
    closed?;
    source.close()?;
    Ok(copied)
}

/// An app at one moment, read by a thread of its store, kind by kind and as often as asked.
struct Reading {
    asks: SyncSender<Ask>,
    answers: Receiver<Result<Answer, StoreError>>,
}

/// Asks for the records of a kind behind so many.
struct Ask {
    kind: &'static Kind,
    skip: u64,
}

enum Answer {
    /// Some records, and how many came so far with those that are left out.
    Records(Vec<Record>, u64),
    /// What there was in all, also of those that are left out.
    End(Tally),
}

impl Reading {
    fn begin(store: &dyn Store, app: AppKey) -> Result<Self, StoreError> {
        let (asks, asked) = sync_channel::<Ask>(1);
        let (sender, answers) = sync_channel(2);
        let failed = sender.clone();
        let mut is_begun = false;
        let work = move |reads: &dyn Reads| {
            // Run again, it is another moment.
            if std::mem::replace(&mut is_begun, true) {
                return Err(StoreError::Unavailable("the connection broke; run the command again, to go on".into()));
            }
            asked.iter().try_for_each(|ask| serve(reads, app, &ask, &sender))
        };
        store.submit_read(work, move |outcome: Result<(), StoreError>| {
            if let Err(error) = outcome {
                // Nobody hears it who is not waiting any more.
                let _ = failed.send(Err(error));
            }
        })?;
        Ok(Self { asks, answers })
    }

    /// Passes on the records of a kind behind the first ones, and answers with what there is in all.
    fn each(
        &self,
        kind: &'static Kind,
        skip: u64,
        each: &mut dyn FnMut(Vec<Record>, u64) -> Result<(), UpkeepError>,
    ) -> Result<Tally, UpkeepError> {
        self.asks.send(Ask { kind, skip }).map_err(|_| StoreError::Lost)?;
        let mut outcome = Ok(());
        loop {
            match self.answers.recv().map_err(|_| StoreError::Lost)?? {
                // Read to the end, also after a failure: then it can be asked again.
                Answer::Records(records, count) => outcome = outcome.and_then(|()| each(records, count)),
                Answer::End(tally) => return outcome.map(|()| tally),
            }
        }
    }
}

fn serve(
    reads: &dyn Reads,
    app: AppKey,
    ask: &Ask,
    answers: &SyncSender<Result<Answer, StoreError>>,
) -> Result<(), StoreError> {
    let (mut tally, mut batch, mut bytes) = (Tally::default(), vec![], 0);
    let send = |answer| answers.send(Ok(answer)).map_err(|_| StoreError::Closed);
    reads.for_each_record(app, ask.kind, &mut |record| {
        tally.add(&record);
        if tally.count > ask.skip {
            bytes += size_of(&record);
            batch.push(record);
        }
        let is_due = batch.is_empty() && tally.count % TOLD_EVERY == 0;
        if is_due || batch.len() >= BATCH_RECORDS || bytes >= BATCH_BYTES {
            bytes = 0;
            send(Answer::Records(std::mem::take(&mut batch), tally.count))?;
        }
        Ok(())
    })?;
    if !batch.is_empty() {
        send(Answer::Records(batch, tally.count))?;
    }
    send(Answer::End(tally))
}

/// About how much memory a record takes. Unit: bytes.
fn size_of(record: &Record) -> usize {
    let of_field = |field: &Field| match field {
        Field::Null | Field::Whole(_) => 0,
        Field::Text(text) => text.len(),
        Field::Bytes(bytes) => bytes.len(),
    };
    record.fields.iter().map(|field| 32 + of_field(field)).sum()
}

/// A source, also for the thread that writes.
type Source = Arc<Mutex<Reading>>;

/// Locks, also after a panic elsewhere: each question is asked to its end.
fn locked(source: &Source) -> MutexGuard<'_, Reading> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kinds that do not act, which are put first.
fn quiet() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|kind| !kind.acts)
}

/// What is not the same of a kind, if something is.
fn difference(app: AppId, kind: &Kind, source: Tally, target: Tally) -> Option<String> {
    if source == target {
        return None;
    }
    Some(if source.count == target.count {
        format!("app {app}: of {} records of type {}, some are not the same", source.count, kind.name)
    } else {
        format!(
            "app {app}: there are {} records of type {} in the source and {} in the copy",
            source.count, kind.name, target.count
        )
    })
}

/// What a comparison found.
#[derive(Default)]
struct Compared {
    records: Vec<String>,
    contents: Vec<String>,
}

struct Copying<'t> {
    source: Arc<dyn Store>,
    target: Arc<dyn Store>,
    from: Arc<dyn Blobs>,
    to: Arc<dyn Blobs>,
    /// How many records of the source were looked at, of so many.
    done: u64,
    total: u64,
    copied: Copied,
    told: Told<'t>,
}

impl Copying<'_> {
    fn run(&mut self) -> Result<(), UpkeepError> {
        (self.told)(Step { name: "overview", done: 0, total: 0 });
        let (sender, outcome) = sync_channel(1);
        let count = |reads: &dyn Reads| {
            let (apps, mut total) = (reads.app_ids()?, 0);
            for (key, _) in &apps {
                for kind in &KINDS {
                    total += reads.record_count(*key, kind)?;
                }
            }
            Ok((apps, total))
        };
        self.source.submit_read(count, move |outcome: Result<_, StoreError>| drop(sender.send(outcome)))?;
        let (apps, total) = outcome.recv().map_err(|_| StoreError::Lost)??;
        if apps.is_empty() {
            return Err(UpkeepError::Other("there is no app in --from; is it the right place?".into()));
        }
        (self.copied.apps, self.total) = (apps.len(), total);
        self.tell();
        // What deleted apps have left there bears the names that files of the copy will have.
        sweep(&*self.target, &*self.to)?;
        for (key, id) in apps {
            self.app(key, id)?;
        }
        self.copied.records = self.done;
        self.tell();
        Ok(())
    }

    fn tell(&mut self) {
        (self.told)(Step { name: "records", done: self.done, total: self.total });
    }

    /// Copies an app, or compares it where it is there.
    fn app(&mut self, key: AppKey, id: AppId) -> Result<(), UpkeepError> {
        let source = Arc::new(Mutex::new(Reading::begin(&*self.source, key)?));
        let find = move |writes: &mut dyn Writes| Ok((writes.app(id)?, writes.unfinished_app(id)?));
        let (whole, unfinished) = self.target.write_blocking::<_, StoreError>(find)?;
        if let Some(there) = whole {
            self.copied.already += 1;
            return self.look(id, &source, there.key);
        }
        if let Some(there) = unfinished {
            let (done, contents) = (self.done, self.copied.contents);
            if self.put(id, &source, there, true)?.is_none() {
                return Ok(());
            }
            // The source has changed since, so that what was put cannot be told from what is there now.
            (self.done, self.copied.contents) = (done, contents);
            self.target.write_blocking(move |writes: &mut dyn Writes| writes.keep_unfinished_app(there, false))?;
            sweep(&*self.target, &*self.to)?;
        }
        let begun = self.target.write_blocking(move |writes: &mut dyn Writes| {
            let Some(there) = writes.begin_app(id)? else { return Ok(None) };
            writes.keep_unfinished_app(there, true)?;
            Ok::<_, StoreError>(Some(there))
        })?;
        let there = begun.ok_or_else(|| UpkeepError::Other(format!("app {id} came to the copy meanwhile")))?;
        match self.put(id, &source, there, false)? {
            None => Ok(()),
            Some(difference) => Err(UpkeepError::Other(format!("{difference}; the app is not shown in the copy"))),
        }
    }

    /// Compares an app that is there.
    fn look(&mut self, id: AppId, source: &Source, there: AppKey) -> Result<(), UpkeepError> {
        let mut tallies = vec![];
        for kind in &KINDS {
            tallies.push((kind, self.pass(&locked(source), kind)?));
        }
        let Compared { records, contents } = self.compare(id, there, &tallies)?;
        self.copied.add(records);
        self.copied.add(contents);
        Ok(())
    }

    /// Reads records only for what there is of them.
    fn pass(&mut self, source: &Reading, kind: &'static Kind) -> Result<Tally, UpkeepError> {
        self.put_kind(source, kind, u64::MAX, &mut |_| Ok(()))
    }

    /// Puts an app together, compares it, and lets it be found. Answers with a difference in place of that.
    fn put(
        &mut self,
        id: AppId,
        source: &Source,
        there: AppKey,
        is_continued: bool,
    ) -> Result<Option<String>, UpkeepError> {
        let (last, count) = if is_continued { self.reached(there)? } else { (0, 0) };
        let target = Arc::clone(&self.target);
        let reading = locked(source);
        let mut tallies = vec![];
        for (place, kind) in quiet().enumerate() {
            let skip = match place.cmp(&last) {
                std::cmp::Ordering::Less => u64::MAX,
                std::cmp::Ordering::Equal => count,
                std::cmp::Ordering::Greater => 0,
            };
            let tally = self.put_kind(&reading, kind, skip, &mut |records| {
                let put = target.write_blocking(move |writes: &mut dyn Writes| writes.put_records(there, &records));
                put.map_err(|error| match error {
                    StoreError::Failed(reason) => {
                        UpkeepError::Other(format!("app {id}: a {} cannot be put: {reason}", kind.name))
                    }
                    other => other.into(),
                })
            })?;
            tallies.push((kind, tally));
        }
        drop(reading);
        let Compared { mut records, contents } = self.compare(id, there, &tallies)?;
        if !records.is_empty() {
            return Ok(Some(records.swap_remove(0)));
        }
        self.done += self.end(id, source, there)?;
        self.copied.add(contents);
        Ok(None)
    }

    fn put_kind(
        &mut self,
        source: &Reading,
        kind: &'static Kind,
        skip: u64,
        put: &mut dyn FnMut(Vec<Record>) -> Result<(), UpkeepError>,
    ) -> Result<Tally, UpkeepError> {
        let tally = source.each(kind, skip, &mut |records, count| {
            if !records.is_empty() {
                put(records)?;
            }
            (self.told)(Step { name: "records", done: self.done + count, total: self.total });
            Ok(())
        })?;
        self.done += tally.count;
        Ok(tally)
    }

    /// How far an app that was broken off came: the place of the kind, and how many records of it are surely the first
    /// ones of the source.
    fn reached(&self, there: AppKey) -> Result<(usize, u64), StoreError> {
        self.target.write_blocking(move |writes: &mut dyn Writes| {
            let mut reached = (0, 0);
            for (place, kind) in quiet().enumerate() {
                let count = writes.record_count(there, kind)?;
                if count > 0 {
                    reached = (place, if kind.is_in_order() { count } else { 0 });
                }
            }
            Ok(reached)
        })
    }

    /// Compares what is there with what the source has, and brings the bytes of contents that are not there.
    fn compare(
        &mut self,
        id: AppId,
        there: AppKey,
        tallies: &[(&'static Kind, Tally)],
    ) -> Result<Compared, UpkeepError> {
        let target = Reading::begin(&*self.target, there)?;
        let mut found = Compared::default();
        let (mut done, total) = (0, tallies.iter().map(|(_, tally)| tally.count).sum());
        for (kind, source) in tallies {
            let is_content = kind.name == CONTENT;
            let skip = if is_content { 0 } else { u64::MAX };
            let tally = target.each(kind, skip, &mut |records, count| {
                for record in &records {
                    (self.told)(Step { name: "contents", done: self.copied.contents, total: 0 });
                    found.contents.extend(self.bring(id, record)?);
                }
                if !is_content {
                    (self.told)(Step { name: "comparison", done: done + count, total });
                }
                Ok(())
            })?;
            done += tally.count;
            found.records.extend(difference(id, kind, *source, tally));
        }
        Ok(found)
    }

    /// Sees to it that the bytes of a content are there. Answers with what is wrong with them.
    fn bring(&mut self, app: AppId, record: &Record) -> Result<Option<String>, UpkeepError> {
        let Some((id, size)) = record.uploaded() else { return Ok(None) };
        let md5 = match record.field("md5") {
            Some(Field::Bytes(bytes)) => bytes.as_slice().try_into().ok(),
            _ => None,
        };
        self.copied.contents += 1;
        let name = FileName::content(app, ContentId::new(id));
        let file = WholeFile { name: name.to_string(), size, md5 };
        let refused = |error: io::Error| UpkeepError::from(unavailable(&error));
        if self.problem(name, &file).map_err(refused)?.is_none() {
            return Ok(None);
        }
        let said = |what: &str| Ok(Some(format!("content {id} of app {app} {what}")));
        let length = self.from.length(name).map_err(refused)?;
        if length > 0 && length != file.size {
            return said(&format!("has {length} bytes in place of {} in the source", file.size));
        }
        let mut bytes = match self.from.read(name, 0..file.size) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return said("is missing in the source"),
            bytes => bytes.map_err(refused)?,
        };
        let Some(mut writer) = self.to.write(name, WriteFrom::Start).map_err(refused)? else {
            return said("is written by somebody else");
        };
        io::copy(&mut bytes, &mut writer).map_err(refused)?;
        writer.keep().map_err(refused)?;
        drop(writer);
        match self.problem(name, &file).map_err(refused)? {
            None => Ok(None),
            Some(problem) => said(&problem),
        }
    }

    /// What is wrong with a file of the copy.
    fn problem(&self, name: FileName, file: &WholeFile) -> io::Result<Option<String>> {
        let length = self.to.length(name)?;
        if length > 0 && length != file.size {
            return compare(io::empty(), length, file, true);
        }
        match self.to.read(name, 0..file.size) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(MISSING.into())),
            found => compare(found?, length, file, true),
        }
    }

    /// Puts what acts, compares it, and lets the app be found, in one write. Answers with how much that was.
    fn end(&self, id: AppId, source: &Source, there: AppKey) -> Result<u64, UpkeepError> {
        let source = Arc::clone(source);
        self.target.write_blocking(move |writes: &mut dyn Writes| {
            let (source, mut count) = (locked(&source), 0);
            for kind in KINDS.iter().filter(|kind| kind.acts) {
                let put = source.each(kind, 0, &mut |records, _| Ok(writes.put_records(there, &records)?))?;
                let mut found = Tally::default();
                writes.for_each_record(there, kind, &mut |record| {
                    found.add(&record);
                    Ok(())
                })?;
                if let Some(difference) = difference(id, kind, put, found) {
                    return Err(UpkeepError::Other(format!("{difference}; the app is not shown in the copy")));
                }
                count += put.count;
            }
            writes.end_app(there)?;
            Ok(count)
        })
    }
}
