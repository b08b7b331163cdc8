//! Blobs as objects of a bucket: S3, and what speaks like it.
//!
//! A blob is a row of pieces, `<prefix>/<blob>/<edition>/<where it begins>`, each an object that is written once, as a
//! whole. So any process sees how far an upload is and goes on with it, what a process that was killed had written is
//! there, and deleting a blob leaves nothing. An upload in parts, as S3 has it, would be one object in the end, but
//! nothing smaller than 5 MiB can be a part of it before that, its id and the tags of its parts would need a place of
//! their own, and what is left of it can be seen and deleted by that id alone.
//!
//! A lock that holds over processes is not needed: an object is made only where there is none, so of two that write
//! the same piece one fails. Who begins at the start where something is opens the next edition, and the newest one
//! counts; whatever an earlier writer adds to its own, nobody sees.

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::pin::Pin;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http_body_util::BodyExt as _;
use layer_store::Beside;
use layer_store::file::{FileName, RenamedFile};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use tokio::runtime::Runtime;

use super::blobs::{BlobWriter, Blobs, BucketPlace, Listed, Refused, WriteFrom, unavailable};
use super::memory::{Memory, Share};
use super::trust;

/// How long a piece is at the most. Unit: bytes, as in what follows.
const PIECE: usize = 8 * 1024 * 1024;

/// What a writer gathers without taking room for it: as much as an upload has room for anyway.
const STEP: usize = 256 * 1024;

/// In the place of a piece: an edition was opened.
const BEGUN: &str = "begun";

/// The object that shows at the start whether the bucket takes objects, and makes none where there is one.
const MARKER: &str = "layer-platform";

/// How long the server may take to accept a connection, and be silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(20);

/// How long a connection is kept for the next request: less than servers keep it.
const IDLE: Duration = Duration::from_secs(4);

/// How often a request is repeated, and until when.
const RETRIES: usize = 3;
const RETRY_TIMEOUT: Duration = Duration::from_secs(20);

/// The variable that names a file with certificates of further authorities, as for the tools of AWS.
const AUTHORITIES: &str = "AWS_CA_BUNDLE";

/// A bucket.
pub struct Bucket(Arc<Shared>);

struct Shared {
    store: Arc<dyn ObjectStore>,
    place: BucketPlace,
    prefix: Path,
    memory: Memory,
    /// Blobs that are written by this process.
    written: Mutex<HashSet<String>>,
    driver: Driver,
}

/// Where requests are made. Whoever waits for one blocks.
struct Driver(Option<Runtime>);

impl Driver {
    fn start() -> io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        Ok(Self(Some(builder.worker_threads(1).thread_name("layer-bucket").enable_all().build()?)))
    }

    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
        let gone = || io::Error::other("the thread for requests to the bucket is gone");
        let (sender, receiver) = sync_channel(1);
        self.0.as_ref().ok_or_else(gone)?.spawn(async move { sender.send(work.await) });
        receiver.recv().map_err(|_| gone())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may be dropped where nothing may block.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A piece of a blob.
#[derive(Clone)]
struct Piece {
    path: Path,
    start: u64,
    length: u64,
}

/// What there is of a blob.
#[derive(Default)]
struct Layout {
    /// The newest edition; 0 where there is nothing.
    edition: u32,
    /// Its pieces, each beginning where the one before it ends.
    pieces: Vec<Piece>,
    /// All its objects.
    objects: Vec<Path>,
}

impl Layout {
    /// Sorts out the objects of one blob.
    fn of(objects: Vec<ObjectMeta>) -> Self {
        let mut layout = Self::default();
        let mut pieces = vec![];
        for ObjectMeta { location, size, .. } in objects {
            let mut ends = location.as_ref().rsplit('/');
            let (start, edition) = (ends.next().unwrap_or_default(), ends.next().unwrap_or_default());
            if let Ok(edition) = edition.parse() {
                layout.edition = layout.edition.max(edition);
                if let Ok(start) = start.parse() {
                    pieces.push((edition, Piece { path: location.clone(), start, length: size }));
                }
            }
            layout.objects.push(location);
        }
        pieces.retain(|(edition, _)| *edition == layout.edition);
        pieces.sort_by_key(|(_, piece)| piece.start);
        for (_, piece) in pieces {
            if piece.start == layout.length() {
                layout.pieces.push(piece);
            }
        }
        layout
    }

