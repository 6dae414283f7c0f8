//! Plain services: protocols of one's own over streams and datagrams, on the same pool as HTTP.
//!
//! A handler is written once and runs where the builder says: on the connection's task, if it never
//! blocks, or as a job on a worker.

mod datagram;
mod talk;

use crate::request::Peer;

pub(crate) use datagram::DatagramTask;
pub(crate) use talk::{Said, StreamShared};

/// Where a service's handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the task that read the bytes: it must not block.
    Task,
    /// As a job, on a worker: it may block. It waits for a permit like any other job; if the pool
    /// is too busy, the connection is closed, or the datagram dropped.
    Job,
}

/// What a conversation wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The reply is sent, and more is read.
    Go,
    /// The reply is sent, and the connection closed.
    Close,
}

/// Answers connections: makes one conversation for each.
///
/// A closure that returns a closure is a service:
/// ```
/// use harmonious_http::{Limits, Next, Peer, Place, Server};
///
/// let echo = |_peer: Peer| {
///     |bytes: &[u8], reply: &mut Vec<u8>| {
///         reply.extend_from_slice(bytes);
///         Next::Go
///     }
/// };
/// let limits = Limits::default();
/// let builder = Server::builder().stream(&"127.0.0.1:0".parse()?, Place::Task, &limits, echo)?;
/// # drop(builder);
/// # Ok::<(), harmonious_http::Error>(())
/// ```
pub trait StreamService: Send + Sync + 'static {
    /// Somebody has connected.
    fn connected(&self, peer: Peer) -> Box<dyn Conversation>;
}

/// One connection's side of a protocol.
pub trait Conversation: Send + 'static {
    /// Bytes have come. What is appended to `reply` is sent before more is read.
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Next;
}

/// Answers datagrams. A closure `Fn(&[u8]) -> Option<Vec<u8>>` is a service.
pub trait DatagramService: Send + Sync + 'static {
    /// A datagram has come; what is returned goes back to its sender, if it has an address.
    fn received(&self, datagram: &[u8]) -> Option<Vec<u8>>;
}

impl<F, C> StreamService for F
where
    F: Fn(Peer) -> C + Send + Sync + 'static,
    C: Conversation,
{
    fn connected(&self, peer: Peer) -> Box<dyn Conversation> {
        Box::new(self(peer))
    }
}

impl<F: FnMut(&[u8], &mut Vec<u8>) -> Next + Send + 'static> Conversation for F {
    fn received(&mut self, bytes: &[u8], reply: &mut Vec<u8>) -> Next {
        self(bytes, reply)
    }
}

impl<F: Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync + 'static> DatagramService for F {
    fn received(&self, datagram: &[u8]) -> Option<Vec<u8>> {
        self(datagram)
    }
}
