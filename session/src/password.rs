//! Passwords: Argon2id, as PHC strings, so many hashes at a time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use argon2::password_hash::phc::Output;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, Version};

use crate::config::{
    ARGON2_HASH_BYTES, ARGON2_LANES, ARGON2_LANES_MAX, ARGON2_MEMORY_KIB, ARGON2_MEMORY_KIB_MAX,
    ARGON2_PASSES, ARGON2_PASSES_MAX, ARGON2_SALT_BYTES, PASSWORD_BYTES_MAX, PASSWORD_WAIT_MAX,
    PASSWORD_WAITING_MAX,
};
use crate::error::{Result, SessionError};
use crate::id::random;
use crate::permits::Permits;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; they run one after the other.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost {
            memory_kib: ARGON2_MEMORY_KIB,
            passes: ARGON2_PASSES,
            lanes: ARGON2_LANES,
        }
    }
}

/// How a password compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub ok: bool,
    /// Whether it is, and its hash was made at another cost: make a new one while it is at hand.
    pub needs_rehash: bool,
}

/// Hashes and verifies passwords, so many at a time.
///
/// ```
/// use harmonious_session::{Cost, Passwords};
///
/// // A site takes `Passwords::new(Cost::default(), permits)`; this one is cheap.
/// let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
/// let passwords = Passwords::new(cheap, 2)?;
/// let hash = passwords.hash(b"correct horse")?;
/// assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
/// assert!(passwords.verify(Some(&hash), b"correct horse")?.ok);
/// assert!(!passwords.verify(Some(&hash), b"battery staple")?.ok);
/// // There is no such user: the same work, the same answer.
/// assert!(!passwords.verify(None, b"correct horse")?.ok);
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
pub struct Passwords {
    argon2: Argon2<'static>,
    permits: Permits,
    wait_max: Duration,
    /// The hash of a password that nobody has, for users that do not exist.
    dummy: PasswordHash,
    hashes: AtomicU64,
}

