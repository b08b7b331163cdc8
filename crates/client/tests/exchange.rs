//! Requests over real sockets against servers that answer what each test says.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use layer_client::base_url::BaseUrl;
use layer_client::call::Arguments;
use layer_client::client::{Client, ClientOptions};
use layer_client::lane::{Collected, Lane, Packet};
use layer_client::methods::{Resource, find};
use layer_client::options::{AgentOptions, RequestOptions};
use layer_client::transport::pool::Agent;
use layer_client::{Text, options};

const APP: &str = "e4fd3974-20fe-11e5-89c5-080725007e28";

/// How long to wait for what must come. Only a test that has failed waits so long: a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(240);

/// A client, its lane, and word of each ring.
struct Fixture {
    client: Arc<Client>,
    lane: Lane,
    rings: Receiver<()>,
}

impl Fixture {
    fn new(port: u16, options: AgentOptions) -> Self {
        Self::giving_up_after(PATIENCE, port, options)
    }

    fn giving_up_after(timeout: Duration, port: u16, options: AgentOptions) -> Self {
        let (ring, rings) = channel();
        let client_options = ClientOptions {
            app_id: APP.into(),
            token: "token".into(),
            version: "1.0".into(),
            base_url: BaseUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap(),
            proxy: None,
            request: RequestOptions { timeout, max_response_bytes: 512 << 20, max_retries: 0 },
        };
        let client = Arc::new(Client::new(&Agent::new(options).unwrap(), &client_options).unwrap());
        Self { client, lane: Lane::open(move || ring.send(()).unwrap()).unwrap(), rings }
    }

    /// Asks for the block list of a user under each of the tickets.
    fn submit(&self, tickets: Range<u32>) {
        let method = find(Resource::Blocklist, "get");
        let mut packet = Packet::default();
        for ticket in tickets {
            let arguments = Arguments { path: [Some("maria"), None, None], ..Arguments::default() };
            packet.put(&self.client, method, &arguments, ticket).unwrap();
        }
        self.lane.submit(packet);
    }

    /// Reads the block list of a user this many times at once; answers status and text of each, in order of arrival.
    fn get(&self, count: u32) -> Vec<(i32, String)> {
        self.submit(0..count);
        let mut outcomes = Vec::new();
        while outcomes.len() < count as usize {
            self.rings.recv_timeout(PATIENCE).expect("a ring follows each completion");
            while let Collected::Batch(batch) = self.lane.collect(usize::MAX) {
                let text: Vec<u16> = match &batch.text {
                    Text::Ascii(bytes) => bytes.iter().copied().map(u16::from).collect(),
                    Text::Wide(units) => units.clone(),
                };
                let mut start = 0;
                for (completion, _) in batch.completions() {
                    let end = start + usize::try_from(completion[2]).unwrap();
                    outcomes.push((completion[1], String::from_utf16(&text[start..end]).unwrap()));
                    start = end;
                }
            }
        }
        outcomes
    }
}

/// A server that hands each accepted connection to `serve`, on a thread of its own.
fn server(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    port
}

/// Reads one request without a body; `None` when the client has closed the connection.
fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// A server that answers every request on a connection with the same bytes.
fn answering(reply: &'static [u8]) -> u16 {
    server(move |mut stream| {
        while read_head(&mut stream).is_some() {
            stream.write_all(reply).unwrap();
        }
    })
}

fn keep_alive() -> AgentOptions {
    AgentOptions { keep_alive: true, ..AgentOptions::default() }
}

