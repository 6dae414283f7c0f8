//! Our server beside its peers, under `wrk`.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use harmonious_bench_peers::contest::args::Args;
use harmonious_bench_peers::contest::entrants::{self, BLOCKING};
use harmonious_bench_peers::contest::{self, Case, Rival};
use harmonious_bench_peers::routes::HELLO;

const NAME: &str = "front";

const ABOUT: &str = "\
Requests per second, delays, threads and memory of our server and of its peers.
Servers: harmonious, hyper (handlers inline on one thread), hyper-2 (on two), axum-spawn,
axum-inplace, actix, tiny. Cases: hello-8, hello-64, hello-512, sleep-512, cpu-64.
";

/// What is promised at `/hello`, to those who block and to hyper.
const HELLO_PROMISE: [f64; 2] = [1.5, 0.75];
const SLEEP_PROMISE: f64 = 0.97;
const CPU_PROMISE: f64 = 1.0;

const WARM_UP: Duration = Duration::from_secs(2);
/// A pool that adapts finds 512 sleepers one step after the other; the others get as long.
const WARM_UP_SLEEP: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = Args::read(NAME, ABOUT);
    let all = entrants::all(&args.app);
    let ran = all.and_then(|entrants| contest::run(NAME, &args, entrants, cases()));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn cases() -> Vec<Case> {
    let hello = |name, connections, promised: [Option<f64>; 2]| Case {
        name,
        path: "/hello",
        connections,
        warm_up: WARM_UP,
        body: Some(HELLO.into()),
        rivals: rivals(promised),
    };
    let promise = HELLO_PROMISE.map(Some);
    vec![
        hello("hello-8", 8, [None, None]),
        hello("hello-64", 64, promise),
        hello("hello-512", 512, promise),
        Case {
            name: "sleep-512",
            path: "/sleep/20",
            connections: 512,
            warm_up: WARM_UP_SLEEP,
            body: None,
            rivals: rivals([Some(SLEEP_PROMISE), None]),
        },
        Case {
            name: "cpu-64",
            path: "/cpu/100",
            connections: 64,
            warm_up: WARM_UP,
            body: None,
            rivals: rivals([Some(CPU_PROMISE), None]),
        },
    ]
}

/// Which of the two hypers is the limit depends on what `wrk` leaves of the machine: both are told.
fn rivals([blocking, inline]: [Option<f64>; 2]) -> Vec<Rival> {
    let rival = |title, names, promised| Rival {
        title,
        names,
        promised,
    };
    vec![
        rival("the best blocking peer", BLOCKING, blocking),
        rival("hyper inline on one thread", &["hyper"], inline),
        rival("hyper inline on two threads", &["hyper-2"], inline),
    ]
}
