//! Rich content in a bucket, with processes of their own for the platforms and for the server of the bucket.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use layer_platform::{Clock, NewApp};
use layer_store_postgres::testing::{Database, is_there};
use ring::{digest, hmac};

use crate::client::{Answer, raw_at, request_at, wait_until};
use crate::content::{message_with, target};
use crate::copy::{House, Place, house};
use crate::crash::{Running, spawn_process, start_process_by};
use crate::upkeep::{BYTES, Paths};

/// How long a piece is at the most.
const PIECE: usize = 8 * 1024 * 1024;

/// What requests to the server have instead of a signature until there are keys.
const UNSIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=x/20200101/us-east-1/SERVICE/aws4_request, SignedHeaders=host, Signature=x";

/// How many of them it takes.
const TAKEN_UNSIGNED: &str = "4";

const POLICY: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action\
                      %22%3A%22s3%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";

/// A server of buckets with a bucket `chat`, behind a way that can be cut.
struct Bucket {
    process: Child,
    address: String,
    key: String,
    secret: String,
    way: Way,
}

impl Bucket {
    /// Starts one by the program that `LAYER_TEST_S3` names; `None` where that or PostgreSQL is not there.
    fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("LAYER_TEST_S3").filter(|program| !program.is_empty()) else {
            eprintln!("SKIPPED: no server of buckets; node scripts/s3.mjs node scripts/postgres.mjs cargo test ...");
            return None;
        };
        if !is_there() {
            return None;
        }
        let mut process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", TAKEN_UNSIGNED)
            .env("NO_COLOR", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(process.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).unwrap() > 0, "the server did not start");
            if let Some((_, address)) = line.trim_end().split_once(" * Running on http://") {
                break address.to_owned();
            }
        };
        // Nobody reads its log, and it must not wait for that.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        let way = Way::to(&address);
        let mut bucket = Self { process, address, key: String::new(), secret: String::new(), way };
        assert_eq!(bucket.ask_unsigned("PUT", "/chat", "s3", "").status, 200);
        let mut last = String::new();
        for action in [
            "CreateUser&UserName=u",
            &format!("PutUserPolicy&UserName=u&PolicyName=p&PolicyDocument={POLICY}"),
            "CreateAccessKey&UserName=u",
        ] {
            let answer = bucket.ask_unsigned("POST", "/", "iam", &format!("Action={action}&Version=2010-05-08"));
            assert_eq!(answer.status, 200, "{answer:?}");
            last = answer.body;
        }
        let text_of = |name: &str| {
            let (_, rest) = last.split_once(&format!("<{name}>")).unwrap();
            rest.split('<').next().unwrap().to_owned()
        };
        (bucket.key, bucket.secret) = (text_of("AccessKeyId"), text_of("SecretAccessKey"));
        Some(bucket)
    }

    fn ask_unsigned(&self, method: &str, path: &str, service: &str, body: &str) -> Answer {
        let authorization = UNSIGNED.replace("SERVICE", service);
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        raw_at(&self.address, method, path, &[("Authorization", &authorization), kind], body.as_bytes())
    }

    /// The names of all objects, without that which shows that the bucket can be used.
    fn objects(&self) -> BTreeSet<String> {
        let answer = self.ask_signed("/chat", "list-type=2");
        assert_eq!(answer.status, 200, "{answer:?}");
        let names = answer.body.split("<Key>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned());
        names.filter(|name| name != "rich/content/layer-platform").collect()
    }

    /// A `GET` with a signature of version 4.
    fn ask_signed(&self, path: &str, query: &str) -> Answer {
        let hmac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let now = Clock::default().now().to_string();
        let time = format!("{}Z", now.split('.').next().unwrap().replace(['-', ':'], ""));
        let day = &time[..8];
        let signed = "host;x-amz-content-sha256;x-amz-date";
        let (host, hash) = (&self.address, "UNSIGNED-PAYLOAD");
        let request = format!(
            "GET\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{time}\n\n{signed}\n{hash}"
        );
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let request = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let mut key = hmac(format!("AWS4{}", self.secret).as_bytes(), day);
        for part in ["us-east-1", "s3", "aws4_request"] {
            key = hmac(key.as_ref(), part);
        }
        let signature = hmac(key.as_ref(), &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request}"));
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX-Amz-Content-Sha256: {hash}\r\n\
             X-Amz-Date: {time}\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, \
             Signature={}\r\n\r\n",
            self.key,
            hex(signature.as_ref())
        )
        .unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        Answer::parse(&answer).unwrap()
    }

    /// How the shell becomes the program, with keys.
    fn script(&self, secret: &str) -> String {
        format!(
            "export AWS_ENDPOINT_URL='http://{}' AWS_ACCESS_KEY_ID='{}' AWS_SECRET_ACCESS_KEY='{secret}' \
             AWS_REGION=us-east-1; exec \"$0\" \"$@\"",
            self.way.address, self.key
        )
    }

    fn platform(&self, database: &Database) -> Running {
        let script = self.script(&self.secret);
        start_process_by(
            &script,
            Path::new(database.url().reveal()),
            &["--files", "s3://chat/rich/content"],
            Stdio::inherit(),
        )
    }

    /// What a platform says that does not start.
    fn refusal(&self, database: &Database, files: &str, secret: &str) -> String {
        let child = spawn_process(
            &self.script(secret),
            Path::new(database.url().reveal()),
            &["--files", files],
            Stdio::piped(),
        );
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        assert_eq!(status.code(), Some(1));
        String::from_utf8(stderr).unwrap()
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Passes connections on, until it is cut.
struct Way {
    address: String,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Way {
    fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way =
            Self { address: listener.local_addr().unwrap().to_string(), open: Arc::new(Mutex::new(Some(vec![]))) };
        let (open, address) = (Arc::clone(&way.open), address.to_owned());
        std::thread::spawn(move || {
            for near in listener.incoming().map(Result::unwrap) {
                let mut open = open.lock().unwrap();
                let (Some(open), Ok(far)) = (&mut *open, TcpStream::connect(&address)) else { continue };
                for (mut from, mut to) in [(&near, &far), (&far, &near)].map(|(from, to)| (twin(from), twin(to))) {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                open.extend([near, far]);
            }
        });
        way
    }

    fn cut(&self) {
        for stream in self.open.lock().unwrap().take().unwrap_or_default() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn mend(&self) {
        *self.open.lock().unwrap() = Some(vec![]);
    }
}

fn twin(stream: &TcpStream) -> TcpStream {
    stream.try_clone().unwrap()
}

/// Text in which every part is another one.
fn text(length: usize) -> String {
    let numbers: Vec<_> = (0..=length / 16).map(|number| format!("{number:015} ")).collect();
    let mut text = numbers.concat();
    text.truncate(length);
    text
}

/// A conversation with content that is announced: where that is, and where it is uploaded.
fn announce(running: &Running, app: &NewApp, size: usize) -> (String, String) {
    let made = request_at(&running.address, app, "POST", "/conversations", &[], r#"{"participants":["a"]}"#);
    let path = format!("/conversations/{}/content", made.uuid());
    let size = size.to_string();
    let headers = [("Upload-Content-Type", "text/plain"), ("Upload-Content-Length", size.as_str())];
    let announced = request_at(&running.address, app, "POST", &path, &headers, "");
    assert_eq!(announced.status, 201, "{announced:?}");
    (format!("{path}/{}", announced.uuid()), target(&announced.json()["upload_url"]))
}

/// Where content is downloaded.
fn download(running: &Running, app: &NewApp, path: &str) -> String {
    target(&request_at(&running.address, app, "GET", path, &[], "").json()["download_url"])
}

fn get(running: &Running, link: &str, range: &str) -> Answer {
    let headers = [("Range", range)];
    raw_at(&running.address, "GET", link, if range.is_empty() { &[] } else { &headers }, b"")
}

/// Begins to upload, and leaves off.
fn begin(running: &Running, link: &str, size: usize, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&running.address).unwrap();
    write!(stream, "PUT {link} HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n{bytes}").unwrap();
    stream
}

/// How many bytes of an upload are there.
fn received(running: &Running, link: &str, size: usize) -> usize {
    let status = raw_at(&running.address, "PUT", link, &[("Content-Range", &format!("bytes */{size}"))], b"");
    assert_eq!(status.status, 308, "{status:?}");
    status.header("range").map_or(0, |range| range.rsplit('-').next().unwrap().parse::<usize>().unwrap() + 1)
}

/// Uploads the rest, and downloads all of it.
fn resume(running: &Running, app: &NewApp, (path, link): &(String, String), from: usize, whole: &str) {
    let range = format!("bytes {from}-{}/{}", whole.len() - 1, whole.len());
    let answer = raw_at(&running.address, "PUT", link, &[("Content-Range", &range)], &whole.as_bytes()[from..]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(get(running, &download(running, app, path), "").body == whole, "the bytes are others");
}

#[test]
fn content_goes_to_a_bucket_by_one_process_comes_from_it_by_another_and_is_deleted_by_any() {
    let Some(bucket) = Bucket::start() else { return };
    let database = Database::with_schema();
    let (one, other) = (bucket.platform(&database), bucket.platform(&database));
    let app = one.app();
    let whole = text(2 * PIECE + 1_000_000);
    let (path, link) = announce(&one, &app, whole.len());
    let answer = raw_at(&one.address, "PUT", &link, &[], whole.as_bytes());
    assert_eq!((answer.status, answer.json()["size"].as_str()), (200, Some(whole.len().to_string().as_str())));
    assert_eq!(bucket.objects().len(), 3, "{:?}", bucket.objects());

    let link = download(&other, &app, &path);
    assert!(get(&other, &link, "").body == whole, "the bytes are others");
    let (from, to) = (PIECE - 5, 2 * PIECE + 5);
    let part = get(&other, &link, &format!("bytes={from}-{}", to - 1));
    assert_eq!(part.status, 206);
    assert!(part.body == whole[from..to], "the bytes are others");
    assert_eq!(get(&other, &link, "bytes=-7").body, whole[whole.len() - 7..]);

    // Content that no message has and that which one has: both go.
    let (unsent, unsent_link) = announce(&one, &app, 3);
    assert_eq!(raw_at(&other.address, "PUT", &unsent_link, &[], b"abc").status, 200);
    let (conversation, content) = path.split_once("/content/").unwrap();
    let body = message_with(content, whole.len()).to_string();
    let sent = request_at(&other.address, &app, "POST", &format!("{conversation}/messages"), &[], &body);
    assert_eq!(sent.status, 201, "{sent:?}");
    for conversation in [conversation, unsent.split_once("/content/").unwrap().0] {
        assert_eq!(request_at(&other.address, &app, "DELETE", conversation, &[], "").status, 204);
    }
    wait_until("the bucket is empty", || bucket.objects().is_empty());
}

#[test]
fn an_upload_goes_on_in_another_process_after_the_first_one_was_killed() {
    let Some(bucket) = Bucket::start() else { return };
    let database = Database::with_schema();
    let (mut one, other) = (bucket.platform(&database), bucket.platform(&database));
    let app = one.app();
    let whole = text(2 * PIECE + 1_000_000);
    let content = announce(&one, &app, whole.len());
    let _stream = begin(&one, &content.1, whole.len(), &whole[..PIECE + 500_000]);
    wait_until("the other one sees a piece", || received(&other, &content.1, whole.len()) > 0);
    one.kill();
    assert_eq!(received(&other, &content.1, whole.len()), PIECE);
    resume(&other, &app, &content, PIECE, &whole);

    // Where the client is gone and the process is not, nothing is lost.
    let content = announce(&other, &app, whole.len());
    drop(begin(&other, &content.1, whole.len(), &whole[..500_000]));
    wait_until("all that came is kept", || received(&other, &content.1, whole.len()) == 500_000);
    resume(&other, &app, &content, 500_000, &whole);
}

#[test]
fn a_bucket_that_cannot_be_used_is_refused_at_the_start_by_a_sentence_without_keys() {
    let Some(bucket) = Bucket::start() else { return };
    let database = Database::with_schema();
    let place = "s3://chat/rich/content";
    for (said, wanted) in [
        (bucket.refusal(&database, "s3://nowhere", &bucket.secret), "NoSuchBucket); make the bucket"),
        (bucket.refusal(&database, place, "wrong-secret"), "SignatureDoesNotMatch); check the keys"),
        (bucket.refusal(&database, &format!("s3://{}:{}@chat", bucket.key, bucket.secret), "x"), "without keys"),
        {
            bucket.way.cut();
            (bucket.refusal(&database, place, &bucket.secret), "check that the server runs")
        },
    ] {
        assert!(said.contains("files ") || said.contains("files: "), "{said}");
        assert!(said.contains(wanted), "{said}");
        assert!(![&bucket.key, &bucket.secret, "wrong-secret"].iter().any(|key| said.contains(*key)), "{said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    }
}

#[test]
fn while_the_bucket_is_away_uploads_and_downloads_are_unavailable_and_go_on_when_it_is_back() {
    let Some(mut bucket) = Bucket::start() else { return };
    let database = Database::with_schema();
    let platform = bucket.platform(&database);
    let app = platform.app();
    let whole = text(PIECE + 2_000_000);
    let content = announce(&platform, &app, whole.len());
    let mut stream = begin(&platform, &content.1, whole.len(), &whole[..PIECE + 500_000]);
    wait_until("a piece is there", || received(&platform, &content.1, whole.len()) == PIECE);
    bucket.way.cut();
    stream.write_all(&whole.as_bytes()[PIECE + 500_000..]).unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let answer = Answer::parse(&answer).unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    assert_eq!(raw_at(&platform.address, "PUT", &content.1, &[], b"").status, 503);
    // Nothing else needs it.
    let _ = platform.create("/conversations", r#"{"participants":["b"]}"#).unwrap();
    bucket.way.mend();
    assert_eq!(received(&platform, &content.1, whole.len()), PIECE);
    resume(&platform, &app, &content, PIECE, &whole);

    // A download that is under way breaks off, and is not passed off as whole.
    let link = download(&platform, &app, &content.0);
    let mut stream = TcpStream::connect(&platform.address).unwrap();
    write!(stream, "GET {link} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    bucket.way.cut();
    let mut rest = vec![];
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.len() < whole.len() - 1000, "all of it came");
    assert_eq!(get(&platform, &link, "").status, 503);
    bucket.way.mend();
    assert!(get(&platform, &link, "").body == whole, "the bytes are others");

    for disaster in ["keys", "server"] {
        if disaster == "keys" {
            assert_eq!(raw_at(&bucket.address, "POST", "/moto-api/reset", &[], b"").status, 200);
        } else {
            bucket.process.kill().unwrap();
            bucket.process.wait().unwrap();
        }
        assert_eq!(get(&platform, &link, "").status, 503, "{disaster}");
        let other = announce(&platform, &app, 3);
        assert_eq!(raw_at(&platform.address, "PUT", &other.1, &[], b"abc").status, 503, "{disaster}");
    }
}

#[test]
fn a_copy_takes_files_to_a_bucket_and_brings_them_back() {
    let Some(bucket) = Bucket::start() else { return };
    let paths = Paths::new();
    let House { source, content, apps, .. } = house(&paths);
    let database = Database::with_schema();
    let url = database.url().reveal().to_owned();
    let back = Place::file(&paths, "back.db");
    let copy = |args: &[&str]| {
        let Output { status, stdout, stderr } = Command::new("sh")
            .args(["-c", &bucket.script(&bucket.secret), env!("CARGO_BIN_EXE_layer-platform"), "copy"])
            .args(args)
            .output()
            .unwrap();
        (status.code(), [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()))
    };
    let there = ["--from", &source.name, "--to", &url, "--to-files", "s3://chat/rich/content"];
    let here = ["--from", &url, "--from-files", "s3://chat/rich/content", "--to", &back.name];

    for args in [there, here] {
        bucket.way.cut();
        let (code, [_, errors]) = copy(&args);
        assert_eq!(code, Some(1), "{errors}");
        assert!(errors.contains("s3://chat/rich/content") && errors.contains("check that"), "{errors}");
        bucket.way.mend();
        let (code, [said, errors]) = copy(&args);
        assert_eq!(code, Some(0), "{errors}");
        assert!(said.ends_with(" 1 contents. All were compared, and are the same.\n"), "{said}");
        assert_eq!(bucket.objects().len(), 1, "{:?}", bucket.objects());
    }
    assert_eq!(back.lines(&paths, &apps), source.lines(&paths, &apps));
    let bytes = paths.at("back.db-files").join(format!("content-{}-{content}", apps[0]));
    assert_eq!(std::fs::read(bytes).unwrap(), BYTES);
}
