//! One connection that callers take in turn: SQLite's writer, or a connection under a user's own name.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::backend::Link;
use crate::error::Error;

/// Opens the connection again after it was lost.
type Open = dyn Fn() -> Result<Link, Error> + Send + Sync;

/// A bounded queue in front of one connection; first come, first served.
pub(crate) struct Lane {
    state: Mutex<State>,
    freed: Condvar,
    waiting_max: usize,
    open: Option<Box<Open>>,
}

struct State {
    /// None while it is held, or when it was lost.
    link: Option<Link>,
    /// It broke; where there is a way, the next caller opens another one.
    lost: bool,
    /// Who waits, in the order of arrival.
    queue: VecDeque<u64>,
    next: u64,
}

impl Lane {
    /// With `open`, a connection that was lost is replaced.
    pub fn new(link: Link, waiting_max: usize, open: Option<Box<Open>>) -> Lane {
        let state = State {
            link: Some(link),
            lost: false,
            queue: VecDeque::new(),
            next: 0,
        };
        Lane {
            state: Mutex::new(state),
            freed: Condvar::new(),
            waiting_max,
            open,
        }
    }

    /// Takes the connection, in turn.
    pub fn take(self: &Arc<Lane>, wait_max: Duration) -> Result<Held, Error> {
        let until = Instant::now() + wait_max;
        let mut state = self.state.lock();
        if state.queue.len() >= self.waiting_max {
            return Err(Error::unavailable(format!(
                "{} callers wait for this connection already",
                self.waiting_max
            )));
        }
        let ticket = state.next;
        state.next += 1;
        state.queue.push_back(ticket);
        loop {
            if state.lost {
                match self.reopened() {
                    Ok(link) => (state.link, state.lost) = (Some(link), false),
                    Err(error) => {
                        state.queue.retain(|&other| other != ticket);
                        return Err(error);
                    }
                }
            }
            if state.queue.front() == Some(&ticket)
                && let Some(link) = state.link.take()
            {
                state.queue.pop_front();
                let lane = Arc::clone(self);
                let link = Some(link);
                return Ok(Held { lane, link });
            }
            if self.freed.wait_until(&mut state, until).timed_out() {
                state.queue.retain(|&other| other != ticket);
                // Whoever is first now may have been passed over while this one was.
                self.freed.notify_all();
                return Err(Error::Busy {
                    message: format!("somebody else held the connection for {wait_max:?}"),
                });
            }
        }
    }

    fn reopened(&self) -> Result<Link, Error> {
        match &self.open {
            Some(open) => open(),
            None => Err(Error::lost("this connection ended and is not opened again")),
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state.lock().queue.len()
    }

    /// Whether somebody holds it.
    pub fn is_held(&self) -> bool {
        let state = self.state.lock();
        state.link.is_none() && !state.lost
    }
}

/// The connection, until it is dropped.
pub(crate) struct Held {
    lane: Arc<Lane>,
    /// Invariant: some, until the drop.
    link: Option<Link>,
}

impl Deref for Held {
    type Target = Link;

    fn deref(&self) -> &Link {
        self.link.as_ref().expect("held until it is dropped")
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Link {
        self.link.as_mut().expect("held until it is dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let link = self.link.take().filter(|link| !link.is_broken());
        let mut state = self.lane.state.lock();
        state.lost = link.is_none();
        state.link = link;
        drop(state);
        self.lane.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::tests::Fake;

    const LONG: Duration = Duration::from_secs(60);

    fn link() -> Link {
        Link::new(Box::new(Fake))
    }

    fn lane(waiting_max: usize, open: Option<Box<Open>>) -> Arc<Lane> {
        Arc::new(Lane::new(link(), waiting_max, open))
    }

    #[test]
    fn first_come_first_served() {
        let lane = lane(10, None);
        let held = lane.take(LONG).unwrap();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for number in 0..5 {
                let (lane, order) = (&lane, &order);
                scope.spawn(move || {
                    let held = lane.take(LONG).unwrap();
                    order.lock().push(number);
                    drop(held);
                });
                while lane.waiting() <= number {
                    std::thread::yield_now();
                }
            }
            drop(held);
        });
        assert_eq!(order.into_inner(), [0, 1, 2, 3, 4]);
        assert!(!lane.is_held());
    }

    #[test]
    fn the_queue_and_the_wait_have_bounds() {
        let lane = lane(1, None);
        let held = lane.take(LONG).unwrap();
        assert!(matches!(
            lane.take(Duration::from_millis(1)),
            Err(Error::Busy { .. })
        ));
        std::thread::scope(|scope| {
            scope.spawn(|| lane.take(LONG).map(drop).unwrap());
            while lane.waiting() == 0 {
                std::thread::yield_now();
            }
            assert!(matches!(lane.take(LONG), Err(Error::Unavailable { .. })));
            drop(held);
        });
        assert_eq!(lane.waiting(), 0);
    }

    #[test]
    fn one_that_was_lost_is_opened_again_where_there_is_a_way() {
        let again = lane(1, Some(Box::new(|| Ok(link()))));
        again.take(LONG).unwrap().script("lose").unwrap_err();
        again.take(LONG).unwrap().script("fine").unwrap();
        let never = lane(1, None);
        never.take(LONG).unwrap().script("panic").unwrap_err();
        for _ in 0..2 {
            assert!(matches!(
                never.take(LONG),
                Err(Error::ConnectionLost { .. })
            ));
        }
    }
}
