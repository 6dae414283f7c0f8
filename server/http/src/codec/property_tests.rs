//! Properties, tried on many bad requests: cuts change nothing, nothing panics, and what we accept
//! `httparse` reads alike. The seeds are fixed.

use bytes::Bytes;

use super::testing::{Outcome, Random, decode_pieces, read_head, read_head_in_pieces};
use super::{CHUNK_END, LAST_CHUNK, Limits, ParsedHead, chunk_header, parse_head};

const HEADS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "\r\nGET /a?b=c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST http://x:80/ HTTP/1.1\r\nHost: x:80\r\nContent-Length: 42\r\n\r\n",
    "PUT /u HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost:\r\nUpgrade: a\r\nConnection: upgrade, close\r\nX: \t\r\n\r\n",
];

const BODIES: &[&str] = &[
    "5\r\nhello\r\n0\r\n\r\n",
    "a;n=v;q=\"\\\"\"\r\n0123456789\r\n00\r\nA: b\r\nC:\r\n\r\nGET /",
];

/// Bytes and words that parsers trip over.
const SPICES: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x7f",
    b"\x80",
    b":",
    b",",
    b";",
    b"\"",
    b"#",
    b"?",
    b"/",
    b"0",
    b"5",
    b"f",
    b"-",
    b"+",
    b"_",
    b"@",
    b"Host: x\r\n",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"HTTP/2.0",
    b"x",
];

/// Changes one to four places: a byte or word comes in, some bytes go, or come twice.
fn mutate(random: &mut Random, input: &str) -> Vec<u8> {
    let mut bytes = input.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let from = random.below(bytes.len() + 1);
        let to = bytes.len().min(from + random.below(4));
        let spice = SPICES[random.below(SPICES.len())];
        match random.below(4) {
            0 => drop(bytes.splice(from..from, spice.iter().copied())),
            1 => drop(bytes.splice(from..to, spice.iter().copied())),
            2 => drop(bytes.drain(from..to)),
            _ => bytes.extend_from_within(from..to),
        }
    }
    bytes
}

#[test]
fn cuts_change_nothing_about_a_head() {
    let mut random = Random(1);
    let small = Limits {
        request_line_max: 24,
        head_max: 60,
        fields_max: 3,
    };
    let mut parsed = 0;
    for turn in 0..30_000 {
        let input = mutate(&mut random, HEADS[turn % HEADS.len()]);
        let limits = if random.below(4) == 0 {
            small
        } else {
            Limits::default()
        };
        let cuts = random.cuts(input.len());
        let outcome = read_head_in_pieces(&input, &limits, &cuts);
        if turn % 10 == 0 {
            assert_eq!(outcome, read_head(&input, &limits));
        }
        if let Outcome::Parsed(head, len) = outcome {
            check_with_httparse(&head, &input[..len]);
            parsed += 1;
        }
    }
    assert!(
        parsed > 3_000,
        "only {parsed} were good: the test shows little"
    );
}

/// What we accept, `httparse` accepts, and finds the same in it.
fn check_with_httparse(head: &ParsedHead, input: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    let parsed = request.parse(input);
    assert_eq!(
        parsed,
        Ok(httparse::Status::Complete(input.len())),
        "{}",
        input.escape_ascii()
    );
    assert_eq!(request.method, Some(head.method.as_str()));
    assert_eq!(
        request.version == Some(1),
        head.version == http::Version::HTTP_11
    );
    assert!(request.path.unwrap().ends_with(head.target.as_str()) || head.target.path() == "/");
    let mut theirs: Vec<(String, &[u8])> = Vec::new();
    theirs.extend(
        request
            .headers
            .iter()
            .map(|field| (field.name.to_lowercase(), field.value)),
    );
    let ours = head.headers.iter();
    let mut ours: Vec<_> = ours
        .map(|(name, value)| (name.to_string(), value.as_bytes()))
        .collect();
    // The map keeps the order only among fields of one name, and so does this.
    theirs.sort_by(|a, b| a.0.cmp(&b.0));
    ours.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(ours, theirs);
}

#[test]
fn no_bytes_make_parse_head_panic() {
    let mut random = Random(2);
    for turn in 0..30_000 {
        let input = Bytes::from(mutate(&mut random, HEADS[turn % HEADS.len()]));
        if let Ok(head) = parse_head(input.clone(), &Limits::default()) {
            check_with_httparse(&head, &input);
        }
    }
}

#[test]
fn cuts_change_nothing_about_a_body() {
    let mut random = Random(3);
    let limits = Limits {
        head_max: 20,
        ..Limits::default()
    };
    for turn in 0..30_000 {
        let input = mutate(&mut random, BODIES[turn % BODIES.len()]);
        let whole = decode_pieces(&[&input], &limits);
        let (mut pieces, mut from) = (Vec::new(), 0);
        for cut in random.cuts(input.len()) {
            pieces.push(&input[from..cut]);
            from = cut;
        }
        pieces.push(&input[from..]);
        assert_eq!(decode_pieces(&pieces, &limits), whole, "{pieces:?}");
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(
            decode_pieces(&bytes, &limits),
            whole,
            "{}",
            input.escape_ascii()
        );
    }
}

#[test]
fn what_is_written_in_chunks_is_read_again() {
    let mut random = Random(4);
    for _ in 0..1_000 {
        let (mut data, mut body) = (Vec::new(), Vec::new());
        for _ in 0..random.below(5) {
            let chunk: Vec<u8> = (0..=random.below(300))
                .map(|_| random.below(256) as u8)
                .collect();
            chunk_header(chunk.len(), &mut body);
            body.extend_from_slice(&chunk);
            body.extend_from_slice(CHUNK_END);
            data.extend_from_slice(&chunk);
        }
        body.extend_from_slice(LAST_CHUNK);
        let used = body.len();
        assert_eq!(
            decode_pieces(&[&body], &Limits::default()),
            (data, Some(Ok(())), used)
        );
    }
}
