//! Tests of whole heads: request lines, fields, what they mean for the connection.

use super::*;
use crate::codec::testing::{Outcome, check_field, check_refused, parsed, read_head};

#[test]
fn request_lines_that_are_refused() {
    let bad_request: &[(&[u8], Reject)] = &[
        (b"GET  / HTTP/1.1\r\n", Reject::RequestLineForm),
        (b"GET /  HTTP/1.1\r\n", Reject::RequestLineForm),
        (b"GET / HTTP/1.1 \r\n", Reject::RequestLineForm),
        (b"GET /a b HTTP/1.1\r\n", Reject::RequestLineForm),
        (b"GET /\r\n", Reject::RequestLineForm),
        (b"GET / \r\n", Reject::RequestLineForm),
        (b"GET\r\n", Reject::RequestLineForm),
        (b"GET\t/ HTTP/1.1\r\n", Reject::RequestLineByte),
        (b"GET /\tHTTP/1.1\r\n", Reject::RequestLineByte),
        (b"GET /\0 HTTP/1.1\r\n", Reject::RequestLineByte),
        (b"GET /\xe4 HTTP/1.1\r\n", Reject::RequestLineByte),
        (b" GET / HTTP/1.1\r\n", Reject::RequestStart),
        (b"GET / HTTP/1.10\r\n", Reject::Version),
        (b"GET / HTTP/11\r\n", Reject::Version),
        (b"GET / HTTP/1.\r\n", Reject::Version),
        (b"GET / HTTP/a.b\r\n", Reject::Version),
        (b"GET / http/1.1\r\n", Reject::Version),
        (b"GET / HTTPS/1.1\r\n", Reject::Version),
        (b"GET / x\r\n", Reject::Version),
        (b"GE(T / HTTP/1.1\r\n", Reject::Method),
        (b"GET: / HTTP/1.1\r\n", Reject::Method),
        (b"GET / HTTP/1.1\r\r\n", Reject::BareCr),
    ];
    check_refused(400, bad_request);
    let not_implemented: &[(&[u8], Reject)] = &[
        (b"CONNECT x:443 HTTP/1.1\r\n", Reject::MethodUnsupported),
        (b"TRACE / HTTP/1.1\r\n", Reject::MethodUnsupported),
        (b"BREW / HTTP/1.1\r\n", Reject::MethodUnsupported),
        (b"get / HTTP/1.1\r\n", Reject::MethodUnsupported),
        (b"GETT / HTTP/1.1\r\n", Reject::MethodUnsupported),
    ];
    check_refused(501, not_implemented);
    let version_not_supported: &[(&[u8], Reject)] = &[
        (b"GET / HTTP/2.0\r\n", Reject::VersionUnsupported),
        (b"GET / HTTP/1.2\r\n", Reject::VersionUnsupported),
        (b"GET / HTTP/0.9\r\n", Reject::VersionUnsupported),
        (
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            Reject::VersionUnsupported,
        ),
    ];
    check_refused(505, version_not_supported);
}

#[test]
fn every_known_method_and_version_is_read() {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(
            parsed(&format!("{method} / HTTP/1.1\r\nHost: x\r\n\r\n")).method,
            method
        );
    }
    assert_eq!(parsed("GET / HTTP/1.0\r\n\r\n").version, Version::HTTP_10);
    assert_eq!(
        parsed("\r\nGET / HTTP/1.0\r\n\r\n").version,
        Version::HTTP_10
    );
}

#[test]
fn field_lines_that_are_refused() {
    let bad_names: &[&[u8]] = &[
        b"A : b",
        b"A\t: b",
        b"A",
        b": b",
        b":",
        b" A: b",
        b"\tA: b",
        b"A b: c",
        b"A\0: b",
        b"A\x01: b",
        b"A\x7f: b",
        b"A\x80: b",
        b"\xc3\xa4: b",
        b"A[: b",
        b"A]: b",
        b"(A): b",
        b"A\"B: c",
        b"A{: b",
        b"A/B: c",
        b"A\r: b",
        b"A: b\r\n c",
        b"A: b\r\n\tc: d",
        b"A: b\r\n ",
    ];
    for field in bad_names {
        check_field(400, field, Reject::FieldName);
    }
    let bad_values: &[&[u8]] = &[
        b"A: \0",
        b"A: b\0c",
        b"A: b\rc",
        b"A: b\r",
        b"A: \rb",
        b"A: b\x01",
        b"A: \x0b",
        b"A: \x0c",
        b"A: \x1f",
        b"A: b\x7f",
        b"A: \x1b[0m",
    ];
    for field in bad_values {
        check_field(400, field, Reject::FieldValue);
    }
    let blank_first = b"GET / HTTP/1.1\r\n Host: x\r\n\r\n";
    check_refused(400, &[(blank_first, Reject::FieldName)]);
}

