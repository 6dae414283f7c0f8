//! What a steady window leads to: a step up, a step down, or nothing. Rules 1, 4, 5 and 7 meet here.

use super::pace::Plan;
use super::{Adaptive, SATURATED_MIN, State, probe};
use crate::controller::window::Window;
use crate::controller::{Observation, Reason};

/// CPU use of the host from which more threads can only wait for a core (rule 4).
const CPU_FULL: f64 = 0.95;
/// No growth while the queue has fallen below this share within a window (rule 1).
const DRAINING: f64 = 0.8;
/// A full CPU has enough threads at this factor of the feed-forward plus [`ENOUGH_MORE`].
const ENOUGH: f64 = 1.5;
const ENOUGH_MORE: usize = 2;
/// One in this many of the threads beyond that is given up with each window.
const SHRINK_SHARE: usize = 32;

impl Adaptive {
    /// A window at a constant limit is complete.
    pub(super) fn steady(&mut self, seen: &Observation, window: &Window) -> (usize, Reason) {
        if window.saturated < SATURATED_MIN {
            return self.not_saturated(seen, window);
        }
        self.state = State::Steady;
        let now_s = seen.now_s;
        self.vetoed = window.cpu >= CPU_FULL;
        if self.vetoed {
            if let Some(limit) = cpu_shrink(window, self.bounds.min) {
                self.baseline.clear();
                return (limit, Reason::CpuShrink);
            }
            self.growth.rearm(now_s);
        }
        let new = self.growth.reason_is_gone(window) | self.baseline.is_new_regime(window);
        if new {
            self.new_regime(now_s);
        }
        let held = self.growth_is_held(seen, window);
        let grows = held.is_none();
        let probes = !grows && self.probes.due(now_s) && seen.limit > self.bounds.min;
        let coarse = grows && self.growth.step.is_coarse();
        let fine = Plan::fine(seen.limit, &self.pace);
        if (probes || grows) && !coarse && !fine.closes(window) {
            self.state = State::Careful;
            return (seen.limit, Reason::Measuring);
        }
        if grows {
            return self.raise(seen, window);
        }
        if probes {
            self.state = State::Lowered { first: *window };
            return (probe::smaller(seen.limit), Reason::ProbeDown);
        }
        self.baseline.remember(window);
        self.open(seen);
        let reason = if new {
            Reason::NewRegime
        } else {
            held.unwrap_or(Reason::Hold)
        };
        (seen.limit, reason)
    }

    /// The open window teaches nothing; a probe ends, a step up stays unjudged.
    pub(super) fn not_saturated(&mut self, seen: &Observation, window: &Window) -> (usize, Reason) {
        let limit = match self.state {
            State::Lowered { first } => first.limit,
            _ => seen.limit,
        };
        if let State::Raised { .. } = self.state {
            self.growth.unfilled(seen.now_s, window);
        }
        self.state = State::Steady;
        self.vetoed = false;
        self.baseline.clear();
        self.open(seen);
        (limit, Reason::NotSaturated)
    }

    /// What forbids a step up now.
    pub(super) fn growth_is_held(&self, seen: &Observation, window: &Window) -> Option<Reason> {
        if window.cpu >= CPU_FULL {
            Some(Reason::CpuVeto)
        } else if seen.limit >= self.bounds.max {
            Some(Reason::AtMax)
        } else if self.growth.holds_off(seen.now_s) {
            Some(Reason::Backoff)
        } else if draining(window) {
            Some(Reason::Draining)
        } else {
            None
        }
    }

    /// Begins the experiment of a step up from the size of `before`.
    pub(super) fn raise(&mut self, seen: &Observation, before: &Window) -> (usize, Reason) {
        let step = self.growth.next_step(before);
        self.state = State::Raised {
            before: *before,
            step,
        };
        self.baseline.clear();
        let reason = if step.is_coarse() {
            Reason::Grow
        } else {
            Reason::GrowFine
        };
        (step.from(seen.limit), reason)
    }
}

/// Whether the queue empties by itself.
fn draining(window: &Window) -> bool {
    window.queued_last < DRAINING * window.queued_first
}

/// The next limit on the way down to what a full CPU can use (rule 4).
///
/// A thirty-second of the excess at a time: the memory of a phase that waits is worth keeping.
fn cpu_shrink(window: &Window, min: usize) -> Option<usize> {
    let enough = ((ENOUGH * window.useful).ceil() as usize)
        .saturating_add(ENOUGH_MORE)
        .max(min);
    let excess = window.limit.saturating_sub(enough);
    (excess > 0).then(|| window.limit - excess.div_ceil(SHRINK_SHARE))
}
