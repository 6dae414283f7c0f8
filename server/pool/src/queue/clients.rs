//! Who holds how much of the queue: per-client lists, served in turn, with the heaviest client
//! known at every moment. All operations take constant time.

use std::collections::{HashMap, VecDeque};

/// A queue of `T` in which every client has its own list.
///
/// Clients take turns; within one client the order is that of arrival. `levels[n]` holds the
/// clients that have `n` entries, so the heaviest is found without a search.
pub(super) struct Clients<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    by_key: HashMap<u64, usize>,
    turns: VecDeque<usize>,
    levels: Vec<Vec<usize>>,
    /// Highest `n` for which `levels[n]` is not empty.
    heaviest: usize,
    /// The client that was pushed last: a burst of one client is not looked up again and again.
    last: Option<(u64, usize)>,
    len: usize,
}

struct Slot<T> {
    key: u64,
    /// Where this client stands in `levels[entries.len()]`.
    at: usize,
    entries: VecDeque<T>,
}

/// Which end of a client's list is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Oldest,
    Newest,
}

impl<T> Clients<T> {
    pub(super) fn new() -> Clients<T> {
        Clients {
            slots: Vec::new(),
            free: Vec::new(),
            by_key: HashMap::new(),
            turns: VecDeque::new(),
            levels: vec![Vec::new()],
            heaviest: 0,
            last: None,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Entries that `key` holds.
    pub(super) fn held_by(&self, key: u64) -> usize {
        self.by_key
            .get(&key)
            .map_or(0, |&slot| self.slots[slot].entries.len())
    }

    /// Entries that the heaviest client holds.
    pub(super) fn heaviest(&self) -> usize {
        self.heaviest
    }

    pub(super) fn push(&mut self, key: u64, entry: T) {
        let slot = self.slot_of(key);
        self.slots[slot].entries.push_back(entry);
        self.len += 1;
        let held = self.slots[slot].entries.len();
        self.move_level(slot, held - 1, held);
        if held == 1 {
            self.turns.push_back(slot);
        }
    }

    /// Puts an entry back in front of its client's others.
    pub(super) fn push_front(&mut self, key: u64, entry: T) {
        self.push(key, entry);
        let slot = self.slot_of(key);
        self.slots[slot].entries.rotate_right(1);
    }

    /// The next entry of the client whose turn it is.
    pub(super) fn pop(&mut self, end: End) -> Option<T> {
        let slot = *self.turns.front()?;
        let entry = self.take(slot, end);
        if self.turns.len() > 1 {
            self.turns.pop_front();
            if !self.slots[slot].entries.is_empty() {
                self.turns.push_back(slot);
            }
        } else if self.slots[slot].entries.is_empty() {
            self.turns.pop_front();
        }
        self.free_if_empty(slot);
        entry
    }

    /// Takes the newest entry of the client that holds most.
    pub(super) fn displace(&mut self) -> Option<T> {
        let slot = *self.levels[self.heaviest].last()?;
        let entry = self.take(slot, End::Newest);
        if self.slots[slot].entries.is_empty() {
            self.turns.retain(|&turn| turn != slot);
            self.free_if_empty(slot);
        }
        entry
    }

    /// Takes the oldest entries that `expired` says yes to, at most `most`.
    pub(super) fn sweep(&mut self, most: usize, expired: impl Fn(&T) -> bool, swept: &mut Vec<T>) {
        for turn in 0..self.turns.len() {
            let slot = self.turns[turn];
            while swept.len() < most && self.slots[slot].entries.front().is_some_and(&expired) {
                swept.extend(self.take(slot, End::Oldest));
            }
        }
        let emptied: Vec<usize> = self
            .turns
            .iter()
            .copied()
            .filter(|&slot| self.slots[slot].entries.is_empty())
            .collect();
        if !emptied.is_empty() {
            self.turns
                .retain(|&slot| !self.slots[slot].entries.is_empty());
        }
        for slot in emptied {
            self.free_if_empty(slot);
        }
    }

    /// The oldest entry of each client.
    pub(super) fn fronts(&self) -> impl Iterator<Item = &T> {
        self.turns
            .iter()
            .filter_map(|&slot| self.slots[slot].entries.front())
    }

    /// Takes everything.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut all = Vec::with_capacity(self.len);
        while let Some(entry) = self.pop(End::Oldest) {
            all.push(entry);
        }
        all
    }

    fn slot_of(&mut self, key: u64) -> usize {
        if let Some((last, slot)) = self.last
            && last == key
        {
            return slot;
        }
        if let Some((_, slot)) = self.last.take()
            && self.slots[slot].entries.is_empty()
        {
            self.free_if_empty(slot);
        }
        let slot = match self.by_key.get(&key) {
            Some(&slot) => slot,
            None => self.new_slot(key),
        };
        self.last = Some((key, slot));
        slot
    }

    fn new_slot(&mut self, key: u64) -> usize {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                key,
                at: 0,
                entries: VecDeque::new(),
            });
            self.slots.len() - 1
        });
        self.slots[slot].key = key;
        self.by_key.insert(key, slot);
        slot
    }

    fn take(&mut self, slot: usize, end: End) -> Option<T> {
        let entries = &mut self.slots[slot].entries;
        let entry = match end {
            End::Oldest => entries.pop_front(),
            End::Newest => entries.pop_back(),
        }?;
        let held = entries.len();
        self.len -= 1;
        self.move_level(slot, held + 1, held);
        Some(entry)
    }

    /// Moves a client from the level of those that hold `from` to that of those that hold `to`;
    /// level 0 is not kept.
    fn move_level(&mut self, slot: usize, from: usize, to: usize) {
        if from > 0 {
            let at = self.slots[slot].at;
            self.levels[from].swap_remove(at);
            if let Some(&moved) = self.levels[from].get(at) {
                self.slots[moved].at = at;
            }
        }
        if to > 0 {
            if self.levels.len() == to {
                self.levels.push(Vec::new());
            }
            self.slots[slot].at = self.levels[to].len();
            self.levels[to].push(slot);
        }
        self.heaviest = self.heaviest.max(to);
        while self.heaviest > 0 && self.levels[self.heaviest].is_empty() {
            self.heaviest -= 1;
        }
    }

    fn free_if_empty(&mut self, slot: usize) {
        let emptied = &self.slots[slot];
        // The client of the last push keeps its place, so that a lone client is never looked up.
        if emptied.entries.is_empty() && self.last.is_none_or(|(_, last)| last != slot) {
            self.by_key.remove(&emptied.key);
            self.free.push(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_take_turns() {
        let mut clients = Clients::new();
        for n in 0..3 {
            clients.push(1, (1, n));
        }
        clients.push(2, (2, 0));
        clients.push(3, (3, 0));
        let order: Vec<_> = std::iter::from_fn(|| clients.pop(End::Oldest)).collect();
        assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (1, 2)]);
    }

    #[test]
    fn the_heaviest_loses_its_newest() {
        let mut clients = Clients::new();
        for (key, n) in [(1, 0), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1)] {
            clients.push(key, (key, n));
        }
        assert_eq!(clients.heaviest(), 3);
        assert_eq!(clients.displace(), Some((2, 2)));
        assert_eq!(clients.heaviest(), 2);
        assert_eq!(clients.len(), 5);
    }

    /// Random operations against the plainest model: a list of `(key, number)`.
    #[test]
    fn counts_agree_with_a_plain_list() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let mut clients = Clients::new();
        let mut model: Vec<(u64, u64)> = Vec::new();
        for n in 0..20_000 {
            match random(10) {
                0..6 => {
                    let most = 1 + random(30);
                    let key = random(most);
                    clients.push(key, (key, n));
                    model.push((key, n));
                }
                6 => {
                    let lost = clients.displace();
                    let most = model
                        .iter()
                        .map(|a| model.iter().filter(|b| b.0 == a.0).count())
                        .max();
                    if let Some((key, number)) = lost {
                        assert_eq!(Some(model.iter().filter(|e| e.0 == key).count()), most);
                        assert_eq!(
                            model.iter().filter(|e| e.0 == key).map(|e| e.1).max(),
                            Some(number)
                        );
                        model.retain(|e| *e != (key, number));
                    } else {
                        assert!(model.is_empty());
                    }
                }
                7 => {
                    let mut swept = Vec::new();
                    let before = n.saturating_sub(40);
                    clients.sweep(usize::MAX, |e| e.1 < before, &mut swept);
                    model.retain(|e| e.1 >= before);
                }
                _ => {
                    if let Some((key, number)) = clients.pop(End::Oldest) {
                        assert_eq!(
                            model.iter().filter(|e| e.0 == key).map(|e| e.1).min(),
                            Some(number)
                        );
                        model.retain(|e| *e != (key, number));
                    }
                }
            }
            assert_eq!(clients.len(), model.len());
            assert!(
                clients.by_key.len() <= clients.turns.len() + 1,
                "an emptied client is kept"
            );
            for key in 0..31 {
                assert_eq!(
                    clients.held_by(key),
                    model.iter().filter(|e| e.0 == key).count()
                );
            }
            let fronts: std::collections::HashSet<u64> = clients.fronts().map(|e| e.0).collect();
            assert_eq!(
                fronts.len(),
                clients.fronts().count(),
                "a client has two turns"
            );
        }
    }
}
