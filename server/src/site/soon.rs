//! Writes that have time: statements that modules hand over wait here, and all of them are written together, so
//! that a count for each page costs no wait for the disk of its own.
//!
//! They are written in their order, in one transaction for each database. One that fails is told in the log and
//! left out. While a database is away its statements wait; what is not known to be written or not, because the
//! connection was lost at the commit, is not written again.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use harmonious_db::{Database, Error, Value};
use harmonious_session::Clock;
use parking_lot::Mutex;

use super::databases::KeptDatabase;

/// Statements of a site that wait: at 500 ms some 20,000 a second.
const STATEMENTS_MAX: usize = 10_000;
/// Bytes of their texts and values.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Keys of a day that are remembered: some 20 MB. Beyond it the older half is forgotten.
const KEYS_MAX: usize = 1_000_000;
/// Statements that fail in one round before the others are written one by one: each has all others begin again.
const FAILED_MAX: usize = 16;
/// The longest that one waits for another who writes them.
const TURN_WAIT_MAX: Duration = Duration::from_secs(5);
/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3600 * 1000;

/// A statement that waits.
pub struct Waiting {
    /// Whose database, if not the site's own.
    pub domain: Option<Arc<KeptDatabase>>,
    pub sql: String,
    pub values: Vec<Value>,
}

/// What waits for one site, and which keys had their effect today.
pub struct Soon {
    clock: Clock,
    /// Keys are hashes under it, another one in each process: their bytes say nothing, and nobody can make them
    /// collide.
    hasher: RandomState,
    queue: Mutex<Vec<Waiting>>,
    /// Of all that is not written, what is being written included. Relaxed: bounds that may be off by one round.
    statements: AtomicUsize,
    bytes: AtomicUsize,
    keys: Mutex<Keys>,
    /// Who has it writes: so statements keep their order.
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    /// The databases that are told to be away, by their domains.
    away: BTreeSet<String>,
}

/// Of one day, in two parts of which the older one goes when there are too many.
#[derive(Default)]
struct Keys {
    day: u64,
    newer: HashSet<u64>,
    older: HashSet<u64>,
}

/// Why not all was written.
struct Stopped {
    /// The statement; none for the begin and the end of the transaction.
    at: Option<usize>,
    is_at_commit: bool,
    error: Error,
}

impl Soon {
    /// With nothing in it.
    pub fn new(clock: Clock) -> Soon {
        Soon {
            clock,
            hasher: RandomState::new(),
            queue: Mutex::default(),
            statements: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            keys: Mutex::default(),
            turn: Mutex::default(),
        }
    }

    /// Takes a statement, or gives it back where there is no room.
    pub fn add(&self, waiting: Waiting) -> Result<(), Waiting> {
        let bytes = waiting.bytes();
        let has_room = self.statements.load(Ordering::Relaxed) < STATEMENTS_MAX
            && self.bytes.load(Ordering::Relaxed).saturating_add(bytes) <= BYTES_MAX;
        if !has_room {
            return Err(waiting);
        }
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.queue.lock().push(waiting);
        Ok(())
    }

    /// A key of a statement on the database of that name.
    pub fn key(&self, database: &str, sql: &str, once: &str) -> u64 {
        self.hasher.hash_one((database, sql, once))
    }

    /// Whether the key has had no effect today, the day of UTC; from now on it has.
    pub fn is_first(&self, key: u64) -> bool {
        let day = self.clock.now_ms() / DAY_MS;
        self.keys.lock().is_first(key, day, KEYS_MAX)
    }

    /// It had no effect after all.
    pub fn forget(&self, key: u64) {
        let mut keys = self.keys.lock();
        keys.newer.remove(&key);
        keys.older.remove(&key);
    }

