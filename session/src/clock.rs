//! The time, in milliseconds since 1970; one that a test sets by hand besides.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Where the time comes from. Sessions outlive the process, so it is the time of the calendar.
///
/// ```
/// use std::time::Duration;
/// use harmonious_session::Clock;
///
/// let clock = Clock::by_hand(1_000);
/// clock.advance(Duration::from_secs(2));
/// assert_eq!(clock.now_ms(), 3_000);
/// assert!(Clock::system().now_ms() > 1_700_000_000_000);
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's.
    pub fn system() -> Clock {
        Clock(None)
    }

    /// One that stands at `now_ms` until it is [advanced](Clock::advance); its clones go with it.
    pub fn by_hand(now_ms: u64) -> Clock {
        Clock(Some(Arc::new(AtomicU64::new(now_ms))))
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            // Relaxed: the number stands for itself.
            Some(by_hand) => by_hand.load(Ordering::Relaxed),
            None => (SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)).map_or(0, millis),
        }
    }

    /// Moves a clock that is set by hand.
    ///
    /// # Panics
    /// If it is the system's.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Some(by_hand) => by_hand.fetch_add(millis(by), Ordering::Relaxed),
            None => panic!("the system's clock cannot be moved: take `Clock::by_hand`"),
        };
    }
}

/// A duration in milliseconds, at most some 500 million years.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
