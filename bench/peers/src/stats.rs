//! Medians, spreads and ratios.

/// The middle of several measurements, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The median.
    pub median: f64,
    /// The lowest measurement.
    pub low: f64,
    /// The highest measurement.
    pub high: f64,
}

impl Spread {
    /// Of at least one measurement.
    pub fn of(values: &[f64]) -> Self {
        Self {
            median: quantile(values, 0.5),
            low: quantile(values, 0.0),
            high: quantile(values, 1.0),
        }
    }
}

/// The value below which the share `q` (0 to 1) of the values lies; between two values, the mean
/// weighed by the distance to each.
///
/// # Panics
/// Where there is no value.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

/// Which end of a scale wins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Better {
    /// As with rates.
    Higher,
    /// As with delays.
    Lower,
}

/// Each value divided by the best of the others; `None` where there is no other.
pub fn to_best_other(values: &[f64], better: Better) -> Vec<Option<f64>> {
    let best_other = |at: usize| {
        let others = values.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, value)| *value);
        match better {
            Better::Higher => others.reduce(f64::max),
            Better::Lower => others.reduce(f64::min),
        }
    };
    values
        .iter()
        .enumerate()
        .map(|(at, value)| best_other(at).map(|best| value / best))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_values() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(
            Spread::of(&values),
            Spread {
                median: 2.5,
                low: 1.0,
                high: 4.0
            }
        );
        assert_eq!(quantile(&values, 0.9), 3.7);
        assert_eq!(quantile(&[7.0], 0.99), 7.0);
    }

    #[test]
    fn each_is_measured_by_the_best_of_the_others() {
        let (higher, lower) = (Better::Higher, Better::Lower);
        assert_eq!(
            to_best_other(&[2.0, 4.0, 1.0], higher),
            [Some(0.5), Some(2.0), Some(0.25)]
        );
        assert_eq!(
            to_best_other(&[2.0, 4.0, 1.0], lower),
            [Some(2.0), Some(4.0), Some(0.5)]
        );
        assert_eq!(to_best_other(&[2.0], lower), [None]);
    }
}
