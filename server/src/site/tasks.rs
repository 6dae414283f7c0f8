//! Tasks of sites: the one that runs whenever a site starts, and those that run at intervals while it is
//! served. Both belong to no request.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use harmonious_dispatcher::TaskError;
use harmonious_dispatcher::manifest::Task;
use harmonious_pool::{Handle, Job, JobContext, Origin, TimeLimit};

use super::one::DATA;
use super::{Site, Sites};
use crate::failure::{Failure, one_line};

/// The file in a site's data that one process holds while the task `start` runs.
const START_LOCK: &str = "start.lock";
/// How long a process waits for another's `start`: it puts in what a site begins with, which may be much.
const START_WAIT_MAX: Duration = Duration::from_secs(300);
/// Between two looks whether the other is done.
const START_PAUSE: Duration = Duration::from_millis(20);

/// A task with a longer interval runs for the first time so long after the start: else one of a day would
/// never run in a server that is started anew each night.
const FIRST_MAX: Duration = Duration::from_secs(60);
/// When a task is tried again for which there was no room in the pool.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// How long a task has a permit that requests could use; then its thread goes on without.
const PERMIT_MAX: Duration = Duration::from_secs(1);
/// Whose turn it is in the queue: tasks of all sites together are one client among the visitors.
const CLIENT: u64 = u64::MAX;

/// Runs the task `start` of a site, if it has one; one process at a time.
///
/// # Errors
/// What the task says, or that another process does not get done with its own.
pub fn start(site: &Site, args: &[String]) -> Result<(), Failure> {
    let Some(dispatcher) = &site.dispatcher else {
        return Ok(());
    };
    if !dispatcher
        .tasks()
        .iter()
        .any(|task| task.name == Task::START)
    {
        return Ok(());
    }
    let _alone = alone(&site.dir.join(DATA))?;
    let done = dispatcher.task(Task::START, args);
    done.map_err(|error| failure(&site.name, &error))
}

/// A task failed: one line for a person.
pub fn failure(site: &str, error: &TaskError) -> Failure {
    if let TaskError::Failed { fault, .. } = error
        && !fault.backtrace.is_empty()
    {
        eprintln!("{}", fault.backtrace);
    }
    Failure::Failed(format!("{site}: {error}"))
}

/// The lock of `start`; it ends with the file.
fn alone(data: &Path) -> Result<File, Failure> {
    let path = data.join(START_LOCK);
    let failed = |error: std::io::Error| {
        Failure::Failed(format!("the task start needs {}: {error}", path.display()))
    };
    std::fs::create_dir_all(data).map_err(failed)?;
    let file = File::options().create(true).append(true).open(&path);
    let file = file.map_err(failed)?;
    let until = Instant::now() + START_WAIT_MAX;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if Instant::now() > until => {
                return Err(Failure::Failed(format!(
                    "another process runs the task start for more than {} s, and holds {}: wait until it \
                     is done, or end it",
                    START_WAIT_MAX.as_secs(),
                    path.display()
                )));
            }
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut is_told, true) {
                    eprintln!("waiting for the task start of another process");
                }
                std::thread::sleep(START_PAUSE);
            }
        }
    }
}

/// What the sweeper is told by others.
pub enum Wake {
    /// The server has stopped.
    Stop,
    /// A task is over.
    Ended(Ended),
}

/// A task that is over.
pub struct Ended {
    at: usize,
    name: String,
    /// Not so if there was no room for it.
    ran: bool,
}

/// When the tasks of all sites run next. One of a site at a time.
pub struct Timetable {
    sites: Arc<Sites>,
    pool: Handle,
    tell: Sender<Wake>,
    /// By site.
    plans: Vec<Plan>,
}

impl Timetable {
    /// From now on. Whoever is over is told to `tell`.
    pub fn new(sites: &Arc<Sites>, pool: Handle, tell: Sender<Wake>) -> Timetable {
        let mut table = Timetable {
            plans: sites.sites().iter().map(|_| Plan::default()).collect(),
            sites: Arc::clone(sites),
            pool,
            tell,
        };
        table.follow(Instant::now());
        table
    }

    /// Takes up what the sites declare at this moment.
    pub fn follow(&mut self, now: Instant) {
        for (site, plan) in self.sites.sites().iter().zip(&mut self.plans) {
            if let Some(dispatcher) = &site.dispatcher {
                plan.follow(&dispatcher.tasks(), now);
            }
        }
    }

    /// When something is due next.
    pub fn next(&self) -> Option<Instant> {
        self.plans.iter().filter_map(Plan::next).min()
    }

    /// Hands what is due to the pool.
    pub fn submit_due(&mut self, now: Instant) {
        for (at, plan) in self.plans.iter_mut().enumerate() {
            let Some(name) = plan.begin(now) else {
                continue;
            };
            let job = Run {
                sites: Arc::clone(&self.sites),
                pool: self.pool.clone(),
                tell: self.tell.clone(),
                ended: Some(Ended {
                    at,
                    name,
                    ran: false,
                }),
            };
            let origin = Origin {
                client: CLIENT,
                route: 0,
            };
            // One that is refused is dropped, and tells that it is over.
            if let Err(refusal) = self.pool.submit(origin, job) {
                tracing::debug!("no room for a task: {refusal}");
            }
        }
    }

    /// A task is over.
    pub fn ended(&mut self, ended: &Ended, now: Instant) {
        self.plans[ended.at].ended(&ended.name, ended.ran, now);
    }
}

