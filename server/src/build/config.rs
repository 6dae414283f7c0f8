//! The limits of building a site, each with its unit and its reason.

use std::time::Duration;

/// Characters of a target's name without its hash: with what cargo adds, below the 255 bytes that a
/// file system allows a name.
pub const TARGET_NAME_CHARS_MAX: usize = 110;

/// Targets that one run of cargo is asked for: below what a command line holds (2 MiB).
pub const TARGETS_PER_RUN: usize = 5_000;

/// Bytes of a file that a build depends on: what is larger is no source.
pub const SOURCE_BYTES_MAX: u64 = 64 << 20;

/// Files in `site/`: a build folder that got there by mistake is told rather than read for minutes.
pub const SITE_FILES_MAX: usize = 20_000;

/// How deep folders in `site/` lie.
pub const SITE_DEPTH_MAX: usize = 32;

/// A file that was changed so lately is read again: two changes within one tick of the file system's
/// clock (2 s at worst, on FAT) cannot be told apart by their times.
pub const TRUSTED_AFTER: Duration = Duration::from_secs(2);

/// Bytes of one line that cargo writes: a diagnostic with its explanation is some KiB.
pub const CARGO_LINE_BYTES_MAX: usize = 4 << 20;

/// Bytes of diagnostics that are kept for a target: more than anybody reads.
pub const DIAGNOSTICS_BYTES_MAX: usize = 256 << 10;

/// Bytes of cargo's own words that are kept, the last ones.
pub const CARGO_WORDS_BYTES_MAX: usize = 64 << 10;

/// How long another process may take to build the same site: a cold build of a large one.
pub const LOCK_WAIT: Duration = Duration::from_secs(600);

/// Between two looks at the lock.
pub const LOCK_POLL: Duration = Duration::from_millis(50);

/// How long a library stays when nothing names it any more: a running server may still load it.
pub const UNNAMED_KEPT: Duration = Duration::from_secs(3600);

/// Bytes of libraries that stay although nothing names them: a long day of `dev`, some MB a save, must
/// not fill the disk.
pub const UNNAMED_BYTES_MAX: u64 = 256 << 20;

/// How long even the oldest of too many stays: what is being loaded right now.
pub const UNNAMED_KEPT_LEAST: Duration = Duration::from_secs(60);

/// Bytes of a library: more is none of a page.
pub const LIBRARY_BYTES_MAX: u64 = 1 << 30;

/// Names of modules that a line shows.
pub const NAMES_SHOWN: usize = 6;
