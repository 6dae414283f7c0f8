//! How the program ends when it cannot do what was asked: one line on standard error, and a code
//! that scripts can tell apart.

use std::io::Write;
use std::process::ExitCode;

/// Why the program ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// What was asked cannot be meant so: a flag, a setting, a folder, an address. Nothing was
    /// started. Exit code 2.
    Usage(String),
    /// It was tried and did not work out. Exit code 1.
    Failed(String),
    /// Several things are wrong with a site, one a line. Nothing was started. Exit code 2.
    Problems(String),
}

impl Failure {
    /// Writes the one line, or one for each problem, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        let text = match self {
            Failure::Usage(message) | Failure::Failed(message) => one_line(message),
            Failure::Problems(message) => {
                let lines: Vec<String> = message.lines().map(one_line).collect();
                lines.join("\n")
            }
        };
        let _ = writeln!(std::io::stderr(), "harmonious: {text}");
        match self {
            Failure::Usage(_) | Failure::Problems(_) => ExitCode::from(2),
            Failure::Failed(_) => ExitCode::FAILURE,
        }
    }
}

/// The text without line breaks and other control characters, so that whatever stands in it can
/// neither forge a line nor command a terminal.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim_end().chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[31m\r\n"), "a\\nb\\u{1b}[31m");
        assert_eq!(one_line("größer als 5 µs"), "größer als 5 µs");
    }
}
