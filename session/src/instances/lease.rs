//! The right to use an instance: one request at a time, in the order in which they came.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::MutexGuard;

use super::book::{Book, Turn};
use super::{Dropped, InstanceKey, Instances};
use crate::config::{INSTANCE_WAIT_MAX, INSTANCE_WAITING_MAX};
use crate::error::{Result, SessionError};

/// What to do while another request has the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Wait for it, [`INSTANCE_WAIT_MAX`] at most, behind those that came before.
    InLine,
    /// Do without it.
    Not,
}

/// The right to use an instance; dropped, it passes to the next in line.
pub struct Lease {
    instances: Arc<Instances>,
    key: InstanceKey,
    number: u64,
    exists: bool,
    discard: bool,
}

impl Lease {
    /// Whether the value exists. If not, whoever has the lease makes it and says so with
    /// [`set_bytes`](Lease::set_bytes); otherwise nothing remains of it.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Its number, the same as in [`Dropped::number`]: no other one had it or will have it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What it is found by.
    pub fn key(&self) -> &InstanceKey {
        &self.key
    }

    /// The value exists from now on, and has about so many bytes.
    pub fn set_bytes(&mut self, bytes: u64) {
        self.exists = true;
        self.instances.book.lock().set_bytes(&self.key, bytes);
    }

    /// Gives it back to be dropped: it panicked, or nobody needs it any more.
    pub fn discard(mut self) {
        self.discard = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let now = self.instances.clock.now_ms();
        let mut book = self.instances.book.lock();
        let out = book.give_back(&self.key, now, self.discard);
        self.instances.tell(&out);
    }
}

/// Where a request stands that waits.
struct InLine {
    /// Which instance it waits for: another one may have the same key by now.
    number: u64,
    ticket: u64,
    turn: Arc<Turn>,
}

pub fn take(instances: &Arc<Instances>, key: &InstanceKey, wait: Wait) -> Result<Lease> {
    let mut out: Vec<Dropped> = Vec::new();
    let until = Instant::now() + INSTANCE_WAIT_MAX;
    let mut book = instances.book.lock();
    let taken = wait_for(&mut book, key, wait, until, &mut out);
    instances.tell(&out);
    drop(book);
    let (number, exists) = taken?;
    Ok(Lease {
        instances: Arc::clone(instances),
        key: key.clone(),
        number,
        exists,
        discard: false,
    })
}

/// Number and whether it exists, of the instance that the caller has now.
fn wait_for(
    book: &mut MutexGuard<'_, Book>,
    key: &InstanceKey,
    wait: Wait,
    until: Instant,
    out: &mut Vec<Dropped>,
) -> Result<(u64, bool)> {
    let mut in_line: Option<InLine> = None;
    loop {
        // Ended while this one waited, perhaps gone already.
        if in_line
            .as_ref()
            .is_some_and(|place| place.turn.ended.load(Ordering::Relaxed))
        {
            leave(book, key, in_line);
            return Err(SessionError::InstanceEnded);
        }
        let Some(entry) = book.get(key) else {
            return Ok((book.add(key, out)?, false));
        };
        if entry.turn.ended.load(Ordering::Relaxed) {
            return Err(SessionError::InstanceEnded);
        }
        let ticket = (in_line.as_ref())
            .filter(|place| place.number == entry.number)
            .map(|place| place.ticket);
        let is_next = entry.line.front().copied() == ticket;
        if !entry.leased && is_next {
            entry.line.pop_front();
            let taken = (entry.number, entry.exists);
            book.lend(key);
            return Ok(taken);
        }
        if ticket.is_none() {
            if wait == Wait::Not || entry.line.len() >= INSTANCE_WAITING_MAX {
                return Err(busy(key));
            }
            in_line = Some(join(book, key));
        }
        let Some(place) = &in_line else {
            return Err(busy(key));
        };
        let turn = Arc::clone(&place.turn);
        if turn.changed.wait_until(book, until).timed_out() {
            leave(book, key, in_line);
            return Err(busy(key));
        }
    }
}

/// Stands at the end of the line of that instance, which is there.
fn join(book: &mut Book, key: &InstanceKey) -> InLine {
    let ticket = book.next_number();
    let Some(entry) = book.get(key) else {
        return InLine {
            number: 0,
            ticket,
            turn: Arc::default(),
        };
    };
    entry.line.push_back(ticket);
    InLine {
        number: entry.number,
        ticket,
        turn: Arc::clone(&entry.turn),
    }
}

/// Leaves the line; whoever stood behind may be next.
fn leave(book: &mut Book, key: &InstanceKey, in_line: Option<InLine>) {
    let Some(place) = in_line else { return };
    let entry = book.get(key).filter(|entry| entry.number == place.number);
    if let Some(entry) = entry {
        entry.line.retain(|ticket| *ticket != place.ticket);
        book.rest(key);
    }
}

fn busy(key: &InstanceKey) -> SessionError {
    SessionError::InstanceBusy {
        module: key.module.clone(),
        name: key.name.clone(),
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("key", &self.key)
            .field("number", &self.number)
            .field("exists", &self.exists)
            .finish_non_exhaustive()
    }
}
