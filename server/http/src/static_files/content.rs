//! The bytes of a file: in memory if it is small, else the open file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rustix::io::Errno;

use super::cache::Weight;
use super::config::SETTLED_MS;
#[cfg(target_os = "linux")]
use super::linux;
use super::ranges::Span;
use super::root::{Miss, Mode, Root, Stamp};
use crate::response::{Body, Part};

/// The bytes of a file.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A small one's.
    Bytes(Bytes),
    /// A large one, and its length. The connection looks after what of it is in memory.
    File(Arc<File>, u64),
}

impl Content {
    /// Opens a file that was in the state `stamp`, and reads it if it is at most `small` bytes
    /// long. Says as well whether the content may be kept for as long as the file is in that state.
    pub(super) fn load(
        root: &Root,
        path: &str,
        stamp: Stamp,
        small: u64,
        mode: Mode,
    ) -> Result<(Content, bool), Miss> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let file = root.open_file(path, stamp, mode)?;
        if stamp.len > small {
            // An open file is no copy that could become old.
            return Ok((Content::File(Arc::new(file), stamp.len), true));
        }
        let bytes = read(&file, stamp.len as usize, mode)?;
        // Written to in the meantime, the bytes may be a mixture.
        if Stamp::read(&file)? != stamp {
            return Err(Miss::Changed);
        }
        let settled = stamp.changed + i128::from(SETTLED_MS) * 1_000_000;
        let settled = settled <= now.as_nanos() as i128;
        Ok((Content::Bytes(bytes.into()), settled))
    }

    /// What it costs the cache to keep it.
    pub(super) fn weight(&self) -> Weight {
        match self {
            Content::Bytes(bytes) => Weight {
                bytes: bytes.len(),
                files: 0,
            },
            Content::File(..) => Weight { bytes: 0, files: 1 },
        }
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(_, len) => *len,
        }
    }

    /// All of it.
    pub(super) fn whole(&self) -> Body {
        match self {
            Content::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Content::File(_, len) => Body::Parts(VecDeque::from([self.part(Span {
                start: 0,
                len: *len,
            })])),
        }
    }

    /// A piece of it. The span was selected from its length.
    pub(super) fn part(&self, span: Span) -> Part {
        match self {
            Content::Bytes(bytes) => {
                let start = span.start as usize;
                Part::Bytes(bytes.slice(start..start + span.len as usize))
            }
            Content::File(file, _) => Part::File {
                file: file.clone(),
                offset: span.start,
                len: span.len,
            },
        }
    }
}

fn read(file: &File, len: usize, mode: Mode) -> Result<Vec<u8>, Miss> {
    let mut bytes = vec![0; len];
    match mode {
        #[cfg(target_os = "linux")]
        Mode::Task => linux::read_cached(file, &mut bytes)?,
        #[cfg(not(target_os = "linux"))]
        Mode::Task => return Err(Miss::WouldBlock),
        Mode::Worker => file
            .read_exact_at(&mut bytes, 0)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => Miss::Changed,
                _ => Miss::Failed(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            })?,
    }
    Ok(bytes)
}
