//! All contact with the pool of this project.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use harmonious_pool::{Config, Job, JobContext, Origin, PolicyKind, Pool, Refusal};

use crate::Executor;

/// Longer than any measurement: only the length bounds the queue here.
const QUEUE_WAIT: Duration = Duration::from_secs(60);

/// Jobs that a pool of this process took and shed.
static SHED: AtomicU64 = AtomicU64::new(0);

/// The pool.
pub struct Ours(Pool);

/// What became of a job that the pool took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A worker runs it.
    Ran,
    /// It was shed; the closure must not block.
    Shed,
}

struct Offered<J>(J);

impl<J: FnOnce(Fate) + Send + 'static> Job for Offered<J> {
    fn run(self: Box<Self>, _context: &mut JobContext) {
        (self.0)(Fate::Ran);
    }

    fn refuse(self: Box<Self>, _refusal: Refusal) {
        SHED.fetch_add(1, Ordering::Relaxed);
        (self.0)(Fate::Shed);
    }
}

/// What [`Ours::stats`] tells.
#[derive(Debug, Clone, Copy)]
pub struct Stats {
    /// Permits.
    pub limit: usize,
    /// Threads that live.
    pub threads: usize,
    /// Jobs that wait.
    pub queued: usize,
    /// Threads started since the pool started.
    pub spawned: u64,
}

impl Ours {
    /// A pool of a fixed number of permits.
    pub fn fixed(permits: usize) -> Self {
        let default = Config::default();
        Self::start(Config {
            policy: PolicyKind::Fixed(permits),
            workers_min: default.workers_min.min(permits),
            workers_start: permits,
            workers_max: permits,
            spawn_limit: default.spawn_limit.max(permits + 1),
            ..default
        })
    }

    /// A pool as it comes, but for the bound on waiting.
    pub fn adaptive() -> Self {
        Self::start(Config::default())
    }

    /// The spawn budget of a pool as it comes: threads, and the window in which they may start.
    pub fn spawn_budget() -> (u64, Duration) {
        let config = Config::default();
        (config.spawn_limit as u64, config.spawn_window)
    }

    /// Submits until the pool takes the job, which is told what became of it. Returns how often the
    /// pool refused it first.
    pub fn offer<J: FnOnce(Fate) + Copy + Send + 'static>(&self, job: J) -> u64 {
        let mut refused = 0;
        while self.0.submit(Origin::default(), Offered(job)).is_err() {
            refused += 1;
            thread::yield_now();
        }
        refused
    }

    /// The figures of this moment.
    pub fn stats(&self) -> Stats {
        let stats = self.0.stats();
        Stats {
            limit: stats.limit,
            threads: stats.threads,
            queued: stats.queued,
            spawned: stats.spawned,
        }
    }

    fn start(config: Config) -> Self {
        Self(
            Pool::start(Config {
                queue_wait: QUEUE_WAIT,
                ..config
            })
            .expect("a pool"),
        )
    }
}

impl Executor for Ours {
    /// Tiny jobs only: one that is shed runs at once on the thread that shed it.
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64 {
        self.offer(move |_| job())
    }

    fn shed(&self) -> u64 {
        SHED.load(Ordering::Relaxed)
    }
}
