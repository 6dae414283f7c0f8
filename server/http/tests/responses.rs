//! What goes out: how each kind of response is framed, what happens where one fails, and what the
//! front adds. Bodies of requests are in `bodies.rs`, compression and events in files of their own.
//!
//! Why it is long: each kind of response has its scene.

mod common;

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harmonious_http::{
    Body, BodyStream, Bytes, Compression, Handler, Head, HeaderName, HeaderValue, Part, Piece,
    Plan, Record, Request, Response, StatusCode, Stream, StreamContext, Upgraded,
};
use harmonious_pool::{Config, Context, Flow, Task};

use common::{Client, Gate, OpenAtEnd, TestServer, await_that, contains, lock, patient};

const HOST: &str = "Host: x\r\n";
const BINARY: &str = "application/octet-stream";

fn file_of(bytes: &[u8]) -> Arc<std::fs::File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

fn chunks(request: &Request) -> Response {
    let count = request
        .head
        .target
        .query()
        .map_or(3, |count| count.parse().unwrap());
    let chunks = (0..count).map(|n| Ok(Bytes::from(format!("chunk {n}\n"))));
    Response::chunks(BINARY, chunks)
}

const THREE_CHUNKS: &str = "chunk 0\nchunk 1\nchunk 2\n";

fn parts() -> Response {
    let file = file_of(b"0123456789");
    let piece = |offset, len| Part::File {
        file: Arc::clone(&file),
        offset,
        len,
    };
    let parts = [
        piece(7, 3),
        Part::Bytes("-".into()),
        piece(5, 0),
        Part::Bytes(Bytes::new()),
        piece(0, 2),
    ];
    Response::bytes(BINARY, "").with_body(Body::Parts(parts.into()))
}

// ---- framing ----

fn kinds(request: Request) -> Response {
    match request.head.path() {
        "/bytes" => Response::text("bytes"),
        "/large" => Response::bytes(BINARY, vec![b'a'; 100_000]),
        "/parts" => parts(),
        "/chunks" => chunks(&request),
        "/empty-chunk" => {
            let chunks = ["a", "", "b"].map(|chunk| Ok(Bytes::from(chunk)));
            Response::chunks(BINARY, chunks.into_iter())
        }
        "/empty" | "/wait" => Response::new(StatusCode::OK),
        "/204" => Response::text("no body").with_status(StatusCode::NO_CONTENT),
        "/304" => Response::text("no body").with_status(StatusCode::NOT_MODIFIED),
        "/liar" => {
            let mut response = Response::text("truth");
            for (name, value) in [
                ("content-length", "999"),
                ("transfer-encoding", "chunked"),
                ("connection", "close"),
                ("keep-alive", "timeout=5"),
                ("upgrade", "h2c"),
                ("date", "yesterday"),
            ] {
                response = response.header(name, value).unwrap();
            }
            response
        }
        other => unreachable!("{other}"),
    }
}

#[test]
fn each_kind_is_framed_and_the_connection_kept() {
    let server = TestServer::start(kinds);
    let mut client = server.connect();
    for (target, body, length) in [
        ("/bytes", "bytes", Some("5")),
        ("/parts", "789-01", Some("6")),
        ("/chunks", THREE_CHUNKS, None),
        ("/chunks?0", "", None),
        ("/empty-chunk", "ab", None),
        ("/empty", "", Some("0")),
        ("/liar", "truth", Some("5")),
    ] {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.text()), (200, body), "{target}");
        assert_eq!(answer.header("content-length"), length, "{target}");
        assert_eq!(answer.chunked, length.is_none(), "{target}");
        assert_eq!(answer.header("connection"), None, "{target}");
        assert!(answer.header("upgrade").is_none() && answer.header("keep-alive").is_none());
        assert_ne!(answer.header("date"), Some("yesterday"));
    }
    assert_eq!(client.get("/large").body, vec![b'a'; 100_000]);
}

