//! The rows of "Connections" in the notes on abuse, with shorter timeouts: slow and idle clients, and
//! too many of them. What concerns the process as a whole is in `descriptors.rs`, the end of the
//! server in `stopping.rs`.
//!
//! Why it is long: each row sets its own scene.

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_http::{
    Body, BodyStream, Bytes, Front, Handler, Head, Limits, Listen, Part, Piece, Plan, Request,
    Response, Server, StaticConfig, StaticFiles, StreamContext, TryAnswer,
};
use harmonious_pool::{Config, Pool};

use common::{
    Client, Gate, OpenAtEnd, PATIENCE, TestServer, await_that, fixed, loopback, need_descriptors,
    rejects,
};

/// All connections come from one address here; that is no limit but where it is the test.
fn limits() -> Limits {
    Limits {
        per_address_max: 100_000,
        ..common::patient()
    }
}

fn hello(_: Request) -> Response {
    Response::text("hello")
}

fn ask(client: &mut Client) {
    assert_eq!(client.get("/").status, 200);
}

/// Asks again and again for so long; how long the slowest tenth took at least.
fn ask_for(server: &TestServer, time: Duration) -> Duration {
    let mut client = server.connect();
    let began = Instant::now();
    let mut took = Vec::new();
    while began.elapsed() < time {
        let asked = Instant::now();
        ask(&mut client);
        took.push(asked.elapsed());
        thread::sleep(Duration::from_millis(5)); // the pace of a client, not a wait
    }
    took.sort_unstable();
    took[took.len() * 9 / 10]
}

// ---- slow senders ----

#[test]
fn half_sent_heads_take_no_thread_and_get_408() {
    const CONNECTIONS: usize = 500;
    need_descriptors(2 * CONNECTIONS as u64 + 200);
    let limits = Limits {
        header_timeout: Duration::from_secs(2),
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let threads = server.pool.stats().threads;
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: x\r\nX-");
    }
    server.await_front("all connections", |front| front.connections == CONNECTIONS);
    ask(&mut server.connect());
    assert_eq!(server.pool.stats().threads, threads);
    for client in &mut clients {
        assert_eq!(client.answer().status, 408);
        client.expect_closed();
    }
    assert_eq!(server.rejects("header_timeout"), CONNECTIONS as u64);
    assert_eq!(server.pool.stats().threads, threads);
}

