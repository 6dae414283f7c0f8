//! A standing queue told from a burst: `CoDel`'s test on the shortest wait of an interval.
//!
//! Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; the interval of 100 ms as
//! in folly's `Codel`. The target is ours: a part of the longest wait.

use crate::config::{CODEL_INTERVAL, CODEL_TARGET_SHARE};

/// Watches how long jobs waited when they were taken.
#[derive(Debug)]
pub(super) struct Codel {
    /// Of jobs that take no time themselves.
    target_ns: u64,
    interval_end_ns: u64,
    shortest_ns: u64,
    overloaded: bool,
}

impl Codel {
    /// Where jobs wait as long as that at most.
    pub(super) fn new(wait_max_ns: u64) -> Codel {
        Codel {
            target_ns: wait_max_ns / CODEL_TARGET_SHARE,
            interval_end_ns: 0,
            shortest_ns: u64::MAX,
            overloaded: false,
        }
    }

    /// A job that waited `wait_ns` was taken; `service_ns` is the mean service time.
    pub(super) fn taken(&mut self, now_ns: u64, wait_ns: u64, service_ns: u64) {
        self.shortest_ns = self.shortest_ns.min(wait_ns);
        if now_ns >= self.interval_end_ns {
            self.overloaded = self.shortest_ns > self.target_ns(service_ns);
            self.shortest_ns = u64::MAX;
            self.interval_end_ns = now_ns + CODEL_INTERVAL.as_nanos() as u64;
        }
    }

    /// The queue ran empty: whatever stood in it, stands no longer.
    pub(super) fn emptied(&mut self) {
        self.overloaded = false;
        self.shortest_ns = 0;
    }

    /// Whether every job of the last interval waited longer than the target.
    pub(super) fn overloaded(&self) -> bool {
        self.overloaded
    }

    /// The wait that is tolerated; it scales with the service time, or else those who sleep for long would be
    /// shed at once.
    pub(super) fn target_ns(&self, service_ns: u64) -> u64 {
        service_ns.max(self.target_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_burst_is_not_an_overload() {
        let mut codel = Codel::new(50 * MS);
        codel.taken(0, 0, MS);
        for n in 1..=30 {
            codel.taken(n * 10 * MS, (n % 3) * 20 * MS, MS);
        }
        assert!(!codel.overloaded());
    }

    #[test]
    fn a_standing_queue_is() {
        let mut codel = Codel::new(50 * MS);
        for n in 0..=30 {
            codel.taken(n * 10 * MS, 20 * MS, MS);
        }
        assert!(codel.overloaded());
        codel.emptied();
        assert!(!codel.overloaded());
    }

    #[test]
    fn the_target_scales_with_the_service_time() {
        let mut codel = Codel::new(50 * MS);
        for n in 0..=30 {
            codel.taken(n * 10 * MS, 40 * MS, 50 * MS);
        }
        assert!(!codel.overloaded());
    }
}
