//! Limits of catalogues, each with its unit and reason.

/// Bytes of one catalogue: texts that people wrote are far below, a file that went astray is not.
pub const CATALOGUE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Catalogues of a site: more is a folder of something else.
pub const LANGUAGES_MAX: usize = 64;
/// Ranges of `Accept-Language` that are looked at; browsers send a handful.
pub const RANGES_MAX: usize = 32;
