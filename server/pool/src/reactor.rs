//! The reactor: which sources are ready, asked by one thread at a time.
//!
//! The lock around the poll is the leader's token: an idle thread that gets it blocks in there, a
//! busy one never does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use mio::event::{Event, Source};
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use parking_lot::{Mutex, MutexGuard};
use slab::Slab;

use crate::config::EVENTS_PER_POLL;
use crate::error::Error;
use crate::task::{Ready, TaskCell};

/// The waker's token; tasks' tokens never come near.
const WAKE: Token = Token(usize::MAX);

/// Bits of a token that are the key; the others tell apart those that had the key one after another.
const KEY_BITS: u32 = 32;
const _: () = assert!(usize::BITS == 64, "a token has a key and a generation");

pub(crate) struct Reactor {
    lead: Mutex<Lead>,
    registry: Registry,
    waker: Waker,
    sources: Mutex<Sources>,
    /// Until when the leader will block; 0 while nobody does.
    pub(crate) sleeps_until_ns: AtomicU64,
    /// When somebody last came back from a look.
    pub(crate) looked_at_ns: AtomicU64,
}

/// Who waits for which token. A key is used again after its source is gone; events that were on their
/// way to the one before must not reach the next: they may say that its peer has hung up.
#[derive(Default)]
struct Sources {
    slab: Slab<(u32, Arc<TaskCell>)>,
    generation: u32,
}

impl Sources {
    fn insert(&mut self, cell: &Arc<TaskCell>) -> Token {
        self.generation = self.generation.wrapping_add(1);
        let key = self.slab.insert((self.generation, Arc::clone(cell)));
        Token(key | (self.generation as usize) << KEY_BITS)
    }

    fn get(&self, token: Token) -> Option<&Arc<TaskCell>> {
        let (generation, cell) = self.slab.get(key(token))?;
        (*generation as usize == token.0 >> KEY_BITS).then_some(cell)
    }

    fn remove(&mut self, token: Token) {
        if self.get(token).is_some() {
            self.slab.remove(key(token));
        }
    }
}

fn key(token: Token) -> usize {
    token.0 & ((1 << KEY_BITS) - 1)
}

/// What the leader holds.
pub(crate) struct Lead {
    poll: Poll,
    events: Events,
}

impl Reactor {
    pub(crate) fn new() -> Result<Reactor, Error> {
        let start = |what| move |source| Error::Start { what, source };
        let poll = Poll::new().map_err(start("a readiness queue (epoll)"))?;
        let registry = poll
            .registry()
            .try_clone()
            .map_err(start("a second handle of the readiness queue"))?;
        let waker = Waker::new(&registry, WAKE).map_err(start("a waker (eventfd)"))?;
        Ok(Reactor {
            lead: Mutex::new(Lead {
                poll,
                events: Events::with_capacity(EVENTS_PER_POLL),
            }),
            registry,
            waker,
            sources: Mutex::default(),
            sleeps_until_ns: AtomicU64::new(0),
            looked_at_ns: AtomicU64::new(0),
        })
    }

    /// The leader's token, if nobody holds it.
    pub(crate) fn try_lead(&self) -> Option<MutexGuard<'_, Lead>> {
        self.lead.try_lock()
    }

    /// Looks for readiness, for at most `timeout`, and collects the tasks concerned.
    pub(crate) fn look(
        &self,
        lead: &mut Lead,
        timeout: Option<Duration>,
        ready: &mut Vec<Arc<TaskCell>>,
    ) {
        // An interrupted or failed look is an empty one: the caller looks again soon.
        if lead.poll.poll(&mut lead.events, timeout).is_err() || lead.events.is_empty() {
            return;
        }
        let sources = self.sources.lock();
        for event in &lead.events {
            if event.token() == WAKE {
                continue;
            }
            if let Some(cell) = sources.get(event.token()) {
                cell.add_ready(bits(event));
                ready.push(Arc::clone(cell));
            }
        }
    }

    /// Ends the leader's wait.
    pub(crate) fn interrupt(&self) {
        if let Err(error) = self.waker.wake() {
            // An eventfd's write fails only when the descriptor is gone, which cannot be here.
            debug_assert!(false, "the reactor's waker failed: {error}");
        }
    }

    pub(crate) fn register(
        &self,
        source: &mut impl Source,
        interest: Interest,
        cell: &Arc<TaskCell>,
    ) -> io::Result<Token> {
        let token = self.sources.lock().insert(cell);
        if let Err(error) = self.registry.register(source, token, interest) {
            self.sources.lock().remove(token);
            return Err(error);
        }
        Ok(token)
    }

    pub(crate) fn reregister(
        &self,
        source: &mut impl Source,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.registry.reregister(source, token, interest)
    }

    pub(crate) fn deregister(&self, source: &mut impl Source, token: Token) -> io::Result<()> {
        self.sources.lock().remove(token);
        self.registry.deregister(source)
    }

    /// The task of these tokens has ended and dropped its sources.
    pub(crate) fn forget(&self, tokens: &mut Vec<Token>) {
        if tokens.is_empty() {
            return;
        }
        let mut sources = self.sources.lock();
        for token in tokens.drain(..) {
            sources.remove(token);
        }
    }

    pub(crate) fn note_look(&self, now_ns: u64) {
        self.sleeps_until_ns.store(0, SeqCst);
        self.looked_at_ns.store(now_ns, Relaxed);
    }
}

fn bits(event: &Event) -> u8 {
    let mut bits = 0;
    if event.is_readable() || event.is_read_closed() || event.is_error() {
        bits |= Ready::READABLE;
    }
    if event.is_writable() || event.is_write_closed() || event.is_error() {
        bits |= Ready::WRITABLE;
    }
    if event.is_read_closed() {
        bits |= Ready::READ_CLOSED;
    }
    if event.is_write_closed() || event.is_error() {
        bits |= Ready::HUNG_UP;
    }
    bits
}
