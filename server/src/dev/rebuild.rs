//! The libraries of a site that is being written: built when they are asked for, or when they are
//! saved and were asked for lately; one build at a time, and what comes meanwhile goes into the next.

use std::collections::{HashMap, HashSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use harmonious_dispatcher::{Libraries, LibraryError};

use super::config::{EAGER, REQUEST_WAIT};
use crate::build::{
    BuildError, BuildFailure, BuildReport, Builder, Module, Profile, Stamp, Stop, plain,
};

/// What happens to modules; told from the thread that builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These are being built.
    Building(Vec<String>),
    /// These have the library of their present source now.
    Built(Vec<String>),
    /// These could not be built.
    Failed(Vec<String>),
    /// A build is over, whatever came of it.
    Idle,
}

/// The libraries of a site under `harmonious dev`.
pub struct DevLibraries {
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    builder: Builder,
    stop: Stop,
    tell: Box<dyn Fn(Event) + Send + Sync>,
    state: Mutex<State>,
    /// Something is wanted, or a build is over.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    modules: Vec<Module>,
    /// By key.
    known: HashMap<String, Known>,
    /// What the next build is to make.
    wanted: HashSet<String>,
    /// What the present build makes.
    building: HashSet<String>,
    /// Counts changes of what all modules share.
    shared: u64,
    /// How many builds began.
    rounds: u64,
    stopped: bool,
}

/// What is known of a module.
#[derive(Default)]
struct Known {
    /// When a request last asked for it.
    asked: Option<Instant>,
    /// The state of its source, and of what all share, that the last build was of.
    settled: Option<(Option<Stamp>, u64)>,
    /// The last library, possibly of an older source.
    library: Option<PathBuf>,
    /// Why the last build failed, if it did.
    failure: Option<BuildFailure>,
    /// The number of the last build that it was part of.
    round: u64,
}

impl DevLibraries {
    /// Starts the thread that builds; nothing is built before something is asked for. `say` gets lines
    /// for a person, `tell` what happens to modules.
    ///
    /// # Errors
    /// If there is no such folder, or no thread.
    pub fn start(
        site: &Path,
        modules: Vec<Module>,
        say: impl Fn(&str) + Send + Sync + 'static,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<DevLibraries, BuildError> {
        let stop = Stop::default();
        let builder = Builder::new(site, Profile::Dev, stop.clone(), Box::new(say))?;
        DevLibraries::with(builder, stop, modules, tell)
    }

    fn with(
        builder: Builder,
        stop: Stop,
        modules: Vec<Module>,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<DevLibraries, BuildError> {
        let shared = Arc::new(Shared {
            builder,
            stop,
            tell: Box::new(tell),
            state: Mutex::new(State {
                modules,
                ..State::default()
            }),
            changed: Condvar::new(),
        });
        let run = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("dev build".to_owned())
            .spawn(move || run.run());
        let thread = thread.map_err(BuildError::file(
            "start a thread for",
            shared.builder.site(),
        ))?;
        Ok(DevLibraries {
            shared,
            thread: Some(thread),
        })
    }

    /// The modules of the site are these now.
    pub fn set_modules(&self, modules: Vec<Module>) {
        let mut state = self.shared.lock();
        let keys: HashSet<&str> = modules.iter().map(|module| module.key.as_str()).collect();
        state.known.retain(|key, _| keys.contains(key.as_str()));
        state.wanted.retain(|key| keys.contains(key.as_str()));
        state.modules = modules;
    }

    /// These were saved: those that were asked for lately are built at once.
    pub fn saved<'k>(&self, keys: impl IntoIterator<Item = &'k str>) {
        let mut state = self.shared.lock();
        for key in keys {
            if state.was_asked_lately(key) && !state.is_settled(key) {
                state.wanted.insert(key.to_owned());
            }
        }
        self.shared.changed.notify_all();
    }

    /// What all modules share was saved: `site/`, `Cargo.toml`.
    pub fn shared_saved(&self) {
        let mut state = self.shared.lock();
        state.shared += 1;
        let lately: Vec<String> = state
            .known
            .keys()
            .filter(|key| state.was_asked_lately(key))
            .cloned()
            .collect();
        state.wanted.extend(lately);
        self.shared.changed.notify_all();
    }

