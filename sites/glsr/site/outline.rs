//! The outline of a script: lines in which something begins, by the patterns of its language.

use regex_lite::{Regex, RegexBuilder};
use serde::Serialize;

use crate::{
    model::Wrong,
    rules::{number, visible, wrong},
};

/// Patterns of a language, and bytes of each, at most.
const PATTERNS_MAX: usize = 20;
const PATTERN_BYTES_MAX: usize = 200;
/// Bytes of a compiled pattern: what repeats itself a thousand times is slow on every line.
const COMPILED_BYTES_MAX: usize = 64 * 1024;
/// How deep groups may be in one another.
const NEST_MAX: u32 = 20;
/// Entries of an outline at most.
const ENTRIES_MAX: usize = 200;
/// Longer lines are data.
const LINE_BYTES_MAX: usize = 500;
/// Characters of an entry that are shown.
const NAME_CHARS_MAX: usize = 80;

/// One line of the outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The line, from 1.
    pub line: i64,
    /// What begins there.
    pub name: String,
}

/// The outline of a text, at most 200 entries. `patterns` has one a line; the first group of a pattern is what
/// is shown, without one the whole match. Patterns that [`check`] refuses are passed over.
///
/// ```
/// use glsr::outline::{Entry, outline};
/// let found = outline("x=1\nmain() {\n", r"^(\w+)\(\)");
/// assert_eq!(found, [Entry { line: 2, name: "main".into() }]);
/// ```
pub fn outline(text: &str, patterns: &str) -> Vec<Entry> {
    let patterns: Vec<Regex> = lines_of(patterns)
        .take(PATTERNS_MAX)
        .filter_map(|(at, pattern)| compiled(at, pattern).ok())
        .collect();
    if patterns.is_empty() {
        return Vec::new();
    }
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty() && line.len() <= LINE_BYTES_MAX)
        .filter_map(|(at, line)| {
            let found = patterns.iter().find_map(|pattern| pattern.captures(line))?;
            let name = found.get(1).or(found.get(0))?.as_str().trim();
            let name: String = visible(name).chars().take(NAME_CHARS_MAX).collect();
            (!name.is_empty()).then(|| Entry {
                line: number(at + 1),
                name,
            })
        })
        .take(ENTRIES_MAX)
        .collect()
}

/// Whether these patterns can be kept.
///
/// # Errors
///
/// With the field `outline`: `outline_many` (`n` is the limit), `outline_long` and `outline_pattern` (`n` is the number
/// of the pattern's line: too long, or no pattern, or one that is too slow).
///
/// ```
/// assert_eq!(glsr::outline::check("^a\n(").unwrap_err().n, 2);
/// ```
pub fn check(patterns: &str) -> Result<(), Wrong> {
    if lines_of(patterns).count() > PATTERNS_MAX {
        return Err(wrong("outline", "outline_many", number(PATTERNS_MAX)));
    }
    lines_of(patterns).try_for_each(|(at, pattern)| compiled(at, pattern).map(drop))
}

fn lines_of(patterns: &str) -> impl Iterator<Item = (usize, &str)> {
    patterns
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
}

fn compiled(at: usize, pattern: &str) -> Result<Regex, Wrong> {
    let refuse = |key| Err(wrong("outline", key, number(at + 1)));
    let pattern = pattern.trim_end_matches('\r');
    if pattern.len() > PATTERN_BYTES_MAX {
        return refuse("outline_long");
    }
    let built = RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES_MAX)
        .nest_limit(NEST_MAX)
        .build();
    built.or_else(|_| refuse("outline_pattern"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(
            outline(&"a()\n".repeat(500), r"^(\w+)\(\)").len(),
            ENTRIES_MAX
        );
        assert_eq!(outline(&"a".repeat(LINE_BYTES_MAX + 1), "a"), []);
        assert_eq!(
            outline(&"a".repeat(LINE_BYTES_MAX), "^(a+)")[0].name.len(),
            NAME_CHARS_MAX
        );
        assert_eq!(outline("a", ""), []);
        assert_eq!(outline("a\u{202e}", "^a.*")[0].name, "a⟦U+202E⟧");
    }

    #[test]
    fn patterns_that_are_none() {
        let why = |patterns: &str| check(patterns).map_err(|w| (w.key, w.n));
        assert_eq!(why("\n\n^a\r\n"), Ok(()));
        assert_eq!(why("["), Err(("outline_pattern", 1)));
        assert_eq!(
            why("((((a{100}){100}){100}){100})"),
            Err(("outline_pattern", 1))
        );
        assert_eq!(
            why(&format!("a\n{}", "b".repeat(201))),
            Err(("outline_long", 2))
        );
        assert_eq!(why(&"a\n".repeat(21)), Err(("outline_many", 20)));
        // A bad one among good ones does not take the page with it.
        assert_eq!(outline("b", "(\nb").len(), 1);
    }
}
