//! Readings of the pool and of the machine, made into the controller's observations.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::config::EXPECTATION_COMPLETIONS_MIN;
use crate::controller::{Observation, RouteTotals, Totals};
use crate::counters::Sums;
use crate::shared::{Member, Shared};
use crate::system::{MachineCpu, process_cpu_s, run_delay_s};

/// The machine's counters move in steps of 10 ms: they are read at intervals of 20 steps.
const MACHINE_EVERY_NS: u64 = 200_000_000;
/// Workers whose run delay is read at a tick; the others' turns come. Bounds a tick's cost: one
/// reading takes some microseconds.
const RUN_DELAYS_PER_TICK: usize = 16;
/// Completions that a new mean of the service time is made of, at least: fewer are added to.
const SERVICE_SAMPLE: f64 = 20.0;

pub(super) struct Meter {
    totals: Totals,
    sampled_ns: u64,
    machine: MachineCpu,
    machine_share: f64,
    machine_next_ns: u64,
    run_delay_next: usize,
    /// The reading at the tick before.
    before: Reading,
    since: Reading,
    mean: Mean,
}

/// What a tick is compared with.
#[derive(Clone, Default)]
struct Reading {
    now_ns: u64,
    completions: u64,
    service_ns: u64,
    busy_s: f64,
    cpu_s: f64,
    run_delay_s: f64,
    host_cpu_s: f64,
}

/// Decaying sums, of which the published means are made.
#[derive(Default)]
struct Mean {
    completions: f64,
    service_ns: f64,
    /// Totals of both when they were last added.
    seen: (u64, u64),
}

impl Meter {
    pub(super) fn new(shared: &Shared) -> Meter {
        let before = Reading {
            cpu_s: process_cpu_s(),
            now_ns: shared.clock.now_ns(),
            ..Reading::default()
        };
        Meter {
            totals: Totals::default(),
            sampled_ns: before.now_ns,
            machine: MachineCpu::new(),
            machine_share: 0.0,
            machine_next_ns: 0,
            run_delay_next: 0,
            since: Reading::default(),
            before,
            mean: Mean::default(),
        }
    }

    /// Between the ticks: whether the pool is saturated now counts for the time since the last
    /// sample.
    pub(super) fn sample(&mut self, shared: &Shared, now_ns: u64) {
        let passed_s = now_ns.saturating_sub(self.sampled_ns) as f64 * 1e-9;
        self.sampled_ns = now_ns;
        if !shared.queue.is_empty() && !shared.permits.available() {
            self.totals.saturated_s += passed_s;
        }
    }

    /// The watch has slept: nothing was saturated meanwhile.
    pub(super) fn skip(&mut self, now_ns: u64) {
        self.sampled_ns = now_ns;
    }

    pub(super) fn observe(&mut self, shared: &Shared, now_ns: u64) -> Observation {
        let sums = shared.sums(now_ns);
        self.read_machine(now_ns);
        let run_delay_s = self.read_run_delays(shared);
        let cpu_s = process_cpu_s();
        let passed_s = now_ns.saturating_sub(self.before.now_ns) as f64 * 1e-9;
        let own_share = (cpu_s - self.before.cpu_s) / (passed_s.max(1e-9) * shared.cores as f64);
        let share = own_share.max(self.machine_share).clamp(0.0, 1.0);

        self.totals.host_cpu_s += share * passed_s;
        self.totals.worker_cpu_s = cpu_s;
        self.totals.run_delay_s = self.totals.run_delay_s.max(run_delay_s);
        self.add_jobs(&sums);
        self.note(&sums, cpu_s, now_ns);
        Observation {
            now_s: now_ns as f64 * 1e-9,
            totals: self.totals,
            queued: shared.queue.len(),
            busy: shared.permits.busy(),
            limit: shared.permits.limit(),
            cores: shared.cores as f64,
        }
    }

    fn add_jobs(&mut self, sums: &Sums) {
        for (n, route) in self.totals.routes.iter_mut().enumerate() {
            *route = RouteTotals {
                completed: sums.completed[n] as f64,
                service_s: sums.service_ns[n] as f64 * 1e-9,
                service_sq_s2: sums.service_sq_s2[n],
            };
        }
        self.totals.fresh = sums.fresh as f64;
        // A job that ends between two of the readings is counted in neither for a moment.
        let busy_ns = sums.service_total_ns() + sums.running_ns + sums.lost_ns;
        let busy_s = busy_ns as f64 * 1e-9;
        self.totals.busy_s = self.totals.busy_s.max(busy_s);
    }

