//! How often something may be done: limits that a site names, each with a count for every key.
//!
//! There is room for so many keys in all. When it is full, the limit that has most of them loses the one that
//! would be forgotten next, whose bucket is nearly full: who floods a limit with keys gains one try of it at most,
//! and takes nothing from the others.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::config::{LIMIT_KEYS_MAX, LIMIT_NAMES_MAX, LIMIT_PER_MAX, NAME_BYTES_MAX};
use crate::error::{Result, SessionError, beginning};
use crate::gcra::Rate;
use crate::id::random;
use crate::throttle::network;
use crate::timed::Timed;

/// Counts what is done by names and keys, in memory.
///
/// ```
/// use std::time::Duration;
/// use harmonious_session::{Clock, Limits, SessionError};
///
/// let limits = Limits::new(Clock::by_hand(0))?;
/// let flag = |who| limits.take("flags", who, 2, Duration::from_secs(60));
/// flag("ann")?;
/// flag("ann")?;
/// let error = flag("ann").unwrap_err();
/// assert_eq!((error.status(), error.retry_after()), (429, Some(Duration::from_secs(30))));
/// flag("bob")?;
/// # Ok::<(), SessionError>(())
/// ```
pub struct Limits {
    clock: Clock,
    /// Keys are hashes under it: their bytes say nothing, and nobody can make them collide.
    secret: [u8; 32],
    lists: Mutex<Lists>,
    keys_max: usize,
}

/// By the name of the limit, when the bucket of each key is full again, in microseconds since 1970.
type Lists = HashMap<String, Timed>;

impl Limits {
    /// Without any count.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn new(clock: Clock) -> Result<Limits> {
        Limits::with_room(clock, LIMIT_KEYS_MAX)
    }

    fn with_room(clock: Clock, keys_max: usize) -> Result<Limits> {
        Ok(Limits {
            clock,
            secret: random()?,
            lists: Mutex::default(),
            keys_max,
        })
    }

    /// Counts one for that key. `count` may come at once, and over time as many in each `per`. A key that is an
    /// address of IPv6 stands for its network of 64 bits, all of which whoever has one of them has.
    ///
    /// # Errors
    /// [`SessionError::Limited`] with the time after which the next one is free; nothing is counted then.
    /// [`SessionError::Limit`] for a limit that cannot be.
    pub fn take(&self, name: &str, key: &str, count: u32, per: Duration) -> Result<()> {
        let wrong = |reason| {
            let name = beginning(name);
            Err(SessionError::Limit { name, reason })
        };
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return wrong(format!("has no name of 1 to {NAME_BYTES_MAX} bytes"));
        }
        if count == 0 || per.is_zero() || per > LIMIT_PER_MAX {
            let days = LIMIT_PER_MAX.as_secs() / (24 * 3600);
            return wrong(format!(
                "wants a count of at least 1, and a time above 0 and of {days} days at most"
            ));
        }
        let every = per.as_micros().div_ceil(u128::from(count));
        let rate = Rate::new(count, u64::try_from(every).unwrap_or(u64::MAX));
        let now = self.clock.now_ms().saturating_mul(1000);
        let key = self.key(key);
        let mut lists = self.lists.lock();
        if !lists.contains_key(name) && lists.len() >= LIMIT_NAMES_MAX {
            lists.retain(|_, list| {
                list.drop_until(now);
                list.len() > 0
            });
            if lists.len() >= LIMIT_NAMES_MAX {
                return wrong(format!(
                    "is one of more than {LIMIT_NAMES_MAX}: what differs from visitor to visitor belongs into the key"
                ));
            }
        }
        let list = lists.entry(name.to_owned());
        let list = list.or_insert_with(|| Timed::new(LIMIT_KEYS_MAX));
        list.drop_until(now);
        let full_at = match rate.after_one(list.get(key), now) {
            Ok(full_at) => full_at,
            Err(wait) => {
                return Err(SessionError::Limited {
                    name: name.to_owned(),
                    retry_after: Duration::from_micros(wait),
                });
            }
        };
        list.put(key, full_at);
        while len(&lists) > self.keys_max
            && let Some(longest) = lists.values_mut().max_by_key(|list| list.len())
        {
            longest.drop_first();
        }
        Ok(())
    }

    /// How many keys are counted.
    pub fn len(&self) -> usize {
        len(&self.lists.lock())
    }

    /// Whether nothing is counted at the moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn key(&self, key: &str) -> u128 {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        match key.parse::<IpAddr>() {
            Ok(address) => hasher.update(b"net:").update(&network(address)),
            Err(_) => hasher.update(b"key:").update(key.as_bytes()),
        };
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        u128::from_le_bytes(key)
    }
}

