//! A worker: polls tasks, runs jobs, leads the reactor or parks. All threads are alike.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use crate::config::{LONG_JOB, ROUNDS_PER_BACKGROUND, ROUNDS_PER_LOOK, SPIN_PAUSES, SPIN_ROUNDS};
use crate::counters::Ended;
use crate::job::JobContext;
use crate::park::{Parker, Woken};
use crate::queue::{Queued, Shed};
use crate::shared::{Member, Shared};
use crate::task::{NEVER, Polled, Submit, TaskCell};

pub(crate) struct Worker {
    shared: Arc<Shared>,
    member: Arc<Member>,
    parker: Arc<Parker>,
    /// This thread holds a permit. It keeps it from one job to the next, and gives it back before
    /// it sleeps.
    permit: bool,
    /// It was woken and has found nothing yet; others rely on its looking.
    searching: bool,
    /// The task that the job which ran last asked to be polled next.
    next: Option<Arc<TaskCell>>,
    /// When the last job ended, if nothing was done since: the next one's start, without asking
    /// the clock again.
    job_ended_ns: Option<u64>,
    rounds: u32,
    ready: Vec<Arc<TaskCell>>,
    shed: Vec<Shed>,
}

impl Worker {
    /// To be called on the thread that it is for.
    pub(crate) fn new(shared: Arc<Shared>, member: Arc<Member>) -> Worker {
        if let Some(path) = crate::system::this_thread_schedstat() {
            let _ = member.schedstat.set(path);
        }
        Worker {
            shared,
            member,
            parker: Parker::of_this_thread(),
            permit: false,
            searching: false,
            next: None,
            job_ended_ns: None,
            rounds: 0,
            ready: Vec::new(),
            shed: Vec::new(),
        }
    }

    /// Works until it is retired or the pool stops.
    pub(crate) fn run(&mut self) {
        while !self.shared.is_stopped() {
            self.rounds = self.rounds.wrapping_add(1);
            if self.rounds.is_multiple_of(ROUNDS_PER_LOOK) {
                self.glance();
                self.take_turns();
                if self.next.is_none() && self.shared.has_surplus() && !self.step_back() {
                    break;
                }
            }
            if !self.work() && !self.idle() {
                break;
            }
        }
        self.leave();
    }

    /// Does one thing, what was begun before what is new; false if there is nothing to do. Jobs
    /// and tasks take turns, so that neither can starve the other.
    fn work(&mut self) -> bool {
        if let Some(cell) = self.next.take() {
            self.poll_task(&cell);
            return true;
        }
        if self.rounds.is_multiple_of(ROUNDS_PER_BACKGROUND) && self.poll_background() {
            return true;
        }
        if self.rounds.is_multiple_of(2) && self.run_queued_job() {
            return true;
        }
        if let Some(cell) = self.shared.next_request() {
            self.poll_task(&cell);
            return true;
        }
        if self.run_queued_job() {
            return true;
        }
        self.poll_background()
    }

    /// Gives background work a turn. Requests go first, also those that are not known yet: a turn
    /// may take some milliseconds.
    fn poll_background(&mut self) -> bool {
        let Some(cell) = self.shared.next_background() else {
            return false;
        };
        self.glance();
        if let Some(request) = self.shared.next_request() {
            self.shared.enqueue(cell);
            self.poll_task(&request);
        } else {
            self.poll_task(&cell);
        }
        true
    }

    /// A connection that always has the next request ready would keep this thread for itself: now
    /// and then it queues behind the others.
    fn take_turns(&mut self) {
        if self.shared.has_requests()
            && let Some(cell) = self.next.take()
        {
            self.shared.enqueue(cell);
        }
    }

    // ---- Tasks.

    fn poll_task(&mut self, cell: &Arc<TaskCell>) {
        self.found();
        let now_ns = self
            .job_ended_ns
            .take()
            .unwrap_or_else(|| self.shared.clock.now_ns());
        let mut direct = None;
        let mut submit = Submit {
            direct: &mut direct,
            permit: &mut self.permit,
        };
        match cell.poll(now_ns, &mut submit) {
            Polled::Waits => self.member.counters.task_polled(false),
            Polled::Requeue => {
                self.member.counters.task_polled(false);
                self.shared.enqueue(Arc::clone(cell));
                if direct.is_some() {
                    self.shared.wake_one();
                }
            }
            Polled::Ended { panic } => {
                self.member.counters.task_polled(panic.is_some());
                if let Some(payload) = panic {
                    forget_payload(payload);
                }
            }
        }
        if let Some(queued) = direct {
            self.run_job(queued);
        }
    }

    // ---- Jobs.

