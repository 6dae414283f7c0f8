//! A response on its way out, as the socket takes it: never more of it is made than that.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use harmonious_pool::{Context, Origin, Task};
use http::StatusCode;
use rustix::io::{Errno, ReadWriteFlags};

use super::Asked;
use crate::codec::{CHUNK_END, LAST_CHUNK, chunk_header};
use crate::config::{
    COALESCE_BYTES, RESIDENT_STEP_BYTES, RESIDENT_WINDOW_BYTES, RESUBMIT, WRITE_PER_POLL_BYTES,
};
use crate::front::Shared;
use crate::handler::Record;
use crate::jobs::{After, Chunks, Client, Outcome, PullJob, WarmJob};
use crate::request::Peer;
use crate::response::{BodyStream, Part, Piece, StreamContext};
use crate::seat::Seat;
use crate::stream::Stream;
use crate::upgrade::Upgraded;

/// What another protocol begins with.
pub(super) type Hook = Box<dyn FnOnce(Upgraded) -> Box<dyn Task> + Send>;

/// A response that is being written.
pub(super) struct Output {
    asked: Asked,
    status: StatusCode,
    waited: Duration,
    began: Instant,
    /// Written first: the head, small pieces, the frames of chunks. From `at` on.
    pub(super) buffer: Vec<u8>,
    at: usize,
    /// Written next.
    pub(super) data: Bytes,
    /// Written after that.
    tail: &'static [u8],
    /// Where more comes from.
    pub(super) source: Source,
    pub(super) chunked: bool,
    pub(super) upgrade: Option<Hook>,
    /// What the client still sends is read and thrown away before the connection closes.
    pub(super) linger: bool,
    written: u64,
    /// When a stream asked to be polled again.
    wake_at: Option<Instant>,
    /// When the client last took something, or was last given something to take.
    progress: Instant,
}

/// Where more of a body comes from.
pub(super) enum Source {
    /// Nowhere: this is all.
    Done,
    Parts(VecDeque<Part>),
    /// `None` while a job has it.
    Chunks(Option<Chunks>),
    /// The iterator, until the pool is asked again.
    Refused(Chunks, Instant),
    Stream(Box<dyn BodyStream>),
    /// The body broke off; so must the connection.
    Cut,
    /// A job brings a piece of the first part into memory, up to this offset.
    Warming(VecDeque<Part>),
    /// That job was refused; when to ask again.
    Cold(VecDeque<Part>, Instant),
    /// The first part is in memory up to this offset.
    Warm(VecDeque<Part>, u64),
}

/// How far it came.
pub(super) enum Sent {
    All,
    Wait(Option<Instant>),
    Busy,
    Failed,
}

/// What a look at the source came to.
enum Next {
    /// There is more to write.
    More,
    End,
    Sent(Sent),
}

impl Output {
    pub(super) fn empty(
        asked: Asked,
        status: StatusCode,
        waited: Duration,
        began: Instant,
        buffer: Vec<u8>,
    ) -> Output {
        Output {
            asked,
            status,
            waited,
            began,
            buffer,
            at: 0,
            data: Bytes::new(),
            tail: b"",
            source: Source::Done,
            chunked: false,
            upgrade: None,
            linger: false,
            written: 0,
            wake_at: None,
            progress: began,
        }
    }

    pub(super) fn closes(&self) -> bool {
        self.asked.close
    }

    pub(super) fn is_blocked_since(&self, now: Instant, timeout: Duration) -> bool {
        self.is_pending() && now >= self.progress + timeout
    }

    fn is_pending(&self) -> bool {
        self.at < self.buffer.len()
            || !self.data.is_empty()
            || !self.tail.is_empty()
            || matches!(self.source, Source::Warm(..))
    }

    /// Tells the handler how the request ended.
    pub(super) fn report(&self, front: &Shared, peer: Peer, now: Instant, complete: bool) {
        front.counters.response(self.status);
        front.counters.written(self.written);
        front.handler.finished(&Record {
            head: self.asked.head.as_deref(),
            peer,
            id: self.asked.id,
            status: self.status,
            bytes: self.written,
            took: now.saturating_duration_since(self.began),
            waited: self.waited,
            complete,
        });
    }

