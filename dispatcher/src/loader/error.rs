//! Why a module is not loaded. Each message names the module, the value and what to do.

#![forbid(unsafe_code)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::ffi::FfiError;

/// Why there is no library for a module; told by a [`super::Libraries`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// It was never built.
    #[error("module {key} is not built: {advice}")]
    NotBuilt {
        /// The module.
        key: String,
        /// What to do.
        advice: String,
    },
    /// It does not compile.
    #[error("module {key} does not compile:\n{messages}")]
    Compile {
        /// The module.
        key: String,
        /// What the compiler says, as it says it.
        messages: String,
    },
    /// Whatever else was in the way.
    #[error("no library for module {key}: {why}")]
    Other {
        /// The module.
        key: String,
        /// What was in the way, and what to do.
        why: String,
    },
}

/// Why a module is not loaded.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no library for it.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Its file cannot be read.
    #[error("module {key} ({}): {source}", name_of(file))]
    Read {
        /// The module.
        key: String,
        /// Its library.
        file: PathBuf,
        /// The system's answer.
        source: Arc<io::Error>,
    },
    /// Others could have put something else into its place.
    #[error("module {key} ({}) {why}: {advice}", name_of(file))]
    Unsafe {
        /// The module.
        key: String,
        /// Its library.
        file: PathBuf,
        /// What is wrong with the file.
        why: String,
        /// What to do.
        advice: String,
    },
    /// The file is no library, is cut off, or has no fingerprint of ours.
    #[error(
        "module {key} ({}) {why}: rebuild it with \"harmonious build --release SITE\"",
        name_of(file)
    )]
    NoModule {
        /// The module.
        key: String,
        /// Its library.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It was built with or for something else.
    #[error(transparent)]
    Differs(Box<Differs>),
    /// It does not open or start.
    #[error(transparent)]
    Open(#[from] FfiError),
    /// Its entries are not those that its source declares.
    #[error("module {key} ({}) {why}", name_of(file))]
    Entries {
        /// The module.
        key: String,
        /// Its library.
        file: PathBuf,
        /// What differs, and what to do.
        why: String,
    },
    /// Another request is still loading it.
    #[error("module {key} is still being loaded after {} s: ask again", waited.as_secs())]
    Waited {
        /// The module.
        key: String,
        /// How long this request waited for it.
        waited: Duration,
    },
    /// Loading it panicked, which is a fault of the server.
    #[error("loading module {key} panicked: the server's log says where")]
    Panicked {
        /// The module.
        key: String,
    },
}

/// A module that was built with or for something else.
#[derive(Clone, Debug, thiserror::Error)]
#[error("module {key} ({}) {theirs}, {ours}: {advice}", name_of(file))]
pub struct Differs {
    /// The module.
    pub key: String,
    /// Its library.
    pub file: PathBuf,
    /// The field of the fingerprint, one of [`harmonious_abi::FINGERPRINT_FIELDS`].
    pub field: &'static str,
    /// What the module has, as part of a sentence.
    pub theirs: String,
    /// What the server has, as part of a sentence.
    pub ours: String,
    /// What to do.
    pub advice: &'static str,
}

/// The name of a library without its folder, which is always the same.
pub(super) fn name_of(file: &Path) -> std::path::Display<'_> {
    let name = file.file_name().map_or(file, Path::new);
    name.display()
}
