//! The bytes of a script: what is taken at all, and what is taken with a remark.

use sha2::{Digest, Sha256};

use super::{is_bidi, is_hidden, is_separator, lines_with, number, wrong};
use crate::findings::said;
use crate::model::{Finding, Level, Source, Wrong};

/// Lines of a script at most.
pub const LINES_MAX: usize = 20_000;
/// Bytes of one line at most, its end not counted.
pub const LINE_BYTES_MAX: usize = 10_000;
/// Remarks on lines with characters of one kind that are not what one reads, at most; one says that there are more.
const ODD_LINES_MAX: usize = 10;

/// Whether a character is of a kind.
type IsSuch = fn(char) -> bool;

/// The text of a script of at most `max` bytes, and what was noticed in it: line ends of DOS (`crlf`), a byte
/// order mark (`bom`), characters that turn the direction (`bidi`), end a line for some programs (`separator`) or are
/// not seen (`hidden`). Every byte stays, except in a pasted
/// text, whose line ends are those of the browser and become LF.
///
/// # Errors
///
/// With the field `source`: `source_empty`, `source_large` (`n` is the limit), `source_utf8` and `source_nul`
/// (`n` is the offset of the byte, from 0), `source_lines` (`n` is the limit), `source_line` (`n` is the number of
/// the line that is too long).
///
/// ```
/// use glsr::{model::Source, rules::source};
/// let pasted = Source { bytes: b"#!/bin/sh\r\nls\r\n".to_vec(), pasted: true, ..Source::default() };
/// assert_eq!(source(pasted, 1000).unwrap(), ("#!/bin/sh\nls\n".to_owned(), vec![]));
/// ```
pub fn source(source: Source, max: usize) -> Result<(String, Vec<Finding>), Wrong> {
    let refuse = |key, n: usize| Err(wrong("source", key, number(n)));
    if source.bytes.is_empty() {
        return refuse("source_empty", 0);
    }
    let text = match String::from_utf8(source.bytes) {
        Ok(text) if source.pasted => text.replace("\r\n", "\n"),
        Ok(text) => text,
        Err(error) if error.as_bytes().len() > max => return refuse("source_large", max),
        Err(error) => return refuse("source_utf8", error.utf8_error().valid_up_to()),
    };
    if text.len() > max {
        return refuse("source_large", max);
    }
    if let Some(at) = text.bytes().position(|b| b == 0) {
        return refuse("source_nul", at);
    }
    if text.trim().is_empty() {
        return refuse("source_empty", 0);
    }
    if text.lines().count() > LINES_MAX {
        return refuse("source_lines", LINES_MAX);
    }
    if let Some(at) = text.lines().position(|line| line.len() > LINE_BYTES_MAX) {
        return refuse("source_line", at + 1);
    }
    let found = noticed(&text);
    Ok((text, found))
}

