//! Sessions in the memory of the process: within a number and a number of bytes, the least recently used
//! out, those without a user before those with one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use parking_lot::Mutex;

use super::{Change, Record, Store, Stored, Updated, fits};
use crate::config::{MEMORY_BYTES, MEMORY_RECORD_BYTES, MEMORY_SESSIONS};
use crate::error::Result;
use crate::id::{Handle, SessionKey};

/// Keeps sessions in memory: they end with the process.
///
/// A flood of visitors pushes out visitors: who is logged in goes only when nobody else is left.
pub struct MemoryStore {
    sessions_max: usize,
    bytes_max: usize,
    /// Held for some lookups, never while anything is waited for.
    inner: Mutex<Inner>,
}

/// Invariant: each session stands in `by_key`, `by_use` and `by_expiry` once, in `by_user` if it has
/// a user, and nothing else stands there.
#[derive(Default)]
struct Inner {
    sessions: HashMap<Handle, Kept>,
    by_key: HashMap<SessionKey, Handle>,
    by_use: BTreeSet<(bool, u64, Handle)>,
    by_expiry: BTreeSet<(u64, Handle)>,
    by_user: BTreeSet<(String, Handle)>,
    bytes: usize,
    /// Counts uses: a time of day would not tell two of one millisecond apart.
    uses: u64,
}

struct Kept {
    key: SessionKey,
    record: Record,
    values: BTreeMap<String, Vec<u8>>,
    used: u64,
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new(MEMORY_SESSIONS, MEMORY_BYTES)
    }
}

impl MemoryStore {
    /// Keeps so many sessions at most, at least one, within about so many bytes.
    pub fn new(sessions_max: usize, bytes_max: usize) -> MemoryStore {
        MemoryStore {
            sessions_max: sessions_max.max(1),
            bytes_max,
            inner: Mutex::default(),
        }
    }

    /// How many it keeps.
    pub fn len(&self) -> usize {
        self.inner.lock().sessions.len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they take, about.
    pub fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }
}

impl Store for MemoryStore {
    fn load(&self, key: &SessionKey) -> Result<Option<Stored>> {
        let mut inner = self.inner.lock();
        let Some(handle) = inner.by_key.get(key).copied() else {
            return Ok(None);
        };
        // Taken out and put back: that is its use.
        let kept = inner.take(&handle);
        let stored = kept.as_ref().map(|kept| Stored {
            record: kept.record.clone(),
            values: (kept.values.iter())
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        });
        inner.put(kept);
        Ok(stored)
    }

    fn create(
        &self,
        key: &SessionKey,
        record: &Record,
        values: &[(&str, &[u8])],
    ) -> Result<Vec<Handle>> {
        let kept = Kept {
            key: *key,
            record: record.clone(),
            values: (values.iter())
                .map(|(key, value)| ((*key).to_owned(), value.to_vec()))
                .collect(),
            used: 0,
        };
        let mut inner = self.inner.lock();
        let out = inner.make_room(kept.bytes(), self.sessions_max, self.bytes_max);
        inner.put(Some(kept));
        Ok(out)
    }

