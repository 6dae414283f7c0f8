//! The end of a pool: what was begun is finished within a deadline, and what was not is reported.

use std::fmt;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use crate::background::JobPool;
use crate::shared::{Phase, Shared};
use crate::task::Ready;

/// After the deadline, threads that are not blocked in a job get this long to end.
const THREADS_END_WITHIN: Duration = Duration::from_secs(1);

/// How long the end waits for a task that is being polled.
const ABANDON_WITHIN: Duration = Duration::from_millis(100);

/// What a drain left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// How long it took.
    pub took: Duration,
    /// Tasks that had not ended; they were dropped.
    pub tasks_left: usize,
    /// Names of the background jobs among them.
    pub background_left: Vec<String>,
    /// Jobs that still waited; they were refused.
    pub jobs_refused: usize,
    /// Jobs that still ran, those that were given up included; their threads end when they do.
    pub jobs_running: usize,
}

impl DrainReport {
    /// Whether all that was begun was finished.
    pub fn is_clean(&self) -> bool {
        self.tasks_left == 0 && self.jobs_refused == 0 && self.jobs_running == 0
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return write!(f, "drained in {:.1?}", self.took);
        }
        write!(
            f,
            "after {:.1?}: {} tasks dropped, {} waiting jobs refused, {} jobs still running",
            self.took, self.tasks_left, self.jobs_refused, self.jobs_running
        )?;
        if !self.background_left.is_empty() {
            write!(
                f,
                ", background jobs left: {}",
                self.background_left.join(", ")
            )?;
        }
        Ok(())
    }
}

/// Finishes what was begun, for at most `within`, then stops.
pub(crate) fn drain(shared: &Shared, jobs: &JobPool, within: Duration) -> DrainReport {
    let began = Instant::now();
    shared.enter(Phase::Draining);
    jobs.stop_all();
    for cell in shared.all_tasks() {
        cell.add_ready(Ready::NOTIFIED);
        shared.schedule(&cell);
    }
    wait(shared, crate::clock::deadline(within), || {
        shared.task_count() == 0 && shared.queue.is_empty() && shared.jobs_running() == 0
    });
    stop(shared, jobs, began)
}

fn stop(shared: &Shared, jobs: &JobPool, began: Instant) -> DrainReport {
    let background_left = jobs.list().into_iter().map(|job| job.name).collect();
    shared.enter(Phase::Stopped);
    let refused = shared.queue.close();
    let tasks = shared.all_tasks();
    let jobs_refused = refused.len();
    for shed in refused {
        shared.tell(shed);
    }
    for cell in &tasks {
        cell.abandon(ABANDON_WITHIN);
    }
    shared.forget_queued();
    shared.parking.wake_all(|| shared.reactor.interrupt());
    wait(shared, Instant::now() + THREADS_END_WITHIN, || {
        shared.workers_alive() <= shared.jobs_running()
    });
    shared.forget_queued();
    let jobs_running = shared.jobs_running();
    shared.watch_stop.store(true, SeqCst);
    shared.doze.wake();
    DrainReport {
        took: began.elapsed(),
        tasks_left: tasks.len(),
        background_left,
        jobs_refused,
        jobs_running,
    }
}

fn wait(shared: &Shared, until: Instant, done: impl Fn() -> bool) {
    let mut held = shared.progress.0.lock();
    while !done() {
        if shared.progress.1.wait_until(&mut held, until).timed_out() {
            return;
        }
    }
}
