//! After a change of the limit: how long what is seen still belongs to the old one.

use super::pace::Pace;
use crate::controller::Observation;

/// Time scales to wait: the fresh completions that come first are the short jobs.
const SCALES: f64 = 1.5;
/// It takes too long after this time and so many mean service times, in seconds.
const TOO_LONG_S: f64 = 2.0;
const TOO_LONG_SERVICES: f64 = 5.0;

/// A change of the limit whose effect is not complete yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    since_s: f64,
    fresh: f64,
}

impl Settling {
    /// The limit is changed at `seen`.
    pub fn new(seen: &Observation) -> Self {
        Self {
            since_s: seen.now_s,
            fresh: seen.totals.fresh,
        }
    }

    /// Whether one generation of jobs has passed that *started* under the new limit, no job runs
    /// above it, and [`SCALES`] time scales are over; or whether that takes too long.
    pub fn over(&self, seen: &Observation, pace: &Pace) -> bool {
        let elapsed_s = seen.now_s - self.since_s;
        let generation = seen.totals.fresh - self.fresh >= seen.limit as f64;
        let calm = seen.busy <= seen.limit && elapsed_s >= SCALES * pace.scale_s();
        (generation && calm) || elapsed_s > TOO_LONG_S + TOO_LONG_SERVICES * pace.mean_s()
    }
}
