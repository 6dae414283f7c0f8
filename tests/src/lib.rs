//! Tests of the whole project: what they share.
//!
//! The tests themselves are in `tests/tests/`; `tests/run` runs them with everything else that a
//! machine can check. [`tidy`] keeps what the project says about itself true.
#![forbid(unsafe_code)]

pub mod repo;
pub mod tidy;
