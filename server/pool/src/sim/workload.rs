//! What the simulated clients ask for: the workloads of the project's table.
//!
//! Each is a rule that makes the next job from the time and from the number of jobs in service
//! (itself included), so that loads change and services get slower when crowded.

use super::machine::Phase;
use super::random::Random;

/// Clients of a closed loop: each asks again as soon as it is answered, so that every pool is full.
const CLIENTS: usize = 512;

/// One request: what a handler will do.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Its route class.
    pub route: usize,
    phases: [Option<Phase>; 3],
}

impl Job {
    /// A job of `route` that goes through `phases`, at most three.
    pub fn new(route: usize, phases: &[Phase]) -> Self {
        let mut list = [None; 3];
        for (slot, phase) in list.iter_mut().zip(phases) {
            *slot = Some(*phase);
        }
        Self {
            route,
            phases: list,
        }
    }

    /// The phase with this index.
    pub fn phase(&self, index: usize) -> Option<Phase> {
        self.phases.get(index).copied().flatten()
    }
}

/// How requests come.
#[derive(Clone, Copy, Debug)]
pub enum Arrivals {
    /// So many clients that ask again as soon as they are answered.
    Closed(usize),
    /// At random times, whatever the server does.
    Open {
        /// Requests per second at a time in seconds.
        rate: fn(f64) -> f64,
        /// Requests that may wait; more are turned away.
        queue_max: usize,
    },
}

/// A load on the pool.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name in the table.
    pub name: &'static str,
    /// How requests come.
    pub arrivals: Arrivals,
    /// By how much each waiter lengthens the critical section of the lock.
    pub lock_growth: f64,
    /// Length of a run, in seconds, the start included.
    pub duration_s: f64,
    /// Makes the next job from the time in seconds and the jobs in service, itself included.
    pub job: fn(f64, usize, &mut Random) -> Job,
}

impl Workload {
    const fn closed(name: &'static str, job: fn(f64, usize, &mut Random) -> Job) -> Self {
        let arrivals = Arrivals::Closed(CLIENTS);
        Self {
            name,
            arrivals,
            lock_growth: 0.0,
            duration_s: 120.0,
            job,
        }
    }

    const fn lock(self, lock_growth: f64) -> Self {
        Self {
            lock_growth,
            ..self
        }
    }

    const fn lasting(self, duration_s: f64) -> Self {
        Self { duration_s, ..self }
    }
}

/// The workload of this name.
pub fn find(name: &str) -> Option<Workload> {
    ALL.iter()
        .chain(&OPEN)
        .find(|workload| workload.name == name)
        .copied()
}

/// The closed loops: first those on which the rules were found, then the harder ones that were
/// added afterwards.
pub const ALL: [Workload; 15] = [
    Workload::closed("cpu 2 ms", |_, _, r| {
        Job::new(0, &[Phase::Cpu(r.gamma(0.002))])
    }),
    Workload::closed("sleep 50 ms", |_, _, r| sleep_50_ms(r)),
    Workload::closed("bimodal", |_, _, r| two_routes(0.9, r)),
    Workload::closed("lock retrograde", |_, _, r| {
        Job::new(
            0,
            &[Phase::Sleep(r.gamma(0.01)), Phase::Lock(r.gamma(0.001))],
        )
    })
    .lock(0.15),
    Workload::closed("usl", |_, busy, r| usl(busy, r)),
    Workload::closed("backend of 20", |_, busy, r| {
        let crowd = (busy as f64 / 20.0).max(1.0);
        Job::new(
            0,
            &[Phase::Cpu(0.0005), Phase::Sleep(r.gamma(0.02) * crowd)],
        )
    }),
    Workload::closed("step cpu/io", |now_s, _, r| {
        if odd_period(now_s, 40.0) {
            Job::new(1, &[Phase::Cpu(0.0005), Phase::Sleep(r.gamma(0.05))])
        } else {
            Job::new(0, &[Phase::Cpu(r.gamma(0.002))])
        }
    })
    .lasting(160.0),
    Workload::closed("latency 20/100 ms", |now_s, _, r| {
        let sleep_s = if odd_period(now_s, 40.0) { 0.1 } else { 0.02 };
        Job::new(0, &[Phase::Cpu(0.0005), Phase::Sleep(r.gamma(sleep_s))])
    })
    .lasting(160.0),
    Workload::closed("mix shift", |now_s, _, r| {
        two_routes(if odd_period(now_s, 15.0) { 0.5 } else { 0.95 }, r)
    }),
    Workload::closed("sleep 50 ms exp", |_, _, r| {
        Job::new(
            0,
            &[
                Phase::Cpu(r.exponential(0.0005)),
                Phase::Sleep(r.exponential(0.05)),
            ],
        )
    }),
    Workload::closed("calls of 1 s exp", |_, _, r| {
        Job::new(0, &[Phase::Cpu(0.01), Phase::Sleep(r.exponential(1.0))])
    }),
    Workload::closed("hidden bimodal", |_, _, r| {
        let sleep_s = if r.chance(0.95) { 0.005 } else { 0.5 };
        Job::new(
            0,
            &[Phase::Cpu(0.001), Phase::Sleep(r.exponential(sleep_s))],
        )
    }),
    Workload::closed("lock exp", |_, _, r| {
        Job::new(
            0,
            &[
                Phase::Sleep(r.exponential(0.01)),
                Phase::Lock(r.exponential(0.001)),
            ],
        )
    })
    .lock(0.15),
    Workload::closed("cpu hyperexp", |_, _, r| {
        let work_s = if r.chance(0.9) { 0.001 } else { 0.02 };
        Job::new(0, &[Phase::Cpu(r.exponential(work_s))])
    }),
    Workload::closed("cpu + hot lock", |_, _, r| {
        Job::new(
            0,
            &[
                Phase::Cpu(r.exponential(0.0005)),
                Phase::Lock(r.exponential(0.0002)),
            ],
        )
    })
    .lock(0.5),
];

