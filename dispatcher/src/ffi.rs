//! The host's side of the boundary: opens libraries, calls their entries, and is called by them. The
//! only file of this crate that may say `unsafe`.
//!
//! What makes it sound, and what the `SAFETY` comments lean on:
//! * *Mapped for ever.* A library is never closed (see `notes/dispatch.md`, B2.1): what it exports is
//!   `'static`. Instead it is retired, when nothing uses it any more.
//! * *The contract.* The library carries our fingerprint, which the loader has read from the file
//!   before: its sdk keeps to `harmonious-abi`. What costs nothing to check is checked all the same:
//!   sizes, null, lengths, UTF-8, numbers.
//! * *One stack.* The context behind `cx` lives on the stack of [`Library::call`], is made for one
//!   call of one entry, and is used on that thread only, until the entry returns. Calls within calls
//!   have contexts of their own. It is only ever shared, and never lent out for writing: what the host
//!   drops may be the module's, and speak to the host again while it goes.
//! * *Nothing unwinds.* Every function that a module can call is fenced.
//!
//! Why it is long: all `unsafe` of this crate is here. What needs none is in `ffi/`.

mod answer;
mod fields;
mod life;
mod outside;
mod types;
mod views;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr;
use std::slice;
use std::sync::{Arc, LazyLock, Weak};

use bytes::Bytes;
use harmonious_abi::{self as abi, Field, Str, kind};
use http::{HeaderMap, StatusCode};
use libloading::os::unix::{Library as Opened, RTLD_LOCAL, RTLD_NOW};
use parking_lot::Mutex;
use smallvec::SmallVec;

pub use types::{
    EntryCall, EntryInfo, FfiError, Host, ModuleBody, ModuleEdits, ModuleFailure, ModuleResponse,
    Returned,
};
pub use views::{BodyView, RequestArrays, RequestParts, RequestViews, ResponseView};

use answer::{Answer, panic_text, refusal};
use fields::{name, value};
use life::Life;

use crate::loader::config;

/// What modules are given: the functions below.
static HOST: abi::Host = abi::Host {
    size: size_of::<abi::Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::ABI_MINOR,
    respond,
    reply,
    fail,
    body_read,
    call,
    log,
};

/// Every library that this process has opened, by its handle: opening a file twice gives the same.
static LIVES: LazyLock<Mutex<HashMap<usize, Arc<Life<Mapped>>>>> = LazyLock::new(Mutex::default);

/// Sizes of the structs in ABI 1.0; a module may bring more, never less.
const MODULE_BYTES_MIN: usize = std::mem::offset_of!(abi::Module, retire) + size_of::<fn()>();
const ENTRY_BYTES_MIN: usize = std::mem::offset_of!(abi::Entry, call) + size_of::<fn()>();
const RESPONSE_BYTES_MIN: usize = std::mem::offset_of!(abi::Response, file) + size_of::<Str>();
const FAILURE_BYTES_MIN: usize = std::mem::offset_of!(abi::Failure, backtrace) + size_of::<Str>();

/// What a module is told that asks for something while the host serves it already.
const BUSY: &str = "the server is serving this entry already";

type EntryFn = extern "C" fn(&abi::Frame) -> i32;

/// An open library: a module that can be called, from any thread.
///
/// It is in use as long as there is a `Library` of it, or a body or a stream that it made. When the
/// last of these goes, on whatever thread, its `retire` runs. It stays mapped. Opened again (a change
/// that was undone), it starts again, with `init`.
pub struct Library {
    mapped: Arc<Mapped>,
    /// The module and its file, for messages.
    name: Arc<str>,
}

/// Tells whether a library is in use, without using it.
#[derive(Clone)]
pub struct LibraryUse(Weak<Mapped>);

/// A library in use.
struct Mapped {
    entries: Box<[EntryInfo]>,
    /// By the indices of `entries`.
    calls: Box<[EntryFn]>,
    retire: extern "C" fn(),
    dispose: Option<EntryFn>,
    life: Arc<Life<Mapped>>,
}

