//! What our server says of itself at its control listener.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::temporary;
use crate::contest::client;

/// Longest wait until no worker has work.
const QUIET_WAIT: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A control listener on a socket of the file system.
pub struct Control {
    socket: PathBuf,
}

/// The pool at one moment.
#[derive(Clone, Copy, Debug)]
pub struct PoolFigures {
    /// Permits.
    pub limit: u64,
    /// Workers with work.
    pub busy: u64,
    /// Workers.
    pub threads: u64,
    /// Panics that came as far as the pool.
    pub job_panics: u64,
}

impl Control {
    /// One that no other server has.
    pub fn new() -> Self {
        Self {
            socket: temporary("control.sock"),
        }
    }

    /// The value of the flag `--control`.
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// The pool's figures.
    ///
    /// # Errors
    /// Says in one line what came instead.
    pub fn pool(&self) -> Result<PoolFigures, String> {
        let failed = |what: String| format!("/pool of {}: {what}", self.address());
        let document = self.document().map_err(|error| failed(error.to_string()))?;
        let figure = |name: &str| {
            let figure = document["pool"][name].as_u64();
            figure.ok_or_else(|| failed(format!("no figure \"{name}\"")))
        };
        Ok(PoolFigures {
            limit: figure("limit")?,
            busy: figure("busy")?,
            threads: figure("threads")?,
            job_panics: figure("job_panics")?,
        })
    }

    /// The pool's figures once no worker has work, or after some time all the same.
    ///
    /// # Errors
    /// As [`Control::pool`].
    pub fn pool_at_rest(&self) -> Result<PoolFigures, String> {
        let began = Instant::now();
        loop {
            let figures = self.pool()?;
            if figures.busy == 0 || began.elapsed() > QUIET_WAIT {
                return Ok(figures);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn document(&self) -> io::Result<Value> {
        let mut stream = UnixStream::connect(&self.socket)?;
        let answer = client::get(&mut stream, "/pool")?;
        Ok(serde_json::from_slice(&answer.body)?)
    }
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // One that was killed leaves it behind.
        let _ = std::fs::remove_file(&self.socket);
    }
}
