//! Jobs that run for longer than they may. A thread cannot be stopped, so its worker is *given up*:
//! whoever waits is told, and the permit goes back as soon as there is a thread in its place.
//!
//! A worker writes down when its job is due, and takes it back when the job returns; the watch looks
//! at what has run for long. One exchange of [`Term::state`] decides which of the two was first. All
//! that follows when it was the watch is done under the roster's lock, on both sides.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;

use crate::shared::{Member, Roster, Shared};
use crate::task::Notifier;

/// How long a job may run, counted from its start; see [`crate::Job::time_limit`].
#[derive(Clone, Debug)]
pub struct TimeLimit {
    /// The limit. It strikes a millisecond or two late, never early.
    pub after: Duration,
    /// What is rung when the job is given up, and the number that it is rung with. With `None`
    /// nobody is told.
    pub alarm: Option<(Alarm, u64)>,
}

/// Tells a task that its job was given up. It can be used for one job after another; a task that has
/// several at once has an alarm for each.
///
/// # Examples
/// A task that does not wait for its job for ever:
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
/// use harmonious_pool::{
///     Alarm, Config, Context, Flow, Job, JobContext, Origin, Pool, Task, TimeLimit,
/// };
///
/// struct Slow(Alarm, mpsc::Receiver<()>);
///
/// impl Job for Slow {
///     fn run(self: Box<Self>, _cx: &mut JobContext) {
///         let _ = self.1.recv(); // for as long as it takes
///     }
///     fn time_limit(&mut self) -> Option<TimeLimit> {
///         let alarm = Some((self.0.clone(), 7));
///         Some(TimeLimit { after: Duration::from_millis(5), alarm })
///     }
/// }
///
/// struct Waits {
///     job: Option<mpsc::Receiver<()>>,
///     alarm: Option<Alarm>,
///     told: mpsc::Sender<&'static str>,
/// }
///
/// impl Task for Waits {
///     fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
///         if let Some(job) = self.job.take() {
///             let alarm = Alarm::new(cx.notifier());
///             self.alarm = Some(alarm.clone());
///             cx.submit(Origin::default(), Slow(alarm, job)).expect("the pool is idle");
///         }
///         if self.alarm.as_ref().is_some_and(|alarm| alarm.rang(7)) {
///             self.told.send("given up").ok();
///             return Flow::Done;
///         }
///         Flow::Wait
///     }
/// }
///
/// let pool = Pool::start(Config::default())?;
/// let (told, tells) = mpsc::channel();
/// let (release, job) = mpsc::channel();
/// pool.spawn(Waits { job: Some(job), alarm: None, told })?;
/// assert_eq!(tells.recv()?, "given up");
/// drop(release);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// One word, so that a worker can put it where the watch finds it by one exchange.
#[derive(Clone)]
pub struct Alarm(Arc<Bell>);

struct Bell {
    notifier: Notifier,
    /// The number with which it was rung last. Written by the watch.
    rung: AtomicU64,
}

/// In [`Bell::rung`]: it was not.
const SILENT: u64 = u64::MAX;

impl Alarm {
    /// An alarm that notifies a task.
    pub fn new(notifier: Notifier) -> Alarm {
        Alarm(Arc::new(Bell {
            notifier,
            rung: AtomicU64::new(SILENT),
        }))
    }

    /// Whether it was last rung with this number. `u64::MAX` is never heard.
    pub fn rang(&self, number: u64) -> bool {
        number != SILENT && self.0.rung.load(Acquire) == number
    }

    fn ring(&self, number: u64) {
        self.0.rung.store(number, Release);
        self.0.notifier.notify();
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").field(&self.0.notifier).finish()
    }
}

/// The time limit of the job that a worker runs, where the watch can see it.
#[derive(Default)]
pub(crate) struct Term {
    /// When the job is due, or one of the states below. The worker sets it when a job starts; from
    /// a time it is taken by one exchange, by the worker or by the watch; from the states that
    /// follow it is changed under the roster's lock only.
    state: AtomicU64,
    number: AtomicU64,
    alarm: AtomicCell<Option<Alarm>>,
}

// The states of a term that are no time.
/// No job runs that has a limit.
const NONE: u64 = 0;
/// The worker is given up, and still has its permit.
const HELD: u64 = u64::MAX - 1;
/// The worker is given up, and its permit went back.
const ABSENT: u64 = u64::MAX;

const _: () = assert!(
    AtomicCell::<Option<Alarm>>::is_lock_free(),
    "a job with a limit starts without a lock"
);

