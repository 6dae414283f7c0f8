//! A standing queue told from a burst: `CoDel`'s test on the shortest wait of an interval.
//!
//! Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; constants as in
//! folly's `Codel` (interval 100 ms, target 5 ms).

use crate::config::{CODEL_INTERVAL, CODEL_TARGET};

/// Watches how long jobs waited when they were taken.
#[derive(Debug)]
pub(super) struct Codel {
    interval_end_ns: u64,
    shortest_ns: u64,
    overloaded: bool,
}

impl Codel {
    pub(super) fn new() -> Codel {
        Codel {
            interval_end_ns: 0,
            shortest_ns: u64::MAX,
            overloaded: false,
        }
    }

    /// A job that waited `wait_ns` was taken; `service_ns` is the mean service time.
    pub(super) fn taken(&mut self, now_ns: u64, wait_ns: u64, service_ns: u64) {
        self.shortest_ns = self.shortest_ns.min(wait_ns);
        if now_ns >= self.interval_end_ns {
            self.overloaded = self.shortest_ns > target_ns(service_ns);
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
}

/// The wait that is tolerated; it scales with the service time, or else sleepers of 50 ms would be
/// shed at once.
pub(super) fn target_ns(service_ns: u64) -> u64 {
    service_ns.max(CODEL_TARGET.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_burst_is_not_an_overload() {
        let mut codel = Codel::new();
        codel.taken(0, 0, MS);
        for n in 1..=30 {
            codel.taken(n * 10 * MS, (n % 3) * 20 * MS, MS);
        }
        assert!(!codel.overloaded());
    }

    #[test]
    fn a_standing_queue_is() {
        let mut codel = Codel::new();
        for n in 0..=30 {
            codel.taken(n * 10 * MS, 20 * MS, MS);
        }
        assert!(codel.overloaded());
        codel.emptied();
        assert!(!codel.overloaded());
    }

    #[test]
    fn the_target_scales_with_the_service_time() {
        let mut codel = Codel::new();
        for n in 0..=30 {
            codel.taken(n * 10 * MS, 40 * MS, 50 * MS);
        }
        assert!(!codel.overloaded());
    }
}
