//! Values that a session has in the memory of the server: made by a module, kept in its library, found
//! again by the same session only, used by one request at a time.
//!
//! The server keeps the books: which session has which value, who uses it, which are to go. It knows them
//! by numbers; the values never leave the library.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, decline};
use crate::fence::{Panic, fence};
use crate::request::Request;
use crate::session::Session;

/// What a session can own: any type of a module's, which says so, and may say how it is kept.
///
/// ```
/// use harmonious::prelude::*;
///
/// struct Game {
///     moves: Vec<String>,
/// }
///
/// impl Instance for Game {
///     fn bytes(&self) -> usize {
///         size_of::<Game>() + self.moves.iter().map(String::capacity).sum::<usize>()
///     }
///
///     fn save(&mut self, req: &Request, why: Leaving) -> Result<()> {
///         info!("a game goes after {} moves: {why}", self.moves.len());
///         req.db().execute("INSERT INTO games (moves) VALUES (?)", &[self.moves.join(" ").into()])?;
///         Ok(())
///     }
/// }
/// ```
pub trait Instance: Send + 'static {
    /// About how many bytes of memory it takes, asked whenever a request gives it back: beyond the site's
    /// bound (`[sessions] instance-memory`) the least used ones go.
    fn bytes(&self) -> usize {
        size_of_val(self)
    }

    /// It goes, and may save what it has. The request is the server's: it has no method, no path and no
    /// visitor, only the site, its database and its log. Not called after a panic in a request that used
    /// it, nor where it is killed.
    ///
    /// It has returned before the session's next value of that name is made, which so finds in the database
    /// what was saved - unless the request that makes it has a transaction open, for which this would wait.
    /// Nor does it get a lock of the module's own that such a request holds.
    ///
    /// # Errors
    /// Why it could not be saved, for the log. It goes all the same.
    fn save(&mut self, req: &Request, why: Leaving) -> Result<()> {
        let _ = (req, why);
        Ok(())
    }
}

/// Why an instance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leaving {
    /// Its session ended: its user signed out, it expired, it was revoked.
    SessionEnded,
    /// Others needed the room.
    Evicted,
    /// It was not used for long.
    Idle,
    /// Its module was built anew, or is gone.
    ModuleRetired,
    /// The server stops.
    ServerStops,
    /// A reason that a later server has.
    Other,
}

impl Leaving {
    fn read(word: &str) -> Leaving {
        match word {
            "session-ended" => Leaving::SessionEnded,
            "evicted" => Leaving::Evicted,
            "idle" => Leaving::Idle,
            "module-retired" => Leaving::ModuleRetired,
            "server-stops" => Leaving::ServerStops,
            _ => Leaving::Other,
        }
    }
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leaving::SessionEnded => "its session ended",
            Leaving::Evicted => "others needed the room",
            Leaving::Idle => "it was not used for long",
            Leaving::ModuleRetired => "its module was replaced",
            Leaving::ServerStops => "the server stops",
            Leaving::Other => "the server says so",
        })
    }
}

/// An instance in the hands of one request; dropped, the next one may have it. Made by
/// [`Session::instance`].
pub struct Held<'r, T: Instance> {
    req: &'r Request,
    number: u64,
    /// None before it is made, and when it was given back.
    value: Option<Box<T>>,
    /// The value is where it was, of another type.
    untouched: bool,
}

/// What the library keeps: the values by the server's numbers.
static VALUES: LazyLock<Mutex<HashMap<u64, Box<dyn Kept>>>> = LazyLock::new(Mutex::default);

/// A value whose type is not known where it is kept.
trait Kept: Send {
    fn save(&mut self, req: &Request, why: Leaving) -> Result<()>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn type_id(&self) -> TypeId;
    fn type_name(&self) -> &'static str;
}

impl<T: Instance> Kept for T {
    fn save(&mut self, req: &Request, why: Leaving) -> Result<()> {
        Instance::save(self, req, why)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn type_id(&self) -> TypeId {
        TypeId::of::<T>()
    }

    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }
}

#[derive(Serialize)]
struct LeaseMessage<'a> {
    name: &'a str,
    /// Whether to wait while another request has it.
    wait: bool,
    /// Whether there is to be one if there is none.
    make: bool,
}

