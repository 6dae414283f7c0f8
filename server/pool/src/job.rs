//! Handler jobs: complete pieces of work that may block, and where they come from.

use std::fmt;
use std::time::Duration;

use crate::error::Refusal;
use crate::overdue::TimeLimit;
use crate::task::Notifier;

/// Work that may block its thread. It starts only with a permit.
///
/// Closures `FnOnce()` are jobs; a refused closure is dropped. Implement the trait for work that
/// must answer somebody when it is shed from the queue.
///
/// # Examples
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use harmonious_pool::{Config, Job, JobContext, Origin, Pool, Refusal};
///
/// struct Greet(mpsc::Sender<String>);
///
/// impl Job for Greet {
///     fn run(self: Box<Self>, _cx: &mut JobContext) {
///         self.0.send("hello".to_owned()).ok();
///     }
///     fn refuse(self: Box<Self>, refusal: Refusal) {
///         self.0.send(refusal.to_string()).ok();
///     }
/// }
///
/// let pool = Pool::start(Config::default())?;
/// let (sender, receiver) = mpsc::channel();
/// pool.submit(Origin::default(), Greet(sender))?;
/// assert_eq!(receiver.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Job: Send + 'static {
    /// Does the work. A panic is fenced: it is counted, and neither the thread nor the permit is
    /// lost.
    fn run(self: Box<Self>, cx: &mut JobContext);

    /// The job was accepted, but is shed from the queue instead of run. Must not block: it is
    /// called by whichever thread made the room.
    fn refuse(self: Box<Self>, refusal: Refusal) {
        let _ = refusal;
    }

    /// Whether somebody still waits for the result. Asked once, when the job is about to start; a
    /// job that nobody wants is dropped.
    fn is_wanted(&self) -> bool {
        true
    }

    /// How long it may run, `None` for as long as it takes. Asked once, when the job is about to
    /// start.
    ///
    /// Nothing stops a job that runs for longer. Its worker is *given up*: the job's
    /// [`Alarm`](crate::Alarm) is rung, its permit goes to another job, and another thread takes
    /// its worker's place, for at most [`crate::config::GIVEN_UP_MAX`] at once and within the
    /// spawn limit; without a thread in its place the worker keeps its permit. When the job
    /// returns after all, its worker goes on as any other, and the job counts in
    /// [`crate::Stats::given_up_total`] instead of [`crate::Stats::completions`].
    fn time_limit(&mut self) -> Option<TimeLimit> {
        None
    }
}

impl<F: FnOnce() + Send + 'static> Job for F {
    fn run(self: Box<Self>, _cx: &mut JobContext) {
        self();
    }
}

/// Where a job comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who asked: an address, a user, a token, as a number. Clients are served in turn, and when
    /// the queue is full, the client that holds most of it loses first.
    pub client: u64,
    /// A hint at what kind of work it is, such as a hash of its route. Service times are compared
    /// kind by kind (modulo [`crate::controller::ROUTES`]).
    pub route: u32,
}

/// What a running job may ask of the pool.
pub struct JobContext {
    waited: Duration,
    pub(crate) notify: Option<Notifier>,
}

impl JobContext {
    pub(crate) fn new(waited: Duration) -> JobContext {
        JobContext {
            waited,
            notify: None,
        }
    }

    /// How long the job waited for its permit.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Notifies a task as soon as this job has returned, on the same thread and without a
    /// hand-over. One task for each job; a second call replaces the first. Use
    /// [`Notifier::notify`] to notify while the job goes on.
    pub fn notify_on_return(&mut self, notifier: Notifier) {
        self.notify = Some(notifier);
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobContext")
            .field("waited", &self.waited)
            .finish_non_exhaustive()
    }
}
