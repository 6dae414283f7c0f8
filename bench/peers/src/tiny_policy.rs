//! The policy of tiny_http's task pool, written anew from its description: a new thread whenever
//! none waits, no maximum, at least four.
//!
//! It is the "greedy" end of the scale: never a queue while threads can be had, and as many threads
//! as there are jobs that block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use crate::Executor;

/// Threads that stay however idle.
const THREADS_MIN: usize = 4;
/// A thread above the minimum ends after waiting this long.
const IDLE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// The pool.
pub struct TinyPolicy {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads in `Condvar::wait`; each queued job has been promised to one of them.
    waiting: usize,
    threads: usize,
}

impl TinyPolicy {
    /// Starts the four threads.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        for _ in 0..THREADS_MIN {
            shared.spawn(&mut shared.lock(), None);
        }
        Self { shared }
    }

    /// Threads that live.
    pub fn threads(&self) -> usize {
        self.shared.lock().threads
    }
}

impl Executor for TinyPolicy {
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64 {
        let mut state = self.shared.lock();
        if state.waiting > state.queue.len() {
            state.queue.push_back(Box::new(job));
            self.shared.work.notify_one();
        } else {
            self.shared.spawn(&mut state, Some(Box::new(job)));
        }
        0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no job runs under the lock")
    }

    /// Where the system refuses the thread, the job waits for one that is there.
    fn spawn(self: &Arc<Self>, state: &mut State, first: Option<Job>) {
        let shared = Arc::clone(self);
        let first = Arc::new(Mutex::new(first));
        let given = Arc::clone(&first);
        let take = |slot: &Mutex<Option<Job>>| slot.lock().expect("only moved out of").take();
        match thread::Builder::new().spawn(move || shared.work(take(&given))) {
            Ok(_) => state.threads += 1,
            Err(_) => state.queue.extend(take(&first)),
        }
    }

    fn work(&self, first: Option<Job>) {
        let mut job = first;
        loop {
            if let Some(job) = job.take() {
                job();
            }
            job = self.next();
            if job.is_none() {
                return;
            }
        }
    }

    /// `None` when the thread was idle for too long and is to end.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            state.waiting += 1;
            let (guard, wait) = self.work.wait_timeout(state, IDLE).expect("as in lock");
            state = guard;
            state.waiting -= 1;
            if wait.timed_out() && state.queue.is_empty() && state.threads > THREADS_MIN {
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    #[test]
    fn a_thread_is_added_whenever_none_waits() {
        let pool: &'static TinyPolicy = Box::leak(Box::new(TinyPolicy::start()));
        assert_eq!(pool.threads(), THREADS_MIN);
        let gate = load::block(pool, 40).expect("all forty block at once");
        assert!(pool.threads() >= 40);
        gate.open();
        assert_eq!(load::outside(pool, 1_000).jobs, 1_000);
    }
}
