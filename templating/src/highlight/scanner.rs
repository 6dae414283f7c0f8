//! Reads a text once, from the front, and says what each stretch of it is.
//!
//! There is no recursion and nothing is taken back. Each step takes at least one byte; where a step
//! looks ahead for an end and finds none, it takes what it has looked at, or notes how far there is
//! none ([`Scanner::barren`]), so that the time is linear in the text whatever it holds.

mod heredoc;
mod strings;
mod words;

use std::collections::{HashMap, VecDeque};

use super::syntax::{Holes, Syntax};
use heredoc::Pending;
pub(super) use strings::partner;

/// What a stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Plain,
    Comment,
    Text,
    Keyword,
    Builtin,
    Number,
    Variable,
    Function,
    /// Shebangs, preprocessor lines, attributes, tags of other tools.
    Meta,
    Inserted,
    Deleted,
}

/// A stretch of text: from the end of the one before to `end`, a byte offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub class: Class,
    pub end: usize,
}

/// What stood before: it tells a division from a regular expression.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Before {
    Value,
    Operator,
}

/// What the scanner is inside of.
#[derive(Clone, Copy)]
enum Frame<'t> {
    /// A string up to `close`.
    Text(Open<'t>),
    /// Code inside of a string, up to the bracket that closes it.
    Code { open: u8, close: u8, depth: usize },
}

/// A string that is open.
#[derive(Clone, Copy)]
pub(super) struct Open<'t> {
    pub close: &'t str,
    /// The bracket that must be closed as often as it is opened before the string ends, or NUL.
    pub nests: u8,
    pub depth: usize,
    pub escape: u8,
    pub lines: bool,
    pub holes: Holes,
    pub then: Then,
}

/// What may follow the end of a string.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    Nothing,
    /// Letters: `/…/gi`.
    Flags,
    /// A second string, then letters: `s/…/…/g`, `s{…} {…}g`.
    Second,
}

/// Strings in code in strings, and so on: beyond this they are text. More is no script of a person.
const FRAMES_MAX: usize = 64;

/// A text on its way.
pub(super) struct Scanner<'t> {
    pub text: &'t str,
    pub bytes: &'t [u8],
    /// All before it has been told. At most `bytes.len()`.
    pub at: usize,
    pub before: Before,
    /// Whether a command may stand here; only in languages of commands.
    pub command: bool,
    /// Whether `in` is a keyword: between `for` or `case` and the end of the line.
    awaits_in: bool,
    /// Whether the next word is the name that is being defined.
    defines: bool,
    /// Whether no hook has asked yet: see [`Self::is_first`].
    fresh: bool,
    /// No slash closes a regular expression before this place.
    barren: usize,
    syntax: &'static Syntax,
    frames: Vec<Frame<'t>>,
    pending: VecDeque<Pending<'t>>,
    /// Where each line that could end a here-document stands last; made when one is met.
    last_lines: Option<HashMap<&'t str, usize>>,
    tokens: Vec<Token>,
}

