//! A writer that lets only so many bytes through, and remembers why it stopped.

use std::io::{self, Write};

use crate::config::RENDER_PIECE_BYTES;

/// Counts what is written, and passes it on in pieces: the engine writes a page in hundreds of small
/// parts, and each would be a call through the table of an unknown writer.
pub(crate) struct Limited<'a> {
    into: &'a mut dyn Write,
    /// Written and not passed on yet. Invariant: it never grows beyond [`RENDER_PIECE_BYTES`].
    held: Vec<u8>,
    left: usize,
    /// Why the last write was refused; the engine does not tell.
    stopped: Option<Stopped>,
}

/// Why a write was refused.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// More than the limit.
    Limit,
    /// The writer below failed.
    Failed(io::Error),
}

impl<'a> Limited<'a> {
    pub fn new(into: &'a mut dyn Write, bytes_max: usize) -> Limited<'a> {
        Limited {
            into,
            held: Vec::with_capacity(RENDER_PIECE_BYTES),
            left: bytes_max,
            stopped: None,
        }
    }

    /// Passes on what is held still, and says why writing stopped, if it did.
    pub fn finish(mut self) -> Option<Stopped> {
        // An error is in `stopped` already.
        let _ = self.pass(&[]);
        self.stopped
    }

    /// Passes on what is held, and these bytes after it.
    #[inline(never)]
    fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(Stopped::Failed(failure)) = &self.stopped {
            return Err(failure.kind().into());
        }
        let written = self.into.write_all(&self.held);
        self.held.clear();
        if let Err(failure) = written.and_then(|()| self.into.write_all(bytes)) {
            let kind = failure.kind();
            self.stopped = Some(Stopped::Failed(failure));
            return Err(kind.into());
        }
        Ok(())
    }
}

impl Write for Limited<'_> {
    /// The whole piece or an error, so that the count is right.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.left {
            self.stopped.get_or_insert(Stopped::Limit);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.left -= bytes.len();
        if bytes.len() > self.held.capacity() - self.held.len() {
            return self.pass(bytes);
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass(&[])?;
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_refused() {
        let mut into = Vec::new();
        let mut limited = Limited::new(&mut into, 4);
        limited.write_all(b"four").unwrap();
        limited.write_all(b"!").unwrap_err();
        assert!(matches!(limited.finish(), Some(Stopped::Limit)));
        assert_eq!(into, b"four");
    }

    #[test]
    fn pieces_arrive_whole_and_in_order() {
        let mut expected = Vec::new();
        let mut into = Vec::new();
        let mut limited = Limited::new(&mut into, usize::MAX);
        for (turn, bytes) in [
            1,
            100,
            RENDER_PIECE_BYTES,
            3,
            2 * RENDER_PIECE_BYTES,
            0,
            5000,
        ]
        .into_iter()
        .cycle()
        .take(50)
        .enumerate()
        {
            let part = vec![turn as u8; bytes];
            expected.extend_from_slice(&part);
            limited.write_all(&part).unwrap();
            assert_eq!(limited.held.capacity(), RENDER_PIECE_BYTES);
        }
        assert!(limited.finish().is_none());
        assert_eq!(into, expected);
    }

    #[test]
    fn a_failure_is_told_at_the_end_at_the_latest() {
        let mut full: &mut [u8] = &mut [0; 3];
        let mut limited = Limited::new(&mut full, usize::MAX);
        limited.write_all(b"four").unwrap();
        assert!(matches!(limited.finish(), Some(Stopped::Failed(_))));
    }

    #[test]
    fn after_a_failure_nothing_is_passed_on() {
        /// Fails once.
        struct Once(bool, Vec<u8>);
        impl Write for Once {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if !std::mem::replace(&mut self.0, true) {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                self.1.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut into = Once(false, Vec::new());
        let mut limited = Limited::new(&mut into, usize::MAX);
        let failure = limited.write_all(&[0; 2 * RENDER_PIECE_BYTES]).unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionReset);
        let _ = limited.write_all(b"more");
        assert!(matches!(limited.finish(), Some(Stopped::Failed(_))));
        assert_eq!(into.1, b"");
    }
}
