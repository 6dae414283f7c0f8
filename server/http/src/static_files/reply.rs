//! The responses: each status that a request for a file can get, with its header fields.

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use rustix::io::Errno;

use super::conditions::{self, Validators};
use super::content::Content;
use super::multipart::Boundaries;
use super::ranges::{self, Selection, Span};
use super::resource::nosniff;
use crate::request::Head;
use crate::response::{Body, Compression, Part, Response};

/// The methods that files know.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// What of a representation of `len` bytes a request asks for.
pub(super) fn selection(head: &Head, has: &Validators, len: u64) -> Selection {
    // Of the methods only GET has ranges (RFC 9110, 14.2).
    if head.method != Method::GET || !head.headers.contains_key(RANGE) {
        return Selection::Whole;
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    if !conditions::range_applies(&head.headers, has, now.as_secs()) {
        return Selection::Whole;
    }
    ranges::select(&head.headers, len)
}

/// 200.
pub(super) fn whole(headers: &HeaderMap, content: &Content) -> Response {
    response(StatusCode::OK, headers.clone(), content.whole())
}

/// 206 (RFC 9110, 15.3.7). `headers` are those of the 200.
pub(super) fn partial(
    mut headers: HeaderMap,
    content: &Content,
    spans: &[Span],
    boundaries: &Boundaries,
) -> Response {
    if let [span] = spans {
        let body = match content.part(*span) {
            Part::Bytes(bytes) => Body::Bytes(bytes),
            file => Body::Parts([file].into()),
        };
        let response = response(StatusCode::PARTIAL_CONTENT, headers, body);
        return with_range(response, span.content_range(content.len()));
    }
    let (body, content_type) = boundaries.assemble(content, spans, headers.get(CONTENT_TYPE));
    headers.insert(CONTENT_TYPE, content_type);
    response(StatusCode::PARTIAL_CONTENT, headers, body)
}

/// 304 (RFC 9110, 15.4.5).
pub(super) fn not_modified(headers: HeaderMap) -> Response {
    response(StatusCode::NOT_MODIFIED, headers, Body::Empty)
}

/// 416 (RFC 9110, 15.5.17): of `len` bytes nothing is what was asked for.
pub(super) fn unsatisfiable(len: u64) -> Response {
    let range = format!("bytes */{len}");
    with_range(error(StatusCode::RANGE_NOT_SATISFIABLE), range)
}

/// 308: a folder, asked for without the slash at its end. The location is a path, and as it was
/// asked for: a path that begins with two slashes, which would name a host, is refused before.
pub(super) fn folder(head: &Head) -> Response {
    let query = head.query().map(|query| format!("?{query}"));
    let location = format!("{}/{}", head.path(), query.unwrap_or_default());
    let response = error(StatusCode::PERMANENT_REDIRECT);
    match HeaderValue::try_from(location) {
        Ok(location) => response.with(LOCATION, location),
        Err(_) => error(StatusCode::NOT_FOUND),
    }
}

/// 204: what may be asked.
pub(super) fn options() -> Response {
    response(StatusCode::NO_CONTENT, HeaderMap::new(), Body::Empty)
        .with(X_CONTENT_TYPE_OPTIONS, nosniff())
        .with(ALLOW, METHODS)
}

/// 405 (RFC 9110, 15.5.6).
pub(super) fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, METHODS)
}

/// 503 where the system is short of descriptors or memory, a state that passes; else 500.
pub(super) fn failure(errno: Errno) -> Response {
    error(match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    })
}

/// Any other status, with its reason as text.
pub(super) fn error(status: StatusCode) -> Response {
    Response::error(status)
        .with_compression(Compression::Never)
        .with(X_CONTENT_TYPE_OPTIONS, nosniff())
}

/// Files are compressed beforehand or not at all: on the fly, a strong tag would name two things.
fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    Response {
        status,
        headers,
        body,
        compression: Compression::Never,
    }
}

fn with_range(mut response: Response, range: String) -> Response {
    if let Ok(value) = HeaderValue::try_from(range) {
        response.headers.insert(CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        assert_eq!(failure(Errno::MFILE).status, 503);
        assert_eq!(failure(Errno::IO).status, 500);
    }
}
