//! Contract 2.5 and 3.6: rich content, announced, uploaded, sent and downloaded.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use layer_platform::{Config, DataLocation, Platform};
use serde_json::{Value, json};

use crate::client::{Answer, Server, UNKNOWN, raw, request, request_at, start, wait_until};

const BYTES: &[u8] = b"\x89PNG and some more bytes";

/// Announces an upload and returns the answer.
fn announce(server: &Server, conversation: &str, mime_type: &str, size: usize, version: &str) -> Answer {
    let size = size.to_string();
    let headers = [("Upload-Content-Type", mime_type), ("Upload-Content-Length", size.as_str())];
    server.at(version).send("POST", &format!("/conversations/{conversation}/content"), &headers, "")
}

/// The path and query of an absolute URL.
pub fn target(url: &Value) -> String {
    let url = url.as_str().expect("a URL");
    url[url.find("/content/").or_else(|| url.find("/exports/")).expect("a link")..].to_owned()
}

fn put(platform: &Platform, url: &Value, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    raw(platform, "PUT", &target(url), headers, body)
}

/// Announces and uploads; returns UUID and answer to the upload.
pub fn upload(server: &Server, conversation: &str, bytes: &[u8]) -> (String, Answer) {
    let announced = announce(server, conversation, "image/png", bytes.len(), "1.0");
    let uploaded = put(&server.platform, &announced.json()["upload_url"], &[], bytes);
    assert_eq!(uploaded.status, 200, "{uploaded:?}");
    (announced.uuid(), uploaded)
}

/// A message with an uploaded content of a size.
pub fn message_with(content: &str, size: usize) -> Value {
    let content = json!({ "id": format!("layer:///content/{content}"), "size": size });
    json!({ "sender": { "name": "x" }, "parts": [
        { "mime_type": "text/plain", "body": "Look" },
        { "mime_type": "image/png", "content": content }
    ] })
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Contract 2.5 (recorded, R1): three keys; `Location` (documented).
#[test]
fn an_announced_upload_has_three_keys_in_1_0() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let answer = announce(&server, &conversation, "image/png", 6486, "1.0");
    assert_eq!(answer.status, 201);
    let (body, uuid) = (answer.json(), answer.uuid());
    assert_eq!(
        body,
        json!({ "id": format!("layer:///content/{uuid}"), "size": 6486, "upload_url": body["upload_url"] })
    );
    let location = format!("/apps/{}/conversations/{conversation}/content/{uuid}", server.app.app_id);
    assert_eq!(answer.header("location"), Some(location.as_str()));
    assert!(!body["upload_url"].as_str().unwrap().contains(server.app.token.reveal()));
}

/// Contract 2.5 (assumed): the type comes back as the `Content-Type` of the download.
#[test]
fn an_upload_has_a_type_that_can_be_one() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    for mime_type in
        ["not a mime", "image", "/png", "image/", "image/p ng", "a/b/c", ";a=b", &format!("a/{}", "b".repeat(1024))]
    {
        announce(&server, &conversation, mime_type, 1, "1.0").assert_error(
            422,
            "invalid_property",
            Some("Upload-Content-Type"),
        );
    }
    for mime_type in
        ["image/png", "text/plain; charset=utf-8", "application/vnd.layer.card+json;role=root", "x-a/b+c.d"]
    {
        assert_eq!(announce(&server, &conversation, mime_type, 1, "1.0").status, 201, "{mime_type}");
    }
}

/// A page that someone uploaded must not act as the platform, on whose origin it is.
#[test]
fn uploaded_pages_are_shown_in_a_sandbox() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    for (mime_type, is_sandboxed) in
        [("text/html", true), ("Image/SVG+xml", true), ("image/png", true), ("application/pdf", false)]
    {
        let announced = announce(&server, &conversation, mime_type, 3, "1.0");
        assert_eq!(put(&server.platform, &announced.json()["upload_url"], &[], b"<p>").status, 200);
        let content = server.get(&format!("/conversations/{conversation}/content/{}", announced.uuid())).json();
        let download = raw(&server.platform, "GET", &target(&content["download_url"]), &[], b"");
        assert_eq!((download.status, download.header("content-type")), (200, Some(mime_type)));
        assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
        let policy = download.header("content-security-policy").unwrap_or_default();
        assert_eq!(policy.contains("sandbox") && policy.contains("default-src 'none'"), is_sandboxed, "{mime_type}");
    }
}