impl Passwords {
    /// Hashes at that cost, so many at a time; each takes a core and its memory meanwhile. Half of the
    /// cores leave the rest to the site.
    ///
    /// # Errors
    /// If Argon2 does not take the cost, or it is above what this crate would read again.
    pub fn new(cost: Cost, permits: usize) -> Result<Passwords> {
        let refuse = |reason: &dyn fmt::Display| SessionError::Cost {
            reason: reason.to_string(),
        };
        let Cost {
            memory_kib,
            passes,
            lanes,
        } = cost;
        let params = Params::new(memory_kib, passes, lanes, Some(ARGON2_HASH_BYTES))
            .map_err(|error| refuse(&error))?;
        if !is_bearable(&params) {
            return Err(refuse(&"they are above the limits of this crate"));
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobodys: [u8; 32] = random()?;
        let dummy = hashed(&argon2, &nobodys)?;
        Ok(Passwords {
            argon2,
            permits: Permits::new(permits, PASSWORD_WAITING_MAX),
            wait_max: PASSWORD_WAIT_MAX,
            dummy,
            hashes: AtomicU64::new(0),
        })
    }

    /// Waits that long at most for its turn, instead of [`PASSWORD_WAIT_MAX`].
    pub fn wait_max(mut self, wait_max: Duration) -> Passwords {
        self.wait_max = wait_max.min(PASSWORD_WAIT_MAX);
        self
    }

    /// The hash of a password, as a PHC string with parameters and a new salt.
    ///
    /// # Errors
    /// If it is longer than [`PASSWORD_BYTES_MAX`], or too many others are at it
    /// ([`SessionError::Busy`]).
    pub fn hash(&self, password: &[u8]) -> Result<String> {
        if password.len() > PASSWORD_BYTES_MAX {
            let bytes = password.len();
            return Err(SessionError::Password { bytes });
        }
        self.in_turn(|| Ok(hashed(&self.argon2, password)?.to_string()))
    }

    /// Whether a password has that hash. With no hash, for a user that does not exist, it does the same
    /// work and says no; so it does for a password that is too long.
    ///
    /// # Errors
    /// If too many others are at it ([`SessionError::Busy`]), or the hash is none.
    pub fn verify(&self, hash: Option<&str>, password: &[u8]) -> Result<Verdict> {
        let stored = hash.map(parsed).transpose()?;
        let is_possible = stored.is_some() && password.len() <= PASSWORD_BYTES_MAX;
        let password = if is_possible { password } else { b"" };
        let hash = stored.as_ref().unwrap_or(&self.dummy);
        let equal = self.in_turn(|| has_hash(hash, password))?;
        let ok = equal && is_possible;
        Ok(Verdict {
            ok,
            needs_rehash: ok && !self.is_current(hash),
        })
    }

    /// How often a password was hashed: for tests, and for whoever wonders what a login costs.
    pub fn hashes(&self) -> u64 {
        // Relaxed: the number stands for itself.
        self.hashes.load(Ordering::Relaxed)
    }

    fn in_turn<T>(&self, hash: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(_permit) = self.permits.take(self.wait_max) else {
            let retry_after = PASSWORD_WAIT_MAX;
            return Err(SessionError::Busy { retry_after });
        };
        self.hashes.fetch_add(1, Ordering::Relaxed);
        hash()
    }

    fn is_current(&self, hash: &PasswordHash) -> bool {
        let salt = hash.salt.as_ref().map(|salt| salt.len());
        hash.algorithm == Algorithm::Argon2id.ident()
            && hash.version == Some(Version::V0x13.into())
            && Params::try_from(hash).ok().as_ref() == Some(self.argon2.params())
            && salt.is_some_and(|bytes| bytes >= ARGON2_SALT_BYTES)
    }
}

fn hashed(argon2: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash> {
    let salt: [u8; ARGON2_SALT_BYTES] = random()?;
    let hash = argon2.hash_password_with_salt(password, &salt);
    hash.map_err(|error| SessionError::Cost {
        reason: error.to_string(),
    })
}

/// A PHC string of any kind of Argon2 that does not cost too much.
fn parsed(hash: &str) -> Result<PasswordHash> {
    let parsed = PasswordHash::new(hash).map_err(|_| SessionError::NotAHash)?;
    let params = Params::try_from(&parsed).map_err(|_| SessionError::NotAHash)?;
    let is_whole = parsed.salt.is_some() && parsed.hash.is_some();
    match is_whole && Algorithm::try_from(parsed.algorithm.as_str()).is_ok() && is_bearable(&params)
    {
        true => Ok(parsed),
        false => Err(SessionError::NotAHash),
    }
}

fn is_bearable(params: &Params) -> bool {
    params.m_cost() <= ARGON2_MEMORY_KIB_MAX
        && params.t_cost() <= ARGON2_PASSES_MAX
        && params.p_cost() <= ARGON2_LANES_MAX
}

fn has_hash(hash: &PasswordHash, password: &[u8]) -> Result<bool> {
    let not_a_hash = |_: argon2::password_hash::Error| SessionError::NotAHash;
    let algorithm = Algorithm::try_from(hash.algorithm.as_str()).map_err(not_a_hash)?;
    let version = hash.version.map(Version::try_from).transpose();
    let version = version
        .map_err(|_| SessionError::NotAHash)?
        .unwrap_or_default();
    let params = Params::try_from(hash).map_err(|_| SessionError::NotAHash)?;
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(SessionError::NotAHash);
    };
    let computed = Argon2::new(algorithm, version, params)
        .hash_password_with_salt(password, salt.as_ref())
        .map_err(|_| SessionError::NotAHash)?;
    // `Output` compares in constant time.
    Ok(computed
        .hash
        .as_ref()
        .is_some_and(|computed: &Output| computed == expected))
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("hashes", &self.hashes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_all_permits_are_taken_a_login_is_told_to_come_back() {
        let cheap = Cost {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        };
        let passwords = Passwords::new(cheap, 1).unwrap().wait_max(Duration::ZERO);
        let hash = passwords.hash(b"secret").unwrap();
        let before = passwords.hashes();
        let taken = passwords.permits.take(Duration::ZERO);
        for error in [
            passwords.verify(Some(&hash), b"secret").unwrap_err(),
            passwords.verify(None, b"secret").unwrap_err(),
            passwords.hash(b"secret").unwrap_err(),
        ] {
            assert_eq!(
                (error.status(), error.retry_after()),
                (503, Some(PASSWORD_WAIT_MAX))
            );
        }
        assert_eq!(passwords.hashes(), before);
        drop(taken);
        assert!(passwords.verify(Some(&hash), b"secret").unwrap().ok);
    }
}
