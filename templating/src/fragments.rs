//! Rendered fragments that are kept for a while: within a number of bytes, and each made by one request
//! while the others that want it wait.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use crate::config::{
    FRAGMENT_BYTES_MAX, FRAGMENT_LIFE_MAX, FRAGMENT_MAKING_MAX, FRAGMENT_WAIT_MAX,
    FRAGMENTS_EXPECTED,
};

/// What a fragment is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    /// What it was made by: a place in a compiled template, so that a changed template makes it anew;
    /// nothing for one that a module made.
    pub(crate) scope: [u8; 32],
    /// The author's own key.
    pub(crate) name: Box<str>,
}

impl FragmentKey {
    /// The key of a fragment that a module makes.
    pub fn of_modules(name: &str) -> FragmentKey {
        FragmentKey {
            scope: [0; 32],
            name: name.into(),
        }
    }
}

/// The fragments of one site.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use harmonious_templating::{Begun, FragmentKey, Fragments};
///
/// let fragments = Arc::new(Fragments::new(1024 * 1024));
/// let key = FragmentKey::of_modules("recent");
/// let Begun::Make(lease) = fragments.begin(&key) else { unreachable!() };
/// lease.finish("<ul></ul>", Duration::from_secs(60));
/// assert!(matches!(fragments.begin(&key), Begun::Found(text) if &*text == "<ul></ul>"));
/// ```
pub struct Fragments {
    kept: Cache<FragmentKey, Kept, Bytes>,
    making: Mutex<HashMap<FragmentKey, Making>>,
    /// A fragment was made, or will not be.
    ended: Condvar,
    made: AtomicU64,
    found: AtomicU64,
}

#[derive(Clone)]
struct Kept {
    text: Arc<str>,
    until: Instant,
}

/// Who makes a fragment.
#[derive(Clone, Copy)]
struct Making {
    by: ThreadId,
    since: Instant,
}

#[derive(Clone)]
struct Bytes;

impl Weighter<FragmentKey, Kept> for Bytes {
    fn weight(&self, key: &FragmentKey, kept: &Kept) -> u64 {
        (size_of::<FragmentKey>() + size_of::<Kept>() + key.name.len() + kept.text.len()) as u64
    }
}

/// What is to be done for a fragment.
#[derive(Debug)]
pub enum Begun {
    /// Nothing: here it is.
    Found(Arc<str>),
    /// It is to be made, by whoever got this.
    Make(Lease),
}

/// The right to make a fragment. Dropped without [`finish`](Lease::finish), it passes to another one.
#[derive(Debug)]
pub struct Lease {
    fragments: Arc<Fragments>,
    key: FragmentKey,
    /// What stands in the list; none for one that makes it for itself only.
    since: Option<Instant>,
}

/// What fragments did so far, and what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentStats {
    /// How often one was made.
    pub made: u64,
    /// How often one was there.
    pub found: u64,
    /// How many are kept, those that expired and were not asked for again among them.
    pub kept: usize,
    /// Bytes that they take.
    pub bytes: u64,
}

impl Fragments {
    /// Keeps at most so many bytes; with 0 nothing is kept.
    pub fn new(bytes_max: u64) -> Fragments {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(FRAGMENTS_EXPECTED)
            .weight_capacity(bytes_max)
            .build();
        // Both numbers are given: that they are missing is the only error.
        let kept = match options {
            Ok(options) => Cache::with_options(
                options,
                Bytes,
                Default::default(),
                quick_cache::sync::DefaultLifecycle::default(),
            ),
            Err(_) => Cache::with_weighter(FRAGMENTS_EXPECTED, bytes_max, Bytes),
        };
        Fragments {
            kept,
            making: Mutex::default(),
            ended: Condvar::new(),
            made: AtomicU64::new(0),
            found: AtomicU64::new(0),
        }
    }

    /// The fragment, or the right to make it. While another thread makes it this one waits, at most
    /// [`FRAGMENT_WAIT_MAX`]; then it may make one for itself.
    pub fn begin(self: &Arc<Self>, key: &FragmentKey) -> Begun {
        if let Some(text) = self.fresh(key) {
            return Begun::Found(text);
        }
        let patience = Instant::now() + FRAGMENT_WAIT_MAX;
        let mut making = self.making.lock();
        loop {
            // Made between the look above and the lock, or while this thread waited.
            if let Some(text) = self.fresh(key) {
                return Begun::Found(text);
            }
            let now = Instant::now();
            match making.get(key) {
                Some(other) if now.duration_since(other.since) < FRAGMENT_MAKING_MAX => {
                    // A fragment within itself would wait for itself.
                    if other.by == thread::current().id() || now >= patience {
                        return Begun::Make(self.lease(key, None));
                    }
                    let lost = other.since + FRAGMENT_MAKING_MAX;
                    self.ended.wait_until(&mut making, patience.min(lost));
                }
                _ => {
                    let by = thread::current().id();
                    making.insert(key.clone(), Making { by, since: now });
                    return Begun::Make(self.lease(key, Some(now)));
                }
            }
        }
    }

    /// Forgets every fragment of that key, in whichever template, and the modules' own.
    pub fn forget(&self, name: &str) {
        self.kept.retain(|key, _| *key.name != *name);
    }