impl Library {
    /// Opens a library and starts the module in it. `name` is for messages: the module and its file.
    /// Runs code of the library: its fingerprint has to be checked before.
    ///
    /// # Errors
    /// If the system does not open it, if it is no module, or if its `init` refuses.
    pub fn open(path: &Path, name: &str) -> Result<Library, FfiError> {
        let module = map(path, name)?;
        let start = || start(module.0, Arc::clone(&module.1), name);
        let mapped = module.1.enter(name, start)?;
        Ok(Library {
            mapped,
            name: name.into(),
        })
    }

    /// Its entries, in the order of the library, which means nothing.
    #[must_use]
    pub fn entries(&self) -> &[EntryInfo] {
        &self.mapped.entries
    }

    /// Whether it is used, by this or others.
    #[must_use]
    pub fn usage(&self) -> LibraryUse {
        LibraryUse(Arc::downgrade(&self.mapped))
    }

    /// Calls entry `entry` of [`Library::entries`]. Everything the module asks for goes to `host`, and
    /// so does what it answers: see [`Host`] and [`Returned`].
    ///
    /// # Panics
    /// If there is no such entry, and where [`Host::respond`], [`Host::reply`] or [`Host::fail`] panics.
    pub fn call(&self, entry: usize, call: &EntryCall<'_>, host: &mut dyn Host) -> Returned {
        let asks_without_end = self.mapped.entries[entry].kind == kind::TASK;
        self.run(self.mapped.calls[entry], call, asks_without_end, host)
    }

    /// Has the module drop values that it keeps for sessions: `argument` says which and why (see
    /// [`abi::Module::dispose`]). A module that knows of none, being older than ABI 1.2, keeps none.
    ///
    /// # Panics
    /// As [`call`](Library::call).
    pub fn dispose(&self, argument: &[u8], host: &mut dyn Host) -> Returned {
        let Some(function) = self.mapped.dispose else {
            return Returned::Continue;
        };
        let call = EntryCall {
            request: None,
            status: 0,
            argument,
            response: None,
        };
        self.run(function, &call, false, host)
    }

    fn run(
        &self,
        function: EntryFn,
        call: &EntryCall<'_>,
        asks_without_end: bool,
        host: &mut dyn Host,
    ) -> Returned {
        let response = call.response.map(ResponseView::response);
        let context = Context::new(self, call, asks_without_end, host);
        let frame = abi::Frame {
            size: size_of::<abi::Frame>() as u32,
            status: u32::from(call.status),
            host: &raw const HOST,
            cx: (&raw const context).cast_mut().cast(),
            request: call
                .request
                .map_or(ptr::null(), |views| ptr::from_ref(views.request())),
            argument: Str::of(call.argument),
            response: response.as_ref().map_or(ptr::null(), ptr::from_ref),
        };
        let code = function(&frame);
        let answer = context.answer.into_inner();
        answer.finish(code, &self.name, context.host.into_inner())
    }
}

impl LibraryUse {
    /// Whether a module, a body or a stream of that library is still about.
    #[must_use]
    pub fn in_use(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        (self.retire)();
        self.life.over();
    }
}

