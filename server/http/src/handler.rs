//! What answers requests: the one thing that the front is given.

use std::time::Duration;

use http::StatusCode;

use crate::request::{Head, Request};
use crate::response::Response;

/// What answers requests. A closure `Fn(Request) -> Response` is a handler.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use harmonious_http::{Handler, Head, Plan, Request, Response};
///
/// struct Site;
///
/// impl Handler for Site {
///     fn plan(&self, head: &Head) -> Plan {
///         match head.path() {
///             "/ping" => Plan::Answer(Response::text("pong")), // at once, on the connection's task
///             "/report" => Plan::Job {
///                 route: 1,
///                 body_max_bytes: None,
///                 time_limit: Some(Duration::from_secs(60)), // then 504, and others go on
///             },
///             _ => Plan::Job { route: 0, body_max_bytes: None, time_limit: None },
///         }
///     }
///
///     fn handle(&self, request: Request) -> Response {
///         std::thread::sleep(std::time::Duration::from_millis(1)); // whatever blocks
///         Response::text(request.head.path().to_owned())
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// What to do with a request whose head is here. Called on the connection's task: it must not
    /// block (invariant 2). A panic is a 500.
    fn plan(&self, head: &Head) -> Plan {
        let _ = head;
        Plan::Job {
            route: 0,
            body_max_bytes: None,
            time_limit: None,
        }
    }

    /// Answers a whole request, on a worker; it may block. A panic is a 500.
    fn handle(&self, request: Request) -> Response;

    /// Answers a request whose handler has run for longer than its plan allows. Called on the
    /// connection's task: it must not block (invariant 2). A panic is a plain 504. The handler runs
    /// on, on a thread that the pool has given up; what it answers in the end is dropped.
    fn timed_out(&self, head: &Head) -> Response {
        let _ = head;
        Response::error(StatusCode::GATEWAY_TIMEOUT)
    }

    /// What to do with a request that is refused with this status because of its body: too large, malformed, too
    /// slow. `None` for a line of text, the cheapest. Called on the connection's task: it must not block
    /// (invariant 2). A panic is as `None`. The connection ends after the answer.
    fn plan_refusal(&self, head: &Head, status: StatusCode) -> Option<Plan> {
        let _ = (head, status);
        None
    }

    /// Answers a request that is refused, on a worker, where [`Handler::plan_refusal`] said that a job does; it
    /// may block. There is no body.
    fn refused(&self, head: &Head, status: StatusCode) -> Response {
        let _ = head;
        Response::error(status)
    }

    /// Something went wrong that those who run the server should know of. Must not block.
    fn trouble(&self, what: &str, error: &dyn std::error::Error) {
        let _ = (what, error);
    }

    /// Called once for each request, when the last byte of its response has been written or the
    /// connection was lost; on the connection's task: it must not block.
    fn finished(&self, record: &Record<'_>) {
        let _ = record;
    }
}

impl<F: Fn(Request) -> Response + Send + Sync + 'static> Handler for F {
    fn handle(&self, request: Request) -> Response {
        self(request)
    }
}

/// What to do with a request whose head is here.
#[derive(Debug)]
pub enum Plan {
    /// This is the answer. A body of the request is read and thrown away.
    Answer(Response),
    /// A job answers it, once the body is here.
    Job {
        /// A hint at what kind of work it is: service times are compared kind by kind.
        route: u32,
        /// A limit of its own for the body, in place of [`crate::Limits::body_max_bytes`].
        body_max_bytes: Option<u64>,
        /// How long the handler may run, counted from its start and not from when the request came:
        /// then [`Handler::timed_out`] answers in its place. `None`: as long as it takes.
        time_limit: Option<Duration>,
    },
}

/// A request that has been answered, for the access log.
#[derive(Debug)]
pub struct Record<'a> {
    /// The request's head; `None` where none could be read.
    pub head: Option<&'a Head>,
    /// Who asked.
    pub peer: crate::request::Peer,
    /// The request's number.
    pub id: crate::request::RequestId,
    /// The status that was sent; 499 if the client was gone before there was one.
    pub status: StatusCode,
    /// Bytes that were written, head included.
    pub bytes: u64,
    /// From the first byte of the request to the last of the response.
    pub took: Duration,
    /// What of it the request waited for a permit; zero where its handler was timed out.
    pub waited: Duration,
    /// Whether all of the response was written.
    pub complete: bool,
}
