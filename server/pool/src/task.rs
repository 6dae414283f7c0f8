//! Tasks: state machines that are polled, never block, and say what they wait for.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU8, AtomicU64};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Interest, Token};
use parking_lot::Mutex;

use crate::error::Refusal;
use crate::job::{Job, Origin};
use crate::queue::Queued;
use crate::shared::Shared;

/// A state machine that lives on the pool.
///
/// It is polled when something that it waits for has happened: a source is readable or writable,
/// it was notified, its deadline has passed. It does what it can without blocking and returns.
/// Spurious polls happen; readiness is edge-triggered, so read or write until `WouldBlock` before
/// returning [`Flow::Wait`].
///
/// # Examples
/// A task that waits for a deadline, then tells:
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use harmonious_pool::{Config, Context, Flow, Pool, Task};
///
/// struct Alarm(mpsc::Sender<&'static str>, bool);
///
/// impl Task for Alarm {
///     fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
///         if !self.1 {
///             self.1 = true;
///             cx.set_deadline(Some(cx.now() + Duration::from_millis(5)));
///             return Flow::Wait;
///         }
///         if cx.ready().deadline() {
///             self.0.send("rise").ok();
///             return Flow::Done;
///         }
///         Flow::Wait
///     }
/// }
///
/// let pool = Pool::start(Config::default())?;
/// let (sender, receiver) = mpsc::channel();
/// pool.spawn(Alarm(sender, false))?;
/// assert_eq!(receiver.recv()?, "rise");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Task: Send + 'static {
    /// Does a little. A panic is fenced and counted, and ends the task.
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow;
}

/// What a task wants after a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// To be polled when something that it waits for has happened.
    Wait,
    /// To be polled again soon, after others had their turn.
    Again,
    /// Nothing: it is dropped, and its sources with it.
    Done,
}

/// What has happened since the task's last poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready(u8);

impl Ready {
    pub(crate) const READABLE: u8 = 1;
    pub(crate) const WRITABLE: u8 = 2;
    pub(crate) const NOTIFIED: u8 = 4;
    pub(crate) const DEADLINE: u8 = 8;
    pub(crate) const READ_CLOSED: u8 = 16;
    pub(crate) const HUNG_UP: u8 = 32;

    /// A source became readable, or its peer closed it.
    pub fn readable(self) -> bool {
        self.0 & Ready::READABLE != 0
    }

    /// A source became writable, or its peer closed it.
    pub fn writable(self) -> bool {
        self.0 & Ready::WRITABLE != 0
    }

    /// The peer will send no more: what is left can be read, then comes the end. It may still read.
    pub fn read_closed(self) -> bool {
        self.0 & Ready::READ_CLOSED != 0
    }

    /// The peer is gone, or the source is broken: nobody will read what is written.
    pub fn hung_up(self) -> bool {
        self.0 & Ready::HUNG_UP != 0
    }

    /// A [`Notifier`] of the task was used, or the task is polled for the first time.
    pub fn notified(self) -> bool {
        self.0 & Ready::NOTIFIED != 0
    }

    /// The deadline has passed. It is no longer set.
    pub fn deadline(self) -> bool {
        self.0 & Ready::DEADLINE != 0
    }
}

/// Wakes a task from anywhere; cheap to clone, harmless after the task has ended.
#[derive(Clone)]
pub struct Notifier(Arc<TaskCell>);

impl Notifier {
    /// Has the task polled soon. Several notices before the poll are one.
    pub fn notify(&self) {
        self.0.ready.fetch_or(Ready::NOTIFIED, AcqRel);
        self.0.shared.schedule(&self.0);
    }

    pub(crate) fn into_cell(self) -> Arc<TaskCell> {
        self.0.ready.fetch_or(Ready::NOTIFIED, AcqRel);
        self.0
    }
}

/// A notifier is a waker, so that futures can be polled from a task.
impl From<Notifier> for Waker {
    fn from(notifier: Notifier) -> Waker {
        Waker::from(notifier.0)
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notifier").field(&self.0.id).finish()
    }
}

impl Wake for TaskCell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.fetch_or(Ready::NOTIFIED, AcqRel);
        self.shared.schedule(self);
    }
}

/// Whether requests wait for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Connections and whatever else answers somebody.
    Request,
    /// Runs when there is nothing of the other kind to do, and now and then all the same.
    Background,
}

