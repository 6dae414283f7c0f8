//! Tests of the chunked decoder: the same data and the same refusals with every cut.

use super::*;
use crate::codec::testing::{decode_body, decode_pieces};

fn check_data(input: &str, expected: &str) {
    for rest in ["", "0", "GET / HTTP/1.1\r\n", "\r\n"] {
        let (data, end, used) = decode_body([input, rest].concat().as_bytes(), &Limits::default());
        assert_eq!(data.escape_ascii().to_string(), expected, "{input:?}");
        assert_eq!((end, used), (Some(Ok(())), input.len()), "{input:?}");
    }
}

/// Checks that the body is refused at its last byte, whatever follows.
fn check_refused(input: &[u8], expected: Reject) {
    for rest in [&b""[..], b"\r", b"\r\n\r\n", b"0\r\n\r\n"] {
        let (_, end, used) = decode_body(&[input, rest].concat(), &Limits::default());
        let refused = (Some(Err(expected)), input.len() - 1);
        assert_eq!((end, used), refused, "{}", input.escape_ascii());
    }
    assert_eq!(expected.status(), 400);
}

#[test]
fn good_bodies_are_decoded() {
    check_data("0\r\n\r\n", "");
    check_data("0000000000000000\r\n\r\n", "");
    check_data("5\r\nhello\r\n0\r\n\r\n", "hello");
    check_data(
        "5\r\nhello\r\n000000000000000B\r\n wide world\r\n00\r\n\r\n",
        "hello wide world",
    );
    check_data("a\r\n0\r\n\r\n12345\r\n0\r\n\r\n", "0\\r\\n\\r\\n12345");
    check_data("1\r\n\n\r\n0\r\n\r\n", "\\n");
    check_data("1;a\r\nx\r\n0;a=b;c=\"d \t;e\\\\\\\"\";f\r\n\r\n", "x");
    check_data(
        "0\r\nA: b\r\nContent-Length:5\r\nC:\r\nD: \u{e4}\t \r\n\r\n",
        "",
    );
}

#[test]
fn sizes_that_are_refused() {
    let refused: &[&[u8]] = &[
        b"+",
        b"-",
        b"0x",
        b"5_",
        b"g",
        b"\r",
        b" ",
        b"\t",
        b";",
        b"5 ",
        b"5\t",
        b"5g",
        b"5.",
        b"5,",
        b"\0",
        b"5\0",
        b"\xff",
        b"5\r\nhello\r\n\r",
        b"5\r\nhello\r\n+",
        // Over 2^64, or only padded beyond 16 digits.
        b"10000000000000000",
        b"00000000000000005",
    ];
    for input in refused {
        check_refused(input, Reject::ChunkSize);
    }
    for input in [&b"\n"[..], b"5\n", b"5\r\nhello\r\n\n", b"0\n"] {
        check_refused(input, Reject::BareLf);
    }
    for input in [
        &b"5\rh"[..],
        b"5\r\r",
        b"0\r0",
        b"5\r\nhello\rx",
        b"5\r\nhello\r\r",
    ] {
        check_refused(input, Reject::BareCr);
    }
}

#[test]
fn data_must_end_where_its_size_says() {
    check_refused(b"5\r\nhello!", Reject::ChunkEnd);
    check_refused(b"5\r\nhello0", Reject::ChunkEnd);
    check_refused(b"5\r\nhello\n", Reject::ChunkEnd);
    let (data, end, used) = decode_body(b"5\r\nhel", &Limits::default());
    assert_eq!((&data[..], end, used), (&b"hel"[..], None, 6));
}

#[test]
fn extensions_that_are_refused() {
    let refused: &[&[u8]] = &[
        b"5; ",
        b"5;\r",
        b"5;;",
        b"5;=",
        b"5;a ",
        b"5;a\0",
        b"5;a=\r",
        b"5;a=;",
        b"5;a= ",
        b"5;a==",
        b"5;a=b=",
        b"5;a=b\"",
        b"5;a=\"\0",
        b"5;a=\"\r",
        b"5;a=\"\\\r",
        b"5;a=\"\\\0",
        b"5;a=\"\x7f",
        b"5;a=\"b\"c",
        b"5;a=\"b\" ",
        b"5;\x80",
        b"5;\"",
        b"5;a=\x80",
        b"5;a\x01",
    ];
    for input in refused {
        check_refused(input, Reject::ChunkExtension);
    }
    for input in [
        &b"5;\n"[..],
        b"5;a\n",
        b"5;a=\n",
        b"5;a=b\n",
        b"5;a=\"\n",
        b"5;a=\"b\"\n",
    ] {
        check_refused(input, Reject::BareLf);
    }
    check_refused(b"5;a\rb", Reject::BareCr);
}

