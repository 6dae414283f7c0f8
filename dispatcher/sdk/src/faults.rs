//! [`Fault`]: what went wrong lately, for pages of administrators.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::request::Request;

/// One answer of the site with a status of 500 or more; of [`Request::errors`].
///
/// ```
/// use harmonious::Fault;
///
/// fn is_slow(fault: &Fault) -> bool { fault.status == 504 }
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// When it was, in milliseconds since 1970.
    pub at_ms: u64,
    /// The method of the request.
    pub method: String,
    /// Its path as it came, without the query.
    pub path: String,
    /// The status of the answer, 500 to 599.
    pub status: u16,
    /// What the log says of it, shortened. Not for visitors.
    pub message: String,
    /// The module to blame, such as `scripts/[slug]/raw`; empty if none is.
    pub module: String,
    /// The request's number, as the log and `X-Request-Id` have it.
    pub id: String,
}

#[derive(Serialize)]
struct Nothing {}

impl Request {
    /// The last 200 errors of the site that were the server's or a module's, the newest first; since the server
    /// was started. For pages of administrators: messages say what visitors must not read.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     req.render("errors.html", context! { errors => req.errors()? })
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 500 if the server cannot say.
    #[track_caller]
    pub fn errors(&self) -> Result<Vec<Fault>> {
        self.service("errors.recent", &Nothing {})
    }
}
