//! URLs of a site with modules, through the real binary: what each path and method is answered.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::ask::Ask;
use common::sites::{built, serve};
use common::{Answer, PATIENCE, Server};

fn start() -> Server {
    serve(&[&built("domains")], &[])
}

/// Each path is answered with this text.
#[track_caller]
fn check(server: &Server, expected: &[(&str, &str)]) {
    for (path, body) in expected {
        let answer = Ask::get(path).to(server);
        assert_eq!(answer.told(), (200, *body), "{path}");
    }
}

/// Each path is answered with this status, whatever shows it.
#[track_caller]
fn check_status(server: &Server, status: u16, paths: &[&str]) {
    for path in paths {
        let answer = Ask::get(path).to(server);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(
            !answer.body.contains("never seen"),
            "{path}: {}",
            answer.body
        );
    }
}

/// Each path is moved for good.
#[track_caller]
fn check_moved(server: &Server, method: &str, expected: &[(&str, &str)]) {
    for (path, to) in expected {
        let answer = Ask::new(method, path).to(server);
        assert_eq!(answer.status, 308, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("location"), Some(*to), "{method} {path}");
    }
}

#[test]
fn literal_beats_typed_beats_plain() {
    check(
        &start(),
        &[
            ("/", "home"),
            ("/?x=/scripts/", "home"),
            ("/raw.txt", "made by a module"),
            ("/scripts/", "all scripts"),
            ("/scripts/submit", "submit"),
            ("/scripts/chess/", "script chess"),
            ("/scripts/chess/raw", "GET chess"),
            ("/scripts/chess/41", "chess times 42"),
            ("/scripts/a;b=c/", "script a;b=c"),
            ("/scripts/100%25/", "script 100%"),
            ("/scripts/%e2%82%ac%20+/", "script € +"),
            ("/users/7/", "user number 7"),
            (
                "/users/18446744073709551616/",
                "user named 18446744073709551616",
            ),
            ("/users/ann/", "user named ann"),
            ("/users/ann/profile", "profile of ann"),
        ],
    );
}

#[test]
fn a_typed_segment_takes_what_is_of_its_type() {
    let server = start();
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    check(
        &server,
        &[
            ("/typed/i64/-5", "-5"),
            (&format!("/typed/uuid/{uuid}"), uuid),
            ("/typed/slug/a-1", "a-1"),
            ("/typed/hex/00fF", "00fF"),
        ],
    );
    check_status(
        &server,
        404,
        &[
            "/typed/i64/5.0",
            "/typed/i64/9223372036854775808",
            "/typed/uuid/67e55044-10b1-426f-9247-bb680e5fe0c",
            "/typed/slug/A-1",
            "/typed/hex/0x1",
            "/scripts/chess/-1",
            // A domain that was entered is not left again: /users/[name]/profile is not tried.
            "/users/7/profile",
        ],
    );
}

#[test]
fn the_rest_goes_to_the_nearest_that_does_not_decline() {
    let server = start();
    check(
        &server,
        &[
            ("/docs/a/b%2Bc", "docs: a|b+c"),
            ("/docs/a/", "docs: a"),
            // Of no domain below, but of the domain above.
            ("/docs/deep/none", "docs: deep|none"),
            ("/docs/no/up", "root: docs|no|up"),
            ("/old", "root: old"),
            ("/old/a/b", "root: old|a|b"),
        ],
    );
    check_status(
        &server,
        404,
        &["/docs/no/x", "/docs/old/no", "/nothing", "/nothing/at/all/"],
    );
    // The domain is that which the URL leads into, whoever answers.
    let deep = Ask::get("/docs/deep/none").to(&server);
    assert_eq!(deep.header("x-domain"), Some("/docs/deep/"));
}

#[test]
fn the_index_has_a_slash_and_all_else_has_none() {
    let server = start();
    let expected = [
        ("/scripts", "/scripts/"),
        ("/scripts/submit/", "/scripts/submit"),
        ("/scripts/chess", "/scripts/chess/"),
        ("/scripts/chess/raw/", "/scripts/chess/raw"),
        ("/scripts?q=1&x=/a/", "/scripts/?q=1&x=/a/"),
        ("/scripts/%e2%82%ac", "/scripts/%E2%82%AC/"),
        ("/about/", "/about"),
        ("/docs", "/docs/"),
        ("/users/7", "/users/7/"),
        ("/raw.txt/", "/raw.txt"),
    ];
    for method in ["GET", "HEAD", "POST"] {
        check_moved(&server, method, &expected);
    }
}