    /// Writes what waits; `own` is the site's database.
    pub fn write(&self, own: &KeptDatabase, site: &str) {
        let Some(mut turn) = self.turn.try_lock_for(TURN_WAIT_MAX) else {
            return;
        };
        let taken = std::mem::take(&mut *self.queue.lock());
        if taken.is_empty() {
            return;
        }
        let mut left = Vec::new();
        let (mut statements, mut bytes) = (taken.len(), sum(&taken));
        for group in groups(taken) {
            left.extend(turn.write(group, own, site));
        }
        statements -= left.len();
        bytes -= sum(&left);
        let mut queue = self.queue.lock();
        left.append(&mut queue);
        *queue = left;
        self.statements.fetch_sub(statements, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Writes what waits for the last time; what cannot be written is lost.
    pub fn close(&self, own: &KeptDatabase, site: &str) {
        self.write(own, site);
        let lost = std::mem::take(&mut *self.queue.lock());
        self.statements.fetch_sub(lost.len(), Ordering::Relaxed);
        self.bytes.fetch_sub(sum(&lost), Ordering::Relaxed);
        if !lost.is_empty() {
            let count = lost.len();
            tracing::error!(
                site,
                "{count} writes that were to be done soon are lost: their database is away"
            );
        }
    }
}

impl Waiting {
    fn bytes(&self) -> usize {
        let of = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Json(json) => json.to_string().len(),
            _ => 0,
        };
        let values: usize = self.values.iter().map(of).sum();
        size_of::<Waiting>() + self.sql.len() + self.values.len() * size_of::<Value>() + values
    }
}

fn sum(statements: &[Waiting]) -> usize {
    statements.iter().map(Waiting::bytes).sum()
}

/// Those of each database, in their order.
fn groups(statements: Vec<Waiting>) -> Vec<Vec<Waiting>> {
    let mut groups: Vec<Vec<Waiting>> = Vec::new();
    let place = |waiting: &Waiting| waiting.domain.as_ref().map(Arc::as_ptr);
    for waiting in statements {
        let own = groups
            .iter_mut()
            .find(|group| place(&group[0]) == place(&waiting));
        match own {
            Some(group) => group.push(waiting),
            None => groups.push(vec![waiting]),
        }
    }
    groups
}

impl Turn {
    /// Writes statements of one database; gives back those that are to be tried again.
    fn write(&mut self, mut group: Vec<Waiting>, own: &KeptDatabase, site: &str) -> Vec<Waiting> {
        let domain = group[0].domain.clone();
        let kept = domain.as_deref().unwrap_or(own);
        let database = match kept.database() {
            Ok(database) => database,
            Err(refusal) if refusal.is_unavailable() => {
                return self.put_off(group, kept, site, &refusal.0.detail);
            }
            Err(refusal) => {
                group
                    .iter()
                    .for_each(|lost| tell(lost, kept, site, &refusal.0.detail));
                return Vec::new();
            }
        };
        for _ in 0..FAILED_MAX {
            let Err(stopped) = together(&database, &group) else {
                self.away.remove(&kept.domain);
                return Vec::new();
            };
            let Stopped {
                at,
                is_at_commit,
                error,
            } = stopped;
            match error {
                Error::ConnectionLost { .. } if is_at_commit => {
                    let why = "the connection was lost at the commit, so it may be written or not";
                    group
                        .iter()
                        .for_each(|waiting| tell(waiting, kept, site, why));
                    return Vec::new();
                }
                error if error.is_unavailable() || is_busy(&error) => {
                    return self.put_off(group, kept, site, &error.to_string());
                }
                error => match at {
                    Some(at) => tell(&group.remove(at), kept, site, &error.to_string()),
                    // Something that shows at the commit only: which of them it was, they say by themselves.
                    None => break,
                },
            }
        }
        self.one_by_one(&database, group, kept, site)
    }

    fn one_by_one(
        &mut self,
        database: &Database,
        group: Vec<Waiting>,
        kept: &KeptDatabase,
        site: &str,
    ) -> Vec<Waiting> {
        let mut group = group.into_iter();
        while let Some(waiting) = group.next() {
            match database.execute(&waiting.sql, &waiting.values) {
                Ok(_) => {}
                Err(error @ (Error::Unavailable { .. } | Error::Busy { .. })) => {
                    let left = [waiting].into_iter().chain(group).collect();
                    return self.put_off(left, kept, site, &error.to_string());
                }
                Err(error) => tell(&waiting, kept, site, &error.to_string()),
            }
        }
        self.away.remove(&kept.domain);
        Vec::new()
    }

