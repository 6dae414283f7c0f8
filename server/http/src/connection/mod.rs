//! The life of one HTTP connection: a task that reads a request, has it answered and writes the
//! response, again and again. It never blocks.
//!
//! [`Phase`] says where it stands; `step` takes it on as far as the socket allows. What comes in is
//! read in `input.rs`, a body is collected in `collect.rs`, a response becomes bytes in `answer.rs`
//! and goes out in `output.rs`; how bytes are understood is the codec's affair.

mod answer;
mod collect;
mod input;
mod output;

use std::net::Shutdown;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use harmonious_pool::mio::Interest;
use harmonious_pool::{Context, Flow, Origin, Refusal, Task};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode, Version};

use crate::codec::{self, Framing};
use crate::config::{DRAIN_IDLE, LINGER, LINGER_BYTES_MAX, STEPS_PER_POLL};
use crate::front::Shared;
use crate::handler::Plan;
use crate::jobs::{Client, HandlerJob, Outcome};
use crate::request::{Head, Peer, Request, RequestBody, RequestId};
use crate::response::Response;
use crate::seat::Seat;
use crate::stream::Stream;
use crate::upgrade::Upgraded;
use answer::Rejection;
use collect::{Collect, Collected};
use input::{Input, NextHead};
use output::{Output, Sent};

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
    /// The client asked for another protocol.
    pub(crate) upgrade: bool,
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
        match self.input.next_head(&mut self.stream, &self.front) {
            NextHead::Complete(bytes) => {
                if fresh {
                    self.began = cx.now();
                }
                match codec::parse_head(bytes, &self.front.codec) {
                    Ok(parsed) => self.begin(parsed, cx),
                    Err(reject) => self.reject(reject.into(), cx),
                }
            }
            NextHead::Reject(reject) => {
                if fresh {
                    self.began = cx.now();
                }
                self.reject(reject, cx)
            }
            NextHead::Partial => {
                if fresh {
                    self.began = cx.now();
                    self.arm(cx, self.began + self.front.limits.header_timeout);
                }
                Step::Wait
            }
            NextHead::Empty => {
                self.wait_idle(cx);
                Step::Wait
            }
            NextHead::Busy => Step::Yield,
            NextHead::Ended => Step::End,
        }
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

    fn begin(&mut self, parsed: codec::ParsedHead, cx: &mut Context<'_>) -> Step {
        if !self.seat.occupy() {
            return Step::End;
        }
        self.front.counters.request();
        self.deadline = None;
        self.served += 1;
        let head = Arc::new(Head {
            method: parsed.method,
            target: parsed.target,
            version: parsed.version,
            headers: parsed.headers,
            peer: self.peer,
            id: self.front.request_id(self.number, self.served),
        });
        let plan = self.plan(&head);
        let mut asked = Asked {
            id: head.id,
            version: head.version,
            head_only: head.method == Method::HEAD,
            close: !parsed.keep_alive || self.served >= self.front.limits.requests_max,
            upgrade: parsed.upgrade,
            head: Some(Arc::clone(&head)),
        };
        let continues = parsed.expect_continue && self.input.is_empty();
        match (parsed.framing, plan) {
            (Framing::None, Plan::Answer(response)) => {
                self.answer(asked, response, Duration::ZERO, cx)
            }
            (Framing::None, Plan::Job { route, .. }) => {
                self.hand_over(asked, RequestBody::Empty, BytesMut::new(), route, cx)
            }
            (_, Plan::Answer(response)) if continues => {
                // The client has not begun its body, and now need not.
                asked.close = true;
                self.answer(asked, response, Duration::ZERO, cx)
            }
            (framing, plan) => {
                let max = match &plan {
                    Plan::Job {
                        body_max_bytes: Some(max),
                        ..
                    } => *max,
                    _ => self.front.limits.body_max_bytes,
                };
                let collect = Collect::new(asked, plan, framing, max, &self.front, cx.now());
                match collect {
                    Ok(mut collect) => {
                        collect.owe_continue(continues);
                        self.phase = Phase::Body(Box::new(collect));
                        Step::On
                    }
                    Err((asked, rejection)) => self.reject_asked(asked, &rejection, cx),
                }
            }
        }
    }

    fn plan(&self, head: &Head) -> Plan {
        if head.target.is_asterisk() {
            let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
            return Plan::Answer(Response::new(StatusCode::NO_CONTENT).with(ALLOW, allow));
        }
        catch_unwind(AssertUnwindSafe(|| self.front.handler.plan(head))).unwrap_or_else(|_| {
            self.front.counters.handler_panics.fetch_add(1, Relaxed);
            Plan::Answer(Response::error(StatusCode::INTERNAL_SERVER_ERROR))
        })
    }

    // ---- the body ----

    fn read_body(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Body(collect) = &mut self.phase else {
            return Step::On;
        };
        let client = || Client {
            front: Arc::clone(&self.front),
            seat: Arc::clone(&self.seat),
        };
        let collected = collect.step(&mut self.stream, &mut self.input, &self.seat, client, cx);
        match collected {
            Collected::Whole => {
                let Phase::Body(collect) = std::mem::replace(&mut self.phase, Phase::Head) else {
                    return Step::On;
                };
                self.deadline = None;
                let (asked, plan, body, tail) = collect.into_parts();
                match plan {
                    Plan::Answer(response) => self.answer(asked, response, Duration::ZERO, cx),
                    Plan::Job { route, .. } => self.hand_over(asked, body, tail, route, cx),
                }
            }
            Collected::Wait(until) => {
                if let Some(until) = until {
                    self.arm(cx, until);
                }
                Step::Wait
            }
            Collected::Busy => Step::Yield,
            Collected::Ended => Step::End,
            Collected::Reject(reject) => match std::mem::replace(&mut self.phase, Phase::Head) {
                Phase::Body(collect) => self.reject_asked(collect.into_parts().0, &reject, cx),
                _ => Step::End,
            },
            Collected::Refused(response) => match std::mem::replace(&mut self.phase, Phase::Head) {
                Phase::Body(collect) => {
                    let mut asked = collect.into_parts().0;
                    asked.close = true; // the rest of the body is not read
                    self.answer(asked, *response, Duration::ZERO, cx)
                }
                _ => Step::End,
            },
        }
    }

    // ---- the answer ----

    fn hand_over(
        &mut self,
        asked: Asked,
        body: RequestBody,
        tail: BytesMut,
        route: u32,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(head) = asked.head.clone() else {
            return Step::End;
        };
        let origin = Origin {
            client: self.peer.client(),
            route,
        };
        let job = HandlerJob {
            client: Client {
                front: Arc::clone(&self.front),
                seat: Arc::clone(&self.seat),
            },
            request: Request { head, body },
            tail,
        };
        match cx.submit(origin, job) {
            Ok(()) => {
                self.phase = Phase::Handling(asked);
                Step::Wait
            }
            Err(refusal) => self.refuse(asked, &refusal, cx),
        }
    }

    fn take_answer(&mut self, cx: &mut Context<'_>) -> Step {
        let Some(outcome) = self.seat.take() else {
            return Step::Wait;
        };
        let Phase::Handling(asked) = std::mem::replace(&mut self.phase, Phase::Head) else {
            return Step::On;
        };
        match outcome {
            Outcome::Answer(response, waited) => self.answer(asked, *response, waited, cx),
            Outcome::Refused(refusal) => self.refuse(asked, &refusal, cx),
            // Only a handler job is under way in this phase.
            _ => Step::End,
        }
    }

    fn refuse(&mut self, mut asked: Asked, refusal: &Refusal, cx: &mut Context<'_>) -> Step {
        asked.close |= answer::closes(refusal);
        let response = answer::busy(refusal, &self.front);
        self.answer(asked, response, Duration::ZERO, cx)
    }

    fn answer(
        &mut self,
        mut asked: Asked,
        response: Response,
        waited: Duration,
        cx: &mut Context<'_>,
    ) -> Step {
        asked.close |= cx.draining();
        let output = Output::new(asked, response, waited, self.began, &self.front);
        self.phase = Phase::Writing(Box::new(output));
        self.write(cx)
    }

    // ---- writing ----

    fn write(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Writing(output) = &mut self.phase else {
            return Step::On;
        };
        let client = || Client {
            front: Arc::clone(&self.front),
            seat: Arc::clone(&self.seat),
        };
        match output.send(&mut self.stream, &mut self.writable, &self.seat, client, cx) {
            Sent::All => self.finish(cx),
            Sent::Wait(until) => {
                match until {
                    Some(until) => self.arm(cx, until),
                    None => self.deadline = None,
                }
                Step::Wait
            }
            Sent::Busy => Step::Yield,
            Sent::Failed => {
                output.report(&self.front, self.peer, cx.now(), false);
                Step::End
            }
        }
    }

    /// The response is out.
    fn finish(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Writing(output) = std::mem::replace(&mut self.phase, Phase::Head) else {
            return Step::On;
        };
        output.report(&self.front, self.peer, cx.now(), true);
        self.deadline = None;
        if let Some(hook) = output.upgrade {
            return self.upgrade(hook);
        }
        if !output.closes() {
            self.seat.release(self.front.now_ns(cx.now()));
            return Step::On;
        }
        if !output.linger && self.input.is_empty() {
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

    fn upgrade(&mut self, hook: output::Hook) -> Step {
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
        if self
            .input
            .discard(&mut self.stream, &self.front, bytes_left)
        {
            Step::Wait
        } else {
            Step::End
        }
    }

    // ---- refusals ----

    /// Answers what is no request, and closes.
    fn reject(&mut self, rejection: Rejection, cx: &mut Context<'_>) -> Step {
        if !self.seat.occupy() {
            return Step::End;
        }
        let asked = Asked {
            head: None,
            id: self.front.request_id(self.number, self.served + 1),
            version: Version::HTTP_11,
            head_only: false,
            close: true,
            upgrade: false,
        };
        self.reject_asked(asked, &rejection, cx)
    }

    fn reject_asked(
        &mut self,
        mut asked: Asked,
        rejection: &Rejection,
        cx: &mut Context<'_>,
    ) -> Step {
        self.front.counters.reject(rejection.reason);
        asked.close = true;
        let response = rejection.response();
        let mut output = Output::new(asked, response, Duration::ZERO, self.began, &self.front);
        output.linger = true;
        self.phase = Phase::Writing(Box::new(output));
        self.write(cx)
    }

    /// The deadline of the present phase has passed.
    fn time_out(&mut self, cx: &mut Context<'_>) -> Step {
        match &mut self.phase {
            Phase::Head if self.input.is_empty() => {
                // Something may have come at the last moment.
                match self.read_head(cx) {
                    Step::Wait if self.input.is_empty() && self.is_reading() => Step::End,
                    step => step,
                }
            }
            Phase::Head => {
                let after = self.front.limits.header_timeout;
                self.reject(Rejection::header_timeout(after), cx)
            }
            Phase::Body(collect) if collect.is_waiting_for_client() => {
                match std::mem::replace(&mut self.phase, Phase::Head) {
                    Phase::Body(collect) => {
                        let asked = collect.into_parts().0;
                        self.reject_asked(asked, &Rejection::body_timeout(), cx)
                    }
                    _ => Step::End,
                }
            }
            Phase::Writing(output) => {
                if output.is_blocked_since(cx.now(), self.front.limits.write_timeout) {
                    self.front.counters.reject("write_timeout");
                    output.report(&self.front, self.peer, cx.now(), false);
                    return Step::End;
                }
                Step::On
            }
            Phase::Linger { .. } => Step::End,
            Phase::Body(_) | Phase::Handling(_) | Phase::Upgraded(_) => Step::On,
        }
    }

    fn is_reading(&self) -> bool {
        matches!(self.phase, Phase::Head)
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
        if ready.hung_up() {
            self.seat.gone.store(true, Relaxed);
            return matches!(self.phase, Phase::Upgraded(_) | Phase::Head);
        }
        true
    }
}

impl Task for Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.wake(cx) {
            if let Phase::Writing(output) = &mut self.phase {
                output.report(&self.front, self.peer, cx.now(), false);
            }
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
        Flow::Again
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.seat.gone.store(true, Relaxed);
        self.front.seats.leave(self.number);
    }
}
