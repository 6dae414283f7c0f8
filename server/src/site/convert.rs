//! Between the types of the front and those of the dispatcher, which know nothing of each other.

use std::borrow::Cow;
use std::io::{self, Write};
use std::iter;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use harmonious_dispatcher::{Incoming, IncomingBody, Outgoing, OutgoingBody};
use harmonious_http::http::header::CONTENT_TYPE;
use harmonious_http::http::{HeaderValue, Method, StatusCode};
use harmonious_http::{Body, Head, Part, Peer, RequestBody, Response, answer_file, conditional};

/// Texts of a request that are made once and borrowed from then on; none of them is allocated for usual
/// requests.
pub struct Facts<'h> {
    host: Cow<'h, str>,
    peer: PeerText,
    id: [u8; 16],
}

impl<'h> Facts<'h> {
    /// Of a request with that head, whose host is this one.
    pub fn of(head: &Head, host: Cow<'h, str>) -> Facts<'h> {
        Facts {
            host,
            peer: PeerText::of(head.peer),
            id: head.id.digits(),
        }
    }
}

/// The longest address: an IPv6 one with an IPv4 one in it.
const PEER_BYTES: usize = 48;

/// An address as text.
struct PeerText {
    bytes: [u8; PEER_BYTES],
    len: usize,
}

impl PeerText {
    fn of(peer: Peer) -> PeerText {
        let mut text = PeerText {
            bytes: [0; PEER_BYTES],
            len: 0,
        };
        match peer {
            Peer::Ip(IpAddr::V4(ip), _) => ip.octets().iter().for_each(|octet| text.octet(*octet)),
            Peer::Ip(ip, _) => {
                let mut rest = &mut text.bytes[..];
                // There is room for every address.
                let _ = write!(rest, "{ip}");
                text.len = PEER_BYTES - rest.len();
            }
            Peer::Local(_) => {}
        }
        text
    }

    /// One more part of an IPv4 address, without the machinery of `write!`: this is done for every request.
    fn octet(&mut self, octet: u8) {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let zeros = digits
            .iter()
            .take(2)
            .take_while(|digit| **digit == 0)
            .count();
        if self.len > 0 {
            self.push(b'.');
        }
        digits[zeros..]
            .iter()
            .for_each(|digit| self.push(b'0' + digit));
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// The request as a dispatcher sees it.
pub fn incoming<'a>(head: &'a Head, body: &'a RequestBody, facts: &'a Facts<'_>) -> Incoming<'a> {
    Incoming {
        method: &head.method,
        scheme: "http",
        host: &facts.host,
        path: head.path(),
        query: head.query(),
        headers: &head.headers,
        peer: facts.peer.as_str(),
        id: str::from_utf8(&facts.id).unwrap_or_default(),
        body: match body {
            RequestBody::Empty => IncomingBody::Bytes(&[]),
            RequestBody::Bytes(bytes) => IncomingBody::Bytes(bytes),
            RequestBody::File { file, len } => IncomingBody::File { file, len: *len },
        },
    }
}

/// The answer as the front sends it: what a module tagged is judged by the conditions of the request and cut to
/// its ranges, as files are.
///
/// # Errors
/// A file of which the system cannot say what it is.
pub fn response(outgoing: Outgoing, head: &Head) -> io::Result<Response> {
    let is_file = |body: &OutgoingBody| matches!(body, OutgoingBody::File(..));
    if outgoing.status == StatusCode::OK && is_file(&outgoing.body) {
        return file(outgoing, head);
    }
    let mut response = Response::new(outgoing.status);
    response.headers = outgoing.headers;
    response.body = match outgoing.body {
        // Nobody reads it, and to drop it may block: that is done here, on a worker. What stands for it has
        // no length either, which the fields say.
        OutgoingBody::Stream(_) if head.method == Method::HEAD => {
            Body::Chunks(Box::new(iter::empty()))
        }
        OutgoingBody::Empty => Body::Empty,
        OutgoingBody::Bytes(bytes) => Body::Bytes(bytes),
        OutgoingBody::Stream(chunks) => Body::Chunks(chunks),
        OutgoingBody::File(file, _) => {
            let len = file.metadata()?.len();
            let file = Arc::new(file);
            let part = Part::File {
                file,
                offset: 0,
                len,
            };
            Body::Parts([part].into())
        }
    };
    Ok(conditional(head, response))
}

/// A file with its tag, its time, conditions and ranges.
fn file(outgoing: Outgoing, head: &Head) -> io::Result<Response> {
    let OutgoingBody::File(file, path) = outgoing.body else {
        return Err(io::Error::other("it is no file"));
    };
    let mut headers = outgoing.headers;
    headers
        .entry(CONTENT_TYPE)
        .or_insert_with(|| media_type(&path));
    answer_file(head, file, &headers)
}

fn media_type(path: &Path) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_raw();
    HeaderValue::from_static(guess.unwrap_or("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_usual() {
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "255.10.100.9",
            "::1",
            "2001:db8::ff00:42:8329",
        ] {
            let ip = address.parse().unwrap();
            assert_eq!(PeerText::of(Peer::Ip(ip, 80)).as_str(), address);
        }
        assert_eq!(PeerText::of(Peer::Local(7)).as_str(), "");
    }
}
