//! Rules 3 to 5: how far to step up, what the step earned, and when to try again.

use crate::controller::window::Window;

/// Elasticity below which a step up was useless: doubling the threads gave under 7 % more.
const USELESS: f64 = 0.1;
/// Elasticity from which a step paid in full: the next one may double.
const PAYS: f64 = 0.7;
/// Elasticity from which a step paid in part: the next one adds a half.
const PAYS_PARTLY: f64 = 0.5;
/// A fine step must beat [`USELESS`] by this share of its standard error.
const FINE_PROOF: f64 = 0.5;
/// Largest standard error that makes the proof of a fine step harder.
const FINE_ERROR_MAX: f64 = 0.3;
/// Largest standard error that excuses a coarse step on a host that idles.
const COARSE_ERROR_MAX: f64 = 0.4;
/// Standard errors of doubt in favour of growth on a host that idles.
const DOUBT: f64 = 1.5;
/// Below this CPU use (0 to 1) the host has room.
const CPU_ROOM: f64 = 0.6;
/// The host idles if the feed-forward calls for so many times the limit.
const IDLES: f64 = 4.0;
/// A step may double while the feed-forward calls for three times the limit: nearer to it a
/// doubling would overshoot whatever it calls for.
const ROOM_TO_DOUBLE: f64 = 3.0;
/// A step may be fourfold while the feed-forward calls for eight times the limit.
const ROOM_TO_QUADRUPLE: f64 = 8.0;
/// Fall of the CPU use that makes a refusal void.
const CPU_FELL: f64 = 0.2;
/// Factor on the feed-forward, up or down, that makes a refusal void.
const NEED_CHANGED: f64 = 2.0;
/// Longest backoff after refusals, in seconds.
const BACKOFF_MAX_S: f64 = 60.0;
/// First backoff, in seconds.
const BACKOFF_S: f64 = 1.0;
/// Growth of the permits in use below which no elasticity can be told.
const GROWTH_MIN: f64 = 1.01;

/// How far a step up goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Step {
    /// A quarter more: near the best size.
    Quarter,
    /// Half more: near what the feed-forward calls for.
    Half,
    /// Twice as many: far from it.
    Double,
    /// Four times as many: once doublings pay and the feed-forward says that far more are needed.
    Quadruple,
}

impl Step {
    /// The limit after this step from `limit`: at least one more, else rounded down, for a fine
    /// step shall not overshoot.
    pub fn from(self, limit: usize) -> usize {
        let factor = match self {
            Step::Quarter => 1.25,
            Step::Half => 1.5,
            Step::Double => 2.0,
            Step::Quadruple => 4.0,
        };
        ((limit as f64 * factor) as usize).max(limit + 1)
    }

    /// Whether its effect is large enough for a quick look.
    pub fn is_coarse(self) -> bool {
        self != Step::Quarter
    }
}

/// The gain of a step by its size: 1 is perfect, 0 useless, below 0 harmful.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Elasticity {
    pub value: f64,
    /// Standard error of `value`.
    pub error: f64,
}

impl Elasticity {
    /// ln(throughput ratio) / ln(ratio of the permits in use), by which "worse" means worse than
    /// the threads added: it is 0 if the service time grew just as the threads did.
    pub fn between(before: &Window, after: &Window) -> Self {
        let growth = after.busy_ratio(before).max(GROWTH_MIN).ln();
        let gain = after.throughput_ratio(before);
        Self {
            value: gain.value.ln() / growth,
            error: gain.error / growth,
        }
    }
}

/// Whether the host idles so much that the feed-forward calls for `times` more threads than `limit`.
fn idles(window: &Window, limit: usize, times: f64) -> bool {
    window.cpu < CPU_ROOM && window.useful > times * limit as f64
}

/// What a step up earned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Keep it; the step to try next.
    Accept(Step),
    /// Take it back.
    Refuse,
}

