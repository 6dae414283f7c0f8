//! Contenders take turns, so that a slow minute of the machine is everybody's; and each begins its
//! turn only when the threads of the one before have come to rest.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Over this time the process must use hardly any CPU to count as at rest.
const REST: Duration = Duration::from_millis(50);
/// Clock ticks (of 10 ms, all threads together) that are hardly any.
const REST_TICKS: u64 = 1;
/// Some threads never rest; after this long the next turn begins all the same.
const REST_WAIT: Duration = Duration::from_secs(3);

/// Waits until the threads of this process have come to rest.
pub fn rest() {
    let began = Instant::now();
    while began.elapsed() < REST_WAIT {
        let before = cpu_ticks();
        thread::sleep(REST);
        if cpu_ticks().saturating_sub(before) <= REST_TICKS {
            return;
        }
    }
}

/// CPU time of this process, user and system; fields 14 and 15 of `/proc/self/stat`.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

/// Measures every contender once per round; each round starts with another one. Returns, for each
/// contender, its measurements in the order of the rounds.
pub fn interleave<T>(
    contenders: usize,
    rounds: usize,
    mut measure: impl FnMut(usize) -> T,
) -> Vec<Vec<T>> {
    let mut measured: Vec<Vec<T>> = (0..contenders).map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..contenders {
            let contender = (round + turn) % contenders;
            rest();
            measured[contender].push(measure(contender));
        }
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::interleave;

    #[test]
    fn the_order_rotates() {
        let mut order = vec![];
        let measured = interleave(3, 3, |contender| {
            order.push(contender);
            order.len()
        });
        assert_eq!(order, [0, 1, 2, 1, 2, 0, 2, 0, 1]);
        assert_eq!(measured, [[1, 6, 8], [2, 4, 9], [3, 5, 7]]);
    }
}
