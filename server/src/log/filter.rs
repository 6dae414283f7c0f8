//! Which events become lines: those of the level, the access log if it is on, and of a flood of one
//! kind only the first.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;

use super::access;
use super::limit::Limiter;

/// Lines of one kind in a second. What happens more often than this is a flood: its first lines
/// tell what it is, its number how large.
const LINES_PER_SECOND: u32 = 20;

/// Lines of the access log in a second: about what a disk is glad to take, some 2 MB.
const ACCESS_LINES_PER_SECOND: u32 = 10_000;

/// The target of the lines about floods, which are not held back themselves: there is one for a
/// kind and second at most.
const FLOOD: &str = "flood";

/// A place in the code that logs.
#[derive(Clone, Copy, Debug)]
struct Place(&'static Metadata<'static>);

impl PartialEq for Place {
    fn eq(&self, other: &Place) -> bool {
        self.0.callsite() == other.0.callsite()
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.callsite().hash(state);
    }
}

/// What is held back of floods.
#[derive(Debug, Default)]
pub struct Floods {
    limiter: Mutex<Limiter<Place>>,
    held: AtomicU64,
}

impl Floods {
    /// Lines that were held back since the start.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    /// One line for each flood of which the window is over. To be called about once a second.
    pub fn report(&self) {
        self.report_at(Instant::now());
    }

    fn report_at(&self, now: Instant) {
        let ended = {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.ended(now)
        };
        for (Place(kind), lines) in ended {
            let place = format!(
                "{}:{}",
                kind.file().unwrap_or("?"),
                kind.line().unwrap_or(0)
            );
            let of = kind.target();
            tracing::warn!(target: FLOOD, of, place, lines, "more lines of this kind were left out");
        }
    }

    fn admit(&self, event: &Event<'_>) -> bool {
        let kind = event.metadata();
        let limit = match kind.target() {
            FLOOD => return true,
            access::TARGET => ACCESS_LINES_PER_SECOND,
            _ => LINES_PER_SECOND,
        };
        let pass = {
            let mut limiter = self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
            limiter.admit(Place(kind), limit, Instant::now())
        };
        if !pass {
            self.held.fetch_add(1, Relaxed);
        }
        pass
    }
}

/// The filter in front of the lines.
pub struct LineFilter {
    level: LevelFilter,
    access: bool,
    floods: Arc<Floods>,
}

impl LineFilter {
    /// Lines of this level and above, and of the access log, whatever the level, if `access`.
    pub fn new(level: LevelFilter, access: bool, floods: Arc<Floods>) -> LineFilter {
        LineFilter {
            level,
            access,
            floods,
        }
    }

    fn wants(&self, kind: &Metadata<'_>) -> bool {
        match kind.target() {
            access::TARGET => self.access,
            _ => *kind.level() <= self.level,
        }
    }
}

/// As a layer in front of all others and not as the filter of one: those of `tracing-subscriber` keep
/// a state for each thread that an event refused this late would leave behind.
impl<S: Subscriber> Layer<S> for LineFilter {
    fn enabled(&self, kind: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(kind)
    }

    fn register_callsite(&self, kind: &'static Metadata<'static>) -> Interest {
        match self.wants(kind) {
            true => Interest::always(),
            false => Interest::never(),
        }
    }

    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.floods.admit(event)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        match self.access {
            true => Some(self.level.max(LevelFilter::INFO)),
            false => Some(self.level),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::super::limit::WINDOW;
    use super::*;

    /// Counts the events that reach it.
    struct Count(Arc<AtomicU64>);

    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn count(level: LevelFilter, access: bool, log: impl FnOnce(&Floods)) -> (u64, u64) {
        let (lines, floods) = (Arc::new(AtomicU64::new(0)), Arc::new(Floods::default()));
        let filter = LineFilter::new(level, access, Arc::clone(&floods));
        let counted = Count(Arc::clone(&lines));
        let subscriber = tracing_subscriber::registry().with(counted).with(filter);
        tracing::subscriber::with_default(subscriber, || log(&floods));
        (lines.load(Relaxed), floods.held())
    }

    fn two_kinds(_: &Floods) {
        tracing::info!(target: access::TARGET, "a request");
        tracing::info!("news");
    }

    #[test]
    fn the_access_log_has_a_switch_of_its_own() {
        assert_eq!(count(LevelFilter::INFO, true, two_kinds), (2, 0));
        assert_eq!(count(LevelFilter::INFO, false, two_kinds), (1, 0));
        assert_eq!(count(LevelFilter::ERROR, true, two_kinds), (1, 0));
        assert_eq!(count(LevelFilter::OFF, false, two_kinds), (0, 0));
    }

    #[test]
    fn a_flood_is_held_back() {
        let flood = |_: &Floods| (0..1000).for_each(|n| tracing::warn!(n, "again"));
        let (lines, held) = count(LevelFilter::INFO, true, flood);
        assert_eq!(lines + held, 1000);
        // Of two windows if the machine was slow.
        assert!(lines >= u64::from(LINES_PER_SECOND) && held > 0, "{lines}");
    }

    #[test]
    fn a_flood_ends_in_one_line_that_counts_it() {
        let flood = |floods: &Floods| {
            (0..1000).for_each(|n| tracing::warn!(n, "again"));
            floods.report_at(Instant::now() + WINDOW);
            floods.report_at(Instant::now() + WINDOW);
        };
        let (lines, held) = count(LevelFilter::INFO, true, flood);
        assert_eq!(lines + held, 1001);
    }
}