/// Contract 2.5 (recorded, L3): all six keys, nulls explicit.
#[test]
fn an_announced_upload_has_six_keys_in_3_0() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    for version in ["1.1", "2.0", "3.0"] {
        let answer = announce(&server, &conversation, "image/png", 6486, version);
        let body = answer.json();
        let expected = json!({
            "id": format!("layer:///content/{}", answer.uuid()),
            "size": 6486,
            "upload_url": body["upload_url"],
            "download_url": null,
            "refresh_url": null,
            "expiration": null
        });
        assert_eq!((answer.status, &body), (201, &expected), "{version}");
    }
}

/// Contract 2.5 (recorded, R1 and L3): status and keys of the answer of the storage.
#[test]
fn a_put_of_the_bytes_answers_with_a_storage_object() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (_, uploaded) = upload(&server, &conversation, BYTES);
    let body = uploaded.json();
    for key in [
        "kind",
        "id",
        "selfLink",
        "name",
        "bucket",
        "generation",
        "metageneration",
        "contentType",
        "timeCreated",
        "updated",
        "storageClass",
        "timeStorageClassUpdated",
        "size",
        "md5Hash",
        "mediaLink",
        "crc32c",
        "etag",
    ] {
        assert!(body[key].is_string(), "{key} in {body}");
    }
    assert_eq!(body["kind"], "storage#object");
    assert_eq!(body["contentType"], "image/png");
    assert_eq!(body["size"], BYTES.len().to_string());
    // Sums by md5sum, and by the check value of CRC-32C.
    let (_, uploaded) = upload(&server, &conversation, b"123456789");
    assert_eq!(uploaded.json()["md5Hash"], "JfnnlDI7RTiF9RgfG2JNCw==");
    assert_eq!(uploaded.json()["crc32c"], "4waSgw==");
}

/// Contract 2.5 (recorded, L3): the client posts a form, having announced the length of the whole form.
#[test]
fn a_posted_form_is_taken_as_it_comes() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let form = b"--b\r\nContent-Disposition: form-data; name=\"file\"\r\nContent-Length: 2\r\n\r\nHi\r\n--b--\r\n";
    let announced = announce(&server, &conversation, "image/png", form.len(), "3.0");
    let headers = [("Content-Type", "multipart/form-data; boundary=b")];
    let answer = raw(&server.platform, "POST", &target(&announced.json()["upload_url"]), &headers, form);
    assert_eq!(answer.status, 200);
    let size: usize = answer.json()["size"].as_str().unwrap().parse().unwrap();
    let sent = server.post(&format!("/conversations/{conversation}/messages"), &message_with(&announced.uuid(), size));
    assert_eq!(sent.status, 201);
}

/// Contract 2.5 (recorded, L3): status and keys.
#[test]
fn a_refreshed_link_downloads_the_bytes() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let refresh = format!("/conversations/{conversation}/content/{content}");
    for version in ["1.0", "3.0"] {
        let answer = server.at(version).get(&refresh);
        let body = answer.json();
        let expected = json!({
            "id": format!("layer:///content/{content}"),
            "size": BYTES.len(),
            "upload_url": null,
            "download_url": body["download_url"],
            "refresh_url": format!("{}{refresh}", server.prefix()),
            "expiration": body["expiration"]
        });
        assert_eq!((answer.status, &body), (200, &expected));
        let download = get_bytes(&server, &target(&body["download_url"]), &[]);
        assert_eq!(download, (200, BYTES.to_vec()));
    }
}

/// A GET without any header of the API, of a body that is no text.
pub fn get_bytes(server: &Server, target: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(server.platform.url().strip_prefix("http://").unwrap()).unwrap();
    let headers: String = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[head + 4..].to_vec())
}

