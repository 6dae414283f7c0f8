//! Writes what modules handed over to be written soon: twice a second, and once more when the server stops.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::Sites;

/// How often: so much of what was acknowledged is lost where the server is killed.
const EVERY: Duration = Duration::from_millis(500);

/// How long the server waits for the last round when it stops.
const STOP_MAX: Duration = Duration::from_secs(10);

/// The thread; it ends with the value. A job of the pool would be shed with the others where there is too much to
/// do, and could not write what the last requests left.
pub struct Writer {
    stop: Option<Sender<()>>,
    /// It tells nothing: it ends with the thread.
    ended: Receiver<()>,
}

impl Writer {
    /// Starts it.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(sites: &Arc<Sites>) -> io::Result<Writer> {
        let (stop, stopped) = channel::<()>();
        let (end, ended) = channel::<()>();
        let sites = Arc::clone(sites);
        std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                    for site in sites.sites() {
                        site.keeping.write_soon();
                    }
                }
                for site in sites.sites() {
                    site.keeping.close_soon();
                }
                drop(end);
            })?;
        Ok(Writer {
            stop: Some(stop),
            ended,
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.ended.recv_timeout(STOP_MAX) == Err(RecvTimeoutError::Timeout) {
            tracing::error!(
                "what was to be written soon was not written within {} s: it is lost",
                STOP_MAX.as_secs()
            );
        }
    }
}
