//! Handlers that run for longer than they may: the client is answered 504 and goes on, others are
//! served meanwhile, and afterwards everything is as it was.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use harmonious_http::{Handler, Head, Plan, Request, Response, StatusCode};
use harmonious_pool::{Config, Stats};

use common::{Answer, Client, Gate, OpenAtEnd, PATIENCE, TestServer, fixed, patient};

const SHORT: Duration = Duration::from_millis(20);

/// Handlers that hang until the test is through with them.
#[derive(Clone, Default)]
struct Site(Arc<State>);

#[derive(Default)]
struct State {
    /// `/loop` and all below it end when this is set.
    release: AtomicBool,
    gate: Gate,
    /// Handlers that came to their end although they were too late.
    late: AtomicU64,
    /// Bytes of the last body that a handler read late.
    late_body: AtomicU64,
}

impl Handler for Site {
    fn plan(&self, head: &Head) -> Plan {
        let path = head.path();
        let time_limit = match path {
            _ if path.starts_with("/loop") || path.starts_with("/hang") => Some(SHORT),
            _ if path.starts_with("/job/") => Some(Duration::from_millis(3)),
            "/unlimited" => None,
            _ => Some(PATIENCE * 6),
        };
        Plan::Job {
            route: 0,
            body_max_bytes: None,
            time_limit,
        }
    }

    fn handle(&self, request: Request) -> Response {
        let path = request.head.path().to_owned();
        match path.as_str() {
            "/loop" => {
                while !self.0.release.load(SeqCst) {
                    std::hint::spin_loop();
                }
            }
            "/unlimited" => self.0.gate.pass(),
            _ if path.starts_with("/hang") => self.0.gate.pass(),
            _ => {}
        }
        if let Some(work) = path.strip_prefix("/job/") {
            std::thread::sleep(Duration::from_micros(work.parse().unwrap())); // the work
        }
        if path == "/loop" || path.starts_with("/hang") {
            let len = request.body.into_bytes().unwrap().len();
            self.0.late_body.store(len as u64, SeqCst);
            self.0.late.fetch_add(1, SeqCst);
        }
        assert!(!path.ends_with("/panic"), "as the test wants it");
        if path.ends_with("/upgrade") {
            return Response::upgrade("other", |_| unreachable!("nobody waits for it"));
        }
        Response::text(path)
    }

    fn timed_out(&self, head: &Head) -> Response {
        match head.path() {
            "/hang/mine" => Response::text("too slow").with_status(StatusCode::SERVICE_UNAVAILABLE),
            "/hang/broken" => panic!("as the test wants it"),
            _ => Response::error(StatusCode::GATEWAY_TIMEOUT),
        }
    }
}

/// Ends the handlers also when the test fails.
struct Release(Site);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.0.release.store(true, SeqCst);
        self.0.0.gate.open();
    }
}