#[test]
fn extensions_are_limited_over_all_chunks() {
    let limits = Limits::default();
    let decode = |input: &[u8]| decode_pieces(&[input], &limits);
    let chunk = "1;abcdefghijklmno\r\nx\r\n";
    let good = chunk.repeat(EXTENSIONS_MAX / 16) + "0\r\n\r\n";
    assert_eq!(decode(good.as_bytes()).1, Some(Ok(())));
    let bad = chunk.repeat(EXTENSIONS_MAX / 16) + "0;";
    let (_, end, used) = decode(bad.as_bytes());
    assert_eq!(
        (end, used),
        (Some(Err(Reject::ChunkExtensionsTooLong)), bad.len() - 1)
    );
    assert_eq!(Reject::ChunkExtensionsTooLong.status(), 400);
    let long = [b"1;".to_vec(), vec![b'a'; EXTENSIONS_MAX]].concat();
    assert_eq!(decode(&long).1, Some(Err(Reject::ChunkExtensionsTooLong)));
    assert_eq!(decode(&long[..long.len() - 1]).1, None);
}

#[test]
fn trailers_that_are_refused() {
    let refused: &[&[u8]] = &[
        b"0\r\n ",
        b"0\r\n:",
        b"0\r\nA\r",
        b"0\r\nA ",
        b"0\r\nA\0",
        b"0\r\nA: \0",
        b"0\r\nA: \x7f",
        b"0\r\nA: b\x01",
        b"0\r\n\x80",
        b"0\r\nA: b\r\n ",
        b"0\r\nA[",
        b"0\r\nA: b\r\n\t",
    ];
    for input in refused {
        check_refused(input, Reject::Trailer);
    }
    for input in [
        &b"0\r\n\n"[..],
        b"0\r\nA\n",
        b"0\r\nA: b\n",
        b"0\r\nA: b\r\n\n",
    ] {
        check_refused(input, Reject::BareLf);
    }
    for input in [
        &b"0\r\n\r\r"[..],
        b"0\r\n\rx",
        b"0\r\nA: b\rc",
        b"0\r\nA: b\r\n\rG",
    ] {
        check_refused(input, Reject::BareCr);
    }
}

#[test]
fn trailers_are_limited() {
    let limits = Limits {
        head_max: 14,
        fields_max: 2,
        ..Limits::default()
    };
    let check = |trailers: &str, expected: Result<(), Reject>, expected_used: usize| {
        let (_, end, used) = decode_body(["0\r\n", trailers].concat().as_bytes(), &limits);
        assert_eq!((end, used), (Some(expected), expected_used), "{trailers:?}");
    };
    check("A: b\r\nC: d\r\n\r\n", Ok(()), 17);
    check("A: bbbbbbb\r\n\r\n", Ok(()), 17);
    check("A: bbbbbbbb\r\n\r\n", Err(Reject::TrailersTooLarge), 16);
    check("A: bbbbbbbbbbbbbbbb", Err(Reject::TrailersTooLarge), 16);
    check("A:\r\nB:\r\nC:\r\n\r\n", Err(Reject::TooManyFields), 11);
    assert_eq!(Reject::TrailersTooLarge.status(), 431);
}

#[test]
fn a_huge_chunk_is_announced_before_it_comes() {
    let mut decoder = ChunkedDecoder::new(&Limits::default());
    assert_eq!(
        decoder.decode(b"ffffffffffffffff", &mut 0),
        Ok(ChunkEvent::NeedMore)
    );
    assert_eq!(decoder.chunk_left(), 0);
    assert_eq!(decoder.decode(b"\r\n", &mut 0), Ok(ChunkEvent::NeedMore));
    assert_eq!(decoder.chunk_left(), u64::MAX);
    assert_eq!(decoder.decode(b"abc", &mut 0), Ok(ChunkEvent::Data(0..3)));
    assert_eq!(decoder.chunk_left(), u64::MAX - 3);
}
