//! Loads modules when they are first needed, each once, and retires what is replaced.
//!
//! From a key to a module that can be called: [`Libraries`] says where the library is (in `dev` it
//! compiles), `file` and `note` look at it before it is opened, [`crate::ffi::Library`] opens it, [`Table`]
//! compares its entries with what the source declares. `slot` holds the generations of one module;
//! a [`LoadedSet`] is what requests look at.

#![forbid(unsafe_code)]

pub mod config;

mod breaker;
mod error;
mod file;
mod note;
mod set;
mod slot;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

pub use breaker::{Breaker, Open};
pub use config::{LoaderLimits, PANICS_PER_MINUTE};
pub use error::{Differs, LibraryError, LoadError};
pub use set::LoadedSet;
pub use table::{Expected, ExpectedEntry, Table};

use crate::ffi::{EntryCall, Host, Library, Returned};
use slot::Slot;

/// The next [`LoadedModule::id`].
static IDS: AtomicU64 = AtomicU64::new(1);

/// Where the libraries of modules are; in `dev` it compiles them. Called on a worker; may block.
///
/// The path is absolute, leads through no symbolic links, and what is there is never changed in
/// place: a module that was rebuilt has another name, since the system takes one name for one library.
pub trait Libraries: Send + Sync + 'static {
    /// The library of a module, as it is now.
    ///
    /// # Errors
    /// If there is none.
    fn library(&self, key: &str) -> Result<PathBuf, LibraryError>;
}

/// Loads the modules of one site.
pub struct Loader {
    libraries: Mutex<Arc<dyn Libraries>>,
    limits: LoaderLimits,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// A module that can be called. In use as long as anybody holds it, or a body or stream that it made.
pub struct LoadedModule {
    /// Tells it from every other one that this process loaded; later ones have higher numbers.
    pub id: u64,
    /// Its library.
    pub library: Library,
    /// The path of its source below `domains/`, without `.rs`.
    pub key: String,
    /// The file of its library.
    pub file: PathBuf,
    /// 1 for the first library of this key, and so on.
    pub generation: u64,
    /// When it was loaded.
    pub since: SystemTime,
    /// Its entries by what they are for.
    pub table: Table,
    /// Whether it may be called; whoever calls it asks.
    pub breaker: Breaker,
}

/// What `status` shows of a loaded module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedInfo {
    /// The module.
    pub key: String,
    /// The file of its library.
    pub file: PathBuf,
    /// 1 for the first library of this key, and so on.
    pub generation: u64,
    /// When it was loaded.
    pub since: SystemTime,
    /// Whether the next request loads it again.
    pub stale: bool,
    /// Former generations that requests, bodies or streams still use.
    pub leaving_generations: usize,
    /// Former generations that nothing uses; they stay mapped.
    pub retired_generations: usize,
}

impl Loader {
    /// Of one site, whose libraries are there. Nothing is loaded yet.
    #[must_use]
    pub fn new(libraries: Arc<dyn Libraries>, limits: LoaderLimits) -> Loader {
        Loader {
            libraries: Mutex::new(libraries),
            limits,
            slots: Mutex::default(),
        }
    }

    /// The module of this key, which is loaded if it is not, or was invalidated. One loads, others
    /// wait for it and have its outcome. May block for as long as [`Libraries::library`] does.
    ///
    /// # Errors
    /// If there is no library, if it does not fit this server or what the source declares, if it does
    /// not open, or if another took too long to load it. Nothing of this is remembered: the next one
    /// tries again, and until then [`Loader::last_good`] has what was there before.
    pub fn get(&self, key: &str, expected: &Expected<'_>) -> Result<Arc<LoadedModule>, LoadError> {
        let slot = self.slot(key);
        let module = slot.module(self.limits.load_wait, |former, generation| {
            self.load(key, expected, former, generation)
        })?;
        // Who loaded it may have had another manifest.
        match table::same(module.library.entries(), expected) {
            Ok(()) => Ok(module),
            Err(why) => Err(LoadError::Entries {
                key: key.into(),
                file: module.file.clone(),
                why,
            }),
        }
    }

    /// Has libraries come from elsewhere from now on; what is loaded stays until it is invalidated.
    pub fn set_libraries(&self, libraries: Arc<dyn Libraries>) {
        *self.libraries.lock() = libraries;
    }

    /// Where libraries come from.
    #[must_use]
    pub fn libraries(&self) -> Arc<dyn Libraries> {
        Arc::clone(&self.libraries.lock())
    }

