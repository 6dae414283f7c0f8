//! The pool beside its peers, on jobs that do nothing: what one hand-over costs.
//!
//! Every row of figures ("cell") is measured in a process of its own, so that threads left behind by
//! one cannot disturb the next. In a cell the contenders live side by side and take turns.
#![forbid(unsafe_code)]

use std::env;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use harmonious_bench_peers::load::{Contender, Run};
use harmonious_bench_peers::peers::contenders;
use harmonious_bench_peers::report;
use harmonious_bench_peers::rounds::{interleave, rest};
use harmonious_bench_peers::stats::{Better, Spread, quantile, to_best_other};

const NAME: &str = "pool-raw";

const USAGE: &str = "\
pool-raw [--rounds N] [--millis N] [--only TEXT] [--write]

  --rounds N   turns of each contender; the median is reported (default 7)
  --millis N   length of one turn, about (default 500)
  --only TEXT  only the cells whose name contains the text
  --write      put the tables into bench/RESULTS.md

Cells: idle-start-200us and -5ms, outside-N and inside-N for N of 1, 4, 64 and 512 permits,
blocked-outside, blocked-inside.
";

/// Permits of the throughput cells.
const PERMITS: [usize; 4] = [1, 4, 64, 512];
/// Permits of the cell that looks at one submission at a time.
const PERMITS_IDLE: usize = 4;
/// How long that pool is idle before each submission: threads may still look for work, or surely
/// sleep; and how many submissions are looked at in one turn.
const IDLE: [(Duration, usize); 2] = [
    (Duration::from_micros(200), 5_000),
    (Duration::from_millis(5), 250),
];
/// Permits of the blocked cells, and how many of them stay free.
const PERMITS_BLOCKED: usize = 512;
const PERMITS_FREE: usize = 4;
/// Jobs from which the number for a turn is reckoned; they also start the threads.
const JOBS_TRIAL: u64 = 20_000;

struct Args {
    rounds: usize,
    turn: Duration,
    only: String,
    write: bool,
    /// Set in the process of a cell.
    cell: Option<String>,
}

#[derive(Clone, Copy)]
enum Load {
    Outside,
    Inside,
}

#[derive(Clone, Copy)]
enum Cell {
    /// Submit to start on an idle pool.
    IdleStart(Duration, usize),
    /// Tiny jobs, all permits free.
    Rate(Load, usize),
    /// Tiny jobs, all permits but four blocked, beside a pool of four.
    Blocked(Load),
}

fn main() -> ExitCode {
    let args = match parse(env::args().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("pool-raw: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match &args.cell {
        Some(name) => match cells().find(|cell| cell.name() == *name) {
            Some(cell) => print!("{}", measure(cell, &args)),
            None => return ExitCode::from(2),
        },
        None => return run_cells(&args),
    }
    ExitCode::SUCCESS
}

fn run_cells(args: &Args) -> ExitCode {
    let mut text = format!("{}; {} rounds\n", report::facts(), args.rounds);
    println!("{text}");
    let mut all_well = true;
    for cell in cells().filter(|cell| cell.name().contains(&args.only)) {
        let table = run_cell(&cell.name(), args);
        all_well &= table.is_ok();
        let section = match table {
            Ok(table) => format!("\n### {}\n{}\n\n{table}", cell.name(), cell.title()),
            Err(error) => format!("\n### {}\nfailed: {error}\n", cell.name()),
        };
        print!("{section}");
        text += &section;
    }
    if args.write {
        match report::write(NAME, &format!("## {NAME}\n\n{text}")) {
            Ok(path) => println!("\nwritten to {}", path.display()),
            Err(error) => {
                eprintln!("pool-raw: bench/RESULTS.md: {error}");
                all_well = false;
            }
        }
    }
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The table of a cell, from a process of its own.
fn run_cell(name: &str, args: &Args) -> Result<String, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let rounds = args.rounds.to_string();
    let millis = args.turn.as_millis().to_string();
    let child = Command::new(program)
        .args(["--cell", name, "--rounds", &rounds, "--millis", &millis])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| error.to_string())?;
    if !child.status.success() {
        return Err(format!(
            "the process of the cell ended with {}",
            child.status
        ));
    }
    String::from_utf8(child.stdout).map_err(|error| error.to_string())
}

