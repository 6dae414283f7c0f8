//! The arrays of views behind a request and a response, built once and used for every entry of the
//! chain.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ptr;

use harmonious_abi::{self as abi, Field, Str};
use http::{HeaderMap, StatusCode};
use smallvec::SmallVec;

/// Header fields, segments and parameters that need no allocation: more than usual requests have.
const FIELDS_INLINE: usize = 20;
/// As [`FIELDS_INLINE`], of an answer.
const ANSWER_FIELDS_INLINE: usize = 8;
/// See [`FIELDS_INLINE`].
const SEGMENTS_INLINE: usize = 8;
/// See [`FIELDS_INLINE`].
const PARAMS_INLINE: usize = 4;

/// What a request consists of. Texts as [`abi::Request`] has them.
#[derive(Clone, Copy)]
pub struct RequestParts<'a> {
    /// One of [`abi::method`].
    pub method: u32,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Lower case, without port.
    pub host: &'a str,
    /// Canonical, percent-encoded again.
    pub path: &'a str,
    /// As it came.
    pub raw_path: &'a str,
    /// Without `?`; empty if there is none.
    pub query: &'a str,
    /// The deepest domain, such as `/scripts/[slug]`.
    pub domain: &'a str,
    /// Decoded.
    pub segments: &'a [Cow<'a, str>],
    /// The first segment of the rest; `segments.len()` without one.
    pub rest_from: usize,
    /// Dynamic segments: name, value.
    pub params: &'a [(&'a str, &'a str)],
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The body if it is in memory, else empty.
    pub body: &'a [u8],
    /// Bytes of the body, wherever it is.
    pub body_len: u64,
    /// The client's address; empty on a Unix socket.
    pub peer: &'a str,
    /// The request's number.
    pub id: &'a str,
}

/// The arrays behind a request, apart from it: they are larger than all that is put into them, so they
/// stay where they are made.
#[derive(Default)]
pub struct RequestArrays {
    segments: SmallVec<[Str; SEGMENTS_INLINE]>,
    params: SmallVec<[Field; PARAMS_INLINE]>,
    headers: SmallVec<[Field; FIELDS_INLINE]>,
}

/// A request as modules see it: views of what `'a` borrows.
pub struct RequestViews<'a> {
    /// Invariant: all that it points to is borrowed for `'a`, the arrays too.
    head: abi::Request,
    borrowed: PhantomData<&'a RequestArrays>,
}

impl<'a> RequestViews<'a> {
    /// Of these parts. Allocates only for more than 20 header fields, 8 segments or 4 parameters.
    #[must_use]
    pub fn new(parts: &RequestParts<'a>, arrays: &'a mut RequestArrays) -> RequestViews<'a> {
        arrays.segments.clear();
        arrays.params.clear();
        arrays.headers.clear();
        let segments = parts.segments.iter();
        arrays.segments.extend(segments.map(|text| of(text)));
        let params = parts.params.iter();
        arrays.params.extend(params.map(|(name, value)| Field {
            name: of(name),
            value: of(value),
        }));
        arrays.headers.extend(fields(parts.headers));
        RequestViews {
            head: head(parts, arrays),
            borrowed: PhantomData,
        }
    }

    /// Changes from which segment on a `[...rest]` has them: each candidate has its own.
    pub fn with_rest_from(&mut self, rest_from: usize) {
        self.head.rest_from = rest_from.min(self.head.segments_len);
    }

    /// As the contract has it.
    pub(super) fn request(&self) -> &abi::Request {
        &self.head
    }
}

/// What an `after` sees of a body.
#[derive(Clone, Copy, Debug)]
pub enum BodyView<'a> {
    /// None.
    Empty,
    /// In memory.
    Bytes(&'a [u8]),
    /// It is still to be made.
    Stream,
    /// A file.
    File(&'a str),
}

/// A response as an `after` sees it: views of what `'a` borrows.
pub struct ResponseView<'a> {
    status: u16,
    headers: SmallVec<[Field; ANSWER_FIELDS_INLINE]>,
    body: BodyView<'a>,
}

impl<'a> ResponseView<'a> {
    /// Of these parts.
    // Inlined, so that it is made where it stays.
    #[inline(always)]
    #[must_use]
    pub fn new(status: StatusCode, headers: &'a HeaderMap, body: BodyView<'a>) -> ResponseView<'a> {
        let mut view = ResponseView {
            status: status.as_u16(),
            headers: SmallVec::new(),
            body,
        };
        view.headers.extend(fields(headers));
        view
    }

    /// As the contract has it: valid as long as `self` is neither moved nor changed.
    pub(super) fn response(&self) -> abi::Response {
        let (body_kind, bytes, file) = match self.body {
            BodyView::Empty => (abi::body::EMPTY, EMPTY, EMPTY),
            BodyView::Bytes(bytes) => (abi::body::BYTES, Str::of(bytes), EMPTY),
            BodyView::Stream => (abi::body::STREAM, EMPTY, EMPTY),
            BodyView::File(path) => (abi::body::FILE, EMPTY, of(path)),
        };
        abi::Response {
            size: size_of::<abi::Response>() as u32,
            status: u32::from(self.status),
            headers: self.headers.as_ptr(),
            headers_len: self.headers.len(),
            body_kind,
            edits: 0,
            bytes: abi::Owned {
                bytes,
                owner: ptr::null_mut(),
                drop: None,
            },
            stream: abi::Stream {
                owner: ptr::null_mut(),
                next: None,
                drop: None,
            },
            file,
            removed: ptr::null(),
            removed_len: 0,
        }
    }
}

const EMPTY: Str = Str::of(b"");

fn of(text: &str) -> Str {
    Str::of(text.as_bytes())
}

fn fields(headers: &HeaderMap) -> impl Iterator<Item = Field> {
    headers.iter().map(|(name, value)| Field {
        name: of(name.as_str()),
        value: Str::of(value.as_bytes()),
    })
}

fn head(parts: &RequestParts<'_>, arrays: &RequestArrays) -> abi::Request {
    abi::Request {
        size: size_of::<abi::Request>() as u32,
        method: parts.method,
        scheme: of(parts.scheme),
        host: of(parts.host),
        path: of(parts.path),
        raw_path: of(parts.raw_path),
        query: of(parts.query),
        domain: of(parts.domain),
        segments: arrays.segments.as_ptr(),
        segments_len: arrays.segments.len(),
        rest_from: parts.rest_from,
        params: arrays.params.as_ptr(),
        params_len: arrays.params.len(),
        headers: arrays.headers.as_ptr(),
        headers_len: arrays.headers.len(),
        body: Str::of(parts.body),
        body_len: parts.body_len,
        peer: of(parts.peer),
        id: of(parts.id),
    }
}
