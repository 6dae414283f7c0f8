//! What comes in: bytes from the socket to heads, with no buffer held while there is none to hold.
//!
//! A read goes into a buffer of the thread. A head that is there as a whole is copied out of it at
//! its exact length; only what is left over or incomplete is kept with the connection.

use std::cell::RefCell;
use std::io::{ErrorKind, Read};

use bytes::{Buf, Bytes, BytesMut};
use harmonious_pool::Ready;

use super::answer::Rejection;
use crate::codec::{Scan, Scanner};
use crate::config::{READ_BYTES, READS_PER_POLL};
use crate::front::Shared;
use crate::stream::Stream;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// The incoming side of a connection.
#[derive(Default)]
pub(super) struct Input {
    /// What was read and belongs to nothing yet.
    buffer: BytesMut,
    scanner: Scanner,
    /// `buffer` has bytes that the scanner has not seen.
    unscanned: bool,
    /// The socket had nothing more; a notice of readiness takes it back.
    drained: bool,
    /// The peer will send no more: reading goes on until the end is read.
    read_closed: bool,
}

/// What the next head is.
pub(super) enum NextHead {
    Complete(Bytes),
    Reject(Rejection),
    /// Some of it is here.
    Partial,
    /// Nothing of it is here.
    Empty,
    /// There is more to read, after others had their turn.
    Busy,
    /// The client has closed, or the connection is lost.
    Ended,
}

/// What a look for a piece of a body brought.
pub(super) enum Fed {
    Some,
    Drained,
    Ended,
}

impl Input {
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Whether nothing was sent that was not read, as far as we were told.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_empty() && self.drained
    }

    pub(super) fn note(&mut self, ready: Ready) {
        if ready.readable() {
            self.drained = false;
        }
        self.read_closed |= ready.read_closed();
    }

    /// All that was read and not used.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.buffer).freeze()
    }

    pub(super) fn next_head(&mut self, stream: &mut Stream, front: &Shared) -> NextHead {
        if std::mem::take(&mut self.unscanned)
            && let Some(found) = self.scan_buffer(front)
        {
            return found;
        }
        for _ in 0..READS_PER_POLL {
            if self.drained {
                return if self.is_empty() {
                    NextHead::Empty
                } else {
                    NextHead::Partial
                };
            }
            let found =
                SCRATCH.with_borrow_mut(|scratch| match self.read(stream, scratch, front) {
                    Some(0) => Some(NextHead::Ended),
                    Some(read) if self.is_empty() => self.scan_fresh(&scratch[..read], front),
                    Some(read) => {
                        self.buffer.extend_from_slice(&scratch[..read]);
                        self.scan_buffer(front)
                    }
                    None => None,
                });
            if let Some(found) = found {
                return found;
            }
        }
        NextHead::Busy
    }

    /// Scans what came into an empty buffer; keeps what is left.
    fn scan_fresh(&mut self, bytes: &[u8], front: &Shared) -> Option<NextHead> {
        match self.scanner.scan(bytes, &front.codec) {
            Ok(Scan::Complete { head_len }) => {
                self.scanner = Scanner::default();
                self.keep(&bytes[head_len..]);
                Some(NextHead::Complete(Bytes::copy_from_slice(
                    &bytes[..head_len],
                )))
            }
            Ok(Scan::Partial) => {
                self.buffer.extend_from_slice(bytes);
                None
            }
            Err(reject) => {
                self.keep(bytes);
                Some(NextHead::Reject(reject.into()))
            }
        }
    }

    fn scan_buffer(&mut self, front: &Shared) -> Option<NextHead> {
        match self.scanner.scan(&self.buffer, &front.codec) {
            Ok(Scan::Complete { head_len }) => {
                self.scanner = Scanner::default();
                let head = self.buffer.split_to(head_len).freeze();
                self.unscanned = !self.buffer.is_empty();
                if self.buffer.is_empty() {
                    // Idle connections hold no buffer.
                    self.buffer = BytesMut::new();
                }
                Some(NextHead::Complete(head))
            }
            Ok(Scan::Partial) => None,
            Err(reject) => Some(NextHead::Reject(reject.into())),
        }
    }

    fn keep(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            self.buffer.extend_from_slice(rest);
            self.unscanned = true;
        }
    }

    /// Shows `take` what is here, or else what one read brings; it says how much of it it took.
    pub(super) fn feed<E>(
        &mut self,
        stream: &mut Stream,
        front: &Shared,
        mut take: impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<Fed, E> {
        if !self.is_empty() {
            let taken = take(&self.buffer)?;
            self.buffer.advance(taken);
            self.unscanned = !self.buffer.is_empty();
            if self.buffer.is_empty() {
                self.buffer = BytesMut::new();
            }
            return Ok(Fed::Some);
        }
        if self.drained {
            return Ok(Fed::Drained);
        }
        SCRATCH.with_borrow_mut(|scratch| match self.read(stream, scratch, front) {
            Some(0) => Ok(Fed::Ended),
            Some(read) => {
                let taken = take(&scratch[..read])?;
                self.keep(&scratch[taken..read]);
                Ok(Fed::Some)
            }
            None => Ok(Fed::Drained),
        })
    }

    /// Reads and throws away, up to `left` bytes. False once there is nothing more to wait for.
    pub(super) fn discard(&mut self, stream: &mut Stream, front: &Shared, left: &mut u64) -> bool {
        self.buffer = BytesMut::new();
        while *left > 0 {
            if self.drained {
                return true;
            }
            let read = SCRATCH.with_borrow_mut(|scratch| self.read(stream, scratch, front));
            match read {
                Some(0) => return false,
                Some(read) => *left = left.saturating_sub(read as u64),
                None => {}
            }
        }
        // A client that sends without an end while it is told to stop.
        false
    }

    /// One read: how many bytes, 0 at the end or when the connection is lost, `None` if there are
    /// none at present.
    fn read(&mut self, stream: &mut Stream, into: &mut [u8], front: &Shared) -> Option<usize> {
        loop {
            match stream.read(into) {
                Ok(read) => {
                    // With fewer bytes than asked for, the socket is empty, and what comes later is
                    // a new notice (epoll(7)); but not if the end was noticed already.
                    self.drained = read < into.len() && !self.read_closed;
                    front.counters.read(read);
                    return Some(read);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.drained = true;
                    return None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(0),
            }
        }
    }
}
