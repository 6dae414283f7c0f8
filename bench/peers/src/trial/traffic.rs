//! Requests of many clients from one thread: at a pace of their own, whether the server keeps up or
//! not, or one after the other on each connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::wire::Reply;

mod engine;

use engine::Traffic;

/// A request without an answer for so long counts as forgotten: longer than any wait in a queue.
const FORGOTTEN: Duration = Duration::from_secs(2);

/// When the next request is sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// On each connection as soon as the answer to the last one is there.
    Closed,
    /// So many per second, evenly spaced, on whatever connection is free.
    Even(f64),
    /// So many per second on average, at random moments: what many independent clients make.
    Random(f64),
}

/// Clients that do the same.
pub struct Source {
    /// Their addresses.
    pub clients: Vec<Ipv4Addr>,
    /// Connections of each.
    pub each: usize,
    /// Requests of all of them together.
    pub pace: Pace,
    /// What they ask for.
    pub path: String,
}

/// An answer that came.
#[derive(Clone, Copy)]
pub struct Answer {
    /// What it says.
    pub reply: Reply,
    /// From the sending of its request to the last byte, in milliseconds.
    pub took_ms: f64,
}

/// What a source saw within the measured time.
#[derive(Default)]
pub struct Tally {
    /// Requests that were due.
    pub due: u64,
    /// Of these, not sent: no connection was free.
    pub unsent: u64,
    /// Connections that ended instead of an answer, or could not be had.
    pub failed: u64,
    /// Requests that were without an answer at the end, for longer than 2 s.
    pub forgotten: u64,
    /// The answers that came.
    pub answers: Vec<Answer>,
}

/// What all sources saw.
pub struct Seen {
    /// In the order of the sources.
    pub tallies: Vec<Tally>,
    /// How late the requests with a pace of their own were sent, in milliseconds.
    pub late_ms: Vec<f64>,
}

impl Tally {
    /// The delays of the answers with this status, in milliseconds.
    pub fn delays(&self, status: u16) -> Vec<f64> {
        let answers = self.answers.iter();
        let wanted = answers.filter(|answer| answer.reply.status == status);
        wanted.map(|answer| answer.took_ms).collect()
    }
}

/// Sends for `warm_up`, then for `length`, which is what counts.
///
/// # Errors
/// Where a connection cannot be had at the start, or the system fails.
pub fn run(
    server: SocketAddr,
    sources: &[Source],
    warm_up: Duration,
    length: Duration,
) -> io::Result<Seen> {
    let mut traffic = Traffic::open(server, sources)?;
    traffic.begin = Instant::now() + warm_up;
    traffic.go(traffic.begin + length)?;
    let is_old = |sent: &Instant| sent.elapsed() > FORGOTTEN;
    for line in &traffic.lines {
        if line.sent.as_ref().is_some_and(is_old) {
            traffic.tallies[line.source].forgotten += 1;
        }
    }
    Ok(Seen {
        tallies: traffic.tallies,
        late_ms: traffic.late_ms,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::super::addresses;
    use super::*;

    /// Answers whatever comes on each connection, after so long.
    fn server(delay: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {
                        thread::sleep(delay);
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    #[test]
    fn a_slow_server_does_not_slow_what_is_due() {
        let source = |pace| Source {
            clients: addresses(9, 2),
            each: 1,
            pace,
            path: "/".to_owned(),
        };
        let sources = [source(Pace::Even(200.0)), source(Pace::Closed)];
        let (slow, length) = (
            server(Duration::from_millis(200)),
            Duration::from_millis(500),
        );
        let seen = run(slow, &sources, Duration::ZERO, length).expect("a server");
        let [open, closed] = &seen.tallies[..] else {
            panic!("two sources")
        };
        assert!((50..=101).contains(&open.due), "{}", open.due);
        assert!(open.unsent > open.due / 2, "{} not sent", open.unsent);
        for tally in [open, closed] {
            assert!(!tally.answers.is_empty() && tally.answers.len() <= 4);
            assert_eq!((tally.failed, tally.forgotten), (0, 0));
            assert!(tally.delays(200).iter().all(|delay| *delay >= 200.0));
        }
    }
}
