//! Strings, their holes, and regular expressions.

use super::{Before, Class, FRAMES_MAX, Frame, Open, Scanner, Then, is_word};
use crate::highlight::syntax::{Holes, Quoted};

impl<'t> Scanner<'t> {
    pub(super) fn string(&mut self) -> bool {
        let syntax = self.syntax;
        let Some(quoted) = syntax.strings.iter().find(|quoted| self.sees(quoted.open)) else {
            return false;
        };
        if syntax.string_after_blank && !self.awaits_value() {
            return false;
        }
        self.open_quoted(quoted);
        true
    }

    fn awaits_value(&self) -> bool {
        let last = self.last();
        last.is_ascii_whitespace() || b"([{,=:".contains(&last)
    }

    /// Begins a string of the table.
    pub fn open_quoted(&mut self, quoted: &Quoted) {
        self.open(
            self.at + quoted.open.len(),
            Open {
                close: quoted.close,
                nests: 0,
                depth: 0,
                escape: quoted.escape,
                lines: quoted.lines,
                holes: quoted.holes,
                then: Then::Nothing,
            },
        );
    }

    /// Begins a string whose own text begins at `body`.
    pub fn open(&mut self, body: usize, open: Open<'t>) {
        self.put_value(Class::Text, body);
        self.frames.push(Frame::Text(open));
    }

    /// One step of a string: up to a hole, its end, or the end of its line.
    pub(super) fn in_text(&mut self, mut open: Open<'t>) {
        let close = open.close.as_bytes();
        let mut at = self.at;
        while at < self.bytes.len() {
            let byte = self.bytes[at];
            if open.escape != 0 && byte == open.escape {
                at += 2;
            } else if open.nests != 0 && byte == open.nests {
                open.depth += 1;
                at += 1;
            } else if close.first() == Some(&byte) && self.bytes[at..].starts_with(close) {
                at += close.len();
                if open.depth == 0 {
                    self.end_text(at);
                    return self.follow(open);
                }
                open.depth -= 1;
            } else if byte == b'\n' && !open.lines {
                return self.end_text(at);
            } else if self.is_hole(at, &open) {
                if let Some(Frame::Text(kept)) = self.frames.last_mut() {
                    *kept = open;
                }
                self.put(Class::Text, at);
                return self.hole(open.holes);
            } else {
                at += 1;
            }
        }
        self.end_text(at);
    }

    fn end_text(&mut self, end: usize) {
        self.put_value(Class::Text, end);
        self.frames.pop();
        self.before = Before::Value;
    }

    /// What belongs to a string behind its end.
    fn follow(&mut self, open: Open<'t>) {
        match open.then {
            Then::Nothing => {}
            Then::Flags => {
                let end = self.skip(self.at, |byte| byte.is_ascii_alphabetic());
                self.put(Class::Text, end);
            }
            Then::Second => self.second(open),
        }
    }

    /// `s/a/b/` goes on right here, `s{a} {b}` with the next bracket.
    fn second(&mut self, mut open: Open<'t>) {
        open.then = Then::Flags;
        if open.nests == 0 {
            return self.open(self.at, open);
        }
        let next = self.skip(self.at, |byte| byte.is_ascii_whitespace());
        if let Some((nests, close)) = partner(self.byte(next)) {
            (open.nests, open.close) = (nests, close);
            self.put(Class::Plain, next);
            self.open(next + 1, open);
        }
    }

    fn is_hole(&self, at: usize, open: &Open<'_>) -> bool {
        let (byte, holes) = (self.bytes[at], open.holes);
        // `$` before the end of a regular expression is no variable.
        if self.bytes[at + 1..].starts_with(open.close.as_bytes()) {
            return false;
        }
        let code = holes.code.is_some_and(|(open, ..)| {
            self.bytes[at..].starts_with(open.as_bytes()) && self.frames.len() < FRAMES_MAX
        });
        code || holes.sigils.contains(&byte) && self.variable_in_text(at).is_some()
    }

    fn hole(&mut self, holes: Holes) {
        if let Some((begin, open, close)) = holes.code
            && self.sees(begin)
            && self.frames.len() < FRAMES_MAX
        {
            self.put(Class::Plain, self.at + begin.len());
            self.before = Before::Operator;
            self.command = true;
            let depth = 0;
            return self.frames.push(Frame::Code { open, close, depth });
        }
        if let Some(end) = self.variable_in_text(self.at) {
            self.put(Class::Variable, end);
        }
    }

    /// As [`Self::variable_end`]; most signs behind a `$` in a text are just signs.
    fn variable_in_text(&self, at: usize) -> Option<usize> {
        let next = self.byte(at + 1);
        let possible = is_word(next) || b"{($@#*?!-&".contains(&next);
        self.variable_end(at).filter(|_| possible)
    }

