//! Compression of what handlers answer: gzip, brotli or zstd, on the worker that ran the handler.

use std::io::{self, Write};

use bytes::Bytes;
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, COOKIE, ETAG, HeaderMap, HeaderValue, SET_COOKIE, VARY,
};

use crate::config::{COMPRESS_MAX_BYTES, COMPRESS_MIN_BYTES};
use crate::jobs::Chunks;
use crate::request::Head;
use crate::response::{Body, Compression, Response};
use crate::static_files::accept::{Coding, choose};

/// What is offered, the best first where the client has no preference.
const OFFERED: [Coding; 4] = [Coding::Br, Coding::Zstd, Coding::Gzip, Coding::Identity];
/// Levels at which a response costs about as much as the work that made it.
const GZIP_LEVEL: u32 = 5;
const BROTLI_QUALITY: u32 = 4;
const BROTLI_WINDOW_BITS: u32 = 19;
const ZSTD_LEVEL: i32 = 3;
/// Window of the compressors of bodies that come in chunks, in bits: they live as long as the client
/// takes to read, and a slow reader shall not hold megabytes.
const STREAM_WINDOW_BITS: u32 = 16;

/// Compresses the body if the client, the body and the handler allow it.
pub(crate) fn encode(head: &Head, response: &mut Response) {
    if !is_candidate(head, response) {
        return;
    }
    add_vary(&mut response.headers);
    let Some(coding) = choose(&head.headers, &OFFERED).filter(|&c| c != Coding::Identity) else {
        return;
    };
    match std::mem::take(&mut response.body) {
        Body::Bytes(bytes) => match compress(coding, &bytes) {
            Ok(smaller) if smaller.len() < bytes.len() => {
                response.body = Body::Bytes(smaller.into());
            }
            // It does not get smaller, or memory ran out in a library: as it is.
            _ => {
                response.body = Body::Bytes(bytes);
                return;
            }
        },
        Body::Chunks(chunks) => match Encoder::for_chunks(coding) {
            Ok(encoder) => {
                let encoder = Some(encoder);
                response.body = Body::Chunks(Box::new(Encoded { chunks, encoder }));
            }
            Err(_) => {
                response.body = Body::Chunks(chunks);
                return;
            }
        },
        other => {
            response.body = other;
            return;
        }
    }
    mark(coding, &mut response.headers);
}

/// Whether the body is one that clients may get compressed; the answer to HEAD too, since its fields are those
/// of GET (RFC 9110, 9.3.2).
pub(crate) fn is_candidate(head: &Head, response: &Response) -> bool {
    let long_enough = match &response.body {
        Body::Bytes(bytes) => (COMPRESS_MIN_BYTES..=COMPRESS_MAX_BYTES).contains(&bytes.len()),
        Body::Chunks(_) => true,
        _ => false,
    };
    let headers = &response.headers;
    long_enough
        && response.status != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && is_text(headers)
        && !says(headers, "no-transform")
        && match response.compression {
            Compression::Never => false,
            Compression::Always => true,
            Compression::Auto => !is_secret(head, headers),
        }
}

/// A secret in it could be told from its length (BREACH): whoever sends cookies or credentials gets
/// pages that are made for him.
fn is_secret(head: &Head, headers: &HeaderMap) -> bool {
    head.headers.contains_key(COOKIE)
        || head.headers.contains_key(AUTHORIZATION)
        || headers.contains_key(SET_COOKIE)
}

fn says(headers: &HeaderMap, directive: &str) -> bool {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(directive))
}

fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or("").trim();
    let lower = essence.to_ascii_lowercase();
    // Events must go out one by one; compressors hold them back.
    (lower.starts_with("text/") && lower != "text/event-stream")
        || lower.ends_with("+json")
        || lower.ends_with("+xml")
        || matches!(
            lower.as_str(),
            "application/json"
                | "application/javascript"
                | "application/xml"
                | "application/manifest+json"
                | "application/wasm"
                | "image/svg+xml"
        )
}

/// Says that the answer depends on `Accept-Encoding`.
pub(crate) fn add_vary(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| {
            list.split(',').any(|name| {
                name.trim() == "*" || name.trim().eq_ignore_ascii_case("accept-encoding")
            })
        })
    };
    if !headers.get_all(VARY).iter().any(named) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// What the fields say must fit what is sent: the coding, no length of old, no ranges, and an
/// entity tag that no longer promises the same bytes (RFC 9110, 8.8.1).
fn mark(coding: Coding, headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    let Some(tag) = headers.get(ETAG) else { return };
    if !tag.as_bytes().starts_with(b"W/")
        && let Ok(weak) = HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat())
    {
        headers.insert(ETAG, weak);
    }
}

fn compress(coding: Coding, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(coding)?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// One of the three compressors, into memory.
enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Br(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    fn new(coding: Coding) -> io::Result<Encoder> {
        Encoder::with_window(coding, BROTLI_WINDOW_BITS, None)
    }

    fn for_chunks(coding: Coding) -> io::Result<Encoder> {
        Encoder::with_window(coding, STREAM_WINDOW_BITS, Some(STREAM_WINDOW_BITS))
    }

    fn with_window(
        coding: Coding,
        brotli_bits: u32,
        zstd_bits: Option<u32>,
    ) -> io::Result<Encoder> {
        Ok(match coding {
            Coding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Encoder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level))
            }
            Coding::Br => Encoder::Br(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                4096,
                BROTLI_QUALITY,
                brotli_bits,
            ))),
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                if let Some(bits) = zstd_bits {
                    encoder.window_log(bits)?;
                }
                Encoder::Zstd(encoder)
            }
            Coding::Identity => return Err(io::Error::other("identity is no compression")),
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Encoder::Gzip(encoder) => encoder.write_all(bytes),
            Encoder::Br(encoder) => encoder.write_all(bytes),
            Encoder::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    /// All that was written so far can be read by the other side.
    fn flushed(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => {
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Br(encoder) => {
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Encoder::Zstd(encoder) => {
                encoder.flush()?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Br(encoder) => Ok(encoder.into_inner()),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// Chunks, compressed one by one.
struct Encoded {
    chunks: Chunks,
    encoder: Option<Encoder>,
}

impl Iterator for Encoded {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        let encoder = self.encoder.as_mut()?;
        let encoded = match self.chunks.next() {
            Some(Ok(chunk)) => encoder.write_all(&chunk).and_then(|()| encoder.flushed()),
            Some(Err(error)) => Err(error),
            None => self.encoder.take()?.finish(),
        };
        if encoded.is_err() {
            self.encoder = None;
        }
        Some(encoded.map(Bytes::from))
    }
}
