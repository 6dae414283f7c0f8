//! Every limit of the sdk. What the server limits (the size of a request, how long it may take) is in
//! the server's own settings.

/// Bytes of a file name of an upload: what common file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Parts of a form: more than any form that a person fills in has.
pub const FORM_PARTS_MAX: usize = 1_000;

/// Bytes of one field of a form that is no file: a long script that was pasted fits.
pub const FORM_FIELD_BYTES_MAX: u64 = 1 << 20;

/// Bytes of one uploaded file.
pub const FORM_FILE_BYTES_MAX: u64 = 32 << 20;

/// Bytes of an upload that stay in memory; a larger one goes on in a temporary file.
pub const UPLOAD_MEMORY_BYTES: usize = 256 << 10;

/// Bytes that a message to the server has room for before it grows: a statement and its values fit, and what
/// most templates are given.
pub const MESSAGE_BYTES: usize = 512;

/// Bytes that are read from the body at a time: few calls of the host, little on the heap.
pub const BODY_CHUNK_BYTES: usize = 64 << 10;

/// Bytes of a body that `bytes`, `text`, `json` and `form` take into memory.
pub const BODY_MEMORY_BYTES_MAX: u64 = 32 << 20;

/// Bytes of a body from which on it is given away to the server; a shorter one is lent, and copied. The
/// server copies so short ones in any case.
pub const BODY_GIVEN_BYTES_MIN: usize = 16 << 10;

/// For which paths a cookie counts that does not say.
pub const COOKIE_PATH: &str = "/";

/// Lines that a task's progress has at most where nobody looks on.
pub const PROGRESS_STEPS: u64 = 10;
