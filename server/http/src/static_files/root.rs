//! The folder below which all files lie, and the only two ways to reach one: never outside of it.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Dir, Mode as Permissions, OFlags, fstat, open, openat};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
use super::linux::Beneath;

/// Where a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// On a connection's task: nothing may wait for a disk or a network.
    Task,
    /// On a worker: it may.
    Worker,
}

/// Why there is no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// There is none, or none that may be served; the two look the same from outside.
    Absent,
    /// There is a folder, where a file was looked for.
    Folder,
    /// It would have to be waited for.
    WouldBlock,
    /// It is not the file any more that was looked at before.
    Changed,
    /// The system failed.
    Failed(Errno),
}

impl From<Errno> for Miss {
    fn from(errno: Errno) -> Miss {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::ISDIR | Errno::LOOP | Errno::NAMETOOLONG => {
                Miss::Absent
            }
            // A link that leaves the root; a file that may not be read; a socket.
            Errno::XDEV | Errno::ACCESS | Errno::NXIO | Errno::NODEV => Miss::Absent,
            Errno::AGAIN => Miss::WouldBlock,
            other => Miss::Failed(other),
        }
    }
}

/// What tells one state of a file from another. Times are nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    dev: u64,
    ino: u64,
    pub(super) len: u64,
    pub(super) modified: i128,
    /// When the file's data or anything about it changed; unlike `modified` it cannot be set.
    pub(super) changed: i128,
}

impl Stamp {
    pub(super) fn of(about: &Metadata) -> Stamp {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Stamp {
            dev: about.dev(),
            ino: about.ino(),
            len: about.len(),
            modified: ns(about.mtime(), about.mtime_nsec()),
            changed: ns(about.ctime(), about.ctime_nsec()),
        }
    }

    /// The state of an open file, if it is a regular one.
    pub(super) fn read(file: &File) -> Result<Stamp, Miss> {
        let about = file
            .metadata()
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        if about.is_file() {
            Ok(Stamp::of(&about))
        } else {
            Err(Miss::Absent)
        }
    }
}

/// Flags for the root and the folders on the way. With `O_PATH` nothing is opened, only named.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// Flags for a file that is to be read. A pipe does not wait for its writer, a terminal does not
/// become ours.
const READ: OFlags = OFlags::NONBLOCK
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Flags for a file that is looked at: with `O_PATH` its file system is not asked to open it, so
/// that looking has no effect on devices and cannot wait for a server of files.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = READ;

/// The root. It is opened once: what a path of it is replaced by later (a link that is set to
/// another folder, say) is not seen.
#[derive(Debug)]
pub(super) struct Root {
    folder: OwnedFd,
    /// `None` where the system has no `openat2` or forbids it.
    #[cfg(target_os = "linux")]
    beneath: Option<Beneath>,
}

impl Root {
    pub(super) fn open(path: &Path) -> Result<Root, Errno> {
        let folder = open(path, FOLDER, Permissions::empty())?;
        Ok(Root {
            #[cfg(target_os = "linux")]
            beneath: Beneath::probe(&folder),
            folder,
        })
    }

    /// The same root on a system without `openat2`.
    #[cfg(test)]
    pub(super) fn without_openat2(self) -> Root {
        Root {
            #[cfg(target_os = "linux")]
            beneath: None,
            ..self
        }
    }

    #[cfg(test)]
    pub(super) fn has_openat2(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.beneath.is_some();
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// Whether files can be found on a task; else always on a worker, and from the cache.
    pub(super) fn serves_tasks(&self) -> bool {
        #[cfg(target_os = "linux")]
        return self.beneath.as_ref().is_some_and(Beneath::serves_tasks);
        #[cfg(not(target_os = "linux"))]
        false
    }

    /// The state of the regular file at `path`; a folder is told from what is not there.
    pub(super) fn look(&self, path: &str, mode: Mode) -> Result<Stamp, Miss> {
        let file = File::from(self.descend(path, LOOK, mode)?);
        match Stamp::read(&file) {
            Err(Miss::Absent) if file.metadata().is_ok_and(|about| about.is_dir()) => {
                Err(Miss::Folder)
            }
            stamp => stamp,
        }
    }

    /// When a name was last added to the root or taken from it, in nanoseconds since 1970.
    pub(super) fn modified(&self) -> Option<i128> {
        let about = fstat(&self.folder).ok()?;
        let seconds = i128::from(about.st_mtime);
        Some(seconds * 1_000_000_000 + i128::from(about.st_mtime_nsec))
    }

    /// The names at the top, those aside that no URL can have; `None` if there are more than `most`,
    /// or the system does not tell.
    pub(super) fn names(&self, most: usize) -> Option<HashSet<Box<str>>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat(&self.folder, ".", flags, Permissions::empty()).ok()?;
        let mut names = HashSet::new();
        for entry in Dir::new(folder).ok()? {
            let entry = entry.ok()?;
            if let Ok(name) = entry.file_name().to_str() {
                if names.len() == most {
                    return None;
                }
                names.insert(name.into());
            }
        }
        Some(names)
    }

    /// Opens the regular file at `path`, which was in the state `expected` before.
    pub(super) fn open_file(&self, path: &str, expected: Stamp, mode: Mode) -> Result<File, Miss> {
        let file = File::from(self.descend(path, READ, mode)?);
        if Stamp::read(&file)? == expected {
            Ok(file)
        } else {
            Err(Miss::Changed)
        }
    }

    fn descend(&self, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Miss> {
        #[cfg(target_os = "linux")]
        if let Some(beneath) = &self.beneath {
            return beneath.open(&self.folder, path, flags, mode);
        }
        match mode {
            Mode::Task => Err(Miss::WouldBlock),
            Mode::Worker => self.walk(path, flags),
        }
    }

    /// Opens one segment after another. Without help of the system nobody can follow a link and
    /// know where it ends, so none is followed.
    fn walk(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Miss> {
        let (folders, name) = path
            .rsplit_once('/')
            .map_or((None, path), |(a, b)| (Some(a), b));
        let mut folder = None;
        for segment in folders.into_iter().flat_map(|folders| folders.split('/')) {
            let from = folder.as_ref().unwrap_or(&self.folder);
            let flags = FOLDER | OFlags::NOFOLLOW;
            folder = Some(openat(from, segment, flags, Permissions::empty())?);
        }
        let from = folder.as_ref().unwrap_or(&self.folder);
        Ok(openat(
            from,
            name,
            flags | OFlags::NOFOLLOW,
            Permissions::empty(),
        )?)
    }
}