#[test]
fn empty_segments_are_taken_out_and_lead_to_no_other_site() {
    let server = start();
    let expected = [
        ("//", "/"),
        ("//evil.com", "/evil.com"),
        ("///evil.com//x/", "/evil.com/x/"),
        ("//evil.com?x=//", "/evil.com?x=//"),
        ("/scripts//submit", "/scripts/submit"),
        ("/scripts//", "/scripts/"),
        ("//%25", "/%25"),
    ];
    check_moved(&server, "GET", &expected);
    check_moved(&server, "HEAD", &expected);
    for (path, _) in expected {
        assert_eq!(
            Ask::post(path, "text/plain", "x").to(&server).status,
            404,
            "{path}"
        );
    }
    check_status(&server, 400, &["//evil.com/%2e%2e", "//..", "//a%2fb"]);
}

#[test]
fn no_spelling_of_a_path_leaves_the_urls_of_the_site() {
    let server = start();
    check_status(
        &server,
        400,
        &[
            "/%2e%2e/",
            "/..%2f",
            "/..",
            "/../",
            "/./",
            "/%2e",
            "/.%2e/",
            "/%2E%2E/%2e%2e/etc/passwd",
            "/scripts/../index",
            "/%c0%ae/",
            "/%c0%ae%c0%ae/site.toml",
            "/%ff",
            "/%ed%a0%80",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a%c2%85",
            "/a%5cb",
            "/a%2fb",
            "/a%2Fb/",
            "/%",
            "/%2",
            "/%zz",
            "/%u0041",
        ],
    );
    // Decoded once: what is left is a name that nothing has.
    check_status(
        &server,
        404,
        &["/%252e%252e/", "/%252e%252e%252fsite.toml", "/a%255cb"],
    );
}

#[test]
fn the_same_bytes_are_refused_when_they_come_raw() {
    let server = start();
    for target in [
        &b"/a\\b"[..],
        b"/caf\xc3\xa9",
        b"/a\x00",
        b"/a b",
        b"/a\xc0\xae",
        b"../x",
        b"x",
    ] {
        let head = [
            b"GET ",
            target,
            b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ]
        .concat();
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&head).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400 "),
            "{}: {answer}",
            target.escape_ascii()
        );
    }
}

#[test]
fn names_are_compared_as_they_are_but_for_their_unicode_form() {
    let server = start();
    check(
        &server,
        &[
            ("/caf%C3%A9", "coffee"),
            ("/cafe%CC%81", "coffee"),
            ("/caf%c3%a9", "coffee"),
        ],
    );
    check_status(
        &server,
        404,
        &[
            "/Raw.txt",
            "/SCRIPTS/",
            "/Scripts/submit",
            "/ABOUT",
            "/cafe",
        ],
    );
}

#[test]
fn what_is_no_url_of_the_site_is_not_found() {
    let server = start();
    check_status(
        &server,
        404,
        &[
            "/_member",
            "/_parent",
            "/_layout",
            "/_layout.html",
            "/_secret",
            "/_secret.html",
            "/_parts/page",
            "/_parts/",
            "/%5fmember",
            "/docs/_layout",
            "/.hidden/page",
            "/.hidden/",
            "/%2ehidden/page",
            // Not as the value of a dynamic segment, either.
            "/scripts/..;/",
            "/scripts/.chess/",
            "/scripts/%5fchess/",
            "/users/_ann/profile",
            "/.git/config",
            "/.env",
            "/.harmonious/modules.json",
            "/index",
            "/index.rs",
            "/index.html",
            "/page.html",
            "/about.html",
            "/domain.toml",
            "/domains/index.rs",
            "/static/style.css",
            "/site.toml",
            "/secrets.toml",
            "/Cargo.toml",
            "/[slug]",
            "/scripts/%5Bslug%5D/none",
            "/users/",
            "/users",
        ],
    );
    check(
        &server,
        &[(
            "/.well-known/security.txt",
            "Contact: mailto:site@a.example",
        )],
    );
}

#[test]
fn a_path_that_is_too_deep_or_too_long_is_a_414() {
    let server = start();
    let deep = |segments: usize| "/a".repeat(segments);
    assert_eq!(Ask::get(&deep(64)).to(&server).status, 404);
    assert_eq!(Ask::get(&deep(65)).to(&server).status, 414);
    assert_eq!(
        Ask::get(&format!("/{}", "a".repeat(9000)))
            .to(&server)
            .status,
        414
    );
}

#[test]
fn files_of_static_come_before_modules() {
    let server = start();
    check(
        &server,
        &[
            ("/first.txt", "of static\n"),
            ("/style.css", "p { color: red }\n"),
        ],
    );
    // A file knows GET and HEAD only; whatever else is asked is asked of the module.
    let allow = Ask::new("DELETE", "/first.txt").to(&server);
    assert_eq!(allow.status, 405, "{allow:?}");
}

