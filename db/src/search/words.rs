//! What a visitor typed, as words; and the expressions that the three engines want of them.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::backend::Backend;
use crate::config::{SEARCH_WORD_CHARS_MAX, SEARCH_WORDS_MAX};

/// The shortest word that InnoDB indexes, unless its server was told otherwise.
const INNODB_CHARS_MIN: usize = 3;

/// Words in small letters, of letters and digits only: nothing of what was typed can be an operator.
#[derive(Debug, PartialEq)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub fn new(typed: &str) -> Words {
        let words = typed
            .split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .take(SEARCH_WORDS_MAX)
            .map(|word| {
                let short: String = word.nfc().take(SEARCH_WORD_CHARS_MAX).collect();
                short.to_lowercase()
            });
        Words(words.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All words must be there; of the last one the beginning is enough. Words that InnoDB does not
    /// index are asked for as beginnings of others, and only where there is no longer word.
    pub fn expression(&self, backend: Backend) -> String {
        let last = self.0.len().saturating_sub(1);
        let is_short = |word: &str| word.chars().count() < INNODB_CHARS_MIN;
        let all_short = self.0.iter().all(|word| is_short(word));
        let word = |(index, word): (usize, &String)| {
            let is_last = index == last;
            match backend {
                Backend::Sqlite => format!("\"{word}\"{}", if is_last { "*" } else { "" }),
                Backend::Postgres => format!("'{word}'{}", if is_last { ":*" } else { "" }),
                Backend::MySql => {
                    let must = if all_short || !is_short(word) {
                        "+"
                    } else {
                        ""
                    };
                    let begins = if is_last || is_short(word) { "*" } else { "" };
                    format!("{must}{word}{begins}")
                }
            }
        };
        let words: Vec<String> = self.0.iter().enumerate().map(word).collect();
        words.join(if backend == Backend::Postgres {
            " & "
        } else {
            " "
        })
    }

    /// Whether a word of a text is one of these.
    pub fn has(&self, word: &str) -> bool {
        let word = folded(word);
        let (last, others) = match self.0.split_last() {
            Some((last, others)) => (folded(last), others),
            None => return false,
        };
        word.starts_with(&last) || others.iter().any(|other| folded(other) == word)
    }
}

/// In small letters and without accents.
fn folded(word: &str) -> String {
    let bare = word.nfd().filter(|c| !is_combining_mark(*c));
    bare.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, sqlite: &str, postgres: &str, mysql: &str) {
        let words = Words::new(typed);
        assert_eq!(words.expression(Backend::Sqlite), sqlite);
        assert_eq!(words.expression(Backend::Postgres), postgres);
        assert_eq!(words.expression(Backend::MySql), mysql);
    }

    #[test]
    fn words_become_expressions() {
        check(
            "Hello wor",
            r#""hello" "wor"*"#,
            "'hello' & 'wor':*",
            "+hello +wor*",
        );
        check(
            "go lang",
            r#""go" "lang"*"#,
            "'go' & 'lang':*",
            "go* +lang*",
        );
    }

    #[test]
    fn what_is_typed_is_never_an_operator() {
        check(
            r#"a" OR (b* -c) NEAR/2 'd' & !e:* ~f @g <> %"#,
            r#""a" "or" "b" "c" "near" "2" "d" "e" "f" "g"*"#,
            "'a' & 'or' & 'b' & 'c' & 'near' & '2' & 'd' & 'e' & 'f' & 'g':*",
            "a* or* b* c* +near 2* d* e* f* g*",
        );
        for nothing in ["", " ", "\"", "*:\0()", "\u{301}"] {
            assert!(Words::new(nothing).is_empty(), "{nothing:?}");
        }
    }

    #[test]
    fn short_words_alone_are_beginnings() {
        check("a go", "\"a\" \"go\"*", "'a' & 'go':*", "+a* +go*");
    }

    #[test]
    fn there_is_an_end() {
        assert_eq!(Words::new(&"a ".repeat(1000)).0.len(), SEARCH_WORDS_MAX);
        let long = Words::new(&"ä".repeat(1000));
        assert_eq!(long.0[0].chars().count(), SEARCH_WORD_CHARS_MAX);
    }

    #[test]
    fn words_of_a_text_are_found_again() {
        let words = Words::new("Café wor");
        assert!(words.has("CAFE") && words.has("café") && words.has("World"));
        assert!(!words.has("cafés") && !words.has("sword"));
    }
}
