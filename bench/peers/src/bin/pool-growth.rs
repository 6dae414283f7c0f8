//! The adaptive pool with real threads: how fast it grows under calls that sleep, whether it keeps
//! its spawn budget, and how it lets the threads go afterwards.
#![forbid(unsafe_code)]

use std::env;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use harmonious_bench_peers::growth::{most_within, reached};
use harmonious_bench_peers::ours::{Fate, Ours};
use harmonious_bench_peers::report;

const NAME: &str = "pool-growth";

const USAGE: &str = "\
pool-growth [--seconds N] [--write]

  --seconds N  how long the load lasts (default 20)
  --write      put the figures into bench/RESULTS.md

A closed loop of 256 calls that each sleep 50 ms. The yardstick is a pool fixed at 256 permits.
The exit code is 1 when the spawn budget was exceeded.
";

/// Calls in flight.
const CALLS: usize = 256;
/// What each call does.
const SLEEP: Duration = Duration::from_millis(50);
/// How long the yardstick is measured, after one second of start.
const YARDSTICK: Duration = Duration::from_secs(3);
/// Between two samples under load.
const WINDOW: Duration = Duration::from_millis(250);
/// The share of the yardstick that counts as grown.
const SHARE: f64 = 0.95;
/// After the load, the threads are watched until there are this few, or for this long.
const THREADS_FEW: usize = 8;
const WATCH_SECONDS: u64 = 90;

/// A load that runs, and the outside thread that keeps it up.
struct Calls {
    /// Leaked: the calls refer to it.
    shared: &'static Loop,
    submitter: JoinHandle<()>,
}

/// Counts finished calls; the submitter takes them and submits as many.
#[derive(Default)]
struct Loop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    finished: u64,
    /// Taken by the pool and not run; each is submitted again.
    shed: u64,
    submitted: u64,
    stopped: bool,
}

impl State {
    fn ended(&self) -> u64 {
        self.finished + self.shed
    }
}

