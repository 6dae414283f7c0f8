//! What all threads of a pool share, and the two ways in: a task to be polled, a job to be run.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, fence};

use crossbeam_deque::{Injector, Steal};
use mio::Token;
use parking_lot::{Condvar, Mutex};
use slab::Slab;

use crate::clock::Clock;
use crate::config::{Config, LONG_JOB, WAKE_WORTH};
use crate::counters::{Counters, Sums};
use crate::error::{Error, Refusal, RefusalReason};
use crate::job::{Job, Origin};
use crate::overdue::Term;
use crate::park::Parking;
use crate::permits::Permits;
use crate::queue::{JobQueue, Shed};
use crate::reactor::Reactor;
use crate::stats::DecisionLog;
use crate::task::{Class, Task, TaskCell};
use crate::timer::Timers;
use crate::watch::Doze;

/// The life of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Takes work.
    Running,
    /// Finishes what was begun: tasks may still submit, nobody else.
    Draining,
    /// Threads end.
    Stopped,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) policy_name: &'static str,
    pub(crate) cores: usize,
    pub(crate) clock: Clock,
    pub(crate) permits: Permits,
    pub(crate) queue: JobQueue,
    pub(crate) reactor: Reactor,
    pub(crate) timers: Timers,
    pub(crate) parking: Parking,
    pub(crate) doze: Doze,
    pub(crate) log: Mutex<DecisionLog>,
    pub(crate) roster: Mutex<Roster>,
    /// Threads that were started and not told to end. Written by the watch.
    pub(crate) threads: AtomicUsize,
    /// When the limit was last changed: jobs that start later are `fresh`.
    pub(crate) epoch_ns: AtomicU64,
    /// Mean service time of late, in nanoseconds; large until the first figures are in.
    pub(crate) service_ns: AtomicU64,
    /// Jobs with a permit that had run for longer than [`crate::config::STUCK`] when the watch last
    /// looked.
    pub(crate) stuck: AtomicUsize,
    /// Workers in a job that was given up.
    pub(crate) given_up: AtomicUsize,
    pub(crate) given_up_total: AtomicU64,
    /// Those of them whose permit went back. Only the watch adds to it.
    pub(crate) absent: AtomicUsize,
    /// When the watch last looked, jobs waited beside free permits: those that run are longer than
    /// was thought, and whoever finds one wakes the next.
    pub(crate) jobs_are_stuck: AtomicBool,
    pub(crate) spawned: AtomicU64,
    pub(crate) retired: AtomicU64,
    pub(crate) spawn_failures: AtomicU64,
    pub(crate) refusals: [AtomicU64; RefusalReason::ALL.len()],
    /// Panics in `Job::refuse` and in the destructors of jobs that never ran.
    pub(crate) refuse_panics: AtomicU64,
    requests: Injector<Arc<TaskCell>>,
    background: Injector<Arc<TaskCell>>,
    tasks: Mutex<Slab<Arc<TaskCell>>>,
    /// Told whenever a task has ended or a job was run, while the pool drains.
    pub(crate) progress: (Mutex<()>, Condvar),
    phase: AtomicU8,
    pub(crate) watch_stop: AtomicBool,
}

/// The workers that live, and what those counted that have ended. Its lock is also held by whoever
/// changes what concerns a worker that was given up.
#[derive(Default)]
pub(crate) struct Roster {
    pub(crate) workers: Vec<Arc<Member>>,
    pub(crate) departed: Sums,
    /// Run delay of the workers that have ended, in seconds.
    pub(crate) departed_run_delay_s: f64,
}

