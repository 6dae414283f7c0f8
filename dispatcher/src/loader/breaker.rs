//! The circuit breaker: a module that fails too often is not called for a while.
//!
//! Closed, it costs one load of a number. After so many failures (panics, time limit overruns) within
//! [`BREAKER_WINDOW`] it opens, and stays so until that long after the last failure, or until the
//! module is reloaded, which makes a new breaker. No clock of its own: moments are passed in.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::config::{BREAKER_WINDOW, PANICS_PER_MINUTE_MAX};

/// Counts the failures of one module.
#[derive(Debug)]
pub struct Breaker {
    /// So many failures open it; 0: never.
    limit: usize,
    /// What `open_until` counts from.
    epoch: Instant,
    /// Nanoseconds after `epoch`; 0: closed. Changed under `failures` alone, and nothing else is
    /// published with it, so that its order among other memory does not matter: whoever reads it late
    /// lets one more call through.
    open_until: AtomicU64,
    /// The last `limit` moments, oldest first.
    failures: Mutex<VecDeque<Instant>>,
}

/// The module is not to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// When it may be again, for `Retry-After`: at least 1 s.
    pub retry_after: Duration,
}

impl Open {
    /// Whole seconds, rounded up.
    #[must_use]
    pub fn retry_after_s(self) -> u64 {
        self.retry_after.as_nanos().div_ceil(1_000_000_000) as u64
    }
}

impl Breaker {
    /// Opens after `limit` failures within a minute; never if that is 0. No `now` that is passed
    /// should be before this one.
    #[must_use]
    pub fn new(limit: u32, now: Instant) -> Breaker {
        Breaker {
            limit: limit.min(PANICS_PER_MINUTE_MAX) as usize,
            epoch: now,
            open_until: AtomicU64::new(0),
            failures: Mutex::default(),
        }
    }

    /// Whether the module may be called.
    ///
    /// # Errors
    /// If it is open.
    pub fn admit(&self, now: impl FnOnce() -> Instant) -> Result<(), Open> {
        match self.open_until.load(Ordering::Relaxed) {
            0 => Ok(()),
            until => self.still_open(until, now()),
        }
    }

    /// The module failed. Whether this opened the breaker, for the log: true once each time.
    pub fn failed(&self, now: Instant) -> bool {
        if self.limit == 0 {
            return false;
        }
        let mut failures = self.failures.lock();
        // Threads come with their moments in any order; the latest counts.
        let now = failures.back().map_or(now, |last| now.max(*last));
        while let Some(first) = failures.front()
            && (failures.len() >= self.limit || now.duration_since(*first) >= BREAKER_WINDOW)
        {
            failures.pop_front();
        }
        failures.push_back(now);
        if failures.len() < self.limit {
            return false;
        }
        let until = self.nanos(now + BREAKER_WINDOW);
        let before = self.open_until.swap(until, Ordering::Relaxed);
        before <= self.nanos(now)
    }

    fn still_open(&self, until: u64, now: Instant) -> Result<(), Open> {
        match until.checked_sub(self.nanos(now)) {
            None | Some(0) => Ok(()),
            Some(left) => Err(Open {
                retry_after: Duration::from_nanos(left).max(Duration::from_secs(1)),
            }),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        // 584 years fit.
        at.saturating_duration_since(self.epoch).as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// A breaker that failed at these seconds, and what each of them returned.
    fn failed_at(limit: u32, seconds: &[f64]) -> (Breaker, Instant, Vec<bool>) {
        let epoch = Instant::now();
        let breaker = Breaker::new(limit, epoch);
        let opened = seconds
            .iter()
            .map(|at| breaker.failed(epoch + s(*at)))
            .collect();
        (breaker, epoch, opened)
    }

    #[test]
    fn it_is_closed_below_the_limit_and_open_from_it_on() {
        let (breaker, epoch, opened) = failed_at(3, &[0.0, 1.0]);
        assert_eq!(opened, [false, false]);
        assert_eq!(breaker.admit(|| epoch + s(1.0)), Ok(()));
        assert!(breaker.failed(epoch + s(2.0)));
        let open = breaker.admit(|| epoch + s(2.5)).unwrap_err();
        assert_eq!(open.retry_after, s(59.5));
        assert_eq!(open.retry_after_s(), 60);
    }

    #[test]
    fn it_closes_a_minute_after_the_last_failure() {
        let (breaker, epoch, _) = failed_at(2, &[0.0, 10.0]);
        assert!(breaker.admit(|| epoch + s(69.9)).is_err());
        assert_eq!(breaker.admit(|| epoch + s(70.0)), Ok(()));
    }

    #[test]
    fn failures_of_calls_that_were_under_way_keep_it_open() {
        let (breaker, epoch, opened) = failed_at(2, &[0.0, 10.0, 30.0]);
        assert_eq!(opened, [false, true, false], "it opened once");
        assert!(breaker.admit(|| epoch + s(89.0)).is_err());
        assert_eq!(breaker.admit(|| epoch + s(90.0)), Ok(()));
    }

    #[test]
    fn failures_spread_over_more_than_a_minute_do_not_open_it() {
        let (breaker, epoch, opened) = failed_at(3, &[0.0, 30.0, 60.0, 90.0, 120.0]);
        assert_eq!(opened, [false; 5]);
        assert_eq!(breaker.admit(|| epoch + s(120.0)), Ok(()));
    }

    #[test]
    fn after_it_closed_it_takes_as_many_failures_again() {
        let (breaker, epoch, opened) = failed_at(2, &[0.0, 1.0, 61.0, 62.0]);
        assert_eq!(opened, [false, true, false, true]);
        assert!(breaker.admit(|| epoch + s(63.0)).is_err());
    }

    #[test]
    fn a_limit_of_0_switches_it_off() {
        let (breaker, epoch, opened) = failed_at(0, &[0.0; 1000]);
        assert!(!opened.contains(&true));
        assert_eq!(breaker.admit(|| epoch), Ok(()));
    }

    #[test]
    fn a_limit_of_1_opens_at_the_first() {
        let (breaker, epoch, opened) = failed_at(1, &[5.0]);
        assert_eq!(opened, [true]);
        assert!(breaker.admit(|| epoch + s(5.0)).is_err());
    }

    #[test]
    fn moments_out_of_order_do_not_shorten_it() {
        let (breaker, epoch, opened) = failed_at(2, &[10.0, 9.0]);
        assert_eq!(opened, [false, true]);
        assert!(breaker.admit(|| epoch + s(69.9)).is_err());
        assert!(
            breaker.admit(|| epoch).is_err(),
            "a request that began before the failures"
        );
    }

    #[test]
    fn the_last_moment_has_a_retry_after_of_a_second() {
        let (breaker, epoch, _) = failed_at(1, &[0.0]);
        let open = breaker.admit(|| epoch + s(59.999)).unwrap_err();
        assert_eq!(open.retry_after_s(), 1);
    }

    #[test]
    fn it_remembers_as_many_moments_as_its_limit() {
        let (breaker, _, _) = failed_at(5, &[1.0; 1000]);
        assert_eq!(breaker.failures.lock().len(), 5);
        let (breaker, _, _) = failed_at(u32::MAX, &[]);
        assert_eq!(breaker.limit, PANICS_PER_MINUTE_MAX as usize);
    }
}
