//! The control listener, and `harmonious status` that reads it.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Server, harmonious, output, request, site};
use rustix::process::Signal;
use serde_json::Value;

#[test]
fn it_answers() {
    let dir = site(&[("x.css", "a{}")]);
    let server = Server::start(dir.path(), &["--workers", "4..9"]);
    server.get("/x.css");
    assert_eq!(server.control("/health").body, "ok\n");
    assert_eq!(server.control("/ready").body, "ready\n");
    let none = server.control("/nothing");
    assert_eq!(none.status, 404);
    assert!(none.body.contains("/metrics") && none.body.contains("/pool"));
    assert_eq!(request(&server.control, "POST", "/health").status, 405);
    assert_eq!(request(&server.control, "HEAD", "/health").body, "");
}

#[test]
fn metrics_are_counted() {
    let dir = site(&[("x.css", "a{}")]);
    let server = Server::start(dir.path(), &[]);
    server.get("/x.css");
    server.get("/none");
    let answer = server.control("/metrics");
    let media = answer.header("content-type");
    assert_eq!(media, Some("text/plain; version=0.0.4; charset=utf-8"));
    for line in [
        "harmonious_http_requests_total 2",
        "harmonious_http_responses_total{class=\"2xx\"} 1",
        "harmonious_http_responses_total{class=\"4xx\"} 1",
        "harmonious_pool_refusals_total{reason=\"queue_full\"} 0",
        "harmonious_pool_limit 4",
        "harmonious_draining 0",
    ] {
        let found = answer.body.lines().any(|other| other == line);
        assert!(found, "{line}\n{}", answer.body);
    }
}

#[test]
fn the_pool_is_json() {
    let dir = site(&[]);
    let server = Server::start(dir.path(), &["--workers", "4..9", "--queue-wait", "1s"]);
    let answer = server.control("/pool");
    let pool: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(pool["pool"]["limit"], 4);
    assert_eq!(pool["settings"]["workers_max"], 9);
    assert_eq!(pool["settings"]["queue_wait_ms"], 1000.0);
    assert!(pool["decisions"].is_array());
}

#[test]
fn status_is_printed_for_people_and_as_json() {
    let dir = site(&[("x.css", "a{}")]);
    let server = Server::start(dir.path(), &["--workers", "4..9"]);
    server.get("/x.css");
    let status = |more: &[&str]| {
        let args = [&["status", "--control", &server.control], more].concat();
        let output = output(harmonious(&args));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = status(&[]);
    for part in [
        " is ready, pid ",
        "4 requests at once, of 4..9 (adaptive)",
        "1 requests",
        "last change",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let document: Value = serde_json::from_str(&status(&["--json"])).unwrap();
    assert_eq!(document["front"]["requests"], 1);
}

#[test]
fn status_of_no_server_is_one_line() {
    let output = output(harmonious(&["status", "--control", "127.0.0.1:1"]));
    assert_eq!(output.status.code(), Some(1));
    let expected = "harmonious: no server answers on 127.0.0.1:1: Connection refused \
                    (os error 111); is it running, with --control?\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    assert!(output.stdout.is_empty());
}

#[test]
fn a_control_socket_is_private_and_removed_at_the_end() {
    let dir = site(&[]);
    let path = dir.path().join("control.sock");
    let control = format!("unix:{}", path.display());
    let mut server = Server::start(dir.path(), &["--control", &control]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut command = harmonious(&["status"]);
    command.env("HARMONIOUS_CONTROL", &control);
    assert!(output(command).status.success());

    server.signal(Signal::TERM);
    assert!(server.ended().success());
    assert!(!path.exists());
}
