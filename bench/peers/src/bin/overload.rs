//! Five times more than the server can do: what it still does, how soon it says no, and whether a
//! greedy client takes from polite ones.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use harmonious_bench_peers::contest::server::{Entrant, Server};
use harmonious_bench_peers::report;
use harmonious_bench_peers::trial::inside::{self, Inside};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::refusals;
use harmonious_bench_peers::trial::traffic::{self, Pace, Seen, Source, Tally};
use harmonious_bench_peers::trial::{self, Page, addresses, promise};

const NAME: &str = "overload";

const ABOUT: &str = "\
Our server with 16 permits at /sleep/50, which makes 320 good answers/s at most. The peak: 16 and 32
connections, each with one request at a time. The flood: 1,600 requests/s at random moments, on 1,000
connections of 250 addresses. Fairness: 20 polite addresses, each with its share of the capacity,
beside a greedy one with 1,600/s. With fixed:16, and with adaptive for comparison.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--seconds",
        default: 12,
        about: "length of each measurement",
    },
    Number {
        name: "--warm-up",
        default: 3,
        about: "seconds of load before each",
    },
];

const PATH: &str = "/sleep/50";
/// Sixteen permits, each for 50 ms.
const CAPACITY: f64 = 16.0 / 0.05;
const OVERLOAD: f64 = 5.0;
const PEAK_CONNECTIONS: [usize; 2] = [16, 32];
const FLOOD_ADDRESSES: usize = 250;
const FLOOD_EACH: usize = 4;
const POLITE: usize = 20;
/// A client whose turn comes after those of 20 others waits 65 ms, and is served for 50: with two
/// connections it would sometimes have none free, and that would be no fault of the server.
const POLITE_EACH: usize = 4;
const GREEDY_EACH: usize = 1_000;
/// Each client's part of the capacity, the greedy one counted.
const SHARE: f64 = CAPACITY / (POLITE + 1) as f64;

const PEAK_PROMISE: f64 = 0.9;
const SHARE_PROMISE: f64 = 0.9;

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let policies = [("fixed:16", "4..16", true), ("adaptive", "4..256", false)];
    for (policy, workers, is_promised) in policies {
        let flags = ["--policy", policy, "--workers", workers];
        let more = ["--max-per-address", "2000", "--max-requests", "1000000000"];
        let entrant = trial::ours(&options.app, &[flags, more].concat());
        let trial = Trial {
            entrant,
            warm_up: options.seconds("--warm-up"),
            length: options.seconds("--seconds"),
            is_promised,
        };
        page.say(&format!("\n### {policy}\n\n"));
        let peak = trial.peak(page)?;
        trial.flood(page, peak)?;
        trial.fairness(page)?;
    }
    Ok(())
}

/// The measurements of one policy.
struct Trial {
    entrant: Entrant,
    warm_up: Duration,
    length: Duration,
    is_promised: bool,
}

impl Trial {
    /// Good answers per second without overload: the better of the two loads.
    fn peak(&self, page: &mut Page) -> Result<f64, String> {
        let mut peak: f64 = 0.0;
        for connections in PEAK_CONNECTIONS {
            let server = self.entrant.start()?;
            let source = self.source(1, connections, 1, Pace::Closed);
            let (seen, _) = self.load(&server, &[source])?;
            let tally = &seen.tallies[0];
            let rate = self.rate(tally);
            peak = peak.max(rate);
            page.say(&format!(
                "* peak with {connections} connections: {rate:.1} good answers/s, {}; other \
                 answers {}, without an answer {}\n",
                refusals::delays(&tally.delays(200)),
                tally.answers.len() - tally.delays(200).len(),
                tally.failed + tally.forgotten,
            ));
        }
        Ok(peak)
    }

