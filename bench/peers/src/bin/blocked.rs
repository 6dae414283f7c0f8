//! Every permit is blocked: what still goes on, and how soon others are told to come again.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::nginx::{Folder, SMALL};
use harmonious_bench_peers::contest::server::Server;
use harmonious_bench_peers::report;
use harmonious_bench_peers::stats::{Spread, quantile};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::traffic::{self, Pace, Source, Tally};
use harmonious_bench_peers::trial::wire::{Wire, dial};
use harmonious_bench_peers::trial::{self, Page, addresses, inside};

const NAME: &str = "blocked";

const ABOUT: &str = "\
Our server with fixed:16 and 16 requests that sleep; meanwhile a static file of 1 KiB over 8
connections, and new requests to /hello at 20/s: how long the file takes, and the 503 of the others.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--seconds",
        default: 5,
        about: "how long all permits are blocked",
    },
    Number {
        name: "--rounds",
        default: 3,
        about: "how often",
    },
];

const PERMITS: usize = 16;
const STATIC_CONNECTIONS: usize = 8;
const HELLO_PER_SECOND: f64 = 20.0;
const HELLO_CONNECTIONS: usize = 40;
/// Load on everything before the permits are blocked, so that service times are known.
const WARM_UP: Duration = Duration::from_secs(1);
/// The permits stay blocked for longer than it is looked.
const MARGIN: Duration = Duration::from_secs(1);
const BLOCK_WAIT: Duration = Duration::from_secs(5);

/// What is promised: the slowest file in a hundred, and the wait until a 503.
const STATIC_P99_MS: f64 = 10.0;
const QUEUE_WAIT_MS: f64 = 500.0;
/// The queue is looked through every 10 ms, and the answer has its way to go.
const REFUSAL_MS: f64 = 50.0;

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let folder = Folder::new().map_err(|error| format!("a temporary folder: {error}"))?;
    let files = folder.files();
    let files = files.to_str().ok_or("the temporary folder is no UTF-8")?;
    let flags = [
        "--policy",
        "fixed:16",
        "--workers",
        "4..16",
        "--static",
        files,
    ];
    let flags = [&flags[..], &["--max-requests", "1000000000"]].concat();
    let entrant = trial::ours(&options.app, &flags);
    let mut rounds = Vec::new();
    for _ in 0..options.number("--rounds") {
        rounds.push(round(&entrant.start()?, options.seconds("--seconds"))?);
    }
    page.say(&files_section(&rounds));
    page.say(&hello_section(&rounds));
    Ok(())
}

/// The files and the others, while all permits are blocked.
fn round(server: &Server, length: Duration) -> Result<[Tally; 2], String> {
    let source = |net, connections, pace, path: &str| Source {
        clients: addresses(net, 1),
        each: connections,
        pace,
        path: path.to_owned(),
    };
    let failed = |error: std::io::Error| format!("the load: {error}");
    let warm = [
        source(2, 4, Pace::Closed, "/hello"),
        source(2, 4, Pace::Closed, SMALL),
    ];
    traffic::run(server.address(), &warm, Duration::ZERO, WARM_UP).map_err(failed)?;
    let sleepers = block(server, length + MARGIN)?;
    let sources = [
        source(1, STATIC_CONNECTIONS, Pace::Closed, SMALL),
        source(2, HELLO_CONNECTIONS, Pace::Even(HELLO_PER_SECOND), "/hello"),
    ];
    let seen = traffic::run(server.address(), &sources, Duration::ZERO, length).map_err(failed)?;
    let busy = inside::ask(server.address())?.number("busy");
    if busy != PERMITS as u64 {
        return Err(format!(
            "{busy} permits were blocked at the end and not {PERMITS}"
        ));
    }
    drop(sleepers);
    let tallies: [Tally; 2] = seen.tallies.try_into().ok().expect("two sources");
    match tallies.iter().any(|tally| tally.answers.is_empty()) {
        true => Err("a source had no answer at all".to_owned()),
        false => Ok(tallies),
    }
}

