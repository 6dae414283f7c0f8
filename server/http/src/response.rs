//! A response as handlers make it.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use harmonious_pool::{Notifier, Task};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};

use crate::error::Error;
use crate::upgrade::Upgraded;

/// A response. The front writes what frames it (`Content-Length`, `Transfer-Encoding`,
/// `Connection`, `Date`); whatever a handler says in these fields is left out.
///
/// # Examples
/// ```
/// use harmonious_http::{Response, StatusCode};
///
/// let page = Response::html("<p>hello").header("cache-control", "no-store")?;
/// assert_eq!(page.status, StatusCode::OK);
/// assert!(Response::text("x").header("x-name", "a\r\nset-cookie: b").is_err());
/// # Ok::<(), harmonious_http::Error>(())
/// ```
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// Whether the body may be compressed.
    pub compression: Compression,
}

/// Whether a body may be compressed on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Text of more than 1 KiB is, unless the request carries a secret (`Cookie`, `Authorization`)
    /// or the response sets one: compressed together with something that the client reflects, its
    /// length would tell the secret (BREACH, 2013).
    #[default]
    Auto,
    /// Text of more than 1 KiB is; the handler knows that nothing secret stands beside what is
    /// reflected.
    Always,
    /// It is sent as it is.
    Never,
}

/// The body of a response.
#[derive(Default)]
pub enum Body {
    /// There is none.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes and pieces of files, one after another. Files are sent by the system (`sendfile`).
    Parts(VecDeque<Part>),
    /// An iterator whose `next` may block. It runs on a worker, and only when the socket has taken
    /// what came before. An error ends the connection, so that the client sees that it was cut.
    Chunks(Box<dyn Iterator<Item = io::Result<Bytes>> + Send>),
    /// A stream that is polled by the connection's task and never blocks.
    Stream(Box<dyn BodyStream>),
    /// Another protocol on this connection, after a `101`.
    Upgrade(Box<dyn FnOnce(Upgraded) -> Box<dyn Task> + Send>),
}

/// A piece of a body.
#[derive(Clone, Debug)]
pub enum Part {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A piece of a file.
    File {
        /// The file; its position is neither used nor moved.
        file: Arc<File>,
        /// Where the piece begins, in bytes.
        offset: u64,
        /// How long it is, in bytes.
        len: u64,
    },
}

impl Part {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::File { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Body {
    /// Length in bytes, where it is known beforehand.
    pub fn len(&self) -> Option<u64> {
        match self {
            Body::Empty => Some(0),
            Body::Bytes(bytes) => Some(bytes.len() as u64),
            Body::Parts(parts) => Some(parts.iter().map(Part::len).sum()),
            Body::Chunks(_) | Body::Stream(_) | Body::Upgrade(_) => None,
        }
    }

    /// Whether there is nothing in it; false where that is not known beforehand.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Body::Parts(parts) => f.debug_tuple("Parts").field(parts).finish(),
            Body::Chunks(_) => f.write_str("Chunks"),
            Body::Stream(_) => f.write_str("Stream"),
            Body::Upgrade(_) => f.write_str("Upgrade"),
        }
    }
}

/// A body that comes as it comes, such as server-sent events. It is polled by the connection's task:
/// whenever the socket takes more, and whenever its notifier or its wake-up time says so.
pub trait BodyStream: Send + 'static {
    /// Does a little, never blocks.
    fn poll(&mut self, cx: &mut StreamContext) -> Piece;
}

/// What a [`BodyStream`] has.
#[derive(Debug)]
pub enum Piece {
    /// These bytes, not empty; there may be more.
    Data(Bytes),
    /// Nothing yet.
    Wait,
    /// Nothing any more.
    End,
}

/// What a [`BodyStream`] may ask of its connection.
#[derive(Debug)]
pub struct StreamContext {
    pub(crate) notifier: Notifier,
    pub(crate) now: Instant,
    pub(crate) wake_at: Option<Instant>,
    pub(crate) draining: bool,
    pub(crate) timed_out: bool,
}