/// No deadline.
pub(crate) const NEVER: u64 = u64::MAX;

// The states of a task.
/// Waits for something to happen.
const IDLE: u8 = 0;
/// Stands in a run queue, once.
const QUEUED: u8 = 1;
/// A worker polls it.
const RUNNING: u8 = 2;
/// A worker polls it, and something has happened meanwhile: it goes back to the run queue.
const RERUN: u8 = 3;
/// Has ended.
const DONE: u8 = 4;

/// A task with all that the pool knows about it.
pub(crate) struct TaskCell {
    pub(crate) id: usize,
    pub(crate) class: Class,
    pub(crate) shared: Arc<Shared>,
    state: AtomicU8,
    ready: AtomicU8,
    /// The deadline that the task wants, in nanoseconds of the pool's clock.
    pub(crate) wanted_ns: AtomicU64,
    /// The deadline under which it stands among the timers; written under their lock. It may be
    /// earlier than `wanted_ns`: a deadline that only moves back costs nothing until it fires.
    pub(crate) armed_ns: AtomicU64,
    body: Mutex<Body>,
}

struct Body {
    task: Option<Box<dyn Task>>,
    tokens: Vec<Token>,
}

/// How a poll ended, for the worker.
pub(crate) enum Polled {
    Waits,
    Requeue,
    Ended { panic: Option<Box<dyn Any + Send>> },
}

impl TaskCell {
    pub(crate) fn new(
        id: usize,
        class: Class,
        shared: Arc<Shared>,
        task: Box<dyn Task>,
    ) -> TaskCell {
        TaskCell {
            id,
            class,
            shared,
            state: AtomicU8::new(IDLE),
            ready: AtomicU8::new(Ready::NOTIFIED),
            wanted_ns: AtomicU64::new(NEVER),
            armed_ns: AtomicU64::new(NEVER),
            body: Mutex::new(Body {
                task: Some(task),
                tokens: Vec::new(),
            }),
        }
    }

    pub(crate) fn add_ready(&self, bits: u8) {
        self.ready.fetch_or(bits, AcqRel);
    }

    /// The deadline fired: true if it is really due at `now_ns`, with the bit set for the next
    /// poll. Else the time for which it is to be armed again.
    pub(crate) fn fire(&self, now_ns: u64) -> Result<(), u64> {
        let wanted_ns = self.wanted_ns.load(SeqCst);
        if wanted_ns > now_ns {
            return Err(wanted_ns);
        }
        // A task that sets a new deadline at this moment keeps it: only the one seen is cleared.
        let _ = self
            .wanted_ns
            .compare_exchange(wanted_ns, NEVER, SeqCst, Relaxed);
        self.add_ready(Ready::DEADLINE);
        Ok(())
    }

    /// Something has happened. True if the caller must put the task in a run queue.
    pub(crate) fn mark_queued(&self) -> bool {
        let mut state = self.state.load(Acquire);
        loop {
            let (next, push) = match state {
                IDLE => (QUEUED, true),
                RUNNING => (RERUN, false),
                _ => return false,
            };
            match self
                .state
                .compare_exchange_weak(state, next, AcqRel, Acquire)
            {
                Ok(_) => return push,
                Err(now) => state = now,
            }
        }
    }

    /// Polls the task. The caller took it from a run queue, so nobody else does.
    pub(crate) fn poll(self: &Arc<Self>, now_ns: u64, submit: &mut Submit<'_>) -> Polled {
        let mut body = self.body.lock();
        self.state.store(RUNNING, SeqCst);
        let ready = Ready(self.ready.swap(0, AcqRel));
        let Body { task, tokens } = &mut *body;
        let Some(task) = task else {
            return Polled::Ended { panic: None };
        };
        let Submit { direct, permit } = submit;
        let mut cx = Context {
            cell: self,
            tokens,
            ready,
            now_ns,
            direct,
            permit,
        };
        let flow = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task.poll(&mut cx)));
        match flow {
            // It was dropped from the pool's books meanwhile, or will be by nobody.
            Ok(_) if self.shared.is_stopped() => self.end(&mut body, None),
            Ok(Flow::Again) => {
                self.state.store(QUEUED, SeqCst);
                Polled::Requeue
            }
            Ok(Flow::Wait) => {
                if self
                    .state
                    .compare_exchange(RUNNING, IDLE, AcqRel, Acquire)
                    .is_ok()
                {
                    return Polled::Waits;
                }
                self.state.store(QUEUED, SeqCst);
                Polled::Requeue
            }
            Ok(Flow::Done) => self.end(&mut body, None),
            Err(panic) => self.end(&mut body, Some(panic)),
        }
    }

    /// Ends a task from outside of its poll, when the pool stops. Waits for a poll under way.
    /// One that is stuck in its poll, against the contract, is left after `patience`.
    pub(crate) fn abandon(self: &Arc<Self>, patience: Duration) {
        if let Some(mut body) = self.body.try_lock_for(patience) {
            self.end(&mut body, None);
        }
    }

    fn end(self: &Arc<Self>, body: &mut Body, panic: Option<Box<dyn Any + Send>>) -> Polled {
        self.state.store(DONE, SeqCst);
        self.wanted_ns.store(NEVER, SeqCst);
        let task = body.task.take();
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(task)));
        self.shared.forget_task(self, &mut body.tokens);
        Polled::Ended {
            panic: panic.or(dropped.err()),
        }
    }
}