    /// Many clients, together far too much.
    fn flood(&self, page: &mut Page, peak: f64) -> Result<(), String> {
        let server = self.entrant.start()?;
        let pace = Pace::Random(OVERLOAD * CAPACITY);
        let source = self.source(1, FLOOD_ADDRESSES, FLOOD_EACH, pace);
        let (seen, [before, after]) = self.load(&server, &[source])?;
        let tally = &seen.tallies[0];
        let rate = self.rate(tally);
        page.say(&format!(
            "* flood: {}; sent late by {}\n\
             * flood: {rate:.1} good answers/s, {:.2} of the peak{}; {}\n",
            sent(tally, self.length),
            refusals::delays(&seen.late_ms),
            rate / peak,
            promise(self.is_promised, &format!("{PEAK_PROMISE:.2}")),
            refusals::delays(&tally.delays(200)),
        ));
        let rejects = after.rejects_since(&before);
        page.say(&refusals::section(tally, &rejects, self.is_promised));
        Ok(())
    }

    /// Polite clients beside a greedy one.
    fn fairness(&self, page: &mut Page) -> Result<(), String> {
        let server = self.entrant.start()?;
        let polite = addresses(2, POLITE).into_iter().map(|client| Source {
            clients: vec![client],
            ..self.source(2, 0, POLITE_EACH, Pace::Even(SHARE))
        });
        let greedy = self.source(3, 1, GREEDY_EACH, Pace::Random(OVERLOAD * CAPACITY));
        let sources: Vec<Source> = polite.chain([greedy]).collect();
        let (seen, [before, after]) = self.load(&server, &sources)?;
        let (greedy, polite) = seen.tallies.split_last().expect("a greedy one");
        let parts: Vec<f64> = polite.iter().map(|one| self.rate(one) / SHARE).collect();
        let worst = parts.iter().copied().fold(f64::INFINITY, f64::min);
        let sum = |value: fn(&Tally) -> u64| polite.iter().map(value).sum::<u64>();
        let delays: Vec<f64> = polite.iter().flat_map(|one| one.delays(200)).collect();
        let promise = promise(self.is_promised, &format!("{SHARE_PROMISE:.2}"));
        page.say(&format!(
            "* {POLITE} polite clients: of their share of {SHARE:.1}/s each got {:.2} on average, \
             the worst {worst:.2}{promise}; {}; 503: {}, not sent: {}, without an answer: {}\n\
             * the greedy client: {}; {:.1} good answers/s; by the server's count refused: {}\n",
            parts.iter().sum::<f64>() / parts.len() as f64,
            refusals::delays(&delays),
            sum(|one| one.delays(503).len() as u64),
            sum(|one| one.unsent),
            sum(|one| one.failed + one.forgotten),
            sent(greedy, self.length),
            self.rate(greedy),
            inside::list(&after.rejects_since(&before)),
        ));
        Ok(())
    }

    fn source(&self, net: u8, clients: usize, each: usize, pace: Pace) -> Source {
        Source {
            clients: addresses(net, clients),
            each,
            pace,
            path: PATH.to_owned(),
        }
    }

    /// Puts the load on, and asks the server for its figures where the measured time begins and
    /// ends.
    fn load(&self, server: &Server, sources: &[Source]) -> Result<(Seen, [Inside; 2]), String> {
        thread::scope(|scope| {
            let (address, warm_up, length) = (server.address(), self.warm_up, self.length);
            let figures = scope.spawn(move || {
                thread::sleep(warm_up);
                let before = inside::ask(address);
                thread::sleep(length);
                Ok([before?, inside::ask(address)?])
            });
            let seen = traffic::run(address, sources, warm_up, length);
            let figures: Result<[Inside; 2], String> = figures.join().expect("no panic");
            let seen = seen.map_err(|error| format!("the load: {error}"))?;
            Ok((seen, figures?))
        })
    }

    fn rate(&self, tally: &Tally) -> f64 {
        tally.delays(200).len() as f64 / self.length.as_secs_f64()
    }
}

fn sent(tally: &Tally, length: Duration) -> String {
    let offered = tally.due as f64 / length.as_secs_f64();
    let (unsent, failed, forgotten) = (tally.unsent, tally.failed, tally.forgotten);
    format!(
        "{} requests/s offered, not sent {unsent}, connections lost {failed}, without an answer \
         {forgotten}",
        report::whole(offered)
    )
}
