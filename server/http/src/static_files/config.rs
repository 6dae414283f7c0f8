//! What static files can be told, and every bound that they keep, each with its unit and reason.

use std::time::Duration;

use http::HeaderValue;

use super::path;
use crate::error::Error;

/// Paths that the cache knows, found or not. A site's hot files; each costs about 1 KiB.
pub const ENTRIES_MAX: usize = 1024;
/// Large files that the cache holds open. Descriptors are what connections need as well.
pub const OPEN_FILES_MAX: usize = 256;
/// Bytes of small files that the cache holds.
pub const MEMORY_MAX_BYTES: usize = 32 * 1024 * 1024;
/// A file up to this is small, in bytes: it is answered from memory, a larger one by `sendfile`.
/// Below it a copy costs less than the system calls that would save it.
pub const MEMORY_FILE_MAX_BYTES: usize = 64 * 1024;
/// For so long what the cache knows about a path is used without asking the file system.
pub const FRESH_FOR: Duration = Duration::from_secs(1);
/// A path that is longer than this, in bytes, once decoded, is not there: it bounds what the names
/// of missing files cost the cache.
pub const PATH_MAX_BYTES: usize = 1024;
/// A segment that is longer than this, in bytes, is not there: no file system has such names.
pub const SEGMENT_MAX_BYTES: usize = 255;
/// Of the cache's entries, one in so many may be about a path where nothing is: a client that asks
/// for random names does not push the files out.
pub const ABSENT_SHARE: usize = 4;
/// Entries that one lock guards: few enough to be looked through for the one used least recently.
pub const ENTRIES_PER_SHARD: usize = 64;
/// Bytes of a file that changed less than this before they were read are not kept, in milliseconds:
/// the next change could carry the same time stamp. The kernel's coarsest clock ticks every 10 ms.
pub const SETTLED_MS: u64 = 20;
/// Names at the top of a folder that are kept in memory, where what is not there falls through. With
/// more, the file system is asked for each path.
pub const NAMES_MAX: usize = 4096;
/// Times that a file is looked for again because it changed while it was read.
pub const ATTEMPTS: usize = 3;

/// What static files are told.
///
/// # Examples
/// ```
/// use harmonious_http::StaticConfig;
///
/// let config = StaticConfig {
///     prefix: "/assets/".to_owned(),
///     cache_control: Some("public, max-age=31536000, immutable".to_owned()),
///     ..StaticConfig::default()
/// };
/// # drop(config);
/// ```
#[derive(Clone, Debug)]
pub struct StaticConfig {
    /// What is taken from the front of a URL's path; the rest is the file's path below the root. It
    /// begins and ends with `/`, and is compared as it is written. Default `/static/`.
    pub prefix: String,
    /// The value of `Cache-Control` for files that are found. Default: none is sent.
    pub cache_control: Option<String>,
    /// Whether `.br`, `.zst` and `.gz` beside a file are sent in its place. Default true.
    pub precompressed: bool,
    /// The file that answers for its folder, as `index.html`: a URL that ends with `/` is that file's
    /// in the folder, and the folder's URL without the slash is answered 308. Default: none does.
    pub index: Option<String>,
    /// Whether a path at which there is no file is somebody else's, [`crate::TryAnswer::NotMine`],
    /// and not a 404; so is whatever is asked by another method than GET and HEAD. The names at the
    /// top of the folder are then kept in memory (up to 4,096): a path that begins with none
    /// of them is told without the file system, and a new one is seen after `fresh_for`. Default
    /// false.
    pub fall_through: bool,
    /// For so long what is known about a path is used without asking the file system: a file that
    /// is replaced is seen after it. Default 1 s.
    pub fresh_for: Duration,
    /// Paths that the cache knows, at least 1. Default 1,024.
    pub entries_max: usize,
    /// Large files that the cache holds open. Default 256.
    pub open_files_max: usize,
    /// Bytes of small files that the cache holds; nothing is held with 0. Default
    /// 32 MiB.
    pub memory_max_bytes: usize,
    /// A file up to this is small, in bytes, `0..=16 MiB`. Default 64 KiB.
    pub memory_file_max_bytes: usize,
}

impl Default for StaticConfig {
    fn default() -> StaticConfig {
        StaticConfig {
            prefix: "/static/".to_owned(),
            cache_control: None,
            precompressed: true,
            index: None,
            fall_through: false,
            fresh_for: FRESH_FOR,
            entries_max: ENTRIES_MAX,
            open_files_max: OPEN_FILES_MAX,
            memory_max_bytes: MEMORY_MAX_BYTES,
            memory_file_max_bytes: MEMORY_FILE_MAX_BYTES,
        }
    }
}

impl StaticConfig {
    /// Checks what was set; gives the value of `Cache-Control`.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is not allowed.
    pub(super) fn validate(&self) -> Result<Option<HeaderValue>, Error> {
        let refuse = |setting, value: &dyn ToString, allowed: &str| Error::Setting {
            setting,
            value: value.to_string(),
            allowed: allowed.to_owned(),
        };
        if !(self.prefix.starts_with('/') && self.prefix.ends_with('/')) {
            let allowed = "a path that begins and ends with \"/\"";
            return Err(refuse("prefix", &format!("{:?}", self.prefix), allowed));
        }
        if let Some(index) = self.index.as_ref().filter(|index| !path::is_name(index)) {
            let allowed = "a name without \"/\" that does not begin with a dot";
            return Err(refuse("index", &format!("{index:?}"), allowed));
        }
        if !(1..=1_000_000).contains(&self.entries_max) {
            return Err(refuse("entries_max", &self.entries_max, "1 to 1000000"));
        }
        if self.memory_file_max_bytes > 16 << 20 {
            let value = self.memory_file_max_bytes;
            return Err(refuse("memory_file_max_bytes", &value, "0 to 16777216"));
        }
        let Some(value) = &self.cache_control else {
            return Ok(None);
        };
        HeaderValue::from_str(value).map(Some).map_err(|_| {
            let allowed = "directives of RFC 9111, 5.2, without control characters";
            refuse("cache_control", &format!("{value:?}"), allowed)
        })
    }
}
