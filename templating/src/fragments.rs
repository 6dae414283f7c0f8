//! Rendered fragments that are kept for a while: within a number of bytes, and each made by one request
//! while the others that want it wait.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, Weighter};

use crate::config::{
    CACHE_HOT_SHARE, FRAGMENT_BYTES_MAX, FRAGMENT_LIFE_MAX, FRAGMENT_MAKING_MAX, FRAGMENT_WAIT_MAX,
    FRAGMENTS_EXPECTED,
};

/// What a fragment is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    maker: Maker,
    /// The author's own key.
    name: Box<str>,
}

/// Who makes a fragment: nobody else finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Maker {
    /// A module, by the hash of its name.
    Module([u8; 32]),
    /// A place in a compiled template: a changed template makes it anew.
    Template([u8; 32]),
}

impl FragmentKey {
    /// The key of a fragment that a module makes.
    pub fn of_module(module: &str, name: &str) -> FragmentKey {
        FragmentKey {
            maker: Maker::Module(*blake3::hash(module.as_bytes()).as_bytes()),
            name: name.into(),
        }
    }

    /// Of a fragment that a template makes.
    pub(crate) fn of_template(place: [u8; 32], name: &str) -> FragmentKey {
        FragmentKey {
            maker: Maker::Template(place),
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
/// let key = FragmentKey::of_module("scripts/index", "recent");
/// let Begun::Make(lease) = fragments.begin(&key) else { unreachable!() };
/// lease.finish("<ul></ul>", Duration::from_secs(60));
/// assert!(matches!(fragments.begin(&key), Begun::Found(text) if &*text == "<ul></ul>"));
/// ```
pub struct Fragments {
    kept: Cache<FragmentKey, Kept, Bytes>,
    state: Mutex<State>,
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

#[derive(Default)]
struct State {
    making: HashMap<FragmentKey, Arc<Making>>,
    /// Which fragment a thread waits for.
    waiting: HashMap<ThreadId, FragmentKey>,
}

/// A fragment that is made at this moment.
struct Making {
    by: ThreadId,
    since: Instant,
    /// For those who wait, whether it is kept or not.
    text: OnceLock<Arc<str>>,
    /// It was forgotten meanwhile: what it shows may have changed.
    is_stale: AtomicBool,
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
pub struct Lease {
    fragments: Arc<Fragments>,
    key: FragmentKey,
    /// What stands in the list; none for one that makes it for itself only.
    making: Option<Arc<Making>>,
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
            // With several, a fragment would have to fit into a part of the bytes.
            .shards(1)
            .hot_allocation(CACHE_HOT_SHARE)
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
            state: Mutex::default(),
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
        let me = thread::current().id();
        let patience = Instant::now() + FRAGMENT_WAIT_MAX;
        let mut state = self.state.lock();
        loop {
            // Made between the look above and the lock, or while this thread waited.
            if let Some(text) = self.fresh(key) {
                return Begun::Found(text);
            }
            let now = Instant::now();
            let making = match state.making.get(key) {
                Some(making) if now < making.since + FRAGMENT_MAKING_MAX => Arc::clone(making),
                _ => return Begun::Make(self.lease(&mut state, key, now)),
            };
            if now >= patience || state.leads_to(making.by, me) {
                return Begun::Make(Lease {
                    fragments: Arc::clone(self),
                    key: key.clone(),
                    making: None,
                });
            }
            state.waiting.insert(me, key.clone());
            let lost = making.since + FRAGMENT_MAKING_MAX;
            self.ended.wait_until(&mut state, patience.min(lost));
            state.waiting.remove(&me);
            // Too long to be kept, perhaps; it is good for all who waited for it.
            if let Some(text) = making.text.get()
                && !making.is_stale.load(Ordering::Relaxed)
            {
                self.found.fetch_add(1, Ordering::Relaxed);
                return Begun::Found(Arc::clone(text));
            }
        }
    }

    /// Forgets every fragment of that key, in whichever template and of whichever module, those that are
    /// made at this moment too.
    pub fn forget(&self, name: &str) {
        self.forget_where(|key| *key.name == *name);
    }

    /// Forgets those that modules made: their code may have changed.
    pub fn forget_modules(&self) {
        self.forget_where(|key| matches!(key.maker, Maker::Module(_)));
    }

    fn forget_where(&self, is_meant: impl Fn(&FragmentKey) -> bool) {
        // Under the lock: what is made is either marked here, or was kept before and is dropped here.
        let state = self.state.lock();
        for (_, making) in state.making.iter().filter(|(key, _)| is_meant(key)) {
            making.is_stale.store(true, Ordering::Relaxed);
        }
        self.kept.retain(|key, _| !is_meant(key));
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

    fn lease(self: &Arc<Self>, state: &mut State, key: &FragmentKey, now: Instant) -> Lease {
        let making = Arc::new(Making {
            by: thread::current().id(),
            since: now,
            text: OnceLock::new(),
            is_stale: AtomicBool::new(false),
        });
        state.making.insert(key.clone(), Arc::clone(&making));
        Lease {
            fragments: Arc::clone(self),
            key: key.clone(),
            making: Some(making),
        }
    }
}

impl State {
    /// Whether `from` is `to`, or waits for a fragment that is made by one that is or waits so: then `to`
    /// must not wait for it.
    fn leads_to(&self, mut from: ThreadId, to: ThreadId) -> bool {
        // Each step is another thread that waits: there are no more.
        for _ in 0..=self.waiting.len() {
            if from == to {
                return true;
            }
            let making = self.waiting.get(&from).and_then(|key| self.making.get(key));
            match making {
                Some(making) => from = making.by,
                None => return false,
            }
        }
        true
    }
}

impl Lease {
    /// Gives the fragment to all who wait for it, and keeps it for that long, at most 30 days. What is
    /// longer than 1 MiB is not kept, nor what was forgotten while it was made.
    pub fn finish(self, text: &str, life: Duration) {
        let fragments = &*self.fragments;
        fragments.made.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + life.min(FRAGMENT_LIFE_MAX);
        let text: Arc<str> = Arc::from(text);
        let state = fragments.state.lock();
        let mut is_stale = false;
        if let Some(making) = &self.making {
            is_stale = making.is_stale.load(Ordering::Relaxed);
            // It is empty: there is one lease for it, and that one ends here.
            let _ = making.text.set(Arc::clone(&text));
        }
        if !is_stale && text.len() <= FRAGMENT_BYTES_MAX {
            fragments
                .kept
                .insert(self.key.clone(), Kept { text, until });
        }
        drop(state);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(own) = &self.making else {
            return;
        };
        let mut state = self.fragments.state.lock();
        // Who took too long may have lost it to another one.
        let making = state.making.get(&self.key);
        if making.is_some_and(|making| Arc::ptr_eq(making, own)) {
            state.making.remove(&self.key);
        }
        drop(state);
        self.fragments.ended.notify_all();
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.key).finish()
    }
}

impl fmt::Debug for Fragments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fragments").field(&self.stats()).finish()
    }
}

#[cfg(test)]
mod tests;
