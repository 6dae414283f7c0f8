//! Header fields of an answer: names in lower case, in the order of their setting, and none that could
//! end its line and begin another one.
//!
//! All of them lie one behind the other in one piece of memory, which is part of the answer itself as
//! long as they are short: an answer with the usual fields allocates nothing for them.

use std::fmt;

/// Bytes of fields that need no allocation: a media type, a cookie or two short ones.
const INLINE_BYTES: usize = 128;
/// Bytes before each field: its kind and two lengths.
const PREFIX_BYTES: usize = 9;

/// Bytes of a name or a value. What is longer than the server's own limit is told by the server; this one
/// keeps lengths within 32 bits.
const FIELD_BYTES_MAX: usize = 1 << 30;

/// The fields of an answer.
#[derive(Clone, Debug)]
pub struct Headers {
    /// Whole fields, as `push` writes them; names and values have been checked, or come from the host.
    inline: [u8; INLINE_BYTES],
    inline_len: usize,
    /// All of them, once they do not fit any more.
    heap: Vec<u8>,
}

impl Default for Headers {
    fn default() -> Headers {
        Headers {
            inline: [0; INLINE_BYTES],
            inline_len: 0,
            heap: Vec::new(),
        }
    }
}

/// What a field is to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The module set it.
    Added,
    /// The host showed it to an `after`, and it stays.
    Shown,
    /// Those of that name that the host showed are to go; it has no value and is no field itself.
    Removed,
}

/// A field as it lies there.
#[derive(Clone, Copy)]
struct Stored<'a> {
    kind: Kind,
    /// Lower case.
    name: &'a [u8],
    value: &'a [u8],
}

/// A field that no answer may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    name: String,
    why: &'static str,
}

impl Headers {
    /// In place of all of that name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        check(name, value.as_bytes())?;
        self.remove(name);
        self.push(Kind::Added, name.as_bytes(), value.as_bytes());
        Ok(())
    }

    /// Besides those of that name.
    pub fn append(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        check(name, value.as_bytes())?;
        self.push(Kind::Added, name.as_bytes(), value.as_bytes());
        Ok(())
    }

    /// Besides those of that name; for what stands in the source, and is known to be good.
    pub fn push_known(&mut self, name: &'static str, value: &'static str) {
        self.push(Kind::Added, name.as_bytes(), value.as_bytes());
    }

    /// As the host shows it to an `after`; not checked again.
    pub fn push_shown(&mut self, name: &[u8], value: &[u8]) {
        self.push(Kind::Shown, name, value);
    }

    /// Takes away all of that name.
    pub fn remove(&mut self, name: &str) {
        let is_it = |field: &Stored<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
        if !self.stored().any(|field| is_it(&field)) {
            return;
        }
        let all = std::mem::take(self);
        let mut was_shown = false;
        for field in all.stored() {
            match is_it(&field) {
                true => was_shown |= field.kind != Kind::Added,
                false => self.push(field.kind, field.name, field.value),
            }
        }
        if was_shown {
            self.push(Kind::Removed, name.as_bytes(), b"");
        }
    }

    /// The first of that name, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.stored().filter(|field| field.kind != Kind::Removed);
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))?;
        str::from_utf8(field.value).ok()
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.stored()
            .filter(|field| field.kind != Kind::Removed)
            .map(|field| (str::from_utf8(field.name).unwrap_or_default(), field.value))
    }

    /// Names and values of one kind, in order.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.stored()
            .filter(move |field| field.kind == kind)
            .map(|field| (field.name, field.value))
    }

    fn push(&mut self, kind: Kind, name: &[u8], value: &[u8]) {
        let mut prefix = [0; PREFIX_BYTES];
        prefix[0] = kind as u8;
        // They fit: `check` has seen to it, and the host's own fields are shorter by far.
        prefix[1..5].copy_from_slice(&(name.len() as u32).to_le_bytes());
        prefix[5..].copy_from_slice(&(value.len() as u32).to_le_bytes());
        let len = PREFIX_BYTES + name.len() + value.len();
        let end = self.inline_len + len;
        let place = match self.inline.get_mut(self.inline_len..end) {
            Some(place) if self.heap.is_empty() => {
                self.inline_len = end;
                place
            }
            _ => {
                if self.heap.is_empty() {
                    self.heap.reserve(2 * end);
                    self.heap.extend_from_slice(&self.inline[..self.inline_len]);
                }
                let at = self.heap.len();
                self.heap.resize(at + len, 0);
                &mut self.heap[at..]
            }
        };
        let (first, rest) = place.split_at_mut(PREFIX_BYTES);
        let (name_place, value_place) = rest.split_at_mut(name.len());
        first.copy_from_slice(&prefix);
        name_place.copy_from_slice(name);
        name_place.make_ascii_lowercase();
        value_place.copy_from_slice(value);
    }

    fn bytes(&self) -> &[u8] {
        match self.heap.is_empty() {
            true => &self.inline[..self.inline_len],
            false => &self.heap,
        }
    }

    fn stored(&self) -> impl Iterator<Item = Stored<'_>> {
        let mut rest = self.bytes();
        std::iter::from_fn(move || {
            let (prefix, after) = rest.split_first_chunk::<PREFIX_BYTES>()?;
            let [kind, a, b, c, d, e, f, g, h] = *prefix;
            let name_len = u32::from_le_bytes([a, b, c, d]) as usize;
            let value_len = u32::from_le_bytes([e, f, g, h]) as usize;
            let (name, after) = after.split_at_checked(name_len)?;
            let (value, after) = after.split_at_checked(value_len)?;
            rest = after;
            let kind = match kind {
                0 => Kind::Added,
                1 => Kind::Shown,
                _ => Kind::Removed,
            };
            Some(Stored { kind, name, value })
        })
    }
}