/// The open loops; they have no best fixed size, what counts is how soon they are served.
pub const OPEN: [Workload; 3] = [
    Workload {
        arrivals: Arrivals::Open {
            rate: |_| 1000.0,
            queue_max: 1000,
        },
        ..Workload::closed("open 50 ms", |_, _, r| sleep_50_ms(r)).lasting(120.0)
    },
    Workload {
        arrivals: Arrivals::Open {
            rate: |_| 200.0,
            queue_max: 200,
        },
        ..Workload::closed("hang of 5 s", |now_s, _, r| {
            let hangs = (30.0..35.0).contains(&now_s);
            let sleep_s = if hangs { 35.05 - now_s } else { r.gamma(0.05) };
            Job::new(0, &[Phase::Cpu(0.0005), Phase::Sleep(sleep_s)])
        })
        .lasting(90.0)
    },
    Workload {
        arrivals: Arrivals::Open {
            rate: |_| 100.0,
            queue_max: 200,
        },
        ..Workload::closed("a fifth hangs", |now_s, _, r| {
            if r.chance(0.2) {
                let sleep_s = if now_s >= 30.0 { 5.0 } else { 0.05 };
                Job::new(1, &[Phase::Cpu(0.0005), Phase::Sleep(sleep_s)])
            } else {
                Job::new(0, &[Phase::Cpu(r.gamma(0.002))])
            }
        })
        .lasting(90.0)
    },
];

fn sleep_50_ms(r: &mut Random) -> Job {
    Job::new(
        0,
        &[
            Phase::Cpu(0.0003),
            Phase::Sleep(r.gamma(0.05)),
            Phase::Cpu(0.0002),
        ],
    )
}

/// A share of 1 ms computations, the rest waits for 100 ms.
fn two_routes(computing: f64, r: &mut Random) -> Job {
    if r.chance(computing) {
        Job::new(0, &[Phase::Cpu(r.gamma(0.001))])
    } else {
        Job::new(1, &[Phase::Cpu(0.001), Phase::Sleep(r.gamma(0.1))])
    }
}

/// Gunther's universal scalability law: contention 2 %, coherence 1.5 %, best at 8.
fn usl(busy: usize, r: &mut Random) -> Job {
    let n = busy as f64;
    let crowd = 1.0 + 0.02 * (n - 1.0) + 0.015 * n * (n - 1.0);
    Job::new(
        0,
        &[Phase::Sleep(r.gamma(0.004) * crowd), Phase::Cpu(0.0002)],
    )
}

/// Whether `now_s` lies in the second, fourth, ... period of this length.
fn odd_period(now_s: f64, length_s: f64) -> bool {
    (now_s / length_s) as u64 % 2 == 1
}
