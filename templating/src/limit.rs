//! A writer that lets only so many bytes through, and remembers why it stopped.

use std::io::{self, Write};

/// Counts what is written.
#[derive(Debug)]
pub(crate) struct Limited<W> {
    into: W,
    left: usize,
    /// Why the last write was refused; the engine does not tell.
    pub stopped: Option<Stopped>,
}

/// Why a write was refused.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// More than the limit.
    Limit,
    /// The writer below failed.
    Failed(io::Error),
}

impl<W: Write> Limited<W> {
    pub fn new(into: W, bytes_max: usize) -> Limited<W> {
        Limited {
            into,
            left: bytes_max,
            stopped: None,
        }
    }
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            self.stopped = Some(Stopped::Limit);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // The whole piece or an error, so that the count is right.
        if let Err(failure) = self.into.write_all(bytes) {
            let kind = failure.kind();
            self.stopped = Some(Stopped::Failed(failure));
            return Err(kind.into());
        }
        self.left -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
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
        assert!(matches!(limited.stopped, Some(Stopped::Limit)));
        assert_eq!(into, b"four");
    }
}
