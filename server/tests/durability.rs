//! What was acknowledged is there after a kill; and while a database is away, nothing is answered but
//! what is so. `bench/run kill` does the same at full size.

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::ask::Ask;
use common::kept::Kept;
use common::sites::{own, serve, write};
use common::{PATIENCE, Server};
use harmonious_db::{Config, Database};
use rustix::process::Signal;
use tempfile::TempDir;

const CLIENTS: usize = 4;
const KILLS: usize = 2;
/// Acknowledged before each kill, at least.
const WRITES: usize = 200;
/// Then the client goes on as another visitor, with a session of its own.
const NUMBERS_PER_VISITOR: usize = 8;
/// Acknowledged before a database goes, and again after it came back.
const AROUND: usize = 50;

/// A visitor, whose session has the last number.
struct Visitor {
    cookie: String,
    token: String,
    /// Acknowledged.
    last: i64,
    /// Sent since, with nothing known of what became of them.
    open: Vec<i64>,
    count: usize,
}

/// What became of a request.
enum Turn {
    /// It was done, and the answer says so rightly.
    Done,
    /// 503, and when to come again.
    Refused,
    /// There was no answer.
    Cut,
    Wrong(String),
}

/// What all clients share.
#[derive(Default)]
struct Course {
    next: AtomicI64,
    /// How many were acknowledged.
    done: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
}

/// Who sends numbers, and knows which of them were acknowledged.
struct Client {
    kept: Kept,
    visitors: Vec<Visitor>,
    acknowledged: Vec<i64>,
    sent: Vec<i64>,
}

impl Client {
    fn of(address: &str) -> Client {
        Client {
            kept: Kept::new(address),
            visitors: Vec::new(),
            acknowledged: Vec::new(),
            sent: Vec::new(),
        }
    }

    /// Sends a number, which becomes a row and goes into a session.
    fn send(&mut self, number: i64) -> Turn {
        self.sent.push(number);
        let mut ask = Ask::post(&format!("/mark?number={number}"), "text/plain", "");
        let visitor = self.visitors.last_mut();
        let mut visitor = visitor.filter(|visitor| visitor.count < NUMBERS_PER_VISITOR);
        if let Some(visitor) = &mut visitor {
            ask = ask.field("Cookie", &visitor.cookie);
            ask = ask.field("X-CSRF-Token", &visitor.token);
            visitor.open.push(number);
        }
        let answer = match self.kept.ask(&ask) {
            Ok(answer) => answer,
            Err(_) => return Turn::Cut,
        };
        match answer.status {
            200 => {}
            503 if answer.header("retry-after").is_some() => return Turn::Refused,
            _ => return Turn::Wrong(format!("{answer:?}")),
        }
        let Some((told, token)) = answer.body.split_once(' ') else {
            return Turn::Wrong(format!("{answer:?}"));
        };
        if told != number.to_string() {
            return Turn::Wrong(format!("{number} was sent: {answer:?}"));
        }
        self.acknowledged.push(number);
        match visitor {
            Some(visitor) => {
                visitor.last = number;
                visitor.open.clear();
                visitor.count += 1;
            }
            None => {
                let cookie = answer.header("set-cookie").unwrap_or_default();
                self.visitors.push(Visitor {
                    cookie: cookie.split(';').next().unwrap_or_default().to_owned(),
                    token: token.to_owned(),
                    last: number,
                    open: Vec::new(),
                    count: 1,
                });
            }
        }
        Turn::Done
    }

    /// Looks what the session of the newest visitor has.
    fn look(&mut self) -> Turn {
        match self.visitors.last() {
            Some(visitor) => visitor.look(&mut self.kept),
            None => Turn::Done,
        }
    }
}

impl Visitor {
    /// The session has the last number that was acknowledged, or a later one that was sent.
    fn look(&self, kept: &mut Kept) -> Turn {
        let answer = match kept.ask(&Ask::get("/mark").field("Cookie", &self.cookie)) {
            Ok(answer) => answer,
            Err(_) => return Turn::Cut,
        };
        match answer.status {
            200 => {}
            503 if answer.header("retry-after").is_some() => return Turn::Refused,
            _ => return Turn::Wrong(format!("{answer:?}")),
        }
        let told = answer.body.split(' ').next().and_then(|n| n.parse().ok());
        match told {
            Some(told) if told == self.last || self.open.contains(&told) => Turn::Done,
            _ => Turn::Wrong(format!(
                "{} was acknowledged, then {:?} sent: {answer:?}",
                self.last, self.open
            )),
        }
    }
}