#[test]
fn a_template_alone_is_a_page_of_its_type() {
    let server = start();
    let html = "text/html; charset=utf-8";
    for (path, media_type, body) in [
        ("/about", html, "<title>Site</title>about domains, /about\n"),
        ("/docs/", html, "<title>Docs</title>documents\n"),
        ("/docs/deep/page", html, "<title>Docs</title>deep\n"),
        (
            "/robots.txt",
            "text/plain; charset=utf-8",
            "User-agent: *\nDisallow: /<path>\n",
        ),
        (
            "/feed.xml",
            "application/xml; charset=utf-8",
            "<feed><id>domains</id></feed>\n",
        ),
        (
            "/data.json",
            "application/json",
            "{\"site\": \"domains\"}\n",
        ),
    ] {
        let answer = Ask::get(path).to(&server);
        let media = answer.header("content-type").unwrap_or_default().to_owned();
        assert_eq!((answer.status, media.as_str()), (200, media_type), "{path}");
        // How a file ends is its author's business; what it says is not.
        assert_eq!(answer.body.trim_end(), body.trim_end(), "{path}");
    }
    let page = Ask::get("/page").to(&server);
    let names = "<title>Names</title>[ann][&lt;bob&gt;]";
    assert_eq!((page.status, page.body.trim_end()), (200, names));
}

fn allow(answer: &Answer) -> &str {
    answer.header("allow").unwrap_or_default()
}

#[test]
fn head_is_get_without_its_body() {
    let server = start();
    for path in [
        "/",
        "/about",
        "/page",
        "/scripts/chess/",
        "/style.css",
        "/send?what=large",
        "/nothing",
    ] {
        let get = Ask::get(path).to(&server);
        let head = Ask::new("HEAD", path).to(&server);
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        for field in ["content-type", "content-length"] {
            let got = get.header(field);
            // The number of the request stands in an error page.
            assert_eq!(head.header(field), got, "{path}: {field}");
        }
    }
    let own = Ask::new("HEAD", "/verbs").to(&server);
    assert_eq!((own.status, own.header("x-own")), (200, Some("head")));
}

#[test]
fn methods_that_are_not_there_are_told_which_are() {
    let server = start();
    for (method, path, expected) in [
        ("PUT", "/", "GET, HEAD, POST, OPTIONS"),
        ("DELETE", "/", "GET, HEAD, POST, OPTIONS"),
        ("PATCH", "/scripts/chess/", "GET, HEAD, OPTIONS"),
        ("POST", "/scripts/chess/raw", "GET, HEAD, DELETE, OPTIONS"),
        ("POST", "/about", "GET, HEAD, OPTIONS"),
        ("GET", "/form", "POST, OPTIONS"),
        ("HEAD", "/form", "POST, OPTIONS"),
        ("POST", "/old/x", "GET, HEAD, OPTIONS"),
    ] {
        let answer = Ask::new(method, path).to(&server);
        assert_eq!(
            (answer.status, allow(&answer)),
            (405, expected),
            "{method} {path}"
        );
    }
    assert_eq!(
        Ask::new("DELETE", "/scripts/chess/raw").to(&server).told(),
        (200, "DELETE chess")
    );
    // The rest may take it, but not with that method.
    assert_eq!(Ask::new("PUT", "/nothing").to(&server).status, 405);
    let without_rest = serve(&[&built("errors")], &[]);
    assert_eq!(Ask::new("PUT", "/nothing").to(&without_rest).status, 404);
}

#[test]
fn options_are_told_without_a_handler() {
    let server = start();
    for (path, expected) in [
        ("/", "GET, HEAD, POST, OPTIONS"),
        ("/about", "GET, HEAD, OPTIONS"),
        ("/form", "POST, OPTIONS"),
        ("/verbs", ""),
    ] {
        let answer = Ask::new("OPTIONS", path).to(&server);
        assert_eq!(
            (answer.told(), allow(&answer)),
            ((204, ""), expected),
            "{path}"
        );
    }
    let own = Ask::new("OPTIONS", "/verbs").to(&server);
    assert_eq!(own.header("access-control-allow-origin"), Some("*"));
    let without_rest = serve(&[&built("errors")], &[]);
    assert_eq!(
        Ask::new("OPTIONS", "/nothing").to(&without_rest).status,
        404
    );
}

#[test]
fn a_method_that_nobody_knows_is_a_501() {
    let server = start();
    for path in ["/", "/about"] {
        assert_eq!(Ask::new("BREW", path).to(&server).status, 501, "{path}");
    }
    assert_eq!(
        Ask::new("get", "/").to(&server).status,
        501,
        "methods have a case"
    );
}
