//! A module that is replaced twice a second while sixteen clients ask for it.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::Kept;
use harmonious_bench_peers::contest::server::Server;
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::{self, Site, Text};
use harmonious_bench_peers::stats::quantile;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::versions::{LINE_BYTES, Seen, Watch, line};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "reload";

const ABOUT: &str = "\
Saves a module again and again while clients ask for its page, whose text is the number of the version
over and over: no request may fail, every answer must be wholly one version, and no client may see an
older version after a newer one. First under \"harmonious dev\"; then under \"harmonious serve\", which
is told of each save by SIGHUP.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--seconds",
        default: 20,
        about: "how long is saved, in each part",
    },
    Number {
        name: "--every-ms",
        default: 500,
        about: "between two saves, in milliseconds",
    },
    Number {
        name: "--connections",
        default: 16,
        about: "clients, each with one connection",
    },
    Number {
        name: "--kib",
        default: 64,
        about: "length of the page",
    },
];

const PATH: &str = "/version";
const MODULE: &str = "domains/version.rs";
/// A parent, so that what is replaced is a part of a chain.
const PARENT: (&str, &str) = (
    "domains/_parent.rs",
    "\
//! The parent of the page that is replaced.

use harmonious::prelude::*;

#[after]
fn no_guessing(_req: &Request, response: &mut Response) -> Result<()> {
    response.set_header(\"x-content-type-options\", \"nosniff\");
    Ok(())
}
",
);

/// The first answer waits for the sdk and all that it needs to be compiled.
const FIRST_WAIT: Duration = Duration::from_secs(600);
/// The last version must be there within this time.
const LAST_WAIT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const RETRY: Duration = Duration::from_millis(100);

/// How the server hears of a save.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Dev,
    Serve,
}

/// What came of one part.
struct Outcome {
    saved: u64,
    seen: Seen,
    /// From the last save until its version was seen, in seconds.
    last_s: Option<f64>,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let mut holds = true;
    for mode in [Mode::Dev, Mode::Serve] {
        let outcome = part(options, mode)?;
        page.say(&section(mode, &outcome));
        holds &= outcome.seen.holds() && outcome.last_s.is_some();
    }
    match holds {
        true => Ok(()),
        false => Err("not all of it is as promised".to_owned()),
    }
}

fn part(options: &Options, mode: Mode) -> Result<Outcome, String> {
    let lines = options.number("--kib") as usize * 1024 / LINE_BYTES;
    let files: [Text; 2] = [
        (PARENT.0.to_owned(), PARENT.1.to_owned()),
        (MODULE.to_owned(), module(0, lines)),
    ];
    let site = Site::make(NAME, "harmonious-bench-reload", &files)?;
    if mode == Mode::Serve {
        site.build(&options.harmonious)?;
    }
    let flags = ["--access-log", "off"];
    let (name, command) = (mode.name(), mode.command());
    let entrant = sites::entrant(name, &options.harmonious, command, &[&site], &flags);
    let server = entrant.start()?;
    println!("{}: waiting for the first answer", mode.command());
    first(&server)?;
    let watch = Watch::new(server.address(), PATH, lines * LINE_BYTES);
    let save = |version| {
        site.save(MODULE, &module(version, lines))?;
        match mode {
            Mode::Dev => Ok(()),
            Mode::Serve => server.hang_up().map_err(|error| format!("SIGHUP: {error}")),
        }
    };
    under_load(options, &watch, save)
}

/// Saves version after version while the clients are at it.
fn under_load(
    options: &Options,
    watch: &Watch,
    save: impl Fn(u64) -> Result<(), String>,
) -> Result<Outcome, String> {
    let every = Duration::from_millis(options.number("--every-ms"));
    thread::scope(|scope| {
        let clients = (0..options.number("--connections")).map(|_| scope.spawn(|| watch.client()));
        let clients: Vec<_> = clients.collect();
        let began = Instant::now();
        let mut saved = 0;
        let mut result = Ok(());
        while result.is_ok() && began.elapsed() < options.seconds("--seconds") {
            thread::sleep(every);
            saved += 1;
            result = save(saved);
        }
        let last_s = match &result {
            Ok(()) => wait_for(watch, saved),
            Err(_) => None,
        };
        watch.end();
        let mut seen = Seen::default();
        for client in clients {
            seen.add(client.join().expect("no panic"));
        }
        result.map(|()| Outcome {
            saved,
            seen,
            last_s,
        })
    })
}

/// The time until a version is seen, in seconds.
fn wait_for(watch: &Watch, version: u64) -> Option<f64> {
    let began = Instant::now();
    while began.elapsed() < LAST_WAIT {
        if watch.newest() >= version {
            return Some(began.elapsed().as_secs_f64());
        }
        thread::sleep(LOOK_EVERY);
    }
    None
}

fn first(server: &Server) -> Result<(), String> {
    let mut kept = Kept::new(server.address(), FIRST_WAIT);
    let began = Instant::now();
    let mut last = String::new();
    while began.elapsed() < FIRST_WAIT {
        match kept.get(PATH) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            Ok(answer) => {
                last = format!(
                    "{}: {:.1000}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                );
            }
            Err(error) => last = error.to_string(),
        }
        thread::sleep(RETRY);
    }
    Err(format!("{PATH}: no good answer; the last one was {last}"))
}

fn section(mode: Mode, outcome: &Outcome) -> String {
    let (seen, saved) = (&outcome.seen, outcome.saved);
    let others = seen.others.iter();
    let others: Vec<String> = others
        .map(|(status, count)| format!(", {count} x {status}"))
        .collect();
    let at = |q| match seen.took_ms.is_empty() {
        true => f64::NAN,
        false => quantile(&seen.took_ms, q),
    };
    let new = seen.versions.keys().filter(|version| **version > 0).count();
    let mut text = format!(
        "\n### {}\n\n\
         * saved {saved} times; seen {new} of these versions; the last one {}\n\
         * good answers {}: p50 {:.1} ms, p99 {:.1} ms, the slowest {:.0} ms\n\
         * failed {} (without an answer {}{}); promised: 0\n\
         * not wholly one version: {}; promised: 0\n\
         * older than one before it on the same connection: {}, than one that was seen before it was \
         asked for: {}; promised: 0\n",
        mode.title(),
        match outcome.last_s {
            Some(seconds) => format!("was seen {seconds:.2} s after its save"),
            None => format!("was not seen within {} s", LAST_WAIT.as_secs()),
        },
        report::whole(seen.took_ms.len() as f64),
        at(0.5),
        at(0.99),
        at(1.0),
        seen.failed(),
        seen.unanswered,
        others.concat(),
        seen.torn,
        seen.back,
        seen.stale,
    );
    let examples = seen.examples.iter();
    text.extend(examples.map(|example| format!("* for example: {example}\n")));
    text
}

fn module(version: u64, lines: usize) -> String {
    format!(
        "\
//! A page whose version is all that it says.

use harmonious::prelude::*;

const LINE: &str = {:?};

#[get]
fn show(_req: &Request) -> Result<Response> {{
    Ok(Response::text(LINE.repeat({lines})))
}}
",
        line(version)
    )
}

impl Mode {
    fn command(self) -> &'static str {
        match self {
            Mode::Dev => "dev",
            Mode::Serve => "serve",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Mode::Dev => "reload-dev",
            Mode::Serve => "reload-serve",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Mode::Dev => "dev",
            Mode::Serve => "serve, told by SIGHUP",
        }
    }
}
