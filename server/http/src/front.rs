//! A front: a handler, its limits, and what all its connections share.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use crate::codec;
use crate::config::Limits;
use crate::error::Error;
use crate::handler::{Handler, Record};
use crate::request::RequestId;
use crate::seat::Seats;
use crate::stats::{Counters, FrontStats};

/// A handler with its limits. It can be served on any number of listeners; their connections count
/// together.
///
/// # Examples
/// ```
/// use harmonious_http::{Front, Limits, Request, Response};
///
/// let front = Front::new(|_: Request| Response::text("hello"), Limits::default())?;
/// assert_eq!(front.stats().requests, 0);
/// # Ok::<(), harmonious_http::Error>(())
/// ```
#[derive(Clone)]
pub struct Front(pub(crate) Arc<Shared>);

/// What all connections of a front share.
pub(crate) struct Shared {
    pub(crate) handler: Box<dyn Handler>,
    pub(crate) limits: Limits,
    pub(crate) codec: codec::Limits,
    pub(crate) counters: Counters,
    pub(crate) seats: Seats,
    began: Instant,
    /// Makes the numbers of requests differ from one run to the next.
    salt: u64,
}

impl Front {
    /// A front for `handler`.
    ///
    /// # Errors
    /// [`Error::Setting`] if a limit is out of its range.
    pub fn new(handler: impl Handler, limits: Limits) -> Result<Front, Error> {
        limits.validate()?;
        Ok(Front(Arc::new(Shared {
            handler: Box::new(handler),
            codec: limits.codec(),
            counters: Counters::default(),
            seats: Seats::new(limits.connections_max, limits.per_address_max),
            began: Instant::now(),
            salt: RandomState::new().hash_one(0),
            limits,
        })))
    }

    /// The figures of this moment.
    pub fn stats(&self) -> FrontStats {
        self.0.counters.stats(self.0.seats.open())
    }
}

impl Shared {
    /// Tells the handler of something that went wrong. What it makes of it must not end the caller.
    pub(crate) fn trouble(&self, what: &str, error: &dyn std::error::Error) {
        let told = AssertUnwindSafe(|| self.handler.trouble(what, error));
        if catch_unwind(told).is_err() {
            self.counters.handler_panics.fetch_add(1, Relaxed);
        }
    }

    /// Tells the handler that a request is over.
    pub(crate) fn finished(&self, record: &Record<'_>) {
        let told = AssertUnwindSafe(|| self.handler.finished(record));
        if catch_unwind(told).is_err() {
            self.counters.handler_panics.fetch_add(1, Relaxed);
        }
    }

    /// Nanoseconds since the front was made.
    pub(crate) fn now_ns(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_nanos() as u64
    }

    /// The number of the request that is the `nth` of the connection `number`. Each step is a
    /// bijection, so that no two are alike before 2^24 requests of one connection.
    pub(crate) fn request_id(&self, number: u64, nth: u64) -> RequestId {
        let mut bits = (number << 24).wrapping_add(nth) ^ self.salt;
        for _ in 0..2 {
            bits = (bits ^ bits >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        RequestId(bits ^ bits >> 32)
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
