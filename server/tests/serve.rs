//! A site is served, and what it does is logged.

mod common;

use common::{Server, request, site};
use rustix::process::Signal;

#[test]
fn files_are_answered_and_the_rest_is_404() {
    let dir = site(&[
        ("x.css", "a{}"),
        ("index.html", "home"),
        ("docs/index.html", "docs"),
        (".secret", "s"),
    ]);
    let server = Server::start(dir.path(), &[]);
    for (path, status, body) in [
        ("/x.css", 200, "a{}"),
        ("/", 200, "home"),
        ("/?x=1", 200, "home"),
        ("/docs/", 200, "docs"),
    ] {
        let answer = server.get(path);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, body),
            "{path}"
        );
    }
    assert_eq!(
        server.get("/x.css").header("content-type"),
        Some("text/css; charset=utf-8")
    );
    for path in ["/y.css", "/none/", "/.secret", "/static/x.css", "/../x.css"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let folder = server.get("/docs?x=1");
    assert_eq!(
        (folder.status, folder.header("location")),
        (308, Some("/docs/?x=1"))
    );
    assert_eq!(request(&server.address, "POST", "/x.css").status, 405);
}

#[test]
fn a_site_without_an_index_has_no_home() {
    let dir = site(&[("x.css", "a{}")]);
    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.get("/").status, 404);
}

#[test]
fn the_access_log_has_the_number_that_the_response_has() {
    let dir = site(&[("x.css", "a{}")]);
    let mut server = Server::start(dir.path(), &["--log", "json"]);
    let answer = server.get("/x.css?q=\"1\"");
    let id = answer.header("x-request-id").expect("a number").to_owned();
    let line = server.line(|line| line.contains("\"access\""));
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let fields = &line["fields"];
    assert_eq!(line["target"], "access");
    assert_eq!(fields["id"], id);
    assert_eq!(fields["client"], "127.0.0.1");
    assert_eq!(fields["method"], "GET");
    assert_eq!(fields["target"], "/x.css?q=\\x221\\x22");
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["complete"], true);
    assert!(fields["bytes"].as_u64().unwrap() > 3 && fields["took_ms"].is_number());
}

#[test]
fn the_access_log_can_be_text_or_off() {
    let dir = site(&[("x.css", "a{}")]);
    let mut server = Server::start(dir.path(), &["--log-level", "error"]);
    let id = server
        .get("/x.css")
        .header("x-request-id")
        .unwrap()
        .to_owned();
    let line = server.line(|line| line.contains(" access: "));
    assert!(
        line.contains(&id) && line.contains("target=/x.css"),
        "{line}"
    );

    let mut silent = Server::start(dir.path(), &["--log-level", "off", "--access-log", "off"]);
    assert_eq!(silent.get("/x.css").status, 200);
    silent.signal(Signal::TERM);
    assert!(silent.ended().success());
    assert!(silent.log.is_empty(), "{:?}", silent.log);
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let dir = site(&[("x.css", "a{}")]);
    let mut server = Server::unread(dir.path(), &[]);
    let long = "x".repeat(1000);
    // A pipe holds 64 KiB: it is full after some sixty of these lines.
    for _ in 0..300 {
        assert_eq!(server.get(&format!("/{long}")).status, 404);
    }
    server.signal(Signal::TERM);
    assert!(server.ended().success());
}