/// Judges a step up from `before` to `after`.
///
/// The burden of proof depends on its cost: a fine step must show its gain, a doubling on a host
/// that idles is only refused if it surely was useless.
pub(super) fn judge(step: Step, before: &Window, after: &Window) -> (Verdict, Elasticity) {
    let e = Elasticity::between(before, after);
    let idle = idles(before, after.limit, IDLES);
    let proof = match (step.is_coarse(), idle) {
        (false, _) => FINE_PROOF * e.error.min(FINE_ERROR_MAX),
        (true, true) => -e.error.min(COARSE_ERROR_MAX),
        (true, false) => 0.0,
    };
    if e.value < USELESS + proof {
        return (Verdict::Refuse, e);
    }
    let last = match step {
        // Its first doubling gained 1 at most, so this is the least that the second one gained.
        Step::Quadruple => 2.0 * e.value - 1.0,
        _ => e.value,
    };
    let excused = idle && step.is_coarse();
    let likely = last + if excused { DOUBT * e.error } else { -e.error };
    let next = if likely >= PAYS {
        Step::Double
    } else if likely >= PAYS_PARTLY {
        Step::Half
    } else {
        Step::Quarter
    };
    (Verdict::Accept(next), e)
}

/// What the host looked like when a step was refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    cpu: f64,
    useful: f64,
}

impl Refusal {
    /// Whether the reason is gone: the CPU has room that it had not, or the load needs another
    /// number of threads.
    fn outdated(&self, window: &Window) -> bool {
        window.cpu < self.cpu - CPU_FELL
            || window.useful > NEED_CHANGED * self.useful
            || NEED_CHANGED * window.useful < self.useful
    }
}

/// When to step up next, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    /// The step to try next.
    pub step: Step,
    not_before_s: f64,
    backoff_s: f64,
    /// Accepted steps in a row that paid in full.
    paid: u32,
    refusal: Option<Refusal>,
}

impl Growth {
    pub fn new() -> Self {
        Self {
            step: Step::Double,
            not_before_s: 0.0,
            backoff_s: BACKOFF_S,
            paid: 0,
            refusal: None,
        }
    }

    /// The step to take now from the size of `window`.
    pub fn next_step(&self, window: &Window) -> Step {
        if self.step == Step::Double
            && self.paid > 0
            && idles(window, window.limit, ROOM_TO_QUADRUPLE)
        {
            Step::Quadruple
        } else if self.step == Step::Double && window.useful < ROOM_TO_DOUBLE * window.limit as f64
        {
            Step::Half
        } else {
            self.step
        }
    }

    /// Whether a refusal still forbids growth.
    pub fn holds_off(&self, now_s: f64) -> bool {
        now_s < self.not_before_s
    }

    /// Forgets all refusals: the load is another one.
    pub fn reset(&mut self, now_s: f64) {
        *self = Self {
            not_before_s: now_s,
            ..Self::new()
        };
    }

    /// Keeps the ramp ready while the CPU alone forbids growth.
    pub fn rearm(&mut self, now_s: f64) {
        *self = Self {
            paid: self.paid,
            not_before_s: now_s,
            ..Self::new()
        };
    }

    /// A step was accepted.
    pub fn accepted(&mut self, now_s: f64, next: Step, e: Elasticity) {
        self.paid = if e.value >= PAYS { self.paid + 1 } else { 0 };
        self.step = next;
        self.backoff_s = BACKOFF_S;
        self.not_before_s = now_s;
    }

    /// A step was refused: a finer one at once, or after a fine one a pause that doubles.
    pub fn refused(&mut self, now_s: f64, step: Step, before: &Window) {
        self.paid = 0;
        self.refusal = Some(Refusal {
            cpu: before.cpu,
            useful: before.useful,
        });
        if step.is_coarse() {
            self.not_before_s = now_s;
        } else {
            self.backoff_s = (self.backoff_s * 2.0).min(BACKOFF_MAX_S);
            self.not_before_s = now_s + self.backoff_s;
        }
        self.step = Step::Quarter;
    }

    /// Waits at least until `time_s`, with fine steps afterwards, unless the load changes from what
    /// `window` shows.
    pub fn pause(&mut self, time_s: f64, window: &Window) {
        self.refusal = Some(Refusal {
            cpu: window.cpu,
            useful: window.useful,
        });
        self.step = Step::Quarter;
        self.not_before_s = self.not_before_s.max(time_s);
    }

    /// The load could not fill the new permits: no verdict, try finer later.
    pub fn unfilled(&mut self, now_s: f64, window: &Window) {
        self.pause(now_s + self.backoff_s, window);
    }

    /// The pool got no threads: nothing more for `seconds`.
    pub fn starved_of_threads(&mut self, now_s: f64, seconds: f64) {
        self.not_before_s = self.not_before_s.max(now_s + seconds);
    }

    /// Whether what forbade the last step is gone (rule 5).
    pub fn reason_is_gone(&self, window: &Window) -> bool {
        self.refusal.is_some_and(|refusal| refusal.outdated(window))
    }
}
