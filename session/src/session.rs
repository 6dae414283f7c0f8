//! The session of one request: read when it is first used, written once at the end.
//!
//! What a handler does goes into a [`Draft`](crate::draft::Draft) in memory; [`Session::commit`] writes
//! what changed, key by key, before the answer goes out. Dropped without it, nothing happened.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use parking_lot::{Mutex, MutexGuard};

use crate::config::{FLASH_BYTES_MAX, SEEN_WRITE_EVERY, USER_BYTES_MAX};
use crate::cookie;
use crate::csrf::token;
use crate::draft::{Draft, check_key};
use crate::error::{Result, SessionError};
use crate::flash::{self, Flash};
use crate::id::{Handle, SessionId};
use crate::sessions::{Client, EndReason, Sessions};
use crate::store::Updated;

/// The session of one request.
///
/// Methods that read or change it may ask the store, once for the request; errors are those of the store
/// unless said otherwise.
pub struct Session {
    sessions: Arc<Sessions>,
    client: Client,
    /// The id that the cookie brought, of the right form; there may be no such session.
    given: Option<SessionId>,
    /// Held while the store is asked: only this request waits for it.
    draft: Mutex<Option<Draft>>,
}

impl Session {
    pub(crate) fn new(
        sessions: Arc<Sessions>,
        given: Option<SessionId>,
        client: Client,
    ) -> Session {
        Session {
            sessions,
            client,
            given,
            draft: Mutex::new(None),
        }
    }