/// Whether the name is a token and the value has no control characters (RFC 9110, 5.5).
fn check(name: &str, value: &[u8]) -> Result<(), Refused> {
    let refused = |why| Refused {
        name: name.escape_debug().to_string(),
        why,
    };
    if name.is_empty() || !name.bytes().all(|byte| TOKEN[usize::from(byte)]) {
        return Err(refused("its name is no token"));
    }
    if name.len().max(value.len()) > FIELD_BYTES_MAX {
        return Err(refused("it is longer than any server takes"));
    }
    // No way out in the middle: so many bytes are looked at at once.
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') | (*byte == 0x7f);
    if value.iter().fold(false, |bad, byte| bad | control(byte)) {
        return Err(refused(
            "its value has a line break or another control character",
        ));
    }
    Ok(())
}

/// Bytes of a token (RFC 9110, section 5.6.2).
static TOKEN: [bool; 256] = {
    let others = b"!#$%&'*+-.^_`|~";
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "header field `{}` cannot be sent: {}",
            self.name, self.why
        )
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_refused_in_names_and_values() {
        let mut headers = Headers::default();
        for (name, value) in [
            ("a", "1\r\nb: 2"),
            ("a", "1\n"),
            ("a\r\n", "1"),
            ("", "1"),
            ("a", "\0"),
            ("a", "\x7f"),
            ("a b", "1"),
            ("\u{e4}", "1"),
        ] {
            assert!(headers.set(name, value).is_err(), "{name:?}: {value:?}");
            assert!(headers.append(name, value).is_err(), "{name:?}: {value:?}");
        }
        assert_eq!(headers.iter().count(), 0);
        assert_eq!(headers.set("a!#$%&'*+-.^_`|~Z9", "\t \u{e4}"), Ok(()));
    }

    #[test]
    fn setting_replaces_and_appending_adds() {
        let mut headers = Headers::default();
        headers.append("X-A", "1").unwrap();
        headers.append("x-a", "2").unwrap();
        assert_eq!(headers.iter().count(), 2);
        headers.set("x-A", "3").unwrap();
        assert_eq!((headers.iter().count(), headers.get("X-a")), (1, Some("3")));
        assert_eq!(headers.of(Kind::Removed).count(), 0);
    }

    #[test]
    fn what_was_shown_and_goes_is_remembered() {
        let mut headers = Headers::default();
        headers.push_shown(b"x-a", b"1");
        headers.push_shown(b"x-b", b"2");
        headers.set("X-A", "3").unwrap();
        headers.remove("x-a");
        headers.append("X-a", "4").unwrap();
        headers.remove("x-c");
        let all: Vec<_> = headers.iter().collect();
        assert_eq!(all, [("x-b", &b"2"[..]), ("x-a", b"4")]);
        let of = |kind| headers.of(kind).collect::<Vec<_>>();
        assert_eq!(of(Kind::Removed), [(&b"x-a"[..], &b""[..])]);
        assert_eq!(of(Kind::Added), [(&b"x-a"[..], &b"4"[..])]);
        assert_eq!(of(Kind::Shown), [(&b"x-b"[..], &b"2"[..])]);
        assert_eq!((headers.get("x-a"), headers.get("x-c")), (Some("4"), None));
    }

    #[test]
    fn any_number_of_fields_of_any_length_comes_back() {
        let mut headers = Headers::default();
        for n in 0..100 {
            let value = "v".repeat(n * 7);
            headers.append(&format!("X-{n}"), &value).unwrap();
        }
        for (n, (name, value)) in headers.iter().enumerate() {
            assert_eq!((name, value.len()), (format!("x-{n}").as_str(), n * 7));
        }
        assert_eq!(headers.iter().count(), 100);
    }
}