    fn update(
        &self,
        was: &SessionKey,
        now: &SessionKey,
        record: &Record,
        changes: &[Change<'_>],
    ) -> Result<Updated> {
        let mut inner = self.inner.lock();
        let handle = inner.by_key.get(was).copied();
        let Some(mut kept) = handle.and_then(|handle| inner.take(&handle)) else {
            return Ok(Updated::Gone);
        };
        let (keys, bytes) = kept.after(changes);
        if !changes.is_empty() && !fits(keys, bytes) {
            inner.put(Some(kept));
            return Ok(Updated::Full);
        }
        for (key, value) in changes {
            match value {
                Some(value) => kept.values.insert((*key).to_owned(), value.to_vec()),
                None => kept.values.remove(*key),
            };
        }
        kept.key = *now;
        kept.record = record.clone();
        let out = inner.make_room(kept.bytes(), self.sessions_max, self.bytes_max);
        inner.put(Some(kept));
        Ok(Updated::Done(out))
    }

    fn remove(&self, handle: &Handle) -> Result<bool> {
        Ok(self.inner.lock().take(handle).is_some())
    }

    fn of_user(&self, user: &str, max: usize) -> Result<Vec<Record>> {
        let inner = self.inner.lock();
        let first = (user.to_owned(), Handle::from_bytes([0; 16]));
        let mut records: Vec<Record> = (inner.by_user.range(first..))
            .take_while(|(name, _)| name == user)
            .filter_map(|(_, handle)| inner.sessions.get(handle))
            .map(|kept| kept.record.clone())
            .collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.seen_ms));
        records.truncate(max);
        Ok(records)
    }

    fn count(&self, seen_from_ms: u64, created_from_ms: u64) -> Result<u64> {
        let inner = self.inner.lock();
        let records = inner.sessions.values().map(|kept| &kept.record);
        let counted = records.filter(|record| {
            record.seen_ms >= seen_from_ms && record.created_ms >= created_from_ms
        });
        Ok(counted.count() as u64)
    }

    fn sweep(&self, now_ms: u64, max: usize) -> Result<Vec<Handle>> {
        let mut inner = self.inner.lock();
        let expired: Vec<Handle> = (inner.by_expiry.iter())
            .take_while(|(expires_ms, _)| *expires_ms <= now_ms)
            .take(max)
            .map(|(_, handle)| *handle)
            .collect();
        for handle in &expired {
            inner.take(handle);
        }
        Ok(expired)
    }
}

impl Inner {
    fn take(&mut self, handle: &Handle) -> Option<Kept> {
        let kept = self.sessions.remove(handle)?;
        self.by_key.remove(&kept.key);
        self.by_use.remove(&kept.place());
        self.by_expiry.remove(&(kept.record.expires_ms, *handle));
        if let Some(user) = &kept.record.user {
            self.by_user.remove(&(user.clone(), *handle));
        }
        self.bytes -= kept.bytes();
        Some(kept)
    }

    fn put(&mut self, kept: Option<Kept>) {
        let Some(mut kept) = kept else { return };
        let handle = kept.record.handle;
        self.uses += 1;
        kept.used = self.uses;
        self.by_key.insert(kept.key, handle);
        self.by_use.insert(kept.place());
        self.by_expiry.insert((kept.record.expires_ms, handle));
        if let Some(user) = &kept.record.user {
            self.by_user.insert((user.clone(), handle));
        }
        self.bytes += kept.bytes();
        self.sessions.insert(handle, kept);
    }

    /// Removes sessions until one more of so many bytes fits in; none is left at worst.
    fn make_room(&mut self, bytes: usize, sessions_max: usize, bytes_max: usize) -> Vec<Handle> {
        let mut out = Vec::new();
        while self.sessions.len() >= sessions_max || self.bytes.saturating_add(bytes) > bytes_max {
            let Some((_, _, handle)) = self.by_use.first().copied() else {
                break;
            };
            self.take(&handle);
            out.push(handle);
        }
        out
    }
}

impl Kept {
    fn place(&self) -> (bool, u64, Handle) {
        (self.record.user.is_some(), self.used, self.record.handle)
    }

    fn bytes(&self) -> usize {
        let values: usize = self.values.iter().map(|(k, v)| k.len() + v.len()).sum();
        let texts = self.record.user_agent.len() + self.record.address.len();
        MEMORY_RECORD_BYTES + texts + values
    }

    /// Keys and bytes of the values with these changes.
    fn after(&self, changes: &[Change<'_>]) -> (usize, usize) {
        let mut values: BTreeMap<&str, usize> = (self.values.iter())
            .map(|(key, value)| (key.as_str(), value.len()))
            .collect();
        for (key, value) in changes {
            match value {
                Some(value) => values.insert(key, value.len()),
                None => values.remove(key),
            };
        }
        let bytes = values.iter().map(|(key, len)| key.len() + len).sum();
        (values.len(), bytes)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock();
        f.debug_struct("MemoryStore")
            .field("sessions", &inner.sessions.len())
            .field("bytes", &inner.bytes)
            .finish_non_exhaustive()
    }
}
