//! Writes the heads of answers, the frame of chunked bodies, and the date.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, Version};

/// The interim answer to `Expect: 100-continue`, whole.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// What follows the data of each chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// What ends a chunked body, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The last second that [`httpdate`] can write, that of 9999-12-31T23:59:59Z, since the epoch.
const LAST_SECOND: u64 = 253_402_300_799;

/// How the body of an answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseFraming {
    /// No field says anything: there is no body, or it ends with the connection.
    None,
    /// `Content-Length`. With `HEAD` and 304, the length that the body would have.
    Length(u64),
    /// `Transfer-Encoding: chunked`; never to a client of HTTP/1.0.
    Chunked,
}

/// What the `Connection` field of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionHeader {
    /// There is none: with HTTP/1.1, the connection lives on.
    None,
    /// `close`: this is the last answer.
    Close,
    /// `keep-alive`: a client of HTTP/1.0 that asked for it must be told.
    KeepAlive,
    /// `upgrade`, with a 101 (or a 426).
    Upgrade,
}

/// Appends the head of an answer to `out`.
///
/// Fields that are the connection's business are not taken from `headers` but from the other
/// arguments: `connection`, `content-length`, `date`, `keep-alive`, `transfer-encoding`, and (but
/// for 101 and 426) `upgrade`. A 1xx or 204 has no framing, whatever is asked (RFC 9110, section
/// 8.6, and 9112, section 6.1).
///
/// # Examples
/// ```
/// use std::time::SystemTime;
/// use harmonious_http::codec::{ConnectionHeader, ResponseFraming, encode_head, http_date};
/// use http::{HeaderMap, StatusCode, Version};
///
/// let mut out = Vec::new();
/// encode_head(
///     &mut out,
///     Version::HTTP_11,
///     StatusCode::OK,
///     &HeaderMap::new(),
///     ResponseFraming::Length(5),
///     ConnectionHeader::None,
///     &http_date(SystemTime::UNIX_EPOCH),
/// );
/// assert!(out.starts_with(b"HTTP/1.1 200 OK\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
/// assert!(out.ends_with(b"\r\ncontent-length: 5\r\n\r\n"));
/// ```
pub fn encode_head(
    out: &mut Vec<u8>,
    version: Version,
    status: StatusCode,
    headers: &HeaderMap,
    framing: ResponseFraming,
    connection: ConnectionHeader,
    date: &[u8; 29],
) {
    // About what it takes; the vector grows once at most for all but long values.
    out.reserve(160 + 48 * headers.len());
    put_status_line(out, version, status);
    put_all(out, &[b"date: ", date, b"\r\n"]);
    put_fields(out, status, headers);
    if !status.is_informational() && status != StatusCode::NO_CONTENT {
        put_framing(out, framing);
    }
    out.extend_from_slice(match connection {
        ConnectionHeader::None => b"\r\n",
        ConnectionHeader::Close => b"connection: close\r\n\r\n",
        ConnectionHeader::KeepAlive => b"connection: keep-alive\r\n\r\n",
        ConnectionHeader::Upgrade => b"connection: upgrade\r\n\r\n",
    });
}

/// Appends the line before a chunk of `len` bytes. After the data comes [`CHUNK_END`].
///
/// # Panics
/// If `len` is 0: that would end the body.
pub fn chunk_header(len: usize, out: &mut Vec<u8>) {
    assert!(len > 0, "a chunk of no bytes would end the body");
    let digits = len.ilog2() / 4;
    let digit = |i| b"0123456789abcdef"[len >> (4 * i) & 0xf];
    out.extend((0..=digits).rev().map(digit));
    out.extend_from_slice(b"\r\n");
}

/// The date of an answer (RFC 9110, section 5.6.7), written once per second and thread.
///
/// Give it `SystemTime::now()` at each call: that is cheap, and a jump of the clock shows at once.
/// Times before 1970 and after 9999 are written as the first and last second that can be written.
pub fn http_date(now: SystemTime) -> [u8; 29] {
    thread_local! {
        static LAST: Cell<Option<(u64, [u8; 29])>> = const { Cell::new(None) };
    }
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH);
    let second = since_epoch.map_or(0, |since| since.as_secs().min(LAST_SECOND));
    match LAST.get() {
        Some((last, date)) if last == second => date,
        _ => {
            let date = write_date(second);
            LAST.set(Some((second, date)));
            date
        }
    }
}

fn write_date(second: u64) -> [u8; 29] {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
    let mut date = [0; 29];
    write!(&mut date[..], "{}", httpdate::HttpDate::from(time)).expect("a date has 29 bytes");
    date
}

fn put_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn put_status_line(out: &mut Vec<u8>, version: Version, status: StatusCode) {
    let start: &[u8] = match version {
        Version::HTTP_10 => b"HTTP/1.0 ",
        _ => b"HTTP/1.1 ",
    };
    // The space stays where there is no reason (RFC 9112, section 4).
    let reason = status.canonical_reason().unwrap_or_default().as_bytes();
    put_all(
        out,
        &[start, status.as_str().as_bytes(), b" ", reason, b"\r\n"],
    );
}

fn put_fields(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    let upgrades = matches!(
        status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED
    );
    for (name, value) in headers {
        match name.as_str() {
            "connection" | "content-length" | "date" | "keep-alive" | "transfer-encoding" => {}
            "upgrade" if !upgrades => {}
            name => put_all(out, &[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"]),
        }
    }
}

fn put_framing(out: &mut Vec<u8>, framing: ResponseFraming) {
    match framing {
        ResponseFraming::None => {}
        ResponseFraming::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        ResponseFraming::Length(length) => {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(length).as_bytes();
            put_all(out, &[b"content-length: ", digits, b"\r\n"]);
        }
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
