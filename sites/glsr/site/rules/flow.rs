//! The life of a version, and what ratings come to.

use crate::model::Status;

/// Who moves a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Its author, or another maintainer of the script.
    Author,
    /// A reviewer or an administrator.
    Reviewer,
    /// A reviewer who grants an appeal.
    Appeal,
    /// A task of the operator: seeds, import, restore.
    Operator,
}

/// The ratings of three stars that each script begins with, so that one vote alone does not lead a list.
const RATINGS_GIVEN: i64 = 5;
/// Stars of each of these.
const STARS_GIVEN: i64 = 3;

/// Whether a version may go from one state to another. A refused one that is tried again stays refused:
/// its *copy* is the draft.
///
/// # Errors
///
/// A key below `state.`: `same` (it is there already), `frozen` (no way leads there from a version that was
/// decided), `who` (somebody else may do so), `impossible`.
///
/// ```
/// use glsr::{model::Status, rules::{By, next}};
/// assert_eq!(next(Status::Draft, Status::Pending, By::Author), Ok(()));
/// assert_eq!(next(Status::Pending, Status::Published, By::Author), Err("who"));
/// assert_eq!(next(Status::Published, Status::Draft, By::Author), Err("frozen"));
/// ```
pub fn next(from: Status, to: Status, by: By) -> Result<(), &'static str> {
    use Status::{Draft, Pending, Published, Refused, Removed, Withdrawn};
    let mover = match (from, to) {
        (a, b) if a == b => return Err("same"),
        (Draft, Pending) | (Pending | Refused, Draft) | (Published, Withdrawn) => By::Author,
        (Pending, Published | Refused) | (Published | Withdrawn, Removed) => By::Reviewer,
        (Refused, Published) => By::Appeal,
        (Draft, Published) => By::Operator,
        (Published | Withdrawn | Removed | Refused, _) => return Err("frozen"),
        (Draft | Pending, _) => return Err("impossible"),
    };
    if by == mover { Ok(()) } else { Err("who") }
}

/// What `n` ratings with `sum` stars together come to, in thousandths of a star.
///
/// ```
/// use glsr::rules::rating_score;
/// assert_eq!(rating_score(0, 0), 3000);
/// assert!(rating_score(50, 240) > rating_score(1, 5));
/// ```
pub fn rating_score(n: i64, sum: i64) -> i64 {
    let n = n.max(0);
    1000 * (sum.clamp(n, 5 * n) + STARS_GIVEN * RATINGS_GIVEN) / (n + RATINGS_GIVEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Draft, Pending, Published, Refused, Removed, Withdrawn};

    #[test]
    fn all_ways_and_no_others() {
        let ways = [
            (Draft, Pending, By::Author),
            (Pending, Draft, By::Author),
            (Pending, Published, By::Reviewer),
            (Pending, Refused, By::Reviewer),
            (Refused, Draft, By::Author),
            (Refused, Published, By::Appeal),
            (Published, Withdrawn, By::Author),
            (Published, Removed, By::Reviewer),
            (Withdrawn, Removed, By::Reviewer),
            (Draft, Published, By::Operator),
        ];
        let states = [Draft, Pending, Published, Refused, Withdrawn, Removed];
        for from in states {
            for to in states {
                for by in [By::Author, By::Reviewer, By::Appeal, By::Operator] {
                    let open = ways.contains(&(from, to, by));
                    assert_eq!(next(from, to, by).is_ok(), open, "{from:?} {to:?} {by:?}");
                }
            }
        }
        assert_eq!(next(Removed, Published, By::Reviewer), Err("frozen"));
        assert_eq!(next(Draft, Refused, By::Reviewer), Err("impossible"));
        assert_eq!(next(Draft, Draft, By::Author), Err("same"));
    }

    #[test]
    fn scores() {
        assert_eq!(rating_score(1, 5), 3333);
        assert_eq!(rating_score(5, 25), 4000);
        assert_eq!(rating_score(1, 1), 2666);
        assert_eq!(rating_score(1_000_000, 5_000_000), 4999);
        // What no table should hold is kept within the scale.
        assert!((1000..=5000).contains(&rating_score(3, 900)));
        assert_eq!(rating_score(-1, 4), 3000);
    }
}
