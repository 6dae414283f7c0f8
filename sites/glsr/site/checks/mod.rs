//! What is looked at before a reviewer looks: findings with lines, from a text and what
//! was said about it. Checks never decide; a check that could not be done says so.
//!
//! Those of `text`, `secrets` and `alike` are pure. Those of `programs` are jobs for confined programs of the
//! system, and `messages` reads what these print.

mod alike;
mod messages;
mod programs;
mod secrets;
mod text;

pub use alike::{
    ALIKE_PERCENT_MIN, SHINGLES_MAX, alike_text, name_findings, names_like, percent, same_text,
    shingles,
};
pub use messages::findings;
pub use programs::{CHECKERS, Job, Outcome, PROGRAMS, external, jobs};
pub use secrets::secrets;
pub use text::pure;

use crate::findings::{MARK, said};
use crate::model::{Finding, Level};

/// Characters of a message at most, as in `migrations/`.
const MESSAGE_CHARS_MAX: usize = 300;
/// Findings of one check at most; one says how many more there are.
const FINDINGS_MAX: usize = 20;

/// What the checks are given.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// Slug of the language.
    pub language: &'a str,
    /// Interpreters of it, blank-separated; empty if its scripts need no `#!`.
    pub shebangs: &'a str,
    /// The licence, as an SPDX expression.
    pub license: &'a str,
    /// The script.
    pub text: &'a str,
}

/// A finding in the words of a program, its message within its bounds and without what could hide in it.
pub(crate) fn finding(checker: &str, level: Level, line: usize, message: &str) -> Finding {
    let shown = crate::rules::visible(message.trim()).replace(['\n', '\r', '\t', MARK], " ");
    let message = match shown.char_indices().nth(MESSAGE_CHARS_MAX) {
        None => shown,
        Some(_) => shown
            .chars()
            .take(MESSAGE_CHARS_MAX - 1)
            .chain(['\u{2026}'])
            .collect(),
    };
    of_message(checker, level, line, message)
}

/// A finding in our own words: a key in `finding.` of the catalogues, and what it is about.
pub(crate) fn told(
    checker: &str,
    level: Level,
    line: usize,
    key: &str,
    about: &[(&str, &str)],
) -> Finding {
    of_message(checker, level, line, said(key, about))
}

fn of_message(checker: &str, level: Level, line: usize, message: String) -> Finding {
    Finding {
        checker: checker.to_owned(),
        level,
        line: crate::rules::number(line),
        message,
    }
}

/// At most [`FINDINGS_MAX`] of them, the gravest first where some must go, in the order of their lines.
pub(crate) fn bounded(mut all: Vec<Finding>) -> Vec<Finding> {
    let count = all.len();
    if count > FINDINGS_MAX {
        all.sort_by(|a, b| b.level.cmp(&a.level).then(a.line.cmp(&b.line)));
        let left: Vec<Finding> = all.drain(FINDINGS_MAX - 1..).collect();
        let gravest = left.iter().map(|f| f.level).max().unwrap_or(Level::Note);
        let checker = all[0].checker.clone();
        let more = left.len().to_string();
        all.push(told(&checker, gravest, 0, "more", &[("n", &more)]));
    }
    // What is about the whole comes last.
    all.sort_by_key(|f| if f.line == 0 { i64::MAX } else { f.line });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_an_end() {
        let message = finding("x", Level::Note, 1, &"é".repeat(500)).message;
        assert_eq!(message.chars().count(), 300);
        assert_eq!(
            finding("x", Level::Note, 1, " a\nb\u{1b}[2J").message,
            "a b\u{241b}[2J"
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut all: Vec<_> = (1..=30)
            .map(|n| finding("x", Level::Note, n, "small"))
            .collect();
        all.push(finding("x", Level::Error, 31, "grave"));
        let kept = bounded(all);
        assert_eq!(kept.len(), 20);
        assert_eq!(kept[18], finding("x", Level::Error, 31, "grave"));
        assert_eq!(kept[19], told("x", Level::Note, 0, "more", &[("n", "12")]));
    }
}
