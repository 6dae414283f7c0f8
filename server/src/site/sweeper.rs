//! Looks after what sites keep, once a minute: expired sessions go, and what sessions owned, idle connections of
//! visitors too. At its end all such connections are closed.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::Sites;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// At one time at most so many rounds for one site: the others wait meanwhile.
const ROUNDS_MAX: usize = 100;

/// How long the server waits for a round when it stops.
const STOP_MAX: Duration = Duration::from_secs(10);

/// The thread; it ends with the value.
pub struct Sweeper {
    stop: Option<Sender<()>>,
    /// It tells nothing: it ends with the thread.
    ended: Receiver<()>,
}

impl Sweeper {
    /// Starts it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(sites: &Arc<Sites>) -> io::Result<Sweeper> {
        let (stop, stopped) = channel::<()>();
        let (end, ended) = channel::<()>();
        let sites = Arc::clone(sites);
        std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    sweep(&sites);
                }
                for site in sites.sites() {
                    site.keeping.connections.close_all();
                }
                drop(end);
            })?;
        Ok(Sweeper {
            stop: Some(stop),
            ended,
        })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It runs what modules do when their values go, which may take for ever. That it broke is in the log
        // already.
        if self.ended.recv_timeout(STOP_MAX) == Err(RecvTimeoutError::Timeout) {
            tracing::error!(
                "the sweeper does not end: a module takes longer than {} s to save a value",
                STOP_MAX.as_secs()
            );
        }
    }
}

fn sweep(sites: &Sites) {
    for site in sites.sites() {
        for _ in 0..ROUNDS_MAX {
            match site.keeping.sweep() {
                Ok(true) => {}
                Ok(false) => break,
                Err(refusal) => {
                    tracing::warn!(site = %site.name, "sessions cannot be swept: {}", refusal.0.detail);
                    break;
                }
            }
        }
        // After the sessions: what belonged to those that expired goes with them.
        if let Some(dispatcher) = &site.dispatcher {
            site.keeping
                .instances
                .sweep(|module| dispatcher.loader().is_current(module));
            dispatcher.let_go();
        }
    }
}
