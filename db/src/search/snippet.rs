//! The part of a text that shows why it was found.

use serde::{Deserialize, Serialize};

use super::words::Words;
use crate::config::{SNIPPET_BEFORE_CHARS, SNIPPET_CHARS};

/// A part of a text, with the words in it that were searched for. Plain text: whoever shows it in a
/// page escapes it, piece by piece.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snippet {
    /// The text, with an ellipsis where it was cut.
    pub text: String,
    /// Where the words are, in bytes: start and end, ascending.
    pub marks: Vec<(usize, usize)>,
}

impl Snippet {
    /// The text in pieces, each with whether it is a word that was searched for.
    ///
    /// ```
    /// let text = "a cat sat".to_owned();
    /// let snippet = harmonious_db::Snippet { text, marks: vec![(2, 5)] };
    /// let pieces: Vec<_> = snippet.pieces().collect();
    /// assert_eq!(pieces, [("a ", false), ("cat", true), (" sat", false)]);
    /// ```
    pub fn pieces(&self) -> impl Iterator<Item = (&str, bool)> {
        let mut cuts = Vec::with_capacity(2 * self.marks.len() + 1);
        let mut at = 0;
        for &(start, end) in &self.marks {
            cuts.extend([(at, start, false), (start, end, true)]);
            at = end;
        }
        cuts.push((at, self.text.len(), false));
        (cuts.into_iter())
            .filter_map(|(start, end, marked)| Some((self.text.get(start..end)?, marked)))
            .filter(|(piece, _)| !piece.is_empty())
    }
}

/// The best part of these texts.
pub(crate) fn snippet(texts: &[String], words: &Words) -> Snippet {
    let found = |text: &String| marks(text, words).first().map(|&(start, _)| start);
    let first = texts.iter().find_map(|text| Some((text, found(text)?)));
    match first {
        Some((text, at)) => cut(text, at, words),
        None => match texts.iter().find(|text| !text.trim().is_empty()) {
            Some(text) => cut(text, 0, words),
            None => Snippet::default(),
        },
    }
}

/// Where words of the search are in a text.
fn marks(text: &str, words: &Words) -> Vec<(usize, usize)> {
    let mut marks = Vec::new();
    let mut start = None;
    let ends = text.char_indices().map(|(at, c)| (at, in_word(c)));
    for (at, inside) in ends.chain([(text.len(), false)]) {
        match (start, inside) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                if words.has(&text[from..at]) {
                    marks.push((from, at));
                }
                start = None;
            }
            _ => {}
        }
    }
    marks
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// The text around a place, cut between words, on one line.
fn cut(text: &str, around: usize, words: &Words) -> Snippet {
    let before = text[..around].char_indices().rev();
    let mut start = before
        .take(SNIPPET_BEFORE_CHARS)
        .last()
        .map_or(0, |(at, _)| at);
    if start > 0 {
        // Not in the middle of a word.
        start = text[start..around]
            .find(' ')
            .map_or(start, |space| start + space + 1);
    }
    let mut end =
        (text[start..].char_indices().nth(SNIPPET_CHARS)).map_or(text.len(), |(at, _)| start + at);
    if end < text.len() {
        let space = text[start..end].rfind(' ').map(|space| start + space);
        end = space.filter(|&space| space > around).unwrap_or(end);
    }
    let mut shown = String::new();
    if start > 0 {
        shown.push('…');
    }
    shown.extend(
        text[start..end]
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if end < text.len() {
        shown.push('…');
    }
    let marks = marks(&shown, words);
    Snippet { text: shown, marks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], typed: &str, text: &str, marked: &[&str]) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let snippet = snippet(&texts, &Words::new(typed));
        assert_eq!(snippet.text, text);
        let marks: Vec<&str> = snippet
            .marks
            .iter()
            .map(|&(a, b)| &snippet.text[a..b])
            .collect();
        assert_eq!(marks, marked);
    }

    #[test]
    fn the_text_with_the_word_is_shown() {
        check(
            &["title", "the Cat sat\non a cat"],
            "cat",
            "the Cat sat on a cat",
            &["Cat", "cat"],
        );
        check(&["title", "text"], "dog", "title", &[]);
        check(&["", " "], "dog", "", &[]);
        check(&["été: café"], "cafe", "été: café", &["café"]);
    }

    #[test]
    fn long_texts_are_cut_between_words() {
        let long = format!("{}needle {}", "hay ".repeat(500), "straw ".repeat(500));
        let snippet = snippet(&[long], &Words::new("needle"));
        assert!(snippet.text.starts_with("…hay ") && snippet.text.ends_with(" straw…"));
        assert!(snippet.text.chars().count() <= SNIPPET_CHARS + 2);
        let marked: Vec<_> = snippet.pieces().filter(|piece| piece.1).collect();
        assert_eq!(marked, [("needle", true)]);
    }

    #[test]
    fn no_cut_in_the_middle_of_a_letter() {
        let long = "ä".repeat(1000);
        let texts = [long];
        assert!(snippet(&texts, &Words::new("ä")).text.chars().count() <= SNIPPET_CHARS + 2);
    }
}
