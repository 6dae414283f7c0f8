//! Heads: any cut gives the same verdict, and what is accepted keeps to the rules.
#![no_main]

use bytes::Bytes;
use harmonious_http::codec::{Limits, ParsedHead, Reject, Scan, Scanner, parse_head};
use harmonious_http_fuzz::Cuts;
use libfuzzer_sys::fuzz_target;

/// What becomes of bytes: no head yet, or one and its length.
type Verdict = Result<Option<(usize, ParsedHead)>, Reject>;

fuzz_target!(|input: &[u8]| {
    let Some((cuts, options, bytes)) = Cuts::split(input) else {
        return;
    };
    let limits = limits(options);
    let whole = judge(bytes, [bytes].into_iter(), &limits);
    let cut = judge(bytes, cuts.pieces(bytes), &limits);
    assert_eq!(whole, cut);
    if let Ok(Some((head_len, head))) = whole {
        check(&bytes[..head_len], &head, &limits);
    }
});

/// Narrow ones, too, so that short inputs meet them.
fn limits(options: u8) -> Limits {
    if options & 1 == 0 {
        return Limits::default();
    }
    Limits {
        request_line_max: 64,
        head_max: 256,
        fields_max: 4,
    }
}

fn judge<'a>(bytes: &[u8], pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Verdict {
    let mut scanner = Scanner::default();
    let mut there = 0;
    for piece in pieces {
        there += piece.len();
        let found = scanner.scan(&bytes[..there], limits);
        assert_eq!(scanner.scan(&bytes[..there], limits), found, "asked again");
        if let Scan::Complete { head_len } = found? {
            let head = Bytes::copy_from_slice(&bytes[..head_len]);
            return parse_head(head, limits).map(|head| Some((head_len, head)));
        }
    }
    Ok(None)
}

fn check(bytes: &[u8], head: &ParsedHead, limits: &Limits) {
    assert!(bytes.len() <= limits.head_max);
    assert!(bytes.ends_with(b"\r\n\r\n"));
    for (at, &byte) in bytes.iter().enumerate() {
        let good = match byte {
            b'\n' => bytes[at - 1] == b'\r',
            b'\r' => bytes[at + 1] == b'\n',
            b'\t' => true,
            byte => byte >= b' ' && byte != 0x7f,
        };
        assert!(good, "byte {at} is {byte:#x}");
    }
    let target = head.target.as_str();
    assert!(target == "*" || target.starts_with('/'));
    assert!(
        target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    );
    assert!(head.headers.len() <= limits.fields_max);
    for name in ["host", "content-length", "transfer-encoding"] {
        assert!(
            head.headers.get_all(name).iter().count() <= 1,
            "{name} twice"
        );
    }
    let framed = |name| head.headers.contains_key(name);
    assert!(!(framed("content-length") && framed("transfer-encoding")));
}
