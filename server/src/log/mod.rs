//! The log: events as lines on standard error, written by a thread of its own.
//!
//! Whoever logs never waits: a line that finds the writer's queue full (somebody does not read the
//! pipe) is dropped and counted, and so are the lines of a flood ([`limit`]).

pub mod access;
mod filter;
mod limit;

use std::panic::PanicHookInfo;
use std::sync::Arc;

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::{Failure, one_line};
use crate::settings::{Config, LogFormat};
pub use filter::Floods;
use filter::LineFilter;

/// Lines that may wait for the writer. A line has about 300 bytes and never more than some
/// thousand: at most some megabytes for a reader that is gone.
const LINES_BUFFERED: usize = 8192;

/// The running log. Dropping it writes what still waits, within a second.
pub struct Log {
    /// What is held back, and what was.
    pub floods: Arc<Floods>,
    /// Lines that found the writer's queue full.
    pub dropped: ErrorCounter,
    _writer: WorkerGuard,
}

/// Starts the log of this process.
///
/// # Errors
/// If there is one already.
pub fn start(config: &Config) -> Result<Log, Failure> {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_BUFFERED)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stderr());
    let dropped = writer.error_counter();
    let floods = Arc::new(Floods::default());
    let filter = LineFilter::new(config.log_level, config.access_log, Arc::clone(&floods));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false);
    let lines = match config.log {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(lines).with(filter);
    let started = subscriber.try_init();
    started.map_err(|error| Failure::Failed(format!("the log cannot start: {error}")))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log {
        floods,
        dropped,
        _writer: guard,
    })
}

/// A panic is an event as any other. The hook of the standard library would write to standard error
/// itself, and wait for whoever does not read it.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let message = one_line(info.payload_as_str().unwrap_or("a value that is no text"));
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(target: "panic", place, thread, "{message}");
}
