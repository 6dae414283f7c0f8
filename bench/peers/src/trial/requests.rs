//! The requests of [`super::mix`], as bytes.

/// Requests on one connection.
pub const DEPTH: usize = 16;
/// A body that stays in the server's memory, and one that goes into a file.
const SMALL_BYTES: usize = 2_000;
const LARGE_BYTES: usize = 600_000;
const STATIC_BYTES: usize = 1 << 10;

/// Requests that are sent together, and what they should be answered with.
pub struct Batch {
    /// All requests, one after the other.
    pub bytes: Vec<u8>,
    /// Status and, where it is known, length of the body for each of them.
    pub expected: Vec<(u16, Option<usize>)>,
}

/// A request that ends in the middle, or whose answer nobody waits for.
pub struct Abort {
    /// What is sent of it.
    pub bytes: Vec<u8>,
    /// The client takes the beginning of the answer.
    pub takes_some: bool,
}

/// After this one the server closes.
pub const CLOSING: &[u8] = b"GET /hello HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

/// What is no request, and the status that says so.
pub const BAD: &[(&[u8], u16)] = &[
    (b"GET /hello HTTP/1.1\r\n\r\n", 400),
    (b"GET /hello\r\nHost: bench\r\n\r\n", 400),
    (b"GET /hello HTTP/1.1\r\nHost : bench\r\n\r\n", 400),
    (b"GET /hello HTTP/3.1\r\nHost: bench\r\n\r\n", 505),
    (b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: x\r\n\r\n", 400),
    (
        b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
    ),
    (
        b"POST / HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        400,
    ),
    (
        b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 999999999\r\n\r\n",
        413,
    ),
];

type Single = (Vec<u8>, (u16, Option<usize>));

/// Batches of [`DEPTH`] requests: most for a page alone, some with others in between.
pub fn deep() -> Vec<Batch> {
    let plain = (0..DEPTH).map(|_| get("/hello", 200, None));
    let others = singles();
    let mixed = (0..DEPTH).map(|at| match at % 4 {
        3 => others[at / 4 % others.len()].clone(),
        _ => get("/hello", 200, None),
    });
    let (plain, mixed): (Vec<Single>, Vec<Single>) = (plain.collect(), mixed.collect());
    [&plain, &plain, &plain, &mixed]
        .map(|all| batch(all))
        .into()
}

/// Each kind of request alone.
pub fn single() -> Vec<Batch> {
    let singles = singles();
    singles.chunks(1).map(batch).collect()
}

/// The ways to go away: in the head, in the body, before the answer and in its middle.
pub fn aborts() -> Vec<Abort> {
    let post = |framing: &str, body: &[u8]| {
        let head = format!("POST / HTTP/1.1\r\nHost: bench\r\n{framing}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let large = format!("Content-Length: {LARGE_BYTES}");
    let abort = |bytes, takes_some| Abort { bytes, takes_some };
    vec![
        abort(b"GET /hello HTTP/1.1\r\nHost: ben".to_vec(), false),
        abort(post("Content-Length: 1000", &[b'x'; 100]), false),
        abort(post("Transfer-Encoding: chunked", b"3e8\r\nxxxx"), false),
        abort(
            b"GET /hello HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec(),
            false,
        ),
        abort(
            b"GET /sleep/1 HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec(),
            false,
        ),
        abort(b"GET /big/8 HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec(), true),
        abort(
            b"GET /static/1m.bin HTTP/1.1\r\nHost: bench\r\n\r\n".to_vec(),
            true,
        ),
        abort(post(&large, &vec![b'x'; LARGE_BYTES / 2]), false),
    ]
}

fn singles() -> Vec<Single> {
    let body = vec![b'x'; SMALL_BYTES];
    let head = format!("POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: {SMALL_BYTES}\r\n\r\n");
    let sized = [head.as_bytes(), &body].concat();
    let chunked = b"POST / HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    vec![
        get("/hello", 200, None),
        get("/static/1k.html", 200, Some(STATIC_BYTES)),
        (sized, (200, Some(SMALL_BYTES))),
        get("/nothing", 404, None),
        get("/", 200, Some(2)),
        (chunked.to_vec(), (200, Some(6))),
        get("/echo", 200, None),
    ]
}

fn get(path: &str, status: u16, body: Option<usize>) -> Single {
    let text = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
    (text.into_bytes(), (status, body))
}

fn batch(singles: &[Single]) -> Batch {
    Batch {
        bytes: singles
            .iter()
            .flat_map(|(bytes, _)| bytes.clone())
            .collect(),
        expected: singles.iter().map(|(_, expected)| *expected).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_of_a_batch_has_its_answer() {
        let requests = |batch: &Batch| {
            let text = String::from_utf8_lossy(&batch.bytes);
            text.matches(" HTTP/1.1\r\n").count()
        };
        for batch in deep() {
            assert_eq!((requests(&batch), batch.expected.len()), (DEPTH, DEPTH));
        }
        for batch in single() {
            assert_eq!((requests(&batch), batch.expected.len()), (1, 1));
        }
    }
}