/// All clients at it, until the course is over or one of them finds something wrong; what they know.
fn put_to_it(
    course: &Course,
    server: &Server,
    looks: bool,
    meanwhile: impl FnOnce(),
) -> Vec<Client> {
    let address = &server.address;
    thread::scope(|scope| {
        let client = || {
            let mut client = Client::of(address);
            let wrong = drive(course, &mut client, looks);
            (client, wrong)
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        meanwhile();
        course.over.store(true, Ordering::SeqCst);
        let ended = clients.into_iter().map(|client| {
            let (client, wrong) = client.join().unwrap();
            assert_eq!(wrong, None);
            client
        });
        ended.collect()
    })
}

fn drive(course: &Course, client: &mut Client, looks: bool) -> Option<String> {
    while !course.over.load(Ordering::SeqCst) {
        let number = course.next.fetch_add(1, Ordering::SeqCst);
        let mut turns = vec![client.send(number)];
        if looks {
            turns.push(client.look());
        }
        for (at, turn) in turns.into_iter().enumerate() {
            let wrong = match turn {
                Turn::Done => {
                    course
                        .done
                        .fetch_add(usize::from(at == 0), Ordering::SeqCst);
                    continue;
                }
                Turn::Refused => {
                    course.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                // The server was killed, which is said before it is done.
                Turn::Cut if course.over.load(Ordering::SeqCst) => return None,
                Turn::Cut => "a connection was cut".to_owned(),
                Turn::Wrong(what) => what,
            };
            course.over.store(true, Ordering::SeqCst);
            return Some(wrong);
        }
    }
    None
}

/// Waits for it, or until a client has found something wrong: then the clients say what.
fn awaits(course: &Course, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while !course.over.load(Ordering::SeqCst) && Instant::now() < until {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(1)); // between two looks at a condition
    }
    false
}

/// Every row that was acknowledged is there once, and no other than those that were sent; every session has
/// its last number.
#[track_caller]
fn assert_all_there(server: &Server, clients: &[Client]) {
    let rows = Ask::get("/numbers").to(server).json();
    let rows: Vec<i64> = serde_json::from_value(rows).unwrap();
    assert!(
        rows.is_sorted_by(|a, b| a < b),
        "a row is there twice: {rows:?}"
    );
    let is_there = |number: &&i64| rows.binary_search(number).is_ok();
    let acknowledged = clients.iter().flat_map(|client| &client.acknowledged);
    let lost: Vec<&i64> = acknowledged.filter(|number| !is_there(number)).collect();
    assert!(lost.is_empty(), "acknowledged and not there: {lost:?}");
    let sent = clients.iter().flat_map(|client| &client.sent);
    assert_eq!(sent.filter(is_there).count(), rows.len());
    let mut kept = Kept::new(&server.address);
    for visitor in clients.iter().flat_map(|client| &client.visitors) {
        match visitor.look(&mut kept) {
            Turn::Done => {}
            Turn::Wrong(what) => panic!("{what}"),
            Turn::Refused | Turn::Cut => panic!("the server does not answer for its sessions"),
        }
    }
}

fn survives_kills(site: &TempDir) {
    let next = AtomicI64::new(0);
    let mut clients = Vec::new();
    for kill in 0..KILLS {
        let mut server = serve(&[site.path()], &[]);
        let course = Course {
            next: AtomicI64::new(next.load(Ordering::SeqCst)),
            ..Course::default()
        };
        // Another moment of their turns each time.
        let wanted = WRITES + 37 * kill;
        let mut reached = false;
        let more = put_to_it(&course, &server, false, || {
            reached = awaits(&course, || course.done.load(Ordering::SeqCst) >= wanted);
            course.over.store(true, Ordering::SeqCst);
            server.signal(Signal::KILL);
        });
        assert!(
            reached,
            "{} of {wanted} were acknowledged",
            course.done.into_inner()
        );
        server.ended();
        next.store(course.next.into_inner(), Ordering::SeqCst);
        clients.extend(more);
        let server = serve(&[site.path()], &[]);
        assert_all_there(&server, &clients);
    }
}

/// A site with a database of that URL, which has a password in it.
fn site_of(url: &str) -> TempDir {
    let site = own("durability");
    write(
        site.path(),
        "secrets.toml",
        &format!("database-url = {url:?}\n"),
    );
    site
}

/// The server that tests may use, if there is one.
fn postgres() -> Option<String> {
    let url = std::env::var("TEST_POSTGRES_URL").ok();
    if url.is_none() {
        println!("left out: TEST_POSTGRES_URL names no database");
    }
    url
}

#[test]
fn what_was_acknowledged_survives_kills_in_sqlite() {
    survives_kills(&own("durability"));
}

#[test]
fn what_was_acknowledged_survives_kills_in_postgresql() {
    let Some(url) = postgres() else { return };
    let admin = Database::open(&Config::new(&url)).unwrap();
    let name = format!("h_durability_{}", std::process::id());
    admin
        .execute(&format!("CREATE DATABASE {name}"), &[])
        .unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    survives_kills(&site_of(&format!("{server}/{name}")));
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.execute(&drop, &[]).unwrap();
}

#[test]
fn while_postgresql_restarts_nothing_is_answered_but_what_is_so() {
    if postgres().is_none() {
        return;
    }
    // One of its own: the others are in use.
    let folder = tempfile::tempdir().unwrap();
    let owner = std::process::id().to_string();
    let start = ["start", "--remove", "--owner", &owner];
    let url = databases(&start, folder.path());
    let url = url.trim().strip_prefix("TEST_POSTGRES_URL=").unwrap();
    let site = site_of(url);
    let server = serve(&[site.path()], &[]);
    let course = Course::default();
    let mut clients = Vec::new();
    for stop in [&["stop"][..], &["stop", "--kill"]] {
        let mut reached = Vec::new();
        let at_work = |course: &Course| {
            let wanted = course.done.load(Ordering::SeqCst) + AROUND;
            awaits(course, || course.done.load(Ordering::SeqCst) > wanted)
        };
        course.over.store(false, Ordering::SeqCst);
        let more = put_to_it(&course, &server, true, || {
            reached.push(at_work(&course));
            let refused = course.refused.load(Ordering::SeqCst);
            databases(stop, folder.path());
            let is_away = || course.refused.load(Ordering::SeqCst) > refused + CLIENTS;
            reached.push(awaits(&course, is_away));
            databases(&start, folder.path());
            reached.push(at_work(&course));
        });
        assert_eq!(reached, [true; 3], "{stop:?}");
        clients.extend(more);
    }
    assert_all_there(&server, &clients);
    drop(server);
    databases(&["stop", "--kill"], folder.path());
}

/// Runs the script that starts and stops private servers; what it says.
#[track_caller]
fn databases(words: &[&str], folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/databases");
    let mut command = Command::new(script);
    let output = command.args(words).arg(folder).arg("postgres").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
