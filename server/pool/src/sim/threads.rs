//! The simulated pool: permits, threads, the spawn budget, and retirement, as shipped.

use std::collections::VecDeque;

use crate::controller::{Bounds, SpawnBudget};

/// New threads in [`SPAWN_PERIOD_S`]: one whole pool.
const SPAWNS: usize = 256;
/// The period of the spawn budget, in seconds.
const SPAWN_PERIOD_S: f64 = 60.0;
/// A thread that was parked longer than this may retire, in seconds.
const PARKED_S: f64 = 30.0;
/// One in this many of the threads that may retire does so each second.
const RETIRE_SHARE: usize = 8;

/// Permits and threads. Parked threads form a stack: the coldest are never woken and retire.
pub(super) struct Threads {
    limit: usize,
    count: usize,
    start: usize,
    /// When each parked thread was parked, in seconds; the coldest first.
    parked: VecDeque<f64>,
    budget: SpawnBudget,
    /// Counts the changes of the limit.
    pub epoch: u64,
    /// Threads started in all, those at the start not counted.
    pub spawned: usize,
}

impl Threads {
    /// `bounds.start` permits and as many threads, all parked.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            limit: bounds.start,
            count: bounds.start,
            start: bounds.start,
            parked: std::iter::repeat_n(0.0, bounds.start).collect(),
            budget: SpawnBudget::new(SPAWNS, SPAWN_PERIOD_S),
            epoch: 0,
            spawned: 0,
        }
    }

    pub fn limit(&self) -> usize {
        self.limit
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Permits in use.
    pub fn busy(&self) -> usize {
        self.count - self.parked.len()
    }

    /// Whether another job may run.
    pub fn has_permit(&self) -> bool {
        self.busy() < self.limit
    }

    /// Gives a job a thread: the warmest.
    pub fn take(&mut self) {
        let thread = self.parked.pop_back();
        assert!(thread.is_some(), "a permit without a thread");
    }

    /// Takes the thread back from a job that ended.
    pub fn park(&mut self, now_s: f64) {
        self.parked.push_back(now_s);
    }

    /// Puts `wanted` in force, cut to what the spawn budget gives.
    pub fn set_limit(&mut self, now_s: f64, wanted: usize) {
        let more = wanted.saturating_sub(self.count);
        if more > 0 {
            let granted = self.budget.grant(now_s, more);
            self.count += granted;
            self.spawned += granted;
            for _ in 0..granted {
                // New threads are the coldest.
                self.parked.push_front(now_s);
            }
        }
        self.change(wanted.min(self.count));
    }

    /// Retires the coldest threads; called once a second.
    pub fn retire(&mut self, now_s: f64) {
        let cold = self
            .parked
            .iter()
            .filter(|&&since_s| now_s - since_s > PARKED_S)
            .count();
        let above = self.count.saturating_sub(self.start);
        let leaving = cold.min(above).min((cold / RETIRE_SHARE).max(1));
        // The front need not be the longest parked one: new threads are put there.
        for _ in 0..leaving {
            if let Some(oldest) = self.parked.iter().position(|&s| now_s - s > PARKED_S) {
                self.parked.remove(oldest);
                self.count -= 1;
            }
        }
        self.change(self.limit.min(self.count));
    }

    fn change(&mut self, limit: usize) {
        if limit != self.limit {
            self.limit = limit;
            self.epoch += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        min: 2,
        start: 4,
        max: 256,
    };

    #[test]
    fn the_limit_is_cut_to_the_spawn_budget() {
        let mut threads = Threads::new(BOUNDS);
        threads.set_limit(0.0, 200);
        assert_eq!((threads.limit(), threads.count()), (200, 200));
        threads.set_limit(1.0, 300);
        assert_eq!(threads.limit(), 260, "4 at the start and 256 of the budget");
        threads.set_limit(2.0, 10);
        assert_eq!(
            (threads.limit(), threads.count()),
            (10, 260),
            "permits cost nothing"
        );
    }

    #[test]
    fn threads_parked_for_long_retire_slowly_and_take_the_limit_along() {
        let mut threads = Threads::new(BOUNDS);
        threads.set_limit(0.0, 84);
        (0..6).for_each(|_| threads.take());
        threads.retire(30.0);
        assert_eq!(threads.count(), 84);
        threads.retire(31.0);
        assert_eq!(
            (threads.count(), threads.limit()),
            (75, 75),
            "78 parked, an eighth left"
        );
        (32..200).for_each(|second| threads.retire(f64::from(second)));
        assert_eq!(threads.count(), 6, "busy ones stay");
        (0..6).for_each(|_| threads.park(200.0));
        (231..300).for_each(|second| threads.retire(f64::from(second)));
        assert_eq!(
            (threads.count(), threads.limit()),
            (4, 4),
            "never below the start"
        );
    }
}