    /// Forgets those that modules made: their code may have changed.
    pub fn forget_modules(&self) {
        self.kept.retain(|key, _| key.scope != [0; 32]);
    }

    /// What they did so far.
    pub fn stats(&self) -> FragmentStats {
        // Relaxed: each number stands for itself.
        FragmentStats {
            made: self.made.load(Ordering::Relaxed),
            found: self.found.load(Ordering::Relaxed),
            kept: self.kept.len(),
            bytes: self.kept.weight(),
        }
    }

    fn fresh(&self, key: &FragmentKey) -> Option<Arc<str>> {
        let kept = self.kept.get(key)?;
        (Instant::now() < kept.until).then(|| {
            self.found.fetch_add(1, Ordering::Relaxed);
            kept.text
        })
    }

    fn lease(self: &Arc<Self>, key: &FragmentKey, since: Option<Instant>) -> Lease {
        Lease {
            fragments: Arc::clone(self),
            key: key.clone(),
            since,
        }
    }
}

impl Lease {
    /// Gives the fragment to all who wait for it, and keeps it for that long, at most 30 days. What is
    /// longer than 1 MiB is not kept.
    pub fn finish(self, text: &str, life: Duration) {
        self.fragments.made.fetch_add(1, Ordering::Relaxed);
        if text.len() > FRAGMENT_BYTES_MAX {
            return;
        }
        let until = Instant::now() + life.min(FRAGMENT_LIFE_MAX);
        let text = Arc::from(text);
        let kept = Kept { text, until };
        self.fragments.kept.insert(self.key.clone(), kept);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(since) = self.since else {
            return;
        };
        let mut making = self.fragments.making.lock();
        // Who took too long may have lost it to another one.
        if making
            .get(&self.key)
            .is_some_and(|making| making.since == since)
        {
            making.remove(&self.key);
            self.fragments.ended.notify_all();
        }
    }
}

impl fmt::Debug for Fragments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fragments").field(&self.stats()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn make(fragments: &Arc<Fragments>, name: &str, text: &str, life: Duration) -> bool {
        match fragments.begin(&FragmentKey::of_modules(name)) {
            Begun::Found(_) => false,
            Begun::Make(lease) => {
                lease.finish(text, life);
                true
            }
        }
    }

    #[test]
    fn a_fragment_is_made_once_until_it_expires_or_is_forgotten() {
        let fragments = Arc::new(Fragments::new(1 << 20));
        assert!(make(&fragments, "a", "x", MINUTE));
        assert!(!make(&fragments, "a", "x", MINUTE));
        assert!(make(&fragments, "b", "x", Duration::ZERO));
        assert!(make(&fragments, "b", "x", MINUTE));
        fragments.forget("a");
        assert!(make(&fragments, "a", "x", MINUTE));
        assert!(!make(&fragments, "b", "x", MINUTE));
        fragments.forget_modules();
        assert!(make(&fragments, "b", "x", MINUTE));
        assert_eq!((fragments.stats().made, fragments.stats().found), (5, 2));
    }

    #[test]
    fn a_hundred_threads_make_it_once() {
        let fragments = Arc::new(Fragments::new(1 << 20));
        let made = AtomicUsize::new(0);
        let (all, waiting) = (Barrier::new(100), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    all.wait();
                    waiting.fetch_add(1, Ordering::Relaxed);
                    match fragments.begin(&FragmentKey::of_modules("a")) {
                        Begun::Found(text) => assert_eq!(&*text, "x"),
                        Begun::Make(lease) => {
                            made.fetch_add(1, Ordering::Relaxed);
                            // All others are at the door at least.
                            while waiting.load(Ordering::Relaxed) < 100 {
                                thread::yield_now();
                            }
                            lease.finish("x", MINUTE);
                        }
                    }
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn who_fails_leaves_it_to_another_one() {
        let fragments = Arc::new(Fragments::new(1 << 20));
        let key = FragmentKey::of_modules("a");
        let Begun::Make(lease) = fragments.begin(&key) else {
            panic!("found");
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| make(&fragments, "a", "x", MINUTE));
            drop(lease);
            assert!(other.join().unwrap());
        });
        assert!(!make(&fragments, "a", "x", MINUTE));
    }

    #[test]
    fn a_fragment_within_itself_does_not_wait_for_itself() {
        let fragments = Arc::new(Fragments::new(1 << 20));
        let key = FragmentKey::of_modules("a");
        let outer = fragments.begin(&key);
        assert!(make(&fragments, "a", "inner", MINUTE));
        assert!(matches!(outer, Begun::Make(_)));
    }

    #[test]
    fn what_is_kept_stays_within_the_bytes() {
        let fragments = Arc::new(Fragments::new(1 << 20));
        let text = "x".repeat(10_000);
        for number in 0..1000 {
            make(&fragments, &number.to_string(), &text, MINUTE);
        }
        let stats = fragments.stats();
        assert!(stats.bytes <= 1 << 20 && stats.kept > 10, "{stats:?}");
        let long = "x".repeat(FRAGMENT_BYTES_MAX + 1);
        make(&fragments, "long", &long, MINUTE);
        assert!(make(&fragments, "long", &long, MINUTE));
    }
}
