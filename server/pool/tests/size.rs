//! The number of threads: it grows with need, within the budget, and goes back when idle.

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Gate, PATIENCE, await_stats, block, fixed};
use harmonious_pool::controller::{Decision, Observation, Policy, Reason};
use harmonious_pool::{Config, Error, Handle, Origin, PolicyKind, Pool};

/// Always wants the same.
struct Wants(usize);

impl Policy for Wants {
    fn name(&self) -> &'static str {
        "wants"
    }
    fn period_s(&self) -> f64 {
        0.01
    }
    fn tick(&mut self, _observation: &Observation) -> Decision {
        Decision {
            limit: self.0,
            reason: Reason::Hold,
            growth_exhausted: false,
        }
    }
}

/// Queues `n` jobs that wait at a gate.
fn pile_up(pool: &Handle, n: usize) -> Gate {
    let gate = Gate::default();
    for _ in 0..n {
        let gate = gate.clone();
        pool.submit(Origin::default(), move || gate.pass()).unwrap();
    }
    gate
}

fn patient(config: Config) -> Config {
    Config {
        queue_wait: PATIENCE,
        ..config
    }
}

#[test]
fn a_pool_starts_with_its_workers_and_one_thread_more() {
    let pool = Pool::start(Config::default()).unwrap();
    let stats = pool.stats();
    assert_eq!(
        (stats.limit, stats.threads, stats.policy),
        (4, 5, "adaptive")
    );
}

#[test]
fn greedy_starts_a_thread_for_each_job_that_waits_up_to_the_maximum() {
    let config = Config {
        policy: PolicyKind::Greedy,
        workers_max: 24,
        ..Config::default()
    };
    let pool = Pool::start(patient(config)).unwrap();
    let gate = pile_up(&pool, 40);
    let stats = await_stats(&pool, "24 busy workers", |stats| {
        stats.busy == 24 && stats.queued == 16
    });
    assert_eq!(stats.threads, 25);
    gate.open();
    await_stats(&pool, "all done", |stats| stats.completions == 40);
}

#[test]
fn blocked_workers_are_relieved_by_the_starvation_path() {
    let pool = Pool::start(patient(Config::default())).unwrap();
    let gate = pile_up(&pool, 12);
    let stats = await_stats(&pool, "all twelve running", |stats| stats.busy == 12);
    assert!(
        stats.threads > stats.busy,
        "one thread is always free for tasks"
    );
    assert!(
        pool.decisions()
            .iter()
            .any(|decision| decision.reason == Reason::Starvation)
    );
    gate.open();
    await_stats(&pool, "all done", |stats| stats.completions == 12);
}

#[test]
fn the_spawn_budget_is_kept_and_the_jobs_wait() {
    let config = Config {
        policy: PolicyKind::Greedy,
        spawn_limit: 3,
        spawn_window: Duration::from_secs(3600),
        ..Config::default()
    };
    let pool = Pool::start(patient(config)).unwrap();
    let gate = pile_up(&pool, 20);
    let stats = await_stats(&pool, "an exhausted budget", |stats| {
        stats.busy == 7 && stats.growth_exhausted
    });
    assert_eq!((stats.spawned, stats.threads, stats.limit), (3, 8, 7));
    gate.open();
    let stats = await_stats(&pool, "all done", |stats| stats.completions == 20);
    assert_eq!((stats.spawned, stats.refused()), (3, 0));
}

#[test]
fn idle_threads_retire_down_to_the_minimum_and_the_limit_follows() {
    let config = Config {
        policy: PolicyKind::Greedy,
        workers_max: 20,
        idle: Duration::from_millis(50),
        ..Config::default()
    };
    let pool = Pool::start(patient(config)).unwrap();
    let gate = pile_up(&pool, 20);
    await_stats(&pool, "20 busy workers", |stats| stats.busy == 20);
    let busy = pool.stats();
    assert_eq!(
        (busy.threads, busy.retired),
        (21, 0),
        "a busy thread never retires"
    );
    gate.open();
    let stats = await_stats(&pool, "the minimum", |stats| stats.threads == 5);
    assert_eq!((stats.limit, stats.retired, stats.completions), (4, 16, 20));
    // And the pool serves as before.
    block(&pool, 4).open();
}

#[test]
fn a_lowered_limit_takes_permits_back_only_from_those_that_are_done() {
    let config = Config {
        workers_max: 8,
        ..patient(Config::default())
    };
    let pool = Pool::with_policy(
        Config {
            workers_start: 8,
            ..config
        },
        Box::new(Wants(2)),
    )
    .unwrap();
    await_stats(&pool, "the limit of 2", |stats| stats.limit == 2);
    let gate = pile_up(&pool, 10);
    await_stats(&pool, "two busy workers", |stats| {
        stats.busy == 2 && stats.queued == 8
    });
    gate.open();
    await_stats(&pool, "all done", |stats| {
        stats.completions == 10 && stats.busy == 0
    });
}

#[test]
fn every_decision_can_be_read_with_its_reason_and_inputs() {
    let config = Config {
        policy: PolicyKind::Greedy,
        workers_max: 6,
        ..Config::default()
    };
    let pool = Pool::start(patient(config)).unwrap();
    let gate = pile_up(&pool, 10);
    let stats = await_stats(&pool, "the last change", |stats| {
        stats.limit == 6 && stats.last_change.is_some()
    });
    let change = stats.last_change.unwrap();
    assert_eq!(
        (change.limit_before, change.limit, change.spawned),
        (4, 6, 2)
    );
    assert!(
        change.queued > 0 && change.to_string().contains("limit 4 -> 6"),
        "{change}"
    );
    assert!(pool.decisions().contains(&change));
    gate.open();
}

#[test]
fn what_is_out_of_range_is_named_and_nothing_starts() {
    let error = Pool::start(Config {
        workers_max: 0,
        ..Config::default()
    })
    .unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Setting {
                setting: "workers_max",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn figures_are_there_while_every_worker_is_stuck() {
    let pool = Pool::start(fixed(2)).unwrap();
    let gate = block(&pool, 2);
    let (to, from) = channel();
    let handle = pool.handle();
    std::thread::spawn(move || to.send(handle.stats().busy).unwrap());
    assert_eq!(from.recv_timeout(PATIENCE).unwrap(), 2);
    gate.open();
}
