//! The queue of jobs that wait for a permit: bounded by time and by length, fair between clients.
//!
//! It has two lanes. Behind is the fair one, under a lock: clients take turns, the heaviest loses
//! first, the newest come first when growth is exhausted. In front of it is the fast one, without a
//! lock and first in, first out. It is open only while jobs are so short that a full fast lane is
//! done within [`FAST_LANE_HORIZON`]: on that scale there is nothing to be fair about. A job goes
//! into the fast lane only if none waits behind, so that nobody overtakes; takers move jobs forward
//! many at a time.
//!
//! Refusals are handed back to the caller, who tells the jobs outside of the lock.

mod clients;
mod codel;

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::config::{
    FAST_LANE_HORIZON, FAST_LANE_LEN, FAST_LANE_REFILL, GROWTH_HEADROOM, RETRY_AFTER,
    SHED_PER_TAKE, SWEEP_AHEAD_SHARE, SWEEP_EVERY, WATCH_PERIOD,
};
use crate::error::{Refusal, RefusalReason};
use crate::job::{Job, Origin};
use clients::{Clients, End};
use codel::Codel;

/// A job and when it came.
pub(crate) struct Queued {
    pub(crate) job: Box<dyn Job>,
    pub(crate) origin: Origin,
    pub(crate) enqueued_ns: u64,
}

/// A job that is shed, and what it is told.
pub(crate) type Shed = (Queued, Refusal);

/// What the controller knows about the queue's future.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    /// Mean service time, in nanoseconds; `None` before it is known.
    pub(crate) service_ns: Option<u64>,
    /// Permits in use, on average, while there is a queue; at least 1.
    pub(crate) workers: f64,
    /// The pool will not grow soon.
    pub(crate) exhausted: bool,
}

pub(crate) struct JobQueue {
    fast: ArrayQueue<Queued>,
    fair: CachePadded<Mutex<Fair>>,
    /// Length of the fair lane, readable without the lock. Written under it.
    fair_len: CachePadded<AtomicUsize>,
    /// The outlook, written by the watch and read by everyone.
    outlook: CachePadded<Shared>,
    wait_max_ns: u64,
    len_max: usize,
}

#[derive(Default)]
struct Shared {
    fast_open: AtomicBool,
    closed: AtomicBool,
    exhausted: AtomicBool,
    service_ns: AtomicU64,
    /// Nanoseconds until one more queued job is done: service time over workers.
    drain_ns: AtomicU64,
    /// When the oldest job came that the last sweep saw behind.
    oldest_ns: AtomicU64,
}

struct Fair {
    clients: Clients<Queued>,
    codel: Codel,
    /// State of the jitter on retry times.
    jitter: u64,
}

impl JobQueue {
    pub(crate) fn new(wait_max: Duration, len_max: usize) -> JobQueue {
        let fair = Fair {
            clients: Clients::new(),
            codel: Codel::new(wait_max.as_nanos() as u64),
            jitter: 0x2545_f491,
        };
        JobQueue {
            fast: ArrayQueue::new(FAST_LANE_LEN),
            fair: CachePadded::new(Mutex::new(fair)),
            fair_len: CachePadded::default(),
            outlook: CachePadded::default(),
            wait_max_ns: wait_max.as_nanos() as u64,
            len_max,
        }
    }

    /// Jobs that wait.
    pub(crate) fn len(&self) -> usize {
        self.fair_len.load(SeqCst) + self.fast.len()
    }

    /// Whether no job waits. Sequentially consistent: see the crate's `README.md`, "Permits".
    pub(crate) fn is_empty(&self) -> bool {
        // Jobs move from lane to lane, forward before the length behind is lowered: hence twice.
        self.fast.is_empty() && self.fair_len.load(SeqCst) == 0 && self.fast.is_empty()
    }

    /// What the controller expects; called once a tick.
    pub(crate) fn set_outlook(&self, outlook: Outlook) {
        let Some(service_ns) = outlook.service_ns else {
            return;
        };
        if self.outlook.closed.load(SeqCst) {
            return;
        }
        let headroom = if outlook.exhausted {
            1.0
        } else {
            GROWTH_HEADROOM
        };
        let each_ns = service_ns as f64 / outlook.workers.max(1.0);
        let open = each_ns * FAST_LANE_LEN as f64 <= FAST_LANE_HORIZON.as_nanos() as f64;
        // A queue that may hold less than the fast lane must refuse exactly: it has none.
        self.outlook
            .fast_open
            .store(open && self.len_max >= 4 * FAST_LANE_LEN, Relaxed);
        self.outlook
            .drain_ns
            .store((each_ns / headroom) as u64, Relaxed);
        self.outlook.service_ns.store(service_ns, Relaxed);
        self.outlook.exhausted.store(outlook.exhausted, Relaxed);
    }