impl StreamContext {
    /// A handle that has the stream polled again.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// The time of this poll.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Has the stream polled at `at`, if nothing else does before. It holds until the next poll.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(at);
    }

    /// Whether the wake-up time of the poll before has come.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// Whether the server is stopping: the stream should end.
    pub fn draining(&self) -> bool {
        self.draining
    }
}

impl Response {
    /// An empty response.
    pub fn new(status: StatusCode) -> Response {
        Response {
            status,
            headers: HeaderMap::new(),
            body: Body::Empty,
            compression: Compression::Auto,
        }
    }

    /// `200` with bytes of a media type.
    pub fn bytes(content_type: &'static str, bytes: impl Into<Bytes>) -> Response {
        Response::new(StatusCode::OK)
            .with(CONTENT_TYPE, HeaderValue::from_static(content_type))
            .with_body(Body::Bytes(bytes.into()))
    }

    /// `200` with plain text.
    pub fn text(text: impl Into<String>) -> Response {
        Response::bytes("text/plain; charset=utf-8", text.into())
    }

    /// `200` with a page.
    pub fn html(page: impl Into<String>) -> Response {
        Response::bytes("text/html; charset=utf-8", page.into())
    }

    /// A status with its reason as text.
    pub fn error(status: StatusCode) -> Response {
        let reason = status.canonical_reason().unwrap_or("error");
        let mut response = Response::text(format!("{} {reason}\n", status.as_u16()));
        response.status = status;
        response
    }

    /// A redirection.
    ///
    /// # Errors
    /// [`Error::Header`] if the location has bytes that a header field must not have.
    pub fn redirect(status: StatusCode, location: &str) -> Result<Response, Error> {
        Response::new(status).header(LOCATION.as_str(), location)
    }

    /// `200` with an iterator of chunks; see [`Body::Chunks`].
    pub fn chunks<I>(content_type: &'static str, chunks: I) -> Response
    where
        I: Iterator<Item = io::Result<Bytes>> + Send + 'static,
    {
        Response::new(StatusCode::OK)
            .with(CONTENT_TYPE, HeaderValue::from_static(content_type))
            .with_body(Body::Chunks(Box::new(chunks)))
    }

    /// `200` with a stream; see [`Body::Stream`].
    pub fn stream(content_type: &'static str, stream: impl BodyStream) -> Response {
        Response::new(StatusCode::OK)
            .with(CONTENT_TYPE, HeaderValue::from_static(content_type))
            .with_body(Body::Stream(Box::new(stream)))
    }

    /// `101`: the connection goes on in another protocol, with a task of one's own. Answered with
    /// `426` to a client that did not ask for it.
    pub fn upgrade(
        protocol: &'static str,
        task: impl FnOnce(Upgraded) -> Box<dyn Task> + Send + 'static,
    ) -> Response {
        Response::new(StatusCode::SWITCHING_PROTOCOLS)
            .with(http::header::UPGRADE, HeaderValue::from_static(protocol))
            .with_body(Body::Upgrade(Box::new(task)))
    }

    /// With another status.
    pub fn with_status(mut self, status: StatusCode) -> Response {
        self.status = status;
        self
    }

    /// With a header field in place of any of that name.
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Response {
        self.headers.insert(name, value);
        self
    }

    /// With another body.
    pub fn with_body(mut self, body: Body) -> Response {
        self.body = body;
        self
    }

    /// With another choice about compression.
    pub fn with_compression(mut self, compression: Compression) -> Response {
        self.compression = compression;
        self
    }

    /// With one more header field, added to those of its name.
    ///
    /// # Errors
    /// [`Error::Header`] if the name is no token, or the value has CR, LF, NUL or another control
    /// character.
    pub fn header(mut self, name: &str, value: &str) -> Result<Response, Error> {
        let refuse = |why| Error::Header {
            name: name.to_owned(),
            value: value.chars().take(60).collect(),
            why,
        };
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("a name is a token of RFC 9110, 5.6.2"))?;
        let checked = HeaderValue::from_str(value)
            .or_else(|_| HeaderValue::from_bytes(value.as_bytes()))
            .map_err(|_| refuse("a value has no control characters"))?;
        self.headers.append(field, checked);
        Ok(self)
    }
}
