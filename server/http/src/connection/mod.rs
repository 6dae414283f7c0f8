//! The life of one HTTP connection: a task that reads a request, has it answered and writes the
//! response, again and again. It never blocks.
//!
//! [`Phase`] says where it stands; `step` takes it on as far as the socket allows. What comes in is
//! read in `input.rs`; what becomes of a request stands in `exchange.rs`; a body is collected in
//! `collect.rs`; a response becomes bytes in `answer.rs` and goes out in `output.rs`, from where
//! `source.rs` has it. How bytes are understood is the codec's affair.

mod answer;
mod collect;
mod exchange;
mod input;
mod output;
mod source;

use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use harmonious_pool::mio::Interest;
use harmonious_pool::{Alarm, Context, Flow, Task};
use http::{StatusCode, Version};

use crate::codec;
use crate::config::{DRAIN_IDLE, LINGER, LINGER_BYTES_MAX, STEPS_PER_POLL};
use crate::front::Shared;
use crate::request::{Head, Peer, RequestId};
use crate::seat::Seat;
use crate::stream::Stream;
use crate::upgrade::Upgraded;
use answer::Rejection;
use collect::Collect;
use input::{Input, NextHead};
use output::{Output, Report, Sent};
use source::Hook;

/// One HTTP connection.
pub(crate) struct Connection {
    front: Arc<Shared>,
    seat: Arc<Seat>,
    /// Its number among the front's seats.
    number: u64,
    peer: Peer,
    stream: Stream,
    input: Input,
    phase: Phase,
    /// Whether the socket may take bytes; false after it refused.
    writable: bool,
    registered: bool,
    /// Requests so far.
    served: u64,
    /// What the task's deadline stands for, if it has one that still counts.
    deadline: Option<Instant>,
    /// When the present request's first byte came.
    began: Instant,
    /// Rings when a handler ran over its time limit; made when the first that has one is started.
    alarm: Option<Alarm>,
    /// The end of a `100 Continue` of which the socket took only the beginning.
    owed: &'static [u8],
}

/// Where a connection stands.
enum Phase {
    /// Waits for a request's head, or is in the middle of one.
    Head,
    /// Collects the body.
    Body(Box<Collect>),
    /// A job works on the answer. Nothing is read meanwhile.
    Handling(Asked),
    /// The response is on its way.
    Writing(Box<Output>),
    /// The response is out, and the connection will close; what still comes is thrown away.
    Linger { bytes_left: u64 },
    /// Another protocol has taken over.
    Upgraded(Box<dyn Task>),
}

/// What must be remembered of a request until it is answered.
pub(crate) struct Asked {
    /// Everything before the body; `None` where it could not be read.
    pub(crate) head: Option<Arc<Head>>,
    pub(crate) id: RequestId,
    pub(crate) version: Version,
    /// The answer has no body, whatever its fields say.
    pub(crate) head_only: bool,
    /// No further request is read on this connection.
    pub(crate) close: bool,
    /// It closes by our choice, or with a part of the request unread: the client may be sending.
    pub(crate) linger: bool,
    /// The client asked for another protocol.
    pub(crate) upgrade: bool,
    /// The request is refused: what is answered if nobody shows it better.
    refused: Option<Box<Rejection>>,
}

/// How a step ended.
enum Step {
    /// There may be more to do at once.
    On,
    /// Nothing more before something happens.
    Wait,
    /// Others first.
    Yield,
    /// The connection is over.
    End,
}

