//! The controller: what the pool observed goes in, how many permits there shall be comes out.
//!
//! Everything here is a pure function of its observations. Time is passed in, nothing is read
//! from the system, nothing is random: the pool, the simulator and the tests drive the same code
//! (invariant 10).

mod adaptive;
mod budget;
#[cfg(test)]
pub(crate) mod fixture;
mod kind;
mod policies;
mod window;

pub use adaptive::Adaptive;
pub use budget::SpawnBudget;
pub use kind::{AVERAGE_POINTS, BadPolicy, PolicyKind};
pub use policies::{Fixed, Greedy, Seed};

/// Number of route classes whose service times are kept apart; a route's hint is taken modulo this.
pub const ROUTES: usize = 8;

/// What completed in one route class, since the pool started.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RouteTotals {
    /// Jobs that ended (a panic included).
    pub completed: f64,
    /// Sum of their service times (handler start to handler end, never the queue), in seconds.
    pub service_s: f64,
    /// Sum of the squares of their service times, in seconds squared.
    pub service_sq_s2: f64,
}

/// Cumulative totals since the pool started; none ever falls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Completions and service times by route class.
    pub routes: [RouteTotals; ROUTES],
    /// Completions of jobs that *started* after the limit was last changed.
    pub fresh: f64,
    /// Integral of permits in use over time, in permit-seconds.
    pub busy_s: f64,
    /// Time during which every permit was in use and the queue was not empty, in seconds.
    pub saturated_s: f64,
    /// Integral of the host's CPU use (0 to 1: the larger of this process's share and of the
    /// whole system's), in seconds.
    pub host_cpu_s: f64,
    /// CPU time that the workers used, in core-seconds.
    pub worker_cpu_s: f64,
    /// Time that workers were runnable but waited for a core, in thread-seconds; 0 where the
    /// system does not tell.
    pub run_delay_s: f64,
}

/// One reading of the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Monotonic time since the pool started, in seconds.
    pub now_s: f64,
    /// All totals up to `now_s`.
    pub totals: Totals,
    /// Jobs that wait for a permit now.
    pub queued: usize,
    /// Permits in use now; above `limit` for a while after the limit was lowered.
    pub busy: usize,
    /// The limit in force: what was decided, cut to what the spawn budget and the system gave.
    pub limit: usize,
    /// Cores that this process may use (a cgroup's quota counted).
    pub cores: f64,
}

/// The bounds that every policy keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Fewest permits, at least 1.
    pub min: usize,
    /// Permits at the start, `min..=max`.
    pub start: usize,
    /// Most permits.
    pub max: usize,
}

impl Bounds {
    /// The nearest number of permits that the bounds allow.
    pub fn clamp(&self, limit: usize) -> usize {
        limit.min(self.max).max(self.min).max(1)
    }
}

/// Why a decision was taken; the words of the decision log and of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing to do: the last window gave no cause.
    Hold,
    /// The window has not seen enough completions or time yet.
    Measuring,
    /// The limit was changed and jobs that started before still run.
    Settling,
    /// Permits were free or nothing waited: such a window teaches nothing (rule 1).
    NotSaturated,
    /// Jobs wait, but the queue empties by itself soon (rule 1).
    Draining,
    /// A coarse step up, to be judged by its effect (rule 3).
    Grow,
    /// A fine step up, to be judged by its effect (rule 3).
    GrowFine,
    /// The last step up earned its keep (rule 3).
    Accept,
    /// The last step up was useless or harmful and is taken back (rule 3).
    Revert,
    /// The CPU is full: more threads could only queue for it (rule 4).
    CpuVeto,
    /// The CPU is full and the limit far above what it can use (rule 4).
    CpuShrink,
    /// A step up was refused a short while ago (rule 5).
    Backoff,
    /// A step down for one window, to see whether fewer do as well (rule 6).
    ProbeDown,
    /// Back at the size from which the step down was made, for the second reading (rule 6).
    ProbeReturn,
    /// The smaller size did as well and is taken (rule 6).
    Shrink,
    /// The smaller size did worse and is not taken (rule 6).
    Keep,
    /// Service times changed while the limit did not: the load is another one (rule 7).
    NewRegime,
    /// Every permit is held by a job that waits, and nothing completes (rule 8).
    Starvation,
    /// The spawn budget or the system gave none of the threads asked for (rule 9).
    SpawnLimited,
    /// More would be tried, but the limit is at its maximum.
    AtMax,
}

impl Reason {
    /// The word for logs and metrics.
    ///
    /// ```
    /// # use harmonious_pool::controller::Reason;
    /// assert_eq!(Reason::CpuVeto.as_str(), "cpu_veto");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Hold => "hold",
            Reason::Measuring => "measuring",
            Reason::Settling => "settling",
            Reason::NotSaturated => "not_saturated",
            Reason::Draining => "draining",
            Reason::Grow => "grow",
            Reason::GrowFine => "grow_fine",
            Reason::Accept => "accept",
            Reason::Revert => "revert",
            Reason::CpuVeto => "cpu_veto",
            Reason::CpuShrink => "cpu_shrink",
            Reason::Backoff => "backoff",
            Reason::ProbeDown => "probe_down",
            Reason::ProbeReturn => "probe_return",
            Reason::Shrink => "shrink",
            Reason::Keep => "keep",
            Reason::NewRegime => "new_regime",
            Reason::Starvation => "starvation",
            Reason::SpawnLimited => "spawn_limited",
            Reason::AtMax => "at_max",
        }
    }
}

/// What a policy wants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// Permits from now on.
    pub limit: usize,
    /// Why.
    pub reason: Reason,
    /// No more threads will be tried soon (at the maximum, refused and backing off, or vetoed by
    /// the CPU): the queue may shed newest first.
    pub growth_exhausted: bool,
}

/// A rule for the number of permits.
///
/// `tick` is called with observations in the order of time, every [`Policy::period_s`] or later.
pub trait Policy: Send {
    /// The name on the command line.
    fn name(&self) -> &'static str;
    /// Seconds between two ticks.
    fn period_s(&self) -> f64;
    /// Looks at the pool and decides.
    fn tick(&mut self, observation: &Observation) -> Decision;
}
