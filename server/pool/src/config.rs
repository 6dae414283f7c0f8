//! What the pool can be told, and every limit that it keeps, each with its unit and reason.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::controller::{Bounds, PolicyKind};
use crate::error::Error;

/// Fewest permits that `adaptive` may come down to: one for each of two cores. Fewer would let one
/// slow handler stop all others.
pub const PERMITS_MIN: usize = 2;
/// Most workers that can be asked for; a guard against a slip of the finger, not a tuning value.
pub const WORKERS_CEILING: usize = 16_384;
/// Memory that a worker is reckoned at, in bytes: what a blocking handler's stack really touches.
pub const WORKER_MEMORY_BYTES: u64 = 256 * 1024;
/// At most one part in this many of the machine's memory goes to workers.
pub const WORKER_MEMORY_SHARE: u64 = 4;
/// After the system refused a thread, none is tried for this long.
pub const SPAWN_RETRY: Duration = Duration::from_secs(1);
/// How often parked threads are looked at for retirement.
pub const RETIRE_EVERY: Duration = Duration::from_secs(1);
/// Of the threads that were idle too long, one in this many goes each [`RETIRE_EVERY`] (at least
/// one): 252 idle threads become 4 in about half a minute, not at once.
pub const RETIRE_SHARE: usize = 8;
/// Threads that are started in one round of the watch; more are for the next rounds. A start takes
/// some 65 us, and the watch has other duties.
pub const HIRES_PER_ROUND: usize = 32;
/// Workers that may be without a permit at once because their jobs ran over their time limit, each
/// with a thread in its place. Beyond it such a worker keeps its permit: the pool then shrinks,
/// rather than that threads are started without end. They come on top of [`Config::workers_max`].
pub const GIVEN_UP_MAX: usize = 64;
/// Decisions that are remembered for whoever asks why.
pub const DECISIONS_KEPT: usize = 200;
/// Readiness events that one look at the reactor may bring; more wait for the next look.
pub const EVENTS_PER_POLL: usize = 256;
/// Rounds of work after which a thread looks at the reactor even though it has more to do.
pub const ROUNDS_PER_LOOK: u32 = 61;
/// Rounds of request work after which a thread gives background work one turn.
pub const ROUNDS_PER_BACKGROUND: u32 = 67;
/// Period of the watch while there is work. It bounds how long the reactor can stay unattended.
pub const WATCH_PERIOD: Duration = Duration::from_millis(1);
/// The reactor is unattended when nobody has looked at it for this long.
pub const UNATTENDED: Duration = Duration::from_micros(500);
/// Bounds of a policy's period, in seconds.
pub const TICK_MIN_S: f64 = 0.001;
/// See [`TICK_MIN_S`].
pub const TICK_MAX_S: f64 = 10.0;
/// The watch dozes after this long without work; whoever brings work wakes it.
pub const WATCH_DOZE_AFTER: Duration = Duration::from_millis(100);
/// How often queued jobs are looked at for having waited too long.
pub const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// A sweep sheds what would be late by the next one, but looks ahead no further than this part of the
/// queue wait.
pub const SWEEP_AHEAD_SHARE: u64 = 8;
/// A job that runs longer than this is worth waking another thread for, before it starts.
pub const LONG_JOB: Duration = Duration::from_micros(50);
/// A worker whose job has run for longer than this is not reckoned with for what waits; only such
/// jobs are looked at for their time limit.
pub const STUCK: Duration = Duration::from_millis(1);
/// Waking a thread is worth it when the running workers would need longer than this for the queue.
pub const WAKE_WORTH: Duration = Duration::from_micros(200);
/// How often an idle thread looks for work before it parks.
pub const SPIN_ROUNDS: u32 = 8;
/// Pauses of the processor between two looks, some microseconds in all: about what a wake-up costs,
/// and long enough for some work to gather (with 16, tiny jobs went through at 0.85 of the rate).
pub const SPIN_PAUSES: u32 = 64;
/// Expired jobs that one taker sheds before it runs the next good one: bounds the time under lock.
pub const SHED_PER_TAKE: usize = 32;
/// Jobs that the fast lane of the queue holds. While jobs are tiny (see [`FAST_LANE_HORIZON`]), they
/// pass through it one by one without a lock; fairness and refusals begin behind it.
pub const FAST_LANE_LEN: usize = 512;
/// The fast lane is open while the workers would be through with a full one within this time.
pub const FAST_LANE_HORIZON: Duration = Duration::from_millis(2);
/// Jobs that one taker moves from behind into the fast lane at a time.
pub const FAST_LANE_REFILL: usize = 64;
/// Length of the interval over which the shortest queue wait is taken (`CoDel`; folly's constant).
pub const CODEL_INTERVAL: Duration = Duration::from_millis(100);
/// A standing queue is tolerated up to this part of the longest wait (100 ms by default), or up to the mean
/// service time if that is longer. Folly's 5 ms would refuse clients that wait for their answers, a few hundred of
/// them with jobs of some 50 us, long before any of them minds.
pub const CODEL_TARGET_SHARE: u64 = 5;
/// While the pool may still grow, the predicted wait reckons with this many times the permits:
/// the limit can double twice within the default queue wait.
pub const GROWTH_HEADROOM: f64 = 4.0;
/// Nobody is refused by a predicted wait before so many jobs have ended: what the first ones took says
/// nothing of those to come.
pub const EXPECTATION_COMPLETIONS_MIN: u64 = 32;
/// Bounds of the time after which a refused client is asked to come again.
pub const RETRY_AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(30);
/// Bytes of stack that a thread is given; only what is touched is real memory.
pub const STACK_BYTES: usize = 2 * 1024 * 1024;

