//! Tests of targets and of `Host`.

use super::*;
use crate::codec::testing::{check_refused, parsed};

fn target(method: &str, target: &str, host: &str) -> Target {
    parsed(&format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    ))
    .target
}

fn check_path(input: &str, path: &str, query: Option<&str>) {
    let target = target("GET", input, "x");
    assert_eq!((target.path(), target.query()), (path, query), "{input}");
    let whole = query.map_or(path.to_owned(), |query| format!("{path}?{query}"));
    assert_eq!(target.as_str(), whole);
    assert!(!target.is_asterisk());
}

fn check_target(input: &str, host: &str, expected: Reject) {
    let head = format!("GET {input} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    check_refused(400, &[(head.as_bytes(), expected)]);
}

#[test]
fn a_path_is_taken_as_it_is() {
    check_path("/", "/", None);
    check_path("/a/../%2e%00//b", "/a/../%2e%00//b", None);
    check_path("/a?", "/a", Some(""));
    check_path("/a?b?c=/d", "/a", Some("b?c=/d"));
    check_path("//host/a", "//host/a", None);
    check_path(
        "/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~",
        "/!\"$&'()*+,-.:;<=>@[\\]^_`{|}~",
        None,
    );
}

#[test]
fn a_uri_is_its_path() {
    check_path("http://x/a?b", "/a", Some("b"));
    check_path("HTTPS://X/", "/", None);
    check_path("http://x", "/", None);
    check_path("http://x?b=http://y/", "/", Some("b=http://y/"));
    assert_eq!(target("GET", "http://x:80/a", "X:80").path(), "/a");
    assert_eq!(
        target("GET", "http://[::1]:8080/a", "[::1]:8080").path(),
        "/a"
    );
}

#[test]
fn an_asterisk_is_for_options() {
    let target = target("OPTIONS", "*", "x");
    assert!(target.is_asterisk());
    assert_eq!((target.path(), target.query()), ("*", None));
    check_target("*", "x", Reject::TargetForm);
}

#[test]
fn other_targets_are_refused() {
    let bad = [
        "a",
        "a/b",
        "**",
        "*/",
        "?a",
        "x:80",
        "http:/x/a",
        "http:x",
        "ftp://x/",
        "https",
        ":",
    ];
    for input in bad {
        check_target(input, "x", Reject::TargetForm);
    }
    for input in ["/#", "/a#b", "/a?b#c", "#", "http://x/#a", "http://x#a"] {
        check_target(input, "x", Reject::TargetByte);
    }
    for input in [
        "http://",
        "http:///a",
        "http://?a",
        "http://u@x/",
        "http://u:p@x/",
        "http://x:/",
    ] {
        check_target(input, "x", Reject::TargetAuthority);
    }
}

#[test]
fn the_authority_must_be_the_host() {
    check_target("http://y/", "x", Reject::HostMismatch);
    check_target("http://x:80/", "x", Reject::HostMismatch);
    check_target("http://x/", "x:80", Reject::HostMismatch);
    check_target("http://x/", "", Reject::HostMismatch);
    let old = b"GET http://x/ HTTP/1.0\r\n\r\n";
    check_refused(400, &[(old, Reject::HostMismatch)]);
}

#[test]
fn one_host_is_needed() {
    let refused: &[(&[u8], Reject)] = &[
        (b"GET / HTTP/1.1\r\n\r\n", Reject::HostMissing),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            Reject::HostTwice,
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nhOST: y\r\n\r\n",
            Reject::HostTwice,
        ),
        (
            b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
            Reject::HostTwice,
        ),
        (b"GET / HTTP/1.0\r\nHost: x y\r\n\r\n", Reject::HostInvalid),
    ];
    check_refused(400, refused);
    assert_eq!(parsed("GET / HTTP/1.0\r\n\r\n").host(), None);
    assert_eq!(
        parsed("GET / HTTP/1.1\r\nHost: X:1\r\n\r\n").host(),
        Some("X:1")
    );
    assert_eq!(parsed("GET / HTTP/1.1\r\nHost:\r\n\r\n").host(), Some(""));
    assert_eq!(
        parsed("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n").host(),
        Some("")
    );
}

#[test]
fn hosts_that_are_accepted() {
    let good = [
        "x",
        "www.example.org",
        "a-b_c.d",
        "example.org.",
        "127.0.0.1",
        "127.0.0.1:80",
        "x:0",
        "x:1",
        "x:65535",
        "x:00080",
        "[::1]",
        "[::1]:80",
        "[2001:db8::7]",
        "[::ffff:1.2.3.4]:8080",
    ];
    for host in good {
        assert_eq!(target("GET", "/", host).path(), "/");
    }
}

#[test]
fn hosts_that_are_refused() {
    let bad = [
        "u@x",
        "u:p@x",
        "x/",
        "x/a",
        "x y",
        "x,y",
        "x, x",
        "x?",
        "x#",
        "x%41",
        "x;",
        "\"x\"",
        "x:",
        "x:+80",
        "x:-1",
        "x:8a",
        "x:65536",
        "x:123456",
        "x:80:80",
        ":80",
        ":",
        "::1",
        "[::1",
        "::1]",
        "[]",
        "[x]",
        "[1.2.3.4]",
        "[::1]x",
        "[::1]:",
        "[::1]80",
        "[fe80::1%25eth0]",
        "[v1.a]",
        "[[::1]]",
        "http://x",
        "\u{e4}",
        "x\ty",
        "*",
        "(x)",
        "x\\y",
    ];
    for host in bad {
        check_target("/", host, Reject::HostInvalid);
    }
}
