//! Everything that a caller of the pool can be told went wrong.

use std::time::Duration;

/// Why the pool could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of its range; nothing was started.
    #[error("{setting} is {value}: allowed is {allowed}")]
    Setting {
        /// The setting's name as in [`crate::Config`].
        setting: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// The system did not give what the pool needs to start.
    #[error("the pool cannot start: {what}")]
    Start {
        /// What was asked of the system.
        what: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// As many tasks live as may; try again when some have ended.
    #[error("{limit} tasks live already: raise tasks_max or wait until some have ended")]
    TooManyTasks {
        /// The limit, [`crate::Config::tasks_max`].
        limit: usize,
    },
    /// The pool is stopping and takes nothing new.
    #[error("the pool is stopping: it takes no new work")]
    Stopping,
}

/// A job that the pool did not run, and when to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: try again in {retry_after:?}")]
pub struct Refusal {
    /// Which bound was met.
    pub reason: RefusalReason,
    /// When the queue is expected to have room, 1 s to 30 s, with up to half of it added at random
    /// so that refused clients do not come back together.
    pub retry_after: Duration,
}

/// The bound that a refused job met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(usize)]
pub enum RefusalReason {
    /// The queue holds as many jobs as it may, and this client's are no fewer than any other's.
    #[error("the queue is full")]
    QueueFull,
    /// It would have waited longer than it may.
    #[error("the wait would be too long")]
    PredictedWait,
    /// It did wait longer than it may.
    #[error("it waited too long")]
    Waited,
    /// Its client held most of a full queue, and another client's job took its place.
    #[error("another client's job took its place in a full queue")]
    Displaced,
    /// A standing queue, and no more threads to be had: the newest jobs go first.
    #[error("the pool is overloaded")]
    Overloaded,
    /// The pool is stopping.
    #[error("the pool is stopping")]
    Stopping,
}

impl RefusalReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [RefusalReason; 6] = [
        RefusalReason::QueueFull,
        RefusalReason::PredictedWait,
        RefusalReason::Waited,
        RefusalReason::Displaced,
        RefusalReason::Overloaded,
        RefusalReason::Stopping,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalReason::QueueFull => "queue_full",
            RefusalReason::PredictedWait => "predicted_wait",
            RefusalReason::Waited => "waited",
            RefusalReason::Displaced => "displaced",
            RefusalReason::Overloaded => "overloaded",
            RefusalReason::Stopping => "stopping",
        }
    }
}
