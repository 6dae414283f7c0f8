//! Header fields of a module, checked: names and values as `http` has them. The commonest ones are found
//! in tables of what is known to be good, so that nothing is copied or looked at byte by byte.

#![forbid(unsafe_code)]

use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION, SET_COOKIE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};

/// The name of a field, if it is one.
#[inline]
pub(super) fn name(name: &[u8]) -> Result<HeaderName, String> {
    if let Some(known) = known_name(name) {
        return Ok(known);
    }
    HeaderName::from_bytes(name).map_err(|_| {
        let shown = String::from_utf8_lossy(name);
        format!("answered with header field {shown:?}, which is no name of one")
    })
}

/// The value of the field of that name, if it is one.
#[inline]
pub(super) fn value(name: &[u8], value: &[u8]) -> Result<HeaderValue, String> {
    match known_value(value) {
        Some(known) => Ok(known),
        None => HeaderValue::from_bytes(value).map_err(|_| bad(name, value)),
    }
}

#[cold]
fn bad(name: &[u8], value: &[u8]) -> String {
    let shown = String::from_utf8_lossy(name);
    let value = String::from_utf8_lossy(value);
    let value: String = value.chars().take(80).collect();
    format!("answered with header field {shown:?} of value {value:?}, which none can have")
}

/// Names that most answers have; any other one is found by `http`, which hashes it.
fn known_name(name: &[u8]) -> Option<HeaderName> {
    Some(match name {
        b"content-type" => CONTENT_TYPE,
        b"x-content-type-options" => X_CONTENT_TYPE_OPTIONS,
        b"cache-control" => CACHE_CONTROL,
        b"set-cookie" => SET_COOKIE,
        b"location" => LOCATION,
        b"vary" => VARY,
        b"etag" => ETAG,
        _ => return None,
    })
}

/// Values that many answers have.
fn known_value(value: &[u8]) -> Option<HeaderValue> {
    /// Checked by the compiler.
    macro_rules! known {
        ($($text:literal),* $(,)?) => {{
            $(
                if value == $text.as_bytes() {
                    const KNOWN: HeaderValue = HeaderValue::from_static($text);
                    return Some(KNOWN);
                }
            )*
            None
        }};
    }
    // By length, so that of a text that is none of them hardly a byte is looked at.
    match value.len() {
        4 => known!["DENY"],
        7 => known!["nosniff"],
        8 => known!["no-cache", "no-store", "text/css"],
        9 => known!["image/png", "text/html"],
        10 => known!["image/jpeg", "text/plain", "SAMEORIGIN"],
        11 => known!["no-referrer", "same-origin"],
        15 => known!["application/xml", "text/javascript"],
        16 => known!["application/json"],
        23 => known!["text/css; charset=utf-8"],
        24 => known!["text/html; charset=utf-8", "application/octet-stream"],
        25 => known!["text/plain; charset=utf-8"],
        31 => known!["strict-origin-when-cross-origin"],
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_what_would_have_been_read() {
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("vary", "cookie"),
        ] {
            let key = self::name(name.as_bytes()).unwrap();
            let read = self::value(name.as_bytes(), value.as_bytes()).unwrap();
            assert_eq!((key.as_str(), read.as_bytes()), (name, value.as_bytes()));
        }
        let known = known_value(b"text/plain; charset=utf-8").unwrap();
        assert_eq!(known, "text/plain; charset=utf-8");
    }

    #[test]
    fn what_ends_its_line_is_refused_at_any_length() {
        for length in 1..40 {
            for bad in ["\r", "\n", "\0", "\x7f"] {
                let value = format!("{}{bad}", "a".repeat(length - 1));
                let why = self::value(b"vary", value.as_bytes()).unwrap_err();
                assert!(why.contains("\"vary\""), "{why}");
            }
        }
        assert!(name(b"va ry").unwrap_err().contains("no name of one"));
        assert!(name(b"").is_err());
    }
}