#[test]
fn the_answer_to_head_has_the_fields_and_no_body() {
    let server = TestServer::start(kinds);
    let mut client = server.connect();
    for target in [
        "/bytes",
        "/large",
        "/parts",
        "/chunks",
        "/empty-chunk",
        "/empty",
        "/204",
        "/304",
    ] {
        let get = client.get(target);
        client.send(format!("HEAD {target} HTTP/1.1\r\n{HOST}\r\n"));
        let head = client.answer_without_body();
        assert_eq!(head.status, get.status, "{target}");
        for name in [
            "content-length",
            "transfer-encoding",
            "content-type",
            "connection",
        ] {
            assert_eq!(head.header(name), get.header(name), "{name} of {target}");
        }
    }
    assert_eq!(client.get("/bytes").text(), "bytes");
}

#[test]
fn what_has_no_body_by_its_status_has_none() {
    let server = TestServer::start(kinds);
    let mut client = server.connect();
    for (target, status) in [("/204", 204), ("/304", 304)] {
        let answer = client.get(target);
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("transfer-encoding"), None);
        assert!(status != 204 || answer.header("content-length").is_none());
    }
    assert_eq!(client.get("/bytes").text(), "bytes", "nothing came between");
}

#[test]
fn a_client_of_http_1_0_gets_no_chunks() {
    let server = TestServer::start(kinds);
    for keep_alive in ["", "Connection: keep-alive\r\n"] {
        let mut client = server.connect();
        client.send(format!("GET /chunks HTTP/1.0\r\n{keep_alive}\r\n"));
        let answer = client.answer();
        assert_eq!(answer.text(), THREE_CHUNKS);
        assert!(answer.closes() && !answer.chunked);
        client.expect_closed();
    }
    let mut client = server.connect();
    for _ in 0..2 {
        client.send("GET /bytes HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        let answer = client.answer();
        assert_eq!(answer.text(), "bytes");
        assert_eq!(answer.header("connection"), Some("keep-alive"));
    }
}

// ---- another protocol ----

/// Sends back whatever comes, byte for byte, until the client ends.
struct Echo {
    stream: Stream,
    owed: Vec<u8>,
}

impl Echo {
    fn response() -> Response {
        Response::upgrade("echo", |upgraded: Upgraded| {
            Box::new(Echo {
                stream: upgraded.stream,
                owed: upgraded.read.to_vec(),
            })
        })
    }

    fn go(&mut self) -> std::io::Result<()> {
        loop {
            while !self.owed.is_empty() {
                let written = self.stream.write(&self.owed)?;
                self.owed.drain(..written);
            }
            let mut buffer = [0; 1024];
            match self.stream.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.owed.extend_from_slice(&buffer[..read]),
            }
        }
    }
}

impl Task for Echo {
    fn poll(&mut self, _: &mut Context<'_>) -> Flow {
        match self.go() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Flow::Wait,
            _ => Flow::Done,
        }
    }
}

#[test]
fn an_upgraded_connection_speaks_the_other_protocol() {
    let server = TestServer::start(|_: Request| Echo::response());
    let mut client = server.connect();
    let upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: echo\r\n";
    // What is sent before the answer belongs to the other protocol.
    client.send(format!("GET /echo HTTP/1.1\r\n{HOST}{upgrade}\r\nearly"));
    let answer = client.answer();
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("upgrade"), Some("echo"));
    assert_eq!(answer.header("connection"), Some("upgrade"));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(client.bytes(5), b"early");
    let large: Vec<u8> = (0..50_000u32).map(|n| n as u8).collect();
    client.send(&large);
    assert_eq!(client.bytes(large.len()), large);
    assert_eq!(server.front.stats().connections, 1);
    client.half_close();
    client.expect_closed();
    server.await_front("its end", |front| front.connections == 0);
}

#[test]
fn who_did_not_ask_for_another_protocol_is_told_426() {
    let server = TestServer::start(|_: Request| Echo::response());
    for request in [
        format!("GET / HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET / HTTP/1.1\r\n{HOST}Upgrade: echo\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{HOST}Connection: upgrade\r\n\r\n"),
    ] {
        let mut client = server.connect();
        for _ in 0..2 {
            client.send(&request);
            let answer = client.answer();
            assert_eq!(answer.status, 426);
            assert_eq!(answer.header("upgrade"), Some("echo"));
        }
    }
}

// ---- iterators ----