/// With `n` permits; idle threads retire soon, and nobody is refused for having waited.
fn start(n: usize) -> (TestServer, Site) {
    let site = Site::default();
    let config = Config {
        idle: SHORT,
        queue_wait: PATIENCE * 6,
        ..fixed(n)
    };
    (TestServer::with(site.clone(), patient(), config), site)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

fn assert_timed_out(answer: &Answer) {
    assert_eq!(answer.text(), "504 Gateway Timeout\n");
    assert_eq!((answer.status, answer.closes()), (504, false));
}

fn assert_served(client: &mut Client, path: &str) {
    let answer = client.get(path);
    assert_eq!((answer.status, answer.text()), (200, path));
}

/// As it was before, with `n` permits.
fn await_rest(server: &TestServer, n: usize) -> Stats {
    let stats = server.await_pool("rest", |stats| {
        (stats.given_up, stats.busy, stats.queued) == (0, 0, 0) && stats.threads == n + 1
    });
    assert_eq!((stats.limit, stats.job_panics), (n, 0));
    stats
}

#[test]
fn an_endless_loop_is_answered_504_and_others_are_served() {
    for permits in [1, 2] {
        let (server, site) = start(permits);
        let release = Release(site.clone());
        let mut stuck: Vec<Client> = (0..permits).map(|_| server.connect()).collect();
        for client in &mut stuck {
            client.send(get("/loop"));
        }
        for client in &mut stuck {
            assert_timed_out(&client.answer());
        }
        assert_served(&mut server.connect(), "/other");
        for client in &mut stuck {
            assert_served(client, "/the-same-connection");
        }
        let stats = server.pool.stats();
        assert_eq!((stats.given_up, stats.limit), (permits, permits));
        assert!(stats.threads > 2 * permits, "one is free for connections");
        assert_eq!(server.front.stats().timed_out, permits as u64);
        drop(release);
        let stats = await_rest(&server, permits);
        assert_eq!(stats.given_up_total, permits as u64);
        assert_eq!(site.0.late.load(SeqCst), permits as u64);
        for client in &mut stuck {
            assert_served(client, "/after-what-came-too-late");
        }
        assert!(server.stop().is_clean());
    }
}

#[test]
fn what_was_pipelined_behind_it_is_answered_next() {
    let (server, site) = start(1);
    let _release = Release(site);
    let mut client = server.connect();
    client.send(get("/hang") + &get("/second") + &get("/hang") + &get("/fourth"));
    assert_timed_out(&client.answer());
    assert_eq!(client.answer().text(), "/second");
    assert_timed_out(&client.answer());
    assert_eq!(client.answer().text(), "/fourth");
}

#[test]
fn the_504_of_a_head_has_no_body() {
    let (server, site) = start(1);
    let _release = Release(site);
    let mut client = server.connect();
    client.send("HEAD /hang HTTP/1.1\r\nHost: x\r\n\r\n");
    let answer = client.answer_without_body();
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (504, Some("20"))
    );
    assert_served(&mut client, "/next");
}

#[test]
fn the_body_stays_with_the_handler() {
    const LEN: usize = 1 << 20; // in a file
    let (server, site) = start(1);
    let release = Release(site.clone());
    let mut client = server.connect();
    client.send(format!(
        "POST /hang HTTP/1.1\r\nHost: x\r\nContent-Length: {LEN}\r\n\r\n"
    ));
    client.send(vec![b'a'; LEN]);
    client.send(get("/behind"));
    assert_timed_out(&client.answer());
    assert_eq!(client.answer().text(), "/behind");
    drop(release);
    await_rest(&server, 1);
    assert_eq!(site.0.late_body.load(SeqCst), LEN as u64);
}

/// While a handler that was given up still runs, the connection has other jobs: its late answer must
/// not be taken for what these bring.
#[test]
fn a_late_answer_is_not_that_of_a_later_request() {
    let (server, site) = start(2);
    let release = Release(site.clone());
    let mut client = server.connect();
    client.send(get("/hang/first"));
    assert_timed_out(&client.answer());
    // This one waits when the first comes back.
    client.send(get("/unlimited"));
    site.0.gate.await_waiting(2);
    drop(release);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, "/unlimited"));
    await_rest(&server, 2);
    assert_served(&mut client, "/third");
    // A response is counted when it is out: the client may be faster.
    server.await_front("all answers", |front| front.responses == [0, 2, 0, 0, 1]);
}

#[test]
fn another_protocol_that_comes_too_late_is_not_spoken() {
    let (server, site) = start(1);
    let release = Release(site);
    let mut client = server.connect();
    let upgrade = "Connection: Upgrade\r\nUpgrade: other\r\n";
    client.send(format!(
        "GET /hang/upgrade HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n"
    ));
    assert_timed_out(&client.answer());
    drop(release);
    await_rest(&server, 1);
    assert_served(&mut client, "/still-http");
}

