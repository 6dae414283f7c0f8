//! Database connections under the users' own credentials, by session and name.
//!
//! Whoever opens one gives the password to the database in the closure and nowhere else: what is kept
//! is the open connection. It goes when its session ends, when it was not used for a while, or when it
//! is replaced.
//!
//! Nobody finds one before it is shown, and requests that were under way by then never do: a session gets
//! a new id when its visitor connects, and whoever came with the old one must not go on as that visitor.

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
/// let before = connections.now_shown();
/// let open = connections.open(&session, "archive", || Ok(Connection))?;
/// // The session's new id is in the store:
/// connections.show(&session, "archive", &open);
/// assert!(connections.get(&session, "archive", before).is_none());
/// assert!(connections.get(&session, "archive", connections.now_shown()).is_some());
/// # drop(open);
/// // It logs out:
/// connections.end_session(&session);
/// assert_eq!(connections.count(), 0);
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
    /// Whose are being opened, also those whose place was taken away meanwhile.
    opening: Vec<Handle>,
    numbers: u64,
    /// How many were shown so far: tells what was shown before something and what after it.
    shown: u64,
}

struct Slot<C> {
    /// Tells it from one that takes its place.
    number: u64,
    /// None while it is being opened.
    connection: Option<Arc<C>>,
    /// The number of its showing; none until then.
    shown: Option<u64>,
    used_ms: u64,
}

impl<C: Close> UserConnections<C> {
    /// Holds so many at most; a site takes [`CONNECTIONS_MAX`], or less than its database allows.
    pub fn new(max: usize, clock: Clock) -> UserConnections<C> {
        let inner = Inner {
            slots: BTreeMap::new(),
            opening: Vec::new(),
            numbers: 0,
            shown: 0,
        };
        UserConnections {
            clock,
            max,
            inner: Mutex::new(inner),
        }
    }

    /// Opens one for a session, in place of the one of that name, which is closed. Nobody else finds it
    /// before it is [shown](UserConnections::show).
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
        let mut reserved = self.reserve(session, name)?;
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

    /// What a request takes note of before it reads its session, for [`get`](UserConnections::get).
    pub fn now_shown(&self) -> u64 {
        self.inner.lock().shown
    }

    /// Requests that read their session from now on find it, if it is still this one: the new id of its
    /// session is in the store.
    pub fn show(&self, session: &Handle, name: &str, this: &Arc<C>) {
        let mut inner = self.inner.lock();
        let shown = inner.shown + 1;
        if let Some(slot) = inner.this(session, name, this) {
            slot.shown = Some(shown);
            inner.shown = shown;
        }
    }

    /// The connection of that name, if it is open and was shown when the request took note of `seen`; this
    /// counts as its use. One that lay idle for too long is closed.
    pub fn get(&self, session: &Handle, name: &str, seen: u64) -> Option<Arc<C>> {
        let now = self.clock.now_ms();
        let place = (*session, name.to_owned());
        let mut inner = self.inner.lock();
        let slot = inner.slots.get_mut(&place)?;
        if slot.shown.is_none_or(|shown| shown > seen) {
            return None;
        }
        if slot.is_idle(now) {
            let idle = inner.slots.remove(&place);
            drop(inner);
            close_all(idle);
            return None;
        }
        slot.used_ms = now;
        slot.connection.clone()
    }

    /// Whether the one of that name is still this one, shown or not; this counts as its use.
    pub fn is_open(&self, session: &Handle, name: &str, this: &Arc<C>) -> bool {
        let now = self.clock.now_ms();
        let mut inner = self.inner.lock();
        let slot = inner.this(session, name, this);
        slot.map(|slot| slot.used_ms = now).is_some()
    }

    /// Closes the one of that name; says whether there was one.
    pub fn close(&self, session: &Handle, name: &str) -> bool {
        let slot = self.inner.lock().slots.remove(&(*session, name.to_owned()));
        close_all(slot) > 0
    }

    /// Closes the one of that name if it is still this one, because it broke; says whether it was.
    pub fn close_this(&self, session: &Handle, name: &str, this: &Arc<C>) -> bool {
        let mut inner = self.inner.lock();
        let slot = match inner.this(session, name, this).is_some() {
            true => inner.slots.remove(&(*session, name.to_owned())),
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
        self.inner.lock().count()
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
        if inner.count() >= self.max {
            out.extend(inner.remove_if(None, |slot| slot.is_idle(now)));
        }
        let reserved = inner.reserve(place, self.max, now).map(|number| Reserved {
            connections: self,
            place: (*session, name.to_owned()),
            number,
            is_filled: false,
        });
        drop(inner);
        close_all(out);
        reserved
    }
}

impl<C: Close> Inner<C> {
    fn reserve(&mut self, place: Place, max: usize, now: u64) -> Result<u64> {
        let full = |whose, count| Err(SessionError::Connections { whose, count });
        match (self.count_of(&place.0), self.count()) {
            (count, _) if count >= CONNECTIONS_PER_SESSION_MAX => {
                return full("this user's", count);
            }
            (_, count) if count >= max => return full("users'", count),
            _ => {}
        }
        self.numbers += 1;
        self.opening.push(place.0);
        let slot = Slot {
            number: self.numbers,
            connection: None,
            shown: None,
            used_ms: now,
        };
        self.slots.insert(place, slot);
        Ok(self.numbers)
    }

    /// Those that are open, and those that are being opened, whoever has their place by now: the database
    /// counts them too.
    fn count(&self) -> usize {
        let open = self.slots.values().filter(|slot| slot.is_open());
        open.count() + self.opening.len()
    }

    /// The same, of one session.
    fn count_of(&self, session: &Handle) -> usize {
        let of_session = self.slots.range((*session, String::new())..);
        let of_session = of_session.take_while(|(place, _)| place.0 == *session);
        let open = of_session.filter(|(_, slot)| slot.is_open());
        let opening = self.opening.iter().filter(|other| *other == session);
        open.count() + opening.count()
    }

    /// One that is being opened is that no more.
    fn opened(&mut self, session: &Handle) {
        let at = self.opening.iter().position(|other| other == session);
        if let Some(at) = at {
            self.opening.swap_remove(at);
        }
    }

    /// The slot of this connection, if it is still there.
    fn this(&mut self, session: &Handle, name: &str, this: &Arc<C>) -> Option<&mut Slot<C>> {
        let slot = self.slots.get_mut(&(*session, name.to_owned()))?;
        let open = slot.connection.as_ref()?;
        Arc::ptr_eq(open, this).then_some(slot)
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
    fn is_open(&self) -> bool {
        self.connection.is_some()
    }

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
    is_filled: bool,
}

impl<C: Close> Reserved<'_, C> {
    /// Puts it there; false if the place was taken away meanwhile.
    fn fill(&mut self, opened: &Arc<C>) -> bool {
        let now = self.connections.clock.now_ms();
        let mut inner = self.connections.inner.lock();
        let slot = inner.slots.get_mut(&self.place);
        let Some(slot) = slot.filter(|slot| slot.number == self.number) else {
            return false;
        };
        slot.connection = Some(Arc::clone(opened));
        slot.used_ms = now;
        inner.opened(&self.place.0);
        drop(inner);
        self.is_filled = true;
        true
    }
}

impl<C: Close> Drop for Reserved<'_, C> {
    fn drop(&mut self) {
        if self.is_filled {
            return;
        }
        let mut inner = self.connections.inner.lock();
        inner.opened(&self.place.0);
        let slot = inner.slots.get(&self.place);
        if slot.is_some_and(|slot| slot.number == self.number) {
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