fn main() -> ExitCode {
    let mut seconds = 20;
    let mut write = false;
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => write = true,
            "--seconds" => match words.next().and_then(|word| word.parse().ok()) {
                Some(number) => seconds = number,
                None => return usage_error("--seconds needs a whole number"),
            },
            "-h" | "--help" => {
                print!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            _ => return usage_error(&format!("there is no option {word}")),
        }
    }
    let (text, in_budget) = measure(Duration::from_secs(seconds));
    println!("\n{text}");
    if write && let Err(error) = report::write(NAME, &text) {
        eprintln!("pool-growth: bench/RESULTS.md: {error}");
        return ExitCode::FAILURE;
    }
    if in_budget {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage_error(what: &str) -> ExitCode {
    eprintln!("pool-growth: {what}\n\n{USAGE}");
    ExitCode::from(2)
}

/// The report, and whether the spawn budget was kept.
fn measure(load: Duration) -> (String, bool) {
    let facts = report::facts();
    let yardstick = yardstick();
    println!("fixed at {CALLS}: {yardstick:.0}/s\n\n   s   calls/s  permits  threads  queued");

    let pool = Arc::new(Ours::adaptive());
    let began = Instant::now();
    let mut spawned = vec![(Duration::ZERO, pool.stats().spawned)];
    let rates = grow(&pool, load, began, &mut spawned);
    let shrinking = shrink(&pool, began, &mut spawned);

    let (limit, window) = Ours::spawn_budget();
    let most = most_within(&spawned, window);
    let peak = rates.iter().map(|(_, threads)| *threads).max().unwrap_or(0);
    let only_rates: Vec<f64> = rates.iter().map(|(rate, _)| *rate).collect();
    let grown = reached(&only_rates, SHARE * yardstick);
    let last = &only_rates[only_rates.len() / 2..];
    let second_half = last.iter().sum::<f64>() / last.len() as f64;

    let mut text = format!("## {NAME}\n\n{facts}\n\n");
    let mut line = |what: &str, value: String| {
        writeln!(text, "* {what}: {value}").expect("a String takes all");
    };
    line("fixed at 256 permits", format!("{yardstick:.0} calls/s"));
    line(
        "adaptive, second half",
        format!(
            "{second_half:.0} calls/s, {:.0} %",
            100.0 * second_half / yardstick
        ),
    );
    line(
        "95 % reached after",
        grown.map_or("never".to_owned(), |at| {
            format!("{:.2} s", at as f64 * WINDOW.as_secs_f64())
        }),
    );
    line("most threads", peak.to_string());
    line(
        "most threads started in the window of the budget",
        format!("{most} of {limit}"),
    );
    line("threads after the load", shrinking);
    (text, most <= limit)
}

/// Calls per second of a pool that has all permits from the start.
fn yardstick() -> f64 {
    let calls = Calls::start(&Arc::new(Ours::fixed(CALLS)));
    thread::sleep(Duration::from_secs(1));
    let (began, before) = (Instant::now(), calls.finished());
    thread::sleep(YARDSTICK);
    let rate = (calls.finished() - before) as f64 / began.elapsed().as_secs_f64();
    calls.stop();
    rate
}

/// Rate and threads of each window under load.
fn grow(
    pool: &Arc<Ours>,
    load: Duration,
    began: Instant,
    spawned: &mut Vec<(Duration, u64)>,
) -> Vec<(f64, usize)> {
    let calls = Calls::start(pool);
    let mut rates = Vec::new();
    let (mut since, mut before) = (Instant::now(), 0);
    while began.elapsed() < load {
        thread::sleep(WINDOW);
        let (now, finished, stats) = (Instant::now(), calls.finished(), pool.stats());
        let rate = (finished - before) as f64 / (now - since).as_secs_f64();
        let at = began.elapsed();
        println!(
            "{:6.2} {rate:8.0} {:8} {:8} {:7}",
            at.as_secs_f64(),
            stats.limit,
            stats.threads,
            stats.queued
        );
        rates.push((rate, stats.threads));
        spawned.push((at, stats.spawned));
        (since, before) = (now, finished);
    }
    calls.stop();
    rates
}

/// Threads at each second after the load, as one line.
fn shrink(pool: &Ours, began: Instant, spawned: &mut Vec<(Duration, u64)>) -> String {
    let mut seen = Vec::new();
    for second in 0..=WATCH_SECONDS {
        let stats = pool.stats();
        println!("{second:3} s after the load: {} threads", stats.threads);
        spawned.push((began.elapsed(), stats.spawned));
        let few = stats.threads <= THREADS_FEW;
        if few || second % 10 == 0 {
            seen.push(format!("{} at {second} s", stats.threads));
        }
        if few {
            break;
        }
        thread::sleep(Duration::from_secs(1));
    }
    seen.join(", ")
}

impl Calls {
    fn start(pool: &Arc<Ours>) -> Calls {
        let shared: &'static Loop = Box::leak(Box::default());
        let pool = Arc::clone(pool);
        Calls {
            shared,
            submitter: thread::spawn(move || shared.submit(&pool)),
        }
    }

    fn finished(&self) -> u64 {
        self.shared.lock().finished
    }

    /// No further call is submitted; waits for those that were.
    fn stop(self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        self.submitter.join().expect("the submitter does not panic");
        let running = |state: &mut State| state.ended() < state.submitted;
        let state = self.shared.lock();
        drop(
            self.shared
                .changed
                .wait_while(state, running)
                .expect("never poisoned"),
        );
    }
}

impl Loop {
    fn submit(&'static self, pool: &Ours) {
        let mut state = self.lock();
        while !state.stopped {
            let missing = state.ended() + CALLS as u64 - state.submitted;
            state.submitted += missing;
            drop(state);
            for _ in 0..missing {
                pool.offer(move |fate| self.call(fate));
            }
            state = self.lock();
            let all_out = |state: &mut State| {
                !state.stopped && state.submitted == state.ended() + CALLS as u64
            };
            state = self
                .changed
                .wait_while(state, all_out)
                .expect("never poisoned");
        }
    }

    fn call(&self, fate: Fate) {
        if fate == Fate::Ran {
            thread::sleep(SLEEP);
        }
        let mut state = self.lock();
        match fate {
            Fate::Ran => state.finished += 1,
            Fate::Shed => state.shed += 1,
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("never poisoned")
    }
}
