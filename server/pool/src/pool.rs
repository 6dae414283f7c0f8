//! The pool as its users hold it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::background::JobPool;
use crate::config::{Config, STACK_BYTES};
use crate::controller::Policy;
use crate::drain::{DrainReport, drain};
use crate::error::{Error, Refusal, RefusalReason};
use crate::job::{Job, Origin};
use crate::shared::Shared;
use crate::stats::{DecisionRecord, Stats};
use crate::task::{Class, Task};
use crate::watch::{Spawner, Watch, system_threads};

/// Threads that poll tasks and run jobs, as many as serve best.
///
/// Dropping it stops it at once: waiting jobs are refused, tasks dropped, running jobs left to
/// themselves. Use [`Pool::shutdown`] to finish what was begun.
///
/// # Examples
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use harmonious_pool::{Config, Origin, Pool};
///
/// let pool = Pool::start(Config::default())?;
/// let (sender, receiver) = mpsc::channel();
/// for n in 0..10 {
///     let sender = sender.clone();
///     pool.submit(Origin { client: n, route: 0 }, move || sender.send(n * n).unwrap())?;
/// }
/// drop(sender);
/// assert_eq!(receiver.iter().sum::<u64>(), 285);
/// assert!(pool.shutdown(Duration::from_secs(5)).is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    handle: Handle,
    watch: Option<JoinHandle<()>>,
}

/// A way to a running pool, for as many as want one.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
    jobs: JobPool,
}

impl Pool {
    /// Starts a pool with [`Config::workers_start`] workers and one thread more.
    ///
    /// # Errors
    /// [`Error::Setting`] if a setting is out of its range, [`Error::Start`] if the system does
    /// not give what the start needs. Nothing is left running then.
    pub fn start(config: Config) -> Result<Pool, Error> {
        config.validate()?;
        let policy = config.policy.build(config.bounds(), config.average);
        Pool::start_with(config, policy, system_threads())
    }

    /// Starts a pool with a policy of one's own, in place of [`Config::policy`].
    ///
    /// # Errors
    /// As [`Pool::start`].
    pub fn with_policy(config: Config, policy: Box<dyn Policy>) -> Result<Pool, Error> {
        Pool::start_with(config, policy, system_threads())
    }

    pub(crate) fn start_with(
        config: Config,
        policy: Box<dyn Policy>,
        spawner: Spawner,
    ) -> Result<Pool, Error> {
        let name = format!("{}-watch", config.thread_name);
        let shared = Arc::new(Shared::new(config, policy.name())?);
        let watch = Watch::start(&shared, policy, spawner)?;
        let handle = Handle {
            jobs: JobPool::new(Arc::clone(&shared)),
            shared,
        };
        let mut pool = Pool {
            handle,
            watch: None,
        };
        let thread = std::thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(|| watch.run());
        pool.watch = Some(thread.map_err(|source| Error::Start {
            what: "a thread for the watch",
            source,
        })?);
        Ok(pool)
    }

    /// A handle that can be cloned and sent around.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Finishes what was begun, within `within`, and stops. Tasks are notified and see
    /// [`crate::Context::draining`], background jobs are asked to stop, jobs of tasks are still
    /// taken, all others refused.
    pub fn shutdown(mut self, within: Duration) -> DrainReport {
        self.end(within)
    }

    fn end(&mut self, within: Duration) -> DrainReport {
        let report = drain(&self.handle.shared, &self.handle.jobs, within);
        // A job that is shed by the watch may hold the last of the pool.
        if let Some(watch) = self.watch.take()
            && watch.thread().id() != std::thread::current().id()
        {
            let _ = watch.join();
        }
        report
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.handle.shared.is_stopped() {
            self.end(Duration::ZERO);
        }
    }
}

impl Deref for Pool {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.handle).finish()
    }
}

impl Handle {
    /// Hands in a job. It waits until a permit is free, for [`Config::queue_wait`] at most.
    ///
    /// # Errors
    /// A [`Refusal`] says which bound was met and when to come again; the job is dropped. A job
    /// that was accepted can still be shed: then [`Job::refuse`] is called.
    pub fn submit(&self, origin: Origin, job: impl Job) -> Result<(), Refusal> {
        self.shared.submit(origin, Box::new(job), false)
    }

    /// Takes in a task; it is polled soon for the first time.
    ///
    /// # Errors
    /// [`Error::TooManyTasks`] if as many live as may, [`Error::Stopping`] if the pool has stopped.
    pub fn spawn(&self, task: impl Task) -> Result<(), Error> {
        self.shared
            .spawn(Class::Request, Box::new(task))
            .map(|_| ())
    }

    /// The background jobs.
    pub fn jobs(&self) -> &JobPool {
        &self.jobs
    }

    /// Whether the pool is draining or has stopped.
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// The figures of this moment.
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let now_ns = shared.clock.now_ns();
        let sums = shared.sums(now_ns);
        let (growth_exhausted, last_change) = {
            let log = shared.log.lock();
            (log.growth_exhausted, log.last_change())
        };
        let service_ns = shared.service_ns.load(Relaxed);
        Stats {
            policy: shared.policy_name,
            limit: shared.permits.limit(),
            threads: shared.threads.load(Relaxed),
            parked: shared.parking.parked(),
            busy: shared.permits.busy(),
            queued: shared.queue.len(),
            oldest_wait: Duration::from_nanos(shared.queue.oldest_wait_ns(now_ns)),
            predicted_wait: Duration::from_nanos(shared.queue.predicted_wait_ns()),
            service_time: Duration::from_nanos(if service_ns == u64::MAX {
                0
            } else {
                service_ns
            }),
            mean_wait: Duration::from_nanos(
                sums.waited_ns.checked_div(sums.completions()).unwrap_or(0),
            ),
            completions: sums.completions(),
            given_up: shared.given_up.load(Relaxed),
            given_up_total: shared.given_up_total.load(Relaxed),
            unwanted: sums.unwanted,
            refusals: RefusalReason::ALL
                .map(|reason| (reason, shared.refusals[reason as usize].load(Relaxed))),
            spawned: shared.spawned.load(Relaxed),
            retired: shared.retired.load(Relaxed),
            spawn_failures: shared.spawn_failures.load(Relaxed),
            job_panics: sums.job_panics + shared.refuse_panics.load(Relaxed),
            task_panics: sums.task_panics,
            polls: sums.polls,
            tasks: shared.task_count(),
            growth_exhausted,
            last_change,
        }
    }

    /// The last decisions of the controller, oldest first, at most
    /// [`DECISIONS_KEPT`](crate::config::DECISIONS_KEPT).
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.shared.log.lock().records()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("stats", &self.stats())
            .finish()
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
