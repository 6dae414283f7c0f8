//! Why a site cannot be built at all. A module that does not compile is no such error: see
//! [`BuildFailure`](super::BuildFailure).

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a site cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no `Cargo.toml`.
    #[error(
        "{site} has modules (*.rs in domains/) and no Cargo.toml: write one with [package], \
         [workspace] and the dependency \"harmonious\"; \"harmonious new DIR\" shows how"
    )]
    NoManifest {
        /// The folder of the site.
        site: String,
    },
    /// The `Cargo.toml` cannot be used.
    #[error("{file}: {why}")]
    Manifest {
        /// The file, with its line where that is known.
        file: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The sdk is not where the `Cargo.toml` says.
    #[error("{file}: there is no sdk at {path:?} on this machine: {advice}")]
    NoSdk {
        /// The `Cargo.toml`.
        file: String,
        /// The path in it.
        path: String,
        /// What to do.
        advice: String,
    },
    /// There is no cargo.
    #[error(
        "{modules} must be built, and there is no cargo on this machine ({source}): install Rust \
         (https://rustup.rs), or build with \"harmonious build --release\" elsewhere and copy the \
         site's folder with .harmonious/"
    )]
    NoCargo {
        /// Which modules.
        modules: String,
        /// What the system says.
        source: io::Error,
    },
    /// Cargo did not get as far as the modules.
    #[error("cargo cannot build {site}: {}", in_one_line(words))]
    Cargo {
        /// The folder of the site.
        site: String,
        /// What cargo says, with its line ends.
        words: String,
    },
    /// Somebody else builds the site.
    #[error(
        "another process has been building {site} for {waited:?}: end it, or wait until it is done"
    )]
    Busy {
        /// The folder of the site.
        site: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It was told to stop.
    #[error("the build was stopped")]
    Stopped,
    /// A file or folder cannot be used.
    #[error("{path}: cannot {what}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file or folder is not as it has to be.
    #[error("{path}: {why}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
}

impl BuildError {
    /// For `map_err`: that cannot be done with this file.
    pub fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> BuildError {
        let path = path.into();
        move |source| BuildError::File { what, path, source }
    }
}

fn in_one_line(words: &str) -> String {
    let lines = words
        .lines()
        .map(|line| line.trim().trim_start_matches("error: "));
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
