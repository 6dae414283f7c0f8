//! Words and numbers.

use super::{Before, Class, Scanner, is_blank, is_word};

impl Scanner<'_> {
    pub(super) fn number(&mut self) -> bool {
        let dotted = self.peek(0) == b'.' && self.before == Before::Operator && self.last() != b'.';
        let digit = self.peek(usize::from(dotted));
        if self.syntax.commands || !digit.is_ascii_digit() {
            return false;
        }
        let mut at = self.at + 1;
        loop {
            let (byte, next) = (self.byte(at), self.byte(at + 1));
            let goes_on = match byte {
                b'.' => next.is_ascii_digit(),
                b'\'' => self.syntax.digit_quote && next.is_ascii_alphanumeric(),
                b'+' | b'-' => self.is_exponent(at) && next.is_ascii_digit(),
                _ => is_word(byte),
            };
            if !goes_on {
                break;
            }
            at += 1;
        }
        self.put_value(Class::Number, at);
        true
    }

    /// Whether the sign at `at` belongs to an exponent: `1e-5`, but not `0xe-5`.
    fn is_exponent(&self, at: usize) -> bool {
        let hexadecimal = matches!(self.peek(1), b'x' | b'X');
        matches!(self.byte(at - 1), b'e' | b'E') && !hexadecimal
    }

    pub(super) fn word(&mut self) -> bool {
        let extra = self.syntax.word_bytes;
        if !is_word(self.peek(0)) && !extra.contains(&self.peek(0)) {
            return false;
        }
        let end = self.skip(self.at, |byte| is_word(byte) || extra.contains(&byte));
        match self.syntax.commands {
            true => self.command_word(end),
            false => self.plain_word(end),
        }
        true
    }

    fn plain_word(&mut self, end: usize) {
        let word = &self.text[self.at..end];
        let member = self.last() == b'.' && !self.bytes[..self.at].ends_with(b"..");
        let called = self.syntax.calls && self.byte(self.skip(end, is_blank)) == b'(';
        let class = if self.is_keyword(word) && !member {
            Class::Keyword
        } else if self.defines {
            Class::Function
        } else if self.is_builtin(word) && !member {
            Class::Builtin
        } else if called {
            Class::Function
        } else {
            Class::Plain
        };
        self.put_value(class, end);
        self.defines = class == Class::Keyword && self.is_definer(word);
        // What a command such as `split` is given may be a regular expression; `NR / 2` is none.
        let is_command = class == Class::Builtin && !called && starts_small(word);
        if class == Class::Keyword || is_command {
            self.before = Before::Operator;
        }
    }

    /// In a language of commands the first word is one, and the others are what it is given.
    fn command_word(&mut self, end: usize) {
        let word = &self.text[self.at..end];
        let assigned = self.byte(end) == b'='
            || self.byte(end) == b'+' && self.byte(end + 1) == b'='
            || self.byte(end) == b'[' && self.command;
        let is_in = self.awaits_in && word == "in";
        let class = if self.defines {
            Class::Function
        } else if self.command && self.is_keyword(word) || is_in {
            Class::Keyword
        } else if self.command && self.byte(end) == b'(' && self.byte(end + 1) == b')' {
            Class::Function
        } else if assigned && word.bytes().all(is_word) && self.last() != b'-' {
            Class::Variable
        } else if self.command && self.is_builtin(word) {
            Class::Builtin
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            Class::Number
        } else {
            Class::Plain
        };
        let stays = class == Class::Variable && self.command;
        self.put_value(class, end);
        self.defines = class == Class::Keyword && self.is_definer(word);
        self.awaits_in = class == Class::Keyword && matches!(word, "for" | "case" | "select")
            || self.awaits_in && !is_in;
        self.command = stays || class == Class::Keyword && !is_in && !self.awaits_in;
    }

    fn is_keyword(&self, word: &str) -> bool {
        holds(self.syntax.keywords, word, self.syntax.ignore_case)
    }

    fn is_definer(&self, word: &str) -> bool {
        holds(self.syntax.definers, word, self.syntax.ignore_case)
    }

    fn is_builtin(&self, word: &str) -> bool {
        holds(self.syntax.builtins, word, self.syntax.ignore_case)
    }
}

fn starts_small(word: &str) -> bool {
    word.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
}

/// Words of more bytes are in no table.
const WORD_BYTES_MAX: usize = 32;

/// Whether a sorted list holds a word; with `ignore_case` the list is in small letters.
fn holds(sorted: &[&str], word: &str, ignore_case: bool) -> bool {
    if word.len() > WORD_BYTES_MAX {
        return false;
    }
    match ignore_case {
        true => {
            let small = word.to_ascii_lowercase();
            sorted.binary_search(&small.as_str()).is_ok()
        }
        false => sorted.binary_search(&word).is_ok(),
    }
}
