//! Rule 8: every permit is held by a job that waits, and nothing completes.
//!
//! Measuring cannot help here, for nothing completes that could be measured: the pool grows blindly,
//! but ever more slowly as long as nothing completes, so that a dead backend does not take all
//! threads at once. One completion ends it.

use super::pace::Pace;
use crate::controller::Observation;
use crate::controller::window::Window;

/// Bounds of the silence that counts as starvation, in seconds; between them 3 service times.
const SILENCE_MIN_S: f64 = 0.1;
const SILENCE_MAX_S: f64 = 0.5;
/// If the workers used more of the cores than this (0 to 1), or would have had they got one, the
/// silence is work, not waiting. What other processes use does not count: it makes waiting jobs no
/// busier.
const CPU_MAX: f64 = 0.5;
/// First pause between two blind steps, in seconds; it doubles.
const PAUSE_S: f64 = 0.05;
/// Longest pause, in seconds.
const PAUSE_MAX_S: f64 = 5.0;

/// Watches for silence.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Starvation {
    /// The observation at which a job was last seen to start or to complete, or none waited.
    quiet: Option<Observation>,
    /// Blind steps since the last completion.
    steps: u32,
    not_before_s: f64,
}

impl Starvation {
    /// Takes in the next observation.
    pub fn watch(&mut self, previous: &Observation, seen: &Observation) {
        let completed = Window::between(previous, seen).completed > 0.0;
        if completed {
            self.steps = 0;
        }
        // A job that starts without another one completing shows as one more in use.
        if completed || seen.busy != previous.busy || seen.queued == 0 || self.quiet.is_none() {
            self.quiet = Some(*seen);
        }
    }

    /// The limit to try instead, if the pool starves at `seen`.
    pub fn relief(&mut self, seen: &Observation, pace: &Pace) -> Option<usize> {
        let quiet = self.quiet.as_ref()?;
        let silence = Window::between(quiet, seen);
        let patience_s = (3.0 * pace.mean_s()).clamp(SILENCE_MIN_S, SILENCE_MAX_S);
        let starving = seen.queued > 0
            && seen.busy >= seen.limit
            && silence.length_s > patience_s
            && busy_share(quiet, seen) < CPU_MAX
            && seen.now_s >= self.not_before_s;
        if !starving {
            return None;
        }
        let pause_s = PAUSE_S * f64::from(1u32 << self.steps.min(16));
        self.not_before_s = seen.now_s + pause_s.min(PAUSE_MAX_S);
        self.steps += 1;
        Some(seen.limit + (seen.limit / 4).max(2))
    }
}

/// The share of the cores that the workers used or waited for between two observations.
fn busy_share(start: &Observation, end: &Observation) -> f64 {
    let used_s = end.totals.worker_cpu_s - start.totals.worker_cpu_s;
    let waited_s = end.totals.run_delay_s - start.totals.run_delay_s;
    let cores_s = (end.now_s - start.now_s) * end.cores;
    if cores_s > 0.0 {
        (used_s + waited_s) / cores_s
    } else {
        0.0
    }
}
