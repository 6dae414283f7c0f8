//! Conditions and ranges of what modules answer, through the real binary: by the tag that a module sets it is
//! judged as files are (RFC 9110, sections 13 and 14).

mod common;

use std::io::Read;

use common::ask::Ask;
use common::kept::Kept;
use common::sites::{built, serve};
use common::{Answer, Server};

/// What the module says in ten bytes.
const TEXT: &str = "0123456789";
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Mon, 07 Nov 1994 08:49:37 GMT";

/// Names and values of header fields.
type Fields<'a> = &'a [(&'a str, &'a str)];

fn start() -> Server {
    serve(&[&built("conditional")], &[])
}

/// A GET with these fields.
fn ask(server: &Server, path: &str, fields: Fields<'_>) -> Answer {
    asked("GET", path, fields).to(server)
}

fn asked(method: &str, path: &str, fields: Fields<'_>) -> Ask {
    let ask = Ask::new(method, path);
    fields
        .iter()
        .fold(ask, |ask, (name, value)| ask.field(name, value))
}

/// The head of an answer whose body may be no text.
fn head_of(ask: &Ask, server: &Server) -> Answer {
    let mut bytes = Vec::new();
    ask.sent_to(server).read_to_end(&mut bytes).unwrap();
    common::receive(String::from_utf8_lossy(&bytes).as_bytes())
}

