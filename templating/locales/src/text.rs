//! One text of a catalogue: words and places, in one form or in several for numbers.

use std::collections::BTreeSet;

use crate::plural::{Count, Plural, Rules};

/// A text as it is read.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub forms: Forms,
    /// In its catalogue, from 1.
    pub line: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Forms {
    /// The same whatever the number.
    Always(Pattern),
    /// By [`Plural`]; `other` is there.
    ByCount(Box<[Option<Pattern>; Plural::ALL.len()]>),
}

/// Words and places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pattern(pub Vec<Piece>);

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Words(Box<str>),
    /// `{name}`
    Place(Box<str>),
}

impl Text {
    /// The form for a number, and whether a number is missing.
    pub fn pattern(&self, rules: Rules, count: Option<Count>) -> (&Pattern, bool) {
        static NOTHING: Pattern = Pattern(Vec::new());
        match &self.forms {
            Forms::Always(pattern) => (pattern, false),
            Forms::ByCount(forms) => {
                let form = count.map_or(Plural::Other, |count| rules.form(count));
                let other = || forms[Plural::Other as usize].as_ref();
                let pattern = forms[form as usize].as_ref().or_else(other);
                (pattern.unwrap_or(&NOTHING), count.is_none())
            }
        }
    }

    /// The values that it takes: its places, and `n` where its form depends on it.
    pub fn places(&self) -> BTreeSet<&str> {
        match &self.forms {
            Forms::Always(pattern) => pattern.places().collect(),
            Forms::ByCount(forms) => {
                let places = forms.iter().flatten().flat_map(Pattern::places);
                places.chain([COUNT]).collect()
            }
        }
    }
}

/// The name of the number that decides on a form.
pub(crate) const COUNT: &str = "n";

impl Pattern {
    /// Reads a text: `{name}` is a place, `{{` and `}}` are braces.
    ///
    /// # Errors
    /// What is wrong, and what to do.
    pub fn parse(text: &str) -> Result<Pattern, (String, &'static str)> {
        let mut pieces = Vec::new();
        let mut words = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            words.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix(brace) {
                words.push_str(brace);
                rest = after;
                continue;
            }
            let place = after.split_once('}').filter(|_| brace == "{");
            let Some((name, after)) = place.filter(|(name, _)| is_name(name)) else {
                let what = format!("`{}` is no place", shown(&rest[at..]));
                return Err((what, "a place is {name}; write {{ and }} for braces"));
            };
            if name == "key" {
                let what = "a place cannot be called `key`, as the key of the text is".to_owned();
                return Err((what, "call it otherwise"));
            }
            if !words.is_empty() {
                pieces.push(Piece::Words(std::mem::take(&mut words).into()));
            }
            pieces.push(Piece::Place(name.into()));
            rest = after;
        }
        words.push_str(rest);
        if !words.is_empty() {
            pieces.push(Piece::Words(words.into()));
        }
        Ok(Pattern(pieces))
    }

    fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(&**name),
            Piece::Words(_) => None,
        })
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) && name.chars().all(fits)
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    const CHARS: usize = 20;
    match text.char_indices().nth(CHARS) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Pattern::parse(text) {
            Ok(pattern) => pattern.0.iter().map(|piece| format!("{piece:?}")).collect(),
            Err((what, _)) => what,
        }
    }

    #[test]
    fn a_text_is_words_and_places() {
        assert_eq!(parsed(""), "");
        assert_eq!(
            parsed("a {b_1}c"),
            "Words(\"a \")Place(\"b_1\")Words(\"c\")"
        );
        assert_eq!(parsed("{a}{b}"), "Place(\"a\")Place(\"b\")");
        assert_eq!(
            parsed("{{a}} {{{b}}}"),
            "Words(\"{a} {\")Place(\"b\")Words(\"}\")"
        );
    }

    #[test]
    fn a_brace_that_is_no_place_is_told() {
        for text in ["{", "a }", "{}", "{ a }", "{1}", "{a.b}", "{a", "}{a}"] {
            assert!(
                parsed(text).ends_with("is no place"),
                "{text}: {}",
                parsed(text)
            );
        }
        assert!(parsed("{key}").contains("cannot be called"));
        assert_eq!(
            parsed("{é is a long text that goes on"),
            "`{é is a long text th…` is no place"
        );
    }
}
