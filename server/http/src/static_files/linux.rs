//! What only Linux has: paths that the kernel keeps beneath a folder, and work that never waits.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode as Permissions, OFlags, ResolveFlags, fstatfs, openat2};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::root::{Miss, Mode};

/// Times that a worker asks again when a rename somewhere on the path made the kernel unsure.
const RENAME_RETRIES: usize = 16;

/// File systems of local disks: what the kernel has in memory of them is all that it needs, so that
/// a path which is resolved from there does not wait. Anything else (NFS, FUSE, 9p) may ask a
/// server. The numbers are those of statfs(2) and `linux/magic.h`.
const DISKS: [i64; 11] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0x794C_7630, // overlayfs, the file system of containers
    0xF2F5_2010, // f2fs
    0x2FC1_2FC1, // zfs
    0xCA45_1A4E, // bcachefs
    0x7371_7368, // squashfs
    0xE0F5_E1E2, // erofs
    0x4D44,      // fat
    0x9660,      // iso9660
];

/// File systems that lie in memory: no path waits. They keep no record of names that are not there,
/// so that `RESOLVE_CACHED` would be unsure of each of these.
const MEMORY: [i64; 2] = [
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
];

/// `openat2` beneath a folder (Linux 5.6).
#[derive(Debug)]
pub(super) struct Beneath {
    /// How paths are resolved on a task; `None` where that cannot be done without waiting.
    on_task: Option<ResolveFlags>,
}

impl Beneath {
    /// Finds out whether the system has `openat2` and lets us use it (a sandbox may say `EPERM`).
    pub(super) fn probe(folder: impl AsFd) -> Option<Beneath> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat2(&folder, ".", flags, Permissions::empty(), confined()).ok()?;
        // Another file system may be mounted below the root: it is left to workers.
        let near = confined() | ResolveFlags::NO_XDEV;
        let kind = fstatfs(&folder).map_or(0, |about| i64::from(about.f_type as u32));
        let on_task = match kind {
            kind if DISKS.contains(&kind) => Some(near | ResolveFlags::CACHED),
            kind if MEMORY.contains(&kind) => Some(near),
            _ => None,
        };
        Some(Beneath { on_task })
    }

    pub(super) fn serves_tasks(&self) -> bool {
        self.on_task.is_some()
    }

    /// Opens `path`. Symbolic links are followed as long as they stay beneath `folder`; an absolute
    /// one leaves it, wherever it leads to.
    pub(super) fn open(
        &self,
        folder: &OwnedFd,
        path: &str,
        flags: OFlags,
        mode: Mode,
    ) -> Result<OwnedFd, Miss> {
        match mode {
            Mode::Task => {
                let resolve = self.on_task.ok_or(Miss::WouldBlock)?;
                openat2(folder, path, flags, Permissions::empty(), resolve).map_err(on_task)
            }
            Mode::Worker => {
                let mut tries = 0;
                loop {
                    match openat2(folder, path, flags, Permissions::empty(), confined()) {
                        Err(Errno::AGAIN | Errno::INTR) if tries < RENAME_RETRIES => tries += 1,
                        result => return Ok(result?),
                    }
                }
            }
        }
    }
}

fn confined() -> ResolveFlags {
    ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS
}

/// On a task every doubt is a worker's: a link that leaves the root and one that leads to another
/// file system give the same `EXDEV`, a kernel before 5.12 does not know `RESOLVE_CACHED`
/// (`EINVAL`), and no descriptors may be left. Only what is certainly absent is an answer.
fn on_task(errno: Errno) -> Miss {
    match Miss::from(errno) {
        Miss::Absent if errno != Errno::XDEV => Miss::Absent,
        _ => Miss::WouldBlock,
    }
}

/// Fills `bytes` from the start of a file with what lies in memory (`RWF_NOWAIT`, Linux 4.14).
pub(super) fn read_cached(file: &File, bytes: &mut [u8]) -> Result<(), Miss> {
    let mut at = 0;
    while at < bytes.len() {
        let mut rest = [IoSliceMut::new(&mut bytes[at..])];
        match preadv2(file, &mut rest, at as u64, ReadWriteFlags::NOWAIT) {
            Ok(0) => return Err(Miss::Changed),
            Ok(count) => at += count,
            Err(Errno::INTR) => {}
            // `EAGAIN`, or a file system that cannot tell.
            Err(_) => return Err(Miss::WouldBlock),
        }
    }
    Ok(())
}
