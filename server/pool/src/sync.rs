//! The primitives of the parking protocol. `tests/parking_model.rs` compiles `park.rs` against
//! loom's versions of the same names and tries every interleaving.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, fence};
pub(crate) use std::thread::{Thread, current, park};