fn cells() -> impl Iterator<Item = Cell> {
    let rates = |load| PERMITS.map(|permits| Cell::Rate(load, permits));
    IDLE.into_iter()
        .map(|(pause, samples)| Cell::IdleStart(pause, samples))
        .chain(rates(Load::Outside))
        .chain(rates(Load::Inside))
        .chain([Cell::Blocked(Load::Outside), Cell::Blocked(Load::Inside)])
}

fn measure(cell: Cell, args: &Args) -> String {
    match cell {
        Cell::IdleStart(pause, samples) => idle_start(pause, samples, args),
        Cell::Rate(load, permits) => rate(load, permits, args),
        Cell::Blocked(load) => blocked(load, args),
    }
}

fn idle_start(pause: Duration, samples: usize, args: &Args) -> String {
    let all = contenders(PERMITS_IDLE);
    for contender in &all {
        contender.start_delays(pause, samples / 10);
    }
    let measured = interleave(all.len(), args.rounds, |at| {
        let delays = all[at].start_delays(pause, samples);
        let micros: Vec<f64> = delays
            .iter()
            .map(|delay| delay.as_secs_f64() * 1e6)
            .collect();
        (quantile(&micros, 0.5), quantile(&micros, 0.99))
    });
    let medians = spreads(&measured, |turn| turn.0);
    let tails = spreads(&measured, |turn| turn.1);
    let ratios = to_best_other(&middles(&medians), Better::Lower);
    let rows: Vec<Vec<String>> = (0..all.len())
        .map(|at| {
            let (median, tail) = (medians[at], tails[at]);
            vec![
                all[at].name.to_owned(),
                format!("{:.1}", median.median),
                format!("{:.1}-{:.1}", median.low, median.high),
                format!("{:.1}", tail.median),
                format!("{:.1}-{:.1}", tail.low, tail.high),
                ratio(ratios[at]),
            ]
        })
        .collect();
    let header = [
        "contender",
        "median",
        "of rounds",
        "p99",
        "of rounds",
        "median to the best other's",
    ];
    report::table(&header, &rows)
}

fn rate(load: Load, permits: usize, args: &Args) -> String {
    let all = contenders(permits);
    let jobs: Vec<u64> = all
        .iter()
        .map(|one| jobs_for(one, load, args.turn))
        .collect();
    let measured = interleave(all.len(), args.rounds, |at| run(&all[at], load, jobs[at]));
    let rates = spreads(&measured, Run::rate);
    let ratios = to_best_other(&middles(&rates), Better::Higher);
    let rows: Vec<Vec<String>> = (0..all.len())
        .map(|at| {
            let refused: u64 = measured[at].iter().map(|run| run.refused).sum();
            vec![
                all[at].name.to_owned(),
                report::whole(rates[at].median),
                report::whole(rates[at].low),
                report::whole(rates[at].high),
                ratio(ratios[at]),
                report::whole(refused as f64),
            ]
        })
        .collect();
    let header = [
        "contender",
        "jobs/s",
        "lowest",
        "highest",
        "to the best other",
        "refused or shed",
    ];
    report::table(&header, &rows)
}

