//! Values that live in modules and belong to a session: which there are, who has one at the moment, and
//! which are to go. The values themselves, and dropping them, are the server's.
//!
//! A request [leases](Instances::lease) an instance; others that want it wait in line. What is to go while
//! somebody has it goes when that one gives it back. `README.md` has the states.

mod book;
mod lease;

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

pub use book::InstanceStats;
pub use lease::{Lease, Wait};

use crate::clock::Clock;
use crate::config::{INSTANCES_BYTES, INSTANCES_MAX, NAME_BYTES_MAX, SWEEP_MAX};
use crate::error::{Result, SessionError, beginning};
use crate::id::Handle;
use book::Book;

/// What an instance is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceKey {
    /// The session that it belongs to.
    pub session: Handle,
    /// The module that it lives in, by whatever names one for good: a key of the server's.
    pub module: String,
    /// What the module calls it.
    pub name: String,
}

/// Why an instance goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Its session ended.
    SessionEnded,
    /// There was no room for it.
    Evicted,
    /// It was not used for long.
    Idle,
    /// Its module was retired.
    ModuleRetired,
    /// The server stops.
    ServerStops,
    /// Whoever had it gave it up: it panicked, or is done.
    Discarded,
}

/// An instance that is to be dropped now. Nobody has it, and nobody will get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What it was found by; another one may have the same by now.
    pub key: InstanceKey,
    /// Its number: no other one had it or will have it.
    pub number: u64,
    /// Why.
    pub reason: DropReason,
}

type OnDrop = Box<dyn Fn(&Dropped) + Send + Sync>;

/// The instances of all sessions.
///
/// ```
/// use std::sync::Arc;
/// use harmonious_session::{Clock, Handle, InstanceKey, Instances, Wait};
///
/// let instances = Arc::new(Instances::new(Clock::system(), |dropped| {
///     println!("the module drops number {}", dropped.number);
/// }));
/// let session = Handle::draw()?;
/// let key = InstanceKey { session, module: "editor".into(), name: "draft".into() };
///
/// let mut lease = instances.lease(&key, Wait::InLine)?;
/// if !lease.exists() {
///     // The module makes it; about so many bytes.
///     lease.set_bytes(4096);
/// }
/// assert!(instances.lease(&key, Wait::Not).is_err());
/// drop(lease);
/// assert!(instances.lease(&key, Wait::Not)?.exists());
///
/// instances.end_session(&session);
/// assert_eq!(instances.stats().count, 0);
/// # Ok::<(), harmonious_session::SessionError>(())
/// ```
pub struct Instances {
    clock: Clock,
    /// Called under the book's lock.
    on_drop: OnDrop,
    /// Held for lookups only.
    book: Mutex<Book>,
}

impl Instances {
    /// Knows none; `on_drop` is to note that a value goes. It is called by the thread that found it: the one
    /// that gave it back, ended its session, or needed the room. Before anybody can lease another one of the
    /// same key it has returned, so it must neither block nor ask for anything here.
    pub fn new(clock: Clock, on_drop: impl Fn(&Dropped) + Send + Sync + 'static) -> Instances {
        Instances {
            clock,
            on_drop: Box::new(on_drop),
            book: Mutex::new(Book::new(INSTANCES_MAX, INSTANCES_BYTES)),
        }
    }

    /// With other bounds on their number and their bytes.
    pub fn bounds(self, count_max: usize, bytes_max: u64) -> Instances {
        Instances {
            book: Mutex::new(Book::new(count_max, bytes_max)),
            ..self
        }
    }

    /// The right to use an instance, for one at a time. Whether it exists already the lease says.
    ///
    /// Whoever has it and asks for it again waits for itself: it is told after
    /// [`INSTANCE_WAIT_MAX`](crate::config::INSTANCE_WAIT_MAX).
    ///
    /// # Errors
    /// If another request has it and it cannot be waited for, or not long enough
    /// ([`SessionError::InstanceBusy`]); if there are as many as there may be and all are in use; if the
    /// session ended meanwhile.
    pub fn lease(self: &Arc<Self>, key: &InstanceKey, wait: Wait) -> Result<Lease> {
        for name in [&key.module, &key.name] {
            if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
                let name = beginning(name);
                return Err(SessionError::Name { name });
            }
        }
        lease::take(self, key, wait)
    }

    /// Whether there is one of that key, in use or not.
    pub fn has(&self, key: &InstanceKey) -> bool {
        self.book.lock().get(key).is_some()
    }

    /// Drops those of a session, because it ended; those in use when they are given back. A session that
    /// was renewed keeps them: its handle stays.
    pub fn end_session(&self, session: &Handle) {
        let mut book = self.book.lock();
        let out = book.end_session(session);
        self.tell(&out);
    }

    /// Drops those of a module, because it is retired; those in use when they are given back. Who waits for
    /// one gets a new one then.
    pub fn retire_module(&self, module: &str) {
        let mut book = self.book.lock();
        let out = book.retire_module(module);
        self.tell(&out);
    }

    /// Drops all of them, because the server stops; those in use when they are given back.
    pub fn stop(&self) {
        let mut book = self.book.lock();
        let out = book.stop();
        self.tell(&out);
    }

    /// Drops those that were not used for [`INSTANCE_IDLE`](crate::config::INSTANCE_IDLE), at most
    /// [`SWEEP_MAX`] at a call. Returns how many.
    pub fn sweep(&self) -> usize {
        let now = self.clock.now_ms();
        let mut book = self.book.lock();
        let out = book.sweep(now, SWEEP_MAX);
        self.tell(&out);
        out.len()
    }

    /// What there is.
    pub fn stats(&self) -> InstanceStats {
        self.book.lock().stats()
    }

    /// These go. Whoever calls it has the book's lock still: who finds their keys free later knows of them.
    fn tell(&self, out: &[Dropped]) {
        for dropped in out {
            (self.on_drop)(dropped);
        }
    }
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instances").field(&self.stats()).finish()
    }
}
