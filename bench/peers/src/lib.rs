//! The pool beside its peers: what the measurements in `src/bin/` share.
//!
//! An [`Executor`] is one library behind the thinnest possible wrapper; [`load`] puts work on it;
//! [`rounds`] interleaves the contenders, so that what else happens on the machine hits all of
//! them; [`stats`] and [`report`] make figures and tables of it.
//!
//! With the feature `front` there are whole servers: those named `peer-*` answer `routes`, and
//! `contest` starts each of them and puts `wrk` on it; `trial` puts our own to the test; `sites` has
//! what our own serves when it is not the server for benches but the shipped one; `page` is the page
//! with a session and a row that our own and one peer serve.
#![forbid(unsafe_code)]

pub mod load;
pub mod rounds;

pub mod growth;
#[cfg(feature = "ours")]
pub mod ours;
pub mod peers;
pub mod tiny_policy;

#[cfg(feature = "front")]
pub mod contest;
#[cfg(feature = "front")]
pub mod sites;
#[cfg(feature = "front")]
pub mod trial;

#[cfg(feature = "front")]
pub mod axum_peer;
#[cfg(feature = "front")]
pub mod listen;
#[cfg(feature = "front")]
pub mod page;
#[cfg(feature = "front")]
pub mod routes;

#[cfg(feature = "front")]
pub mod estimates;
pub mod report;
pub mod stats;

/// Something that runs jobs on threads.
///
/// Generic over the job, so that whether and how it is boxed is each library's own cost. Jobs are
/// `Copy`, so that a refused one can be offered again without a cost for those who never refuse:
/// they hold references to leaked state, which the end of the process frees.
pub trait Executor: Send + Sync + 'static {
    /// Has the job run, at once or later, exactly once. Returns how often the executor refused the
    /// job before it took it.
    fn submit<J: FnOnce() + Copy + Send + 'static>(&self, job: J) -> u64;

    /// How many jobs the executor took and then shed; they ran nevertheless, but not as it meant.
    fn shed(&self) -> u64 {
        0
    }
}
