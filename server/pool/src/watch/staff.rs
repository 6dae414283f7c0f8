//! Threads: started when the limit exceeds them and the spawn budget allows, retired when they
//! have been parked for long.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread::JoinHandle;

use crate::config::{GIVEN_UP_MAX, HIRES_PER_ROUND, RETIRE_SHARE, SPAWN_RETRY, STACK_BYTES};
use crate::controller::SpawnBudget;
use crate::error::Error;
use crate::shared::{Member, Shared};
use crate::worker::Worker;

/// How a thread is started: with its name and what it runs. Tests put a system in its place that
/// refuses.
pub(crate) type Spawner =
    Box<dyn Fn(String, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> + Send>;

/// The system's threads.
pub(crate) fn system_threads() -> Spawner {
    Box::new(|name, run| {
        std::thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(run)
    })
}

pub(super) struct Staff {
    shared: Arc<Shared>,
    spawner: Spawner,
    budget: SpawnBudget,
    /// The system refused a thread: none is tried before this time.
    retry_ns: u64,
    /// The limit that is approached.
    wanted: usize,
    numbers: usize,
    handles: Vec<JoinHandle<()>>,
}

/// What became of a wanted limit.
pub(super) struct Change {
    pub(super) limit: usize,
    pub(super) spawned: usize,
    /// More was wanted than the budget or the system gave.
    pub(super) cut: bool,
}

impl Staff {
    pub(super) fn new(shared: Arc<Shared>, spawner: Spawner) -> Staff {
        let config = &shared.config;
        let budget = SpawnBudget::new(config.spawn_limit, config.spawn_window.as_secs_f64());
        Staff {
            spawner,
            budget,
            retry_ns: 0,
            wanted: shared.config.bounds().start,
            numbers: 0,
            handles: Vec::new(),
            shared,
        }
    }

    /// The threads that the pool starts with; they are not growth, and need no budget.
    pub(super) fn hire_first(&mut self, count: usize) -> Result<(), Error> {
        for _ in 0..count {
            if let Err(source) = self.hire() {
                self.shared.enter(crate::shared::Phase::Stopped);
                self.shared
                    .parking
                    .wake_all(|| self.shared.reactor.interrupt());
                return Err(Error::Start {
                    what: "its first threads",
                    source,
                });
            }
        }
        Ok(())
    }

    /// Sets the limit, with as many threads for it as can be had. One thread more than permits
    /// lives at any time, so that one can always run tasks (invariant 2).
    pub(super) fn apply(&mut self, wanted: usize, now_ns: u64) -> Change {
        let wanted = wanted.clamp(1, self.shared.config.workers_max);
        self.wanted = wanted;
        let spawned = self.approach(now_ns);
        let limit = self.shared.permits.limit();
        let cut = limit < wanted && spawned < HIRES_PER_ROUND;
        Change {
            limit,
            spawned,
            cut,
        }
    }

    /// Goes on with the last change, if it needs more threads than one round may start. Returns
    /// how many it started.
    pub(super) fn approach(&mut self, now_ns: u64) -> usize {
        let before = self.shared.permits.limit();
        if self.wanted == before {
            return 0;
        }
        let threads = self.shared.threads_present();
        let missing = (self.wanted + 1).saturating_sub(threads);
        let spawned = self.hire_some(missing.min(HIRES_PER_ROUND), now_ns);
        let limit = self.wanted.min(threads + spawned - 1);
        if spawned < HIRES_PER_ROUND {
            self.wanted = limit;
        }
        if limit != before {
            self.shared.permits.set_limit(limit);
            self.shared.epoch_ns.store(now_ns, Relaxed);
        }
        if limit > before && self.shared.job_can_start() {
            self.shared.wake_one();
        }
        spawned
    }

    /// Gives back the permits of workers that are given up, `held` in all, as far as there is a
    /// thread in the place of each. The limit stays: the permits are simply free again.
    pub(super) fn replace(&mut self, held: usize, now_ns: u64) {
        let shared = Arc::clone(&self.shared);
        let absent = shared.absent.load(SeqCst);
        let most = held.min(GIVEN_UP_MAX.saturating_sub(absent));
        let needed = shared.permits.limit() + 1;
        let missing = (needed + most).saturating_sub(shared.threads_present());
        self.hire_some(missing.min(HIRES_PER_ROUND), now_ns);
        let spare = shared.threads_present().saturating_sub(needed);
        let gone = shared.let_go(most.min(spare), now_ns);
        if gone > 0 && shared.job_can_start() {
            shared.wake_one();
        }
    }

    /// Starts up to `missing` threads. Each is asked of the budget by itself, so that those that
    /// the system refuses cost at most one.
    fn hire_some(&mut self, missing: usize, now_ns: u64) -> usize {
        if now_ns < self.retry_ns || self.shared.is_stopped() {
            return 0;
        }
        let mut hired = 0;
        while hired < missing && self.budget.grant(now_ns as f64 * 1e-9, 1) == 1 {
            if self.hire().is_err() {
                // At the maximum, for a while: nothing is lost, the queue waits.
                self.shared.spawn_failures.fetch_add(1, Relaxed);
                self.retry_ns = now_ns + SPAWN_RETRY.as_nanos() as u64;
                break;
            }
            self.shared.spawned.fetch_add(1, Relaxed);
            hired += 1;
        }
        hired
    }

    fn hire(&mut self) -> io::Result<()> {
        let member = Arc::new(Member::default());
        let name = format!("{}-{}", self.shared.config.thread_name, self.numbers);
        let (shared, own) = (Arc::clone(&self.shared), Arc::clone(&member));
        self.shared.roster.lock().workers.push(Arc::clone(&member));
        self.shared.threads.fetch_add(1, SeqCst);
        match (self.spawner)(name, Box::new(move || Worker::new(shared, own).run())) {
            Ok(handle) => {
                self.numbers += 1;
                self.handles.retain(|handle| !handle.is_finished());
                self.handles.push(handle);
                Ok(())
            }
            Err(error) => {
                self.shared.threads.fetch_sub(1, SeqCst);
                self.shared.depart(&member);
                Err(error)
            }
        }
    }

    /// Lets a few of the threads go that have been parked for too long, coldest first, and the
    /// limit with them: what is no longer used is learned again when it is.
    pub(super) fn retire(&mut self, now_ns: u64) {
        let idle_ns = self.shared.config.idle.as_nanos() as u64;
        let Some(before_ns) = now_ns.checked_sub(idle_ns) else {
            return;
        };
        let cold = self.shared.parking.cold(before_ns);
        let threads = self.shared.threads_present();
        let spare = threads.saturating_sub(self.shared.config.threads_min());
        let most = cold.min(spare).min((cold / RETIRE_SHARE).max(1));
        if most == 0 {
            return;
        }
        let limit = self.shared.permits.limit();
        let lower = limit.min(threads - most - 1);
        self.shared.permits.set_limit(lower);
        // From here on no more than `lower` permits are given out. If more are held already, all
        // threads that would be left may be blocked: then nobody goes.
        let retired = if self.shared.permits.busy() > lower {
            0
        } else {
            self.shared.parking.retire(most, before_ns)
        };
        self.shared.threads.fetch_sub(retired, SeqCst);
        self.shared.retired.fetch_add(retired as u64, Relaxed);
        let kept = limit.min(threads - retired - 1);
        self.shared.permits.set_limit(kept);
        self.wanted = kept;
        if kept < limit {
            self.shared.epoch_ns.store(now_ns, Relaxed);
        }
        // A job that was queued meanwhile may have found no permit.
        if self.shared.job_can_start() {
            self.shared.wake_one();
        }
    }

    /// Waits for the threads that end by themselves; those that are blocked in a job are left.
    pub(super) fn join(self) {
        for handle in self.handles {
            if handle.is_finished() {
                let _ = handle.join();
            }
        }
    }
}

impl Shared {
    /// A worker ends: its counts stay.
    pub(crate) fn depart(&self, member: &Arc<Member>) {
        let mut roster = self.roster.lock();
        let Some(at) = roster
            .workers
            .iter()
            .position(|other| Arc::ptr_eq(other, member))
        else {
            return;
        };
        roster.workers.swap_remove(at);
        roster.departed.add(&member.counters);
        roster.departed_run_delay_s += f64::from_bits(member.run_delay_s.load(Relaxed));
        drop(roster);
        self.note_progress();
    }
}
