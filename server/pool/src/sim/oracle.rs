//! The yardstick: the best that any fixed number of threads achieves on a workload.

use std::thread;

use super::simulate;
use super::workload::Workload;
use crate::controller::PolicyKind;

/// The sizes that are tried.
pub const SIZES: [usize; 26] = [
    1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192,
    224, 256,
];
/// The seed of the oracle's runs; the policies' runs use others.
const SEED: u64 = 1;
/// Share of the best rate from which a size counts as good.
const GOOD: f64 = 0.98;

/// The best of [`SIZES`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oracle {
    /// Its jobs per second over the whole run.
    pub rate: f64,
    /// Its jobs per second in the second half.
    pub rate_late: f64,
    /// The size.
    pub size: usize,
    /// The smallest size with 98 % of that rate.
    pub size_good: usize,
}

impl Oracle {
    /// Tries all sizes, on two threads.
    pub fn of(workload: &Workload) -> Self {
        let measure = |sizes: &[usize]| -> Vec<(usize, f64, f64)> {
            sizes
                .iter()
                .map(|&size| {
                    let report = simulate(workload, PolicyKind::Fixed(size), SEED);
                    (size, report.rate_whole(), report.rate_late())
                })
                .collect()
        };
        let (small, large) = SIZES.split_at(SIZES.len() / 2);
        let rows = thread::scope(|scope| {
            let other = scope.spawn(|| measure(large));
            let mut rows = measure(small);
            rows.extend(other.join().expect("a simulated run does not panic"));
            rows
        });
        let best =
            rows.iter().copied().fold(
                (0, 0.0, 0.0),
                |best, row| {
                    if row.1 > best.1 { row } else { best }
                },
            );
        let good = rows
            .iter()
            .find(|row| row.1 >= GOOD * best.1)
            .unwrap_or(&best);
        Self {
            rate: best.1,
            rate_late: best.2,
            size: best.0,
            size_good: good.0,
        }
    }
}