/// Maps a library for ever, and finds what it shows of itself.
fn map(path: &Path, name: &str) -> Result<(*const abi::Module, Arc<Life<Mapped>>), FfiError> {
    // SAFETY: runs the library's constructors. It is a module built with our sdk, which has none; what
    // its author linked into it is trusted as any other code of the site.
    let opened = unsafe { Opened::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let opened = opened.map_err(|source| FfiError::Open {
        name: name.into(),
        source: Arc::new(source),
    })?;
    // SAFETY: the contract gives this symbol this type.
    let module = unsafe { opened.get::<abi::ModuleFn>(abi::MODULE_SYMBOL) };
    let module = module.map(|symbol| *symbol);
    // From here on it is never closed, also if it turns out to be broken.
    let handle = opened.into_raw() as usize;
    let module = module.map_err(|source| FfiError::Symbol {
        name: name.into(),
        symbol: abi::MODULE_SYMBOL,
        source: Arc::new(source),
    })?;
    let life = Arc::clone(LIVES.lock().entry(handle).or_default());
    Ok((module(), life))
}

/// Reads the module's table and calls its `init`.
fn start(
    module: *const abi::Module,
    life: Arc<Life<Mapped>>,
    name: &str,
) -> Result<Mapped, FfiError> {
    let broken = |why| FfiError::Table {
        name: name.into(),
        why,
    };
    let module = module_of(module).map_err(broken)?;
    let (entries, calls) = entries_of(&module).map_err(broken)?;
    match (module.init)(&raw const HOST) {
        0 => Ok(Mapped {
            entries,
            calls,
            retire: module.retire,
            dispose: module.dispose,
            life,
        }),
        code => Err(FfiError::Init {
            name: name.into(),
            code,
        }),
    }
}

fn module_of(module: *const abi::Module) -> Result<abi::Module, String> {
    if module.is_null() || !module.is_aligned() {
        return Err(format!("it is at {module:p}"));
    }
    // SAFETY: not null, aligned; the contract says that a module is there, which is never moved; its
    // first fields are in every version of it.
    let (magic, size) = unsafe { ((*module).magic, (*module).size as usize) };
    if magic != abi::MAGIC {
        return Err(format!("it begins with {magic:?}"));
    }
    if size < MODULE_BYTES_MIN {
        return Err(format!("it has {size} bytes, not {MODULE_BYTES_MIN}"));
    }
    for offset in [
        std::mem::offset_of!(abi::Module, init),
        std::mem::offset_of!(abi::Module, retire),
    ] {
        // SAFETY: `size` covers the field. Read as a number: a function pointer that is null must
        // not even be read.
        if unsafe { module.byte_add(offset).cast::<usize>().read() } == 0 {
            return Err(format!("its function at byte {offset} is null"));
        }
    }
    let mut known = MaybeUninit::<abi::Module>::zeroed();
    let bytes = size.min(size_of::<abi::Module>());
    // SAFETY: both have so many bytes, and do not overlap. What was added after 1.0 may be zero.
    unsafe {
        ptr::copy_nonoverlapping(module.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), bytes);
    }
    // SAFETY: all fields of 1.0 were copied, and its functions are not null.
    Ok(unsafe { known.assume_init() })
}

type Entries = (Box<[EntryInfo]>, Box<[EntryFn]>);

fn entries_of(module: &abi::Module) -> Result<Entries, String> {
    let (len, stride) = (module.entries_len, module.entry_size);
    if len > config::ENTRIES_MAX {
        return Err(format!(
            "{len} entries; allowed are {}",
            config::ENTRIES_MAX
        ));
    }
    if len > 0 && (module.entries.is_null() || !module.entries.is_aligned()) {
        return Err(format!("its entries are at {:p}", module.entries));
    }
    if stride < ENTRY_BYTES_MIN || !stride.is_multiple_of(align_of::<abi::Entry>()) {
        return Err(format!("its entries have {stride} bytes each"));
    }
    let read: Result<Vec<_>, _> = (0..len)
        // SAFETY: the contract says that there are `len` entries, each of `stride` bytes, for ever.
        .map(|at| unsafe { entry_of(module.entries.byte_add(at * stride)) })
        .collect();
    let (infos, calls): (Vec<_>, Vec<_>) = read?.into_iter().unzip();
    Ok((infos.into(), calls.into()))
}

/// # Safety
/// An entry of at least 1.0 is there, for ever.
unsafe fn entry_of(entry: *const abi::Entry) -> Result<(EntryInfo, EntryFn), String> {
    // SAFETY: as above; read as a number, since a function pointer that is null must not be read.
    let call = unsafe { (&raw const (*entry).call).cast::<usize>().read() };
    if call == 0 {
        return Err("an entry's function is null".into());
    }
    // SAFETY: as above, and its function is not null.
    let entry = unsafe { entry.read() };
    // SAFETY: the contract says that the name is valid as long as the library is mapped.
    let name = unsafe { text(entry.name, config::ENTRY_NAME_BYTES_MAX) };
    let name = name.map_err(|why| format!("the name of an entry {why}"))?;
    if !(kind::HANDLER..=kind::TASK).contains(&entry.kind) {
        return Err(format!(
            "entry \"{name}\" is of the unknown kind {}",
            entry.kind
        ));
    }
    let info = EntryInfo {
        kind: entry.kind,
        methods: entry.methods,
        name: name.into(),
    };
    Ok((info, entry.call))
}

