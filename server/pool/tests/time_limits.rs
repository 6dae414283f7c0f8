//! Jobs that run for longer than they may: others go on, whoever waits is told, and afterwards
//! everything is as it was.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use common::{Gate, PATIENCE, await_stats, block, fixed};
use harmonious_pool::config::GIVEN_UP_MAX;
use harmonious_pool::{
    Alarm, Config, Context, Flow, Handle, Job, JobContext, Notifier, Origin, Pool, Stats, Task,
    TimeLimit,
};

const SHORT: Duration = Duration::from_millis(5);

/// Does something, and may take so long for it.
struct Limited<F>(Duration, F);

impl<F: FnOnce() + Send + 'static> Job for Limited<F> {
    fn run(self: Box<Self>, _cx: &mut JobContext) {
        self.1();
    }

    fn time_limit(&mut self) -> Option<TimeLimit> {
        let after = self.0;
        Some(TimeLimit { after, alarm: None })
    }
}

/// Has `n` jobs given up that wait at the gate; returns when they are.
fn strand(pool: &Handle, n: usize) -> Gate {
    let gate = Gate::default();
    let before = pool.stats().given_up;
    for _ in 0..n {
        let gate = gate.clone();
        pool.submit(Origin::default(), Limited(SHORT, move || gate.pass()))
            .unwrap();
    }
    await_stats(pool, "all given up", |stats| stats.given_up == before + n);
    gate
}

/// Threads that are idle for 20 ms may retire.
fn fixed_impatient(n: usize) -> Config {
    Config {
        idle: Duration::from_millis(20),
        ..fixed(n)
    }
}

fn is_at_rest(stats: &Stats) -> bool {
    (stats.given_up, stats.busy, stats.queued) == (0, 0, 0)
}

