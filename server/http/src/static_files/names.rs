//! The names at the top of the root, in memory: what begins with another name is known not to be
//! there, without asking the file system.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;

use super::config::{NAMES_MAX, SETTLED_MS};
use super::root::Root;

/// What the names say about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It may be there.
    Possible,
    /// It is not.
    Absent,
    /// The names must be read again, which may have to be waited for.
    Stale,
}

#[derive(Debug)]
pub(super) struct Names {
    known: RwLock<Known>,
    /// When somebody last made sure of them, in milliseconds of the caller's clock.
    checked: AtomicU64,
    fresh_ms: u64,
}

#[derive(Debug, Default)]
struct Known {
    /// `None` where there are more than [`NAMES_MAX`], or they cannot be read.
    names: Option<HashSet<Box<str>>>,
    /// The folder's time of modification when they were read, in nanoseconds since 1970; `None`
    /// where it could change again without this being seen.
    modified: Option<i128>,
}

impl Names {
    /// Reads the names; they are made sure of again after `fresh_for`.
    pub(super) fn new(root: &Root, fresh_for: Duration) -> Names {
        Names {
            known: RwLock::new(Known::read(root)),
            checked: AtomicU64::new(0),
            fresh_ms: u64::try_from(fresh_for.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// What is known of `path` at `now`, on a task. The folder is asked for its time by at most one
    /// caller in each stretch of freshness, and only where that does not wait.
    pub(super) fn look(&self, path: &str, root: &Root, now: u64) -> Outlook {
        let first = path.split('/').next().unwrap_or(path);
        let known = self.known.read();
        if known
            .names
            .as_ref()
            .is_none_or(|names| names.contains(first))
        {
            return Outlook::Possible;
        }
        let checked = self.checked.load(Relaxed);
        let is_fresh = now.saturating_sub(checked) < self.fresh_ms;
        let claim = || {
            self.checked
                .compare_exchange(checked, now, Relaxed, Relaxed)
        };
        if is_fresh || claim().is_err() {
            return Outlook::Absent;
        }
        if root.serves_tasks() && known.is_of(root) {
            Outlook::Absent
        } else {
            Outlook::Stale
        }
    }

    /// Makes sure of them, on a worker.
    pub(super) fn refresh(&self, root: &Root, now: u64) {
        if !self.known.read().is_of(root) {
            let known = Known::read(root);
            *self.known.write() = known;
        }
        self.checked.store(now, Relaxed);
    }
}

impl Known {
    fn read(root: &Root) -> Known {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let settled = now.as_nanos() as i128 - i128::from(SETTLED_MS) * 1_000_000;
        Known {
            // In this order: what comes after the time was taken changes it.
            modified: root.modified().filter(|&modified| modified < settled),
            names: root.names(NAMES_MAX),
        }
    }

    fn is_of(&self, root: &Root) -> bool {
        self.modified.is_some() && self.modified == root.modified()
    }
}