/// What `cx` points to: one call of one entry. All of it can be changed while it is shared, see above.
struct Context<'h> {
    library: &'h Library,
    /// Borrowed while it does something.
    host: RefCell<&'h mut dyn Host>,
    /// Whether there is a response: then it may be edited, and its body may stay as it is.
    may_keep: bool,
    answer: Cell<Answer>,
    /// Whether a reply goes when the next one comes: a task may ask without end.
    asks_without_end: bool,
    /// Replies of services, which the entry may look at until it returns; of a task the last one.
    replies: RefCell<Vec<Vec<u8>>>,
    replies_bytes: Cell<usize>,
}

impl<'h> Context<'h> {
    fn new(
        library: &'h Library,
        call: &EntryCall<'_>,
        asks_without_end: bool,
        host: &'h mut dyn Host,
    ) -> Context<'h> {
        Context {
            library,
            host: RefCell::new(host),
            may_keep: call.response.is_some(),
            answer: Cell::default(),
            asks_without_end,
            replies: RefCell::default(),
            replies_bytes: Cell::new(0),
        }
    }

    /// # Safety
    /// `response` is as the contract has it.
    unsafe fn response(&self, response: *const abi::Response) -> Result<Answer, String> {
        // SAFETY: as above.
        let response = unsafe { sized(response, RESPONSE_BYTES_MIN) };
        let response = response.map_err(|why| format!("its response {why}"))?;
        // First of all: what was given away has to be freed, whatever is wrong with the rest.
        // SAFETY: as above; this is the only place that takes the body.
        let body = unsafe { self.body(&response) }?;
        match response.edits {
            0 => {
                let status = status_of(response.status)?;
                // SAFETY: as above.
                let headers = unsafe { headers_of(response.headers, response.headers_len) }?;
                Ok(Answer::Response(Box::new(ModuleResponse {
                    status,
                    headers,
                    body,
                })))
            }
            1 if self.may_keep => {
                // SAFETY: as above.
                unsafe { edits_of(&response, body) }.map(|edits| Answer::Edits(Box::new(edits)))
            }
            1 => Err("edits a response, which only an `after` can: there is none yet".into()),
            unknown => Err(format!("answered with edits of the unknown kind {unknown}")),
        }
    }

    /// # Safety
    /// `response` is as the contract has it; its body is taken once.
    unsafe fn body(&self, response: &abi::Response) -> Result<ModuleBody, String> {
        match response.body_kind {
            abi::body::EMPTY => Ok(ModuleBody::Empty),
            abi::body::BYTES => {
                // SAFETY: as above.
                unsafe { self.library.bytes(response.bytes) }.map(ModuleBody::Bytes)
            }
            abi::body::STREAM => {
                // SAFETY: as above.
                unsafe { self.library.stream(response.stream) }.map(ModuleBody::Stream)
            }
            abi::body::FILE => {
                // SAFETY: as above; copied before the call returns.
                let path = unsafe { text(response.file, config::PATH_BYTES_MAX) };
                let path = path.map_err(|why| format!("the path of the file {why}"))?;
                Ok(ModuleBody::File(PathBuf::from(path)))
            }
            abi::body::KEEP if self.may_keep => Ok(ModuleBody::Keep),
            abi::body::KEEP => {
                Err("keeps the body, which only an `after` can: there is none yet".into())
            }
            unknown => Err(format!("answered with the unknown kind of body {unknown}")),
        }
    }

    /// # Safety
    /// `service` and `message` are as the contract has them.
    unsafe fn ask(&self, service: Str, message: Str) -> Result<Vec<u8>, Vec<u8>> {
        // SAFETY: as above; not used after this call.
        let service = unsafe { text(service, config::ENTRY_NAME_BYTES_MAX) }
            .map_err(|why| refusal(&format!("the name of the service {why}")))?;
        // SAFETY: as above; not used after this call.
        let message = unsafe { view(message.ptr, message.len, config::MESSAGE_BYTES_MAX) }
            .map_err(|why| refusal(&format!("the message to \"{service}\" {why}")))?;
        let mut host = self.host.try_borrow_mut().map_err(|_| refusal(BUSY))?;
        let reply = host.call(service, message)?;
        let before = match self.asks_without_end {
            true => 0,
            false => self.replies_bytes.get(),
        };
        let sum = before.saturating_add(reply.len());
        if reply.len() > config::MESSAGE_BYTES_MAX || sum > config::REPLIES_BYTES_MAX {
            return Err(refusal(&format!(
                "the reply of \"{service}\" has {} bytes, with those before {sum}: allowed are {} \
                 and {}",
                reply.len(),
                config::MESSAGE_BYTES_MAX,
                config::REPLIES_BYTES_MAX
            )));
        }
        Ok(reply)
    }

    /// Keeps a reply until the entry returns; a task's until the next one. It does not move when the list of
    /// replies does.
    fn keep(&self, reply: Vec<u8>) -> Str {
        if self.asks_without_end {
            self.replies.borrow_mut().clear();
            self.replies_bytes.set(0);
        }
        self.replies_bytes
            .set(self.replies_bytes.get().saturating_add(reply.len()));
        let kept = Str::of(&reply);
        self.replies.borrow_mut().push(reply);
        kept
    }

    /// What was told before is dropped, which may run code of the module.
    fn tell(&self, answer: Answer) {
        drop(self.answer.replace(answer));
    }
}

