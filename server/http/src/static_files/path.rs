//! From the path of a URL to that of a file below the root, or a refusal; purely lexical.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::config::{PATH_MAX_BYTES, SEGMENT_MAX_BYTES};

/// The one name with a leading dot that is served, as the first segment only (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// What a URL's path means here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Mapped<'a> {
    /// It is not below the prefix.
    NotMine,
    /// It is, and no file can have it.
    Refused,
    /// It is the path of a file, relative to the root: segments that are not empty, do not begin
    /// with a dot, and have no separator or control character in them.
    File(Cow<'a, str>),
}

/// Decodes a URL's path, once (RFC 3986, 2.1 and 2.4), and refuses whatever has a second meaning
/// somewhere: the check is on the decoded form, the one that the system gets.
///
/// The path of a folder, which ends with a slash, is that of the file `index` in it.
pub(super) fn map<'a>(path: &'a str, prefix: &str, index: Option<&str>) -> Mapped<'a> {
    let Some(rest) = path.strip_prefix(prefix) else {
        return Mapped::NotMine;
    };
    match decode(rest).map(|name| in_folder(name, index)) {
        Some(name) if permitted(&name) => Mapped::File(name),
        _ => Mapped::Refused,
    }
}

/// Whether a file can have this name within a folder, beside what [`map`] refuses.
pub(super) fn is_name(name: &str) -> bool {
    !name.contains('/') && !name.starts_with('.') && permitted(name)
}

fn in_folder<'a>(name: Cow<'a, str>, index: Option<&str>) -> Cow<'a, str> {
    match index {
        Some(index) if name.is_empty() || name.ends_with('/') => format!("{name}{index}").into(),
        _ => name,
    }
}

fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    if !escapes_are_whole(encoded.as_bytes()) {
        return None;
    }
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    // A slash that was encoded is part of a name, and no name has one.
    (slashes(&decoded) == slashes(encoded)).then_some(decoded)
}

/// Whether two hexadecimal digits follow each `%`; the decoder would let others stand.
fn escapes_are_whole(encoded: &[u8]) -> bool {
    encoded.iter().enumerate().all(|(at, byte)| {
        let digits = encoded.get(at + 1..at + 3);
        *byte != b'%' || digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    })
}

fn slashes(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'/').count()
}

fn permitted(name: &str) -> bool {
    name.len() <= PATH_MAX_BYTES
        && !name.contains(|c: char| c.is_control() || c == '\\')
        && name.split('/').enumerate().all(|(at, segment)| {
            let hidden = segment.starts_with('.') && !(at == 0 && segment == WELL_KNOWN);
            !segment.is_empty() && segment.len() <= SEGMENT_MAX_BYTES && !hidden
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expected: &str) {
        check_with(path, None, expected);
    }

    fn check_with(path: &str, index: Option<&str>, expected: &str) {
        let got = match map(path, "/static/", index) {
            Mapped::NotMine => "not mine".to_owned(),
            Mapped::Refused => "refused".to_owned(),
            Mapped::File(name) => format!("file {name}"),
        };
        assert_eq!(got, expected, "{path}");
    }

    #[test]
    fn names() {
        check("/static/a.txt", "file a.txt");
        check("/static/a/b/c", "file a/b/c");
        check("/static/a%20b", "file a b");
        check("/static/%C3%A9", "file \u{e9}");
        check("/static/%e2%82%ac.txt", "file \u{20ac}.txt");
        check("/static/100%25", "file 100%");
        check("/static/a..b", "file a..b");
        check("/static/a.", "file a.");
        check(
            "/static/.well-known/security.txt",
            "file .well-known/security.txt",
        );
        check(
            &format!("/static/{}", "a".repeat(255)),
            &format!("file {}", "a".repeat(255)),
        );
    }

    #[test]
    fn folders_are_their_index() {
        let check = |path: &str, expected| check_with(path, Some("index.html"), expected);
        check("/static/", "file index.html");
        check("/static/a/", "file a/index.html");
        check("/static/a/b%20c/", "file a/b c/index.html");
        check("/static/.well-known/", "file .well-known/index.html");
        check("/static/a", "file a");
        for path in [
            "a//", "/", "../", "%2e%2e/", "a/../", ".git/", "a%2f", "a%5c/",
        ] {
            check(&format!("/static/{path}"), "refused");
        }
        check("/static", "not mine");
        assert!(is_name("index.html"));
        for name in ["", ".", "..", ".index", "a/b", "a\\b", "a\n"] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn others() {
        for path in [
            "/",
            "*",
            "/static",
            "/staticfile",
            "/other/a",
            "/Static/a",
            "//static/a",
        ] {
            check(path, "not mine");
        }
    }

    #[test]
    fn dots_and_empty_segments() {
        for path in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "../x",
            "a/../b",
            "a/./b",
            "a/..",
            "%2e",
            "%2e%2e",
            "%2E%2E/x",
            ".%2e/x",
            "..%2f",
            "..%2fx",
            "a/..%2F..%2Fx",
            ".git/config",
            "a/.htaccess",
            "%2egit",
            "a/.well-known/x",
            ".well-knownx",
            ".well-known/.x",
        ] {
            check(&format!("/static/{path}"), "refused");
        }
    }

    #[test]
    fn second_meanings() {
        for path in [
            "a%2fb",
            "a%2Fb",
            "%2f",
            "%2fetc/passwd",
            "a%5cb",
            "a\\b",
            "..\\x",
            "a%00",
            "a%00.txt",
            "a%0a",
            "a%0d",
            "a%09",
            "a%7f",
            "a%1b",
            "a%c2%85",
            "a\u{85}",
        ] {
            check(&format!("/static/{path}"), "refused");
        }
    }

    #[test]
    fn decoding_happens_once_and_is_strict() {
        check("/static/%252e%252e", "file %2e%2e");
        check("/static/a%252fb", "file a%2fb");
        for path in [
            "%",
            "a%2",
            "a%zz",
            "a%2g",
            "a%%20",
            "%ff",
            "%c0%af",
            "%c0%ae%c0%ae/x",
            "%ed%a0%80",
        ] {
            check(&format!("/static/{path}"), "refused");
        }
    }

    #[test]
    fn lengths() {
        check(&format!("/static/{}", "a".repeat(256)), "refused");
        check(&format!("/static/{}b", "a/".repeat(512)), "refused");
        check(
            &format!("/static/{}", "%61".repeat(255)),
            &format!("file {}", "a".repeat(255)),
        );
    }
}
