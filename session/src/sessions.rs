//! All sessions of a site: opened for a request, listed, revoked, swept.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

use crate::clock::{Clock, millis};
use crate::config::{SESSIONS_PER_USER_MAX, SWEEP_MAX};
use crate::cookie;
use crate::error::Result;
use crate::id::{Handle, SessionKey};
use crate::session::Session;
use crate::settings::Settings;
use crate::store::{Record, Store, Stored};

/// Who sends a request, as the server sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Whether the browser speaks TLS, with us or with a trusted proxy that says so.
    pub secure: bool,
    /// What it says of itself.
    pub user_agent: String,
    /// Where it is, as the server shows addresses.
    pub address: String,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its user logged out, or a login as somebody else began a new one.
    Destroyed,
    /// It was revoked from another one, or its user had too many.
    Revoked,
    /// Its time is over.
    Expired,
    /// The store had no room for it.
    Evicted,
}

/// A session as its user sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// What it is called.
    pub handle: Handle,
    /// When it began or its user logged in, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last used, to the minute.
    pub seen_ms: u64,
    /// The browser, as it says itself.
    pub user_agent: String,
    /// Where it was last seen.
    pub address: String,
}

type OnEnd = Box<dyn Fn(&Handle, EndReason) + Send + Sync>;

/// The sessions of a site.
///
/// ```
/// use std::sync::Arc;
/// use harmonious_session::{Client, Clock, MemoryStore, Sessions, Settings};
/// use http::HeaderMap;
///
/// let store = MemoryStore::default();
/// let sessions = Arc::new(Sessions::new(store, Settings::default(), Clock::system())?);
///
/// // A visitor without a cookie gets one when something is put in.
/// let session = sessions.open(&HeaderMap::new(), Client::default());
/// session.set("cart", b"two books")?;
/// let cookie = session.commit()?.expect("it is new");
///
/// // The browser sends it back, without its attributes.
/// let pair = cookie.to_str().unwrap().split(';').next().unwrap();
/// let headers = HeaderMap::from_iter([(http::header::COOKIE, pair.parse().unwrap())]);
/// let session = sessions.open(&headers, Client::default());
/// assert_eq!(session.get("cart")?.as_deref(), Some(&b"two books"[..]));
/// assert!(session.commit()?.is_none());
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
pub struct Sessions {
    pub(crate) store: Box<dyn Store>,
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    on_end: Vec<OnEnd>,
}

impl Sessions {
    /// Sessions in that store.
    ///
    /// # Errors
    /// If the cookie's name is none.
    pub fn new(store: impl Store + 'static, settings: Settings, clock: Clock) -> Result<Sessions> {
        settings.check()?;
        Ok(Sessions {
            store: Box::new(store),
            settings,
            clock,
            on_end: Vec::new(),
        })
    }

    /// Calls this after a session ended, with its handle: what belongs to it in memory goes then. It
    /// is called outside of locks, by the thread that found out. A renewed session did not end.
    pub fn on_end(mut self, call: impl Fn(&Handle, EndReason) + Send + Sync + 'static) -> Sessions {
        self.on_end.push(Box::new(call));
        self
    }

    /// The session of a request, with or without a cookie. This looks at the cookie's form; the store is
    /// asked when the session is first used.
    pub fn open(self: &Arc<Self>, headers: &HeaderMap, client: Client) -> Session {
        let name = cookie::name(&self.settings.cookie, client.secure);
        let given = cookie::find(headers, &name);
        Session::new(Arc::clone(self), given, client)
    }

    /// The sessions of a user that are alive, the last seen first, at most
    /// [`SESSIONS_PER_USER_MAX`].
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn of_user(&self, user: &str) -> Result<Vec<SessionInfo>> {
        let now = self.clock.now_ms();
        let records = self.store.of_user(user, SESSIONS_PER_USER_MAX)?;
        let alive = records.into_iter().filter(|r| self.expiry(r) > now);
        Ok(alive.map(SessionInfo::from).collect())
    }

