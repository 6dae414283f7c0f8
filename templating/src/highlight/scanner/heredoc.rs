//! Here-documents: text from the next line on, up to a line that says where it ends.

use std::collections::HashMap;

use super::{Class, Scanner, is_blank, is_word};
use crate::highlight::syntax::Heredoc;

/// A here-document whose text begins with the next line.
#[derive(Clone, Copy)]
pub(super) struct Pending<'t> {
    /// The line that ends it.
    ends: &'t str,
    /// Whether blanks may stand before that.
    indented: bool,
    /// Whether there are variables in it.
    variables: bool,
}

/// Lines of more bytes end no here-document.
const END_BYTES_MAX: usize = 80;

impl<'t> Scanner<'t> {
    /// The beginning of a here-document, if the line that ends it is still to come: `1 << n` is none.
    pub(super) fn heredoc(&mut self) -> bool {
        let kind = self.syntax.heredoc;
        let begins = if kind == Heredoc::Php { "<<<" } else { "<<" };
        if kind == Heredoc::None || !self.sees(begins) {
            return false;
        }
        if kind != Heredoc::Php && self.sees("<<<") {
            self.put(Class::Plain, self.at + 3);
            return true;
        }
        let Some((pending, end)) = self.announced(kind) else {
            return false;
        };
        // A line that begins behind this place is one of those to come.
        let at = self.at;
        let last = self.last_lines().get(pending.ends).copied();
        if last.is_none_or(|last| last <= at) {
            return false;
        }
        self.pending.push_back(pending);
        self.put_value(Class::Text, end);
        true
    }

    fn announced(&self, kind: Heredoc) -> Option<(Pending<'t>, usize)> {
        let mut at = self.at + if kind == Heredoc::Php { 3 } else { 2 };
        let indented = matches!(self.byte(at), b'-' | b'~');
        if indented && kind != Heredoc::Php {
            at += 1;
        }
        if kind != Heredoc::Script {
            at = self.skip(at, is_blank);
        }
        let quote = self.byte(at);
        let (ends, end) = match quote {
            b'\'' | b'"' => {
                let limit = self.bytes.len().min(at + 1 + END_BYTES_MAX);
                let length = self.bytes[at + 1..limit].iter().position(|&b| b == quote)?;
                (&self.text[at + 1..at + 1 + length], at + length + 2)
            }
            _ => {
                let from = at + usize::from(quote == b'\\');
                let shell = kind == Heredoc::Shell;
                let more = |b| is_word(b) || shell && b"!-.+".contains(&b);
                let end = self.skip(from, more);
                (&self.text[from..end], end)
            }
        };
        let pending = Pending {
            ends,
            indented: indented || kind == Heredoc::Php,
            variables: !matches!(quote, b'\'' | b'\\'),
        };
        let named = !ends.is_empty() && !ends.as_bytes()[0].is_ascii_digit();
        (named && !ends.contains('\n')).then_some((pending, end))
    }

    /// Each line that could end a here-document, and each word that opens one, with its last place.
    fn last_lines(&mut self) -> &HashMap<&'t str, usize> {
        let text = self.text;
        self.last_lines.get_or_insert_with(|| {
            let mut lines = HashMap::new();
            let mut at = 0;
            for line in text.split_inclusive('\n') {
                let short = line.trim();
                let word = short.bytes().position(|b| !is_word(b));
                lines.insert(&short[..word.unwrap_or(short.len())], at);
                if word.is_some() && short.len() <= END_BYTES_MAX {
                    lines.insert(short, at);
                }
                at += line.len();
            }
            lines
        })
    }

    /// The texts that were announced on the line that has just ended.
    pub(super) fn heredoc_bodies(&mut self) {
        // What is a variable in a string is one here.
        let mut strings = self.syntax.strings.iter();
        let sigils = strings.find_map(|s| (!s.holes.sigils.is_empty()).then_some(s.holes.sigils));
        let sigils = sigils.unwrap_or(b"");
        while let Some(pending) = self.pending.pop_front() {
            let (body, end) = self.body(pending);
            match pending.variables {
                true => self.interpolated(body, sigils),
                false => self.put(Class::Text, body),
            }
            self.put(Class::Text, end);
            // Of several the next begins on the line below.
            if !self.pending.is_empty() {
                self.put(Class::Plain, self.line_end(self.at) + 1);
            }
        }
    }

    /// Where a text ends, and where the word that ends it does.
    fn body(&self, pending: Pending<'_>) -> (usize, usize) {
        let mut at = self.at;
        while at < self.bytes.len() {
            let end = self.line_end(at);
            let word = if pending.indented {
                self.skip(at, is_blank).min(end)
            } else {
                at
            };
            if self.bytes[word..end].starts_with(pending.ends.as_bytes()) {
                let behind = word + pending.ends.len();
                let is_last = match self.syntax.heredoc {
                    Heredoc::Php => !is_word(self.byte(behind)),
                    _ => self.skip(behind, |byte| byte == b'\r') >= end,
                };
                if is_last {
                    return (at, behind);
                }
            }
            at = end + 1;
        }
        (self.bytes.len(), self.bytes.len())
    }
}
