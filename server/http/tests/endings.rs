//! Connections that once did not end, ended too early or ended badly. Each test is a bug that was.

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use common::{Gate, OpenAtEnd, PATIENCE, TestServer, await_that, patient};
use harmonious_http::{
    Body, Bytes, Front, Limits, Listen, Next, Peer, Place, Request, Response, Server, StatusCode,
    StreamService,
};
use harmonious_pool::{Config, Pool};

fn hello(_: Request) -> Response {
    Response::text("hello")
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn half_a_head_behind_a_request_is_timed_out_like_any_other() {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        ..patient()
    };
    let server = TestServer::with(hello, limits, Config::default());
    let mut client = server.connect();
    client.send(format!("{GET}GET / HT"));
    assert_eq!(client.answer().text(), "hello");
    assert_eq!(client.answer().status, 408);
    client.expect_closed();
    drop(client);
    assert!(server.stop().is_clean());
}

#[test]
fn a_client_that_sends_and_resets_leaves_nothing_behind() {
    let server = TestServer::start(hello);
    for _ in 0..100 {
        let mut client = server.connect();
        client.get("/");
        client.send(GET);
        client.reset();
    }
    server.await_front("no connection", |front| front.connections == 0);
    assert!(server.stop().is_clean());
}

/// A server for streams on a Unix socket, and the socket's folder.
fn unix(builder: impl FnOnce(&Listen) -> Server) -> (tempfile::TempDir, UnixStream) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    builder(&Listen::Unix(path.clone()));
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    (folder, stream)
}

#[test]
fn a_request_over_a_unix_socket_is_handled_although_its_sender_left_at_once() {
    let pool = Pool::start(Config::default()).unwrap();
    let front = Front::new(hello, Limits::default()).unwrap();
    let (_folder, mut stream) = unix(|listen| {
        let builder = Server::builder().http(listen, &front).unwrap();
        builder.start(&pool).unwrap()
    });
    stream.write_all(GET.as_bytes()).unwrap();
    drop(stream);
    await_that("one request, no connection", || {
        let stats = front.stats();
        let seen = stats.requests == 1 && stats.connections == 0;
        if seen { Ok(()) } else { Err(Box::new(stats)) }
    });
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn a_plain_service_gets_what_was_sent_before_the_sender_left() {
    let pool = Pool::start(Config::default()).unwrap();
    let got = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&got);
    let service = move |_: Peer| {
        let counted = Arc::clone(&counted);
        move |bytes: &[u8], _: &mut Vec<u8>| {
            counted.fetch_add(bytes.len(), SeqCst);
            Next::Go
        }
    };
    let (folder, first) = unix(|listen| {
        let builder = Server::builder()
            .stream(listen, Place::Task, &Limits::default(), service)
            .unwrap();
        builder.start(&pool).unwrap()
    });
    drop(first);
    for _ in 0..200 {
        let mut stream = UnixStream::connect(folder.path().join("s")).unwrap();
        stream.write_all(b"hello").unwrap();
    }
    await_that("200 times 5 bytes", || match got.load(SeqCst) {
        1000 => Ok(()),
        fewer => Err(fewer),
    });
}

/// Serves a protocol of the test's on a free port.
fn serve(pool: &Pool, place: Place, service: impl StreamService) -> SocketAddr {
    let listen = "127.0.0.1:0".parse().unwrap();
    let builder = Server::builder().stream(&listen, place, &Limits::default(), service);
    let server = builder.unwrap().start(pool).unwrap();
    match server.addresses()[0] {
        Listen::Ip(address) => address,
        _ => unreachable!("it listens on an address of the network"),
    }
}

#[test]
fn a_panic_at_the_start_of_a_conversation_ends_that_one_only() {
    let pool = Pool::start(Config::default()).unwrap();
    let panicked = AtomicBool::new(false);
    let service = move |_: Peer| {
        assert!(panicked.swap(true, SeqCst), "the first one fails");
        |bytes: &[u8], reply: &mut Vec<u8>| {
            reply.extend_from_slice(bytes);
            Next::Close
        }
    };
    let address = serve(&pool, Place::Task, service);
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let mut back = Vec::new();
    // The end may come as a reset.
    let _ = connect().read_to_end(&mut back);
    assert!(back.is_empty());
    let mut second = connect();
    second.write_all(b"x").unwrap();
    second.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"x");
}

