//! What goes wrong in a module, through the real binary: which page shows it, what that page does not
//! say, what the log says, and that others are served meanwhile.

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use common::ask::Ask;
use common::sites::{built, own, serve};
use common::{Answer, PATIENCE, Server, eventually, receive};
use rustix::process::Signal;
use serde_json::{Value, json};

fn start() -> Server {
    serve(&[&built("errors")], &["--log", "json"])
}

/// Answered with this status, and a page that begins so.
#[track_caller]
fn check(server: &Server, path: &str, status: u16, begins: &str) -> Answer {
    let answer = Ask::get(path).to(server);
    assert_eq!(answer.status, status, "{path}: {}", answer.body);
    assert!(answer.body.starts_with(begins), "{path}: {}", answer.body);
    answer
}

/// The fields of the line that the log has for an answer, beside that of the access log.
#[track_caller]
fn logged(server: &mut Server, answer: &Answer) -> Value {
    let id = answer.header("x-request-id").expect("a number").to_owned();
    let line = server.line(|line| line.contains(&id) && line.contains("\"target\":\"site\""));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "ERROR", "{line}");
    assert_eq!(line["fields"]["id"], id, "{line}");
    line["fields"].clone()
}

#[test]
fn the_page_is_the_nearest_and_the_most_exact_from_the_domain_upward() {
    let server = start();
    check(&server, "/nothing", 404, "root _404: 404 /nothing");
    check(&server, "/fail?how=missing", 404, "root _404: 404 /fail");
    check(&server, "/fail", 403, "root _error: 403 ");
    check(&server, "/shop/item", 403, "shop _4xx: 403 ");
    check(
        &server,
        "/shop/item?how=teapot",
        418,
        "shop _4xx: 418 short and stout",
    );
    check(&server, "/shop/item?how=internal", 500, "root _error: 500 ");
    check(&server, "/shop/nothing/at/all", 404, "shop _404: 404 ");
    check(&server, "/shop/deep/nothing", 404, "shop _404: 404 ");
    let wrong = Ask::new("DELETE", "/shop/item").to(&server);
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, HEAD, OPTIONS"))
    );
    assert!(wrong.body.starts_with("shop _4xx: 405 "), "{}", wrong.body);
}

#[test]
fn a_page_has_the_status_of_its_error_whatever_it_says_itself() {
    let server = start();
    // It says 200.
    let lost = check(
        &server,
        "/shop/item?how=missing",
        404,
        "shop _404: 404 no such script for /shop/item",
    );
    assert_eq!(lost.header("x-page"), Some("shop/_404"));
    assert_eq!(
        lost.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let unauthorized = check(
        &server,
        "/fail?how=unauthorized",
        401,
        "root _error: 401 sign in first",
    );
    assert_eq!(
        unauthorized.header("www-authenticate"),
        Some("Basic realm=\"x\"")
    );
    let head = Ask::new("HEAD", "/fail?how=teapot").to(&server);
    assert_eq!(head.told(), (418, ""));
}

#[test]
fn titles_are_escaped_and_the_page_has_the_number_of_the_request() {
    let answer = check(&start(), "/fail", 403, "root _error: 403 &lt;b&gt;not you");
    let id = answer.header("x-request-id").unwrap();
    assert!(
        answer.body.contains(&format!("request {id}")),
        "{}",
        answer.body
    );
}

#[test]
fn who_asks_for_json_gets_a_problem_document() {
    let server = start();
    for (path, status, title) in [
        ("/fail?how=teapot", 418, "short and stout"),
        ("/shop/nothing", 404, "Not Found"),
        ("/fail?how=internal", 500, "Internal Server Error"),
        ("/fail?how=panic", 500, "Internal Server Error"),
        ("/%2e%2e/", 400, "Bad Request"),
    ] {
        for accept in [
            "application/json",
            "application/problem+json, text/html;q=0.5",
        ] {
            let answer = Ask::get(path).field("Accept", accept).to(&server);
            let said = answer.json();
            assert_eq!(
                (answer.status, &said["status"]),
                (status, &json!(status)),
                "{path}"
            );
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json")
            );
            assert_eq!(
                (&said["type"], &said["title"]),
                (&json!("about:blank"), &json!(title))
            );
            assert_eq!(
                said["request_id"],
                json!(answer.header("x-request-id").unwrap())
            );
        }
    }
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = Ask::get("/fail?how=teapot")
        .field("Accept", browser)
        .to(&server);
    assert!(page.body.starts_with("root _error: 418 "), "{}", page.body);
}

