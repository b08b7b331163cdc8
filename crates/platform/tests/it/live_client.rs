//! The socket of a client, as the SDKs speak over it.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client::client_with_config};

use crate::client::{PATIENCE, Server};
use crate::device::{Device, Signer};

/// An open socket. It checks of every packet that it is counted and dated.
pub struct Live {
    pub socket: WebSocket<TcpStream>,
    counter: u64,
    requests: u64,
    timestamp: String,
    put_off: VecDeque<Value>,
    pub version: &'static str,
}

/// How the opening of a socket was answered: its status and its body.
pub type Refusal = (u16, Value);

impl Live {
    /// Opens the socket of a device in its version.
    pub fn open(device: &Device<'_>) -> Self {
        let target = format!("/?session_token={}", device.session);
        let headers = [("Sec-WebSocket-Protocol", &*format!("layer-{}", device.version))];
        Self { version: device.version, ..Self::try_open(device.server, &target, &headers).unwrap() }
    }

    /// Opens a socket as told.
    pub fn try_open(server: &Server, target: &str, headers: &[(&str, &str)]) -> Result<Self, Refusal> {
        let address = server.platform.url().strip_prefix("http://").expect("plain HTTP");
        Self::try_open_at(address, target, headers)
    }

    /// The same for a platform of which only the address is known.
    pub fn try_open_at(address: &str, target: &str, headers: &[(&str, &str)]) -> Result<Self, Refusal> {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut request = format!("ws://{address}{target}").into_client_request().unwrap();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        match client_with_config(request, stream, Some(config)) {
            Ok((socket, _)) => Ok(Self {
                socket,
                counter: 0,
                requests: 0,
                timestamp: String::new(),
                put_off: VecDeque::new(),
                version: "2.0",
            }),
            Err(HandshakeError::Failure(Error::Http(answer))) => {
                let status = answer.status().as_u16();
                let body = answer.into_body().unwrap_or_default();
                Err((status, serde_json::from_slice(&body).unwrap_or_default()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// The next packet, if the socket is not closed.
    pub fn try_read(&mut self) -> Option<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let packet: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(packet["counter"], self.counter, "{packet}");
                    self.counter += 1;
                    packet["timestamp"].as_str().unwrap().clone_into(&mut self.timestamp);
                    assert_eq!(self.timestamp.len(), "2016-02-03T01:13:49.023Z".len(), "{packet}");
                    return Some(packet);
                }
                Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => {
                    return None;
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() != std::io::ErrorKind::WouldBlock => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next packet that nobody asked for.
    pub fn packet(&mut self) -> Value {
        self.put_off.pop_front().unwrap_or_else(|| self.try_read().expect("an open socket"))
    }

    /// What the next change says: the operation, the type and the id of the object, the data.
    pub fn told(&mut self) -> (String, String, String, Value) {
        told_in(&self.packet())
    }

    /// The time of the packet that came last.
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    pub fn send(&mut self, packet: &Value) {
        self.socket.send(Message::text(packet.to_string())).unwrap();
    }

    /// Sends a request and returns the body of its answer. What comes before the answer is kept for later, and told.
    pub fn ask_and_hear(&mut self, method: &str, object: Option<&str>, data: &Value) -> (Value, usize) {
        self.requests += 1;
        let id = format!("r{}", self.requests);
        let mut body = json!({ "method": method, "request_id": id, "data": data });
        if let Some(object) = object {
            body["object_id"] = json!(object);
        }
        self.send(&json!({ "type": "request", "body": body }));
        let before = self.put_off.len();
        loop {
            let packet = self.try_read().expect("an open socket");
            if packet["type"] == "response" {
                assert_eq!((&packet["body"]["request_id"], &packet["body"]["method"]), (&json!(id), &json!(method)));
                return (packet["body"].clone(), self.put_off.len() - before);
            }
            self.put_off.push_back(packet);
        }
    }

    /// The data of the answer to a request that succeeds.
    pub fn ask(&mut self, method: &str, object: Option<&str>, data: &Value) -> Value {
        let (answer, _) = self.ask_and_hear(method, object, data);
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    /// The error object of a request that fails.
    pub fn refusal(&mut self, method: &str, object: Option<&str>, data: &Value) -> Value {
        let (answer, _) = self.ask_and_hear(method, object, data);
        assert_eq!(answer["success"], false, "{answer}");
        let error = &answer["data"];
        assert!(error["url"].as_str().unwrap().contains("/docs/client/"), "{error}");
        error.clone()
    }

    /// What is replayed from a time.
    pub fn replay(&mut self, from: &str) -> (Vec<Value>, Value) {
        assert!(self.put_off.is_empty(), "{:?}", self.put_off);
        let (answer, count) = self.ask_and_hear("Event.replay", None, &json!({ "from_timestamp": from }));
        assert_eq!(count, self.put_off.len());
        (std::mem::take(&mut self.put_off).into(), answer)
    }

    /// Sends a signal.
    pub fn type_in(&mut self, conversation: &str, action: &str) {
        let body = json!({
            "type": "typing_indicator", "object": { "id": conversation }, "data": { "action": action },
        });
        self.send(&json!({ "type": "signal", "body": body }));
    }

    /// Reads until the socket is closed.
    pub fn wait_for_end(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.try_read().is_some() {
            assert!(Instant::now() < deadline, "the socket stays open");
        }
    }
}

/// What a packet says, which must be a change, as [`Live::told`] has it.
pub fn told_in(packet: &Value) -> (String, String, String, Value) {
    assert_eq!(packet["type"], "change", "{packet}");
    let body = &packet["body"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &body["object"];
    assert!(object["url"].as_str().unwrap().starts_with("http://"), "{body}");
    (text(&body["operation"]), text(&object["type"]), text(&object["id"]), body["data"].clone())
}

/// Users of one app with a device each.
pub struct People<'s> {
    signer: Signer<'static>,
    server: &'s Server,
}

impl<'s> People<'s> {
    pub fn of(server: &'s Server) -> Self {
        Self { signer: Signer::of(server), server }
    }

    /// Signs a user in and opens a socket.
    pub fn join(&self, user: &str, version: &'static str) -> (Device<'s>, Live) {
        let device = self.signer.device(self.server, user).at(version);
        let live = Live::open(&device);
        (device, live)
    }
}

/// The full id of a conversation.
pub fn conversation_id(uuid: &str) -> String {
    format!("layer:///conversations/{uuid}")
}

/// The full id of a message.
pub fn message_id(uuid: &str) -> String {
    format!("layer:///messages/{uuid}")
}

/// The last segment of an id.
pub fn uuid(id: &str) -> &str {
    id.rsplit('/').next().expect("a last segment")
}
