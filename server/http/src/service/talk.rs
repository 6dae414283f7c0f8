//! The connections of a stream service: what comes is read, answered, and the answer sent before more
//! is read.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use harmonious_pool::mio::Interest;
use harmonious_pool::{Context, Flow, Handle, Job, JobContext, Origin, Task};

use super::{Conversation, Next, Place, StreamService};
use crate::accept::Serves;
use crate::config::{DRAIN_IDLE, Limits, READ_BYTES, READS_PER_POLL};
use crate::jobs::Outcome;
use crate::request::Peer;
use crate::seat::{Seat, Seats};
use crate::stats::Counters;
use crate::stream::Stream;

/// What all connections of a stream service share.
pub(crate) struct StreamShared {
    service: Box<dyn StreamService>,
    place: Place,
    limits: Limits,
    seats: Seats,
    counters: Counters,
    began: Instant,
}

impl StreamShared {
    pub(crate) fn new(
        service: Box<dyn StreamService>,
        place: Place,
        limits: &Limits,
    ) -> StreamShared {
        StreamShared {
            service,
            place,
            seats: Seats::new(limits.connections_max, limits.per_address_max),
            counters: Counters::default(),
            began: Instant::now(),
            limits: limits.clone(),
        }
    }
}

impl Serves for StreamShared {
    fn seats(&self) -> &Seats {
        &self.seats
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn now_ns(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.began).as_nanos() as u64
    }

    fn busy(&self) -> &'static [u8] {
        b"" // a protocol that we do not know
    }

    fn start(
        self: Arc<Self>,
        pool: &Handle,
        place: (u64, Arc<Seat>),
        stream: Stream,
        peer: Peer,
    ) -> Result<(), harmonious_pool::Error> {
        pool.spawn(Talk {
            shared: self,
            seat: place.1,
            number: place.0,
            peer,
            stream,
            state: State::Over,
            reply: Vec::new(),
            at: 0,
            next: Next::Go,
            drained: false,
            writable: true,
            registered: false,
            leaving: false,
        })
    }
}

/// One connection of a stream service.
struct Talk {
    shared: Arc<StreamShared>,
    seat: Arc<Seat>,
    number: u64,
    peer: Peer,
    stream: Stream,
    state: State,
    reply: Vec<u8>,
    at: usize,
    next: Next,
    drained: bool,
    writable: bool,
    registered: bool,
    /// The server stops, and the client has a last moment to say something.
    leaving: bool,
}

enum State {
    Listening(Box<dyn Conversation>),
    /// A job has the conversation.
    Thinking,
    /// It has not begun, or has ended.
    Over,
}

