//! A client that writes bytes and reads answers strictly: what is not well-formed is an error.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::PATIENCE;

/// One connection to a server.
pub struct Client {
    pub stream: TcpStream,
    /// Read and not used.
    buffer: Vec<u8>,
    patience: Duration,
}

/// An answer, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body was chunked.
    pub chunked: bool,
}

impl Answer {
    /// The value of a field that is there once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} twice: {self:?}");
        value.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text is UTF-8")
    }

    /// Whether it says that the connection ends with it.
    pub fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

/// What a try to read came to.
enum Got {
    Bytes,
    End,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        Client::from(TcpStream::connect_timeout(&address, PATIENCE).unwrap())
    }

    /// From an address of one's own.
    pub fn connect_from(from: IpAddr, to: SocketAddr) -> Client {
        Client::open(to, |socket| {
            socket.bind(&SockAddr::from(SocketAddr::new(from, 0)))
        })
    }

    /// With room for a few KiB of the answer only.
    pub fn with_small_window(address: SocketAddr) -> Client {
        Client::open(address, |socket| socket.set_recv_buffer_size(4096))
    }

    fn open(to: SocketAddr, prepare: impl Fn(&Socket) -> io::Result<()>) -> Client {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
        prepare(&socket).unwrap();
        socket.connect_timeout(&to.into(), PATIENCE).unwrap();
        Client::from(TcpStream::from(socket))
    }

    /// Another bound for all waits than [`PATIENCE`].
    pub fn patience(mut self, patience: Duration) -> Client {
        self.patience = patience;
        self
    }

    /// The client's own port.
    pub fn port(&self) -> u16 {
        self.stream.local_addr().unwrap().port()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap();
    }

    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that no more will be sent; answers are still read.
    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        let socket = Socket::from(self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// A `GET` and its answer.
    pub fn get(&mut self, target: &str) -> Answer {
        self.get_with(target, "")
    }

    /// A `GET` with more field lines.
    pub fn get_with(&mut self, target: &str, fields: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        self.answer()
    }

    pub fn answer(&mut self) -> Answer {
        self.try_answer(false).unwrap()
    }

    /// The answer to a `HEAD`: it has no body, whatever it says.
    pub fn answer_without_body(&mut self) -> Answer {
        self.try_answer(true).unwrap()
    }

    /// Nothing more comes, and the connection is closed in an orderly way.
    pub fn expect_closed(&mut self) {
        self.try_closed().unwrap();
    }

    /// See [`Client::expect_closed`]; the error says what came instead.
    pub fn try_closed(&mut self) -> Result<(), String> {
        let until = Instant::now() + self.patience;
        match self.fill(until) {
            Ok(Got::End) if self.buffer.is_empty() => Ok(()),
            Ok(_) => Err(format!("not closed but: {}", shown(&self.buffer))),
            Err(error) => Err(format!("not closed: {error}")),
        }
    }

    /// Closed or reset, whatever came before.
    pub fn expect_gone(&mut self) {
        let until = Instant::now() + self.patience;
        loop {
            self.buffer.clear();
            match self.fill(until) {
                Ok(Got::Bytes) => {}
                Ok(Got::End) => return,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("not gone: {error}"),
            }
        }
    }

    /// All bytes up to the orderly end of the connection.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let (rest, end) = self.rest_and_end();
        end.map(|()| rest)
    }

    /// All bytes up to the end of the connection, and how it ended.
    pub fn rest_and_end(&mut self) -> (Vec<u8>, io::Result<()>) {
        let until = Instant::now() + self.patience;
        let end = loop {
            match self.fill(until) {
                Ok(Got::Bytes) => {}
                Ok(Got::End) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        (std::mem::take(&mut self.buffer), end)
    }

    /// The next `len` bytes, whatever they are.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let until = Instant::now() + self.patience;
        self.need(len, until).unwrap();
        self.take(len)
    }

    /// Reads on until `wanted` was seen; what comes up to its end.
    pub fn until(&mut self, wanted: &str) -> String {
        let until = Instant::now() + self.patience;
        loop {
            if let Some(at) = find(&self.buffer, wanted.as_bytes()) {
                let seen = self.take(at + wanted.len());
                return String::from_utf8(seen).unwrap();
            }
            let instead = |why: &str, buffer: &[u8]| -> ! {
                panic!("no {wanted:?} but {why} after {}", shown(buffer))
            };
            match self.fill(until) {
                Ok(Got::Bytes) => {}
                Ok(Got::End) => instead("the end", &self.buffer),
                Err(error) => instead(&error.to_string(), &self.buffer),
            }
        }
    }

    /// The next answer, or what is wrong with it.
    pub fn try_answer(&mut self, head_only: bool) -> Result<Answer, String> {
        let until = Instant::now() + self.patience;
        let mut answer = self.head(until)?;
        if head_only || answer.status < 200 || matches!(answer.status, 204 | 304) {
            return Ok(answer);
        }
        answer.body = match (answer.chunked, answer.header("content-length")) {
            (true, None) => self.chunks(until)?,
            (false, Some(len)) => {
                let len = len.parse().map_err(|_| format!("a length of {len:?}"))?;
                self.need(len, until)?;
                self.take(len)
            }
            (false, None) if answer.closes() => self.rest().map_err(|e| e.to_string())?,
            _ => return Err(format!("no framing, or two: {answer:?}")),
        };
        Ok(answer)
    }

    fn head(&mut self, until: Instant) -> Result<Answer, String> {
        let status = self.line(until)?;
        let code = status
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.split_once(' '))
            .filter(|(code, _)| code.len() == 3)
            .and_then(|(code, _)| code.parse().ok())
            .ok_or_else(|| format!("no status line: {status:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line(until)?;
            if line.is_empty() {
                break;
            }
            headers.push(field(&line)?);
        }
        let mut answer = Answer {
            status: code,
            headers,
            body: Vec::new(),
            chunked: false,
        };
        answer.chunked = match answer.header("transfer-encoding") {
            None => false,
            Some("chunked") => true,
            Some(other) => return Err(format!("transfer-encoding: {other}")),
        };
        // RFC 9110, 6.6.1: on errors of the server it may be left out.
        if (200..500).contains(&code) && answer.header("date").is_none() {
            return Err(format!("no date: {answer:?}"));
        }
        Ok(answer)
    }

    fn chunks(&mut self, until: Instant) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        loop {
            let size = self.line(until)?;
            let len = usize::from_str_radix(&size, 16).map_err(|_| format!("a size {size:?}"))?;
            if len == 0 {
                let end = self.line(until)?;
                return if end.is_empty() {
                    Ok(body)
                } else {
                    Err(format!("a trailer: {end:?}"))
                };
            }
            self.need(len + 2, until)?;
            body.extend(self.take(len));
            if self.take(2) != b"\r\n" {
                return Err("a chunk that does not end".into());
            }
        }
    }

    /// One line, without its CR LF.
    fn line(&mut self, until: Instant) -> Result<String, String> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let mut line = self.take(at + 2);
                line.truncate(at);
                if line
                    .iter()
                    .any(|&byte| byte.is_ascii_control() && byte != b'\t')
                {
                    return Err(format!("control characters: {}", shown(&line)));
                }
                return String::from_utf8(line).map_err(|error| error.to_string());
            }
            self.need(self.buffer.len() + 1, until)?;
        }
    }

    /// Has at least `len` bytes in the buffer.
    fn need(&mut self, len: usize, until: Instant) -> Result<(), String> {
        while self.buffer.len() < len {
            match self.fill(until) {
                Ok(Got::Bytes) => {}
                Ok(Got::End) => return Err(format!("the end after {}", shown(&self.buffer))),
                Err(error) => return Err(format!("{error} after {}", shown(&self.buffer))),
            }
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(len);
        std::mem::replace(&mut self.buffer, rest)
    }

    fn fill(&mut self, until: Instant) -> io::Result<Got> {
        let left = until.saturating_duration_since(Instant::now());
        self.stream
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let mut bytes = [0; 16 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Ok(Got::End),
            read => {
                self.buffer.extend_from_slice(&bytes[..read]);
                Ok(Got::Bytes)
            }
        }
    }
}

impl From<TcpStream> for Client {
    fn from(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            buffer: Vec::new(),
            patience: PATIENCE,
        }
    }
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(": ").ok_or(format!("no field: {line:?}"))?;
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(good) {
        return Err(format!("no field name: {line:?}"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|seen| seen == wanted)
}

/// Whether `wanted` is in `bytes`.
pub fn contains(bytes: &[u8], wanted: &str) -> bool {
    wanted.is_empty() || find(bytes, wanted.as_bytes()).is_some()
}

fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(300);
    format!(
        "{} bytes {:?}",
        bytes.len(),
        String::from_utf8_lossy(&bytes[..end])
    )
}
