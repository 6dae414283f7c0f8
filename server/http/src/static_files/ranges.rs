//! Byte ranges: what of a file a request asks for.

use http::HeaderMap;
use http::header::RANGE;

use crate::config::RANGES_MAX;

/// A piece of a representation, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first byte.
    pub(super) start: u64,
    /// Its length in bytes.
    pub(super) len: u64,
}

impl Span {
    fn end(self) -> u64 {
        self.start + self.len
    }

    /// The value of `Content-Range` (RFC 9110, 14.4).
    pub(super) fn content_range(self, of: u64) -> String {
        format!("bytes {}-{}/{of}", self.start, self.end() - 1)
    }
}

/// What to answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// 200, everything.
    Whole,
    /// 206, these; at least one, none overlaps another.
    Spans(Vec<Span>),
    /// 416: nothing of what is asked for exists.
    Unsatisfiable,
}

/// What of a representation of `len` bytes a GET asks for (RFC 9110, 14.2). Everything, where the
/// field is absent, malformed or of another unit; and where the answer would cost more than
/// everything does: more than [`RANGES_MAX`] ranges, or together longer than the whole (RFC 9110,
/// 17.15). Of an empty file everything too: no `Content-Range` could say what was sent.
pub(super) fn select(headers: &HeaderMap, len: u64) -> Selection {
    let mut lines = headers.get_all(RANGE).iter();
    let Some(line) = lines.next().and_then(|line| line.to_str().ok()) else {
        return Selection::Whole;
    };
    if lines.next().is_some() || len == 0 {
        return Selection::Whole;
    }
    match parse(line, len) {
        None => Selection::Whole,
        Some(spans) if spans.is_empty() => Selection::Unsatisfiable,
        Some(spans) if spans.iter().map(|span| u128::from(span.len)).sum::<u128>() > len.into() => {
            Selection::Whole
        }
        Some(spans) => Selection::Spans(coalesce(spans)),
    }
}

/// The ranges that exist, in the order of the request; `None` if the field is malformed or asks for
/// too many.
fn parse(line: &str, len: u64) -> Option<Vec<Span>> {
    let (unit, set) = line.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut spans = Vec::new();
    let mut count = 0;
    // A list may have empty members (RFC 9110, 5.6.1.2), but not only those.
    for member in set
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']))
    {
        if member.is_empty() {
            continue;
        }
        count += 1;
        if count > RANGES_MAX {
            return None;
        }
        spans.extend(span(member, len)?);
    }
    (count > 0).then_some(spans)
}

/// `5-9`, `5-` or `-5` of `len` bytes: `None` if it is malformed, `Some(None)` if it does not
/// exist.
fn span(member: &str, len: u64) -> Option<Option<Span>> {
    let (first, last) = member.split_once('-')?;
    let (start, end) = match (first, last) {
        ("", suffix) => (len.saturating_sub(number(suffix)?), len),
        (first, "") => (number(first)?, len),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, len.min(last.saturating_add(1)))
        }
    };
    let exists = start < end;
    Some(exists.then(|| Span {
        start,
        len: end - start,
    }))
}

/// Digits only. A number that is too large is as good as the largest: no file reaches it.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Joins spans that overlap or touch (RFC 9110, 15.3.7.2); where none do, they stay in the order in
/// which they were asked for.
fn coalesce(spans: Vec<Span>) -> Vec<Span> {
    let mut sorted = spans.clone();
    sorted.sort_by_key(|span| span.start);
    let mut joined: Vec<Span> = Vec::with_capacity(sorted.len());
    for span in sorted {
        match joined.last_mut() {
            Some(before) if span.start <= before.end() => {
                before.len = before.end().max(span.end()) - before.start;
            }
            _ => joined.push(span),
        }
    }
    if joined.len() == spans.len() {
        spans
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(range: &str, len: u64, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(range).unwrap());
        let got = match select(&headers, len) {
            Selection::Whole => "whole".to_owned(),
            Selection::Unsatisfiable => "none".to_owned(),
            Selection::Spans(spans) => {
                let texts = spans
                    .iter()
                    .map(|span| format!("{}+{}", span.start, span.len));
                texts.collect::<Vec<_>>().join(" ")
            }
        };
        assert_eq!(got, expected, "{range} of {len}");
    }

    #[test]
    fn one() {
        check("bytes=0-0", 10, "0+1");
        check("bytes=2-5", 10, "2+4");
        check("bytes=2-", 10, "2+8");
        check("bytes=0-", 10, "0+10");
        check("bytes=9-", 10, "9+1");
        check("bytes=-3", 10, "7+3");
        check("bytes=-10", 10, "0+10");
        check("bytes=-11", 10, "0+10");
        check("bytes=5-99", 10, "5+5");
        check("Bytes=5-6", 10, "5+2");
        check("bytes=, 5-6 ,", 10, "5+2");
        check("bytes=5-18446744073709551615", 10, "5+5");
        check("bytes=5-99999999999999999999999", 10, "5+5");
        check("bytes=-99999999999999999999999", 10, "0+10");
        check(
            "bytes=0-18446744073709551615",
            u64::MAX,
            "0+18446744073709551615",
        );
    }

    #[test]
    fn several() {
        check("bytes=0-1,4-5", 10, "0+2 4+2");
        check("bytes=4-5, 0-1", 10, "4+2 0+2");
        check("bytes=0-0,-1", 10, "0+1 9+1");
        check("bytes=0-1,20-30", 10, "0+2");
        check("bytes=0-1,-0", 10, "0+2");
    }

    #[test]
    fn what_overlaps_or_touches_is_joined() {
        check("bytes=0-1,2-3", 10, "0+4");
        check("bytes=4-6,0-1,5-7", 10, "0+2 4+4");
        check("bytes=1-1,1-1", 10, "1+1");
        check("bytes=0-4,1-2", 10, "0+5");
    }

    #[test]
    fn what_costs_more_than_everything_is_everything() {
        check("bytes=0-,0-", 10, "whole");
        check("bytes=0-5,4-9", 10, "whole");
        check("bytes=-10,-1", 10, "whole");
        let many = |count: usize| {
            let ranges: Vec<_> = (0..count).map(|at| format!("{0}-{0}", 2 * at)).collect();
            format!("bytes={}", ranges.join(","))
        };
        let sixteen: Vec<_> = (0..16).map(|at| format!("{}+1", 2 * at)).collect();
        check(&many(16), 100, &sixteen.join(" "));
        check(&many(17), 100, "whole");
    }

    #[test]
    fn what_does_not_exist() {
        for range in [
            "10-",
            "10-11",
            "-0",
            "99999999999999999999999-",
            "10-,11-12",
        ] {
            check(&format!("bytes={range}"), 10, "none");
        }
    }

    #[test]
    fn malformed_or_of_another_kind() {
        for range in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=0-1,x",
            "bytes=+1-2",
            "bytes=1--2",
            "bytes=--1",
            "bytes=0x1-2",
            "bytes =0-1",
            "bytes= =0-1",
            "bytes=0 -1",
            "bytes=0- 1",
            "lines=0-1",
            "bytes:0-1",
            "bytes=1-2-3",
            "bytes=0-1;4-5",
        ] {
            check(range, 10, "whole");
        }
        check("bytes=0-0", 0, "whole");
        check("bytes=-1", 0, "whole");
    }

    #[test]
    fn two_fields_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=4-5"));
        assert_eq!(select(&headers, 10), Selection::Whole);
        assert_eq!(select(&HeaderMap::new(), 10), Selection::Whole);
    }
}
