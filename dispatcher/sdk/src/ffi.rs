//! The one file of the sdk with `unsafe`: the symbol that the library exports, the note, and safe views
//! of what the host hands over. Whatever is decided, is decided elsewhere.
//!
//! Why it is long: no other file may say `unsafe`, and both directions are here: what the host gives
//! (requests), and what the module gives away (bodies that it frees itself).

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use harmonious_abi as abi;
use smallvec::SmallVec;

use crate::config::BODY_GIVEN_BYTES_MIN;
use crate::fence::{self, Panic, fence};
use crate::headers::{Headers, Kind};
use crate::note::{NOTE, Note};
use crate::response::{Body, Pieces, Response, Stage};

// ---------------------------------------------------------------------------------------------------
// What the library shows.

/// The entries of the module, gathered by the linker from what the attributes wrote.
#[linkme::distributed_slice]
pub static ENTRIES: [Entry];

// The linker makes these names for the table, and would export them; the library shows one symbol only.
// The linker makes a name hidden that one object calls so.
#[cfg(target_os = "linux")]
std::arch::global_asm!(
    ".hidden __start_linkme_ENTRIES",
    ".hidden __stop_linkme_ENTRIES",
    ".hidden __start_linkm2_ENTRIES",
    ".hidden __stop_linkm2_ENTRIES",
);

/// An entry as the attributes write it.
#[repr(transparent)]
pub struct Entry(abi::Entry);

// SAFETY: it holds numbers, a pointer to a text that lives for ever, and a function; nothing changes.
unsafe impl Sync for Entry {}

impl Entry {
    /// An entry of the given [`abi::kind`], set of [`abi::method`]s and name.
    #[must_use]
    pub const fn new(
        kind: u32,
        methods: u32,
        name: &'static str,
        call: extern "C" fn(&abi::Frame) -> i32,
    ) -> Entry {
        let size = size_of::<abi::Entry>() as u32;
        let name = abi::Str::of(name.as_bytes());
        Entry(abi::Entry {
            size,
            kind,
            methods,
            flags: 0,
            name,
            call,
        })
    }

    pub(crate) fn kind(&self) -> u32 {
        self.0.kind
    }

    pub(crate) fn methods(&self) -> u32 {
        self.0.methods
    }

