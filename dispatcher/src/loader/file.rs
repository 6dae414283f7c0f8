//! Looks at the file of a library before it is opened: whether anybody else could have put it there,
//! and whether it is a module for this server.
//!
//! That it lies beneath its folder without symbolic links on the way is for whoever names it to see
//! to; see [`super::Libraries`].

#![forbid(unsafe_code)]

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;

use super::LoadError;
use super::config::LIBRARY_BYTES_MAX;
use super::error::Differs;
use super::note::{self, Misfit};

/// Whether this file may be opened as that module.
pub(super) fn check(key: &str, path: &Path) -> Result<(), LoadError> {
    let (file, metadata) = open(path).map_err(|source| LoadError::Read {
        key: key.into(),
        file: path.into(),
        source: Arc::new(source),
    })?;
    let user = rustix::process::geteuid().as_raw();
    let found = Found {
        regular: metadata.is_file(),
        mode: metadata.mode(),
        owner: metadata.uid(),
        folder_owner: path
            .parent()
            .and_then(|folder| folder.metadata().ok())
            .map_or(0, |folder| folder.uid()),
        bytes: metadata.len(),
    };
    found
        .check(user)
        .map_err(|(why, advice)| LoadError::Unsafe {
            key: key.into(),
            file: path.into(),
            why,
            advice,
        })?;
    let no_module = |why| LoadError::NoModule {
        key: key.into(),
        file: path.into(),
        why,
    };
    let fingerprint = note::read(file).map_err(no_module)?;
    match note::compare_with_ours(&fingerprint) {
        Ok(()) => Ok(()),
        Err(Misfit::Unreadable(why)) => Err(no_module(why)),
        Err(Misfit::Differs(difference)) => Err(LoadError::Differs(Box::new(Differs {
            key: key.into(),
            file: path.into(),
            field: difference.field,
            theirs: difference.theirs,
            ours: difference.ours,
            advice: difference.advice,
        }))),
    }
}

/// Does not follow a link, nor wait for the other end of a pipe.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// What the system says of a file.
struct Found {
    regular: bool,
    mode: u32,
    owner: u32,
    /// Of the folder that it lies in: who can put another file into its place.
    folder_owner: u32,
    bytes: u64,
}

impl Found {
    /// For a server that runs as this user. The error: what is wrong, and what to do.
    fn check(&self, user: u32) -> Result<(), (String, String)> {
        if !self.regular {
            let advice = "a library is an ordinary file: rebuild it with \"harmonious build --release SITE\"";
            return Err(("is no regular file".into(), advice.into()));
        }
        if self.mode & 0o022 != 0 {
            let why = format!(
                "may be written by others than its owner (mode {:03o})",
                self.mode & 0o777
            );
            return Err((why, "take that away with \"chmod go-w\"".into()));
        }
        if ![user, 0, self.folder_owner].contains(&self.owner) {
            let why = format!("belongs to user {}, this server runs as {user}", self.owner);
            return Err((why, format!("give it to {user} or to root with \"chown\"")));
        }
        if self.bytes > LIBRARY_BYTES_MAX {
            let why = format!("has {} bytes, allowed are {LIBRARY_BYTES_MAX}", self.bytes);
            return Err((why, "build it without debug information".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Found = Found {
        regular: true,
        mode: 0o100_755,
        owner: 1000,
        folder_owner: 1000,
        bytes: 300_000,
    };

    fn why(found: &Found) -> String {
        found
            .check(1000)
            .map_or_else(|(why, _)| why, |()| String::new())
    }

    #[test]
    fn our_own_file_and_roots_may_be_opened() {
        assert_eq!(why(&GOOD), "");
        assert_eq!(why(&Found { owner: 0, ..GOOD }), "");
    }

    #[test]
    fn what_others_could_have_written_is_refused() {
        let others = "may be written by others than its owner";
        let mode = 0o100_775;
        assert_eq!(why(&Found { mode, ..GOOD }), format!("{others} (mode 775)"));
        let mode = 0o100_646;
        assert_eq!(why(&Found { mode, ..GOOD }), format!("{others} (mode 646)"));
        let owner = 1001;
        let foreign = "belongs to user 1001, this server runs as 1000";
        assert_eq!(why(&Found { owner, ..GOOD }), foreign);
    }

    #[test]
    fn what_is_no_ordinary_file_or_too_large_is_refused() {
        assert_eq!(
            why(&Found {
                regular: false,
                ..GOOD
            }),
            "is no regular file"
        );
        let bytes = LIBRARY_BYTES_MAX + 1;
        assert!(why(&Found { bytes, ..GOOD }).starts_with("has "));
    }
}