/// Blocks all permits; they stay so while the connections live, and no longer than that time.
fn block(server: &Server, time: Duration) -> Result<Vec<Wire>, String> {
    let request = format!(
        "GET /sleep/{} HTTP/1.1\r\nHost: bench\r\n\r\n",
        time.as_millis()
    );
    let sleeper = || {
        let stream = dial(addresses(3, 1)[0], server.address())?;
        let mut wire = Wire::new(stream);
        wire.send(request.as_bytes()).map(|()| wire)
    };
    let sleepers: std::io::Result<Vec<Wire>> = (0..PERMITS).map(|_| sleeper()).collect();
    let sleepers = sleepers.map_err(|error| format!("a sleeper: {error}"))?;
    let began = Instant::now();
    while inside::ask(server.address())?.number("busy") < PERMITS as u64 {
        if began.elapsed() > BLOCK_WAIT {
            return Err("the permits do not fill up".to_owned());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(sleepers)
}

fn files_section(rounds: &[[Tally; 2]]) -> String {
    let of = |value: &dyn Fn(&[f64]) -> f64| {
        let values = rounds.iter().map(|[files, _]| value(&files.delays(200)));
        Spread::of(&values.collect::<Vec<_>>())
    };
    let slow = of(&|delays| quantile(delays, 0.99));
    let count = |tally: &Tally| {
        tally
            .answers
            .iter()
            .filter(|a| a.reply.status != 200)
            .count()
    };
    let others: usize = rounds.iter().map(|[files, _]| count(files)).sum();
    let failed: u64 = rounds
        .iter()
        .map(|[files, _]| files.failed + files.forgotten)
        .sum();
    format!(
        "\n### A file of 1 KiB over {STATIC_CONNECTIONS} connections\n\n\
         * answers in a round: {}; of another status than 200: {others}; without an answer: {failed}\n\
         * p50 {:.2} ms, p99 {:.2} ms, of rounds {:.2}-{:.2}; promised: p99 under {STATIC_P99_MS} ms\n\
         * the slowest of all: {:.2} ms\n",
        report::whole(of(&|delays| delays.len() as f64).median),
        of(&|delays| quantile(delays, 0.5)).median,
        slow.median,
        slow.low,
        slow.high,
        of(&|delays| quantile(delays, 1.0)).high,
    )
}

fn hello_section(rounds: &[[Tally; 2]]) -> String {
    let hello = || rounds.iter().map(|[_, hello]| hello);
    let answers = || hello().flat_map(|tally| &tally.answers);
    let delays: Vec<f64> = hello().flat_map(|tally| tally.delays(503)).collect();
    if delays.is_empty() {
        return "\n### New requests\n\nNone of them was answered with 503.\n".to_owned();
    }
    let late = delays
        .iter()
        .filter(|delay| **delay > QUEUE_WAIT_MS + REFUSAL_MS);
    format!(
        "\n### New requests at {HELLO_PER_SECOND}/s\n\n\
         * due {}, not sent {}; answered {} (the last still wait), with another status than 503 {}, without an answer {}\n\
         * until the 503: p50 {:.1} ms, p99 {:.1} ms, the slowest {:.1} ms; promised: within the \
         queue wait of {QUEUE_WAIT_MS} ms\n\
         * later than {} ms: {}\n\
         * 503 without Retry-After: {}\n",
        hello().map(|tally| tally.due).sum::<u64>(),
        hello().map(|tally| tally.unsent).sum::<u64>(),
        answers().count(),
        answers()
            .filter(|answer| answer.reply.status != 503)
            .count(),
        hello()
            .map(|tally| tally.failed + tally.forgotten)
            .sum::<u64>(),
        quantile(&delays, 0.5),
        quantile(&delays, 0.99),
        quantile(&delays, 1.0),
        QUEUE_WAIT_MS + REFUSAL_MS,
        late.count(),
        answers()
            .filter(|answer| answer.reply.status == 503 && !answer.reply.retry_after)
            .count(),
    )
}