#[test]
fn a_download_serves_ranges_and_head() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, b"0123456789");
    let link = target(&server.get(&format!("/conversations/{conversation}/content/{content}")).json()["download_url"]);
    let get = |headers: &[(&str, &str)]| raw(&server.platform, "GET", &link, headers, b"");
    let whole = get(&[]);
    assert_eq!(whole.header("content-type"), Some("image/png"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let part = get(&[("Range", "bytes=2-4")]);
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(get(&[("Range", "bytes=-3")]).body, "789");
    let outside = get(&[("Range", "bytes=10-")]);
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */10")));
    let etag = whole.header("etag").unwrap();
    assert_eq!(get(&[("Range", "bytes=2-4"), ("If-Range", etag)]).status, 206);
    assert_eq!(get(&[("Range", "bytes=2-4"), ("If-Range", "\"other\"")]).body, "0123456789");
    let mut stream = TcpStream::connect(server.platform.url().strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "HEAD {link} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut head = String::new();
    stream.read_to_string(&mut head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 10\r\n"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(raw(&server.platform, "PUT", &link, &[], b"x").status, 405);
}

#[test]
fn a_link_expires_after_an_hour_and_reaches_nothing_else() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let (other, _) = upload(&server, &conversation, b"other");
    let refresh = format!("/conversations/{conversation}/content/{content}");
    let link = target(&server.get(&refresh).json()["download_url"]);
    let get = |target: &str| raw(&server.platform, "GET", target, &[], b"");
    for changed in [
        link.replace(&content, &other),
        link.replace(&content, "..%2f..%2flayer.db"),
        link.replace(&content, ".."),
        link.replace(&content, &content.replace('-', "")),
        link.replace("Expires=", "Expires=9"),
        format!("{}?", link.split('?').next().unwrap()),
        format!("{}{}", &link[..link.len() - 1], if link.ends_with('0') { '1' } else { '0' }),
        link.replace('?', "/upload?"),
    ] {
        let answer = get(&changed);
        assert!(matches!(answer.status, 403..=405), "{changed}: {answer:?}");
    }
    let put_to_download = raw(&server.platform, "PUT", &link.replace('?', "/upload?"), &[], BYTES);
    put_to_download.assert_error(403, "access_denied", None);
    server.platform.clock().advance(3_600_000);
    get(&link).assert_error(403, "access_denied", None);
    assert_eq!(get_bytes(&server, &target(&server.get(&refresh).json()["download_url"]), &[]).0, 200);
}

/// Contract 2.5: `404` when the bytes were never uploaded (assumed).
#[test]
fn content_that_was_never_uploaded_is_not_found() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let content = announce(&server, &conversation, "image/png", 9, "1.0").uuid();
    let path = |content: &str| format!("/conversations/{conversation}/content/{content}");
    server.get(&path(&content)).assert_error(404, "not_found", None);
    server.get(&path(UNKNOWN)).assert_error(404, "not_found", None);
    server.get(&path("wrong")).assert_error(400, "invalid_request_id", None);
    let other = server.conversation(&["jon"]);
    let (uploaded, _) = upload(&server, &conversation, BYTES);
    server.get(&format!("/conversations/{other}/content/{uploaded}")).assert_error(404, "not_found", None);
}

#[test]
fn an_upload_needs_a_type_a_size_and_a_conversation() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/content");
    let post = |headers: &[(&str, &str)]| server.send("POST", &path, headers, "");
    post(&[]).assert_error(422, "missing_property", Some("Upload-Content-Type"));
    post(&[("Upload-Content-Type", "a/b")]).assert_error(422, "missing_property", Some("Upload-Content-Length"));
    // Contract 2.5: at most 2 GB.
    for size in ["2147483649", "-1", "1e3", "18446744073709551616"] {
        let answer = post(&[("Upload-Content-Type", "a/b"), ("Upload-Content-Length", size)]);
        answer.assert_error(422, "invalid_property", Some("Upload-Content-Length"));
    }
    assert_eq!(announce(&server, &conversation, "a/b", 1 << 31, "1.0").status, 201);
    announce(&server, UNKNOWN, "a/b", 1, "1.0").assert_error(404, "not_found", None);
    server.delete(&format!("/conversations/{conversation}"));
    announce(&server, &conversation, "a/b", 1, "1.0").assert_error(410, "object_deleted", None);
}

