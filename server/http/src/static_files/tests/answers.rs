//! What an answer says: validators, conditions, ranges, methods.

use http::Method;
use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};

use super::*;

/// A small and a large file with the same ten bytes at the front.
fn digits() -> Site {
    let config = StaticConfig {
        memory_file_max_bytes: 16,
        ..StaticConfig::default()
    };
    let site = Site::new(
        &[
            ("small.txt", "0123456789"),
            ("large.txt", &"0123456789".repeat(10)),
        ],
        config,
    );
    aged(&site, "small.txt");
    aged(&site, "large.txt");
    site
}

#[test]
fn a_whole_file() {
    let site = digits();
    for (url, len) in [("/static/small.txt", 10), ("/static/large.txt", 100)] {
        let seen = site.get(url, &[]);
        assert_eq!((seen.status, seen.body.len()), (StatusCode::OK, len));
        assert_eq!(seen.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(seen.header("accept-ranges"), "bytes");
        assert_eq!(seen.header("last-modified"), AGED);
        let (times, length) = seen
            .header("etag")
            .trim_matches('"')
            .split_once('-')
            .unwrap();
        assert!(u64::from_str_radix(times, 16).is_ok());
        assert_eq!(usize::from_str_radix(length, 16), Ok(len));
        for absent in ["vary", "cache-control", "content-encoding", "content-range"] {
            assert_eq!(seen.header(absent), "", "{absent}");
        }
        assert_eq!(site.ask(Method::HEAD, url, &[]), seen);
    }
}

#[test]
fn dates_that_cannot_be_said() {
    let site = Site::attentive(&[("a.txt", "a")]);
    site.set_modified("a.txt", UNIX_EPOCH - Duration::from_secs(5));
    assert_eq!(
        site.get("/static/a.txt", &[]).header("last-modified"),
        "Thu, 01 Jan 1970 00:00:00 GMT"
    );
    site.set_modified("a.txt", SystemTime::now() + Duration::from_secs(100_000));
    let seen = site.get("/static/a.txt", &[]);
    let said = httpdate::parse_http_date(seen.header("last-modified")).unwrap();
    assert!(said <= SystemTime::now());
}

#[test]
fn cache_control_is_sent_with_what_is_there() {
    let cache_control = Some("public, max-age=60".to_owned());
    let site = Site::new(
        &[("a.txt", "a")],
        StaticConfig {
            cache_control,
            ..StaticConfig::default()
        },
    );
    let seen = site.get("/static/a.txt", &[]);
    assert_eq!(seen.header("cache-control"), "public, max-age=60");
    let seen = site.get("/static/a.txt", &[(IF_NONE_MATCH, "*")]);
    assert_eq!(seen.header("cache-control"), "public, max-age=60");
    assert_eq!(site.get("/static/missing", &[]).header("cache-control"), "");
}

#[test]
fn methods() {
    let site = digits();
    for url in ["/static/small.txt", "/static/missing", "/static/../x"] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let seen = site.ask(method, url, &[]);
            assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(seen.header("allow"), "GET, HEAD");
        }
        let seen = site.ask(Method::OPTIONS, url, &[]);
        assert_eq!((seen.status, &*seen.body), (StatusCode::NO_CONTENT, ""));
        assert_eq!(seen.header("allow"), "GET, HEAD");
    }
}

#[test]
fn conditions() {
    let site = digits();
    for url in ["/static/small.txt", "/static/large.txt"] {
        let etag = site.get(url, &[]).header("etag").to_owned();
        let weak = format!("W/{etag}");
        let check = |fields: &[(HeaderName, &str)], expected: u16| {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(site.ask(method, url, fields).status, expected, "{fields:?}");
            }
        };
        check(&[(IF_NONE_MATCH, &etag)], 304);
        check(&[(IF_NONE_MATCH, &weak)], 304);
        check(&[(IF_NONE_MATCH, "*")], 304);
        check(&[(IF_NONE_MATCH, "\"x\"")], 200);
        check(&[(IF_MODIFIED_SINCE, AGED)], 304);
        check(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AGED)], 200);
        check(&[(IF_MATCH, &etag)], 200);
        check(&[(IF_MATCH, &weak)], 412);
        check(&[(IF_UNMODIFIED_SINCE, AGED)], 200);
        check(
            &[(IF_UNMODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:36 GMT")],
            412,
        );
        check(&[(IF_NONE_MATCH, &etag), (RANGE, "bytes=0-1")], 304);
        check(&[(IF_MATCH, "\"x\""), (RANGE, "bytes=0-1")], 412);
        check(&[(IF_NONE_MATCH, "*"), (RANGE, "bytes=900-")], 304);
    }
    let missing = site.get(
        "/static/missing",
        &[(IF_NONE_MATCH, "*"), (IF_MATCH, "\"x\"")],
    );
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[test]
fn not_modified_says_what_a_cache_needs() {
    let site = Site::attentive(&[("a.txt", "a"), ("a.txt.gz", "z")]);
    let whole = site.get("/static/a.txt", &[]);
    let seen = site.get("/static/a.txt", &[(IF_NONE_MATCH, whole.header("etag"))]);
    assert_eq!((seen.status, &*seen.body), (StatusCode::NOT_MODIFIED, ""));
    let mut names: Vec<_> = seen.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["etag", "vary", "x-content-type-options"]);
    assert_eq!(seen.header("etag"), whole.header("etag"));
}

