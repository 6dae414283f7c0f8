//! The running server as the control listener sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harmonious_dispatcher::loader::LoadedInfo;
use harmonious_http::{Front, FrontStats};
use harmonious_pool::{DecisionRecord, Handle, Stats};
use harmonious_session::InstanceStats;
use harmonious_templating::FragmentStats;
use tracing_appender::non_blocking::ErrorCounter;

use crate::log::{Floods, Log};
use crate::site::{Site, Sites};
use crate::sys::Process;

/// What there is to look at. It lives as long as the server.
pub struct Live {
    pool: Handle,
    front: Front,
    sites: Arc<Sites>,
    settings: harmonious_pool::Config,
    floods: Arc<Floods>,
    dropped: ErrorCounter,
    began: Instant,
}

/// All figures of one moment.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The pool.
    pub pool: Stats,
    /// The front of the site.
    pub front: FrontStats,
    /// The sites, with what of them is loaded.
    pub sites: Vec<SiteFigures>,
    /// The process.
    pub process: Process,
    /// What the pool was told.
    pub settings: harmonious_pool::Config,
    /// Since the pool was started; the clock of [`DecisionRecord::at`].
    pub uptime: Duration,
    /// Whether the server is stopping.
    pub draining: bool,
    /// Lines of floods that were left out of the log.
    pub lines_held: u64,
    /// Lines that were dropped because nobody read the log.
    pub lines_dropped: usize,
}

/// One site at one moment.
#[derive(Clone, Debug)]
pub struct SiteFigures {
    /// Its name.
    pub name: String,
    /// How many modules it has.
    pub modules: usize,
    /// Those that are loaded, by key.
    pub loaded: Vec<LoadedInfo>,
    /// What its sessions own in memory.
    pub instances: InstanceStats,
    /// Its rendered fragments.
    pub fragments: FragmentStats,
}

impl Live {
    /// What there is to look at, from now on.
    pub fn new(
        pool: Handle,
        front: Front,
        sites: Arc<Sites>,
        settings: harmonious_pool::Config,
        log: &Log,
    ) -> Live {
        Live {
            pool,
            front,
            sites,
            settings,
            floods: Arc::clone(&log.floods),
            dropped: log.dropped.clone(),
            began: Instant::now(),
        }
    }

    /// The figures of this moment.
    pub fn figures(&self) -> Figures {
        Figures {
            pool: self.pool.stats(),
            front: self.front.stats(),
            sites: self.sites.sites().iter().map(Site::figures).collect(),
            process: Process::now(),
            settings: self.settings.clone(),
            uptime: self.began.elapsed(),
            draining: self.is_draining(),
            lines_held: self.floods.held(),
            lines_dropped: self.dropped.dropped_lines(),
        }
    }

    /// The last decisions of the pool's controller, oldest first.
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.pool.decisions()
    }

    /// Whether the server is stopping.
    pub fn is_draining(&self) -> bool {
        self.pool.is_draining()
    }
}

/// Figures of a server that has just started and done nothing.
#[cfg(test)]
pub fn figures_at_rest() -> Figures {
    use harmonious_http::{Limits, Request, Response};

    let settings = harmonious_pool::Config::default();
    let pool = harmonious_pool::Pool::start(settings.clone()).unwrap();
    let handler = |_: Request| Response::text("");
    Figures {
        pool: pool.stats(),
        front: Front::new(handler, Limits::default()).unwrap().stats(),
        sites: Vec::new(),
        process: Process::now(),
        settings,
        uptime: Duration::from_secs(12),
        draining: false,
        lines_held: 0,
        lines_dropped: 0,
    }
}