    /// Runs the next job of the queue, if there is one and a permit for it.
    fn run_queued_job(&mut self) -> bool {
        if self.shared.queue.is_empty() || !self.hold_permit() {
            return false;
        }
        let now_ns = self
            .job_ended_ns
            .unwrap_or_else(|| self.shared.clock.now_ns());
        let taken = self.shared.queue.take(now_ns, &mut self.shed);
        self.tell_shed();
        let Some(queued) = taken else { return false };
        self.job_ended_ns = Some(now_ns);
        self.found();
        self.run_job(queued);
        true
    }

    /// Makes sure of a permit. One that the limit no longer covers is given back.
    fn hold_permit(&mut self) -> bool {
        if self.permit && self.shared.permits.is_over() {
            self.release_permit();
        }
        self.permit = self.permit || self.shared.permits.try_acquire();
        self.permit
    }

    fn release_permit(&mut self) {
        if std::mem::take(&mut self.permit) {
            self.shared.permits.release();
            self.shared.note_progress();
        }
    }

    fn run_job(&mut self, mut queued: Queued) {
        let start_ns = self
            .job_ended_ns
            .take()
            .unwrap_or_else(|| self.shared.clock.now_ns());
        let job = &mut queued.job;
        let asked = AssertUnwindSafe(|| job.is_wanted().then(|| job.time_limit()));
        let limit = match catch_unwind(asked) {
            Ok(Some(limit)) => limit,
            Ok(None) => return self.drop_unwanted(queued, false),
            Err(payload) => {
                forget_payload(payload);
                return self.drop_unwanted(queued, true);
            }
        };
        self.leave_watched();
        let waited_ns = start_ns.saturating_sub(queued.enqueued_ns);
        let mut cx = JobContext::new(Duration::from_nanos(waited_ns));
        let member = &self.member;
        member.counters.job_started(start_ns);
        let due_ns = limit.map(|limit| member.term.begin(start_ns, limit));
        let outcome = catch_unwind(AssertUnwindSafe(|| queued.job.run(&mut cx)));
        let end_ns = self.shared.clock.now_ns();
        if due_ns.is_none_or(|due_ns| member.term.end(due_ns)) {
            member.counters.job_ended(&Ended {
                route: queued.origin.route,
                service_ns: end_ns.saturating_sub(start_ns),
                waited_ns,
                fresh: start_ns >= self.shared.epoch_ns.load(Relaxed),
                panicked: outcome.is_err(),
            });
        } else {
            self.permit = self.shared.come_back(member, end_ns, outcome.is_err());
        }
        if let Err(payload) = outcome {
            forget_payload(payload);
        }
        self.job_ended_ns = Some(end_ns);
        if self.permit && self.shared.permits.is_over() {
            self.release_permit();
        }
        self.follow_up(cx);
    }