/// The time is one for the whole head: more bytes do not move it.
#[test]
fn a_head_that_comes_drop_by_drop_gets_408() {
    let limits = Limits {
        header_timeout: Duration::from_millis(500),
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n");
    let mut dripping = client.stream.try_clone().unwrap();
    let began = Instant::now();
    let drips = thread::spawn(move || {
        // Until the server has closed.
        while dripping.write_all(b"X-a: b\r\n").is_ok() && began.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(client.answer().status, 408);
    assert!(
        began.elapsed() >= Duration::from_millis(450),
        "{:?}",
        began.elapsed()
    );
    client.expect_closed();
    drop(client);
    drips.join().unwrap();
}

#[test]
fn slow_bodies_do_not_delay_others_and_get_408() {
    const CONNECTIONS: usize = 200;
    need_descriptors(2 * CONNECTIONS as u64 + 200);
    let limits = Limits {
        body_timeout: Duration::from_millis(1500),
        ..limits()
    };
    let server = TestServer::with(hello, limits, fixed(2));
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(if n % 2 == 0 {
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\na"
        } else {
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        });
    }
    // A byte (or a chunk of one) for each second, while somebody else asks.
    let slowest_tenth = ask_for(&server, Duration::from_millis(500));
    for (n, client) in clients.iter_mut().enumerate() {
        client.send(if n % 2 == 0 { "a" } else { "1\r\na\r\n" });
    }
    let slowest_tenth = slowest_tenth.max(ask_for(&server, Duration::from_millis(500)));
    assert!(
        slowest_tenth < Duration::from_millis(50),
        "{slowest_tenth:?}"
    );
    for client in &mut clients {
        assert_eq!(client.answer().status, 408);
        client.expect_closed();
    }
    assert_eq!(server.rejects("body_timeout"), CONNECTIONS as u64);
}

#[test]
fn a_body_that_keeps_to_the_rate_may_take_longer_than_the_timeout() {
    let limits = Limits {
        body_timeout: Duration::from_millis(300),
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
    let began = Instant::now();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(50)); // the client's pace: 2,000 bytes a second
        client.send([b'a'; 100]);
    }
    assert!(began.elapsed() > Duration::from_millis(900));
    assert_eq!(client.answer().status, 200);
}

// ---- slow readers ----

const BIG: usize = 10 * 1024 * 1024;
const SMALL: usize = 10 * 1024;

/// Answers of 10 MB, each of another kind; and short ones.
struct Big {
    bytes: Bytes,
    file: Arc<std::fs::File>,
}

impl Big {
    fn new() -> Big {
        let file = tempfile::tempfile().unwrap();
        file.set_len(BIG as u64).unwrap();
        Big {
            bytes: vec![b'a'; BIG].into(),
            file: Arc::new(file),
        }
    }
}

/// Never ends.
struct Endless;

impl BodyStream for Endless {
    fn poll(&mut self, _: &mut StreamContext) -> Piece {
        Piece::Data(Bytes::from_static(&[b'a'; 8192]))
    }
}

impl Handler for Big {
    fn handle(&self, request: Request) -> Response {
        let binary = "application/octet-stream";
        match request.head.path() {
            "/bytes" => Response::bytes(binary, self.bytes.clone()),
            "/file" => {
                let part = Part::File {
                    file: Arc::clone(&self.file),
                    offset: 0,
                    len: BIG as u64,
                };
                Response::bytes(binary, "").with_body(Body::Parts([part].into()))
            }
            "/chunks" => {
                let chunk = self.bytes.slice(..16 * 1024);
                let chunks = std::iter::repeat_n(chunk, BIG / (16 * 1024));
                Response::chunks(binary, chunks.map(Ok))
            }
            "/small" => Response::bytes(binary, self.bytes.slice(..SMALL)),
            "/endless" => Response::stream(binary, Endless),
            _ => Response::text("hello"),
        }
    }
}

#[test]
fn slow_readers_hold_no_worker_and_are_dropped() {
    const EACH: usize = 50;
    let kinds = ["/bytes", "/file", "/chunks", "/endless"];
    let connections = EACH * kinds.len();
    need_descriptors(2 * connections as u64 + 200);
    let limits = Limits {
        write_timeout: Duration::from_secs(2),
        ..limits()
    };
    let server = TestServer::with(Big::new(), limits, fixed(2));
    let mut clients = Vec::new();
    for kind in kinds {
        for _ in 0..EACH {
            let mut client = Client::with_small_window(server.address);
            client.send(format!("GET {kind} HTTP/1.1\r\nHost: x\r\n\r\n"));
            clients.push(client);
            // All at once they would be too many for two workers on a machine that is busy.
            let sent = clients.len() as u64;
            if sent.is_multiple_of(10) {
                server.await_front("the requests", |front| front.requests == sent);
                server.await_pool("an empty queue", |pool| pool.queued == 0);
            }
        }
    }
    server.await_pool("free workers", |pool| pool.busy == 0 && pool.queued == 0);
    ask(&mut server.connect());
    server.await_front("all to be dropped", |front| front.connections == 0);
    assert_eq!(server.rejects("write_timeout"), connections as u64);
    assert_eq!(server.pool.stats().busy, 0);
}

/// Reads a part of `len` bytes every now and then, so that the server sees progress in less than
/// half of its patience.
fn read_steadily(client: &mut Client, mut len: usize, step: usize, pause: Duration) -> Duration {
    let began = Instant::now();
    while len > 0 {
        thread::sleep(pause); // the pace of a slow client
        len -= client.bytes(step.min(len)).len();
    }
    began.elapsed()
}

#[test]
fn a_slow_but_steady_reader_is_not_dropped() {
    let limits = Limits {
        write_timeout: Duration::from_millis(500),
        ..limits()
    };
    let server = TestServer::with(Big::new(), limits.clone(), Config::default());
    let mut client = Client::with_small_window(server.address);
    client.send("GET /bytes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.until("\r\n\r\n");
    let took = read_steadily(&mut client, BIG, 640 * 1024, Duration::from_millis(100));
    assert!(
        took > limits.write_timeout * 2,
        "{took:?}: it was no slow reader"
    );
    client.expect_closed();
    assert_eq!(server.rejects("write_timeout"), 0);
}

/// When an answer begins, those before may still fill the socket: what counts is the progress of the
/// connection, not when the request came. A Unix socket takes all of a short piece or nothing, so
/// that many an answer finds it full.
#[test]
fn a_slow_but_steady_reader_of_pipelined_answers_is_not_dropped() {
    const REQUESTS: usize = 400;
    const WRITE_TIMEOUT: Duration = Duration::from_millis(500);
    let limits = Limits {
        write_timeout: WRITE_TIMEOUT,
        ..limits()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let pool = Pool::start(Config::default()).unwrap();
    let front = Front::new(Big::new(), limits).unwrap();
    let listen = Listen::Unix(path.clone());
    let server = Server::builder().http(&listen, &front).unwrap();
    server.start(&pool).unwrap();

    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";
    client
        .write_all(request.repeat(REQUESTS).as_bytes())
        .unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let began = Instant::now();
    let mut answers = 0;
    let mut buffer = [0; 64 * 1024];
    loop {
        match client.read(&mut buffer).unwrap() {
            0 => break,
            read => answers += read,
        }
        thread::sleep(Duration::from_millis(25)); // the pace of a slow client
    }
    let took = began.elapsed();
    assert_eq!(
        rejects(&front.stats(), "write_timeout"),
        0,
        "after {answers} bytes, {took:?}"
    );
    assert!(took > 2 * WRITE_TIMEOUT, "it was no slow reader: {took:?}");
    assert!(answers > REQUESTS * SMALL, "{answers} bytes came");
}

// ---- idle ones ----

#[test]
fn idle_connections_take_no_thread_and_are_closed_at_the_timeout() {
    const CONNECTIONS: usize = 1_000;
    need_descriptors(2 * CONNECTIONS as u64 + 200);
    let limits = Limits {
        idle_timeout: Duration::from_secs(3),
        ..limits()
    };
    let server = TestServer::with(hello, limits, fixed(4));
    let threads = server.pool.stats().threads;
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    let mut last_asked = Instant::now();
    for client in &mut clients {
        ask(client);
        last_asked = Instant::now();
    }
    assert_eq!(
        server.front.stats().connections,
        CONNECTIONS,
        "the timeout is too short here"
    );
    assert_eq!(server.pool.stats().threads, threads);
    let last = clients.last_mut().unwrap();
    last.expect_closed();
    assert!(
        last_asked.elapsed() >= Duration::from_millis(2_900),
        "{:?}",
        last_asked.elapsed()
    );
    for client in &mut clients[..CONNECTIONS - 1] {
        client.expect_closed();
    }
    server.await_front("no connection", |front| front.connections == 0);
    assert_eq!(server.pool.stats().threads, threads);
}

/// Who has connected and says nothing has the time of a head.
#[test]
fn who_never_says_anything_is_closed_without_a_word() {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    server.connect().expect_closed();
    server.await_front("no connection", |front| front.connections == 0);
}

// ---- too many ----

fn expect_busy(client: &mut Client) {
    let answer = client.answer();
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").is_some());
    assert!(answer.closes());
    client.expect_closed();
}

#[test]
fn one_address_has_its_limit_and_others_are_not_touched() {
    const PER_ADDRESS: usize = 16;
    let limits = Limits {
        per_address_max: PER_ADDRESS,
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let mut clients: Vec<Client> = (0..PER_ADDRESS).map(|_| server.connect()).collect();
    clients.iter_mut().for_each(ask);
    for _ in 0..20 {
        let mut one_more = server.connect();
        expect_busy(&mut one_more);
    }
    assert_eq!(server.rejects("connections_per_address"), 20);

    let mut other = Client::connect_from(loopback(2), server.address);
    ask(&mut other);
    clients.iter_mut().for_each(ask);
    clients.pop();
    server.await_front("a free place", |front| front.connections == PER_ADDRESS);
    ask(&mut server.connect());
}

#[test]
fn a_flood_from_one_address_does_not_delay_others() {
    let limits = Limits {
        per_address_max: 8,
        ..limits()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let address = server.address;
    let until = Instant::now() + Duration::from_millis(700);
    let flood = thread::spawn(move || {
        let mut held = Vec::new();
        while Instant::now() < until {
            // From another address than those who ask politely.
            held.push(Client::connect_from(loopback(3), address));
            held.truncate(100);
            thread::sleep(Duration::from_micros(200)); // leaves some CPU to the server under test
        }
        held
    });
    let slowest_tenth = ask_for(&server, Duration::from_millis(500));
    let held = flood.join().unwrap();
    assert!(
        slowest_tenth < Duration::from_millis(50),
        "{slowest_tenth:?}"
    );
    assert!(server.rejects("connections_per_address") > 100);
    drop(held);
    server.await_front("no connection", |front| front.connections == 0);
}

/// Blocks for `/wait`.
fn gated(gate: &Gate) -> impl Handler + use<> {
    let gate = gate.clone();
    move |request: Request| {
        if request.head.path() == "/wait" {
            gate.pass();
        }
        Response::text("hello")
    }
}

/// A connection that finds a place. Idle is who has waited for a second; until then nobody is closed
/// for another.
fn new_one(server: &TestServer) -> Client {
    await_that("room for one more", || {
        let mut client = server.connect();
        match client.get("/").status {
            200 => Ok(client),
            status => Err(status),
        }
    })
}

#[test]
fn the_idlest_is_closed_for_a_new_one_and_a_busy_one_never() {
    const CONNECTIONS: usize = 100;
    const BUSY: usize = 8;
    let limits = Limits {
        connections_max: CONNECTIONS,
        ..limits()
    };
    let gate = Gate::default();
    let server = TestServer::with(gated(&gate), limits, fixed(BUSY + 2));
    let _open = OpenAtEnd(gate.clone());
    let mut busy: Vec<Client> = (0..BUSY).map(|_| server.connect()).collect();
    for client in &mut busy {
        client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gate.await_waiting(BUSY);
    let mut idle: Vec<Client> = (BUSY..CONNECTIONS).map(|_| server.connect()).collect();
    // The first to connect is the last to ask: what counts is when it began to wait.
    idle.iter_mut().rev().for_each(ask);
    assert_eq!(server.front.stats().connections, CONNECTIONS);

    ask(&mut new_one(&server));
    assert!(server.front.stats().evicted >= 1);
    idle.last_mut().unwrap().expect_closed();
    ask(&mut idle[0]);
    gate.open();
    for client in &mut busy {
        assert_eq!(client.answer().text(), "hello");
    }
}

#[test]
fn where_all_are_busy_a_new_one_gets_503() {
    let limits = Limits {
        connections_max: 2,
        ..limits()
    };
    let gate = Gate::default();
    let server = TestServer::with(gated(&gate), limits, fixed(4));
    let _open = OpenAtEnd(gate.clone());
    let mut busy = [server.connect(), server.connect()];
    for client in &mut busy {
        client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gate.await_waiting(2);
    for _ in 0..5 {
        expect_busy(&mut server.connect());
    }
    assert_eq!(server.rejects("connections_max"), 5);
    gate.open();
    for client in &mut busy {
        assert_eq!(client.answer().text(), "hello");
    }
    ask(&mut new_one(&server));
}

/// A connect that finds no room in the backlog is tried again by the client's system after 1 s.
#[test]
fn a_burst_of_a_thousand_connects_waits_for_no_retransmit() {
    const CONNECTIONS: usize = 1_000;
    const THREADS: usize = 8;
    need_descriptors(2 * CONNECTIONS as u64 + 200);
    let server = TestServer::with(hello, limits(), Config::default());
    let address = server.address;
    let burst: Vec<_> = (0..THREADS)
        .map(|_| {
            thread::spawn(move || {
                let connect = |_| {
                    let began = Instant::now();
                    let client = Client::connect(address);
                    (client, began.elapsed())
                };
                (0..CONNECTIONS / THREADS).map(connect).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut connected: Vec<_> = burst.into_iter().flat_map(|t| t.join().unwrap()).collect();
    let slowest = connected.iter().map(|(_, took)| *took).max().unwrap();
    assert!(slowest < Duration::from_millis(900), "{slowest:?}");
    for (client, _) in &mut connected {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (client, _) in &mut connected {
        assert_eq!(client.answer().status, 200);
    }
}

/// Its request is read together with the notice that it is gone: whatever becomes of the job, the
/// connection ends.
#[test]
fn a_client_that_asks_and_resets_at_once_leaves_no_connection() {
    let gate = Gate::default();
    let server = TestServer::with(gated(&gate), limits(), fixed(1));
    let _open = OpenAtEnd(gate.clone());
    let mut blocked = server.connect();
    blocked.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    gate.await_waiting(1);
    for _ in 0..500 {
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        client.reset();
    }
    gate.open();
    assert_eq!(blocked.answer().status, 200);
    server.await_front("the last connection", |front| front.connections == 1);
    // The jobs of those who are gone may still have to be passed over.
    await_that("an answer", || match blocked.get("/").status {
        200 => Ok(()),
        status => Err(status),
    });
}

// ---- no permit ----

/// A site of which a part needs no worker.
struct Site {
    files: StaticFiles,
    gate: Gate,
}

impl Handler for Site {
    fn plan(&self, head: &Head) -> Plan {
        if head.path() == "/ping" {
            return Plan::Answer(Response::text("pong"));
        }
        match self.files.try_answer(head) {
            TryAnswer::Answer(response) => Plan::Answer(response),
            _ => Plan::Job {
                route: 0,
                body_max_bytes: None,
                time_limit: None,
            },
        }
    }

    fn handle(&self, request: Request) -> Response {
        if request.head.path() == "/wait" {
            self.gate.pass();
        }
        self.files.answer(&request.head)
    }
}

#[test]
fn with_all_permits_blocked_files_are_served_and_requests_refused_in_time() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "file").unwrap();
    let gate = Gate::default();
    let site = Site {
        files: StaticFiles::open(folder.path(), StaticConfig::default()).unwrap(),
        gate: gate.clone(),
    };
    let config = fixed(2);
    let queue_wait = config.queue_wait;
    let server = TestServer::with(site, limits(), config);
    let _open = OpenAtEnd(gate.clone());
    assert_eq!(server.connect().get("/static/a.txt").text(), "file");
    let mut blocked = [server.connect(), server.connect()];
    for client in &mut blocked {
        client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gate.await_waiting(2);

    // For longer than the cache of files trusts what it knows.
    let mut took = Vec::new();
    let mut client = server.connect();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        for (target, expected) in [("/static/a.txt", "file"), ("/ping", "pong")] {
            let asked = Instant::now();
            assert_eq!(client.get(target).text(), expected);
            took.push(asked.elapsed());
        }
        thread::sleep(Duration::from_millis(5)); // the pace of a client, not a wait
    }
    took.sort_unstable();
    let slowest_tenth = took[took.len() * 9 / 10];
    assert!(
        slowest_tenth < Duration::from_millis(10),
        "{slowest_tenth:?}"
    );

    for _ in 0..3 {
        let asked = Instant::now();
        let answer = client.get("/");
        assert_eq!(answer.status, 503);
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let bound = queue_wait + Duration::from_millis(500);
        assert!(asked.elapsed() < bound, "{:?}", asked.elapsed());
    }
    assert_eq!(client.get("/ping").text(), "pong", "the connection is kept");
    gate.open();
    for client in &mut blocked {
        assert_eq!(client.answer().status, 404);
    }
}
