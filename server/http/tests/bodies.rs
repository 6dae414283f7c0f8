//! Bodies of requests: in memory or in a file that nobody sees, awaited or not, and over the limit.

mod common;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use harmonious_http::{Handler, Head, Limits, Plan, Request, RequestBody, Response, config};
use harmonious_pool::Config;

use common::{Client, Gate, OpenAtEnd, TestServer, await_that, patient};

/// Says what came, and where it was; keeps it while the gate of `/wait` is shut.
#[derive(Clone, Default)]
struct Keeper {
    gate: Gate,
    troubles: Arc<AtomicUsize>,
}

impl Handler for Keeper {
    fn plan(&self, head: &Head) -> Plan {
        match head.path() {
            "/answer" => Plan::Answer(Response::text("answered")),
            "/small" => Plan::Job {
                route: 0,
                body_max_bytes: Some(10),
                time_limit: None,
            },
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
        let place = match &request.body {
            RequestBody::Empty => "nowhere",
            RequestBody::Bytes(_) => "in memory",
            RequestBody::File { .. } => "in a file",
        };
        let len = request.body.len();
        let bytes = request.body.into_bytes().unwrap();
        assert_eq!(bytes.len() as u64, len);
        Response::text(format!("{len} {place} {:08x}", sum(&bytes)))
    }

    fn trouble(&self, _: &str, _: &dyn std::error::Error) {
        self.troubles.fetch_add(1, Relaxed);
    }
}

/// Tells whether all bytes are there, in their order (Fletcher's sum).
fn sum(bytes: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), &byte: &u8| {
        let a = (a + u32::from(byte)) % 65_535;
        (a, (b + a) % 65_535)
    };
    let (a, b) = bytes.iter().fold((0, 0), step);
    b << 16 | a
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n * 7 + n / 251) as u8).collect()
}

fn declared(target: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn chunked(target: &str, body: &[u8], chunk_len: usize) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut bytes = head.into_bytes();
    for chunk in body.chunks(chunk_len) {
        bytes.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

struct Scene {
    keeper: Keeper,
    server: TestServer,
    folder: tempfile::TempDir,
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        temp_dir: folder.path().to_owned(),
        ..patient()
    };
    let keeper = Keeper::default();
    Scene {
        server: TestServer::with(keeper.clone(), limits, Config::default()),
        keeper,
        folder,
    }
}

/// Files of the folder that this process has open; they have no name any more.
fn open_files(folder: &Path) -> usize {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(folder)).count()
}

fn assert_nothing_left(folder: &Path) {
    await_that("the files to be closed", || match open_files(folder) {
        0 => Ok(()),
        open => Err(open),
    });
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_body_is_in_memory_up_to_256_kib_and_in_a_file_above() {
    let scene = scene();
    let mut client = scene.server.connect();
    // One read more than the limit may be in memory before it shows.
    let large = config::BODY_MEMORY_BYTES + config::READ_BYTES;
    for (len, place) in [
        (0, "nowhere"),
        (1, "in memory"),
        (100_000, "in memory"),
        (config::BODY_MEMORY_BYTES, "in memory"),
        (large, "in a file"),
        (1_234_567, "in a file"),
        (2 * 1024 * 1024, "in a file"),
    ] {
        let body = body(len);
        let expected = format!("{len} {place} {:08x}", sum(&body));
        for bytes in [
            declared("/", &body),
            chunked("/", &body, 100_000),
            chunked("/", &body, 1000),
        ] {
            client.send(bytes);
            assert_eq!(client.answer().text(), expected);
        }
    }
    assert_nothing_left(scene.folder.path());
}

#[test]
fn no_file_is_left_after_an_abort() {
    let scene = scene();
    let folder = scene.folder.path();
    let _open = OpenAtEnd(scene.keeper.gate.clone());
    let whole = declared("/wait", &body(1_000_000));
    let half = &whole[..600_000];
    // In the middle of the body, by each of the two ways to go.
    for reset in [false, true] {
        let mut client = scene.server.connect();
        client.send(half);
        await_that("a file", || {
            if open_files(folder) == 1 {
                Ok(())
            } else {
                Err(())
            }
        });
        assert_eq!(
            std::fs::read_dir(folder).unwrap().count(),
            0,
            "it has no name"
        );
        if reset {
            client.reset()
        } else {
            drop(client)
        }
        assert_nothing_left(folder);
    }
    // While the handler has it.
    let mut client = scene.server.connect();
    client.send(&whole);
    scene.keeper.gate.await_waiting(1);
    assert_eq!(open_files(folder), 1);
    client.reset();
    scene.keeper.gate.open();
    assert_nothing_left(folder);
    scene
        .server
        .await_front("no connection", |front| front.connections == 0);
}

#[test]
fn a_body_that_cannot_be_stored_is_refused_and_told_of() {
    let keeper = Keeper::default();
    let limits = Limits {
        temp_dir: "/nowhere/at/all".into(),
        ..patient()
    };
    let server = TestServer::with(keeper.clone(), limits, Config::default());
    let mut client = server.connect();
    client.send(declared("/", &body(400_000)));
    let answer = client.answer();
    assert_eq!(answer.status, 507);
    assert!(answer.closes());
    client.expect_gone();
    assert_eq!(keeper.troubles.load(Relaxed), 1);
    assert_eq!(server.rejects("body_storage"), 1);
    assert_eq!(server.connect().get("/").status, 200);
}

#[test]
fn a_number_from_the_wire_sizes_no_buffer() {
    let limits = Limits {
        body_max_bytes: 1 << 40,
        ..patient()
    };
    let server = TestServer::with(Keeper::default(), limits, Config::default());
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\na",
        1u64 << 40
    );
    let mut clients: Vec<Client> = (0..100).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(&head);
    }
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = server.connect();
    client.send(format!("{chunked}ffffffffff\r\na"));
    server.await_front("all of them", |front| front.requests == 101);
    assert_eq!(server.connect().get("/").status, 200);
}

