//! A request's body on its way in: counted, limited, into memory or into a file without a name.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Asked;
use super::answer::{self, Rejection};
use super::input::{Fed, Input};
use crate::codec::{CONTINUE, ChunkEvent, ChunkedDecoder, Framing};
use crate::config::{BODY_MEMORY_BYTES, BODY_RATE_MIN, BODY_RESERVE_BYTES, READS_PER_POLL};
use crate::front::Shared;
use crate::handler::Plan;
use crate::jobs::{Client, Outcome, SpoolJob, refuse_storage};
use crate::request::RequestBody;
use crate::response::Response;
use crate::seat::Seat;
use crate::stream::Stream;
use bytes::BytesMut;
use harmonious_pool::{Context, Origin};
use http::StatusCode;

/// A body that is being collected.
pub(super) struct Collect {
    asked: Asked,
    plan: Plan,
    store: Store,
    spooling: Option<Instant>,
    file: Option<File>,
    began: Instant,
    /// What is still to be written of `100 Continue`.
    owed: &'static [u8],
}

/// What has come of the body.
struct Store {
    decoder: Decoder,
    /// Not in the file yet.
    memory: BytesMut,
    /// Whether anybody wants it.
    keep: bool,
    /// Length so far, in bytes.
    len: u64,
    max: u64,
    /// Bytes that came over the wire.
    received: u64,
    done: bool,
}

enum Decoder {
    Length(u64),
    Chunked(ChunkedDecoder),
}

/// How a step ended.
pub(super) enum Collected {
    Whole,
    Wait(Option<Instant>),
    Busy,
    Ended,
    Reject(Rejection),
    Refused(Box<Response>),
}

impl Collect {
    /// # Errors
    /// The declared length is over the limit.
    pub(super) fn new(
        asked: Asked,
        plan: Plan,
        framing: Framing,
        max: u64,
        front: &Shared,
        now: Instant,
    ) -> Result<Collect, (Asked, Rejection)> {
        let (decoder, declared) = match framing {
            Framing::None => (Decoder::Length(0), 0),
            Framing::Length(len) if len > max => {
                return Err((asked, Rejection::body_too_large(max)));
            }
            Framing::Length(len) => (Decoder::Length(len), len),
            Framing::Chunked => (Decoder::Chunked(ChunkedDecoder::new(&front.codec)), 0),
        };
        let keep = matches!(plan, Plan::Job { .. });
        let reserve = if keep {
            usize::try_from(declared).map_or(BODY_RESERVE_BYTES, |len| len.min(BODY_RESERVE_BYTES))
        } else {
            0
        };
        Ok(Collect {
            asked,
            plan,
            store: Store {
                done: declared == 0 && matches!(decoder, Decoder::Length(_)),
                decoder,
                memory: BytesMut::with_capacity(reserve),
                keep,
                len: 0,
                max,
                received: 0,
            },
            spooling: None,
            file: None,
            began: now,
            owed: b"",
        })
    }