    pub(crate) fn name(&self) -> &'static str {
        // SAFETY: `new` took it from a `&'static str`.
        let bytes: &'static [u8] = unsafe { bytes(self.0.name) };
        str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Read from the file before the library is opened; nothing refers to it.
// SAFETY: the section holds notes, and this is one; readers only look at it.
#[used]
#[unsafe(link_section = ".note.harmonious")]
static THE_NOTE: Note = NOTE;

/// A module that is shown; see [`harmonious_module`].
struct Shown(abi::Module);

// SAFETY: it is written once, before it is shown, and refers to statics of the library.
unsafe impl Send for Shown {}
// SAFETY: as above; nothing changes.
unsafe impl Sync for Shown {}

/// The one symbol of the library: see [`abi::ModuleFn`].
// SAFETY: the name is that of the contract; nothing else in a module or its libraries is called so.
#[unsafe(no_mangle)]
pub extern "C" fn harmonious_module() -> *const abi::Module {
    static SHOWN: OnceLock<Shown> = OnceLock::new();
    let shown = SHOWN.get_or_init(|| {
        Shown(abi::Module {
            magic: abi::MAGIC,
            size: size_of::<abi::Module>() as u32,
            abi_major: abi::ABI_MAJOR,
            abi_minor: abi::ABI_MINOR,
            entry_size: size_of::<abi::Entry>(),
            entries: ENTRIES.as_ptr().cast(),
            entries_len: ENTRIES.len(),
            init,
            retire,
            dispose: Some(dispose),
        })
    });
    &raw const shown.0
}

/// The host's table, from `init` to `retire`.
static HOST: AtomicPtr<abi::Host> = AtomicPtr::new(ptr::null_mut());

extern "C" fn init(host: *const abi::Host) -> i32 {
    // SAFETY: the contract: `host` is valid and lives as long as the process; `size` and the versions
    // are in every version of it.
    let table = unsafe { &*host };
    let fits = table.size as usize >= size_of::<abi::Host>() && table.abi_major == abi::ABI_MAJOR;
    if !fits {
        return 1;
    }
    // Release: whoever sees the pointer sees the table; it is only ever read.
    HOST.store(host.cast_mut(), Ordering::Release);
    let started = fence(|| {
        fence::install_hook();
        crate::logging::install();
    });
    i32::from(started.is_err())
}

extern "C" fn retire() {
    // What is left was made while the module was retired already; a panic of its `drop` stays inside.
    let _ = fence(crate::instance::drop_all);
    HOST.store(ptr::null_mut(), Ordering::Release);
}

extern "C" fn dispose(frame: &abi::Frame) -> i32 {
    crate::entry::dispose(frame)
}

// ---------------------------------------------------------------------------------------------------
// What the host gives.

thread_local! {
    /// The frame of the entry that runs on this thread; null if none does. It has no destructor.
    /// Invariant: valid while it is not null, because `enter` takes it back before it returns.
    static CURRENT: Cell<*const abi::Frame> = const { Cell::new(ptr::null()) };
}

/// Segments of a path that need no allocation: more than usual paths have.
const SEGMENTS_INLINE: usize = 4;
/// Header fields that need no allocation when they go to the host: more than usual answers have.
const FIELDS_INLINE: usize = 8;

/// The way to the host while an entry runs.
///
/// Invariant: `frame` and all it leads to are valid as long as this lives. Only [`enter`] makes one, and
/// lends what it is put into. It is neither `Send` nor `Sync`, for the host is called on the entry's thread only.
pub struct Link {
    frame: *const abi::Frame,
    /// Invariant: the texts are the frame's; they are only lent out with the life of the `Link`.
    segments: OnceCell<SmallVec<[&'static str; SEGMENTS_INLINE]>>,
}

/// Runs an entry with what `wrap` makes of the link; a panic is returned.
pub fn enter<W, T>(
    frame: &abi::Frame,
    wrap: fn(Link) -> W,
    body: impl FnOnce(&W) -> T,
) -> Result<T, Box<Panic>> {
    let outer = CURRENT.replace(frame);
    let result = fence(|| {
        body(&wrap(Link {
            frame,
            segments: OnceCell::new(),
        }))
    });
    CURRENT.set(outer);
    result
}

/// A panic of the entry, told to the host. Not behind a fence, and nothing in it panics.
pub fn fail_with_panic(frame: &abi::Frame, panic: &Panic) {
    let link = Link {
        frame,
        segments: OnceCell::new(),
    };
    link.fail(&Failed {
        status: 500,
        title: "",
        detail: &panic.message,
        file: &panic.file,
        line: panic.line,
        backtrace: &panic.backtrace,
        headers: &Headers::default(),
    });
}

/// Into the server's log: with the request's number if an entry runs on this thread. False if there is
/// no host to tell.
pub fn log(level: u32, message: &str, fields: &[u8]) -> bool {
    let (message, fields) = (abi::Str::of(message.as_bytes()), abi::Str::of(fields));
    let frame = CURRENT.get();
    if !frame.is_null() {
        // SAFETY: the invariants of `CURRENT` and of a frame: it is valid, and so is its host.
        let (host, cx) = unsafe { (&*(*frame).host, (*frame).cx) };
        (host.log)(cx, level, message, fields);
        return true;
    }
    let host = HOST.load(Ordering::Acquire);
    if host.is_null() {
        return false;
    }
    // SAFETY: `init` put it there; it lives as long as the process.
    let host = unsafe { &*host };
    (host.log)(ptr::null_mut(), level, message, fields);
    true
}

/// Why an entry failed, as `abi::Failure` has it.
pub struct Failed<'a> {
    pub status: u16,
    pub title: &'a str,
    pub detail: &'a str,
    pub file: &'a str,
    pub line: u32,
    pub backtrace: &'a str,
    pub headers: &'a Headers,
}

/// Methods that lend a text of the request.
macro_rules! texts {
    ($($name:ident),*) => {
        $(pub fn $name(&self) -> &str {
            self.request().map_or("", |request| text(self, request.$name))
        })*
    };
}

impl Link {
    texts!(scheme, host, path, raw_path, query, domain, peer, id);

