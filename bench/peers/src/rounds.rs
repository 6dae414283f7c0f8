//! Contenders take turns, so that a slow minute of the machine is everybody's.

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
