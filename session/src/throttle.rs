//! Logins that failed, by address, by account, and by both: who guesses must wait, who owns the account
//! need not.
//!
//! Each is a bucket that holds some tries and gets a new one at intervals (`gcra.rs`). A try that one of the three
//! turns away takes nothing from the others, so that whoever guesses from one address uses up the tries of that
//! address for the account, not those of the account.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, millis};
use crate::config::{
    LOGINS_PER_ACCOUNT, LOGINS_PER_ACCOUNT_EVERY, LOGINS_PER_ADDRESS, LOGINS_PER_ADDRESS_EVERY,
    LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY, THROTTLE_ENTRIES_MAX,
};
use crate::error::{Result, SessionError};
use crate::gcra::Rate;
use crate::id::random;
use crate::timed::Timed;

/// Turns away logins after too many that failed.
///
/// ```
/// use harmonious_session::{Clock, Throttle};
///
/// let throttle = Throttle::new(Clock::by_hand(0))?;
/// let address = "192.0.2.1".parse().unwrap();
/// let attempt = throttle.begin("ann", address)?;
/// // The password was right:
/// attempt.succeeded();
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
pub struct Throttle {
    clock: Clock,
    /// Keys of the lists are hashes under it: their bytes say nothing, and nobody can make them collide.
    secret: [u8; 32],
    lists: Mutex<Lists>,
}

struct Lists {
    pairs: Buckets,
    addresses: Buckets,
    accounts: Buckets,
    /// Accounts with the addresses from which their owners logged in, by the time of that.
    known: Timed,
}

/// A login that may be tried; it counts as failed unless it [succeeded](Attempt::succeeded) or was
/// [cancelled](Attempt::cancelled).
#[must_use]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    keys: Keys,
    /// Whether it took a try of the account.
    took_account: bool,
}

#[derive(Clone, Copy)]
struct Keys {
    pair: u128,
    address: u128,
    account: u128,
}

impl Throttle {
    /// One that has seen nothing.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn new(clock: Clock) -> Result<Throttle> {
        let lists = Lists {
            pairs: Buckets::new(LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY),
            addresses: Buckets::new(LOGINS_PER_ADDRESS, LOGINS_PER_ADDRESS_EVERY),
            accounts: Buckets::new(LOGINS_PER_ACCOUNT, LOGINS_PER_ACCOUNT_EVERY),
            known: Timed::new(THROTTLE_ENTRIES_MAX),
        };
        Ok(Throttle {
            clock,
            secret: random()?,
            lists: Mutex::new(lists),
        })
    }

    /// Begins a login to that account, as the visitor spelt it or better as the site normalises it. To
    /// be called before the password is hashed. The account need not exist.
    ///
    /// # Errors
    /// [`SessionError::Throttled`] with the time after which it may be tried again.
    pub fn begin(&self, account: &str, address: IpAddr) -> Result<Attempt<'_>> {
        let now = self.clock.now_ms();
        let keys = self.keys(account, address);
        let mut lists = self.lists.lock();
        let took_account = lists.known.get(keys.pair).is_none();
        lists.pairs.check(keys.pair, now)?;
        lists.addresses.check(keys.address, now)?;
        if took_account {
            lists.accounts.check(keys.account, now)?;
            lists.accounts.take(keys.account, now);
        }
        lists.pairs.take(keys.pair, now);
        lists.addresses.take(keys.address, now);
        Ok(Attempt {
            throttle: self,
            keys,
            took_account,
        })
    }

    /// How many entries all lists have together.
    pub fn len(&self) -> usize {
        let lists = self.lists.lock();
        lists.pairs.full_at.len()
            + lists.addresses.full_at.len()
            + lists.accounts.full_at.len()
            + lists.known.len()
    }

    /// Whether it has seen nothing that it still remembers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keys(&self, account: &str, address: IpAddr) -> Keys {
        let network = network(address);
        let key = |kind: &[u8], account: &str, network: &[u8]| {
            let mut hasher = blake3::Hasher::new_keyed(&self.secret);
            hasher
                .update(kind)
                .update(network)
                .update(account.as_bytes());
            let mut key = [0; 16];
            key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
            u128::from_le_bytes(key)
        };
        Keys {
            pair: key(b"pair", account, &network),
            address: key(b"addr", "", &network),
            account: key(b"acct", account, &[0; 16]),
        }
    }
}

impl Attempt<'_> {
    /// The password was right: this address owns the account, and its tries are full again.
    pub fn succeeded(self) {
        let now = self.throttle.clock.now_ms();
        let mut lists = self.throttle.lists.lock();
        lists.give_back(&self, now);
        lists.pairs.forget(self.keys.pair);
        lists.known.put(self.keys.pair, now);
    }

    /// The password was not looked at, because too many others were being checked: it does not count.
    pub fn cancelled(self) {
        let now = self.throttle.clock.now_ms();
        self.throttle.lists.lock().give_back(&self, now);
    }
}

impl Lists {
    fn give_back(&mut self, attempt: &Attempt<'_>, now: u64) {
        self.pairs.give_back(attempt.keys.pair, now);
        self.addresses.give_back(attempt.keys.address, now);
        if attempt.took_account {
            self.accounts.give_back(attempt.keys.account, now);
        }
    }
}

/// Whoever has one address of IPv6 has all 2^64 of its network.
pub fn network(address: IpAddr) -> [u8; 16] {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => {
            let mut network = address.octets();
            network[8..].fill(0);
            network
        }
    }
}

/// Buckets of one size.
struct Buckets {
    rate: Rate,
    /// When each is full again, in milliseconds since 1970; one that is full is forgotten.
    full_at: Timed,
}

impl Buckets {
    fn new(tries: u32, every: Duration) -> Buckets {
        Buckets {
            rate: Rate::new(tries, millis(every)),
            full_at: Timed::new(THROTTLE_ENTRIES_MAX),
        }
    }

    fn check(&self, key: u128, now: u64) -> Result<()> {
        let after = self.rate.after_one(self.full_at.get(key), now);
        after.map(drop).map_err(|wait| SessionError::Throttled {
            retry_after: Duration::from_millis(wait),
        })
    }

    /// Takes one, if there is one.
    fn take(&mut self, key: u128, now: u64) {
        self.full_at.drop_until(now);
        if let Ok(full_at) = self.rate.after_one(self.full_at.get(key), now) {
            self.full_at.put(key, full_at);
        }
    }

    fn give_back(&mut self, key: u128, now: u64) {
        let full_at = self.full_at.get(key);
        match full_at.and_then(|full_at| self.rate.before_one(full_at, now)) {
            Some(full_at) => self.full_at.put(key, full_at),
            None => self.forget(key),
        }
    }

    fn forget(&mut self, key: u128) {
        self.full_at.remove(key);
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let mut buckets = Buckets::new(3, Duration::from_millis(10));
        for _ in 0..3 {
            buckets.check(1, 100).unwrap();
            buckets.take(1, 100);
        }
        let error = buckets.check(1, 100).unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_millis(10)));
        assert_eq!(error.status(), 429);
        let error = buckets.check(1, 104).unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_millis(6)));
        buckets.check(1, 110).unwrap();
        buckets.take(1, 110);
        assert!(buckets.check(1, 110).is_err());
        buckets.check(2, 110).unwrap();
        buckets.take(2, 110);
        // Full again, and forgotten.
        buckets.take(3, 1000);
        assert_eq!(buckets.full_at.len(), 1);
    }

    #[test]
    fn addresses_of_a_network_are_one() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.2"), network("192.0.2.1"));
    }
}
