//! What the author logs with `info!` and its like goes to the server's log, with the request's number.

use log::{Level, LevelFilter, Log, Metadata, Record};
use serde::Serialize;

use crate::fence::Panic;
use crate::ffi;

/// The logger of this library; each library has its own copy of the facade.
struct Forward;

/// What goes along with a line.
#[derive(Serialize)]
struct Fields<'a> {
    target: &'a str,
}

impl Log for Forward {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let fields = rmp_serde::to_vec_named(&Fields {
            target: record.target(),
        });
        let message = record.args().to_string();
        if !ffi::log(level(record.level()), &message, &fields.unwrap_or_default()) {
            eprintln!("{} {}: {message}", record.level(), record.target());
        }
    }

    fn flush(&self) {}
}

/// Makes it the logger. Tracing lines are made in debug builds only: the host cannot say in time that
/// it does not want them, and making them costs.
pub fn install() {
    // A site may have set its own logger before: then that one is meant.
    if log::set_logger(&Forward).is_ok() {
        let debugging = cfg!(debug_assertions);
        log::set_max_level(if debugging {
            LevelFilter::Trace
        } else {
            LevelFilter::Debug
        });
    }
}

/// A body broke off.
pub fn stream_failed(error: &std::io::Error) {
    log::error!(target: "harmonious", "a response's stream failed: {error}");
}

/// The author's code panicked while a body was made or freed.
pub fn stream_panicked(panic: &Panic) {
    let Panic {
        message,
        file,
        line,
        backtrace,
    } = panic;
    log::error!(
        target: "harmonious",
        "a response's stream panicked at {file}:{line}: {message}\n{backtrace}"
    );
}

fn level(level: Level) -> u32 {
    use harmonious_abi::level;
    match level {
        Level::Error => level::ERROR,
        Level::Warn => level::WARN,
        Level::Info => level::INFO,
        Level::Debug => level::DEBUG,
        Level::Trace => level::TRACE,
    }
}