#[test]
fn the_permit_of_a_job_over_its_limit_goes_to_the_next() {
    let pool = Pool::start(fixed_impatient(1)).unwrap();
    let gate = strand(&pool, 1);
    block(&pool, 1).open();
    let stats = await_stats(&pool, "a thread in its place", |stats| stats.busy == 0);
    assert_eq!((stats.limit, stats.given_up, stats.threads), (1, 1, 3));
    assert_eq!(stats.completions, 1);
    gate.open();
    let stats = await_stats(&pool, "the threads of before", |stats| {
        is_at_rest(stats) && stats.threads == 2
    });
    assert_eq!((stats.given_up_total, stats.completions), (1, 1));
    assert_eq!((stats.limit, stats.spawned, stats.retired), (1, 1, 1));
    block(&pool, 1).open();
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn with_every_permit_stranded_the_same_number_of_jobs_can_run() {
    let pool = Pool::start(fixed(3)).unwrap();
    let first = strand(&pool, 3);
    let second = block(&pool, 3);
    let stats = pool.stats();
    assert_eq!((stats.busy, stats.limit, stats.given_up), (3, 3, 3));
    assert!(stats.threads > 6, "one is free for tasks: {stats:?}");
    first.open();
    await_stats(&pool, "their return", |stats| stats.given_up == 0);
    assert_eq!(pool.stats().busy, 3, "they brought no permits back");
    second.open();
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn a_job_within_its_limit_is_a_job_as_any_other() {
    let pool = Pool::start(fixed(2)).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..20_000 {
        let done = Arc::clone(&done);
        let job = Limited(PATIENCE, move || {
            done.fetch_add(1, SeqCst);
        });
        pool.submit(Origin::default(), job).unwrap();
        while pool.stats().queued > 1_000 {
            std::thread::yield_now();
        }
    }
    let stats = await_stats(&pool, "all jobs", |stats| stats.completions == 20_000);
    assert_eq!((stats.given_up_total, stats.spawned), (0, 0));
    assert_eq!(done.load(SeqCst), 20_000);
}

#[test]
fn a_panic_after_the_limit_costs_nothing_but_its_job() {
    let pool = Pool::start(fixed_impatient(1)).unwrap();
    let gate = Gate::default();
    for _ in 0..5 {
        let gate = gate.clone();
        let job = Limited(SHORT, move || {
            gate.pass();
            panic!("on purpose");
        });
        pool.submit(Origin::default(), job).unwrap();
    }
    await_stats(&pool, "five given up", |stats| stats.given_up == 5);
    gate.open();
    let stats = await_stats(&pool, "the threads of before", |stats| {
        is_at_rest(stats) && stats.threads == 2
    });
    assert_eq!((stats.job_panics, stats.completions), (5, 0));
    block(&pool, 1).open();
}

#[test]
fn a_late_end_is_not_among_the_samples() {
    let pool = Pool::start(fixed(1)).unwrap();
    strand(&pool, 1).open();
    await_stats(&pool, "its end", is_at_rest);
    for _ in 0..50 {
        block(&pool, 1).open();
    }
    let stats = await_stats(&pool, "service times", |stats| {
        stats.completions == 50 && stats.service_time > Duration::ZERO
    });
    assert_eq!(stats.given_up_total, 1);
    let job = Limited(PATIENCE, || panic!("on purpose"));
    pool.submit(Origin::default(), job).unwrap();
    await_stats(&pool, "a panic in time is a completion", |stats| {
        stats.completions == 51
    });
}

#[test]
fn so_many_are_given_up_and_then_the_pool_shrinks() {
    let pool = Pool::start(fixed(2)).unwrap();
    let gate = strand(&pool, GIVEN_UP_MAX + 1);
    let stats = await_stats(&pool, "one that keeps its permit", |stats| stats.busy == 1);
    assert_eq!((stats.threads, stats.limit), (3 + GIVEN_UP_MAX, 2));
    block(&pool, 1).open();
    let more = strand(&pool, 1);
    let stats = pool.stats();
    assert_eq!((stats.busy, stats.given_up), (2, GIVEN_UP_MAX + 2));
    let (told, tells) = channel();
    pool.submit(Origin::default(), move || told.send(()).unwrap())
        .unwrap();
    assert_eq!(await_stats(&pool, "it waits", |s| s.queued == 1).busy, 2);
    more.open();
    tells.recv_timeout(PATIENCE).expect("it runs after that");
    gate.open();
    let stats = await_stats(&pool, "rest", is_at_rest);
    assert_eq!(stats.given_up_total, GIVEN_UP_MAX as u64 + 2);
    block(&pool, 2).open();
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn a_place_that_becomes_free_is_given_to_the_next() {
    let pool = Pool::start(fixed(1)).unwrap();
    let first = strand(&pool, GIVEN_UP_MAX / 2);
    let second = strand(&pool, GIVEN_UP_MAX / 2 + 1);
    assert_eq!(pool.stats().busy, 1);
    first.open();
    block(&pool, 1).open();
    second.open();
    await_stats(&pool, "rest", is_at_rest);
}

#[test]
fn the_threads_come_from_the_spawn_limit() {
    let config = Config {
        spawn_limit: 1,
        ..fixed(1)
    };
    let pool = Pool::start(config).unwrap();
    let gate = strand(&pool, 2);
    let stats = pool.stats();
    assert_eq!((stats.threads, stats.busy, stats.spawned), (3, 1, 1));
    gate.open();
    let stats = await_stats(&pool, "rest", is_at_rest);
    assert_eq!((stats.limit, stats.given_up_total), (1, 2));
    block(&pool, 1).open();
}

/// Hands its job in from its poll and waits for it, or for its alarm.
struct Asker {
    job: Option<(Gate, Duration)>,
    alarm: Option<Alarm>,
    ended: Arc<AtomicUsize>,
    told: Sender<&'static str>,
}

struct Answer {
    gate: Gate,
    limit: Option<TimeLimit>,
    ended: Arc<AtomicUsize>,
    notifier: Notifier,
}

impl Job for Answer {
    fn run(self: Box<Self>, cx: &mut JobContext) {
        self.gate.pass();
        self.ended.fetch_add(1, SeqCst);
        cx.notify_on_return(self.notifier);
    }

    fn time_limit(&mut self) -> Option<TimeLimit> {
        self.limit.take()
    }
}

impl Asker {
    fn submit(&mut self, gate: Gate, after: Duration, cx: &mut Context<'_>) {
        let alarm = Alarm::new(cx.notifier());
        self.alarm = Some(alarm.clone());
        let job = Answer {
            gate,
            limit: Some(TimeLimit {
                after,
                alarm: Some((alarm, 42)),
            }),
            ended: Arc::clone(&self.ended),
            notifier: cx.notifier(),
        };
        cx.submit(Origin::default(), job).unwrap();
    }
}

impl Task for Asker {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if let Some((gate, after)) = self.job.take() {
            self.submit(gate, after, cx);
            return Flow::Wait;
        }
        let rang = |number| self.alarm.as_ref().is_some_and(|alarm| alarm.rang(number));
        assert!(!rang(41) && !rang(u64::MAX));
        if rang(42) {
            self.told.send("given up").unwrap();
        } else if self.ended.load(SeqCst) == 1 {
            self.told.send("answered").unwrap();
        } else {
            return Flow::Wait;
        }
        Flow::Done
    }
}

/// With a permit free and an empty queue the job runs on the thread that polled the task: another
/// must poll it.
#[test]
fn the_task_whose_job_is_stuck_on_its_own_thread_is_told() {
    let pool = Pool::start(fixed(1)).unwrap();
    let ask = |after: Duration, gate: &Gate| {
        let (told, tells) = channel();
        let asker = Asker {
            job: Some((gate.clone(), after)),
            alarm: None,
            ended: Arc::default(),
            told,
        };
        pool.spawn(asker).unwrap();
        tells
    };
    let gate = Gate::default();
    for _ in 0..3 {
        let tells = ask(SHORT, &gate);
        assert_eq!(tells.recv_timeout(PATIENCE), Ok("given up"));
    }
    gate.open();
    assert_eq!(ask(PATIENCE, &gate).recv_timeout(PATIENCE), Ok("answered"));
    let stats = await_stats(&pool, "rest", |stats| is_at_rest(stats) && stats.tasks == 0);
    assert_eq!((stats.given_up_total, stats.completions), (3, 1));
}

#[test]
fn an_alarm_for_a_task_that_has_ended_is_heard_by_nobody() {
    struct Brief(Option<Gate>);
    impl Task for Brief {
        fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
            let job = Answer {
                gate: self.0.take().unwrap(),
                limit: Some(TimeLimit {
                    after: SHORT,
                    alarm: Some((Alarm::new(cx.notifier()), 1)),
                }),
                ended: Arc::default(),
                notifier: cx.notifier(),
            };
            cx.submit(Origin::default(), job).unwrap();
            Flow::Done
        }
    }
    let pool = Pool::start(fixed(1)).unwrap();
    let gate = Gate::default();
    pool.spawn(Brief(Some(gate.clone()))).unwrap();
    let stats = await_stats(&pool, "its limit", |stats| stats.given_up == 1);
    assert_eq!(stats.tasks, 0);
    block(&pool, 1).open();
    gate.open();
    await_stats(&pool, "rest", is_at_rest);
}

#[test]
fn a_drain_waits_for_a_job_that_was_given_up_as_for_any_other() {
    let pool = Pool::start(fixed(1)).unwrap();
    let gate = strand(&pool, 1);
    let handle = pool.handle();
    let drain = std::thread::spawn(move || pool.shutdown(PATIENCE));
    while !handle.is_draining() {
        std::thread::yield_now();
    }
    gate.open();
    let report = drain.join().unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_drain_reports_a_job_that_was_given_up_once() {
    for extra in [0, 1] {
        let pool = Pool::start(Config {
            spawn_limit: 1,
            ..fixed(1)
        })
        .unwrap();
        // The second one finds no thread in its place: it has its permit still.
        let gate = strand(&pool, 1 + extra);
        let report = pool.shutdown(Duration::from_millis(30));
        assert_eq!(report.jobs_running, 1 + extra, "{report}");
        gate.open();
    }
}

#[test]
fn limits_strike_during_a_drain_as_well() {
    let pool = Pool::start(fixed(1)).unwrap();
    let (told, tells) = channel();
    let gate = Gate::default();
    let asker = Asker {
        job: Some((gate.clone(), Duration::from_millis(50))),
        alarm: None,
        ended: Arc::default(),
        told,
    };
    pool.spawn(asker).unwrap();
    await_stats(&pool, "the job", |stats| stats.busy == 1);
    let drain = std::thread::spawn(move || pool.shutdown(PATIENCE));
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("given up"));
    gate.open();
    assert!(drain.join().unwrap().is_clean());
}

/// Jobs that end a little before, at and a little after their limit: each once, no permit too many,
/// none too few.
#[test]
fn around_the_limit_no_permit_is_lost_and_none_is_doubled() {
    const JOBS: u64 = 3_000;
    const PERMITS: usize = 4;
    let pool = Pool::start(Config {
        spawn_limit: 16_384,
        ..fixed_impatient(PERMITS)
    })
    .unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..JOBS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // The watch looks once in a millisecond, so that most strike around the second or third.
        let (work, ran) = (Duration::from_micros(random % 6_000), Arc::clone(&ran));
        let job = Limited(Duration::from_millis(2), move || {
            std::thread::sleep(work); // the work
            ran.fetch_add(1, SeqCst);
            assert!(!random.is_multiple_of(7), "on purpose");
        });
        pool.submit(Origin::default(), job).unwrap();
        let stats = await_stats(&pool, "room", |stats| stats.queued <= PERMITS);
        assert!(stats.busy <= PERMITS && stats.limit == PERMITS, "{stats:?}");
    }
    let stats = await_stats(&pool, "all of them", |stats| {
        is_at_rest(stats) && stats.completions + stats.given_up_total == JOBS
    });
    assert_eq!(ran.load(SeqCst), JOBS);
    assert!(
        stats.given_up_total > 0 && stats.completions > 0,
        "{stats:?}"
    );
    let all = block(&pool, PERMITS);
    assert_eq!(pool.stats().busy, PERMITS, "exactly as many as before");
    all.open();
    await_stats(&pool, "the threads of before", |stats| {
        stats.threads == PERMITS + 1 && is_at_rest(stats)
    });
    assert!(pool.shutdown(PATIENCE).is_clean());
}
