//! What `pool-growth` reads out of its samples; pure, so that it is tested without threads.

use std::time::Duration;

/// A rate counts as reached when the mean over this many windows does: one lucky window does not.
const WINDOWS_MEAN: usize = 4;

/// The first window from which on the mean of four in a row is at least `target`.
pub fn reached(rates: &[f64], target: f64) -> Option<usize> {
    let mean = |windows: &[f64]| windows.iter().sum::<f64>() / windows.len() as f64;
    rates
        .windows(WINDOWS_MEAN)
        .position(|windows| mean(windows) >= target)
}

/// The largest increase of a counter within any span of `window`, from samples in order of time.
pub fn most_within(samples: &[(Duration, u64)], window: Duration) -> u64 {
    let increase = |(at, &(from, before)): (usize, &(Duration, u64))| {
        let inside = samples[at..]
            .iter()
            .take_while(|(when, _)| *when - from <= window);
        inside.last().map_or(0, |(_, after)| after - before)
    };
    samples.iter().enumerate().map(increase).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lucky_window_is_not_enough() {
        let rates = [0.0, 100.0, 10.0, 90.0, 95.0, 100.0, 100.0];
        assert_eq!(reached(&rates, 95.0), Some(3));
        assert_eq!(reached(&rates, 99.0), None);
        assert_eq!(reached(&[100.0], 1.0), None);
    }

    #[test]
    fn the_busiest_window_counts() {
        let second = Duration::from_secs(1);
        let samples = [(0, 0), (1, 5), (2, 6), (3, 20), (9, 30)].map(|(s, n)| (s * second, n));
        assert_eq!(most_within(&samples, second), 14);
        assert_eq!(most_within(&samples, 2 * second), 15);
        assert_eq!(most_within(&samples, 60 * second), 30);
        assert_eq!(most_within(&[], second), 0);
    }
}
