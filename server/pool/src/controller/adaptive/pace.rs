//! How long to look: the time scale of the load, and from it when a window may close (rule 2).

use crate::controller::Observation;
use crate::controller::window::Window;

/// Completions after which half of the memory is gone: long enough for a stable mean, short enough
/// to follow a load that changes.
const MEMORY_COMPLETED: f64 = 50.0;
/// Longest time scale believed, in seconds: beyond it waiting costs more than the bias of short
/// windows.
const SCALE_MAX_S: f64 = 2.0;
/// Shortest window, in seconds: two ticks.
const LENGTH_MIN_S: f64 = 0.1;
/// Time scales that a careful look covers.
const SCALES: f64 = 3.0;
/// A window that does not fill closes after so many mean service times, coarse or fine, and never
/// before [`LENGTH_MAX_S`].
const COARSE_SERVICES: f64 = 3.0;
const FINE_SERVICES: f64 = 5.0;
/// Shortest such time, in seconds.
const LENGTH_MAX_S: f64 = 2.0;
/// Completions of a fine window: differences of a few per cent of the mean become visible.
const FINE_COMPLETED: f64 = 800.0;
/// Completions by permit in a coarse and in a fine window; 7 keeps the noise of the thread count
/// itself below 15 % (.NET's rule).
const COARSE_PER_PERMIT: f64 = 2.0;
const FINE_PER_PERMIT: f64 = 7.0;
/// Completions below which a window is never judged.
const COMPLETED_MIN: f64 = 5.0;

/// Decaying moments of the service times of all routes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    completed: f64,
    service_s: f64,
    service_sq_s2: f64,
}

impl Pace {
    /// Takes in what completed between two observations.
    pub fn learn(&mut self, previous: &Observation, seen: &Observation) {
        let (mut completed, mut service_s, mut service_sq_s2) = (0.0, 0.0, 0.0);
        for (a, b) in previous.totals.routes.iter().zip(&seen.totals.routes) {
            completed += b.completed - a.completed;
            service_s += b.service_s - a.service_s;
            service_sq_s2 += b.service_sq_s2 - a.service_sq_s2;
        }
        if !(completed > 0.0 && service_s >= 0.0 && service_sq_s2 >= 0.0) {
            return;
        }
        let kept = MEMORY_COMPLETED / (MEMORY_COMPLETED + completed);
        self.completed = self.completed * kept + completed;
        self.service_s = self.service_s * kept + service_s;
        self.service_sq_s2 = self.service_sq_s2 * kept + service_sq_s2;
    }

    /// The mean service time, in seconds; 0 before the first completion.
    pub fn mean_s(&self) -> f64 {
        if self.completed > 0.0 {
            self.service_s / self.completed
        } else {
            0.0
        }
    }

    /// The time scale `E[S^2]/E[S]`, in seconds: the service time that a permit is likely to be in
    /// the middle of, hence long if a few jobs are slow; at most [`SCALE_MAX_S`].
    pub fn scale_s(&self) -> f64 {
        if self.service_s > 0.0 {
            (self.service_sq_s2 / self.service_s).min(SCALE_MAX_S)
        } else {
            0.0
        }
    }
}

/// When a window may close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    length_min_s: f64,
    completed: f64,
    /// Closes with fewer completions after this time.
    length_max_s: f64,
}

impl Plan {
    /// A quick look, for doublings: their effect is large.
    pub fn coarse(limit: usize, average: usize, pace: &Pace) -> Self {
        Self {
            length_min_s: pace.scale_s().max(LENGTH_MIN_S),
            completed: (COARSE_PER_PERMIT * limit as f64).max(average as f64),
            length_max_s: (COARSE_SERVICES * pace.mean_s()).max(LENGTH_MAX_S),
        }
    }

    /// As many completions as a quick look, but over three time scales: for steady operation.
    pub fn steady(limit: usize, average: usize, pace: &Pace) -> Self {
        let coarse = Self::coarse(limit, average, pace);
        Self {
            length_min_s: (SCALES * pace.scale_s()).max(LENGTH_MIN_S),
            ..coarse
        }
    }

    /// A careful look, for steps of a quarter.
    pub fn fine(limit: usize, pace: &Pace) -> Self {
        Self {
            length_min_s: (SCALES * pace.scale_s()).max(LENGTH_MIN_S),
            completed: (FINE_PER_PERMIT * limit as f64).max(FINE_COMPLETED),
            length_max_s: (FINE_SERVICES * pace.mean_s()).max(LENGTH_MAX_S),
        }
    }

    /// Whether `window` has seen enough to be judged.
    pub fn closes(&self, window: &Window) -> bool {
        let long = window.length_s >= self.length_min_s;
        let full = window.completed >= self.completed || window.length_s >= self.length_max_s;
        long && full && window.completed >= COMPLETED_MIN
    }

    /// Whether `window` is past its longest time, whatever it has seen.
    pub fn overdue(&self, window: &Window) -> bool {
        window.length_s >= self.length_max_s.max(self.length_min_s)
    }
}
