//! A bounded number of rights to do something costly, with a bound on who waits and for how long.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// So many at a time.
pub struct Permits {
    state: Mutex<State>,
    /// One came back.
    free: Condvar,
    waiting_max: usize,
}

struct State {
    free: usize,
    waiting: usize,
}

/// The right, until it is dropped.
pub struct Permit<'a>(&'a Permits);

impl Permits {
    pub fn new(permits: usize, waiting_max: usize) -> Permits {
        let state = State {
            free: permits.max(1),
            waiting: 0,
        };
        Permits {
            state: Mutex::new(state),
            free: Condvar::new(),
            waiting_max,
        }
    }

    /// One of them: at once, or within that time; none if there is none, or too many wait already.
    pub fn take(&self, wait_max: Duration) -> Option<Permit<'_>> {
        let mut state = self.state.lock();
        if state.free == 0 {
            if state.waiting >= self.waiting_max || wait_max.is_zero() {
                return None;
            }
            let until = Instant::now() + wait_max;
            state.waiting += 1;
            while state.free == 0 && !self.free.wait_until(&mut state, until).timed_out() {}
            state.waiting -= 1;
        }
        // It may have come back at the very end of the wait.
        state.free = state.free.checked_sub(1)?;
        Some(Permit(self))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state.lock().free += 1;
        self.0.free.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn no_more_than_there_are_at_a_time_and_all_get_one() {
        let permits = Permits::new(3, 100);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let permit = permits.take(Duration::from_secs(60)).unwrap();
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                });
            }
        });
        assert!(most.into_inner() <= 3);
    }

    #[test]
    fn who_cannot_wait_is_told_so() {
        let permits = Permits::new(1, 0);
        let one = permits.take(Duration::ZERO).unwrap();
        assert!(
            permits.take(Duration::from_secs(60)).is_none(),
            "none may wait"
        );
        drop(one);
        assert!(permits.take(Duration::ZERO).is_some());
        let permits = Permits::new(1, 1);
        let _one = permits.take(Duration::ZERO).unwrap();
        assert!(permits.take(Duration::from_nanos(1)).is_none());
    }
}
