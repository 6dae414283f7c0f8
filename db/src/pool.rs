//! Pools of connections with bounds: r2d2's, and around it an answer in time when the server is away.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use crate::backend::Link;
use crate::config::{Config, RECONNECT_MAX, WAIT_STEP};
use crate::error::Error;
use crate::lane;

type Open = dyn Fn() -> Result<Link, Error> + Send + Sync;

/// A pool and what it last heard of the server.
pub(crate) struct Pool {
    pool: r2d2::Pool<Manager>,
    /// Why the last attempt to connect failed, if it did.
    away: Arc<Mutex<Option<Error>>>,
    waiting: AtomicUsize,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub open: u32,
    pub idle: u32,
    pub waiting: usize,
}

impl Pool {
    /// A pool that opens its connections when they are wanted.
    pub fn new(config: &Config, open: Box<Open>) -> Pool {
        let away = Arc::new(Mutex::new(None));
        let manager = Manager {
            open,
            away: Arc::clone(&away),
        };
        let pool = r2d2::Pool::builder()
            .max_size(config.connections_max.max(1))
            .min_idle(Some(0))
            .test_on_check_out(true)
            .connection_timeout(RECONNECT_MAX)
            // What fails is remembered in `away` and told to the callers.
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager);
        Pool {
            pool,
            away,
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes a connection. While the server is away this takes [`WAIT_STEP`] and the pool goes on
    /// trying to connect by itself.
    pub fn take(&self, config: &Config) -> Result<Taken, Error> {
        if let Some(connection) = self.pool.try_get() {
            return Ok(Taken::Pooled(connection));
        }
        // Relaxed: a number to compare with a bound; nothing else hangs on it.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let taken = if waiting < config.waiting_max {
            self.wait(config)
        } else {
            Err(Error::unavailable(format!(
                "{waiting} callers wait for a connection already"
            )))
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        taken
    }

    fn wait(&self, config: &Config) -> Result<Taken, Error> {
        let until = Instant::now() + config.wait_max;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if let Ok(connection) = self.pool.get_timeout(left.min(WAIT_STEP)) {
                return Ok(Taken::Pooled(connection));
            }
            if let Some(error) = self.away.lock().clone() {
                return Err(error);
            }
            if left <= WAIT_STEP {
                return Err(Error::unavailable(format!(
                    "all {} connections were in use for {:?}",
                    config.connections_max, config.wait_max
                )));
            }
        }
    }

    pub fn counts(&self) -> Counts {
        let state = self.pool.state();
        Counts {
            open: state.connections,
            idle: state.idle_connections,
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

pub(crate) struct Manager {
    open: Box<Open>,
    away: Arc<Mutex<Option<Error>>>,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Link;
    type Error = Error;

    fn connect(&self) -> Result<Link, Error> {
        let opened = (self.open)();
        let mut away = self.away.lock();
        match &opened {
            Err(error) if away.is_none() => tracing::warn!(%error, "the database is away"),
            Ok(_) if away.is_some() => tracing::info!("the database is back"),
            _ => {}
        }
        *away = opened.as_ref().err().map(as_unavailable);
        drop(away);
        opened
    }

    fn is_valid(&self, link: &mut Link) -> Result<(), Error> {
        match link.is_ready() {
            true => Ok(()),
            false => Err(Error::lost("it did not answer")),
        }
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.is_broken()
    }
}

/// To callers a connection that could not be opened, or was lost while it was, is one that is not to
/// be had; a refusal stays one.
fn as_unavailable(error: &Error) -> Error {
    match error {
        Error::ConnectionLost { message } => Error::unavailable(message.clone()),
        Error::Busy { message } => Error::unavailable(message.clone()),
        other => other.clone(),
    }
}

/// A connection in use; given back when it is dropped.
pub(crate) enum Taken {
    Pooled(r2d2::PooledConnection<Manager>),
    Held(lane::Held),
}

impl Deref for Taken {
    type Target = Link;

    fn deref(&self) -> &Link {
        match self {
            Taken::Pooled(link) => link,
            Taken::Held(link) => link,
        }
    }
}

impl DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Link {
        match self {
            Taken::Pooled(link) => link,
            Taken::Held(link) => link,
        }
    }
}
