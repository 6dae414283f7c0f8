//! `harmonious build`, and the building that `serve` does.

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::Path;

use harmonious_dispatcher::Manifest;

use super::scan;
use crate::build::{self, BuildReport, Module, Profile};
use crate::failure::Failure;
use crate::print;

/// `harmonious build`.
///
/// # Errors
/// What is wrong with the site, or does not compile.
pub fn build(site: &Path, release: bool) -> Result<(), Failure> {
    let profile = match release {
        true => Profile::Release,
        false => Profile::Dev,
    };
    let report = build_modules(site, &scan(site)?, profile)?;
    print(&format!(
        "{}: {} modules built, {} were up to date\n",
        site.display(),
        report.built.len(),
        report.fresh
    ));
    Ok(())
}

/// Builds what is stale of a site and shows what the compiler says.
///
/// # Errors
/// If anything could not be built.
pub fn build_modules(
    site: &Path,
    manifest: &Manifest,
    profile: Profile,
) -> Result<BuildReport, Failure> {
    let modules = manifest.modules().iter();
    let modules: Vec<Module> = modules
        .map(|module| Module::new(site, &module.key))
        .collect();
    let report = build::build(site, &modules, profile);
    let report = report.map_err(|error| Failure::Problems(error.to_string()))?;
    let mut stderr = std::io::stderr().lock();
    let texts = report.warnings.iter().map(|(_, warning)| warning);
    let texts = texts.chain(report.failed.iter().map(|failure| &failure.diagnostics));
    let mut said = HashSet::new();
    // What is wrong with what all modules share is told by each of them.
    for text in texts.filter(|text| said.insert(*text)) {
        let text = match stderr.is_terminal() {
            true => text.clone(),
            false => build::plain(text),
        };
        let _ = write!(stderr, "{text}"); // nobody there to read it: no failure of the build
    }
    if report.failed.is_empty() {
        return Ok(report);
    }
    let lines: Vec<String> = report
        .failed
        .iter()
        .map(|failure| failure.message.clone())
        .collect();
    Err(Failure::Problems(format!(
        "{} cannot be built:\n{}",
        site.display(),
        lines.join("\n")
    )))
}
