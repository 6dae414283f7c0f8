//! Free texts: one form for what looks the same, and no character that hides or turns others.

use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{number, wrong};
use crate::model::Wrong;

/// Whether a text has lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One line: no control characters at all.
    Line,
    /// A text of many: line feeds and tabs belong to it.
    Lines,
}

/// Whether a character changes the direction of its neighbours without being seen.
pub fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}' | '\u{061C}')
}

/// Whether a character ends a line for some programs, and for others (and on a page) not.
pub fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character is not seen at all: of no width, a blank that counts as a letter, or a tag.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2064}'
        | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E007F}')
}

/// The lines, from 1, that hold such characters, with the first one of each.
pub fn lines_with(
    text: &str,
    is_such: impl Fn(char) -> bool,
) -> impl Iterator<Item = (usize, char)> {
    let found = move |(at, line): (usize, &str)| {
        let c = line.chars().find(|c| is_such(*c))?;
        Some((at + 1, c))
    };
    text.lines().enumerate().filter_map(found)
}

/// The form in which texts are kept: composed (NFC), LF at the ends of lines, no blanks around it.
///
/// ```
/// assert_eq!(glsr::rules::tidy(" e\u{301}t\u{e9}\r\n "), "\u{e9}t\u{e9}");
/// ```
pub fn tidy(text: &str) -> String {
    text.trim().replace("\r\n", "\n").nfc().collect()
}

/// Whether a free text may stay as it is: `chars_max` characters, in the form of [`tidy`], without
/// control characters and without those of [`is_bidi`]; in one line also without those of [`is_hidden`].
///
/// # Errors
///
/// With `field`: `long` (`n` is the limit), `control`, `bidi`, `hidden` (`n` is the place of the character, from 1),
/// `nfc`.
///
/// ```
/// use glsr::rules::{Kind, free_text};
/// assert!(free_text("title", "Disk usage", 120, Kind::Line).is_ok());
/// assert_eq!(free_text("title", "a\u{202e}b", 120, Kind::Line).unwrap_err().n, 2);
/// ```
pub fn free_text(
    field: &'static str,
    text: &str,
    chars_max: usize,
    kind: Kind,
) -> Result<(), Wrong> {
    if text.chars().count() > chars_max {
        return Err(wrong(field, "long", number(chars_max)));
    }
    for (at, c) in text.chars().enumerate() {
        let key = match c {
            '\n' | '\t' if kind == Kind::Lines => continue,
            c if c.is_control() || is_separator(c) => "control",
            c if is_bidi(c) => "bidi",
            c if kind == Kind::Line && is_hidden(c) => "hidden",
            _ => continue,
        };
        return Err(wrong(field, key, number(at + 1)));
    }
    if !is_nfc(text) {
        return Err(wrong(field, "nfc", 0));
    }
    Ok(())
}

/// A source text with marks for what a page would not show: characters that turn the direction, end a line or
/// are not seen, and control characters other than the tab and those at the ends of lines.
///
/// ```
/// assert_eq!(glsr::rules::visible("a\u{202e}b\u{1b}[1m\n"), "a\u{27e6}U+202E\u{27e7}b\u{241b}[1m\n");
/// ```
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' | '\r' => shown.push(c),
            // U+2400 and on are pictures of the control characters, in their order.
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + c as u32).unwrap_or(c)),
            '\u{7f}' => shown.push('\u{2421}'),
            c if is_bidi(c)
                || is_separator(c)
                || is_hidden(c)
                || ('\u{80}'..='\u{9f}').contains(&c) =>
            {
                shown.push_str(&format!("\u{27e6}U+{:04X}\u{27e7}", c as u32));
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_hide_something() {
        let check = |text: &str, kind| free_text("x", text, 10, kind).map_err(|w| (w.key, w.n));
        assert_eq!(check("déjà vu", Kind::Line), Ok(()));
        assert_eq!(check("a\n\tb", Kind::Lines), Ok(()));
        assert_eq!(check("a\nb", Kind::Line), Err(("control", 2)));
        assert_eq!(check("a\rb", Kind::Lines), Err(("control", 2)));
        assert_eq!(check("a\0", Kind::Lines), Err(("control", 2)));
        assert_eq!(check("\u{1b}", Kind::Line), Err(("control", 1)));
        assert_eq!(check("a\u{2028}", Kind::Lines), Err(("control", 2)));
        assert_eq!(check("ada\u{200b}", Kind::Line), Err(("hidden", 4)));
        assert_eq!(check("\u{1f469}\u{200d}\u{1f4bb}", Kind::Lines), Ok(()));
        assert_eq!(check("e\u{301}", Kind::Line), Err(("nfc", 0)));
        assert_eq!(check("12345678901", Kind::Line), Err(("long", 10)));
        for c in [
            '\u{202A}', '\u{202E}', '\u{2066}', '\u{2069}', '\u{200E}', '\u{200F}',
        ] {
            assert_eq!(check(&format!("ab{c}"), Kind::Lines), Err(("bidi", 3)));
        }
    }

    #[test]
    fn what_is_tidy_passes() {
        for text in [" e\u{301} ", "a\r\nb", "\u{1100}\u{1161}"] {
            assert_eq!(
                free_text("x", &tidy(text), 10, Kind::Lines),
                Ok(()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn marks() {
        assert_eq!(visible("x\ty\r\n"), "x\ty\r\n");
        assert_eq!(visible("\u{2066}\0\u{85}"), "⟦U+2066⟧␀⟦U+0085⟧");
        assert_eq!(
            visible("a\u{2028}b\u{200b}\u{3164}"),
            "a⟦U+2028⟧b⟦U+200B⟧⟦U+3164⟧"
        );
        let found: Vec<_> = lines_with("a\nb\u{200f}\n\nc\u{202e}\u{202c}", is_bidi).collect();
        assert_eq!(found, [(2, '\u{200f}'), (4, '\u{202e}')]);
    }
}