#[test]
fn a_conversation_that_is_under_way_when_the_server_stops_is_finished_and_ends() {
    let pool = Pool::start(Config::default()).unwrap();
    let gate = Gate::default();
    let _open = OpenAtEnd(gate.clone());
    let inside = gate.clone();
    let service = move |_: Peer| {
        let gate = inside.clone();
        move |bytes: &[u8], reply: &mut Vec<u8>| {
            gate.pass();
            reply.extend_from_slice(bytes);
            Next::Go
        }
    };
    let address = serve(&pool, Place::Job, service);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"x").unwrap();
    gate.await_waiting(1);
    let handle = pool.handle();
    let stopped = std::thread::spawn(move || pool.shutdown(PATIENCE));
    await_that("a draining pool", || {
        if handle.is_draining() {
            Ok(())
        } else {
            Err(())
        }
    });
    gate.open();
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    assert_eq!(back, b"x");
    assert!(stopped.join().unwrap().is_clean());
}

#[test]
fn a_conversation_that_says_something_while_the_server_stops_does_not_keep_it() {
    let pool = Pool::start(Config::default()).unwrap();
    let echo = |_: Peer| {
        |bytes: &[u8], reply: &mut Vec<u8>| {
            reply.extend_from_slice(bytes);
            Next::Go
        }
    };
    let address = serve(&pool, Place::Task, echo);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    let handle = pool.handle();
    let stopped = std::thread::spawn(move || pool.shutdown(PATIENCE));
    await_that("a draining pool", || {
        if handle.is_draining() {
            Ok(())
        } else {
            Err(())
        }
    });
    // It may come after the last moment, on a slow machine: then nobody answers.
    let _ = client.write_all(b"y");
    let _ = client.read_to_end(&mut Vec::new());
    assert!(stopped.join().unwrap().is_clean());
}

#[test]
fn the_last_answer_of_a_connection_is_whole_although_more_was_sent() {
    let limits = Limits {
        requests_max: 1,
        ..patient()
    };
    let gate = Gate::default();
    let _open = OpenAtEnd(gate.clone());
    let inside = gate.clone();
    let site = move |_: Request| {
        inside.pass();
        Response::bytes("application/octet-stream", vec![b'a'; 100_000])
    };
    let server = TestServer::with(site, limits, Config::default());
    let mut client = server.connect();
    client.send(GET);
    gate.await_waiting(1);
    client.send(GET); // stays unread in the server's socket
    gate.open();
    let answer = client.answer();
    assert!(answer.closes());
    assert_eq!(answer.body.len(), 100_000);
    client.expect_closed();
}

/// An iterator that cannot be dropped in peace.
struct Bomb(u8);

impl Iterator for Bomb {
    type Item = std::io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0 = self.0.checked_sub(1)?;
        Some(Ok(Bytes::from_static(b"x")))
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

#[test]
fn an_iterator_that_panics_when_it_is_dropped_ends_its_connection_only() {
    let server = TestServer::start(|request: Request| match request.head.path() {
        "/bomb" => Response::chunks("text/plain", Bomb(3)),
        _ => Response::text("hello"),
    });
    let mut client = server.connect();
    client.send("GET /bomb HTTP/1.1\r\nHost: x\r\n\r\n");
    client.expect_gone();
    server.await_front("no connection", |front| front.connections == 0);
    assert_eq!(server.connect().get("/").text(), "hello");
}

#[test]
fn what_is_not_the_end_of_an_answer_is_a_500_and_another_protocol_must_be_asked_for() {
    let server = TestServer::start(|request: Request| match request.head.path() {
        "/103" => Response::new(StatusCode::EARLY_HINTS),
        "/101" => Response::new(StatusCode::SWITCHING_PROTOCOLS),
        _ => Response::new(StatusCode::OK)
            .with_body(Body::Upgrade(Box::new(|_| unreachable!("nobody asked")))),
    });
    let mut client = server.connect();
    assert_eq!(client.get("/103").status, 500);
    assert_eq!(client.get("/101").status, 500);
    assert_eq!(client.get("/upgrade").status, 426);
}

#[test]
fn a_slow_handler_does_not_use_up_its_clients_time_to_read() {
    let limits = Limits {
        write_timeout: Duration::from_millis(200),
        ..patient()
    };
    let gate = Gate::default();
    let _open = OpenAtEnd(gate.clone());
    let inside = gate.clone();
    let site = move |request: Request| {
        if request.head.path() == "/slow" {
            inside.pass();
        }
        Response::bytes("application/octet-stream", vec![b'a'; 8 * 1024 * 1024])
    };
    let server = TestServer::with(site, limits, Config::default());
    let mut client = server.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    gate.await_waiting(1);
    std::thread::sleep(Duration::from_millis(400)); // longer than a blocked write may last
    gate.open();
    assert_eq!(client.answer().body.len(), 8 * 1024 * 1024);
}
