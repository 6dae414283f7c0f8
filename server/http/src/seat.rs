//! The seats of a front: which connections are open, how many of each client, and which of them is
//! the idlest when there is no room.
//!
//! A seat is also where a connection's jobs leave what they bring: it is all that a job and its
//! connection share.

use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, OnceLock};

use harmonious_pool::Notifier;
use parking_lot::Mutex;

use crate::config::{EVICT_AT_ONCE, EVICT_IDLE, EVICT_RETRY, EVICT_SHARE};
use crate::jobs::Outcome;

/// In [`Seat::waiting_since`]: a request is under way.
const BUSY: u64 = 0;
/// In [`Seat::waiting_since`]: the seat is given to somebody else.
const EVICTED: u64 = u64::MAX;

/// One open connection.
pub(crate) struct Seat {
    /// When the connection began to wait for a request, in nanoseconds of the table's clock; or
    /// [`BUSY`] or [`EVICTED`]. The connection writes it, except for the step to `EVICTED`.
    waiting_since: AtomicU64,
    /// The peer has hung up: nobody wants what its job brings.
    pub(crate) gone: AtomicBool,
    /// The number of the job whose outcome is waited for; what another brings is dropped. Written by
    /// the connection, and under the lock of `outcome` where a job of that number may be running.
    turn: AtomicU64,
    /// What its job has brought.
    outcome: Mutex<Option<Outcome>>,
    /// Wakes the connection's task; set at its first poll.
    notifier: OnceLock<Notifier>,
}

impl Seat {
    fn new(now_ns: u64) -> Seat {
        Seat {
            waiting_since: AtomicU64::new(now_ns.max(1)),
            gone: AtomicBool::new(false),
            turn: AtomicU64::new(0),
            outcome: Mutex::new(None),
            notifier: OnceLock::new(),
        }
    }

    pub(crate) fn set_notifier(&self, notifier: Notifier) {
        let _ = self.notifier.set(notifier);
    }

    pub(crate) fn notifier(&self) -> Option<&Notifier> {
        self.notifier.get()
    }

    /// A job leaves what it brings; the connection is told by whoever called. False if nobody waits
    /// for that job any more: then nobody is to be told.
    pub(crate) fn put(&self, turn: u64, outcome: Outcome) -> bool {
        let mut place = self.outcome.lock();
        if self.turn.load(Relaxed) != turn {
            // What a handler made may take its time to be dropped.
            drop(place);
            drop(outcome);
            return false;
        }
        *place = Some(outcome);
        true
    }

    pub(crate) fn take(&self) -> Option<Outcome> {
        self.outcome.lock().take()
    }

    /// The number of the job that is waited for, or of the next one.
    pub(crate) fn turn(&self) -> u64 {
        self.turn.load(Relaxed)
    }

    /// The connection will wait for another job than those before. None of these runs, but for
    /// such whose outcome was not waited for.
    pub(crate) fn next_turn(&self) -> u64 {
        let turn = self.turn.load(Relaxed) + 1;
        self.turn.store(turn, Relaxed);
        turn
    }

    /// The connection waits no longer: either this is what its job has brought, or nothing that it
    /// brings will be taken.
    pub(crate) fn take_or_leave(&self) -> Option<Outcome> {
        let mut place = self.outcome.lock();
        let outcome = place.take();
        if outcome.is_none() {
            self.next_turn();
        }
        outcome
    }

    /// A request begins. False if the seat was given away just before.
    pub(crate) fn occupy(&self) -> bool {
        self.waiting_since.swap(BUSY, AcqRel) != EVICTED
    }

    /// The connection waits for a request since `now_ns`.
    pub(crate) fn release(&self, now_ns: u64) {
        self.waiting_since.store(now_ns.max(1), Release);
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.waiting_since.load(Acquire) == EVICTED
    }

    fn evict(&self, since: u64) -> bool {
        self.waiting_since
            .compare_exchange(since, EVICTED, AcqRel, Relaxed)
            .is_ok()
    }
}

/// Why a connection gets no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// All are taken, and none of them is idle.
    Full,
    /// This client has as many as one may.
    PerAddress,
}

/// All seats of a front.
pub(crate) struct Seats {
    max: usize,
    per_address_max: usize,
    open: AtomicUsize,
    /// Nobody was idle; when to look again.
    evict_again_ns: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    seats: HashMap<u64, (u64, Arc<Seat>)>,
    per_address: HashMap<u64, usize>,
    next: u64,
}

impl Seats {
    pub(crate) fn new(max: usize, per_address_max: usize) -> Seats {
        Seats {
            max,
            per_address_max,
            open: AtomicUsize::new(0),
            evict_again_ns: AtomicU64::new(0),
            inner: Mutex::default(),
        }
    }

    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// A seat for one more connection of `client`.
    pub(crate) fn admit(&self, client: u64, now_ns: u64) -> Result<(u64, Arc<Seat>), NoSeat> {
        let mut inner = self.inner.lock();
        if inner.per_address.get(&client).copied().unwrap_or(0) >= self.per_address_max {
            return Err(NoSeat::PerAddress);
        }
        if inner.seats.len() >= self.max {
            return Err(NoSeat::Full);
        }
        *inner.per_address.entry(client).or_default() += 1;
        inner.next += 1;
        let number = inner.next;
        let seat = Arc::new(Seat::new(now_ns));
        inner.seats.insert(number, (client, Arc::clone(&seat)));
        self.open.store(inner.seats.len(), Relaxed);
        Ok((number, seat))
    }

