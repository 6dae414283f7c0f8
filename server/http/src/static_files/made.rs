//! What a handler has made: the same conditions and ranges as for files, by the tag that it set.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, HeaderName,
    LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::conditions::{self, Validators, Verdict};
use super::content::Content;
use super::multipart::BOUNDARIES;
use super::ranges::Selection;
use super::reply;
use crate::compress;
use crate::request::Head;
use crate::response::{Body, Compression, Response};

/// Fields that describe a body and have no place without it. Of a 304 they would say nothing new (RFC 9110,
/// 15.4.5), of an error something wrong.
const OF_THE_BODY: [HeaderName; 8] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_DISPOSITION,
    ACCEPT_RANGES,
    LAST_MODIFIED,
];
/// Fields that hold for the page and not for an error in its place, which a cache must not keep for it.
const OF_THE_PAGE: [HeaderName; 4] = [ETAG, CACHE_CONTROL, EXPIRES, CONTENT_LOCATION];

/// Judges a 200 to a GET or HEAD that has an `ETag` by the conditions of its request, and cuts out the ranges
/// that it asks for (RFC 9110, sections 13 and 14): it becomes a 206, 304, 412 or 416, or stays as it is.
/// Fields that do not describe its body, such as cookies and those that protect a page, are kept in any case.
///
/// A weak tag (`W/"..."`) is good for a 304 and has no ranges, and so has a body that is not `Bytes`. Ranges
/// are those of the bytes as they are here, never of compressed ones. A 304 with a tag that the handler made
/// itself gets the `Vary` that its page may have. Whatever else is given comes back as it is.
///
/// # Examples
/// ```
/// use harmonious_http::{Request, Response, StatusCode, conditional};
///
/// fn handler(request: Request) -> Response {
///     let page = Response::html("<p>hello").header("etag", "\"v1\"");
///     let page = page.unwrap_or_else(|_| Response::error(StatusCode::INTERNAL_SERVER_ERROR));
///     conditional(&request.head, page)
/// }
/// ```
pub fn conditional(head: &Head, mut response: Response) -> Response {
    if response.status == StatusCode::NOT_MODIFIED && response.headers.contains_key(ETAG) {
        // The handler looked for itself. Whether the page is one that is compressed is not known here.
        compress::add_vary(&mut response.headers);
        return response;
    }
    if response.status != StatusCode::OK || !matches!(head.method, Method::GET | Method::HEAD) {
        return response;
    }
    let Some(has) = Validators::of(&response.headers) else {
        return response;
    };
    // What a 200 would say of compression, each of these says too: a cache asks by it what it has.
    if compress::is_candidate(head, &response) {
        compress::add_vary(&mut response.headers);
    }
    match conditions::judge(&head.headers, &has) {
        Verdict::Proceed => {}
        Verdict::NotModified => return not_modified(head, response.headers, &has),
        Verdict::Failed => return instead(StatusCode::PRECONDITION_FAILED, response.headers),
    }
    let Body::Bytes(bytes) = &response.body else {
        return response;
    };
    if has.weak {
        return response;
    }
    response
        .headers
        .insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let len = bytes.len() as u64;
    // Of the time that a handler names it is not known whether it was the only one of its second: no date
    // stands for bytes in `If-Range`.
    let has = Validators {
        modified: None,
        ..has
    };
    match reply::selection(head, &has, len) {
        Selection::Whole => response,
        Selection::Spans(spans) => {
            let content = Content::Bytes(bytes.clone());
            reply::partial(response.headers, &content, &spans, &BOUNDARIES)
        }
        Selection::Unsatisfiable => {
            let range = reply::unsatisfiable(len).headers.remove(CONTENT_RANGE);
            let refused = instead(StatusCode::RANGE_NOT_SATISFIABLE, response.headers);
            match range {
                Some(range) => refused.with(CONTENT_RANGE, range),
                None => refused,
            }
        }
    }
}

fn not_modified(head: &Head, mut headers: HeaderMap, has: &Validators) -> Response {
    without(&mut headers, &OF_THE_BODY);
    if conditions::is_known_weakly(&head.headers, has)
        && let Ok(weak) = HeaderValue::try_from(format!("W/{}", has.etag))
    {
        headers.insert(ETAG, weak);
    }
    reply::not_modified(headers)
}

/// An error in the place of the page, with what else the page's answer says.
fn instead(status: StatusCode, mut headers: HeaderMap) -> Response {
    without(&mut headers, &OF_THE_BODY);
    without(&mut headers, &OF_THE_PAGE);
    let error = Response::error(status).with_compression(Compression::Never);
    headers.extend(error.headers);
    Response { headers, ..error }
}

fn without(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}
