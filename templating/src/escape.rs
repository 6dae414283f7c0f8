//! How values are written into each type of file.

use std::io::{self, Write};

/// What kind of text a template makes; its file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `.html`, `.tpl`, and every name that no other kind claims: `& < > " '` become references.
    Html,
    /// `.xml`: as HTML, and characters that XML 1.0 forbids become U+FFFD.
    Xml,
    /// `.json`: values are the inside of a JSON string; the template writes the quotes, or uses
    /// the filter `json`, which writes a whole value.
    Json,
    /// `.txt`: values are written as they are.
    Text,
}

impl Kind {
    /// The kind of the file of this name.
    pub fn of(name: &str) -> Kind {
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("xml") => Kind::Xml,
            Some("json") => Kind::Json,
            Some("txt") => Kind::Text,
            _ => Kind::Html,
        }
    }

    /// The function that writes a value; the engine asks for a plain function.
    pub(crate) fn escape(self) -> fn(&str, &mut dyn Write) -> io::Result<()> {
        match self {
            Kind::Html => html,
            Kind::Xml => xml,
            Kind::Json => json,
            Kind::Text => |text, into| into.write_all(text.as_bytes()),
        }
    }
}

/// The five characters that can end text or an attribute in HTML.
pub(crate) fn html(text: &str, into: &mut dyn Write) -> io::Result<()> {
    let mut rest = text.as_bytes();
    while let Some(at) = first(rest) {
        if at > 0 {
            into.write_all(&rest[..at])?;
        }
        into.write_all(reference(rest[at]))?;
        rest = &rest[at + 1..];
    }
    if rest.is_empty() {
        return Ok(());
    }
    into.write_all(rest)
}

/// Bytes that are looked at together: a vector register of every processor that has them.
const BLOCK: usize = 16;

/// Where the first of the five is. Most values have none, and are looked at a block at a time; the
/// last block overlaps the one before, so that only texts shorter than one are read byte by byte.
fn first(bytes: &[u8]) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    if let Some(block) = blocks.iter().position(any) {
        let start = block * BLOCK;
        return position(&blocks[block]).map(|at| start + at);
    }
    match bytes.last_chunk::<BLOCK>() {
        Some(last) if !any(last) => None,
        Some(last) => position(last).map(|at| bytes.len() - BLOCK + at),
        None => position(bytes),
    }
}

/// Without a branch, so that the compiler makes vector instructions of it.
fn any(block: &[u8; BLOCK]) -> bool {
    let is_one = |c: u8| (c == b'&') | (c == b'<') | (c == b'>') | (c == b'"') | (c == b'\'');
    block.iter().fold(false, |found, &c| found | is_one(c))
}

fn position(bytes: &[u8]) -> Option<usize> {
    let is_one = |c: &u8| matches!(c, b'&' | b'<' | b'>' | b'"' | b'\'');
    bytes.iter().position(is_one)
}

fn reference(c: u8) -> &'static [u8] {
    match c {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        _ => b"&#39;",
    }
}

/// XML 1.0, section 2.2: no reference can stand for most control characters, so they are replaced.
fn xml(text: &str, into: &mut dyn Write) -> io::Result<()> {
    let forbidden = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    let mut pieces = text.split(forbidden);
    html(pieces.next().unwrap_or(""), into)?;
    for piece in pieces {
        into.write_all("\u{fffd}".as_bytes())?;
        html(piece, into)?;
    }
    Ok(())
}

/// RFC 8259, section 7.
fn json(text: &str, into: &mut dyn Write) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = rest
        .bytes()
        .position(|c| c < 0x20 || c == b'"' || c == b'\\')
    {
        into.write_all(&rest.as_bytes()[..at])?;
        match rest.as_bytes()[at] {
            b'"' => into.write_all(b"\\\"")?,
            b'\\' => into.write_all(b"\\\\")?,
            b'\n' => into.write_all(b"\\n")?,
            b'\r' => into.write_all(b"\\r")?,
            b'\t' => into.write_all(b"\\t")?,
            control => write!(into, "\\u{control:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    into.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(kind: Kind, text: &str) -> String {
        let mut into = Vec::new();
        kind.escape()(text, &mut into).unwrap();
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn each_kind_has_its_own_rules() {
        let text = "<a href=\"x\">it's & ü</a>\u{1}\n\\";
        assert_eq!(
            escaped(Kind::Html, text),
            "&lt;a href=&quot;x&quot;&gt;it&#39;s &amp; ü&lt;/a&gt;\u{1}\n\\"
        );
        assert_eq!(
            escaped(Kind::Xml, text),
            "&lt;a href=&quot;x&quot;&gt;it&#39;s &amp; ü&lt;/a&gt;\u{fffd}\n\\"
        );
        assert_eq!(
            escaped(Kind::Json, text),
            "<a href=\\\"x\\\">it's & ü</a>\\u0001\\n\\\\"
        );
        assert_eq!(escaped(Kind::Text, text), text);
    }

    /// One of the five, alone and with another behind it, at every place of texts of up to three
    /// blocks.
    #[test]
    fn no_place_is_missed() {
        let one_by_one = |text: &str| {
            let pieces = text.bytes().map(|c| match c {
                b'a' => "a",
                c => std::str::from_utf8(reference(c)).unwrap(),
            });
            pieces.collect::<String>()
        };
        for length in 1..=3 * BLOCK + 1 {
            for at in 0..length {
                for c in ["&", "<", ">", "\"", "'"] {
                    let mut text = "a".repeat(length);
                    text.replace_range(at..=at, c);
                    assert_eq!(escaped(Kind::Html, &text), one_by_one(&text));
                    text.replace_range(length - 1.., "<");
                    assert_eq!(escaped(Kind::Html, &text), one_by_one(&text));
                }
            }
        }
    }

    #[test]
    fn what_is_no_known_kind_is_escaped_as_html() {
        assert_eq!(Kind::of("a.html"), Kind::Html);
        assert_eq!(Kind::of("a.tpl"), Kind::Html);
        assert_eq!(Kind::of("a"), Kind::Html);
        assert_eq!(Kind::of("a.txt.html"), Kind::Html);
        assert_eq!(Kind::of("a.svg"), Kind::Html);
        assert_eq!(Kind::of("robots.txt"), Kind::Text);
        assert_eq!(Kind::of("feed.xml"), Kind::Xml);
        assert_eq!(Kind::of("a.json"), Kind::Json);
    }
}
