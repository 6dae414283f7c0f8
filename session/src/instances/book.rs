//! The book of instances: who is there, in which order they were used, what must go. No waiting here.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Condvar;

use super::{DropReason, Dropped, InstanceKey};
use crate::clock::millis;
use crate::config::{INSTANCE_IDLE, INSTANCES_PER_SESSION_MAX};
use crate::error::{Result, SessionError};
use crate::id::Handle;

/// What there is of instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstanceStats {
    /// How many are known, those that are being made among them.
    pub count: usize,
    /// How many of them somebody has.
    pub leased: usize,
    /// How many requests stand in line for one.
    pub waiting: usize,
    /// Bytes of all of them, as their modules estimate them.
    pub bytes: u64,
}

/// All instances.
pub struct Book {
    count_max: usize,
    bytes_max: u64,
    entries: BTreeMap<InstanceKey, Entry>,
    /// Those that nobody has or waits for, by their last use.
    unused: BTreeMap<u64, InstanceKey>,
    /// Of all. Wider than one's: modules may say anything.
    bytes: u128,
    /// Counts instances and uses.
    numbers: u64,
}

/// One instance.
pub struct Entry {
    pub number: u64,
    /// The value exists.
    pub exists: bool,
    pub leased: bool,
    /// Tickets of those that wait, the next one first.
    pub line: VecDeque<u64>,
    pub turn: Arc<Turn>,
    /// It goes when it is given back, for this reason.
    doomed: Option<DropReason>,
    bytes: u64,
    used_ms: u64,
    /// Its place in `unused`, if it has one.
    place: Option<u64>,
}

/// What those wait for that stand in line.
#[derive(Default)]
pub struct Turn {
    /// It was given back, somebody left the line, or it is gone.
    pub changed: Condvar,
    /// Its session ended. Written and read under the book's lock; the atomic is for sharing only.
    pub ended: AtomicBool,
}

