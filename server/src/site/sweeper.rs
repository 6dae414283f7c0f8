//! Looks after what sites keep, once a minute: expired sessions go, and what sessions owned, idle connections of
//! visitors too. At its end all such connections are closed. What modules do when their values go may take for
//! ever, so each site has a thread for that: the others are swept meanwhile. It also hands tasks that are due to
//! the pool ([`super::tasks`]).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use harmonious_pool::Handle;

use super::tasks::{Timetable, Wake};
use super::{Site, Sites};

/// How often.
const EVERY: Duration = Duration::from_secs(60);
/// At one time at most so many rounds for one site: the others wait meanwhile.
const ROUNDS_MAX: usize = 100;

/// How long the server waits for a round when it stops.
const STOP_MAX: Duration = Duration::from_secs(10);

/// The thread; it ends with the value.
pub struct Sweeper {
    tell: Sender<Wake>,
    /// It tells nothing: it ends with the thread.
    ended: Receiver<()>,
}

impl Sweeper {
    /// Starts it. With a pool, tasks run there at their intervals.
    ///
    /// # Errors
    /// What the system answers.
    pub fn start(sites: &Arc<Sites>, pool: Option<Handle>) -> io::Result<Sweeper> {
        let (tell, told) = channel::<Wake>();
        let (end, ended) = channel::<()>();
        let sites = Arc::clone(sites);
        let table = pool.map(|pool| Timetable::new(&sites, pool, tell.clone()));
        std::thread::Builder::new()
            .name("sweep".to_owned())
            .spawn(move || {
                run(&sites, table, &told, &end);
                for site in sites.sites() {
                    site.keeping.connections.close_all();
                }
                drop(end);
            })?;
        Ok(Sweeper { tell, ended })
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        // It hears until it ends.
        let _ = self.tell.send(Wake::Stop);
        // That one of the threads broke is in the log already.
        if self.ended.recv_timeout(STOP_MAX) == Err(RecvTimeoutError::Timeout) {
            tracing::error!(
                "the sweeper does not end: a module takes longer than {} s to save a value",
                STOP_MAX.as_secs()
            );
        }
    }
}

/// Until the server stops.
fn run(sites: &Arc<Sites>, mut table: Option<Timetable>, told: &Receiver<Wake>, end: &Sender<()>) {
    let mut letting_go = Vec::new();
    letting_go.resize_with(sites.sites().len(), || None);
    let mut sweep_at = Instant::now() + EVERY;
    loop {
        let due = table.as_ref().and_then(Timetable::next);
        let until = due.map_or(sweep_at, |due| due.min(sweep_at));
        let heard = told.recv_timeout(until.saturating_duration_since(Instant::now()));
        let now = Instant::now();
        match (heard, &mut table) {
            (Ok(Wake::Ended(ended)), Some(table)) => table.ended(&ended, now),
            (Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected), _) => return,
            _ => {}
        }
        if now >= sweep_at {
            sites.sites().iter().for_each(sweep);
            for (at, thread) in letting_go.iter_mut().enumerate() {
                let_go(sites, at, thread, end);
            }
            sweep_at = now + EVERY;
        }
        if let Some(table) = &mut table {
            table.follow(now);
            table.submit_due(now);
        }
    }
}

fn sweep(site: &Site) {
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
        let instances = &site.keeping.instances;
        instances.sweep(|module| dispatcher.loader().is_current(module));
    }
}

/// Has the modules of a site drop what is to go, unless they still do so since the last time.
fn let_go(sites: &Arc<Sites>, at: usize, thread: &mut Option<JoinHandle<()>>, end: &Sender<()>) {
    let site = &sites.sites()[at];
    if thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
        tracing::warn!(
            site = %site.name,
            "a module takes longer than {} s to save a value",
            EVERY.as_secs()
        );
        return;
    }
    if site.keeping.instances.is_empty() {
        return;
    }
    let (sites, end) = (Arc::clone(sites), end.clone());
    let started = std::thread::Builder::new()
        .name("let go".to_owned())
        .spawn(move || {
            if let Some(dispatcher) = &sites.sites()[at].dispatcher {
                dispatcher.let_go();
            }
            drop(end);
        });
    match started {
        Ok(started) => *thread = Some(started),
        Err(error) => tracing::warn!("no thread to let values go: {error}"),
    }
}