    /// One of [`abi::method`]; 0 if there is no request.
    pub fn method(&self) -> u32 {
        self.request().map_or(0, |request| request.method)
    }

    /// The status that an error page shows, else 0.
    pub fn status(&self) -> u32 {
        self.frame().status
    }

    /// Names in lower case, which are text, and values.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (at, len) = self
            .request()
            .map_or((ptr::null(), 0), |all| (all.headers, all.headers_len));
        fields(self, at, len)
    }

    /// Names of dynamic segments, and what stood there.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        let (at, len) = self
            .request()
            .map_or((ptr::null(), 0), |all| (all.params, all.params_len));
        let text = |bytes| str::from_utf8(bytes).unwrap_or_default();
        fields(self, at, len).map(move |(name, value)| (text(name), text(value)))
    }

    /// The decoded segments of the path.
    pub fn segments(&self) -> &[&str] {
        self.segments.get_or_init(|| {
            let (at, len) = self
                .request()
                .map_or((ptr::null(), 0), |all| (all.segments, all.segments_len));
            // SAFETY: the request's segments are an array of that many, valid as long as the `Link`.
            let all = unsafe { array(at, len) };
            // SAFETY: the texts are valid as long as the `Link`, which never lends them for longer.
            all.iter()
                .map(|one| str::from_utf8(unsafe { bytes(*one) }).unwrap_or_default())
                .collect()
        })
    }

    /// From which segment on a `[...rest]` took them.
    pub fn rest_from(&self) -> usize {
        self.request().map_or(0, |request| request.rest_from)
    }

    /// The body, if it is in memory.
    pub fn body(&self) -> &[u8] {
        self.request()
            .map_or(&[], |request| view(self, request.body))
    }

    /// Bytes of the body, wherever it is.
    pub fn body_len(&self) -> u64 {
        self.request().map_or(0, |request| request.body_len)
    }

    /// Arguments of an export, or the error of an error page.
    pub fn argument(&self) -> &[u8] {
        view(self, self.frame().argument)
    }

    /// The status that an `after` sees.
    pub fn answer_status(&self) -> Option<u16> {
        self.response().map(|answer| answer.status as u16)
    }

    /// The fields that an `after` sees: names in lower case, and values.
    pub fn answer_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (at, len) = self
            .response()
            .map_or((ptr::null(), 0), |all| (all.headers, all.headers_len));
        fields(self, at, len)
    }

    /// The body that an `after` sees, if it is in memory.
    pub fn answer_body(&self) -> Option<&[u8]> {
        let answer = self.response()?;
        (answer.body_kind == abi::body::BYTES).then(|| view(self, answer.bytes.bytes))
    }

    /// Reads the body from `offset`: how many bytes, 0 at the end.
    pub fn body_read(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let (host, cx) = self.call_host();
        let read = (host.body_read)(cx, offset, into.as_mut_ptr(), into.len());
        let read = usize::try_from(read)
            .ok()
            .filter(|read| *read <= into.len());
        read.ok_or_else(|| io::Error::other("the server could not read the request's body"))
    }

    /// Asks a service: its reply, or the map of its error.
    pub fn call(&self, service: &str, message: &[u8]) -> Result<Cow<'_, [u8]>, Cow<'_, [u8]>> {
        let (host, cx) = self.call_host();
        let mut reply = abi::Str::of(b"");
        let (service, message) = (abi::Str::of(service.as_bytes()), abi::Str::of(message));
        let ended = (host.call)(cx, service, message, &raw mut reply);
        let reply = match self.request() {
            Some(_) => Cow::Borrowed(view(self, reply)),
            // A task's is valid until it asks again: it is copied before.
            // SAFETY: the host's reply, and nothing was asked since.
            None => Cow::Owned(unsafe { bytes(reply) }.to_vec()),
        };
        if ended == abi::called::OK {
            Ok(reply)
        } else {
            Err(reply)
        }
    }

    /// What an export returns.
    pub fn reply(&self, value: &[u8]) {
        let (host, cx) = self.call_host();
        (host.reply)(cx, abi::Str::of(value));
    }

    /// Why the entry failed.
    pub fn fail(&self, failed: &Failed<'_>) {
        let (host, cx) = self.call_host();
        let mut headers = SmallVec::new();
        views_of(failed.headers, &mut headers);
        let failure = abi::Failure {
            size: size_of::<abi::Failure>() as u32,
            status: u32::from(failed.status),
            title: abi::Str::of(failed.title.as_bytes()),
            detail: abi::Str::of(failed.detail.as_bytes()),
            file: abi::Str::of(failed.file.as_bytes()),
            line: failed.line,
            reserved: 0,
            headers: headers.as_ptr(),
            headers_len: headers.len(),
            backtrace: abi::Str::of(failed.backtrace.as_bytes()),
        };
        (host.fail)(cx, &raw const failure);
    }

    /// The answer, or what an `after` changed in it. Its body is gone then.
    pub fn respond(&self, response: &mut Response) {
        let (host, cx) = self.call_host();
        let body = std::mem::replace(&mut response.body, Body::Empty);
        let mut headers = SmallVec::new();
        views_of(&response.headers, &mut headers);
        let edits = response.stage == Stage::Edited;
        let mut removed = Vec::new();
        if edits {
            let names = response.headers.of(Kind::Removed);
            removed.extend(names.map(|(name, _)| abi::Str::of(name)));
        }
        let status = match edits && response.status == response.shown_status {
            true => 0,
            false => response.status,
        };
        let file = match &body {
            Body::File(path) => abi::Str::of(path.as_bytes()),
            _ => abi::Str::of(b""),
        };
        let (body_kind, bytes, stream, lent) = give_away(body);
        let answer = abi::Response {
            size: size_of::<abi::Response>() as u32,
            status: u32::from(status),
            headers: headers.as_ptr(),
            headers_len: headers.len(),
            body_kind,
            edits: u32::from(edits),
            bytes,
            stream,
            file,
            removed: removed.as_ptr(),
            removed_len: removed.len(),
        };
        (host.respond)(cx, &raw const answer);
        drop(lent);
    }

    fn frame(&self) -> &abi::Frame {
        // SAFETY: the invariant of `Link`.
        unsafe { &*self.frame }
    }

    fn request(&self) -> Option<&abi::Request> {
        // SAFETY: the invariant of `Link`: null or valid.
        unsafe { self.frame().request.as_ref() }
    }

    fn response(&self) -> Option<&abi::Response> {
        // SAFETY: the invariant of `Link`: null or valid.
        unsafe { self.frame().response.as_ref() }
    }

    fn call_host(&self) -> (&abi::Host, *mut c_void) {
        // SAFETY: the invariant of `Link`; `init` refused hosts whose table is shorter than ours.
        (unsafe { &*self.frame().host }, self.frame().cx)
    }
}

