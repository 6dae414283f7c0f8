//! What tasks need beside a request: telling how far they are. The attribute is [`task`](macro@crate::task).

use std::io::{IsTerminal, Write};

use crate::config::PROGRESS_STEPS;

/// How far a task is: one line that is drawn again on a terminal, else a line for each tenth. On standard
/// error, so that what the task prints can be used by programs.
///
/// ```
/// use harmonious::task::Progress;
///
/// let mut progress = Progress::new(2_000);
/// for _ in 0..10 {
///     progress.advance(200); // "  10 %  200 of 2000" and so on
/// }
/// ```
#[derive(Debug)]
pub struct Progress {
    total: u64,
    done: u64,
    is_terminal: bool,
    /// In percent; what is drawn already is not drawn again.
    drawn: Option<u64>,
}

impl Progress {
    /// Of so many pieces; nothing is done yet, and nothing told.
    #[must_use]
    pub fn new(total: u64) -> Progress {
        Progress {
            total,
            done: 0,
            is_terminal: std::io::stderr().is_terminal(),
            drawn: None,
        }
    }

    /// So many more are done.
    pub fn advance(&mut self, pieces: u64) {
        self.done = self.done.saturating_add(pieces);
        if let Some(line) = self.line() {
            // Nobody need look.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    /// How many are done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// What is to be written now, if something is.
    fn line(&mut self) -> Option<String> {
        let (done, total) = (self.done.min(self.total), self.total);
        let percent = (u128::from(done) * 100)
            .checked_div(u128::from(total))
            .unwrap_or(100) as u64;
        let step = match self.is_terminal {
            true => percent,
            false => percent - percent % (100 / PROGRESS_STEPS),
        };
        let is_new = self.drawn.is_none_or(|drawn| drawn < step) && (step > 0 || self.is_terminal);
        if !is_new {
            return None;
        }
        self.drawn = Some(step);
        let text = format!("{step:4} %  {} of {total}", self.done);
        Some(match self.is_terminal {
            // The cursor waits at the end of the line until all is done.
            true if step < 100 => format!("\r{text}"),
            true => format!("\r{text}\n"),
            false => format!("{text}\n"),
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // What is written next begins a line of its own.
        if self.is_terminal && self.drawn.is_some_and(|drawn| drawn < 100) {
            let _ = std::io::stderr().write_all(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(total: u64, steps: &[u64], is_terminal: bool) -> String {
        let mut progress = Progress {
            is_terminal,
            ..Progress::new(total)
        };
        let line = |step: &u64| {
            progress.done += step;
            progress.line()
        };
        let text = steps.iter().filter_map(line).collect();
        progress.is_terminal = false; // nothing of the test is drawn
        text
    }

    #[test]
    fn a_file_gets_a_line_for_each_tenth() {
        let text = lines(2_000, &[150; 14], false);
        let told: Vec<&str> = text.lines().collect();
        assert_eq!(told.len(), 10, "{text}");
        assert_eq!(
            (told[0], told[9]),
            ("  10 %  300 of 2000", " 100 %  2100 of 2000")
        );
        assert_eq!(lines(0, &[0], false), " 100 %  0 of 0\n");
        assert_eq!(lines(1_000, &[1; 99], false), "");
    }

    #[test]
    fn a_terminal_gets_one_line_that_is_drawn_again() {
        assert_eq!(
            lines(4, &[0, 1, 0, 3], true),
            "\r   0 %  0 of 4\r  25 %  1 of 4\r 100 %  4 of 4\n"
        );
    }
}
