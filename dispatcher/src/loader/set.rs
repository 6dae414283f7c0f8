//! The loaded modules of one generation of a site: what the hot path looks at.

#![forbid(unsafe_code)]

use std::sync::{Arc, OnceLock};

use super::{LoadError, LoadedModule};

/// Modules by their index in a manifest, each filled in when it is first needed and never changed:
/// looking one up is one load of a pointer, without a lock and without counting references.
///
/// It belongs to one generation of a site, beside its manifest. Whoever holds it sees the same modules
/// throughout, whatever is rebuilt meanwhile; after [`super::Loader::invalidate`] a new one has to
/// take its place, and with the last request that holds the old one its modules retire.
pub struct LoadedSet {
    slots: Box<[OnceLock<Arc<LoadedModule>>]>,
}

impl LoadedSet {
    /// For so many modules, none of them loaded.
    #[must_use]
    pub fn new(modules: usize) -> LoadedSet {
        LoadedSet {
            slots: (0..modules).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The same, but without those that are stale: for the generation after an invalidation, so that
    /// what did not change need not be asked for again.
    #[must_use]
    pub fn without(&self, stale: impl Fn(usize) -> bool) -> LoadedSet {
        let kept = self
            .slots
            .iter()
            .enumerate()
            .map(|(index, slot)| match slot.get() {
                Some(module) if !stale(index) => OnceLock::from(Arc::clone(module)),
                _ => OnceLock::new(),
            });
        LoadedSet {
            slots: kept.collect(),
        }
    }

    /// The module of this index, if it is loaded.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&Arc<LoadedModule>> {
        self.slots.get(index)?.get()
    }

    /// The module of this index; if it is not loaded yet, `load` has to bring it, with
    /// [`super::Loader::get`]. Two may load at once: the loader gives both the same, and if there was
    /// an invalidation between, the first one counts.
    ///
    /// # Errors
    /// Those of `load`; nothing is kept then, the next one tries again.
    ///
    /// # Panics
    /// If `index` is not below the number that this was made with.
    #[inline]
    pub fn get_or_load(
        &self,
        index: usize,
        load: impl FnOnce() -> Result<Arc<LoadedModule>, LoadError>,
    ) -> Result<&Arc<LoadedModule>, LoadError> {
        let slot = &self.slots[index];
        match slot.get() {
            Some(module) => Ok(module),
            None => {
                let module = load()?;
                Ok(slot.get_or_init(|| module))
            }
        }
    }
}
