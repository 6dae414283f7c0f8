//! The contract between host and modules: types and constants, nothing that runs.
//!
//! Only what is here crosses the boundary (invariant 8): integers, views of bytes (`Str`), function
//! pointers, and owners that are opaque to the other side and come with the function that frees them.
//! Nothing unwinds across it. Whoever allocates, frees.
//!
//! Two lanes. The *fast lane* is [`Request`], [`Frame`] and [`Response`]: what each request needs, as
//! borrowed views. The *message lane* is [`Host::call`]: the name of a service and a message
//! (MessagePack), answered with bytes; everything else goes there.
//!
//! Compatibility: every struct begins with `size`, its size in bytes as its writer knew it. A field is
//! only ever added at the end, with a new [`ABI_MINOR`]; whoever reads a field looks first whether
//! `size` covers it. Whatever else changes needs a new [`ABI_MAJOR`]. A module is loaded if its major
//! is the host's and its minor is not above the host's. Layouts are pinned by `tests/layout.rs`.

#![forbid(unsafe_code)]

use core::ffi::c_void;

mod note;

pub use note::{
    FINGERPRINT_FIELDS, Fingerprint, NOTE_FINGERPRINT, NOTE_NAME, NOTE_SECTION, layout_hash,
};

/// Changes with every change that an older reader would misread.
pub const ABI_MAJOR: u16 = 1;
/// Counts the additions since [`ABI_MAJOR`] changed.
pub const ABI_MINOR: u16 = 3;
/// How [`Module::magic`] begins: whatever else exports our symbol is no module.
pub const MAGIC: [u8; 8] = *b"HARMONIO";
/// The one symbol that a module exports: a [`ModuleFn`].
pub const MODULE_SYMBOL: &str = "harmonious_module";

/// The function behind [`MODULE_SYMBOL`]. The module it points to is never moved or freed.
pub type ModuleFn = extern "C" fn() -> *const Module;

/// Borrowed bytes. Where the documentation says text, they are UTF-8. `ptr` is not null, also when
/// `len` is 0. How long they live is said where they are passed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// The first byte.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
}

impl Str {
    /// Of a text or bytes that live for ever.
    ///
    /// ```
    /// assert_eq!(harmonious_abi::Str::of(b"abc").len, 3);
    /// ```
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Str {
        Str {
            ptr: bytes.as_ptr(),
            len: bytes.len(),
        }
    }
}

/// A name and its value, such as a header field. Names are text, in lower case; values are bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name.
    pub name: Str,
    /// The value.
    pub value: Str,
}

/// Methods as bits, so that sets of them are numbers.
pub mod method {
    /// GET.
    pub const GET: u32 = 1;
    /// HEAD.
    pub const HEAD: u32 = 1 << 1;
    /// POST.
    pub const POST: u32 = 1 << 2;
    /// PUT.
    pub const PUT: u32 = 1 << 3;
    /// PATCH.
    pub const PATCH: u32 = 1 << 4;
    /// DELETE.
    pub const DELETE: u32 = 1 << 5;
    /// OPTIONS.
    pub const OPTIONS: u32 = 1 << 6;
    /// All of them, in the order of an `Allow` field.
    pub const ALL: [(u32, &str); 7] = [
        (GET, "GET"),
        (HEAD, "HEAD"),
        (POST, "POST"),
        (PUT, "PUT"),
        (PATCH, "PATCH"),
        (DELETE, "DELETE"),
        (OPTIONS, "OPTIONS"),
    ];
}

/// A request: views that are valid until the entry that got them returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Of this struct, in bytes.
    pub size: u32,
    /// One of [`method`].
    pub method: u32,
    /// Text: `http` or `https`.
    pub scheme: Str,
    /// Text: the host that was asked for, in lower case, without port; empty if none was named.
    pub host: Str,
    /// Text: the canonical path, percent-encoded again; begins with `/`.
    pub path: Str,
    /// Text: the path as it came. For logs only.
    pub raw_path: Str,
    /// Text: what stands after the first `?`, undecoded; empty if there is none.
    pub query: Str,
    /// Text: the domain whose guards ran, such as `/scripts/[slug]/`.
    pub domain: Str,
    /// Decoded segments of the path, texts.
    pub segments: *const Str,
    /// How many there are.
    pub segments_len: usize,
    /// From which segment on a `[...rest]` took them; `segments_len` where none did.
    pub rest_from: usize,
    /// Names of dynamic segments and what stood there, texts.
    pub params: *const Field,
    /// How many there are.
    pub params_len: usize,
    /// The header fields, in the order of their first occurrence.
    pub headers: *const Field,
    /// How many there are.
    pub headers_len: usize,
    /// The body if it is in memory; else empty, and [`Host::body_read`] reads it.
    pub body: Str,
    /// Bytes of the body, wherever it is.
    pub body_len: u64,
    /// Text: the client's address without its port; empty on a Unix socket.
    pub peer: Str,
    /// Text: the request's number as the log and `X-Request-Id` have it.
    pub id: Str,
}

