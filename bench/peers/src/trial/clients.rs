//! Clients of a server that ends: each asks again and again, and tells what became of each request.
//!
//! A connection that stays open between requests may be closed by the server at the very moment when
//! the next one is sent; without a byte of an answer the client may then try again (RFC 9112, 9.3.1).
//! That is a *race*. Whatever else was sent and not answered is *lost*.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::addresses;
use super::wire::{Reply, Wire, dial};

/// Between a refused connect and the next try, before the server was asked to end.
const RETRY: Duration = Duration::from_millis(10);
/// A rest is a multiple of the one, and less than the other.
const REST_STEP_MS: u64 = 37;
const REST_MOST_MS: u64 = 300;
const POST_BYTES: usize = 100_000;
const BIG_BYTES: usize = 1 << 20;
/// So many of the lost requests are described.
const EXAMPLES_MAX: usize = 8;

/// What became of the requests.
#[derive(Default)]
pub struct Count {
    /// Answered well.
    pub answered: u64,
    /// Answered with 503.
    pub busy: u64,
    /// Answered otherwise, or with another body than was asked for.
    pub wrong: u64,
    /// Connects that were refused.
    pub refused: u64,
    /// Sent on a connection that the server closed at the same moment, see the head of the file.
    pub race: u64,
    /// A fresh connection ended before all of the request was sent, without an answer.
    pub cut: u64,
    /// Sent and not answered, or not to the end.
    pub lost: u64,
    /// Some of what was wrong, cut or lost.
    pub examples: Vec<String>,
}

impl Count {
    /// Adds another count.
    pub fn add(&mut self, other: &Count) {
        self.answered += other.answered;
        self.busy += other.busy;
        self.wrong += other.wrong;
        self.refused += other.refused;
        self.race += other.race;
        self.cut += other.cut;
        self.lost += other.lost;
        other.examples.iter().for_each(|example| self.tell(example));
    }

    fn tell(&mut self, example: &str) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example.to_owned());
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "answered {}, with 503 {}, wrong {}, connects refused {}, race {}, cut {}, lost {}",
            self.answered, self.busy, self.wrong, self.refused, self.race, self.cut, self.lost
        )
    }
}

/// Asks until the server takes no more connections, or all is over. Every other client keeps its
/// connection as long as the server does, and half of these rest between their requests: a
/// connection that is idle when the server ends is what races are made of.
pub fn run(number: usize, server: SocketAddr, asked: &AtomicBool, over: &AtomicBool) -> Count {
    let mut count = Count::default();
    let from = addresses(6, number + 1)[number];
    let keeps = number.is_multiple_of(2);
    let rests = number.is_multiple_of(4);
    let mut kept: Option<Wire> = None;
    for turn in number / 2.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        if rests {
            thread::sleep(Duration::from_millis(
                (turn as u64 * REST_STEP_MS) % REST_MOST_MS,
            ));
        }
        let reused = kept.is_some();
        let wire = kept
            .take()
            .map_or_else(|| dial(from, server).map(Wire::new), Ok);
        let Ok(mut wire) = wire else {
            count.refused += 1;
            if asked.load(Ordering::SeqCst) {
                break;
            }
            thread::sleep(RETRY);
            continue;
        };
        let request = &Request::turn(turn, keeps);
        let began = Instant::now();
        let sent = wire.send(&request.bytes);
        // An answer may be there although the server did not take all of the request.
        match wire.reply() {
            Ok(reply) => {
                let stays = request.judge(reply, &mut count);
                kept = (keeps && stays).then_some(wire);
            }
            Err(error) => {
                let fate = if wire.has_begun() {
                    &mut count.lost
                } else if reused && asked.load(Ordering::SeqCst) {
                    &mut count.race
                } else if sent.is_err() {
                    &mut count.cut
                } else {
                    &mut count.lost
                };
                *fate += 1;
                let name = request.name;
                let (begun, ms) = (wire.has_begun(), began.elapsed().as_millis());
                let sent = sent.map_or_else(|e| e.to_string(), |()| "whole".to_owned());
                if !reused || begun {
                    count.tell(&format!(
                        "{name}, connection reused: {reused}, sent: {sent}, answer begun: {begun}, \
                         {error} after {ms} ms"
                    ));
                }
            }
        }
    }
    count
}

/// One of the four requests that take turns.
struct Request {
    name: &'static str,
    bytes: Vec<u8>,
    /// Bytes of a good answer's body, where they are known.
    body_bytes: Option<usize>,
}

impl Request {
    fn turn(turn: usize, keeps: bool) -> Self {
        let close = if keeps { "" } else { "Connection: close\r\n" };
        let get = |name: &'static str, body_bytes| Self {
            name,
            bytes: format!("GET {name} HTTP/1.1\r\nHost: bench\r\n{close}\r\n").into_bytes(),
            body_bytes,
        };
        match turn % 4 {
            0 => get("/hello", None),
            1 => get("/sleep/20", None),
            2 => get("/big/1", Some(BIG_BYTES)),
            _ => {
                let head = format!(
                    "POST / HTTP/1.1\r\nHost: bench\r\n{close}Content-Length: {POST_BYTES}\r\n\r\n"
                );
                Self {
                    name: "POST /",
                    bytes: [head.as_bytes(), &[b'x'; POST_BYTES]].concat(),
                    body_bytes: Some(POST_BYTES),
                }
            }
        }
    }

    /// Counts the answer; whether the connection can be used again.
    fn judge(&self, reply: Reply, count: &mut Count) -> bool {
        let is_whole = self
            .body_bytes
            .is_none_or(|bytes| bytes == reply.body_bytes);
        match reply.status {
            200 if is_whole => count.answered += 1,
            503 => count.busy += 1,
            _ => {
                count.wrong += 1;
                count.tell(&format!("{} was answered with {reply:?}", self.name));
            }
        }
        !reply.closes
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// One client at a server that answers the first request of each of three connections with this
    /// and closes.
    fn check(answer: &'static str, expected: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (asked, over) = (AtomicBool::new(false), AtomicBool::new(false));
        let count = thread::scope(|scope| {
            let client = scope.spawn(|| run(1, address, &asked, &over));
            for turn in 0..3 {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && !request.ends_with(b"xxxx") {
                    let mut piece = [0; 1024];
                    let count = stream.read(&mut piece).expect("a request");
                    request.extend_from_slice(&piece[..count]);
                }
                over.store(turn == 2, Ordering::SeqCst);
                stream.write_all(answer.as_bytes()).expect("a client");
            }
            client.join().expect("no panic")
        });
        assert_eq!(count.to_string(), expected);
    }

    #[test]
    fn what_was_sent_and_not_answered_is_lost() {
        let told = |busy, lost| {
            format!(
                "answered 0, with 503 {busy}, wrong 0, connects refused 0, race 0, cut 0, lost {lost}"
            )
        };
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nn", &told(0, 3));
        let busy = "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        check(busy, &told(3, 0));
    }
}
