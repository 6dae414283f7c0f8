//! Conditional requests: whether what the client has, or expects, still is what is there.

use std::time::UNIX_EPOCH;

use http::HeaderMap;
use http::header::{
    ETAG, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    LAST_MODIFIED,
};

/// What identifies a representation.
#[derive(Debug)]
pub(super) struct Validators {
    /// The entity tag with its quotation marks, without the `W/` of a weak one.
    pub(super) etag: String,
    /// Whether the tag promises the same meaning only, not the same bytes (RFC 9110, 8.8.1).
    pub(super) weak: bool,
    /// The time in `Last-Modified`, in seconds since 1970; `None` without such a field.
    pub(super) modified: Option<u64>,
}

impl Validators {
    /// Those that the fields of a response name. `None` where there is no entity tag, more than one, or
    /// what is none: nothing can be compared with it.
    pub(super) fn of(headers: &HeaderMap) -> Option<Validators> {
        let field = single(headers, ETAG)?;
        let (weak, tag) = Tags(field.as_bytes()).next()?;
        let bare = field.strip_prefix("W/").unwrap_or(field);
        (bare.as_bytes() == tag).then(|| Validators {
            etag: bare.to_owned(),
            weak,
            modified: date(headers, LAST_MODIFIED),
        })
    }
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
        lists(headers, IF_MATCH, has, Comparison::Strong)
    } else {
        let limit = date(headers, IF_UNMODIFIED_SINCE);
        limit.is_none_or(|date| has.modified.is_none_or(|modified| modified <= date))
    };
    if !expected {
        return Verdict::Failed;
    }
    let known = if headers.contains_key(IF_NONE_MATCH) {
        lists(headers, IF_NONE_MATCH, has, Comparison::Weak)
    } else {
        let since = date(headers, IF_MODIFIED_SINCE);
        since.is_some_and(|date| has.modified.is_some_and(|modified| modified <= date))
    };
    if known {
        Verdict::NotModified
    } else {
        Verdict::Proceed
    }
}

/// Whether a client that has the representation knows it by the weak form of its strong tag: it got it
/// compressed. What it is told now must name what it has (RFC 9111, 4.3.4).
pub(super) fn is_known_weakly(headers: &HeaderMap, has: &Validators) -> bool {
    !has.weak
        && headers.contains_key(IF_NONE_MATCH)
        && !lists(headers, IF_NONE_MATCH, has, Comparison::Strong)
}

/// Whether `If-Range` lets the ranges of a request apply (RFC 9110, 13.1.5); it does if it is
/// absent.
///
/// Parts of different bytes must never be put together, so only strong validators count. A tag is
/// one unless it says `W/`. A date is one if it is exactly that of `Last-Modified` and this lies at
/// least a second before `now`: a file can change again within the second that its date names
/// (RFC 9110, 8.8.2.2). A client that got its part within that very second sees a `Date` equal to
/// `Last-Modified`, and by the same section must not use the date; it has the tag.
pub(super) fn range_applies(headers: &HeaderMap, has: &Validators, now: u64) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    if value.as_bytes().contains(&b'"') {
        let same = single(headers, IF_RANGE).is_some_and(|tag| tag.trim() == has.etag);
        return same && !has.weak;
    }
    let unchanged = |modified| modified < now && date(headers, IF_RANGE) == Some(modified);
    has.modified.is_some_and(unchanged)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags has that of `has` in it, or is `*` (RFC 9110, 13.1.1 and 13.1.2).
fn lists(headers: &HeaderMap, name: HeaderName, has: &Validators, comparison: Comparison) -> bool {
    headers.get_all(name).iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*"
            || Tags(line).any(|(weak, tag)| {
                let strong = !weak && !has.weak;
                tag == has.etag.as_bytes() && (strong || comparison == Comparison::Weak)
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
            weak: false,
            modified: Some(MODIFIED),
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

    #[test]
    fn validators_of_fields() {
        for (fields, expected) in [
            (&[(ETAG, "\"a\"")][..], Some(("\"a\"", false, None))),
            (&[(ETAG, "W/\"a,b\"")], Some(("\"a,b\"", true, None))),
            (
                &[(ETAG, "\"\""), (LAST_MODIFIED, THEN)],
                Some(("\"\"", false, Some(MODIFIED))),
            ),
            (&[(LAST_MODIFIED, THEN)], None),
            (&[(ETAG, "a")], None),
            (&[(ETAG, "\"a")], None),
            (&[(ETAG, "\"a\", \"b\"")], None),
            (&[(ETAG, "\"a\""), (ETAG, "\"a\"")], None),
            (&[(ETAG, "w/\"a\"")], None),
        ] {
            let got = Validators::of(&headers(fields));
            let got = got
                .as_ref()
                .map(|has| (has.etag.as_str(), has.weak, has.modified));
            assert_eq!(got, expected, "{fields:?}");
        }
    }

    #[test]
    fn weak_tags_match_where_meaning_is_enough() {
        let has = Validators {
            weak: true,
            ..has()
        };
        for tag in ["\"a1-b\"", "W/\"a1-b\"", "*"] {
            let known = judge(&headers(&[(IF_NONE_MATCH, tag)]), &has);
            assert_eq!(known, Verdict::NotModified, "{tag}");
            let expected = match tag {
                "*" => Verdict::Proceed,
                _ => Verdict::Failed,
            };
            assert_eq!(judge(&headers(&[(IF_MATCH, tag)]), &has), expected, "{tag}");
            assert!(!range_applies(
                &headers(&[(IF_RANGE, tag)]),
                &has,
                MODIFIED + 9
            ));
            assert!(!is_known_weakly(&headers(&[(IF_NONE_MATCH, tag)]), &has));
        }
    }

    #[test]
    fn the_form_in_which_a_client_knows_a_tag() {
        for (value, weakly) in [
            ("W/\"a1-b\"", true),
            ("\"x\", W/\"a1-b\"", true),
            ("W/\"a1-b\", \"a1-b\"", false),
            ("\"a1-b\"", false),
            ("*", false),
        ] {
            let fields = headers(&[(IF_NONE_MATCH, value)]);
            assert_eq!(is_known_weakly(&fields, &has()), weakly, "{value}");
        }
        assert!(!is_known_weakly(&HeaderMap::new(), &has()));
    }

    #[test]
    fn dates_say_nothing_of_what_has_none() {
        let has = Validators {
            modified: None,
            ..has()
        };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            let verdict = judge(&headers(&[(name, AFTER)]), &has);
            assert_eq!(verdict, Verdict::Proceed);
        }
        assert!(!range_applies(
            &headers(&[(IF_RANGE, THEN)]),
            &has,
            MODIFIED + 9
        ));
    }
}
