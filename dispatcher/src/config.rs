//! The limits of the dispatcher, each with its unit and reason.

use std::time::Duration;

/// How deep modules may call each other's exports: a cycle ends with an error instead of the stack.
pub const CALL_DEPTH_MAX: usize = 32;

/// Values that the modules of one request may provide for its templates: more is a loop that went wrong.
pub const PROVIDED_MAX: usize = 64;

/// Bytes that a reply to a module has room for before it grows: most have no more.
pub const REPLY_BYTES: usize = 256;

/// How long one handler may run if neither the module nor its domain says otherwise.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How many error pages are tried for one answer before the built-in one is sent: a page and the
/// pages above it may fail too.
pub const ERROR_PAGES_MAX: usize = 40;

/// Places that remember which module a request is in; see `running.rs`. Several times the workers that
/// there can be.
pub const RUNNING_SLOTS: usize = 4096;

/// Places that a request looks at for a free one: with so many places, the first is free nearly always.
pub const RUNNING_PROBES: usize = 8;
