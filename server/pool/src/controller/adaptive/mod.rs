//! The adaptive policy: threads are added while they pay and taken back where they do not.
//!
//! Every change is an experiment. A window before it, a pause until jobs that started before the
//! change are gone, a window after it; then it is kept or undone. One experiment runs at a time.
//! The rules are numbered as in `server/pool/README.md`.

mod grow;
mod pace;
mod probe;
mod regime;
mod settle;
mod starvation;
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
/// CPU use of the host from which more threads can only wait for a core (rule 4).
const CPU_FULL: f64 = 0.95;
/// CPU use up to which a ramp goes on without a steady window in between.
const CPU_RAMP: f64 = 0.9;
/// No growth while the queue has fallen below this share within a window (rule 1).
const DRAINING: f64 = 0.8;
/// A step up below this elasticity did harm: fewer permits may be better than before it.
const HARMFUL: f64 = -0.05;
/// Pause after the pool got no thread, in seconds (rule 9).
const NO_THREADS_S: f64 = 1.0;

/// What the window that is open is for.
#[derive(Clone, Copy, Debug)]
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
        if self.settling.is_some_and(|settling| !settling.over(seen, &self.pace)) {
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

    fn steady(&mut self, seen: &Observation, window: &Window) -> (usize, Reason) {
        if window.saturated < SATURATED_MIN {
            return self.not_saturated(seen, window);
        }
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
        self.state = State::Steady;
        if grows {
            return self.raise(seen, window);
        }
        if probes {
            self.state = State::Lowered { first: *window };
            return (probe::smaller(seen.limit), Reason::ProbeDown);
        }
        self.baseline.remember(window);
        self.open(seen);
        let reason = if new { Reason::NewRegime } else { held.unwrap_or(Reason::Hold) };
        (seen.limit, reason)
    }

    fn not_saturated(&mut self, seen: &Observation, window: &Window) -> (usize, Reason) {
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
    fn growth_is_held(&self, seen: &Observation, window: &Window) -> Option<Reason> {
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

    fn raise(&mut self, seen: &Observation, before: &Window) -> (usize, Reason) {
        let step = self.growth.next_step(before);
        self.state = State::Raised { before: *before, step };
        self.baseline.clear();
        let reason = if step.is_coarse() { Reason::Grow } else { Reason::GrowFine };
        (step.from(seen.limit), reason)
    }

    /// A step up was made and its window is complete.
    fn raised(
        &mut self,
        seen: &Observation,
        step: Step,
        before: &Window,
        after: &Window,
    ) -> (usize, Reason) {
        let now_s = seen.now_s;
        self.state = State::Steady;
        self.baseline.clear();
        if after.saturated < 0.5 && after.busy < 0.9 * seen.limit as f64 {
            self.growth.unfilled(now_s, after);
            self.open(seen);
            return (seen.limit, Reason::NotSaturated);
        }
        let (verdict, elasticity) = grow::judge(step, before, after);
        if std::env::var_os("DBG").is_some() { eprintln!("{now_s:.2} {}->{} {step:?} e={:.2}+-{:.2} {verdict:?} n={} {}", before.limit, after.limit, elasticity.value, elasticity.error, before.completed, after.completed); }
        let grow::Verdict::Accept(next) = verdict else {
            self.growth.refused(now_s, step, before);
            if elasticity.value < HARMFUL {
                self.probes.after_harm(now_s);
            }
            return (before.limit, Reason::Revert);
        };
        self.growth.accepted(now_s, next, elasticity);
        self.probes.after_growth(now_s, elasticity.value, !next.is_coarse());
        let ramp = (next.is_coarse() || !step.is_coarse()) && after.cpu < CPU_RAMP && after.saturated >= SATURATED_MIN;
        if ramp && self.growth_is_held(seen, after).is_none() {
            return self.raise(seen, after);
        }
        self.open(seen);
        (seen.limit, Reason::Accept)
    }

    fn lowered(&mut self, seen: &Observation, first: Window, lowered: Window) -> (usize, Reason) {
        if lowered.saturated < SATURATED_MIN {
            return self.not_saturated(seen, &lowered);
        }
        self.state = State::Returned { first, lowered };
        (first.limit, Reason::ProbeReturn)
    }

    fn returned(
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
        Decision { limit, reason, growth_exhausted }
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
    let enough = ((1.5 * window.useful).ceil() as usize).saturating_add(2).max(min);
    let excess = window.limit.saturating_sub(enough);
    (excess > 0).then(|| window.limit - excess.div_ceil(32))
}