impl Library {
    /// # Safety
    /// `owned` is as the contract has it; it is taken once.
    unsafe fn bytes(&self, owned: abi::Owned) -> Result<Bytes, String> {
        if owned.drop.is_none() {
            // SAFETY: as above; lent until the call returns, and copied.
            return unsafe { body_view(&owned) }.map(Bytes::copy_from_slice);
        }
        let bytes = ModuleBytes {
            owned,
            _in_use: Arc::clone(&self.mapped),
        };
        // SAFETY: as above; valid until `bytes` is dropped.
        let view = unsafe { body_view(&bytes.owned) }?;
        if view.len() < config::OWNED_BYTES_MIN {
            return Ok(Bytes::copy_from_slice(view));
        }
        Ok(Bytes::from_owner(bytes))
    }

    /// # Safety
    /// `stream` is as the contract has it; it is taken once.
    unsafe fn stream(&self, stream: abi::Stream) -> Result<ModuleStream, String> {
        let taken = ModuleStream {
            owner: stream.owner,
            next: stream.next,
            drop: stream.drop,
            name: Arc::clone(&self.name),
            _in_use: Arc::clone(&self.mapped),
        };
        match taken.next {
            Some(_) => Ok(taken),
            None => Err("answered with a stream that has no function for the next piece".into()),
        }
    }
}

/// Bytes in a module's memory.
struct ModuleBytes {
    /// Invariant: valid, and not changed by anybody, until `drop` is called, here alone.
    owned: abi::Owned,
    _in_use: Arc<Mapped>,
}

// SAFETY: the contract allows to read the bytes and to drop them on any thread.
unsafe impl Send for ModuleBytes {}

impl AsRef<[u8]> for ModuleBytes {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: see the invariant; pointer and length were checked when they were taken.
        unsafe { slice::from_raw_parts(self.owned.bytes.ptr, self.owned.bytes.len) }
    }
}

impl Drop for ModuleBytes {
    fn drop(&mut self) {
        if let Some(drop) = self.owned.drop {
            drop(self.owned.owner);
        }
    }
}

/// A body that a module makes piece by piece: each call may block, and runs code of the module. After
/// an error there is nothing more.
pub struct ModuleStream {
    /// Invariant: the argument of both functions; freed when `drop` is taken.
    owner: *mut c_void,
    /// `None` when it is over.
    next: Option<extern "C" fn(*mut c_void, *mut Str) -> i32>,
    drop: Option<extern "C" fn(*mut c_void)>,
    name: Arc<str>,
    _in_use: Arc<Mapped>,
}

// SAFETY: the contract allows to use a stream on different threads in turn; it is not `Sync`, so it
// is never used by two at once.
unsafe impl Send for ModuleStream {}

