//! Requests as tests write them: any method, fields and body, any bytes on the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::{Answer, PATIENCE, Server, receive};

const CLOSE: &str = "close";

/// A request that is being written.
#[derive(Clone, Debug)]
pub struct Ask {
    method: String,
    path: String,
    host: String,
    fields: String,
    body: Vec<u8>,
}

impl Ask {
    /// With this method, for this path as it stands here, of the host `localhost`.
    pub fn new(method: &str, path: &str) -> Ask {
        Ask {
            method: method.to_owned(),
            path: path.to_owned(),
            host: "localhost".to_owned(),
            fields: String::new(),
            body: Vec::new(),
        }
    }

    /// `GET`.
    pub fn get(path: &str) -> Ask {
        Ask::new("GET", path)
    }

    /// `POST` with a body of that type.
    pub fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Ask {
        let ask = Ask::new("POST", path).field("Content-Type", content_type);
        Ask {
            body: body.into(),
            ..ask
        }
    }

    /// With a body, of whatever type.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Ask {
        self.body = body.into();
        self
    }

    /// Of another host.
    pub fn of(mut self, host: &str) -> Ask {
        host.clone_into(&mut self.host);
        self
    }

    /// With a field.
    pub fn field(mut self, name: &str, value: &str) -> Ask {
        self.fields.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// What goes over the wire; `connection` is what becomes of the connection.
    pub(super) fn bytes(&self, connection: &str) -> Vec<u8> {
        let Ask {
            method,
            path,
            host,
            fields,
            body,
        } = self;
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n{fields}"
        );
        if !body.is_empty() || ["POST", "PUT", "PATCH"].contains(&method.as_str()) {
            bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        bytes.push_str("\r\n");
        [bytes.as_bytes(), body].concat()
    }

    /// The answer of a server.
    pub fn to(&self, server: &Server) -> Answer {
        self.at(&server.address)
    }

    /// The answer from an address.
    pub fn at(&self, address: &str) -> Answer {
        match address.strip_prefix("unix:") {
            Some(path) => self.over(UnixStream::connect(path).unwrap()),
            None => {
                let stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                self.over(stream)
            }
        }
    }

    /// Sends it and leaves the answer to be read.
    pub fn sent_to(&self, server: &Server) -> TcpStream {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&self.bytes(CLOSE)).unwrap();
        stream
    }

    fn over(&self, mut stream: impl Read + Write) -> Answer {
        // Whoever is refused before all is sent finds the other side closed; the answer is there.
        let _ = stream
            .write_all(&self.bytes(CLOSE))
            .and_then(|()| stream.flush());
        let mut answer = receive(stream);
        if self.method != "HEAD" && answer.header("transfer-encoding").is_some() {
            answer.body = joined(&answer.body);
        }
        answer
    }
}

/// The pieces of a chunked body. Panics where one is missing.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    loop {
        let (len, rest) = chunks.split_once("\r\n").expect("a chunk");
        let len = usize::from_str_radix(len, 16).expect("the length of a chunk");
        if len == 0 {
            return body;
        }
        body.push_str(&rest[..len]);
        chunks = &rest[len + 2..];
    }
}

impl Answer {
    /// All values of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status and body.
    pub fn told(&self) -> (u16, &str) {
        (self.status, &self.body)
    }
}
