//! A file that a handler has opened itself: the same conditions and ranges as for the others.

use std::fs::File;
use std::io;
use std::sync::{Arc, OnceLock};

use http::header::{CONTENT_TYPE, LAST_MODIFIED};
use http::{HeaderMap, StatusCode};

use super::accept::Coding;
use super::conditions::{self, Verdict};
use super::content::Content;
use super::multipart::Boundaries;
use super::ranges::Selection;
use super::reply;
use super::resource::Variant;
use super::root::Stamp;
use crate::request::Head;
use crate::response::Response;

/// Answers a GET or HEAD with a file: 200, 206 for ranges, 304 and 412 for conditions (RFC 9110, sections
/// 13 and 14), with its tag and its time. `headers` are added to it, and win; without a `Content-Type` among
/// them it is `application/octet-stream`. May block: for workers.
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
    static BOUNDARIES: OnceLock<Boundaries> = OnceLock::new();
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut variant = Variant::new(
        "",
        Coding::Identity,
        Stamp::of(&metadata),
        &HeaderMap::new(),
    );
    for (name, value) in headers {
        variant.headers.insert(name, value.clone());
        if *name != CONTENT_TYPE && *name != LAST_MODIFIED {
            variant.not_modified.insert(name, value.clone());
        }
    }
    match conditions::judge(&head.headers, &variant.validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Ok(reply::not_modified(&variant)),
        Verdict::Failed => return Ok(reply::error(StatusCode::PRECONDITION_FAILED)),
    }
    let content = Content::File(Arc::new(file), variant.stamp.len);
    Ok(match reply::selection(head, &variant) {
        Selection::Unsatisfiable => reply::unsatisfiable(&variant),
        Selection::Whole => reply::whole(&variant, &content),
        Selection::Spans(spans) => {
            let boundaries = BOUNDARIES.get_or_init(Boundaries::default);
            reply::partial(&variant, &content, &spans, boundaries)
        }
    })
}
