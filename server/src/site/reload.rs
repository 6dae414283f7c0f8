//! Reading sites again while they are served: a thread of its own, because it may compile.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use super::Sites;
use crate::failure::Failure;

/// Reads the sites again whenever it is asked to.
pub struct Reloader {
    asked: SyncSender<()>,
}

impl Reloader {
    /// Starts the thread; it ends with the value.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(sites: &Arc<Sites>) -> io::Result<Reloader> {
        // One more may wait while a reload runs: it sees whatever was saved meanwhile.
        let (asked, asks) = sync_channel(1);
        let sites = Arc::clone(sites);
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || asks.iter().for_each(|()| reload(&sites)))?;
        Ok(Reloader { asked })
    }

    /// Has the sites read again, soon. Does not block.
    pub fn ask(&self) {
        if let Err(TrySendError::Disconnected(())) = self.asked.try_send(()) {
            tracing::error!("the sites cannot be read again: restart the server");
        }
    }
}

fn reload(sites: &Sites) {
    for site in sites.sites() {
        match site.reload() {
            Ok(built) => tracing::info!(site = %site.name, built, "read again"),
            Err(failure) => {
                let (Failure::Usage(text) | Failure::Failed(text) | Failure::Problems(text)) =
                    failure;
                for line in text.lines() {
                    tracing::error!(site = %site.name, "stays as it was: {line}");
                }
            }
        }
    }
}
