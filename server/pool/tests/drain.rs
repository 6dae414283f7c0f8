//! The end of a pool: what was begun is finished, what was not is reported.

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Fate, PATIENCE, Told, block, fates, fixed};
use harmonious_pool::{BackgroundJob, Config, Context, Flow, Origin, Pool, RefusalReason, Task};

#[test]
fn a_drain_finishes_what_waits() {
    let pool = Pool::start(fixed(1)).unwrap();
    let gate = block(&pool, 1);
    let (to, from) = channel();
    for number in 0..10 {
        pool.submit(
            Origin::default(),
            Told {
                number,
                to: to.clone(),
            },
        )
        .unwrap();
    }
    let handle = pool.handle();
    let drain = std::thread::spawn(move || pool.shutdown(PATIENCE));
    while !handle.is_draining() {
        std::thread::yield_now();
    }
    let late = handle.submit(Origin::default(), || ()).unwrap_err();
    assert_eq!(late.reason, RefusalReason::Stopping);
    gate.open();
    assert_eq!(fates(&from, 10), (0..10).map(Fate::Ran).collect::<Vec<_>>());
    let report = drain.join().unwrap();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn after_the_deadline_the_rest_is_refused_and_reported() {
    struct Stubborn;
    impl Task for Stubborn {
        fn poll(&mut self, _cx: &mut Context<'_>) -> Flow {
            Flow::Wait
        }
    }
    struct Deaf;
    impl BackgroundJob for Deaf {
        fn poll(&mut self, _cx: &mut Context<'_>) -> Flow {
            Flow::Wait
        }
        fn is_alive(&self) -> bool {
            true
        }
        fn stop(&mut self) {}
    }
    let pool = Pool::start(fixed(1)).unwrap();
    let gate = block(&pool, 1);
    let (to, from) = channel();
    pool.submit(Origin::default(), Told { number: 1, to })
        .unwrap();
    pool.spawn(Stubborn).unwrap();
    pool.jobs().spawn("deaf", Deaf).unwrap();
    let report = pool.shutdown(Duration::from_millis(30));
    assert!(!report.is_clean());
    assert_eq!(
        (report.tasks_left, report.jobs_refused, report.jobs_running),
        (2, 1, 1)
    );
    assert_eq!(report.background_left, ["deaf"]);
    assert!(
        report.to_string().contains("1 jobs still running"),
        "{report}"
    );
    match &fates(&from, 1)[0] {
        Fate::Refused(1, refusal) => assert_eq!(refusal.reason, RefusalReason::Stopping),
        other => panic!("{other:?}"),
    }
    gate.open();
}

#[test]
fn while_draining_tasks_may_still_submit_what_they_have_begun() {
    /// Submits its job only when it sees the drain, and ends when the job is done.
    struct Late {
        to: std::sync::mpsc::Sender<&'static str>,
        submitted: bool,
    }
    struct Answer(
        std::sync::mpsc::Sender<&'static str>,
        harmonious_pool::Notifier,
    );
    impl harmonious_pool::Job for Answer {
        fn run(self: Box<Self>, cx: &mut harmonious_pool::JobContext) {
            self.0.send("answered").unwrap();
            cx.notify_on_return(self.1);
        }
    }
    impl Task for Late {
        fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
            if self.submitted {
                return Flow::Done;
            }
            if cx.draining() {
                self.submitted = true;
                let answer = Answer(self.to.clone(), cx.notifier());
                cx.submit(Origin::default(), answer).unwrap();
            }
            Flow::Wait
        }
    }
    let pool = Pool::start(fixed(2)).unwrap();
    let (to, from) = channel();
    pool.spawn(Late {
        to,
        submitted: false,
    })
    .unwrap();
    assert!(pool.shutdown(PATIENCE).is_clean());
    assert_eq!(from.recv().unwrap(), "answered");
}

#[test]
fn dropping_a_pool_stops_it_and_leaves_no_thread_that_could_end() {
    let threads = || std::fs::read_dir("/proc/self/task").map(|tasks| tasks.count());
    let name = "dropped-pool";
    let alive = || {
        std::fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .filter(|comm| comm.starts_with(name))
            .count()
    };
    if threads().is_err() {
        return; // Not a system that tells.
    }
    let pool = Pool::start(Config {
        thread_name: name.to_owned(),
        ..Config::default()
    })
    .unwrap();
    while alive() < 6 {
        std::thread::yield_now();
    }
    drop(pool);
    while alive() > 0 {
        std::thread::yield_now();
    }
}
