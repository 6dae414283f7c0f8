//! Conditional requests: whether what the client has, or expects, still is what is there.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

/// What identifies a representation.
#[derive(Debug)]
pub(super) struct Validators {
    /// The entity tag with its quotation marks; always a strong one.
    pub(super) etag: String,
    /// The time in `Last-Modified`, in seconds since 1970.
    pub(super) modified: u64,
}

/// What the conditions of a GET or HEAD say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer as if there were none.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client expects.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD in the order of RFC 9110, 13.2.2.
pub(super) fn judge(headers: &HeaderMap, has: &Validators) -> Verdict {
    let expected = if headers.contains_key(IF_MATCH) {
        lists(headers, IF_MATCH, &has.etag, Comparison::Strong)
    } else {
        date(headers, IF_UNMODIFIED_SINCE).is_none_or(|date| has.modified <= date)
    };
    if !expected {
        return Verdict::Failed;
    }
    let known = if headers.contains_key(IF_NONE_MATCH) {
        lists(headers, IF_NONE_MATCH, &has.etag, Comparison::Weak)
    } else {
        date(headers, IF_MODIFIED_SINCE).is_some_and(|date| has.modified <= date)
    };
    if known {
        Verdict::NotModified
    } else {
        Verdict::Proceed
    }
}

/// Whether `If-Range` lets the ranges of a request apply (RFC 9110, 13.1.5); it does if it is
/// absent.
///
/// Parts of different files must never be put together, so only strong validators count. A tag is
/// one unless it says `W/`. A date is one if it is exactly that of `Last-Modified` and this lies at
/// least a second before `now`: a file can change again within the second that its date names
/// (RFC 9110, 8.8.2.2). A client that got its part within that very second sees a `Date` equal to
/// `Last-Modified`, and by the same section must not use the date; it has the tag.
pub(super) fn range_applies(headers: &HeaderMap, has: &Validators, now: u64) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    if value.as_bytes().contains(&b'"') {
        return single(headers, IF_RANGE).is_some_and(|tag| tag.trim() == has.etag);
    }
    let unchanged = date(headers, IF_RANGE).is_some_and(|date| date == has.modified);
    unchanged && has.modified < now
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags has `etag` in it, or is `*` (RFC 9110, 13.1.1 and 13.1.2).
fn lists(headers: &HeaderMap, name: HeaderName, etag: &str, comparison: Comparison) -> bool {
    headers.get_all(name).iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*"
            || Tags(line).any(|(weak, tag)| {
                tag == etag.as_bytes() && !(weak && comparison == Comparison::Strong)
            })
    })
}

/// The entity tags of a list: whether each is weak, and it with its quotation marks, between which
/// a comma may stand (RFC 9110, 8.8.3). The list ends where it is malformed.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = (bool, &'a [u8]);

    fn next(&mut self) -> Option<(bool, &'a [u8])> {
        let start = self.0.iter().position(|byte| !b", \t".contains(byte))?;
        let rest = &self.0[start..];
        let tag = rest.strip_prefix(b"W/").unwrap_or(rest);
        let inner = tag.strip_prefix(b"\"")?;
        let len = inner.iter().position(|byte| *byte == b'"')? + 2;
        self.0 = &tag[len..];
        Some((tag.len() != rest.len(), &tag[..len]))
    }
}

