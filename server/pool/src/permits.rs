//! Permits: how many jobs may run now. The limit changes freely and costs nothing; threads are
//! another matter (`watch.rs`).

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crossbeam_utils::CachePadded;

pub(crate) struct Permits {
    /// Written by the watch only.
    limit: CachePadded<AtomicUsize>,
    /// Permits held. It can stand above a limit that was lowered; holders then give theirs back
    /// as soon as their job has ended.
    busy: CachePadded<AtomicUsize>,
}

impl Permits {
    pub(crate) fn new(limit: usize) -> Permits {
        Permits {
            limit: CachePadded::new(AtomicUsize::new(limit)),
            busy: CachePadded::new(AtomicUsize::new(0)),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(SeqCst)
    }

    pub(crate) fn busy(&self) -> usize {
        self.busy.load(SeqCst)
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, SeqCst);
    }

    /// Whether [`Permits::try_acquire`] would succeed.
    pub(crate) fn available(&self) -> bool {
        self.busy() < self.limit()
    }

    pub(crate) fn try_acquire(&self) -> bool {
        let mut busy = self.busy.load(Relaxed);
        while busy < self.limit() {
            match self
                .busy
                .compare_exchange_weak(busy, busy + 1, SeqCst, Relaxed)
            {
                // The limit may have been lowered since it was read, by somebody who then looked
                // at `busy`: one of the two sees the other.
                Ok(_) if busy < self.limit() => return true,
                Ok(_) => {
                    self.release();
                    return false;
                }
                Err(now) => busy = now,
            }
        }
        false
    }

    /// Sequentially consistent: whoever releases looks at the queue afterwards, whoever queues
    /// looks at the permits afterwards, and one of them sees the other.
    pub(crate) fn release(&self) {
        let before = self.busy.fetch_sub(1, SeqCst);
        debug_assert!(before > 0, "a permit was released twice");
    }

    /// The limit was lowered below what is held.
    pub(crate) fn is_over(&self) -> bool {
        self.busy.load(Relaxed) > self.limit.load(Relaxed)
    }
}
