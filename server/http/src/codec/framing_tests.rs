//! Tests of body framing: every way that is known to smuggle requests.

use super::*;
use crate::codec::testing::{check_field, check_refused, parsed};

fn framing_of(fields: &str) -> Framing {
    parsed(&format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n")).framing
}

#[test]
fn a_good_framing_is_read() {
    assert_eq!(framing_of(""), Framing::None);
    assert_eq!(framing_of("Content-Length: 0\r\n"), Framing::Length(0));
    assert_eq!(framing_of("Content-Length:\t 42 \r\n"), Framing::Length(42));
    assert_eq!(framing_of("content-length: 007\r\n"), Framing::Length(7));
    assert_eq!(
        framing_of("Content-Length: 18446744073709551615\r\n"),
        Framing::Length(u64::MAX)
    );
    assert_eq!(
        framing_of("Transfer-Encoding: chunked\r\n"),
        Framing::Chunked
    );
    assert_eq!(
        framing_of("transfer-encoding: \tCHUNKed \t\r\n"),
        Framing::Chunked
    );
}

#[test]
fn an_odd_length_is_refused() {
    let odd = [
        "+3",
        "-1",
        "0x5",
        "zz",
        "",
        "1 2",
        "5_0",
        "5.0",
        "5;",
        "\"5\"",
        "5,",
        ",5",
        "5, 5",
        "5,5",
        "5, 6",
        "1e3",
        "\u{663}",
        "18446744073709551616",
        "99999999999999999999999",
    ];
    for value in odd {
        let field = format!("Content-Length: {value}");
        check_field(400, field.as_bytes(), Reject::ContentLength);
    }
    for lines in [
        "5\r\nContent-Length: 6",
        "5\r\nContent-Length: 5",
        "5\r\ncontent-length:",
    ] {
        let field = format!("Content-Length: {lines}");
        check_field(400, field.as_bytes(), Reject::ContentLengthTwice);
    }
}

#[test]
fn length_and_coding_together_are_refused() {
    let both: &[&[u8]] = &[
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Transfer-Encoding: identity\r\nContent-Length: 0",
        b"Transfer-Encoding:\r\nContent-Length: 5",
    ];
    for field in both {
        check_field(400, field, Reject::LengthAndCoding);
    }
}

#[test]
fn any_coding_but_chunked_is_refused() {
    let malformed = [
        "",
        ",",
        "chunked,",
        ",chunked",
        "chunked, chunked",
        "chunked,chunked",
        "\"chunked\"",
        "'chunked",
        "chunked;q=1",
        "chunked;",
        "chunked chunked",
        "chun ked",
        "chunked\u{e4}",
        "gzip;q=1, chunked",
        "chunked\tx",
        "gzip,, chunked",
        "=chunked",
        "chunked\x0b",
        "\x0bchunked",
    ];
    for value in malformed {
        let expected = match value {
            value if value.contains('\x0b') => Reject::FieldValue,
            // A lone quote is a token character.
            "'chunked" => Reject::CodingUnknown,
            _ => Reject::TransferEncoding,
        };
        let field = format!("Transfer-Encoding: {value}");
        check_field(expected.status().as_u16(), field.as_bytes(), expected);
    }
    for value in [
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "identity",
        "xchunked",
        "chunked1",
    ] {
        let field = format!("Transfer-Encoding: {value}");
        check_field(501, field.as_bytes(), Reject::CodingUnknown);
    }
    for second in ["chunked", "identity", ""] {
        let field = format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: {second}");
        check_field(400, field.as_bytes(), Reject::TransferEncodingTwice);
    }
    check_field(400, b"Transfer-Encoding : chunked", Reject::FieldName);
    check_field(400, b"Transfer-Encoding:\r\n chunked", Reject::FieldName);
}

#[test]
fn http_1_0_has_no_coding() {
    let refused: &[(&[u8], Reject)] = &[
        (
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            Reject::TransferEncodingVersion,
        ),
        (
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            Reject::LengthAndCoding,
        ),
    ];
    check_refused(400, refused);
    let head = parsed("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(head.framing, Framing::Length(5));
}
