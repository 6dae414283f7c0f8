//! How the server ends: the first signal has it finish what was begun, a second one ends it at once. A
//! hang-up (SIGHUP) ends nothing: the sites are read again.

use std::fmt;
use std::io;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harmonious_pool::{DrainReport, Pool};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// A signal this soon after the first is taken for the same: `timeout` and its like send theirs to the
/// process and to its group.
const SAME_SIGNAL: Duration = Duration::from_millis(50);

/// How the server ended.
#[derive(Debug)]
pub enum End {
    /// After one signal, with this result.
    Drained(DrainReport),
    /// By a second signal, the one of this number.
    AtOnce(i32),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Drained(report) => write!(f, "stopped: {report}"),
            End::AtOnce(signal) => write!(f, "stopped at once by a second {}", name(*signal)),
        }
    }
}

/// The signals that stop the server or have it read its sites again, caught from now on.
///
/// # Errors
/// What the system answers.
pub fn signals() -> io::Result<Signals> {
    Signals::new([SIGTERM, SIGINT, SIGHUP])
}

/// Waits for signals and stops the pool.
pub struct Stopper {
    signals: Signals,
    go: Sender<()>,
    thread: JoinHandle<DrainReport>,
    grace: Duration,
}

impl Stopper {
    /// Takes the pool in charge. The thread that will stop it is started now: at the end there may
    /// be none to be had.
    ///
    /// # Errors
    /// What the system answers.
    pub fn new(signals: Signals, pool: Pool, grace: Duration) -> io::Result<Stopper> {
        let (go, told) = channel();
        let waiting = signals.handle();
        let thread = std::thread::Builder::new()
            .name("stop".to_owned())
            .spawn(move || {
                let _ = told.recv();
                let report = pool.shutdown(grace);
                waiting.close();
                report
            })?;
        Ok(Stopper {
            signals,
            go,
            thread,
            grace,
        })
    }

    /// Waits for a signal that stops, and then for the end or another one, whichever is first. Until
    /// then a hang-up calls `reload`, which must not block; without one it stops too.
    pub fn wait(mut self, reload: Option<impl Fn()>) -> End {
        let stops = |signal: &i32| match (*signal, &reload) {
            (SIGHUP, Some(reload)) => {
                reload();
                false
            }
            _ => true,
        };
        if let Some(signal) = self.signals.forever().find(stops) {
            tracing::info!(
                "{}: finishing what was begun, within {:?}; a second signal ends at once",
                name(signal),
                self.grace
            );
        }
        let _ = self.go.send(());
        let told = Instant::now();
        let second = self
            .signals
            .forever()
            .find(|signal| *signal != SIGHUP && told.elapsed() > SAME_SIGNAL);
        if let Some(signal) = second {
            return End::AtOnce(signal);
        }
        match self.thread.join() {
            Ok(report) => End::Drained(report),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
