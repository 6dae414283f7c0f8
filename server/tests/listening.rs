//! Several listeners at once: the network, a Unix socket, and a socket that was handed over.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use common::{PATIENCE, output, site};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};

/// Starts the server with `listener` as its descriptor 3, as systemd would.
fn activated(listener: &TcpListener, args: &[&str]) -> Command {
    fcntl_setfd(listener, FdFlags::empty()).unwrap();
    let mut command = Command::new("bash");
    let hand_over = format!(
        "exec 3<&{} && LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"",
        listener.as_raw_fd()
    );
    command
        .args(["-c", &hand_over, "bash", env!("CARGO_BIN_EXE_harmonious")])
        .args(args)
        .env_clear()
        .stdin(Stdio::null());
    command
}

fn ask(mut stream: impl Read + Write) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn three_kinds_of_listeners_serve_at_once_and_the_inherited_one_outlives_the_server() {
    let dir = site(&[("index.html", "home")]);
    let socket = dir.path().join("site.sock");
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = format!("unix:{}", socket.display());
    let mut child = activated(
        &inherited,
        &[
            "serve",
            dir.path().to_str().unwrap(),
            "--control=off",
            "--listen=fd:3",
            "--listen=127.0.0.1:0",
            &format!("--listen={unix}"),
        ],
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    assert_eq!(line(), "listening on fd:3");
    let port = line();
    let port = port
        .strip_prefix("listening on http://")
        .unwrap()
        .to_owned();
    assert_eq!(line(), format!("listening on {unix}"));

    let tcp = |address: &str| {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    };
    let handed = inherited.local_addr().unwrap().to_string();
    for answer in [
        ask(tcp(&handed)),
        ask(tcp(&port)),
        ask(UnixStream::connect(&socket).unwrap()),
    ] {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("home"), "{answer}");
    }

    kill_process(
        Pid::from_raw(child.id().cast_signed()).unwrap(),
        Signal::TERM,
    )
    .unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!socket.exists(), "our socket is removed");
    // The next server would find it as it was: whoever connects waits, and is not refused.
    let waiting = [tcp(&handed), tcp(&handed), tcp(&handed)];
    assert!(inherited.accept().is_ok());
    drop(waiting);
}

#[test]
fn a_descriptor_that_was_not_handed_over_is_named() {
    let dir = site(&[("index.html", "home")]);
    let inherited = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = dir.path().to_str().unwrap();
    let refused = output(activated(&inherited, &["serve", folder, "--listen=fd:7"]));
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("fd:7"), "{error}");
    assert!(error.contains("LISTEN_FDS"), "{error}");
}
