//! What needs a system that refuses: tests with a spawner of their own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::Pool;
use crate::config::Config;
use crate::controller::{Decision, Observation, Policy, PolicyKind, Reason};
use crate::error::Error;
use crate::job::{Job, JobContext, Origin};
use crate::overdue::TimeLimit;
use crate::watch::{Spawner, system_threads};

/// Gives `allowed` threads, then none.
fn sparing(allowed: usize) -> (Spawner, Arc<AtomicUsize>) {
    let left = Arc::new(AtomicUsize::new(allowed));
    let (system, given) = (system_threads(), Arc::clone(&left));
    let spawner: Spawner = Box::new(move |name, run| {
        let take = given.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        match take {
            Ok(_) => system(name, run),
            Err(_) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        }
    });
    (spawner, left)
}

fn start(config: Config, spawner: Spawner) -> Result<Pool, Error> {
    let policy = config.policy.build(config.bounds(), config.average);
    Pool::start_with(config, policy, spawner)
}

#[test]
fn a_thread_that_the_system_refuses_loses_no_job() {
    let (spawner, left) = sparing(7);
    let config = Config {
        policy: PolicyKind::Greedy,
        workers_max: 16,
        queue_wait: Duration::from_secs(60),
        ..Config::default()
    };
    let pool = start(config, spawner).unwrap();
    let (entered, all_in) = channel();
    let (open, gate) = channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    for _ in 0..12 {
        let (entered, gate) = (entered.clone(), Arc::clone(&gate));
        pool.submit(Origin::default(), move || {
            entered.send(()).unwrap();
            // Blocks until the other end is dropped.
            let _ = gate.lock().unwrap().recv();
        })
        .unwrap();
    }
    for _ in 0..6 {
        all_in
            .recv_timeout(Duration::from_secs(60))
            .expect("six permits for seven threads");
    }
    while !pool.stats().growth_exhausted {
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = pool.stats();
    assert_eq!((stats.threads, stats.limit, stats.queued), (7, 6, 6));
    assert!(stats.spawn_failures >= 1);
    assert!(
        stats.spawn_failures <= 3,
        "no thread is tried for a second: {}",
        stats.spawn_failures
    );
    // The system has threads again: the pool grows, and every job runs.
    left.store(100, Ordering::SeqCst);
    for _ in 0..6 {
        all_in
            .recv_timeout(Duration::from_secs(60))
            .expect("the rest");
    }
    drop(open);
}

#[test]
fn without_a_thread_in_its_place_a_worker_that_is_given_up_keeps_its_permit() {
    struct Limited<F>(F);
    impl<F: FnOnce() + Send + 'static> Job for Limited<F> {
        fn run(self: Box<Self>, _cx: &mut JobContext) {
            self.0();
        }
        fn time_limit(&mut self) -> Option<TimeLimit> {
            let after = Duration::from_millis(2);
            Some(TimeLimit { after, alarm: None })
        }
    }
    let (spawner, left) = sparing(2);
    let config = Config {
        policy: PolicyKind::Fixed(1),
        workers_min: 1,
        workers_start: 1,
        queue_wait: Duration::from_secs(60),
        ..Config::default()
    };
    let pool = start(config, spawner).unwrap();
    let (open, gate) = channel::<()>();
    let stuck = Limited(move || {
        let _ = gate.recv();
    });
    pool.submit(Origin::default(), stuck).unwrap();
    let (told, tells) = channel();
    pool.submit(Origin::default(), move || told.send(()).unwrap())
        .unwrap();
    while pool.stats().spawn_failures == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = pool.stats();
    assert_eq!((stats.given_up, stats.busy, stats.limit), (1, 1, 1));
    assert!(
        tells.try_recv().is_err(),
        "no thread would be left for tasks"
    );
    // The system has threads again.
    left.store(1, Ordering::SeqCst);
    tells
        .recv_timeout(Duration::from_secs(60))
        .expect("its permit");
    assert_eq!((pool.stats().given_up, pool.stats().threads), (1, 3));
    drop(open);
    assert!(pool.shutdown(Duration::from_secs(60)).is_clean());
}

#[test]
fn a_pool_that_cannot_have_its_first_threads_does_not_start() {
    let (spawner, _) = sparing(3);
    let error = start(Config::default(), spawner).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Start {
                what: "its first threads",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_policy_that_panics_or_wants_the_impossible_stops_nothing() {
    struct Mad(u32);
    impl Policy for Mad {
        fn name(&self) -> &'static str {
            "mad"
        }
        fn period_s(&self) -> f64 {
            if self.0.is_multiple_of(2) {
                f64::NAN
            } else {
                -1.0
            }
        }
        fn tick(&mut self, _observation: &Observation) -> Decision {
            self.0 += 1;
            let limit = match self.0 % 3 {
                0 => panic!("on purpose"),
                1 => 0,
                _ => usize::MAX,
            };
            Decision {
                limit,
                reason: Reason::Hold,
                growth_exhausted: false,
            }
        }
    }
    let config = Config {
        workers_max: 8,
        ..Config::default()
    };
    let pool = Pool::start_with(config, Box::new(Mad(0)), system_threads()).unwrap();
    let (done, all_done) = channel();
    for _ in 0..100 {
        let done = done.clone();
        pool.submit(Origin::default(), move || done.send(()).unwrap())
            .unwrap();
    }
    for _ in 0..100 {
        all_done.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    assert!((1..=8).contains(&pool.stats().limit));
}