/// What the bytes of `str` are, for no longer than `_owner` is borrowed.
fn view<T>(_owner: &T, str: abi::Str) -> &[u8] {
    // SAFETY: only called with what belongs to the frame of `_owner`, or with a reply of its host: all
    // of that is valid until the entry returns, which is after the last borrow of the `Link`.
    unsafe { bytes(str) }
}

fn text<T>(owner: &T, str: abi::Str) -> &str {
    str::from_utf8(view(owner, str)).unwrap_or_default()
}

/// The fields of an array of the frame of `owner`: the names are text.
fn fields<T>(
    owner: &T,
    at: *const abi::Field,
    len: usize,
) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
    // SAFETY: as in `view`; the length is that of the array.
    let all = unsafe { array(at, len) };
    all.iter()
        .map(move |one| (view(owner, one.name), view(owner, one.value)))
}

/// Views of the fields that the module has set.
fn views_of(headers: &Headers, views: &mut SmallVec<[abi::Field; FIELDS_INLINE]>) {
    // One by one: of how many there are an iterator that filters knows nothing.
    for one in headers.of(Kind::Added) {
        views.push(field(one));
    }
}

fn field((name, value): (&[u8], &[u8])) -> abi::Field {
    abi::Field {
        name: abi::Str::of(name),
        value: abi::Str::of(value),
    }
}

