//! Where `serve` gets libraries from: what was built before it started, or before it was told to read
//! the site again.

use std::path::{Path, PathBuf};

use harmonious_dispatcher::{Libraries, LibraryError};

use super::store::{Index, Store};
use super::{BuildError, Profile};

/// The libraries of a site as they were built last when this was made: whatever is built meanwhile is for
/// the next one, so that a site changes all at once.
#[derive(Debug)]
pub struct BuiltLibraries {
    store: Store,
    index: Index,
}

impl BuiltLibraries {
    /// Those of a site for a profile.
    ///
    /// # Errors
    /// If the list of them cannot be read.
    pub fn open(site: &Path, profile: Profile) -> Result<BuiltLibraries, BuildError> {
        let store = Store::of(site);
        let index = store.index(profile)?;
        Ok(BuiltLibraries { store, index })
    }
}

impl Libraries for BuiltLibraries {
    fn library(&self, key: &str) -> Result<PathBuf, LibraryError> {
        let built = self.index.modules.get(key);
        let built = built.ok_or_else(|| LibraryError::NotBuilt {
            key: key.to_owned(),
            advice: "run \"harmonious build --release SITE\"".to_owned(),
        })?;
        self.store
            .library(built)
            .map_err(|why| LibraryError::Other {
                key: key.to_owned(),
                why,
            })
    }
}
