//! What the pool's tests share: gates that hold jobs, and waiting for a condition.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use harmonious_pool::{Config, Handle, Job, JobContext, Origin, PolicyKind, Refusal, Stats};

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the pool's figures satisfy `condition`, and returns them.
///
/// # Panics
/// If they do not within [`PATIENCE`]; the message has the figures.
pub fn await_stats(pool: &Handle, what: &str, condition: impl Fn(&Stats) -> bool) -> Stats {
    let began = Instant::now();
    loop {
        let stats = pool.stats();
        if condition(&stats) {
            return stats;
        }
        assert!(began.elapsed() < PATIENCE, "never saw {what}: {stats:#?}");
        // The figures have no bell to wait for. Looking all the time would use up the CPU that the
        // controller judges by.
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A door that jobs wait at until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        let (_open, timeout) = self
            .0
            .1
            .wait_timeout_while(open, PATIENCE, |open| !*open)
            .unwrap();
        assert!(!timeout.timed_out(), "the gate was never opened");
    }
}

/// `fixed:n`, with room for `n`.
pub fn fixed(n: usize) -> Config {
    Config {
        policy: PolicyKind::Fixed(n),
        workers_min: n.min(4),
        workers_start: n.min(4),
        workers_max: n,
        queue_wait: PATIENCE,
        ..Config::default()
    }
}

/// Occupies `n` permits until the gate is opened; returns when all are held.
pub fn block(pool: &Handle, n: usize) -> Gate {
    let gate = Gate::default();
    let (entered, all_in) = channel();
    for _ in 0..n {
        let (gate, entered) = (gate.clone(), entered.clone());
        pool.submit(Origin::default(), move || {
            entered.send(()).unwrap();
            gate.pass();
        })
        .unwrap();
    }
    for _ in 0..n {
        all_in
            .recv_timeout(PATIENCE)
            .expect("a job with a free permit did not start");
    }
    gate
}

/// What became of a [`Told`] job.
#[derive(Debug, PartialEq)]
pub enum Fate {
    Ran(u64),
    Refused(u64, Refusal),
}

/// A job that tells what became of it.
pub struct Told {
    pub number: u64,
    pub to: std::sync::mpsc::Sender<Fate>,
}

impl Job for Told {
    fn run(self: Box<Self>, _cx: &mut JobContext) {
        let _ = self.to.send(Fate::Ran(self.number));
    }

    fn refuse(self: Box<Self>, refusal: Refusal) {
        let _ = self.to.send(Fate::Refused(self.number, refusal));
    }
}

/// Receives `n` fates.
pub fn fates(receiver: &Receiver<Fate>, n: usize) -> Vec<Fate> {
    (0..n)
        .map(|_| receiver.recv_timeout(PATIENCE).expect("a job was lost"))
        .collect()
}
