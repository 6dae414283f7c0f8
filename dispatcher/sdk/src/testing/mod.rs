//! Tests of a module without a server: its own guards, hooks and handlers run as the server runs them,
//! with settings, templates and services that the test gives.
//!
//! ```standalone_crate
//! use harmonious::prelude::*;
//! use harmonious::testing;
//!
//! #[get]
//! fn show(req: &Request) -> Result<Response> {
//!     let slug = req.param("slug")?;
//!     if slug == "nothing" {
//!         return Err(Error::not_found("no such script"));
//!     }
//!     req.render("index.html", context! { slug })
//! }
//!
//! # fn main() {
//! let site = testing::Site::new().template(|name, context| format!("{name}: {}", context["slug"]));
//! let page = site.get("/scripts/chess/").param("slug", "chess").send();
//! assert_eq!((page.status(), page.text().as_str()), (200, "index.html: \"chess\""));
//! assert_eq!(site.get("/scripts/nothing/").param("slug", "nothing").send().status(), 404);
//! assert_eq!(site.post("/scripts/chess/").send().status(), 405);
//! # }
//! ```
//!
//! Sessions are there: a [`Visitor`] keeps one from request to request. The clock stands until
//! [`Site::advance`], ids are counted, and the token against forged forms is given but not asked for, so that
//! a test can send a form that it never fetched. Passwords and sealed texts have stand-ins that cost nothing
//! and protect nothing; failed logins are not counted, [limits](crate::Request::limit) are. A session's [instances](crate::Instance) last from
//! request to request too, and are saved when it ends. A database answers what the test says: [`Site::db`].
//! Texts are those of the site's own catalogues: [`Site::locales`].

mod site;
mod visitor;

mod ask;
mod reply;
mod services;

mod draft;
mod instances;
mod limited;
mod limits;
mod locales;
mod logins;
mod sessions;
mod store;

mod answer;
mod database;

pub use answer::{Answer, IntoRow, db_error};
pub use ask::Ask;
pub use database::{Statement, StatementKind};
pub use draft::Flash;
pub use logins::{hash_password, outdated_password_hash};
pub use reply::Reply;
pub use sessions::Told;
pub use site::Site;
pub use visitor::Visitor;
