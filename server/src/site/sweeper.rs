//! Looks after what sites keep, once a minute: expired sessions go, and what sessions owned, idle connections of
//! visitors too. At its end all such connections are closed.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Sites;

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// At one time at most so many rounds for one site: the others wait meanwhile.
const ROUNDS_MAX: usize = 100;

/// The thread; it ends with the value.
pub struct Sweeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sweeper {
    /// Starts it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(sites: &Arc<Sites>) -> io::Result<Sweeper> {
        let (stop, stopped) = channel::<()>();
        let sites = Arc::clone(sites);
        let thread = std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    sweep(&sites);
                }
                for site in sites.sites() {
                    site.keeping.connections.close_all();
                }
            })?;
        Ok(Sweeper {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It looks after things; that it broke is in the log already.
            let _ = thread.join();
        }
    }
}

fn sweep(sites: &Sites) {
    for site in sites.sites() {
        if let Some(dispatcher) = &site.dispatcher {
            site.keeping
                .instances
                .sweep(|module| dispatcher.loader().is_current(module));
            dispatcher.let_go();
        }
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
    }
}
