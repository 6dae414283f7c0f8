//! Hand-made observations for the unit tests.

use super::{Decision, Observation, Policy, RouteTotals, Totals};

/// What a pool under test is doing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Completions per second.
    pub rate: f64,
    /// Service time of every job, in seconds.
    pub service_s: f64,
    /// CPU use of the host, 0 to 1.
    pub cpu: f64,
    /// Jobs that wait.
    pub queued: usize,
    /// Share of the time in which all permits are in use and jobs wait, 0 to 1.
    pub saturated: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            rate: 0.0,
            service_s: 0.05,
            cpu: 0.1,
            queued: 100,
            saturated: 1.0,
        }
    }
}

impl Load {
    /// A pool of `limit` permits, all in use, whose jobs wait for `service_s`: perfect gain.
    pub fn waiting(limit: usize, service_s: f64) -> Self {
        Self {
            rate: limit as f64 / service_s,
            service_s,
            ..Self::default()
        }
    }

    /// A pool of `limit` permits that does `rate` per second whatever the limit: no gain.
    pub fn capped(limit: usize, rate: f64) -> Self {
        Self {
            rate,
            service_s: limit as f64 / rate,
            ..Self::default()
        }
    }

    fn totals(&self, limit: usize, seconds: f64) -> Totals {
        let completed = self.rate * seconds;
        let mut totals = Totals {
            fresh: completed,
            busy_s: limit as f64 * seconds * self.saturated,
            saturated_s: self.saturated * seconds,
            host_cpu_s: self.cpu * seconds,
            worker_cpu_s: self.cpu * 2.0 * seconds,
            ..Totals::default()
        };
        totals.routes[0] = RouteTotals {
            completed,
            service_s: completed * self.service_s,
            service_sq_s2: completed * self.service_s * self.service_s,
        };
        totals
    }
}

/// A pool that has done nothing but `load` up to `now_s`.
pub(crate) fn observe(now_s: f64, limit: usize, load: Load) -> Observation {
    Observation {
        now_s,
        totals: load.totals(limit, now_s),
        queued: load.queued,
        busy: (limit as f64 * load.saturated) as usize,
        limit,
        cores: 2.0,
    }
}

/// A pool that obeys its policy and does whatever load the test says.
pub(crate) struct Feed {
    pub seen: Observation,
}

impl Feed {
    pub fn new(limit: usize) -> Self {
        Self {
            seen: observe(0.0, limit, Load::default()),
        }
    }

    /// One tick of 50 ms under `load`; the limit decided is in force afterwards.
    pub fn tick(&mut self, policy: &mut dyn Policy, load: Load) -> Decision {
        let seen = &mut self.seen;
        let more = observe(0.05, seen.limit, load);
        seen.now_s += 0.05;
        seen.queued = more.queued;
        seen.busy = more.busy;
        seen.totals.fresh += more.totals.fresh;
        seen.totals.busy_s += more.totals.busy_s;
        seen.totals.saturated_s += more.totals.saturated_s;
        seen.totals.host_cpu_s += more.totals.host_cpu_s;
        seen.totals.worker_cpu_s += more.totals.worker_cpu_s;
        let route = &mut seen.totals.routes[0];
        route.completed += more.totals.routes[0].completed;
        route.service_s += more.totals.routes[0].service_s;
        route.service_sq_s2 += more.totals.routes[0].service_sq_s2;
        let decision = policy.tick(seen);
        seen.limit = decision.limit;
        decision
    }

    /// Ticks for `seconds`; `load` gives the load for the limit in force. All decisions.
    pub fn run(
        &mut self,
        policy: &mut dyn Policy,
        seconds: f64,
        load: impl Fn(usize) -> Load,
    ) -> Vec<Decision> {
        let ticks = (seconds / 0.05).round() as usize;
        (0..ticks)
            .map(|_| self.tick(policy, load(self.seen.limit)))
            .collect()
    }
}

/// Xorshift, for arbitrary but repeatable input.
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0 to `n` - 1.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }
}