    fn length(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.start + piece.length)
    }
}

impl Shared {
    /// Waits for a request. Error: what the server says, as a sentence.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        self.driver.wait(work)?.map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &object_store::Error) -> io::Error {
        let reason = reason(error);
        let (kind, advice) = match (error, reason.as_str()) {
            (object_store::Error::AlreadyExists { .. }, _) => {
                (io::ErrorKind::AlreadyExists, "another process writes the same; go on in a moment")
            }
            (object_store::Error::NotFound { .. }, _) | (_, "NoSuchBucket") => {
                (io::ErrorKind::NotFound, "make the bucket, or give the platform one that is there")
            }
            (object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }, _)
            | (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied" | "ExpiredToken") => (
                io::ErrorKind::PermissionDenied,
                "check the keys (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), and that they may read, write, list and \
                 delete there",
            ),
            _ => (
                io::ErrorKind::Other,
                "check that the server runs and can be reached from here (AWS_ENDPOINT_URL, AWS_REGION)",
            ),
        };
        io::Error::new(kind, Refused(format!("the bucket {} does not do it ({reason}); {advice}", self.place)))
    }

    fn folder(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    fn path(&self, name: &str, edition: u32, piece: &str) -> Path {
        self.folder(name).join(format!("{edition:06}")).join(piece)
    }

    fn piece(&self, name: &str, edition: u32, start: u64) -> Path {
        self.path(name, edition, &format!("{start:015}"))
    }

    /// Makes an object. Error: `AlreadyExists` where there is one.
    fn create(&self, path: Path, bytes: Bytes) -> io::Result<()> {
        let store = Arc::clone(&self.store);
        self.wait(async move {
            store.put_opts(&path, PutPayload::from_bytes(bytes), PutOptions::from(PutMode::Create)).await.map(drop)
        })
    }

    fn objects(&self, folder: &Path) -> io::Result<Vec<ObjectMeta>> {
        let mut objects = self.store.list(Some(folder).filter(|folder| !folder.as_ref().is_empty()));
        self.wait(async move {
            let mut found = vec![];
            while let Some(object) = objects.next().await {
                found.push(object?);
            }
            Ok(found)
        })
    }

    fn layout(&self, name: &str) -> io::Result<Layout> {
        Ok(Layout::of(self.objects(&self.folder(name))?))
    }

    /// All blobs with their objects.
    fn all(&self) -> io::Result<Vec<(String, Layout)>> {
        let depth = self.prefix.parts().count();
        let mut blobs: Vec<(String, Vec<ObjectMeta>)> = vec![];
        let mut objects = self.objects(&self.prefix)?;
        objects.sort_by(|one, other| one.location.cmp(&other.location));
        for object in objects {
            // What has another form is not ours.
            let parts: Vec<_> = object.location.parts().skip(depth).collect();
            let [name, _, _] = &parts[..] else { continue };
            let name = name.as_ref().to_owned();
            match blobs.last_mut() {
                Some((last, objects)) if *last == name => objects.push(object),
                _ => blobs.push((name, vec![object])),
            }
        }
        Ok(blobs.into_iter().map(|(name, objects)| (name, Layout::of(objects))).collect())
    }

    fn delete(&self, objects: Vec<Path>) -> io::Result<()> {
        let mut deleted = self.store.delete_stream(stream::iter(objects).map(Ok).boxed());
        self.wait(async move {
            while let Some(outcome) = deleted.next().await {
                match outcome {
                    Err(object_store::Error::NotFound { .. }) | Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })
    }
}

/// What went wrong, in a few words. What a server answers can hold the name of a key, so only its code is taken.
fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    if let Some((code, _)) = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")) {
        return code.to_owned();
    }
    match error {
        object_store::Error::NotFound { .. } => "there is no such thing".into(),
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            "the keys are not accepted".into()
        }
        object_store::Error::AlreadyExists { .. } => "it is there already".into(),
        _ => {
            let mut cause: &dyn Error = error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            let cause = cause.to_string();
            // An answer that is none of S3 may be a page.
            cause.lines().next().unwrap_or_default().chars().take(200).collect()
        }
    }
}