impl Book {
    pub fn new(count_max: usize, bytes_max: u64) -> Book {
        Book {
            count_max,
            bytes_max,
            entries: BTreeMap::new(),
            unused: BTreeMap::new(),
            bytes: 0,
            numbers: 0,
        }
    }

    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn get(&mut self, key: &InstanceKey) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    /// Lets somebody have it.
    pub fn lend(&mut self, key: &InstanceKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.leased = true;
            if let Some(place) = entry.place.take() {
                self.unused.remove(&place);
            }
        }
    }

    /// A new one that somebody has; others may have to go for it.
    pub fn add(&mut self, key: &InstanceKey, out: &mut Vec<Dropped>) -> Result<u64> {
        let full = |count| Err(SessionError::InstancesFull { count });
        let of_session = self.of_session(&key.session).len();
        if of_session >= INSTANCES_PER_SESSION_MAX {
            let oldest = (self.unused.values()).find(|other| other.session == key.session);
            match oldest.cloned() {
                Some(oldest) => out.extend(self.remove(&oldest, DropReason::Evicted)),
                None => return full(of_session),
            }
        }
        if self.entries.len() >= self.count_max {
            match self.unused.values().next().cloned() {
                Some(oldest) => out.extend(self.remove(&oldest, DropReason::Evicted)),
                None => return full(self.entries.len()),
            }
        }
        let number = self.next_number();
        let entry = Entry {
            number,
            exists: false,
            leased: true,
            line: VecDeque::new(),
            turn: Arc::default(),
            doomed: None,
            bytes: 0,
            used_ms: 0,
            place: None,
        };
        self.entries.insert(key.clone(), entry);
        Ok(number)
    }

    /// It exists, and has about so many bytes.
    pub fn set_bytes(&mut self, key: &InstanceKey, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.exists = true;
            self.bytes = self.bytes - u128::from(entry.bytes) + u128::from(bytes);
            entry.bytes = bytes;
        }
    }

    /// Whoever had it gives it back.
    pub fn give_back(&mut self, key: &InstanceKey, now_ms: u64, discard: bool) -> Vec<Dropped> {
        let Some(entry) = self.entries.get_mut(key) else {
            return Vec::new();
        };
        entry.leased = false;
        entry.used_ms = now_ms;
        let discarded = discard.then_some(DropReason::Discarded);
        let mut out = Vec::new();
        match entry.doomed.or(discarded) {
            Some(reason) => out.extend(self.remove(key, reason)),
            None if !entry.exists => out.extend(self.remove(key, DropReason::Discarded)),
            None => self.rest(key),
        }
        // Those in use may go beyond the bound; it is kept again when they are given back.
        while self.bytes > u128::from(self.bytes_max)
            && let Some(oldest) = self.unused.values().next().cloned()
        {
            out.extend(self.remove(&oldest, DropReason::Evicted));
        }
        out
    }

    /// If nobody has it: the next in line is told, or it may be evicted from here on.
    pub fn rest(&mut self, key: &InstanceKey) {
        self.numbers += 1;
        let place = self.numbers;
        if let Some(entry) = self.entries.get_mut(key) {
            if !entry.leased && entry.line.is_empty() && entry.place.is_none() {
                entry.place = Some(place);
                self.unused.insert(place, key.clone());
            }
            entry.turn.changed.notify_all();
        }
    }

    pub fn end_session(&mut self, session: &Handle) -> Vec<Dropped> {
        let keys = self.of_session(session);
        let mut out = Vec::new();
        for key in keys {
            if let Some(entry) = self.entries.get(&key) {
                // Relaxed: the lock orders it.
                entry.turn.ended.store(true, Ordering::Relaxed);
            }
            out.extend(self.doom(&key, DropReason::SessionEnded));
        }
        out
    }

    pub fn retire_module(&mut self, module: &str) -> Vec<Dropped> {
        self.doom_all(DropReason::ModuleRetired, |key| key.module == module)
    }

    pub fn stop(&mut self) -> Vec<Dropped> {
        self.doom_all(DropReason::ServerStops, |_| true)
    }

    pub fn sweep(&mut self, now_ms: u64, max: usize) -> Vec<Dropped> {
        let mut out = Vec::new();
        while out.len() < max
            && let Some(oldest) = self.unused.values().next().cloned()
            && let Some(entry) = self.entries.get(&oldest)
            && now_ms.saturating_sub(entry.used_ms) >= millis(INSTANCE_IDLE)
        {
            out.extend(self.remove(&oldest, DropReason::Idle));
        }
        out
    }

    pub fn stats(&self) -> InstanceStats {
        InstanceStats {
            count: self.entries.len(),
            leased: self.entries.values().filter(|entry| entry.leased).count(),
            waiting: self.entries.values().map(|entry| entry.line.len()).sum(),
            bytes: u64::try_from(self.bytes).unwrap_or(u64::MAX),
        }
    }

    fn doom_all(
        &mut self,
        reason: DropReason,
        goes: impl Fn(&InstanceKey) -> bool,
    ) -> Vec<Dropped> {
        let keys = self.entries.keys().filter(|key| goes(key));
        let keys: Vec<InstanceKey> = keys.cloned().collect();
        let out = keys.iter().filter_map(|key| self.doom(key, reason));
        out.collect()
    }

    /// It goes: now, or when whoever has it gives it back.
    fn doom(&mut self, key: &InstanceKey, reason: DropReason) -> Option<Dropped> {
        let entry = self.entries.get_mut(key)?;
        if !entry.leased {
            return self.remove(key, reason);
        }
        entry.doomed = Some(reason);
        entry.turn.changed.notify_all();
        None
    }

    fn remove(&mut self, key: &InstanceKey, reason: DropReason) -> Option<Dropped> {
        let entry = self.entries.remove(key)?;
        self.bytes -= u128::from(entry.bytes);
        if let Some(place) = entry.place {
            self.unused.remove(&place);
        }
        entry.turn.changed.notify_all();
        // What was never made need not be dropped.
        entry.exists.then(|| Dropped {
            key: key.clone(),
            number: entry.number,
            reason,
        })
    }

    fn of_session(&self, session: &Handle) -> Vec<InstanceKey> {
        let first = InstanceKey {
            session: *session,
            module: String::new(),
            name: String::new(),
        };
        let keys = self.entries.range(first..).map(|(key, _)| key);
        keys.take_while(|key| key.session == *session)
            .cloned()
            .collect()
    }
}