    /// Whether there is a session: one that was there before the request, or that it makes.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn exists(&self) -> Result<bool> {
        self.with(|draft| Ok(draft.exists()))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.with(|draft| Ok(draft.get(key).map(<[u8]>::to_vec)))
    }

    /// Sets the value of a key; makes a session if there is none.
    ///
    /// # Errors
    /// If the key is none, or the value or the session would be too large.
    pub fn set(&self, key: &str, value: &[u8]) -> Result<()> {
        check_key(key)?;
        self.with(|draft| draft.set(key, value))
    }

    /// Removes a key.
    ///
    /// # Errors
    /// If the key is none.
    pub fn remove(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.with(|draft| {
            draft.remove(key);
            Ok(())
        })
    }

    /// The keys that have a value.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn keys(&self) -> Result<Vec<String>> {
        self.with(|draft| {
            let keys = draft.keys().filter(|key| !key.starts_with(flash::RESERVED));
            Ok(keys.map(str::to_owned).collect())
        })
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn user(&self) -> Result<Option<String>> {
        self.with(|draft| Ok(draft.user().map(str::to_owned)))
    }

    /// Says who is logged in. Each change of privilege gives the session a new id.
    ///
    /// A visitor who logs in keeps what the session holds. A session belongs to one user at most: with
    /// another one, or none, the old session ends and an empty one begins.
    ///
    /// # Errors
    /// If the user's name is empty or longer than [`USER_BYTES_MAX`].
    pub fn set_user(&self, user: Option<&str>) -> Result<()> {
        if let Some(user) = user
            && !(1..=USER_BYTES_MAX).contains(&user.len())
        {
            return Err(SessionError::User { bytes: user.len() });
        }
        self.with(|draft| draft.set_user(user))
    }

    /// Keeps a message for the next page that shows them; makes a session if there is none.
    ///
    /// # Errors
    /// If it is longer than [`FLASH_BYTES_MAX`], or the session is full.
    pub fn flash(&self, kind: &str, text: &str) -> Result<()> {
        let bytes = kind.len() + text.len();
        if bytes > FLASH_BYTES_MAX {
            return Err(SessionError::Flash { bytes });
        }
        let now = self.sessions.clock.now_ms();
        self.with(|draft| draft.flash(now, kind, text))
    }

    /// The messages that wait, the oldest first; they are shown by whoever takes them.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn take_flashes(&self) -> Result<Vec<Flash>> {
        self.with(|draft| Ok(draft.take_flashes()))
    }

    /// A token for a form of this page, another one each time, all of them good until the session gets a
    /// new id. It makes no session: without one, nothing needs to be shown.
    ///
    /// # Errors
    /// If the store does not answer, or the system has no random bytes.
    pub fn csrf_token(&self) -> Result<String> {
        self.with(|draft| token::mask(&draft.id()?.csrf_secret()))
    }

    /// Gives the session a new id; the old one is nothing from then on. For a change of privilege that is
    /// no login: a second factor, administrator's rights.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn renew(&self) -> Result<()> {
        self.with(Draft::renew)
    }

    /// Ends the session: logs out. What is set after it goes into a new one.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn destroy(&self) -> Result<()> {
        self.with(|draft| {
            draft.destroy();
            Ok(())
        })
    }

    /// What the session is called, if there is one.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn handle(&self) -> Result<Option<Handle>> {
        self.with(|draft| Ok(draft.handle()))
    }

    /// What the session is called, for what is to belong to it in memory; makes one if there is none.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn owner(&self) -> Result<Handle> {
        self.with(Draft::owner)
    }

    /// Whether the store still has the session as this request read it, or it is this request that makes it.
    /// It asks the store each time: another request may have ended or renewed it meanwhile.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn is_still_there(&self) -> Result<bool> {
        let stored = self.with(|draft| Ok(draft.stored_id()))?;
        match stored {
            Some(id) => Ok(self.sessions.load(&id.key())?.is_some()),
            None => Ok(true),
        }
    }

    /// The session that [`commit`](Session::commit) is to end.
    pub fn ending(&self) -> Option<Handle> {
        self.draft.lock().as_ref()?.ended()
    }

    /// What sessions were to be called that this request made and that the store does not have; after
    /// [`commit`](Session::commit), or instead of it.
    pub fn uncommitted(&self) -> Vec<Handle> {
        let draft = self.draft.lock();
        let Some(draft) = draft.as_ref() else {
            return Vec::new();
        };
        let this = draft.handle().filter(|_| draft.stored_id().is_none());
        draft.orphaned().iter().copied().chain(this).collect()
    }

    /// Writes what changed, and returns the value of `Set-Cookie` for the answer, if it needs one. To be
    /// called before the answer goes out; a second call writes what changed since the first.
    ///
    /// # Errors
    /// If the store does not answer, the session ended or was renewed meanwhile ([`SessionError::Gone`]),
    /// or it would be too large. Then nothing is acknowledged: the answer is the error's.
    pub fn commit(&self) -> Result<Option<HeaderValue>> {
        let mut ended = Vec::new();
        let mut draft = self.draft.lock();
        let result = match &mut *draft {
            // It was not used.
            None => Ok(None),
            Some(draft) => self.write(draft, &mut ended),
        };
        drop(draft);
        self.sessions.announce(&ended);
        result
    }

    /// The id of the cookie, whether or not there is such a session.
    pub(crate) fn given(&self) -> Option<&SessionId> {
        self.given.as_ref()
    }

    /// Whether the store had the session of that cookie.
    pub(crate) fn was_found(&self) -> Result<bool> {
        self.with(|draft| Ok(draft.was_found()))
    }

    fn write(
        &self,
        draft: &mut Draft,
        ended: &mut Vec<(Handle, EndReason)>,
    ) -> Result<Option<HeaderValue>> {
        let had_ended = draft.ended();
        if let Some(handle) = had_ended {
            // By the handle: logging out wins over a renewal at the same time.
            self.sessions.store.remove(&handle)?;
            draft.removed();
            ended.push((handle, EndReason::Destroyed));
        }
        let given = match draft.stored_id() {
            None if draft.is_wanted() => Some(self.create(draft, ended)?),
            None => None,
            Some(_) => self.update(draft, ended)?,
        };
        Ok(match given {
            Some(cookie) => Some(cookie),
            None if had_ended.is_some() => {
                let settings = &self.sessions.settings;
                Some(cookie::take(&settings.cookie, self.client.secure))
            }
            None => None,
        })
    }

    fn create(
        &self,
        draft: &mut Draft,
        ended: &mut Vec<(Handle, EndReason)>,
    ) -> Result<HeaderValue> {
        let now = self.sessions.clock.now_ms();
        let id = draft.id()?;
        let record = draft.record(now, &self.client, &self.sessions.settings)?;
        let out = (self.sessions.store).create(&id.key(), &record, &draft.all_values())?;
        ended.extend(out.into_iter().map(|handle| (handle, EndReason::Evicted)));
        let life = record.created_ms.saturating_add(self.life_ms()) - now;
        let user = record.user.clone();
        let handle = record.handle;
        draft.written(record);
        if let Some(user) = user {
            self.limit(&user, &handle, ended)?;
        }
        Ok(self.cookie(&id, life))
    }

    fn update(
        &self,
        draft: &mut Draft,
        ended: &mut Vec<(Handle, EndReason)>,
    ) -> Result<Option<HeaderValue>> {
        let now = self.sessions.clock.now_ms();
        // Well before it would expire, where sessions live for a moment only.
        let every = SEEN_WRITE_EVERY.min(self.sessions.settings.idle / 8);
        let stale = now.saturating_sub(draft.seen_ms()) >= crate::clock::millis(every);
        if !draft.is_changed() && !stale {
            return Ok(None);
        }
        let Some(was) = draft.stored_id() else {
            return Ok(None);
        };
        let id = draft.id()?;
        let record = draft.record(now, &self.client, &self.sessions.settings)?;
        let updated =
            (self.sessions.store).update(&was.key(), &id.key(), &record, &draft.changes())?;
        match updated {
            Updated::Done(out) => {
                ended.extend(out.into_iter().map(|handle| (handle, EndReason::Evicted)));
            }
            // Nothing of weight is lost: when it was last seen, or that a message was shown.
            Updated::Gone if draft.is_weak() => return Ok(None),
            Updated::Gone => return Err(SessionError::Gone),
            Updated::Full => return Err(SessionError::Full),
        }
        let life = (record.created_ms.saturating_add(self.life_ms())).saturating_sub(now);
        let login = record.user.clone().filter(|_| draft.is_login());
        let handle = record.handle;
        draft.written(record);
        if let Some(user) = login {
            self.limit(&user, &handle, ended)?;
        }
        Ok((id != was).then(|| self.cookie(&id, life)))
    }

    fn limit(&self, user: &str, kept: &Handle, ended: &mut Vec<(Handle, EndReason)>) -> Result<()> {
        let out = self.sessions.limit(user, kept)?;
        ended.extend(out.into_iter().map(|handle| (handle, EndReason::Revoked)));
        Ok(())
    }

    fn life_ms(&self) -> u64 {
        crate::clock::millis(self.sessions.settings.absolute)
    }

    fn cookie(&self, id: &SessionId, life_ms: u64) -> HeaderValue {
        let settings = &self.sessions.settings;
        let life = (settings.lasting).then(|| std::time::Duration::from_millis(life_ms));
        cookie::give(&settings.cookie, self.client.secure, id, life)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Draft) -> Result<T>) -> Result<T> {
        let mut draft = self.draft.lock();
        f(self.read(&mut draft)?)
    }

    /// The draft, read from the store if it is not yet.
    fn read<'a>(&self, draft: &'a mut MutexGuard<'_, Option<Draft>>) -> Result<&'a mut Draft> {
        if draft.is_none() {
            let stored = match &self.given {
                Some(id) => self
                    .sessions
                    .load(&id.key())?
                    .map(|stored| (id.clone(), stored)),
                None => None,
            };
            **draft = Some(Draft::new(stored));
        }
        Ok(draft.get_or_insert_with(|| Draft::new(None)))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("has_cookie", &self.given.is_some())
            .finish_non_exhaustive()
    }
}
