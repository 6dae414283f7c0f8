//! Answers to what comes to no module: redirects to the canonical path, and refusals.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{builtin, go};
use crate::dispatcher::{Core, Snapshot};
use crate::manifest::{Canonical, CanonicalPath, DomainId, Manifest, PathRefusal, canonical};
use crate::message::{Incoming, Outgoing};

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

/// Answers a request that is refused before any module is asked: with the built-in page where no domain on its
/// way has one, else as where nothing is found.
pub(crate) fn answer_refused(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    status: StatusCode,
) -> Outgoing {
    let path = known_path(incoming.path);
    let resolved = snapshot.manifest.resolve(&path);
    let mut pages = (snapshot.manifest).error_pages(resolved.domain, status.as_u16());
    match pages.next() {
        Some(_) => go(core, snapshot, incoming, &path, &resolved, Some(status)),
        None => refuse(incoming.headers, incoming.id, incoming.path, status),
    }
}

/// The domain whose guards and pages are those of a path, whatever it means.
pub(crate) fn domain_of(manifest: &Manifest, path: &str) -> DomainId {
    manifest.resolve(&known_path(path)).domain
}

/// The path; the root for one that cannot be meant, or is spelt otherwise.
fn known_path(path: &str) -> CanonicalPath<'_> {
    match canonical(path) {
        Canonical::Path(path) => path,
        _ => CanonicalPath::root(),
    }
}