#[test]
fn the_announced_size_is_the_size_that_is_taken() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let announced = announce(&server, &conversation, "image/png", 10, "1.0");
    let url = &announced.json()["upload_url"];
    for body in [&b"short"[..], b"much longer than ten"] {
        put(&server.platform, url, &[], body).assert_error(400, "invalid_request", None);
    }
    // Without a length of its own.
    for body in ["5\r\nshort\r\n0\r\n\r\n", "14\r\nmuch longer than ten\r\n0\r\n\r\n"] {
        let answer = put_chunked(&server.platform, url, body);
        answer.assert_error(400, "invalid_request", None);
    }
    let path = format!("/conversations/{conversation}/content/{}", announced.uuid());
    server.get(&path).assert_error(404, "not_found", None);
    let answer = put_chunked(&server.platform, url, "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n");
    assert_eq!((answer.status, answer.json()["size"].as_str()), (200, Some("10")));
    let link = target(&server.get(&path).json()["download_url"]);
    assert_eq!(raw(&server.platform, "GET", &link, &[], b"").body, "0123456789");
    // What is uploaded stays as it is: a repeated upload answers like the first.
    assert_eq!(put(&server.platform, url, &[], b"9876543210").json()["md5Hash"], answer.json()["md5Hash"]);
    assert_eq!(raw(&server.platform, "GET", &link, &[], b"").body, "0123456789");
}

/// Sends a body in the chunked encoding, which is given as it goes over the wire.
fn put_chunked(platform: &Platform, url: &Value, body: &str) -> Answer {
    let mut stream = TcpStream::connect(platform.url().strip_prefix("http://").unwrap()).unwrap();
    let head =
        format!("PUT {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n", target(url));
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer { status: head[9..12].parse().unwrap(), headers: vec![], body: body.to_owned() }
}

#[test]
fn empty_content_can_be_uploaded() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (content, uploaded) = upload(&server, &conversation, b"");
    assert_eq!(uploaded.json()["size"], "0");
    let refreshed = server.get(&format!("/conversations/{conversation}/content/{content}")).json();
    assert_eq!(get_bytes(&server, &target(&refreshed["download_url"]), &[]), (200, vec![]));
}

#[test]
fn an_upload_in_chunks_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataLocation::File(folder.path().join("layer.db"));
    let platform = Platform::start(Config { data: data.clone(), ..Config::default() }).unwrap();
    let app = platform.create_app().unwrap();
    let ask = |platform: &Platform, method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        request(platform, &app, method, path, headers, body)
    };
    let conversation = ask(&platform, "POST", "/conversations", &[], r#"{"participants":["a"]}"#).uuid();
    let headers = [("Upload-Content-Type", "text/plain"), ("Upload-Content-Length", "10")];
    let announced = ask(&platform, "POST", &format!("/conversations/{conversation}/content"), &headers, "");
    let url = announced.json()["upload_url"].clone();

    let nothing = put(&platform, &url, &[("Content-Range", "bytes */10")], b"");
    assert_eq!((nothing.status, nothing.header("range")), (308, None));
    let first = put(&platform, &url, &[("Content-Range", "bytes 0-3/10")], b"0123");
    assert_eq!((first.status, first.header("range")), (308, Some("bytes=0-3")));
    platform.close().unwrap();

    let platform = Platform::start(Config { data, ..Config::default() }).unwrap();
    let status = put(&platform, &url, &[("Content-Range", "bytes */*")], b"");
    assert_eq!((status.status, status.header("range")), (308, Some("bytes=0-3")));
    let gap = put(&platform, &url, &[("Content-Range", "bytes 6-9/10")], b"6789");
    gap.assert_error(400, "invalid_request", None);
    let wrong_total = put(&platform, &url, &[("Content-Range", "bytes 4-9/11")], b"456789");
    wrong_total.assert_error(400, "invalid_request", None);
    let wrong_length = put(&platform, &url, &[("Content-Range", "bytes 4-9/10")], b"4567");
    wrong_length.assert_error(400, "invalid_request", None);
    // Bytes that are there already are passed over.
    let overlapping = put(&platform, &url, &[("Content-Range", "bytes 2-5/*")], b"xx45");
    assert_eq!((overlapping.status, overlapping.header("range")), (308, Some("bytes=0-5")));
    let last = put(&platform, &url, &[("Content-Range", "bytes 6-9/10")], b"6789");
    assert_eq!(last.status, 200);
    // The MD5 of 0123456789.
    assert_eq!(last.json()["md5Hash"], "eB5eJF1ptWaXm4bijSPyxw==");
    assert_eq!(put(&platform, &url, &[("Content-Range", "bytes */10")], b"").status, 200);
}

