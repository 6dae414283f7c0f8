//! The spawn budget: at most so many new threads within any stretch of time (rule 9).
//!
//! A sliding log rather than a token bucket: a bucket that refills at n per period lets through
//! nearly 2n within one period after a rest.

use std::collections::VecDeque;

/// At most `n` grants in every closed stretch of `per_s` seconds.
///
/// ```
/// # use harmonious_pool::controller::SpawnBudget;
/// let mut budget = SpawnBudget::new(3, 60.0);
/// assert_eq!(budget.grant(0.0, 2), 2);
/// assert_eq!(budget.grant(10.0, 5), 1);
/// assert_eq!(budget.available(60.0), 0);
/// assert_eq!(budget.available(60.1), 2);
/// ```
#[derive(Clone, Debug)]
pub struct SpawnBudget {
    n: usize,
    per_s: f64,
    /// Times of the grants that still count, oldest first; never more than `n`.
    log: VecDeque<f64>,
    /// The latest time seen, in seconds: a clock that goes back must not free anything.
    now_s: f64,
}

impl SpawnBudget {
    /// A budget of `n` threads in any `per_s` seconds; it starts full. `n` = 0 grants nothing.
    pub fn new(n: usize, per_s: f64) -> Self {
        Self {
            n,
            per_s,
            log: VecDeque::new(),
            now_s: f64::NEG_INFINITY,
        }
    }

    /// Takes up to `wanted` threads at `now_s` (in seconds) and returns how many may be started.
    pub fn grant(&mut self, now_s: f64, wanted: usize) -> usize {
        let granted = wanted.min(self.available(now_s));
        self.log.extend(std::iter::repeat_n(self.now_s, granted));
        granted
    }

    /// How many threads could be started at `now_s`, in seconds.
    pub fn available(&mut self, now_s: f64) -> usize {
        self.now_s = self.now_s.max(now_s);
        // Strictly older: both ends of a stretch of exactly `per_s` belong to it.
        while self
            .log
            .front()
            .is_some_and(|&t| self.now_s - t > self.per_s)
        {
            self.log.pop_front();
        }
        self.n - self.log.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::Dice;

    /// The property itself, for arbitrary requests at times that often fall on the boundary.
    #[test]
    fn no_window_ever_holds_more_than_n_grants() {
        for seed in 1..40 {
            let mut dice = Dice::new(seed);
            let n = dice.below(20);
            let mut budget = SpawnBudget::new(n, 4.0);
            let (mut now_s, mut grants) = (0.0, Vec::new());
            for _ in 0..500 {
                now_s += [0.0, 0.5, 1.0, 4.0][dice.below(4)];
                let wanted = dice.below(8);
                let free = budget.available(now_s);
                let granted = budget.grant(now_s, wanted);
                assert_eq!(granted, wanted.min(free));
                grants.extend(std::iter::repeat_n(now_s, granted));
                assert!(budget.log.len() <= n);
            }
            for first in &grants {
                let inside = grants
                    .iter()
                    .filter(|t| (*first..=first + 4.0).contains(t))
                    .count();
                assert!(
                    inside <= n,
                    "seed {seed}: {inside} grants of {n} from {first}"
                );
            }
        }
    }

    #[test]
    fn everything_comes_back_after_the_period() {
        let mut budget = SpawnBudget::new(5, 1.0);
        assert_eq!(budget.grant(0.0, 9), 5);
        assert_eq!(budget.grant(1.0, 9), 0);
        assert_eq!(budget.grant(1.5, 9), 5);
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut budget = SpawnBudget::new(2, 1.0);
        assert_eq!(budget.grant(10.0, 2), 2);
        assert_eq!(budget.grant(3.0, 1), 0);
        assert_eq!(budget.grant(f64::NAN, 1), 0);
        assert_eq!(SpawnBudget::new(0, 1.0).grant(1.0, 1), 0);
    }
}
