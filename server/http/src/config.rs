//! What the front can be told, and every limit that it keeps, each with its unit and reason.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::codec;
use crate::error::Error;

/// Connections that the system may hold for us before they are accepted: a burst of 1,000 connects
/// must not wait for a retransmitted SYN (1 s).
pub const BACKLOG: i32 = 4096;
/// Connections that one poll of a listener accepts before others have their turn.
pub const ACCEPTS_PER_POLL: usize = 32;
/// After the system refused to accept (no descriptors), the next try is this far away: an
/// edge-triggered listener would otherwise stay silent, a level-triggered one spin.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// Connections that are closed when there is no room, idlest first: at most so many at once, and at
/// most one in [`EVICT_SHARE`] of those there may be. One look at all of them pays for many.
pub const EVICT_AT_ONCE: usize = 32;
/// See [`EVICT_AT_ONCE`].
pub const EVICT_SHARE: usize = 64;
/// A connection is idle, and may be closed for another, when it has waited for so long; one that was
/// accepted just now has its request on the way.
pub const EVICT_IDLE: Duration = Duration::from_secs(1);
/// After a look that found nobody idle, the next is this far away.
pub const EVICT_RETRY: Duration = Duration::from_millis(10);
/// What one read may bring into the thread's buffer, in bytes. A head of usual size and a small body
/// fit into it together.
pub const READ_BYTES: usize = 16 * 1024;
/// Reads that one poll makes before others have their turn.
pub const READS_PER_POLL: usize = 16;
/// Bodies up to this stay in memory; larger ones go to a temporary file, in blocks of this size.
pub const BODY_MEMORY_BYTES: usize = 256 * 1024;
/// Memory that is set aside at once for a body, whatever its declared length: no number from the
/// wire sizes a buffer.
pub const BODY_RESERVE_BYTES: usize = 64 * 1024;
/// Time that a body has before its rate counts, and the rate, in bytes per second: the deadline is
/// ten seconds, and moves back by a second for every 500 bytes.
pub const BODY_RATE_MIN: u64 = 500;
/// Bytes that one poll writes at most before others have their turn.
pub const WRITE_PER_POLL_BYTES: u64 = 1024 * 1024;
/// Pages of a file are looked for in memory at this distance before they are sent from a task.
pub const RESIDENT_STEP_BYTES: u64 = 64 * 1024;
/// How much of a file is looked for, or read by a worker, at a time, in bytes.
pub const RESIDENT_WINDOW_BYTES: u64 = 512 * 1024;
/// After an answer that closes the connection, what the client still sends is read and thrown away
/// for so long, or else the system would answer with a reset and the client might never see it.
pub const LINGER: Duration = Duration::from_secs(2);
/// See [`LINGER`]: at most so many bytes.
pub const LINGER_BYTES_MAX: u64 = 1024 * 1024;
/// When the server stops, a connection without a request is kept open for so long: a request that
/// is on its way is answered (with `Connection: close`) and not lost.
pub const DRAIN_IDLE: Duration = Duration::from_millis(250);
/// A job that brings more of a body which was begun, and is refused, is tried again after this.
pub const RESUBMIT: Duration = Duration::from_millis(50);
/// Pieces of a response up to this length, in bytes, are copied behind its head and written with it.
pub const COALESCE_BYTES: usize = 16 * 1024;
/// Pieces that one poll takes of a stream before others have their turn.
pub const PIECES_PER_POLL: usize = 64;
/// Steps of one connection in one poll before others have their turn; a request that is answered on
/// the task takes two (a client that pipelines).
pub const STEPS_PER_POLL: usize = 64;
/// Text shorter than this, in bytes, is not compressed: it fits one packet either way.
pub const COMPRESS_MIN_BYTES: usize = 1024;
/// Text longer than this, in bytes, is not compressed in one go in memory.
pub const COMPRESS_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Ranges that one request may ask for; with more it is answered whole (RFC 9110, 14.2 allows it).
pub const RANGES_MAX: usize = 16;
/// Bytes of one datagram at most.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams that one poll handles before others have their turn.
pub const DATAGRAMS_PER_POLL: usize = 64;
/// Messages that a hub keeps for subscribers that are behind; who is further behind is told so.
pub const HUB_MESSAGES_KEPT: usize = 256;
/// Who listens to a hub in which nothing happens is sent a comment this often: a client that is
/// gone without a word is found by it.
pub const HUB_KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The limits of an HTTP front.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use harmonious_http::Limits;
///
/// let limits = Limits {
///     body_max_bytes: 10 * 1024 * 1024,
///     header_timeout: Duration::from_secs(5),
///     ..Limits::default()
/// };
/// limits.validate()?;
/// # Ok::<(), harmonious_http::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open connections, over all listeners of the front, at least 1. Default 10,000.
    pub connections_max: usize,
    /// Open connections of one client address (of one /64 for IPv6), at least 1. Default 512.
    pub per_address_max: usize,
    /// Bytes of a head, `1,024..=1 MiB`. Default 32 KiB.
    pub head_max_bytes: usize,
    /// Bytes of a request line, `64..=head_max_bytes`. Default 8 KiB.
    pub request_line_max_bytes: usize,
    /// Header fields of a request, `1..=100`. Default 100.
    pub fields_max: usize,
    /// Bytes of a body. Default 2 MiB.
    pub body_max_bytes: u64,
    /// Time for a whole head, from its first byte; and for the first byte of a new connection.
    /// Default 10 s.
    pub header_timeout: Duration,
    /// Time for a body before its rate counts (see [`BODY_RATE_MIN`]). Default 10 s.
    pub body_timeout: Duration,
    /// Time that a connection may stay open without a request. Default 65 s.
    pub idle_timeout: Duration,
    /// Time in which a client must take something of the response. Default 30 s.
    pub write_timeout: Duration,
    /// Requests that one connection may bring, at least 1. Default 1,000.
    pub requests_max: u64,
    /// Where bodies over [`BODY_MEMORY_BYTES`] lie. Default: the system's folder for such.
    pub temp_dir: PathBuf,
    /// Whether each response carries an `X-Request-Id`. Default true.
    pub request_ids: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 10_000,
            per_address_max: 512,
            head_max_bytes: 32 * 1024,
            request_line_max_bytes: 8 * 1024,
            fields_max: 100,
            body_max_bytes: 2 * 1024 * 1024,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(65),
            write_timeout: Duration::from_secs(30),
            requests_max: 1_000,
            temp_dir: std::env::temp_dir(),
            request_ids: true,
        }
    }
}

