//! Tests of the scanner: what is refused at which byte.

use super::*;
use crate::codec::testing::{Outcome, check_refused, read_head};

/// Small, so that every cut can be tried.
const SMALL: Limits = Limits {
    request_line_max: 32,
    head_max: 64,
    fields_max: 2,
};

/// Checks that the input is refused when its last byte comes, not before and not later.
fn check_at_last(input: &[u8], limits: &Limits, expected: Reject) {
    let more = [input, b"\r\nX: y\r\n\r\n"].concat();
    for input in [input, &more[..input.len() + 1], &more] {
        let refused = Outcome::Refused(expected, more.len() - 10);
        assert_eq!(
            read_head(input, limits),
            refused,
            "{}",
            input.escape_ascii()
        );
    }
}

#[test]
fn bytes_are_refused_at_their_position() {
    let refused_at_last: &[(&[u8], Reject)] = &[
        // A TLS hello, garbage, blanks.
        (b"\x16", Reject::RequestStart),
        (b"\0", Reject::RequestStart),
        (b"\xff", Reject::RequestStart),
        (b" ", Reject::RequestStart),
        (b"{", Reject::RequestStart),
        // One empty line may come first, but not two, and not half of one.
        (b"\r\n\r", Reject::RequestStart),
        (b"\r\n\n", Reject::RequestStart),
        (b"\n", Reject::BareLf),
        (b"\rG", Reject::BareCr),
        (b"\r\r", Reject::BareCr),
        // The request line.
        (b"GET\t", Reject::RequestLineByte),
        (b"GET /\0", Reject::RequestLineByte),
        (b"GET /\x7f", Reject::RequestLineByte),
        (b"GET /\x80", Reject::RequestLineByte),
        (b"GET /\xc3", Reject::RequestLineByte),
        (b"GET /\r ", Reject::BareCr),
        (b"GET /\r\r", Reject::BareCr),
        (b"GET / HTTP/1.1\n", Reject::BareLf),
        (b"GET /\r\n", Reject::RequestLineForm),
        (b"PRI * HTTP/2.0\r\n", Reject::VersionUnsupported),
        (b"BREW / HTTP/1.1\r\n", Reject::MethodUnsupported),
        // Line ends of the fields and of the head.
        (b"GET / HTTP/1.1\r\n\n", Reject::BareLf),
        (b"GET / HTTP/1.1\r\nHost: x\n", Reject::BareLf),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\n", Reject::BareLf),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\n", Reject::BareLf),
    ];
    for &(input, expected) in refused_at_last {
        check_at_last(input, &Limits::default(), expected);
    }
}

#[test]
fn a_request_line_may_have_its_size_and_no_more() {
    let line = |len: usize| [b"GET /", "a".repeat(len - 16).as_bytes(), b" HTTP/1.1\r\n"].concat();
    let good = [&line(32)[..], b"Host: x\r\n\r\n"].concat();
    assert!(matches!(read_head(&good, &SMALL), Outcome::Parsed(_, 43)));
    let good = [b"\r\n", &good[..]].concat();
    assert!(matches!(read_head(&good, &SMALL), Outcome::Parsed(_, 45)));
    // It is certain at the 32nd byte, which is no LF: even a CR is one byte too late there.
    check_at_last(&line(33)[..32], &SMALL, Reject::RequestLineTooLong);
    check_at_last(&line(64)[..32], &SMALL, Reject::RequestLineTooLong);
    // A bad byte counts up to there.
    check_at_last(
        &[&line(64)[..31], b"\0"].concat(),
        &SMALL,
        Reject::RequestLineByte,
    );
    check_refused(414, &[(&line(8193), Reject::RequestLineTooLong)]);
}

#[test]
fn a_head_may_have_its_size_and_no_more() {
    let head = |len: usize| {
        let pad = "a".repeat(len - 32);
        ["GET / HTTP/1.1\r\nHost: x\r\nX: ", &pad, "\r\n\r\n"]
            .concat()
            .into_bytes()
    };
    assert!(matches!(
        read_head(&head(64), &SMALL),
        Outcome::Parsed(_, 64)
    ));
    check_at_last(&head(65)[..64], &SMALL, Reject::HeadTooLarge);
    check_at_last(&head(100)[..64], &SMALL, Reject::HeadTooLarge);
    let tiny = Limits {
        head_max: 16,
        ..SMALL
    };
    check_at_last(b"GET /aaaaaaaaaaa", &tiny, Reject::HeadTooLarge);
}

#[test]
fn the_default_limits_hold_for_single_bytes() {
    let mut scanner = Scanner::default();
    let mut bytes = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".to_vec();
    let refused = loop {
        bytes.push(b'a');
        match scanner.scan(&bytes, &Limits::default()) {
            Ok(scan) => assert_eq!(scan, Scan::Partial),
            Err(reject) => break reject,
        }
    };
    assert_eq!((refused, bytes.len()), (Reject::HeadTooLarge, 32 * 1024));
}

#[test]
fn half_of_anything_waits() {
    for input in [
        "",
        "\r",
        "\r\n",
        "G",
        "GET / HTTP/1.1\r",
        "GET / HTTP/1.1\r\nH\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r",
    ] {
        assert_eq!(
            read_head(input.as_bytes(), &Limits::default()),
            Outcome::Partial
        );
    }
}

#[test]
fn a_good_request_before_a_bad_one_is_read() {
    let bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\nHost: x\r\n\r\n";
    let Outcome::Parsed(_, len) = read_head(bytes, &Limits::default()) else {
        panic!("the first request is good");
    };
    check_refused(400, &[(&bytes[len..], Reject::BareLf)]);
}