    fn put_off(
        &mut self,
        group: Vec<Waiting>,
        kept: &KeptDatabase,
        site: &str,
        why: &str,
    ) -> Vec<Waiting> {
        if self.away.insert(kept.domain.clone()) {
            let (count, domain) = (group.len(), &kept.domain);
            tracing::warn!(site, %domain, "{count} writes wait for the database: {why}");
        }
        group
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Busy { .. })
}

/// Writes them in one transaction.
fn together(database: &Database, group: &[Waiting]) -> Result<(), Stopped> {
    let around = |is_at_commit| {
        move |error| Stopped {
            at: None,
            is_at_commit,
            error,
        }
    };
    let mut transaction = database.begin().map_err(around(false))?;
    for (at, waiting) in group.iter().enumerate() {
        let done = transaction.execute(&waiting.sql, &waiting.values);
        done.map_err(|error| Stopped {
            at: Some(at),
            is_at_commit: false,
            error,
        })?;
    }
    transaction.commit().map_err(around(true))
}

fn tell(waiting: &Waiting, kept: &KeptDatabase, site: &str, why: &str) {
    let (sql, domain) = (&waiting.sql, &kept.domain);
    tracing::error!(site, %domain, %sql, "a write that was to be done soon is left out: {why}");
}

impl Keys {
    fn is_first(&mut self, key: u64, day: u64, max: usize) -> bool {
        if day != self.day {
            *self = Keys {
                day,
                ..Keys::default()
            };
        }
        if self.newer.contains(&key) || self.older.contains(&key) {
            return false;
        }
        if self.newer.len() >= max / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::databases_toml::Declared;
    use super::*;

    #[test]
    fn a_key_has_its_effect_once_a_day() {
        let clock = Clock::by_hand(DAY_MS - 1);
        let soon = Soon::new(clock.clone());
        let key = |sql, once| soon.key("site", sql, once);
        assert!(soon.is_first(key("UPDATE a", "ann")));
        assert!(!soon.is_first(key("UPDATE a", "ann")));
        assert!(soon.is_first(key("UPDATE a", "bob")));
        assert!(soon.is_first(key("UPDATE b", "ann")), "another statement");
        assert!(
            soon.is_first(soon.key("/forum/", "UPDATE a", "ann")),
            "another database"
        );
        soon.forget(key("UPDATE a", "ann"));
        assert!(soon.is_first(key("UPDATE a", "ann")));
        clock.advance(Duration::from_millis(1));
        assert!(soon.is_first(key("UPDATE a", "ann")), "another day");
    }

    #[test]
    fn of_too_many_keys_the_older_ones_go() {
        let mut keys = Keys::default();
        assert!((0..100).all(|key| keys.is_first(key, 1, 10)));
        assert!((95..100).all(|key| !keys.is_first(key, 1, 10)));
        assert!(keys.newer.len() + keys.older.len() <= 10);
        assert!(keys.is_first(0, 1, 10));
    }

    fn kept(url: &str) -> KeptDatabase {
        KeptDatabase::of_site(Declared {
            url: url.to_owned(),
            connections_max: None,
            query_time_max: None,
            migrations: "/nowhere".into(),
        })
    }

    fn waiting(sql: &str) -> Waiting {
        Waiting {
            domain: None,
            sql: sql.to_owned(),
            values: Vec::new(),
        }
    }

    #[test]
    fn what_fails_at_the_commit_only_is_found_too() {
        let own = kept("sqlite::memory:");
        let database = own.database().unwrap();
        let tables = "CREATE TABLE p (id INTEGER PRIMARY KEY);
            CREATE TABLE c (id INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)";
        database.script(tables).unwrap();
        let soon = Soon::new(Clock::by_hand(0));
        for sql in [
            "INSERT INTO p VALUES (1)",
            "INSERT INTO c VALUES (7)",
            "INSERT INTO c VALUES (1)",
        ] {
            assert!(soon.add(waiting(sql)).is_ok());
        }
        soon.write(&own, "a");
        let rows = database.query("SELECT id FROM c", &[]).unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.at(0).unwrap()).collect();
        assert_eq!(ids, [1]);
        assert_eq!(
            (
                soon.queue.lock().len(),
                soon.statements.into_inner(),
                soon.bytes.into_inner()
            ),
            (0, 0, 0)
        );
    }

    #[test]
    fn what_waits_for_a_database_that_is_away_keeps_its_order() {
        let own = kept("postgres://me@127.0.0.1:1/nothing");
        let soon = Soon::new(Clock::by_hand(0));
        for sql in ["first", "second"] {
            assert!(soon.add(waiting(sql)).is_ok());
            soon.write(&own, "a");
        }
        let texts: Vec<String> = soon
            .queue
            .lock()
            .iter()
            .map(|waiting| waiting.sql.clone())
            .collect();
        assert_eq!(texts, ["first", "second"]);
        assert_eq!(soon.statements.load(Ordering::Relaxed), 2);
        soon.close(&own, "a");
        assert_eq!(
            (soon.statements.into_inner(), soon.bytes.into_inner()),
            (0, 0)
        );
    }

    #[test]
    fn there_is_room_for_so_much() {
        let soon = Soon::new(Clock::by_hand(0));
        let waiting = |bytes| Waiting {
            domain: None,
            sql: "INSERT INTO t VALUES (?)".to_owned(),
            values: vec![Value::Text("x".repeat(bytes))],
        };
        assert!(soon.add(waiting(BYTES_MAX)).is_err());
        assert!(soon.add(waiting(BYTES_MAX / 2)).is_ok());
        assert!(soon.add(waiting(BYTES_MAX / 2)).is_err());
        for _ in 1..STATEMENTS_MAX {
            assert!(soon.add(waiting(0)).is_ok());
        }
        assert!(soon.add(waiting(0)).is_err());
    }
}
