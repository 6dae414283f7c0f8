//! Chunked bodies: any cut gives the same body and the same verdict, at the same byte.
#![no_main]

use harmonious_http::codec::{ChunkEvent, ChunkedDecoder, Limits, Reject};
use harmonious_http_fuzz::Cuts;
use libfuzzer_sys::fuzz_target;

/// What became of the bytes.
#[derive(Debug, PartialEq)]
struct Verdict {
    body: Vec<u8>,
    /// Bytes that were used.
    used: usize,
    /// Whether the body is over.
    end: Result<bool, Reject>,
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, options, bytes)) = Cuts::split(input) else {
        return;
    };
    let limits = limits(options);
    let whole = judge([bytes].into_iter(), &limits);
    let cut = judge(cuts.pieces(bytes), &limits);
    assert_eq!(whole, cut);
    assert!(whole.body.len() <= whole.used && whole.used <= bytes.len());
    if whole.end == Ok(true) {
        assert!(bytes[..whole.used].ends_with(b"\r\n\r\n"));
    }
});

/// Narrow ones, too, so that short inputs meet them.
fn limits(options: u8) -> Limits {
    match options & 1 {
        0 => Limits::default(),
        _ => Limits {
            head_max: 64,
            fields_max: 2,
            ..Limits::default()
        },
    }
}

fn judge<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Verdict {
    let mut decoder = ChunkedDecoder::new(limits);
    let (mut body, mut used) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = 0;
        let end = loop {
            let before = at;
            match decoder.decode(piece, &mut at) {
                Ok(ChunkEvent::Data(range)) => {
                    assert!(!range.is_empty() && range.start >= before && range.end == at);
                    body.extend_from_slice(&piece[range]);
                }
                Ok(ChunkEvent::NeedMore) => {
                    assert_eq!(at, piece.len(), "it has used all");
                    break None;
                }
                Ok(ChunkEvent::Done) => break Some(Ok(true)),
                Err(reject) => {
                    assert_eq!(decoder.decode(piece, &mut at), Err(reject), "asked again");
                    break Some(Err(reject));
                }
            }
        };
        used += at;
        if let Some(end) = end {
            return Verdict { body, used, end };
        }
    }
    Verdict {
        body,
        used,
        end: Ok(false),
    }
}