#[test]
fn fields_are_read_as_they_are() {
    let head =
        "GET / HTTP/1.1\r\nHOST: x\r\nA:1\r\na: \t 2 \t\r\nB:\r\nC: \t\r\nD: x\ty \u{e4}\r\n\r\n";
    let headers = parsed(head).headers;
    assert_eq!(headers["host"], "x");
    assert!(headers.get_all("a").iter().eq(["1", "2"]));
    assert_eq!(
        (&headers["b"], &headers["c"]),
        (&"".parse().unwrap(), &"".parse().unwrap())
    );
    assert_eq!(headers["d"].as_bytes(), "x\ty \u{e4}".as_bytes());
    let token = "GET / HTTP/1.1\r\nHost: x\r\n!#$%&'*+-.^_`|~09az: good\r\n\r\n";
    assert_eq!(parsed(token).headers["!#$%&'*+-.^_`|~09az"], "good");
}

#[test]
fn so_many_fields_and_no_more() {
    let head = |fields: usize| {
        let more = "A: b\r\n".repeat(fields - 1);
        format!("GET / HTTP/1.1\r\nHost: x\r\n{more}\r\n")
    };
    assert_eq!(parsed(&head(100)).headers.len(), 100);
    check_refused(431, &[(head(101).as_bytes(), Reject::TooManyFields)]);
    let limits = Limits {
        fields_max: 1000,
        ..Limits::default()
    };
    let refused = read_head(head(101).as_bytes(), &limits);
    assert!(matches!(
        refused,
        Outcome::Refused(Reject::TooManyFields, _)
    ));
    let limits = Limits {
        fields_max: 2,
        ..limits
    };
    assert!(matches!(
        read_head(head(2).as_bytes(), &limits),
        Outcome::Parsed(..)
    ));
    assert!(matches!(
        read_head(head(3).as_bytes(), &limits),
        Outcome::Refused(..)
    ));
}

#[test]
fn expect_is_100_continue_or_refused() {
    check_field(417, b"Expect: other", Reject::Expect);
    check_field(417, b"Expect:", Reject::Expect);
    check_field(417, b"Expect: 100-continue, other", Reject::Expect);
    check_field(
        417,
        b"Expect: 100-continue\r\nExpect: other",
        Reject::Expect,
    );
    let expects = |version, fields| {
        let head = format!("PUT / {version}\r\nHost: x\r\nExpect: {fields}\r\n\r\n");
        parsed(&head).expect_continue
    };
    assert!(expects("HTTP/1.1", "100-Continue\r\nContent-Length: 1"));
    assert!(expects(
        "HTTP/1.1",
        "100-continue\r\nTransfer-Encoding: chunked"
    ));
    assert!(!expects("HTTP/1.1", "100-continue\r\nContent-Length: 0"));
    assert!(!expects("HTTP/1.1", "100-continue"));
    assert!(!expects("HTTP/1.0", "100-continue\r\nContent-Length: 1"));
    assert!(!expects("HTTP/1.0", "other\r\nContent-Length: 1"));
}

#[test]
fn the_connection_lives_on_if_both_sides_can() {
    let lives_on =
        |version, fields| parsed(&format!("GET / {version}\r\nHost: x\r\n{fields}\r\n")).keep_alive;
    assert!(lives_on("HTTP/1.1", ""));
    assert!(lives_on("HTTP/1.1", "Connection: foo, , keep-alive\r\n"));
    assert!(!lives_on("HTTP/1.1", "Connection: close\r\n"));
    assert!(!lives_on("HTTP/1.1", "Connection: foo ,\tClose\r\n"));
    assert!(!lives_on(
        "HTTP/1.1",
        "Connection: keep-alive\r\nConnection: CLOSE\r\n"
    ));
    assert!(lives_on("HTTP/1.1", "Connection: closed\r\n"));
    assert!(!lives_on("HTTP/1.0", ""));
    assert!(lives_on("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!lives_on("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

#[test]
fn an_upgrade_needs_the_field_the_option_and_http_1_1() {
    let upgrades =
        |version, fields| parsed(&format!("GET / {version}\r\nHost: x\r\n{fields}\r\n")).upgrade;
    assert!(upgrades(
        "HTTP/1.1",
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    ));
    assert!(!upgrades("HTTP/1.1", "Connection: upgrade\r\n"));
    assert!(!upgrades("HTTP/1.1", "Upgrade: websocket\r\n"));
    assert!(!upgrades(
        "HTTP/1.0",
        "Connection: upgrade\r\nUpgrade: websocket\r\n"
    ));
}

#[test]
fn bytes_that_no_scanner_has_seen_do_no_harm() {
    let limits = Limits::default();
    for input in [
        "",
        "\r\n",
        "GET / HTTP/1.0",
        "GET / HTTP/1.0\r\n",
        "GET / HTTP/1.0\r\n\r\nx",
    ] {
        let refused = parse_head(Bytes::from_static(input.as_bytes()), &limits);
        assert!(refused.is_err(), "{input:?}");
    }
}
