//! From a response to the first bytes on the wire: which framing, which fields, how much of the
//! body; and the answers that the front gives by itself.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use harmonious_pool::{Refusal, RefusalReason};
use http::header::{CONTENT_LENGTH, RETRY_AFTER, UPGRADE};
use http::{HeaderValue, StatusCode, Version};

use super::Asked;
use super::output::Output;
use super::source::Source;
use crate::codec::{ConnectionHeader, Reject, ResponseFraming, encode_head, http_date};
use crate::config::COALESCE_BYTES;
use crate::front::Shared;
use crate::response::{Body, Response};

/// Room for a usual head with a small body, in bytes.
const HEAD_BYTES: usize = 512;

/// Why a request is refused by the front, and how that is answered.
pub(super) struct Rejection {
    pub(super) status: StatusCode,
    /// Its name in metrics.
    pub(super) reason: &'static str,
    text: Cow<'static, str>,
}

impl Rejection {
    pub(super) fn header_timeout(after: Duration) -> Rejection {
        Rejection {
            status: StatusCode::REQUEST_TIMEOUT,
            reason: "header_timeout",
            text: format!("the head of the request was not complete after {after:?}").into(),
        }
    }

    pub(super) fn body_timeout() -> Rejection {
        Rejection {
            status: StatusCode::REQUEST_TIMEOUT,
            reason: "body_timeout",
            text: "the body of the request came too slowly".into(),
        }
    }

    pub(super) fn body_too_large(max: u64) -> Rejection {
        Rejection {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            reason: Reject::BodyTooLarge.as_str(),
            text: format!("the body is too large: at most {max} bytes are allowed").into(),
        }
    }

    pub(super) fn response(&self) -> Response {
        let mut response = Response::error(self.status);
        let line = format!(
            "{} {}: {}\n",
            self.status.as_u16(),
            self.status.canonical_reason().unwrap_or("error"),
            self.text
        );
        response.body = Body::Bytes(line.into());
        response
    }
}

impl From<Reject> for Rejection {
    fn from(reject: Reject) -> Rejection {
        Rejection {
            status: reject.status(),
            reason: reject.as_str(),
            text: reject.to_string().into(),
        }
    }
}

/// The answer to a request that the pool did not take, counted.
pub(super) fn busy(refusal: &Refusal, front: &Shared) -> Response {
    front.counters.reject(refusal.reason.as_str());
    let seconds = refusal.retry_after.as_secs_f64().ceil() as u64;
    Response::new(StatusCode::SERVICE_UNAVAILABLE)
        .with(RETRY_AFTER, HeaderValue::from(seconds))
        .with_body(Body::Bytes(
            "503 Service Unavailable: too many requests wait\n".into(),
        ))
}

/// Whether the client that was refused should come back on a new connection: the one that held
/// most of a full queue.
pub(super) fn closes(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        RefusalReason::Displaced | RefusalReason::Stopping
    )
}

impl Output {
    /// Makes the bytes of a response's head, and whatever of its body fits behind it.
    pub(super) fn new(mut asked: Asked, response: Response, front: &Shared) -> Output {
        let mut response = as_it_can_be_sent(response, &asked);
        let framing = frame(&mut asked, &mut response);
        let connection = connection(&asked, response.status);
        let mut buffer = Vec::with_capacity(HEAD_BYTES);
        encode_head(
            &mut buffer,
            Version::HTTP_11,
            response.status,
            &response.headers,
            framing,
            connection,
            &http_date(SystemTime::now()),
        );
        if front.limits.request_ids {
            put_request_id(&mut buffer, &asked);
        }
        let sends_body = !asked.head_only && may_have_body(response.status);
        let is_framed = framing != ResponseFraming::None || !sends_body;
        let mut output = Output::empty(asked, response.status, buffer);
        output.chunked = framing == ResponseFraming::Chunked;
        output.is_framed = is_framed;
        match response.body {
            Body::Upgrade(hook) => output.upgrade = Some(hook),
            body if sends_body => output.take_body(body),
            _ => {}
        }
        output
    }

    fn take_body(&mut self, body: Body) {
        match body {
            Body::Empty | Body::Upgrade(_) => {}
            Body::Bytes(bytes) if bytes.len() <= COALESCE_BYTES => {
                self.buffer.extend_from_slice(&bytes);
            }
            Body::Bytes(bytes) => self.data = bytes,
            Body::Parts(parts) => self.source = Source::Parts(parts),
            Body::Chunks(chunks) => self.source = Source::Chunks(Some(chunks)),
            Body::Stream(stream) => self.source = Source::Stream(stream),
        }
    }
}

/// Another protocol only where the client asked for it, and none of the statuses that are not the end
/// of an answer (RFC 9110, 15.2): a client would take the next answer for this one.
fn as_it_can_be_sent(response: Response, asked: &Asked) -> Response {
    let switches = response.status == StatusCode::SWITCHING_PROTOCOLS;
    match (switches, &response.body) {
        (true, Body::Upgrade(_)) if asked.upgrade => response,
        (_, Body::Upgrade(_)) => upgrade_required(&response),
        (true, _) => Response::error(StatusCode::INTERNAL_SERVER_ERROR),
        _ if response.status.is_informational() => {
            Response::error(StatusCode::INTERNAL_SERVER_ERROR)
        }
        _ => response,
    }
}

/// What says where the body ends (RFC 9112, 6.3).
fn frame(asked: &mut Asked, response: &mut Response) -> ResponseFraming {
    let status = response.status;
    if status == StatusCode::NOT_MODIFIED || status.is_informational() {
        return ResponseFraming::None;
    }
    if status == StatusCode::NO_CONTENT || status == StatusCode::RESET_CONTENT {
        response.body = Body::Empty;
    }
    match response.body.len() {
        // The answer to HEAD may say a length without having the body.
        Some(0) if asked.head_only => match declared(response) {
            Some(len) => ResponseFraming::Length(len),
            None => ResponseFraming::Length(0),
        },
        Some(len) => ResponseFraming::Length(len),
        None if asked.version == Version::HTTP_11 => ResponseFraming::Chunked,
        None => {
            asked.linger |= !asked.close;
            asked.close = true;
            ResponseFraming::None
        }
    }
}

fn declared(response: &Response) -> Option<u64> {
    let value = response.headers.get(CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational()
        && status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
}

fn connection(asked: &Asked, status: StatusCode) -> ConnectionHeader {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        ConnectionHeader::Upgrade
    } else if asked.close {
        ConnectionHeader::Close
    } else if asked.version == Version::HTTP_10 {
        ConnectionHeader::KeepAlive
    } else {
        ConnectionHeader::None
    }
}

/// The handler answers with another protocol that the client did not ask for.
fn upgrade_required(response: &Response) -> Response {
    let mut required = Response::error(StatusCode::UPGRADE_REQUIRED);
    if let Some(protocol) = response.headers.get(UPGRADE) {
        required = required.with(UPGRADE, protocol.clone());
    }
    required
}

/// In place of the empty line at the end of a head: one more field, and the empty line.
fn put_request_id(head: &mut Vec<u8>, asked: &Asked) {
    head.truncate(head.len() - 2);
    head.extend_from_slice(b"x-request-id: ");
    head.extend_from_slice(&asked.id.digits());
    head.extend_from_slice(b"\r\n\r\n");
}