    /// Text up to `end` with the variables in it, without code.
    pub(super) fn interpolated(&mut self, end: usize, sigils: &[u8]) {
        let mut at = self.at;
        while at < end {
            match self.bytes[at] {
                b'\\' => at += 2,
                byte if sigils.contains(&byte) => match self.variable_in_text(at) {
                    Some(behind) => {
                        self.put(Class::Text, at);
                        self.put(Class::Variable, behind.min(end));
                        at = self.at.max(at + 1);
                    }
                    None => at += 1,
                },
                _ => at += 1,
            }
        }
        self.put(Class::Text, end);
    }

    /// `/…/flags`, where a value is expected and a slash closes it on its line.
    pub(super) fn regex(&mut self) -> bool {
        let here = self.syntax.regex && self.peek(0) == b'/' && self.before == Before::Operator;
        if !here || self.at < self.barren {
            return false;
        }
        let (mut at, mut in_set) = (self.at + 1, false);
        loop {
            match self.byte(at) {
                b'/' if !in_set => break,
                b'\n' | 0 => {
                    self.barren = at;
                    return false;
                }
                b'\\' if self.byte(at + 1) != b'\n' => at += 1,
                b'[' => in_set = true,
                b']' => in_set = false,
                _ => {}
            }
            at += 1;
        }
        let end = self.skip(at + 1, |byte| byte.is_ascii_alphabetic());
        self.put_value(Class::Text, end);
        true
    }

    /// Behind a bracket's partner on the same line, or the line's end.
    pub fn behind_bracket(&self, from: usize, open: u8, close: u8) -> usize {
        let (mut depth, mut at) = (0_usize, from);
        while at < self.bytes.len() {
            match self.bytes[at] {
                b'\n' => return at,
                b'\\' if self.byte(at + 1) != b'\n' => at += 1,
                byte if byte == open => depth += 1,
                byte if byte == close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at + 1;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        self.bytes.len()
    }

    pub(super) fn variable(&mut self) -> bool {
        let byte = self.peek(0);
        if !self.syntax.variables.sigils.contains(&byte) {
            return false;
        }
        // `%` and `&` behind a value are operators.
        if matches!(byte, b'%' | b'&') && self.before == Before::Value {
            return false;
        }
        let Some(end) = self.variable_end(self.at) else {
            return false;
        };
        self.put_value(Class::Variable, end);
        true
    }

    /// Where the variable whose sigil is at `at` ends, if there is one.
    pub(super) fn variable_end(&self, at: usize) -> Option<usize> {
        let rules = &self.syntax.variables;
        let sigil = self.byte(at);
        // `$#list` of Perl, `@$list`, `@@name` of Ruby, `$$name`.
        let mut name = at + 1;
        if sigil == b'$' && self.byte(name) == b'#' && rules.sigils.contains(&b'@') {
            let next = self.byte(name + 1);
            name += usize::from(is_word(next) || matches!(next, b'{' | b'$'));
        }
        if sigil != b'$' || is_word(self.byte(name + 1)) {
            let doubled = self.byte(name);
            name += usize::from(rules.sigils.contains(&doubled) && b"$@".contains(&doubled));
        }
        let next = self.byte(name);
        let bracketed = sigil == b'$' || rules.all_brackets;
        let bracket = rules
            .brackets
            .iter()
            .find(|(open, _)| bracketed && *open == next);
        match bracket {
            Some(&(open, close)) => Some(self.behind_bracket(name, open, close)),
            None if next.is_ascii_digit() => Some(self.skip(name, |byte| byte.is_ascii_digit())),
            None if is_word(next) => Some(self.name_end(name, rules.join)),
            None if sigil == b'$' && next != 0 && rules.special.contains(&next) => Some(name + 1),
            None => None,
        }
    }

    /// Behind a name whose parts are joined so.
    fn name_end(&self, from: usize, join: &str) -> usize {
        let mut at = self.skip(from, is_word);
        while !join.is_empty()
            && self.bytes[at..].starts_with(join.as_bytes())
            && is_word(self.byte(at + join.len()))
        {
            at = self.skip(at + join.len(), is_word);
        }
        at
    }
}

/// What closes a literal that such a byte opens, and the byte that nests in it.
pub(crate) fn partner(open: u8) -> Option<(u8, &'static str)> {
    let close = match open {
        b'(' => ")",
        b'[' => "]",
        b'{' => "}",
        b'<' => ">",
        b'/' => "/",
        b'|' => "|",
        b'!' => "!",
        b'#' => "#",
        b',' => ",",
        b'~' => "~",
        b'@' => "@",
        b'%' => "%",
        b'^' => "^",
        b'+' => "+",
        b'"' => "\"",
        b'\'' => "'",
        _ => return None,
    };
    let nests = if b"([{<".contains(&open) { open } else { 0 };
    Some((nests, close))
}
