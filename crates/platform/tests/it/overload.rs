//! Clients that do not go on, and ten times as many as there is room for.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::{Answer, PATIENCE, Server, message, start};

/// The head of a request with a body of ten bytes.
fn head(server: &Server, method: &str, target: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.layer+json; version=1.0\r\n\
         Authorization: Bearer {}\r\nContent-Length: 10\r\n\r\n",
        server.app.token.reveal()
    )
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes, and then some more every second; what comes back until the other side has enough of it.
fn trickle(address: &str, first: &str, then: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(first.as_bytes()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let then = then.to_owned();
    std::thread::spawn(move || {
        for byte in then.bytes() {
            std::thread::sleep(Duration::from_secs(4));
            // It is refused once the other side has gone.
            if writer.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let mut answer = vec![];
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// Half a minute for a head, half a minute for a body, half a minute of silence for an upload.
#[test]
fn who_does_not_finish_a_request_is_told_so_in_time_and_cut_off() {
    let server = start();
    let address = server.platform.url().strip_prefix("http://").unwrap();
    let prefix = format!("/apps/{}", server.app.app_id);
    let conversation = server.conversation(&["a"]);
    let headers = [("Upload-Content-Type", "a/b"), ("Upload-Content-Length", "10")];
    let announced = server.send("POST", &format!("/conversations/{conversation}/content"), &headers, "").json();
    let url = announced["upload_url"].as_str().unwrap();
    let upload = format!(
        "PUT {} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
        &url[url.find("/content/").unwrap()..]
    );
    let post = head(&server, "POST", &format!("{prefix}/conversations"));
    std::thread::scope(|scope| {
        let silent_body = scope.spawn(|| trickle(address, &format!("{post}{{"), ""));
        let slow_body = scope.spawn(|| trickle(address, &post, "         "));
        let silent_upload = scope.spawn(|| trickle(address, &upload, ""));
        let silent_head = scope.spawn(|| trickle(address, &post[..40], ""));
        let slow_head = scope.spawn(|| trickle(address, &post[..40], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
        for told in [silent_body, slow_body, silent_upload] {
            let answer = told.join().unwrap();
            let answer = Answer::parse(answer.as_bytes()).unwrap_or_else(|| panic!("{answer:?}"));
            answer.assert_error(408, "request_timeout", None);
            assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
        }
        // There is no request yet that could be answered.
        for cut_off in [silent_head, slow_head] {
            assert_eq!(cut_off.join().unwrap(), "");
        }
    });
    assert_eq!(server.get(&format!("/conversations/{conversation}")).status, 200);
}

/// The address counts into the head, whose limit has an error of its own.
#[test]
fn an_address_that_is_too_long_is_refused() {
    let server = start();
    let long = format!("/users/{}/blocks", "a".repeat(20_000));
    let mut stream = connect(server.platform.url().strip_prefix("http://").unwrap());
    let head = head(&server, "GET", &format!("/apps/{}{long}", server.app.app_id));
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"), "{answer}");
}

#[cfg(target_os = "linux")]
mod load {
    use std::process::Stdio;

    use super::*;
    use crate::crash::{EXEC, start_process_by};

    /// How many connections the platform is told to serve, and how many there are. SECURITY.md has the figures.
    const SERVED: usize = 64;
    const ASKING: usize = 10 * SERVED;

    /// How many messages each sends, as long as it is served.
    const EACH: usize = 20;

    /// What the process may take up at its peak. Unit: KiB.
    const BUDGET: u64 = 128 * 1024;

    /// What a client has seen.
    #[derive(Default)]
    struct Seen {
        acknowledged: usize,
        refused: usize,
        cut_off: usize,
    }

    /// Sends over one connection until it is refused.
    fn send(mut stream: TcpStream, request: &str) -> Seen {
        let mut seen = Seen::default();
        for _ in 0..EACH {
            let mut answer = vec![0; 4096];
            let length =
                stream.write_all(request.as_bytes()).and_then(|()| stream.read(&mut answer)).unwrap_or_default();
            match &answer[..length.min(12)] {
                b"HTTP/1.1 201" => seen.acknowledged += 1,
                b"HTTP/1.1 503" => {
                    seen.refused += 1;
                    break;
                }
                b"" => {
                    seen.cut_off += 1;
                    break;
                }
                other => panic!("{:?}", String::from_utf8_lossy(other)),
            }
        }
        seen
    }

    #[test]
    fn ten_times_the_connections_that_are_served_are_refused_at_once_and_nothing_acknowledged_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let options = ["--max-connections", &SERVED.to_string()];
        let running = start_process_by(EXEC, &folder.path().join("layer.db"), &options, Stdio::inherit());
        let app = running.app();
        let conversation = running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
        let path = format!("/conversations/{conversation}/messages");
        let body = message("Hi").to_string();
        let request = format!(
            "POST /apps/{}{path} HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.layer+json; version=1.0\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
            app.app_id,
            app.token.reveal(),
            body.len()
        );
        let streams: Vec<_> = (0..ASKING).map(|_| connect(&running.address)).collect();
        let seen: Vec<Seen> = std::thread::scope(|scope| {
            let clients: Vec<_> = streams.into_iter().map(|stream| scope.spawn(|| send(stream, &request))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).sum::<usize>();
        let (acknowledged, refused, cut_off) =
            (sum(|seen| seen.acknowledged), sum(|seen| seen.refused), sum(|seen| seen.cut_off));
        eprintln!("{acknowledged} acknowledged, {refused} connections refused, {cut_off} cut off");
        assert!(acknowledged >= EACH && refused + cut_off >= ASKING / 2, "{acknowledged}, {refused}, {cut_off}");
        // It serves on, and has what it said that it has.
        let mut count = None;
        crate::client::wait_until("there is room again", || {
            count = running.send("GET", &path, "").filter(|answer| answer.status == 200);
            count.is_some()
        });
        let count = count.unwrap().header("layer-count").unwrap().parse::<usize>().unwrap();
        assert!(count >= acknowledged, "{count} messages of {acknowledged}");
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.process_id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak: u64 = peak.trim_matches(|character: char| !character.is_ascii_digit()).parse().unwrap();
        eprintln!("{peak} KiB at the peak");
        assert!(peak < BUDGET, "{peak} KiB");
    }
}
