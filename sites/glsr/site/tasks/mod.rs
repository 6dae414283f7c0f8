//! What operators do outside of requests: `domains/_tasks.rs` names these as tasks. They print what they did on the
//! standard output, and how far they are on the standard error; both are for operators, and in English.

pub mod admin;
mod archive;
mod guess;
pub mod import;
pub mod import_git;
pub(crate) mod records;
mod report;
pub mod restore;
pub mod snapshot;
mod walk;
mod words;