#[test]
fn a_client_that_is_gone_is_not_waited_for() {
    let (server, site) = start(1);
    let release = Release(site);
    let mut client = server.connect();
    client.send(get("/hang"));
    server.await_pool("its handler", |stats| stats.busy == 1);
    client.reset();
    server.await_pool("its limit", |stats| stats.given_up == 1);
    server.await_front("its end", |front| front.connections == 0);
    assert_served(&mut server.connect(), "/other");
    drop(release);
    assert_eq!(await_rest(&server, 1).given_up_total, 1);
}

#[test]
fn a_panic_after_the_limit_changes_no_answer() {
    let (server, site) = start(1);
    let release = Release(site);
    let mut client = server.connect();
    assert_timed_out(&client.get("/hang/panic"));
    drop(release);
    await_rest(&server, 1);
    assert_eq!(server.front.stats().handler_panics, 1);
    assert_served(&mut client, "/next");
}

#[test]
fn the_handler_says_what_is_answered_in_its_place() {
    let (server, site) = start(1);
    let _release = Release(site);
    let mut client = server.connect();
    let answer = client.get("/hang/mine");
    assert_eq!((answer.status, answer.text()), (503, "too slow"));
    assert_timed_out(&client.get("/hang/broken"));
    let stats = server.front.stats();
    assert_eq!((stats.handler_panics, stats.timed_out), (1, 2));
}

#[test]
fn the_time_in_the_queue_does_not_count() {
    let (server, site) = start(1);
    let _open = OpenAtEnd(site.0.gate.clone());
    let mut first = server.connect();
    first.send(get("/unlimited"));
    site.0.gate.await_waiting(1);
    let mut second = server.connect();
    second.send(get("/loop/not-really"));
    server.await_pool("a wait beyond the limit", |stats| {
        stats.oldest_wait > 3 * SHORT
    });
    site.0.gate.open();
    assert_eq!(first.answer().text(), "/unlimited");
    let answer = second.answer();
    assert_eq!((answer.status, answer.text()), (200, "/loop/not-really"));
}

#[test]
fn a_server_that_stops_answers_504_too() {
    let (server, site) = start(1);
    let release = Release(site);
    let mut client = server.connect();
    client.send(get("/hang"));
    server.await_pool("its handler", |stats| stats.busy == 1);
    let stopping = std::thread::spawn(move || server.stop());
    assert_eq!(client.answer().status, 504);
    client.expect_closed();
    drop((client, release));
    let report = stopping.join().unwrap();
    assert!(report.is_clean(), "{report}");
}

/// Many handlers that end a little before, at and a little after their limit.
#[test]
fn around_the_limit_each_request_has_one_answer() {
    const CLIENTS: u64 = 8;
    const REQUESTS: u64 = 150;
    let site = Site::default();
    let config = Config {
        spawn_limit: 16_384,
        idle: SHORT,
        queue_wait: PATIENCE * 6,
        ..fixed(4)
    };
    let server = TestServer::with(site, patient(), config);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let mut client = server.connect();
            std::thread::spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n + 1);
                let mut served = 0;
                for _ in 0..REQUESTS {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    let path = format!("/job/{}", random % 7_000);
                    let answer = client.get(&path);
                    match answer.status {
                        200 => assert_eq!(answer.text(), path, "the answer to this request"),
                        _ => assert_timed_out(&answer),
                    }
                    served += u64::from(answer.status == 200);
                }
                served
            })
        })
        .collect();
    let served: u64 = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    let stats = await_rest(&server, 4);
    let front = server.await_front("all answers", |front| {
        front.responses == [0, served, 0, 0, CLIENTS * REQUESTS - served]
    });
    assert_eq!(front.timed_out, CLIENTS * REQUESTS - served);
    // Some were given up when their answer was there already.
    assert!(stats.given_up_total >= front.timed_out, "{stats:?}");
    assert_eq!(stats.completions + stats.given_up_total, CLIENTS * REQUESTS);
    assert!(served > 0 && front.timed_out > 0, "{front:?}");
    assert!(server.stop().is_clean());
}