/// # Safety
/// The bytes must be valid for `'a`.
unsafe fn bytes<'a>(str: abi::Str) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe { array(str.ptr, str.len) }
}

/// # Safety
/// `at` must be null, or lead to `len` valid values for `'a`.
unsafe fn array<'a, T>(at: *const T, len: usize) -> &'a [T] {
    if at.is_null() || len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(at, len) }
}

// ---------------------------------------------------------------------------------------------------
// What the module gives away, and frees itself.

const NO_BYTES: abi::Owned = abi::Owned {
    bytes: abi::Str::of(b""),
    owner: ptr::null_mut(),
    drop: None,
};
const NO_STREAM: abi::Stream = abi::Stream {
    owner: ptr::null_mut(),
    next: None,
    drop: None,
};

/// A body as the contract has it, with the functions that free it; and what of it is only lent, which has
/// to stay until the host has copied it. Bytes and texts stay where they are when it is moved.
fn give_away(body: Body) -> (u32, abi::Owned, abi::Stream, Option<Body>) {
    match body {
        Body::Empty => (abi::body::EMPTY, NO_BYTES, NO_STREAM, None),
        Body::Keep => (abi::body::KEEP, NO_BYTES, NO_STREAM, None),
        Body::File(_) => (abi::body::FILE, NO_BYTES, NO_STREAM, Some(body)),
        Body::Bytes(bytes) if bytes.len() < BODY_GIVEN_BYTES_MIN => {
            let lent = abi::Owned {
                bytes: abi::Str::of(&bytes),
                ..NO_BYTES
            };
            (abi::body::BYTES, lent, NO_STREAM, Some(Body::Bytes(bytes)))
        }
        Body::Bytes(bytes) => {
            let owner = Box::new(bytes);
            let bytes = abi::Str::of(&owner);
            let owner = Box::into_raw(owner).cast();
            (
                abi::body::BYTES,
                abi::Owned {
                    bytes,
                    owner,
                    drop: Some(drop_bytes),
                },
                NO_STREAM,
                None,
            )
        }
        Body::Stream(pieces) => {
            let owner = Box::new(Running {
                pieces: Some(pieces),
                piece: Vec::new(),
            });
            let owner = Box::into_raw(owner).cast();
            let stream = abi::Stream {
                owner,
                next: Some(next_piece),
                drop: Some(drop_stream),
            };
            (abi::body::STREAM, NO_BYTES, stream, None)
        }
    }
}

extern "C" fn drop_bytes(owner: *mut c_void) {
    // SAFETY: `give_away` made it of such a box; the contract: called exactly once.
    drop(unsafe { Box::from_raw(owner.cast::<Vec<u8>>()) });
}

/// A body that is being made.
struct Running {
    /// `None` after its end, a failure or a panic: it is not asked again.
    pieces: Option<Pieces>,
    /// The last piece, which the host reads until it asks for the next one.
    piece: Vec<u8>,
}

extern "C" fn next_piece(owner: *mut c_void, piece: *mut abi::Str) -> i32 {
    // SAFETY: `give_away` made it of such a box; the contract: not called by two threads at once.
    let running = unsafe { &mut *owner.cast::<Running>() };
    let code = match fence(|| running.next()) {
        Ok(code) => code,
        Err(panic) => {
            // If dropping it panics too, there is nothing more to tell.
            let _ = fence(|| running.pieces = None);
            crate::logging::stream_panicked(&panic);
            -1
        }
    };
    // SAFETY: the contract: there is room for one.
    unsafe { piece.write(abi::Str::of(&running.piece)) };
    code
}

