//! Ten million jobs and a million task wake-ups through limits that change all the time: none is
//! lost, none runs twice.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

use common::{PATIENCE, await_stats};
use harmonious_pool::controller::{Decision, Observation, Policy, Reason};
use harmonious_pool::{Config, Context, Flow, Handle, Origin, Pool, RefusalReason, Task};

const JOBS: u64 = 10_000_000;
const WAKE_UPS: u64 = 1_000_000;
const PRODUCERS: u64 = 4;
const TASKS: u64 = 100;

/// Wants another limit from 1 to 32 at every tick.
struct Restless(u64);

impl Policy for Restless {
    fn name(&self) -> &'static str {
        "restless"
    }
    fn period_s(&self) -> f64 {
        0.001
    }
    fn tick(&mut self, _observation: &Observation) -> Decision {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Decision {
            limit: 1 + self.0 as usize % 32,
            reason: Reason::Hold,
            growth_exhausted: false,
        }
    }
}

fn restless() -> Pool {
    let config = Config {
        workers_max: 32,
        spawn_limit: 1_000,
        queue_wait: PATIENCE,
        ..Config::default()
    };
    Pool::with_policy(config, Box::new(Restless(88_172_645_463_325_252))).unwrap()
}

/// Submits until accepted; a full queue is the only refusal there may be.
fn submit(pool: &Handle, client: u64, job: &Arc<AtomicU64>) {
    loop {
        let done = Arc::clone(job);
        let origin = Origin {
            client,
            route: client as u32,
        };
        match pool.submit(origin, move || {
            done.fetch_add(1, Relaxed);
        }) {
            Ok(()) => return,
            Err(refusal) => {
                assert_eq!(refusal.reason, RefusalReason::QueueFull);
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn ten_million_jobs_through_changing_limits() {
    let pool = restless();
    let done = Arc::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        for client in 0..PRODUCERS {
            let (handle, done) = (pool.handle(), Arc::clone(&done));
            scope.spawn(move || {
                for _ in 0..JOBS / PRODUCERS {
                    submit(&handle, client, &done);
                }
            });
        }
    });
    let stats = await_stats(&pool, "all jobs", |stats| {
        stats.completions + displaced(stats) == JOBS && stats.busy == 0
    });
    assert_eq!(done.load(Relaxed), stats.completions);
    assert_eq!((stats.queued, stats.job_panics), (0, 0));
    assert!(pool.shutdown(PATIENCE).is_clean());
}

/// Jobs that had to make room for those of other clients: told, and counted.
fn displaced(stats: &harmonious_pool::Stats) -> u64 {
    let count = stats
        .refusals
        .iter()
        .find(|(reason, _)| *reason == RefusalReason::Displaced);
    count.map_or(0, |(_, count)| *count)
}

/// Has a job wake it, again and again.
struct Link {
    left: u64,
    done: Sender<u64>,
    polls: u64,
}

impl Task for Link {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        self.polls += 1;
        if self.left == 0 {
            self.done.send(self.polls).unwrap();
            return Flow::Done;
        }
        self.left -= 1;
        // The wake-up comes from a job: on another thread, at any moment of this poll.
        let notifier = cx.notifier();
        cx.submit(Origin::default(), move || notifier.notify())
            .unwrap();
        Flow::Wait
    }
}

#[test]
fn a_million_wake_ups_through_changing_limits() {
    let pool = restless();
    let (done, all_done) = channel();
    for _ in 0..TASKS {
        let link = Link {
            left: WAKE_UPS / TASKS,
            done: done.clone(),
            polls: 0,
        };
        pool.spawn(link).unwrap();
    }
    drop(done);
    let polls: Vec<u64> = all_done.iter().collect();
    assert_eq!(polls.len() as u64, TASKS);
    // Each wake-up is one poll: none lost (the chain would stop), none doubled.
    assert_eq!(polls.iter().sum::<u64>(), WAKE_UPS + TASKS);
    assert!(pool.shutdown(PATIENCE).is_clean());
}