/// When the tasks of one site run next.
#[derive(Default)]
struct Plan {
    /// By name.
    times: BTreeMap<String, Time>,
    running: bool,
}

struct Time {
    every: Duration,
    next: Instant,
}

impl Plan {
    /// What is new begins to count, what is gone is forgotten, and what runs more often now does so soon.
    fn follow(&mut self, tasks: &[Task], now: Instant) {
        let timed = |task: &Task| Some((task.name.clone(), task.every?));
        let timed: BTreeMap<String, Duration> = tasks.iter().filter_map(timed).collect();
        self.times.retain(|name, _| timed.contains_key(name));
        for (name, every) in timed {
            let first = now + every.min(FIRST_MAX);
            let time = self
                .times
                .entry(name)
                .or_insert(Time { every, next: first });
            if time.every != every {
                time.every = every;
                time.next = time.next.min(now + every);
            }
        }
    }

    /// None while one runs.
    fn next(&self) -> Option<Instant> {
        let next = self.times.values().map(|time| time.next).min();
        next.filter(|_| !self.running)
    }

    /// The task that is due, which from now on runs: that which waits longest.
    fn begin(&mut self, now: Instant) -> Option<String> {
        if self.running {
            return None;
        }
        let first = self.times.iter().min_by_key(|(_, time)| time.next);
        let (name, _) = first.filter(|(_, time)| time.next <= now)?;
        self.running = true;
        Some(name.clone())
    }

    fn ended(&mut self, name: &str, ran: bool, now: Instant) {
        self.running = false;
        if let Some(time) = self.times.get_mut(name) {
            time.next = now
                + match ran {
                    true => time.every,
                    false => time.every.min(REFUSED_PAUSE),
                };
        }
    }
}

/// One run of a task, in the pool.
struct Run {
    sites: Arc<Sites>,
    pool: Handle,
    tell: Sender<Wake>,
    /// Told when this is dropped, whatever became of it.
    ended: Option<Ended>,
}

impl Job for Run {
    fn run(mut self: Box<Self>, _: &mut JobContext) {
        let Some(ended) = &mut self.ended else {
            return;
        };
        ended.ran = true;
        let site = &self.sites.sites()[ended.at];
        let Some(dispatcher) = &site.dispatcher else {
            return;
        };
        let began = Instant::now();
        match dispatcher.task(&ended.name, &[]) {
            Ok(()) => tracing::debug!(
                target: "site", site = %site.name, task = ended.name, "ran for {:.1?}", began.elapsed()
            ),
            Err(error) => log(&site.name, &ended.name, &error),
        }
    }

    /// Nothing begins any more when the server stops.
    fn is_wanted(&self) -> bool {
        !self.pool.is_draining()
    }

    fn time_limit(&mut self) -> Option<TimeLimit> {
        Some(TimeLimit {
            after: PERMIT_MAX,
            alarm: None,
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // The sweeper may have ended before.
            let _ = self.tell.send(Wake::Ended(ended));
        }
    }
}

fn log(site: &str, task: &str, error: &TaskError) {
    let (module, backtrace) = match error {
        TaskError::Failed { fault, .. } => (fault.module.as_str(), fault.backtrace.as_str()),
        // A reload took it away meanwhile.
        TaskError::Unknown { .. } => ("", ""),
    };
    tracing::error!(target: "site", %site, module, task, "{}", one_line(&error.to_string()));
    if !backtrace.is_empty() {
        tracing::error!(target: "site", %site, task, "{backtrace}");
    }
}

#[cfg(test)]
mod tests {
    use harmonious_dispatcher::manifest::ModuleId;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SECOND: Duration = Duration::from_secs(1);

    fn task(name: &str, every: Option<Duration>) -> Task {
        Task {
            name: name.to_owned(),
            doc: String::new(),
            every,
            module: ModuleId::from_index(0),
        }
    }

    #[test]
    fn tasks_run_one_at_a_time_and_again_after_their_interval() {
        let now = Instant::now();
        let mut plan = Plan::default();
        let all = [
            task("often", Some(SECOND)),
            task("rarely", Some(HOUR)),
            task("never", None),
        ];
        plan.follow(&all, now);
        assert_eq!((plan.next(), plan.begin(now)), (Some(now + SECOND), None));
        let first = now + FIRST_MAX;
        assert_eq!(plan.begin(first).as_deref(), Some("often"));
        assert_eq!((plan.next(), plan.begin(first)), (None, None), "one runs");
        plan.ended("often", true, first);
        assert_eq!(plan.begin(first).as_deref(), Some("rarely"));
        plan.ended("rarely", true, first);
        assert_eq!(plan.next(), Some(first + SECOND));
        assert_eq!(plan.begin(first + SECOND).as_deref(), Some("often"));
        plan.ended("often", false, first + SECOND);
        assert_eq!(plan.next(), Some(first + 2 * SECOND));
    }

    #[test]
    fn a_reload_changes_what_runs() {
        let now = Instant::now();
        let mut plan = Plan::default();
        plan.follow(&[task("a", Some(HOUR)), task("b", Some(SECOND))], now);
        plan.follow(&[task("a", Some(2 * SECOND))], now);
        assert_eq!(plan.next(), Some(now + 2 * SECOND));
        assert_eq!(plan.begin(now + HOUR).as_deref(), Some("a"));
        plan.follow(&[], now + HOUR);
        plan.ended("a", true, now + HOUR);
        assert_eq!((plan.next(), plan.begin(now + 2 * HOUR)), (None, None));
    }
}
