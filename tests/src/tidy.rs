//! The checks behind `tests/tests/tidy.rs`.
//!
//! Each is a pure function from texts to findings. A finding names file and line and says what to
//! do. Each has tests on made-up input that it must object to, so that none can pass by not
//! looking.

pub mod lexer;

pub mod arrows;
pub mod map;
pub mod phrases;
pub mod sources;
pub mod why;

/// One finding, in the form that editors and terminals turn into a link.
fn finding(path: &str, line: usize, what_to_do: impl std::fmt::Display) -> String {
    format!("{path}:{line}: {what_to_do}")
}

/// The lines of a text with their numbers, which start at 1.
fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

/// Where `word` stands in `line` with no letter, digit or `_` beside it.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}
