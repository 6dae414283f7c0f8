//! Whether anything was committed to a file of SQLite since, asked without a transaction.
//!
//! The file beside it whose name ends in `-shm`, which SQLite's connections share, begins with what the
//! write-ahead log holds: 48 bytes with a count of commits and a checksum of the log, and the same once more
//! (<https://www.sqlite.org/walformat.html>, "The WAL-Index File Format"). A commit writes both after the log
//! and before it is acknowledged, the second copy first. So who finds them as they were knows that nothing was
//! acknowledged meanwhile, of whatever process.
//!
//! To close any descriptor of a file takes from the process all locks that it has on it, SQLite's too. So the
//! files that are looked into stay open as long as they have a name; SQLite takes that when its last connection
//! closes.

use std::fs::{File, canonicalize, metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::backend::Session;
use crate::backend::sqlite::{Role, Sqlite};
use crate::config::{Config, INDEX_FILES_MAX};
use crate::database::{Database, Source};
use crate::url::Address;

/// Bytes of one copy.
const COPY: usize = 48;
/// What a copy begins with, whichever SQLite wrote it: since WAL there is this format only.
const FORMAT: u32 = 3_007_000;
/// Where a copy says that it is one.
const IS_WRITTEN: usize = 12;

/// Opens the file, and with it the log's index.
const LOOK: &str = "SELECT count(*) FROM sqlite_schema";

/// A state of a database: while [`Database::version`](crate::Database::version) is the same, so is all that
/// was committed to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Version([u8; COPY]);

impl Database {
    /// Which state of the database this is, found out without asking it: while two versions are equal, nothing
    /// was committed between them, by any process. What is read after a version was taken is of that version,
    /// or later. None where it cannot be told: of servers, of memory, outside of Linux, and at the moment of a
    /// commit.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let url = format!("sqlite:{}/site.db", folder.path().display());
    /// let db = harmonious_db::Database::open(&harmonious_db::Config::new(url))?;
    /// let before = db.version();
    /// assert_eq!(db.version(), before);
    /// db.script("CREATE TABLE t (n BIGINT)")?;
    /// assert!(before.is_none() || db.version() != before);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    pub fn version(&self) -> Option<Version> {
        match (&*self.inner.source().ok()?, &self.inner.address) {
            (Source::File { index, .. }, Address::File(path)) => {
                let open = || WalIndex::open(path, &self.inner.config);
                index.get_or_init(open).as_ref()?.version()
            }
            _ => None,
        }
    }
}

/// The index of the write-ahead log of one database.
pub(crate) struct WalIndex {
    file: Arc<File>,
    /// A connection that does nothing: while there is one, SQLite neither removes the file nor makes another.
    _keeps: Mutex<Sqlite>,
}

/// Those that this process looks into.
static FILES: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());

impl WalIndex {
    /// That of a database in WAL mode; none where it cannot be looked into: then everything has to be asked of
    /// the database.
    pub fn open(path: &Path, config: &Config) -> Option<Box<WalIndex>> {
        // Elsewhere it is not promised that a file that is read shows what is written to its mapped memory.
        if !cfg!(target_os = "linux") {
            return None;
        }
        let mut keeps = Sqlite::open(Some(path), Role::Reads, config).ok()?;
        keeps.read(LOOK, &[]).ok()?;
        // SQLite, too, names it after the file that a link means.
        let mut name = canonicalize(path).ok()?.into_os_string();
        name.push("-shm");
        let file = kept_open(Path::new(&name)).ok()??;
        let keeps = Mutex::new(keeps);
        Some(Box::new(WalIndex {
            file,
            _keeps: keeps,
        }))
    }

    /// None at the moment of a commit.
    pub fn version(&self) -> Option<Version> {
        let mut both = [0; 2 * COPY];
        self.file.read_exact_at(&mut both, 0).ok()?;
        version_of(&both)
    }
}

fn version_of(both: &[u8; 2 * COPY]) -> Option<Version> {
    let (first, second) = both.split_first_chunk()?;
    let is_whole = first == second && first.starts_with(&FORMAT.to_ne_bytes());
    (is_whole && first[IS_WRITTEN] != 0).then_some(Version(*first))
}

/// The file of that name, open; none if there are too many.
fn kept_open(path: &Path) -> io::Result<Option<Arc<File>>> {
    let wanted = metadata(path)?;
    let mut files = FILES.lock();
    files.retain(|file| Arc::strong_count(file) > 1 || has_name(file));
    let is_wanted = |file: &&Arc<File>| {
        (file.metadata()).is_ok_and(|is| is.dev() == wanted.dev() && is.ino() == wanted.ino())
    };
    if let Some(file) = files.iter().find(is_wanted) {
        return Ok(Some(Arc::clone(file)));
    }
    if files.len() >= INDEX_FILES_MAX {
        return Ok(None);
    }
    let file = Arc::new(File::open(path)?);
    files.push(Arc::clone(&file));
    Ok(Some(file))
}

fn has_name(file: &File) -> bool {
    file.metadata().is_ok_and(|is| is.nlink() > 0)
}

/// The bytes say nothing to a person.
impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(commits: u32) -> [u8; COPY] {
        let mut copy = [0; COPY];
        copy[..4].copy_from_slice(&FORMAT.to_ne_bytes());
        copy[8..12].copy_from_slice(&commits.to_ne_bytes());
        copy[IS_WRITTEN] = 1;
        copy
    }

    fn both(first: [u8; COPY], second: [u8; COPY]) -> [u8; 2 * COPY] {
        [first, second].concat().try_into().unwrap()
    }

    #[test]
    fn what_is_not_wholly_written_is_no_version() {
        let version = version_of(&both(copy(1), copy(1)));
        assert!(version.is_some());
        assert_ne!(version, version_of(&both(copy(2), copy(2))));
        assert_eq!(version_of(&both(copy(1), copy(2))), None);
        assert_eq!(version_of(&[0; 2 * COPY]), None);
        let mut blank = copy(1);
        blank[IS_WRITTEN] = 0;
        assert_eq!(version_of(&both(blank, blank)), None);
        let mut later = copy(1);
        later[..4].copy_from_slice(&(FORMAT + 1).to_ne_bytes());
        assert_eq!(version_of(&both(later, later)), None);
    }

    #[test]
    fn a_file_is_open_once_and_closed_when_it_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-shm");
        std::fs::write(&path, "x").unwrap();
        let file = kept_open(&path).unwrap().unwrap();
        assert!(Arc::ptr_eq(&file, &kept_open(&path).unwrap().unwrap()));
        // Nobody looks into it, and SQLite may have locks on it.
        let weak = Arc::downgrade(&file);
        drop(file);
        let other = folder.path().join("b-shm");
        std::fs::write(&other, "x").unwrap();
        kept_open(&other).unwrap();
        assert!(weak.upgrade().is_some());
        std::fs::remove_file(&path).unwrap();
        kept_open(&other).unwrap();
        assert!(weak.upgrade().is_none());
    }
}
