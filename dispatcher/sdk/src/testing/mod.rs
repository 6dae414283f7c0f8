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

mod ask;
mod reply;
mod services;
mod site;

pub use ask::Ask;
pub use reply::Reply;
pub use site::Site;
