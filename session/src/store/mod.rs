//! Where sessions are kept: one interface, two stores.

pub mod database;
pub mod memory;
mod recent;
mod schema;

use std::fmt;

use crate::error::Result;
use crate::id::{Handle, SessionKey};

/// What is known of a session besides its values.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is called in lists and in memory; it stays when the id changes.
    pub handle: Handle,
    /// Who logged in, as the site names its users.
    pub user: Option<String>,
    /// Since when its absolute life counts: when it began, or when its user logged in.
    pub created_ms: u64,
    /// When it was last used, to the minute.
    pub seen_ms: u64,
    /// When it ends if it is not used again. For [`Store::sweep`]; what counts at a request is
    /// computed from the two others, with the settings of that moment.
    pub expires_ms: u64,
    /// The browser, as it says itself; shortened.
    pub user_agent: String,
    /// Where it was last seen.
    pub address: String,
}

/// A session as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// What is known of it.
    pub record: Record,
    /// Its values by key.
    pub values: Vec<(String, Vec<u8>)>,
}

/// A change of one value: the key, and its bytes or none.
pub type Change<'a> = (&'a str, Option<&'a [u8]>);

/// How an update went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Updated {
    /// It is written; these others had to go for it.
    Done(Vec<Handle>),
    /// There is no session of that key, any more: it ended, or has another key. Nothing is written.
    Gone,
    /// With what others wrote meanwhile it would be more than a session may hold. Nothing is written.
    Full,
}

/// Keeps sessions by the hash of their id.
///
/// Each method is all or nothing, and what returned `Ok` is kept as well as the store keeps anything.
/// Methods run at the same time on many threads and may block; they are called by one request's
/// thread and outside of locks that others wait for.
pub trait Store: Send + Sync {
    /// The session of that key, expired or not.
    ///
    /// # Errors
    /// If the store does not answer, as for the others.
    fn load(&self, key: &SessionKey) -> Result<Option<Stored>>;

    /// Keeps a new session. Returns those that had to go for it.
    fn create(
        &self,
        key: &SessionKey,
        record: &Record,
        values: &[(&str, &[u8])],
    ) -> Result<Vec<Handle>>;

    /// If there is a session of the key `was`: gives it the key `now` and the record, and changes
    /// these values, leaving others as they are at that moment.
    fn update(
        &self,
        was: &SessionKey,
        now: &SessionKey,
        record: &Record,
        changes: &[Change<'_>],
    ) -> Result<Updated>;

    /// Removes a session; says whether there was one.
    fn remove(&self, handle: &Handle) -> Result<bool>;

    /// The sessions of a user, the last seen first, so many at most.
    fn of_user(&self, user: &str, max: usize) -> Result<Vec<Record>>;

    /// How many sessions were last seen and began at these times or later.
    fn count(&self, seen_from_ms: u64, created_from_ms: u64) -> Result<u64>;

    /// Removes sessions whose `expires_ms` is not after `now_ms`, so many at most. Returns them.
    fn sweep(&self, now_ms: u64, max: usize) -> Result<Vec<Handle>>;
}

/// Whether a session with these values is within the limits.
pub(crate) fn fits(keys: usize, bytes: usize) -> bool {
    keys <= crate::config::SESSION_KEYS_MAX && bytes <= crate::config::SESSION_BYTES_MAX
}

// The values are the site's secrets, the rest is about a person.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("handle", &self.handle)
            .field("has_user", &self.user.is_some())
            .field("created_ms", &self.created_ms)
            .field("seen_ms", &self.seen_ms)
            .field("expires_ms", &self.expires_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("record", &self.record)
            .field("values", &self.values.len())
            .finish()
    }
}

/// A shared store is a store: for one that others look at too.
impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn load(&self, key: &SessionKey) -> Result<Option<Stored>> {
        (**self).load(key)
    }

    fn create(
        &self,
        key: &SessionKey,
        record: &Record,
        values: &[(&str, &[u8])],
    ) -> Result<Vec<Handle>> {
        (**self).create(key, record, values)
    }

    fn update(
        &self,
        was: &SessionKey,
        now: &SessionKey,
        record: &Record,
        changes: &[Change<'_>],
    ) -> Result<Updated> {
        (**self).update(was, now, record, changes)
    }

    fn remove(&self, handle: &Handle) -> Result<bool> {
        (**self).remove(handle)
    }

    fn of_user(&self, user: &str, max: usize) -> Result<Vec<Record>> {
        (**self).of_user(user, max)
    }

    fn count(&self, seen_from_ms: u64, created_from_ms: u64) -> Result<u64> {
        (**self).count(seen_from_ms, created_from_ms)
    }

    fn sweep(&self, now_ms: u64, max: usize) -> Result<Vec<Handle>> {
        (**self).sweep(now_ms, max)
    }
}