impl Bucket {
    /// Opens a bucket with the keys of the environment. Blocks until it has answered. Error: why it cannot be used.
    pub fn open(place: &BucketPlace, memory: Memory) -> Result<Self, String> {
        let unusable = |error: &dyn fmt::Display| format!("{place} cannot be used: {error}");
        let connector = Connector(client().map_err(|error| unusable(&error))?);
        let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), ..BackoffConfig::default() };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIMEOUT };
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(&place.bucket)
            // A server on the machine or in the network of a cluster has no certificate; its address says so.
            .with_allow_http(true)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retry)
            .with_http_connector(connector)
            .build()
            .map_err(|error| unusable(&reason(&error)))?;
        let bucket = Self::on(Arc::new(store), place.clone(), memory).map_err(|error| unusable(&error))?;
        bucket.check().map_err(|error| unusable(&error))?;
        Ok(bucket)
    }

    fn on(store: Arc<dyn ObjectStore>, place: BucketPlace, memory: Memory) -> io::Result<Self> {
        let prefix = Path::from(place.prefix.as_str());
        let (written, driver) = (Mutex::default(), Driver::start()?);
        Ok(Self(Arc::new(Shared { store, place, prefix, memory, written, driver })))
    }

    /// Looks whether it is there, lets the platform in, and makes an object only where there is none.
    fn check(&self) -> io::Result<()> {
        let shared = &self.0;
        let create = || shared.create(shared.folder(MARKER), Bytes::from_static(b"Rich content of layer-platform.\n"));
        shared.layout(MARKER)?;
        match create().and_then(|()| create()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(io::Error::other(
                "it overwrites objects in spite of `If-None-Match: *`; give the platform a server that heeds that",
            )),
        }
    }
}

impl Blobs for Bucket {
    fn write(&self, name: FileName, from: WriteFrom) -> io::Result<Option<Box<dyn BlobWriter>>> {
        let (shared, name) = (&self.0, name.to_string());
        let Some(turn) = Turn::take(shared, &name) else { return Ok(None) };
        let mut layout = shared.layout(&name)?;
        if from == WriteFrom::Start && !layout.objects.is_empty() {
            let edition = layout.edition + 1;
            match shared.create(shared.path(&name, edition, BEGUN), Bytes::new()) {
                // Another process has begun at the same time.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
                begun => begun?,
            }
            shared.delete(layout.objects)?;
            layout = Layout { edition, ..Layout::default() };
        }
        let begun_at = layout.length();
        let (edition, pieces) = (layout.edition.max(1), layout.pieces);
        let (buffer, share) = (Vec::new(), None);
        Ok(Some(Box::new(Writer { turn, edition, pieces, begun_at, end: begun_at, buffer, room: STEP, share })))
    }

    fn length(&self, name: FileName) -> io::Result<u64> {
        Ok(self.0.layout(&name.to_string())?.length())
    }

    fn read(&self, name: FileName, range: Range<u64>) -> io::Result<Box<dyn Read + Send>> {
        let pieces = self.0.layout(&name.to_string())?.pieces;
        if pieces.is_empty() && !range.is_empty() {
            let missing = format!("{name} is not in the bucket {}", self.0.place);
            return Err(io::Error::new(io::ErrorKind::NotFound, Refused(missing)));
        }
        Ok(Box::new(Reader::new(&self.0, &pieces, &range)))
    }

