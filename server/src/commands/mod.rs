//! Commands that look at a site or make one, and end.

mod build;
mod check;
mod db;
mod keys;
mod new;
mod probe;
mod render;
mod task;
mod template;

use std::path::Path;

use harmonious_dispatcher::{Manifest, SiteFacts};
use serde::Serialize;

use crate::cli;
use crate::failure::Failure;
use crate::print;

pub use build::{build, build_modules};
pub use check::check;
pub use db::db;
pub use keys::keys;
pub use new::new;
pub use probe::{COMMAND as PROBE, run as probe};
pub use render::render;
pub use task::task;
pub use template::{convert, css};

/// `harmonious routes`.
///
/// # Errors
/// What is wrong with the site's domains.
pub fn routes(site: &Path, json: bool) -> Result<(), Failure> {
    let routes = scan(site)?.routes();
    show(&routes, json);
    Ok(())
}

/// `harmonious explain`.
///
/// # Errors
/// What is wrong with the site's domains.
pub fn explain(asked: &cli::Explain) -> Result<(), Failure> {
    let explanation = scan(&asked.site)?.explain(&asked.method, &asked.url);
    show(&explanation, asked.json);
    Ok(())
}

fn scan(site: &Path) -> Result<Manifest, Failure> {
    let scanned = SiteFacts::of(site).scan();
    scanned.map_err(|problems| {
        Failure::Problems(format!("{} cannot be served:\n{problems}", site.display()))
    })
}

/// For a person, or for a program.
fn show<T: Serialize + std::fmt::Display>(what: &T, json: bool) {
    let text = match json {
        true => serde_json::to_string_pretty(what).unwrap_or_default(),
        false => what.to_string(),
    };
    print(&format!("{}\n", text.trim_end()));
}