/// Counts how many chunks were asked for.
fn counted(calls: Arc<AtomicUsize>) -> impl Handler {
    let chunk = Bytes::from(vec![b'a'; CHUNK]);
    move |_: Request| {
        let (calls, chunk) = (Arc::clone(&calls), chunk.clone());
        let chunks = (0..ALL_CHUNKS).map(move |_| {
            calls.fetch_add(1, Relaxed);
            Ok(chunk.clone())
        });
        Response::chunks(BINARY, chunks)
    }
}

const CHUNK: usize = 64 * 1024;
/// 256 MiB of them.
const ALL_CHUNKS: usize = 4096;

#[test]
fn an_iterator_is_asked_for_more_only_as_the_client_reads() {
    let calls = Arc::new(AtomicUsize::new(0));
    let server = TestServer::start(counted(Arc::clone(&calls)));
    let mut client = Client::with_small_window(server.address);
    client.send(format!("GET / HTTP/1.1\r\n{HOST}\r\n"));
    client.until("\r\n\r\n");
    // Once the buffers of the system are full, nobody is asked any more.
    let mut before = 0;
    await_that("an end of asking", || {
        std::thread::sleep(Duration::from_millis(200)); // an absence has no bell
        let now = calls.load(Relaxed);
        let stands_still = now == std::mem::replace(&mut before, now);
        if stands_still && now > 0 {
            Ok(())
        } else {
            Err(now)
        }
    });
    // 4 MiB is the most that the system buffers for a sender by itself (tcp_wmem), a few KiB for
    // this receiver; and some chunks are on their way.
    assert!(before <= 4 * 1024 * 1024 / CHUNK + 16, "{before}");
    server.await_pool("free workers", |pool| pool.busy == 0 && pool.queued == 0);
    client.bytes(16 * 1024 * 1024);
    await_that("more to be asked for", || {
        let now = calls.load(Relaxed);
        if now > before { Ok(()) } else { Err(now) }
    });
    drop(client);
    server.await_front("the end of the connection", |front| front.connections == 0);
    assert!(calls.load(Relaxed) < ALL_CHUNKS);
}

/// Breaks off after `good` chunks, by an error or a panic.
fn broken(good: usize, panics: bool) -> Response {
    let chunks = (0..=good).map(move |n| match n {
        n if n < good => Ok(Bytes::from_static(b"good")),
        _ if panics => panic!("as the test wants it"),
        _ => Err(std::io::Error::other("as the test wants it")),
    });
    Response::chunks(BINARY, chunks)
}

struct PanickingStream(bool);

impl BodyStream for PanickingStream {
    fn poll(&mut self, _: &mut StreamContext) -> Piece {
        assert!(
            !std::mem::replace(&mut self.0, true),
            "as the test wants it"
        );
        Piece::Data("good".into())
    }
}

fn failing(request: Request) -> Response {
    match request.head.path() {
        "/error" => broken(0, false),
        "/panic" => broken(0, true),
        "/good-error" => broken(2, false),
        "/good-panic" => broken(2, true),
        "/stream" => Response::stream(BINARY, PanickingStream(false)),
        "/short-file" => {
            let part = Part::File {
                file: file_of(b"short"),
                offset: 0,
                len: 1000,
            };
            Response::bytes(BINARY, "").with_body(Body::Parts([part].into()))
        }
        "/handler" => panic!("as the test wants it"),
        _ => Response::text("hello"),
    }
}

#[test]
fn a_body_that_breaks_off_cuts_the_connection_so_that_it_shows() {
    let server = TestServer::start(failing);
    for (target, good) in [
        ("/error", ""),
        ("/panic", ""),
        ("/good-error", "good"),
        ("/good-panic", "good"),
        ("/stream", ""), // what it gave in the same poll may be lost with it
        ("/short-file", "short"),
    ] {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\n{HOST}\r\n").repeat(2));
        let rest = client.rest().unwrap();
        let answers = String::from_utf8_lossy(&rest).matches("HTTP/1.1 ").count();
        assert_eq!(answers, 1, "{target}: {}", rest.escape_ascii());
        assert!(contains(&rest, good), "{target}");
        assert!(
            !rest.ends_with(b"\r\n0\r\n\r\n"),
            "{target}: {}",
            rest.escape_ascii()
        );
        let mut again = server.connect();
        again.send(format!("GET {target} HTTP/1.1\r\n{HOST}\r\n"));
        let answer = again.try_answer(false);
        let refused = matches!(&answer, Ok(answer) if answer.status == 500);
        assert!(answer.is_err() || refused, "{target}: {answer:?}");
    }
    assert_eq!(server.connect().get("/").text(), "hello");
    assert_eq!(server.pool.stats().task_panics, 0);
}

