//! Entity tags (RFC 9110, 8.8.3): from what an author writes, and in the lists that clients send.

use std::fmt;

/// An entity tag. Written out, it is as the header field has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    weak: bool,
    /// Without quotation marks.
    opaque: &'a str,
}

impl<'a> Tag<'a> {
    /// From `x`, `"x"`, `W/x` or `W/"x"`; `None` if a character has no place in a tag.
    pub fn of(text: &'a str) -> Option<Tag<'a>> {
        let (weak, rest) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let inner = rest
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let opaque = inner.unwrap_or(rest);
        // Bytes beyond ASCII may be in a tag, but not everybody takes them.
        let fits = opaque
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        (fits && !text.is_empty()).then_some(Tag { weak, opaque })
    }

    /// This tag in the form in which `If-None-Match` has it, by weak comparison: who got the page compressed
    /// knows its strong tag as a weak one. `None` if it is not listed.
    pub fn known_as<'v>(self, fields: impl Iterator<Item = &'v [u8]>) -> Option<Tag<'a>> {
        let mut known = None;
        for field in fields {
            let field = field.trim_ascii();
            if field == b"*" {
                return Some(self);
            }
            for (weak, opaque) in Listed(field) {
                if opaque != self.opaque.as_bytes() {
                    continue;
                }
                let weak = weak || self.weak;
                if weak == self.weak {
                    return Some(self);
                }
                known = Some(Tag { weak, ..self });
            }
        }
        known
    }
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.weak { "W/" } else { "" };
        write!(f, "{prefix}\"{}\"", self.opaque)
    }
}

/// The tags of a list, which ends where it is malformed: whether each is weak, and it without its quotation
/// marks, between which a comma may stand.
struct Listed<'v>(&'v [u8]);

impl<'v> Iterator for Listed<'v> {
    type Item = (bool, &'v [u8]);

    fn next(&mut self) -> Option<(bool, &'v [u8])> {
        let start = self.0.iter().position(|byte| !b", \t".contains(byte))?;
        let rest = &self.0[start..];
        let tag = rest.strip_prefix(b"W/").unwrap_or(rest);
        let inner = tag.strip_prefix(b"\"")?;
        let len = inner.iter().position(|byte| *byte == b'"')?;
        self.0 = &inner[len + 1..];
        Some((tag.len() != rest.len(), &inner[..len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_get_their_quotation_marks() {
        for (text, expected) in [
            ("v1", "\"v1\""),
            ("\"v1\"", "\"v1\""),
            ("W/v1", "W/\"v1\""),
            ("W/\"v1\"", "W/\"v1\""),
            ("\"\"", "\"\""),
            ("sha256-00+/=,", "\"sha256-00+/=,\""),
            ("w/x", "\"w/x\""),
        ] {
            let tag = Tag::of(text).unwrap();
            assert_eq!(tag.to_string(), expected, "{text}");
        }
        for text in ["", "a b", "a\"b", "\"a", "a\"", "\u{e9}", "a\n", "*\t"] {
            assert_eq!(Tag::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_tag_is_found_in_lists() {
        for (tag, list, expected) in [
            ("a", "\"a\"", Some("\"a\"")),
            ("a", "W/\"a\"", Some("W/\"a\"")),
            ("a", "W/\"a\", \"a\"", Some("\"a\"")),
            ("a", "\"x,y\",,\tW/\"z\" , \"a\"", Some("\"a\"")),
            ("a", " * ", Some("\"a\"")),
            ("W/a", "\"a\"", Some("W/\"a\"")),
            ("W/a", "W/\"a\"", Some("W/\"a\"")),
            ("a", "\"b\"", None),
            ("a", "a", None),
            ("a", "\"a", None),
            ("a", "w/\"a\"", None),
            ("a", "\"x, \"a\"", None),
            ("a", "", None),
        ] {
            let fields = [&b"\"other\""[..], list.as_bytes()];
            let known = Tag::of(tag).unwrap().known_as(fields.into_iter());
            let known = known.map(|tag| tag.to_string());
            assert_eq!(known.as_deref(), expected, "{tag} in {list}");
        }
    }
}