/// What an entry is called with. Valid until the entry returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Of this struct, in bytes.
    pub size: u32,
    /// For error pages, the status that is to be shown; else 0.
    pub status: u32,
    /// The host's functions.
    pub host: *const Host,
    /// The first argument of each of them.
    pub cx: *mut c_void,
    /// The request; null in calls that belong to none (a task).
    pub request: *const Request,
    /// For exports, the arguments (MessagePack); for tasks, theirs (MessagePack, an array of texts); for error
    /// pages, the error (MessagePack, a map); else empty.
    pub argument: Str,
    /// For `after`, the response as it is; else null.
    pub response: *const Response,
}

/// What an entry returns.
pub mod returned {
    /// A guard, `before` or `after` that lets things go on; a task that is done.
    pub const CONTINUE: i32 = 0;
    /// It called [`crate::Host::respond`].
    pub const RESPONDED: i32 = 1;
    /// A `[...rest]` that is not meant: the next one up is asked.
    pub const DECLINED: i32 = 2;
    /// It called [`crate::Host::fail`].
    pub const FAILED: i32 = 3;
    /// It panicked, and called [`crate::Host::fail`] with the panic.
    pub const PANICKED: i32 = 4;
    /// An export that called [`crate::Host::reply`].
    pub const REPLIED: i32 = 5;
}

/// Bytes that the module has allocated and gives away.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// The bytes; valid until `drop` is called; without one, until the call returns.
    pub bytes: Str,
    /// The first argument of `drop`.
    pub owner: *mut c_void,
    /// Frees the bytes. Called exactly once, on any thread; `None` where the bytes are only lent:
    /// they are copied.
    pub drop: Option<extern "C" fn(owner: *mut c_void)>,
}

/// A body that is made piece by piece.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// The first argument of both functions.
    pub owner: *mut c_void,
    /// Makes the next piece: 1 and a piece that is valid until the next call; 0 at the end; below 0 if
    /// it failed or panicked. Never called by two threads at once, but by different ones in turn; may block.
    pub next: Option<extern "C" fn(owner: *mut c_void, piece: *mut Str) -> i32>,
    /// Frees the stream. Called exactly once, on any thread, not while `next` runs.
    pub drop: Option<extern "C" fn(owner: *mut c_void)>,
}

/// Where the body of a [`Response`] is.
pub mod body {
    /// There is none.
    pub const EMPTY: u32 = 0;
    /// In `bytes`.
    pub const BYTES: u32 = 1;
    /// `stream` makes it.
    pub const STREAM: u32 = 2;
    /// The file that `file` names.
    pub const FILE: u32 = 3;
    /// In `after` only: the body stays as it is.
    pub const KEEP: u32 = 4;
}

/// An answer. Everything that is not in `bytes` or `stream` is a view, valid until the call returns.
///
/// With `edits` it is none of its own, but what an `after` changes in the one that its frame shows, so
/// that nothing that stays has to cross the boundary twice: the fields named in `removed` go, those in
/// `headers` come, `status` counts unless it is 0, and the body unless it is [`body::KEEP`].
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// Of this struct, in bytes.
    pub size: u32,
    /// 200 to 599, with `edits` also 0; what is not is an error of the module.
    pub status: u32,
    /// The header fields; one name may come several times.
    pub headers: *const Field,
    /// How many there are.
    pub headers_len: usize,
    /// One of [`body`].
    pub body_kind: u32,
    /// 1 if these are the edits of an `after`, else 0. Since 1.1.
    pub edits: u32,
    /// The body, if it is [`body::BYTES`].
    pub bytes: Owned,
    /// The body, if it is [`body::STREAM`].
    pub stream: Stream,
    /// Text: an absolute path or one below the site's folder, if the body is [`body::FILE`].
    pub file: Str,
    /// With `edits`, names of fields that are taken away before `headers` are added. Since 1.1.
    pub removed: *const Str,
    /// How many there are. Since 1.1.
    pub removed_len: usize,
}

/// Why an entry did not do what it was asked to. Views, valid until the call returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// Of this struct, in bytes.
    pub size: u32,
    /// 400 to 599.
    pub status: u32,
    /// Text for the visitor; may be empty.
    pub title: Str,
    /// Text for the log (and for the visitor in `dev`): the error, its causes, or what the panic said.
    pub detail: Str,
    /// Text: the file in which it happened; may be empty.
    pub file: Str,
    /// The line in it; 0 if it is not known.
    pub line: u32,
    /// 0.
    pub reserved: u32,
    /// Header fields for the answer, such as `Retry-After` or `WWW-Authenticate`.
    pub headers: *const Field,
    /// How many there are.
    pub headers_len: usize,
    /// Text: a backtrace, if there is one; may be empty.
    pub backtrace: Str,
}