impl Running {
    /// What `abi::Stream::next` returns; the piece is never empty where there is one.
    fn next(&mut self) -> i32 {
        self.piece.clear();
        while let Some(pieces) = &mut self.pieces {
            match pieces.next() {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.piece = piece;
                    return 1;
                }
                Some(Err(error)) => {
                    self.pieces = None;
                    crate::logging::stream_failed(&error);
                    return -1;
                }
                None => self.pieces = None,
            }
        }
        0
    }
}

extern "C" fn drop_stream(owner: *mut c_void) {
    // SAFETY: `give_away` made it of such a box; the contract: called exactly once, not during `next`.
    let running = unsafe { Box::from_raw(owner.cast::<Running>()) };
    if let Err(panic) = fence(|| drop(running)) {
        crate::logging::stream_panicked(&panic);
    }
}

// ---------------------------------------------------------------------------------------------------
// The other side, for `harmonious::testing`: a host that runs entries as the server does.

/// What has values of sessions go, as an entry.
pub static DISPOSE: Entry = Entry::new(0, 0, "dispose", dispose);

/// What a request is made of in a test.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// 0 where there is no request.
    pub method: u32,
    /// For error pages.
    pub status: u32,
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub segments: &'a [&'a str],
    pub rest_from: usize,
    pub params: &'a [(String, String)],
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    /// Whether the body is read through the host only.
    pub body_in_file: bool,
    pub peer: &'a str,
    pub argument: &'a [u8],
    /// For `after`.
    pub answer: Option<&'a Taken>,
}

/// An answer, copied.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    pub status: u16,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: TakenBody,
}

/// A body, copied; of a stream, all its pieces.
#[derive(Clone, Debug, Default)]
pub enum TakenBody {
    #[default]
    Empty,
    Bytes(Vec<u8>),
    File(String),
    /// The stream broke off after these.
    Broken(Vec<u8>),
    Keep,
}

/// Why an entry failed, copied.
#[derive(Clone, Debug, Default)]
pub struct TakenFailure {
    pub status: u16,
    pub title: String,
    pub detail: String,
    pub headers: Vec<(String, Vec<u8>)>,
}

/// What an entry did.
#[derive(Default)]
pub struct Driven {
    pub code: i32,
    pub answer: Option<Taken>,
    pub reply: Option<Vec<u8>>,
    pub failure: Option<TakenFailure>,
}

/// What answers an entry in a test.
pub trait Services {
    /// The reply of a service, or the map of its error.
    fn call(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, Vec<u8>>;
    /// A line for the log; see [`abi::level`].
    fn log(&self, level: u32, message: &str);
}

/// What `cx` leads to.
struct Cx<'a> {
    services: &'a dyn Services,
    body: &'a [u8],
    driven: RefCell<Driven>,
    answer: Option<&'a Taken>,
    /// Replies that were lent out; freed when the entry has returned. The vectors may move, their bytes
    /// do not.
    replies: RefCell<Vec<Vec<u8>>>,
}

static TEST_HOST: abi::Host = abi::Host {
    size: size_of::<abi::Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    respond: test_respond,
    reply: test_reply,
    fail: test_fail,
    body_read: test_body_read,
    call: test_call,
    log: test_log,
};

