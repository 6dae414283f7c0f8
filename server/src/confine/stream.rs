//! A pipe that is read as something comes, up to a bound.

use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes that are read at a time: as many as a pipe holds.
const CHUNK_BYTES: usize = 64 << 10;

/// What comes out of a pipe.
pub struct Stream<R> {
    /// None at its end.
    from: Option<R>,
    max: usize,
    /// The first bytes, as many as are kept.
    pub kept: Vec<u8>,
    /// Whether there were more.
    pub is_cut: bool,
}

impl<R: Read + AsFd> Stream<R> {
    /// Of which so many bytes are kept.
    pub fn new(from: Option<R>, max: usize) -> Stream<R> {
        Stream {
            from,
            max,
            kept: Vec::new(),
            is_cut: false,
        }
    }

    /// Whether its end has not come yet.
    pub fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// What to wait for; nothing behind its end.
    pub fn awaited(&self) -> Option<PollFd<'_>> {
        let from = self.from.as_ref()?;
        Some(PollFd::new(from, PollFlags::IN))
    }

    /// Reads once. Waits where nothing has come.
    pub fn read(&mut self) {
        let Some(from) = &mut self.from else {
            return;
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        match from.read(&mut chunk) {
            Ok(0) => self.from = None,
            Ok(count) => {
                let room = self.max - self.kept.len();
                self.kept.extend_from_slice(&chunk[..count.min(room)]);
                self.is_cut |= count > room;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.from = None,
        }
    }
}

/// Waits for one of these until then; which of them have something to say. None if the time is over first.
pub fn wait(awaited: &mut [PollFd<'_>], until: Instant) -> Option<Vec<bool>> {
    loop {
        let left = until.checked_duration_since(Instant::now())?;
        // Rounded up: a wait of no time would look again and again.
        let left = left.max(Duration::from_millis(1));
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(awaited, Some(&timeout)) {
            Ok(0) | Err(_) => {}
            Ok(_) => return Some(awaited.iter().map(|fd| !fd.revents().is_empty()).collect()),
        }
    }
}
