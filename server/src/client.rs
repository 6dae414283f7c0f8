//! Asks a control listener for one page: HTTP/1.1 in its smallest form.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use harmonious_http::Listen;

/// Time for a connection, and for each step of an answer.
const STEP: Duration = Duration::from_secs(2);
/// Time for the whole answer.
const WHOLE: Duration = Duration::from_secs(5);
/// Bytes of an answer: two hundred decisions have some 100 KB.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// The body of a page that is answered with 200.
///
/// # Errors
/// What went wrong on the way, or whatever else is answered.
pub fn get(listen: &Listen, path: &str) -> io::Result<String> {
    let mut stream = connect(listen)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    stream.flush()?;
    parse(&read(&mut stream)?)
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn connect(listen: &Listen) -> io::Result<Box<dyn Stream>> {
    match listen {
        Listen::Ip(address) => {
            let stream = TcpStream::connect_timeout(address, STEP)?;
            stream.set_read_timeout(Some(STEP))?;
            stream.set_write_timeout(Some(STEP))?;
            Ok(Box::new(stream))
        }
        Listen::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(STEP))?;
            stream.set_write_timeout(Some(STEP))?;
            Ok(Box::new(stream))
        }
        _ => Err(io::Error::other("it is no address to connect to")),
    }
}

fn read(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let until = Instant::now() + WHOLE;
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if Instant::now() > until || bytes.len() > BYTES_MAX {
            return Err(io::Error::other("the answer has no end"));
        }
        match stream.read(&mut piece) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::Error::other("it does not answer"));
            }
            Err(error) => return Err(error),
        }
    }
}

fn parse(answer: &[u8]) -> io::Result<String> {
    let strange = || io::Error::other("what answers there is no control listener");
    let text = std::str::from_utf8(answer).map_err(|_| strange())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(strange)?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        return Err(strange());
    }
    // With "Connection: close" the body ends with the connection; the length tells whether it was cut.
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let found = name.eq_ignore_ascii_case("content-length");
        found.then(|| value.trim().parse::<usize>().ok()).flatten()
    });
    match length {
        Some(length) if length == body.len() => Ok(body.to_owned()),
        Some(_) => Err(io::Error::other("the answer was cut")),
        None => Err(strange()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Result<&str, &str>) {
        let found = parse(answer.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(
            found,
            expected.map(str::to_owned).map_err(str::to_owned),
            "{answer:?}"
        );
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let strange = Err("what answers there is no control listener");
        check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Ok("ok"));
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            Err("the answer was cut"),
        );
        check(
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            strange,
        );
        check("SSH-2.0-x\r\n", strange);
        check("", strange);
    }
}
