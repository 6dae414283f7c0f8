//! The access log: one line for each request, with the number that its response carries.

use std::fmt;
use std::time::Duration;

use harmonious_http::Record;

/// The target of the access log.
pub const TARGET: &str = "access";

/// Bytes of a request's target that are logged; what is longer ends in an ellipsis.
const TARGET_BYTES_MAX: usize = 1024;

/// Logs a request that has been answered.
pub fn log(record: &Record<'_>) {
    if !tracing::enabled!(target: TARGET, tracing::Level::INFO) {
        return;
    }
    let (method, target) = match record.head {
        Some(head) => (head.method.as_str(), head.target.as_str()),
        None => ("-", "-"),
    };
    tracing::info!(
        target: TARGET,
        id = %record.id,
        client = %record.peer,
        method,
        target = %Quoted(target),
        status = record.status.as_u16(),
        bytes = record.bytes,
        took_ms = millis(record.took),
        waited_ms = millis(record.waited),
        complete = record.complete,
    );
}

/// Milliseconds, with three places.
fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// A text from outside, so that nothing in it can forge a line or a field, or command a terminal.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes().take(TARGET_BYTES_MAX) {
            match byte {
                b'"' | b'\\' | ..=b' ' | 0x7f.. => write!(f, "\\x{byte:02x}")?,
                plain => fmt::Write::write_char(f, char::from(plain))?,
            }
        }
        match self.0.len() > TARGET_BYTES_MAX {
            true => f.write_str("..."),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_forge_a_line() {
        assert_eq!(Quoted("/a?b=c%20d").to_string(), "/a?b=c%20d");
        assert_eq!(
            Quoted("/\r\n2030-01-01 status=200 \u{1b}[1m\"\\ä").to_string(),
            "/\\x0d\\x0a2030-01-01\\x20status=200\\x20\\x1b[1m\\x22\\x5c\\xc3\\xa4"
        );
    }

    #[test]
    fn a_long_text_is_cut() {
        let long = Quoted(&"x".repeat(5000)).to_string();
        assert_eq!(long.len(), TARGET_BYTES_MAX + 3);
    }

    #[test]
    fn times_have_three_places() {
        assert_eq!(millis(Duration::from_nanos(1_234_567)), 1.234);
    }
}
