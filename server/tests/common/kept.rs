//! Many requests over one connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use super::ask::Ask;
use super::{Answer, PATIENCE};

/// A client that keeps its connection as long as the server does, and then takes another one.
pub struct Kept {
    address: String,
    stream: Option<TcpStream>,
}

impl Kept {
    /// Of the server at that address.
    pub fn new(address: &str) -> Kept {
        Kept {
            address: address.to_owned(),
            stream: None,
        }
    }

    /// The answer, which has a `Content-Length` or is a 304. After an error the next request has a connection of
    /// its own; what became of this one is not known.
    pub fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        stream.write_all(&ask.bytes("keep-alive"))?;
        let answer = answer(&mut stream)?;
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut answer = Answer {
                status: head
                    .split(' ')
                    .nth(1)
                    .and_then(|s| s.parse().ok())
                    .expect(head),
                head: head.to_owned(),
                body: String::new(),
            };
            let len = match answer.status {
                304 => "0",
                _ => answer.header("content-length").expect(head),
            };
            let len: usize = len.parse().expect(head);
            if body.len() >= len {
                body.clone_into(&mut answer.body);
                return Ok(answer);
            }
        }
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
