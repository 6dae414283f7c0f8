//! Scripts that are like others: in their text, in their name.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::told;
use crate::{
    model::{Finding, Level},
    rules::{near, skeleton},
};

/// Hashes that are kept of a text: the smallest ones stand for all.
pub const SHINGLES_MAX: usize = 64;
/// From this share on, two texts are called alike.
pub const ALIKE_PERCENT_MIN: usize = 60;
/// Lines that are taken together.
const LINES_TOGETHER: usize = 3;
/// Below so many hashes equal ones say nothing: any two short scripts begin alike.
const SHINGLES_MIN: usize = 6;
/// Names like this one that are told, at most.
const NAMES_MAX: usize = 5;

/// The smallest hashes of three lines in a row, in order; what these lines begin and end with, blanks inside of
/// them and empty lines between them do not matter. They go to the table `shingles`.
///
/// ```
/// use glsr::checks::shingles;
/// assert_eq!(shingles("a\n b\n\nc  d\n"), shingles("a\nb\nc d"));
/// ```
pub fn shingles(text: &str) -> Vec<i64> {
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty() && !line.starts_with("#!"))
        .collect();
    let hash = |lines: &[String]| {
        let digest = Sha256::digest(lines.join("\n").as_bytes());
        let first: [u8; 8] = digest[..8].try_into().expect("a digest has 32 bytes");
        i64::from_be_bytes(first)
    };
    let mut all = BTreeSet::new();
    for together in lines.windows(LINES_TOGETHER) {
        all.insert(hash(together));
        if all.len() > SHINGLES_MAX {
            all.pop_last();
        }
    }
    if all.is_empty() && !lines.is_empty() {
        all.insert(hash(&lines));
    }
    all.into_iter().collect()
}

/// How much two texts have in common, from how many hashes each has, and how many both.
///
/// ```
/// use glsr::checks::percent;
/// assert_eq!(percent(48, 64, 64), 75);
/// assert_eq!(percent(2, 2, 2), 0); // too short to say so
/// ```
pub fn percent(common: usize, ours: usize, theirs: usize) -> usize {
    let most = ours.max(theirs);
    if ours.min(theirs) < SHINGLES_MIN {
        0
    } else {
        100 * common.min(most) / most
    }
}

/// The finding about a text that shares so many hashes with that of another script, if it is worth one.
pub fn alike_text(other: &str, percent: usize) -> Option<Finding> {
    (percent >= ALIKE_PERCENT_MIN).then(|| {
        let about = [("percent", &*percent.to_string()), ("name", other)];
        told("alike", Level::Warn, 0, "alike-part", &about)
    })
}

/// The finding about a text that another script has byte by byte.
pub fn same_text(other: &str) -> Finding {
    told("alike", Level::Error, 0, "alike-same", &[("name", other)])
}

/// Findings about names that a hasty eye takes for this one; `others` are all names but this.
///
/// ```
/// let found = glsr::checks::name_findings("disk-usage", ["d1sk.usage", "restore"]);
/// assert_eq!(found.len(), 1);
/// ```
pub fn name_findings<'a>(name: &str, others: impl IntoIterator<Item = &'a str>) -> Vec<Finding> {
    names_like(name, others)
        .into_iter()
        .map(|other| told("alike", Level::Warn, 0, "alike-name", &[("name", other)]))
        .collect()
}

/// The names that a hasty eye takes for this one, five at most.
pub fn names_like<'a>(name: &str, others: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let bare = skeleton(name);
    others
        .into_iter()
        .filter(|other| *other != name && near(&bare, &skeleton(other)))
        .take(NAMES_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(one: &str, other: &str) -> usize {
        let (one, other) = (shingles(one), shingles(other));
        let common = one.iter().filter(|hash| other.contains(hash)).count();
        percent(common, one.len(), other.len())
    }

    fn text(lines: std::ops::Range<usize>) -> String {
        lines
            .map(|n| format!("command {n} --with {}\n", n * n))
            .collect()
    }

    #[test]
    fn equal_and_other_texts() {
        assert_eq!(share(&text(0..300), &text(0..300)), 100);
        assert_eq!(share(&text(0..300), &text(300..600)), 0);
        let indented: String = text(0..300)
            .lines()
            .map(|line| format!("\t{line}\n\n"))
            .collect();
        assert_eq!(share(&text(0..300), &indented), 100);
    }

    #[test]
    fn a_few_changes_leave_it_alike() {
        let changed = text(0..300).replace("command 150 ", "other ");
        assert!(share(&text(0..300), &changed) >= ALIKE_PERCENT_MIN);
        assert!(share(&text(0..300), &text(200..500)) < ALIKE_PERCENT_MIN);
    }

    #[test]
    fn short_texts_are_never_alike() {
        assert!(shingles("").is_empty());
        assert!(shingles("#!/bin/sh\n").is_empty());
        assert_eq!(shingles("#!/bin/sh\nls\n").len(), 1);
        assert_eq!(share("ls\npwd\n", "ls\npwd\n"), 0);
        assert_eq!(shingles(&text(0..9_000)).len(), SHINGLES_MAX);
    }

    #[test]
    fn words_of_findings() {
        assert_eq!(alike_text("x", 59), None);
        assert!(alike_text("x", 60).unwrap().message.contains("percent=60"));
        assert_eq!(same_text("x").level, Level::Error);
        assert_eq!(name_findings("a", ["a", "b"]), []);
    }
}