    /// The client waits for `100 Continue` (RFC 9110, 10.1.1).
    pub(super) fn owe_continue(&mut self, owed: bool) {
        if owed && !self.store.done {
            self.owed = CONTINUE;
        }
    }

    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// What must still follow of a `100 Continue` that was begun; one that was not begun is no longer
    /// needed.
    pub(super) fn owed(&self) -> &'static [u8] {
        if self.owed.len() < CONTINUE.len() {
            self.owed
        } else {
            b""
        }
    }

    pub(super) fn into_parts(self) -> (Asked, Plan, RequestBody, BytesMut) {
        let Store { memory, len, .. } = self.store;
        match self.file {
            Some(file) => {
                let body = RequestBody::File { file, len };
                (self.asked, self.plan, body, memory)
            }
            None if memory.is_empty() => {
                (self.asked, self.plan, RequestBody::Empty, BytesMut::new())
            }
            None => {
                let body = RequestBody::Bytes(memory.freeze());
                (self.asked, self.plan, body, BytesMut::new())
            }
        }
    }

    pub(super) fn step(
        &mut self,
        stream: &mut Stream,
        input: &mut Input,
        front: &Arc<Shared>,
        seat: &Arc<Seat>,
        cx: &mut Context<'_>,
    ) -> Collected {
        if let Some(began) = self.spooling {
            match self.spooled(began, seat, front, cx.now()) {
                Some(collected) => return collected,
                None => self.spooling = None,
            }
        }
        if !self.owed.is_empty() && !self.pay(stream) {
            return Collected::Ended;
        }
        for _ in 0..READS_PER_POLL {
            if self.store.done {
                return Collected::Whole;
            }
            if self.store.memory.len() >= BODY_MEMORY_BYTES {
                return self.spool(front, seat, cx);
            }
            match input.feed(stream, front, |bytes| self.store.take(bytes)) {
                Ok(Fed::Some) => {}
                Ok(Fed::Drained) => {
                    return Collected::Wait(self.due(front.limits.body_timeout));
                }
                Ok(Fed::Ended) => return Collected::Ended,
                Err(reject) => return Collected::Reject(reject),
            }
        }
        if self.store.done {
            return Collected::Whole;
        }
        Collected::Busy
    }

    /// Until when the next byte must come: the time allowed, and a second more for each
    /// [`BODY_RATE_MIN`] bytes that came.
    /// `None` while a job of ours is what it waits for.
    pub(super) fn due(&self, body_timeout: Duration) -> Option<Instant> {
        let earned = self.store.received.saturating_mul(1000) / BODY_RATE_MIN;
        let due = self.began + body_timeout + Duration::from_millis(earned);
        self.spooling.is_none().then_some(due)
    }

    /// Writes what is owed of `100 Continue`. False if the connection is lost.
    fn pay(&mut self, stream: &mut Stream) -> bool {
        match stream.write(self.owed) {
            Ok(written) => self.owed = &self.owed[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
        true
    }

    /// A block goes into the file, by a job: the disk may make it wait.
    fn spool(&mut self, front: &Arc<Shared>, seat: &Arc<Seat>, cx: &mut Context<'_>) -> Collected {
        let job = SpoolJob {
            folder: front.limits.temp_dir.clone(),
            client: Client::new(front, seat),
            file: self.file.take(),
            block: std::mem::take(&mut self.store.memory),
        };
        let peer = self.asked.head.as_ref().map(|head| head.peer.client());
        let origin = Origin {
            client: peer.unwrap_or_default(),
            route: u32::MAX,
        };
        match cx.submit(origin, job) {
            Ok(()) => {
                self.spooling = Some(cx.now());
                Collected::Wait(None)
            }
            Err(refusal) => {
                seat.take(); // what the job said when it was dropped
                Collected::Refused(Box::new(answer::busy(&refusal, front)))
            }
        }
    }

    /// What came of the block; `None` to go on.
    fn spooled(
        &mut self,
        began: Instant,
        seat: &Seat,
        front: &Shared,
        now: Instant,
    ) -> Option<Collected> {
        match seat.take() {
            Some(Outcome::Spooled(Ok(file))) => {
                self.file = Some(file);
                // The time in which nothing was read is not the client's.
                self.began += now.saturating_duration_since(began);
                None
            }
            Some(Outcome::Spooled(Err(error))) => {
                let full = refuse_storage(front, &error);
                Some(Collected::Refused(Box::new(full)))
            }
            Some(Outcome::Refused(refusal)) => {
                let busy = answer::busy(&refusal, front);
                Some(Collected::Refused(Box::new(busy)))
            }
            Some(_) => {
                let lost = Response::error(StatusCode::INTERNAL_SERVER_ERROR);
                Some(Collected::Refused(Box::new(lost)))
            }
            None => Some(Collected::Wait(None)),
        }
    }
}

impl Store {
    /// Takes what belongs to the body, and says how many bytes that were.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, Rejection> {
        let taken = match &mut self.decoder {
            Decoder::Length(left) => {
                let taken = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                self.done = *left == 0;
                self.len += taken as u64;
                if self.keep {
                    self.memory.extend_from_slice(&bytes[..taken]);
                }
                taken
            }
            Decoder::Chunked(_) => self.take_chunks(bytes)?,
        };
        self.received += taken as u64;
        Ok(taken)
    }

    fn take_chunks(&mut self, bytes: &[u8]) -> Result<usize, Rejection> {
        let Decoder::Chunked(decoder) = &mut self.decoder else {
            return Ok(0);
        };
        let mut at = 0;
        loop {
            let event = decoder.decode(bytes, &mut at)?;
            if let ChunkEvent::Data(range) = &event {
                self.len += range.len() as u64;
            }
            // A chunk that is too large is refused by its size, before its data is read.
            if self.len.saturating_add(decoder.chunk_left()) > self.max {
                return Err(Rejection::body_too_large(self.max));
            }
            match event {
                ChunkEvent::Data(range) => {
                    if self.keep {
                        self.memory.extend_from_slice(&bytes[range]);
                    }
                }
                ChunkEvent::NeedMore => return Ok(at),
                ChunkEvent::Done => {
                    self.done = true;
                    return Ok(at);
                }
            }
        }
    }
}