impl Iterator for ModuleStream {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.piece() {
                // An empty piece would end a body that is sent in chunks.
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => return Some(Ok(piece)),
                Ok(None) => {
                    self.end();
                    return None;
                }
                Err(why) => {
                    self.end();
                    let why = format!("the stream of module {} {why}", self.name);
                    return Some(Err(io::Error::other(why)));
                }
            }
        }
    }
}

impl ModuleStream {
    fn piece(&mut self) -> Result<Option<Bytes>, String> {
        let Some(next) = self.next else {
            return Ok(None);
        };
        let mut piece = Str::of(b"");
        match next(self.owner, &raw mut piece) {
            0 => Ok(None),
            1 => {
                // SAFETY: the contract says that it is valid until the next call; it is copied.
                let view = unsafe { view(piece.ptr, piece.len, config::PIECE_BYTES_MAX) };
                let view = view.map_err(|why| format!("gave a piece that {why}"))?;
                Ok(Some(Bytes::copy_from_slice(view)))
            }
            code if code < 0 => Err("failed".into()),
            code => Err(format!("returned {code}, which means nothing")),
        }
    }

    /// Frees what the module holds for it; at most once.
    fn end(&mut self) {
        self.next = None;
        if let Some(drop) = self.drop.take() {
            drop(self.owner);
        }
    }
}

impl Drop for ModuleStream {
    fn drop(&mut self) {
        self.end();
    }
}

extern "C" fn respond(cx: *mut c_void, response: *const abi::Response) {
    fenced(cx, (), |context| {
        // SAFETY: the contract says that it is valid until this returns.
        context.tell(match unsafe { context.response(response) } {
            Ok(answer) => answer,
            Err(why) => Answer::Fault(why),
        });
    });
}

extern "C" fn reply(cx: *mut c_void, value: Str) {
    fenced(cx, (), |context| {
        // SAFETY: the contract says that it is valid until this returns; it is copied.
        let view = unsafe { view(value.ptr, value.len, config::MESSAGE_BYTES_MAX) };
        context.tell(match view {
            Ok(value) => Answer::Value(value.to_vec()),
            Err(why) => Answer::Fault(format!("replied with a value that {why}")),
        });
    });
}

extern "C" fn fail(cx: *mut c_void, failure: *const abi::Failure) {
    fenced(cx, (), |context| {
        // SAFETY: the contract says that it is valid until this returns; it is copied.
        context.tell(match unsafe { failure_of(failure) } {
            Ok(failure) => Answer::Failure(Box::new(failure)),
            Err(why) => Answer::Fault(why),
        });
    });
}

extern "C" fn body_read(cx: *mut c_void, offset: u64, into: *mut u8, len: usize) -> i64 {
    fenced(cx, -1, |context| {
        let len = len.min(config::BODY_READ_BYTES_MAX);
        if len == 0 {
            return 0;
        }
        if into.is_null() {
            return -1;
        }
        // SAFETY: the contract says that `len` bytes may be written there. They are written before
        // they are lent out: nobody has said that there is something in them yet.
        let into = unsafe {
            into.write_bytes(0, len);
            slice::from_raw_parts_mut(into, len)
        };
        let read = context
            .host
            .try_borrow_mut()
            .map(|mut host| host.body_read(offset, into));
        match read {
            Ok(Ok(read)) if read <= len => read as i64,
            _ => -1,
        }
    })
}

extern "C" fn call(cx: *mut c_void, service: Str, message: Str, reply: *mut Str) -> i32 {
    fenced(cx, abi::called::ERROR, |context| {
        // SAFETY: the contract says that both are valid until this returns.
        let asked = AssertUnwindSafe(|| unsafe { context.ask(service, message) });
        let (code, bytes) = match catch_unwind(asked) {
            Ok(Ok(bytes)) => (abi::called::OK, bytes),
            Ok(Err(bytes)) => (abi::called::ERROR, bytes),
            Err(panic) => (abi::called::ERROR, refusal(&panic_text(&*panic))),
        };
        let kept = context.keep(bytes);
        if !reply.is_null() {
            // SAFETY: not null; the contract says that a `Str` may be written there.
            unsafe { reply.write(kept) };
        }
        code
    })
}

