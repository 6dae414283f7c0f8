//! The limits of the manifest, each with its unit and its reason.

use std::time::Duration;

/// Bytes of a path. Longer ones are answered 414: no page has such a name, and logs stay readable.
pub const PATH_BYTES_MAX: usize = 8 * 1024;

/// Segments of a path. More are answered 414: it bounds the walk, and no tree is nested so deeply.
pub const PATH_SEGMENTS_MAX: usize = 64;

/// How deep domains may be nested: a deeper one could not be reached by any path.
pub const DOMAIN_DEPTH_MAX: usize = PATH_SEGMENTS_MAX;

/// How many parents may name each other in a row. Real sites have two or three; whoever has more than
/// this has made a mistake that no one would find by reading.
pub const INHERITANCE_DEPTH_MAX: usize = 32;

/// Bytes of a module's source. Written by hand none is a tenth of it; generated ones would make the scan
/// slow, and belong into a library that the module uses.
pub const SOURCE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Threads that read sources: more gain nothing, as the disk and the allocator are shared.
pub const SCAN_THREADS_MAX: usize = 8;

/// Sources that a thread takes at a time: enough that taking them costs nothing, few enough that no
/// thread is left with a long tail.
pub const SCAN_BATCH: usize = 32;

/// Bytes of one label of a host name, as the DNS has it (RFC 1035, section 2.3.4).
pub const LABEL_BYTES_MAX: usize = 63;

/// Bytes of a host name without its port, likewise.
pub const HOST_BYTES_MAX: usize = 253;

/// How often a task may run: more often is a loop, which a site has no use for.
pub const TASK_EVERY_MIN: Duration = Duration::from_secs(1);

/// How rarely a task may run: no server is up for so long.
pub const TASK_EVERY_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
