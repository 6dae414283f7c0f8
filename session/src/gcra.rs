//! The generic cell rate algorithm (ITU-T I.371): a bucket that holds some tries and gets a new one at
//! intervals, kept as the one time at which it is full again.

/// How a bucket fills. Times are of any unit, as long as it is the same one.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    tries: u64,
    every: u64,
}

impl Rate {
    /// A bucket of so many tries, and the time after which there is one more; each at least 1.
    pub fn new(tries: u32, every: u64) -> Rate {
        Rate {
            tries: u64::from(tries).max(1),
            every: every.max(1),
        }
    }

    /// When a bucket that is full again at `full_at` will be so after one more try.
    ///
    /// # Errors
    /// The time to wait, if it is empty.
    pub fn after_one(self, full_at: Option<u64>, now: u64) -> Result<u64, u64> {
        let empty_until = now.saturating_add(self.tries.saturating_mul(self.every));
        // Beyond this no bucket is emptier: the clock went back, or the rate was another one.
        let full_at = full_at.unwrap_or(now).clamp(now, empty_until);
        let after = full_at.saturating_add(self.every);
        match after.saturating_sub(empty_until) {
            0 => Ok(after),
            wait => Err(wait),
        }
    }

    /// The same with one try given back; none if it is full by that.
    pub fn before_one(self, full_at: u64, now: u64) -> Option<u64> {
        let before = full_at.saturating_sub(self.every);
        (before > now).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let rate = Rate::new(3, 10);
        let mut full_at = None;
        for _ in 0..3 {
            full_at = Some(rate.after_one(full_at, 100).unwrap());
        }
        assert_eq!(full_at, Some(130));
        assert_eq!(rate.after_one(full_at, 100), Err(10));
        assert_eq!(rate.after_one(full_at, 104), Err(6));
        assert_eq!(rate.after_one(full_at, 110), Ok(140));
        assert_eq!(rate.after_one(full_at, 999), Ok(1009));
        assert_eq!(rate.before_one(130, 100), Some(120));
        assert_eq!(rate.before_one(130, 120), None);
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out_for_longer() {
        let rate = Rate::new(3, 10);
        assert_eq!(rate.after_one(Some(1_000_030), 100), Err(10));
        // Neither does one whose rate was another one.
        assert_eq!(Rate::new(1, 5).after_one(Some(130), 100), Err(5));
        assert_eq!(
            Rate::new(u32::MAX, u64::MAX).after_one(None, 100),
            Ok(u64::MAX)
        );
    }
}