#[test]
fn an_upload_that_breaks_off_can_be_resumed_and_is_the_only_one_until_then() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let announced = announce(&server, &conversation, "text/plain", 1_000_000, "1.0");
    let url = announced.json()["upload_url"].clone();
    let mut stream = TcpStream::connect(server.platform.url().strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "PUT {} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", target(&url)).unwrap();
    stream.write_all(&vec![b'x'; 600_000]).unwrap();
    let status = || put(&server.platform, &url, &[("Content-Range", "bytes */1000000")], b"");
    wait_until("some bytes are there", || status().header("range").is_some());
    put(&server.platform, &url, &[], &vec![b'y'; 1_000_000]).assert_error(409, "conflict", None);
    drop(stream);
    wait_until("what came is kept", || status().header("range") == Some("bytes=0-599999"));
    let rest =
        || put(&server.platform, &url, &[("Content-Range", "bytes 600000-999999/1000000")], &vec![b'x'; 400_000]);
    let mut answer = rest();
    // What came is there a moment before the upload is let go.
    wait_until("the upload is let go", || {
        answer.status != 409 || {
            answer = rest();
            answer.status == 200
        }
    });
    // MD5 of a million x.
    assert_eq!(answer.json()["md5Hash"], "7Hjb2WPS/AHlEXbtTewpng==");
}

/// Contract 2.5 and 3.6: content in a message, in every version, with a fresh link.
#[test]
fn a_message_with_content_shows_fresh_links() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let messages = format!("/conversations/{conversation}/messages");
    let sent = server.post(&messages, &message_with(&content, BYTES.len()));
    assert_eq!(sent.status, 201, "{sent:?}");
    let user_view = format!("/users/maria/messages/{}", sent.uuid());
    let mut parts = vec![sent.json()["parts"][1].clone()];
    for version in ["1.0", "1.1", "2.0", "3.0"] {
        parts.push(server.at(version).get(&messages).json()[0]["parts"][1].clone());
        parts.push(server.at(version).get(&user_view).json()["parts"][1].clone());
    }
    for part in parts {
        let shown = &part["content"];
        let expected = json!({
            "id": format!("layer:///content/{content}"),
            "size": BYTES.len(),
            "download_url": shown["download_url"],
            "refresh_url": format!("{}/conversations/{conversation}/content/{content}", server.prefix()),
            "expiration": shown["expiration"]
        });
        assert_eq!(shown, &expected, "{part}");
        assert_eq!(part["body"], Value::Null);
        assert_eq!(get_bytes(&server, &target(&shown["download_url"]), &[]), (200, BYTES.to_vec()));
    }
}

#[test]
fn a_message_refers_to_uploaded_content_of_its_own_conversation_and_its_size() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let other = server.conversation(&["jon"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let pending = announce(&server, &conversation, "image/png", 9, "1.0").uuid();
    let send = |conversation: &str, content: &str, size: usize| {
        server.post(&format!("/conversations/{conversation}/messages"), &message_with(content, size))
    };
    for (conversation, content, size) in [
        (&conversation, UNKNOWN, BYTES.len()),
        (&other, content.as_str(), BYTES.len()),
        (&conversation, content.as_str(), BYTES.len() + 1),
        (&conversation, pending.as_str(), 9),
    ] {
        send(conversation, content, size).assert_error(422, "invalid_property", Some("parts"));
    }
    assert_eq!(send(&conversation, &content, BYTES.len()).status, 201);
    let mut announcement = message_with(&content, BYTES.len());
    announcement["recipients"] = json!(["maria"]);
    server.post("/announcements", &announcement).assert_error(422, "invalid_property", Some("parts"));
}

#[test]
fn the_bytes_go_with_the_last_message_and_with_the_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let stored = folder.path().join("layer.db-files");
    let server = Server::on(Config { data: DataLocation::File(path), ..Config::default() });
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let (unsent, _) = upload(&server, &conversation, b"unsent");
    let messages = format!("/conversations/{conversation}/messages");
    let send = || server.post(&messages, &message_with(&content, BYTES.len())).uuid();
    let (first, second) = (send(), send());
    let refresh = format!("/conversations/{conversation}/content/{content}");
    let link = target(&server.get(&refresh).json()["download_url"]);
    server.delete(&format!("{messages}/{first}")).assert_empty(204);
    assert_eq!(server.get(&refresh).status, 200);
    server.delete(&format!("{messages}/{second}")).assert_empty(204);
    server.get(&refresh).assert_error(404, "not_found", None);
    raw(&server.platform, "GET", &link, &[], b"").assert_error(404, "not_found", None);
    wait_until("one file is left", || files(&stored).len() == 1);
    assert!(files(&stored)[0].ends_with(&unsent), "{:?}", files(&stored));
    server.delete(&format!("/conversations/{conversation}")).assert_empty(204);
    wait_until("no file is left", || files(&stored).is_empty());
}

