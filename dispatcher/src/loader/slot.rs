//! One module through its generations: which is current, who loads the next, which are retired.
//!
//! A *flight* is one attempt to load. There is one at a time; whoever comes meanwhile waits for it and
//! has its outcome, good or bad, so that a hundred requests for a module that does not compile compile
//! it once.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{LoadError, LoadedInfo, LoadedModule};
use crate::ffi::LibraryUse;

/// See the module's head.
pub(super) struct Slot {
    key: String,
    state: Mutex<State>,
    landed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last one that loaded; it may be stale.
    current: Option<Arc<LoadedModule>>,
    /// Counts the invalidations.
    wanted: u64,
    /// What `wanted` was when `current` began to load.
    fresh: u64,
    flying: bool,
    /// Counts the flights.
    flights: u64,
    /// The last flight that failed: its number, and why.
    failed: Option<(u64, LoadError)>,
    /// Of the next library.
    generation: u64,
    /// Former generations that may still be in use.
    leaving: Vec<LibraryUse>,
    /// Former generations that are not.
    retired: usize,
}

impl Slot {
    pub(super) fn new(key: &str) -> Slot {
        Slot {
            key: key.into(),
            state: Mutex::new(State {
                generation: 1,
                ..State::default()
            }),
            landed: Condvar::new(),
        }
    }

    /// The current module if it is fresh; else what `load` makes of the former and the number of the
    /// next generation, or what another flight makes of it, for which this waits so long.
    pub(super) fn module(
        &self,
        wait: Duration,
        load: impl FnOnce(Option<Arc<LoadedModule>>, u64) -> Result<Arc<LoadedModule>, LoadError>,
    ) -> Result<Arc<LoadedModule>, LoadError> {
        let deadline = Instant::now() + wait;
        let mut state = self.state.lock();
        loop {
            if let Some(module) = state.current_fresh() {
                return Ok(module);
            }
            if !state.flying {
                return self.fly(state, load);
            }
            let flight = state.flights;
            while state.flying && state.flights == flight {
                if Instant::now() >= deadline {
                    return Err(LoadError::Waited {
                        key: self.key.clone(),
                        waited: wait,
                    });
                }
                self.landed.wait_until(&mut state, deadline);
            }
            if let Some((number, why)) = &state.failed
                && *number == flight
            {
                return Err(why.clone());
            }
        }
    }

    /// From now on the current module is stale.
    pub(super) fn invalidate(&self) {
        self.state.lock().wanted += 1;
    }

    /// The current module, be it stale.
    pub(super) fn last_good(&self) -> Option<Arc<LoadedModule>> {
        self.state.lock().current.clone()
    }

    pub(super) fn info(&self) -> Option<LoadedInfo> {
        let mut state = self.state.lock();
        state.count_retired();
        let module = state.current.as_ref()?;
        Some(LoadedInfo {
            key: self.key.clone(),
            file: module.file.clone(),
            generation: module.generation,
            since: module.since,
            stale: state.fresh != state.wanted,
            leaving_generations: state.leaving.len(),
            retired_generations: state.retired,
        })
    }

    fn fly(
        &self,
        mut state: MutexGuard<'_, State>,
        load: impl FnOnce(Option<Arc<LoadedModule>>, u64) -> Result<Arc<LoadedModule>, LoadError>,
    ) -> Result<Arc<LoadedModule>, LoadError> {
        state.flying = true;
        state.flights += 1;
        let mut flight = Flight {
            slot: self,
            wanted: state.wanted,
            outcome: None,
        };
        let (former, generation) = (state.current.clone(), state.generation);
        drop(state);
        let outcome = load(former, generation);
        flight.outcome = Some(outcome.clone());
        drop(flight);
        outcome
    }

    /// The end of a flight. Returns what is to be dropped without the lock: the last user of a module
    /// runs its `retire`.
    fn land(
        &self,
        wanted: u64,
        outcome: Result<Arc<LoadedModule>, LoadError>,
    ) -> Option<Arc<LoadedModule>> {
        let mut state = self.state.lock();
        state.flying = false;
        let former = match outcome {
            Ok(module) => state.settle(module, wanted),
            Err(why) => {
                state.failed = Some((state.flights, why));
                None
            }
        };
        self.landed.notify_all();
        former
    }
}

/// Lands also when loading panics.
struct Flight<'s> {
    slot: &'s Slot,
    wanted: u64,
    outcome: Option<Result<Arc<LoadedModule>, LoadError>>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let panicked = || {
            Err(LoadError::Panicked {
                key: self.slot.key.clone(),
            })
        };
        let outcome = self.outcome.take().unwrap_or_else(panicked);
        drop(self.slot.land(self.wanted, outcome));
    }
}

impl State {
    fn current_fresh(&self) -> Option<Arc<LoadedModule>> {
        (self.fresh == self.wanted).then(|| self.current.clone())?
    }

    /// Makes it the current one; returns the former, if it is another.
    fn settle(&mut self, module: Arc<LoadedModule>, wanted: u64) -> Option<Arc<LoadedModule>> {
        self.fresh = wanted;
        self.failed = None;
        if let Some(current) = &self.current
            && Arc::ptr_eq(current, &module)
        {
            return None;
        }
        self.generation += 1;
        self.count_retired();
        let former = self.current.replace(module)?;
        self.leaving.push(former.library.usage());
        Some(former)
    }

    fn count_retired(&mut self) {
        let before = self.leaving.len();
        self.leaving.retain(LibraryUse::in_use);
        self.retired += before - self.leaving.len();
    }
}