    /// Takes the differences to the tick before, and the means of late.
    fn note(&mut self, sums: &Sums, cpu_s: f64, now_ns: u64) {
        let now = Reading {
            now_ns,
            completions: sums.completions(),
            service_ns: sums.service_total_ns(),
            busy_s: self.totals.busy_s,
            cpu_s,
            run_delay_s: self.totals.run_delay_s,
            host_cpu_s: self.totals.host_cpu_s,
        };
        self.since = Reading {
            now_ns: now.now_ns - self.before.now_ns,
            completions: now.completions - self.before.completions,
            service_ns: now.service_ns.saturating_sub(self.before.service_ns),
            busy_s: now.busy_s - self.before.busy_s,
            cpu_s: now.cpu_s - self.before.cpu_s,
            run_delay_s: now.run_delay_s - self.before.run_delay_s,
            host_cpu_s: now.host_cpu_s - self.before.host_cpu_s,
        };
        self.before = now;
        self.mean.add_service(sums);
    }

    fn read_machine(&mut self, now_ns: u64) {
        if now_ns >= self.machine_next_ns {
            self.machine_next_ns = now_ns + MACHINE_EVERY_NS;
            self.machine_share = self.machine.share();
        }
    }

    /// The workers' run delay in all, some of them as they were at an earlier tick.
    fn read_run_delays(&mut self, shared: &Shared) -> f64 {
        let (members, departed): (Vec<Arc<Member>>, f64) = {
            let roster = shared.roster.lock();
            (roster.workers.clone(), roster.departed_run_delay_s)
        };
        let count = members.len().max(1);
        for turn in 0..RUN_DELAYS_PER_TICK.min(members.len()) {
            let member = &members[(self.run_delay_next + turn) % count];
            if let Some(delay) = member.schedstat.get().and_then(|path| run_delay_s(path)) {
                member.run_delay_s.store(delay.to_bits(), Relaxed);
            }
        }
        self.run_delay_next = (self.run_delay_next + RUN_DELAYS_PER_TICK) % count;
        departed
            + members
                .iter()
                .map(|member| f64::from_bits(member.run_delay_s.load(Relaxed)))
                .sum::<f64>()
    }

    /// Between the ticks: keeps the mean service time fresh.
    pub(super) fn refresh(&mut self, sums: &Sums) {
        self.mean.add_service(sums);
    }

    /// Mean service time of late; `None` before the first completion.
    pub(super) fn service_ns(&self) -> Option<u64> {
        (self.mean.completions > 0.0).then(|| (self.mean.service_ns / self.mean.completions) as u64)
    }

    /// The same, once so many jobs have ended that it says something of those to come: the first ones open
    /// databases and load modules.
    pub(super) fn expected_service_ns(&self) -> Option<u64> {
        let is_known = self.before.completions >= EXPECTATION_COMPLETIONS_MIN;
        self.service_ns().filter(|_| is_known)
    }

    pub(super) fn completions(&self) -> u64 {
        self.before.completions
    }

    pub(super) fn service_since_tick(&self) -> Duration {
        Duration::from_nanos(
            self.since
                .service_ns
                .checked_div(self.since.completions)
                .unwrap_or(0),
        )
    }

    pub(super) fn cpu_since_tick(&self) -> f64 {
        let passed_s = self.since.now_ns as f64 * 1e-9;
        if passed_s > 0.0 {
            self.since.host_cpu_s / passed_s
        } else {
            0.0
        }
    }
}

impl Mean {
    /// Old figures lose weight by the number of new ones, so that a reading without completions
    /// changes nothing and one with many replaces all.
    fn add_service(&mut self, sums: &Sums) {
        let total = (sums.completions(), sums.service_total_ns());
        let seen = std::mem::replace(&mut self.seen, total);
        let new = total.0.saturating_sub(seen.0) as f64;
        let keep = SERVICE_SAMPLE / (SERVICE_SAMPLE + new);
        self.completions = self.completions * keep + new;
        self.service_ns = self.service_ns * keep + total.1.saturating_sub(seen.1) as f64;
    }
}