impl Connection {
    pub(crate) fn new(
        front: Arc<Shared>,
        (number, seat): (u64, Arc<Seat>),
        stream: Stream,
        peer: Peer,
    ) -> Connection {
        Connection {
            front,
            seat,
            number,
            peer,
            stream,
            input: Input::default(),
            phase: Phase::Head,
            writable: true,
            registered: false,
            served: 0,
            deadline: None,
            began: Instant::now(),
            alarm: None,
            owed: b"",
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Step {
        match &mut self.phase {
            Phase::Head => self.read_head(cx),
            Phase::Body(_) => self.read_body(cx),
            Phase::Handling(_) => self.take_answer(cx),
            Phase::Writing(_) => self.write(cx),
            Phase::Linger { .. } => self.linger(),
            Phase::Upgraded(task) => match task.poll(cx) {
                Flow::Wait => Step::Wait,
                Flow::Again => Step::Yield,
                Flow::Done => Step::End,
            },
        }
    }

    // ---- the head ----

    fn read_head(&mut self, cx: &mut Context<'_>) -> Step {
        if self.seat.is_evicted() {
            return Step::End;
        }
        let fresh = self.input.is_empty();
        let next = self.input.next_head(&mut self.stream, &self.front);
        if fresh {
            self.began = cx.now();
        }
        match next {
            NextHead::Complete(bytes) => match codec::parse_head(bytes, &self.front.codec) {
                Ok(parsed) => self.begin(parsed, cx),
                Err(reject) => self.reject(reject.into(), cx),
            },
            NextHead::Reject(reject) => self.reject(reject, cx),
            NextHead::Partial => {
                if fresh {
                    self.time_head(cx);
                }
                Step::Wait
            }
            NextHead::Busy => {
                if fresh {
                    self.time_head(cx);
                }
                Step::Yield
            }
            NextHead::Empty => {
                self.wait_idle(cx);
                Step::Wait
            }
            NextHead::Ended => Step::End,
        }
    }

    /// The first byte of a head is here: the others have their time.
    fn time_head(&mut self, cx: &mut Context<'_>) {
        self.began = cx.now();
        self.arm(cx, self.began + self.front.limits.header_timeout);
    }

    /// Nothing has come of the next request.
    fn wait_idle(&mut self, cx: &mut Context<'_>) {
        let limits = &self.front.limits;
        let mut patience = if self.served == 0 {
            limits.header_timeout
        } else {
            limits.idle_timeout
        };
        if cx.draining() {
            patience = patience.min(DRAIN_IDLE);
        }
        let until = cx.now() + patience;
        // The first wait counts from the accept on, and a drain from its first notice.
        if self.deadline.is_none_or(|at| until < at) {
            self.arm(cx, until);
        }
    }

    // ---- writing ----

    fn write(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Writing(output) = &mut self.phase else {
            return Step::On;
        };
        let (front, seat) = (&self.front, &self.seat);
        match output.send(&mut self.stream, &mut self.writable, front, seat, cx) {
            Sent::All => self.finish(cx),
            Sent::Wait(until) => {
                match until {
                    Some(until) => self.arm(cx, until),
                    None => self.deadline = None,
                }
                Step::Wait
            }
            Sent::Busy => Step::Yield,
            Sent::Failed => Step::End,
        }
    }

    /// The response is out.
    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Writing(mut output) = std::mem::replace(&mut self.phase, Phase::Head) else {
            return Step::On;
        };
        output.report(true).send(&self.front, self.peer, cx.now());
        self.deadline = None;
        if let Some(hook) = output.upgrade.take() {
            return self.upgrade(hook, cx);
        }
        let asked = output.into_asked();
        if !asked.close {
            self.seat.release(self.front.now_ns(cx.now()));
            if !self.input.is_empty() {
                // The next request came with this one; it may be incomplete.
                self.time_head(cx);
            }
            return Step::On;
        }
        if !asked.linger && self.input.is_quiet() {
            return Step::End;
        }
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return Step::End;
        }
        self.arm(cx, cx.now() + LINGER);
        self.phase = Phase::Linger {
            bytes_left: LINGER_BYTES_MAX,
        };
        Step::On
    }

    fn upgrade(&mut self, hook: Hook, cx: &mut Context<'_>) -> Step {
        cx.set_deadline(None);
        let stream = self.stream.take();
        let read = self.input.take();
        match catch_unwind(AssertUnwindSafe(|| hook(Upgraded { stream, read }))) {
            Ok(task) => {
                self.phase = Phase::Upgraded(task);
                Step::On
            }
            Err(_) => {
                self.front.counters.handler_panics.fetch_add(1, Relaxed);
                Step::End
            }
        }
    }