#[test]
fn a_page_says_nothing_of_the_inside_and_the_log_all() {
    let mut server = start();
    for (how, said) in [
        ("internal", "the mirror at db.internal is away"),
        ("library", "invalid digit found in string"),
        ("panic", "the author slipped at /fail"),
        ("header", "x-bad"),
    ] {
        for accept in ["text/html", "application/json"] {
            let ask = Ask::get(&format!("/fail?how={how}")).field("Accept", accept);
            let answer = ask.to(&server);
            assert_eq!(answer.status, 500, "{how}");
            for secret in [said, "fail.rs", "domains/", "panicked", "backtrace"] {
                assert!(!answer.body.contains(secret), "{how}: {}", answer.body);
                assert!(!answer.head.contains(secret), "{how}: {}", answer.head);
            }
            let fields = logged(&mut server, &answer);
            assert!(
                fields["message"].as_str().unwrap().contains(said),
                "{how}: {fields}"
            );
            assert_eq!(
                (&fields["module"], &fields["site"]),
                (&json!("fail"), &json!("errors"))
            );
            assert!(
                fields["file"]
                    .as_str()
                    .unwrap()
                    .ends_with("domains/fail.rs"),
                "{fields}"
            );
            let source = fs::read_to_string(built("errors").join("domains/fail.rs")).unwrap();
            let line = fields["line"].as_u64().unwrap() as usize;
            let line = source.lines().nth(line - 1).unwrap();
            let wanted = match how {
                "library" => "parse::<u8>()",
                "internal" => "Error::internal",
                "panic" => "panic!",
                _ => "with_header",
            };
            assert!(line.contains(wanted), "{how}: {line}");
        }
    }
}

#[test]
fn an_error_that_a_visitor_makes_is_none_for_the_log() {
    let mut server = start();
    Ask::get("/fail?how=teapot").to(&server);
    let last = Ask::get("/fail?how=internal").to(&server);
    logged(&mut server, &last);
    let of_site = server
        .log
        .iter()
        .filter(|line| line.contains("\"target\":\"site\""));
    assert_eq!(of_site.count(), 1, "{:#?}", server.log);
}

#[test]
fn an_error_page_that_fails_itself_is_followed_by_the_next_above() {
    let mut server = start();
    check(&server, "/broken/item?how=teapot", 418, "broken _error");
    for (page, said) in [
        ("panic", "the error page slips too"),
        ("error", "the error page fails too"),
    ] {
        let path = format!("/broken/item?how=teapot&page={page}");
        let answer = check(&server, &path, 418, "root _error: 418 short and stout");
        assert!(!answer.body.contains(said), "{}", answer.body);
        server.line(|line| line.contains(said) && line.contains("broken/_error"));
    }
}

#[test]
fn a_domains_own_hook_that_fails_is_shown_by_a_page_from_above() {
    let server = start();
    check(&server, "/hook/page", 200, "page");
    check(&server, "/hook/page?in=handler", 500, "hook _error: 500");
    check(&server, "/hook/nothing", 404, "hook _error: 404");
    for hook in ["guard", "before", "after"] {
        check(
            &server,
            &format!("/hook/page?in={hook}"),
            500,
            "root _error: 500 ",
        );
        check(
            &server,
            &format!("/hook/nothing?in={hook}"),
            500,
            "root _error: 500 ",
        );
    }
    check(&server, "/hook/page?in=panic", 500, "root _error: 500 ");
}