impl Term {
    /// A job starts. Says when it is due, for [`Term::end`].
    pub(crate) fn begin(&self, start_ns: u64, limit: TimeLimit) -> u64 {
        let after_ns = u64::try_from(limit.after.as_nanos()).unwrap_or(u64::MAX);
        let due_ns = start_ns.saturating_add(after_ns).clamp(NONE + 1, HELD - 1);
        if let Some((alarm, number)) = limit.alarm {
            self.number.store(number, Relaxed);
            self.alarm.store(Some(alarm));
        }
        self.state.store(due_ns, Release);
        due_ns
    }

    /// The job has returned. False if it was given up: then [`Shared::come_back`] has the rest.
    pub(crate) fn end(&self, due_ns: u64) -> bool {
        let in_time = self
            .state
            .compare_exchange(due_ns, NONE, AcqRel, Acquire)
            .is_ok();
        if in_time {
            drop(self.alarm.take());
        }
        in_time
    }

    /// Gives the worker up if its job is due. An exchange that succeeds is never for another job
    /// than the one that was looked at: if that has ended and the next one is due at the very same
    /// time, the next one is due.
    fn give_up(&self, now_ns: u64) -> bool {
        let due_ns = self.state.load(Acquire);
        due_ns != NONE
            && due_ns <= now_ns
            && self
                .state
                .compare_exchange(due_ns, HELD, AcqRel, Acquire)
                .is_ok()
    }

    fn take_alarm(&self) -> Option<(Alarm, u64)> {
        let alarm = self.alarm.take()?;
        Some((alarm, self.number.load(Relaxed)))
    }

    fn is_held(&self) -> bool {
        self.state.load(Acquire) == HELD
    }

    /// Whether the worker holds no permit although it is in a job.
    pub(crate) fn is_absent(&self) -> bool {
        self.state.load(Acquire) == ABSENT
    }
}

impl Shared {
    /// Counts the jobs that have run for long, and gives up those that are due. Says how many
    /// workers that are given up still have their permit.
    pub(crate) fn look_after_jobs(&self, now_ns: u64) -> usize {
        let (mut stuck, mut held) = (0, 0);
        let mut alarms = Vec::new();
        let roster = self.roster.lock();
        for member in &roster.workers {
            if !member.counters.is_stuck(now_ns) || member.term.is_absent() {
                continue;
            }
            stuck += 1;
            if member.term.give_up(now_ns) {
                self.given_up.fetch_add(1, SeqCst);
                self.given_up_total.fetch_add(1, Relaxed);
                alarms.extend(member.term.take_alarm());
            }
            held += usize::from(member.term.is_held());
        }
        drop(roster);
        self.stuck.store(stuck, Relaxed);
        for (alarm, number) in alarms {
            alarm.ring(number);
        }
        held
    }

    /// Gives the permits of up to `most` workers back that are given up. Says how many.
    pub(crate) fn let_go(&self, most: usize, now_ns: u64) -> usize {
        let mut roster = self.roster.lock();
        let Roster {
            workers, departed, ..
        } = &mut *roster;
        let mut gone = 0;
        for member in workers.iter().filter(|member| member.term.is_held()) {
            if gone == most {
                break;
            }
            departed.lost_ns += member.counters.running_ns(now_ns);
            member.term.state.store(ABSENT, Release);
            // In this order: whoever sees the permit free sees who is absent.
            self.absent.fetch_add(1, SeqCst);
            self.permits.release();
            gone += 1;
        }
        drop(roster);
        if gone > 0 {
            self.note_progress();
        }
        gone
    }

    /// A worker that was given up is back from its job. Says whether it still has its permit. The
    /// job is no completion: what the controller learns from has no trace of it.
    pub(crate) fn come_back(&self, member: &Member, now_ns: u64, panicked: bool) -> bool {
        let mut roster = self.roster.lock();
        let has_permit = member.term.is_held();
        if has_permit {
            roster.departed.lost_ns += member.counters.running_ns(now_ns);
        } else {
            self.absent.fetch_sub(1, SeqCst);
        }
        member.counters.job_came_back(panicked);
        member.term.state.store(NONE, Release);
        drop(roster);
        self.given_up.fetch_sub(1, SeqCst);
        self.note_progress();
        has_permit
    }

    /// Threads that were started, not told to end, and are not in a job without a permit.
    pub(crate) fn threads_present(&self) -> usize {
        let absent = self.absent.load(SeqCst);
        self.threads.load(SeqCst).saturating_sub(absent)
    }

