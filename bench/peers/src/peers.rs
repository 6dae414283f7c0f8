//! The peers, each behind the thinnest wrapper, and the list of all contenders.

use tokio::runtime::{Builder, Runtime};

use crate::Executor;
use crate::load::Contender;
use crate::tiny_policy::TinyPolicy;

/// `tokio::task::spawn_blocking`, with as many blocking threads as there are permits.
pub struct Tokio(Runtime);

/// `rayon::ThreadPool::spawn`.
pub struct Rayon(rayon::ThreadPool);

/// `threadpool::ThreadPool::execute`.
pub struct ThreadPool(threadpool::ThreadPool);

/// Everyone who can run `permits` jobs at once; tiny_http's policy has no such number and runs as it
/// is.
pub fn contenders(permits: usize) -> Vec<Contender> {
    vec![
        #[cfg(feature = "ours")]
        Contender::new("harmonious", crate::ours::Ours::fixed(permits)),
        Contender::new("tokio spawn_blocking", Tokio::start(permits)),
        Contender::new("rayon spawn", Rayon::start(permits)),
        Contender::new(
            "threadpool",
            ThreadPool(threadpool::ThreadPool::new(permits)),
        ),
        Contender::new("tiny_http's policy", TinyPolicy::start()),
    ]
}

impl Tokio {
    fn start(permits: usize) -> Self {
        // The one asynchronous worker is there because a runtime has one; it sleeps throughout.
        let mut builder = Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(1)
            .max_blocking_threads(permits)
            .build();
        Self(runtime.expect("a runtime"))
    }
}

impl Executor for Tokio {
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64 {
        drop(self.0.spawn_blocking(job));
        0
    }
}

impl Rayon {
    fn start(permits: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(permits).build();
        Self(pool.expect("a pool"))
    }
}

impl Executor for Rayon {
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64 {
        self.0.spawn(job);
        0
    }
}

impl Executor for ThreadPool {
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64 {
        self.0.execute(job);
        0
    }
}
