//! A thread that once a second says what is new: floods in the log, another limit of the pool,
//! refusals. Counted over a second, so that a storm of refusals is one line and not a storm of lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use harmonious_http::{Front, FrontStats};
use harmonious_pool::{Handle, Stats};

use crate::log::{Floods, Log};
use crate::why::why;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// The running thread; dropping it ends it after a last look.
pub struct Reporter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(pool: Handle, front: Front, log: &Log) -> std::io::Result<Reporter> {
        let (stop, stopped) = channel();
        let floods = Arc::clone(&log.floods);
        let thread = std::thread::Builder::new()
            .name("reporter".to_owned())
            .spawn(move || run(&stopped, &pool, &front, &floods))?;
        Ok(Reporter {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(stopped: &Receiver<()>, pool: &Handle, front: &Front, floods: &Floods) {
    let mut counts = counts(&pool.stats(), &front.stats());
    let mut changed_at = None;
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(EVERY) {
        report(pool, front, &mut counts, &mut changed_at);
        floods.report();
        if pool.is_draining() {
            let (stats, connections) = (pool.stats(), front.stats().connections);
            let (busy, queued) = (stats.busy, stats.queued);
            tracing::info!(target: "stop", connections, busy, queued, "still finishing");
        }
    }
    report(pool, front, &mut counts, &mut changed_at);
}

type Counts = BTreeMap<(&'static str, &'static str), u64>;

fn report(pool: &Handle, front: &Front, before: &mut Counts, changed_at: &mut Option<Duration>) {
    let stats = pool.stats();
    let counts = counts(&stats, &front.stats());
    for ((what, reason), count) in news(before, &counts) {
        tracing::warn!(target: "refused", what, reason, count, "in the last second");
    }
    *before = counts;
    let change = stats.last_change.as_ref();
    if let Some(change) = change.filter(|change| Some(change.at) != *changed_at) {
        *changed_at = Some(change.at);
        tracing::info!(
            target: "pool",
            limit = change.limit,
            before = change.limit_before,
            threads = stats.threads,
            reason = change.reason.as_str(),
            "{}",
            why(change.reason)
        );
    }
}

fn counts(pool: &Stats, front: &FrontStats) -> Counts {
    let refusals = pool.refusals.iter();
    let refusals = refusals.map(|(reason, count)| (("request", reason.as_str()), *count));
    let rejects = front.rejects.iter();
    let rejects = rejects.map(|(reason, count)| (("by the front", *reason), *count));
    let threads = [(("thread", "by the system"), pool.spawn_failures)];
    refusals.chain(rejects).chain(threads).collect()
}

/// What was counted since, by name.
fn news(before: &Counts, now: &Counts) -> Vec<((&'static str, &'static str), u64)> {
    now.iter()
        .map(|(name, count)| (*name, count - before.get(name).unwrap_or(&0).min(count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told() {
        let before = Counts::from([(("a", "x"), 5), (("a", "y"), 1)]);
        let now = Counts::from([(("a", "x"), 7), (("a", "y"), 1), (("b", "z"), 3)]);
        assert_eq!(news(&before, &now), [(("a", "x"), 2), (("b", "z"), 3)]);
        assert_eq!(news(&now, &now), []);
    }
}
