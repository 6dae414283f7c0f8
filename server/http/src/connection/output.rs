//! A response on its way out, as the socket takes it: never more of it is made than that.

use std::io::{ErrorKind, IoSlice, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use harmonious_pool::Context;
use http::StatusCode;
use socket2::SockRef;

use super::Asked;
use super::source::{Hook, Next, Source};
use crate::config::WRITE_PER_POLL_BYTES;
use crate::front::Shared;
use crate::handler::Record;
use crate::request::{Head, Peer, RequestId};
use crate::seat::Seat;
use crate::stream::Stream;

/// A response that is being written.
pub(super) struct Output {
    pub(super) asked: Asked,
    status: StatusCode,
    waited: Duration,
    began: Instant,
    /// Written first: the head, small pieces, the frames of chunks. From `at` on.
    pub(super) buffer: Vec<u8>,
    at: usize,
    /// Written next.
    pub(super) data: Bytes,
    /// Written after that.
    pub(super) tail: &'static [u8],
    /// Where more comes from.
    pub(super) source: Source,
    pub(super) chunked: bool,
    /// The client can tell where the body ends; else by the end of the connection.
    pub(super) is_framed: bool,
    pub(super) upgrade: Option<Hook>,
    written: u64,
    /// The system looks after a client from which nothing is heard.
    pub(super) keeps_alive: bool,
    /// When a stream asked to be polled again.
    pub(super) wake_at: Option<Instant>,
    /// When the client last took something, or was last given something to take.
    pub(super) progress: Instant,
}

/// How far it came.
pub(super) enum Sent {
    All,
    Wait(Option<Instant>),
    Busy,
    Failed,
}

impl Output {
    pub(super) fn empty(asked: Asked, status: StatusCode, buffer: Vec<u8>) -> Output {
        let now = Instant::now();
        Output {
            asked,
            status,
            waited: Duration::ZERO,
            began: now,
            buffer,
            at: 0,
            data: Bytes::new(),
            tail: b"",
            source: Source::Done,
            chunked: false,
            is_framed: true,
            upgrade: None,
            written: 0,
            keeps_alive: false,
            wake_at: None,
            progress: now,
        }
    }

    /// When the request began, what it waited for a permit, and when its answer was there.
    pub(super) fn stamp(&mut self, began: Instant, waited: Duration, now: Instant) {
        self.began = began;
        self.waited = waited;
        self.progress = now;
    }

    /// Bytes that go out before the head.
    pub(super) fn prepend(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.buffer.splice(0..0, bytes.iter().copied());
        }
    }

    pub(super) fn into_asked(self) -> Asked {
        self.asked
    }

    pub(super) fn is_blocked_since(&self, now: Instant, timeout: Duration) -> bool {
        self.is_pending() && now >= self.progress + timeout
    }

    fn is_pending(&self) -> bool {
        self.made() > 0 || matches!(self.source, Source::Warm(..))
    }

    /// Bytes that are made and not written.
    pub(super) fn made(&self) -> usize {
        self.buffer.len() - self.at + self.data.len() + self.tail.len()
    }

    /// What there is to tell of the request once it is over.
    pub(super) fn report(&self, complete: bool) -> Report {
        Report {
            written: self.written,
            waited: self.waited,
            complete,
            ..Report::lost(&self.asked, self.status, self.began)
        }
    }

    /// Writes as much as the socket takes, up to [`WRITE_PER_POLL_BYTES`].
    pub(super) fn send(
        &mut self,
        stream: &mut Stream,
        writable: &mut bool,
        front: &Arc<Shared>,
        seat: &Arc<Seat>,
        cx: &mut Context<'_>,
    ) -> Sent {
        let mut budget = WRITE_PER_POLL_BYTES;
        loop {
            if !self.flush(stream, writable, &mut budget, cx.now()) {
                return Sent::Failed;
            }
            if !*writable && self.is_pending() {
                return Sent::Wait(Some(self.progress + front.limits.write_timeout));
            }
            if budget == 0 {
                return Sent::Busy;
            }
            match self.next(stream, writable, &mut budget, front, seat, cx) {
                Next::More => {}
                Next::End => return Sent::All,
                Next::Wait(until) => return Sent::Wait(until),
                Next::Busy => return Sent::Busy,
                Next::Failed => {
                    self.break_off(stream);
                    return Sent::Failed;
                }
            }
        }
    }

    /// Writes what is made. False if the connection is lost.
    fn flush(
        &mut self,
        stream: &mut Stream,
        writable: &mut bool,
        budget: &mut u64,
        now: Instant,
    ) -> bool {
        loop {
            let head = &self.buffer[self.at..];
            let len = self.made();
            if len == 0 || !*writable || *budget == 0 {
                return true;
            }
            let result = if head.len() == len {
                stream.write(head)
            } else {
                let slices = [
                    IoSlice::new(head),
                    IoSlice::new(&self.data),
                    IoSlice::new(self.tail),
                ];
                stream.write_vectored(&slices)
            };
            match result {
                Ok(0) => return false,
                Ok(written) => {
                    self.advance(written);
                    self.note(written as u64, budget, now);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => *writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    pub(super) fn note(&mut self, written: u64, budget: &mut u64, now: Instant) {
        self.written += written;
        self.progress = now;
        *budget = budget.saturating_sub(written);
    }

    fn advance(&mut self, mut written: usize) {
        let of_head = written.min(self.buffer.len() - self.at);
        self.at += of_head;
        written -= of_head;
        let of_data = written.min(self.data.len());
        self.data.advance(of_data);
        self.tail = &self.tail[written - of_data..];
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
        }
    }

    /// The body is cut. Where its end is the connection's end, that must not look like one: a reset.
    fn break_off(&self, stream: &Stream) {
        if !self.is_framed
            && let Some(socket) = stream.fd()
        {
            // Should it fail, the client is left with a shorter body; nothing better is to be had.
            let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
        }
    }
}

/// What there is to tell of a request that is over.
pub(super) struct Report {
    head: Option<Arc<Head>>,
    id: RequestId,
    status: StatusCode,
    written: u64,
    began: Instant,
    waited: Duration,
    complete: bool,
}

impl Report {
    /// The connection is lost, and nothing was written.
    pub(super) fn lost(asked: &Asked, status: StatusCode, began: Instant) -> Report {
        Report {
            head: asked.head.clone(),
            id: asked.id,
            status,
            written: 0,
            began,
            waited: Duration::ZERO,
            complete: false,
        }
    }

    /// Counts it, and tells the handler.
    pub(super) fn send(self, front: &Shared, peer: Peer, now: Instant) {
        if self.complete {
            front.counters.response(self.status);
        }
        front.counters.written(self.written);
        front.finished(&Record {
            head: self.head.as_deref(),
            peer,
            id: self.id,
            status: self.status,
            bytes: self.written,
            took: now.saturating_duration_since(self.began),
            waited: self.waited,
            complete: self.complete,
        });
    }
}
