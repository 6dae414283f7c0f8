//! The server is asked to end while 32 clients are at it: nothing that was begun may be lost.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::server::Entrant;
use harmonious_bench_peers::stats::{Spread, quantile};
use harmonious_bench_peers::trial::clients::{self, Count};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "stop";

const ABOUT: &str = "\
Starts our server, puts 32 clients on it (half keep their connection, and some of these rest between
requests; half take a new one for each request; /hello, /sleep/20, /big/1 and a POST of 100 KB in
turn), asks it to end by SIGTERM, and counts what became of every request.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--rounds",
        default: 20,
        about: "how often",
    },
    Number {
        name: "--before-ms",
        default: 1_000,
        about: "load before the signal, in milliseconds",
    },
];

const CLIENTS: usize = 32;
const GRACE: Duration = Duration::from_secs(10);
/// After the grace the server ends its threads; longer than this, it hangs.
const END_WAIT: Duration = Duration::from_secs(15);

/// How one server ended.
struct End {
    count: Count,
    /// The exit code; none where a signal ended it, or it had to be killed.
    code: Option<i32>,
    took: Duration,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let grace = format!("{}s", GRACE.as_secs());
    let entrant = trial::ours(&options.app, &["--grace", &grace]);
    let before = Duration::from_millis(options.number("--before-ms"));
    let mut ends = Vec::new();
    for round in 0..options.number("--rounds") {
        // The signal hits another moment of the clients' turns each time.
        let end = end(&entrant, before + Duration::from_millis(7 * round))?;
        let (code, took) = (code(end.code), end.took.as_secs_f64());
        println!(
            "{}: {}; exit {code} after {took:.2} s",
            round + 1,
            end.count
        );
        ends.push(end);
    }
    page.say(&section(&ends));
    Ok(())
}

/// One server, from its start to its end.
fn end(entrant: &Entrant, before: Duration) -> Result<End, String> {
    let mut server = entrant.start()?;
    let address = server.address();
    let (asked, over) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || clients::run(number, address, asked, over)))
            .collect();
        thread::sleep(before);
        // First, so that no connection that ends by the signal counts as ended without one.
        asked.store(true, Ordering::SeqCst);
        let began = Instant::now();
        let ended = server.terminate().and_then(|()| server.wait_end(END_WAIT));
        let took = began.elapsed();
        over.store(true, Ordering::SeqCst);
        drop(server);
        let mut count = Count::default();
        for client in clients {
            count.add(&client.join().expect("no panic"));
        }
        let status = ended.map_err(|error| format!("the signal: {error}"))?;
        let code = status.and_then(|status| status.code());
        Ok(End { count, code, took })
    })
}

fn section(ends: &[End]) -> String {
    let mut sum = Count::default();
    ends.iter().for_each(|end| sum.add(&end.count));
    let took: Vec<f64> = ends.iter().map(|end| end.took.as_secs_f64()).collect();
    let spread = Spread::of(&took);
    let clean = ends.iter().filter(|end| end.code == Some(0)).count();
    let late = ends.iter().filter(|end| end.took > GRACE).count();
    let codes: Vec<String> = ends.iter().map(|end| code(end.code)).collect();
    let mut text = format!(
        "\n### SIGTERM under load\n\n\
         * in all: {sum}\n\
         * lost {}; promised: 0\n\
         * exit 0: {clean} of {}; promised: all\n\
         * from the signal to the exit: median {:.2} s, p90 {:.2} s, {:.2}-{:.2} s; later than the \
         grace of {} s: {late}\n",
        sum.lost,
        ends.len(),
        spread.median,
        quantile(&took, 0.9),
        spread.low,
        spread.high,
        GRACE.as_secs(),
    );
    if clean < ends.len() {
        text += &format!("* exit codes in turn: {}\n", codes.join(" "));
    }
    let examples = sum.examples.iter();
    text.extend(examples.map(|example| format!("* not answered well: {example}\n")));
    text
}

fn code(code: Option<i32>) -> String {
    code.map_or("none".to_owned(), |code| code.to_string())
}