/// SHA-256 in lower-case hexadecimal, 64 characters.
///
/// ```
/// assert!(glsr::rules::sha256(b"").starts_with("e3b0c44298fc1c14"));
/// ```
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What was noticed in a text, as [`source`] says; also for texts that were taken long ago.
pub fn noticed(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut note = |checker: &str, level, line, message: String| {
        found.push(Finding {
            checker: checker.to_owned(),
            level,
            line: number(line),
            message,
        });
    };
    if let Some(body) = text.strip_prefix('\u{feff}') {
        let key = if body.starts_with("#!") {
            "bom-shebang"
        } else {
            "bom"
        };
        note("bom", Level::Warn, 1, said(key, &[]));
    }
    let ends: Vec<usize> = text
        .split_inclusive('\n')
        .enumerate()
        .filter(|(_, line)| line.ends_with("\r\n"))
        .map(|(at, _)| at + 1)
        .collect();
    if let Some(&first) = ends.first() {
        let of = text.split_inclusive('\n').count();
        if first == 1 && text.starts_with("#!") {
            note("crlf", Level::Error, 1, said("crlf-shebang", &[]));
        } else {
            let (n, of) = (ends.len().to_string(), of.to_string());
            let message = said("crlf", &[("n", &n), ("of", &of)]);
            note("crlf", Level::Warn, first, message);
        }
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let kinds: [(&str, Level, IsSuch); 3] = [
        ("bidi", Level::Error, is_bidi),
        ("separator", Level::Error, is_separator),
        ("hidden", Level::Warn, is_hidden),
    ];
    for (what, level, is_such) in kinds {
        let mut lines = lines_with(body, is_such);
        for (line, c) in lines.by_ref().take(ODD_LINES_MAX) {
            let c = format!("U+{:04X}", c as u32);
            note(what, level, line, said(what, &[("c", &c)]));
        }
        let more = lines.count();
        if more > 0 {
            note(
                what,
                level,
                0,
                said("more-lines", &[("n", &more.to_string())]),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 256 * 1024;

    fn file(bytes: impl AsRef<[u8]>) -> Result<(String, Vec<Finding>), Wrong> {
        source(
            Source {
                bytes: bytes.as_ref().to_vec(),
                ..Source::default()
            },
            MAX,
        )
    }

    fn found(text: &str) -> Vec<(String, Level, i64)> {
        file(text)
            .unwrap()
            .1
            .into_iter()
            .map(|f| (f.checker, f.level, f.line))
            .collect()
    }

    #[test]
    fn refused_bytes() {
        let long_line = format!("a\n{}\n", "x".repeat(LINE_BYTES_MAX + 1));
        for (bytes, key, n) in [
            (b"".to_vec(), "source_empty", 0),
            (b" \r\n".to_vec(), "source_empty", 0),
            (b"ab\0c".to_vec(), "source_nul", 2),
            (b"ab\xff".to_vec(), "source_utf8", 2),
            (vec![b'x'; MAX + 1], "source_large", MAX),
            (vec![0xff; MAX + 1], "source_large", MAX),
            (b"\n".repeat(LINES_MAX + 1), "source_empty", 0),
            (b"a\n".repeat(LINES_MAX + 1), "source_lines", LINES_MAX),
            (long_line.into_bytes(), "source_line", 2),
        ] {
            assert_eq!(file(&bytes), Err(wrong("source", key, number(n))));
        }
    }

    #[test]
    fn limits_are_taken() {
        assert!(file(b"a\n".repeat(LINES_MAX)).is_ok());
        assert!(file("x".repeat(LINE_BYTES_MAX) + "\r\n").is_ok());
        assert!(file(("x".repeat(1023) + "\n").repeat(256)).is_ok());
    }

    #[test]
    fn bytes_of_files_stay() {
        let text = "\u{feff}#!/bin/sh\r\nls\r\n";
        assert_eq!(file(text).unwrap().0, text);
        assert_eq!(
            found(text),
            [
                ("bom".to_owned(), Level::Warn, 1),
                ("crlf".to_owned(), Level::Warn, 1),
            ]
        );
        assert_eq!(
            found("#!/bin/sh\r\n"),
            [("crlf".to_owned(), Level::Error, 1)]
        );
        assert_eq!(found("a\nb\r\n"), [("crlf".to_owned(), Level::Warn, 2)]);
        assert_eq!(found("a\nb\r"), []);
    }

    #[test]
    fn lines_that_are_not_what_one_reads() {
        assert_eq!(
            found("a\nb\u{202e}c\n"),
            [("bidi".to_owned(), Level::Error, 2)]
        );
        let many = found(&"\u{2066}\n".repeat(12));
        assert_eq!((many.len(), many[10].2), (11, 0));
    }

    #[test]
    fn characters_that_nobody_sees() {
        let of = |what: &str, level| (what.to_owned(), level, 2);
        assert_eq!(found("a\n// b\u{2028}c\n"), [of("separator", Level::Error)]);
        assert_eq!(found("a\nb\u{200b}c\n"), [of("hidden", Level::Warn)]);
        assert_eq!(found("a\nb\u{3164}c\u{ad}\n"), [of("hidden", Level::Warn)]);
    }

    #[test]
    fn hashes() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
    }
}
