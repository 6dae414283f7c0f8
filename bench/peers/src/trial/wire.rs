//! HTTP as bytes: connections from any address of this machine, and where each answer ends.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_linger, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

/// Longest wait for a connection, for room to write and for a piece of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a connection reads at a time, at first; where an answer is longer it doubles.
const BUFFER_BYTES: usize = 4 * 1024;

/// An answer, without its body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// No further request is read on this connection.
    pub closes: bool,
    /// It says when to come again.
    pub retry_after: bool,
}

/// Connects from an address of this machine. Dropped, the connection is reset, so that it does not
/// keep its port for a minute.
///
/// # Errors
/// Where the system or the server refuses.
pub fn dial(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let kind = (AddressFamily::INET, SocketType::STREAM);
    let socket = socket_with(kind.0, kind.1, SocketFlags::CLOEXEC, None)?;
    // It bounds the connect as well.
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A connection, with what was read from it and not yet taken.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The bytes between `start` and `end` of the buffer wait to be taken.
    start: usize,
    end: usize,
}

impl Wire {
    /// Over a fresh connection.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: vec![0; BUFFER_BYTES],
            start: 0,
            end: 0,
        }
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether something of an answer is there that has not been taken.
    pub fn has_begun(&self) -> bool {
        self.start < self.end
    }

    /// Sends all of the bytes.
    ///
    /// # Errors
    /// Where the connection fails, or takes nothing for too long.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// Where the connection fails or ends before it, or what comes is no answer.
    pub fn reply(&mut self) -> io::Result<Reply> {
        loop {
            if let Some(reply) = self.take()? {
                return Ok(reply);
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads once; 0 at the end of the stream.
    ///
    /// # Errors
    /// Where the connection fails, or has nothing and does not wait.
    pub fn fill(&mut self) -> io::Result<usize> {
        if self.end == self.buffer.len() {
            match self.start {
                0 => self.buffer.resize(2 * self.end, 0),
                start => self.buffer.copy_within(start.., 0),
            }
            self.end -= self.start;
            self.start = 0;
        }
        let count = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// The next answer, if all of it has been read.
    ///
    /// # Errors
    /// Where what was read is no answer.
    pub fn take(&mut self) -> io::Result<Option<Reply>> {
        let Some((reply, length)) = parse(&self.buffer[self.start..self.end])? else {
            return Ok(None);
        };
        self.start += length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        Ok(Some(reply))
    }
}

/// The answer at the beginning of the bytes and its length with the body, if all of it is there.
fn parse(bytes: &[u8]) -> io::Result<Option<(Reply, usize)>> {
    let Some((status, mut at)) = line(bytes) else {
        return Ok(None);
    };
    let digits = status.strip_prefix(b"HTTP/1.").and_then(|s| s.get(2..5));
    let mut reply = Reply {
        status: digits
            .and_then(number)
            .ok_or_else(|| invalid("no status line"))? as u16,
        body_bytes: 0,
        closes: false,
        retry_after: false,
    };
    let (mut length, mut chunked) = (None, false);
    loop {
        let Some((field, taken)) = line(&bytes[at..]) else {
            return Ok(None);
        };
        at += taken;
        let Some(colon) = field.iter().position(|&byte| byte == b':') else {
            match field.is_empty() {
                true => break,
                false => return Err(invalid("a field without a colon")),
            }
        };
        let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match name.len() {
            10 if is("connection") => reply.closes = value.eq_ignore_ascii_case(b"close"),
            11 if is("retry-after") => reply.retry_after = number(value).is_some(),
            14 if is("content-length") => length = number(value),
            17 if is("transfer-encoding") => chunked = value.eq_ignore_ascii_case(b"chunked"),
            _ => {}
        }
    }
    match (chunked, length) {
        (true, _) => Ok(chunks(&bytes[at..])?.map(|(body_bytes, taken)| {
            reply.body_bytes = body_bytes;
            (reply, at + taken)
        })),
        (false, Some(length)) => {
            reply.body_bytes = length;
            Ok((bytes.len() - at >= length).then_some((reply, at + length)))
        }
        (false, None) if matches!(reply.status, 204 | 304) => Ok(Some((reply, at))),
        (false, None) => Err(invalid("neither a length nor chunks")),
    }
}

/// Bytes of a body in chunks, without and with what frames it, if all of it is there.
fn chunks(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let (mut at, mut body_bytes) = (0, 0);
    loop {
        let Some((size, taken)) = bytes.get(at..).and_then(line) else {
            return Ok(None);
        };
        let size = std::str::from_utf8(size).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| invalid("no size of a chunk"))?;
        body_bytes += size;
        at += taken + size + 2;
        if size == 0 {
            return Ok((at <= bytes.len()).then_some((body_bytes, at)));
        }
    }
}

/// The first line without its end, and its length with it.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let text = &bytes[..end];
    Some((text.strip_suffix(b"\r").unwrap_or(text), end + 1))
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Option<(u16, usize, bool, bool)>, &str>) {
        let parsed = parse(text.as_bytes()).map_err(|error| error.to_string());
        let told = parsed.map(|parsed| {
            parsed.map(|(reply, length)| {
                assert_eq!(length, text.len(), "{text}");
                (
                    reply.status,
                    reply.body_bytes,
                    reply.closes,
                    reply.retry_after,
                )
            })
        });
        assert_eq!(told, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        let sized = "HTTP/1.1 503 Busy\r\nretry-after: 2\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n";
        check(sized, Ok(Some((503, 2, true, true))));
        check(chunked, Ok(Some((200, 11, false, false))));
        check(
            "HTTP/1.1 304 Not Modified\r\n\r\n",
            Ok(Some((304, 0, false, false))),
        );
        for text in [sized, chunked] {
            for end in 0..text.len() {
                check(&text[..end], Ok(None));
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_told() {
        check("GET / HTTP/1.1\r\n", Err("no status line"));
        check("HTTP/1.1 200 OK\r\nx\r\n", Err("a field without a colon"));
        check(
            "HTTP/1.1 200 OK\r\n\r\n",
            Err("neither a length nor chunks"),
        );
        let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n";
        check(chunk, Err("no size of a chunk"));
    }
}
