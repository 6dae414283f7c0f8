//! Names of all domains in one hash table: a few words for each, so that the table of a large site stays
//! in the processor's caches.

use std::fmt;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::model::DomainId;

/// What stands under a name of a domain.
#[derive(Clone, Default)]
pub(super) struct Names<T> {
    slots: HashTable<Slot<T>>,
    /// All names, one after the other.
    text: String,
    hasher: DefaultHashBuilder,
}

#[derive(Clone)]
struct Slot<T> {
    domain: DomainId,
    start: u32,
    len: u32,
    value: T,
}

impl<T> Slot<T> {
    fn name<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start as usize..(self.start + self.len) as usize]
    }
}

impl<T: Default> Names<T> {
    pub(super) fn get(&self, domain: DomainId, name: &str) -> Option<&T> {
        let hash = self.hasher.hash_one((domain, name));
        let same = |slot: &Slot<T>| slot.domain == domain && slot.name(&self.text) == name;
        self.slots.find(hash, same).map(|slot| &slot.value)
    }

    /// The value of a name; the default one if it is new.
    pub(super) fn entry(&mut self, domain: DomainId, name: &str) -> &mut T {
        let hash = self.hasher.hash_one((domain, name));
        let (text, hasher) = (&mut self.text, &self.hasher);
        let same = |slot: &Slot<T>| slot.domain == domain && slot.name(text) == name;
        let rehash = |slot: &Slot<T>| hasher.hash_one((slot.domain, slot.name(text)));
        // The entry API would borrow the text that a new slot has to be added to.
        if self.slots.find(hash, same).is_none() {
            let slot = Slot {
                domain,
                start: u32::try_from(text.len()).expect("names take less than 4 GiB"),
                len: u32::try_from(name.len()).expect("names take less than 4 GiB"),
                value: T::default(),
            };
            self.slots.insert_unique(hash, slot, rehash);
            text.push_str(name);
        }
        let same = |slot: &Slot<T>| slot.domain == domain && slot.name(text) == name;
        let slot = self.slots.find_mut(hash, same);
        &mut slot.expect("it is there or was just added").value
    }
}

impl<T> fmt::Debug for Names<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names", self.slots.len())
    }
}
