//! Harmonious, as the author of a site sees it.
//!
//! Each `.rs` file below a site's `domains/` answers one URL, or is a parent of others. It begins with
//! `use harmonious::prelude::*;` and consists of functions with attributes:
//!
//! ```
//! use harmonious::prelude::*;
//!
//! module! { inherits = "member", time_limit = "5s" }
//!
//! #[get]
//! fn show(req: &Request) -> Result<Response> {
//!     let slug = req.param("slug")?;
//!     req.render("index.html", context! { slug, title => "One script" })
//! }
//!
//! #[post]
//! fn save(req: &Request) -> Result<Response> {
//!     let form = req.form()?;
//!     let name = form.text("name")?; // missing: 422 that names the field
//!     info!("{name} is saved");
//!     Ok(Response::redirect("/scripts/"))
//! }
//! # fn main() {}
//! ```
//!
//! Handlers are plain functions that may block. A panic is a 500 for that request and nothing else.
//! Each module is a library of its own: a `static` of a module is not shared with other modules, and is
//! gone when the module is reloaded.

#![deny(unsafe_code, missing_docs)]

// The attributes write `::harmonious`, in our own tests too.
extern crate self as harmonious;

mod attributes;
mod body;
mod call;
mod context;
mod db;
mod error;
mod faults;
mod flow;
mod form;
mod instance;
mod limit;
mod multipart;
mod page_error;
mod query;
mod request;
mod response;
mod run;
mod service;
mod session;
pub mod task;
mod templates;
pub mod testing;
mod texts;
mod upload;

mod accept;
mod config;
mod disposition;
mod entry;
mod etag;
mod fence;
#[allow(unsafe_code)]
mod ffi;
mod headers;
mod logging;
mod note;

pub use attributes::{
    after, before, delete, error_page, export, get, guard, handle, head, module, options, patch,
    post, put, task,
};
pub use body::Body;
pub use call::{Args, Callee};
pub use context::Context;
pub use cookie::{Cookie, SameSite};
pub use db::{Backend, Db, FromValue, Hit, Row, Rows, SearchIndex, Value};
pub use error::{Error, OptionExt, Result, ResultExt, decline};
pub use faults::Fault;
pub use flow::{Flow, IntoFlow};
pub use form::{Form, FormLimits};
pub use instance::{Held, Instance, Leaving};
pub use page_error::PageError;
pub use request::Request;
pub use response::Response;
pub use run::{Ran, Run};
pub use service::Site;
pub use session::{Login, OpenSession, Session};
pub use upload::Upload;

/// What a module file begins with: `use harmonious::prelude::*;`.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[get]
/// fn hello(_req: &Request) -> Result<Response> {
///     Ok(Response::text("hello"))
/// }
/// # fn main() {}
/// ```
pub mod prelude {
    pub use crate::context;
    pub use crate::{
        Context, Cookie, Error, Flow, Form, FormLimits, Instance, Leaving, OptionExt, PageError,
        Request, Response, Result, ResultExt, Upload, after, before, decline, delete, error_page,
        export, get, guard, handle, head, module, options, patch, post, put, task,
    };
    pub use log::{debug, error, info, trace, warn};
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

/// For what the attributes write; no author needs it, and it may change at any time.
#[doc(hidden)]
pub mod __private {
    pub use crate::call::{arguments, no_arguments};
    pub use crate::entry::{after, before, error_page, export, guard, handler, task};
    pub use crate::ffi::{ENTRIES, Entry};
    pub use harmonious_abi::{Frame, kind, method};
    pub use linkme;
}

/// The examples of the page for authors, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
