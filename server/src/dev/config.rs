//! The limits of `harmonious dev`, each with its unit and its reason.

use std::time::Duration;

/// Without another change for this long, a save is over: editors write, rename and set times.
pub const DEBOUNCE: Duration = Duration::from_millis(50);

/// Changes that never pause are told after this long all the same.
pub const DEBOUNCE_MAX: Duration = Duration::from_millis(500);

/// Between two looks at the files where the system cannot tell of changes.
pub const POLL: Duration = Duration::from_millis(700);

/// A module that was asked for within this time is built when it is saved, not when it is asked for.
pub const EAGER: Duration = Duration::from_secs(600);

/// How long a request waits for its modules to be built; a first build compiles the sdk too.
pub const REQUEST_WAIT: Duration = Duration::from_secs(120);

/// Lines that are shown before and after the one where it went wrong.
pub const LINES_AROUND: usize = 6;

/// Bytes of a source file of which lines are shown.
pub const SOURCE_BYTES_MAX: u64 = 4 << 20;

/// Characters of a line that are shown: what is longer was made by a program.
pub const LINE_CHARS_MAX: usize = 400;

/// Bytes of the value of a header that are shown.
pub const HEADER_BYTES_MAX: usize = 2_000;