#[derive(Deserialize)]
struct Lease {
    /// 0 if another request has it, or there is none.
    number: u64,
}

/// The end of a lease.
#[derive(Serialize)]
struct GiveBack {
    number: u64,
    /// None where nothing is known of it.
    bytes: Option<u64>,
    /// The value is no more.
    gone: bool,
}

#[derive(Deserialize)]
struct Dispose<'a> {
    why: &'a str,
    numbers: Vec<u64>,
}

impl<'r> Session<'r> {
    /// The session's own value of that name, in the memory of the server: made by `make` when there is none
    /// yet, always the same one from then on, never another session's. Makes the session if there is none.
    ///
    /// One request at a time has it: others of the session wait in line until the [`Held`] is dropped. It goes
    /// when the session ends, when the module is built anew, when it was not used for long, or when others
    /// need the room; see [`Instance::save`]. Another server, or this one started anew, knows nothing of it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[derive(Default)]
    /// struct Counter {
    ///     count: u64,
    /// }
    ///
    /// impl Instance for Counter {}
    ///
    /// #[post]
    /// fn click(req: &Request) -> Result<Response> {
    ///     let mut counter = req.session().instance("counter", Counter::default)?;
    ///     counter.count += 1;
    ///     Ok(Response::text(counter.count.to_string()))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 503 with `Retry-After` if others of the session have it for too long, or too many instances are in
    /// use; 500 if it is of another type, or this request has it already.
    #[track_caller]
    pub fn instance<T: Instance>(
        &self,
        name: &str,
        make: impl FnOnce() -> T,
    ) -> Result<Held<'r, T>> {
        self.try_instance(name, || Ok(make()))
    }

    /// As [`instance`](Session::instance), where making it may fail: it may be read from the database.
    ///
    /// # Errors
    /// Those of `make`, after which there is none; else as [`instance`](Session::instance).
    #[track_caller]
    pub fn try_instance<T: Instance>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Held<'r, T>> {
        let lease = self.lease(name, true, true)?;
        hold(self.req, name, &lease, make)
    }

    /// The session's value of that name if it has one; makes neither a value nor a session. For pages that
    /// anybody may look at.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// struct Game {
    ///     moves: Vec<String>,
    /// }
    /// impl Instance for Game {}
    ///
    /// fn moves(req: &Request) -> Result<usize> {
    ///     let game = req.session().existing_instance::<Game>("game")?;
    ///     Ok(game.map_or(0, |game| game.moves.len()))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`instance`](Session::instance).
    #[track_caller]
    pub fn existing_instance<T: Instance>(&self, name: &str) -> Result<Option<Held<'r, T>>> {
        let lease = match self.lease(name, true, false)? {
            Lease { number: 0 } => return Ok(None),
            lease => lease,
        };
        // It may have gone meanwhile.
        match hold(self.req, name, &lease, || Err(decline())) {
            Ok(held) => Ok(Some(held)),
            Err(error) if error.declines() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`try_instance`](Session::try_instance), but `None` while another request has it.
    ///
    /// # Errors
    /// As [`try_instance`](Session::try_instance).
    #[track_caller]
    pub fn instance_if_free<T: Instance>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Option<Held<'r, T>>> {
        match self.lease(name, false, true)? {
            Lease { number: 0 } => Ok(None),
            lease => hold(self.req, name, &lease, make).map(Some),
        }
    }

    #[track_caller]
    fn lease(&self, name: &str, wait: bool, make: bool) -> Result<Lease> {
        self.req
            .service("instance.lease", &LeaseMessage { name, wait, make })
    }
}

/// The value of a lease, made if there is none.
#[track_caller]
fn hold<'r, T: Instance>(
    req: &'r Request,
    name: &str,
    lease: &Lease,
    make: impl FnOnce() -> Result<T>,
) -> Result<Held<'r, T>> {
    // From here on whatever happens gives it back, a panic of `make` too.
    let mut held = Held {
        req,
        number: lease.number,
        value: None,
        untouched: false,
    };
    held.value = match take(lease.number) {
        None => Some(Box::new(make()?)),
        Some(kept) if Kept::type_id(&*kept) == TypeId::of::<T>() => kept.into_any().downcast().ok(),
        Some(kept) => {
            let (is, wanted) = (kept.type_name(), type_name::<T>());
            put(lease.number, kept);
            held.untouched = true;
            return Err(Error::internal(format!(
                "the session's instance `{name}` is a {is}, not a {wanted}: give one of them another name"
            )));
        }
    };
    Ok(held)
}

