//! What the tests of the script repository share. A module of tests begins with `use crate::common::*;` and writes:
//!
//! ```ignore
//! on_each! {
//!     /// Said of both databases.
//!     fn a_script_is_found(site: &Site) {
//!         site.publish("tidy", "#!/bin/sh\necho tidy\n");
//!         let page = site.anyone().open("/search?q=tidy");
//!         page.has("/scripts/tidy/");
//!     }
//! }
//! ```
//!
//! Each function becomes two tests, `a_script_is_found::sqlite` and `a_script_is_found::postgres`, with a site of its
//! own: a running server and a database with the seeds and the accounts of [`ACCOUNTS`]. The second is left out, and
//! says so, where `TEST_POSTGRES_URL` names no database. Any answer of 500 or more fails a test at once.
#![allow(dead_code, unused_imports, reason = "each module uses its part of it")]

#[path = "../../common/mod.rs"]
pub mod binary;

mod built;
mod client;
mod html;
mod routes;
mod site;
mod whole;
mod xml;

pub use binary::ask::Ask;
pub use binary::sites::{succeed, write};
pub use binary::{Server, eventually};
pub use built::{ACCOUNTS, PASSWORD, folder};
pub use client::{Client, Page, Part, encoded, multipart};
pub use html::{Element, Form, elements, unescaped, words};
pub use routes::Route;
pub use site::{Backend, Script, Site, now, sh, sha256, source};
pub use whole::{NAME, Whole};
pub use xml::assert_xml;

/// Makes of each function a test on SQLite and one on PostgreSQL. `fn name(site: &Site)` finds a running site;
/// `unstarted fn name(site: &Site)` one that was never started, with empty data.
macro_rules! on_each {
    ($($(#[$meta:meta])* fn $name:ident($site:ident: &Site) $body:block)+) => {
        $($crate::common::on_each! { @one [new] $(#[$meta])* fn $name($site: &Site) $body })+
    };
    ($($(#[$meta:meta])* unstarted fn $name:ident($site:ident: &Site) $body:block)+) => {
        $($crate::common::on_each! { @one [unstarted] $(#[$meta])* fn $name($site: &Site) $body })+
    };
    (@one [$how:ident] $(#[$meta:meta])* fn $name:ident($site:ident: &Site) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports, reason = "what the tests around it use")]
            use super::*;

            fn run(backend: $crate::common::Backend) {
                if let Some(site) = $crate::common::Site::$how(backend) {
                    let $site = &site;
                    $body
                }
            }

            #[test]
            fn sqlite() {
                run($crate::common::Backend::Sqlite);
            }

            #[test]
            fn postgres() {
                run($crate::common::Backend::Postgres);
            }
        }
    };
}
pub(crate) use on_each;
