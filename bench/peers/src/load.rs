//! Work for an executor: jobs so small that the executor's own cost is what is measured.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::Executor;

/// Jobs that an outside producer has outstanding at most.
const WINDOW: u64 = 1024;
/// Chains of jobs that submit their successors.
const CHAINS: u64 = 64;
/// An executor that has not started all blocking jobs by then cannot.
const BLOCK_WAIT: Duration = Duration::from_secs(10);
/// A waiter spins this often before it yields its core.
const SPINS: u32 = 64;

/// What a run of tiny jobs took.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Jobs that ran.
    pub jobs: u64,
    /// How often the executor refused one of them first, or shed one that it had taken.
    pub refused: u64,
    /// From before the first submission until the last job was done.
    pub took: Duration,
}

impl Run {
    /// Jobs per second.
    pub fn rate(&self) -> f64 {
        self.jobs as f64 / self.took.as_secs_f64()
    }
}

/// An executor of any kind with its name, to keep them in one list.
pub struct Contender {
    /// Its name in tables.
    pub name: &'static str,
    load: Box<dyn Load>,
}

impl Contender {
    /// The executor is leaked, as jobs refer to it: the end of the process ends its threads.
    pub fn new<E: Executor>(name: &'static str, executor: E) -> Self {
        let leaked: &'static E = Box::leak(Box::new(executor));
        Self {
            name,
            load: Box::new(leaked),
        }
    }

    /// See [`outside`].
    pub fn outside(&self, jobs: u64) -> Run {
        self.load.outside(jobs)
    }

    /// See [`inside`].
    pub fn inside(&self, jobs: u64) -> Run {
        self.load.inside(jobs)
    }

    /// See [`start_delays`].
    pub fn start_delays(&self, pause: Duration, samples: usize) -> Vec<Duration> {
        self.load.start_delays(pause, samples)
    }

    /// See [`block`].
    pub fn block(&self, jobs: usize) -> Option<&'static Gate> {
        self.load.block(jobs)
    }
}

/// The loads as an object, so that executors of different types fit into one list.
trait Load {
    fn outside(&self, jobs: u64) -> Run;
    fn inside(&self, jobs: u64) -> Run;
    fn start_delays(&self, pause: Duration, samples: usize) -> Vec<Duration>;
    fn block(&self, jobs: usize) -> Option<&'static Gate>;
}

impl<E: Executor> Load for &'static E {
    fn outside(&self, jobs: u64) -> Run {
        outside(*self, jobs)
    }

    fn inside(&self, jobs: u64) -> Run {
        inside(*self, jobs)
    }

    fn start_delays(&self, pause: Duration, samples: usize) -> Vec<Duration> {
        start_delays(*self, pause, samples)
    }

    fn block(&self, jobs: usize) -> Option<&'static Gate> {
        block(*self, jobs)
    }
}

/// A counter on a cache line of its own (two of them, as processors fetch pairs).
#[repr(align(128))]
#[derive(Default)]
struct Counter(AtomicU64);

impl Counter {
    fn leaked() -> &'static Counter {
        Box::leak(Box::default())
    }

    /// Release, with [`Counter::get`]'s acquire: who reads a number sees what was done before it.
    fn add_one(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Release) + 1
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// One thread from outside submits jobs that each increment one counter, with at most 1,024
/// outstanding.
pub fn outside<E: Executor>(executor: &E, jobs: u64) -> Run {
    let done = Counter::leaked();
    let (mut seen, mut refused, shed) = (0, 0, executor.shed());
    let began = Instant::now();
    for submitted in 0..jobs {
        if submitted - seen >= WINDOW {
            wait_until(|| submitted - done.get() < WINDOW);
            seen = done.get();
        }
        refused += executor.submit(move || {
            done.add_one();
        });
    }
    wait_until(|| done.get() == jobs);
    let took = began.elapsed();
    let refused = refused + executor.shed() - shed;
    Run {
        jobs,
        refused,
        took,
    }
}