/// Runs an entry as the server does.
pub fn drive(entry: &Entry, given: &Given<'_>, services: &dyn Services) -> Driven {
    // SAFETY: the function returns a module that lives for ever.
    let module = unsafe { &*harmonious_module() };
    (module.init)(&raw const TEST_HOST);
    let segments: Vec<abi::Str> = given.segments.iter().map(|text| str_of(text)).collect();
    let params = test_fields(given.params);
    let headers = test_fields(given.headers);
    let request = abi::Request {
        size: size_of::<abi::Request>() as u32,
        method: given.method,
        scheme: str_of("http"),
        host: str_of(given.host),
        path: str_of(given.path),
        raw_path: str_of(given.path),
        query: str_of(given.query),
        domain: str_of("/"),
        segments: segments.as_ptr(),
        segments_len: segments.len(),
        rest_from: given.rest_from,
        params: params.as_ptr(),
        params_len: params.len(),
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        body: abi::Str::of(if given.body_in_file { b"" } else { given.body }),
        body_len: given.body.len() as u64,
        peer: str_of(given.peer),
        id: str_of("test"),
    };
    let (fields, answer) = given.answer.map(test_answer).unzip();
    let driven = RefCell::default();
    let cx = Cx {
        services,
        body: given.body,
        answer: given.answer,
        driven,
        replies: RefCell::default(),
    };
    let frame = abi::Frame {
        size: size_of::<abi::Frame>() as u32,
        status: given.status,
        host: &raw const TEST_HOST,
        cx: (&raw const cx).cast_mut().cast(),
        // As the server does while values go.
        request: match given.method {
            0 => ptr::null(),
            _ => &raw const request,
        },
        argument: abi::Str::of(given.argument),
        response: answer.as_ref().map_or(ptr::null(), ptr::from_ref),
    };
    let code = (entry.0.call)(&frame);
    drop(fields);
    Driven {
        code,
        ..cx.driven.into_inner()
    }
}

fn str_of(text: &str) -> abi::Str {
    abi::Str::of(text.as_bytes())
}

fn test_fields(all: &[(String, String)]) -> Vec<abi::Field> {
    all.iter()
        .map(|(name, value)| field((name.as_bytes(), value.as_bytes())))
        .collect()
}

/// The answer as an `after` sees it, and the fields that it refers to.
fn test_answer(taken: &Taken) -> (Vec<abi::Field>, abi::Response) {
    let fields: Vec<abi::Field> = taken
        .headers
        .iter()
        .map(|(name, value)| field((name.as_bytes(), value)))
        .collect();
    let (body_kind, bytes) = match &taken.body {
        TakenBody::Bytes(bytes) => (abi::body::BYTES, bytes.as_slice()),
        TakenBody::File(_) => (abi::body::FILE, &b""[..]),
        _ => (abi::body::EMPTY, &b""[..]),
    };
    let answer = abi::Response {
        size: size_of::<abi::Response>() as u32,
        status: u32::from(taken.status),
        headers: fields.as_ptr(),
        headers_len: fields.len(),
        body_kind,
        edits: 0,
        bytes: abi::Owned {
            bytes: abi::Str::of(bytes),
            ..NO_BYTES
        },
        stream: NO_STREAM,
        file: abi::Str::of(b""),
        removed: ptr::null(),
        removed_len: 0,
    };
    (fields, answer)
}

/// # Safety
/// `cx` must be the one of a frame of [`drive`], which is still running.
unsafe fn test_cx<'a>(cx: *mut c_void) -> &'a Cx<'a> {
    // SAFETY: the caller's promise. Shared, because a service may log while it is asked.
    unsafe { &*cx.cast::<Cx<'a>>() }
}

/// A copy of an array of fields.
///
/// # Safety
/// `at` must lead to `len` valid fields.
unsafe fn test_copied(at: *const abi::Field, len: usize) -> Vec<(String, Vec<u8>)> {
    // SAFETY: the caller's promise.
    let all = unsafe { array(at, len) };
    // SAFETY: the caller's promise.
    all.iter()
        .map(|one| unsafe { (test_text(one.name), bytes(one.value).to_vec()) })
        .collect()
}

/// # Safety
/// The bytes must be valid.
unsafe fn test_text(str: abi::Str) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { bytes(str) }).into_owned()
}