/// What a crash leaves: a row that is gone, and a file that is not.
#[test]
fn files_that_nothing_uses_are_deleted_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let stored = folder.path().join("layer.db-files");
    let config = Config { data: DataLocation::File(path.clone()), ..Config::default() };
    let server = Server::on(config.clone());
    let conversation = server.conversation(&["maria"]);
    upload(&server, &conversation, BYTES);
    server.platform.close().unwrap();
    let name = files(&stored).pop().unwrap();
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&format!("INSERT INTO unused_files VALUES ('{name}'); DELETE FROM contents"))
        .unwrap();
    let platform = Platform::start(config).unwrap();
    wait_until("the file is deleted", || files(&stored).is_empty());
    // The row goes after the file, and with it the work is done.
    let left = rusqlite::Connection::open(&path).unwrap();
    wait_until("the row is deleted", || {
        left.query_row("SELECT count(*) FROM unused_files", [], |row| row.get::<_, i64>(0)).unwrap() == 0
    });
    platform.close().unwrap();
}

/// A release that named files by a number of the store left some under their old names.
#[test]
fn files_of_an_earlier_release_are_renamed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.db");
    let stored = folder.path().join("layer.db-files");
    let mut server = Server::on(Config { data: DataLocation::File(path.clone()), ..Config::default() });
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, b"some bytes");
    server.platform.close().unwrap();
    let new = files(&stored).pop().unwrap();
    assert!(new.contains(&server.app.app_id.to_string()), "{new}");
    std::fs::rename(stored.join(&new), stored.join("content-1-old")).unwrap();
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&format!("INSERT INTO renamed_files VALUES ('content-1-old', '{new}'), ('gone', 'gone-too')"))
        .unwrap();
    server.platform = Platform::start(Config { data: DataLocation::File(path.clone()), ..Config::default() }).unwrap();
    assert_eq!(files(&stored), [new]);
    let link = target(&server.get(&format!("/conversations/{conversation}/content/{content}")).json()["download_url"]);
    assert_eq!(raw(&server.platform, "GET", &link, &[], b"").body, "some bytes");
    server.platform.close().unwrap();
    let left = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(left.query_row("SELECT count(*) FROM renamed_files", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn a_reset_deletes_the_bytes_too() {
    let folder = tempfile::tempdir().unwrap();
    let stored = folder.path().join("layer.db-files");
    let config = Config {
        data: DataLocation::File(folder.path().join("layer.db")),
        admin_token: Some(layer_platform::Token::new("admin".into())),
        ..Config::default()
    };
    let server = Server::on(config);
    let conversation = server.conversation(&["maria"]);
    upload(&server, &conversation, BYTES);
    let headers = [("Authorization", "Bearer admin")];
    assert_eq!(raw(&server.platform, "POST", "/_platform/reset", &headers, b"").status, 204);
    assert!(files(&stored).is_empty());
    let conversation = server.conversation(&["maria"]);
    upload(&server, &conversation, BYTES);
}

#[test]
fn an_upload_that_never_came_is_given_up_after_a_week() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let announced = announce(&server, &conversation, "image/png", 9, "1.0");
    let url = announced.json()["upload_url"].clone();
    server.platform.clock().advance(7 * 24 * 3_600_000);
    put(&server.platform, &url, &[], b"123456789").assert_error(403, "access_denied", None);
}

/// Contract 2.5: `Upload-Origin` is for CORS.
#[test]
fn a_web_page_of_the_announced_origin_may_upload() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let path = format!("/conversations/{conversation}/content");
    let mut headers = vec![("Upload-Content-Type", "a/b"), ("Upload-Content-Length", "1")];
    let plain = server.send("POST", &path, &headers, "").json()["upload_url"].clone();
    headers.push(("Upload-Origin", "https://chat.example"));
    let url = server.send("POST", &path, &headers, "").json()["upload_url"].clone();
    let preflight = |url: &Value, origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "content-type,content-range"),
        ];
        raw(&server.platform, "OPTIONS", &target(url), &headers, b"")
    };
    let allowed = preflight(&url, "https://chat.example");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://chat.example"));
    assert_eq!(allowed.header("access-control-allow-methods"), Some("PUT, POST, OPTIONS"));
    assert_eq!(allowed.header("access-control-allow-headers"), Some("content-type,content-range"));
    for (url, origin) in [(&url, "https://evil.example"), (&plain, "https://chat.example")] {
        assert_eq!(preflight(url, origin).header("access-control-allow-origin"), None);
    }
    let refused = put(&server.platform, &url, &[("Origin", "https://chat.example")], b"too long");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://chat.example"));
    let uploaded = put(&server.platform, &url, &[("Origin", "https://chat.example")], b"x");
    assert_eq!((uploaded.status, uploaded.header("access-control-expose-headers")), (200, Some("Range")));
}

