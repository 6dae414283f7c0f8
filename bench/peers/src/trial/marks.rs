//! Clients that send numbers to a site which keeps each of them twice, in a row and in a session, and
//! that know which were acknowledged; and the look whether these are there.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use std::{fs, io};

use crate::contest::client::{Answer, Kept};
use crate::sites::{Text, repository};

/// The site, which the tests of the server have too.
const SITE: &str = "server/tests/fixtures/durability";
const FILES: [&str; 4] = [
    "site.toml",
    "domains/mark.rs",
    "domains/numbers.rs",
    "migrations/V1__numbers.sql",
];

const PATIENCE: Duration = Duration::from_secs(30);
/// Then the client goes on as another visitor, with a session of its own.
const NUMBERS_PER_VISITOR: usize = 50;
/// Numbers of one look at the rows.
const ROWS_AT_ONCE: i64 = 20_000;
/// So much of what was wrong is described.
const EXAMPLES_MAX: usize = 5;

/// The files of the site.
///
/// # Errors
/// Where the system refuses.
pub fn files() -> Result<Vec<Text>, String> {
    let read = |name: &str| {
        let path = repository().join(SITE).join(name);
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((name.to_owned(), text))
    };
    FILES.into_iter().map(read).collect()
}

/// What became of a request.
#[derive(Debug, PartialEq)]
pub enum Turn {
    /// It was done, and the answer is right.
    Done,
    /// 503, and when to come again.
    Refused,
    /// There was no answer.
    Cut(String),
    /// Any other answer.
    Wrong(String),
}

/// One whose session has the last number that it sent.
#[derive(Debug)]
pub struct Visitor {
    cookie: String,
    token: String,
    /// Acknowledged.
    last: i64,
    /// Sent since, with nothing known of what became of them.
    open: Vec<i64>,
    count: usize,
}

/// What clients know.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Numbers, each of them in an answer.
    pub acknowledged: Vec<i64>,
    /// How many were sent and not acknowledged.
    pub unknown: usize,
    /// All who were given a session.
    pub visitors: Vec<Visitor>,
}

impl Ledger {
    /// Takes in what another one knows.
    pub fn add(&mut self, other: Ledger) {
        self.acknowledged.extend(other.acknowledged);
        self.unknown += other.unknown;
        self.visitors.extend(other.visitors);
    }
}

/// Sends numbers, as one visitor after the other.
pub struct Client<'a> {
    kept: Kept,
    next: &'a AtomicI64,
    /// What became of its numbers.
    pub ledger: Ledger,
}

impl<'a> Client<'a> {
    /// Of a server; it takes its numbers from `next`, as all others do.
    pub fn new(server: SocketAddr, next: &'a AtomicI64) -> Self {
        Self {
            kept: Kept::new(server, PATIENCE),
            next,
            ledger: Ledger::default(),
        }
    }

    /// Sends the next number.
    pub fn send(&mut self) -> Turn {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let visitor = self.ledger.visitors.last_mut();
        let mut visitor = visitor.filter(|visitor| visitor.count < NUMBERS_PER_VISITOR);
        let mut fields = String::new();
        if let Some(visitor) = &mut visitor {
            visitor.open.push(number);
            fields = format!(
                "Cookie: {}\r\nX-CSRF-Token: {}\r\n",
                visitor.cookie, visitor.token
            );
        }
        let path = format!("/mark?number={number}");
        let answer = ask(&mut self.kept, "POST", &path, &fields);
        self.ledger.unknown += 1;
        let (answer, told, token) = match taken(answer) {
            Ok(taken) => taken,
            Err(turn) => return turn,
        };
        if told != number {
            return Turn::Wrong(format!("{number} was sent, the answer says {told}"));
        }
        match visitor {
            Some(visitor) => {
                visitor.last = number;
                visitor.open.clear();
                visitor.count += 1;
            }
            None => {
                let Some(cookie) = answer.field("set-cookie") else {
                    return Turn::Wrong("a new visitor gets no cookie".to_owned());
                };
                self.ledger.visitors.push(Visitor {
                    cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
                    token,
                    last: number,
                    open: Vec::new(),
                    count: 1,
                });
            }
        }
        self.ledger.unknown -= 1;
        self.ledger.acknowledged.push(number);
        Turn::Done
    }

    /// Looks at the session of its present visitor.
    pub fn look(&mut self) -> Turn {
        match self.ledger.visitors.last() {
            Some(visitor) => visitor.look(&mut self.kept),
            None => Turn::Done,
        }
    }
}

impl Visitor {
    /// The session has the last number that was acknowledged, or a later one that was sent.
    fn look(&self, kept: &mut Kept) -> Turn {
        let fields = format!("Cookie: {}\r\n", self.cookie);
        let answer = ask(kept, "GET", "/mark", &fields);
        match taken(answer) {
            Ok((_, told, _)) if told == self.last || self.open.contains(&told) => Turn::Done,
            Ok((_, told, _)) => Turn::Wrong(format!(
                "a session has {told}; {} was acknowledged, then {:?} sent",
                self.last, self.open
            )),
            Err(turn) => turn,
        }
    }
}

