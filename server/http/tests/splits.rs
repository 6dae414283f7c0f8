//! How the bytes are cut into pieces changes nothing: a property, over sequences of requests of
//! every kind and random cuts.

mod common;

use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::OnceLock;

use harmonious_http::{Handler, Limits, Request, Response};
use harmonious_pool::Config;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use common::{TestServer, contains, patient};

/// Sequences that are tried; each is said twice, and takes about a millisecond.
const CASES: u32 = 1024;

const BODY_MAX: u64 = 2048;

struct Echo;

impl Handler for Echo {
    fn handle(&self, request: Request) -> Response {
        let head = request.head;
        let body = request.body.into_bytes().unwrap();
        let line = format!("{} {} {}\n", head.method, head.target.as_str(), body.len());
        match head.path() {
            "/chunks" => {
                let chunks = [Ok(line.into()), Ok(body)].into_iter();
                Response::chunks("text/plain", chunks)
            }
            _ => Response::bytes("text/plain", [line.as_bytes(), &body].concat()),
        }
    }
}

fn server() -> &'static TestServer {
    static SERVER: OnceLock<TestServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let limits = Limits {
            body_max_bytes: BODY_MAX,
            head_max_bytes: 1024,
            request_line_max_bytes: 256,
            ..patient()
        };
        TestServer::with(Echo, limits, Config::default())
    })
}

// ---- requests ----