    fn list(&self) -> io::Result<Vec<Listed>> {
        let listed = |(name, layout): (String, Layout)| {
            let length = layout.length();
            Listed { name, length, bytes: Box::new(Reader::new(&self.0, &layout.pieces, &(0..length))) }
        };
        Ok(self.0.all()?.into_iter().map(listed).collect())
    }

    fn delete(&self, name: &str) -> io::Result<()> {
        let objects = self.0.layout(name)?.objects;
        if objects.is_empty() { Ok(()) } else { self.0.delete(objects) }
    }

    fn rename(&self, renamed: &[RenamedFile]) -> io::Result<()> {
        for RenamedFile { old, new } in renamed {
            for from in self.0.layout(old)?.objects {
                let parts: Vec<_> = from.parts().collect();
                let [.., edition, piece] = &parts[..] else { continue };
                let to = self.0.folder(new).join(edition.as_ref()).join(piece.as_ref());
                let store = Arc::clone(&self.0.store);
                self.0.wait(async move { store.rename(&from, &to).await })?;
            }
        }
        Ok(())
    }

    fn stage(&self, blobs: &[(String, Vec<u8>)]) -> io::Result<Beside> {
        let (shared, blobs) = (Arc::clone(&self.0), blobs.to_vec());
        let replace = move || {
            let before = shared.all()?;
            for (name, bytes) in blobs {
                let edition = before.iter().find(|(other, _)| *other == name).map_or(0, |(_, layout)| layout.edition);
                let path = if bytes.is_empty() {
                    shared.path(&name, edition + 1, BEGUN)
                } else {
                    shared.piece(&name, edition + 1, 0)
                };
                shared.create(path, bytes.into())?;
            }
            shared.delete(before.into_iter().flat_map(|(_, layout)| layout.objects).collect())
        };
        Ok(Box::new(move || replace().map_err(|error| unavailable(&error))))
    }

    fn clear(&self) -> io::Result<()> {
        self.0.delete(self.0.all()?.into_iter().flat_map(|(_, layout)| layout.objects).collect())
    }

    fn close(&self) {}
}

/// The right to write a blob, as far as this process goes.
struct Turn {
    shared: Arc<Shared>,
    name: String,
}

