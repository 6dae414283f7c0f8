//! Database connections under the users' own credentials, by session and name.
//!
//! Whoever opens one gives the password to the database in the closure and nowhere else: what is kept
//! is the open connection. It goes when its session ends, when it was not used for a while, or when it
//! is replaced.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::{Clock, millis};
use crate::config::{
    CONNECTION_IDLE, CONNECTIONS_MAX, CONNECTIONS_PER_SESSION_MAX, NAME_BYTES_MAX,
};
use crate::error::{Cause, Result, SessionError, beginning};
use crate::id::Handle;

/// What can be closed while others still hold it: what they do fails from then on, or ends soon.
pub trait Close: Send + Sync {
    /// Closes it; a second time does nothing.
    fn close(&self);
}

impl Close for harmonious_db::Database {
    fn close(&self) {
        harmonious_db::Database::close(self);
    }
}

/// The connections of all sessions, such as those that
/// [`Database::open_as`](harmonious_db::Database::open_as) opens.
///
/// ```
/// use harmonious_session::{Clock, Close, Handle, UserConnections};
///
/// struct Connection;
/// impl Close for Connection {
///     fn close(&self) {}
/// }
///
/// let connections = UserConnections::new(64, Clock::system());
/// let session = Handle::draw()?;
/// connections.open(&session, "archive", || Ok(Connection))?;
/// assert!(connections.get(&session, "archive").is_some());
/// // It logs out:
/// connections.end_session(&session);
/// assert!(connections.get(&session, "archive").is_none() && connections.count() == 0);
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
pub struct UserConnections<C: Close> {
    clock: Clock,
    max: usize,
    /// Held for lookups only: opening and closing happen outside.
    inner: Mutex<Inner<C>>,
}

type Place = (Handle, String);

struct Inner<C> {
    slots: BTreeMap<Place, Slot<C>>,
    numbers: u64,
}

struct Slot<C> {
    /// Tells it from one that takes its place.
    number: u64,
    /// None while it is being opened: it counts already.
    connection: Option<Arc<C>>,
    used_ms: u64,
}

impl<C: Close> UserConnections<C> {
    /// Holds so many at most; a site takes [`CONNECTIONS_MAX`], or less than its database allows.
    pub fn new(max: usize, clock: Clock) -> UserConnections<C> {
        let inner = Inner {
            slots: BTreeMap::new(),
            numbers: 0,
        };
        UserConnections {
            clock,
            max,
            inner: Mutex::new(inner),
        }
    }

    /// Opens one for a session, in place of the one of that name, which is closed.
    ///
    /// # Errors
    /// If there are as many as there may be ([`SessionError::Connections`]), it cannot be opened, or the
    /// session ended meanwhile.
    pub fn open(
        &self,
        session: &Handle,
        name: &str,
        open: impl FnOnce() -> std::result::Result<C, Cause>,
    ) -> Result<Arc<C>> {
        let reserved = self.reserve(session, name)?;
        let opened = open().map_err(|source| SessionError::Connect {
            name: name.to_owned(),
            source,
        })?;
        let opened = Arc::new(opened);
        if !reserved.fill(&opened) {
            opened.close();
            let name = name.to_owned();
            return Err(SessionError::ConnectionEnded { name });
        }
        Ok(opened)
    }

    /// The connection of that name, if it is open; this counts as its use.
    pub fn get(&self, session: &Handle, name: &str) -> Option<Arc<C>> {
        let now = self.clock.now_ms();
        let mut inner = self.inner.lock();
        let slot = inner.slots.get_mut(&(*session, name.to_owned()))?;
        slot.used_ms = now;
        slot.connection.clone()
    }

    /// Closes the one of that name; says whether there was one.
    pub fn close(&self, session: &Handle, name: &str) -> bool {
        let slot = self.inner.lock().slots.remove(&(*session, name.to_owned()));
        close_all(slot) > 0
    }

    /// Closes the one of that name if it is still this one, because it broke; says whether it was.
    pub fn close_this(&self, session: &Handle, name: &str, this: &Arc<C>) -> bool {
        let place = (*session, name.to_owned());
        let mut inner = self.inner.lock();
        let is_this = |slot: &Slot<C>| {
            let open = slot.connection.as_ref();
            open.is_some_and(|open| Arc::ptr_eq(open, this))
        };
        let slot = match inner.slots.get(&place).is_some_and(is_this) {
            true => inner.slots.remove(&place),
            false => None,
        };
        drop(inner);
        close_all(slot) > 0
    }

    /// Closes those of that name, of all sessions, because what they lead to is another one from now on.
    /// Returns how many.
    pub fn close_named(&self, name: &str) -> usize {
        let mut inner = self.inner.lock();
        let named = inner.slots.keys().filter(|(_, other)| other == name);
        let places: Vec<Place> = named.cloned().collect();
        let slots: Vec<_> = places
            .iter()
            .filter_map(|place| inner.slots.remove(place))
            .collect();
        drop(inner);
        close_all(slots)
    }