    /// Time until the jobs that wait now are done, at the present rate.
    pub(crate) fn predicted_wait_ns(&self) -> u64 {
        self.outlook
            .drain_ns
            .load(Relaxed)
            .saturating_mul(self.len() as u64)
    }

    /// Puts a job in. What had to make room for it comes back.
    pub(crate) fn push(
        &self,
        now_ns: u64,
        origin: Origin,
        job: Box<dyn Job>,
    ) -> Result<Vec<Shed>, Refusal> {
        let queued = Queued {
            job,
            origin,
            enqueued_ns: now_ns,
        };
        if self.outlook.fast_open.load(Relaxed) && self.fair_len.load(Relaxed) == 0 {
            match self.fast.push(queued) {
                Ok(()) if !self.outlook.closed.load(SeqCst) => return Ok(Vec::new()),
                // It was closed in between, and perhaps emptied before this push: once more.
                Ok(()) => return Ok(self.close()),
                Err(full) => return self.push_fair(full),
            }
        }
        self.push_fair(queued)
    }

    fn push_fair(&self, queued: Queued) -> Result<Vec<Shed>, Refusal> {
        let mut fair = self.fair.lock();
        let held = fair.clients.len();
        let client = queued.origin.client;
        if self.outlook.closed.load(Relaxed) {
            return Err(self.refusal(&mut fair, RefusalReason::Stopping));
        }
        let wait_ns = self
            .outlook
            .drain_ns
            .load(Relaxed)
            .saturating_mul(held as u64 + 1);
        let over = if wait_ns > self.wait_max_ns && held > 0 {
            Some(RefusalReason::PredictedWait)
        } else if held >= self.len_max {
            Some(RefusalReason::QueueFull)
        } else {
            None
        };
        let mut shed = Vec::new();
        if let Some(reason) = over {
            // Whoever made the queue what it is, loses first.
            if fair.clients.heaviest() <= fair.clients.held_by(client) + 1 {
                return Err(self.refusal(&mut fair, reason));
            }
            let refusal = self.refusal(&mut fair, RefusalReason::Displaced);
            shed.extend(fair.clients.displace().map(|queued| (queued, refusal)));
        }
        fair.clients.push(client, queued);
        self.fair_len.store(fair.clients.len(), SeqCst);
        Ok(shed)
    }

    /// Takes the next job that may still run; those that waited too long go to `shed`.
    pub(crate) fn take(&self, now_ns: u64, shed: &mut Vec<Shed>) -> Option<Queued> {
        while let Some(queued) = self.fast.pop() {
            let Some(reason) = self.expired(&queued, now_ns, None) else {
                return Some(queued);
            };
            let refusal = self.refusal(&mut self.fair.lock(), reason);
            shed.push((queued, refusal));
        }
        if self.fair_len.load(SeqCst) == 0 {
            return None;
        }
        let mut fair = self.fair.lock();
        let taken = self.take_fair(&mut fair, now_ns, shed);
        if self.outlook.fast_open.load(Relaxed) {
            self.refill(&mut fair, now_ns);
        }
        if fair.clients.len() == 0 {
            fair.codel.emptied();
        }
        self.fair_len.store(fair.clients.len(), SeqCst);
        taken
    }

    fn take_fair(&self, fair: &mut Fair, now_ns: u64, shed: &mut Vec<Shed>) -> Option<Queued> {
        let tolerated_ns = self.tolerated_ns(fair);
        let end = match tolerated_ns {
            Some(_) => End::Newest,
            None => End::Oldest,
        };
        loop {
            let queued = fair.clients.pop(end)?;
            let wait_ns = now_ns.saturating_sub(queued.enqueued_ns);
            fair.codel
                .taken(now_ns, wait_ns, self.outlook.service_ns.load(Relaxed));
            match self.expired(&queued, now_ns, tolerated_ns) {
                Some(reason) if shed.len() < SHED_PER_TAKE => {
                    let refusal = self.refusal(fair, reason);
                    shed.push((queued, refusal));
                }
                _ => return Some(queued),
            }
        }
    }

    /// Moves jobs forward, as many as one taker may.
    fn refill(&self, fair: &mut Fair, now_ns: u64) {
        if self.tolerated_ns(fair).is_some() {
            return;
        }
        for _ in 0..FAST_LANE_REFILL {
            let Some(queued) = fair.clients.pop(End::Oldest) else {
                return;
            };
            let wait_ns = now_ns.saturating_sub(queued.enqueued_ns);
            fair.codel
                .taken(now_ns, wait_ns, self.outlook.service_ns.load(Relaxed));
            if let Err(queued) = self.fast.push(queued) {
                fair.clients.push_front(queued.origin.client, queued);
                return;
            }
        }
    }