/// Where the end of the connection is the end of the body, an orderly end would hide the failure.
#[test]
fn a_body_that_breaks_off_resets_a_client_of_http_1_0() {
    let server = TestServer::start(failing);
    for target in ["/error", "/panic", "/good-error", "/good-panic", "/stream"] {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.0\r\n\r\n"));
        let error = client.rest().expect_err(target);
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{target}");
    }
}

#[test]
fn a_handler_that_panics_is_a_500_and_all_goes_on() {
    struct Panics;
    impl Handler for Panics {
        fn plan(&self, head: &Head) -> Plan {
            assert_ne!(head.path(), "/plan", "as the test wants it");
            Plan::Job {
                route: 0,
                body_max_bytes: None,
                time_limit: None,
            }
        }

        fn handle(&self, request: Request) -> Response {
            failing(request)
        }
    }
    let server = TestServer::start(Panics);
    let mut client = server.connect();
    for _ in 0..20 {
        assert_eq!(client.get("/handler").status, 500);
        assert_eq!(client.get("/plan").status, 500);
        assert_eq!(client.get("/").text(), "hello");
    }
    assert_eq!(server.front.stats().handler_panics, 40);
    assert_eq!(server.pool.stats().task_panics, 0);
    assert!(server.stop().is_clean());
}

// ---- what the front refuses and adds ----

#[test]
fn header_fields_cannot_be_broken_out_of() {
    let bad = [
        ("x-a", "b\r\nset-cookie: c"),
        ("x-a", "b\nc"),
        ("x-a", "b\rc"),
        ("x-a", "b\0c"),
        ("x-a", "\x7f"),
        ("x-a", "\x1b[0m"),
        ("x-a\r\nb", "c"),
        ("x-a:", "c"),
        ("x a", "c"),
        ("", "c"),
        ("x-\u{e4}", "c"),
    ];
    for (name, value) in bad {
        let refused = Response::text("").header(name, value);
        assert!(refused.is_err(), "{name:?}: {value:?}");
    }
    for location in ["/a\r\nset-cookie: b", "/a\nb", "/\0"] {
        assert!(Response::redirect(StatusCode::SEE_OTHER, location).is_err());
    }
    assert!(
        HeaderValue::from_str("a\r\nb").is_err(),
        "and so does the type below"
    );
    assert!(HeaderName::from_bytes(b"a\r\nb").is_err());
}

#[test]
fn good_header_fields_arrive_as_they_are() {
    let server = TestServer::start(|_: Request| {
        let response = Response::text("").with_compression(Compression::Never);
        let response = response.header("X-Umlaut", "\u{e4}\tb").unwrap();
        let response = response.header("set-cookie", "a=1").unwrap();
        response.header("set-cookie", "b=2").unwrap()
    });
    let answer = server.connect().get("/");
    assert_eq!(answer.header("x-request-id").map(str::len), Some(16));
    let cookies: Vec<_> = answer
        .headers
        .iter()
        .filter(|(n, _)| n == "set-cookie")
        .collect();
    assert_eq!(cookies.len(), 2);
}

#[test]
fn the_thousandth_request_is_the_last() {
    let server = TestServer::start(kinds);
    let mut client = server.connect();
    let max = patient().requests_max as usize;
    assert_eq!(max, 1000);
    client.send(format!("GET /empty HTTP/1.1\r\n{HOST}\r\n").repeat(max + 1));
    for n in 1..=max {
        let answer = client.answer();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.closes(), n == max, "request {n}");
    }
    client.expect_closed();
}

/// What the handler was told at the end of each request.
#[derive(Clone, Debug)]
struct Told {
    target: String,
    id: String,
    status: u16,
    bytes: u64,
    complete: bool,
}

