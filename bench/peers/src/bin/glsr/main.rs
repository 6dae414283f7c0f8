//! The script repository with as many scripts as a busy one has: how long they take to come in, how soon a search is
//! answered, how many pages a second.
#![forbid(unsafe_code)]

mod corpus;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::Kept;
use harmonious_bench_peers::contest::server::Server;
use harmonious_bench_peers::contest::wrk::{self, Figures, Load};
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::{self, Site, gone, place};
use harmonious_bench_peers::stats::quantile;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "glsr";

const ABOUT: &str = "\
Copies the first scripts that packages brought to this machine (/usr/share/doc/*/examples, /usr/lib/python3*,
/usr/share/perl*), imports them into a new sites/glsr with SQLite, and imports them once more; searches for words
that are in them, two at a time, on 4 connections; and asks for a list and for the page of a script with wrk.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--scripts",
        default: 2_000,
        about: "that are imported",
    },
    Number {
        name: "--searches",
        default: 2_000,
        about: "each for other words",
    },
    Number {
        name: "--seconds",
        default: 5,
        about: "of wrk for each measurement",
    },
    Number {
        name: "--rounds",
        default: 3,
        about: "of wrk; the median is reported",
    },
];

/// What is promised of 2,000 scripts.
const IMPORT_S: f64 = 60.0;
const AGAIN_S: f64 = 5.0;
const SEARCH_P99_MS: f64 = 20.0;
const PAGES: f64 = 2_000.0;

const SEARCHERS: usize = 4;
const CONNECTIONS: usize = 64;
const WRK_THREADS: usize = 2;
const WARM_UP_S: u64 = 2;
const PATIENCE: Duration = Duration::from_secs(10);
/// The list that is asked for.
const LIST: &str = "/browse/";

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    wrk::find()?;
    let scripts = options.number("--scripts");
    let site = Site::copy_of("sites/glsr", NAME)?;
    site.build(&options.harmonious)?;
    let folder = place().join("glsr-corpus");
    gone(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let words = corpus::gather(&folder, scripts as usize)?;
    // What a first start does is not what an import does.
    site.task(&options.harmonious, &["upkeep"])?;
    let import = ["import", folder.to_str().ok_or("a path that is not UTF-8")?];
    let (said, first) = site.task(&options.harmonious, &import)?;
    told(&said, "taken", scripts)?;
    let (said, again) = site.task(&options.harmonious, &import)?;
    told(&said, "unchanged", scripts)?;
    let mut kept = imports(page, scripts, first, again);

    let flags = ["--access-log", "off", "--max-per-address", "2000"];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &[&site], &flags);
    let server = entrant.start()?;
    let delays = search(server.address(), &words, options.number("--searches"))?;
    kept &= searches(page, &delays);

    let script = one_script(server.address())?;
    let paths = [
        ("a list of 20", LIST),
        ("the page of a script", script.as_str()),
    ];
    for (what, path) in paths {
        let rounds = (0..options.number("--rounds"))
            .map(|_| load(&server, path, options.number("--seconds")))
            .collect::<Result<Vec<Figures>, String>>()?;
        kept &= pages(page, what, path, &rounds);
    }
    match kept {
        true => Ok(()),
        false => Err("not all of it is as promised".to_owned()),
    }
}

/// Whether an import counts so many.
fn told(said: &str, what: &str, count: u64) -> Result<(), String> {
    let told = said
        .lines()
        .any(|line| line.trim() == format!("{count} {what}"));
    match told {
        true => Ok(()),
        false => Err(format!("the import does not tell {count} {what}:\n{said}")),
    }
}

fn imports(page: &mut Page, scripts: u64, first: Duration, again: Duration) -> bool {
    let (first, again) = (first.as_secs_f64(), again.as_secs_f64());
    page.say(&format!(
        "\n### {} scripts imported, with SQLite\n\n\
         * {first:.1} s, {} scripts a second; promised: under {IMPORT_S:.0} s\n\
         * once more, with nothing changed: {again:.1} s; promised: under {AGAIN_S:.0} s\n",
        report::whole(scripts as f64),
        report::whole(scripts as f64 / first),
    ));
    first < IMPORT_S && again < AGAIN_S
}

