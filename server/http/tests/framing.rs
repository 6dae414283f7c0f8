//! Every row of "Framing and parsing" in the notes on abuse, through a socket: what is refused, with
//! which status, and that nothing behind it is ever read as a request.
//!
//! Why it is long: it is a table.

mod common;

use std::time::{Duration, SystemTime};

use harmonious_http::Limits;
use harmonious_pool::Config;

use common::{Client, PATIENCE, Recorder, TestServer, patient};

/// What stands behind each request that is refused.
const SMUGGLED: &[u8] = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";

const BODY_MAX: u64 = 64 * 1024;

/// How far a refused request may come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    /// Its head is not good: nobody is asked what to do with it.
    Head,
    /// Its head is good, its body is not: no handler is given it.
    Body,
}

struct Vectors {
    server: TestServer,
    recorder: Recorder,
    /// Ports of clients whose requests were refused.
    refused: Vec<(String, u16, At)>,
    failures: Vec<String>,
}

impl Vectors {
    fn new() -> Vectors {
        let recorder = Recorder::default();
        let limits = Limits {
            body_max_bytes: BODY_MAX,
            ..patient()
        };
        Vectors {
            server: TestServer::with(recorder.clone(), limits, Config::default()),
            recorder,
            refused: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Sends the bytes alone (the refusal must not wait for more) and with a request behind them.
    fn refuse(&mut self, at: At, statuses: &[u16], name: &str, bytes: &[u8]) {
        for behind in [b"".as_slice(), SMUGGLED] {
            let mut client = self.server.connect();
            let name = format!("{name} (with {} bytes behind)", behind.len());
            self.refused.push((name.clone(), client.port(), at));
            let sent = [bytes, behind].concat();
            if let Err(why) = refused(&mut client, &sent, statuses) {
                self.failures.push(format!("{name}: {why}"));
            }
        }
    }

    /// Waits until the server is done, so that nothing comes late, then says all that is wrong.
    fn end(mut self) {
        let report = self.server.stop();
        assert!(report.is_clean(), "{report}");
        for (name, port, at) in &self.refused {
            let planned = self.recorder.planned(*port);
            let handled = self.recorder.handled(*port);
            if !handled.is_empty() || planned.len() > usize::from(*at == At::Body) {
                self.failures
                    .push(format!("{name}: seen were {planned:?} and {handled:?}"));
            }
        }
        let failures = self.failures.join("\n");
        assert!(failures.is_empty(), "{failures}");
    }
}

fn refused(client: &mut Client, sent: &[u8], statuses: &[u16]) -> Result<(), String> {
    client.send(sent);
    let answer = client.try_answer(sent.starts_with(b"HEAD "))?;
    if !statuses.contains(&answer.status) {
        return Err(format!("{} in place of {statuses:?}", answer.status));
    }
    if !answer.closes() {
        return Err(format!("it does not say that it closes: {answer:?}"));
    }
    client.try_closed()?;
    // What comes after the refusal is thrown away; the connection may be gone by now.
    let _ = client.try_send(SMUGGLED);
    Ok(())
}

#[track_caller]
fn check_refused(at: At, statuses: &[u16], vectors: &[(&str, &[u8])]) {
    let mut all = Vectors::new();
    for (name, bytes) in vectors {
        all.refuse(at, statuses, name, bytes);
    }
    all.end();
}

/// Field lines that make a request bad, `Host` not among them.
#[track_caller]
fn check_fields(statuses: &[u16], lines: &[&[u8]]) {
    let mut all = Vectors::new();
    for line in lines {
        let head = b"GET /bad HTTP/1.1\r\nHost: x\r\n";
        let bytes = [head.as_slice(), line, b"\r\n\r\n"].concat();
        all.refuse(At::Head, statuses, &line.escape_ascii().to_string(), &bytes);
    }
    all.end();
}

/// Request lines that are bad, without their line ends.
#[track_caller]
fn check_request_lines(statuses: &[u16], lines: &[&[u8]]) {
    let mut all = Vectors::new();
    for line in lines {
        let bytes = [line, b"\r\nHost: x\r\n\r\n".as_slice()].concat();
        all.refuse(At::Head, statuses, &line.escape_ascii().to_string(), &bytes);
    }
    all.end();
}

/// Chunked bodies that are bad.
#[track_caller]
fn check_chunks(bodies: &[&[u8]]) {
    let mut all = Vectors::new();
    for body in bodies {
        let bytes = [CHUNKED, body].concat();
        all.refuse(At::Body, &[400], &body.escape_ascii().to_string(), &bytes);
    }
    all.end();
}

const CHUNKED: &[u8] = b"POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Requests that are answered with 200, and what the handler is to be given; the connection is kept.
#[track_caller]
fn check_good(vectors: &[(&[u8], &str)]) {
    let recorder = Recorder::default();
    let server = TestServer::start(recorder.clone());
    for (bytes, expected) in vectors {
        let name = bytes.escape_ascii();
        let mut client = server.connect();
        client.send(bytes);
        let answer = client.try_answer(false);
        let answer = answer.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!((answer.status, answer.text()), (200, *expected), "{name}");
        assert_eq!(client.get("/next").text(), "GET /next ", "{name}");
        assert_eq!(recorder.handled(client.port()).len(), 2, "{name}");
    }
}

// ---- one test for each row ----

#[test]
fn a_host_that_is_missing_or_there_twice_or_none() {
    check_refused(
        At::Head,
        &[400],
        &[
            ("no host", b"GET / HTTP/1.1\r\n\r\n"),
            ("no host but a uri", b"GET http://x/ HTTP/1.1\r\n\r\n"),
            ("no host but a uri, 1.0", b"GET http://x/ HTTP/1.0\r\n\r\n"),
            (
                "two, equal",
                b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            ),
            (
                "two, other",
                b"GET / HTTP/1.1\r\nHost: x\r\nhost: y\r\n\r\n",
            ),
            ("two, 1.0", b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n"),
            ("user", b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n"),
            ("user, word", b"GET / HTTP/1.1\r\nHost: u:p@x\r\n\r\n"),
            ("path", b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"),
            ("query", b"GET / HTTP/1.1\r\nHost: x?y\r\n\r\n"),
            ("fragment", b"GET / HTTP/1.1\r\nHost: x#y\r\n\r\n"),
            ("space", b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n"),
            ("tab", b"GET / HTTP/1.1\r\nHost: x\ty\r\n\r\n"),
            ("comma", b"GET / HTTP/1.1\r\nHost: x, y\r\n\r\n"),
            ("a uri", b"GET / HTTP/1.1\r\nHost: http://x\r\n\r\n"),
            ("port", b"GET / HTTP/1.1\r\nHost: x:65536\r\n\r\n"),
            ("port in letters", b"GET / HTTP/1.1\r\nHost: x:http\r\n\r\n"),
            ("port twice", b"GET / HTTP/1.1\r\nHost: x:1:2\r\n\r\n"),
            ("bracket", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
            ("no address", b"GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n"),
            ("8 bit", b"GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"),
            ("mismatch", b"GET http://x/ HTTP/1.1\r\nHost: y\r\n\r\n"),
            ("empty mismatch", b"GET http://x/ HTTP/1.1\r\nHost:\r\n\r\n"),
            (
                "port mismatch",
                b"GET http://x:1/ HTTP/1.1\r\nHost: x\r\n\r\n",
            ),
            (
                "user in the uri",
                b"GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            ),
            ("no authority", b"GET http:///a HTTP/1.1\r\nHost:\r\n\r\n"),
        ],
    );
}

#[test]
fn a_field_name_that_is_no_token() {
    check_fields(
        &[400],
        &[
            b"A : b",
            b"A\t: b",
            b"Content-Length : 5",
            b"Transfer-Encoding\t: chunked",
            b"A",
            b": b",
            b"A\x01: b",
            b"A\0: b",
            b"\0A: b",
            b"A\x7f: b",
            b"\xc3\x84: b",
            b"A[0]: b",
            b"A(0): b",
            b"{A}: b",
            b"A B: b",
            b"A\"B\": b",
            b"A/B: b",
        ],
    );
}

#[test]
fn a_field_value_with_control_characters_or_folded() {
    check_fields(
        &[400],
        &[
            b"A: b\0c",
            b"A: b\rc",
            b"A: \r b",
            b"A: b\r",
            b"A: \x01",
            b"A: b\x08",
            b"A: \x0b",
            b"A: \x0c",
            b"A: \x1b[0m",
            b"A: b\x7fc",
            b"A: b\r\n c",
            b"A: b\r\n\tc",
            b"A: b\r\n \r\nB: c",
        ],
    );
    check_refused(
        At::Head,
        &[400],
        &[
            ("space first", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n"),
            ("tab first", b"GET / HTTP/1.1\r\n\tA: b\r\nHost: x\r\n\r\n"),
            ("folded host", b"GET / HTTP/1.1\r\nHost:\r\n x\r\n\r\n"),
        ],
    );
}

#[test]
fn a_content_length_that_is_no_number() {
    check_fields(
        &[400],
        &[
            b"Content-Length: +3",
            b"Content-Length: -1",
            b"Content-Length: -0",
            b"Content-Length: 0x5",
            b"Content-Length: zz",
            b"Content-Length:",
            b"Content-Length: 1 2",
            b"Content-Length: 5_0",
            b"Content-Length: 5.0",
            b"Content-Length: 1e1",
            b"Content-Length: 5;",
            b"Content-Length: \"5\"",
            b"Content-Length: \xd9\xa5",
            b"Content-Length: 18446744073709551616",
            b"Content-Length: 99999999999999999999999999",
            b"Content-Length: 5\r\nContent-Length: 6",
            b"Content-Length: 5\r\nContent-Length: 5",
            b"Content-Length: 5, 6",
            b"Content-Length: 5,",
        ],
    );
}

#[test]
fn a_content_length_beside_a_transfer_encoding() {
    check_fields(
        &[400],
        &[
            b"Content-Length: 5\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5",
            b"Content-Length: 0\r\ntransfer-encoding: CHUNKED",
            b"Content-Length: 5\r\nTransfer-Encoding: identity",
            b"Content-Length: 5\r\nTransfer-Encoding:",
        ],
    );
}

#[test]
fn a_transfer_encoding_that_is_not_chunked_alone() {
    check_fields(
        &[400],
        &[
            b"Transfer-Encoding: chunked, chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: \"chunked\"",
            b"Transfer-Encoding: chunked;q=1",
            b"Transfer-Encoding: chunked,",
            b"Transfer-Encoding: ,chunked",
            b"Transfer-Encoding: chun ked",
            b"Transfer-Encoding: \x0bchunked",
            b"Transfer-Encoding: chunked\0",
            b"Transfer-Encoding:",
        ],
    );
    check_fields(
        &[501],
        &[
            b"Transfer-Encoding: gzip",
            b"Transfer-Encoding: identity",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding: chunkedx",
            b"Transfer-Encoding: gzip, chunked",
        ],
    );
    check_fields(
        &[400, 501],
        &[
            b"Transfer-Encoding: chunked, gzip",
            b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        ],
    );
    let old = b"POST /bad HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check_refused(At::Head, &[400], &[("HTTP/1.0", old)]);
}

#[test]
fn chunks_that_are_none() {
    check_chunks(&[
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"-0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5_\r\nhello\r\n0\r\n\r\n",
        b"g\r\n",
        b"\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\t;a\r\nhello\r\n0\r\n\r\n",
        b"10000000000000000\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"5\rhello\r\n0\r\n\r\n",
        b"5\r\nhello\r0\r\n\r\n",
        b"5;a\0b\r\nhello\r\n0\r\n\r\n",
        b"5;a=\"\0\"\r\nhello\r\n0\r\n\r\n",
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;=b\r\nhello\r\n0\r\n\r\n",
        b"5,a\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"6\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
        b"5\r\nhello\r\n0\r\nA : b\r\n\r\n",
        b"5\r\nhello\r\n0\r\nA: \0\r\n\r\n",
        b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
        b"5\r\nhello\r\n0\r\nA: b\rc\r\n\r\n",
        b"5\r\nhello\r\n0\r\n: b\r\n\r\n",
    ]);
}

#[test]
fn a_bare_line_feed_as_line_end() {
    check_refused(
        At::Head,
        &[400],
        &[
            ("request line", b"GET / HTTP/1.1\nHost: x\r\n\r\n"),
            ("field", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),
            ("end of the head", b"GET / HTTP/1.1\r\nHost: x\r\n\n"),
            ("after the host", b"GET / HTTP/1.1\r\nHost: x\n\r\n"),
            ("everywhere", b"GET / HTTP/1.1\nHost: x\n\n"),
            ("before it", b"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ],
    );
    check_chunks(&[
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5;a\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0\n\r\n",
        b"5\r\nhello\r\n0\r\n\n",
        b"5\r\nhello\r\n0\r\nA: b\n\r\n",
    ]);
}

#[test]
fn a_request_line_of_another_form() {
    check_request_lines(
        &[400],
        &[
            b"GET  / HTTP/1.1",
            b"GET /  HTTP/1.1",
            b"GET\t/ HTTP/1.1",
            b"GET /\tHTTP/1.1",
            b"GET / HTTP/1.1 ",
            b" GET / HTTP/1.1",
            b"GET /a b HTTP/1.1",
            b"GET /\xc3\xa4 HTTP/1.1",
            b"GET /\0 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"GET /a\rb HTTP/1.1",
            b"GET /#a HTTP/1.1",
            b"GET a HTTP/1.1",
            b"GET ../a HTTP/1.1",
            b"GET ?a HTTP/1.1",
            b"GET * HTTP/1.1",
            b"GET ftp://x/ HTTP/1.1",
            b"GET x:80 HTTP/1.1",
            b"GET / HTTP/1.10",
            b"GET / HTTP/01.1",
            b"GET / HTTP/1.",
            b"GET / HTTP/1",
            b"GET / HTTP/1,1",
            b"GET / HTTP/1.1x",
            b"GET / HTTP",
            b"GET / http/1.1",
            b"GET / Http/1.1",
            b"GET / HTTPS/1.1",
            b"GET / ICY/1.1",
            b"GET /",
            b"GET HTTP/1.1",
            b"GET",
            b"/ HTTP/1.1",
            b"G@T / HTTP/1.1",
            b"GET\0 / HTTP/1.1",
            b"\r\n\r\nGET / HTTP/1.1",
        ],
    );
}

#[test]
fn another_version() {
    check_request_lines(
        &[505],
        &[
            b"GET / HTTP/2.0",
            b"GET / HTTP/3.0",
            b"GET / HTTP/0.9",
            b"PRI * HTTP/2.0",
            b"BREW / HTTP/2.0",
        ],
    );
}

#[test]
fn another_method_or_expectation() {
    check_request_lines(
        &[405, 501],
        &[b"CONNECT x:80 HTTP/1.1", b"TRACE / HTTP/1.1"],
    );
    check_request_lines(
        &[501],
        &[
            b"BREW / HTTP/1.1",
            b"get / HTTP/1.1",
            b"PROPFIND / HTTP/1.1",
            b"GETX / HTTP/1.1",
        ],
    );
    check_fields(
        &[417],
        &[
            b"Content-Length: 1\r\nExpect: other",
            b"Content-Length: 1\r\nExpect: 100-continue, other",
            b"Content-Length: 1\r\nExpect: 100-continue\r\nExpect: 200-ok",
            b"Expect:",
        ],
    );
}

#[test]
fn what_is_too_long() {
    let long = |len: usize| "a".repeat(len);
    let limits = Limits::default();
    let line = format!(
        "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n",
        long(limits.request_line_max_bytes)
    );
    let endless_line = format!("GET /{}", long(limits.request_line_max_bytes));
    let mut all = Vectors::new();
    all.refuse(At::Head, &[414], "request line", line.as_bytes());
    all.refuse(
        At::Head,
        &[414],
        "line without end",
        endless_line.as_bytes(),
    );

    let head = "GET / HTTP/1.1\r\nHost: x\r\n";
    let field = format!("{head}A: {}\r\n\r\n", long(limits.head_max_bytes));
    let name = format!("{head}{}: a\r\n\r\n", long(limits.head_max_bytes));
    let endless_field = format!("{head}A: {}", long(limits.head_max_bytes));
    let fields = format!("A: {}\r\n", long(1000)).repeat(33);
    let fields = format!("{head}{fields}\r\n");
    let many = format!("{head}{}\r\n", "A: b\r\n".repeat(limits.fields_max));
    for (name, bytes) in [
        ("field", field),
        ("field name", name),
        ("field without end", endless_field),
        ("all fields", fields),
        ("101 fields", many),
    ] {
        all.refuse(At::Head, &[431], name, bytes.as_bytes());
    }
    let request = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    let trailers = "A: b\r\n".repeat(limits.fields_max + 1);
    let trailers = format!("{request}{trailers}\r\n");
    all.refuse(At::Body, &[400, 431], "101 trailers", trailers.as_bytes());
    let trailer = format!("{request}A: {}\r\n\r\n", long(limits.head_max_bytes));
    all.refuse(At::Body, &[400, 431], "long trailer", trailer.as_bytes());
    all.end();
}

#[test]
fn what_is_just_not_too_long() {
    let limits = Limits::default();
    let line = |len: usize| format!("/{}", "a".repeat(len - "GET / HTTP/1.1\r\n".len()));
    let target = line(limits.request_line_max_bytes);
    let longest_line = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    let expected_line = format!("GET {target} ");
    let many = format!(
        "GET /many HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "A: b\r\n".repeat(limits.fields_max - 1)
    );
    let head = "GET /long HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n";
    let value = "a".repeat(limits.head_max_bytes - head.len());
    let longest_head = head.replace("A: ", &format!("A: {value}"));
    check_good(&[
        (longest_line.as_bytes(), &expected_line),
        (many.as_bytes(), "GET /many "),
        (longest_head.as_bytes(), "GET /long "),
    ]);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let post = |fields: &str| format!("POST /bad HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n");
    let declared = |len: &str| post(&format!("Content-Length: {len}"));
    let chunked = post("Transfer-Encoding: chunked");
    let kib = "a".repeat(1024);
    let streamed = format!("400\r\n{kib}\r\n").repeat(65);
    let mut all = Vectors::new();
    for (name, bytes) in [
        ("declared", declared("65537")),
        ("what makes tiny_http allocate", declared("184467440737095")),
        ("2^64 - 1", declared("18446744073709551615")),
        ("declared and there", declared("65537") + &kib.repeat(65)),
        ("streamed", format!("{chunked}{streamed}")),
        (
            "one chunk",
            format!("{chunked}10001\r\n{}a", kib.repeat(64)),
        ),
    ] {
        all.refuse(At::Body, &[413], name, bytes.as_bytes());
    }
    all.end();
}

#[test]
fn chunk_extensions_over_16_kib_in_all() {
    let request = String::from_utf8(CHUNKED.to_vec()).unwrap();
    let long = "a".repeat(17 * 1024);
    let kib = "a".repeat(1024);
    let one = format!("{request}1;{long}\r\nx\r\n0\r\n\r\n");
    let endless = format!("{request}1;{long}");
    let value = format!("{request}1;a=\"{long}\"\r\nx\r\n0\r\n\r\n");
    let many = format!("{request}{}", format!("1;{kib}\r\nx\r\n").repeat(17));
    let mut all = Vectors::new();
    for (name, bytes) in [
        ("one", one),
        ("one without end", endless),
        ("one value", value),
        ("many", many),
    ] {
        all.refuse(At::Body, &[400], name, bytes.as_bytes());
    }
    all.end();
}

#[test]
fn a_good_request_then_a_bad_one_in_one_segment() {
    let recorder = Recorder::default();
    let server = TestServer::start(recorder.clone());
    for (bad, status) in [
        (b"GET / HTTP/1.1\r\n\r\n".as_slice(), 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"\x16\x03\x01", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            413,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ng",
            400,
        ),
    ] {
        let good = b"POST /good HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok";
        let mut client = server.connect();
        client.send([good, bad, SMUGGLED].concat());
        let name = bad.escape_ascii();
        assert_eq!(client.answer().text(), "POST /good ok", "{name}");
        assert_eq!(client.answer().status, status, "{name}");
        client.expect_closed();
        let handled = recorder.handled(client.port());
        assert_eq!(handled, ["POST /good ok"], "{name}");
    }
    assert!(server.stop().is_clean());
}

#[test]
fn a_hundred_pipelined_requests_are_answered_in_order() {
    let server = TestServer::start(Recorder::default());
    let mut client = server.connect();
    let mut sent = String::new();
    for n in 0..100 {
        let head = format!("/{n} HTTP/1.1\r\nHost: x\r\n");
        sent += &match n % 5 {
            0 => format!("GET {head}\r\n"),
            1 => format!("HEAD {head}\r\n"),
            2 => format!("POST {head}Content-Length: 6\r\n\r\nbody{n:02}"),
            3 => {
                format!("PUT {head}Transfer-Encoding: chunked\r\n\r\n6\r\nbody{n:02}\r\n0\r\n\r\n")
            }
            _ => format!("DELETE {head}Content-Length: 0\r\n\r\n"),
        };
    }
    client.send(sent);
    for n in 0..100 {
        let expected = match n % 5 {
            0 => format!("GET /{n} "),
            1 => String::new(),
            2 => format!("POST /{n} body{n:02}"),
            3 => format!("PUT /{n} body{n:02}"),
            _ => format!("DELETE /{n} "),
        };
        let answer = client.try_answer(n % 5 == 1).unwrap();
        assert_eq!((answer.status, answer.text()), (200, expected.as_str()));
    }
    assert_eq!(client.get("/last").text(), "GET /last ");
}

#[test]
fn after_connection_close_nothing_is_answered() {
    let recorder = Recorder::default();
    let server = TestServer::start(recorder.clone());
    for request in [
        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: CLOSE\r\n\r\n",
        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: foo,close , bar\r\n\r\n",
        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
        "GET /last HTTP/1.0\r\n\r\n",
        "GET /last HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send([request.as_bytes(), SMUGGLED].concat());
        let answer = client.answer();
        assert_eq!(answer.text(), "GET /last ", "{request}");
        assert!(answer.closes(), "{request}");
        client.expect_closed();
        let _ = client.try_send(SMUGGLED);
        assert_eq!(recorder.planned(client.port()), ["GET /last"], "{request}");
    }
    assert!(server.stop().is_clean());
}

#[test]
fn a_full_request_is_answered_after_a_half_close() {
    let server = TestServer::start(Recorder::default());
    for (request, expected) in [
        ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a "),
        (
            "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
            "POST /a hi",
        ),
        (
            "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "POST /a hi",
        ),
    ] {
        for count in [1, 3] {
            let mut client = server.connect();
            client.send(request.repeat(count));
            client.half_close();
            for _ in 0..count {
                assert_eq!(client.answer().text(), expected);
            }
            client.expect_closed();
        }
    }
}

/// Halves of requests: parts of the head, and parts of the body.
const HALVES: [(&[u8], &str); 12] = [
    (b"G", "header_timeout"),
    (b"\r\n", "header_timeout"),
    (b"GET / HT", "header_timeout"),
    (b"GET / HTTP/1.1\r", "header_timeout"),
    (b"GET / HTTP/1.1\r\nHost: x", "header_timeout"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r", "header_timeout"),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
        "body_timeout",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhell",
        "body_timeout",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "body_timeout",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5",
        "body_timeout",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        "body_timeout",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
        "body_timeout",
    ),
];

fn impatient(recorder: &Recorder) -> TestServer {
    let limits = Limits {
        header_timeout: Duration::from_millis(300),
        body_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    TestServer::with(recorder.clone(), limits, Config::default())
}

/// Says nothing but half a request, perhaps behind a whole one, and waits.
#[track_caller]
fn check_halves(before: &[u8]) {
    let recorder = Recorder::default();
    let server = impatient(&recorder);
    let mut clients = Vec::new();
    for (half, _) in HALVES {
        let mut client = server.connect().patience(PATIENCE / 5);
        client.send([before, half].concat());
        clients.push(client);
    }
    let mut failures = Vec::new();
    for (client, (half, _)) in clients.iter_mut().zip(HALVES) {
        let name = half.escape_ascii();
        if !before.is_empty() {
            assert_eq!(client.answer().status, 200);
        }
        let answered = client.try_answer(false).and_then(|answer| {
            client.try_closed()?;
            Ok(answer.status)
        });
        if answered != Ok(408) {
            failures.push(format!("{name}: {answered:?}"));
        }
        assert_eq!(recorder.handled(client.port()).len(), before.len().min(1));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    for reason in ["header_timeout", "body_timeout"] {
        let expected = HALVES.iter().filter(|(_, why)| *why == reason).count();
        assert_eq!(server.rejects(reason), expected as u64, "{reason}");
    }
}

#[test]
fn half_of_anything_waits_until_the_timeout() {
    check_halves(b"");
}

#[test]
fn half_of_anything_behind_a_whole_request_in_one_segment_does_not_wait_for_ever() {
    check_halves(b"GET /whole HTTP/1.1\r\nHost: x\r\n\r\n");
}

#[test]
fn half_of_anything_and_a_half_close_is_no_request() {
    let recorder = Recorder::default();
    let server = TestServer::start(recorder.clone());
    for (half, _) in HALVES {
        let mut client = server.connect();
        client.send(half);
        client.half_close();
        let rest = client.rest().unwrap();
        let good = rest.is_empty() || rest.starts_with(b"HTTP/1.1 400 ");
        assert!(good, "{}: {}", half.escape_ascii(), rest.escape_ascii());
        assert!(recorder.handled(client.port()).is_empty());
    }
}

#[test]
fn a_body_that_looks_like_a_request_is_a_body() {
    let smuggled = String::from_utf8(SMUGGLED.to_vec()).unwrap();
    let len = smuggled.len();
    let post = "POST /p HTTP/1.1\r\nHost: x\r\n";
    let declared = format!("{post}Content-Length: {len}\r\n\r\n{smuggled}");
    let chunked =
        format!("{post}Transfer-Encoding: chunked\r\n\r\n{len:x}\r\n{smuggled}\r\n0\r\n\r\n");
    let get = format!("GET /p HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{smuggled}");
    check_good(&[
        (declared.as_bytes(), &format!("POST /p {smuggled}")),
        (chunked.as_bytes(), &format!("POST /p {smuggled}")),
        (get.as_bytes(), &format!("GET /p {smuggled}")),
    ]);
}

#[test]
fn tls_garbage_and_endless_headers_are_refused_as_soon_as_it_is_certain() {
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    let endless = [
        b"GET / HTTP/1.1\r\nHost: x\r\n".as_slice(),
        &[b'a'; 33 * 1024],
    ]
    .concat();
    check_refused(
        At::Head,
        &[400],
        &[
            ("tls", hello),
            ("zeros", &[0; 64]),
            ("0xff", &[0xff; 64]),
            ("ssh", b"SSH-2.0-OpenSSH_9.9\r\n"),
            ("socks", b"\x05\x01\0"),
            ("smtp", b"EHLO x\r\n"),
            ("redis", b"*1\r\n$4\r\nPING\r\n"),
            ("empty lines", b"\r\n\r\n"),
            ("json", b"{\"a\": 1}"),
        ],
    );
    let mut all = Vectors::new();
    all.refuse(At::Head, &[431], "endless", &endless);
    all.refuse(At::Head, &[414], "one endless word", &[b'a'; 9 * 1024]);
    all.end();
}

#[test]
fn good_requests_are_answered_and_the_connection_is_kept() {
    check_good(&[
        (b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a?b=c "),
        (b"\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a "),
        (b"GET /a HTTP/1.1\r\nHost:x:80\r\n\r\n", "GET /a "),
        (b"GET /a HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /a "),
        (b"GET /a HTTP/1.1\r\nHost:\r\n\r\n", "GET /a "),
        (b"GET http://x/a HTTP/1.1\r\nHost: X\r\n\r\n", "GET /a "),
        (b"GET HTTP://x?b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /?b "),
        (b"GET //a/../b HTTP/1.1\r\nHost: x\r\n\r\n", "GET //a/../b "),
        (b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%00 "),
        (
            b"GET /a HTTP/1.1\r\nHost: x\r\nA:\r\nB: \xff\t\"c\"\r\n\r\n",
            "GET /a ",
        ),
        (
            b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET /a ",
        ),
        (b"OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS /a "),
        (
            b"PATCH /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx",
            "PATCH /a x",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length:  2 \r\n\r\nhi",
            "POST /a hi",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
            "POST /a ",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ChunkeD\r\n\r\n\
              2;a=b;c=\"d;\\\"\"\r\nhi\r\n00\r\nTrailer: x\r\n\r\n",
            "POST /a hi",
        ),
        (
            b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
              A\r\n0123456789\r\n0000000000000001\r\n!\r\n0\r\n\r\n",
            "POST /a 0123456789!",
        ),
    ]);
}

/// The clock of the machine cannot be set by a test: that a jump of it shows at once is tested on
/// `http_date`, and that timeouts do not see it follows from `Instant`.
#[test]
fn the_date_is_right() {
    let server = TestServer::start(Recorder::default());
    let answer = server.connect().get("/");
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let now = SystemTime::now();
    let apart = now
        .duration_since(date)
        .unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(2), "{apart:?}");
}
