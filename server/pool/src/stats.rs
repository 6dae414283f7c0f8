//! What one can see of a pool: the figures of this moment, and the last decisions with their
//! inputs. Reading either costs the workers nothing.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::config::DECISIONS_KEPT;
use crate::controller::Reason;
use crate::error::RefusalReason;

/// The figures of a pool at one moment. Counts are totals since the pool started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Name of the policy in force.
    pub policy: &'static str,
    /// Permits: jobs that may run at once.
    pub limit: usize,
    /// Threads that live. At least `limit + 1`, without those that were given up and have no permit.
    pub threads: usize,
    /// Threads that sleep, without work.
    pub parked: usize,
    /// Permits in use. For a moment above `limit` after it was lowered.
    pub busy: usize,
    /// Jobs that wait for a permit.
    pub queued: usize,
    /// How long the oldest of them has waited.
    pub oldest_wait: Duration,
    /// How long a job would wait that came now, as far as can be predicted.
    pub predicted_wait: Duration,
    /// Mean time that a job ran, of late; zero before the first.
    pub service_time: Duration,
    /// Mean time that a job waited for its permit, over all jobs.
    pub mean_wait: Duration,
    /// Jobs that have ended, by panic too; without those that were given up before.
    pub completions: u64,
    /// Workers in a job that has run over its time limit.
    pub given_up: usize,
    /// Jobs that ran over their time limit.
    pub given_up_total: u64,
    /// Jobs whose `is_wanted` said no when their turn came.
    pub unwanted: u64,
    /// Jobs that were refused or shed, by reason, in the order of [`RefusalReason::ALL`].
    pub refusals: [(RefusalReason, u64); RefusalReason::ALL.len()],
    /// Threads started since the start.
    pub spawned: u64,
    /// Threads that retired.
    pub retired: u64,
    /// Times that the system refused a thread.
    pub spawn_failures: u64,
    /// Jobs that ended by a panic.
    pub job_panics: u64,
    /// Tasks that ended by a panic.
    pub task_panics: u64,
    /// Polls of tasks.
    pub polls: u64,
    /// Tasks that live, background jobs included.
    pub tasks: usize,
    /// No more threads will be tried soon.
    pub growth_exhausted: bool,
    /// The last decision that changed the limit; `None` if none did.
    pub last_change: Option<DecisionRecord>,
}

impl Stats {
    /// Refused and shed jobs, for all reasons together.
    pub fn refused(&self) -> u64 {
        self.refusals.iter().map(|(_, count)| count).sum()
    }
}

/// A decision of the controller and what it was based on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DecisionRecord {
    /// When it was taken, since the pool started.
    pub at: Duration,
    /// Why.
    pub reason: Reason,
    /// The limit before.
    pub limit_before: usize,
    /// The limit that was wanted.
    pub limit_wanted: usize,
    /// The limit that the threads, the spawn budget and the system allowed so far: a large step
    /// is made in several, a few milliseconds apart.
    pub limit: usize,
    /// Threads that were started for it at once.
    pub spawned: usize,
    /// Threads that live.
    pub threads: usize,
    /// Permits in use.
    pub busy: usize,
    /// Jobs that waited.
    pub queued: usize,
    /// Completions since the pool started.
    pub completions: u64,
    /// Mean service time since the tick before; zero if nothing ended.
    pub service_time: Duration,
    /// CPU use since the tick before, 0 to 1: the larger of this process's and the machine's.
    pub cpu: f64,
    /// How often the same decision was taken again, right after.
    pub repeated: u32,
}

impl fmt::Display for DecisionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:9.3}s {:<14} limit {} -> {} (wanted {}), threads {}, busy {}, queued {}, service {:.2?}, cpu {:.0} %",
            self.at.as_secs_f64(),
            self.reason.as_str(),
            self.limit_before,
            self.limit,
            self.limit_wanted,
            self.threads,
            self.busy,
            self.queued,
            self.service_time,
            self.cpu * 100.0,
        )?;
        if self.repeated > 0 {
            write!(f, ", {} times", self.repeated + 1)?;
        }
        Ok(())
    }
}

/// The last [`DECISIONS_KEPT`] decisions. One that only repeats the one before is counted there.
pub(crate) struct DecisionLog {
    records: VecDeque<DecisionRecord>,
    last_change: Option<DecisionRecord>,
    pub(crate) growth_exhausted: bool,
}

impl DecisionLog {
    pub(crate) fn new() -> DecisionLog {
        DecisionLog {
            records: VecDeque::with_capacity(DECISIONS_KEPT),
            last_change: None,
            growth_exhausted: false,
        }
    }

    pub(crate) fn add(&mut self, record: DecisionRecord) {
        let changes = record.limit != record.limit_before;
        if changes {
            self.last_change = Some(record.clone());
        }
        if let Some(last) = self.records.back_mut()
            && !changes
            && last.reason == record.reason
            && last.limit == record.limit
        {
            last.repeated = last.repeated.saturating_add(1);
            return;
        }
        if self.records.len() == DECISIONS_KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    pub(crate) fn records(&self) -> Vec<DecisionRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn last_change(&self) -> Option<DecisionRecord> {
        self.last_change.clone()
    }
}
