//! Background jobs: listed, stopped, awaited, cleaned up; and requests go before them.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{PATIENCE, await_stats, block, fixed};
use harmonious_pool::{BackgroundJob, Config, Context, Error, Flow, Pool};

/// Works until it is stopped, then needs three more polls to clean up.
#[derive(Default)]
struct Worker {
    polls: Arc<AtomicU64>,
    cleaned: Arc<AtomicU64>,
    to_clean: Option<u64>,
    waits: bool,
}

impl BackgroundJob for Worker {
    fn poll(&mut self, _cx: &mut Context<'_>) -> Flow {
        self.polls.fetch_add(1, Ordering::SeqCst);
        match &mut self.to_clean {
            None if self.waits => Flow::Wait,
            None => Flow::Again,
            Some(left) => {
                *left -= 1;
                self.cleaned.fetch_add(1, Ordering::SeqCst);
                Flow::Again
            }
        }
    }

    fn is_alive(&self) -> bool {
        self.to_clean != Some(0)
    }

    fn stop(&mut self) {
        assert!(self.to_clean.is_none(), "told twice");
        self.to_clean = Some(3);
    }
}

#[test]
fn a_job_is_polled_until_it_has_cleaned_up() {
    for waits in [false, true] {
        let pool = Pool::start(Config::default()).unwrap();
        let cleaned = Arc::new(AtomicU64::new(0));
        let job = Worker {
            cleaned: Arc::clone(&cleaned),
            waits,
            ..Worker::default()
        };
        let id = pool.jobs().spawn("sweep", job).unwrap();
        assert!(pool.jobs().is_alive(id));
        assert!(
            pool.jobs().stop(id) && pool.jobs().stop(id),
            "asking twice is asking once"
        );
        assert!(pool.jobs().wait(id, PATIENCE));
        assert_eq!(cleaned.load(Ordering::SeqCst), 3);
        assert!(!pool.jobs().is_alive(id) && !pool.jobs().stop(id));
        await_stats(&pool, "no task", |stats| stats.tasks == 0);
    }
}

#[test]
fn jobs_are_listed_in_the_order_of_their_start() {
    let pool = Pool::start(Config::default()).unwrap();
    for name in ["import", "report", "sweep"] {
        pool.jobs()
            .spawn(
                name,
                Worker {
                    waits: true,
                    ..Worker::default()
                },
            )
            .unwrap();
    }
    let names: Vec<_> = pool.jobs().list().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["import", "report", "sweep"]);
    pool.jobs().stop_all();
    await_stats(&pool, "all ended", |stats| stats.tasks == 0);
    assert!(pool.jobs().list().is_empty());
}

#[test]
fn waiting_has_an_end() {
    let pool = Pool::start(Config::default()).unwrap();
    let id = pool.jobs().spawn("endless", Worker::default()).unwrap();
    assert!(!pool.jobs().wait(id, Duration::from_millis(10)));
    assert!(
        pool.shutdown(PATIENCE).is_clean(),
        "a drain stops background jobs"
    );
}

#[test]
fn a_panicking_background_job_leaves_the_list() {
    struct Panics;
    impl BackgroundJob for Panics {
        fn poll(&mut self, _cx: &mut Context<'_>) -> Flow {
            panic!("on purpose")
        }
        fn is_alive(&self) -> bool {
            true
        }
        fn stop(&mut self) {}
    }
    let pool = Pool::start(Config::default()).unwrap();
    let id = pool.jobs().spawn("panics", Panics).unwrap();
    assert!(pool.jobs().wait(id, PATIENCE));
    await_stats(&pool, "the panic", |stats| stats.task_panics == 1);
}

#[test]
fn requests_go_before_background_work_which_still_goes_on() {
    let pool = Pool::start(fixed(1)).unwrap();
    let polls: Vec<_> = (0..50)
        .map(|n| {
            let job = Worker::default();
            let polls = Arc::clone(&job.polls);
            pool.jobs().spawn(format!("job {n}"), job).unwrap();
            polls
        })
        .collect();
    // Jobs and tasks get through although fifty background jobs always want more.
    for _ in 0..100 {
        block(&pool, 1).open();
    }
    for counter in polls {
        let before = counter.load(Ordering::SeqCst);
        await_stats(&pool, "one more poll", |_| {
            counter.load(Ordering::SeqCst) > before
        });
    }
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn a_shutdown_without_an_end_and_a_wait_without_one_are_no_overflow() {
    let pool = Pool::start(Config::default()).unwrap();
    let id = pool
        .jobs()
        .spawn(
            "short",
            Worker {
                waits: true,
                ..Worker::default()
            },
        )
        .unwrap();
    pool.jobs().stop(id);
    assert!(pool.jobs().wait(id, Duration::MAX));
    assert!(pool.shutdown(Duration::MAX).is_clean());
}

#[test]
fn nothing_starts_in_a_pool_that_ends() {
    let pool = Pool::start(Config::default()).unwrap();
    let jobs = pool.jobs().clone();
    pool.shutdown(PATIENCE);
    assert!(matches!(
        jobs.spawn("late", Worker::default()),
        Err(Error::Stopping)
    ));
    assert!(jobs.list().is_empty());
}