impl Limits {
    /// Checks every limit against its range.
    ///
    /// # Errors
    /// [`Error::Setting`] names the first that is out of range, its value and the range.
    pub fn validate(&self) -> Result<(), Error> {
        check("connections_max", self.connections_max, 1..=1_000_000)?;
        check("per_address_max", self.per_address_max, 1..=1_000_000)?;
        check("head_max_bytes", self.head_max_bytes, 1024..=1024 * 1024)?;
        check(
            "request_line_max_bytes",
            self.request_line_max_bytes,
            64..=self.head_max_bytes,
        )?;
        check("fields_max", self.fields_max, 1..=codec::FIELDS_CEILING)?;
        check("requests_max", self.requests_max, 1..=u64::MAX)?;
        check("body_max_bytes", self.body_max_bytes, 0..=1 << 40)?;
        for (setting, value) in [
            ("header_timeout", self.header_timeout),
            ("body_timeout", self.body_timeout),
            ("idle_timeout", self.idle_timeout),
            ("write_timeout", self.write_timeout),
        ] {
            check_time(setting, value)?;
        }
        Ok(())
    }

    pub(crate) fn codec(&self) -> codec::Limits {
        codec::Limits {
            request_line_max: self.request_line_max_bytes,
            head_max: self.head_max_bytes,
            fields_max: self.fields_max,
        }
    }
}

fn check<N: PartialOrd + std::fmt::Display>(
    setting: &'static str,
    value: N,
    allowed: RangeInclusive<N>,
) -> Result<(), Error> {
    if allowed.contains(&value) {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        value: value.to_string(),
        allowed: format!("{} to {}", allowed.start(), allowed.end()),
    })
}

fn check_time(setting: &'static str, value: Duration) -> Result<(), Error> {
    if (Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60)).contains(&value) {
        return Ok(());
    }
    Err(Error::Setting {
        setting,
        value: format!("{value:?}"),
        allowed: "1 ms to 24 h".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Limits::default().validate().unwrap();
    }

    #[test]
    fn a_limit_out_of_range_is_named_with_its_range() {
        let limits = Limits {
            fields_max: 101,
            ..Limits::default()
        };
        let message = limits.validate().unwrap_err().to_string();
        assert_eq!(message, "fields_max is 101: allowed is 1 to 100");
    }
}