impl Turn {
    fn take(shared: &Arc<Shared>, name: &str) -> Option<Self> {
        let is_first = shared.written.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        is_first.then(|| Self { shared: Arc::clone(shared), name: name.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.shared.written.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Gathers pieces.
struct Writer {
    turn: Turn,
    edition: u32,
    pieces: Vec<Piece>,
    /// Where it began.
    begun_at: u64,
    end: u64,
    buffer: Vec<u8>,
    /// How long the buffer may become.
    room: usize,
    share: Option<Share>,
}

impl Writer {
    /// Writes what is gathered as a piece.
    fn put(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let (length, bytes) = (self.buffer.len() as u64, Bytes::from(std::mem::take(&mut self.buffer)));
        let start = self.end - length;
        let path = self.turn.shared.piece(&self.turn.name, self.edition, start);
        self.turn.shared.create(path.clone(), bytes)?;
        self.pieces.push(Piece { path, start, length });
        Ok(())
    }

    /// Takes room for more, up to a whole piece. `false` when there is none.
    fn grow(&mut self) -> bool {
        let room = (self.room * 2).min(PIECE);
        let has_grown = self.room < room && self.turn.shared.memory.for_piece(&mut self.share, room).is_ok();
        if has_grown {
            self.room = room;
        }
        has_grown
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == self.room && !self.grow() {
            self.put()?;
        }
        let count = bytes.len().min(self.room - self.buffer.len());
        self.buffer.reserve_exact((self.room - self.buffer.len()).min(STEP.max(count)));
        self.buffer.extend_from_slice(&bytes[..count]);
        self.end += count as u64;
        Ok(count)
    }

    /// Small pieces would not be worth a request: [`Self::keep`] writes what is gathered.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Writer {
    fn length(&self) -> u64 {
        self.end
    }

    fn keep(&mut self) -> io::Result<()> {
        self.put()
    }

    fn undo(&mut self) -> io::Result<()> {
        self.buffer.clear();
        let first = self.pieces.partition_point(|piece| piece.start < self.begun_at);
        // From the end, so that a break leaves no gap.
        while self.pieces.len() > first {
            let Some(piece) = self.pieces.last() else { break };
            self.turn.shared.delete(vec![piece.path.clone()])?;
            self.pieces.pop();
        }
        self.end = self.begun_at;
        Ok(())
    }

    fn read_back(&mut self) -> io::Result<Box<dyn Read + '_>> {
        self.put()?;
        Ok(Box::new(Reader::new(&self.turn.shared, &self.pieces, &(0..self.end))))
    }
}

/// Reads pieces one after the other, no faster than they are taken.
struct Reader {
    shared: Arc<Shared>,
    rest: VecDeque<(Path, Range<u64>)>,
    bytes: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    chunk: Bytes,
}

impl Reader {
    fn new(shared: &Arc<Shared>, pieces: &[Piece], range: &Range<u64>) -> Self {
        let within = |piece: &Piece| {
            let (start, end) = (piece.start.max(range.start), (piece.start + piece.length).min(range.end));
            (start < end).then(|| (piece.path.clone(), start - piece.start..end - piece.start))
        };
        let rest = pieces.iter().filter_map(within).collect();
        Self { shared: Arc::clone(shared), rest, bytes: None, chunk: Bytes::new() }
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            if let Some(mut bytes) = self.bytes.take() {
                let next = async move { Ok((bytes.next().await.transpose()?, bytes)) };
                if let (Some(chunk), bytes) = self.shared.wait(next)? {
                    self.chunk = chunk;
                    self.bytes = Some(bytes);
                }
            } else if let Some((path, range)) = self.rest.pop_front() {
                let store = Arc::clone(&self.shared.store);
                let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
                let found = async move { store.get_opts(&path, options).await };
                self.bytes = Some(self.shared.wait(found)?.into_stream());
            } else {
                return Ok(0);
            }
        }
        let count = self.chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

/// Hands our client to what makes the requests.
#[derive(Debug)]
struct Connector(reqwest::Client);

#[derive(Debug)]
struct Http(reqwest::Client);

/// Error: why the authorities of the operator cannot be used.
fn client() -> Result<reqwest::Client, String> {
    let authorities = match std::env::var_os(AUTHORITIES) {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| format!("{AUTHORITIES}: {error}"))?),
    };
    trust::client(authorities.as_deref())
        .map_err(|error| format!("{AUTHORITIES}: {error}"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| error.to_string())
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Http(self.0.clone())))
    }
}

fn http_error(error: reqwest::Error) -> HttpError {
    let kind = match &error {
        error if error.is_timeout() => HttpErrorKind::Timeout,
        error if error.is_connect() => HttpErrorKind::Connect,
        // Repeated where that does no harm.
        _ => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error.without_url())
}

type Exchange<'f> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'f>>;

impl HttpService for Http {
    // As `async_trait` has it.
    fn call<'s, 'f>(&'s self, request: HttpRequest) -> Exchange<'f>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let url = reqwest::Url::parse(&head.uri.to_string());
            let mut request =
                reqwest::Request::new(head.method, url.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?);
            *request.headers_mut() = head.headers;
            *request.body_mut() = Some(reqwest::Body::wrap(body));
            let response: http::Response<reqwest::Body> = self.0.execute(request).await.map_err(http_error)?.into();
            let (head, body) = response.into_parts();
            Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body.map_err(http_error))))
        })
    }
}

/// A bucket in memory, for tests of all kinds of blobs.
#[cfg(test)]
pub mod testing {
    use object_store::memory::InMemory;

    use super::*;

    pub fn on(store: &Arc<InMemory>) -> Bucket {
        let place = BucketPlace { bucket: "b".into(), prefix: "some/where".into() };
        Bucket::on(Arc::clone(store) as _, place, Memory::default()).unwrap()
    }

