//! Clients of a page that is replaced while they ask for it: was each answer wholly one version, and
//! did none of them see an older one after a newer one?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::contest::client::Kept;

/// Bytes of the line that says which version it is, with its end; an answer consists of such lines.
pub const LINE_BYTES: usize = 16;

/// So much of what went wrong is described.
const EXAMPLES_MAX: usize = 8;
/// Longest wait for a piece of an answer: a page that is being compiled is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two requests of a client: the compiler needs some of the machine as well.
const PAUSE: Duration = Duration::from_millis(5);

/// The line of a version.
///
/// # Panics
/// Where the number has more than seven digits.
pub fn line(version: u64) -> String {
    let line = format!("version {version:07}\n");
    assert_eq!(line.len(), LINE_BYTES, "{version} has too many digits");
    line
}

/// What clients ask for, and what all of them know together.
pub struct Watch {
    server: SocketAddr,
    path: String,
    /// Bytes of a good answer's body.
    body_bytes: usize,
    /// The newest version that any of them has seen.
    newest: AtomicU64,
    over: AtomicBool,
}

/// What the clients saw.
#[derive(Default)]
pub struct Seen {
    /// Good answers by version.
    pub versions: BTreeMap<u64, u64>,
    /// Answers of another status than 200.
    pub others: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Answers that are not the same line again and again, or of another length.
    pub torn: u64,
    /// Answers older than the one before on the same connection.
    pub back: u64,
    /// Answers older than one that another client had in full before this one asked.
    pub stale: u64,
    /// Times of the good answers, in milliseconds.
    pub took_ms: Vec<f64>,
    /// Some of what went wrong.
    pub examples: Vec<String>,
}

impl Watch {
    /// Of a page whose good answers have so many bytes.
    pub fn new(server: SocketAddr, path: &str, body_bytes: usize) -> Self {
        Self {
            server,
            path: path.to_owned(),
            body_bytes,
            newest: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// The newest version that any client has seen.
    pub fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// The clients finish what they began, and end.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// One client, until the end.
    pub fn client(&self) -> Seen {
        let mut seen = Seen::default();
        let mut kept = Kept::new(self.server, PATIENCE);
        let mut last = 0;
        while !self.over.load(Ordering::SeqCst) {
            let floor = self.newest();
            let began = Instant::now();
            let answer = kept.get(&self.path);
            let took_ms = began.elapsed().as_secs_f64() * 1e3;
            match answer {
                Err(error) => {
                    seen.unanswered += 1;
                    seen.tell(format!("{error} after {took_ms:.0} ms"));
                    last = 0; // the next one has another connection
                }
                Ok(answer) if answer.status != 200 => {
                    *seen.others.entry(answer.status).or_default() += 1;
                    let text = String::from_utf8_lossy(&answer.body);
                    let text: String = text.chars().take(200).collect();
                    seen.tell(format!("{} after {took_ms:.0} ms: {text:?}", answer.status));
                }
                Ok(answer) => {
                    seen.take(&answer.body, self.body_bytes, &mut last, floor, took_ms);
                    self.newest.fetch_max(last, Ordering::SeqCst);
                }
            }
            thread::sleep(PAUSE);
        }
        seen
    }
}

impl Seen {
    /// Adds what another client saw.
    pub fn add(&mut self, other: Seen) {
        for (version, count) in other.versions {
            *self.versions.entry(version).or_default() += count;
        }
        for (status, count) in other.others {
            *self.others.entry(status).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.torn += other.torn;
        self.back += other.back;
        self.stale += other.stale;
        self.took_ms.extend(other.took_ms);
        other.examples.into_iter().for_each(|text| self.tell(text));
    }

    /// Requests without a good answer.
    pub fn failed(&self) -> u64 {
        self.unanswered + self.others.values().sum::<u64>()
    }

    /// Whether every answer was good, of one version, and none older than it may be.
    pub fn holds(&self) -> bool {
        self.failed() + self.torn + self.back + self.stale == 0
    }

    fn take(&mut self, body: &[u8], bytes: usize, last: &mut u64, floor: u64, took_ms: f64) {
        let Some(version) = version(body, bytes) else {
            self.torn += 1;
            let text = String::from_utf8_lossy(&body[..body.len().min(64)]).into_owned();
            self.tell(format!("{} bytes that begin with {text:?}", body.len()));
            return;
        };
        *self.versions.entry(version).or_default() += 1;
        self.took_ms.push(took_ms);
        if version < *last {
            self.back += 1;
            self.tell(format!("{version} after {last} on one connection"));
        } else if version < floor {
            self.stale += 1;
            self.tell(format!("{version} although {floor} had been seen"));
        }
        *last = version;
    }

    fn tell(&mut self, example: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }
}

/// The one version that all of a body is of.
fn version(body: &[u8], bytes: usize) -> Option<u64> {
    let first = body.get(..LINE_BYTES)?;
    let is_whole = body.len() == bytes && body.chunks(LINE_BYTES).all(|line| line == first);
    let text = std::str::from_utf8(first).ok().filter(|_| is_whole)?;
    text.strip_prefix("version ")?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_two_versions_is_torn() {
        let check = |body: String, expected| assert_eq!(version(body.as_bytes(), 32), expected);
        check(line(7).repeat(2), Some(7));
        check(line(7) + &line(8), None);
        check(line(7), None);
        check(line(7).repeat(3), None);
        check("x".repeat(32), None);
    }

    #[test]
    fn versions_may_not_go_back() {
        let mut seen = Seen::default();
        let mut last = 0;
        for (version, floor) in [(2, 0), (3, 3), (2, 0), (4, 5)] {
            seen.take(line(version).as_bytes(), LINE_BYTES, &mut last, floor, 1.0);
        }
        assert_eq!((seen.back, seen.stale, seen.torn), (1, 1, 0));
        assert!(!seen.holds());
        assert_eq!(seen.versions.into_keys().collect::<Vec<_>>(), [2, 3, 4]);
    }
}
