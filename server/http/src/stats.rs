//! What one can see of a front: counters that cost a request next to nothing.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use http::StatusCode;
use parking_lot::Mutex;

/// Counters are kept in so many copies, so that threads do not take each other's cache lines.
const SHARDS: usize = 16;

/// The figures of a front at one moment. Counts are totals since it was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FrontStats {
    /// Connections that are open.
    pub connections: usize,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Connections that were closed, idlest first, because a new one needed the place.
    pub evicted: u64,
    /// Requests whose head was read and found good.
    pub requests: u64,
    /// Responses that were written whole, by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub responses: [u64; 5],
    /// What was refused, by reason, sorted by name; only reasons that occurred.
    pub rejects: Vec<(&'static str, u64)>,
    /// Handlers that ended by a panic.
    pub handler_panics: u64,
    /// Requests that were answered in place of a handler that ran over its time limit.
    pub timed_out: u64,
    /// Bytes read from clients.
    pub bytes_read: u64,
    /// Bytes written to clients.
    pub bytes_written: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    shards: [Shard; SHARDS],
    pub(crate) accepted: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) handler_panics: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    rejects: Mutex<Vec<(&'static str, u64)>>,
}

#[derive(Default)]
#[repr(align(128))]
struct Shard {
    requests: AtomicU64,
    responses: [AtomicU64; 5],
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

thread_local! {
    static SHARD: usize = {
        static NEXT: AtomicUsize = const { AtomicUsize::new(0) };
        NEXT.fetch_add(1, Relaxed) % SHARDS
    };
}

impl Counters {
    fn shard(&self) -> &Shard {
        &self.shards[SHARD.with(|&shard| shard)]
    }

    pub(crate) fn request(&self) {
        self.shard().requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn response(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.shard().responses[class].fetch_add(1, Relaxed);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.shard().bytes_read.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn written(&self, bytes: u64) {
        self.shard().bytes_written.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn reject(&self, reason: &'static str) {
        let mut rejects = self.rejects.lock();
        match rejects.iter_mut().find(|(name, _)| *name == reason) {
            Some((_, count)) => *count += 1,
            None => rejects.push((reason, 1)),
        }
    }

    pub(crate) fn stats(&self, connections: usize) -> FrontStats {
        let sum = |field: fn(&Shard) -> &AtomicU64| -> u64 {
            self.shards.iter().map(|s| field(s).load(Relaxed)).sum()
        };
        let mut rejects = self.rejects.lock().clone();
        rejects.sort_unstable();
        FrontStats {
            connections,
            accepted: self.accepted.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
            requests: sum(|s| &s.requests),
            responses: [
                sum(|s| &s.responses[0]),
                sum(|s| &s.responses[1]),
                sum(|s| &s.responses[2]),
                sum(|s| &s.responses[3]),
                sum(|s| &s.responses[4]),
            ],
            rejects,
            handler_panics: self.handler_panics.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            bytes_read: sum(|s| &s.bytes_read),
            bytes_written: sum(|s| &s.bytes_written),
        }
    }
}
