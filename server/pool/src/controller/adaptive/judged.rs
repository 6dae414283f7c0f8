//! The end of an experiment: a step up is kept or taken back, a probe down likewise.

use super::grow::{self, Step};
use super::{Adaptive, SATURATED_MIN, State, probe};
use crate::controller::window::Window;
use crate::controller::{Observation, Reason};

/// CPU use up to which a ramp goes on without a steady window in between.
const CPU_RAMP: f64 = 0.9;
/// A step up below this elasticity did harm: fewer permits may be better than before it.
const HARMFUL: f64 = -0.05;
/// The load did not fill the new permits if the window was saturated for less than this share and
/// fewer than that share of the permits was in use.
const FILLED_SATURATED: f64 = 0.5;
const FILLED_BUSY: f64 = 0.9;

impl Adaptive {
    /// A step up was made and its window is complete.
    pub(super) fn raised(
        &mut self,
        seen: &Observation,
        step: Step,
        before: &Window,
        after: &Window,
    ) -> (usize, Reason) {
        let now_s = seen.now_s;
        self.state = State::Steady;
        self.baseline.clear();
        if after.saturated < FILLED_SATURATED && after.busy < FILLED_BUSY * seen.limit as f64 {
            self.growth.unfilled(now_s, after);
            self.open(seen);
            return (seen.limit, Reason::NotSaturated);
        }
        let (verdict, elasticity) = grow::judge(step, before, after);
        let grow::Verdict::Accept(next) = verdict else {
            self.growth.refused(now_s, step, before);
            if elasticity.value < HARMFUL {
                self.probes.after_harm(now_s);
            }
            return (before.limit, Reason::Revert);
        };
        self.growth.accepted(now_s, next, elasticity);
        self.probes
            .after_growth(now_s, elasticity.value, !next.is_coarse());
        // A coarse window is no ground for a fine step.
        let ramp = (next.is_coarse() || !step.is_coarse())
            && after.cpu < CPU_RAMP
            && after.saturated >= SATURATED_MIN;
        if ramp && self.growth_is_held(seen, after).is_none() {
            return self.raise(seen, after);
        }
        self.open(seen);
        (seen.limit, Reason::Accept)
    }

    /// The window of a probe is complete: back up, for the second reading.
    pub(super) fn lowered(
        &mut self,
        seen: &Observation,
        first: Window,
        lowered: Window,
    ) -> (usize, Reason) {
        if lowered.saturated < SATURATED_MIN {
            return self.not_saturated(seen, &lowered);
        }
        self.state = State::Returned { first, lowered };
        (first.limit, Reason::ProbeReturn)
    }

    /// All three windows of a probe are complete.
    pub(super) fn returned(
        &mut self,
        seen: &Observation,
        first: &Window,
        lowered: &Window,
        second: &Window,
    ) -> (usize, Reason) {
        if second.saturated < SATURATED_MIN {
            return self.not_saturated(seen, second);
        }
        let now_s = seen.now_s;
        self.state = State::Steady;
        match probe::judge(first, lowered, second) {
            probe::Verdict::LoadChanged => {
                self.new_regime(now_s);
                self.open(seen);
                (seen.limit, Reason::NewRegime)
            }
            probe::Verdict::Smaller => {
                let pause_s = self.probes.after_shrink(now_s);
                self.growth.pause(now_s + pause_s, second);
                self.baseline.clear();
                (lowered.limit, Reason::Shrink)
            }
            probe::Verdict::Keep => {
                self.probes.after_keep(now_s);
                self.open(seen);
                (seen.limit, Reason::Keep)
            }
        }
    }
}
