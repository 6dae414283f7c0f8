//! What a page costs: ours beside the bare engine below it, and beside minijinja.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use harmonious_bench_peers::rounds::interleave;
use harmonious_bench_peers::sites::{gone, place};
use harmonious_bench_peers::stats::Spread;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page as Paper};
use harmonious_bench_peers::{estimates, report};

mod engines;
mod highlight;
mod pages;

use engines::{Engines, Who};
use pages::{PAGES, Page};

/// As in the server: much of a page's time is small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: &str = "templates";

const ABOUT: &str = "\
Pages rendered by ours, by the bare engine below it (Tera, with its own escaping) and by minijinja, from
the values that the server has and from values that are the engine's own already. All make the same
bytes; that is looked at first.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--rounds",
        default: 5,
        about: "measurements of each",
    },
    Number {
        name: "--millis",
        default: 1_000,
        about: "length of one measurement",
    },
];

/// What is promised of the first page: at most so many times the other's time.
const TO_TERA: f64 = 1.1;
const TO_MINIJINJA: f64 = 1.2;

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, paper: &mut Paper) -> Result<(), String> {
    let engines = Engines::new()?;
    for page in &PAGES {
        same(&engines, page)?;
    }
    for (number, page) in PAGES.iter().enumerate() {
        let measured = measure(options, &engines, page)?;
        let bytes = engines.render(Who::Ours, page).len();
        paper.say(&section(page, bytes, &measured));
        if number == 0 {
            paper.say(&promises(&measured));
        }
    }
    paper.say(&highlight::section());
    Ok(())
}

/// That all make the same bytes.
fn same(engines: &Engines, page: &Page) -> Result<(), String> {
    let ours = engines.render(Who::Ours, page);
    for who in Who::ALL {
        let other = engines.render(who, page);
        let mut lines = ours.lines().zip(other.lines());
        if let Some((ours, other)) = lines.find(|(ours, other)| ours != other) {
            return Err(format!(
                "{}: {} writes {other:?} where ours writes {ours:?}",
                page.file,
                who.name()
            ));
        }
        if ours != other {
            let (lengths, who) = ([ours.len(), other.len()], who.name());
            return Err(format!("{}: ours and {who}: {lengths:?} bytes", page.file));
        }
    }
    Ok(())
}

/// Medians in nanoseconds: who, round.
fn measure(options: &Options, engines: &Engines, page: &Page) -> Result<Vec<Vec<f64>>, String> {
    let output = place().join("criterion");
    gone(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let length = Duration::from_millis(options.number("--millis"));
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(&output)
        .warm_up_time(length / 2)
        .measurement_time(length);
    let rounds = options.number("--rounds") as usize;
    let mut turn = 0;
    let measured = interleave(Who::ALL.len(), rounds, |at| {
        turn += 1;
        let (who, name) = (Who::ALL[at], format!("{NAME}-{turn}"));
        let mut group = criterion.benchmark_group(&name);
        group.bench_function(BenchmarkId::new(who.name(), page.file), |bencher| {
            bencher.iter(|| engines.render(black_box(who), black_box(page)));
        });
        group.finish();
        estimates::median(&output.join(&name))
    });
    let rounds = measured
        .into_iter()
        .map(|rounds| rounds.into_iter().collect());
    rounds.collect()
}

fn section(page: &Page, bytes: usize, measured: &[Vec<f64>]) -> String {
    let rows = Who::ALL.iter().zip(measured).map(|(who, rounds)| {
        let micros = |nanos: f64| format!("{:.2}", nanos / 1e3);
        let spread = Spread::of(rounds);
        let to = |other| format!("{:.2}", ratio(measured, *who, other).0);
        vec![
            who.name().to_owned(),
            micros(spread.median),
            format!("{}-{}", micros(spread.low), micros(spread.high)),
            to(Who::Tera),
            to(Who::Minijinja),
        ]
    });
    let header = [
        "who",
        "median, \u{b5}s",
        "of rounds",
        "to tera",
        "to minijinja",
    ];
    let table = report::table(&header, &rows.collect::<Vec<_>>());
    let (file, about, bytes) = (page.file, page.about, report::whole(bytes as f64));
    format!("\n### {file}\n\n{about}; {bytes} bytes\n\n{table}")
}

fn promises(measured: &[Vec<f64>]) -> String {
    let line = |other: Who, bound: f64| {
        let (whole, rounds) = ratio(measured, Who::Ours, other);
        format!(
            "* ours to {}: {whole:.2}, of rounds {:.2}-{:.2}; promised: at most {bound:.2}\n",
            other.name(),
            rounds.low,
            rounds.high,
        )
    };
    let lines = [line(Who::Tera, TO_TERA), line(Who::Minijinja, TO_MINIJINJA)];
    format!("\n{}", lines.concat())
}

/// One's time divided by another's: of the medians, and of the rounds.
fn ratio(measured: &[Vec<f64>], one: Who, other: Who) -> (f64, Spread) {
    let of = |who: Who| &measured[who as usize];
    let rounds: Vec<f64> = of(one).iter().zip(of(other)).map(|(a, b)| a / b).collect();
    let medians = Spread::of(of(one)).median / Spread::of(of(other)).median;
    (medians, Spread::of(&rounds))
}
