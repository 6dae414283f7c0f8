//! The first request of a module that is built and not loaded, beside those that follow.
#![forbid(unsafe_code)]

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::Kept;
use harmonious_bench_peers::contest::server::Entrant;
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::{self, Site, Text, repository};
use harmonious_bench_peers::stats::quantile;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "cold";

const ABOUT: &str = "\
Makes a site of many domains, each with its own _parent, a named parent and a page that inherits from
both (the sources of bench/site), builds it, and asks for each page over one connection: once cold,
when three libraries are opened for it, then warm. The libraries are in the system's cache of files.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--modules",
        default: 40,
        about: "domains, each with three modules",
    },
    Number {
        name: "--rounds",
        default: 3,
        about: "how often the server is started anew",
    },
    Number {
        name: "--warm",
        default: 30,
        about: "requests of each page after the first",
    },
];

/// What is promised: the first request above a warm one.
const ABOVE_MS: f64 = 5.0;
const PATIENCE: Duration = Duration::from_secs(10);

/// The times of one start, in milliseconds.
#[derive(Default)]
struct Round {
    first: Vec<f64>,
    warm: Vec<f64>,
    /// Page by page, the first above the median of the warm ones.
    above: Vec<f64>,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let domains = options.number("--modules");
    let site = Site::make(NAME, "harmonious-bench-cold", &files(domains)?)?;
    site.build(&options.harmonious)?;
    let flags = ["--access-log", "off"];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &[&site], &flags);
    let rounds =
        (0..options.number("--rounds")).map(|_| round(&entrant, domains, options.number("--warm")));
    let rounds = rounds.collect::<Result<Vec<_>, _>>()?;
    page.say(&section(&rounds));
    Ok(())
}

/// The modules of bench/site in each of many domains, and once more for a first page that warms up
/// what is not measured.
fn files(domains: u64) -> Result<Vec<Text>, String> {
    let read = |name: &str| {
        let path = repository().join("bench/site/domains").join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let modules = [
        ("_parent.rs", read("_parent.rs")?),
        ("_outer.rs", read("_outer.rs")?),
        ("hello.rs", hello(&read("hello.rs")?)?),
    ];
    let names = (0..domains).map(domain).chain(["warm".to_owned()]);
    let files = names.flat_map(|domain| {
        let of = |(name, text): &(&str, String)| (format!("domains/{domain}/{name}"), text.clone());
        modules.iter().map(of).collect::<Vec<_>>()
    });
    Ok(files.collect())
}

/// The page with the path of its bytes as it is from elsewhere.
fn hello(text: &str) -> Result<String, String> {
    let bytes = repository().join("bench/hello.html");
    let changed = text.replace("\"../../hello.html\"", &format!("{bytes:?}"));
    match changed == text {
        true => Err("bench/site/domains/hello.rs does not include ../../hello.html".to_owned()),
        false => Ok(changed),
    }
}

fn domain(at: u64) -> String {
    format!("d{at:03}")
}

fn round(entrant: &Entrant, domains: u64, warm: u64) -> Result<Round, String> {
    let server = entrant.start()?;
    let mut kept = Kept::new(server.address(), PATIENCE);
    let mut ask = |domain: &str| {
        let path = format!("/{domain}/hello");
        let began = Instant::now();
        let answer = kept.get(&path);
        let ms = began.elapsed().as_secs_f64() * 1e3;
        match answer {
            Ok(answer) if answer.status == 200 => Ok(ms),
            Ok(answer) => Err(format!("{path}: status {} and not 200", answer.status)),
            Err(error) => Err(format!("{path}: {error}")),
        }
    };
    for _ in 0..=warm {
        ask("warm")?;
    }
    let mut round = Round::default();
    for at in 0..domains {
        let first = ask(&domain(at))?;
        let warm: Vec<f64> = (0..warm)
            .map(|_| ask(&domain(at)))
            .collect::<Result<_, _>>()?;
        round.first.push(first);
        round.above.push(first - quantile(&warm, 0.5));
        round.warm.extend(warm);
    }
    Ok(round)
}

fn section(rounds: &[Round]) -> String {
    let row = |name: String, round: &Round| {
        let ms = |value: f64| format!("{value:.2}");
        let all = [&round.first, &round.warm, &round.above];
        let [first, warm, above] = all.map(|values| quantile(values, 0.5));
        vec![
            name,
            ms(first),
            ms(warm),
            ms(above),
            ms(quantile(&round.above, 0.95)),
            ms(quantile(&round.above, 1.0)),
        ]
    };
    let mut all = Round::default();
    for round in rounds {
        all.first.extend(&round.first);
        all.warm.extend(&round.warm);
        all.above.extend(&round.above);
    }
    let each = rounds.iter().enumerate();
    let mut rows: Vec<_> = each
        .map(|(at, round)| row(format!("{}", at + 1), round))
        .collect();
    rows.push(row("all".to_owned(), &all));
    let header = [
        "start",
        "first, ms",
        "warm, ms",
        "above, ms",
        "above p95, ms",
        "above most, ms",
    ];
    format!(
        "\n### A page with two parents, asked for the first time\n\n{}\n\
         * the first request above a warm one: median {:.2} ms, p95 {:.2} ms; promised: under \
         {ABOVE_MS:.0} ms\n",
        report::table(&header, &rows),
        quantile(&all.above, 0.5),
        quantile(&all.above, 0.95),
    )
}
