//! The tags of a text and the tokens in them, by the rules of the engine's lexer.

use std::ops::Range;

/// `{{ .. }}` or `{% .. %}`.
#[derive(Debug)]
pub struct Tag<'t> {
    /// `{% .. %}`
    pub is_block: bool,
    /// The bytes of the text from `{` to `}`.
    pub at: Range<usize>,
    /// What is in it.
    pub tokens: Vec<Token<'t>>,
}

/// One token and the bytes of the text that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'t> {
    /// What it is.
    pub word: Word<'t>,
    /// Where it is.
    pub at: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word<'t> {
    /// A name or a key word.
    Name(&'t str),
    /// A string, between its quotes, not unescaped.
    Text(&'t str),
    /// Digits.
    Number,
    /// Any other character; of a character that is not ASCII, its first byte.
    Sign(u8),
}

/// The tags of a text, one after the other.
#[derive(Debug)]
pub struct Tags<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tags<'t> {
    /// From the beginning.
    pub fn new(text: &'t str) -> Tags<'t> {
        Tags { text, at: 0 }
    }

    /// Goes on after the next `needle`, or to the end.
    fn skip_past(&mut self, needle: &str) {
        let found = self.text[self.at..].find(needle);
        self.at = found.map_or(self.text.len(), |at| self.at + at + needle.len());
    }

    /// If a raw section opens here, goes on after it.
    fn skip_raw(&mut self) -> bool {
        let Some(after) = tag_named(&self.text[self.at..], "raw") else {
            return false;
        };
        self.at += after;
        while let Some(at) = self.text[self.at..].find("{%") {
            self.at += at + 2;
            if let Some(after) = tag_named(&self.text[self.at..], "endraw") {
                self.at += after;
                return true;
            }
        }
        self.at = self.text.len();
        true
    }

    fn tokens(&mut self, end: &str) -> Vec<Token<'t>> {
        let mut tokens = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let blank = rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_whitespace())
                    .len();
            self.at += blank;
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return tokens;
            }
            if let Some(length) = end_of_tag(rest, end) {
                self.at += length;
                return tokens;
            }
            let (word, length) = token(rest);
            tokens.push(Token {
                word,
                at: self.at..self.at + length,
            });
            self.at += length;
        }
    }
}

impl<'t> Iterator for Tags<'t> {
    type Item = Tag<'t>;

    fn next(&mut self) -> Option<Tag<'t>> {
        loop {
            self.at += self.text[self.at..].find('{')?;
            let opened = self.text.as_bytes().get(self.at + 1).copied();
            self.at += 1;
            match opened {
                Some(b'#') => {
                    self.at += 1;
                    self.skip_past("#}");
                }
                Some(b'{') => return Some(self.tag("}}")),
                Some(b'%') => {
                    let start = self.at;
                    self.open();
                    if !self.skip_raw() {
                        self.at = start;
                        return Some(self.tag("%}"));
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'t> Tags<'t> {
    /// The tag whose second character comes next.
    fn tag(&mut self, end: &str) -> Tag<'t> {
        let start = self.at - 1;
        self.open();
        let tokens = self.tokens(end);
        Tag {
            is_block: end == "%}",
            at: start..self.at,
            tokens,
        }
    }

    /// Past the second character of the opening and the `-` that trims.
    fn open(&mut self) {
        self.at += 1;
        if self.text.as_bytes().get(self.at) == Some(&b'-') {
            self.at += 1;
        }
    }
}

/// The length of ` name -%}` if the text begins so.
fn tag_named(text: &str, name: &str) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let rest = text
        .strip_prefix('-')
        .unwrap_or(text)
        .trim_start_matches(blank);
    let rest = rest.strip_prefix(name)?.trim_start_matches(blank);
    let rest = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("%}")?;
    Some(text.len() - rest.len())
}

fn end_of_tag(rest: &str, end: &str) -> Option<usize> {
    let trimmed = rest.strip_prefix('-').unwrap_or(rest);
    trimmed
        .starts_with(end)
        .then(|| rest.len() - trimmed.len() + end.len())
}

fn token(rest: &str) -> (Word<'_>, usize) {
    let first = rest.as_bytes()[0];
    match first {
        b'"' | b'\'' | b'`' => string(rest, first),
        b'0'..=b'9' => (Word::Number, run(rest, |c| c.is_ascii_digit())),
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
            let length = run(rest, |c| c == b'_' || c.is_ascii_alphanumeric());
            (Word::Name(&rest[..length]), length)
        }
        _ => (
            Word::Sign(first),
            rest.chars().next().map_or(1, char::len_utf8),
        ),
    }
}

fn run(rest: &str, of: impl Fn(u8) -> bool) -> usize {
    rest.bytes().take_while(|&c| of(c)).count()
}

fn string(rest: &str, quote: u8) -> (Word<'_>, usize) {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let end = at.min(bytes.len());
    if rest.is_char_boundary(end) && end < bytes.len() {
        (Word::Text(&rest[1..end]), end + 1)
    } else {
        // Not closed: the engine refuses it; here it is the last token.
        (Word::Sign(quote), rest.len())
    }
}
