//! A connection's socket, whatever its family.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use harmonious_pool::mio::event::Source;
use harmonious_pool::mio::net::{TcpStream, UnixStream};
use harmonious_pool::mio::{Interest, Registry, Token};

/// A connected socket that does not block.
#[derive(Debug)]
pub struct Stream(Kind);

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// It was handed on.
    Gone,
}

macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match &$self.0 {
            Kind::Tcp($stream) => $call,
            Kind::Unix($stream) => $call,
            Kind::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    };
    (mut $self:expr, $stream:ident => $call:expr) => {
        match &mut $self.0 {
            Kind::Tcp($stream) => $call,
            Kind::Unix($stream) => $call,
            Kind::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    };
}

impl Stream {
    /// Hands it on; nothing can be done with what is left here.
    pub(crate) fn take(&mut self) -> Stream {
        Stream(std::mem::replace(&mut self.0, Kind::Gone))
    }

    /// Its descriptor; `None` after it was handed on.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            Kind::Tcp(stream) => Some(stream.as_fd()),
            Kind::Unix(stream) => Some(stream.as_fd()),
            Kind::Gone => None,
        }
    }

    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        either!(self, stream => stream.shutdown(how))
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        Stream(Kind::Tcp(stream))
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Stream {
        Stream(Kind::Unix(stream))
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(mut self, stream => stream.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        either!(mut self, stream => stream.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(mut self, stream => stream.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for Stream {
    fn register(&mut self, at: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        either!(mut self, stream => stream.register(at, token, interest))
    }

    fn reregister(&mut self, at: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        either!(mut self, stream => stream.reregister(at, token, interest))
    }

    fn deregister(&mut self, at: &Registry) -> io::Result<()> {
        either!(mut self, stream => stream.deregister(at))
    }
}