/// Says what each stretch of the text is. The last token ends where the text does.
pub(super) fn scan(text: &str, syntax: &'static Syntax) -> Vec<Token> {
    let mut scanner = Scanner::new(text, syntax);
    scanner.shebang();
    while scanner.at < text.len() {
        let (at, frames) = (scanner.at, scanner.frames.len());
        scanner.step();
        if scanner.at == at && scanner.frames.len() >= frames {
            scanner.put(Class::Plain, at + 1);
        }
    }
    scanner.tokens
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str, syntax: &'static Syntax) -> Scanner<'t> {
        Scanner {
            text,
            bytes: text.as_bytes(),
            at: 0,
            before: Before::Operator,
            command: true,
            awaits_in: false,
            defines: false,
            fresh: true,
            barren: 0,
            syntax,
            frames: Vec::new(),
            pending: VecDeque::new(),
            last_lines: None,
            tokens: Vec::with_capacity(text.len() / 8),
        }
    }

    /// Tells that the text up to `end` is of this class. An end inside of a character moves behind it.
    pub fn put(&mut self, class: Class, end: usize) {
        let end = self.text.ceil_char_boundary(end);
        if end <= self.at {
            return;
        }
        self.at = end;
        match self.tokens.last_mut() {
            Some(last) if last.class == class => last.end = end,
            _ => self.tokens.push(Token { class, end }),
        }
    }

    /// As [`Self::put`], of what is a value.
    pub fn put_value(&mut self, class: Class, end: usize) {
        self.put(class, end);
        self.before = Before::Value;
        self.command = false;
        self.defines = false;
    }

    /// Whether the name that is being defined stands here.
    pub fn is_defining(&self) -> bool {
        self.defines
    }

    /// Whether this is asked for the first time.
    pub fn is_first(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    /// The byte so many behind this place, or NUL.
    pub fn peek(&self, ahead: usize) -> u8 {
        self.byte(self.at + ahead)
    }

    /// The byte at a place, or NUL.
    pub fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before this place, or a line end.
    pub fn last(&self) -> u8 {
        match self.at {
            0 => b'\n',
            at => self.bytes[at - 1],
        }
    }

    /// Whether the text goes on so.
    pub fn sees(&self, what: &str) -> bool {
        self.bytes[self.at..].starts_with(what.as_bytes())
    }

    /// Where the line that `from` is in ends: at its line feed, or with the text.
    pub fn line_end(&self, from: usize) -> usize {
        let from = from.min(self.bytes.len());
        let found = self.bytes[from..].iter().position(|&byte| byte == b'\n');
        found.map_or(self.bytes.len(), |length| from + length)
    }

    /// Behind the next `what`, or the end of the text.
    pub fn behind(&self, what: &str, from: usize) -> usize {
        let from = self.text.ceil_char_boundary(from);
        let found = self.text[from..].find(what);
        found.map_or(self.bytes.len(), |at| from + at + what.len())
    }

    /// The first place from `from` whose byte is none of these.
    pub fn skip(&self, from: usize, skipped: impl Fn(u8) -> bool) -> usize {
        let from = from.min(self.bytes.len());
        let length = self.bytes[from..].iter().position(|&byte| !skipped(byte));
        length.map_or(self.bytes.len(), |length| from + length)
    }

    /// Whether only blanks stand before this place on its line. Cheap for code; a line of nothing
    /// but blanks is taken in one step, so that it is looked at once.
    pub fn opens_line(&self) -> bool {
        let blanks = self.bytes[..self.at]
            .iter()
            .rev()
            .take_while(|byte| is_blank(**byte));
        let at = self.at - blanks.count();
        at == 0 || self.bytes[at - 1] == b'\n'
    }

    fn step(&mut self) {
        match self.frames.last().copied() {
            Some(Frame::Text(open)) => self.in_text(open),
            Some(Frame::Code { open, close, depth }) => self.in_hole(open, close, depth),
            None => self.in_code(),
        }
    }

    /// One step of code inside of a string.
    fn in_hole(&mut self, open: u8, close: u8, depth: usize) {
        let byte = self.peek(0);
        let depth = match byte {
            _ if byte == open => depth + 1,
            _ if byte == close && depth == 0 => {
                self.frames.pop();
                return self.put(Class::Plain, self.at + 1);
            }
            _ if byte == close => depth - 1,
            _ => return self.in_code(),
        };
        if let Some(Frame::Code { depth: kept, .. }) = self.frames.last_mut() {
            *kept = depth;
        }
        self.operator();
    }

    fn in_code(&mut self) {
        let byte = self.peek(0);
        match byte {
            b'\n' => self.line_feed(),
            _ if is_blank(byte) => {
                let end = self.skip(self.at, is_blank);
                self.put(Class::Plain, end);
            }
            _ if (self.syntax.hook)(self) => {}
            _ if self.comment() || self.heredoc() || self.string() => {}
            _ if self.variable() || self.regex() || self.number() || self.word() => {}
            _ => self.operator(),
        }
    }

    fn line_feed(&mut self) {
        let goes_on = self.last() == b'\\' || self.bytes[..self.at].ends_with(b"\\\r");
        self.put(Class::Plain, self.at + 1);
        self.before = Before::Operator;
        if !goes_on {
            self.command = true;
            self.awaits_in = false;
            self.defines = false;
        }
        self.heredoc_bodies();
    }

    fn operator(&mut self) {
        let byte = self.peek(0);
        self.before = match byte {
            b')' | b']' | b'}' => Before::Value,
            _ => Before::Operator,
        };
        if self.syntax.command_after.contains(&byte) {
            self.command = true;
            self.awaits_in &= byte != b';';
        } else if !byte.is_ascii_whitespace() && byte != b'!' {
            self.command = false;
        }
        self.defines = false;
        self.put(Class::Plain, self.at + 1);
    }

    /// The first line, where it names an interpreter.
    fn shebang(&mut self) {
        if self.sees("#!") && !self.sees("#![") {
            self.put(Class::Meta, self.line_end(0));
        }
    }

    fn comment(&mut self) -> bool {
        let syntax = self.syntax;
        for (open, close) in syntax.block_comments {
            if self.sees(open) {
                let end = self.comment_end(open, close);
                self.put(Class::Comment, end);
                return true;
            }
        }
        let open = syntax.line_comments.iter().find(|open| self.sees(open));
        if open.is_none() || syntax.comment_after_blank && !self.ends_word() {
            return false;
        }
        self.put(Class::Comment, self.line_end(self.at));
        true
    }

    /// Whether the byte before this place ends a word of a shell.
    fn ends_word(&self) -> bool {
        let last = self.last();
        last.is_ascii_whitespace() || b";&|()`".contains(&last)
    }

    fn comment_end(&self, open: &str, close: &str) -> usize {
        if !self.syntax.comments_nest {
            return self.behind(close, self.at + open.len());
        }
        let (mut depth, mut at) = (0_usize, self.at);
        while at < self.bytes.len() {
            if self.bytes[at..].starts_with(open.as_bytes()) {
                depth += 1;
                at += open.len();
            } else if self.bytes[at..].starts_with(close.as_bytes()) {
                depth -= 1;
                at += close.len();
            } else {
                at += 1;
            }
            if depth == 0 {
                break;
            }
        }
        at
    }
}

/// What separates words on a line.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

/// What words are made of: letters, digits, `_`, and all that is not ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
