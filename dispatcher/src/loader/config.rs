//! Every limit of the loader and of the boundary, each with its unit and reason.

use std::time::Duration;

/// Panics and time limit overruns of one module within [`BREAKER_WINDOW`] after which it is answered
/// 503: enough for a visitor who tries again, few against a loop that fails all the time.
pub const PANICS_PER_MINUTE: u32 = 20;
/// The most that a module may ask for: the breaker remembers as many moments (16 bytes each).
pub const PANICS_PER_MINUTE_MAX: u32 = 10_000;
/// How far back failures count, and how long after the last one a module stays closed.
pub const BREAKER_WINDOW: Duration = Duration::from_secs(60);
/// How long a request waits for another that loads the same module. In `dev` loading compiles.
pub const LOAD_WAIT: Duration = Duration::from_secs(60);
/// How long opening waits for the same library's `retire`, which should take microseconds.
pub const RETIRE_WAIT: Duration = Duration::from_secs(10);
/// Bytes of a library: a debug build with many dependencies has some 100 MB.
pub const LIBRARY_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of the section with our notes: each has about 150, and each attribute may add one.
pub const NOTES_BYTES_MAX: u64 = 1024 * 1024;
/// Entries of a module: more than anybody writes into one file.
pub const ENTRIES_MAX: usize = 4096;
/// Bytes of an entry's name.
pub const ENTRY_NAME_BYTES_MAX: usize = 512;
/// Bodies from this length on, in bytes, stay in the module's memory until they are sent; shorter
/// ones are copied: that costs less than to keep the module in use.
pub const OWNED_BYTES_MIN: usize = 16 * 1024;
/// Header fields of one answer; the front takes fewer.
pub const HEADERS_MAX: usize = 512;
/// Header fields for which the map of an answer has room beside those of the handler: what the `after`
/// of a chain usually add.
pub const HEADERS_TO_COME: usize = 4;
/// Bytes of a path that a module names.
pub const PATH_BYTES_MAX: usize = 4096;
/// Bytes of each text of a failure and of a message for the log; what is longer is cut.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one message to a service, of one reply, and of one value of an export.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of all replies that one call of an entry holds: they are freed when it returns.
pub const REPLIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bytes that one call reads of a body; the module asks again for more.
pub const BODY_READ_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one piece of a stream: it is copied.
pub const PIECE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What can be set for a [`super::Loader`].
#[derive(Clone, Copy, Debug)]
pub struct LoaderLimits {
    /// See [`PANICS_PER_MINUTE`]; 0 switches the breaker off. Modules may say otherwise.
    pub panics_per_minute: u32,
    /// See [`LOAD_WAIT`].
    pub load_wait: Duration,
}

impl Default for LoaderLimits {
    fn default() -> LoaderLimits {
        LoaderLimits {
            panics_per_minute: PANICS_PER_MINUTE,
            load_wait: LOAD_WAIT,
        }
    }
}
