//! Between the types of the front and those of the dispatcher, which know nothing of each other.

use std::io;
use std::path::Path;
use std::sync::Arc;

use harmonious_dispatcher::manifest::host_name;
use harmonious_dispatcher::{Incoming, IncomingBody, Outgoing, OutgoingBody};
use harmonious_http::http::header::CONTENT_TYPE;
use harmonious_http::http::{HeaderValue, Method, StatusCode};
use harmonious_http::{Body, Head, Part, Peer, Request, RequestBody, Response, answer_file};

/// Texts of a request that are made once and borrowed from then on.
pub struct Facts {
    host: String,
    peer: String,
    id: String,
}

impl Facts {
    /// Of a request with that head.
    pub fn of(head: &Head) -> Facts {
        let host = head.host().unwrap_or_default();
        Facts {
            // What is no host was answered before.
            host: host_name(host).unwrap_or_default().into_owned(),
            peer: match head.peer {
                Peer::Ip(ip, _) => ip.to_string(),
                Peer::Local(_) => String::new(),
            },
            id: head.id.to_string(),
        }
    }
}

/// The request as a dispatcher sees it.
pub fn incoming<'a>(request: &'a Request, facts: &'a Facts) -> Incoming<'a> {
    let head = &request.head;
    Incoming {
        method: &head.method,
        scheme: "http",
        host: &facts.host,
        path: head.path(),
        query: head.query(),
        headers: &head.headers,
        peer: &facts.peer,
        id: &facts.id,
        body: match &request.body {
            RequestBody::Empty => IncomingBody::Bytes(&[]),
            RequestBody::Bytes(bytes) => IncomingBody::Bytes(bytes),
            RequestBody::File { file, len } => IncomingBody::File { file, len: *len },
        },
    }
}

/// The answer as the front sends it.
///
/// # Errors
/// A file of which the system cannot say what it is.
pub fn response(outgoing: Outgoing, head: &Head) -> io::Result<Response> {
    let is_file = |body: &OutgoingBody| matches!(body, OutgoingBody::File(..));
    if outgoing.status == StatusCode::OK && is_file(&outgoing.body) {
        return file(outgoing, head);
    }
    let mut response = Response::new(outgoing.status);
    response.headers = outgoing.headers;
    response.body = match outgoing.body {
        // Nobody reads it, and to drop it may block: that is done here, on a worker.
        OutgoingBody::Stream(_) if head.method == Method::HEAD => Body::Empty,
        OutgoingBody::Empty => Body::Empty,
        OutgoingBody::Bytes(bytes) => Body::Bytes(bytes),
        OutgoingBody::Stream(chunks) => Body::Chunks(chunks),
        OutgoingBody::File(file, _) => {
            let len = file.metadata()?.len();
            let file = Arc::new(file);
            let part = Part::File {
                file,
                offset: 0,
                len,
            };
            Body::Parts([part].into())
        }
    };
    Ok(response)
}

/// A file with its tag, its time, conditions and ranges.
fn file(outgoing: Outgoing, head: &Head) -> io::Result<Response> {
    let OutgoingBody::File(file, path) = outgoing.body else {
        return Err(io::Error::other("it is no file"));
    };
    let mut headers = outgoing.headers;
    headers
        .entry(CONTENT_TYPE)
        .or_insert_with(|| media_type(&path));
    answer_file(head, file, &headers)
}

fn media_type(path: &Path) -> HeaderValue {
    let guess = mime_guess::from_path(path).first_raw();
    HeaderValue::from_static(guess.unwrap_or("application/octet-stream"))
}
