//! Why there is no answer but an error: from whatever failed to its page.

use std::path::Path;

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::manifest::{Broken, DomainId, Module};
use crate::message::Fault;
use crate::services::ServiceError;

/// Why there is no answer but an error.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) status: StatusCode,
    /// For the visitor.
    pub(crate) title: String,
    pub(crate) headers: HeaderMap,
    pub(crate) fault: Fault,
    /// Where error pages are looked up.
    pub(crate) pages: Pages,
}

/// The deepest domain whose error pages may show a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pages {
    /// That of the request.
    OfRequest,
    /// This one: a parent of it that its own pages do not have failed.
    Of(DomainId),
    /// The one above this one, whose own hook or page failed.
    Above(DomainId),
}

impl Failed {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Failed {
        Failed {
            status,
            title: status.canonical_reason().unwrap_or("error").to_owned(),
            headers: HeaderMap::new(),
            fault: Fault {
                detail: detail.into(),
                ..Fault::default()
            },
            pages: Pages::OfRequest,
        }
    }

    /// What the manifest says cannot be used; only in `dev`.
    pub(super) fn broken(file: &Path, broken: &Broken) -> Failed {
        let mut failed = Failed::new(StatusCode::INTERNAL_SERVER_ERROR, &broken.message);
        failed.fault.file = file.display().to_string();
        failed.fault.line = broken.line;
        failed
    }

    pub(super) fn with(mut self, name: http::HeaderName, value: HeaderValue) -> Failed {
        self.headers.insert(name, value);
        self
    }
}

/// The request is not for this module, says the host.
pub(super) fn not_admitted(module: &Module, error: &ServiceError) -> Box<Failed> {
    let mut failed = refused(error);
    failed.fault.module.clone_from(&module.key);
    failed.fault.not_admitted = true;
    Box::new(failed)
}

/// A service would not have it.
pub(super) fn refused(error: &ServiceError) -> Failed {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut failed = Failed::new(status, &error.detail);
    failed.title.clone_from(&error.title);
    match error.retry_after_s {
        0 => failed,
        seconds => failed.with(RETRY_AFTER, seconds.into()),
    }
}
