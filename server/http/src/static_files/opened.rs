//! A file that a handler has opened itself: the same conditions and ranges as for the others.

use std::fs::File;
use std::io;
use std::sync::Arc;

use http::header::{ACCEPT_RANGES, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::accept::Coding;
use super::conditions::{self, Validators, Verdict};
use super::content::Content;
use super::multipart::BOUNDARIES;
use super::ranges::Selection;
use super::reply;
use super::resource::Variant;
use super::root::Stamp;
use crate::request::Head;
use crate::response::Response;

/// Answers a GET or HEAD with a file: 200, 206 for ranges, 304 and 412 for conditions (RFC 9110, sections
/// 13 and 14), with its tag and its time. `headers` are added to it, and win, an `ETag` and a
/// `Last-Modified` among them too: by these it is judged then, and a weak tag knows no ranges. Without a
/// `Content-Type` it is `application/octet-stream`. May block: for workers.
///
/// # Errors
/// If it is no regular file, or the system cannot say.
///
/// # Examples
/// ```
/// use std::fs::File;
/// use harmonious_http::{HeaderMap, Request, Response, StatusCode, answer_file};
///
/// fn handler(request: Request) -> Response {
///     let file = File::open("manual.pdf").and_then(|file| {
///         answer_file(&request.head, file, &HeaderMap::new())
///     });
///     file.unwrap_or_else(|_| Response::error(StatusCode::NOT_FOUND))
/// }
/// ```
pub fn answer_file(head: &Head, file: File, headers: &HeaderMap) -> io::Result<Response> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let stamp = Stamp::of(&metadata);
    let mut variant = Variant::new("", Coding::Identity, stamp, &HeaderMap::new());
    let own_tag = Validators::of(headers);
    for (name, value) in headers {
        // What is no tag would be one that no client can name.
        if *name == ETAG && own_tag.is_none() {
            continue;
        }
        variant.headers.insert(name, value.clone());
        if *name != CONTENT_TYPE && *name != LAST_MODIFIED {
            variant.not_modified.insert(name, value.clone());
        }
    }
    let has = Validators::of(&variant.headers).unwrap_or(variant.validators);
    match conditions::judge(&head.headers, &has) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(reply::not_modified(variant.not_modified)),
        Verdict::Failed => return Ok(reply::error(StatusCode::PRECONDITION_FAILED)),
    }
    let content = Content::File(Arc::new(file), stamp.len);
    if has.weak {
        variant.headers.remove(ACCEPT_RANGES);
        return Ok(reply::whole(&variant.headers, &content));
    }
    Ok(match reply::selection(head, &has, stamp.len) {
        Selection::Unsatisfiable => reply::unsatisfiable(stamp.len),
        Selection::Whole => reply::whole(&variant.headers, &content),
        Selection::Spans(spans) => reply::partial(variant.headers, &content, &spans, &BOUNDARIES),
    })
}
