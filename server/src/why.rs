//! The controller's reasons in words, for whoever asks why the pool is as large as it is.

use harmonious_pool::controller::Reason;

/// The reason as a sentence about the limit, without its full stop.
pub fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Hold => "nothing gave cause to change it",
        Reason::Measuring => "too little was seen yet to judge by",
        Reason::Settling => "requests still run that started before the last change",
        Reason::NotSaturated => "there were free workers, or nothing waited",
        Reason::Draining => "requests waited, but the queue was emptying by itself",
        Reason::Grow => "requests waited and every worker was busy: a large step up is tried",
        Reason::GrowFine => "requests waited and every worker was busy: a small step up is tried",
        Reason::Accept => "the last step up paid: more was done in the same time",
        Reason::Revert => "the last step up did not pay and is taken back",
        Reason::CpuVeto => "the CPU is full: more workers could only wait for it",
        Reason::CpuShrink => "the CPU is full and there are more workers than it can use",
        Reason::Backoff => "a step up was refused a short while ago",
        Reason::ProbeDown => "a step down is tried, to see whether fewer do as well",
        Reason::ProbeReturn => "back up from a trial with fewer, for a second reading",
        Reason::Shrink => "fewer workers did as well",
        Reason::Keep => "fewer workers did worse",
        Reason::NewRegime => "requests take another time than before: the load has changed",
        Reason::Starvation => "every worker was held by a request that waits, and nothing ended",
        Reason::SpawnLimited => "no more threads may be started at the moment",
        Reason::AtMax => "more would be tried, but this is the most that is allowed",
    }
}
