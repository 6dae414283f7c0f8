//! A client of few words: one request at a time over a connection that stays open.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// Longest wait for a piece of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What a server said.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status line and the fields, with their line ends.
    pub head: String,
    /// All of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the first field of that name, which is given in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields();
        let found = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    /// All fields: names as they came, and values.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self
            .head
            .split("\r\n")
            .filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim()))
    }
}

/// Connects. Dropped, the connection is reset: a close in good order would keep its port for a
/// minute, and ten thousand at a time soon use up what ports there are.
///
/// # Errors
/// Where the system or the server refuses.
pub fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A client that keeps its connection as long as the server does, and then takes another one.
pub struct Kept {
    to: SocketAddr,
    patience: Duration,
    stream: Option<TcpStream>,
}

impl Kept {
    /// Of a server; `patience` is the longest wait for a piece of an answer.
    pub fn new(to: SocketAddr, patience: Duration) -> Self {
        Self {
            to,
            patience,
            stream: None,
        }
    }

    /// As [`ask`]; after an error the next request has a connection of its own.
    ///
    /// # Errors
    /// As [`connect`] and [`ask`].
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = connect(self.to)?;
                stream.set_read_timeout(Some(self.patience))?;
                stream
            }
        };
        let answer = ask(&mut stream, request)?;
        if answer.field("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// As [`get`]; see [`Kept::ask`].
    ///
    /// # Errors
    /// As [`Kept::ask`].
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(&request(path))
    }
}

/// Asks for a path and takes the answer, which must say its length.
///
/// # Errors
/// Where the connection fails, or the answer is none.
pub fn get(stream: &mut (impl Read + Write), path: &str) -> io::Result<Answer> {
    ask(stream, &request(path))
}

/// As [`get`], with more fields, each a line without its end.
///
/// # Errors
/// As [`get`].
pub fn get_with(
    stream: &mut (impl Read + Write),
    path: &str,
    fields: &[String],
) -> io::Result<Answer> {
    let lines: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{lines}\r\n");
    ask(stream, request.as_bytes())
}

/// Sends a request as it is and takes the answer, which must say its length.
///
/// # Errors
/// Where the connection fails, or the answer is none.
pub fn ask(stream: &mut (impl Read + Write), request: &[u8]) -> io::Result<Answer> {
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let mut more = |bytes: &mut Vec<u8>| match stream.read(&mut buffer)? {
        0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        count => {
            bytes.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    };
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(invalid("a head without an end"));
        }
        more(&mut bytes)?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let (status, length) = parse(&text)?;
    while bytes.len() < head + length {
        more(&mut bytes)?;
    }
    if bytes.len() > head + length {
        return Err(invalid("more bytes than Content-Length says"));
    }
    bytes.drain(..head);
    Ok(Answer {
        status,
        head: text,
        body: bytes,
    })
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").into_bytes()
}

/// Status and length of the body.
fn parse(head: &str) -> io::Result<(u16, usize)> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find_map(
            |(name, value)| match name.eq_ignore_ascii_case("content-length") {
                true => value.trim().parse().ok(),
                false => None,
            },
        );
    Ok((
        status.ok_or_else(|| invalid("no status line"))?,
        length.ok_or_else(|| invalid("no Content-Length"))?,
    ))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Whether a connection on which nothing is expected is still open.
pub fn is_open(stream: &TcpStream) -> bool {
    let peeked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut [0]));
    matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_is_kept_until_the_server_ends_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut kept = Kept::new(listener.local_addr().expect("bound"), PATIENCE);
        let mut server = None;
        let mut check = |accepts: bool, text: &str, field: Option<&str>| {
            let stream = kept.stream.take();
            kept.stream = Some(stream.unwrap_or_else(|| connect(kept.to).expect("a server")));
            if accepts {
                server = Some(listener.accept().expect("a client").0);
            }
            let stream = server.as_mut().expect("a connection");
            stream.write_all(text.as_bytes()).expect("a client");
            let answer = kept.get("/").expect("an answer");
            assert_eq!(answer.field("connection"), field);
        };
        check(true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None);
        let last = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        check(false, last, Some("close"));
        check(true, last, Some("close"));
    }

    #[test]
    fn fields_are_sent_as_lines() {
        let mut stream = Cursor::new(Vec::new());
        let fields = ["Cookie: a=b".to_owned(), "X-A: 1".to_owned()];
        // There is no answer in it.
        assert!(get_with(&mut stream, "/a", &fields).is_err());
        let sent = "GET /a HTTP/1.1\r\nHost: bench\r\nCookie: a=b\r\nX-A: 1\r\n\r\n";
        assert_eq!(stream.into_inner(), sent.as_bytes());
    }

    #[test]
    fn an_answer_is_taken_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut stream = connect(listener.local_addr().expect("bound")).expect("a server");
        let (mut server, _) = listener.accept().expect("a client");
        let mut ask = |text: &str| {
            server.write_all(text.as_bytes()).expect("a client");
            get(&mut stream, "/").map_err(|error| error.to_string())
        };
        let answer = ask("HTTP/1.1 404 Not Found\r\ncontent-LENGTH: 2\r\n\r\nno").expect("one");
        assert_eq!((answer.status, answer.body), (404, b"no".to_vec()));
        let error = ask("HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(error, Err("no Content-Length".to_owned()));
        let error = ask("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nno");
        assert_eq!(error, Err("more bytes than Content-Length says".to_owned()));
        assert!(is_open(&stream));
        drop(server);
        assert!(!is_open(&stream));
    }
}
