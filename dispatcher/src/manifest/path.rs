//! R1: a path as it came becomes the one path that the rest of the program may see.
//!
//! Split first, then decode each segment once: so an encoded slash can never become a separator, and
//! nothing is ever decoded twice. Whatever could be read in two ways is refused, not mended.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use smallvec::SmallVec;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::config::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};

/// What stays as it is in a segment: the `pchar`s of RFC 3986, section 3.3.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What a path turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canonical<'p> {
    /// A path.
    Path(CanonicalPath<'p>),
    /// One with empty segments. Here is the path without them, percent-encoded, with exactly one slash in
    /// front: 308 for GET and HEAD, 404 for other methods.
    Redirect(String),
    /// None that is answered.
    Refused(PathRefusal),
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRefusal {
    /// 400 or 414.
    pub status: u16,
    /// For the log.
    pub why: &'static str,
}

/// A path in the one form that everything is compared in: decoded, NFC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'p> {
    /// Decoded; none of them is empty, `.` or `..`, or has a slash, a backslash or a control character.
    pub segments: SmallVec<[Cow<'p, str>; 8]>,
    /// Whether it ends with a slash; true for the root.
    pub slash: bool,
}

/// Reads the path of a request target: what stands before the first `?`.
///
/// ```
/// use harmonious_dispatcher::manifest::{Canonical, canonical};
///
/// let Canonical::Path(path) = canonical("/caf%C3%A9/menu") else { panic!() };
/// assert_eq!(path.segments.as_slice(), ["café", "menu"]);
/// assert_eq!(canonical("//evil.com"), Canonical::Redirect("/evil.com".into()));
/// assert!(matches!(canonical("/%2e%2e/"), Canonical::Refused(refusal) if refusal.status == 400));
/// ```
#[must_use]
pub fn canonical(raw: &str) -> Canonical<'_> {
    match read(raw) {
        Ok((path, false)) => Canonical::Path(path),
        Ok((path, true)) => Canonical::Redirect(path.encoded()),
        Err(refusal) => Canonical::Refused(refusal),
    }
}

impl CanonicalPath<'_> {
    /// The root: `/`.
    pub(crate) fn root() -> Self {
        CanonicalPath {
            segments: SmallVec::new(),
            slash: true,
        }
    }

    /// The path, percent-encoded again; begins with exactly one slash.
    #[must_use]
    pub fn encoded(&self) -> String {
        self.encoded_with(self.slash)
    }

    /// As [`CanonicalPath::encoded`], but with or without a slash at its end: where a redirect leads to.
    #[must_use]
    pub fn encoded_with(&self, slash: bool) -> String {
        let length: usize = self.segments.iter().map(|segment| segment.len() + 1).sum();
        let mut path = String::with_capacity(length + 1);
        for segment in &self.segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, ENCODED));
        }
        if slash || path.is_empty() {
            path.push('/');
        }
        path
    }
}

impl fmt::Display for CanonicalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

/// The path, and whether it had empty segments.
fn read(raw: &str) -> Result<(CanonicalPath<'_>, bool), PathRefusal> {
    if raw.len() > PATH_BYTES_MAX {
        return Err(refuse(414, "the path is longer than 8 KiB"));
    }
    let Some(inner) = raw.strip_prefix('/') else {
        return Err(refuse(400, "the path does not begin with a slash"));
    };
    let (inner, slash) = match inner.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (inner, inner.is_empty()),
    };
    let mut segments = SmallVec::new();
    let mut collapsed = false;
    // "/" has no segments, "//" has an empty one.
    if !inner.is_empty() || raw.len() > 1 {
        for (at, segment) in inner.split('/').enumerate() {
            if at == PATH_SEGMENTS_MAX {
                return Err(refuse(414, "the path has more than 64 segments"));
            }
            if segment.is_empty() {
                collapsed = true;
            } else {
                segments.push(read_segment(segment)?);
            }
        }
    }
    Ok((CanonicalPath { segments, slash }, collapsed))
}

fn read_segment(raw: &str) -> Result<Cow<'_, str>, PathRefusal> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'%' && byte != b'\\';
    let decoded = if raw.bytes().all(plain) {
        Cow::Borrowed(raw)
    } else {
        normalise(decode(raw)?)
    };
    if decoded == "." || decoded == ".." {
        return Err(refuse(400, "a segment is `.` or `..`"));
    }
    Ok(decoded)
}

/// Decodes once. What comes out is text without slashes, backslashes and control characters.
fn decode(raw: &str) -> Result<Cow<'_, str>, PathRefusal> {
    let decoded = if raw.contains('%') {
        let mut bytes = Vec::with_capacity(raw.len());
        let mut rest = raw.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'%' => hex_pair(rest.next(), rest.next()).ok_or_else(|| {
                    refuse(400, "a `%` is not followed by two hexadecimal digits")
                })?,
                byte => byte,
            });
        }
        let text = String::from_utf8(bytes).map_err(|_| refuse(400, "a segment is not UTF-8"))?;
        Cow::Owned(text)
    } else {
        Cow::Borrowed(raw)
    };
    if decoded.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
        return Err(refuse(
            400,
            "a segment has a slash, a backslash or a control character",
        ));
    }
    Ok(decoded)
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// To NFC. Nothing that [`decode`] refuses can come of it: no such character has another form.
pub(super) fn normalise(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        text
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn refuse(status: u16, why: &'static str) -> PathRefusal {
    PathRefusal { status, why }
}
