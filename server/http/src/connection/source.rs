//! Where the body of a response comes from: bytes, files, an iterator that a job asks, a stream that is
//! polled. Each is asked for more only when what it gave is written.

use std::collections::VecDeque;
use std::fs::File;
use std::io::IoSliceMut;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use harmonious_pool::{Context, Origin, Task};
use rustix::io::{Errno, ReadWriteFlags};
use socket2::SockRef;

use super::output::Output;
use crate::codec::{CHUNK_END, LAST_CHUNK, chunk_header};
use crate::config::{
    COALESCE_BYTES, PIECES_PER_POLL, RESIDENT_STEP_BYTES, RESIDENT_WINDOW_BYTES, RESUBMIT,
};
use crate::front::Shared;
use crate::jobs::{After, Chunks, Client, Outcome, PullJob, WarmJob};
use crate::response::{BodyStream, Part, Piece, StreamContext};
use crate::seat::Seat;
use crate::stream::Stream;
use crate::upgrade::Upgraded;

/// What another protocol begins with.
pub(super) type Hook = Box<dyn FnOnce(Upgraded) -> Box<dyn Task> + Send>;

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

/// What a look at the source came to.
pub(super) enum Next {
    /// There is more to write.
    More,
    End,
    Wait(Option<Instant>),
    Busy,
    Failed,
}

impl Output {
    /// All that was made is written: what comes now?
    pub(super) fn next(
        &mut self,
        stream: &mut Stream,
        writable: &mut bool,
        budget: &mut u64,
        front: &Arc<Shared>,
        seat: &Arc<Seat>,
        cx: &mut Context<'_>,
    ) -> Next {
        let client = || Client::new(front, seat);
        match std::mem::replace(&mut self.source, Source::Done) {
            Source::Done => Next::End,
            Source::Cut => Next::Failed,
            Source::Parts(parts) => self.next_part(parts, seat, &client, cx),
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
                Some(_) => Next::Failed,
                None => {
                    self.source = Source::Warming(parts);
                    Next::Wait(None)
                }
            },
            Source::Cold(parts, again) if cx.now() >= again => self.warm(parts, seat, &client, cx),
            Source::Cold(parts, again) => {
                self.source = Source::Cold(parts, again);
                Next::Wait(Some(again))
            }
            Source::Chunks(Some(chunks)) => self.pull(chunks, &client, cx),
            Source::Chunks(None) => self.pulled(seat, cx),
            Source::Refused(chunks, again) if cx.now() >= again => self.pull(chunks, &client, cx),
            Source::Refused(chunks, again) => {
                self.source = Source::Refused(chunks, again);
                Next::Wait(Some(again))
            }
            Source::Stream(body) => self.poll_stream(body, stream, cx),
        }
    }

    // ---- parts and files ----

    fn next_part(
        &mut self,
        mut parts: VecDeque<Part>,
        seat: &Seat,
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
                    self.warm(parts, seat, &client, cx)
                }
            }
        }
    }

    /// Has a worker read what the disk would make us wait for.
    fn warm(
        &mut self,
        parts: VecDeque<Part>,
        seat: &Seat,
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
                Next::Wait(None)
            }
            Err(_) => {
                seat.take(); // what the job said when it was dropped
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
            return Next::Failed;
        };
        let count = until.saturating_sub(*offset).min(*len).min(*budget);
        if count == 0 {
            self.source = Source::Parts(parts);
            return Next::More;
        }
        match rustix::fs::sendfile(socket, &**file, Some(offset), count as usize) {
            // The file is shorter than it was: the length that was announced cannot be kept.
            Ok(0) => return Next::Failed,
            Ok(sent) => {
                *len -= sent as u64;
                self.note(sent as u64, budget, cx.now());
            }
            Err(Errno::AGAIN) => *writable = false,
            Err(Errno::INTR) => {}
            Err(_) => return Next::Failed,
        }
        self.source = Source::Warm(parts, until);
        if *budget == 0 {
            return Next::Busy;
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
        Next::Wait(None)
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
            Some(_) => Next::Failed,
            None => {
                self.source = Source::Chunks(None);
                Next::Wait(None)
            }
        }
    }

    // ---- streams ----

    /// Takes pieces until there is something worth a write.
    fn poll_stream(
        &mut self,
        mut body: Box<dyn BodyStream>,
        stream: &Stream,
        cx: &mut Context<'_>,
    ) -> Next {
        if !std::mem::replace(&mut self.keeps_alive, true)
            && let Some(socket) = stream.fd()
        {
            // A stream may be silent for hours; a client that vanished is found all the same. A Unix
            // socket knows anyway.
            let _ = SockRef::from(&socket).set_keepalive(true);
        }
        for _ in 0..PIECES_PER_POLL {
            let mut stream_cx = StreamContext {
                notifier: cx.notifier(),
                now: cx.now(),
                wake_at: None,
                draining: cx.draining(),
                timed_out: self.wake_at.take().is_some_and(|at| at <= cx.now()),
            };
            match catch_unwind(AssertUnwindSafe(|| body.poll(&mut stream_cx))) {
                Ok(Piece::Data(bytes)) => self.put_chunk(bytes, cx.now()),
                Ok(Piece::Wait) => {
                    self.wake_at = stream_cx.wake_at;
                    self.source = Source::Stream(body);
                    return if self.made() > 0 {
                        Next::More
                    } else {
                        Next::Wait(stream_cx.wake_at)
                    };
                }
                Ok(Piece::End) => {
                    self.put_end();
                    return Next::More;
                }
                Err(_) => {
                    // What it gave before goes out first.
                    self.source = Source::Cut;
                    return Next::More;
                }
            }
            if self.made() >= COALESCE_BYTES {
                break;
            }
        }
        self.source = Source::Stream(body);
        if self.made() > 0 {
            Next::More
        } else {
            Next::Busy // a stream of empty pieces
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
            // A file system that does not know the question may make us wait.
            Err(Errno::OPNOTSUPP) => return false,
            // The end, or an error that the sending will find.
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
        at += RESIDENT_STEP_BYTES;
    }
    true
}
