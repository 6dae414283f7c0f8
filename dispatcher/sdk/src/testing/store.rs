//! [`Store`]: the sessions of a test's site, and its clock. Ids and handles are counted, not drawn, so that a
//! test gives the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::instances::Instances;
use super::limits::{ABSOLUTE_DEFAULT, IDLE_DEFAULT, SESSIONS_PER_USER_MAX};

/// When a test begins: 2026-01-01, in milliseconds since 1970.
const BEGIN_MS: u64 = 1_767_225_600_000;

/// The sessions that were written, by their ids.
#[derive(Debug)]
pub struct Store {
    now_ms: u64,
    /// How many names were given out.
    drawn: u64,
    by_id: BTreeMap<String, Record>,
    /// What sessions own in memory.
    pub instances: Instances,
    /// Of each limit and key, when it is full again, in microseconds since 1970.
    pub limits: BTreeMap<(String, String), u64>,
    /// What was written soon, by the keys that it has its effect once a day for.
    once: BTreeSet<(u64, Vec<u8>)>,
}

/// A session as it was written.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What it is called for life, unlike its id.
    pub handle: String,
    pub user: Option<String>,
    pub created_ms: u64,
    pub seen_ms: u64,
    pub user_agent: String,
    pub address: String,
    /// In MessagePack; flashes among them, under keys that no author can use.
    pub values: BTreeMap<String, Vec<u8>>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            now_ms: BEGIN_MS,
            drawn: 0,
            by_id: BTreeMap::new(),
            instances: Instances::default(),
            limits: BTreeMap::new(),
            once: BTreeSet::new(),
        }
    }
}

impl Store {
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub fn advance(&mut self, by: Duration) {
        self.now_ms = self.now_ms.saturating_add(millis(by));
    }

    /// Whether this was not done today, the day of UTC; from now on it was.
    pub fn is_first_today(&mut self, key: Vec<u8>) -> bool {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        self.once.insert((self.now_ms / DAY_MS, key))
    }

    /// A number that was not given out before.
    pub fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    /// The session of that id, if its time is not over.
    pub fn load(&self, id: &str) -> Option<&Record> {
        self.by_id.get(id).filter(|record| self.is_alive(record))
    }

    /// Writes a session; `was` is the id that it had, which is nothing from here on.
    pub fn write(&mut self, was: Option<&str>, id: &str, record: Record) {
        if let Some(was) = was {
            self.by_id.remove(was);
        }
        self.by_id.insert(id.to_owned(), record);
    }

    /// Ends a session; whether there was one.
    pub fn remove(&mut self, handle: &str) -> bool {
        let before = self.by_id.len();
        self.by_id.retain(|_, record| record.handle != handle);
        self.by_id.len() < before
    }

    /// Values of sessions that are not there, or not any more: they go.
    pub fn take_orphans(&mut self) -> Vec<u64> {
        let mut instances = std::mem::take(&mut self.instances);
        let is_alive = |handle: &str| {
            let mut records = self.by_id.values();
            records.any(|record| record.handle == handle && self.is_alive(record))
        };
        let gone = instances.take_orphans(is_alive);
        self.instances = instances;
        gone
    }

    /// A user's sessions that are alive, the last seen first.
    pub fn of_user(&self, user: &str) -> Vec<&Record> {
        let records = self.by_id.values();
        let mut records: Vec<&Record> = records
            .filter(|record| record.user.as_deref() == Some(user) && self.is_alive(record))
            .collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.seen_ms));
        records
    }

    /// How many sessions are alive.
    pub fn count(&self) -> u64 {
        let alive = self.by_id.values().filter(|record| self.is_alive(record));
        alive.count() as u64
    }

    /// Ends all sessions of a user but one; how many.
    pub fn remove_others(&mut self, user: &str, kept: Option<&str>) -> u64 {
        let others = self.of_user(user).into_iter();
        let others: Vec<String> = others
            .filter(|record| Some(record.handle.as_str()) != kept)
            .map(|record| record.handle.clone())
            .collect();
        let ended = others.iter().filter(|handle| self.remove(handle));
        ended.count() as u64
    }

    /// After a login: the session that was not seen for longest ends if the user has too many.
    pub fn limit(&mut self, user: &str, kept: &str) {
        let of_user = self.of_user(user);
        if of_user.len() <= SESSIONS_PER_USER_MAX {
            return;
        }
        let oldest = of_user.iter().rev().find(|record| record.handle != kept);
        if let Some(handle) = oldest.map(|record| record.handle.clone()) {
            self.remove(&handle);
        }
    }

    fn is_alive(&self, record: &Record) -> bool {
        let idle = record.seen_ms.saturating_add(millis(IDLE_DEFAULT));
        let absolute = record.created_ms.saturating_add(millis(ABSOLUTE_DEFAULT));
        idle.min(absolute) > self.now_ms
    }
}

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(store: &mut Store, user: &str) -> Record {
        Record {
            handle: store.draw().to_string(),
            user: Some(user.to_owned()),
            created_ms: store.now_ms(),
            seen_ms: store.now_ms(),
            ..Record::default()
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        let mut store = Store::default();
        let mut ann = record(&mut store, "ann");
        store.write(None, "a", ann.clone());
        store.advance(IDLE_DEFAULT - Duration::from_millis(1));
        assert!(store.load("a").is_some());
        store.advance(Duration::from_millis(1));
        assert!(store.load("a").is_none() && store.of_user("ann").is_empty());
        store.advance(ABSOLUTE_DEFAULT - IDLE_DEFAULT);
        ann.seen_ms = store.now_ms();
        store.write(None, "a", ann);
        assert!(store.load("a").is_none());
    }

    #[test]
    fn a_user_has_so_many_sessions() {
        let mut store = Store::default();
        for number in 0..=SESSIONS_PER_USER_MAX {
            let ann = record(&mut store, "ann");
            store.advance(Duration::from_secs(1));
            store.write(None, &number.to_string(), ann);
        }
        store.limit("ann", "1");
        assert!(store.load("0").is_some(), "it is the one to be kept");
        assert!(store.load("1").is_none());
        assert_eq!(store.of_user("ann").len(), SESSIONS_PER_USER_MAX);
        assert_eq!(store.remove_others("ann", Some("1")), 63);
    }
}
