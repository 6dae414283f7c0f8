//! The adaptive pool. What follows is the crate's `README.md`.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod config;
mod error;
mod job;
mod task;

mod background;
mod drain;
mod pool;
mod stats;

pub mod controller;
#[cfg(feature = "sim")]
pub mod sim;

mod clock;
mod counters;
mod overdue;
mod park;
mod permits;
mod queue;
mod reactor;
mod shared;
mod sync;
mod system;
mod timer;
mod watch;
mod worker;

pub use background::{BackgroundJob, JobId, JobInfo, JobPool};
pub use config::Config;
pub use controller::PolicyKind;
pub use drain::DrainReport;
pub use error::{Error, Refusal, RefusalReason};
pub use job::{Job, JobContext, Origin};
pub use mio;
pub use overdue::{Alarm, TimeLimit};
pub use pool::{Handle, Pool};
pub use stats::{DecisionRecord, Stats};
pub use task::{Context, Flow, Notifier, Ready, Task};