    /// Has the modules built that a request needs, all in one go, and waits until that is done.
    ///
    /// # Errors
    /// If it takes too long, or the server stops. That a module does not compile is no error here: see
    /// [`DevLibraries::failure`].
    pub fn refresh<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Result<(), LibraryError> {
        let keys: Vec<&str> = keys.into_iter().collect();
        let now = Instant::now();
        let mut state = self.shared.lock();
        for key in &keys {
            state.known.entry((*key).to_owned()).or_default().asked = Some(now);
        }
        // A build that begins from now on is new enough, whatever is saved while it runs: else a site
        // that is saved all the time would never answer.
        let rounds = state.rounds;
        loop {
            let missing = keys
                .iter()
                .find(|key| !state.is_settled(key) && state.round_of(key) <= rounds);
            let Some(missing) = missing.copied() else {
                return Ok(());
            };
            let left = REQUEST_WAIT.saturating_sub(now.elapsed());
            if state.stopped || left.is_zero() {
                let why = match state.stopped {
                    true => "the server stops".to_owned(),
                    false => format!("its build took more than {REQUEST_WAIT:?}; try again"),
                };
                return Err(not_built(missing, why));
            }
            let open: Vec<String> = keys
                .iter()
                .filter(|key| !state.is_settled(key))
                .map(|&key| key.to_owned())
                .collect();
            // What is being built may be of an older source: then it is not settled afterwards, and
            // wanted again.
            let new = open
                .into_iter()
                .filter(|key| !state.building.contains(key))
                .collect::<Vec<_>>();
            if !new.is_empty() {
                state.wanted.extend(new);
                self.shared.changed.notify_all();
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Why the present source of a module cannot be built, as of the last build. Its library may still
    /// be there, of an older source, and goes on for other pages that it is a parent of.
    pub fn failure(&self, key: &str) -> Option<BuildFailure> {
        self.shared.lock().known.get(key)?.failure.clone()
    }

    /// Ends the build that runs, and starts none any more.
    pub fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.stop.stop();
        self.shared.changed.notify_all();
    }
}

impl Libraries for DevLibraries {
    fn library(&self, key: &str) -> Result<PathBuf, LibraryError> {
        self.refresh([key])?;
        let state = self.shared.lock();
        let known = state.known.get(key);
        match known.map(|known| (&known.library, &known.failure)) {
            Some((Some(library), _)) => Ok(library.clone()),
            Some((None, Some(failure))) if failure.diagnostics.is_empty() => {
                Err(LibraryError::Other {
                    key: key.to_owned(),
                    why: failure.message.clone(),
                })
            }
            Some((None, Some(failure))) => Err(LibraryError::Compile {
                key: key.to_owned(),
                messages: plain(&failure.diagnostics),
            }),
            _ => Err(not_built(key, "it is no module of this site any more")),
        }
    }
}

impl Drop for DevLibraries {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn not_built(key: &str, why: impl Into<String>) -> LibraryError {
    LibraryError::NotBuilt {
        key: key.to_owned(),
        advice: why.into(),
    }
}

impl State {
    fn was_asked_lately(&self, key: &str) -> bool {
        let asked = self.known.get(key).and_then(|known| known.asked);
        asked.is_some_and(|asked| asked.elapsed() < EAGER)
    }

    /// The number of the last build that a module was part of.
    fn round_of(&self, key: &str) -> u64 {
        self.known.get(key).map_or(0, |known| known.round)
    }

    /// Whether the last build was of the present source: whatever came of it, another one would
    /// bring the same. A module that the site does not have is settled too.
    fn is_settled(&self, key: &str) -> bool {
        let Some(module) = self.modules.iter().find(|module| module.key == key) else {
            return true;
        };
        let settled = self.known.get(key).and_then(|known| known.settled);
        settled == Some((Stamp::of(&module.source), self.shared))
    }
}

/// What one build is of.
struct Round {
    number: u64,
    modules: Vec<Module>,
    wanted: HashSet<String>,
    stamps: HashMap<String, Option<Stamp>>,
    shared: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while let Some(round) = self.next() {
            let keys = sorted(round.wanted.iter().cloned());
            self.told(Event::Building(keys));
            let build = || self.builder.build(&round.modules, Some(&round.wanted));
            // A defect of ours in a build must not end all builds, with requests waiting for them.
            let report = catch_unwind(AssertUnwindSafe(build)).unwrap_or_else(|_| {
                let source = io::Error::other("the build panicked");
                Err(BuildError::file("build", self.builder.site())(source))
            });
            self.settle(&round, report);
            self.told(Event::Idle);
        }
    }

    /// A defect in whoever is told must not end all builds either.
    fn told(&self, event: Event) {
        if catch_unwind(AssertUnwindSafe(|| (self.tell)(event))).is_err() {
            tracing::error!("a build was not taken notice of: this is a defect of the server");
        }
    }

    fn next(&self) -> Option<Round> {
        let mut state = self.lock();
        loop {
            // A save is told of after a request has had it built.
            let done: Vec<String> = state
                .wanted
                .iter()
                .filter(|key| state.is_settled(key))
                .cloned()
                .collect();
            state.wanted.retain(|key| !done.contains(key));
            if state.stopped {
                return None;
            }
            if !state.wanted.is_empty() {
                break;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let wanted = std::mem::take(&mut state.wanted);
        state.building.clone_from(&wanted);
        let stamps = state
            .modules
            .iter()
            .filter(|module| wanted.contains(&module.key))
            .map(|module| (module.key.clone(), Stamp::of(&module.source)))
            .collect();
        state.rounds += 1;
        Some(Round {
            number: state.rounds,
            modules: state.modules.clone(),
            shared: state.shared,
            wanted,
            stamps,
        })
    }

    /// Notes what came of a build and tells it; only then those who wait for it go on, so that whoever
    /// was told has put the new libraries in place.
    fn settle(&self, round: &Round, report: Result<BuildReport, BuildError>) {
        let failed = match report {
            Ok(report) => Some(report.failed),
            Err(BuildError::Stopped) => None,
            Err(error) => Some(
                round
                    .wanted
                    .iter()
                    .map(|key| failed_as_a_whole(key, &error))
                    .collect(),
            ),
        };
        if let Some(failed) = failed {
            self.say(&failed);
            let keys = sorted(failed.iter().map(|failure| failure.key.clone()));
            let built = self.note(round, failed);
            if !built.is_empty() {
                self.told(Event::Built(built));
            }
            if !keys.is_empty() {
                self.told(Event::Failed(keys));
            }
            let mut state = self.lock();
            for (key, stamp) in &round.stamps {
                let known = state.known.entry(key.clone()).or_default();
                known.settled = Some((*stamp, round.shared));
                known.round = round.number;
            }
        }
        self.lock().building.clear();
        self.changed.notify_all();
    }

    /// For a person at the terminal; what all modules share is told once.
    fn say(&self, failed: &[BuildFailure]) {
        let mut last = "";
        for failure in failed {
            self.builder.say(&failure.message);
            if !failure.diagnostics.is_empty() && failure.diagnostics != last {
                self.builder.say(failure.diagnostics.trim_end());
                last = &failure.diagnostics;
            }
        }
    }

    /// Says which keys were built.
    fn note(&self, round: &Round, failed: Vec<BuildFailure>) -> Vec<String> {
        let mut failures: HashMap<String, BuildFailure> = failed
            .into_iter()
            .map(|failure| (failure.key.clone(), failure))
            .collect();
        let mut built = Vec::new();
        let mut state = self.lock();
        for key in round.stamps.keys() {
            let library = self.builder.library(key).ok();
            let known = state.known.entry(key.clone()).or_default();
            known.failure = failures.remove(key);
            if library.is_some() {
                known.library = library;
            }
            // Also where the library is the same: the source may say something else of the module now.
            if known.failure.is_none() {
                built.push(key.clone());
            }
        }
        sorted(built.into_iter())
    }
}

fn failed_as_a_whole(key: &str, error: &BuildError) -> BuildFailure {
    let diagnostics = match error {
        BuildError::Cargo { words, .. } => words.clone(),
        _ => String::new(),
    };
    BuildFailure {
        key: key.to_owned(),
        message: error.to_string(),
        diagnostics,
    }
}

fn sorted(keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.collect();
    keys.sort();
    keys
}

#[cfg(test)]
#[path = "rebuild_tests.rs"]
mod tests;
