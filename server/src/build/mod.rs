//! How a site becomes libraries: one dynamic library for each of its modules, made by cargo, found
//! again by the hash of what it was made from.
//!
//! ```text
//! modules -> names -> Cargo.toml (manifest) -> cargo -> libraries (store) -> modules.json
//!                \_ inputs: what is stale? nothing: no cargo is needed _/
//! ```

mod config;
mod error;

mod cargo;
mod inputs;
mod lock;
mod manifest;
mod messages;
mod names;
mod run;
mod sdk;
mod store;

mod ansi;
mod libraries;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use ansi::{escape, html, plain};
pub use cargo::Stop;
pub use error::BuildError;
pub use inputs::Stamp;
pub use libraries::BuiltLibraries;
pub use run::Builder;
pub use sdk::find_sdk;

use config::NAMES_SHOWN;

/// A module of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its key: the path of its source below `domains/` without `.rs`, with `/`.
    pub key: String,
    /// Its source.
    pub source: PathBuf,
}

impl Module {
    /// The module with this key, where it has to be.
    pub fn new(site: &Path, key: &str) -> Module {
        Module {
            key: key.to_owned(),
            source: site.join("domains").join(format!("{key}.rs")),
        }
    }
}

/// How libraries are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Quickly, with lines in backtraces.
    Dev,
    /// For many requests.
    Release,
}

impl Profile {
    /// Cargo's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Dev => "dev",
            Profile::Release => "release",
        }
    }

    /// Cargo's folder for it.
    fn folder(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }

    /// The file that says what was built: one for each, so that `dev` and `serve` do not undo each
    /// other's work.
    fn index(self) -> &'static str {
        match self {
            Profile::Dev => "modules-dev.json",
            Profile::Release => "modules.json",
        }
    }
}

/// What a build did.
#[derive(Debug, Default)]
pub struct BuildReport {
    /// The keys of the modules that have a library now that they did not have before.
    pub built: Vec<String>,
    /// How many had theirs already.
    pub fresh: usize,
    /// Those that could not be built; they keep the library that they had.
    pub failed: Vec<BuildFailure>,
    /// What the compiler warned of: key and text, with colours as ANSI sequences.
    pub warnings: Vec<(String, String)>,
}

/// Why a module could not be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildFailure {
    /// Its key.
    pub key: String,
    /// In one line.
    pub message: String,
    /// What the compiler says, with colours as ANSI sequences.
    pub diagnostics: String,
}

/// Builds what is stale of these modules. A module that does not compile is in the report and does not
/// keep the others from being built. Where nothing is stale, no tool chain is needed.
///
/// # Errors
/// If nothing could be built; the message says what to do.
pub fn build(site: &Path, modules: &[Module], profile: Profile) -> Result<BuildReport, BuildError> {
    let tell = |line: &str| eprintln!("{line}");
    Builder::new(site, profile, Stop::default(), Box::new(tell))?.build(modules, None)
}

/// The keys in a line: the first few, and how many more.
fn listed<'k>(keys: impl ExactSizeIterator<Item = &'k str>) -> String {
    let more = keys.len().saturating_sub(NAMES_SHOWN);
    let shown: Vec<&str> = keys.take(NAMES_SHOWN).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A number of modules, in words.
fn counted(count: usize) -> String {
    match count {
        1 => "1 stale module".to_owned(),
        count => format!("{count} stale modules"),
    }
}
