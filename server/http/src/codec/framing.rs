//! Where a request's body ends and whether the connection lives on: the fields that two servers in
//! a row must read alike, or requests can be smuggled past the first.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Version};

use super::{Reject, is_token, trim_ows};

/// Where the body of a request ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// It has this many bytes, by its `Content-Length`. Never size a buffer by it.
    Length(u64),
    /// It is for a [`ChunkedDecoder`](super::ChunkedDecoder) to say.
    Chunked,
}

/// Finds the framing. RFC 9112, section 6.3, lets a server repair some ambiguities; we refuse all.
pub(super) fn framing(version: Version, headers: &HeaderMap) -> Result<Framing, Reject> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (codings.next(), lengths.next()) {
        (None, None) => Ok(Framing::None),
        (Some(_), Some(_)) => Err(Reject::LengthAndCoding),
        (None, Some(_)) if lengths.next().is_some() => Err(Reject::ContentLengthTwice),
        (None, Some(length)) => parse_length(length.as_bytes()).map(Framing::Length),
        (Some(_), None) if version != Version::HTTP_11 => Err(Reject::TransferEncodingVersion),
        (Some(_), None) if codings.next().is_some() => Err(Reject::TransferEncodingTwice),
        (Some(coding), None) => {
            check_coding(coding.as_bytes())?;
            Ok(Framing::Chunked)
        }
    }
}

/// Reads a `Content-Length`: digits only. `str::parse` would take a sign as well.
fn parse_length(value: &[u8]) -> Result<u64, Reject> {
    let append = |length: u64, byte: &u8| match byte {
        b'0'..=b'9' => length.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    };
    if value.is_empty() {
        return Err(Reject::ContentLength);
    }
    value
        .iter()
        .try_fold(0, append)
        .ok_or(Reject::ContentLength)
}

/// Judges a `Transfer-Encoding` (RFC 9112, section 6.1): good is only `chunked` and nothing else. A
/// list of mere names with a strange one among them is a coding we lack; all else is malformed.
fn check_coding(value: &[u8]) -> Result<(), Reject> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut unknown = false;
    for coding in elements(value) {
        if coding.is_empty() || !coding.iter().all(|&byte| is_token(byte)) {
            return Err(Reject::TransferEncoding);
        }
        unknown |= !coding.eq_ignore_ascii_case(b"chunked");
    }
    Err(if unknown {
        Reject::CodingUnknown
    } else {
        Reject::TransferEncoding
    })
}

/// The options of all `Connection` lines that mean something to us (RFC 9110, section 7.6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectionOptions {
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
}

/// Reads the `Connection` lines. Options that we do not know are none of our business.
pub(super) fn connection_options(headers: &HeaderMap) -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    let lines = headers.get_all(CONNECTION).iter();
    for option in lines.flat_map(|line| elements(line.as_bytes())) {
        options.close |= option.eq_ignore_ascii_case(b"close");
        options.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        options.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
    }
    options
}

/// The elements of a list, without the white space around them.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|&byte| byte == b',').map(trim_ows)
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