    /// Jobs that run, with a permit or without.
    pub(crate) fn jobs_running(&self) -> usize {
        // In this order: a worker whose permit goes back in between counts twice, not never.
        self.permits.busy() + self.absent.load(SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(ms: u64) -> TimeLimit {
        TimeLimit {
            after: Duration::from_millis(ms),
            alarm: None,
        }
    }

    #[test]
    fn a_job_is_given_up_when_it_is_due_and_not_before() {
        let term = Term::default();
        let due_ns = term.begin(5, limit(1));
        assert_eq!(due_ns, 1_000_005);
        assert!(!term.give_up(due_ns - 1));
        assert!(term.give_up(due_ns));
        assert!(!term.give_up(due_ns), "once");
        assert!(!term.end(due_ns));
    }

    #[test]
    fn a_job_that_has_ended_is_not_given_up() {
        let term = Term::default();
        let due_ns = term.begin(5, limit(0));
        assert!(term.end(due_ns));
        assert!(!term.give_up(u64::MAX));
    }

    #[test]
    fn no_limit_is_mistaken_for_a_state() {
        for (start_ns, after) in [(0, Duration::ZERO), (1, Duration::MAX)] {
            let term = Term::default();
            let limit = TimeLimit { after, alarm: None };
            let due_ns = term.begin(start_ns, limit);
            assert!(!term.is_held() && !term.is_absent());
            assert!(term.end(due_ns), "{after:?}");
        }
    }

    const MS: u64 = 1_000_000;

    /// A worker whose job was started at 1 ms and is due at 6.
    fn with_a_job() -> (Shared, Arc<Member>) {
        let shared = Shared::new(crate::Config::default(), "test").unwrap();
        let member = Arc::new(Member::default());
        shared.roster.lock().workers.push(Arc::clone(&member));
        shared.threads.store(6, SeqCst);
        assert!(shared.permits.try_acquire());
        member.counters.job_started(MS);
        member.term.begin(MS, limit(5));
        (shared, member)
    }

    /// Permit-time so far, in nanoseconds.
    fn busy_ns(shared: &Shared, now_ns: u64) -> u64 {
        let sums = shared.sums(now_ns);
        assert_eq!((sums.completions(), sums.service_total_ns()), (0, 0));
        sums.running_ns + sums.lost_ns
    }

    #[test]
    fn the_controller_sees_the_permit_in_use_until_it_goes_back_and_no_completion() {
        let (shared, member) = with_a_job();
        assert_eq!(shared.look_after_jobs(5 * MS), 0);
        assert_eq!(shared.look_after_jobs(7 * MS), 1);
        assert_eq!(busy_ns(&shared, 8 * MS), 7 * MS, "it has its permit still");
        assert_eq!(shared.let_go(1, 9 * MS), 1);
        assert_eq!((shared.permits.busy(), shared.jobs_running()), (0, 1));
        assert_eq!(
            (shared.threads_present(), shared.look_after_jobs(10 * MS)),
            (5, 0)
        );
        assert_eq!(busy_ns(&shared, 50 * MS), 8 * MS);
        assert!(!shared.come_back(&member, 60 * MS, false));
        assert_eq!(busy_ns(&shared, 70 * MS), 8 * MS);
        assert_eq!((shared.threads_present(), shared.jobs_running()), (6, 0));
        assert_eq!(shared.let_go(1, 80 * MS), 0);
    }

    #[test]
    fn a_worker_that_is_back_before_its_permit_went_has_it() {
        let (shared, member) = with_a_job();
        assert_eq!(shared.look_after_jobs(7 * MS), 1);
        assert!(shared.come_back(&member, 9 * MS, true));
        assert_eq!(busy_ns(&shared, 50 * MS), 8 * MS);
        assert_eq!(shared.let_go(1, 80 * MS), 0);
        assert_eq!((shared.permits.busy(), shared.sums(MS).job_panics), (1, 1));
    }

    /// Many jobs that end just when they are given up: one of the two is first, and both agree.
    #[test]
    fn worker_and_watch_agree_on_who_was_first() {
        const JOBS: u64 = 100_000;
        let term = Term::default();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let (mut late, mut given_up) = (0, 0);
        std::thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut given_up = 0;
                while !stop.load(SeqCst) {
                    given_up += u64::from(term.give_up(HELD - 1));
                }
                given_up
            });
            for start_ns in 1..=JOBS {
                let due_ns = term.begin(start_ns, limit(0));
                if start_ns % 3 == 0 {
                    std::hint::spin_loop();
                }
                if !term.end(due_ns) {
                    late += 1;
                    term.state.store(NONE, Release);
                }
            }
            stop.store(true, SeqCst);
            given_up = watch.join().unwrap();
        });
        assert_eq!(late, given_up);
    }
}
