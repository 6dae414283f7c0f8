//! What a dispatcher asks of the server around it: templates, the log, and every service that it does
//! not answer itself. So it knows neither sessions nor databases, and a test's host is a few lines.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::dispatcher::Core;
use crate::loader::LoadedModule;
use crate::manifest::{Manifest, Module};
use crate::message::{Incoming, Outgoing};
use crate::run;

/// The server, as a dispatcher sees it. One for each site: nothing of one is reachable from another.
pub trait Services: Send + Sync + 'static {
    /// Readies the templates of a manifest. Called whenever the domains were scanned; requests that
    /// began with an older manifest keep its renderer.
    ///
    /// # Errors
    /// Everything that is wrong with the templates, as texts that name the file.
    fn renderer(&self, manifest: &Manifest) -> Result<Arc<dyn Renderer>, Vec<String>>;

    /// Begins what the server keeps for one request. Asked for when something first needs it: most requests
    /// need nothing.
    fn exchange<'r>(&'r self, incoming: &'r Incoming<'r>) -> Box<dyn Exchange + 'r>;

    /// Begins the same for what a module does outside of any request.
    fn outside(&self) -> Box<dyn Exchange + '_>;

    /// Values that modules keep for sessions and are to drop now; each is told once. Asked at the end of a
    /// request that had an exchange, and by [`Dispatcher::let_go`](crate::Dispatcher::let_go).
    fn leaving(&self) -> Vec<Leaving> {
        Vec::new()
    }

    /// Their module dropped them, or broke while it did: they are gone.
    fn left(&self, leaving: &Leaving) {
        let _ = leaving;
    }

    /// Takes a line for the log.
    fn log(&self, caller: &Caller<'_>, level: u32, message: &str, fields: &[u8]);
}

/// What a server keeps for one request, from its first need of it to its answer. Called on the request's
/// worker only.
pub trait Exchange {
    /// Whether a request that changes something (RFC 9110, section 9.2.1) may come to its module. Asked
    /// before any of its guards.
    ///
    /// # Errors
    /// It may not: the status and the reason.
    fn admit(&self, module: &Module) -> Result<(), ServiceError>;

    /// Answers a message for a service that the dispatcher does not know.
    ///
    /// # Errors
    /// What the module is told; it may hand it on as its own error.
    fn call(
        &self,
        caller: &Caller<'_>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError>;

    /// What a template is told by this name, beside what its module says.
    ///
    /// # Errors
    /// Why it cannot be said.
    fn tell(&self, name: &str) -> Result<Option<Value>, ServiceError>;

    /// The answer is made, and goes out next.
    ///
    /// # Errors
    /// It must not go out, since what it says was not kept: the status and the reason.
    fn finish(&self, outgoing: &mut Outgoing) -> Result<(), ServiceError>;

    /// The request is over, but for its answer, which goes out when this returns: values may go now that
    /// are to be gone before it.
    fn over(&self, let_go: LetGo<'_>) {
        let _ = let_go;
    }
}

/// Renders templates as seen from a domain.
pub trait Renderer: Send + Sync + 'static {
    /// The template of that name in the domain or the nearest one above. What it wants to know beside its
    /// context, `asked` tells.
    ///
    /// # Errors
    /// That there is none, or what is wrong with it or its context; what `asked` says.
    fn render(
        &self,
        domain: &str,
        name: &str,
        context: Map<String, Value>,
        asked: &dyn Asked,
    ) -> Result<String, RenderError>;
}

/// Whom a template asks.
pub trait Asked {
    /// The value of an export of the requested module or its parents, without arguments; none if nobody
    /// exports it.
    ///
    /// # Errors
    /// What the export says.
    fn export(&self, name: &str) -> Result<Option<Value>, RenderError>;

    /// What the server tells by this name.
    ///
    /// # Errors
    /// Why it cannot.
    fn told(&self, name: &str) -> Result<Option<Value>, RenderError>;
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// File, line, column, the line itself: for the log, and for whoever develops the site.
    pub message: String,
    /// The file, where one is to blame.
    pub file: String,
    /// The line in it; 0 if it is not known.
    pub line: u32,
}

/// Who asks for a service.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The key of the module, such as `scripts/[slug]/raw`.
    pub module: &'a str,
    /// The domain that it lies in, such as `/scripts/[slug]/`.
    pub domain: &'a str,
    /// The request's number; empty where there is no request.
    pub request: &'a str,
    /// The header fields of the request.
    pub headers: Option<&'a http::HeaderMap>,
    /// The library that asks; it stays in use as long as somebody holds it.
    pub loaded: Option<&'a Arc<LoadedModule>>,
    /// For values that are to go before the request goes on; none while values go.
    pub let_go: Option<LetGo<'a>>,
}

/// Has modules drop values within a request.
#[derive(Clone, Copy)]
pub struct LetGo<'a>(pub(crate) &'a Core);

impl LetGo<'_> {
    /// These, now, outside of the request as any others; [`Services::left`] is told of each. Whatever the
    /// request holds, an open transaction for one, is in their way.
    pub fn now(&self, leaving: &[Leaving]) {
        run::let_these_go(self.0, leaving);
    }
}

impl fmt::Debug for LetGo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LetGo")
    }
}

/// Values of one module that are to go.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The library that has them.
    pub module: Arc<LoadedModule>,
    /// Why, in a word that the sdk knows.
    pub why: &'static str,
    /// Which: numbers that the module was given for them.
    pub numbers: Vec<u64>,
}

/// Why a service did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {title}: {detail}")]
pub struct ServiceError {
    /// What the visitor gets, if the module hands it on: 400 to 599.
    pub status: u16,
    /// For the visitor.
    pub title: String,
    /// For the log.
    pub detail: String,
    /// What kind of failure it is, for programs; empty where that does not matter.
    #[serde(default)]
    pub kind: String,
    /// After how many seconds it may be tried again; 0 if that is not known.
    #[serde(default)]
    pub retry_after_s: u64,
}

impl ServiceError {
    /// An error of that status.
    ///
    /// ```
    /// use harmonious_dispatcher::{ServiceError, http::StatusCode};
    ///
    /// let error = ServiceError::new(StatusCode::NOT_FOUND, "no service \"fax\"");
    /// assert_eq!(error.to_string(), "404 Not Found: no service \"fax\"");
    /// ```
    pub fn new(status: StatusCode, detail: impl Into<String>) -> ServiceError {
        ServiceError {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            detail: detail.into(),
            kind: String::new(),
            retry_after_s: 0,
        }
    }

    /// As the message lane carries it.
    pub(crate) fn encode(&self) -> Vec<u8> {
        rmp_serde::to_vec_named(self).unwrap_or_default()
    }
}
