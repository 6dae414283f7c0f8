//! The queue of jobs that wait for a permit: bounded by time and by length, fair between clients.
//!
//! Refusals are handed back to the caller, who tells the jobs outside of the lock.

mod clients;
mod codel;

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use parking_lot::Mutex;

use crate::config::{GROWTH_HEADROOM, RETRY_AFTER, SHED_PER_TAKE};
use crate::error::{Refusal, RefusalReason};
use crate::job::{Job, Origin};
use clients::{Clients, End};
use codel::{Codel, target_ns};

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
    /// Mean service time, in nanoseconds.
    pub(crate) service_ns: u64,
    /// Permits in use, on average, while there is a queue; at least 1.
    pub(crate) workers: f64,
    /// The pool will not grow soon.
    pub(crate) exhausted: bool,
}

pub(crate) struct JobQueue {
    state: Mutex<State>,
    /// Length, readable without the lock. Written under it.
    len: AtomicUsize,
    /// Nanoseconds until one more queued job is done: service time over workers.
    drain_ns: AtomicU64,
    service_ns: AtomicU64,
    exhausted: AtomicBool,
    wait_max_ns: u64,
    len_max: usize,
}

struct State {
    clients: Clients<Queued>,
    codel: Codel,
    closed: bool,
    /// State of the jitter on retry times.
    jitter: u64,
}

impl JobQueue {
    pub(crate) fn new(wait_max: Duration, len_max: usize) -> JobQueue {
        let state = State {
            clients: Clients::new(),
            codel: Codel::new(),
            closed: false,
            jitter: 0x2545_f491,
        };
        JobQueue {
            state: Mutex::new(state),
            len: AtomicUsize::new(0),
            drain_ns: AtomicU64::new(0),
            service_ns: AtomicU64::new(0),
            exhausted: AtomicBool::new(false),
            wait_max_ns: wait_max.as_nanos() as u64,
            len_max,
        }
    }

    /// Jobs that wait. Sequentially consistent: see the crate's `README.md`, "Permits".
    pub(crate) fn len(&self) -> usize {
        self.len.load(SeqCst)
    }

    /// What the controller expects; called once a tick.
    pub(crate) fn set_outlook(&self, outlook: Outlook) {
        let headroom = if outlook.exhausted {
            1.0
        } else {
            GROWTH_HEADROOM
        };
        let drain_ns = outlook.service_ns as f64 / (outlook.workers.max(1.0) * headroom);
        self.drain_ns.store(drain_ns as u64, Relaxed);
        self.service_ns.store(outlook.service_ns, Relaxed);
        self.exhausted.store(outlook.exhausted, Relaxed);
    }

    /// Time until the jobs that wait now are done, at the present rate.
    pub(crate) fn predicted_wait_ns(&self) -> u64 {
        self.drain_ns
            .load(Relaxed)
            .saturating_mul(self.len.load(Relaxed) as u64)
    }

    /// Puts a job in. If another client's job had to make room, that one comes back.
    pub(crate) fn push(
        &self,
        now_ns: u64,
        origin: Origin,
        job: Box<dyn Job>,
    ) -> Result<Option<Shed>, Refusal> {
        let mut state = self.state.lock();
        let held = state.clients.len();
        let wait_ns = self.drain_ns.load(Relaxed).saturating_mul(held as u64 + 1);
        if state.closed {
            return Err(self.refusal(&mut state, RefusalReason::Stopping));
        }
        if wait_ns > self.wait_max_ns && held > 0 {
            return Err(self.refusal(&mut state, RefusalReason::PredictedWait));
        }
        let mut shed = None;
        if held >= self.len_max {
            if state.clients.heaviest() <= state.clients.held_by(origin.client) + 1 {
                return Err(self.refusal(&mut state, RefusalReason::QueueFull));
            }
            let refusal = self.refusal(&mut state, RefusalReason::Displaced);
            shed = state.clients.displace().map(|queued| (queued, refusal));
        }
        state.clients.push(
            origin.client,
            Queued {
                job,
                origin,
                enqueued_ns: now_ns,
            },
        );
        self.len.store(state.clients.len(), SeqCst);
        Ok(shed)
    }