    /// Closes all of a session, because it ended. Returns how many.
    pub fn end_session(&self, session: &Handle) -> usize {
        let slots = self.inner.lock().remove_if(Some(session), |_| true);
        close_all(slots)
    }

    /// Closes those that were not used for [`CONNECTION_IDLE`] and are not in use. Returns how many.
    pub fn sweep(&self) -> usize {
        let now = self.clock.now_ms();
        let slots = self.inner.lock().remove_if(None, |slot| slot.is_idle(now));
        close_all(slots)
    }

    /// Closes all of them, because the server stops. Returns how many.
    pub fn close_all(&self) -> usize {
        let slots = self.inner.lock().remove_if(None, |_| true);
        close_all(slots)
    }

    /// How many there are, those that are being opened among them.
    pub fn count(&self) -> usize {
        self.inner.lock().slots.len()
    }

    fn reserve(&self, session: &Handle, name: &str) -> Result<Reserved<'_, C>> {
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            let name = beginning(name);
            return Err(SessionError::Name { name });
        }
        let now = self.clock.now_ms();
        let place = (*session, name.to_owned());
        let mut inner = self.inner.lock();
        let mut out: Vec<Slot<C>> = inner.slots.remove(&place).into_iter().collect();
        if inner.slots.len() >= self.max {
            out.extend(inner.remove_if(None, |slot| slot.is_idle(now)));
        }
        let reserved = inner.reserve(place, self.max, now).map(|number| Reserved {
            connections: self,
            place: (*session, name.to_owned()),
            number,
        });
        drop(inner);
        close_all(out);
        reserved
    }
}

impl<C: Close> Inner<C> {
    fn reserve(&mut self, place: Place, max: usize, now: u64) -> Result<u64> {
        let first = (place.0, String::new());
        let of_session = self
            .slots
            .range(first..)
            .take_while(|(other, _)| other.0 == place.0);
        let full = |whose, count| Err(SessionError::Connections { whose, count });
        match of_session.count() {
            count if count >= CONNECTIONS_PER_SESSION_MAX => return full("this user's", count),
            _ if self.slots.len() >= max => return full("users'", self.slots.len()),
            _ => {}
        }
        self.numbers += 1;
        let slot = Slot {
            number: self.numbers,
            connection: None,
            used_ms: now,
        };
        self.slots.insert(place, slot);
        Ok(self.numbers)
    }

    /// Takes those out, of one session or of all.
    fn remove_if(
        &mut self,
        session: Option<&Handle>,
        is_out: impl Fn(&Slot<C>) -> bool,
    ) -> Vec<Slot<C>> {
        let places: Vec<Place> = match session {
            Some(session) => (self.slots.range((*session, String::new())..))
                .take_while(|(place, _)| place.0 == *session)
                .filter(|(_, slot)| is_out(slot))
                .map(|(place, _)| place.clone())
                .collect(),
            None => (self.slots.iter())
                .filter(|(_, slot)| is_out(slot))
                .map(|(place, _)| place.clone())
                .collect(),
        };
        places
            .iter()
            .filter_map(|place| self.slots.remove(place))
            .collect()
    }
}

impl<C> Slot<C> {
    fn is_idle(&self, now: u64) -> bool {
        let unused = now.saturating_sub(self.used_ms) >= millis(CONNECTION_IDLE);
        // What a request holds is in use, however long ago it got it.
        let held = self
            .connection
            .as_ref()
            .is_none_or(|c| Arc::strong_count(c) > 1);
        unused && !held
    }
}

/// A place for a connection that is being opened; it is free again if that fails, by a panic too.
struct Reserved<'a, C: Close> {
    connections: &'a UserConnections<C>,
    place: Place,
    number: u64,
}

impl<C: Close> Reserved<'_, C> {
    /// Puts it there; false if the place was taken away meanwhile.
    fn fill(self, opened: &Arc<C>) -> bool {
        let now = self.connections.clock.now_ms();
        let mut inner = self.connections.inner.lock();
        let slot = inner.slots.get_mut(&self.place);
        match slot.filter(|slot| slot.number == self.number) {
            Some(slot) => {
                slot.connection = Some(Arc::clone(opened));
                slot.used_ms = now;
                true
            }
            None => false,
        }
    }
}

impl<C: Close> Drop for Reserved<'_, C> {
    fn drop(&mut self) {
        let mut inner = self.connections.inner.lock();
        let is_ours = (inner.slots.get(&self.place))
            .is_some_and(|slot| slot.number == self.number && slot.connection.is_none());
        if is_ours {
            inner.slots.remove(&self.place);
        }
    }
}

/// Closes them, outside of the lock. Returns how many were open.
fn close_all<C: Close>(slots: impl IntoIterator<Item = Slot<C>>) -> usize {
    let open = slots.into_iter().filter_map(|slot| slot.connection);
    open.map(|connection| connection.close()).count()
}

impl<C: Close> Default for UserConnections<C> {
    fn default() -> UserConnections<C> {
        UserConnections::new(CONNECTIONS_MAX, Clock::system())
    }
}

impl<C: Close> fmt::Debug for UserConnections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserConnections")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}
