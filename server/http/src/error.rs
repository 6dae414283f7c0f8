//! Everything that a caller of the front can be told went wrong.

use std::io;

/// Why the front could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A limit is out of its range; nothing was started.
    #[error("{setting} is {value}: allowed is {allowed}")]
    Setting {
        /// The limit's name as in [`crate::Limits`].
        setting: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// An address to listen on is none.
    #[error(
        "cannot listen on \"{address}\": {why}; allowed is IP:PORT, localhost:PORT, unix:/PATH or fd:N"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system did not give the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A folder of static files is none.
    #[error("cannot serve files from {path}: {source}")]
    Root {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A header field that would break the response, or that the front owns.
    #[error("header field {name:?} with value {value:?}: {why}")]
    Header {
        /// Its name.
        name: String,
        /// Its value, shortened.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The pool does not take the connections.
    #[error(transparent)]
    Pool(#[from] harmonious_pool::Error),
}