/// Keeps what it is told; the target of a refused request is empty.
#[derive(Clone, Default)]
struct Log {
    told: Arc<Mutex<Vec<Told>>>,
    gate: Gate,
}

impl Log {
    fn told(&self) -> Vec<Told> {
        lock(&self.told).clone()
    }
}

impl Handler for Log {
    fn handle(&self, request: Request) -> Response {
        if request.head.path() == "/wait" {
            self.gate.pass();
        }
        let id = request.head.id.to_string();
        kinds(request).header("x-seen-id", &id).unwrap()
    }

    fn finished(&self, record: &Record<'_>) {
        lock(&self.told).push(Told {
            target: record
                .head
                .map_or(String::new(), |head| head.target.as_str().to_owned()),
            id: record.id.to_string(),
            status: record.status.as_u16(),
            bytes: record.bytes,
            complete: record.complete,
        });
    }
}

#[test]
fn request_ids_are_unique_and_the_same_everywhere() {
    let log = Log::default();
    let server = TestServer::start(log.clone());
    let mut ids = HashSet::new();
    for _ in 0..10 {
        let mut client = server.connect();
        for target in ["/bytes", "/chunks", "/204", "/304", "/large"] {
            let answer = client.get(target);
            let id = answer.header("x-request-id").unwrap().to_owned();
            assert_eq!(answer.header("x-seen-id"), Some(id.as_str()));
            assert!(ids.insert(id));
        }
        client.send("BREW / HTTP/1.1\r\n\r\n");
        let id = client.answer().header("x-request-id").unwrap().to_owned();
        assert!(ids.insert(id), "a refusal has an id too");
    }
    let told = await_that("all records", || {
        let told = log.told();
        if told.len() == ids.len() {
            Ok(told)
        } else {
            Err(told.len())
        }
    });
    let recorded: HashSet<String> = told.iter().map(|told| told.id.clone()).collect();
    assert_eq!(recorded, ids);
    for told in told {
        assert!(told.complete, "{told:?}");
        assert_eq!(told.target.is_empty(), told.status == 501, "{told:?}");
        assert!(told.bytes > 100 && (told.target != "/large" || told.bytes > 100_000));
    }
}

#[test]
fn without_request_ids_there_are_none() {
    let limits = harmonious_http::Limits {
        request_ids: false,
        ..patient()
    };
    let server = TestServer::with(kinds, limits, Config::default());
    assert_eq!(server.connect().get("/bytes").header("x-request-id"), None);
}

/// `finished` promises one call for each request, also where the connection was lost.
#[test]
fn a_request_whose_client_goes_away_is_told_of_once() {
    let log = Log::default();
    let server = TestServer::start(log.clone());
    let _open = OpenAtEnd(log.gate.clone());

    // While it is written.
    let mut client = Client::with_small_window(server.address);
    client.send(format!("GET /chunks?1000000 HTTP/1.1\r\n{HOST}\r\n"));
    client.until("chunk 3");
    client.reset();
    let cut = await_that("the record", || log.told().pop().ok_or("none"));
    assert_eq!(
        (cut.target.as_str(), cut.complete),
        ("/chunks?1000000", false)
    );

    // While it is handled.
    let mut client = server.connect();
    client.send(format!("GET /wait HTTP/1.1\r\n{HOST}\r\n"));
    log.gate.await_waiting(1);
    client.reset();
    server.await_front("the end of the connection", |front| front.connections == 0);
    assert_eq!(
        log.told().len(),
        2,
        "one for each of the two: {:?}",
        log.told()
    );
}

/// Both ends of the socket are ours here: nothing is left that would keep the port.
#[test]
fn what_the_client_still_sends_does_not_hide_the_last_answer() {
    let server = TestServer::start(kinds);
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"BREW / HTTP/1.1\r\n\r\n").unwrap();
    // The server has refused by now, or will; it reads on, so there is no reset.
    for _ in 0..20 {
        stream.write_all(&[b'a'; 1000]).unwrap();
    }
    let mut client = Client::from(stream);
    assert_eq!(client.answer().status, 501);
    client.expect_closed();
}