    /// Writes as much as the socket takes, up to [`WRITE_PER_POLL_BYTES`].
    pub(super) fn send(
        &mut self,
        stream: &mut Stream,
        writable: &mut bool,
        seat: &Seat,
        client: impl Fn() -> Client,
        cx: &mut Context<'_>,
    ) -> Sent {
        let mut budget = WRITE_PER_POLL_BYTES;
        loop {
            if !self.flush(stream, writable, &mut budget, cx.now()) {
                return Sent::Failed;
            }
            if !*writable && self.is_pending() {
                return Sent::Wait(Some(self.progress + client().front.limits.write_timeout));
            }
            if budget == 0 {
                return Sent::Busy;
            }
            match self.next(stream, writable, &mut budget, seat, &client, cx) {
                Next::More => {}
                Next::End => return Sent::All,
                Next::Sent(sent) => return sent,
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
            let len = head.len() + self.data.len() + self.tail.len();
            if len == 0 || !*writable {
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

    fn note(&mut self, written: u64, budget: &mut u64, now: Instant) {
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

    /// All that was made is written: what comes now?
    fn next(
        &mut self,
        stream: &mut Stream,
        writable: &mut bool,
        budget: &mut u64,
        seat: &Seat,
        client: &impl Fn() -> Client,
        cx: &mut Context<'_>,
    ) -> Next {
        match std::mem::replace(&mut self.source, Source::Done) {
            Source::Done => Next::End,
            Source::Cut => Next::Sent(Sent::Failed),
            Source::Parts(parts) => self.next_part(parts, client, cx),
            Source::Warm(parts, until) => {
                self.send_file(parts, until, stream, writable, budget, cx)
            }
            Source::Warming(parts) => match seat.take() {
                Some(Outcome::Warmed(Ok(()))) => {
                    let until = first_offset(&parts) + RESIDENT_WINDOW_BYTES;
                    self.source = Source::Warm(parts, until);
                    self.progress = cx.now();
                    Next::More
                }
                Some(Outcome::Refused(_)) => {
                    self.source = Source::Cold(parts, cx.now() + RESUBMIT);
                    Next::More
                }
                Some(_) => Next::Sent(Sent::Failed),
                None => {
                    self.source = Source::Warming(parts);
                    Next::Sent(Sent::Wait(None))
                }
            },
            Source::Cold(parts, again) if cx.now() >= again => self.warm(parts, client, cx),
            Source::Cold(parts, again) => {
                self.source = Source::Cold(parts, again);
                Next::Sent(Sent::Wait(Some(again)))
            }
            Source::Chunks(Some(chunks)) => self.pull(chunks, client, cx),
            Source::Chunks(None) => self.pulled(seat, cx),
            Source::Refused(chunks, again) if cx.now() >= again => self.pull(chunks, client, cx),
            Source::Refused(chunks, again) => {
                self.source = Source::Refused(chunks, again);
                Next::Sent(Sent::Wait(Some(again)))
            }
            Source::Stream(body) => self.poll_stream(body, cx),
        }
    }

    // ---- parts and files ----

    fn next_part(
        &mut self,
        mut parts: VecDeque<Part>,
        client: &impl Fn() -> Client,
        cx: &mut Context<'_>,
    ) -> Next {
        match parts.front() {
            None => Next::End,
            Some(Part::File { len: 0, .. }) => {
                parts.pop_front();
                self.source = Source::Parts(parts);
                Next::More
            }
            Some(Part::Bytes(bytes)) => {
                self.data = bytes.clone();
                parts.pop_front();
                self.source = Source::Parts(parts);
                self.progress = cx.now();
                Next::More
            }
            Some(Part::File { file, offset, len }) => {
                let window = RESIDENT_WINDOW_BYTES.min(*len);
                if is_resident(file, *offset, window) {
                    let until = offset + window;
                    self.source = Source::Warm(parts, until);
                    self.progress = cx.now();
                    Next::More
                } else {
                    self.warm(parts, client, cx)
                }
            }
        }
    }

    /// Has a worker read what the disk would make us wait for.
    fn warm(
        &mut self,
        parts: VecDeque<Part>,
        client: &impl Fn() -> Client,
        cx: &mut Context<'_>,
    ) -> Next {
        let Some(Part::File { file, offset, len }) = parts.front() else {
            self.source = Source::Parts(parts);
            return Next::More;
        };
        let job = WarmJob {
            client: client(),
            file: Arc::clone(file),
            offset: *offset,
            len: RESIDENT_WINDOW_BYTES.min(*len),
        };
        match cx.submit(self.origin(), job) {
            Ok(()) => {
                self.source = Source::Warming(parts);
                Next::Sent(Sent::Wait(None))
            }
            Err(_) => {
                self.source = Source::Cold(parts, cx.now() + RESUBMIT);
                Next::More
            }
        }
    }

    fn send_file(
        &mut self,
        mut parts: VecDeque<Part>,
        until: u64,
        stream: &mut Stream,
        writable: &mut bool,
        budget: &mut u64,
        cx: &mut Context<'_>,
    ) -> Next {
        let Some(Part::File { file, offset, len }) = parts.front_mut() else {
            self.source = Source::Parts(parts);
            return Next::More;
        };
        let Some(socket) = stream.fd() else {
            return Next::Sent(Sent::Failed);
        };
        let count = until.saturating_sub(*offset).min(*len).min(*budget);
        if count == 0 {
            self.source = Source::Parts(parts);
            return Next::More;
        }
        match rustix::fs::sendfile(socket, &**file, Some(offset), count as usize) {
            // The file is shorter than it was: the length that was announced cannot be kept.
            Ok(0) => return Next::Sent(Sent::Failed),
            Ok(sent) => {
                *len -= sent as u64;
                self.note(sent as u64, budget, cx.now());
            }
            Err(Errno::AGAIN) => *writable = false,
            Err(Errno::INTR) => {}
            Err(_) => return Next::Sent(Sent::Failed),
        }
        self.source = Source::Warm(parts, until);
        if *budget == 0 {
            return Next::Sent(Sent::Busy);
        }
        Next::More
    }

    // ---- chunks ----

    fn pull(&mut self, chunks: Chunks, client: &impl Fn() -> Client, cx: &mut Context<'_>) -> Next {
        let job = PullJob {
            client: client(),
            chunks: Some(chunks),
        };
        // A job that is refused gives the iterator back by way of the seat, now or later.
        let _ = cx.submit(self.origin(), job);
        self.source = Source::Chunks(None);
        Next::Sent(Sent::Wait(None))
    }

    fn pulled(&mut self, seat: &Seat, cx: &mut Context<'_>) -> Next {
        match seat.take() {
            Some(Outcome::Pulled(bytes, after)) => {
                self.put_chunk(bytes, cx.now());
                self.source = match after {
                    After::More(chunks) => Source::Chunks(Some(chunks)),
                    After::Cut => Source::Cut,
                    After::End => {
                        self.put_end();
                        Source::Done
                    }
                };
                Next::More
            }
            Some(Outcome::PullRefused(chunks)) => {
                self.source = Source::Refused(chunks, cx.now() + RESUBMIT);
                Next::More
            }
            _ => {
                self.source = Source::Chunks(None);
                Next::Sent(Sent::Wait(None))
            }
        }
    }

    // ---- streams ----

    fn poll_stream(&mut self, mut body: Box<dyn BodyStream>, cx: &mut Context<'_>) -> Next {
        let mut stream_cx = StreamContext {
            notifier: cx.notifier(),
            now: cx.now(),
            wake_at: None,
            draining: cx.draining(),
            timed_out: self.wake_at.is_some_and(|at| at <= cx.now()),
        };
        let piece = catch_unwind(AssertUnwindSafe(|| body.poll(&mut stream_cx)));
        match piece {
            Ok(Piece::Data(bytes)) => {
                self.put_chunk(bytes, cx.now());
                self.source = Source::Stream(body);
                Next::More
            }
            Ok(Piece::Wait) => {
                self.source = Source::Stream(body);
                self.wake_at = stream_cx.wake_at;
                Next::Sent(Sent::Wait(stream_cx.wake_at))
            }
            Ok(Piece::End) => {
                self.put_end();
                Next::More
            }
            Err(_) => Next::Sent(Sent::Failed),
        }
    }

    // ---- framing ----

    fn put_chunk(&mut self, bytes: Bytes, now: Instant) {
        self.progress = now;
        if bytes.is_empty() {
            return;
        }
        if self.chunked {
            chunk_header(bytes.len(), &mut self.buffer);
        }
        let tail: &'static [u8] = if self.chunked { CHUNK_END } else { b"" };
        if bytes.len() <= COALESCE_BYTES {
            self.buffer.extend_from_slice(&bytes);
            self.buffer.extend_from_slice(tail);
        } else {
            self.data = bytes;
            self.tail = tail;
        }
    }

    /// The end of the body, behind whatever is still to be written.
    fn put_end(&mut self) {
        if !self.chunked {
            return;
        }
        if self.data.is_empty() {
            self.buffer.extend_from_slice(LAST_CHUNK);
        } else {
            self.tail = CHUNK_END_AND_LAST;
        }
    }

    fn origin(&self) -> Origin {
        Origin {
            client: self
                .asked
                .head
                .as_ref()
                .map_or(0, |head| head.peer.client()),
            route: u32::MAX,
        }
    }
}

/// The end of a chunk, and the last chunk.
const CHUNK_END_AND_LAST: &[u8] = b"\r\n0\r\n\r\n";

fn first_offset(parts: &VecDeque<Part>) -> u64 {
    match parts.front() {
        Some(Part::File { offset, .. }) => *offset,
        _ => 0,
    }
}

/// Whether a piece of a file can be sent without waiting for the disk, as far as can be told: one
/// byte in every [`RESIDENT_STEP_BYTES`] is asked for without waiting. What the system reads ahead
/// comes in larger blocks than that.
fn is_resident(file: &File, offset: u64, len: u64) -> bool {
    let mut byte = [0];
    let mut at = offset;
    while at < offset + len {
        let mut slices = [IoSliceMut::new(&mut byte)];
        match rustix::io::preadv2(file, &mut slices, at, ReadWriteFlags::NOWAIT) {
            Err(Errno::AGAIN) => return false,
            // The end, or a file system that does not know the question.
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
        at += RESIDENT_STEP_BYTES;
    }
    true
}