#[test]
fn a_database_in_memory_keeps_content_until_it_is_closed() {
    let server = Server::on(Config::default());
    let conversation = server.conversation(&["maria"]);
    let (content, _) = upload(&server, &conversation, BYTES);
    let refreshed = server.get(&format!("/conversations/{conversation}/content/{content}")).json();
    assert_eq!(get_bytes(&server, &target(&refreshed["download_url"]), &[]), (200, BYTES.to_vec()));
    let holds_content = |entry: &fs::DirEntry| files(&entry.path()).iter().any(|name| name.ends_with(&content));
    let folders = || fs::read_dir(std::env::temp_dir()).unwrap().filter_map(Result::ok).filter(holds_content).count();
    assert_eq!(folders(), 1);
    server.platform.close().unwrap();
    assert_eq!(folders(), 0);
}

/// A line of what the system says about the memory of a process, in bytes.
#[cfg(target_os = "linux")]
fn resident(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// 200 MB go through the process of its own with a few MB of memory, in and out.
#[cfg(target_os = "linux")]
#[test]
fn uploads_and_downloads_need_little_memory_whatever_their_size() {
    const SIZE: usize = 200 * 1024 * 1024;
    const BOUND: u64 = 48 * 1024 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let mut running = crate::crash::start_process(&folder.path().join("layer.db"));
    let pid = running.process_id();
    let conversation = running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
    let size = SIZE.to_string();
    let headers = [("Upload-Content-Type", "a/b"), ("Upload-Content-Length", size.as_str())];
    let path = format!("/conversations/{conversation}/content");
    let body = request_at(&running.address, &running.app(), "POST", &path, &headers, "").json();

    let before = resident(pid, "VmHWM");
    let mut stream = TcpStream::connect(&running.address).unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n",
        target(&body["upload_url"])
    );
    stream.write_all(head.as_bytes()).unwrap();
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..SIZE / zeros.len() {
        stream.write_all(&zeros).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();

    let mut stream = TcpStream::connect(&running.address).unwrap();
    let head = format!("GET {} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target(&body["mediaLink"]));
    stream.write_all(head.as_bytes()).unwrap();
    // Not kept: it is this process that would need the memory.
    let (mut buffer, mut length) = (vec![0; 1024 * 1024], 0);
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => length += count,
        }
    }
    assert!(length > SIZE);
    let grown = resident(pid, "VmHWM") - before;
    assert!(grown < BOUND, "{grown} bytes more than before");
    running.kill();
}

/// Killed in the middle of an upload, the platform goes on where it was.
#[cfg(unix)]
#[test]
fn an_upload_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("layer.db");
    let mut running = crate::crash::start_process(&data);
    let app = running.app();
    let conversation = running.create("/conversations", r#"{"participants":["a"]}"#).unwrap();
    let path = format!("/conversations/{conversation}/content");
    let headers = [("Upload-Content-Type", "text/plain"), ("Upload-Content-Length", "1000000")];
    let announced = request_at(&running.address, &app, "POST", &path, &headers, "");
    let url = announced.json()["upload_url"].clone();
    let mut stream = TcpStream::connect(&running.address).unwrap();
    write!(stream, "PUT {} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n", target(&url)).unwrap();
    stream.write_all(&vec![b'x'; 600_000]).unwrap();
    let stored = folder.path().join("layer.db-files");
    let length = || {
        fs::read_dir(&stored)
            .map_or(0, |mut all| all.next().map_or(0, |entry| entry.unwrap().metadata().unwrap().len()))
    };
    wait_until("some bytes are there", || length() >= 256 * 1024);
    running.kill();

    let platform = Platform::start(Config { data: DataLocation::File(data), ..Config::default() }).unwrap();
    let path = format!("{path}/{}", announced.uuid());
    assert_eq!(request(&platform, &app, "GET", &path, &[], "").status, 404);
    let status = put(&platform, &url, &[("Content-Range", "bytes */1000000")], b"");
    let next: usize = status.header("range").unwrap().rsplit('-').next().unwrap().parse::<usize>().unwrap() + 1;
    assert!((256 * 1024..=600_000).contains(&next));
    let range = format!("bytes {next}-999999/1000000");
    let answer = put(&platform, &url, &[("Content-Range", &range)], &vec![b'x'; 1_000_000 - next]);
    assert_eq!((answer.status, answer.json()["size"].as_str()), (200, Some("1000000")));
    let link = target(&request(&platform, &app, "GET", &path, &[], "").json()["download_url"]);
    assert_eq!(raw(&platform, "GET", &link, &[], b"").body, "x".repeat(1_000_000));
}