/// 64 chains of jobs, each job submitting its successor; about `jobs` in all.
pub fn inside<E: Executor>(executor: &'static E, jobs: u64) -> Run {
    let length = (jobs / CHAINS).max(1);
    let chains: &'static Chains<E> = Box::leak(Box::new(Chains {
        executor,
        jobs: CHAINS * length,
        ran: Counter::default(),
        refused: Counter::default(),
        ended: Mutex::new(None),
        end: Condvar::new(),
    }));
    let shed = executor.shed();
    let began = Instant::now();
    for _ in 0..CHAINS {
        executor.submit(move || link(chains, length));
    }
    // Parked, not spinning: every core belongs to the jobs.
    let ended = chains.ended.lock().expect("never poisoned");
    let ended = chains
        .end
        .wait_while(ended, |at| at.is_none())
        .expect("never poisoned");
    let took = ended.expect("waited for") - began;
    let refused = chains.refused.get() + executor.shed() - shed;
    Run {
        jobs: chains.jobs,
        refused,
        took,
    }
}

struct Chains<E: 'static> {
    executor: &'static E,
    jobs: u64,
    ran: Counter,
    refused: Counter,
    ended: Mutex<Option<Instant>>,
    end: Condvar,
}

fn link<E: Executor>(chains: &'static Chains<E>, left: u64) {
    if left > 1 {
        let refused = chains.executor.submit(move || link(chains, left - 1));
        if refused > 0 {
            chains.refused.0.fetch_add(refused, Ordering::Relaxed);
        }
    }
    if chains.ran.add_one() == chains.jobs {
        *chains.ended.lock().expect("never poisoned") = Some(Instant::now());
        chains.end.notify_one();
    }
}

/// How long it took from submission until the job ran, each time on an executor that had been idle
/// for `pause`.
pub fn start_delays<E: Executor>(executor: &E, pause: Duration, samples: usize) -> Vec<Duration> {
    let base = Instant::now();
    let started_ns = Counter::leaked();
    let sample = |_| {
        started_ns.0.store(0, Ordering::Relaxed);
        thread::sleep(pause);
        let submitted = base.elapsed();
        executor.submit(move || {
            // Never 0: the pause lies between the base and here.
            started_ns
                .0
                .store(base.elapsed().as_nanos() as u64, Ordering::Release);
        });
        wait_until(|| started_ns.get() != 0);
        Duration::from_nanos(started_ns.get()).saturating_sub(submitted)
    };
    (0..samples).map(sample).collect()
}

/// Holds threads of an executor until it is opened.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    entered: AtomicU64,
    left: AtomicU64,
    given_up: AtomicBool,
}

impl Gate {
    /// Lets all go and waits until they went.
    pub fn open(&self) {
        *self.open.lock().expect("never poisoned") = true;
        self.opened.notify_all();
        let all_left = || self.left.load(Ordering::Acquire) == self.entered.load(Ordering::Acquire);
        wait_until(|| self.given_up.load(Ordering::Relaxed) || all_left());
    }

    fn pass(&self) {
        self.entered.fetch_add(1, Ordering::AcqRel);
        let open = self.open.lock().expect("never poisoned");
        drop(
            self.opened
                .wait_while(open, |open| !*open)
                .expect("never poisoned"),
        );
        self.left.fetch_add(1, Ordering::AcqRel);
    }
}

/// Blocks as many threads as told, each in a condition wait. `None` where the executor does not
/// start that many jobs at once.
pub fn block<E: Executor>(executor: &E, jobs: usize) -> Option<&'static Gate> {
    let gate: &'static Gate = Box::leak(Box::default());
    for _ in 0..jobs {
        executor.submit(move || gate.pass());
    }
    let began = Instant::now();
    while gate.entered.load(Ordering::Acquire) < jobs as u64 {
        if began.elapsed() > BLOCK_WAIT {
            gate.given_up.store(true, Ordering::Relaxed);
            gate.open();
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
    Some(gate)
}

fn wait_until(is_true: impl Fn() -> bool) {
    let mut spins = 0;
    while !is_true() {
        spins += 1;
        if spins < SPINS {
            std::hint::spin_loop();
        } else {
            thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::peers::contenders;

    #[test]
    fn every_contender_runs_every_load() {
        for contender in contenders(4) {
            assert_eq!(contender.outside(5_000).jobs, 5_000, "{}", contender.name);
            assert_eq!(contender.inside(6_400).jobs, 6_400, "{}", contender.name);
            assert_eq!(
                contender.start_delays(Duration::from_millis(1), 20).len(),
                20,
                "{}",
                contender.name
            );
            let gate = contender.block(3).expect("three of four permits can block");
            assert_eq!(contender.outside(1_000).jobs, 1_000, "{}", contender.name);
            gate.open();
        }
    }
}
