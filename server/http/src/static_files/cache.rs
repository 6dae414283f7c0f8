//! What is known about paths, bounded in entries, bytes and open files; the least used goes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::config::{ABSENT_SHARE, ENTRIES_PER_SHARD, StaticConfig};

/// What an entry holds beside itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// Bytes of files.
    pub(super) bytes: usize,
    /// Open files.
    pub(super) files: usize,
}

/// What is known about a path.
#[derive(Debug)]
pub(super) struct Hit<T> {
    /// What is there; `None`: nothing is.
    pub(super) found: Option<Arc<T>>,
    /// When that was known for certain, in milliseconds of the caller's clock.
    pub(super) checked: u64,
}

/// A map from paths to what is there, cut into shards so that a lock is rarely contended; a hit
/// only reads. It keeps no clock: callers bring the time, in milliseconds.
#[derive(Debug)]
pub(super) struct Cache<T> {
    shards: Box<[RwLock<Shard<T>>]>,
    hasher: RandomState,
}

impl<T> Cache<T> {
    pub(super) fn new(config: &StaticConfig) -> Cache<T> {
        // As many as there is work for, but in each shard four of the largest files find room.
        let by_bytes = config.memory_max_bytes / (4 * config.memory_file_max_bytes).max(1);
        let by_entries = config.entries_max / ENTRIES_PER_SHARD;
        let count = by_entries
            .min(by_bytes)
            .min(config.open_files_max / 4)
            .max(1);
        let shard = || {
            RwLock::new(Shard {
                slots: HashMap::new(),
                absent: 0,
                weight: Weight::default(),
                entries_max: config.entries_max / count,
                weight_max: Weight {
                    bytes: config.memory_max_bytes / count,
                    files: config.open_files_max / count,
                },
            })
        };
        Cache {
            shards: (0..count).map(|_| shard()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// What is known about `path`.
    pub(super) fn get(&self, path: &str, now: u64) -> Option<Hit<T>> {
        let shard = self.shard(path).read();
        let slot = shard.slots.get(path)?;
        // A store would take the cache line from other readers: at most one each millisecond.
        if slot.used.load(Ordering::Relaxed) != now {
            slot.used.store(now, Ordering::Relaxed);
        }
        Some(Hit {
            found: slot.found.clone(),
            checked: slot.checked.load(Ordering::Relaxed),
        })
    }

    /// What is known about `path` has been true at `now`.
    pub(super) fn confirm(&self, path: &str, now: u64) {
        if let Some(slot) = self.shard(path).read().slots.get(path) {
            slot.checked.fetch_max(now, Ordering::Relaxed);
        }
    }

    /// From `now` on this is known about `path`.
    pub(super) fn put(&self, path: &str, found: Option<Arc<T>>, now: u64) {
        self.shard(path).write().put(path, found, now);
    }

    /// Whether an entry may hold so much; the bounds are those of a shard.
    pub(super) fn has_room_for(&self, weight: Weight) -> bool {
        let max = &self.shards[0].read().weight_max;
        weight.bytes <= max.bytes && weight.files <= max.files
    }

    /// `holder`, if it still is what is known about `path`, holds more. It may go by that itself.
    pub(super) fn charge(&self, path: &str, holder: &Arc<T>, more: Weight) {
        self.shard(path).write().charge(path, holder, more);
    }

    fn shard(&self, path: &str) -> &RwLock<Shard<T>> {
        &self.shards[self.hasher.hash_one(path) as usize % self.shards.len()]
    }
}

#[derive(Debug)]
struct Shard<T> {
    slots: HashMap<Box<str>, Slot<T>>,
    /// Slots without anything found.
    absent: usize,
    /// The sum over all slots.
    weight: Weight,
    entries_max: usize,
    weight_max: Weight,
}

#[derive(Debug)]
struct Slot<T> {
    found: Option<Arc<T>>,
    weight: Weight,
    // Both are hints without an order among them: an old value costs a look at the file or the
    // eviction of another slot.
    checked: AtomicU64,
    used: AtomicU64,
}

impl<T> Shard<T> {
    fn put(&mut self, path: &str, found: Option<Arc<T>>, now: u64) {
        self.remove(path);
        if found.is_none() && self.absent >= (self.entries_max / ABSENT_SHARE).max(1) {
            self.evict(|slot| slot.found.is_none());
        }
        if self.slots.len() >= self.entries_max {
            self.evict(|_| true);
        }
        self.absent += usize::from(found.is_none());
        let slot = Slot {
            found,
            weight: Weight::default(),
            checked: AtomicU64::new(now),
            used: AtomicU64::new(now),
        };
        self.slots.insert(path.into(), slot);
    }

    fn charge(&mut self, path: &str, holder: &Arc<T>, more: Weight) {
        let Some(slot) = self.slots.get_mut(path) else {
            return;
        };
        if !slot
            .found
            .as_ref()
            .is_some_and(|found| Arc::ptr_eq(found, holder))
        {
            return;
        }
        slot.weight.bytes += more.bytes;
        slot.weight.files += more.files;
        self.weight.bytes += more.bytes;
        self.weight.files += more.files;
        while self.weight.bytes > self.weight_max.bytes {
            self.evict(|slot| slot.weight.bytes > 0);
        }
        while self.weight.files > self.weight_max.files {
            self.evict(|slot| slot.weight.files > 0);
        }
    }

    /// Removes the slot that was used least recently among those that `matches`.
    fn evict(&mut self, matches: impl Fn(&Slot<T>) -> bool) {
        let candidates = self.slots.iter().filter(|(_, slot)| matches(slot));
        let oldest = candidates.min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed));
        if let Some(path) = oldest.map(|(path, _)| path.clone()) {
            self.remove(&path);
        }
    }

    fn remove(&mut self, path: &str) {
        if let Some(slot) = self.slots.remove(path) {
            self.weight.bytes -= slot.weight.bytes;
            self.weight.files -= slot.weight.files;
            self.absent -= usize::from(slot.found.is_none());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries_max: usize, memory_max_bytes: usize, open_files_max: usize) -> Cache<u32> {
        Cache::new(&StaticConfig {
            entries_max,
            memory_max_bytes,
            open_files_max,
            memory_file_max_bytes: 10,
            ..StaticConfig::default()
        })
    }

    /// Which of `a` to `f` are known.
    fn check(cache: &Cache<u32>, expected: &str) {
        let known = |path: &&str| cache.shard(path).read().slots.contains_key(*path);
        let all: Vec<_> = ["a", "b", "c", "d", "e", "f"]
            .into_iter()
            .filter(known)
            .collect();
        assert_eq!(all.concat(), expected);
    }

    fn put(cache: &Cache<u32>, path: &str, now: u64, bytes: usize, files: usize) {
        let value = Arc::new(0);
        cache.put(path, Some(value.clone()), now);
        cache.charge(path, &value, Weight { bytes, files });
    }

    #[test]
    fn entries_are_bounded_and_the_one_used_least_recently_goes() {
        let cache = cache(3, 100, 10);
        for (now, path) in ["a", "b", "c"].into_iter().enumerate() {
            put(&cache, path, now as u64, 0, 0);
        }
        cache.get("a", 10);
        put(&cache, "d", 11, 0, 0);
        check(&cache, "acd");
    }

    #[test]
    fn bytes_and_files_are_bounded() {
        let cache = cache(64, 30, 2);
        for (now, path) in ["a", "b", "c", "d"].into_iter().enumerate() {
            put(&cache, path, now as u64, 10, 0);
        }
        check(&cache, "bcd");
        put(&cache, "d", 4, 0, 1);
        put(&cache, "e", 5, 0, 1);
        put(&cache, "f", 6, 0, 1);
        check(&cache, "bcef");
        put(&cache, "a", 7, 30, 0);
        check(&cache, "aef");
        assert!(cache.has_room_for(Weight {
            bytes: 30,
            files: 2
        }));
        assert!(!cache.has_room_for(Weight {
            bytes: 31,
            files: 0
        }));
    }

    #[test]
    fn missing_names_do_not_push_files_out() {
        let cache = cache(8, 100, 10);
        put(&cache, "a", 0, 1, 1);
        for now in 1..1000 {
            cache.put(&format!("missing {now}"), None, now);
        }
        check(&cache, "a");
        assert_eq!(cache.shards[0].read().slots.len(), 3);
    }

    #[test]
    fn what_was_replaced_holds_nothing() {
        let cache = cache(8, 30, 2);
        let old = Arc::new(1);
        cache.put("a", Some(old.clone()), 0);
        cache.charge(
            "a",
            &old,
            Weight {
                bytes: 10,
                files: 1,
            },
        );
        cache.put("a", Some(Arc::new(2)), 1);
        cache.charge(
            "a",
            &old,
            Weight {
                bytes: 10,
                files: 1,
            },
        );
        assert_eq!(cache.shards[0].read().weight, Weight::default());
    }

    #[test]
    fn a_look_confirms_what_is_known() {
        let cache = cache(8, 30, 2);
        cache.put("a", None, 5);
        cache.confirm("a", 9);
        cache.confirm("a", 7);
        assert_eq!(cache.get("a", 9).unwrap().checked, 9);
        assert!(cache.get("b", 9).is_none());
    }
}