/// The settings of a pool.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use harmonious_pool::{Config, PolicyKind};
///
/// let config = Config {
///     workers_max: 64,
///     queue_wait: Duration::from_millis(200),
///     policy: PolicyKind::Adaptive,
///     ..Config::default()
/// };
/// config.validate()?;
/// # Ok::<(), harmonious_pool::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Workers that are kept however idle, `1..=workers_max`. Default 4.
    pub workers_min: usize,
    /// Workers at the start, `workers_min..=workers_max`. Default 4.
    pub workers_start: usize,
    /// Most workers, up to [`WORKERS_CEILING`]. Default 256, or fewer where a quarter of the
    /// memory does not hold as many (see [`WORKER_MEMORY_BYTES`]). Threads that stand in for workers
    /// which were given up come on top, [`GIVEN_UP_MAX`] at most.
    pub workers_max: usize,
    /// At most this many threads are started in any [`Config::spawn_window`], at least 1.
    /// Default: 256, the whole pool once.
    pub spawn_limit: usize,
    /// The window of the spawn limit, more than zero. Default 60 s.
    pub spawn_window: Duration,
    /// Points of the moving average of service times, `1..=10_000`. Default 20.
    pub average: usize,
    /// A thread that was parked for this long may retire. Default 30 s.
    pub idle: Duration,
    /// Longest that a job may wait for a permit, more than zero. Default 500 ms.
    pub queue_wait: Duration,
    /// Most jobs that may wait, at least 1. Default 4096.
    pub queue_len_max: usize,
    /// Most tasks that may live at once, at least 1. Default 100,000.
    pub tasks_max: usize,
    /// How the number of permits is found. Default `adaptive`.
    pub policy: PolicyKind,
    /// Threads are named with this and a number. Default `worker`.
    pub thread_name: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            workers_min: 4,
            workers_start: 4,
            workers_max: crate::system::workers_that_fit(256),
            spawn_limit: 256,
            spawn_window: Duration::from_secs(60),
            average: 20,
            idle: Duration::from_secs(30),
            queue_wait: Duration::from_millis(500),
            queue_len_max: 4096,
            tasks_max: 100_000,
            policy: PolicyKind::Adaptive,
            thread_name: "worker".to_owned(),
        }
    }
}

impl Config {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first setting that is out of range, its value and the range.
    pub fn validate(&self) -> Result<(), Error> {
        check("workers_max", self.workers_max, 1..=WORKERS_CEILING)?;
        check("workers_min", self.workers_min, 1..=self.workers_max)?;
        check(
            "workers_start",
            self.workers_start,
            self.workers_min..=self.workers_max,
        )?;
        check("spawn_limit", self.spawn_limit, 1..=WORKERS_CEILING)?;
        check("average", self.average, 1..=10_000)?;
        check("queue_len_max", self.queue_len_max, 1..=1_000_000)?;
        check("tasks_max", self.tasks_max, 1..=10_000_000)?;
        if self.thread_name.contains('\0') {
            return Err(Error::Setting {
                setting: "thread_name",
                value: format!("{:?}", self.thread_name),
                allowed: "anything without a NUL".to_owned(),
            });
        }
        check_time("spawn_window", self.spawn_window)?;
        check_time("idle", self.idle)?;
        check_time("queue_wait", self.queue_wait)?;
        if let PolicyKind::Fixed(n) = self.policy {
            check("policy fixed:N", n, 1..=self.workers_max)?;
        }
        Ok(())
    }

    /// The bounds of the number of permits. `fixed:N` starts with its N.
    pub(crate) fn bounds(&self) -> Bounds {
        let start = match self.policy {
            PolicyKind::Fixed(n) => n,
            _ => self.workers_start,
        };
        Bounds {
            min: PERMITS_MIN.min(self.workers_min).min(start),
            start,
            max: self.workers_max,
        }
    }

    /// Threads that never retire: the least number of workers, and the one that is always more.
    pub(crate) fn threads_min(&self) -> usize {
        self.workers_min
            .max(if let PolicyKind::Fixed(n) = self.policy {
                n
            } else {
                0
            })
            + 1
    }
}

fn check(setting: &'static str, value: usize, allowed: RangeInclusive<usize>) -> Result<(), Error> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        value: value.to_string(),
        allowed: format!("{} to {}", allowed.start(), allowed.end()),
    })
}

fn check_time(setting: &'static str, value: Duration) -> Result<(), Error> {
    let most = Duration::from_secs(24 * 60 * 60);
    if !value.is_zero() && value <= most {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        value: format!("{value:?}"),
        allowed: "more than 0, up to 24 h".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Config::default().validate().unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_named_with_its_range() {
        let config = Config {
            workers_start: 300,
            workers_max: 256,
            ..Config::default()
        };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "workers_start is 300: allowed is 4 to 256");
    }

    #[test]
    fn a_zero_wait_is_refused() {
        let config = Config {
            queue_wait: Duration::ZERO,
            ..Config::default()
        };
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("queue_wait")
        );
    }

    #[test]
    fn fixed_must_fit() {
        let config = Config {
            policy: PolicyKind::Fixed(512),
            workers_max: 256,
            ..Config::default()
        };
        assert!(config.validate().unwrap_err().to_string().contains("512"));
    }
}
