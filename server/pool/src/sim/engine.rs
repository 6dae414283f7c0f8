//! The event loop: arrivals, phases that end, the policy's ticks, and retirement, in order of time.

use std::collections::VecDeque;

use super::machine::{CORES, Machine};
use super::random::Random;
use super::report::Report;
use super::threads::Threads;
use super::workload::{Arrivals, Job, Workload};
use crate::controller::{Bounds, Decision, Observation, Policy, Totals};

/// Time between two rounds of retirement, and length of a step of the report, in seconds.
const SECOND: f64 = 1.0;

/// A job in service.
struct Running {
    job: Job,
    phase: usize,
    started_s: f64,
    arrived_s: f64,
    /// The pool's epoch when it started.
    epoch: u64,
}

/// Runs `workload` under `policy`; `watch` sees every observation and what was decided on it.
pub fn run(
    workload: &Workload,
    policy: &mut dyn Policy,
    bounds: Bounds,
    seed: u64,
    watch: &mut dyn FnMut(&Observation, &Decision),
) -> Report {
    let mut engine = Engine::new(workload, bounds, seed);
    let mut next_tick_s = policy.period_s();
    let mut next_second_s = SECOND;
    loop {
        engine.dispatch();
        let end_s = engine.machine.next_end_s(engine.now_s);
        let next_s = end_s
            .min(engine.next_arrival_s)
            .min(next_tick_s)
            .min(next_second_s);
        if next_s >= workload.duration_s {
            engine.advance(workload.duration_s);
            return engine.finish();
        }
        engine.advance(next_s);
        if next_s == next_second_s {
            next_second_s += SECOND;
            engine.second();
        } else if next_s == next_tick_s {
            next_tick_s += policy.period_s();
            let seen = engine.observe();
            let decision = policy.tick(&seen);
            watch(&seen, &decision);
            engine.set_limit(decision.limit);
        } else if next_s == engine.next_arrival_s {
            engine.arrive();
        } else {
            engine.end_phase();
        }
    }
}

struct Engine<'a> {
    workload: &'a Workload,
    now_s: f64,
    random: Random,
    machine: Machine,
    threads: Threads,
    /// Arrival times of the jobs that wait, oldest first.
    queue: VecDeque<f64>,
    next_arrival_s: f64,
    /// Jobs in service by their number, and the numbers that are free.
    jobs: Vec<Option<Running>>,
    free: Vec<usize>,
    totals: Totals,
    report: Report,
}

impl<'a> Engine<'a> {
    fn new(workload: &'a Workload, bounds: Bounds, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (clients, next_arrival_s) = match workload.arrivals {
            Arrivals::Closed(clients) => (clients, f64::INFINITY),
            Arrivals::Open { rate, .. } => (0, random.exponential(1.0 / rate(0.0))),
        };
        Self {
            workload,
            now_s: 0.0,
            random,
            machine: Machine::new(workload.lock_growth),
            threads: Threads::new(bounds),
            queue: std::iter::repeat_n(0.0, clients).collect(),
            next_arrival_s,
            jobs: Vec::new(),
            free: Vec::new(),
            totals: Totals::default(),
            report: Report::new(bounds.start),
        }
    }

    /// Starts jobs while there are jobs and permits.
    fn dispatch(&mut self) {
        while self.threads.has_permit() && !self.queue.is_empty() {
            let arrived_s = self.queue.pop_front().unwrap_or(self.now_s);
            self.threads.take();
            let job = (self.workload.job)(self.now_s, self.threads.busy(), &mut self.random);
            let running = Running {
                job,
                phase: 0,
                started_s: self.now_s,
                arrived_s,
                epoch: self.threads.epoch,
            };
            let number = self.free.pop().unwrap_or_else(|| {
                self.jobs.push(None);
                self.jobs.len() - 1
            });
            self.jobs[number] = Some(running);
            self.start_phase(number);
        }
    }

    /// Starts the job's current phase, or ends the job if there is none left.
    fn start_phase(&mut self, number: usize) {
        let Some(running) = &self.jobs[number] else {
            return;
        };
        match running.job.phase(running.phase) {
            Some(phase) => self.machine.start(number, phase, self.now_s),
            None => self.complete(number),
        }
    }

    /// A phase ends now.
    fn end_phase(&mut self) {
        let Some(number) = self.machine.finish(self.now_s) else {
            return;
        };
        if let Some(running) = &mut self.jobs[number] {
            running.phase += 1;
        }
        self.start_phase(number);
    }

    fn complete(&mut self, number: usize) {
        let Some(running) = self.jobs[number].take() else {
            return;
        };
        self.free.push(number);
        self.threads.park(self.now_s);
        let service_s = self.now_s - running.started_s;
        let route = &mut self.totals.routes[running.job.route];
        route.completed += 1.0;
        route.service_s += service_s;
        route.service_sq_s2 += service_s * service_s;
        if running.epoch == self.threads.epoch {
            self.totals.fresh += 1.0;
        }
        self.report.answered(
            running.job.route,
            self.now_s,
            self.now_s - running.arrived_s,
        );
        if let Arrivals::Closed(_) = self.workload.arrivals {
            self.queue.push_back(self.now_s);
        }
    }

    fn arrive(&mut self) {
        let Arrivals::Open { rate, queue_max } = self.workload.arrivals else {
            return;
        };
        self.report.arrived += 1;
        if self.queue.len() < queue_max {
            self.queue.push_back(self.now_s);
        } else {
            self.report.refused += 1;
        }
        self.next_arrival_s = self.now_s + self.random.exponential(1.0 / rate(self.now_s));
    }

    /// Lets the time pass until `now_s` and adds up what is in use meanwhile.
    fn advance(&mut self, now_s: f64) {
        let seconds = now_s - self.now_s;
        let (busy, limit) = (self.threads.busy(), self.threads.limit());
        let cores = self.machine.cores_used();
        self.totals.busy_s += seconds * busy as f64;
        if busy >= limit && !self.queue.is_empty() {
            self.totals.saturated_s += seconds;
        }
        self.totals.host_cpu_s += seconds * cores / CORES;
        self.totals.worker_cpu_s += seconds * cores;
        self.totals.run_delay_s += seconds * self.machine.waiting_for_core();
        self.report.in_force(limit, self.threads.count(), seconds);
        self.machine.advance(seconds);
        self.now_s = now_s;
    }

    fn observe(&self) -> Observation {
        Observation {
            now_s: self.now_s,
            totals: self.totals,
            queued: self.queue.len(),
            busy: self.threads.busy(),
            limit: self.threads.limit(),
            cores: CORES,
        }
    }

    fn set_limit(&mut self, wanted: usize) {
        self.threads.set_limit(self.now_s, wanted);
        self.report.changed(self.threads.limit());
    }

    /// A full second is over.
    fn second(&mut self) {
        self.threads.retire(self.now_s);
        self.report
            .second(self.now_s, self.threads.limit(), self.threads.count());
    }

    fn finish(mut self) -> Report {
        self.report.spawned = self.threads.spawned;
        self.report.duration_s = self.workload.duration_s;
        self.second();
        self.report
    }
}
