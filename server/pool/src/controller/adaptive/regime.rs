//! Rule 7: at a constant limit a change of the service time is a change of the load.

use crate::controller::window::Window;

/// Service-time ratios within which the load counts as the same, before two standard errors.
const SLOWER: f64 = 1.3;
const FASTER: f64 = 0.77;
/// Windows in a row that must say so.
const WINDOWS: u32 = 2;

/// What the load looked like at the limit in force.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Baseline {
    window: Option<Window>,
    strikes: u32,
}

impl Baseline {
    /// Forgets it: the limit or the saturation changed.
    pub fn clear(&mut self) {
        self.window = None;
    }

    /// Remembers `window` unless there is one already.
    pub fn remember(&mut self, window: &Window) {
        self.window.get_or_insert(*window);
    }

    /// Whether `window` is the second in a row that shows another load.
    pub fn is_new_regime(&mut self, window: &Window) -> bool {
        let Some(baseline) = &self.window else {
            return false;
        };
        let ratio = window.service_ratio(baseline);
        let other =
            ratio.value > SLOWER + 2.0 * ratio.error || ratio.value < FASTER - 2.0 * ratio.error;
        self.strikes = if other { self.strikes + 1 } else { 0 };
        let new = self.strikes >= WINDOWS;
        if new {
            self.strikes = 0;
        }
        new
    }
}
