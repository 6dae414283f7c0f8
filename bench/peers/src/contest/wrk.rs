//! `wrk`, which makes the load, and what it says.

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// How often it is looked whether `wrk` is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How hard.
pub struct Load<'a> {
    /// Threads of `wrk`.
    pub threads: usize,
    /// Open connections, each with one request at a time.
    pub connections: usize,
    /// For how long.
    pub seconds: u64,
    /// Fields of each request besides those of `wrk`, each a line without its end.
    pub fields: &'a [String],
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub struct Figures {
    /// Good answers per second: those with another status than 2xx and 3xx do not count.
    pub rate: f64,
    /// The median delay, in milliseconds.
    pub p50_ms: f64,
    /// The delay of the slowest in a hundred, in milliseconds.
    pub p99_ms: f64,
    /// Answers with another status than 2xx and 3xx.
    pub refused: u64,
    /// Connects, reads and writes that failed, and answers that took longer than two seconds.
    pub failed: u64,
}

/// Whether there is a `wrk`.
///
/// # Errors
/// Says how to get it.
pub fn find() -> Result<(), String> {
    let version = Command::new("wrk").arg("--version").output();
    let found = version.map_err(|error| format!("wrk: {error}: apt-get install wrk"));
    found.map(|_| ())
}

/// Puts the load on an URL; calls `meanwhile` every tenth of a second.
///
/// # Errors
/// Where `wrk` fails, or answers what is not understood.
pub fn run(load: &Load<'_>, url: &str, mut meanwhile: impl FnMut()) -> Result<Figures, String> {
    let fields = load.fields.iter().flat_map(|field| ["-H", field]);
    let mut child = Command::new("wrk")
        .arg(format!("-t{}", load.threads.min(load.connections)))
        .arg(format!("-c{}", load.connections))
        .arg(format!("-d{}s", load.seconds))
        .args(fields)
        .args(["--latency", url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("wrk: {error}"))?;
    while matches!(child.try_wait(), Ok(None)) {
        meanwhile();
        thread::sleep(LOOK_EVERY);
    }
    let output = child.wait_with_output();
    let output = output.map_err(|error| format!("wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text) {
        Some(figures) if output.status.success() => Ok(figures),
        _ => Err(format!("wrk at {url}: {}: {text}", output.status)),
    }
}

fn parse(text: &str) -> Option<Figures> {
    let mut figures = Figures {
        rate: 0.0,
        p50_ms: f64::NAN,
        p99_ms: f64::NAN,
        refused: 0,
        failed: 0,
    };
    let mut answers = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["50%", delay] => figures.p50_ms = millis(delay)?,
            ["99%", delay] => figures.p99_ms = millis(delay)?,
            [count, "requests", "in", time, ..] => {
                answers = Some((
                    count.parse::<u64>().ok()?,
                    millis(time.trim_end_matches(','))?,
                ));
            }
            ["Non-2xx", "or", "3xx", "responses:", count] => {
                figures.refused = count.parse().ok()?
            }
            ["Socket", "errors:", ..] => figures.failed = socket_errors(&words[2..]),
            _ => {}
        }
    }
    let (answers, time_ms) = answers?;
    let good = answers.saturating_sub(figures.refused);
    figures.rate = good as f64 * 1e3 / time_ms;
    Some(figures)
}

/// The sum of `connect 0, read 1, write 0, timeout 2`.
fn socket_errors(words: &[&str]) -> u64 {
    let numbers = words.iter().map(|word| word.trim_end_matches(','));
    numbers.filter_map(|word| word.parse::<u64>().ok()).sum()
}

/// A time as `wrk` writes it: `950.00us`, `1.22ms`, `2.01s`, `1.00m`, `1.00h`.
fn millis(text: &str) -> Option<f64> {
    let units = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(units);
    let factor = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
Running 5s test @ http://127.0.0.1:1/hello
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.25ms  900.00us  40.00ms   95.00%
    Req/Sec    25.00k     2.00k   30.00k    70.00%
  Latency Distribution
     50%  500.00us
     75%    1.50ms
     90%    2.00ms
     99%    1.02s 
  250000 requests in 5.00s, 40.00MB read
  Socket errors: connect 1, read 2, write 0, timeout 30
  Non-2xx or 3xx responses: 50000
Requests/sec:  50000.00
Transfer/sec:      8.00MB
";

    #[test]
    fn errors_are_not_fast() {
        let figures = parse(OUTPUT).expect("figures");
        let expected = Figures {
            rate: 40_000.0,
            p50_ms: 0.5,
            p99_ms: 1_020.0,
            refused: 50_000,
            failed: 33,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn what_is_no_report_gives_no_figures() {
        assert_eq!(parse("unable to connect to 127.0.0.1:1\n"), None);
    }
}
