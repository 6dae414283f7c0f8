//! Modules that panic ten thousand times and one that never ends: what they cost the others.
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::{self, Kept};
use harmonious_bench_peers::contest::server::Server;
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::control::{Control, PoolFigures};
use harmonious_bench_peers::sites::{self, Site};
use harmonious_bench_peers::stats::quantile;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "faults";

const ABOUT: &str = "\
Asks bench/site for /panic, a page that panics, from several connections; looks at memory, permits and
threads before, after a tenth and at the end. Then for /loop, which never ends and may take 1 s, while
others ask for /hello.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--panics",
        default: 10_000,
        about: "how many",
    },
    Number {
        name: "--connections",
        default: 8,
        about: "that ask at once",
    },
];

/// Permits; a number that the controller does not change, so that a lost one is seen.
const PERMITS: u64 = 8;
/// What the error page of the site says.
const ERROR_PAGE: &str = "The error page of the measured site.";
/// What is promised: memory at the end to memory after a tenth.
const MEMORY_RATIO: f64 = 1.10;

/// The time limit of /loop.
const TIME_LIMIT: Duration = Duration::from_secs(1);
/// How long others are watched before and after it.
const AROUND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
/// Beside /loop, so many ask for /hello, this long after each answer.
const OTHERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(2);

/// The server at one moment.
struct Look {
    after: String,
    resident_kib: u64,
    pool: PoolFigures,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let site = Site::of_repository();
    site.build(&options.harmonious)?;
    let control = Control::new();
    let (address, policy) = (control.address(), format!("fixed:{PERMITS}"));
    let flags = [
        "--control",
        &address,
        "--policy",
        &policy,
        "--access-log",
        "off",
    ];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &[&site], &flags);
    let server = entrant.start()?;
    let (text, panics_hold) = panics(options, &server, &control)?;
    page.say(&text);
    let (text, loop_holds) = endless(&server, &control)?;
    page.say(&text);
    match panics_hold && loop_holds {
        true => Ok(()),
        false => Err("not all of it is as promised".to_owned()),
    }
}

fn panics(options: &Options, server: &Server, control: &Control) -> Result<(String, bool), String> {
    let (all, connections) = (options.number("--panics"), options.number("--connections"));
    // What is made once is made before the first look: the libraries, the workers.
    let mut wrong = ask_many(server.address(), all.min(100), connections);
    let mut looks = vec![look("warming up", server, control)?];
    let began = Instant::now();
    for (after, count) in [(all / 10, all / 10), (all, all - all / 10)] {
        wrong.extend(ask_many(server.address(), count, connections));
        let after = report::whole(after as f64) + " panics";
        looks.push(look(&after, server, control)?);
    }
    let took = began.elapsed().as_secs_f64();
    Ok(told_of_panics(&looks, &wrong, all, took))
}

/// Asks for the page that panics; what came instead of its error page.
fn ask_many(server: SocketAddr, count: u64, connections: u64) -> Vec<String> {
    thread::scope(|scope| {
        let clients = (0..connections).map(|at| {
            let share = count / connections + u64::from(at < count % connections);
            scope.spawn(move || {
                let mut kept = Kept::new(server, PATIENCE);
                let asked = (0..share).filter_map(|_| wrong(kept.get("/panic")));
                asked.collect::<Vec<_>>()
            })
        });
        let clients: Vec<_> = clients.collect();
        let joined = clients.into_iter().map(|client| client.join());
        joined.flat_map(|wrong| wrong.expect("no panic")).collect()
    })
}

fn wrong(answer: std::io::Result<client::Answer>) -> Option<String> {
    match answer {
        Ok(answer) => {
            let body = String::from_utf8_lossy(&answer.body);
            let is_right = answer.status == 500 && body.contains(ERROR_PAGE);
            (!is_right).then(|| format!("{}: {body:.200}", answer.status))
        }
        Err(error) => Some(error.to_string()),
    }
}

fn look(after: &str, server: &Server, control: &Control) -> Result<Look, String> {
    Ok(Look {
        after: after.to_owned(),
        pool: control.pool_at_rest()?,
        resident_kib: server.usage().resident_kib,
    })
}

