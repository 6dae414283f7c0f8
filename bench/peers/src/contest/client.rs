//! A client of few words: one GET at a time over a connection that stays open.

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
    /// All of the body.
    pub body: Vec<u8>,
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

/// Asks for a path and takes the answer, which must say its length.
///
/// # Errors
/// Where the connection fails, or the answer is none.
pub fn get(stream: &mut (impl Read + Write), path: &str) -> io::Result<Answer> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes())?;
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
    let (status, length) = parse(&String::from_utf8_lossy(&bytes[..head]))?;
    while bytes.len() < head + length {
        more(&mut bytes)?;
    }
    if bytes.len() > head + length {
        return Err(invalid("more bytes than Content-Length says"));
    }
    bytes.drain(..head);
    Ok(Answer {
        status,
        body: bytes,
    })
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
    use std::net::TcpListener;

    use super::*;

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
