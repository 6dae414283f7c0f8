//! A request as the server hands it over and the answer that it gets.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

/// A whole request.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// One that the front knows.
    pub method: &'a Method,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host that was asked for: lower case, no port; empty if none was named.
    pub host: &'a str,
    /// The path as it came, undecoded, without the query.
    pub path: &'a str,
    /// What stands after the first `?`, undecoded.
    pub query: Option<&'a str>,
    /// The header fields.
    pub headers: &'a HeaderMap,
    /// The client's address, without its port.
    pub peer: &'a str,
    /// The request's number as the log has it.
    pub id: &'a str,
    /// The body; all of it is here.
    pub body: IncomingBody<'a>,
}

/// Where the body of a request is.
#[derive(Debug)]
pub enum IncomingBody<'a> {
    /// In memory; empty if there is none.
    Bytes(&'a [u8]),
    /// In a file, from its beginning.
    File {
        /// The file.
        file: &'a File,
        /// Its length, in bytes.
        len: u64,
    },
}

impl IncomingBody<'_> {
    /// How long it is, in bytes.
    pub fn len(&self) -> u64 {
        match self {
            IncomingBody::Bytes(bytes) => bytes.len() as u64,
            IncomingBody::File { len, .. } => *len,
        }
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> impl io::Read + Send + '_ {
        BodyReader {
            body: self,
            offset: 0,
        }
    }

    /// What of it is in memory.
    pub(crate) fn in_memory(&self) -> &[u8] {
        match self {
            IncomingBody::Bytes(bytes) => bytes,
            IncomingBody::File { .. } => &[],
        }
    }

    /// Reads from `offset`; 0 at the end.
    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        match self {
            IncomingBody::Bytes(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let rest = bytes.get(from..).unwrap_or_default();
                let len = rest.len().min(into.len());
                into[..len].copy_from_slice(&rest[..len]);
                Ok(len)
            }
            IncomingBody::File { file, .. } => file.read_at(into, offset),
        }
    }
}

struct BodyReader<'b, 'a> {
    body: &'b IncomingBody<'a>,
    offset: u64,
}

impl io::Read for BodyReader<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read_at(self.offset, into)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Outgoing {
    /// The status.
    pub status: StatusCode,
    /// The header fields; no `Content-Length`, which the front knows better.
    pub headers: HeaderMap,
    /// The body.
    pub body: OutgoingBody,
    /// What went wrong, if something did: for the log, and for the page that `dev` shows.
    pub fault: Option<Box<Fault>>,
}

/// The body of an answer. It keeps the module that made it in use.
pub enum OutgoingBody {
    /// None.
    Empty,
    /// All of it.
    Bytes(Bytes),
    /// Piece by piece; may block.
    Stream(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
    /// A file that is open, and the name that the module has for it.
    File(File, PathBuf),
}

impl fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutgoingBody::Empty => f.write_str("Empty"),
            OutgoingBody::Bytes(bytes) => f.debug_tuple("Bytes").field(&bytes.len()).finish(),
            OutgoingBody::Stream(_) => f.write_str("Stream"),
            OutgoingBody::File(_, path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// Why an answer is an error: everything that those who run or write the site may want to know.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// The key of the module to blame; empty if none is.
    pub module: String,
    /// The error and its causes, or what the panic said.
    pub detail: String,
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line in it; 0 if it is not known.
    pub line: u32,
    /// A backtrace; may be empty.
    pub backtrace: String,
    /// Whether it panicked.
    pub panicked: bool,
    /// Whether the host refused the request before its module was asked:
    /// [`Exchange::admit`](crate::Exchange::admit).
    pub not_admitted: bool,
    /// The keys of the modules in the chain, root first.
    pub chain: Vec<String>,
}

impl Outgoing {
    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Outgoing {
        Outgoing {
            status,
            headers: HeaderMap::new(),
            body: OutgoingBody::Empty,
            fault: None,
        }
    }
}