/// How long each search took, in milliseconds.
fn search(server: SocketAddr, words: &[String], count: u64) -> Result<Vec<f64>, String> {
    if words.is_empty() {
        return Err("there are no words in the scripts".to_owned());
    }
    let searcher = |number: usize| {
        let mut kept = Kept::new(server, PATIENCE);
        // The first one opens the libraries of the page.
        ask(&mut kept, "/search?q=first")?;
        (number as u64..count)
            .step_by(SEARCHERS)
            .map(|at| {
                let [one, other] = [2 * at, 2 * at + 1].map(|at| &words[spread(at, words.len())]);
                ask(&mut kept, &format!("/search?q={one}+{other}"))
            })
            .collect::<Result<Vec<f64>, String>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..SEARCHERS)
            .map(|number| scope.spawn(move || searcher(number)))
            .collect();
        let mut delays = Vec::new();
        for thread in threads {
            delays.extend(thread.join().expect("no panic")?);
        }
        Ok(delays)
    })
}

/// Places all over a list, in an order that looks random and is the same in every run.
fn spread(at: u64, length: usize) -> usize {
    // Knuth's multiplicative hash; its upper bits are the better ones.
    let hashed = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    hashed as usize % length
}

/// Asks for a page that has to be there; milliseconds.
fn ask(kept: &mut Kept, path: &str) -> Result<f64, String> {
    let began = Instant::now();
    let answer = kept.get(path);
    let ms = began.elapsed().as_secs_f64() * 1e3;
    match answer {
        Ok(answer) if answer.status == 200 => Ok(ms),
        Ok(answer) => Err(format!("{path}: status {} and not 200", answer.status)),
        Err(error) => Err(format!("{path}: {error}")),
    }
}

fn searches(page: &mut Page, delays: &[f64]) -> bool {
    let p99 = quantile(delays, 0.99);
    page.say(&format!(
        "\n### Searches for two words, on {SEARCHERS} connections\n\n\
         * {} searches: p50 {:.1} ms, p99 {p99:.1} ms, the slowest {:.1} ms; promised: p99 under \
         {SEARCH_P99_MS:.0} ms\n",
        report::whole(delays.len() as f64),
        quantile(delays, 0.5),
        quantile(delays, 1.0),
    ));
    p99 < SEARCH_P99_MS
}

/// The path of the page of some script: the first of the list.
fn one_script(server: SocketAddr) -> Result<String, String> {
    let answer = Kept::new(server, PATIENCE).get(LIST);
    let answer = answer.map_err(|error| format!("{LIST}: {error}"))?;
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let found = body
        .split("href=\"/scripts/")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    match found {
        Some(name) => Ok(format!("/scripts/{name}")),
        None => Err(format!("{LIST} shows no script: {body}")),
    }
}

fn load(server: &Server, path: &str, seconds: u64) -> Result<Figures, String> {
    let url = format!("http://{}{path}", server.address());
    let mut load = Load {
        threads: WRK_THREADS,
        connections: CONNECTIONS,
        seconds: WARM_UP_S,
        fields: &[],
    };
    wrk::run(&load, &url, || {})?;
    load.seconds = seconds;
    let figures = wrk::run(&load, &url, || {})?;
    match figures.refused + figures.failed {
        0 => Ok(figures),
        bad => Err(format!("{path}: {bad} answers were not good")),
    }
}

fn pages(page: &mut Page, what: &str, path: &str, rounds: &[Figures]) -> bool {
    let all = |value: fn(&Figures) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
    let rates = all(|figures| figures.rate);
    let rate = quantile(&rates, 0.5);
    page.say(&format!(
        "\n### {path}: {what}, on {CONNECTIONS} connections\n\n\
         * {} requests/s, of rounds {}-{}; p50 {:.2} ms, p99 {:.2} ms; promised: above {} a second\n",
        report::whole(rate),
        report::whole(quantile(&rates, 0.0)),
        report::whole(quantile(&rates, 1.0)),
        quantile(&all(|figures| figures.p50_ms), 0.5),
        quantile(&all(|figures| figures.p99_ms), 0.5),
        report::whole(PAGES),
    ));
    rate > PAGES
}