/// The fields that an answer has whatever became of the page.
#[track_caller]
fn is_protected(answer: &Answer) {
    for (name, value) in [
        ("content-security-policy", "default-src 'self'"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
}

#[test]
fn conditions_are_judged_by_the_tag_of_the_module() {
    let server = start();
    let strong = "/page?tag=v1";
    let weak = "/page?tag=W/v1";
    let dated = format!("/page?tag=v1&modified={}", THEN.replace(' ', "%20"));
    let table: &[(&str, Fields, u16)] = &[
        (strong, &[], 200),
        (strong, &[("If-None-Match", "\"v1\"")], 304),
        (strong, &[("If-None-Match", "W/\"v1\"")], 304),
        (strong, &[("If-None-Match", "\"v0\", \"v1\"")], 304),
        (
            strong,
            &[("If-None-Match", "\"v0\""), ("If-None-Match", "\"v1\"")],
            304,
        ),
        (strong, &[("If-None-Match", "*")], 304),
        (strong, &[("If-None-Match", "\"v0\"")], 200),
        (strong, &[("If-None-Match", "v1")], 200),
        (strong, &[("If-Match", "\"v1\"")], 200),
        (strong, &[("If-Match", "*")], 200),
        (strong, &[("If-Match", "W/\"v1\"")], 412),
        (strong, &[("If-Match", "\"v0\", \"v2\"")], 412),
        (
            strong,
            &[("If-Match", "\"v1\""), ("If-None-Match", "\"v1\"")],
            304,
        ),
        // The time counts where the module says one, and where no tag is asked for.
        (strong, &[("If-Modified-Since", LATER)], 200),
        (strong, &[("If-Unmodified-Since", THEN)], 200),
        (&dated, &[("If-Modified-Since", THEN)], 304),
        (&dated, &[("If-Modified-Since", LATER)], 304),
        (
            &dated,
            &[("If-None-Match", "\"v0\""), ("If-Modified-Since", LATER)],
            200,
        ),
        (&dated, &[("If-Unmodified-Since", THEN)], 200),
        (
            &dated,
            &[("If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT")],
            412,
        ),
        (weak, &[("If-None-Match", "W/\"v1\"")], 304),
        (weak, &[("If-None-Match", "\"v1\"")], 304),
        (weak, &[("If-Match", "W/\"v1\"")], 412),
        (weak, &[("If-Match", "*")], 200),
        // Without a tag, and with another status, the module has said all.
        ("/page", &[("If-None-Match", "*")], 200),
        (
            "/page?tag=v1&status=201",
            &[("If-None-Match", "\"v1\"")],
            201,
        ),
        (
            "/page?tag=v1&status=404",
            &[("If-None-Match", "\"v1\"")],
            404,
        ),
        (
            "/page?tag=v1&what=stream",
            &[("If-None-Match", "\"v1\"")],
            304,
        ),
    ];
    for (path, fields, status) in table {
        for method in ["GET", "HEAD"] {
            let answer = asked(method, path, fields).to(&server);
            assert_eq!(
                answer.status, *status,
                "{method} {path} {fields:?}: {answer:?}"
            );
            is_protected(&answer);
            let empty = method == "HEAD" || *status == 304;
            assert!(!empty || answer.body.is_empty(), "{answer:?}");
        }
    }
    let posted = asked("POST", strong, &[("If-None-Match", "\"v1\"")]).to(&server);
    assert_eq!(posted.told(), (200, TEXT));
}

#[test]
fn a_304_says_what_a_cache_needs_and_nothing_of_the_body() {
    let server = start();
    let path = format!(
        "/page?tag=v1&size=4000&modified={}",
        THEN.replace(' ', "%20")
    );
    let same = ask(&server, &path, &[("If-None-Match", "\"v1\"")]);
    assert_eq!((same.status, same.header("etag")), (304, Some("\"v1\"")));
    assert_eq!(same.header("cache-control"), Some("no-cache"));
    assert_eq!(same.header("content-location"), Some("/page"));
    assert!(same.header("date").is_some() && same.header("set-cookie").is_some());
    is_protected(&same);
    for name in [
        "content-type",
        "content-length",
        "content-language",
        "transfer-encoding",
        "last-modified",
        "accept-ranges",
    ] {
        assert_eq!(same.header(name), None, "{name}");
    }
    // An answer behind it on the same connection is where it should be.
    let mut connection = Kept::new(&server.address);
    let again = asked("GET", &path, &[("If-None-Match", "\"v1\"")]);
    assert_eq!(connection.ask(&again).unwrap().status, 304);
    assert_eq!(
        connection.ask(&Ask::get("/page")).unwrap().told(),
        (200, TEXT)
    );
}

#[test]
fn ranges_are_cut_out_of_what_has_a_strong_tag() {
    let server = start();
    let path = "/page?tag=v1";
    let table: &[(Fields, u16, &str, Option<&str>)] = &[
        (&[("Range", "bytes=2-4")], 206, "234", Some("bytes 2-4/10")),
        (&[("Range", "bytes=-3")], 206, "789", Some("bytes 7-9/10")),
        (&[("Range", "bytes=8-99")], 206, "89", Some("bytes 8-9/10")),
        (&[("Range", "bytes=1-0")], 200, TEXT, None),
        (&[("Range", "lines=1-2")], 200, TEXT, None),
        (
            &[("Range", "bytes=2-4"), ("If-Range", "\"v1\"")],
            206,
            "234",
            Some("bytes 2-4/10"),
        ),
        (
            &[("Range", "bytes=2-4"), ("If-Range", "W/\"v1\"")],
            200,
            TEXT,
            None,
        ),
        (
            &[("Range", "bytes=2-4"), ("If-Range", "\"v0\"")],
            200,
            TEXT,
            None,
        ),
        (
            &[("Range", "bytes=2-4"), ("If-Range", THEN)],
            200,
            TEXT,
            None,
        ),
        (
            &[("Range", "bytes=2-4"), ("If-None-Match", "\"v1\"")],
            304,
            "",
            None,
        ),
        (
            &[("Range", "bytes=2-4"), ("If-Match", "\"v1\"")],
            206,
            "234",
            Some("bytes 2-4/10"),
        ),
    ];
    for (fields, status, body, range) in table {
        let answer = ask(&server, path, fields);
        assert_eq!(answer.told(), (*status, *body), "{fields:?}");
        assert_eq!(answer.header("content-range"), *range, "{fields:?}");
        assert_eq!(answer.header("etag"), Some("\"v1\""), "{fields:?}");
        is_protected(&answer);
        if *status != 304 {
            let length = body.len().to_string();
            assert_eq!(answer.header("content-length"), Some(length.as_str()));
            assert_eq!(answer.header("accept-ranges"), Some("bytes"), "{fields:?}");
            assert_eq!(answer.header("content-type"), Some("text/plain"));
        }
    }
    // A date of the module's is no promise about bytes.
    let dated = format!("{path}&modified={}", THEN.replace(' ', "%20"));
    let answer = ask(
        &server,
        &dated,
        &[("Range", "bytes=2-4"), ("If-Range", THEN)],
    );
    assert_eq!(answer.told(), (200, TEXT));
    // No ranges of what has a weak tag, of a stream, or by HEAD.
    for path in ["/page?tag=W/v1", "/page", "/page?tag=v1&what=stream"] {
        let answer = ask(&server, path, &[("Range", "bytes=2-4")]);
        assert_eq!(answer.told(), (200, TEXT), "{path}");
        assert_eq!(answer.header("accept-ranges"), None, "{path}");
    }
    let head = asked("HEAD", path, &[("Range", "bytes=2-4")]).to(&server);
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("10"))
    );
}