/// What is there of what was acknowledged.
#[derive(Debug, Default)]
pub struct Found {
    /// Rows that were acknowledged and are not there.
    pub lost: usize,
    /// Rows that are there more than once.
    pub twice: usize,
    /// Rows that nobody sent.
    pub strange: usize,
    /// Sessions that were looked at.
    pub sessions: usize,
    /// Those that have an older number, or none.
    pub wrong_sessions: usize,
    /// Some of what was wrong.
    pub examples: Vec<String>,
}

impl Found {
    /// Whether nothing is missing, doubled or made up.
    pub fn is_all(&self) -> bool {
        self.lost + self.twice + self.strange + self.wrong_sessions == 0
    }

    /// Looks at all rows and all sessions; `sent` numbers were sent, from 0 on.
    ///
    /// # Errors
    /// Where the server does not answer for its rows.
    pub fn look(server: SocketAddr, ledger: &Ledger, sent: i64) -> Result<Self, String> {
        let mut found = Self::default();
        let mut kept = Kept::new(server, PATIENCE);
        let mut there = HashSet::new();
        let mut from = 0;
        while from < sent {
            let below = sent.min(from + ROWS_AT_ONCE);
            for number in rows(&mut kept, &format!("/numbers?from={from}&below={below}"))? {
                if !there.insert(number) {
                    found.twice += 1;
                    found.tell(|| format!("row {number} is there twice"));
                }
            }
            from = below;
        }
        for strange in [
            "/numbers?below=0".to_owned(),
            format!("/numbers?from={sent}"),
        ] {
            found.strange += rows(&mut kept, &strange)?.len();
        }
        for number in &ledger.acknowledged {
            if !there.contains(number) {
                found.lost += 1;
                found.tell(|| format!("row {number} was acknowledged and is not there"));
            }
        }
        for visitor in &ledger.visitors {
            found.sessions += 1;
            match visitor.look(&mut kept) {
                Turn::Done => {}
                turn => {
                    found.wrong_sessions += 1;
                    found.tell(|| format!("{turn:?}"));
                }
            }
        }
        Ok(found)
    }

    fn tell(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example());
        }
    }
}

fn rows(kept: &mut Kept, path: &str) -> Result<Vec<i64>, String> {
    let failed = |what: String| format!("{path}: {what}");
    let answer = ask(kept, "GET", path, "").map_err(|error| failed(error.to_string()))?;
    if answer.status != 200 {
        return Err(failed(format!("status {}", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|error| failed(error.to_string()))
}

fn ask(kept: &mut Kept, method: &str, path: &str, fields: &str) -> io::Result<Answer> {
    let length = match method {
        "POST" => "Content-Length: 0\r\n",
        _ => "",
    };
    let head = format!("{method} {path} HTTP/1.1\r\nHost: bench\r\n{fields}{length}\r\n");
    kept.ask(head.as_bytes())
}

/// The number of a good answer and the token beside it; or what became of the request.
fn taken(answer: io::Result<Answer>) -> Result<(Answer, i64, String), Turn> {
    let answer = answer.map_err(|error| Turn::Cut(error.to_string()))?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    match answer.status {
        200 => {}
        503 if answer.field("retry-after").is_some() => return Err(Turn::Refused),
        status => return Err(Turn::Wrong(format!("{status}: {body:.200}"))),
    }
    let parts = body.split_once(' ');
    let parts = parts.and_then(|(number, token)| Some((number.parse().ok()?, token.to_owned())));
    match parts {
        Some((number, token)) => Ok((answer, number, token)),
        None => Err(Turn::Wrong(format!("200: {body:.200}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &str, body: &str) -> io::Result<Answer> {
        Ok(Answer {
            status,
            head: format!("HTTP/1.1 {status} X\r\n{fields}\r\n"),
            body: body.as_bytes().to_vec(),
        })
    }

    #[test]
    fn an_answer_is_judged() {
        let check = |answer, expected: Result<i64, Turn>| {
            assert_eq!(taken(answer).map(|(_, number, _)| number), expected);
        };
        check(answer(200, "", "7 token"), Ok(7));
        check(answer(503, "Retry-After: 1\r\n", ""), Err(Turn::Refused));
        check(
            answer(503, "", "why"),
            Err(Turn::Wrong("503: why".to_owned())),
        );
        check(answer(200, "", "7"), Err(Turn::Wrong("200: 7".to_owned())));
        check(
            Err(io::Error::other("gone")),
            Err(Turn::Cut("gone".to_owned())),
        );
    }

    #[test]
    fn the_site_is_there() {
        let files = files().expect("the files of the site");
        assert!(files.iter().all(|(_, text)| !text.is_empty()));
    }
}
