//! Tests of what is written.

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue};

use super::*;

const DAY: &[u8; 29] = b"Sun, 06 Nov 1994 08:49:37 GMT";

fn head(
    version: Version,
    status: u16,
    fields: &[(HeaderName, &'static str)],
    framing: ResponseFraming,
    connection: ConnectionHeader,
) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_static(value));
    }
    let status = StatusCode::from_u16(status).unwrap();
    let mut out = b"before ".to_vec();
    encode_head(
        &mut out, version, status, &headers, framing, connection, DAY,
    );
    let head = String::from_utf8(out).unwrap();
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    head.strip_prefix("before ").unwrap().replacen(date, "", 1)
}

#[test]
fn the_connections_fields_are_not_the_handlers() {
    let fields = [
        (CONNECTION, "x"),
        (CONTENT_LENGTH, "77"),
        (DATE, "today"),
        (TRANSFER_ENCODING, "gzip"),
        (UPGRADE, "h2c"),
        (HeaderName::from_static("keep-alive"), "timeout=5"),
        (HeaderName::from_static("x-a"), "1"),
        (HeaderName::from_static("x-a"), "2"),
    ];
    let (framing, close) = (ResponseFraming::Length(5), ConnectionHeader::Close);
    assert_eq!(
        head(Version::HTTP_11, 200, &fields, framing, close),
        "HTTP/1.1 200 OK\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 5\r\nconnection: close\r\n\r\n"
    );
}

#[test]
fn each_framing_and_connection() {
    let none = ConnectionHeader::None;
    let check = |version, status, framing, connection, expected: &str| {
        assert_eq!(head(version, status, &[], framing, connection), expected);
    };
    let chunked = ResponseFraming::Chunked;
    let expected = "HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n";
    check(Version::HTTP_11, 404, chunked, none, expected);
    let expected = "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n";
    let keep_alive = ConnectionHeader::KeepAlive;
    check(
        Version::HTTP_10,
        200,
        ResponseFraming::Length(0),
        keep_alive,
        expected,
    );
    check(
        Version::HTTP_11,
        299,
        ResponseFraming::None,
        none,
        "HTTP/1.1 299 \r\n\r\n",
    );
    // These have no body, so no framing (304 tells the length of what it stands for).
    check(
        Version::HTTP_11,
        204,
        chunked,
        none,
        "HTTP/1.1 204 No Content\r\n\r\n",
    );
    let length = ResponseFraming::Length(u64::MAX);
    let expected = "HTTP/1.1 304 Not Modified\r\ncontent-length: 18446744073709551615\r\n\r\n";
    check(Version::HTTP_11, 304, length, none, expected);
}

#[test]
fn an_upgrade_keeps_its_field() {
    let fields = [(UPGRADE, "websocket"), (CONNECTION, "x")];
    let (none, upgrade) = (ResponseFraming::Length(0), ConnectionHeader::Upgrade);
    assert_eq!(
        head(Version::HTTP_11, 101, &fields, none, upgrade),
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"
    );
}

#[test]
fn chunk_sizes_are_hexadecimal() {
    for len in [1, 9, 10, 15, 16, 255, 256, 0x1000, 0xdead_beef, usize::MAX] {
        let mut out = Vec::new();
        chunk_header(len, &mut out);
        assert_eq!(out, format!("{len:x}\r\n").as_bytes());
    }
}

#[test]
#[should_panic(expected = "end the body")]
fn an_empty_chunk_is_a_bug() {
    chunk_header(0, &mut Vec::new());
}

#[test]
fn the_date_follows_the_clock_both_ways() {
    let at = |second: u64| {
        http_date(SystemTime::UNIX_EPOCH + Duration::from_millis(second * 1000 + 999))
    };
    assert_eq!(&at(784_111_777), DAY);
    assert_eq!(&at(784_111_777), DAY);
    assert_eq!(&at(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(&at(784_111_777), DAY);
    assert_eq!(&at(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
}

#[test]
fn dates_out_of_range_are_clamped() {
    let epoch = SystemTime::UNIX_EPOCH;
    let before = http_date(epoch - Duration::from_secs(1));
    assert_eq!(&before, b"Thu, 01 Jan 1970 00:00:00 GMT");
    let after = http_date(epoch + Duration::from_secs(LAST_SECOND + 1));
    assert_eq!(&after, b"Fri, 31 Dec 9999 23:59:59 GMT");
}