fn good() -> impl Strategy<Value = String> {
    let word = "[a-z]{1,12}";
    let get = (
        prop::sample::select(vec!["GET", "HEAD", "DELETE", "OPTIONS"]),
        word,
    )
        .prop_map(|(method, word)| format!("{method} /{word} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let chunked_answer = Just("GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n".to_owned());
    let fields = prop::collection::vec(("[A-Za-z-]{1,20}", "[ -~]{0,40}"), 0..8).prop_map(|all| {
        let lines: String = all.iter().map(|(n, v)| format!("X-{n}: {v}\r\n")).collect();
        format!("GET /fields HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
    });
    let length = (word, "[ -~\r\n]{0,300}").prop_map(|(word, body)| {
        let len = body.len();
        format!("POST /{word} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n{body}")
    });
    let chunked = prop::collection::vec(("[ -~\r\n]{1,60}", "(;[a-z]{1,9}(=\"[a-z]\")?)?"), 0..6)
        .prop_map(|chunks| {
            let chunks: String = chunks
                .iter()
                .map(|(data, extension)| format!("{:x}{extension}\r\n{data}\r\n", data.len()))
                .collect();
            format!(
                "PUT /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                 {chunks}0\r\nX-Trailer: a\r\n\r\n"
            )
        });
    prop_oneof![4 => get, 1 => chunked_answer, 2 => fields, 3 => length, 3 => chunked]
}

/// What ends the connection, one way or another.
fn last() -> impl Strategy<Value = String> {
    let chunked = "POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = "a".repeat(2100);
    prop::sample::select(vec![
        String::new(),
        "GET /half HTTP/1.1\r\nHo".to_owned(),
        "POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf".to_owned(),
        format!("{chunked}5\r\nhe"),
        "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /last HTTP/1.0\r\n\r\n".to_owned(),
        "GET /chunks HTTP/1.0\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(),
        "HEAD / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\nHost: x\r\n\r\n".to_owned(),
        "GET / HTTP/2.0\r\n\r\n".to_owned(),
        "BREW / HTTP/1.1\r\n\r\n".to_owned(),
        "\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(300)),
        format!(
            "GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
            "a".repeat(1100)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
            "A: b\r\n".repeat(101)
        ),
        format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2100\r\n\r\n{long}"),
        format!("HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 2100\r\n\r\n{long}"),
        format!("{chunked}834\r\n{long}\r\n0\r\n\r\n"),
        format!("{chunked}5\r\nhelloX0\r\n\r\n"),
        format!("{chunked}5\r\nhello\r\n0\r\nA : b\r\n\r\n"),
        format!("{chunked}g\r\n"),
    ])
}

/// All that a client says, and where it is cut: into pieces of these lengths, over and over.
fn conversation() -> impl Strategy<Value = (String, Vec<usize>)> {
    let requests = (
        prop::collection::vec(good(), 0..6),
        last(),
        // What stands behind the end must not matter either.
        prop::sample::select(vec!["", "GET /behind HTTP/1.1\r\nHost: x\r\n\r\n"]),
    );
    let pieces = prop_oneof![
        Just(vec![1]),
        prop::collection::vec(1usize..=8, 1..8),
        prop::collection::vec(1usize..=200, 1..16),
    ];
    let said = requests.prop_map(|(good, last, behind)| good.concat() + &last + behind);
    (said, pieces)
}

// ---- answers ----

/// Says it in pieces and listens to the end.
fn answers(said: &[u8], pieces: &[usize]) -> Vec<u8> {
    let mut client = server().connect();
    let mut rest = said;
    for &len in pieces.iter().cycle() {
        let (piece, behind) = rest.split_at(len.min(rest.len()));
        // Once it has refused, the server may close while we still speak.
        if piece.is_empty() || client.try_send(piece).is_err() {
            break;
        }
        rest = behind;
    }
    // Fails where the server has closed already.
    let _ = client.stream.shutdown(Shutdown::Write);
    let (heard, end) = client.rest_and_end();
    match end {
        Ok(()) => {}
        // Who asks for the end and goes on talking may be reset; what was answered is here before.
        Err(error) if error.kind() == ErrorKind::ConnectionReset && asks_for_the_end(said) => {}
        Err(error) => panic!("{error} after {}", heard.escape_ascii()),
    }
    masked(heard)
}

fn asks_for_the_end(said: &[u8]) -> bool {
    contains(said, "Connection: close") || contains(said, "HTTP/1.0")
}

/// With the values of fields that differ each time replaced by as many zeros.
fn masked(mut bytes: Vec<u8>) -> Vec<u8> {
    for name in ["\r\ndate: ", "\r\nx-request-id: "] {
        let mut at = 0;
        while let Some(found) = find(&bytes[at..], name.as_bytes()) {
            at += found + name.len();
            let end = at + find(&bytes[at..], b"\r\n").expect("the end of a field");
            bytes[at..end].fill(b'0');
        }
    }
    bytes
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|seen| seen == wanted)
}

#[test]
fn any_cut_gives_the_same_answers() {
    let config = ProptestConfig {
        cases: CASES,
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        max_shrink_iters: 256,
        ..ProptestConfig::default()
    };
    proptest!(config, |((said, pieces) in conversation())| {
        let whole = answers(said.as_bytes(), &[said.len().max(1)]);
        let cut = answers(said.as_bytes(), &pieces);
        prop_assert!(
            whole == cut,
            "whole: {}\ncut: {}",
            whole.escape_ascii(),
            cut.escape_ascii()
        );
    });
}

#[test]
fn what_is_always_there_goes_byte_by_byte() {
    let post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    let chunked = "PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3;x=\"y\"\r\nabc\r\n0\r\nA: b\r\n\r\n";
    let head = "HEAD /c HTTP/1.1\r\nHost: x\r\n\r\n";
    let bad = "GET /d HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n";
    let said = [post, chunked, head, bad, post].concat();
    let whole = answers(said.as_bytes(), &[said.len()]);
    let heard = String::from_utf8(whole.clone()).unwrap();
    let good = heard.matches("HTTP/1.1 200 OK\r\n").count();
    let refused = heard.matches("HTTP/1.1 400 Bad Request\r\n").count();
    assert_eq!((good, refused), (3, 1), "{heard}");
    assert!(
        heard.contains("POST /a 3\nabc") && heard.contains("PUT /b 3\nabc"),
        "{heard}"
    );
    assert_eq!(answers(said.as_bytes(), &[1]), whole);
}