fn told_of_panics(looks: &[Look], wrong: &[String], all: u64, took: f64) -> (String, bool) {
    let rows = looks.iter().map(|look| {
        let (pool, mb) = (look.pool, look.resident_kib as f64 / 1024.0);
        let cells = [pool.limit, pool.busy, pool.threads, pool.job_panics];
        let numbers = cells.iter().map(u64::to_string);
        [look.after.clone(), format!("{mb:.1}")]
            .into_iter()
            .chain(numbers)
            .collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let [start, tenth, end] = looks else {
        unreachable!("three looks")
    };
    let ratio = end.resident_kib as f64 / tenth.resident_kib as f64;
    let same = end.pool.limit == start.pool.limit && end.pool.busy == 0;
    let header = [
        "after",
        "resident, MB",
        "permits",
        "busy",
        "threads",
        "panics in the pool",
    ];
    let mut text = format!(
        "\n### Panics\n\n{}\n\
         * {} requests of /panic in {took:.1} s; not answered with 500 and the site's error page: \
         {}; promised: 0\n\
         * memory at the end {ratio:.2} of what it was after a tenth; promised: at most \
         {MEMORY_RATIO:.2}\n\
         * permits {}; promised: unchanged\n",
        report::table(&header, &rows),
        report::whole(all as f64),
        wrong.len(),
        if same { "unchanged" } else { "changed" },
    );
    text.extend(
        wrong
            .iter()
            .take(5)
            .map(|wrong| format!("* wrong: {wrong}\n")),
    );
    (text, wrong.is_empty() && ratio <= MEMORY_RATIO && same)
}

/// One page that never ends, while others ask for another.
fn endless(server: &Server, control: &Control) -> Result<(String, bool), String> {
    let before = control.pool_at_rest()?;
    let over = AtomicBool::new(false);
    let (answer, took, others) = thread::scope(|scope| {
        let (address, over) = (server.address(), &over);
        let others = (0..OTHERS).map(|_| scope.spawn(move || hello(address, over)));
        let others: Vec<_> = others.collect();
        thread::sleep(AROUND);
        let began = Instant::now();
        let answer = Kept::new(address, PATIENCE).get("/loop");
        let took = began.elapsed();
        thread::sleep(AROUND);
        over.store(true, Ordering::SeqCst);
        let joined = others.into_iter().map(|other| other.join());
        let others: Vec<_> = joined.map(|other| other.expect("no panic")).collect();
        (answer, took, others)
    });
    let after = control.pool_at_rest()?;
    let status = match answer {
        Ok(answer) => answer.status.to_string(),
        Err(error) => error.to_string(),
    };
    let failed: u64 = others.iter().map(|(_, failed)| failed).sum();
    let delays: Vec<f64> = others.into_iter().flat_map(|(delays, _)| delays).collect();
    let at = |q| match delays.is_empty() {
        true => f64::NAN,
        false => quantile(&delays, q),
    };
    let text = format!(
        "\n### A page that never ends\n\n\
         * /loop, which may take {:.0} s: {status} after {:.2} s; promised: 504\n\
         * meanwhile {} requests of /hello: p50 {:.2} ms, p99 {:.2} ms, the slowest {:.2} ms; \
         without a good answer: {failed}; promised: 0\n\
         * permits {} before, {} after; threads {} before, {} after (one of them is lost in the \
         loop)\n",
        TIME_LIMIT.as_secs_f64(),
        took.as_secs_f64(),
        report::whole(delays.len() as f64),
        at(0.5),
        at(0.99),
        at(1.0),
        before.limit,
        after.limit,
        before.threads,
        after.threads,
    );
    let holds = status == "504" && failed == 0 && before.limit == after.limit;
    Ok((text, holds))
}

/// Delays of good answers in milliseconds, and how many were none.
fn hello(server: SocketAddr, over: &AtomicBool) -> (Vec<f64>, u64) {
    let mut kept = Kept::new(server, PATIENCE);
    let (mut delays, mut failed) = (Vec::new(), 0);
    while !over.load(Ordering::SeqCst) {
        let began = Instant::now();
        match kept.get("/hello") {
            Ok(answer) if answer.status == 200 => {
                delays.push(began.elapsed().as_secs_f64() * 1e3);
            }
            _ => failed += 1,
        }
        thread::sleep(PAUSE);
    }
    (delays, failed)
}
