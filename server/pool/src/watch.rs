//! The watch: one thread beside the workers that looks after them. It has the controller decide,
//! starts and retires threads, sheds jobs that waited too long, gives up those that run too long,
//! and wakes a worker when the reactor or a queue is unattended. While nothing happens it dozes.

mod doze;
mod meter;
mod staff;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

pub(crate) use doze::Doze;
use meter::Meter;
use staff::Staff;

use crate::config::{
    RETIRE_EVERY, STUCK, SWEEP_EVERY, TICK_MAX_S, TICK_MIN_S, UNATTENDED, WATCH_DOZE_AFTER,
    WATCH_PERIOD,
};
use crate::controller::{Decision, Observation, Policy, Reason};
use crate::error::Error;
use crate::queue::Outlook;
use crate::shared::Shared;
use crate::stats::DecisionRecord;

pub(crate) use staff::{Spawner, system_threads};

pub(crate) struct Watch {
    shared: Arc<Shared>,
    policy: Box<dyn Policy>,
    meter: Meter,
    staff: Staff,
    next_tick_ns: u64,
    next_sweep_ns: u64,
    next_retire_ns: u64,
    active_ns: u64,
    /// The pool will not grow soon.
    exhausted: bool,
    /// Completions at the last sweep.
    completions_swept: u64,
    /// Completions when jobs were last seen to wait beside a free permit.
    completions_seen: u64,
}

