//! Cooperative background jobs: they do a little at each poll, can be listed, asked to stop and
//! awaited, and are polled until they have cleaned up. Requests go before them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::Error;
use crate::shared::Shared;
use crate::task::{Class, Context, Flow, Notifier, Task};

/// Work that has time: an import, a sweep, a report.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use harmonious_pool::{BackgroundJob, Config, Context, Flow, Pool};
///
/// /// Counts until it is stopped.
/// struct Counting { n: u64, stopped: bool }
///
/// impl BackgroundJob for Counting {
///     fn poll(&mut self, _cx: &mut Context<'_>) -> Flow {
///         self.n += 1;
///         if self.stopped { Flow::Done } else { Flow::Again }
///     }
///     fn is_alive(&self) -> bool {
///         true
///     }
///     fn stop(&mut self) {
///         self.stopped = true;
///     }
/// }
///
/// let pool = Pool::start(Config::default())?;
/// let id = pool.jobs().spawn("count", Counting { n: 0, stopped: false })?;
/// assert_eq!(pool.jobs().list()[0].name, "count");
/// pool.jobs().stop(id);
/// assert!(pool.jobs().wait(id, Duration::from_secs(5)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BackgroundJob: Send + 'static {
    /// Does a little: some milliseconds at most, and nothing that blocks.
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow;

    /// Whether there is anything left to do, cleaning up included. One that is no longer alive
    /// after a poll is dropped.
    fn is_alive(&self) -> bool;

    /// Asks the job to end. It is told once, and polled on until it is done.
    fn stop(&mut self);
}

/// The number of a background job; never used twice in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one can see of a background job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobInfo {
    /// Its number.
    pub id: JobId,
    /// The name that it was given.
    pub name: String,
    /// When it was started.
    pub started: Instant,
    /// How often it was polled.
    pub polls: u64,
    /// It was asked to stop.
    pub stopping: bool,
}

/// The background jobs of a pool.
#[derive(Clone)]
pub struct JobPool {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
}

#[derive(Default)]
pub(crate) struct Registry {
    entries: Mutex<BTreeMap<JobId, Arc<Entry>>>,
    /// Told whenever an entry goes.
    ended: Condvar,
    numbers: AtomicU64,
}

struct Entry {
    name: String,
    started: Instant,
    polls: AtomicU64,
    stop: AtomicBool,
    notifier: Mutex<Option<Notifier>>,
}

impl JobPool {
    pub(crate) fn new(shared: Arc<Shared>) -> JobPool {
        JobPool {
            shared,
            registry: Arc::default(),
        }
    }

    /// Starts a job.
    ///
    /// # Errors
    /// [`Error::TooManyTasks`] if as many tasks live as may, [`Error::Stopping`] if the pool
    /// drains or has stopped.
    pub fn spawn(&self, name: impl Into<String>, job: impl BackgroundJob) -> Result<JobId, Error> {
        if self.shared.is_draining() {
            return Err(Error::Stopping);
        }
        let id = JobId(self.registry.numbers.fetch_add(1, Relaxed));
        let entry = Arc::new(Entry {
            name: name.into(),
            started: Instant::now(),
            polls: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            notifier: Mutex::new(None),
        });
        self.registry.entries.lock().insert(id, Arc::clone(&entry));
        let running = Running {
            job,
            told: false,
            id,
            entry,
            registry: Arc::clone(&self.registry),
        };
        // A job that cannot be spawned is dropped here, and takes its entry with it.
        self.shared.spawn(Class::Background, Box::new(running))?;
        // A drain that began meanwhile has told all jobs but this one.
        if self.shared.is_draining() {
            self.stop(id);
        }
        Ok(id)
    }

    /// The jobs that live, in the order in which they were started.
    pub fn list(&self) -> Vec<JobInfo> {
        let entries = self.registry.entries.lock();
        entries.iter().map(|(&id, entry)| entry.info(id)).collect()
    }

    /// Whether the job has not ended yet.
    pub fn is_alive(&self, id: JobId) -> bool {
        self.registry.entries.lock().contains_key(&id)
    }

    /// Asks a job to stop; false if it has ended already.
    pub fn stop(&self, id: JobId) -> bool {
        let entry = self.registry.entries.lock().get(&id).map(Arc::clone);
        entry.inspect(|entry| entry.request_stop()).is_some()
    }

    /// Asks all jobs to stop.
    pub fn stop_all(&self) {
        let entries: Vec<_> = self
            .registry
            .entries
            .lock()
            .values()
            .map(Arc::clone)
            .collect();
        for entry in entries {
            entry.request_stop();
        }
    }

    /// Waits until the job has ended and was cleaned up; false if it has not within `timeout`.
    pub fn wait(&self, id: JobId, timeout: Duration) -> bool {
        let until = crate::clock::deadline(timeout);
        let mut entries = self.registry.entries.lock();
        while entries.contains_key(&id) {
            if self
                .registry
                .ended
                .wait_until(&mut entries, until)
                .timed_out()
            {
                return !entries.contains_key(&id);
            }
        }
        true
    }
}

impl fmt::Debug for JobPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

impl Entry {
    fn info(&self, id: JobId) -> JobInfo {
        JobInfo {
            id,
            name: self.name.clone(),
            started: self.started,
            polls: self.polls.load(Relaxed),
            stopping: self.stop.load(Relaxed),
        }
    }

    fn request_stop(&self) {
        self.stop.store(true, Release);
        // Before its first poll a job has no notifier, but that poll is on its way.
        if let Some(notifier) = &*self.notifier.lock() {
            notifier.notify();
        }
    }
}

/// A background job as a task.
struct Running<J> {
    job: J,
    told: bool,
    id: JobId,
    entry: Arc<Entry>,
    registry: Arc<Registry>,
}

impl<J: BackgroundJob> Task for Running<J> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if self.entry.polls.fetch_add(1, Relaxed) == 0 {
            *self.entry.notifier.lock() = Some(cx.notifier());
        }
        if !self.told && self.entry.stop.load(Acquire) {
            self.told = true;
            self.job.stop();
        }
        let flow = self.job.poll(cx);
        if self.job.is_alive() {
            flow
        } else {
            Flow::Done
        }
    }
}

impl<J> Drop for Running<J> {
    fn drop(&mut self) {
        *self.entry.notifier.lock() = None;
        self.registry.entries.lock().remove(&self.id);
        self.registry.ended.notify_all();
    }
}