#[test]
fn a_short_reply_need_not_wait_until_a_long_one_is_there() {
    const LENGTH: usize = 300 << 20;
    let connections = Arc::new(AtomicUsize::new(0));
    let is_short_sent = Arc::new(AtomicBool::new(false));
    let (begun, has_begun) = channel();
    let port = server(move |mut stream| {
        read_head(&mut stream).unwrap();
        if connections.fetch_add(1, Ordering::SeqCst) > 0 {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
            return is_short_sent.store(true, Ordering::SeqCst);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").unwrap();
        // Faster than the client reads, so that there is always more for it to read.
        let piece = vec![b' '; 1 << 20];
        let count = LENGTH / piece.len();
        for index in 0..count {
            stream.write_all(&piece).unwrap();
            if index == 10 {
                begun.send(()).unwrap();
            }
            // On a busy machine the other thread may come late; there must be much to read yet when it has come.
            while index == count / 2 && !is_short_sent.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let fixture = Fixture::new(port, AgentOptions::default());
    fixture.submit(0..1);
    has_begun.recv_timeout(PATIENCE).unwrap();
    fixture.submit(1..2);
    fixture.rings.recv_timeout(PATIENCE).unwrap();
    let Collected::Batch(batch) = fixture.lane.collect(usize::MAX) else { panic!("the short reply is there") };
    assert_eq!(batch.completions().map(|(numbers, _)| numbers[0]).collect::<Vec<_>>(), [1]);
    assert!(matches!(fixture.lane.collect(usize::MAX), Collected::Nothing));
    fixture.rings.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn the_request_line_and_headers_are_those_of_the_original() {
    let (heads, received) = channel();
    let port = server(move |mut stream| {
        heads.send(read_head(&mut stream).unwrap()).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
    });
    assert_eq!(Fixture::new(port, AgentOptions::default()).get(1), [(200, "[]".to_owned())]);
    assert_eq!(
        received.recv().unwrap(),
        format!(
            "GET /apps/{APP}/users/maria/blocks HTTP/1.1\r\n\
             Accept: application/vnd.layer+json; version=1.0\r\n\
             Authorization: Bearer token\r\n\
             Content-Type: application/json\r\n\
             Host: 127.0.0.1:{port}\r\n\
             Connection: close\r\n\r\n"
        )
    );
}

#[test]
fn a_reply_is_read_whole_whatever_its_framing() {
    let replies: [(&[u8], i32, &str); 4] = [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[\xc3\r\n2\r\n\xa9]\r\n0\r\nX: y\r\n\r\n",
            200,
            "[é]",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n\xff\"a",
            404,
            "\u{fffd}\"a",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        (b"HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", 301, ""),
    ];
    for (reply, status, text) in replies {
        assert_eq!(Fixture::new(answering(reply), keep_alive()).get(1), [(status, text.to_owned())]);
    }
}

#[test]
fn connections_are_kept_and_limited_as_the_agent_says() {
    let (accepted, connections) = channel();
    let port = server(move |mut stream| {
        accepted.send(()).unwrap();
        while read_head(&mut stream).is_some() {
            thread::sleep(Duration::from_millis(5));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
        }
    });
    let fixture = Fixture::new(port, AgentOptions { max_sockets: Some(2), ..keep_alive() });
    assert_eq!(fixture.get(20).len(), 20);
    assert_eq!(fixture.get(4).len(), 4);
    assert_eq!(connections.try_iter().count(), 2);
}

#[test]
fn idle_connections_are_closed_after_the_idle_timeout() {
    let (closed, ends) = channel();
    let port = server(move |mut stream| {
        while read_head(&mut stream).is_some() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
        }
        closed.send(()).unwrap();
    });
    let fixture = Fixture::new(port, AgentOptions { idle_timeout: Some(Duration::from_millis(50)), ..keep_alive() });
    fixture.get(3);
    for _ in 0..3 {
        ends.recv_timeout(PATIENCE).expect("the client closes what it does not use");
    }
}

#[test]
fn silence_is_a_timeout_and_dripping_is_not() {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let silent = server(|mut stream| {
        read_head(&mut stream);
        thread::sleep(PATIENCE);
    });
    let fixture = Fixture::giving_up_after(Duration::from_millis(200), silent, keep_alive());
    assert_eq!(fixture.get(1), [(0, r#"{"kind":"timeout"}"#.to_owned())]);

    let dripping = server(|mut stream| {
        read_head(&mut stream);
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]" {
            stream.write_all(&[*byte]).unwrap();
            thread::sleep(TIMEOUT / 30);
        }
    });
    let begun = Instant::now();
    let outcome = Fixture::giving_up_after(TIMEOUT, dripping, keep_alive()).get(1);
    assert_eq!(outcome, [(200, "[]".to_owned())]);
    assert!(begun.elapsed() > TIMEOUT, "{:?} is no time to be given up after", begun.elapsed());
}

#[test]
fn failures_have_the_names_that_node_gives_them() {
    // No system serves tcpmux, and no connection begins there: one that begins at the port it goes to has itself for a
    // server.
    let unused = 1;
    let cut_head = server(|mut stream| {
        read_head(&mut stream);
    });
    let cut_body = server(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]").unwrap();
    });
    let garbage = answering(b"SSH-2.0-OpenSSH\r\n\r\n");
    let cases = [
        (unused, "ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1"),
        (cut_head, "ECONNRESET", "socket hang up"),
        (cut_body, "ECONNRESET", "aborted"),
        (garbage, "HPE_INVALID_CONSTANT", "Parse Error"),
    ];
    for (port, code, message) in cases {
        let outcomes = Fixture::new(port, keep_alive()).get(1);
        let (status, text) = &outcomes[0];
        assert_eq!(*status, 0);
        assert!(text.contains(&format!("\"code\":\"{code}\"")) && text.contains(message), "{text}");
    }
}

#[test]
fn a_connection_that_the_server_closed_is_not_used_again() {
    let port = server(|mut stream| {
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
    });
    let fixture = Fixture::new(port, keep_alive());
    for _ in 0..100 {
        let outcome = fixture.get(1);
        // The close may cross the next request on its way, and then that fails as it would in Node.
        let is_reset = outcome[0].0 == 0 && outcome[0].1.contains("ECONNRESET");
        assert!(outcome == [(200, "[]".to_owned())] || is_reset, "{outcome:?}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn certificates_that_cannot_be_read_are_refused_by_name() {
    for (ca, cert, key, named) in [
        (Some(vec!["nonsense".to_owned()]), None, None, "`ca`"),
        (None, Some("nonsense".to_owned()), None, "`key`"),
        (None, None, Some("nonsense".to_owned()), "`cert`"),
        (None, Some("x".to_owned()), Some("nonsense".to_owned()), "`key`"),
    ] {
        let tls = options::TlsOptions { ca, cert, key, ..options::TlsOptions::default() };
        let error = Agent::new(AgentOptions { tls, ..AgentOptions::default() }).err().unwrap().to_string();
        assert!(error.contains(named), "{error}");
    }
}
