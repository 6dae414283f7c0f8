//! What each worker counts. Only the worker writes, with plain stores; readers add up.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_utils::CachePadded;

use crate::config::STUCK;
use crate::controller::ROUTES;

/// One worker's counters, on cache lines of their own.
pub(crate) type Counters = CachePadded<Lines>;

#[derive(Default)]
pub(crate) struct Lines {
    routes: [Route; ROUTES],
    /// Completions of jobs that started after the limit was last changed.
    fresh: Counter,
    waited_ns: Counter,
    /// When the job that runs now was started; 0 while none runs.
    running_since_ns: Counter,
    job_panics: Counter,
    task_panics: Counter,
    unwanted: Counter,
    polls: Counter,
}

#[derive(Default)]
struct Route {
    completed: Counter,
    service_ns: Counter,
    /// An `f64` in seconds squared.
    service_sq_s2: Counter,
}

/// A number with one writer.
#[derive(Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A job that has ended.
pub(crate) struct Ended {
    pub(crate) route: u32,
    pub(crate) service_ns: u64,
    pub(crate) waited_ns: u64,
    pub(crate) fresh: bool,
    pub(crate) panicked: bool,
}

impl Lines {
    pub(crate) fn job_started(&self, now_ns: u64) {
        self.running_since_ns.set(now_ns.max(1));
    }

    pub(crate) fn job_ended(&self, job: &Ended) {
        let route = &self.routes[job.route as usize % ROUTES];
        route.completed.add(1);
        route.service_ns.add(job.service_ns);
        let service_s = job.service_ns as f64 * 1e-9;
        let squares = f64::from_bits(route.service_sq_s2.get()) + service_s * service_s;
        route.service_sq_s2.set(squares.to_bits());
        self.waited_ns.add(job.waited_ns);
        self.fresh.add(job.fresh.into());
        self.job_panics.add(job.panicked.into());
        self.running_since_ns.set(0);
    }

    pub(crate) fn task_polled(&self, panicked: bool) {
        self.polls.add(1);
        self.task_panics.add(panicked.into());
    }

    /// Whether a job runs that has run for longer than [`STUCK`].
    pub(crate) fn is_stuck(&self, now_ns: u64) -> bool {
        let since_ns = self.running_since_ns.get();
        since_ns > 0 && now_ns.saturating_sub(since_ns) > STUCK.as_nanos() as u64
    }

    /// How long the job has run that runs now; 0 while none does.
    pub(crate) fn running_ns(&self, now_ns: u64) -> u64 {
        match self.running_since_ns.get() {
            0 => 0,
            since_ns => now_ns.saturating_sub(since_ns),
        }
    }

    /// A job has returned that was given up before.
    pub(crate) fn job_came_back(&self, panicked: bool) {
        self.job_panics.add(panicked.into());
        self.running_since_ns.set(0);
    }

    pub(crate) fn job_unwanted(&self, panicked: bool) {
        self.unwanted.add(1);
        self.job_panics.add(panicked.into());
        self.running_since_ns.set(0);
    }
}

/// The counters of many workers, added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) completed: [u64; ROUTES],
    pub(crate) service_ns: [u64; ROUTES],
    pub(crate) service_sq_s2: [f64; ROUTES],
    pub(crate) fresh: u64,
    pub(crate) waited_ns: u64,
    /// Service time so far of the jobs that run now.
    pub(crate) running_ns: u64,
    /// Time for which jobs held a permit that were given up.
    pub(crate) lost_ns: u64,
    pub(crate) job_panics: u64,
    pub(crate) task_panics: u64,
    pub(crate) unwanted: u64,
    pub(crate) polls: u64,
}

impl Sums {
    /// Adds what one worker has counted.
    pub(crate) fn add(&mut self, lines: &Lines) {
        for (n, route) in lines.routes.iter().enumerate() {
            self.completed[n] += route.completed.get();
            self.service_ns[n] += route.service_ns.get();
            self.service_sq_s2[n] += f64::from_bits(route.service_sq_s2.get());
        }
        self.fresh += lines.fresh.get();
        self.waited_ns += lines.waited_ns.get();
        self.job_panics += lines.job_panics.get();
        self.task_panics += lines.task_panics.get();
        self.unwanted += lines.unwanted.get();
        self.polls += lines.polls.get();
    }

    pub(crate) fn completions(&self) -> u64 {
        self.completed.iter().sum()
    }

    pub(crate) fn service_total_ns(&self) -> u64 {
        self.service_ns.iter().sum()
    }
}
