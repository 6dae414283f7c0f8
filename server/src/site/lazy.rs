//! What is made when something first needs it, by one for all.

use std::time::{Duration, Instant};

use harmonious_dispatcher::ServiceError;
use harmonious_dispatcher::http::StatusCode;
use parking_lot::Mutex;

use super::exchange::Refusal;

/// How long one waits for another who makes it, as for a connection: a page that waits longer is better
/// refused. Migrations may take minutes.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(5);
/// What was away is not asked for again within this: else each of those who wait would wait for it in turn.
const AWAY: Duration = Duration::from_secs(1);

/// A value, or that it is not made yet.
pub(super) struct Lazy<T>(Mutex<State<T>>);

enum State<T> {
    Not,
    Made(T),
    /// It could not be made for the moment.
    Away(Instant, Refusal),
}

impl<T: Clone> Lazy<T> {
    /// The value, made if it was not; who comes meanwhile waits, [`OPEN_WAIT_MAX`] at most. A failure is tried
    /// again by the next, or after [`AWAY`] where it says that it passes.
    pub(super) fn get(&self, make: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
        let Some(mut state) = self.0.try_lock_for(OPEN_WAIT_MAX) else {
            return Err(busy());
        };
        match &*state {
            State::Made(value) => return Ok(value.clone()),
            State::Away(since, refusal) if since.elapsed() < AWAY => return Err(refusal.clone()),
            State::Away(..) | State::Not => {}
        }
        let made = make();
        *state = match &made {
            Ok(value) => State::Made(value.clone()),
            Err(refusal) if refusal.is_unavailable() => {
                State::Away(Instant::now(), refusal.clone())
            }
            Err(_) => State::Not,
        };
        made
    }

    /// The value, if it is made.
    pub(super) fn made(&self) -> Option<T> {
        match &*self.0.try_lock()? {
            State::Made(value) => Some(value.clone()),
            State::Away(..) | State::Not => None,
        }
    }

    /// The next one makes it anew.
    pub(super) fn forget(&self) {
        *self.0.lock() = State::Not;
    }
}

impl<T> Default for Lazy<T> {
    fn default() -> Lazy<T> {
        Lazy(Mutex::new(State::Not))
    }
}

fn busy() -> Refusal {
    let detail = format!(
        "it is being opened, or brought up to date, for longer than {} s",
        OPEN_WAIT_MAX.as_secs()
    );
    let mut error = ServiceError::new(StatusCode::SERVICE_UNAVAILABLE, detail);
    error.retry_after_s = AWAY.as_secs();
    Refusal(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was away at that time.
    fn away(since: Instant) -> Lazy<u8> {
        Lazy(Mutex::new(State::Away(since, busy())))
    }

    #[test]
    fn what_is_away_is_not_asked_for_by_everybody_in_turn() {
        // Of a time to come: how long this test takes is no matter.
        let lazy = away(Instant::now() + AWAY * 1000);
        let refused = lazy.get(|| panic!("it is not asked for"));
        assert!(refused.unwrap_err().is_unavailable());
        assert_eq!(lazy.made(), None);
        lazy.forget();
        assert_eq!(lazy.get(|| Ok(7)).unwrap(), 7);
    }

    #[test]
    fn what_was_away_is_asked_for_again_later() {
        let lazy = away(Instant::now().checked_sub(AWAY).unwrap());
        assert_eq!(lazy.get(|| Ok(7)).unwrap(), 7);
        assert_eq!(lazy.get(|| Err(busy())).unwrap(), 7);
        assert_eq!(lazy.made(), Some(7));
    }

    #[test]
    fn only_what_passes_by_itself_is_waited_for() {
        let lazy = Lazy::<u8>::default();
        assert!(lazy.get(|| Err(Refusal::failed("wrong"))).is_err());
        assert_eq!(lazy.get(|| Ok(7)).unwrap(), 7);
        let lazy = Lazy::<u8>::default();
        assert!(lazy.get(|| Err(busy())).is_err());
        assert!(matches!(*lazy.0.lock(), State::Away(..)));
    }
}
