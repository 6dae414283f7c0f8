//! The end of the server under load: what was begun is finished, and whoever asks is told that it is
//! the last answer.

mod common;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_http::{Bytes, Hub, Limits, Request, Response, config};
use harmonious_pool::Config;

use common::{Client, Gate, PATIENCE, TestServer};

const REPETITIONS: usize = 20;
const CLIENTS: usize = 4;

/// Length of each answer: more than one write takes.
const LEN: usize = 300_000;

fn slow_page(_: Request) -> Response {
    thread::sleep(Duration::from_millis(1)); // work
    Response::bytes("application/octet-stream", vec![b'a'; LEN])
}

/// What clients saw.
#[derive(Default)]
struct Seen {
    connects: AtomicUsize,
    answers: AtomicUsize,
    /// Requests on a connection of their own that got no byte of an answer.
    unheard: AtomicUsize,
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Asks on one connection until it is told that it closes.
fn keep_asking(address: SocketAddr, seen: &Seen) {
    let mut client = Client::connect(address);
    seen.connects.fetch_add(1, Relaxed);
    let mut free_since = Instant::now();
    loop {
        // A client that had no CPU for so long may find its connection closed, as idle.
        let paused = |since: Instant| since.elapsed() > config::DRAIN_IDLE / 2;
        if client.try_send(REQUEST).is_err() && paused(free_since) {
            return;
        }
        let late = paused(free_since);
        match client.try_answer(false) {
            Ok(answer) => {
                assert_eq!((answer.status, answer.body.len()), (200, LEN));
                seen.answers.fetch_add(1, Relaxed);
                if answer.closes() {
                    return client.expect_closed();
                }
            }
            Err(_) if late => return,
            Err(why) => panic!("an answer was lost: {why}"),
        }
        free_since = Instant::now();
    }
}

/// Asks on a new connection each time, until there is no more to be had.
fn keep_connecting(address: SocketAddr, seen: &Seen) {
    while let Ok(stream) = TcpStream::connect_timeout(&address, PATIENCE) {
        seen.connects.fetch_add(1, Relaxed);
        let mut client = Client::from(stream);
        let answer = match client.try_send(REQUEST) {
            Ok(()) => client.try_answer(false),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(answer) => {
                assert_eq!((answer.status, answer.body.len()), (200, LEN));
                seen.answers.fetch_add(1, Relaxed);
            }
            // It stood in the backlog when the door was shut, and nobody ever took it in.
            Err(why) if why.contains("reset by peer (os error 104) after 0 bytes") => {
                seen.unheard.fetch_add(1, Relaxed);
            }
            Err(why) => panic!("an answer was lost: {why}"),
        }
    }
}

fn stop_under_load() {
    let limits = Limits::default();
    let server = TestServer::with(slow_page, limits, Config::default());
    let seen = Arc::new(Seen::default());
    let address = server.address;
    let clients: Vec<_> = (0..2 * CLIENTS)
        .map(|n| {
            let seen = Arc::clone(&seen);
            thread::spawn(move || match n % 2 {
                0 => keep_asking(address, &seen),
                _ => keep_connecting(address, &seen),
            })
        })
        .collect();
    server.await_front("load", |front| front.responses[1] >= 50);
    let front = server.front.clone();
    let report = server.stop();
    assert!(report.is_clean(), "{report}");
    for client in clients {
        client.join().expect("no answer is lost");
    }
    let stats = front.stats();
    let [connects, answers, unheard] =
        [&seen.connects, &seen.answers, &seen.unheard].map(|count| count.load(Relaxed));
    let never_accepted = connects.saturating_sub(stats.accepted as usize);
    assert!(
        unheard <= never_accepted,
        "{unheard} lost, {never_accepted} never taken in"
    );
    assert_eq!(answers as u64, stats.responses[1], "each answer arrived");
    assert_eq!(
        stats.requests, stats.responses[1],
        "each request was answered"
    );
    assert_eq!(stats.connections, 0);
}

#[test]
fn nothing_that_was_begun_is_lost_twenty_times() {
    for _ in 0..REPETITIONS {
        stop_under_load();
    }
}

/// Stops the server in another thread, and returns when it has begun to.
fn begin_stop(server: TestServer) -> thread::JoinHandle<()> {
    let handle = server.pool.handle();
    let stopping = thread::spawn(move || {
        let report = server.stop();
        assert!(report.is_clean(), "{report}");
    });
    common::await_that("the drain", || handle.is_draining().then_some(()).ok_or(()));
    stopping
}

#[test]
fn what_is_under_way_is_finished_and_the_door_is_shut() {
    let gate = Gate::default();
    let at_gate = gate.clone();
    let handler = move |request: Request| {
        if request.head.path() == "/wait" {
            at_gate.pass();
        }
        Response::text("hello")
    };
    let server = TestServer::start(handler);
    let address = server.address;
    let mut handled = server.connect();
    handled.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    gate.await_waiting(1);
    let mut head = server.connect();
    head.send("GET / HTTP/1.1\r\nHo");
    let mut body = server.connect();
    body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo");
    let mut idle = server.connect();
    assert_eq!(idle.get("/").status, 200);
    server.await_front("all of them", |front| {
        front.connections == 4 && front.requests == 3
    });
    server.await_front("their bytes", |front| front.bytes_read > 100);

    let stopping = begin_stop(server);
    idle.expect_closed();
    head.send("st: x\r\n\r\n");
    body.send("dy");
    for client in [&mut head, &mut body] {
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert!(answer.closes());
        client.expect_closed();
    }
    common::await_that("no more connections", || {
        TcpStream::connect(address).err().ok_or("connected")
    });
    gate.open();
    let answer = handled.answer();
    assert_eq!(answer.text(), "hello");
    assert!(answer.closes());
    handled.expect_closed();
    stopping.join().unwrap();
}

#[test]
fn streams_end_and_chunks_come_whole() {
    let hub = Hub::new();
    let gate = Gate::default();
    let (at_gate, events) = (gate.clone(), hub.clone());
    let handler = move |request: Request| {
        if request.head.path() == "/events" {
            return events.response(&request.head);
        }
        let gate = at_gate.clone();
        let chunks = (0..20).map(move |n| {
            if n == 10 {
                gate.pass();
            }
            thread::sleep(Duration::from_millis(1)); // work
            Ok(Bytes::from(format!("{n:05}").repeat(4_000)))
        });
        Response::chunks("application/octet-stream", chunks)
    };
    let server = TestServer::start(handler);
    let mut events = server.connect();
    events.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    events.until(":\n\n\r\n");
    let mut chunks = server.connect();
    chunks.send("GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n");
    gate.await_waiting(1);

    let stopping = begin_stop(server);
    assert_eq!(
        events.until("0\r\n\r\n"),
        "0\r\n\r\n",
        "the end of the stream"
    );
    gate.open();
    let answer = chunks.answer();
    assert_eq!(answer.body.len(), 20 * 20_000);
    chunks.expect_closed();
    drop(events);
    stopping.join().unwrap();
}
