//! The simulated machine: two cores shared evenly by whoever can run, timers, and one lock.
//!
//! Processor sharing needs no time slices: all runnable jobs advance at the same rate, so a
//! *virtual clock* that runs at that rate turns every CPU phase into a fixed end time, and the next
//! one to end is the least of a heap.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

/// Cores of the simulated machine.
pub const CORES: f64 = 2.0;
/// Work lost for each runnable thread beyond the cores: switches and cold caches.
const SWITCH_LOSS: f64 = 0.0005;

/// One thing that a job does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// Computes, in seconds of one core.
    Cpu(f64),
    /// Waits for something outside, in seconds.
    Sleep(f64),
    /// Computes under the one lock, in seconds of one core; longer if others wait for it.
    Lock(f64),
}

/// A time that is never NaN.
#[derive(Clone, Copy, PartialEq)]
struct Time(f64);

impl Eq for Time {}

impl PartialOrd for Time {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Time {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

type Heap = BinaryHeap<Reverse<(Time, usize)>>;

/// The first-in first-out lock.
#[derive(Default)]
struct Lock {
    holder: Option<usize>,
    /// Jobs that wait for it, each with the length of its critical section.
    waiters: VecDeque<(usize, f64)>,
    /// By how much each waiter lengthens a critical section.
    growth: f64,
}

/// The machine. Jobs are known by their number.
pub(super) struct Machine {
    virtual_s: f64,
    /// Jobs that can run, by the virtual time at which their phase ends.
    runnable: Heap,
    /// Jobs that sleep, by the time at which they wake.
    asleep: Heap,
    lock: Lock,
}

impl Machine {
    /// A machine whose critical sections grow by `lock_growth` for each waiter.
    pub fn new(lock_growth: f64) -> Self {
        Self {
            virtual_s: 0.0,
            runnable: Heap::new(),
            asleep: Heap::new(),
            lock: Lock {
                growth: lock_growth,
                ..Lock::default()
            },
        }
    }

    /// Begins `phase` of `job` at `now_s`.
    pub fn start(&mut self, job: usize, phase: Phase, now_s: f64) {
        match phase {
            Phase::Cpu(work_s) => self.run(job, work_s),
            Phase::Sleep(length_s) => self.asleep.push(Reverse((Time(now_s + length_s), job))),
            Phase::Lock(work_s) if self.lock.holder.is_some() => {
                self.lock.waiters.push_back((job, work_s));
            }
            Phase::Lock(work_s) => {
                self.lock.holder = Some(job);
                self.run(job, work_s);
            }
        }
    }

    /// When the next phase ends, in seconds, if nothing else happens before.
    pub fn next_end_s(&self, now_s: f64) -> f64 {
        self.next_cpu_s(now_s).min(self.next_wake_s())
    }

    /// Lets `seconds` pass.
    pub fn advance(&mut self, seconds: f64) {
        self.virtual_s += seconds * self.rate();
    }

    /// The job whose phase ends at `now_s`, which is what `next_end_s` said. Passes the lock on.
    pub fn finish(&mut self, now_s: f64) -> Option<usize> {
        if self.next_cpu_s(now_s) > self.next_wake_s() {
            return self.asleep.pop().map(|Reverse((_, job))| job);
        }
        let Reverse((_, job)) = self.runnable.pop()?;
        if self.lock.holder == Some(job) {
            let next = self.lock.waiters.pop_front();
            self.lock.holder = next.map(|(job, _)| job);
            if let Some((job, work_s)) = next {
                let crowd = self.lock.waiters.len() as f64;
                self.run(job, work_s * (1.0 + self.lock.growth * crowd));
            }
        }
        Some(job)
    }

    /// Cores in use, 0 to [`CORES`].
    pub fn cores_used(&self) -> f64 {
        (self.runnable.len() as f64).min(CORES)
    }

    /// Jobs that can run but have no core.
    pub fn waiting_for_core(&self) -> f64 {
        (self.runnable.len() as f64 - CORES).max(0.0)
    }

    fn run(&mut self, job: usize, work_s: f64) {
        self.runnable
            .push(Reverse((Time(self.virtual_s + work_s), job)));
    }

    fn next_cpu_s(&self, now_s: f64) -> f64 {
        self.runnable
            .peek()
            .map_or(f64::INFINITY, |Reverse((end, _))| {
                now_s + (end.0 - self.virtual_s).max(0.0) / self.rate()
            })
    }

    fn next_wake_s(&self) -> f64 {
        self.asleep
            .peek()
            .map_or(f64::INFINITY, |Reverse((end, _))| end.0)
    }

    /// Work per second that each runnable job gets done, 0 to 1.
    fn rate(&self) -> f64 {
        let runnable = (self.runnable.len() as f64).max(1.0);
        (CORES / runnable).min(1.0) / (1.0 + SWITCH_LOSS * (runnable - CORES).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs until nothing is left; the end of each job, by its number.
    fn ends(growth: f64, phases: &[Phase]) -> Vec<f64> {
        let mut machine = Machine::new(growth);
        let mut ends_s = vec![0.0; phases.len()];
        for (job, phase) in phases.iter().enumerate() {
            machine.start(job, *phase, 0.0);
        }
        let mut now_s = 0.0;
        while machine.next_end_s(now_s).is_finite() {
            let next_s = machine.next_end_s(now_s);
            machine.advance(next_s - now_s);
            now_s = next_s;
            ends_s[machine.finish(now_s).unwrap()] = now_s;
        }
        ends_s
    }

    #[test]
    fn four_jobs_share_two_cores_and_pay_for_switching() {
        for end_s in ends(0.0, &[Phase::Cpu(1.0); 4]) {
            assert!((end_s - 2.0 * 1.001).abs() < 1e-9, "{end_s}");
        }
    }

    #[test]
    fn sleepers_do_not_share() {
        assert_eq!(ends(0.0, &[Phase::Sleep(1.0); 4]), [1.0; 4]);
    }

    #[test]
    fn the_lock_is_first_come_first_served_and_slows_with_waiters() {
        let ends_s = ends(0.5, &[Phase::Lock(1.0); 3]);
        // The second enters while one waits: 1.5 s. The third enters alone.
        for (end_s, expected_s) in ends_s.iter().zip([1.0, 2.5, 3.5]) {
            assert!((end_s - expected_s).abs() < 1e-9, "{ends_s:?}");
        }
    }
}
