//! Lines for the log that belong to no request.

#![forbid(unsafe_code)]

use harmonious_abi::level;

/// Of a stream that is being sent, or of a thread of a module: nobody can tell which.
pub(super) fn log(level: u32, message: &str, fields: &[u8]) {
    let fields = match fields {
        [] => String::new(),
        fields => crate::show_message(fields),
    };
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(target: "site", tracing::Level::$level, %fields, "{message}")
        };
    }
    match level {
        level::ERROR => event!(ERROR),
        level::WARN => event!(WARN),
        level::INFO => event!(INFO),
        level::DEBUG => event!(DEBUG),
        _ => event!(TRACE),
    }
}