/// What a job did with a conversation: itself, its reply, and what it wants.
pub(crate) type Said = Option<(Box<dyn Conversation>, Vec<u8>, Next)>;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl Talk {
    /// Goes on as far as the socket allows. `None`: the connection is over.
    fn go(&mut self, cx: &mut Context<'_>) -> Option<Flow> {
        for _ in 0..READS_PER_POLL {
            if let State::Thinking = self.state {
                match self.seat.take() {
                    None => return Some(Flow::Wait),
                    Some(Outcome::Said(Some((conversation, reply, next)))) => {
                        self.said(conversation, reply, next, cx);
                    }
                    Some(_) => return None,
                }
            }
            if !self.send(cx)? {
                return Some(Flow::Wait);
            }
            if self.next == Next::Close {
                return None;
            }
            if self.drained {
                return Some(Flow::Wait);
            }
            self.listen(cx)?;
        }
        Some(Flow::Again)
    }

    fn said(
        &mut self,
        conversation: Box<dyn Conversation>,
        reply: Vec<u8>,
        next: Next,
        cx: &mut Context<'_>,
    ) {
        self.state = State::Listening(conversation);
        self.reply = reply;
        self.at = 0;
        self.next = next;
        // Whoever said something while the server stops has another last moment.
        self.leaving = false;
        let limits = &self.shared.limits;
        let patience = if self.reply.is_empty() {
            self.seat.release(self.shared.now_ns(cx.now()));
            limits.idle_timeout
        } else {
            limits.write_timeout
        };
        cx.set_deadline(Some(cx.now() + patience));
    }

    /// Sends what is to be said. True if all of it is out.
    fn send(&mut self, cx: &mut Context<'_>) -> Option<bool> {
        while self.at < self.reply.len() {
            if !self.writable {
                return Some(false);
            }
            match self.stream.write(&self.reply[self.at..]) {
                Ok(0) => return None,
                Ok(written) => {
                    self.at += written;
                    let limits = &self.shared.limits;
                    let patience = if self.at == self.reply.len() {
                        self.seat.release(self.shared.now_ns(cx.now()));
                        limits.idle_timeout
                    } else {
                        limits.write_timeout
                    };
                    cx.set_deadline(Some(cx.now() + patience));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.reply = Vec::new();
        self.at = 0;
        Some(true)
    }

    /// Reads, and has the handler answer.
    fn listen(&mut self, cx: &mut Context<'_>) -> Option<()> {
        SCRATCH.with_borrow_mut(|scratch| {
            let read = match self.stream.read(scratch) {
                Ok(0) => return None,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.drained = true;
                    return Some(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Some(()),
                Err(_) => return None,
            };
            if !self.seat.occupy() {
                return None;
            }
            self.shared.counters.read(read);
            let bytes = &scratch[..read];
            let State::Listening(conversation) = std::mem::replace(&mut self.state, State::Over)
            else {
                return None;
            };
            match self.shared.place {
                Place::Task => {
                    let (conversation, reply, next) = answer(conversation, bytes)?;
                    self.said(conversation, reply, next, cx);
                }
                Place::Job => {
                    let job = TalkJob {
                        seat: Arc::clone(&self.seat),
                        conversation: Some(conversation),
                        bytes: bytes.to_vec(),
                    };
                    let origin = Origin {
                        client: self.peer.client(),
                        route: 0,
                    };
                    if let Err(refusal) = cx.submit(origin, job) {
                        self.shared.counters.reject(refusal.reason.as_str());
                        return None;
                    }
                    self.state = State::Thinking;
                }
            }
            Some(())
        })
    }
}

fn answer(mut conversation: Box<dyn Conversation>, bytes: &[u8]) -> Said {
    catch_unwind(AssertUnwindSafe(|| {
        let mut reply = Vec::new();
        let next = conversation.received(bytes, &mut reply);
        (conversation, reply, next)
    }))
    .ok()
}

impl Talk {
    /// The first poll. False if there is no conversation to be had.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        let both = Interest::READABLE | Interest::WRITABLE;
        if cx.register(&mut self.stream, both).is_err() {
            return false;
        }
        self.registered = true;
        self.seat.set_notifier(cx.notifier());
        cx.set_deadline(Some(cx.now() + self.shared.limits.idle_timeout));
        let service = &self.shared.service;
        match catch_unwind(AssertUnwindSafe(|| service.connected(self.peer))) {
            Ok(conversation) => self.state = State::Listening(conversation),
            Err(_) => return false,
        }
        true
    }
}

impl Task for Talk {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.registered && !self.begin(cx) {
            return Flow::Done;
        }
        let ready = cx.ready();
        self.drained &= !ready.readable();
        self.writable |= ready.writable();
        // Who listens reads what came before the other side hung up, and then its end.
        let is_lost = ready.hung_up() && !matches!(self.state, State::Listening(_));
        let is_late = ready.deadline() && !matches!(self.state, State::Thinking);
        if is_lost || is_late || self.seat.is_evicted() {
            return Flow::Done;
        }
        let flow = self.go(cx).unwrap_or(Flow::Done);
        let idle = matches!(self.state, State::Listening(_)) && self.reply.is_empty();
        if cx.draining() && idle && flow == Flow::Wait && !self.leaving {
            // What is under way is finished; whoever says nothing is not waited for.
            self.leaving = true;
            cx.set_deadline(Some(cx.now() + DRAIN_IDLE));
        }
        flow
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.seat.gone.store(true, Relaxed);
        self.shared.seats.leave(self.number);
    }
}

/// A conversation's turn on a worker.
struct TalkJob {
    seat: Arc<Seat>,
    /// Taken by the run.
    conversation: Option<Box<dyn Conversation>>,
    bytes: Vec<u8>,
}

impl Job for TalkJob {
    fn run(mut self: Box<Self>, cx: &mut JobContext) {
        let Some(conversation) = self.conversation.take() else {
            return;
        };
        let said = answer(conversation, &self.bytes);
        self.seat.put(self.seat.turn(), Outcome::Said(said));
        if let Some(notifier) = self.seat.notifier() {
            cx.notify_on_return(notifier.clone());
        }
    }

    fn is_wanted(&self) -> bool {
        !self.seat.gone.load(Relaxed)
    }
}

impl Drop for TalkJob {
    fn drop(&mut self) {
        // Shed, or not wanted: the connection is told, and ends.
        if self.conversation.is_some() {
            self.seat.put(self.seat.turn(), Outcome::Said(None));
            if let Some(notifier) = self.seat.notifier() {
                notifier.notify();
            }
        }
    }
}
