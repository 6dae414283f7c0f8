//! How many lines of one kind a second brings, as a pure function of the times at which they come:
//! the first ones pass, the rest is counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Lines are counted over windows of this length, each begun by its first line.
pub const WINDOW: Duration = Duration::from_secs(1);

/// The state of the limiter. There are as many kinds as there are places in the code that log.
#[derive(Debug)]
pub struct Limiter<K> {
    kinds: HashMap<K, Kind>,
}

#[derive(Debug)]
struct Kind {
    began: Instant,
    passed: u32,
    /// Held back in this window.
    held: u64,
    /// Held back in windows that are over, and not yet reported.
    owed: u64,
}

impl Kind {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= WINDOW
    }

    fn close(&mut self, now: Instant) {
        self.owed += self.held;
        self.held = 0;
        self.passed = 0;
        self.began = now;
    }
}

impl<K> Default for Limiter<K> {
    fn default() -> Self {
        Limiter {
            kinds: HashMap::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> Limiter<K> {
    /// Whether a line of this kind passes now, `limit` being how many do in a window.
    pub fn admit(&mut self, kind: K, limit: u32, now: Instant) -> bool {
        let kind = self.kinds.entry(kind).or_insert(Kind {
            began: now,
            passed: 0,
            held: 0,
            owed: 0,
        });
        if kind.is_over(now) {
            kind.close(now);
        }
        if kind.passed < limit {
            kind.passed += 1;
            return true;
        }
        kind.held += 1;
        false
    }

    /// The kinds of which lines were held back in windows that are over, each with their number.
    /// They are told once.
    pub fn ended(&mut self, now: Instant) -> Vec<(K, u64)> {
        let mut ended = Vec::new();
        self.kinds.retain(|key, kind| {
            let over = kind.is_over(now);
            if over {
                kind.close(now);
            }
            if kind.owed > 0 {
                ended.push((*key, std::mem::take(&mut kind.owed)));
            }
            !over
        });
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines at the given times, in milliseconds, of which so many pass.
    fn pass(limiter: &mut Limiter<u8>, start: Instant, kind: u8, times: &[u64]) -> usize {
        times
            .iter()
            .filter(|ms| limiter.admit(kind, 3, start + Duration::from_millis(**ms)))
            .count()
    }

    #[test]
    fn the_first_lines_of_a_window_pass() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        assert_eq!(pass(&mut limiter, start, 1, &[0, 1, 2, 3, 500, 999]), 3);
        assert_eq!(pass(&mut limiter, start, 1, &[1000, 1001, 1999]), 3);
        assert_eq!(pass(&mut limiter, start, 1, &[1999]), 0);
    }

    #[test]
    fn kinds_do_not_take_each_others_places() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        assert_eq!(pass(&mut limiter, start, 1, &[0; 9]), 3);
        assert_eq!(pass(&mut limiter, start, 2, &[0; 9]), 3);
    }

    #[test]
    fn what_was_held_back_is_told_once_when_the_window_is_over() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        pass(&mut limiter, start, 1, &[0; 10]);
        assert!(limiter.ended(at(999)).is_empty());
        assert_eq!(limiter.ended(at(1000)), [(1, 7)]);
        assert!(limiter.ended(at(5000)).is_empty());
    }

    #[test]
    fn nothing_is_lost_when_the_next_window_begins_first() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        pass(&mut limiter, start, 1, &[0; 10]);
        pass(&mut limiter, start, 1, &[1500; 5]);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(limiter.ended(at(1600)), [(1, 7)]);
        assert_eq!(limiter.ended(at(2500)), [(1, 2)]);
    }

    #[test]
    fn a_quiet_kind_is_forgotten() {
        let (mut limiter, start) = (Limiter::default(), Instant::now());
        pass(&mut limiter, start, 1, &[0]);
        limiter.ended(start + WINDOW);
        assert!(limiter.kinds.is_empty());
    }
}
