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
    replace(text, into, |c| match c {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&#39;"),
        _ => None,
    })
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

fn replace(
    text: &str,
    into: &mut dyn Write,
    with: impl Fn(u8) -> Option<&'static str>,
) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(reference) = with(byte) {
            into.write_all(&bytes[written..at])?;
            into.write_all(reference.as_bytes())?;
            written = at + 1;
        }
    }
    into.write_all(&bytes[written..])
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
