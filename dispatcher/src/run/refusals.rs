//! Answers to what belongs to no domain: redirects to the canonical path, and refusals.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::builtin;
use crate::manifest::PathRefusal;
use crate::message::Outgoing;

/// 308, to a path of this site: `to` begins with exactly one slash.
pub(crate) fn redirect(to: &str, query: Option<&str>) -> Outgoing {
    let to = match query {
        Some(query) => format!("{to}?{query}"),
        None => to.to_owned(),
    };
    match HeaderValue::from_str(&to) {
        Ok(location) => {
            let mut outgoing = Outgoing::empty(StatusCode::PERMANENT_REDIRECT);
            outgoing.headers.insert(LOCATION, location);
            outgoing
        }
        Err(_) => Outgoing::empty(StatusCode::BAD_REQUEST),
    }
}

/// The built-in page, or a problem document for clients that ask for JSON: for what belongs to no domain.
pub fn refuse(headers: &HeaderMap, id: &str, path: &str, status: StatusCode) -> Outgoing {
    let title = status.canonical_reason().unwrap_or("error");
    let (headers, body) = match builtin::wants_json(headers) {
        true => builtin::problem(status, title, id, path),
        false => builtin::page(status, title, id),
    };
    Outgoing {
        status,
        headers,
        body,
        fault: None,
    }
}

/// The status for a path that is refused.
pub(crate) fn status_of(refusal: &PathRefusal) -> StatusCode {
    StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST)
}
