//! The policies by name, as the configuration and the command line write them.

use std::fmt;
use std::str::FromStr;

use super::{Adaptive, Bounds, Fixed, Greedy, Policy, Seed};

/// The n of the n-point moving average unless the configuration says otherwise: 20 service times
/// of the usual spread (half the mean) give a mean that is good to 11 %.
pub const AVERAGE_POINTS: usize = 20;

/// Which policy sets the number of permits.
///
/// ```
/// # use harmonious_pool::controller::PolicyKind;
/// let kind: PolicyKind = "fixed:8".parse().unwrap();
/// assert_eq!(kind, PolicyKind::Fixed(8));
/// assert_eq!(kind.to_string(), "fixed:8");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyKind {
    /// Grows while it pays, shrinks while it costs nothing: the default.
    Adaptive,
    /// The algorithm that the project started from, to the letter.
    Seed,
    /// A thread for every waiting job, up to the maximum.
    Greedy,
    /// Always this many permits, at least 1.
    Fixed(usize),
}

impl PolicyKind {
    /// The policy. `average` is the n of the n-point moving average ([`AVERAGE_POINTS`]): for the
    /// seed its number of points, for the adaptive policy the fewest completions of a coarse window.
    pub fn build(self, bounds: Bounds, average: usize) -> Box<dyn Policy> {
        let bounds = self.bounds(bounds);
        match self {
            PolicyKind::Adaptive => Box::new(Adaptive::new(bounds, average)),
            PolicyKind::Seed => Box::new(Seed::new(bounds, average)),
            PolicyKind::Greedy => Box::new(Greedy::new(bounds)),
            PolicyKind::Fixed(n) => Box::new(Fixed::new(n)),
        }
    }

    /// The bounds under this policy: a fixed number is its own minimum, start and maximum.
    pub fn bounds(self, bounds: Bounds) -> Bounds {
        match self {
            PolicyKind::Fixed(n) => Bounds {
                min: n,
                start: n,
                max: n,
            },
            _ => bounds,
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyKind::Adaptive => f.pad("adaptive"),
            PolicyKind::Seed => f.pad("seed"),
            PolicyKind::Greedy => f.pad("greedy"),
            PolicyKind::Fixed(n) => f.pad(&format!("fixed:{n}")),
        }
    }
}

/// The text names no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPolicy {
    given: String,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = &self.given;
        write!(
            f,
            "no pool policy {given:?}: use adaptive, seed, greedy or fixed:N with N at least 1, as in fixed:8"
        )
    }
}

impl std::error::Error for BadPolicy {}

impl FromStr for PolicyKind {
    type Err = BadPolicy;

    fn from_str(text: &str) -> Result<Self, BadPolicy> {
        match text {
            "adaptive" => Ok(PolicyKind::Adaptive),
            "seed" => Ok(PolicyKind::Seed),
            "greedy" => Ok(PolicyKind::Greedy),
            _ => text
                .strip_prefix("fixed:")
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|&n| n > 0)
                .map(PolicyKind::Fixed)
                .ok_or_else(|| BadPolicy {
                    given: text.to_owned(),
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_printing_and_parsing() {
        let kinds = [
            PolicyKind::Adaptive,
            PolicyKind::Seed,
            PolicyKind::Greedy,
            PolicyKind::Fixed(12),
        ];
        for kind in kinds {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_name_and_what_is_allowed() {
        for text in [
            "",
            "fixed",
            "fixed:",
            "fixed:0",
            "fixed:-1",
            "fixed:+1",
            "fixed:x",
            "Greedy",
            "fixed:99999999999999999999",
        ] {
            let error = text.parse::<PolicyKind>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("{text:?}")) && error.contains("fixed:N"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_built_policy_has_the_name_of_its_kind() {
        let bounds = Bounds {
            min: 2,
            start: 4,
            max: 256,
        };
        for kind in [PolicyKind::Adaptive, PolicyKind::Seed, PolicyKind::Greedy] {
            assert_eq!(kind.build(bounds, AVERAGE_POINTS).name(), kind.to_string());
        }
        assert_eq!(
            PolicyKind::Fixed(3).build(bounds, AVERAGE_POINTS).name(),
            "fixed"
        );
        assert_eq!(PolicyKind::Fixed(3).bounds(bounds).start, 3);
    }
}