    /// Takes the next job that may still run; those that waited too long go to `shed`.
    pub(crate) fn take(&self, now_ns: u64, shed: &mut Vec<Shed>) -> Option<Queued> {
        let mut state = self.state.lock();
        let overloaded = state.codel.overloaded() && self.exhausted.load(Relaxed);
        let end = if overloaded { End::Newest } else { End::Oldest };
        let service_ns = self.service_ns.load(Relaxed);
        let taken = loop {
            let Some(queued) = state.clients.pop(end) else {
                break None;
            };
            let wait_ns = now_ns.saturating_sub(queued.enqueued_ns);
            state.codel.taken(now_ns, wait_ns, service_ns);
            match self.expired(wait_ns, overloaded) {
                Some(reason) if shed.len() < SHED_PER_TAKE => {
                    let refusal = self.refusal(&mut state, reason);
                    shed.push((queued, refusal));
                }
                _ => break Some(queued),
            }
        };
        if state.clients.len() == 0 {
            state.codel.emptied();
        }
        self.len.store(state.clients.len(), SeqCst);
        taken
    }

    /// Sheds whatever has waited too long, also while no worker takes anything.
    pub(crate) fn sweep(&self, now_ns: u64) -> Vec<Shed> {
        let mut state = self.state.lock();
        let overloaded = state.codel.overloaded() && self.exhausted.load(Relaxed);
        let mut swept = Vec::new();
        let expired = |queued: &Queued| {
            self.expired(now_ns.saturating_sub(queued.enqueued_ns), overloaded)
                .is_some()
        };
        state.clients.sweep(self.len_max, expired, &mut swept);
        self.len.store(state.clients.len(), SeqCst);
        swept
            .into_iter()
            .map(|queued| {
                let wait_ns = now_ns.saturating_sub(queued.enqueued_ns);
                let reason = self
                    .expired(wait_ns, overloaded)
                    .unwrap_or(RefusalReason::Waited);
                let refusal = self.refusal(&mut state, reason);
                (queued, refusal)
            })
            .collect()
    }

    /// How long the oldest job has waited.
    pub(crate) fn oldest_wait_ns(&self, now_ns: u64) -> u64 {
        let state = self.state.lock();
        state
            .clients
            .fronts()
            .map(|queued| now_ns.saturating_sub(queued.enqueued_ns))
            .max()
            .unwrap_or(0)
    }

    /// Takes nothing more; what waits comes back, refused.
    pub(crate) fn close(&self) -> Vec<Shed> {
        let mut state = self.state.lock();
        state.closed = true;
        let refusal = self.refusal(&mut state, RefusalReason::Stopping);
        let left = state.clients.drain();
        self.len.store(0, SeqCst);
        left.into_iter().map(|queued| (queued, refusal)).collect()
    }

    fn expired(&self, wait_ns: u64, overloaded: bool) -> Option<RefusalReason> {
        if wait_ns > self.wait_max_ns {
            Some(RefusalReason::Waited)
        } else if overloaded && wait_ns > 2 * target_ns(self.service_ns.load(Relaxed)) {
            Some(RefusalReason::Overloaded)
        } else {
            None
        }
    }

    fn refusal(&self, state: &mut State, reason: RefusalReason) -> Refusal {
        let drain_ns = self
            .drain_ns
            .load(Relaxed)
            .saturating_mul(state.clients.len() as u64);
        let wait = Duration::from_nanos(drain_ns).clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end());
        state.jitter ^= state.jitter << 13;
        state.jitter ^= state.jitter >> 7;
        state.jitter ^= state.jitter << 17;
        let half_ns = wait.as_nanos() as u64 / 2;
        Refusal {
            reason,
            retry_after: wait + Duration::from_nanos(state.jitter % half_ns.max(1)),
        }
    }
}

#[cfg(test)]
mod tests;
