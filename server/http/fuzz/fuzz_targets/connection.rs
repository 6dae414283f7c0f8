//! Whole connections to a server in this process: whatever is said, it answers in well-formed
//! answers or closes, in time, and the same however the bytes are cut.
#![no_main]

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use harmonious_http::{Front, HeaderName, HeaderValue, Limits, Listen, Request, Response, Server};
use harmonious_http_fuzz::Cuts;
use harmonious_pool::{Config, Pool};
use libfuzzer_sys::fuzz_target;

/// For any read. Nothing here takes long; a server that is silent for so long hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the answer to a `HEAD` says, so that nobody waits for its body.
const BODILESS: &str = "x-bodiless";

fuzz_target!(|input: &[u8]| {
    let Some((cuts, _, bytes)) = Cuts::split(input) else {
        return;
    };
    let whole = talk([bytes].into_iter());
    let cut = talk(cuts.pieces(bytes));
    assert!(
        whole == cut,
        "whole: {}\ncut: {}",
        whole.escape_ascii(),
        cut.escape_ascii()
    );
    check(&whole);
});

/// The server; the folder of its socket stays as long as the process.
struct Served {
    path: PathBuf,
    _folder: tempfile::TempDir,
    _pool: Pool,
}

fn served() -> &'static Served {
    static SERVED: OnceLock<Served> = OnceLock::new();
    SERVED.get_or_init(|| {
        let noticed = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGPIPE, noticed).expect("a handler");
        let limits = Limits {
            connections_max: 100,
            head_max_bytes: 2048,
            request_line_max_bytes: 256,
            body_max_bytes: 1024,
            requests_max: 50,
            ..Limits::default()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let pool = Pool::start(Config::default()).expect("a pool");
        let front = Front::new(echo, limits).expect("good limits");
        let listen = Listen::Unix(path.clone());
        let builder = Server::builder().http(&listen, &front).expect("a socket");
        builder.start(&pool).expect("a server");
        Served {
            path,
            _folder: folder,
            _pool: pool,
        }
    })
}

fn echo(request: Request) -> Response {
    let head = request.head;
    let is_head = head.method == "HEAD";
    let body = request.body.into_bytes().expect("it is in memory");
    let said = format!("{} {} {body:?}", head.method, head.target.as_str());
    let response = Response::text(said);
    if !is_head {
        return response;
    }
    response.with(
        HeaderName::from_static(BODILESS),
        HeaderValue::from_static("yes"),
    )
}

/// Says the pieces and that there are no more; what is answered, without what differs each time.
fn talk<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = UnixStream::connect(&served().path).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    for piece in pieces {
        match stream.write_all(piece) {
            Ok(()) => {}
            // It has refused and closed.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("the server does not take the request: {error}"),
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    match stream.read_to_end(&mut answers) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} after {}", answers.escape_ascii()),
    }
    masked(answers)
}

/// Without what may depend on the time, or on whether a body came together with its head.
fn masked(mut bytes: Vec<u8>) -> Vec<u8> {
    for name in ["\r\ndate: ", "\r\nx-request-id: "] {
        let mut at = 0;
        while let Some(found) = find(&bytes[at..], name.as_bytes()) {
            at += found + name.len();
            let end = at + find(&bytes[at..], b"\r\n").expect("the end of a field");
            bytes[at..end].fill(b'0');
        }
    }
    let interim = harmonious_http::codec::CONTINUE;
    while let Some(at) = find(&bytes, interim) {
        bytes.drain(at..at + interim.len());
    }
    bytes
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|seen| seen == wanted)
}

/// Takes the answers apart.
fn check(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let end = find(bytes, b"\r\n\r\n").expect("the end of a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head in UTF-8");
        bytes = &bytes[end + 4..];
        let (line, fields) = head.split_once("\r\n").expect("fields");
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status: u16 = status.and_then(|code| code.parse().ok()).expect("a status");
        assert!((200..600).contains(&status), "{line}");
        let value = |name: &str| {
            let mut values = fields.split("\r\n").filter_map(|field| {
                let (known, value) = field.split_once(": ").expect("a field");
                (known == name).then_some(value)
            });
            let value = values.next();
            assert!(values.next().is_none(), "{name} twice in {head}");
            value
        };
        assert_eq!(value("transfer-encoding"), None, "all is there at once");
        let length = value("content-length").map(|length| length.parse().expect("a length"));
        let closes = value("connection") == Some("close");
        // A body that was bad or too large behind a good head of a HEAD is refused without a body.
        let refused_head = status >= 400 && closes && bytes.is_empty();
        if value(BODILESS).is_none() && status != 204 && !refused_head {
            bytes = &bytes[length.expect("a length")..];
        }
        assert!(
            !closes || bytes.is_empty(),
            "something behind the last answer"
        );
    }
}
