//! [`PageError`]: what an error page is asked to show.

use serde::{Deserialize, Serialize};

use crate::ffi::Link;

/// What an `#[error_page]` is asked to show. It can be given to a template as it is.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[error_page]
/// fn oops(req: &Request, error: &PageError) -> Result<Response> {
///     if error.status() == 404 {
///         return req.render("_lost.html", context! { path => req.path() });
///     }
///     req.render("_error.html", error)
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct PageError {
    status: u16,
    title: String,
    detail: String,
    request_id: String,
    path: String,
}

impl PageError {
    /// The status, 400 to 599; the page is sent with it, whatever status the page itself has.
    ///
    /// ```
    /// fn lost(error: &harmonious::PageError) -> bool { error.status() == 404 }
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// What the visitor may read, such as `Not Found` or what the error's author wrote.
    ///
    /// ```
    /// fn heading(error: &harmonious::PageError) -> &str { error.title() }
    /// ```
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What the log says. Empty unless the server runs with `dev`: it may name what is no visitor's
    /// business.
    ///
    /// ```
    /// fn cause(error: &harmonious::PageError) -> &str { error.detail() }
    /// ```
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The request's number, by which the log can be searched.
    ///
    /// ```
    /// fn number(error: &harmonious::PageError) -> &str { error.request_id() }
    /// ```
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The path that was asked for.
    ///
    /// ```
    /// fn path(error: &harmonious::PageError) -> &str { error.path() }
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Out of the argument; what is missing there is taken from the request.
    pub(crate) fn read(link: &Link) -> PageError {
        let mut error: PageError = rmp_serde::from_slice(link.argument()).unwrap_or_default();
        if error.status == 0 {
            error.status = u16::try_from(link.status()).unwrap_or(500);
        }
        if error.request_id.is_empty() {
            error.request_id = link.id().to_owned();
        }
        if error.path.is_empty() {
            error.path = link.path().to_owned();
        }
        error
    }
}