/// A turn measures the small pool and the blocked one, right after one another.
fn blocked(load: Load, args: &Args) -> String {
    let small = contenders(PERMITS_FREE);
    let large = contenders(PERMITS_BLOCKED);
    let jobs: Vec<u64> = small
        .iter()
        .map(|one| jobs_for(one, load, args.turn))
        .collect();
    let measured = interleave(small.len(), args.rounds, |at| {
        let alone = run(&small[at], load, jobs[at]).rate();
        let gate = large[at].block(PERMITS_BLOCKED - PERMITS_FREE)?;
        rest();
        run(&large[at], load, jobs[at] / 10); // whoever is free has to be found once
        let beside = run(&large[at], load, jobs[at]).rate();
        gate.open();
        Some((alone, beside))
    });
    let rows: Vec<Vec<String>> = (0..small.len())
        .map(|at| {
            let name = small[at].name.to_owned();
            let Some(turns) = measured[at].iter().copied().collect::<Option<Vec<_>>>() else {
                return [name]
                    .into_iter()
                    .chain((0..4).map(|_| "cannot".to_owned()))
                    .collect();
            };
            let of = |value: fn(&(f64, f64)) -> f64| {
                Spread::of(&turns.iter().map(value).collect::<Vec<_>>())
            };
            let (alone, beside, share) = (of(|t| t.0), of(|t| t.1), of(|t| t.1 / t.0));
            vec![
                name,
                report::whole(alone.median),
                report::whole(beside.median),
                format!("{:.2}", share.median),
                format!("{:.2}-{:.2}", share.low, share.high),
            ]
        })
        .collect();
    let header = [
        "contender",
        "4 permits, jobs/s",
        "508 of 512 blocked",
        "ratio",
        "of rounds",
    ];
    report::table(&header, &rows)
}

fn run(contender: &Contender, load: Load, jobs: u64) -> Run {
    match load {
        Load::Outside => contender.outside(jobs),
        Load::Inside => contender.inside(jobs),
    }
}

/// As many jobs as take about one turn. The second trial counts: the first starts threads.
fn jobs_for(contender: &Contender, load: Load, turn: Duration) -> u64 {
    run(contender, load, JOBS_TRIAL);
    let rate = run(contender, load, JOBS_TRIAL).rate();
    ((rate * turn.as_secs_f64()) as u64).max(1_000)
}

fn spreads<T>(measured: &[Vec<T>], value: impl Fn(&T) -> f64) -> Vec<Spread> {
    let one = |turns: &Vec<T>| Spread::of(&turns.iter().map(&value).collect::<Vec<_>>());
    measured.iter().map(one).collect()
}

fn middles(spreads: &[Spread]) -> Vec<f64> {
    spreads.iter().map(|spread| spread.median).collect()
}

fn ratio(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.2}"))
}

impl Cell {
    fn name(self) -> String {
        match self {
            Cell::IdleStart(pause, _) => format!("idle-start-{pause:?}").replace('µ', "u"),
            Cell::Rate(load, permits) => format!("{}-{permits}", load.name()),
            Cell::Blocked(load) => format!("blocked-{}", load.name()),
        }
    }

    fn title(self) -> String {
        match self {
            Cell::IdleStart(pause, samples) => format!(
                "From submission to start, us, on a pool of {PERMITS_IDLE} that was idle for \
                 {pause:?}; {samples} submissions a round."
            ),
            Cell::Rate(load, permits) => format!("{}; permits: {permits}.", load.title()),
            Cell::Blocked(load) => format!("{}; most permits blocked.", load.title()),
        }
    }
}

impl Load {
    fn name(self) -> &'static str {
        match self {
            Load::Outside => "outside",
            Load::Inside => "inside",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Load::Outside => "Tiny jobs from one outside thread, at most 1,024 outstanding",
            Load::Inside => "64 chains of tiny jobs, each job submits its successor",
        }
    }
}

/// `None` when the user asked for help.
fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Args>, String> {
    let mut args = Args {
        rounds: 7,
        turn: Duration::from_millis(500),
        only: String::new(),
        write: false,
        cell: None,
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => args.rounds = number(&value()?)? as usize,
            "--millis" => args.turn = Duration::from_millis(number(&value()?)?),
            "--only" => args.only = value()?,
            "--cell" => args.cell = Some(value()?),
            "--write" => args.write = true,
            "-h" | "--help" => return Ok(None),
            _ => return Err(format!("there is no option {word}")),
        }
    }
    if args.write && !args.only.is_empty() {
        return Err("--write takes all cells: leave --only away".to_owned());
    }
    Ok(Some(args))
}

fn number(word: &str) -> Result<u64, String> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("\"{word}\" is no whole number above 0"))
}