    /// Sheds whatever has waited too long, also while no worker takes anything. If the workers are
    /// `stalled`, or jobs are no longer tiny, those of the fast lane first come back under the rules
    /// of the fair one.
    pub(crate) fn sweep(&self, now_ns: u64, stalled: bool) -> Vec<Shed> {
        let mut fair = self.fair.lock();
        if stalled || !self.outlook.fast_open.load(Relaxed) {
            self.recall(&mut fair);
        }
        let tolerated_ns = self.tolerated_ns(&fair);
        let mut swept = Vec::new();
        // Whoever would wait too long by the next sweep goes now: refusals come within the wait.
        let ahead = SWEEP_EVERY + 2 * WATCH_PERIOD;
        let ahead_ns = (ahead.as_nanos() as u64).min(self.wait_max_ns / SWEEP_AHEAD_SHARE);
        let by_ns = now_ns + ahead_ns;
        let expired = |queued: &Queued| self.expired(queued, by_ns, tolerated_ns).is_some();
        fair.clients.sweep(self.len_max, expired, &mut swept);
        self.fair_len.store(fair.clients.len(), SeqCst);
        let oldest_ns = fair.clients.fronts().map(|queued| queued.enqueued_ns).min();
        self.outlook
            .oldest_ns
            .store(oldest_ns.unwrap_or(now_ns), Relaxed);
        swept
            .into_iter()
            .map(|queued| {
                let reason = self
                    .expired(&queued, by_ns, tolerated_ns)
                    .unwrap_or(RefusalReason::Waited);
                let refusal = self.refusal(&mut fair, reason);
                (queued, refusal)
            })
            .collect()
    }

    /// Empties the fast lane. Its jobs came before all others of their clients.
    fn recall(&self, fair: &mut Fair) {
        // Not empty, while they are neither here nor there.
        self.fair_len
            .store(fair.clients.len() + self.fast.len().max(1), SeqCst);
        let mut recalled: Vec<Queued> = Vec::new();
        while recalled.len() < FAST_LANE_LEN
            && let Some(queued) = self.fast.pop()
        {
            recalled.push(queued);
        }
        for queued in recalled.into_iter().rev() {
            fair.clients.push_front(queued.origin.client, queued);
        }
        self.fair_len.store(fair.clients.len(), SeqCst);
    }

    /// How long the oldest job has waited, as of the last sweep and without the lock; those of the
    /// fast lane count as just come.
    pub(crate) fn oldest_wait_ns(&self, now_ns: u64) -> u64 {
        if self.fair_len.load(Relaxed) == 0 {
            return 0;
        }
        now_ns.saturating_sub(self.outlook.oldest_ns.load(Relaxed))
    }

    /// Takes nothing more; what waits comes back, refused.
    pub(crate) fn close(&self) -> Vec<Shed> {
        let mut fair = self.fair.lock();
        self.outlook.fast_open.store(false, SeqCst);
        self.outlook.closed.store(true, SeqCst);
        let refusal = self.refusal(&mut fair, RefusalReason::Stopping);
        let mut left: Vec<Queued> = std::iter::from_fn(|| self.fast.pop()).collect();
        left.extend(fair.clients.drain());
        self.fair_len.store(0, SeqCst);
        left.into_iter().map(|queued| (queued, refusal)).collect()
    }

    /// Where a queue stands and the pool cannot grow: how long a job may have waited.
    fn tolerated_ns(&self, fair: &Fair) -> Option<u64> {
        let overloaded = fair.codel.overloaded() && self.outlook.exhausted.load(Relaxed);
        let service_ns = self.outlook.service_ns.load(Relaxed);
        overloaded.then(|| 2 * fair.codel.target_ns(service_ns))
    }

    fn expired(
        &self,
        queued: &Queued,
        now_ns: u64,
        tolerated_ns: Option<u64>,
    ) -> Option<RefusalReason> {
        let wait_ns = now_ns.saturating_sub(queued.enqueued_ns);
        if wait_ns > self.wait_max_ns {
            Some(RefusalReason::Waited)
        } else if tolerated_ns.is_some_and(|tolerated_ns| wait_ns > tolerated_ns) {
            Some(RefusalReason::Overloaded)
        } else {
            None
        }
    }

    fn refusal(&self, fair: &mut Fair, reason: RefusalReason) -> Refusal {
        let drain_ns = self
            .outlook
            .drain_ns
            .load(Relaxed)
            .saturating_mul(fair.clients.len() as u64);
        let wait = Duration::from_nanos(drain_ns).clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end());
        fair.jitter ^= fair.jitter << 13;
        fair.jitter ^= fair.jitter >> 7;
        fair.jitter ^= fair.jitter << 17;
        let half_ns = wait.as_nanos() as u64 / 2;
        Refusal {
            reason,
            retry_after: wait + Duration::from_nanos(fair.jitter % half_ns.max(1)),
        }
    }
}

#[cfg(test)]
mod tests;
