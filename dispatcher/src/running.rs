//! Which module a request is in at this moment, so that a handler that never returns can be named.
//!
//! A fixed table instead of a lock: a request takes a place when it begins and gives it back when it ends;
//! each entry into a module is one store. Where no place is free near its own, the module that the URL
//! names is blamed instead.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::config::{RUNNING_PROBES, RUNNING_SLOTS};

/// Bits of a place that hold the module; those above hold the manifest's number, then the request's hash.
const MODULE_BITS: u32 = 24;
/// Bits for the number of the manifest: indices of one mean nothing to another.
const MANIFEST_BITS: u32 = 8;
const TAG_SHIFT: u32 = MODULE_BITS + MANIFEST_BITS;

/// The requests that run.
pub(crate) struct Running {
    places: Box<[AtomicU64]>,
}

/// Where a request notes its modules, until it is dropped.
pub(crate) struct Place<'r> {
    place: Option<&'r AtomicU64>,
    tag: u64,
}

impl Running {
    pub(crate) fn new() -> Running {
        Running {
            places: (0..RUNNING_SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// A place for the request of that number, which began with that manifest.
    pub(crate) fn begin(&self, request: &str, manifest: u8) -> Place<'_> {
        let hash = hash(request);
        let tag = tag(hash) | u64::from(manifest) << MODULE_BITS;
        // Relaxed: a place is only ever read for its number, after seconds.
        let takes = |place: &&AtomicU64| place.compare_exchange(0, tag, Relaxed, Relaxed).is_ok();
        Place {
            place: self.near(hash).find(takes),
            tag,
        }
    }

    /// Manifest and index of the module that the request entered last, if it has a place.
    pub(crate) fn find(&self, request: &str) -> Option<(u8, usize)> {
        let hash = hash(request);
        let values = self.near(hash).map(|place| place.load(Relaxed));
        let value = values
            .into_iter()
            .find(|value| value >> TAG_SHIFT == tag(hash) >> TAG_SHIFT)?;
        let index = value & ((1 << MODULE_BITS) - 1);
        Some(((value >> MODULE_BITS) as u8, index as usize))
    }

    fn near(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let first = hash as usize;
        (first..first + RUNNING_PROBES).map(|at| &self.places[at % RUNNING_SLOTS])
    }
}

impl Place<'_> {
    /// The request enters the module with that index now.
    pub(crate) fn enter(&self, module: usize) {
        if let Some(place) = self.place {
            let index = module as u64 & ((1 << MODULE_BITS) - 1);
            place.store(self.tag | index, Relaxed);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.store(0, Relaxed);
        }
    }
}

/// Half of the bits: the place comes from the others. The server makes the numbers itself, so that
/// nobody can choose them to collide: eight bytes at a time are multiplied by the odd number nearest to
/// 2^64 divided by the golden ratio, and the high half is mixed into the low one (Fibonacci hashing,
/// Knuth, The Art of Computer Programming 3, 6.4).
fn hash(request: &str) -> u64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = |hash: u64, word: u64| {
        let product = (hash ^ word).wrapping_mul(GOLDEN);
        product ^ product >> 32
    };
    let (words, rest) = request.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(request.len() as u64, |hash, word| {
        mixed(hash, u64::from_le_bytes(*word))
    });
    let hash = rest
        .iter()
        .fold(hash, |hash, byte| mixed(hash, u64::from(*byte)));
    mixed(hash, 0) >> 1
}

/// Never 0, which is a free place.
fn tag(hash: u64) -> u64 {
    (hash >> TAG_SHIFT | 1) << TAG_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_found_in_the_module_that_it_entered_last_until_it_ends() {
        let running = Running::new();
        let request = running.begin("7-1", 2);
        request.enter(3);
        request.enter(5);
        assert_eq!(running.find("7-1"), Some((2, 5)));
        assert_eq!(running.find("7-2"), None);
        drop(request);
        assert_eq!(running.find("7-1"), None);
    }

    #[test]
    fn others_do_not_take_its_place() {
        let running = Running::new();
        let hangs = running.begin("hangs", 0);
        hangs.enter(9);
        for number in 0..100_000 {
            running.begin(&number.to_string(), 0).enter(1);
        }
        assert_eq!(running.find("hangs"), Some((0, 9)));
    }
}
