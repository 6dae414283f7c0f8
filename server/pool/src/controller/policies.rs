//! The policies to compare with: a fixed number, one thread per waiting job, and the algorithm
//! that the project started from.

use std::collections::VecDeque;

use super::window::Window;
use super::{Bounds, Decision, Observation, Policy, Reason};

/// Always the same number of permits.
#[derive(Clone, Debug)]
pub struct Fixed {
    limit: usize,
}

impl Fixed {
    /// `limit` permits, at least 1.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
        }
    }
}

impl Policy for Fixed {
    fn name(&self) -> &'static str {
        "fixed"
    }

    fn period_s(&self) -> f64 {
        0.1
    }

    fn tick(&mut self, _: &Observation) -> Decision {
        Decision {
            limit: self.limit,
            reason: Reason::Hold,
            growth_exhausted: true,
        }
    }
}

/// A permit for every waiting job, up to the maximum, as most thread pools do.
///
/// Best where jobs only wait; on a contended lock it loses nearly everything.
#[derive(Clone, Debug)]
pub struct Greedy {
    bounds: Bounds,
}

impl Greedy {
    /// Within `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds }
    }
}

impl Policy for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    /// Pools of this kind decide at every arrival; 10 ms is as good as at once.
    fn period_s(&self) -> f64 {
        0.01
    }

    fn tick(&mut self, seen: &Observation) -> Decision {
        let limit = self.bounds.clamp(seen.limit.saturating_add(seen.queued));
        let reason = if limit > seen.limit {
            Reason::Grow
        } else if seen.queued > 0 {
            Reason::AtMax
        } else {
            Reason::Hold
        };
        Decision {
            limit,
            reason,
            growth_exhausted: limit >= self.bounds.max,
        }
    }
}

/// How much the average may grow before the seed calls it "grew": without it every random
/// movement would hold it off for ever.
const SEED_TOLERANCE: f64 = 1.05;

/// The project's first algorithm, to the letter: a base of four threads, one more when a job
/// waits, an n-point moving average of service times, no more threads while that average is higher
/// than before the last addition.
///
/// Kept for comparison. It can get stuck at five threads for ever: one noisy average holds it off,
/// and nothing ages (see the simulator's table).
#[derive(Clone, Debug)]
pub struct Seed {
    bounds: Bounds,
    points: usize,
    /// The latest means, one for each tick in which something completed, in seconds.
    means_s: VecDeque<f64>,
    /// The average when a thread was last added, in seconds.
    before_s: Option<f64>,
    previous: Option<Observation>,
}

impl Seed {
    /// Within `bounds`, over `points` points (at least 1).
    pub fn new(bounds: Bounds, points: usize) -> Self {
        Self {
            bounds,
            points: points.max(1),
            means_s: VecDeque::new(),
            before_s: None,
            previous: None,
        }
    }

    /// The moving average, in seconds; nothing before the first completion.
    fn average_s(&self) -> Option<f64> {
        let sum: f64 = self.means_s.iter().sum();
        (!self.means_s.is_empty()).then(|| sum / self.means_s.len() as f64)
    }

    fn learn(&mut self, seen: &Observation) {
        let previous = self.previous.replace(*seen).unwrap_or(*seen);
        let window = Window::between(&previous, seen);
        if window.completed > 0.0 {
            self.means_s.push_back(window.service_s);
            if self.means_s.len() > self.points {
                self.means_s.pop_front();
            }
        }
    }
}

impl Policy for Seed {
    fn name(&self) -> &'static str {
        "seed"
    }

    fn period_s(&self) -> f64 {
        0.1
    }

    fn tick(&mut self, seen: &Observation) -> Decision {
        self.learn(seen);
        let here = self.bounds.clamp(seen.limit);
        let held = |reason| Decision {
            limit: here,
            reason,
            growth_exhausted: true,
        };
        if here >= self.bounds.max {
            return held(Reason::AtMax);
        }
        let Some(average_s) = self.average_s().filter(|_| seen.queued > 0) else {
            return Decision {
                growth_exhausted: false,
                ..held(Reason::Hold)
            };
        };
        if self
            .before_s
            .is_some_and(|before_s| average_s > before_s * SEED_TOLERANCE)
        {
            return held(Reason::Backoff);
        }
        self.before_s = Some(average_s);
        Decision {
            limit: here + 1,
            reason: Reason::GrowFine,
            growth_exhausted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Load, observe};

    const BOUNDS: Bounds = Bounds {
        min: 2,
        start: 4,
        max: 16,
    };

    #[test]
    fn fixed_stays() {
        assert_eq!(
            Fixed::new(7).tick(&observe(1.0, 4, Load::default())).limit,
            7
        );
        assert_eq!(
            Fixed::new(0).tick(&observe(1.0, 4, Load::default())).limit,
            1
        );
    }

    #[test]
    fn greedy_adds_what_waits_up_to_the_maximum() {
        let queued = |queued| Load {
            queued,
            ..Load::default()
        };
        let mut greedy = Greedy::new(BOUNDS);
        assert_eq!(greedy.tick(&observe(1.0, 4, queued(3))).limit, 7);
        let full = greedy.tick(&observe(1.1, 7, queued(100)));
        assert_eq!((full.limit, full.growth_exhausted), (16, true));
        assert_eq!(
            greedy.tick(&observe(1.2, 16, queued(100))).reason,
            Reason::AtMax
        );
        assert_eq!(
            greedy.tick(&observe(1.3, 5, queued(0))).reason,
            Reason::Hold
        );
    }

    #[test]
    fn seed_adds_one_while_times_hold_and_stops_when_they_grow() {
        let mut seed = Seed::new(BOUNDS, 1);
        let load = |service_s| Load {
            rate: 100.0,
            service_s,
            ..Load::default()
        };
        assert_eq!(
            seed.tick(&observe(0.0, 4, load(0.01))).limit,
            4,
            "nothing completed yet"
        );
        let mut seen = observe(0.1, 4, load(0.01));
        assert_eq!(seed.tick(&seen).limit, 5);
        let mut later = |service_s: f64, limit| {
            seen.now_s += 0.1;
            seen.limit = limit;
            seen.totals.routes[0].completed += 10.0;
            seen.totals.routes[0].service_s += 10.0 * service_s;
            seed.tick(&seen)
        };
        assert_eq!(later(0.0104, 5).limit, 6, "within the tolerance");
        assert_eq!(later(0.0120, 6).reason, Reason::Backoff);
        assert_eq!(later(0.0105, 6).limit, 7, "recovered");
    }
}