    fn linger(&mut self) -> Step {
        let Phase::Linger { bytes_left } = &mut self.phase else {
            return Step::On;
        };
        let discarded = self
            .input
            .discard(&mut self.stream, &self.front, bytes_left);
        if discarded { Step::Wait } else { Step::End }
    }

    // ---- time and readiness ----

    /// The deadline of the present phase has passed.
    fn time_out(&mut self, cx: &mut Context<'_>) -> Step {
        match &mut self.phase {
            Phase::Head if self.input.is_empty() => {
                // Something may have come at the last moment.
                match self.read_head(cx) {
                    Step::Wait if matches!(self.phase, Phase::Head) && self.input.is_empty() => {
                        Step::End
                    }
                    step => step,
                }
            }
            Phase::Head => {
                let after = self.front.limits.header_timeout;
                self.reject(Rejection::header_timeout(after), cx)
            }
            Phase::Body(collect) => match collect.due(self.front.limits.body_timeout) {
                Some(due) if due <= cx.now() => self.reject_body(Rejection::body_timeout(), cx),
                // It came faster than was asked for, or waits for a job of ours.
                _ => Step::On,
            },
            Phase::Writing(output) => {
                if output.is_blocked_since(cx.now(), self.front.limits.write_timeout) {
                    self.front.counters.reject("write_timeout");
                    return Step::End;
                }
                Step::On
            }
            Phase::Linger { .. } => Step::End,
            Phase::Handling(_) | Phase::Upgraded(_) => Step::On,
        }
    }

    fn arm(&mut self, cx: &mut Context<'_>, at: Instant) {
        self.deadline = Some(at);
        cx.set_deadline(Some(at));
    }

    /// The first poll, and what has happened since the last one. False if the connection is lost.
    fn wake(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.registered {
            let both = Interest::READABLE | Interest::WRITABLE;
            if cx.register(&mut self.stream, both).is_err() {
                return false;
            }
            self.registered = true;
            self.seat.set_notifier(cx.notifier());
        }
        let ready = cx.ready();
        self.input.note(ready);
        self.writable |= ready.writable();
        // Where we read, the reads bring what was sent before, and then the end.
        let is_reading = matches!(
            self.phase,
            Phase::Head | Phase::Body(_) | Phase::Upgraded(_)
        );
        !ready.hung_up() || is_reading
    }
}

impl Task for Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.wake(cx) {
            return Flow::Done;
        }
        let mut step = Step::On;
        let is_upgraded = matches!(self.phase, Phase::Upgraded(_));
        if cx.ready().deadline() && !is_upgraded {
            match self.deadline {
                Some(at) if at <= cx.now() => {
                    self.deadline = None;
                    step = self.time_out(cx);
                }
                Some(at) => cx.set_deadline(Some(at)),
                None => {}
            }
        }
        for _ in 0..STEPS_PER_POLL {
            match step {
                Step::On => step = self.step(cx),
                Step::Wait => return Flow::Wait,
                Step::Yield => return Flow::Again,
                Step::End => return Flow::Done,
            }
        }
        match step {
            Step::Wait => Flow::Wait,
            Step::End => Flow::Done,
            Step::On | Step::Yield => Flow::Again,
        }
    }
}

/// What is in the log where the client was gone before there was an answer.
fn client_closed() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.seat.gone.store(true, Relaxed);
        self.front.seats.leave(self.number);
        let lost = |asked: &Asked| Report::lost(asked, client_closed(), self.began);
        let report = match &mut self.phase {
            Phase::Body(collect) => Some(lost(collect.asked())),
            Phase::Handling(asked) => Some(lost(asked)),
            Phase::Writing(output) => Some(output.report(false)),
            Phase::Head | Phase::Linger { .. } | Phase::Upgraded(_) => None,
        };
        if let Some(report) = report {
            report.send(&self.front, self.peer, Instant::now());
        }
    }
}