/// How urgent a message for the log is.
pub mod level {
    /// Something failed.
    pub const ERROR: u32 = 1;
    /// Something is odd.
    pub const WARN: u32 = 2;
    /// Something happened.
    pub const INFO: u32 = 3;
    /// For whoever looks for a fault.
    pub const DEBUG: u32 = 4;
    /// Each step.
    pub const TRACE: u32 = 5;
}

/// How [`Host::call`] ended.
pub mod called {
    /// The reply is the service's.
    pub const OK: i32 = 0;
    /// The reply is a MessagePack map: `status` (integer), `title` and `detail` (texts).
    pub const ERROR: i32 = 1;
}

/// The host's functions. `cx` is always that of the frame, on the thread that runs the entry; none may be
/// called after the entry returned. The one exception is [`Host::log`]. None unwinds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Of this struct, in bytes.
    pub size: u32,
    /// [`ABI_MAJOR`] of the host.
    pub abi_major: u16,
    /// [`ABI_MINOR`] of the host.
    pub abi_minor: u16,
    /// This is the answer; a later one replaces it.
    pub respond: extern "C" fn(cx: *mut c_void, response: *const Response),
    /// This is what the export returns (MessagePack); copied.
    pub reply: extern "C" fn(cx: *mut c_void, value: Str),
    /// This is why it failed; copied.
    pub fail: extern "C" fn(cx: *mut c_void, failure: *const Failure),
    /// Reads the body from `offset` into `into`: how many bytes, 0 at the end, below 0 if it failed.
    pub body_read: extern "C" fn(cx: *mut c_void, offset: u64, into: *mut u8, len: usize) -> i64,
    /// Asks a service; see [`called`]. The reply is valid until the entry returns; in a task, which may ask
    /// without end, until it asks again.
    pub call: extern "C" fn(cx: *mut c_void, service: Str, message: Str, reply: *mut Str) -> i32,
    /// Into the server's log, with the request's number and the module's name; see [`level`]. `fields`
    /// is a MessagePack map or empty; the sdk writes `target` (text). May be called at any time and on any
    /// thread with a null `cx`, from a stream for example: the line then belongs to no request.
    pub log: extern "C" fn(cx: *mut c_void, level: u32, message: Str, fields: Str),
}

/// What an [`Entry`] is.
pub mod kind {
    /// Answers the methods in `methods`.
    pub const HANDLER: u32 = 1;
    /// May stop a request; covers the whole domain.
    pub const GUARD: u32 = 2;
    /// Runs before the handler; may answer.
    pub const BEFORE: u32 = 3;
    /// Runs after the handler; may change the response.
    pub const AFTER: u32 = 4;
    /// Can be called by name.
    pub const EXPORT: u32 = 5;
    /// Shows an error.
    pub const ERROR_PAGE: u32 = 6;
    /// Runs outside of any request: its frame has none. Since 1.3.
    pub const TASK: u32 = 7;
}

/// One function of a module that the host may call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Of this struct, in bytes.
    pub size: u32,
    /// One of [`kind`].
    pub kind: u32,
    /// For handlers, the set of [`method`]s.
    pub methods: u32,
    /// 0.
    pub flags: u32,
    /// Text: the function's name; for exports, what they are called by.
    pub name: Str,
    /// Does it; see [`returned`]. The frame is valid until it returns.
    pub call: extern "C" fn(frame: &Frame) -> i32,
}

/// A module, as its library shows it. Valid as long as the library is mapped.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// Of this struct, in bytes.
    pub size: u32,
    /// [`ABI_MAJOR`] of the sdk that it was built with.
    pub abi_major: u16,
    /// [`ABI_MINOR`] of the sdk that it was built with.
    pub abi_minor: u16,
    /// The stride of `entries`, in bytes.
    pub entry_size: usize,
    /// The entries, in no particular order.
    pub entries: *const Entry,
    /// How many there are.
    pub entries_len: usize,
    /// Called once, before any entry: sets the panic hook. `host` lives as long as the process. 0 if all
    /// is well.
    pub init: extern "C" fn(host: *const Host) -> i32,
    /// Called once, when nothing uses the module any more and nothing will.
    pub retire: extern "C" fn(),
    /// Drops values that the module keeps for sessions, which nobody uses: the frame's argument is a
    /// MessagePack map with `why` (text) and `numbers` (of the values, as the service `instance.lease` gave
    /// them); its request is null. [`returned::CONTINUE`], or as an [`Entry`]. Since 1.2.
    pub dispose: Option<extern "C" fn(frame: &Frame) -> i32>,
}
