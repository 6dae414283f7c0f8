//! Deadlines of tasks, earliest first.
//!
//! Each task stands here at most once, so that the number of entries is that of the tasks. A
//! deadline that moves back (the idle timeout of a connection, at every request) touches nothing:
//! the entry fires early, sees the later deadline and is entered again. One B-tree under one lock
//! holds tens of thousands of entries; an entry and a removal cost some hundred nanoseconds, and a
//! connection needs about one of each in its life.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use parking_lot::Mutex;

use crate::task::{NEVER, TaskCell};

pub(crate) struct Timers {
    entries: Mutex<BTreeMap<(u64, usize), Arc<TaskCell>>>,
    /// The earliest entry, readable without the lock.
    earliest_ns: AtomicU64,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers {
            entries: Mutex::new(BTreeMap::new()),
            earliest_ns: AtomicU64::new(NEVER),
        }
    }

    /// When the next entry fires; [`NEVER`] if there is none.
    pub(crate) fn earliest_ns(&self) -> u64 {
        self.earliest_ns.load(SeqCst)
    }

    /// The task wants its deadline at `wanted_ns`. True if the reactor's wait may now be too long.
    pub(crate) fn set(&self, cell: &Arc<TaskCell>, wanted_ns: u64) -> bool {
        cell.wanted_ns.store(wanted_ns, SeqCst);
        if cell.armed_ns.load(SeqCst) <= wanted_ns {
            return false;
        }
        let mut entries = self.entries.lock();
        let armed_ns = cell.armed_ns.load(Relaxed);
        if armed_ns <= wanted_ns {
            return false;
        }
        if armed_ns != NEVER {
            entries.remove(&(armed_ns, cell.id));
        }
        entries.insert((wanted_ns, cell.id), Arc::clone(cell));
        cell.armed_ns.store(wanted_ns, SeqCst);
        self.publish(&entries)
    }

    /// The task has ended.
    pub(crate) fn remove(&self, cell: &TaskCell) {
        // Not even looked at without the lock: `fire` may have taken the entry out just now, to
        // put it back for a later deadline.
        let mut entries = self.entries.lock();
        let armed_ns = cell.armed_ns.swap(NEVER, SeqCst);
        entries.remove(&(armed_ns, cell.id));
        self.publish(&entries);
    }

    /// Takes the tasks whose deadline has passed.
    pub(crate) fn fire(&self, now_ns: u64, due: &mut Vec<Arc<TaskCell>>) {
        if self.earliest_ns.load(Relaxed) > now_ns {
            return;
        }
        let mut entries = self.entries.lock();
        while let Some(entry) = entries.first_entry() {
            if entry.key().0 > now_ns {
                break;
            }
            let cell = entry.remove();
            cell.armed_ns.store(NEVER, SeqCst);
            match cell.fire(now_ns) {
                Ok(()) => due.push(cell),
                Err(NEVER) => {}
                Err(later_ns) => {
                    cell.armed_ns.store(later_ns, SeqCst);
                    entries.insert((later_ns, cell.id), cell);
                }
            }
        }
        self.publish(&entries);
    }

    /// Keeps `earliest_ns` true; whether it came forward.
    fn publish(&self, entries: &BTreeMap<(u64, usize), Arc<TaskCell>>) -> bool {
        let earliest_ns = entries.first_key_value().map_or(NEVER, |((at, _), _)| *at);
        self.earliest_ns.swap(earliest_ns, SeqCst) > earliest_ns
    }
}
