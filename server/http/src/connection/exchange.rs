//! One request and its answer: from a parsed head over the body and the handler's job to a response,
//! or to a refusal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::BytesMut;
use harmonious_pool::{Alarm, Context, Origin, Refusal, TimeLimit};
use http::header::ALLOW;
use http::{HeaderValue, Method, StatusCode, Version};

use super::answer::{self, Rejection};
use super::collect::{Collect, Collected};
use super::output::Output;
use super::{Asked, Connection, Phase, Step};
use crate::codec::{Framing, ParsedHead};
use crate::handler::Plan;
use crate::jobs::{Client, HandlerJob, Outcome};
use crate::request::{Head, Request, RequestBody};
use crate::response::Response;

impl Connection {
    // ---- the head is here ----

    pub(super) fn begin(&mut self, parsed: ParsedHead, cx: &mut Context<'_>) -> Step {
        if !self.seat.occupy() {
            return Step::End;
        }
        self.front.counters.request();
        self.deadline = None;
        self.served += 1;
        let is_last = self.served >= self.front.limits.requests_max;
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
            close: !parsed.keep_alive || is_last,
            linger: is_last,
            upgrade: parsed.upgrade,
            refused: None,
            head: Some(head),
        };
        let waits_for_continue = parsed.expect_continue && self.input.is_empty();
        match (parsed.framing, plan) {
            (Framing::None, Plan::Answer(response)) => {
                self.answer(asked, response, Duration::ZERO, cx)
            }
            (
                Framing::None,
                Plan::Job {
                    route, time_limit, ..
                },
            ) => {
                let body = (RequestBody::Empty, BytesMut::new());
                self.hand_over(asked, body, route, time_limit, cx)
            }
            (_, Plan::Answer(response)) if waits_for_continue => {
                // The client has not begun its body, and now need not.
                asked.close = true;
                asked.linger = true;
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
                match Collect::new(asked, plan, framing, max, &self.front, cx.now()) {
                    Ok(mut collect) => {
                        collect.owe_continue(waits_for_continue);
                        self.phase = Phase::Body(Box::new(collect));
                        Step::On
                    }
                    Err((asked, rejection)) => self.reject_asked(asked, rejection, cx),
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

    pub(super) fn read_body(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Body(collect) = &mut self.phase else {
            return Step::On;
        };
        let (front, seat) = (&self.front, &self.seat);
        match collect.step(&mut self.stream, &mut self.input, front, seat, cx) {
            Collected::Whole => {
                let Some((asked, plan, body, tail)) = self.end_body() else {
                    return Step::End;
                };
                match plan {
                    Plan::Answer(response) => self.answer(asked, response, Duration::ZERO, cx),
                    Plan::Job {
                        route, time_limit, ..
                    } => self.hand_over(asked, (body, tail), route, time_limit, cx),
                }
            }
            Collected::Wait(until) => {
                match until {
                    Some(until) => self.arm(cx, until),
                    None => self.deadline = None,
                }
                Step::Wait
            }
            Collected::Busy => Step::Yield,
            Collected::Ended => Step::End,
            Collected::Reject(rejection) => self.reject_body(rejection, cx),
            Collected::Refused(response) => {
                let Some((mut asked, ..)) = self.end_body() else {
                    return Step::End;
                };
                // The rest of the body is not read.
                asked.close = true;
                asked.linger = true;
                self.answer(asked, *response, Duration::ZERO, cx)
            }
        }
    }

    fn end_body(&mut self) -> Option<(Asked, Plan, RequestBody, BytesMut)> {
        self.deadline = None;
        match std::mem::replace(&mut self.phase, Phase::Head) {
            Phase::Body(collect) => {
                self.owed = collect.owed();
                Some(collect.into_parts())
            }
            _ => None,
        }
    }

    // ---- the handler ----

    fn hand_over(
        &mut self,
        asked: Asked,
        (body, tail): (RequestBody, BytesMut),
        route: u32,
        time_limit: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Step {
        let Some(head) = asked.head.clone() else {
            return Step::End;
        };
        let origin = Origin {
            client: self.peer.client(),
            route,
        };
        let turn = self.seat.next_turn();
        let limit = time_limit.map(|after| {
            let alarm = self.alarm.get_or_insert_with(|| Alarm::new(cx.notifier()));
            TimeLimit {
                after,
                alarm: Some((alarm.clone(), turn)),
            }
        });
        let job = HandlerJob {
            client: Client::new(&self.front, &self.seat),
            request: Request { head, body },
            tail,
            limit,
            refused: asked.refused.as_ref().map(|rejection| rejection.status),
        };
        match cx.submit(origin, job) {
            Ok(()) => {
                self.phase = Phase::Handling(asked);
                Step::Wait
            }
            Err(refusal) => {
                self.seat.take(); // what the job said when it was dropped
                self.refuse(asked, &refusal, cx)
            }
        }
    }

    pub(super) fn take_answer(&mut self, cx: &mut Context<'_>) -> Step {
        let outcome = match self.seat.take() {
            Some(outcome) => outcome,
            None if !self.is_overdue() => return Step::Wait,
            // It may have been brought at this very moment.
            None => match self.seat.take_or_leave() {
                Some(outcome) => outcome,
                None => return self.time_out_handler(cx),
            },
        };
        let Phase::Handling(asked) = std::mem::replace(&mut self.phase, Phase::Head) else {
            return Step::On;
        };
        match outcome {
            Outcome::Answer(response, waited) => self.answer(asked, *response, waited, cx),
            Outcome::Refused(refusal) => self.refuse(asked, &refusal, cx),
            // Only a handler's job is under way in this phase.
            _ => {
                let lost = match &asked.refused {
                    Some(rejection) => rejection.response(),
                    None => Response::error(StatusCode::INTERNAL_SERVER_ERROR),
                };
                self.answer(asked, lost, Duration::ZERO, cx)
            }
        }
    }

    /// Whether the pool has given up the job that is waited for.
    fn is_overdue(&self) -> bool {
        let turn = self.seat.turn();
        self.alarm.as_ref().is_some_and(|alarm| alarm.rang(turn))
    }

    /// The handler runs on, but nobody waits for it any more.
    fn time_out_handler(&mut self, cx: &mut Context<'_>) -> Step {
        let Phase::Handling(asked) = std::mem::replace(&mut self.phase, Phase::Head) else {
            return Step::On;
        };
        let front = &self.front;
        front.counters.timed_out.fetch_add(1, Relaxed);
        let made = asked
            .head
            .as_ref()
            .map(|head| catch_unwind(AssertUnwindSafe(|| front.handler.timed_out(head))));
        let response = match (&asked.refused, made) {
            (Some(rejection), _) => rejection.response(),
            (None, Some(Ok(response))) => response,
            (None, Some(Err(_))) => {
                front.counters.handler_panics.fetch_add(1, Relaxed);
                Response::error(StatusCode::GATEWAY_TIMEOUT)
            }
            (None, None) => Response::error(StatusCode::GATEWAY_TIMEOUT),
        };
        self.answer(asked, response, Duration::ZERO, cx)
    }

    // ---- the answer ----

    fn answer(
        &mut self,
        mut asked: Asked,
        response: Response,
        waited: Duration,
        cx: &mut Context<'_>,
    ) -> Step {
        if cx.draining() && !asked.close {
            asked.close = true;
            asked.linger = true;
        }
        let mut output = Output::new(asked, response, &self.front);
        output.stamp(self.began, waited, cx.now());
        output.prepend(std::mem::take(&mut self.owed));
        self.phase = Phase::Writing(Box::new(output));
        self.write(cx)
    }

    // ---- refusals ----

    fn refuse(&mut self, mut asked: Asked, refusal: &Refusal, cx: &mut Context<'_>) -> Step {
        if let Some(rejection) = &asked.refused {
            // There is no time to show it better.
            let response = rejection.response();
            return self.answer(asked, response, Duration::ZERO, cx);
        }
        if answer::closes(refusal) && !asked.close {
            asked.close = true;
            asked.linger = true;
        }
        let response = answer::busy(refusal, &self.front);
        self.answer(asked, response, Duration::ZERO, cx)
    }

    /// Answers what is no request, and closes.
    pub(super) fn reject(&mut self, rejection: Rejection, cx: &mut Context<'_>) -> Step {
        if !self.seat.occupy() {
            return Step::End;
        }
        let asked = Asked {
            head: None,
            id: self.front.request_id(self.number, self.served + 1),
            version: Version::HTTP_11,
            head_only: false,
            close: true,
            linger: true,
            upgrade: false,
            refused: None,
        };
        self.reject_asked(asked, rejection, cx)
    }

    /// Answers a request whose body is none.
    pub(super) fn reject_body(&mut self, rejection: Rejection, cx: &mut Context<'_>) -> Step {
        match self.end_body() {
            Some((asked, ..)) => self.reject_asked(asked, rejection, cx),
            None => Step::End,
        }
    }

    fn reject_asked(
        &mut self,
        mut asked: Asked,
        rejection: Rejection,
        cx: &mut Context<'_>,
    ) -> Step {
        self.front.counters.reject(rejection.reason);
        asked.close = true;
        asked.linger = true;
        match self.plan_refusal(&asked, rejection.status) {
            None => self.answer(asked, rejection.response(), Duration::ZERO, cx),
            Some(Plan::Answer(response)) => self.answer(asked, response, Duration::ZERO, cx),
            Some(Plan::Job {
                route, time_limit, ..
            }) => {
                asked.refused = Some(Box::new(rejection));
                let body = (RequestBody::Empty, BytesMut::new());
                self.hand_over(asked, body, route, time_limit, cx)
            }
        }
    }

    /// How the handler shows a refusal; `None` for a line of text.
    fn plan_refusal(&self, asked: &Asked, status: StatusCode) -> Option<Plan> {
        let (head, handler) = (asked.head.as_ref()?, &self.front.handler);
        catch_unwind(AssertUnwindSafe(|| handler.plan_refusal(head, status))).unwrap_or_else(|_| {
            self.front.counters.handler_panics.fetch_add(1, Relaxed);
            None
        })
    }
}
