//! The pool's clock: one monotonic counter of nanoseconds that everything is stamped with.

use std::time::{Duration, Instant};

/// The pool's clock: nanoseconds since it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock {
            start: Instant::now(),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        self.ns(Instant::now())
    }

    /// An instant before the pool's start counts as its start.
    pub(crate) fn ns(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_nanos() as u64
    }

    pub(crate) fn instant(&self, ns: u64) -> Instant {
        self.start + Duration::from_nanos(ns)
    }
}

/// The instant that is `within` from now; a year from now if it is further than that.
pub(crate) fn deadline(within: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    Instant::now() + within.min(YEAR)
}
