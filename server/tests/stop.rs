//! How the server ends: what was begun is finished, within the grace; a second signal ends it.

mod common;

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;

use common::{Server, eventually, request, send, site};
use rustix::process::Signal;
use tempfile::TempDir;

/// More than the buffers of a connection hold: its response is in flight as long as nobody reads.
const LARGE_BYTES: u64 = 64 * 1024 * 1024;

fn large_site() -> TempDir {
    let dir = site(&[]);
    let file = File::create(dir.path().join("static/large")).unwrap();
    file.set_len(LARGE_BYTES).unwrap();
    dir
}

/// A request whose response has begun.
fn in_flight(server: &Server) -> TcpStream {
    let mut stream = send(&server.address, "GET", "/large");
    stream.read_exact(&mut [0; 15]).unwrap();
    stream
}

fn is_draining(server: &Server) -> bool {
    request(&server.control, "GET", "/ready").status == 503
}

#[test]
fn what_was_begun_is_finished() {
    let dir = large_site();
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(dir.path(), &[]);
        let mut stream = in_flight(&server);
        server.signal(signal);
        eventually("it is draining", || is_draining(&server));
        assert_eq!(server.control("/health").status, 200);
        let rest = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        assert!(rest > LARGE_BYTES, "cut after {rest} bytes");
        assert_eq!(server.ended().code(), Some(0), "{:?}", server.log);
    }
}

#[test]
fn what_is_not_finished_within_the_grace_is_cut_and_told() {
    let dir = large_site();
    let mut server = Server::start(dir.path(), &["--grace", "300ms"]);
    let stream = in_flight(&server);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(1));
    let last = server.log.last().unwrap();
    assert!(
        last.starts_with("harmonious: stopped, cut short after "),
        "{last}"
    );
    assert!(last.contains("1 tasks dropped"), "{last}");
    drop(stream);
}

#[test]
fn a_second_signal_ends_at_once() {
    let dir = large_site();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut server = Server::start(dir.path(), &["--grace", "10m"]);
        let stream = in_flight(&server);
        server.signal(Signal::TERM);
        eventually("it is draining", || is_draining(&server));
        // One that comes too soon is taken for the first.
        eventually("it has ended", || {
            server.signal(signal);
            server.has_ended()
        });
        assert_eq!(server.ended().code(), Some(code));
        drop(stream);
    }
}

#[test]
fn a_signal_that_is_sent_twice_at_once_is_one() {
    let dir = large_site();
    let mut server = Server::start(dir.path(), &[]);
    let mut stream = in_flight(&server);
    server.signal(Signal::TERM);
    server.signal(Signal::INT);
    eventually("it is draining", || is_draining(&server));
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    assert_eq!(server.ended().code(), Some(0), "{:?}", server.log);
}

#[test]
fn an_idle_server_ends_and_frees_its_port() {
    let dir = site(&[]);
    let mut server = Server::start(dir.path(), &[]);
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0));
    assert!(
        server.log.iter().any(|line| line.contains("SIGTERM")),
        "{:?}",
        server.log
    );
    assert!(TcpStream::connect(&server.address).is_err());
}
