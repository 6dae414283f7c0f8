//! The hook for another protocol on the same connection.

use bytes::Bytes;

use crate::stream::Stream;

/// A connection that has been handed over after a `101`.
///
/// Its socket is watched already, edge-triggered, for the task that the hook returns: that task is
/// polled from now on in place of the HTTP connection, and what it sees of readiness is the
/// socket's. It counts as one of the front's connections until it ends.
#[derive(Debug)]
pub struct Upgraded {
    /// The socket.
    pub stream: Stream,
    /// What the client sent after its request and was read already.
    pub read: Bytes,
}
