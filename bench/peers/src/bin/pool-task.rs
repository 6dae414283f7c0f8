//! How soon a task is polled after it became ready, while every permit is blocked.
#![forbid(unsafe_code)]

use std::env;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::report;
use harmonious_bench_peers::stats::quantile;
use harmonious_pool::mio::{self, Interest};
use harmonious_pool::{Config, Context, Flow, Notifier, Origin, PolicyKind, Pool, Task};

const NAME: &str = "pool-task";

const USAGE: &str = "\
pool-task [--write]

Delays from ready to polled while every permit is blocked, in microseconds. The exit code is 1 if
one of them is over 5 ms.
";

/// What is promised.
const BOUND: Duration = Duration::from_millis(5);
const SAMPLES: usize = 2_000;
const PERMITS: [usize; 3] = [1, 4, 256];

/// Tells when it was polled.
struct Told {
    stream: Option<mio::net::UnixStream>,
    registered: bool,
    notifier: Sender<Notifier>,
    polled: Sender<Instant>,
}

impl Task for Told {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        let now = Instant::now();
        if !self.registered {
            self.registered = true;
            if let Some(stream) = &mut self.stream {
                cx.register(stream, Interest::READABLE).expect("a source");
            }
            let _ = self.notifier.send(cx.notifier());
            return Flow::Wait;
        }
        let mut buffer = [0; 16];
        let read = self
            .stream
            .as_mut()
            .map(|stream| stream.read(&mut buffer).is_ok());
        if read != Some(false) {
            let _ = self.polled.send(now);
        }
        Flow::Wait
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word != "--write") {
        print!("{USAGE}");
        return ExitCode::from(if words == ["--help"] { 0 } else { 2 });
    }
    let mut rows = Vec::new();
    let mut worst = Duration::ZERO;
    for permits in PERMITS {
        for (how, delays) in [
            ("notified", steady(permits, false)),
            ("socket readable", steady(permits, true)),
            (
                "socket readable, the leader just blocked",
                just_blocked(permits),
            ),
        ] {
            let micros: Vec<f64> = delays
                .iter()
                .map(|delay| delay.as_secs_f64() * 1e6)
                .collect();
            worst = worst.max(delays.iter().copied().max().unwrap_or_default());
            rows.push(vec![
                permits.to_string(),
                how.to_owned(),
                format!("{:.1}", quantile(&micros, 0.5)),
                format!("{:.1}", quantile(&micros, 0.99)),
                format!("{:.1}", quantile(&micros, 1.0)),
            ]);
        }
    }
    let table = report::table(
        &[
            "permits, all blocked",
            "ready by",
            "median, us",
            "p99",
            "most",
        ],
        &rows,
    );
    println!("{table}");
    if words.contains(&"--write".to_owned())
        && let Err(error) = report::write(NAME, &format!("## {NAME}\n\n{table}"))
    {
        eprintln!("{NAME}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::from(worst > BOUND))
}

fn pool(permits: usize) -> Pool {
    let config = Config {
        policy: PolicyKind::Fixed(permits),
        workers_min: permits.min(4),
        workers_start: permits,
        workers_max: permits,
        queue_wait: Duration::from_secs(60),
        ..Config::default()
    };
    Pool::start(config).expect("a pool")
}

struct Probe {
    notifier: Notifier,
    stream: Option<UnixStream>,
    polled: Receiver<Instant>,
}

fn probe(pool: &Pool, socket: bool) -> Probe {
    let (notifier, notifiers) = channel();
    let (polled, polls) = channel();
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    theirs.set_nonblocking(true).expect("a socket");
    let stream = socket.then(|| mio::net::UnixStream::from_std(theirs));
    pool.spawn(Told {
        stream,
        registered: false,
        notifier,
        polled,
    })
    .expect("a task");
    let notifier = notifiers.recv().expect("the first poll");
    Probe {
        notifier,
        stream: socket.then_some(ours),
        polled: polls,
    }
}

impl Probe {
    fn delay(&mut self) -> Duration {
        let ready = Instant::now();
        match &mut self.stream {
            Some(stream) => stream.write_all(b"x").expect("a peer"),
            None => self.notifier.notify(),
        }
        self.polled
            .recv()
            .expect("a poll")
            .saturating_duration_since(ready)
    }
}

type Gate = Arc<(Mutex<bool>, Condvar)>;

fn pass(gate: &Gate) {
    let open = gate.0.lock().expect("no panic under the lock");
    drop(gate.1.wait_while(open, |open| !*open));
}

fn open(gate: &Gate) {
    *gate.0.lock().expect("no panic under the lock") = true;
    gate.1.notify_all();
}

/// All permits have been blocked for a while.
fn steady(permits: usize, socket: bool) -> Vec<Duration> {
    let pool = pool(permits);
    let gate = Gate::default();
    for _ in 0..permits {
        let gate = Arc::clone(&gate);
        pool.submit(Origin::default(), move || pass(&gate))
            .expect("room");
    }
    while pool.stats().busy < permits {
        thread::sleep(Duration::from_millis(1));
    }
    let mut probe = probe(&pool, socket);
    let delays = (0..SAMPLES)
        .map(|_| {
            thread::sleep(Duration::from_micros(300));
            probe.delay()
        })
        .collect();
    open(&gate);
    delays
}

/// A task that, notified, has the very thread that polls it run a job that blocks.
struct Blocker {
    notifier: Sender<Notifier>,
    gate: Arc<Mutex<Gate>>,
    entered: Sender<()>,
    first: bool,
}

impl Task for Blocker {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if self.first {
            self.first = false;
            let _ = self.notifier.send(cx.notifier());
            return Flow::Wait;
        }
        let gate = Arc::clone(&self.gate.lock().expect("no panic under the lock"));
        let entered = self.entered.clone();
        let job = move || {
            let _ = entered.send(());
            pass(&gate);
        };
        cx.submit(Origin::default(), job).expect("a free permit");
        Flow::Wait
    }
}

/// Short jobs lead the pool to expect short ones; then the thread that leads the reactor blocks in
/// one, the other permits having been blocked before.
fn just_blocked(permits: usize) -> Vec<Duration> {
    let pool = pool(permits);
    let mut probe = probe(&pool, true);
    let (notifier, notifiers) = channel();
    let (entered, enters) = channel();
    let gate = Arc::new(Mutex::new(Gate::default()));
    let blocker = Blocker {
        notifier,
        gate: Arc::clone(&gate),
        entered,
        first: true,
    };
    pool.spawn(blocker).expect("a task");
    let blocker = notifiers.recv().expect("the first poll");
    let held = Gate::default();
    for _ in 1..permits {
        let held = Arc::clone(&held);
        pool.submit(Origin::default(), move || pass(&held))
            .expect("room");
    }
    while pool.stats().busy < permits - 1 {
        thread::sleep(Duration::from_millis(1));
    }
    let delays = (0..SAMPLES / 4)
        .map(|_| {
            for _ in 0..200 {
                pool.submit(Origin::default(), || ()).expect("room");
            }
            while pool.stats().queued > 0 || pool.stats().busy > permits - 1 {
                thread::sleep(Duration::from_micros(100));
            }
            blocker.notify();
            enters.recv().expect("the job");
            let delay = probe.delay();
            let opened = std::mem::take(&mut *gate.lock().expect("no panic under the lock"));
            open(&opened);
            delay
        })
        .collect();
    open(&held);
    delays
}