    fn drop_unwanted(&self, queued: Queued, panicked: bool) {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(queued)));
        let panicked = panicked || dropped.is_err();
        self.member.counters.job_unwanted(panicked);
        if let Err(payload) = dropped {
            forget_payload(payload);
        }
    }

    /// The task that the job wants notified is polled next, by this thread.
    fn follow_up(&mut self, mut cx: JobContext) {
        let Some(cell) = cx.notify.take().map(crate::task::Notifier::into_cell) else {
            return;
        };
        if cell.mark_queued() {
            self.next = Some(cell);
        }
    }

    /// This thread may block now. If it was the last that could look at the reactor, and jobs
    /// are long of late, another is woken first; if they are short, a wake-up would cost more than
    /// it gains, and the watch covers the exception.
    fn leave_watched(&self) {
        let shared = &self.shared;
        shared.doze.end();
        if shared.has_requests() {
            shared.wake_for_tasks();
        }
        if shared.service_ns.load(Relaxed) < LONG_JOB.as_nanos() as u64 || shared.parking.polling()
        {
            return;
        }
        let threads = shared.threads_present();
        if threads <= shared.parking.parked() + shared.permits.busy() {
            shared.wake_one();
        }
    }

    fn tell_shed(&mut self) {
        for shed in self.shed.drain(..) {
            self.shared.tell(shed);
        }
    }

    // ---- Without work.

    /// Something was found: the search is over, and whoever relied on it is told of the rest.
    fn found(&mut self) {
        if !std::mem::take(&mut self.searching) {
            return;
        }
        self.shared.parking.end_search();
        if self.shared.job_can_start() {
            self.shared.wake_for_jobs();
        }
        if self.shared.has_tasks() {
            self.shared.wake_for_tasks();
        }
    }

    /// Leads the reactor or, if another does, waits for work: a moment awake, then parked. False
    /// if it is to end.
    fn idle(&mut self) -> bool {
        self.job_ended_ns = None;
        self.end_search();
        if self.lead() || self.spin() {
            return true;
        }
        self.release_permit();
        self.park(Shared::has_work)
    }

    fn end_search(&mut self) {
        if std::mem::take(&mut self.searching) {
            self.shared.parking.end_search();
        }
    }

    /// Sleeps until it is woken, unless `has_work`. False if it is to end.
    fn park(&mut self, has_work: impl Fn(&Shared) -> bool) -> bool {
        let now_ns = self.shared.clock.now_ns();
        match self
            .shared
            .parking
            .park(&self.parker, now_ns, || has_work(&self.shared))
        {
            Woken::Work => {}
            Woken::Search => self.searching = true,
            Woken::Retire => {
                // What it saw when it was about to sleep, somebody else must see to.
                if self.shared.has_work() {
                    self.shared.wake_one();
                }
                return false;
            }
        }
        true
    }

    /// Leaves the work to the others that are awake, and parks. False if it is to end.
    fn step_back(&mut self) -> bool {
        self.job_ended_ns = None;
        self.end_search();
        self.release_permit();
        self.park(Shared::is_stopped)
    }

    /// Looks for work for a moment before it parks, one thread at a time: under load, work comes
    /// sooner than a parked thread could be woken. It looks at intervals, because each look takes
    /// the queue's cache lines from those that fill it, and lets some work gather in between. A
    /// permit that it has it keeps meanwhile, for the job that it waits for.
    fn spin(&mut self) -> bool {
        if !self.shared.parking.begin_search() {
            return false;
        }
        for _ in 0..SPIN_ROUNDS {
            for _ in 0..SPIN_PAUSES {
                std::hint::spin_loop();
            }
            if self.shared.has_work() || self.permit && !self.shared.queue.is_empty() {
                self.searching = true;
                return true;
            }
        }
        self.shared.parking.end_search();
        false
    }

    /// Looks at the reactor without blocking, in the midst of work.
    fn glance(&mut self) {
        let shared = Arc::clone(&self.shared);
        if let Some(mut lead) = shared.reactor.try_lead() {
            shared
                .reactor
                .look(&mut lead, Some(Duration::ZERO), &mut self.ready);
            shared.reactor.note_look(shared.clock.now_ns());
            drop(lead);
            self.looked(false);
        }
    }

    /// Blocks in the reactor until something is ready, due or published. False if another leads.
    fn lead(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        let Some(mut lead) = shared.reactor.try_lead() else {
            return false;
        };
        self.release_permit();
        let blocks = shared.parking.begin_poll(|| shared.has_work());
        let timeout = if blocks {
            self.timeout()
        } else {
            Some(Duration::ZERO)
        };
        shared.reactor.look(&mut lead, timeout, &mut self.ready);
        shared.parking.end_poll();
        shared.reactor.note_look(shared.clock.now_ns());
        drop(lead);
        self.looked(true);
        true
    }

    /// How long the reactor may block; `None` means until something happens.
    fn timeout(&self) -> Option<Duration> {
        let earliest_ns = self.shared.timers.earliest_ns();
        self.shared
            .reactor
            .sleeps_until_ns
            .store(earliest_ns, SeqCst);
        std::sync::atomic::fence(SeqCst);
        // A deadline may have come in between; whoever set it did not see that this thread sleeps.
        let earliest_ns = self.shared.timers.earliest_ns().min(earliest_ns);
        (earliest_ns != NEVER)
            .then(|| Duration::from_nanos(earliest_ns.saturating_sub(self.shared.clock.now_ns())))
    }

    /// Back from the reactor: deadlines are due, and tasks are ready. The first task stays here,
    /// the others are for all.
    fn looked(&mut self, idle: bool) {
        let now_ns = self.shared.clock.now_ns();
        self.shared.timers.fire(now_ns, &mut self.ready);
        if self.ready.is_empty() {
            return;
        }
        self.shared.doze.end();
        let mut others = false;
        for cell in self.ready.drain(..) {
            if !cell.mark_queued() {
                continue;
            }
            if idle && self.next.is_none() {
                self.next = Some(cell);
            } else {
                self.shared.enqueue(cell);
                others = true;
            }
        }
        if others {
            self.shared.wake_for_tasks();
        }
    }

    /// The thread ends: what it holds goes back.
    fn leave(&mut self) {
        if let Some(cell) = self.next.take() {
            self.shared.enqueue(cell);
        }
        self.release_permit();
        self.end_search();
        self.shared.depart(&self.member);
    }
}

/// Drops what a panic carried. Its destructor is somebody's code and may panic itself.
fn forget_payload(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