#[test]
fn several_ranges_and_none_that_exists() {
    let server = start();
    let parts = ask(&server, "/page?tag=v1", &[("Range", "bytes=0-1,8-9")]);
    assert_eq!(parts.status, 206);
    let kind = parts.header("content-type").unwrap();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .expect(kind);
    let part = |range: &str, bytes: &str| {
        format!(
            "--{boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes {range}/10\r\n\r\n{bytes}\r\n"
        )
    };
    let expected = format!(
        "{}{}--{boundary}--\r\n",
        part("0-1", "01"),
        part("8-9", "89")
    );
    assert_eq!(parts.body, expected);
    let untyped = ask(&server, "/page?tag=v1&kind=", &[("Range", "bytes=0-1,8-9")]);
    assert_eq!(untyped.status, 206);
    assert!(!untyped.body.contains("content-type"), "{untyped:?}");

    let none = ask(&server, "/page?tag=v1", &[("Range", "bytes=10-")]);
    assert_eq!(
        (none.status, none.header("content-range")),
        (416, Some("bytes */10"))
    );
    let text = "416 Range Not Satisfiable\n";
    assert_eq!(
        (none.body.as_str(), none.header("content-type")),
        (text, Some("text/plain; charset=utf-8"))
    );
    // A cache must not keep it as the page.
    for name in [
        "etag",
        "cache-control",
        "content-language",
        "content-location",
    ] {
        assert_eq!(none.header(name), None, "{name}");
    }
    assert!(none.header("set-cookie").is_some());
    is_protected(&none);
}

#[test]
fn compressed_bytes_have_a_tag_of_their_own() {
    let server = start();
    // A page for everybody, and long enough.
    let path = "/page?tag=v1&size=4000&bare";
    let coded = [("Accept-Encoding", "gzip")];
    let head = asked("HEAD", path, &coded).to(&server);
    assert_eq!(
        (head.status, head.header("content-encoding")),
        (200, Some("gzip"))
    );
    assert_eq!(head.header("etag"), Some("W/\"v1\""));
    assert_eq!(
        (head.header("accept-ranges"), head.header("vary")),
        (None, Some("accept-encoding"))
    );
    let length: usize = head.header("content-length").unwrap().parse().unwrap();
    assert!(length < 4000, "{length}");

    // Who has it compressed is told so of that one, and gets no parts that he could put to it.
    let known = [coded[0], ("If-None-Match", "W/\"v1\"")];
    let same = ask(&server, path, &known);
    assert_eq!((same.status, same.header("etag")), (304, Some("W/\"v1\"")));
    assert_eq!(same.header("vary"), Some("accept-encoding"));
    let part = [coded[0], ("Range", "bytes=1-2"), ("If-Range", "\"v1\"")];
    let part = ask(&server, path, &part);
    assert_eq!(part.told(), (206, "12"));
    assert_eq!(
        (part.header("content-encoding"), part.header("etag")),
        (None, Some("\"v1\""))
    );
    assert_eq!(part.header("vary"), Some("accept-encoding"));
}