extern "C" fn test_respond(cx: *mut c_void, response: *const abi::Response) {
    // SAFETY: the sdk calls it with the frame's `cx` and with an answer that is valid meanwhile.
    let (cx, response) = unsafe { (test_cx(cx), &*response) };
    let body = match response.body_kind {
        // SAFETY: such an answer has bytes, and then no longer needs them.
        abi::body::BYTES => unsafe {
            let copied = bytes(response.bytes.bytes).to_vec();
            response
                .bytes
                .drop
                .inspect(|drop| drop(response.bytes.owner));
            TakenBody::Bytes(copied)
        },
        abi::body::STREAM => test_drain(&response.stream),
        // SAFETY: the text is valid until this returns.
        abi::body::FILE => TakenBody::File(unsafe { test_text(response.file) }),
        abi::body::KEEP => TakenBody::Keep,
        _ => TakenBody::Empty,
    };
    // SAFETY: the fields are valid until this returns.
    let added = unsafe { test_copied(response.headers, response.headers_len) };
    let shown = cx.answer.filter(|_| response.edits == 1);
    let mut taken = shown.cloned().unwrap_or_default();
    // SAFETY: the names are valid until this returns.
    for name in unsafe { array(response.removed, response.removed_len) } {
        // SAFETY: as above.
        let name = unsafe { test_text(*name) };
        taken.headers.retain(|(other, _)| *other != name);
    }
    taken.headers.extend(added);
    if response.status > 0 {
        taken.status = response.status as u16;
    }
    taken.body = body;
    cx.driven.borrow_mut().answer = Some(taken);
}

fn test_drain(stream: &abi::Stream) -> TakenBody {
    let mut all = Vec::new();
    let (Some(next), Some(drop)) = (stream.next, stream.drop) else {
        return TakenBody::Empty;
    };
    let code = loop {
        let mut piece = abi::Str::of(b"");
        match next(stream.owner, &raw mut piece) {
            // SAFETY: the piece is valid until `next` is called again.
            1 => all.extend_from_slice(unsafe { bytes(piece) }),
            code => break code,
        }
    };
    drop(stream.owner);
    if code == 0 {
        TakenBody::Bytes(all)
    } else {
        TakenBody::Broken(all)
    }
}

extern "C" fn test_reply(cx: *mut c_void, value: abi::Str) {
    // SAFETY: the sdk calls it with the frame's `cx` and with valid bytes.
    let (cx, value) = unsafe { (test_cx(cx), bytes(value)) };
    cx.driven.borrow_mut().reply = Some(value.to_vec());
}

extern "C" fn test_fail(cx: *mut c_void, failure: *const abi::Failure) {
    // SAFETY: the sdk calls it with the frame's `cx`, and a failure whose texts are valid meanwhile.
    unsafe {
        let failure = &*failure;
        test_cx(cx).driven.borrow_mut().failure = Some(TakenFailure {
            status: failure.status as u16,
            title: test_text(failure.title),
            detail: test_text(failure.detail),
            headers: test_copied(failure.headers, failure.headers_len),
        });
    }
}

extern "C" fn test_body_read(cx: *mut c_void, offset: u64, into: *mut u8, len: usize) -> i64 {
    // SAFETY: the sdk calls it with the frame's `cx`, and with room for `len` bytes.
    let (cx, into) = unsafe { (test_cx(cx), std::slice::from_raw_parts_mut(into, len)) };
    let rest = cx.body.get(offset as usize..).unwrap_or_default();
    let len = rest.len().min(into.len());
    into[..len].copy_from_slice(&rest[..len]);
    len as i64
}

extern "C" fn test_call(
    cx: *mut c_void,
    service: abi::Str,
    message: abi::Str,
    reply: *mut abi::Str,
) -> i32 {
    // SAFETY: the sdk calls it with the frame's `cx` and with valid texts.
    let (cx, service, message) = unsafe { (test_cx(cx), test_text(service), bytes(message)) };
    let (code, bytes) = match cx.services.call(&service, message) {
        Ok(bytes) => (abi::called::OK, bytes),
        Err(bytes) => (abi::called::ERROR, bytes),
    };
    // SAFETY: there is room for one; the bytes live until `drive` returns.
    unsafe { reply.write(abi::Str::of(&bytes)) };
    cx.replies.borrow_mut().push(bytes);
    code
}

extern "C" fn test_log(cx: *mut c_void, level: u32, message: abi::Str, _fields: abi::Str) {
    // SAFETY: the sdk calls it with a valid text.
    let message = unsafe { test_text(message) };
    if cx.is_null() {
        eprintln!("{message}");
    } else {
        // SAFETY: it is the frame's.
        unsafe { test_cx(cx) }.services.log(level, &message);
    }
}