extern "C" fn log(cx: *mut c_void, level: u32, message: Str, fields: Str) {
    let level = level.clamp(abi::level::ERROR, abi::level::TRACE);
    // SAFETY: the contract says that both are valid until this returns.
    let (message, fields) = unsafe {
        (
            cut_text(message),
            view(fields.ptr, fields.len, config::TEXT_BYTES_MAX).unwrap_or_default(),
        )
    };
    let outside = || {
        // What panics in a logger ends here.
        drop(catch_unwind(AssertUnwindSafe(|| {
            outside::log(level, &message, fields)
        })));
    };
    if cx.is_null() {
        // Of a stream, or of a thread of the module.
        return outside();
    }
    fenced(cx, (), |context| match context.host.try_borrow_mut() {
        Ok(mut host) => host.log(level, &message, fields),
        // Of something that the host drops while it serves the entry.
        Err(_) => outside(),
    });
}

/// Runs what a module asked for. A panic in it is a fault of that entry, and ends here.
fn fenced<R>(cx: *mut c_void, otherwise: R, work: impl FnOnce(&Context<'_>) -> R) -> R {
    if cx.is_null() {
        return otherwise;
    }
    // SAFETY: the contract says that `cx` is that of the frame, that the entry has not returned, and
    // that this is its thread. Nobody has a reference to write through; there may be others to read.
    let context = unsafe { &*cx.cast::<Context<'_>>() };
    match catch_unwind(AssertUnwindSafe(|| work(context))) {
        Ok(done) => done,
        Err(panic) => {
            context.tell(Answer::Fault(panic_text(&*panic)));
            // What is in a panic may panic when it is dropped.
            drop(catch_unwind(AssertUnwindSafe(|| drop(panic))));
            otherwise
        }
    }
}

/// # Safety
/// `failure` is null, or as the contract has it.
unsafe fn failure_of(failure: *const abi::Failure) -> Result<ModuleFailure, String> {
    // SAFETY: as above.
    let failure = unsafe { sized(failure, FAILURE_BYTES_MIN) };
    let failure = failure.map_err(|why| format!("its failure {why}"))?;
    // SAFETY: as above, for all of these; they are copied.
    let (title, mut detail, file, backtrace, headers) = unsafe {
        (
            cut_text(failure.title),
            cut_text(failure.detail),
            cut_text(failure.file),
            cut_text(failure.backtrace),
            headers_of(failure.headers, failure.headers_len),
        )
    };
    let headers = headers.unwrap_or_else(|why| {
        // The failure counts more than its fields.
        detail = format!("{detail} (its header fields are left out: it {why})");
        HeaderMap::new()
    });
    Ok(ModuleFailure {
        status: match failure.status {
            status @ 400..=599 => status as u16,
            _ => 500,
        },
        title,
        detail,
        file,
        line: failure.line,
        headers,
        backtrace,
        panicked: false,
    })
}

/// # Safety
/// `fields` is null, or there are `len` of them, as the contract has them.
unsafe fn headers_of(fields: *const Field, len: usize) -> Result<HeaderMap, String> {
    // SAFETY: as above; not used after this call.
    let fields = unsafe { list(fields, len) }?;
    // With room for what an `after` adds: to grow costs more than all the fields.
    let mut headers = HeaderMap::with_capacity(fields.len() + config::HEADERS_TO_COME);
    for field in fields {
        // SAFETY: as above; copied.
        let (key, text) = unsafe { (part(field.name)?, part(field.value)?) };
        headers
            .try_append(name(key)?, value(key, text)?)
            .map_err(|_| "answered with more header fields than fit")?;
    }
    Ok(headers)
}

/// # Safety
/// `response` is as the contract has it; its body was taken, it is `body`.
unsafe fn edits_of(response: &abi::Response, body: ModuleBody) -> Result<ModuleEdits, String> {
    let status = match response.status {
        0 => None,
        status => Some(status_of(status)?),
    };
    // SAFETY: as above; not used after this call.
    let removed = unsafe { list(response.removed, response.removed_len) }?;
    // SAFETY: as above, for each.
    let removed = removed.iter().map(|one| name(unsafe { part(*one) }?));
    let removed: Result<Vec<_>, String> = removed.collect();
    // SAFETY: as above; not used after this call.
    let fields = unsafe { list(response.headers, response.headers_len) }?;
    let mut added = SmallVec::with_capacity(fields.len());
    for field in fields {
        // SAFETY: as above; copied.
        let (key, text) = unsafe { (part(field.name)?, part(field.value)?) };
        added.push((name(key)?, value(key, text)?));
    }
    Ok(ModuleEdits {
        status,
        removed: removed?,
        added,
        body,
    })
}

/// # Safety
/// `list` is null, or there are `len` of them, which nobody changes for as long as `'a`.
unsafe fn list<'a, T>(list: *const T, len: usize) -> Result<&'a [T], String> {
    // SAFETY: as above.
    unsafe { view(list, len, config::HEADERS_MAX) }
        .map_err(|why| format!("answered with a list of header fields that {why}"))
}

/// # Safety
/// `text` is as the contract has it, for as long as `'a`.
unsafe fn part<'a>(text: Str) -> Result<&'a [u8], String> {
    // SAFETY: as above.
    unsafe { view(text.ptr, text.len, config::TEXT_BYTES_MAX) }
        .map_err(|why| format!("answered with a header field that {why}"))
}

/// # Safety
/// `owned` is as the contract has it, for as long as it is borrowed.
unsafe fn body_view(owned: &abi::Owned) -> Result<&[u8], String> {
    // SAFETY: as above.
    unsafe { view(owned.bytes.ptr, owned.bytes.len, isize::MAX as usize) }
        .map_err(|why| format!("the body {why}"))
}

fn status_of(status: u32) -> Result<StatusCode, String> {
    let wrong = || format!("answered with status {status}: allowed is 200 to 599");
    match status {
        200..=599 => StatusCode::from_u16(status as u16).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// Copies a struct that begins with its size, as far as both sides know it; the rest is zero.
///
/// # Safety
/// `pointer` is null, or leads to as many bytes as its first four say; `T` is one of the contract's
/// structs, for which zeros are a value where 1.0 ends.
unsafe fn sized<T: Copy>(pointer: *const T, bytes_min: usize) -> Result<T, String> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(format!("is at {pointer:p}"));
    }
    // SAFETY: not null, aligned; as above.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if size < bytes_min {
        return Err(format!("has {size} bytes, not {bytes_min}"));
    }
    if size >= size_of::<T>() {
        // SAFETY: all of ours is there.
        return Ok(unsafe { pointer.read() });
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: both sides have so many bytes, and do not overlap.
    unsafe {
        ptr::copy_nonoverlapping(pointer.cast::<u8>(), value.as_mut_ptr().cast::<u8>(), size);
    }
    // SAFETY: as above.
    Ok(unsafe { value.assume_init() })
}

/// # Safety
/// `text` is as the contract has it, for as long as `'a`.
unsafe fn text<'a>(text: Str, bytes_max: usize) -> Result<&'a str, String> {
    // SAFETY: as above.
    let bytes = unsafe { view(text.ptr, text.len, bytes_max) }?;
    str::from_utf8(bytes).map_err(|error| format!("is not UTF-8: {error}"))
}

/// A text for people, as far as it goes: what is wrong in it is shown, what is too long is cut.
///
/// # Safety
/// `text` is as the contract has it.
unsafe fn cut_text(text: Str) -> String {
    let len = text.len.min(config::TEXT_BYTES_MAX);
    // SAFETY: as above; not used after this call.
    let bytes = unsafe { view(text.ptr, len, config::TEXT_BYTES_MAX) };
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// # Safety
/// `pointer` is null, or there are `len` values there, which nobody changes for as long as `'a`.
unsafe fn view<'a, T>(pointer: *const T, len: usize, len_max: usize) -> Result<&'a [T], String> {
    if len == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(format!("is at {pointer:p}, of length {len}"));
    }
    if len > len_max || len > isize::MAX as usize / size_of::<T>() {
        return Err(format!("has length {len}: allowed is {len_max}"));
    }
    // SAFETY: not null, aligned, not longer than memory; as above.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}