#[test]
fn a_handler_may_look_before_it_makes_the_page() {
    let server = start();
    for (tag, field, value, status, made) in [
        ("v1", "If-None-Match", "\"v1\"", 304, "no"),
        ("v1", "If-None-Match", "W/\"v1\"", 304, "no"),
        ("W/v1", "If-None-Match", "W/\"v1\", \"v2\"", 304, "no"),
        ("v1", "If-None-Match", "*", 304, "no"),
        ("v1", "If-None-Match", "\"v2\"", 200, "yes"),
        ("v1", "If-Match", "\"v2\"", 412, "yes"),
        ("v1", "Accept", "*/*", 200, "yes"),
    ] {
        let path = format!("/early?tag={tag}");
        for method in ["GET", "HEAD"] {
            let answer = asked(method, &path, &[(field, value)]).to(&server);
            let seen = (answer.status, answer.header("x-made"));
            assert_eq!(
                seen,
                (status, Some(made)),
                "{method} {tag} {field}: {value}"
            );
            is_protected(&answer);
        }
    }
    let same = ask(&server, "/early?tag=v1", &[("If-None-Match", "\"v1\"")]);
    assert_eq!(
        (same.header("etag"), same.body.as_str()),
        (Some("\"v1\""), "")
    );
    assert_eq!(
        (same.header("content-length"), same.header("vary")),
        (None, Some("accept-encoding"))
    );
    // Before If-None-Match comes If-Match, of which the server knows.
    let both = [("If-Match", "\"v2\""), ("If-None-Match", "\"v1\"")];
    assert_eq!(ask(&server, "/early?tag=v1", &both).status, 412);
    let posted = asked("POST", "/early?tag=v1", &[("If-None-Match", "\"v1\"")]).to(&server);
    assert_eq!(posted.told(), (200, TEXT));
    // What is no tag is a mistake of the module's.
    assert_eq!(ask(&server, "/early?tag=a%20b", &[]).status, 500);
}

#[test]
fn a_file_of_a_module_is_judged_by_the_tag_that_it_was_given() {
    let server = start();
    let own = ask(&server, "/page?what=file", &[]);
    let tag = own.header("etag").expect("a tag of the server's");
    assert_eq!(
        ask(&server, "/page?what=file", &[("If-None-Match", tag)]).status,
        304
    );
    let path = "/page?what=file&tag=v1";
    let given = ask(&server, path, &[]);
    assert_eq!(
        (given.told(), given.header("etag")),
        ((200, "a file of a module"), Some("\"v1\""))
    );
    for (fields, status) in [
        (&[("If-None-Match", "\"v1\"")][..], 304),
        (&[("If-None-Match", tag)], 200),
        (&[("If-Match", tag)], 412),
        (&[("Range", "bytes=2-5"), ("If-Range", "\"v1\"")], 206),
        (&[("Range", "bytes=2-5"), ("If-Range", tag)], 200),
    ] {
        assert_eq!(ask(&server, path, fields).status, status, "{fields:?}");
    }
    let weak = ask(
        &server,
        "/page?what=file&tag=W/v1",
        &[("Range", "bytes=2-5")],
    );
    assert_eq!((weak.status, weak.header("accept-ranges")), (200, None));
}

#[test]
fn the_answer_to_head_says_what_get_would() {
    let server = start();
    for path in [
        "/page?tag=v1&size=4000&bare",
        "/page?what=stream&bare",
        "/page?what=file",
    ] {
        for coding in ["identity", "gzip"] {
            let fields = [("Accept-Encoding", coding)];
            let head = asked("HEAD", path, &fields).to(&server);
            let get = head_of(&asked("GET", path, &fields), &server);
            for name in [
                "content-length",
                "content-encoding",
                "transfer-encoding",
                "vary",
                "etag",
            ] {
                assert_eq!(
                    head.header(name),
                    get.header(name),
                    "{path} {coding}: {name}"
                );
            }
        }
    }
}