/// A date in seconds since 1970, in any of the three forms (RFC 9110, 5.6.7). What is none, or is
/// there twice, is as if it were not there.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let date = httpdate::parse_http_date(single(headers, name)?).ok()?;
    Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const MODIFIED: u64 = 784_111_777;
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn has() -> Validators {
        let etag = "\"a1-b\"".to_owned();
        Validators {
            etag,
            modified: MODIFIED,
        }
    }

    fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn check(fields: &[(HeaderName, &str)], expected: Verdict) {
        assert_eq!(judge(&headers(fields), &has()), expected, "{fields:?}");
    }

    #[test]
    fn none_match() {
        for (value, expected) in [
            ("\"a1-b\"", Verdict::NotModified),
            ("W/\"a1-b\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            (" * ", Verdict::NotModified),
            ("\"x\", \"a1-b\"", Verdict::NotModified),
            ("\"x,y\",,\tW/\"z\" , W/\"a1-b\"", Verdict::NotModified),
            ("\"x\"", Verdict::Proceed),
            ("\"a1-b", Verdict::Proceed),
            ("a1-b", Verdict::Proceed),
            ("w/\"a1-b\"", Verdict::Proceed),
            ("\"x\", *", Verdict::Proceed),
            ("\"x, \"a1-b\"", Verdict::Proceed),
            ("", Verdict::Proceed),
        ] {
            check(&[(IF_NONE_MATCH, value)], expected);
        }
        check(
            &[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a1-b\"")],
            Verdict::NotModified,
        );
    }

    #[test]
    fn r#match() {
        for (value, expected) in [
            ("\"a1-b\"", Verdict::Proceed),
            ("*", Verdict::Proceed),
            ("\"x\", \"a1-b\"", Verdict::Proceed),
            ("W/\"a1-b\"", Verdict::Failed),
            ("\"x\"", Verdict::Failed),
            ("", Verdict::Failed),
        ] {
            check(&[(IF_MATCH, value)], expected);
        }
    }

    #[test]
    fn dates() {
        for (value, since, unmodified) in [
            (BEFORE, Verdict::Proceed, Verdict::Failed),
            (THEN, Verdict::NotModified, Verdict::Proceed),
            (AFTER, Verdict::NotModified, Verdict::Proceed),
            (
                "Sunday, 06-Nov-94 08:49:37 GMT",
                Verdict::NotModified,
                Verdict::Proceed,
            ),
            (
                "Sun Nov  6 08:49:37 1994",
                Verdict::NotModified,
                Verdict::Proceed,
            ),
            ("yesterday", Verdict::Proceed, Verdict::Proceed),
            ("", Verdict::Proceed, Verdict::Proceed),
        ] {
            check(&[(IF_MODIFIED_SINCE, value)], since);
            check(&[(IF_UNMODIFIED_SINCE, value)], unmodified);
        }
        check(
            &[(IF_MODIFIED_SINCE, THEN), (IF_MODIFIED_SINCE, AFTER)],
            Verdict::Proceed,
        );
    }

    #[test]
    fn precedence() {
        let same = "\"a1-b\"";
        check(
            &[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AFTER)],
            Verdict::Proceed,
        );
        check(
            &[(IF_NONE_MATCH, same), (IF_MODIFIED_SINCE, BEFORE)],
            Verdict::NotModified,
        );
        check(
            &[(IF_MATCH, same), (IF_UNMODIFIED_SINCE, BEFORE)],
            Verdict::Proceed,
        );
        check(
            &[(IF_MATCH, "\"x\""), (IF_UNMODIFIED_SINCE, AFTER)],
            Verdict::Failed,
        );
        check(
            &[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, same)],
            Verdict::Failed,
        );
        check(
            &[(IF_MATCH, same), (IF_NONE_MATCH, same)],
            Verdict::NotModified,
        );
        check(
            &[(IF_UNMODIFIED_SINCE, BEFORE), (IF_NONE_MATCH, same)],
            Verdict::Failed,
        );
    }

    #[test]
    fn if_range() {
        for (value, now, expected) in [
            ("\"a1-b\"", MODIFIED, true),
            ("W/\"a1-b\"", MODIFIED + 9, false),
            ("\"x\"", MODIFIED + 9, false),
            ("\"x\", \"a1-b\"", MODIFIED + 9, false),
            ("*", MODIFIED + 9, false),
            (THEN, MODIFIED + 1, true),
            (THEN, MODIFIED, false),
            (AFTER, MODIFIED + 9, false),
            (BEFORE, MODIFIED + 9, false),
            ("a1-b", MODIFIED + 9, false),
        ] {
            let got = range_applies(&headers(&[(IF_RANGE, value)]), &has(), now);
            assert_eq!(got, expected, "{value} at {now}");
        }
        assert!(range_applies(&HeaderMap::new(), &has(), MODIFIED));
        let twice = headers(&[(IF_RANGE, "\"a1-b\""), (IF_RANGE, "\"a1-b\"")]);
        assert!(!range_applies(&twice, &has(), MODIFIED + 9));
    }
}
