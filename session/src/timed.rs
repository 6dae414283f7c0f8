//! A list of times by key, so many at most: when it is full, the earliest goes.

use std::collections::{BTreeSet, HashMap};

/// Times by key.
pub struct Timed {
    max: usize,
    times: HashMap<u128, u64>,
    order: BTreeSet<(u64, u128)>,
}

impl Timed {
    /// Holds so many at most, at least one.
    pub fn new(max: usize) -> Timed {
        Timed {
            max: max.max(1),
            times: HashMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// Removes the earliest.
    pub fn drop_first(&mut self) {
        if let Some((_, first)) = self.order.pop_first() {
            self.times.remove(&first);
        }
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn get(&self, key: u128) -> Option<u64> {
        self.times.get(&key).copied()
    }

    pub fn put(&mut self, key: u128, time: u64) {
        self.remove(key);
        while self.times.len() >= self.max {
            self.drop_first();
        }
        self.times.insert(key, time);
        self.order.insert((time, key));
    }

    pub fn remove(&mut self, key: u128) {
        if let Some(time) = self.times.remove(&key) {
            self.order.remove(&(time, key));
        }
    }

    /// Removes what is not after `time`.
    pub fn drop_until(&mut self, time: u64) {
        while let Some(&(first, key)) = self.order.first()
            && first <= time
        {
            self.order.pop_first();
            self.times.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_goes_when_it_is_full() {
        let mut timed = Timed::new(3);
        for (key, time) in [(1, 30), (2, 10), (3, 20), (2, 40), (4, 25)] {
            timed.put(key, time);
        }
        assert_eq!((timed.get(1), timed.get(2)), (Some(30), Some(40)));
        assert_eq!((timed.get(3), timed.get(4)), (None, Some(25)));
        timed.drop_until(30);
        assert_eq!((timed.len(), timed.get(2)), (1, Some(40)));
        timed.remove(2);
        assert_eq!((timed.len(), timed.order.len()), (0, 0));
    }
}