/// Contract 2.2.5: what waits to be sent refers to its content, too.
#[test]
fn the_bytes_of_a_delayed_message_stay_until_it_is_sent_or_dropped() {
    let server = start();
    server.platform.clock().freeze(None);
    let conversation = server.conversation(&["maria", "jon"]);
    let path = format!("/conversations/{conversation}/messages");
    let get = |content: &str| server.get(&format!("/conversations/{conversation}/content/{content}")).status;
    let (kept, _) = upload(&server, &conversation, BYTES);
    let now = server.post(&path, &message_with(&kept, BYTES.len())).uuid();
    let mut delayed = message_with(&kept, BYTES.len());
    delayed["schedule"] = json!({ "delay_in_seconds": 60 });
    assert_eq!(server.post(&path, &delayed).status, 202);
    server.delete(&format!("{path}/{now}")).assert_empty(204);
    assert_eq!(get(&kept), 200);
    server.platform.clock().advance(60_000);
    wait_until("the message is sent", || server.get(&path).header("layer-count") == Some("1"));
    assert_eq!(get(&kept), 200);
    let sent = server.get(&path).json()[0]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    server.delete(&format!("{path}/{sent}")).assert_empty(204);
    assert_eq!(get(&kept), 404);

    let (dropped, _) = upload(&server, &conversation, BYTES);
    let mut delayed = message_with(&dropped, BYTES.len());
    delayed["schedule"] = json!({ "delay_in_seconds": 60 });
    delayed["sender"] = json!({ "user_id": "jon" });
    assert_eq!(server.post(&path, &delayed).status, 202);
    assert_eq!(get(&dropped), 200);
    let operations = json!([{ "operation": "remove", "property": "participants", "value": "jon" }]);
    server.patch(&format!("/conversations/{conversation}"), &operations).assert_empty(204);
    assert_eq!(get(&dropped), 404);
}

/// Contract 2.2.6.
#[test]
fn the_bytes_go_with_the_last_part_that_refers_to_them() {
    let server = start();
    let conversation = server.conversation(&["maria"]);
    let (first, _) = upload(&server, &conversation, BYTES);
    let (second, _) = upload(&server, &conversation, BYTES);
    let get = |content: &str| server.get(&format!("/conversations/{conversation}/content/{content}")).status;
    let message = server.post(&format!("/conversations/{conversation}/messages"), &message_with(&first, BYTES.len()));
    let path = format!("/conversations/{conversation}/messages/{}/parts", message.uuid());
    let part = |content: &str| message_with(content, BYTES.len())["parts"][1].clone();
    let added = server.at("3.0").post(&path, &part(&first)).json();
    assert!(added["content"]["download_url"].is_string(), "{added}");
    let id = |index: usize| {
        let parts = server.at("3.0").get(&path).json();
        parts[index]["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    server.at("3.0").delete(&format!("{path}/{}", id(1))).assert_empty(204);
    assert_eq!(get(&first), 200);
    assert_eq!(server.at("3.0").put(&format!("{path}/{}", id(1)), &part(&second)).status, 200);
    assert_eq!((get(&first), get(&second)), (404, 200));
    let gone = server.at("3.0").post(&path, &part(&first));
    gone.assert_error(422, "invalid_property", Some("parts"));
    assert_eq!(server.at("3.0").put(&path, &json!([])).status, 200);
    assert_eq!(get(&second), 404);
}
