//! The adaptive policy: threads are added while they pay and taken back where they do not.
//!
//! Every change is an experiment. A window before it, a pause until jobs that started before the
//! change are gone, a window after it; then it is kept or undone. One experiment runs at a time.
//! The rules are numbered as in `server/pool/README.md`.

mod grow;
mod judged;
mod pace;
mod probe;
mod regime;
mod settle;
mod starvation;
mod steady;
#[cfg(test)]
mod tests;

use super::window::Window;
use super::{Bounds, Decision, Observation, Policy, Reason};
use grow::{Growth, Step};
use pace::{Pace, Plan};
use probe::Probes;
use regime::Baseline;
use settle::Settling;
use starvation::Starvation;

/// Time between two looks, in seconds: half the shortest window.
const PERIOD_S: f64 = 0.05;
/// Share of a window in which all permits must be in use and jobs must wait (rule 1).
const SATURATED_MIN: f64 = 0.8;
/// Pause after the pool got no thread, in seconds (rule 9).
const NO_THREADS_S: f64 = 1.0;

/// What the window that is open is for.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each pool, copied 20 times a second"
)]
enum State {
    /// The limit is where it shall be; the window looks for a cause to change it.
    Steady,
    /// As in `Steady`, but a fine step or a probe is due: the window stays open until it is good
    /// enough to be compared with.
    Careful,
    /// The limit was raised by `step` from that of `before`; the window shows what it earned.
    Raised { before: Window, step: Step },
    /// The limit is lowered for a probe; `first` was measured above it.
    Lowered { first: Window },
    /// The limit is back where it was in `first`; the window is the second one at this size.
    Returned { first: Window, lowered: Window },
}

/// The adaptive policy; see the module's head.
#[derive(Clone, Debug)]
pub struct Adaptive {
    bounds: Bounds,
    /// Fewest completions of a coarse window.
    average: usize,
    state: State,
    /// The limit in force as far as this policy knows.
    limit: usize,
    /// Where the open window began.
    opened: Option<Observation>,
    previous: Option<Observation>,
    settling: Option<Settling>,
    /// Whether the last steady window showed a full CPU.
    vetoed: bool,
    pace: Pace,
    starvation: Starvation,
    growth: Growth,
    probes: Probes,
    baseline: Baseline,
}

impl Adaptive {
    /// Within `bounds`, with coarse windows of at least `average` completions.
    pub fn new(bounds: Bounds, average: usize) -> Self {
        Self {
            bounds,
            average,
            state: State::Steady,
            limit: bounds.start,
            opened: None,
            previous: None,
            settling: None,
            vetoed: false,
            pace: Pace::default(),
            starvation: Starvation::default(),
            growth: Growth::new(),
            probes: Probes::new(0.0),
            baseline: Baseline::default(),
        }
    }

    fn decide(&mut self, seen: &Observation) -> (usize, Reason) {
        let Some(previous) = self.previous else {
            self.previous = Some(*seen);
            self.limit = seen.limit;
            self.open(seen);
            return (seen.limit, Reason::Measuring);
        };
        if !(seen.now_s > previous.now_s && seen.now_s.is_finite()) {
            return (seen.limit, Reason::Measuring);
        }
        self.previous = Some(*seen);
        self.pace.learn(&previous, seen);
        self.starvation.watch(&previous, seen);
        if seen.limit != self.limit && self.moved_by_the_pool(seen) {
            return (seen.limit, Reason::SpawnLimited);
        }
        if let Some(limit) = self.starvation.relief(seen, &self.pace)
            && seen.limit < self.bounds.max
        {
            self.state = State::Steady;
            self.new_regime(seen.now_s);
            return (limit, Reason::Starvation);
        }
        if self
            .settling
            .is_some_and(|settling| !settling.over(seen, &self.pace))
        {
            return (seen.limit, Reason::Settling);
        }
        if self.settling.take().is_some() {
            self.open(seen);
        }
        self.look(seen)
    }

    /// Judges the open window once it may close.
    fn look(&mut self, seen: &Observation) -> (usize, Reason) {
        let window = Window::between(self.opened.as_ref().unwrap_or(seen), seen);
        let plan = self.plan(seen.limit);
        if !plan.closes(&window) {
            if plan.overdue(&window) && window.saturated < SATURATED_MIN {
                // An idle pool: the next burst shall not be averaged with the silence before it.
                return self.not_saturated(seen, &window);
            }
            return (seen.limit, Reason::Measuring);
        }
        match self.state {
            State::Steady | State::Careful => self.steady(seen, &window),
            State::Raised { before, step } => self.raised(seen, step, &before, &window),
            State::Lowered { first } => self.lowered(seen, first, window),
            State::Returned { first, lowered } => self.returned(seen, &first, &lowered, &window),
        }
    }

    fn plan(&self, limit: usize) -> Plan {
        match self.state {
            State::Steady if self.growth.step.is_coarse() => {
                Plan::coarse(limit, self.average, &self.pace)
            }
            State::Steady => Plan::steady(limit, self.average, &self.pace),
            State::Raised { step, .. } if step.is_coarse() => {
                Plan::coarse(limit, self.average, &self.pace)
            }
            _ => Plan::fine(limit, &self.pace),
        }
    }

    /// The limit is not what was decided: the spawn budget cut a step, or idle threads retired.
    /// True if a step up got no thread at all.
    fn moved_by_the_pool(&mut self, seen: &Observation) -> bool {
        self.limit = seen.limit;
        let refused = match self.state {
            State::Raised { before, .. } if seen.limit > before.limit => return false,
            State::Raised { .. } => true,
            _ => false,
        };
        if refused {
            self.growth.starved_of_threads(seen.now_s, NO_THREADS_S);
        }
        self.state = State::Steady;
        self.baseline.clear();
        self.settling = Some(Settling::new(seen));
        refused
    }

    fn new_regime(&mut self, now_s: f64) {
        self.growth.reset(now_s);
        self.probes = Probes::new(now_s);
        self.baseline.clear();
    }

    fn open(&mut self, seen: &Observation) {
        self.opened = Some(*seen);
    }

    /// Whether no more threads will be tried soon.
    fn growth_exhausted(&self, seen: &Observation, limit: usize) -> bool {
        let probed = match self.state {
            State::Lowered { first } => first.limit,
            _ => limit,
        };
        let full = probed >= self.bounds.max;
        let raised = matches!(self.state, State::Raised { .. });
        full || self.vetoed || (!raised && self.growth.holds_off(seen.now_s))
    }
}

impl Policy for Adaptive {
    fn name(&self) -> &'static str {
        "adaptive"
    }

    fn period_s(&self) -> f64 {
        PERIOD_S
    }

    fn tick(&mut self, seen: &Observation) -> Decision {
        let (wanted, reason) = self.decide(seen);
        let limit = self.bounds.clamp(wanted);
        if limit != seen.limit {
            self.settling = Some(Settling::new(seen));
            self.limit = limit;
            self.open(seen);
        }
        let growth_exhausted = self.growth_exhausted(seen, limit);
        Decision {
            limit,
            reason,
            growth_exhausted,
        }
    }
}
