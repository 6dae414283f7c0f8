//! What the abuse tests share: a server in this process, and a handler that records.
#![allow(dead_code, reason = "each test file uses its own part")]

mod client;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use harmonious_http::{
    Front, FrontStats, Handler, Head, Limits, Listen, Peer, Plan, Request, Response, Server,
};
use harmonious_pool::{Config, DrainReport, PolicyKind, Pool, Stats};

#[allow(unused_imports, reason = "each test file uses its own part")]
pub use client::{Answer, Client, contains};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A server on a free port of the loopback, in this process.
pub struct TestServer {
    pub pool: Pool,
    pub front: Front,
    pub address: SocketAddr,
}

impl TestServer {
    /// With the limits of the front as they are, but for the time that a head may take: what is
    /// refused for being certain must not be mistaken for what is refused for being late.
    pub fn start(handler: impl Handler) -> TestServer {
        TestServer::with(handler, patient(), Config::default())
    }

    pub fn with(handler: impl Handler, limits: Limits, config: Config) -> TestServer {
        let pool = Pool::start(config).unwrap();
        let front = Front::new(handler, limits).unwrap();
        let server = Server::builder()
            .http(&"127.0.0.1:0".parse().unwrap(), &front)
            .unwrap()
            .start(&pool)
            .unwrap();
        let Listen::Ip(address) = server.addresses()[0] else {
            unreachable!("it listens on an address of the network");
        };
        TestServer {
            pool,
            front,
            address,
        }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// How often the front refused something for this reason.
    pub fn rejects(&self, reason: &str) -> u64 {
        rejects(&self.front.stats(), reason)
    }

    pub fn await_front(&self, what: &str, condition: impl Fn(&FrontStats) -> bool) -> FrontStats {
        await_that(what, || accept(self.front.stats(), &condition))
    }

    pub fn await_pool(&self, what: &str, condition: impl Fn(&Stats) -> bool) -> Stats {
        await_that(what, || accept(self.pool.stats(), &condition))
    }

    /// Ends the server; what has begun has [`PATIENCE`] to finish.
    pub fn stop(self) -> DrainReport {
        self.pool.shutdown(PATIENCE)
    }
}

fn accept<T>(stats: T, condition: impl Fn(&T) -> bool) -> Result<T, Box<T>> {
    if condition(&stats) {
        Ok(stats)
    } else {
        Err(Box::new(stats))
    }
}

/// Limits under which no test meets a timeout that it does not ask for.
pub fn patient() -> Limits {
    Limits {
        header_timeout: PATIENCE * 6,
        body_timeout: PATIENCE * 6,
        ..Limits::default()
    }
}

/// `fixed:n`, with room for `n`.
pub fn fixed(n: usize) -> Config {
    Config {
        policy: PolicyKind::Fixed(n),
        workers_min: n.min(4),
        workers_start: n.min(4),
        workers_max: n,
        ..Config::default()
    }
}

pub fn rejects(stats: &FrontStats, reason: &str) -> u64 {
    let found = stats.rejects.iter().find(|(name, _)| *name == reason);
    found.map_or(0, |&(_, count)| count)
}

/// Looks until there is what is wanted.
///
/// # Panics
/// If it is not there within [`PATIENCE`]; the message has what was there instead.
pub fn await_that<T, E: std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(_) if began.elapsed() < PATIENCE => {}
            Err(instead) => panic!("never saw {what}: {instead:#?}"),
        }
        // The figures have no bell to wait for. Looking all the time would use up the CPU that the
        // server needs to bring them about.
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A lock whose holder may have failed a test: what it guards is as good as before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A door that handlers wait at until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Door>, Condvar)>);

#[derive(Default)]
struct Door {
    open: bool,
    waiting: usize,
}

impl Gate {
    pub fn open(&self) {
        lock(&self.0.0).open = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let mut door = lock(&self.0.0);
        door.waiting += 1;
        self.0.1.notify_all();
        let (_door, timeout) = self
            .0
            .1
            .wait_timeout_while(door, PATIENCE * 6, |door| !door.open)
            .unwrap();
        assert!(!timeout.timed_out(), "the gate was never opened");
    }

    /// Returns once `n` have come to the door.
    pub fn await_waiting(&self, n: usize) {
        let door = lock(&self.0.0);
        let (_door, timeout) = self
            .0
            .1
            .wait_timeout_while(door, PATIENCE, |door| door.waiting < n)
            .unwrap();
        assert!(!timeout.timed_out(), "{n} handlers did not start");
    }
}

/// Opens the gate also when the test fails: the pool waits for its handlers.
pub struct OpenAtEnd(pub Gate);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// A handler that says what it was asked: method, target and body, and keeps it by the client's port.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    planned: HashMap<u16, Vec<String>>,
    handled: HashMap<u16, Vec<String>>,
}

impl Recorder {
    /// Requests whose head was accepted from the client on this port: method and target.
    pub fn planned(&self, port: u16) -> Vec<String> {
        lock(&self.0)
            .planned
            .get(&port)
            .cloned()
            .unwrap_or_default()
    }

    /// Requests that reached the handler from the client on this port: method, target and body.
    pub fn handled(&self, port: u16) -> Vec<String> {
        lock(&self.0)
            .handled
            .get(&port)
            .cloned()
            .unwrap_or_default()
    }
}

impl Handler for Recorder {
    fn plan(&self, head: &Head) -> Plan {
        let said = format!("{} {}", head.method, head.target.as_str());
        let mut log = lock(&self.0);
        log.planned.entry(port(head)).or_default().push(said);
        Plan::Job {
            route: 0,
            body_max_bytes: None,
            time_limit: None,
        }
    }

    fn handle(&self, request: Request) -> Response {
        let head = request.head;
        let body = request.body.into_bytes().unwrap();
        let body = String::from_utf8_lossy(&body);
        let said = format!("{} {} {body}", head.method, head.target.as_str());
        let mut log = lock(&self.0);
        log.handled
            .entry(port(&head))
            .or_default()
            .push(said.clone());
        Response::text(said)
    }
}

fn port(head: &Head) -> u16 {
    match head.peer {
        Peer::Ip(_, port) => port,
        Peer::Local(_) => unreachable!("the tests speak TCP"),
    }
}

/// Another address of this machine.
pub fn loopback(last: u8) -> IpAddr {
    IpAddr::from([127, 0, 0, last])
}

/// Lets this process have as many descriptors as it may; both ends of all connections are in it.
///
/// # Panics
/// If that is fewer than `needed`: the test could not say what it is to say.
pub fn need_descriptors(needed: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|now| now < needed) {
        let raised = Rlimit {
            current: limit.maximum,
            ..limit
        };
        setrlimit(Resource::Nofile, raised).unwrap();
        let enough = limit.maximum.is_none_or(|maximum| maximum >= needed);
        assert!(enough, "this test needs {needed} descriptors: {limit:?}");
    }
}
