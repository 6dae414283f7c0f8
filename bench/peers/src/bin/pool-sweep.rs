//! The adaptive pool against the best fixed size, with real threads: how much of the oracle's
//! throughput it reaches, the search for the size included.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::report;
use harmonious_pool::{Config, Handle, Origin, PolicyKind, Pool};

const NAME: &str = "pool-sweep";

const USAGE: &str = "\
pool-sweep [--only TEXT] [--write]

  --only TEXT  only the workloads whose name contains the text
  --write      put the table into bench/RESULTS.md

A closed loop of 512 jobs. Each fixed size runs for 5 s, `adaptive` for 40 s from its start with 4
workers. cpu: 2 ms of computing. sleep: 50 ms. lock: 10 ms of sleep, then a mutex that is held for
1 ms and 15 % more for each that waits. usl: a sleep that grows with the jobs in flight, best at 8.
mix: nine in ten compute for 1 ms, one sleeps for 100 ms.
";

const CLIENTS: usize = 512;
const FIXED: Duration = Duration::from_secs(5);
const ADAPTIVE: Duration = Duration::from_secs(40);
/// Before a fixed size is measured its threads start.
const WARM: Duration = Duration::from_millis(500);
const SIZES: [usize; 10] = [2, 4, 6, 8, 10, 16, 32, 64, 128, 256];

/// Turns of the loop below that take about a microsecond; the same work for everyone, by count and
/// not by the clock.
const TURNS_PER_US: u64 = 330;

type Work = fn(&Scene);

const WORKLOADS: [(&str, Work); 5] = [
    ("cpu", cpu),
    ("sleep", sleep),
    ("lock", lock),
    ("usl", usl),
    ("mix", mix),
];

/// What the jobs of one run share.
#[derive(Default)]
struct Scene {
    done: AtomicU64,
    in_flight: AtomicU64,
    waiting: AtomicU64,
    lock: Mutex<()>,
    stop: AtomicBool,
}

struct Outcome {
    /// Jobs per second, over the whole run and over its second half.
    whole: f64,
    late: f64,
    mean_limit: f64,
    most: usize,
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let mut only = String::new();
    let mut write = false;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match (word.as_str(), word == "--only") {
            ("--write", _) => write = true,
            (_, true) => only = rest.next().cloned().unwrap_or_default(),
            _ => {
                print!("{USAGE}");
                return ExitCode::from(if word == "--help" { 0 } else { 2 });
            }
        }
    }
    let rows: Vec<Vec<String>> = WORKLOADS
        .iter()
        .filter(|(name, _)| name.contains(&only))
        .map(|(name, work)| row(name, *work))
        .collect();
    let header = [
        "workload",
        "best fixed",
        "fixed:4",
        "fixed:256",
        "adaptive",
        "second half",
        "permits, mean",
        "most",
    ];
    let table = report::table(&header, &rows);
    println!("{table}");
    if write && let Err(error) = report::write(NAME, &format!("## {NAME}\n\n{table}")) {
        eprintln!("{NAME}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn row(name: &str, work: Work) -> Vec<String> {
    let fixed: Vec<(usize, f64)> = SIZES
        .iter()
        .map(|&size| (size, run(PolicyKind::Fixed(size), work, FIXED).whole))
        .collect();
    let rate_of = |size| {
        fixed
            .iter()
            .find(|one| one.0 == size)
            .map_or(0.0, |one| one.1)
    };
    let (best, oracle) = fixed
        .iter()
        .copied()
        .fold((0, 0.0), |a, b| if b.1 > a.1 { b } else { a });
    let adaptive = run(PolicyKind::Adaptive, work, ADAPTIVE);
    let share = |rate: f64| format!("{:.0} %", 100.0 * rate / oracle);
    vec![
        name.to_owned(),
        format!("{oracle:.0}/s @{best}"),
        share(rate_of(4)),
        share(rate_of(256)),
        share(adaptive.whole),
        share(adaptive.late),
        format!("{:.0}", adaptive.mean_limit),
        adaptive.most.to_string(),
    ]
}

fn run(policy: PolicyKind, work: Work, time: Duration) -> Outcome {
    let least = if let PolicyKind::Fixed(size) = policy {
        size.min(4)
    } else {
        4
    };
    let config = Config {
        policy,
        workers_min: least,
        workers_start: least,
        queue_wait: Duration::from_secs(3600),
        ..Config::default()
    };
    let pool = Pool::start(config).expect("a pool");
    let scene: &'static Scene = Box::leak(Box::default());
    for _ in 0..CLIENTS {
        client(pool.handle(), scene, work);
    }
    if matches!(policy, PolicyKind::Fixed(_)) {
        thread::sleep(WARM);
    }
    let outcome = watch(&pool, scene, time);
    scene.stop.store(true, Ordering::Relaxed);
    pool.shutdown(Duration::from_secs(60));
    outcome
}

/// A client that has the next job done as soon as the last one is.
fn client(pool: Handle, scene: &'static Scene, work: Work) {
    let next = pool.clone();
    let job = move || {
        if !scene.stop.load(Ordering::Relaxed) {
            work(scene);
            scene.done.fetch_add(1, Ordering::Relaxed);
            client(next, scene, work);
        }
    };
    // Refused only when the pool stops.
    let _ = pool.submit(Origin::default(), job);
}

fn watch(pool: &Handle, scene: &Scene, time: Duration) -> Outcome {
    let (began, before) = (Instant::now(), scene.done.load(Ordering::Relaxed));
    let (mut limits, mut middle) = (Vec::new(), None);
    while began.elapsed() < time {
        thread::sleep(Duration::from_millis(100));
        limits.push(pool.stats().limit);
        if middle.is_none() && began.elapsed() >= time / 2 {
            middle = Some((began.elapsed(), scene.done.load(Ordering::Relaxed)));
        }
    }
    let (end, done) = (began.elapsed(), scene.done.load(Ordering::Relaxed));
    let (half, half_done) = middle.unwrap_or((Duration::ZERO, before));
    Outcome {
        whole: (done - before) as f64 / end.as_secs_f64(),
        late: (done - half_done) as f64 / (end - half).as_secs_f64(),
        mean_limit: limits.iter().sum::<usize>() as f64 / limits.len().max(1) as f64,
        most: limits.iter().copied().max().unwrap_or(0),
    }
}

fn compute(us: u64) {
    let mut x = 1_u64;
    for n in 0..us * TURNS_PER_US {
        x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(n));
    }
}

fn cpu(_: &Scene) {
    compute(2_000);
}

fn sleep(_: &Scene) {
    thread::sleep(Duration::from_millis(50));
}

fn lock(scene: &Scene) {
    thread::sleep(Duration::from_millis(10));
    scene.waiting.fetch_add(1, Ordering::SeqCst);
    let held = scene.lock.lock();
    let others = scene.waiting.fetch_sub(1, Ordering::SeqCst) - 1;
    compute(1_000 + 150 * others);
    drop(held);
}

fn usl(scene: &Scene) {
    let n = (scene.in_flight.fetch_add(1, Ordering::SeqCst) + 1) as f64;
    let factor = 1.0 + 0.02 * (n - 1.0) + 0.015 * n * (n - 1.0);
    thread::sleep(Duration::from_secs_f64(0.004 * factor));
    scene.in_flight.fetch_sub(1, Ordering::SeqCst);
}

fn mix(scene: &Scene) {
    if scene
        .in_flight
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(10)
    {
        thread::sleep(Duration::from_millis(100));
    } else {
        compute(1_000);
    }
}