#[test]
fn one_range() {
    let site = digits();
    for (url, len) in [("/static/small.txt", 10), ("/static/large.txt", 100)] {
        let check = |range: &str, status: u16, content_range: &str, body: &str| {
            let seen = site.get(url, &[(RANGE, range)]);
            assert_eq!(seen.status, status, "{range}");
            assert_eq!(seen.header("content-range"), content_range, "{range}");
            if status == 206 {
                assert_eq!(seen.body, body, "{range}");
                assert_eq!(seen.header("content-type"), "text/plain; charset=utf-8");
                assert_ne!(seen.header("etag"), "");
            }
        };
        check("bytes=0-0", 206, &format!("bytes 0-0/{len}"), "0");
        check("bytes=3-5", 206, &format!("bytes 3-5/{len}"), "345");
        check(
            "bytes=-2",
            206,
            &format!("bytes {}-{}/{len}", len - 2, len - 1),
            "89",
        );
        check("bytes=3-4,5-6", 206, &format!("bytes 3-6/{len}"), "3456");
        check("bytes=900-", 416, &format!("bytes */{len}"), "");
        check("bytes=-0", 416, &format!("bytes */{len}"), "");
        check("bytes=5-4", 200, "", "");
        check("bytes=0-,0-", 200, "", "");
        check("pages=1-2", 200, "", "");
    }
    let whole = site.get("/static/small.txt", &[]);
    assert_eq!(
        site.ask(Method::HEAD, "/static/small.txt", &[(RANGE, "bytes=0-1")]),
        whole
    );
}

#[test]
fn several_ranges() {
    let site = digits();
    for (url, len) in [("/static/small.txt", 10), ("/static/large.txt", 100)] {
        let seen = site.get(url, &[(RANGE, "bytes=7-8, 1-2, 900-901")]);
        assert_eq!(seen.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(seen.header("content-range"), "");
        let kind = seen.header("content-type");
        let boundary = kind
            .strip_prefix("multipart/byteranges; boundary=")
            .unwrap();
        let part = |range: &str, body: &str| {
            let kind = "content-type: text/plain; charset=utf-8";
            format!(
                "--{boundary}\r\n{kind}\r\ncontent-range: bytes {range}/{len}\r\n\r\n{body}\r\n"
            )
        };
        let expected = format!(
            "{}{}--{boundary}--\r\n",
            part("7-8", "78"),
            part("1-2", "12")
        );
        assert_eq!(seen.body, expected);
        let again = site.get(url, &[(RANGE, "bytes=7-8,1-2")]);
        assert_ne!(again.header("content-type"), kind);
    }
}

#[test]
fn ranges_of_what_may_have_changed() {
    let site = digits();
    let etag = site.get("/static/small.txt", &[]).header("etag").to_owned();
    let check = |url: &str, value: &str, expected: u16| {
        let seen = site.get(url, &[(RANGE, "bytes=0-1"), (IF_RANGE, value)]);
        assert_eq!(seen.status, expected, "{value}");
    };
    check("/static/small.txt", &etag, 206);
    check("/static/small.txt", &format!("W/{etag}"), 200);
    check("/static/small.txt", "\"x\"", 200);
    check("/static/small.txt", AGED, 206);
    check("/static/small.txt", "Sun, 06 Nov 1994 08:49:38 GMT", 200);
    // A date in the second that is now is not strong.
    site.set_modified("large.txt", SystemTime::now() + Duration::from_secs(100));
    let now = site
        .get("/static/large.txt", &[])
        .header("last-modified")
        .to_owned();
    if httpdate::fmt_http_date(SystemTime::now()) == now {
        let seen = site.get(
            "/static/large.txt",
            &[(RANGE, "bytes=0-1"), (IF_RANGE, &now)],
        );
        let late = httpdate::fmt_http_date(SystemTime::now()) != now;
        assert!(seen.status == 200 || late);
    }
}

#[test]
fn an_empty_file_has_no_ranges() {
    let site = Site::attentive(&[("a.txt", "")]);
    for range in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
        let seen = site.get("/static/a.txt", &[(RANGE, range)]);
        assert_eq!((seen.status, &*seen.body), (StatusCode::OK, ""));
    }
}
