//! Many and slow clients, odd ones, and the worst conversations that the limits admit: the platform stays within its
//! memory, and says what it refuses.

use std::io::{Read as _, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use layer_platform::{Config, DataLocation, Platform, Tls};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Answer, PATIENCE, Server, message, raw, request_at, start, wait_until};
use crate::live_client::People;

/// A connection to a platform without TLS.
fn connect(platform: &Platform) -> TcpStream {
    TcpStream::connect(platform.url().strip_prefix("http://").unwrap()).unwrap()
}

/// Sends bytes as they are and reads all that comes back.
fn say(server: &Server, bytes: &str) -> String {
    let mut stream = connect(&server.platform);
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The head of a request below the app, without an empty line at its end.
fn head(server: &Server, method: &str, path: &str) -> String {
    format!(
        "{method} {}{path} HTTP/1.1\r\nAccept: application/vnd.layer+json; version=1.0\r\nAuthorization: Bearer {}\r\n",
        server.prefix().strip_prefix(server.platform.url()).unwrap(),
        server.app.token.reveal()
    )
}

/// RFC 9112, 3.2.
#[test]
fn a_request_names_its_host_once() {
    let server = start();
    let get = head(&server, "GET", "/users/a/blocks");
    for (hosts, status) in [("", "400"), ("Host: a\r\nHost: a\r\n", "400"), ("Host: a\r\nConnection: close\r\n", "200")]
    {
        let answer = say(&server, &format!("{get}{hosts}\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{hosts:?}: {answer}");
        assert_eq!(answer.contains("exactly one Host header"), status == "400");
    }
    let answer = say(&server, &format!("{}\r\n", get.replace("HTTP/1.1", "HTTP/1.0")));
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

#[test]
fn a_malformed_chunk_is_no_matter_of_time() {
    let server = start();
    let post = head(&server, "POST", "/conversations");
    for chunks in ["ZZ\r\n", "-1\r\n", "5\r\nhelloXX"] {
        let answer = say(&server, &format!("{post}Host: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("well-formed chunks"), "{chunks:?}: {answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
}

#[test]
fn a_compressed_body_is_an_unsupported_media_type() {
    let server = start();
    let body = json!({ "participants": ["a"] }).to_string();
    for encoding in ["gzip", "br", "gzip, identity"] {
        let answer = server.send("POST", "/conversations", &[("Content-Encoding", encoding)], &body);
        answer.assert_error(415, "invalid_request", None);
        assert_eq!(answer.header("accept-encoding"), Some("identity"));
    }
    assert_eq!(server.send("POST", "/conversations", &[("Content-Encoding", "Identity")], &body).status, 201);
}

#[test]
fn a_head_has_at_most_16_kib() {
    let server = start();
    let get = head(&server, "GET", "/users/a/blocks");
    let with = |length: usize| {
        say(&server, &format!("{get}Host: x\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(length)))
    };
    assert!(with(15_000).starts_with("HTTP/1.1 200"));
    assert!(with(17_000).starts_with("HTTP/1.1 431"));
}

#[test]
fn one_connection_too_many_is_told_so_and_the_next_finds_room() {
    let server = Server::start(|data| Config { data, max_connections: 2, ..Config::default() });
    let get = format!("{}Host: x\r\n\r\n", head(&server, "GET", "/users/a/blocks"));
    let hold = || {
        let mut stream = connect(&server.platform);
        stream.write_all(get.as_bytes()).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        stream
    };
    let both = [hold(), hold()];
    let refused = say(&server, &get);
    let answer = Answer::parse(refused.as_bytes()).unwrap();
    answer.assert_error(503, "service_unavailable", None);
    assert_eq!((answer.header("retry-after"), answer.header("connection")), (Some("1"), Some("close")));
    drop(both);
    let is_refused = || say(&server, &get.replace("Host", "Connection: close\r\nHost")).starts_with("HTTP/1.1 503");
    wait_until("there is room", || !is_refused());
}

/// Parts of the largest size, of characters that JSON writes six times as long.
fn heavy() -> Value {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode([1; 2048]);
    json!(vec![json!({ "mime_type": "a/b", "encoding": "base64", "body": body }); 370])
}

/// Contract 1.7 (assumed): a page ends at 4 MiB, and nothing is lost between two of them.
#[test]
fn a_page_ends_where_it_takes_up_too_much_and_the_next_one_begins_there() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let light = message("x").to_string();
    let mut sent = vec![];
    for round in 0..4 {
        let body = json!({ "sender": { "user_id": "a" }, "parts": heavy() }).to_string();
        let body = if round == 2 { &light } else { &body };
        let answer = server.send("POST", &path, &[], body);
        assert_eq!(answer.status, 201, "{answer:?}");
        sent.insert(0, answer.json()["id"].clone());
    }
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        for list in [path.clone(), format!("/users/a/conversations/{conversation}/messages")] {
            let (mut found, mut pages, mut from) = (vec![], 0, String::new());
            loop {
                let page = server.at(version).get(&format!("{list}{from}"));
                assert!(matches!(page.status, 200 | 206), "{version} {list}: {}", page.status);
                assert_eq!(page.header("layer-count"), Some("4"));
                assert!(page.body.len() < 10 * 1024 * 1024, "{}", page.body.len());
                let items = page.json();
                let items = items.as_array().unwrap();
                let Some(last) = items.last() else { break };
                pages += 1;
                from = format!("?from_id={}", last["id"].as_str().unwrap());
                found.extend(items.iter().map(|item| item["id"].clone()));
            }
            assert_eq!(found, sent, "{version} {list}");
            assert_eq!(pages, 3, "{version} {list}");
        }
    }
}

/// A client that asks for more than the buffers of the system hold and takes none of it is cut off after 30 seconds, on
/// TLS too.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let certified = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    let tls =
        Tls { certificate_pem: certified.cert.pem(), key_pem: certified.signing_key.serialize_pem(), files: None };
    std::thread::scope(|scope| {
        for tls in [None, Some(tls)] {
            let root = certified.cert.der().clone();
            scope.spawn(move || {
                // The pages are made over a plain connection.
                let folder = tempfile::tempdir().unwrap();
                let data = layer_platform::DataLocation::File(folder.path().join("layer.db"));
                let server = Server::on(Config { data: data.clone(), ..Config::default() });
                let conversation = server.conversation(&["a"]);
                let path = format!("/conversations/{conversation}/messages");
                let body = json!({ "sender": { "user_id": "a" }, "parts": heavy() });
                assert_eq!(server.post(&path, &body).status, 201);
                let get = format!("{}Host: localhost\r\n\r\n", head(&server, "GET", &path));
                server.platform.close().unwrap();

                let is_tls = tls.is_some();
                let platform = Platform::start(Config { data, tls, ..Config::default() }).unwrap();
                let address = platform.url().split_once("://").unwrap().1;
                let tcp = TcpStream::connect(address).unwrap();
                let began = Instant::now();
                // Some 180 MB of answers.
                let requests = get.repeat(40);
                let mut stream: Box<dyn Write> = if is_tls {
                    let connection = rustls::ClientConnection::new(client(root), "localhost".try_into().unwrap());
                    Box::new(rustls::StreamOwned::new(connection.unwrap(), tcp))
                } else {
                    Box::new(tcp)
                };
                stream.write_all(requests.as_bytes()).unwrap();
                // Writing shows when the other side has gone.
                while stream.write_all(b"\r\n").and_then(|()| stream.flush()).is_ok() {
                    assert!(began.elapsed() < PATIENCE, "still connected");
                    std::thread::sleep(Duration::from_millis(500));
                }
                assert!(began.elapsed() >= Duration::from_secs(25), "cut off after {:?}", began.elapsed());
            });
        }
    });
}

fn client(root: rustls_pki_types::CertificateDer<'static>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(target_os = "linux")]
mod memory {
    use std::process::Stdio;
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::crash::{EXEC, start_process, start_process_by};
    use crate::device::Signer;
    use crate::live_client::{Live, conversation_id};

    /// Each keeps all cores busy.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    const LONG_AGO: &str = "2001-01-01T00:00:00.000Z";

    /// What the process may take up, at its peak and with everything at once. Unit: KiB.
    const BUDGET: u64 = 256 * 1024;

    /// A line of `/proc/<id>/status`, in KiB.
    fn status(process: u32, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(|character: char| !character.is_ascii_digit()).parse().unwrap()
    }

    /// A user id of the largest size, of characters that a path writes three times as long and JSON six times.
    fn user(number: usize) -> String {
        format!("{number:04}{}", "\u{1}".repeat(1020))
    }

    /// Contract 2 (assumed limits): the largest messages, metadata, participants and identities, asked for over and
    /// over in every version by clients that do not read, while others send the largest bodies and do not finish them.
    #[test]
    fn the_worst_that_the_limits_admit_stays_within_256_mib() {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let mut running = start_process(&folder.path().join("layer.db"));
        let (app, address, process) = (running.app(), running.address.clone(), running.process_id());
        let send = |version: &str, method: &str, path: &str, body: &Value| {
            let accept = format!("application/vnd.layer+json; version={version}");
            let kind = if method == "PATCH" { "application/vnd.layer-patch+json" } else { "application/json" };
            let answer = request_at(
                &address,
                &app,
                method,
                path,
                &[("Accept", &accept), ("Content-Type", kind)],
                &body.to_string(),
            );
            assert!(answer.status < 300, "{} {}", answer.status, answer.body.get(..300).unwrap_or(&answer.body));
            answer
        };
        let participants: Vec<String> = (0..25).map(user).collect();
        let encoded = |user: &str| user.replace('\u{1}', "%01");
        for user in &participants {
            let identity = json!({ "display_name": "\u{1}".repeat(128), "avatar_url": "\u{1f600}".repeat(1024) });
            send("2.0", "PUT", &format!("/users/{}/identity", encoded(user)), &identity);
        }
        let mut messages = String::new();
        for _ in 0..8 {
            // A mebibyte of metadata, which it takes several requests to set.
            let conversation = send("2.0", "POST", "/conversations", &json!({ "participants": participants })).uuid();
            for patch in 0..6 {
                let value: Value = (0..80).map(|key| (format!("{patch}.{key}"), json!("\u{1}".repeat(2000)))).collect();
                let operation =
                    json!([{ "operation": "set", "property": format!("metadata.{patch}"), "value": value }]);
                send("2.0", "PATCH", &format!("/conversations/{conversation}"), &operation);
            }
            messages = format!("/conversations/{conversation}/messages");
            let tiny = vec![json!({ "body": "", "mime_type": "a/b" }); 1000];
            for parts in [heavy(), json!(tiny), heavy()] {
                send("2.0", "POST", &messages, &json!({ "sender_id": participants[0], "parts": parts }));
            }
        }
        let view = format!("/users/{}", encoded(&participants[0]));
        let lists = [
            messages.clone(),
            format!("{view}{messages}"),
            format!("{view}/conversations"),
            format!("{view}/conversations?sort_by=last_message"),
        ];
        let before = status(process, "VmRSS:");

        let mut connections = vec![];
        for (index, version) in ["1.0", "1.1", "2.0", "3.0"].into_iter().cycle().take(120).enumerate() {
            let list = &lists[index / 4 % lists.len()];
            let get = format!(
                "GET /apps/{}{list} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
                 Accept: application/vnd.layer+json; version={version}\r\n\r\n",
                app.app_id,
                app.token.reveal()
            );
            let mut stream = TcpStream::connect(&address).unwrap();
            stream.write_all(get.repeat(5).as_bytes()).unwrap();
            connections.push(stream);
        }
        let body = "[".repeat(1_000_000);
        for _ in 0..60 {
            let mut stream = TcpStream::connect(&address).unwrap();
            let post = format!(
                "POST /apps/{}/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
                 Accept: application/vnd.layer+json; version=1.0\r\nContent-Length: 1048576\r\n\r\n",
                app.app_id,
                app.token.reveal()
            );
            // One that is refused at once may be gone before all is written.
            let _ = stream.write_all(post.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            connections.push(stream);
        }
        // Bodies that are parsed: many small objects, which take up the most.
        let objects = format!("{{\"participants\":[\"a\"],\"x\":[{}0]}}", "{\"\":0},".repeat(16_000));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let answer = request_at(&address, &app, "POST", "/conversations", &[], &objects);
                        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
                    }
                });
            }
        });
        // Whoever is refused meanwhile is asked to come again, and is answered.
        wait_until("a small request is answered", || {
            let small = request_at(&address, &app, "GET", "/users/nobody", &[], "");
            assert!(small.status == 404 || small.header("retry-after").is_some(), "{small:?}");
            small.status == 404
        });
        let peak = status(process, "VmHWM:");
        assert!(peak < BUDGET, "{peak} KiB at the peak, {before} KiB before");
        drop(connections);
        running.kill();
    }

    /// The same over sockets: clients that catch up with the largest messages and do not read, and those that send what
    /// takes up the most once it is parsed. Who reads catches up meanwhile.
    #[test]
    fn the_worst_that_sockets_admit_stays_within_256_mib() {
        const MESSAGES: usize = 12;
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("layer.db");
        let server = Server::on(Config { data: DataLocation::File(data.clone()), ..Config::default() });
        let device = Signer::of(&server).device(&server, "a");
        drop(Live::open(&device.at("2.0")));
        let target = format!("/?session_token={}", device.session);
        let conversation = server.conversation(&["a"]);
        let body = json!({ "sender": { "name": "x" }, "parts": heavy() });
        for _ in 0..MESSAGES {
            assert_eq!(server.post(&format!("/conversations/{conversation}/messages"), &body).status, 201);
        }
        server.platform.close().unwrap();
        let mut running = start_process(&data);
        let (address, process) = (running.address.clone(), running.process_id());
        let open = || Live::try_open_at(&address, &target, &[("Sec-WebSocket-Protocol", "layer-2.0")]).unwrap();
        let before = status(process, "VmRSS:");

        let replay = json!({ "method": "Event.replay", "request_id": "r", "data": { "from_timestamp": LONG_AGO } });
        let mut silent = vec![];
        for _ in 0..30 {
            let mut live = open();
            live.send(&json!({ "type": "request", "body": replay }));
            silent.push(live);
        }
        let parts = json!([{ "mime_type": "text/plain", "body": "x" }]);
        let small = json!(vec![json!({ "": 0 }); 16_000]);
        let body = json!({
            "method": "Message.create", "request_id": "m", "object_id": conversation_id(&conversation),
            "data": { "parts": parts, "x": small },
        });
        let mut senders: Vec<_> = (0..30).map(|_| open()).collect();
        for live in &mut senders {
            live.send(&json!({ "type": "request", "body": body }));
        }
        for live in &mut senders {
            let answer = std::iter::from_fn(|| live.try_read()).find(|packet| packet["type"] == "response").unwrap();
            assert_eq!(answer["body"]["success"], true, "{answer}");
        }
        let (packets, answer) = open().replay(LONG_AGO);
        assert_eq!(answer["success"], true);
        let is_heavy =
            |packet: &&Value| packet["body"]["data"]["parts"].as_array().is_some_and(|parts| parts.len() > 1);
        assert_eq!(packets.iter().filter(is_heavy).count(), MESSAGES);
        let peak = status(process, "VmHWM:");
        assert!(peak < BUDGET, "{peak} KiB at the peak, {before} KiB before");
        drop(silent);
        running.kill();
    }

    /// The head of a frame of this length, whose mask changes nothing.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        [&[first, 0xFF][..], &(length as u64).to_be_bytes(), &[0; 4]].concat()
    }

    /// Messages of nearly the largest size, all but their end: in fragments, or in one frame.
    #[test]
    fn messages_that_are_never_whole_stay_within_256_mib_and_end_the_sockets_that_find_no_room() {
        const LENGTH: usize = 1_000_000;
        const OF_EACH: usize = 200;
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("layer.db");
        let server = Server::on(Config { data: DataLocation::File(data.clone()), ..Config::default() });
        let target = format!("/?session_token={}", Signer::of(&server).device(&server, "a").session);
        server.platform.close().unwrap();
        let options = ["--sockets-per-user", "1000"];
        let mut running = start_process_by(EXEC, &data, &options, Stdio::inherit());
        let (address, process) = (running.address.clone(), running.process_id());
        let open = || Live::try_open_at(&address, &target, &[("Sec-WebSocket-Protocol", "layer-2.0")]).unwrap();
        let before = status(process, "VmRSS:");

        let half = vec![b'x'; LENGTH / 2];
        let fragments = [frame(0x01, half.len()), half.clone(), frame(0x00, half.len()), half].concat();
        let beginning = [frame(0x81, LENGTH), vec![b'x'; LENGTH - 1]].concat();
        let begin = |message: &[u8]| {
            let mut live = open();
            // One that is closed at once may not take all of it.
            let _ = live.socket.get_mut().write_all(message);
            live
        };
        let mut in_fragments: Vec<_> = (0..OF_EACH).map(|_| begin(&fragments)).collect();
        let in_one_frame: Vec<_> = (0..OF_EACH).map(|_| begin(&beginning)).collect();
        let is_closed = |live: &mut Live| {
            let _ = live.socket.send(Message::Ping(vec![].into()));
            match live.socket.read() {
                Ok(Message::Pong(_)) => false,
                Ok(Message::Close(Some(frame))) => {
                    assert_eq!(u16::from(frame.code), 1013, "{frame:?}");
                    true
                }
                other => panic!("{other:?}"),
            }
        };
        let closed = in_fragments.iter_mut().filter_map(|live| is_closed(live).then_some(())).count();
        assert!((OF_EACH - 16..OF_EACH).contains(&closed), "{closed} of {OF_EACH} are closed");
        // What is small goes on, what is not finds no room.
        let small = json!({ "method": "Counter.read", "request_id": "r" });
        let large = json!({ "method": "Counter.read", "request_id": "r", "data": { "x": "x".repeat(LENGTH / 10) } });
        let ask = |body: &Value| {
            let mut live = open();
            live.send(&json!({ "type": "request", "body": body }));
            live.try_read().is_some_and(|packet| packet["body"]["success"] == true)
        };
        // Sockets that are closed give their room back in their own time, and others take up what is left.
        let beginning_of_large = [frame(0x01, LENGTH / 10), vec![b'x'; LENGTH / 10]].concat();
        let mut others = vec![];
        wait_until("there is no room", || {
            let has_room = ask(&large);
            if has_room {
                others.push(begin(&beginning_of_large));
            }
            !has_room
        });
        assert!(ask(&small));
        let peak = status(process, "VmHWM:");
        assert!(peak < BUDGET, "{peak} KiB at the peak, {before} KiB before");
        drop((in_fragments, in_one_frame, others));
        wait_until("the room is given back", || ask(&large));
        running.kill();
    }
}

/// The socket answers pings all the while.
#[test]
fn a_message_that_does_not_end_ends_its_socket() {
    let server = start();
    let (_, mut live) = People::of(&server).join("a", "2.0");
    let began = Instant::now();
    let fragment = [&[0x01, 0xFE, 0x27, 0x10, 0, 0, 0, 0][..], &[b'x'; 10_000]].concat();
    live.socket.get_mut().write_all(&fragment).unwrap();
    let end = loop {
        match live.socket.read().unwrap() {
            Message::Ping(_) => {}
            Message::Close(end) => break end.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(end.code), end.reason.as_str()), (1008, "too slow"));
    assert!(began.elapsed() > Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn what_finds_no_room_for_its_answer_is_told_to_come_again() {
    let server = start();
    let conversation = server.conversation(&["a"]);
    let path = format!("/conversations/{conversation}/messages");
    let body = json!({ "sender": { "user_id": "a" }, "parts": heavy() });
    assert_eq!(server.post(&path, &body).status, 201);
    let get = format!("{}Host: x\r\n\r\n", head(&server, "GET", &path));
    let mut unread: Vec<TcpStream> = (0..40).map(|_| connect(&server.platform)).collect();
    let mut refused = server.get(&path);
    wait_until("there is no room", || {
        // Those that are refused themselves hold nothing, and the sockets of the others take a few answers: so they ask
        // again.
        for stream in &mut unread {
            if stream.write_all(get.as_bytes()).is_err() {
                // It was cut off, because it does not read.
                *stream = connect(&server.platform);
            }
        }
        refused = server.get(&path);
        refused.status == 503
    });
    refused.assert_error(503, "service_unavailable", None);
    assert_eq!(refused.header("retry-after"), Some("1"));
    // Small ones go on, and writes do.
    assert_eq!(server.get("/users/nobody").status, 404);
    assert_eq!(server.post(&path, &body).status, 201);
    drop(unread);
    wait_until("the room is given back", || server.get(&path).status != 503);
    assert_eq!(raw(&server.platform, "GET", "/openapi.json", &[], b"").status, 200);
}