#[test]
fn a_template_that_fails_is_told_with_its_place_in_the_log() {
    let mut server = start();
    let undefined = check(&server, "/fail?how=template", 500, "root _error: 500 ");
    assert!(!undefined.body.contains("nmae"), "{}", undefined.body);
    let fields = logged(&mut server, &undefined);
    let message = fields["message"].as_str().unwrap();
    assert!(
        message.contains("_undefined.html:1") && message.contains("nmae"),
        "{message}"
    );

    let missing = check(&server, "/fail?how=gone", 500, "root _error: 500 ");
    let fields = logged(&mut server, &missing);
    let message = fields["message"].as_str().unwrap();
    assert!(message.contains("_not-there.html"), "{message}");
}

#[test]
fn a_module_that_panics_too_often_rests_and_others_do_not() {
    let mut server = start();
    for _ in 0..3 {
        check(&server, "/slips", 200, "fine");
        check(&server, "/slips?really", 500, "root _error: 500 ");
    }
    server.line(|line| line.contains("fails too often") && line.contains("slips"));
    for path in ["/slips", "/slips?really"] {
        let resting = check(&server, path, 503, "root _error: 503 ");
        let after: u64 = resting.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
    }
    check(&server, "/", 200, "home");
    // It says itself how often it may.
    for _ in 0..6 {
        check(&server, "/patient", 200, "fine");
        check(&server, "/patient?really", 500, "root _error: 500 ");
    }
    check(&server, "/patient", 503, "root _error: 503 ");
}

#[test]
fn a_hook_that_panics_too_often_closes_its_domain() {
    let server = start();
    for _ in 0..3 {
        check(&server, "/hook/page?in=panic", 500, "root _error: 500 ");
    }
    check(&server, "/hook/page", 503, "root _error: 503 ");
    check(&server, "/hook/nothing", 503, "root _error: 503 ");
    check(&server, "/", 200, "home");
}

#[test]
fn panics_cost_no_worker() {
    let site = own("errors");
    fs::write(
        site.path().join("site.toml"),
        "[limits]\npanics-per-minute = 0\n",
    )
    .unwrap();
    let server = serve(&[site.path()], &["--policy", "fixed:2"]);
    for _ in 0..300 {
        check(&server, "/slips?really", 500, "root _error: 500 ");
    }
    let pool = || server.control("/pool").json()["pool"].clone();
    eventually("nothing is busy", || pool()["busy"] == 0);
    assert_eq!(
        (&pool()["limit"], &pool()["job_panics"]),
        (&json!(2), &json!(0)),
        "{}",
        pool()
    );
    check(&server, "/slips", 200, "fine");
}

/// Ends the endless ones, also when the test fails.
struct Enough(tempfile::TempDir);

impl Drop for Enough {
    fn drop(&mut self) {
        let data = self.0.path().join("data");
        let _ = fs::create_dir_all(&data).and_then(|()| fs::write(data.join("enough"), ""));
    }
}

#[test]
fn an_endless_module_is_answered_504_and_others_go_on() {
    let site = Enough(own("errors"));
    let flags = [
        "--policy",
        "fixed:1",
        "--queue-wait",
        "20s",
        "--log",
        "json",
    ];
    let mut server = serve(&[site.0.path()], &flags);
    let endless = Ask::get("/endless").sent_to(&server);
    server.line(|line| line.contains("it begins"));
    // The only permit is its own; it is given to others when its time is over.
    check(&server, "/", 200, "home");
    let answer = receive(endless);
    assert_eq!(answer.status, 504, "{answer:?}");
    let id = answer.header("x-request-id").unwrap().to_owned();
    let line = server.line(|line| line.contains("time limit") && line.contains(&id));
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["fields"]["module"], &line["level"]),
        (&json!("endless"), &json!("ERROR"))
    );

    // A domain limits its modules likewise.
    assert_eq!(Ask::get("/quick/endless").to(&server).status, 504);
    check(&server, "/", 200, "home");
    let pool = |server: &Server| server.control("/pool").json()["pool"].clone();
    assert_eq!(pool(&server)["given_up"], 2, "{}", pool(&server));

    let dir = site.0.path().to_owned();
    fs::create_dir_all(dir.join("data")).unwrap();
    fs::write(dir.join("data/enough"), "").unwrap();
    eventually("those that were given up are back", || {
        pool(&server)["given_up"] == 0
    });
    assert_eq!(pool(&server)["given_up_total"], 2);
    check(&server, "/endless", 200, "enough");
    server.signal(Signal::TERM);
    assert!(server.ended().success(), "{:#?}", server.log);
}

