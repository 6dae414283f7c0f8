//! HTTP/1.1 as pure code: bytes to requests, answers to bytes. It reads no socket and keeps no
//! buffer; the connection does that.
//!
//! One property holds throughout: **how the bytes are cut into reads changes nothing**. What is
//! refused, and at which byte, depends on the bytes alone. So everything here goes by positions, in
//! order, and each size limit is decided at the byte where it becomes certain.
//!
//! The way of a request: [`Scanner::scan`] finds the end of the head (and refuses a bad request
//! line as soon as it is there), [`parse_head`] reads it, [`ChunkedDecoder`] takes a chunked body
//! apart, [`encode_head`] writes the answer's head. Every [`Reject`] is final: answer it and close.

mod reject;
mod scan;

mod head;
mod target;

mod chunked;
mod framing;

mod encode;

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod testing;

pub use chunked::{ChunkEvent, ChunkedDecoder, EXTENSIONS_MAX};
pub use encode::{
    CHUNK_END, CONTINUE, ConnectionHeader, LAST_CHUNK, ResponseFraming, chunk_header, encode_head,
    http_date,
};
pub use framing::Framing;
pub use head::{ParsedHead, parse_head};
pub use reject::Reject;
pub use scan::{Scan, Scanner};
pub use target::Target;

/// Most fields that [`Limits::fields_max`] can ask for; a higher value counts as this one.
pub const FIELDS_CEILING: usize = 100;

/// What a head may measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request line, its CR LF included; more are a 414. Default 8 KiB.
    pub request_line_max: usize,
    /// Bytes of the whole head, from an empty line before it to the one that ends it; more are a
    /// 431. The trailers of a chunked body are held to it, too. Default 32 KiB.
    pub head_max: usize,
    /// Field lines, in a head and again in trailers, up to [`FIELDS_CEILING`]; more are a 431.
    /// Default 100.
    pub fields_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_line_max: 8 * 1024,
            head_max: 32 * 1024,
            fields_max: FIELDS_CEILING,
        }
    }
}

const CR: u8 = b'\r';
const LF: u8 = b'\n';

/// The characters of a `token` (RFC 9110, section 5.6.2): methods, field names, codings.
const fn is_token(byte: u8) -> bool {
    const TOKEN: [bool; 256] = {
        let mut table = [false; 256];
        let punctuation = b"!#$%&'*+-.^_`|~";
        let mut i = 0;
        while i < 256 {
            table[i] = (i as u8).is_ascii_alphanumeric();
            i += 1;
        }
        i = 0;
        while i < punctuation.len() {
            table[punctuation[i] as usize] = true;
            i += 1;
        }
        table
    };
    TOKEN[byte as usize]
}

/// The bytes of a field value, without its line end (RFC 9110, section 5.5): no control characters
/// but the tab; 0x80 and above are opaque and allowed.
const fn is_field_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Without the optional white space (`OWS`: spaces and tabs) at both ends.
fn trim_ows(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