    /// How many sessions are alive, with a user or without. It looks at each: for pages of administrators.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn count(&self) -> Result<u64> {
        // As `expiry` has it: alive is what ends after this moment, by both of its times.
        let after = self.clock.now_ms().saturating_add(1);
        let seen_from = after.saturating_sub(millis(self.settings.idle));
        let created_from = after.saturating_sub(millis(self.settings.absolute));
        self.store.count(seen_from, created_from)
    }

    /// Ends a session of this user; says whether there was one of that handle.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn revoke(&self, user: &str, handle: &Handle) -> Result<bool> {
        let of_user = self.store.of_user(user, SESSIONS_PER_USER_MAX)?;
        if !of_user.iter().any(|record| record.handle == *handle) {
            return Ok(false);
        }
        let was = self.store.remove(handle)?;
        if was {
            self.announce(&[(*handle, EndReason::Revoked)]);
        }
        Ok(was)
    }

    /// Ends all sessions of a user but `kept`: after a change of the password, or all of them, when an
    /// account is closed. Returns how many.
    ///
    /// # Errors
    /// If the store does not answer; some may have ended then.
    pub fn revoke_all(&self, user: &str, kept: Option<&Handle>) -> Result<usize> {
        let mut ended = 0;
        loop {
            // One more than are kept, so that each round ends one at least, or none is left.
            let records = self.store.of_user(user, SESSIONS_PER_USER_MAX + 1)?;
            let others: Vec<&Record> = (records.iter())
                .filter(|record| Some(&record.handle) != kept)
                .collect();
            if others.is_empty() {
                return Ok(ended);
            }
            for record in others {
                if self.store.remove(&record.handle)? {
                    ended += 1;
                    self.announce(&[(record.handle, EndReason::Revoked)]);
                }
            }
        }
    }

    /// Removes expired sessions, at most [`SWEEP_MAX`]; the server calls it every minute or so, and again
    /// at once when it returned that many. Returns how many.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn sweep(&self) -> Result<usize> {
        let ended = self.store.sweep(self.clock.now_ms(), SWEEP_MAX)?;
        let reasons: Vec<_> = (ended.iter()).map(|h| (*h, EndReason::Expired)).collect();
        self.announce(&reasons);
        Ok(ended.len())
    }

    /// The session of that key if it is alive.
    pub(crate) fn load(&self, key: &SessionKey) -> Result<Option<Stored>> {
        let now = self.clock.now_ms();
        let stored = self.store.load(key)?;
        Ok(stored.filter(|stored| self.expiry(&stored.record) > now))
    }

    /// When a session ends if it is not used again: by the settings of today, not by those of the day on
    /// which it was written.
    pub(crate) fn expiry(&self, record: &Record) -> u64 {
        expiry(record.created_ms, record.seen_ms, &self.settings)
    }

    /// After a login: nobody has more than [`SESSIONS_PER_USER_MAX`] sessions.
    pub(crate) fn limit(&self, user: &str, kept: &Handle) -> Result<Vec<Handle>> {
        let mut out = Vec::new();
        let records = self.store.of_user(user, SESSIONS_PER_USER_MAX + 1)?;
        if records.len() > SESSIONS_PER_USER_MAX
            && let Some(oldest) = records.iter().rev().find(|record| record.handle != *kept)
            && self.store.remove(&oldest.handle)?
        {
            out.push(oldest.handle);
        }
        Ok(out)
    }

    pub(crate) fn announce(&self, ended: &[(Handle, EndReason)]) {
        for (handle, reason) in ended {
            for call in &self.on_end {
                call(handle, *reason);
            }
        }
    }
}

/// When a session ends that is not used again after `seen_ms`.
pub(crate) fn expiry(created_ms: u64, seen_ms: u64, settings: &Settings) -> u64 {
    let idle = seen_ms.saturating_add(millis(settings.idle));
    idle.min(created_ms.saturating_add(millis(settings.absolute)))
}

impl From<Record> for SessionInfo {
    fn from(record: Record) -> SessionInfo {
        SessionInfo {
            handle: record.handle,
            created_ms: record.created_ms,
            seen_ms: record.seen_ms,
            user_agent: record.user_agent,
            address: record.address,
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_session_ends_by_the_earlier_of_two() {
        let settings = Settings {
            idle: Duration::from_millis(10),
            absolute: Duration::from_millis(25),
            ..Settings::default()
        };
        assert_eq!(expiry(100, 100, &settings), 110);
        assert_eq!(expiry(100, 112, &settings), 122);
        assert_eq!(expiry(100, 120, &settings), 125);
        let for_ever = Settings {
            idle: Duration::MAX,
            absolute: Duration::MAX,
            ..settings
        };
        assert_eq!(expiry(100, 100, &for_ever), u64::MAX);
    }
}
