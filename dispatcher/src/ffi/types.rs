//! What crosses the boundary as safe values: what a module is asked, what it answers, whom it asks.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use smallvec::SmallVec;

use super::{ModuleStream, RequestViews, ResponseView};

/// One entry of an open library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    /// One of [`harmonious_abi::kind`].
    pub kind: u32,
    /// For handlers, the set of [`harmonious_abi::method`]s; else 0.
    pub methods: u32,
    /// The function's name.
    pub name: String,
}

/// What an entry is called with.
#[derive(Clone, Copy, Default)]
pub struct EntryCall<'a> {
    /// The request; `None` in calls that belong to none.
    pub request: Option<&'a RequestViews<'a>>,
    /// For error pages, the status that is to be shown; else 0.
    pub status: u16,
    /// For exports and error pages, the argument (MessagePack); else empty.
    pub argument: &'a [u8],
    /// For `after`, the response as it is.
    pub response: Option<&'a ResponseView<'a>>,
}

/// Whom a module speaks to while one of its entries runs.
///
/// [`Host::respond`], [`Host::edit`], [`Host::reply`] and [`Host::fail`] are called after the entry returned, at most
/// one of them and at most once, as [`Returned`] says; the others while it runs, on its thread. What
/// panics in them is a failure of the entry.
pub trait Host {
    /// The entry's answer; follows [`Returned::Responded`].
    fn respond(&mut self, response: Box<ModuleResponse>);
    /// What an `after` changes in the response that it was shown; follows [`Returned::Responded`].
    fn edit(&mut self, edits: Box<ModuleEdits>);
    /// What an export returns (MessagePack); follows [`Returned::Replied`].
    fn reply(&mut self, value: Vec<u8>);
    /// Why there is no answer; follows [`Returned::Failed`], [`Returned::Panicked`] and
    /// [`Returned::Unknown`].
    fn fail(&mut self, failure: Box<ModuleFailure>);
    /// Reads the request's body from `offset` bytes on; 0 at its end.
    ///
    /// # Errors
    /// Those of reading; the module learns that there was one.
    fn body_read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Asks a service. May call other entries, on the same thread.
    ///
    /// # Errors
    /// A MessagePack map as [`harmonious_abi::called::ERROR`] has it.
    fn call(&mut self, service: &str, message: &[u8]) -> Result<Vec<u8>, Vec<u8>>;
    /// A message for the log: one of [`harmonious_abi::level`], text, and fields (a MessagePack map,
    /// or empty).
    fn log(&mut self, level: u32, message: &str, fields: &[u8]);
}

/// An answer of a module.
#[derive(Debug)]
pub struct ModuleResponse {
    /// 200 to 599.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: ModuleBody,
}

/// What an `after` changes in a response; whatever is not here stays.
#[derive(Debug)]
pub struct ModuleEdits {
    /// 200 to 599.
    pub status: Option<StatusCode>,
    /// Fields that are taken away, first of all.
    pub removed: Vec<HeaderName>,
    /// Fields that are added.
    pub added: SmallVec<[(HeaderName, HeaderValue); 1]>,
    /// Another body, or [`ModuleBody::Keep`].
    pub body: ModuleBody,
}

/// The body of a [`ModuleResponse`].
pub enum ModuleBody {
    /// None.
    Empty,
    /// These. Large ones are still the module's memory, and keep it in use.
    Bytes(Bytes),
    /// What this makes, piece by piece; keeps the module in use.
    Stream(ModuleStream),
    /// This file: absolute, or below the site's folder. Not checked in any way.
    File(PathBuf),
    /// In `after` only: the body stays as it is.
    Keep,
}

impl fmt::Debug for ModuleBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleBody::Empty => f.write_str("Empty"),
            ModuleBody::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            ModuleBody::Stream(_) => f.write_str("Stream"),
            ModuleBody::File(path) => write!(f, "File({})", path.display()),
            ModuleBody::Keep => f.write_str("Keep"),
        }
    }
}

/// Why an entry has no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleFailure {
    /// 400 to 599.
    pub status: u16,
    /// For the visitor; may be empty.
    pub title: String,
    /// For the log.
    pub detail: String,
    /// Where it happened; may be empty.
    pub file: String,
    /// The line there; 0 if it is not known.
    pub line: u32,
    /// Header fields for the answer.
    pub headers: HeaderMap,
    /// May be empty.
    pub backtrace: String,
    /// Whether it is a panic.
    pub panicked: bool,
}

/// How an entry ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Things go on.
    Continue,
    /// [`Host::respond`] has the answer, or [`Host::edit`] what changes in it.
    Responded,
    /// The next `[...rest]` up is asked.
    Declined,
    /// [`Host::fail`] knows why. Also where the module broke the contract.
    Failed,
    /// [`Host::fail`] has the panic.
    Panicked,
    /// [`Host::reply`] has the value.
    Replied,
    /// The module returned a number without a meaning; [`Host::fail`] has been told.
    Unknown(i32),
}

/// Why a library is not open.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FfiError {
    /// The system does not open it.
    #[error("cannot open module {name}: {source}")]
    Open {
        /// The module and its file.
        name: String,
        /// The system's answer.
        source: Arc<libloading::Error>,
    },
    /// It does not export what every module does.
    #[error("module {name} does not export \"{symbol}\": {source}")]
    Symbol {
        /// The module and its file.
        name: String,
        /// What was looked for.
        symbol: &'static str,
        /// The system's answer.
        source: Arc<libloading::Error>,
    },
    /// What it shows of itself is not as the contract has it.
    #[error("module {name} has a broken table of entries: {why}")]
    Table {
        /// The module and its file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// Its `init` refused.
    #[error("module {name} did not start: its init returned {code}")]
    Init {
        /// The module and its file.
        name: String,
        /// What it returned.
        code: i32,
    },
    /// The same file is in the middle of its `retire`.
    #[error("module {name} is being retired, and did not finish within {waited_s} s: ask again")]
    Retiring {
        /// The module and its file.
        name: String,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
}