    pub fn in_memory() -> Bucket {
        on(&Arc::default())
    }
}

#[cfg(test)]
mod tests {
    use layer_wire::{AppId, ContentId};
    use object_store::memory::InMemory;
    use uuid::Uuid;

    use super::testing::on;
    use super::*;
    use crate::ground::memory::PIECES;

    fn name() -> FileName {
        FileName::content(AppId::new(Uuid::from_u128(1)), ContentId::new(Uuid::from_u128(2)))
    }

    fn text(bucket: &Bucket) -> String {
        let mut text = String::new();
        bucket.read(name(), 0..u64::MAX).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn refused(outcome: io::Result<()>) -> io::ErrorKind {
        outcome.unwrap_err().kind()
    }

    /// Two processes that write the same at once, which each has no lock against.
    #[test]
    fn of_two_that_write_the_same_one_is_refused_and_nothing_of_the_other_is_lost() {
        let store = Arc::<InMemory>::default();
        let (one, other) = (on(&store), on(&store));
        let write = |bucket: &Bucket, from| bucket.write(name(), from).unwrap().unwrap();
        let mut first = write(&one, WriteFrom::Start);
        let mut late = write(&other, WriteFrom::Start);
        first.write_all(b"abc").unwrap();
        first.keep().unwrap();
        late.write_all(b"x").unwrap();
        assert_eq!(refused(late.keep()), io::ErrorKind::AlreadyExists);
        drop(late);
        // Taken up elsewhere while the first one still has something.
        first.write_all(b"d").unwrap();
        let mut second = write(&other, WriteFrom::End);
        second.write_all(b"def").unwrap();
        second.keep().unwrap();
        assert_eq!(refused(first.keep()), io::ErrorKind::AlreadyExists);
        assert_eq!(text(&one), "abcdef");
        // Begun anew elsewhere: what the others still have goes nowhere.
        second.write_all(b"g").unwrap();
        drop(first);
        let mut anew = write(&one, WriteFrom::Start);
        second.keep().unwrap();
        assert_eq!(one.length(name()).unwrap(), 0);
        anew.write_all(b"uvw").unwrap();
        anew.keep().unwrap();
        assert_eq!(text(&other), "uvw");
        one.delete(&name().to_string()).unwrap();
        assert!(one.list().unwrap().is_empty() && one.0.objects(&Path::default()).unwrap().is_empty());
    }

    #[test]
    fn pieces_are_as_long_as_there_is_room_and_read_as_one() {
        let store = Arc::<InMemory>::default();
        let bucket = on(&store);
        let bytes: Vec<u8> = (0..251).cycle().take(PIECE + 2 * STEP + 1).collect();
        let lengths = |writer: &mut dyn BlobWriter| -> Vec<u64> {
            for part in bytes.chunks(100_000) {
                writer.write_all(part).unwrap();
            }
            writer.keep().unwrap();
            let mut found = vec![0; bytes.len()];
            writer.read_back().unwrap().read_exact(&mut found).unwrap();
            assert!(found == bytes, "the bytes are others");
            let pieces = bucket.0.layout(&name().to_string()).unwrap().pieces;
            pieces.iter().map(|piece| piece.length).collect()
        };
        let mut writer = bucket.write(name(), WriteFrom::Start).unwrap().unwrap();
        assert_eq!(lengths(&mut *writer), [PIECE as u64, 2 * STEP as u64 + 1]);
        let (from, to) = (PIECE - 10, PIECE + 10);
        let mut across = vec![];
        bucket.read(name(), from as u64..to as u64).unwrap().read_to_end(&mut across).unwrap();
        assert!(across == bytes[from..to], "the bytes are others");
        drop(writer);

        let mut all = None;
        bucket.0.memory.for_piece(&mut all, PIECES).unwrap();
        let mut writer = bucket.write(name(), WriteFrom::Start).unwrap().unwrap();
        let short = lengths(&mut *writer);
        assert!(short.len() == PIECE / STEP + 3 && short[0] == STEP as u64, "{short:?}");
    }
}
