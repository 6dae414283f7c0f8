//! Our server beside nginx: two files under `wrk`.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use harmonious_bench_peers::contest::args::Args;
use harmonious_bench_peers::contest::nginx::{self, Folder, LARGE, SMALL, contents};
use harmonious_bench_peers::contest::{self, Case, Rival, entrants};

const NAME: &str = "static";

const ABOUT: &str = "\
Static files of our server and of nginx, both over sendfile and with open files kept.
Servers: harmonious, nginx-1 (one worker), nginx-2 (two). Cases: 1k-64, 1k-512, 1m-64.
";

/// What is promised, to nginx with as many threads.
const SMALL_PROMISE: f64 = 1.0;
const LARGE_PROMISE: f64 = 0.9;

const WARM_UP: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args = Args::read(NAME, ABOUT);
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    println!("{}", nginx::version()?);
    let folder = Folder::new().map_err(|error| format!("a temporary folder: {error}"))?;
    let files = folder.files();
    let files = files.to_str().ok_or("the temporary folder is no UTF-8")?;
    let entrants = vec![
        entrants::ours(&args.app, &["--static", files]),
        nginx::entrant("nginx-1", 1, &folder),
        nginx::entrant("nginx-2", 2, &folder),
    ];
    let case = |name, path, size, connections, promised| Case {
        name,
        path,
        connections,
        warm_up: WARM_UP,
        body: Some(contents(size)),
        rivals: rivals(promised),
    };
    let cases = vec![
        case("1k-64", SMALL, 1 << 10, 64, SMALL_PROMISE),
        case("1k-512", SMALL, 1 << 10, 512, SMALL_PROMISE),
        case("1m-64", LARGE, 1 << 20, 64, LARGE_PROMISE),
    ];
    contest::run(NAME, args, entrants, cases)
}

fn rivals(promised: f64) -> Vec<Rival> {
    let rival = |title, names| Rival {
        title,
        names,
        promised: Some(promised),
    };
    vec![
        rival("nginx with one worker", &["nginx-1"]),
        rival("nginx with two workers", &["nginx-2"]),
    ]
}