/// A worker as the watch knows it.
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) counters: Counters,
    /// The time limit of its job.
    pub(crate) term: Term,
    /// Where its scheduling figures are; written once, by itself.
    pub(crate) schedstat: std::sync::OnceLock<String>,
    /// Its run delay when it was last read, as the bits of an `f64`. Written by the watch.
    pub(crate) run_delay_s: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, policy_name: &'static str) -> Result<Shared, Error> {
        config.validate()?;
        Ok(Shared {
            policy_name,
            cores: crate::system::cores(),
            clock: Clock::start(),
            permits: Permits::new(config.bounds().start),
            queue: JobQueue::new(config.queue_wait, config.queue_len_max),
            reactor: Reactor::new()?,
            timers: Timers::new(),
            parking: Parking::new(),
            doze: Doze::new(),
            log: Mutex::new(DecisionLog::new()),
            roster: Mutex::new(Roster::default()),
            threads: AtomicUsize::new(0),
            epoch_ns: AtomicU64::new(0),
            service_ns: AtomicU64::new(u64::MAX),
            stuck: AtomicUsize::new(0),
            given_up: AtomicUsize::new(0),
            given_up_total: AtomicU64::new(0),
            absent: AtomicUsize::new(0),
            jobs_are_stuck: AtomicBool::new(false),
            spawned: AtomicU64::new(0),
            retired: AtomicU64::new(0),
            spawn_failures: AtomicU64::new(0),
            refusals: Default::default(),
            refuse_panics: AtomicU64::new(0),
            requests: Injector::new(),
            background: Injector::new(),
            tasks: Mutex::new(Slab::new()),
            progress: (Mutex::new(()), Condvar::new()),
            phase: AtomicU8::new(Phase::Running as u8),
            watch_stop: AtomicBool::new(false),
            config,
        })
    }

    // ---- The life of the pool.

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.phase.load(Relaxed) >= Phase::Draining as u8
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.phase.load(SeqCst) >= Phase::Stopped as u8
    }

    // ---- Tasks.

    /// Takes a task in and has it polled for the first time.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        class: Class,
        task: Box<dyn Task>,
    ) -> Result<Arc<TaskCell>, Error> {
        let cell = {
            let mut tasks = self.tasks.lock();
            if self.is_stopped() {
                return Err(Error::Stopping);
            }
            if tasks.len() >= self.config.tasks_max {
                return Err(Error::TooManyTasks {
                    limit: self.config.tasks_max,
                });
            }
            let entry = tasks.vacant_entry();
            let cell = Arc::new(TaskCell::new(entry.key(), class, Arc::clone(self), task));
            entry.insert(Arc::clone(&cell));
            cell
        };
        self.schedule(&cell);
        Ok(cell)
    }

    /// Has a task polled soon, if it is not already going to be.
    pub(crate) fn schedule(&self, cell: &Arc<TaskCell>) {
        if cell.mark_queued() {
            self.enqueue(Arc::clone(cell));
            self.wake_for_tasks();
        }
    }

    /// Puts a task that was marked as queued in its run queue.
    pub(crate) fn enqueue(&self, cell: Arc<TaskCell>) {
        match cell.class {
            Class::Request => self.requests.push(cell),
            Class::Background => self.background.push(cell),
        }
        // A push that came after the pool's last sweep would keep the pool itself alive.
        if self.is_stopped() {
            self.forget_queued();
        }
    }

    /// A task waits for its turn, of either class.
    pub(crate) fn has_tasks(&self) -> bool {
        self.has_requests() || !self.background.is_empty()
    }

    pub(crate) fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    pub(crate) fn next_request(&self) -> Option<Arc<TaskCell>> {
        pop(&self.requests)
    }

    pub(crate) fn next_background(&self) -> Option<Arc<TaskCell>> {
        pop(&self.background)
    }

    pub(crate) fn set_deadline(&self, cell: &Arc<TaskCell>, wanted_ns: u64) {
        if self.timers.set(cell, wanted_ns) {
            fence(SeqCst);
            // The leader publishes until when it sleeps before it looks at the timers once more.
            if wanted_ns < self.reactor.sleeps_until_ns.load(SeqCst) {
                self.reactor.interrupt();
            }
        }
    }

    /// The task has ended: nothing of it stays.
    pub(crate) fn forget_task(&self, cell: &TaskCell, tokens: &mut Vec<Token>) {
        self.reactor.forget(tokens);
        self.timers.remove(cell);
        self.tasks.lock().try_remove(cell.id);
        self.note_progress();
    }

    pub(crate) fn task_count(&self) -> usize {
        self.tasks.lock().len()
    }

    pub(crate) fn all_tasks(&self) -> Vec<Arc<TaskCell>> {
        self.tasks
            .lock()
            .iter()
            .map(|(_, cell)| Arc::clone(cell))
            .collect()
    }

    /// Empties the run queues of a pool that has stopped.
    pub(crate) fn forget_queued(&self) {
        while self.next_request().is_some() || self.next_background().is_some() {}
    }

    /// Workers that have not ended.
    pub(crate) fn workers_alive(&self) -> usize {
        self.roster.lock().workers.len()
    }

    // ---- Jobs.

    /// Queues a job. While the pool drains only tasks may submit.
    pub(crate) fn submit(
        &self,
        origin: Origin,
        job: Box<dyn Job>,
        from_task: bool,
    ) -> Result<(), Refusal> {
        if self.is_draining() && !from_task {
            let refusal = Refusal {
                reason: RefusalReason::Stopping,
                retry_after: *crate::config::RETRY_AFTER.start(),
            };
            return Err(self.count(refusal));
        }
        let now_ns = self.clock.now_ns();
        let pushed = self.queue.push(now_ns, origin, job);
        for shed in pushed.map_err(|refusal| self.count(refusal))? {
            self.tell(shed);
        }
        self.wake_for_jobs();
        self.doze.end();
        Ok(())
    }

    fn count(&self, refusal: Refusal) -> Refusal {
        self.refusals[refusal.reason as usize].fetch_add(1, Relaxed);
        refusal
    }

    /// Tells a job that it is shed. Its panic is fenced.
    pub(crate) fn tell(&self, (queued, refusal): Shed) {
        self.count(refusal);
        let told =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| queued.job.refuse(refusal)));
        if told.is_err() {
            self.refuse_panics.fetch_add(1, Relaxed);
        }
        self.note_progress();
    }

    // ---- Waking.

    /// Whether a thread that looks now would find something.
    pub(crate) fn has_work(&self) -> bool {
        self.has_tasks() || self.job_can_start() || self.is_stopped()
    }

    /// A job waits, and a permit is free.
    pub(crate) fn job_can_start(&self) -> bool {
        !self.queue.is_empty() && self.permits.available()
    }

    /// Wakes a thread for a job that was queued just now, if that is worth it. It is not if no
    /// permit is free (whoever ends a job takes the next), if jobs are short and as many threads are
    /// awake as there are cores, or if the workers that run short jobs now will be through with
    /// the queue sooner than a thread can be woken. Should the last two be wrong, because a job
    /// blocks after all, the watch notices within [`crate::config::WATCH_PERIOD`].
    ///
    /// The queue's length comes last: it lies where the takers write.
    pub(crate) fn wake_for_jobs(&self) {
        if !self.permits.available() {
            return;
        }
        let brisk = self.brisk();
        let short = self.service_ns.load(Relaxed) < LONG_JOB.as_nanos() as u64
            && !self.jobs_are_stuck.load(Relaxed);
        if brisk > 0
            && short
            && (self.cores_are_taken() || self.through_ns(brisk) <= WAKE_WORTH.as_nanos() as u64)
        {
            return;
        }
        self.wake_one();
    }

    /// How long `workers` would need for the jobs that wait.
    pub(crate) fn through_ns(&self, workers: usize) -> u64 {
        let service_ns = self.service_ns.load(Relaxed);
        (self.queue.len() as u64).saturating_mul(service_ns) / workers.max(1) as u64
    }

    /// Workers in a job that is not known to be long: they will take the next one soon.
    pub(crate) fn brisk(&self) -> usize {
        self.permits.busy().saturating_sub(self.stuck.load(Relaxed))
    }

    /// Wakes a thread for a run queue, unless as many are awake as there are cores: these look
    /// into the queue before they sleep.
    pub(crate) fn wake_for_tasks(&self) {
        fence(SeqCst);
        if !self.cores_are_taken() {
            self.wake_one();
        }
        self.doze.end();
    }

    /// Whether as many threads are awake as there are cores.
    pub(crate) fn cores_are_taken(&self) -> bool {
        self.awake() >= self.cores
    }

    /// More threads are awake than there are cores, with jobs too short to gain from it: one of
    /// them should sleep.
    pub(crate) fn has_surplus(&self) -> bool {
        self.service_ns.load(Relaxed) < LONG_JOB.as_nanos() as u64 && self.awake() > self.cores
    }

    /// Threads that are awake and not in a long job. Long jobs are taken to be blocked; where they
    /// compute, a thread too many is awake.
    fn awake(&self) -> usize {
        let idle = self.parking.parked() + usize::from(self.parking.polling());
        let away = idle + self.stuck.load(Relaxed) + self.absent.load(Relaxed);
        self.threads.load(Relaxed).saturating_sub(away)
    }

    pub(crate) fn wake_one(&self) {
        self.parking.wake_one(|| self.reactor.interrupt());
    }

    /// Wakes whoever waits for the pool to become empty.
    pub(crate) fn note_progress(&self) {
        // Pairs with `enter`: either whoever waits sees the progress, or this sees the phase.
        fence(SeqCst);
        if self.is_draining() {
            let _held = self.progress.0.lock();
            self.progress.1.notify_all();
        }
    }

    // ---- Figures.

    /// All workers' counters, as they are at `now_ns`.
    pub(crate) fn sums(&self, now_ns: u64) -> Sums {
        let roster = self.roster.lock();
        let mut sums = roster.departed.clone();
        for member in &roster.workers {
            sums.add(&member.counters);
            // Of a job without a permit all that counts is in `lost_ns`.
            if !member.term.is_absent() {
                sums.running_ns += member.counters.running_ns(now_ns);
            }
        }
        sums
    }
}

fn pop(queue: &Injector<Arc<TaskCell>>) -> Option<Arc<TaskCell>> {
    loop {
        match queue.steal() {
            Steal::Success(cell) => return Some(cell),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