impl Watch {
    /// Starts the first workers.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        policy: Box<dyn Policy>,
        spawner: Spawner,
    ) -> Result<Watch, Error> {
        let bounds = shared.config.bounds();
        let mut staff = Staff::new(Arc::clone(shared), spawner);
        staff.hire_first(bounds.start + 1)?;
        Ok(Watch {
            shared: Arc::clone(shared),
            policy,
            meter: Meter::new(shared),
            staff,
            next_tick_ns: 0,
            next_sweep_ns: 0,
            next_retire_ns: 0,
            active_ns: 0,
            exhausted: false,
            completions_swept: 0,
            completions_seen: 0,
        })
    }

    /// Watches until the pool has stopped.
    pub(crate) fn run(mut self) {
        self.shared.doze.register();
        while !self.shared.watch_stop.load(SeqCst) {
            let now_ns = self.shared.clock.now_ns();
            self.round(now_ns);
            self.sleep(now_ns);
        }
        self.staff.join();
    }

    fn round(&mut self, now_ns: u64) {
        self.meter.sample(&self.shared, now_ns);
        if self.shared.permits.busy() > 0 {
            let held = self.shared.look_after_jobs(now_ns);
            if held > 0 {
                self.staff.replace(held, now_ns);
            }
        } else {
            self.shared.stuck.store(0, Relaxed);
        }
        self.attend(now_ns);
        if due(&mut self.next_sweep_ns, now_ns, SWEEP_EVERY) {
            self.sweep(now_ns);
        }
        let period_s = self.policy.period_s().clamp(TICK_MIN_S, TICK_MAX_S);
        let period = Duration::from_secs_f64(if period_s.is_nan() {
            TICK_MAX_S
        } else {
            period_s
        });
        if due(&mut self.next_tick_ns, now_ns, period) {
            self.tick(now_ns);
        } else {
            self.staff.approach(now_ns);
        }
        if due(&mut self.next_retire_ns, now_ns, RETIRE_EVERY) {
            self.staff.retire(now_ns);
        }
    }

    /// Wakes a worker where one was not woken because it did not seem worth it.
    fn attend(&mut self, now_ns: u64) {
        let stuck = self.jobs_are_stuck(now_ns);
        let shared = &self.shared;
        let looked_ns = shared.reactor.looked_at_ns.load(Relaxed);
        let unattended = now_ns.saturating_sub(looked_ns) > UNATTENDED.as_nanos() as u64;
        shared.jobs_are_stuck.store(stuck, Relaxed);
        let tasks_wait = shared.has_tasks() && !shared.cores_are_taken();
        if !shared.parking.polling() && unattended || stuck || tasks_wait {
            shared.wake_one();
        }
    }

    /// A job waits although a permit is free, and the workers that run will not be through with
    /// it by the next round, or nothing has ended since the last one.
    fn jobs_are_stuck(&mut self, now_ns: u64) -> bool {
        let shared = &self.shared;
        if !shared.job_can_start() {
            return false;
        }
        let completions = shared.sums(now_ns).completions();
        let stalled = std::mem::replace(&mut self.completions_seen, completions) == completions;
        stalled || shared.through_ns(shared.brisk()) > WATCH_PERIOD.as_nanos() as u64
    }

    fn sweep(&mut self, now_ns: u64) {
        if self.shared.queue.is_empty() {
            return;
        }
        let sums = self.shared.sums(now_ns);
        let before = std::mem::replace(&mut self.completions_swept, sums.completions());
        self.meter.refresh(&sums);
        self.publish();
        let stalled = before == sums.completions();
        for shed in self.shared.queue.sweep(now_ns, stalled) {
            self.shared.tell(shed);
        }
    }

    fn tick(&mut self, now_ns: u64) {
        let observation = self.meter.observe(&self.shared, now_ns);
        let policy = AssertUnwindSafe(|| self.policy.tick(&observation));
        // A policy of somebody's own that panics holds what it has.
        let decision = catch_unwind(policy).unwrap_or(Decision {
            limit: observation.limit,
            reason: Reason::Hold,
            growth_exhausted: true,
        });
        let change = self.staff.apply(decision.limit, now_ns);
        self.exhausted = decision.growth_exhausted || change.cut;
        self.publish();
        self.record(&observation, &decision, &change);
    }

    /// What the workers and the queue go by.
    fn publish(&self) {
        let shared = &self.shared;
        let service_ns = self.meter.service_ns();
        shared
            .service_ns
            .store(service_ns.unwrap_or(u64::MAX), Relaxed);
        shared.queue.set_outlook(Outlook {
            service_ns: self.meter.expected_service_ns(),
            workers: workers_for_queue(
                shared.permits.limit(),
                shared.stuck.load(Relaxed),
                service_ns,
            ) as f64,
            exhausted: self.exhausted,
        });
    }

    fn record(&self, observation: &Observation, decision: &Decision, change: &staff::Change) {
        let record = DecisionRecord {
            at: Duration::from_secs_f64(observation.now_s),
            reason: decision.reason,
            limit_before: observation.limit,
            limit_wanted: decision.limit,
            limit: change.limit,
            spawned: change.spawned,
            threads: self.shared.threads.load(Relaxed),
            busy: observation.busy,
            queued: observation.queued,
            completions: self.meter.completions(),
            service_time: self.meter.service_since_tick(),
            cpu: self.meter.cpu_since_tick(),
            repeated: 0,
        };
        let mut log = self.shared.log.lock();
        log.growth_exhausted = self.exhausted;
        log.add(record);
    }

    /// Until the next round; long, if nothing has happened for a while.
    fn sleep(&mut self, now_ns: u64) {
        let shared = &self.shared;
        let idle = || shared.permits.busy() == 0 && shared.queue.is_empty() && !shared.has_work();
        if !idle() || !shared.parking.polling() {
            self.active_ns = now_ns;
        }
        if now_ns.saturating_sub(self.active_ns) < WATCH_DOZE_AFTER.as_nanos() as u64 {
            std::thread::park_timeout(WATCH_PERIOD);
            return;
        }
        if shared
            .doze
            .doze(RETIRE_EVERY, || !idle() || shared.watch_stop.load(SeqCst))
        {
            self.active_ns = shared.clock.now_ns();
        }
        self.meter.skip(shared.clock.now_ns());
    }
}

/// Whether it is time, and if so, when the next time is.
fn due(next_ns: &mut u64, now_ns: u64, period: Duration) -> bool {
    if now_ns < *next_ns {
        return false;
    }
    *next_ns = now_ns + period.as_nanos() as u64;
    true
}

/// Workers that will take what waits. While jobs are short on average, one in a long job is not
/// reckoned with; where they are long, being in one is nothing special.
fn workers_for_queue(limit: usize, stuck: usize, service_ns: Option<u64>) -> usize {
    if service_ns.is_none_or(|service_ns| service_ns >= STUCK.as_nanos() as u64) {
        return limit;
    }
    match limit.saturating_sub(stuck) {
        0 => limit,
        brisk => brisk,
    }
}

#[cfg(test)]
mod tests {
    use super::workers_for_queue;

    /// Once every sleeper was left out, and jobs were refused although their turn would have come.
    #[test]
    fn where_all_jobs_are_long_all_workers_count() {
        assert_eq!(workers_for_queue(256, 250, Some(50_000_000)), 256);
        assert_eq!(workers_for_queue(256, 250, None), 256);
    }

    #[test]
    fn among_short_jobs_a_blocked_worker_does_not_count() {
        assert_eq!(workers_for_queue(512, 508, Some(300)), 4);
        assert_eq!(workers_for_queue(4, 4, Some(300)), 4);
    }
}
