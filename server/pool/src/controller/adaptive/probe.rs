//! Rule 6: would fewer permits do as well? Three windows, A at the size in force, B at 4/5 of it,
//! A again: if the two A disagree the load changed, and B says nothing.

use crate::controller::window::Window;

/// Share of the limit that a probe takes away: 1 - 1/1.25.
const LESS: f64 = 1.25;
/// Throughput that the smaller size must keep; with half a standard error on top.
const KEEPS: f64 = 0.99;
/// Change of the throughput between the two A windows (as a logarithm) that noise alone may make;
/// with two standard errors on top.
const DRIFT: f64 = 0.15;
/// Wait before the first probe of a size, in seconds.
const WAIT_S: f64 = 5.0;
/// Wait if that size was reached by a step that clearly paid, in seconds.
const WAIT_PAID_S: f64 = 60.0;
/// Elasticity of a step that clearly paid.
const PAID: f64 = 0.4;
/// First and longest wait after a probe that found nothing, in seconds.
const BACKOFF_S: f64 = 2.0;
const BACKOFF_MAX_S: f64 = 60.0;
/// Largest factor on the waiting times of a controller that keeps changing its mind.
const PENALTY_MAX: f64 = 32.0;

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The smaller size does as well.
    Smaller,
    /// It does worse.
    Keep,
    /// The load changed meanwhile.
    LoadChanged,
}

/// Judges the windows A, B, A.
pub(super) fn judge(first: &Window, lowered: &Window, second: &Window) -> Verdict {
    let again = second.throughput_ratio(first);
    if again.value.ln().abs() > DRIFT + 2.0 * again.error {
        return Verdict::LoadChanged;
    }
    let less = lowered.throughput_ratio(first);
    // The mean of the two A windows has half the variance of the second one; the first one is 1.
    let error = (less.error * less.error + 0.25 * again.error * again.error).sqrt();
    let kept = less.value / (0.5 * (1.0 + again.value));
    if kept >= KEEPS + 0.5 * error {
        Verdict::Smaller
    } else {
        Verdict::Keep
    }
}

/// The size to probe from `limit`.
pub(super) fn smaller(limit: usize) -> usize {
    ((limit as f64 / LESS).floor() as usize).min(limit.saturating_sub(1))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// When to probe next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probes {
    not_before_s: f64,
    backoff_s: f64,
    /// Factor on the waiting times, 1 to [`PENALTY_MAX`]: doubles whenever an accepted step goes the
    /// other way than the one before (uWSGI's rule against flapping).
    penalty: f64,
    last: Option<Direction>,
}

impl Probes {
    /// No probe before `now_s` plus the usual wait.
    pub fn new(now_s: f64) -> Self {
        Self {
            not_before_s: now_s + WAIT_S,
            backoff_s: BACKOFF_S,
            penalty: 1.0,
            last: None,
        }
    }

    /// Whether a probe is due.
    pub fn due(&self, now_s: f64) -> bool {
        now_s >= self.not_before_s
    }

    /// A step up with this elasticity was accepted; `fine` ones count as a change of mind.
    pub fn after_growth(&mut self, now_s: f64, elasticity: f64, fine: bool) {
        if fine {
            self.turn(Direction::Up);
        }
        let wait_s = if elasticity >= PAID {
            WAIT_PAID_S
        } else {
            WAIT_S * self.penalty
        };
        self.not_before_s = now_s + wait_s;
    }

    /// A step up was harmful: look down at once.
    pub fn after_harm(&mut self, now_s: f64) {
        self.not_before_s = now_s;
    }

    /// The smaller size was taken: look further soon. Returns how long growth should wait, in
    /// seconds.
    pub fn after_shrink(&mut self, now_s: f64) -> f64 {
        self.turn(Direction::Down);
        self.backoff_s = BACKOFF_S;
        self.not_before_s = now_s + 0.5 * self.penalty;
        2.0 * self.penalty
    }

    /// The smaller size was no good.
    pub fn after_keep(&mut self, now_s: f64) {
        self.backoff_s = (self.backoff_s * 2.0).min(BACKOFF_MAX_S);
        self.not_before_s = now_s + self.backoff_s;
    }

    fn turn(&mut self, to: Direction) {
        if self.last.is_some_and(|last| last != to) {
            self.penalty = (self.penalty * 2.0).min(PENALTY_MAX);
        }
        self.last = Some(to);
    }
}