    /// Takes some seats from the connections that have waited for a request longest, and for
    /// [`EVICT_IDLE`] at least, and tells these. Says how many.
    pub(crate) fn evict(&self, now_ns: u64) -> usize {
        if now_ns < self.evict_again_ns.load(Relaxed) {
            return 0;
        }
        let count = EVICT_AT_ONCE.min(self.max / EVICT_SHARE + 1);
        let idle_since = now_ns.saturating_sub(EVICT_IDLE.as_nanos() as u64);
        let mut evicted = Vec::new();
        {
            let mut inner = self.inner.lock();
            let mut idle: Vec<(u64, u64)> = inner
                .seats
                .iter()
                .map(|(&number, (_, seat))| (seat.waiting_since.load(Acquire), number))
                .filter(|&(since, _)| since != BUSY && since <= idle_since)
                .collect();
            if idle.len() > count {
                idle.select_nth_unstable(count);
                idle.truncate(count);
            }
            for (since, number) in idle {
                if inner.seats[&number].1.evict(since) {
                    evicted.extend(inner.remove(number));
                }
            }
            self.open.store(inner.seats.len(), Relaxed);
        }
        if evicted.is_empty() {
            let again_ns = now_ns + EVICT_RETRY.as_nanos() as u64;
            self.evict_again_ns.store(again_ns, Relaxed);
        }
        for seat in &evicted {
            if let Some(notifier) = seat.notifier() {
                notifier.notify();
            }
        }
        evicted.len()
    }

    /// The connection has ended. Harmless for one that was evicted.
    pub(crate) fn leave(&self, number: u64) {
        let mut inner = self.inner.lock();
        inner.remove(number);
        self.open.store(inner.seats.len(), Relaxed);
    }
}

impl Inner {
    fn remove(&mut self, number: u64) -> Option<Arc<Seat>> {
        let (client, seat) = self.seats.remove(&number)?;
        if let Some(held) = self.per_address.get_mut(&client) {
            *held -= 1;
            if *held == 0 {
                self.per_address.remove(&client);
            }
        }
        Some(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_too_late_is_not_taken() {
        let seat = Seat::new(1);
        let first = seat.next_turn();
        assert!(seat.take_or_leave().is_none());
        assert!(!seat.put(first, Outcome::Lost));
        let second = seat.next_turn();
        assert!(!seat.put(first, Outcome::Lost));
        assert!(seat.take().is_none());
        assert!(seat.put(second, Outcome::Lost));
        assert!(seat.take_or_leave().is_some(), "it was here before");
        assert_eq!(seat.turn(), second);
    }

    #[test]
    fn one_address_has_its_limit_and_others_are_not_touched() {
        let seats = Seats::new(10, 2);
        let (first, _) = seats.admit(1, 1).unwrap();
        seats.admit(1, 2).unwrap();
        assert_eq!(seats.admit(1, 3).err(), Some(NoSeat::PerAddress));
        seats.admit(2, 3).unwrap();
        seats.leave(first);
        seats.admit(1, 4).unwrap();
    }

    /// So many seconds after the table was made.
    const S: u64 = 1_000_000_000;

    #[test]
    fn the_idlest_go_first_and_the_busy_never() {
        let seats = Seats::new(64, 64);
        let all: Vec<_> = (1..=64)
            .map(|n| seats.admit(n, n * S / 100).unwrap().1)
            .collect();
        assert!(all[0].occupy());
        assert_eq!(seats.admit(99, S).err(), Some(NoSeat::Full));
        assert_eq!(seats.evict(2 * S), 2, "one in 64, and one");
        let evicted: Vec<bool> = all[..4].iter().map(|seat| seat.is_evicted()).collect();
        assert_eq!(evicted, [false, true, true, false]);
        assert!(
            !all[1].occupy(),
            "an evicted connection must not begin a request"
        );
        assert_eq!(seats.open(), 62);
    }

    #[test]
    fn nobody_is_evicted_who_is_busy_or_has_just_come() {
        let seats = Seats::new(1, 1);
        let (_, seat) = seats.admit(1, 1).unwrap();
        assert_eq!(seats.evict(S / 2), 0);
        seat.occupy();
        assert_eq!(seats.evict(3 * S), 0);
        seat.release(3 * S);
        assert_eq!(seats.evict(4 * S), 1);
    }

    #[test]
    fn leaving_after_an_eviction_takes_no_other_seat() {
        let seats = Seats::new(1, 1);
        let (number, _) = seats.admit(1, 1).unwrap();
        assert_eq!(seats.evict(2 * S), 1);
        seats.admit(2, 2 * S).unwrap();
        seats.leave(number);
        assert_eq!(seats.open(), 1);
    }
}
