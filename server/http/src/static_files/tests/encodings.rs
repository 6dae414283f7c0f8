//! Which of several encodings is sent, and that each is a representation of its own.

use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH, IF_RANGE, RANGE};

use super::*;

#[test]
fn encodings() {
    let site = Site::attentive(&[
        ("all.js", "plain"),
        ("all.js.br", "brotli"),
        ("all.js.zst", "zstandard"),
        ("all.js.gz", "gzip"),
        ("some.js", "plain"),
        ("some.js.gz", "gzip"),
        ("none.js", "plain"),
    ]);
    let check = |path: &str, accept: &str, body: &str, encoding: &str| {
        let seen = site.get(&format!("/static/{path}"), &[(ACCEPT_ENCODING, accept)]);
        assert_eq!(
            (seen.status, &*seen.body),
            (StatusCode::OK, body),
            "{path} {accept}"
        );
        assert_eq!(seen.header("content-encoding"), encoding, "{path} {accept}");
        assert_eq!(
            seen.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        let vary = if path == "none.js" {
            ""
        } else {
            "accept-encoding"
        };
        assert_eq!(seen.header("vary"), vary, "{path} {accept}");
    };
    check("all.js", "", "plain", "");
    check("all.js", "gzip, deflate, br, zstd", "brotli", "br");
    check("all.js", "gzip, zstd", "zstandard", "zstd");
    check("all.js", "gzip", "gzip", "gzip");
    check("all.js", "br;q=0.1, gzip;q=0.9", "gzip", "gzip");
    check("all.js", "*", "brotli", "br");
    check("all.js", "br;q=0, *", "zstandard", "zstd");
    check("all.js", "identity", "plain", "");
    check("all.js", "identity, gzip;q=0.5", "plain", "");
    check("some.js", "br, gzip;q=0.1", "gzip", "gzip");
    check("some.js", "br", "plain", "");
    check("some.js", "identity;q=0", "plain", "");
    check("none.js", "br, gzip, zstd", "plain", "");
}

#[test]
fn an_encoded_file_is_a_representation_of_its_own() {
    let site = Site::attentive(&[
        ("a.js", "0123456789"),
        ("a.js.gz", "abcdef"),
        ("a.js.br", "uvwxyz"),
    ]);
    let with = |accept: &str, more: &[(HeaderName, &str)]| {
        let mut fields = vec![(ACCEPT_ENCODING, accept)];
        fields.extend_from_slice(more);
        site.get("/static/a.js", &fields)
    };
    let tags = ["", "gzip", "br"].map(|accept| with(accept, &[]).header("etag").to_owned());
    assert!(tags[1].ends_with("-gzip\"") && tags[2].ends_with("-br\""));
    assert_eq!(
        with("gzip", &[(IF_NONE_MATCH, &tags[1])]).status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        with("gzip", &[(IF_NONE_MATCH, &tags[0])]).status,
        StatusCode::OK
    );
    let range = (RANGE, "bytes=2-3");
    let seen = with("gzip", &[range.clone(), (IF_RANGE, &tags[1])]);
    assert_eq!(
        (&*seen.body, seen.header("content-range")),
        ("cd", "bytes 2-3/6")
    );
    assert_eq!(seen.header("content-encoding"), "gzip");
    assert_eq!(with("gzip", &[range, (IF_RANGE, &tags[0])]).body, "abcdef");
}

#[test]
fn an_encoded_file_that_is_older_is_not_used() {
    let site = Site::attentive(&[("a.js", "plain"), ("a.js.gz", "gzip")]);
    let get = || site.get("/static/a.js", &[(ACCEPT_ENCODING, "gzip")]);
    assert_eq!(get().body, "gzip");
    aged(&site, "a.js.gz");
    let seen = get();
    assert_eq!((&*seen.body, seen.header("vary")), ("plain", ""));
    aged(&site, "a.js");
    assert_eq!(get().body, "gzip");
    std::fs::remove_file(site.path("a.js.gz")).unwrap();
    assert_eq!(get().body, "plain");
    // A folder of that name is none, and one without the file is nothing.
    std::fs::create_dir(site.path("a.js.gz")).unwrap();
    assert_eq!(get().body, "plain");
    site.write("only.js.gz", "gzip");
    assert_eq!(
        site.get("/static/only.js", &[]).status,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn an_encoded_file_by_its_own_name_is_a_file() {
    let site = Site::attentive(&[
        ("a.js.gz", "gzip"),
        ("a.js.gz.br", "twice"),
        ("a.js.br", "brotli"),
    ]);
    let seen = site.get("/static/a.js.gz", &[(ACCEPT_ENCODING, "gzip, br")]);
    assert_eq!(
        (&*seen.body, seen.header("content-type")),
        ("gzip", "application/gzip")
    );
    assert_eq!(
        (seen.header("content-encoding"), seen.header("vary")),
        ("", "")
    );
    let seen = site.get("/static/a.js.br", &[]);
    assert_eq!(seen.header("content-type"), "application/octet-stream");
}

#[test]
fn encodings_can_be_turned_off() {
    let config = StaticConfig {
        precompressed: false,
        ..StaticConfig::default()
    };
    let site = Site::new(&[("a.js", "plain"), ("a.js.gz", "gzip")], config);
    let seen = site.get("/static/a.js", &[(ACCEPT_ENCODING, "gzip")]);
    assert_eq!((&*seen.body, seen.header("vary")), ("plain", ""));
}