fn len(lists: &Lists) -> usize {
    lists.values().map(Timed::len).sum()
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn limits(keys_max: usize) -> (Clock, Limits) {
        let clock = Clock::by_hand(1_000_000);
        let limits = Limits::with_room(clock.clone(), keys_max).unwrap();
        (clock, limits)
    }

    #[test]
    fn tries_come_back_one_by_one() {
        let (clock, limits) = limits(100);
        let take = || limits.take("a", "ann", 3, MINUTE);
        for _ in 0..3 {
            take().unwrap();
        }
        let error = take().unwrap_err();
        assert_eq!(
            (error.status(), error.retry_after()),
            (429, Some(Duration::from_secs(20)))
        );
        assert!(take().is_err(), "what is refused counts for nothing");
        clock.advance(Duration::from_secs(20));
        take().unwrap();
        assert!(take().is_err());
        // Another limit, another key.
        limits.take("b", "ann", 3, MINUTE).unwrap();
        limits.take("a", "bob", 3, MINUTE).unwrap();
        assert_eq!(limits.len(), 3);
    }

    #[test]
    fn addresses_of_a_network_are_one_key() {
        let (_, limits) = limits(100);
        let take = |key: &str| limits.take("a", key, 1, MINUTE);
        take("2001:db8::1").unwrap();
        assert!(take("2001:db8::ffff:2").is_err());
        take("2001:db8:0:1::1").unwrap();
        take("192.0.2.1").unwrap();
        assert!(take("::ffff:192.0.2.1").is_err());
        take("192.0.2.2").unwrap();
    }

    #[test]
    fn a_flood_of_keys_resets_nobody() {
        let (_, limits) = limits(50);
        let take = |name: &str, key: &str| limits.take(name, key, 5, MINUTE);
        for _ in 0..5 {
            take("a", "greedy").unwrap();
            limits
                .take("b", "quiet", 5, Duration::from_secs(1))
                .unwrap();
        }
        for at in 0..1000 {
            take("a", &format!("other {at}")).unwrap();
            limits
                .take("c", &format!("{at}"), 1, LIMIT_PER_MAX)
                .unwrap();
        }
        assert_eq!(limits.len(), 50);
        assert!(take("a", "greedy").is_err());
        let quiet = limits.take("b", "quiet", 5, Duration::from_secs(1));
        assert!(quiet.is_err(), "another limit was flooded");
    }

    #[test]
    fn a_limit_that_cannot_be_is_told() {
        let (clock, limits) = limits(100);
        for (name, count, per) in [
            ("", 1, MINUTE),
            ("a", 0, MINUTE),
            ("a", 1, Duration::ZERO),
            ("a", 1, Duration::MAX),
        ] {
            let error = limits.take(name, "k", count, per).unwrap_err();
            assert!(matches!(error, SessionError::Limit { .. }), "{error}");
            assert_eq!(error.status(), 500);
        }
        for at in 0..LIMIT_NAMES_MAX {
            limits.take(&format!("limit {at}"), "k", 1, MINUTE).unwrap();
        }
        let error = limits.take("one more", "k", 1, MINUTE).unwrap_err();
        assert!(
            error.to_string().contains("belongs into the key"),
            "{error}"
        );
        // Those that nobody is held up by any more make room.
        clock.advance(MINUTE);
        limits.take("one more", "k", 1, MINUTE).unwrap();
    }
}