    /// Whether it is the library that its module has now, or had last.
    #[must_use]
    pub fn is_current(&self, module: &LoadedModule) -> bool {
        let current = self.last_good(&module.key);
        current.is_some_and(|current| current.id == module.id)
    }

    /// The module as it was loaded last, also if it is stale: for when the new one does not build.
    #[must_use]
    pub fn last_good(&self, key: &str) -> Option<Arc<LoadedModule>> {
        let slot = self.slots.lock().get(key).cloned();
        slot?.last_good()
    }

    /// After a rebuild: these have a new library. The next [`Loader::get`] loads it, and the old one
    /// retires when nothing uses it any more. If the library is the same file as before, the module
    /// stays. Make a new [`LoadedSet`] as well.
    pub fn invalidate(&self, keys: &[String]) {
        let slots = self.slots.lock();
        for slot in keys.iter().filter_map(|key| slots.get(key)) {
            slot.invalidate();
        }
    }

    /// After a rescan: forgets the modules that are gone; they retire when nothing uses them.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        let gone: Vec<_> = {
            let mut slots = self.slots.lock();
            slots.extract_if(|key, _| !exists(key)).collect()
        };
        // Without the lock: the last user of a module runs its `retire`.
        drop(gone);
    }

    /// What is loaded, by key.
    #[must_use]
    pub fn loaded(&self) -> Vec<LoadedInfo> {
        let slots: Vec<_> = self.slots.lock().values().cloned().collect();
        let mut loaded: Vec<_> = slots.iter().filter_map(|slot| slot.info()).collect();
        loaded.sort_by(|a, b| a.key.cmp(&b.key));
        loaded
    }

    fn slot(&self, key: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::new(key));
        slots.insert(key.into(), Arc::clone(&slot));
        slot
    }

    fn load(
        &self,
        key: &str,
        expected: &Expected<'_>,
        former: Option<Arc<LoadedModule>>,
        generation: u64,
    ) -> Result<Arc<LoadedModule>, LoadError> {
        let file = self.libraries().library(key)?;
        if let Some(former) = former
            && former.file == file
        {
            return Ok(former);
        }
        let library = open(key, &file)?;
        let table = Table::new(library.entries(), expected);
        let table = table.map_err(|why| LoadError::Entries {
            key: key.into(),
            file: file.clone(),
            why,
        })?;
        let panics = expected.panics_per_minute;
        let panics = panics.unwrap_or(self.limits.panics_per_minute);
        Ok(Arc::new(LoadedModule {
            // Relaxed: only that no two are alike.
            id: IDS.fetch_add(1, Ordering::Relaxed),
            library,
            key: key.into(),
            file,
            generation,
            since: SystemTime::now(),
            table,
            breaker: Breaker::new(panics, Instant::now()),
        }))
    }
}

impl LoadedModule {
    /// The domain that it lies in, such as `/scripts/[slug]/`.
    #[must_use]
    pub fn domain(&self) -> String {
        match self.key.rsplit_once('/') {
            Some((folder, _)) => format!("/{folder}/"),
            None => "/".to_owned(),
        }
    }

    /// Calls an entry, an index from [`LoadedModule::table`], and counts it if it panics. Whether the
    /// breaker lets it through is for the caller to ask, once a request.
    ///
    /// # Panics
    /// As [`Library::call`].
    pub fn call(&self, entry: usize, call: &EntryCall<'_>, host: &mut dyn Host) -> Returned {
        let returned = self.library.call(entry, call, host);
        if returned == Returned::Panicked {
            self.failed();
        }
        returned
    }

    /// Counts a failure that closes the module if there are many: a panic (which
    /// [`LoadedModule::call`] counts itself) or a time limit that was overrun.
    pub fn failed(&self) {
        if self.breaker.failed(Instant::now()) {
            tracing::error!(
                module = self.key,
                "the module fails too often: it is answered 503 for a minute, or until it is rebuilt"
            );
        }
    }
}

impl fmt::Debug for LoadedModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedModule")
            .field("key", &self.key)
            .field("file", &self.file)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Checks the file and opens it, for `check` too. The module is retired when the library is dropped.
///
/// # Errors
/// As [`Loader::get`].
pub fn open(key: &str, file: &Path) -> Result<Library, LoadError> {
    file::check(key, file)?;
    let name = format!("{key} ({})", error::name_of(file));
    Ok(Library::open(file, &name)?)
}
