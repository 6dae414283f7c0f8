//! Looks after transactions that callers hold: whoever forgets one must not hold up the others.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::database::Inner;
use crate::error::Error;
use crate::transaction::Shared;

/// The transactions of a database that are held, and a thread that looks at them while there are any.
#[derive(Default)]
pub(crate) struct Watch {
    state: Mutex<State>,
    added: Condvar,
}

#[derive(Default)]
struct State {
    held: Vec<Weak<Shared>>,
    /// The thread is there.
    looking: bool,
}

impl Watch {
    /// Looks after one more.
    pub fn add(self: &Arc<Watch>, shared: &Arc<Shared>, inner: &Arc<Inner>) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.held.retain(|held| held.strong_count() > 0);
        state.held.push(Arc::downgrade(shared));
        if state.looking {
            self.added.notify_one();
            return Ok(());
        }
        let (watch, inner) = (Arc::clone(self), Arc::downgrade(inner));
        std::thread::Builder::new()
            .name("db-idle".to_owned())
            .spawn(move || watch.look(&inner))
            .map_err(|error| Error::unavailable(format!("no thread to be had: {error}")))?;
        state.looking = true;
        Ok(())
    }

    fn look(&self, inner: &Weak<Inner>) {
        let mut state = self.state.lock();
        loop {
            let Some(next) = Watch::round(&mut state, inner) else {
                state.looking = false;
                return;
            };
            self.added.wait_until(&mut state, next);
        }
    }

    /// One look at all; when to look again, none if there is nothing left to look after.
    fn round(state: &mut State, inner: &Weak<Inner>) -> Option<Instant> {
        let inner = inner.upgrade()?;
        let limit = inner.config.transaction_idle_max;
        let mut next: Option<Instant> = None;
        state.held.retain(|held| {
            let Some(shared) = held.upgrade() else {
                return false;
            };
            shared.expire(limit, &inner);
            let until = shared.idle_until(limit);
            if let Some(until) = until {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
            until.is_some()
        });
        // Not in a circle, should the limit be nothing.
        next.map(|next| next.max(Instant::now() + Duration::from_millis(1)))
    }
}