/// How a task's jobs reach the pool from the worker that polls it.
pub(crate) struct Submit<'a> {
    /// Where a job goes that this worker can start right after the poll.
    pub(crate) direct: &'a mut Option<Queued>,
    /// The worker holds a permit.
    pub(crate) permit: &'a mut bool,
}

/// A task's view of the pool during one poll.
pub struct Context<'a> {
    cell: &'a Arc<TaskCell>,
    tokens: &'a mut Vec<Token>,
    ready: Ready,
    now_ns: u64,
    direct: &'a mut Option<Queued>,
    permit: &'a mut bool,
}

impl Context<'_> {
    /// What has happened since the last poll.
    pub fn ready(&self) -> Ready {
        self.ready
    }

    /// The time when this poll began.
    pub fn now(&self) -> Instant {
        self.cell.shared.clock.instant(self.now_ns)
    }

    /// Watches a source for this task, edge-triggered. One task may watch several; dropping the
    /// source ends the watch.
    ///
    /// # Errors
    /// What the system answers, such as too many descriptors watched.
    pub fn register(&mut self, source: &mut impl Source, interest: Interest) -> io::Result<Token> {
        let token = self
            .cell
            .shared
            .reactor
            .register(source, interest, self.cell)?;
        self.tokens.push(token);
        Ok(token)
    }

    /// Watches for something else than before.
    ///
    /// # Errors
    /// What the system answers.
    pub fn reregister(
        &mut self,
        token: Token,
        source: &mut impl Source,
        interest: Interest,
    ) -> io::Result<()> {
        self.cell.shared.reactor.reregister(source, token, interest)
    }

    /// Watches a source no longer, so that it can be handed on.
    ///
    /// # Errors
    /// What the system answers.
    pub fn deregister(&mut self, token: Token, source: &mut impl Source) -> io::Result<()> {
        self.tokens.retain(|&mine| mine != token);
        self.cell.shared.reactor.deregister(source, token)
    }

    /// Has the task polled at `deadline` (to the millisecond, never early); `None` takes it back.
    /// A task has one deadline.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        let shared = &self.cell.shared;
        let wanted_ns = deadline.map_or(NEVER, |deadline| shared.clock.ns(deadline));
        shared.set_deadline(self.cell, wanted_ns);
    }

    /// A handle that wakes this task.
    pub fn notifier(&self) -> Notifier {
        Notifier(Arc::clone(self.cell))
    }

    /// Whether the pool is draining: the task should finish what it has begun, and end.
    pub fn draining(&self) -> bool {
        self.cell.shared.is_draining()
    }

    /// Hands a job to the pool. If a permit is free and nothing waits, this very thread runs it
    /// right after the poll; else it waits in the queue.
    ///
    /// # Errors
    /// A [`Refusal`] says which bound was met and when to come again; the job is dropped.
    pub fn submit(&mut self, origin: Origin, job: impl Job) -> Result<(), Refusal> {
        let shared = &self.cell.shared;
        if self.direct.is_none() && shared.queue.is_empty() && !shared.is_stopped() {
            *self.permit = *self.permit || shared.permits.try_acquire();
            if *self.permit {
                *self.direct = Some(Queued {
                    job: Box::new(job),
                    origin,
                    enqueued_ns: self.now_ns,
                });
                return Ok(());
            }
        }
        shared.submit(origin, Box::new(job), true)
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
