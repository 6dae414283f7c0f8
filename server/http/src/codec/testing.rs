//! What the tests share: heads and chunked bodies, read with every cut; random numbers.

use bytes::Bytes;

use super::{ChunkEvent, ChunkedDecoder, Limits, ParsedHead, Reject, Scan, Scanner, parse_head};

/// What became of the bytes of a head, and how many of them it took to know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Partial,
    Parsed(Box<ParsedHead>, usize),
    Refused(Reject, usize),
}

/// Reads a head byte by byte, and checks that every cut in two gives the same.
pub(super) fn read_head(input: &[u8], limits: &Limits) -> Outcome {
    let (scan, known_at) = scan_bytewise(input, limits);
    for cut in 0..=input.len() {
        let mut scanner = Scanner::default();
        let first = scanner.scan(&input[..cut], limits);
        let expected = if cut < known_at {
            Ok(Scan::Partial)
        } else {
            scan
        };
        assert_eq!(first, expected, "{} cut at {cut}", input.escape_ascii());
        let second = scanner.scan(input, limits);
        assert_eq!(second, scan, "{} cut at {cut}", input.escape_ascii());
    }
    outcome(input, limits, scan, known_at)
}

/// Reads a head in the pieces that end at `cuts`, and then as a whole.
pub(super) fn read_head_in_pieces(input: &[u8], limits: &Limits, cuts: &[usize]) -> Outcome {
    let mut scanner = Scanner::default();
    for &cut in cuts {
        let _ = scanner.scan(&input[..cut], limits);
    }
    let scan = scanner.scan(input, limits);
    let (bytewise, known_at) = scan_bytewise(input, limits);
    assert_eq!(scan, bytewise, "{} cut at {cuts:?}", input.escape_ascii());
    outcome(input, limits, scan, known_at)
}

fn scan_bytewise(input: &[u8], limits: &Limits) -> (Result<Scan, Reject>, usize) {
    let mut scanner = Scanner::default();
    for known_at in 0..=input.len() {
        match scanner.scan(&input[..known_at], limits) {
            Ok(Scan::Partial) => {}
            found => return (found, known_at),
        }
    }
    (Ok(Scan::Partial), usize::MAX)
}

fn outcome(input: &[u8], limits: &Limits, scan: Result<Scan, Reject>, known_at: usize) -> Outcome {
    match scan {
        Ok(Scan::Partial) => Outcome::Partial,
        Err(reject) => Outcome::Refused(reject, known_at),
        Ok(Scan::Complete { head_len }) => {
            assert_eq!(
                head_len, known_at,
                "the last byte of a head says that it is whole"
            );
            match parse_head(Bytes::copy_from_slice(&input[..head_len]), limits) {
                Ok(head) => Outcome::Parsed(Box::new(head), head_len),
                Err(reject) => Outcome::Refused(reject, head_len),
            }
        }
    }
}

/// The head that all of `input` is.
pub(super) fn parsed(input: &str) -> ParsedHead {
    match read_head(input.as_bytes(), &Limits::default()) {
        Outcome::Parsed(head, len) if len == input.len() => *head,
        outcome => panic!("{input:?} became {outcome:?}"),
    }
}

/// Checks that each input is refused for its reason, and that all have this status.
pub(super) fn check_refused(status: u16, inputs: &[(&[u8], Reject)]) {
    for &(input, expected) in inputs {
        match read_head(input, &Limits::default()) {
            Outcome::Refused(reject, _) => assert_eq!(reject, expected, "{}", input.escape_ascii()),
            outcome => panic!("{} became {outcome:?}", input.escape_ascii()),
        }
        assert_eq!(expected.status(), status, "{}", input.escape_ascii());
    }
}

/// Checks that a good request with this field line added is refused so.
pub(super) fn check_field(status: u16, field: &[u8], expected: Reject) {
    let request = [b"POST / HTTP/1.1\r\nHost: x\r\n", field, b"\r\n\r\n"].concat();
    check_refused(status, &[(&request, expected)]);
}

/// What became of a chunked body: its data, how it ended (`None`: not yet), and the bytes used.
pub(super) type Body = (Vec<u8>, Option<Result<(), Reject>>, usize);

/// Decodes pieces as they would come from a socket.
pub(super) fn decode_pieces(pieces: &[&[u8]], limits: &Limits) -> Body {
    let (mut decoder, mut data, mut used) = (ChunkedDecoder::new(limits), Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        let end = loop {
            match decoder.decode(piece, &mut at) {
                Ok(ChunkEvent::Data(range)) => {
                    assert!(!range.is_empty() && range.end == at);
                    data.extend_from_slice(&piece[range]);
                }
                Ok(ChunkEvent::NeedMore) => break None,
                Ok(ChunkEvent::Done) => break Some(Ok(())),
                Err(reject) => break Some(Err(reject)),
            }
        };
        used += at;
        if let Some(result) = end {
            let again = decoder.decode(b"x", &mut 0).map(|_| ());
            assert_eq!(again, result, "the end is final");
            return (data, end, used);
        }
        assert_eq!(at, piece.len(), "all is used before more is asked for");
    }
    (data, None, used)
}

/// Decodes a body as a whole, and checks that every cut in two and single bytes give the same.
pub(super) fn decode_body(input: &[u8], limits: &Limits) -> Body {
    let whole = decode_pieces(&[input], limits);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(
        decode_pieces(&bytes, limits),
        whole,
        "{}",
        input.escape_ascii()
    );
    for cut in 0..=input.len() {
        let (first, second) = input.split_at(cut);
        let body = decode_pieces(&[first, second], limits);
        assert_eq!(body, whole, "{} cut at {cut}", input.escape_ascii());
    }
    whole
}

/// Random numbers that are the same in each run (`SplitMix64`).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// Up to six places at which `len` bytes are cut, in order.
    pub(super) fn cuts(&mut self, len: usize) -> Vec<usize> {
        let mut cuts: Vec<usize> = (0..self.below(7)).map(|_| self.below(len + 1)).collect();
        cuts.sort_unstable();
        cuts
    }
}
