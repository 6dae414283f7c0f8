//! Handler jobs: they run, wait, are refused or shed, and none is lost.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Fate, PATIENCE, Told, await_stats, block, fates, fixed};
use harmonious_pool::{Config, Job, JobContext, Origin, Pool, RefusalReason};

#[test]
fn no_more_jobs_run_than_there_are_permits() {
    let pool = Pool::start(fixed(3)).unwrap();
    let gate = block(&pool, 3);
    let (to, from) = channel();
    pool.submit(Origin::default(), Told { number: 1, to })
        .unwrap();
    let stats = await_stats(&pool, "a queued job", |stats| stats.queued == 1);
    assert_eq!((stats.busy, stats.limit, stats.threads), (3, 3, 4));
    assert!(from.try_recv().is_err());
    gate.open();
    assert_eq!(fates(&from, 1), [Fate::Ran(1)]);
    let stats = await_stats(&pool, "four completions", |stats| stats.completions == 4);
    assert!(stats.service_time <= PATIENCE);
}

#[test]
fn a_panic_costs_neither_thread_nor_permit() {
    let pool = Pool::start(fixed(2)).unwrap();
    for _ in 0..50 {
        pool.submit(Origin::default(), || panic!("on purpose"))
            .unwrap();
    }
    let stats = await_stats(&pool, "50 panics", |stats| {
        stats.job_panics == 50 && stats.busy == 0
    });
    assert_eq!((stats.completions, stats.threads), (50, 3));
    // Both permits are still there.
    block(&pool, 2).open();
}

#[test]
fn a_full_queue_refuses_with_reason_and_retry_time() {
    let pool = Pool::start(Config {
        queue_len_max: 5,
        ..fixed(1)
    })
    .unwrap();
    let gate = block(&pool, 1);
    let (to, from) = channel();
    for number in 0..5 {
        pool.submit(
            Origin::default(),
            Told {
                number,
                to: to.clone(),
            },
        )
        .unwrap();
    }
    let refusal = pool
        .submit(
            Origin::default(),
            Told {
                number: 5,
                to: to.clone(),
            },
        )
        .unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::QueueFull);
    assert!(refusal.retry_after >= Duration::from_secs(1));
    assert_eq!(pool.stats().refused(), 1);
    gate.open();
    assert_eq!(fates(&from, 5), (0..5).map(Fate::Ran).collect::<Vec<_>>());
}

#[test]
fn when_the_queue_is_full_the_client_that_holds_most_loses_first() {
    let pool = Pool::start(Config {
        queue_len_max: 8,
        ..fixed(1)
    })
    .unwrap();
    let gate = block(&pool, 1);
    let (to, from) = channel();
    for number in 0..8 {
        pool.submit(
            Origin {
                client: 1,
                route: 0,
            },
            Told {
                number,
                to: to.clone(),
            },
        )
        .unwrap();
    }
    for number in 8..11 {
        pool.submit(
            Origin {
                client: number,
                route: 0,
            },
            Told {
                number,
                to: to.clone(),
            },
        )
        .unwrap();
    }
    let lost: Vec<_> = fates(&from, 3)
        .into_iter()
        .map(|fate| match fate {
            Fate::Refused(number, refusal) => (number, refusal.reason),
            Fate::Ran(number) => panic!("{number} ran behind a shut gate"),
        })
        .collect();
    let displaced = RefusalReason::Displaced;
    assert_eq!(
        lost,
        [(7, displaced), (6, displaced), (5, displaced)],
        "the greedy client's newest"
    );
    gate.open();
    let ran = fates(&from, 8);
    // Clients take turns: the polite ones come right after the first of the greedy one.
    assert_eq!(ran, [0, 8, 9, 10, 1, 2, 3, 4].map(Fate::Ran));
}

#[test]
fn what_waits_too_long_is_shed_even_while_every_permit_is_blocked() {
    let pool = Pool::start(Config {
        queue_wait: Duration::from_millis(20),
        ..fixed(1)
    })
    .unwrap();
    let gate = block(&pool, 1);
    let (to, from) = channel();
    pool.submit(Origin::default(), Told { number: 1, to })
        .unwrap();
    match &fates(&from, 1)[0] {
        Fate::Refused(1, refusal) => assert_eq!(refusal.reason, RefusalReason::Waited),
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.stats().queued, 0);
    gate.open();
}

#[test]
fn a_job_that_nobody_wants_any_more_is_dropped_when_its_turn_comes() {
    struct Unwanted(Arc<AtomicBool>);
    impl Job for Unwanted {
        fn run(self: Box<Self>, _cx: &mut JobContext) {
            self.0.store(true, Ordering::SeqCst);
        }
        fn is_wanted(&self) -> bool {
            false
        }
    }
    let pool = Pool::start(fixed(1)).unwrap();
    let ran = Arc::new(AtomicBool::new(false));
    pool.submit(Origin::default(), Unwanted(Arc::clone(&ran)))
        .unwrap();
    let stats = await_stats(&pool, "an unwanted job", |stats| stats.unwanted == 1);
    assert_eq!(stats.completions, 0);
    assert!(!ran.load(Ordering::SeqCst));
    block(&pool, 1).open();
}

#[test]
fn a_panic_while_a_job_is_shed_is_fenced() {
    struct Touchy;
    impl Job for Touchy {
        fn run(self: Box<Self>, _cx: &mut JobContext) {}
        fn refuse(self: Box<Self>, _refusal: harmonious_pool::Refusal) {
            panic!("on purpose");
        }
    }
    let pool = Pool::start(Config {
        queue_wait: Duration::from_millis(20),
        ..fixed(1)
    })
    .unwrap();
    let gate = block(&pool, 1);
    for _ in 0..3 {
        pool.submit(Origin::default(), Touchy).unwrap();
    }
    await_stats(&pool, "three fenced panics", |stats| {
        stats.job_panics == 3 && stats.refused() == 3
    });
    gate.open();
    block(&pool, 1).open();
}

#[test]
fn a_panic_while_a_job_is_asked_whether_it_is_wanted_is_fenced() {
    struct Moody;
    impl Job for Moody {
        fn run(self: Box<Self>, _cx: &mut JobContext) {}
        fn is_wanted(&self) -> bool {
            panic!("on purpose");
        }
    }
    let pool = Pool::start(fixed(1)).unwrap();
    for _ in 0..5 {
        pool.submit(Origin::default(), Moody).unwrap();
    }
    await_stats(&pool, "five fenced panics", |stats| {
        stats.job_panics == 5 && stats.unwanted == 5
    });
    block(&pool, 1).open();
}

#[test]
fn jobs_may_submit_jobs() {
    fn chain(pool: harmonious_pool::Handle, left: u32, done: std::sync::mpsc::Sender<()>) {
        if left == 0 {
            done.send(()).unwrap();
            return;
        }
        let next = pool.clone();
        pool.submit(Origin::default(), move || chain(next, left - 1, done))
            .unwrap();
    }
    let pool = Pool::start(fixed(2)).unwrap();
    let (done, all_done) = channel();
    for _ in 0..8 {
        chain(pool.handle(), 1_000, done.clone());
    }
    for _ in 0..8 {
        all_done.recv_timeout(PATIENCE).unwrap();
    }
}
