//! Compression by `Accept-Encoding`: what comes out is what went in, and nothing is compressed that
//! should not be.

mod common;

use std::io::Read;

use harmonious_http::{Bytes, Compression, Request, Response, StatusCode, config};

use common::{Answer, Client, TestServer};

/// Text that gets smaller, of which each piece is another one.
fn text(len: usize) -> String {
    let words = (0..).map(|n: usize| format!("word {} ", n * n % 1009));
    let mut text = String::new();
    for word in words {
        if text.len() >= len {
            break;
        }
        text += &word;
    }
    text.truncate(len);
    text
}

const LONG: usize = 50_000;

fn page(len: usize) -> Response {
    Response::html(text(len))
}

fn handler(request: Request) -> Response {
    let with = |name: &str, value: &str| page(LONG).header(name, value).unwrap();
    let bytes = |kind: &'static str| Response::bytes(kind, text(LONG));
    match request.head.path() {
        "/page" => page(LONG),
        "/1023" => page(config::COMPRESS_MIN_BYTES - 1),
        "/1024" => page(config::COMPRESS_MIN_BYTES),
        "/json" => bytes("application/json"),
        "/svg" => bytes("image/svg+xml"),
        "/png" => bytes("image/png"),
        "/events" => bytes("text/event-stream"),
        "/encoded" => with("content-encoding", "br"),
        "/no-transform" => with("cache-control", "public, no-transform"),
        "/partial" => page(LONG).with_status(StatusCode::PARTIAL_CONTENT),
        "/cookie" => with("set-cookie", "a=b"),
        "/always" => page(LONG).with_compression(Compression::Always),
        "/always-cookie" => with("set-cookie", "a=b").with_compression(Compression::Always),
        "/never" => page(LONG).with_compression(Compression::Never),
        "/etag" => with("etag", "\"strong\""),
        "/vary" => with("vary", "cookie, Accept-Encoding"),
        "/chunks" => {
            let text = text(LONG).into_bytes();
            let chunks: Vec<_> = text.chunks(9_999).map(Bytes::copy_from_slice).collect();
            Response::chunks("text/plain", chunks.into_iter().map(Ok))
        }
        other => unreachable!("{other}"),
    }
}

fn ask(client: &mut Client, target: &str, accept: &str, fields: &str) -> Answer {
    client.get_with(target, &format!("Accept-Encoding: {accept}\r\n{fields}"))
}

fn decoded(answer: &Answer) -> Vec<u8> {
    let body = answer.body.as_slice();
    let mut bytes = Vec::new();
    match answer.header("content-encoding") {
        Some("gzip") => flate2::read::GzDecoder::new(body)
            .read_to_end(&mut bytes)
            .unwrap(),
        Some("br") => brotli::Decompressor::new(body, 4096)
            .read_to_end(&mut bytes)
            .unwrap(),
        Some("zstd") => {
            let mut decoder = zstd::stream::read::Decoder::new(body).unwrap();
            decoder.read_to_end(&mut bytes).unwrap()
        }
        None => return body.to_vec(),
        Some(other) => panic!("encoded as {other}"),
    };
    bytes
}

#[test]
fn each_coding_gives_back_what_went_in() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    for target in ["/page", "/json", "/svg", "/chunks", "/1024", "/always"] {
        let plain = client.get(target);
        assert_eq!(plain.header("content-encoding"), None);
        for coding in ["gzip", "br", "zstd"] {
            let answer = ask(&mut client, target, coding, "");
            assert_eq!(answer.header("content-encoding"), Some(coding), "{target}");
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{target}");
            assert!(answer.body.len() < plain.body.len(), "{target} as {coding}");
            assert_eq!(decoded(&answer), plain.body, "{target} as {coding}");
        }
    }
}

#[test]
fn the_client_chooses() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    for (accept, coding) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip, zstd", Some("zstd")),
        ("GZIP", Some("gzip")),
        ("gzip;q=1, br;q=0.5", Some("gzip")),
        ("gzip;q=0", None),
        ("gzip;q=0, br;q=0, zstd;q=0, *;q=1", None),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("deflate", None),
        ("", None),
    ] {
        let answer = ask(&mut client, "/page", accept, "");
        assert_eq!(answer.header("content-encoding"), coding, "{accept:?}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"), "{accept:?}");
        assert_eq!(decoded(&answer), text(LONG).into_bytes(), "{accept:?}");
    }
}

#[test]
fn what_must_not_be_compressed_is_not() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    for (target, fields) in [
        ("/1023", ""),
        ("/png", ""),
        ("/events", ""),
        ("/no-transform", ""),
        ("/partial", ""),
        ("/cookie", ""),
        ("/never", ""),
        ("/page", "Cookie: session=secret\r\n"),
        ("/page", "Authorization: Basic c2VjcmV0\r\n"),
        ("/chunks", "Cookie: session=secret\r\n"),
    ] {
        let plain = client.get_with(target, fields);
        let answer = ask(&mut client, target, "gzip, br, zstd", fields);
        assert_eq!(answer.header("content-encoding"), None, "{target} {fields}");
        assert_eq!(answer.body, plain.body, "{target} {fields}");
    }
    let twice = ask(&mut client, "/encoded", "gzip, br, zstd", "");
    assert_eq!(twice.header("content-encoding"), Some("br"));
    assert_eq!(
        twice.body,
        text(LONG).into_bytes(),
        "as the handler made it"
    );
}

#[test]
fn a_handler_may_say_that_nothing_secret_is_in_it() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    let cookie = "Cookie: session=secret\r\n";
    for (target, fields) in [
        ("/always", cookie),
        ("/always-cookie", ""),
        ("/always-cookie", cookie),
    ] {
        let answer = ask(&mut client, target, "gzip", fields);
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{target}");
        assert_eq!(decoded(&answer), text(LONG).into_bytes());
    }
}

#[test]
fn tags_and_vary_stay_true() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    let answer = ask(&mut client, "/etag", "gzip", "");
    assert_eq!(answer.header("etag"), Some("W/\"strong\""));
    assert_eq!(client.get("/etag").header("etag"), Some("\"strong\""));
    let answer = ask(&mut client, "/vary", "gzip", "");
    assert_eq!(answer.header("vary"), Some("cookie, Accept-Encoding"));
}

#[test]
fn the_answer_to_head_is_that_of_get_or_says_less() {
    let server = TestServer::start(handler);
    let mut client = server.connect();
    client.send("HEAD /page HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    let head = client.answer_without_body();
    assert_eq!(head.status, 200);
    let get = ask(&mut client, "/page", "gzip", "");
    let length = head.header("content-length");
    let encoded = head.header("content-encoding");
    // A length with a coding would have to be that of the compressed body (RFC 9110, 8.6).
    assert!(encoded.is_none() || length.is_none() || length == get.header("content-length"));
}