#[test]
fn a_module_that_is_given_up_too_often_rests() {
    let site = Enough(own("errors"));
    let server = serve(&[site.0.path()], &[]);
    let hanging: Vec<_> = (0..3)
        .map(|_| Ask::get("/endless").sent_to(&server))
        .collect();
    for mut stream in hanging {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    }
    check(&server, "/endless", 503, "root _error: 503 ");
    check(&server, "/", 200, "home");
}

#[test]
fn a_body_that_is_too_large_has_the_page_of_its_domain() {
    let server = start();
    let post =
        |path: &str, bytes: usize| Ask::post(path, "text/plain", "x".repeat(bytes)).to(&server);
    assert_eq!(post("/upload", 1024).told(), (200, "1024"));
    for (path, status, begins) in [
        (
            "/upload",
            413,
            "root _413: 413 Payload Too Large for /upload",
        ),
        ("/shop/item", 413, "shop _4xx: 413 Payload Too Large"),
        // Whoever is not let in learns nothing, as where nothing is found.
        ("/closed/upload?word", 413, "closed _413: Payload Too Large"),
        (
            "/closed/upload",
            403,
            "root _error: 403 the word was not said",
        ),
    ] {
        // Some of it is in the system's buffers at most: the answer comes whether or not all of it is sent.
        for bytes in [1025, (2 << 20) + 1] {
            let answer = post(path, bytes);
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
            assert!(answer.body.starts_with(begins), "{path}: {}", answer.body);
            assert_eq!(answer.header("connection"), Some("close"));
            let protected = path.starts_with("/closed/").then_some("DENY");
            assert_eq!(answer.header("x-frame-options"), protected, "{path}");
        }
    }
    // Who asks for JSON, who waits for 100 Continue, and whose length nobody knows beforehand.
    let json =
        Ask::post("/upload", "text/plain", "x".repeat(1025)).field("Accept", "application/json");
    assert_eq!(json.to(&server).json()["title"], "Payload Too Large");
    for (fields, body) in [
        ("Expect: 100-continue\r\nContent-Length: 9999", ""),
        ("Transfer-Encoding: chunked", "400\r\n"),
        ("Transfer-Encoding: chunked", "401\r\n"),
    ] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /upload HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n{body}"
        )
        .unwrap();
        if body == "400\r\n" {
            write!(stream, "{}\r\n1\r\n", "x".repeat(1024)).unwrap();
        }
        let answer = receive(stream);
        assert_eq!(answer.status, 413, "{fields}");
        assert!(
            answer.body.starts_with("root _413: "),
            "{fields}: {}",
            answer.body
        );
    }
    assert_eq!(post("/upload", 1).told(), (200, "1"));
}

#[test]
fn a_path_that_cannot_be_meant_has_the_page_of_the_root() {
    let server = start();
    for (path, begins) in [
        ("/%2e%2e/", "root _error: 400 Bad Request for /,"),
        ("/shop/a%00", "root _error: 400 Bad Request for /,"),
    ] {
        check(&server, path, 400, begins);
    }
    // Without a slash too many it would be a page; a form is never sent on.
    let wrong = Ask::post("//fail", "text/plain", "x").to(&server);
    assert_eq!(wrong.told(), (404, "root _404: 404 /\n"));
}