#[test]
fn a_route_may_have_a_limit_of_its_own() {
    let scene = scene();
    for (len, status) in [(10, 200), (11, 413)] {
        for bytes in [
            declared("/small", &body(len)),
            chunked("/small", &body(len), 4),
        ] {
            let mut client = scene.server.connect();
            client.send(bytes);
            assert_eq!(client.answer().status, status, "{len} bytes");
        }
    }
    assert_eq!(scene.server.rejects("body_too_large"), 2);
}

#[test]
fn a_chunk_that_is_too_large_is_refused_by_its_size() {
    let scene = scene();
    let mut client = scene.server.connect();
    client.send("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n");
    assert_eq!(client.answer().status, 413);
    client.expect_closed();
}

#[test]
fn a_body_that_nobody_wants_is_read_and_thrown_away() {
    let scene = scene();
    let mut client = scene.server.connect();
    for bytes in [
        declared("/answer", &body(500_000)),
        chunked("/answer", &body(500_000), 999),
    ] {
        client.send(bytes);
        assert_eq!(client.answer().text(), "answered");
    }
    assert!(client.get("/").text().starts_with("0 nowhere"));
    assert_nothing_left(scene.folder.path());
}

// ---- 100-continue ----

fn expecting(target: &str, version: &str, fields: &str) -> String {
    format!("POST {target} {version}\r\nHost: x\r\nExpect: 100-Continue\r\n{fields}\r\n\r\n")
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on() {
    let scene = scene();
    let mut client = scene.server.connect();
    for (fields, body) in [
        ("Content-Length: 5", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        client.send(expecting("/", "HTTP/1.1", fields));
        assert_eq!(client.answer().status, 100);
        client.send(body);
        let answer = client.answer();
        assert_eq!(answer.status, 200);
        assert!(answer.text().starts_with("5 in memory"));
    }
}

#[test]
fn nobody_is_told_to_go_on_who_need_not_be() {
    let scene = scene();
    let mut client = scene.server.connect();
    let length = "Content-Length: 5";
    for request in [
        expecting("/", "HTTP/1.1", length) + "hello",
        expecting("/", "HTTP/1.1", "Content-Length: 0"),
        expecting("/", "HTTP/1.1", "X: y"),
        expecting(
            "/",
            "HTTP/1.0",
            "Connection: keep-alive\r\nContent-Length: 5",
        ) + "hello",
    ] {
        client.send(&request);
        assert_eq!(client.answer().status, 200, "{request}");
    }
}

#[test]
fn a_body_that_would_be_refused_is_not_asked_for() {
    let scene = scene();
    for (target, length, status) in [
        ("/", "Content-Length: 99999999999", 413),
        ("/small", "Content-Length: 11", 413),
        ("/answer", "Content-Length: 5", 200),
        ("/answer", "Transfer-Encoding: chunked", 200),
    ] {
        let mut client = scene.server.connect();
        client.send(expecting(target, "HTTP/1.1", length));
        let answer = client.answer();
        assert_eq!(answer.status, status, "{target} {length}");
        assert!(answer.closes(), "what would come next is no request");
        client.expect_closed();
    }
    // Streamed, it is asked for, and refused once it is too long.
    let mut client = scene.server.connect();
    client.send(expecting(
        "/small",
        "HTTP/1.1",
        "Transfer-Encoding: chunked",
    ));
    assert_eq!(client.answer().status, 100);
    client.send("b\r\nhello world\r\n");
    assert_eq!(client.answer().status, 413);
    client.expect_closed();
}