impl<T: Instance> Held<'_, T> {
    /// Drops it for good, unsaved: the next request of the session makes a new one.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// struct Game;
    /// impl Instance for Game {}
    ///
    /// fn give_up(req: &Request) -> Result<()> {
    ///     req.session().instance("game", || Game)?.discard();
    ///     Ok(())
    /// }
    /// ```
    pub fn discard(mut self) {
        drop(self.value.take());
    }

    fn give_back(&mut self) -> GiveBack {
        let number = self.number;
        let gone = |value: Option<Box<T>>| {
            // Its `drop` may panic, and perhaps a panic is on its way already.
            let _ = fence(|| drop(value));
            GiveBack {
                number,
                bytes: None,
                gone: true,
            }
        };
        let Some(value) = self.value.take() else {
            return GiveBack {
                gone: !self.untouched,
                ..gone(None)
            };
        };
        // What a panic left behind may be half changed.
        if std::thread::panicking() {
            return gone(Some(value));
        }
        match fence(|| value.bytes()) {
            Ok(bytes) => {
                put(number, value);
                GiveBack {
                    number,
                    bytes: Some(bytes as u64),
                    gone: false,
                }
            }
            Err(panic) => {
                let (kind, what) = (type_name::<T>(), panic.message);
                log::error!("a {kind} is dropped: its `bytes` panicked: {what}");
                gone(Some(value))
            }
        }
    }
}

impl<T: Instance> Drop for Held<'_, T> {
    fn drop(&mut self) {
        let message = self.give_back();
        if let Err(error) = self.req.service::<()>("instance.end", &message) {
            log::error!("a {} cannot be given back: {error}", type_name::<T>());
        }
    }
}

impl<T: Instance> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            // `hold` filled it in before anybody got it, and only what consumes `self` takes it.
            None => unreachable!("an instance that was given back"),
        }
    }
}

impl<T: Instance> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => unreachable!("an instance that was given back"),
        }
    }
}

impl<T: Instance + fmt::Debug> fmt::Debug for Held<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

fn take(number: u64) -> Option<Box<dyn Kept>> {
    values(|values| values.remove(&number))
}

fn put(number: u64, value: Box<dyn Kept>) {
    values(|values| values.insert(number, value));
}

fn values<R>(with: impl FnOnce(&mut HashMap<u64, Box<dyn Kept>>) -> R) -> R {
    with(&mut VALUES.lock().unwrap_or_else(PoisonError::into_inner))
}

/// It goes, unsaved: the test that had it is over.
pub fn forget(number: u64) {
    drop(take(number));
}

/// The module retires: what it still has goes.
pub fn drop_all() {
    let all = values(std::mem::take);
    drop(all);
}

fn report(kind: &str, why: Leaving, what: &str, panic: &Panic) {
    let Panic {
        message,
        file,
        line,
        ..
    } = panic;
    log::error!("a {kind} that goes ({why}): its `{what}` panicked: {message} ({file}:{line})");
}

/// The server says that these go.
pub fn dispose(req: &Request, message: &[u8]) -> Result<()> {
    let Dispose { why, numbers } = rmp_serde::from_slice(message)
        .map_err(|error| Error::internal("what is to go cannot be read").with_source(&error))?;
    let why = Leaving::read(why);
    for number in numbers {
        let Some(mut value) = take(number) else {
            continue;
        };
        let kind = value.type_name();
        // One that fails keeps no other from being saved. Not both behind one fence: a `drop` that panics
        // while a panic of `save` is on its way ends the process.
        let saved = fence(|| value.save(req, why));
        let dropped = fence(|| drop(value));
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::error!("a {kind} that goes ({why}) was not saved: {error}"),
            Err(panic) => report(kind, why, "save", &panic),
        }
        if let Err(panic) = dropped {
            report(kind, why, "drop", &panic);
        }
    }
    Ok(())
}
