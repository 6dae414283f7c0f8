//! Prints how close each policy comes to the best fixed number of threads.
//!
//! `cargo run --release --example simulate -- --help`

use harmonious_pool::controller::{AVERAGE_POINTS, PolicyKind, Reason};
use harmonious_pool::sim::workload::{self, Workload};
use harmonious_pool::sim::{BOUNDS, Oracle, Trials, run};

const HELP: &str = "\
simulate: the pool's policies against the best fixed number of threads

usage: simulate [FILTER] [--trace] [--seed N] [--policy P]

  FILTER      only workloads whose name contains this text
  --trace     instead of the table, every decision of one run that is more than waiting
  --seed N    the seed of that run (default 2)
  --policy P  the policy of that run: adaptive (default), seed, greedy, fixed:N

columns: the best fixed size's jobs/s @ that size, and the smallest size with 98 % of it; then for
each policy: mean (worst) of 8 seeds in % of the best fixed size over the whole run, % in its second
half, mean limit, largest limit";

/// The policies of the table.
const KINDS: [PolicyKind; 4] = [
    PolicyKind::Fixed(4),
    PolicyKind::Greedy,
    PolicyKind::Seed,
    PolicyKind::Adaptive,
];

struct Options {
    filter: String,
    trace: bool,
    seed: u64,
    policy: PolicyKind,
}

fn main() {
    match options(std::env::args().skip(1)) {
        Ok(Some(options)) if options.trace => chosen(&options).for_each(|w| trace(&w, &options)),
        Ok(Some(options)) => table(&options),
        Ok(None) => println!("{HELP}"),
        Err(problem) => {
            eprintln!("simulate: {problem} (--help tells more)");
            std::process::exit(2);
        }
    }
}

/// The options, or nothing if help was asked for.
fn options(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        filter: String::new(),
        trace: false,
        seed: 2,
        policy: PolicyKind::Adaptive,
    };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--trace" => options.trace = true,
            "--seed" => {
                let seed = args.next().unwrap_or_default();
                options.seed = seed
                    .parse()
                    .map_err(|_| format!("--seed {seed:?} is no number"))?;
            }
            "--policy" => {
                let policy = args.next().unwrap_or_default().parse();
                options.policy = policy.map_err(|error| format!("{error}"))?;
            }
            flag if flag.starts_with('-') => return Err(format!("no option {flag}")),
            filter => options.filter = filter.to_owned(),
        }
    }
    if chosen(&options).next().is_none() {
        return Err(format!("no workload has {:?} in its name", options.filter));
    }
    Ok(Some(options))
}

fn chosen(options: &Options) -> impl Iterator<Item = Workload> {
    let all = workload::ALL.into_iter().chain(workload::OPEN);
    all.filter(|workload| workload.name.contains(&options.filter))
}

fn table(options: &Options) {
    println!(
        "{:<18} {:>16} |{}",
        "",
        "best fixed",
        KINDS.map(|k| format!("{k:^27}|")).concat()
    );
    let heads =
        format!("{:>11} {:>4} {:>5} {:>4} |", "%", "late", "mean", "max").repeat(KINDS.len());
    println!(
        "{:<18} {:>6} {:>4} {:>4} |{heads}",
        "workload", "jobs/s", "@", "98%"
    );
    for workload in workload::ALL
        .iter()
        .filter(|w| w.name.contains(&options.filter))
    {
        let oracle = Oracle::of(workload);
        print!(
            "{:<18} {:>6.0} {:>4} {:>4} |",
            workload.name, oracle.rate, oracle.size, oracle.size_good
        );
        for kind in KINDS {
            let trials = Trials::of(workload, kind, &oracle);
            let share = format!("{:.0} ({:.0})", 100.0 * trials.mean, 100.0 * trials.worst);
            let late = 100.0 * trials.late;
            print!(
                "{share:>11} {late:>4.0} {:>5.0} {:>4} |",
                trials.limit_mean, trials.limit_max
            );
        }
        println!();
    }
    open_loops(options);
}

/// Open loops have no best fixed size: what counts is how soon and with how many they are served.
fn open_loops(options: &Options) {
    let loops: Vec<_> = workload::OPEN
        .iter()
        .filter(|w| w.name.contains(&options.filter))
        .collect();
    if loops.is_empty() {
        return;
    }
    println!(
        "\nopen loops, one seed: answers/s of route 0 within 200 ms in four stretches of time"
    );
    println!(
        "{:<18} {:<9} {:>6} {:>6} {:>6} {:>6} {:>6} {:>5} {:>8}",
        "workload", "policy", "0-5", "20-30", "30-40", "50-90", "refus.", "max", "threads"
    );
    for workload in loops {
        for kind in KINDS {
            let mut policy = kind.build(BOUNDS, AVERAGE_POINTS);
            let bounds = kind.bounds(BOUNDS);
            let report = run(workload, policy.as_mut(), bounds, 2, &mut |_, _| {});
            let good = |from_s, to_s| report.goodput(0, from_s, to_s, 0.2);
            println!(
                "{:<18} {:<9} {:>6.0} {:>6.0} {:>6.0} {:>6.0} {:>6} {:>5} {:>8}",
                workload.name,
                kind.to_string(),
                good(0.0, 5.0),
                good(20.0, 30.0),
                good(30.0, 40.0),
                good(50.0, 90.0),
                report.refused,
                report.limit_max,
                report.seconds.last().map_or(0, |second| second.threads),
            );
        }
    }
}

fn trace(workload: &Workload, options: &Options) {
    println!(
        "{}, {}, seed {}",
        workload.name, options.policy, options.seed
    );
    let mut policy = options.policy.build(BOUNDS, AVERAGE_POINTS);
    let bounds = options.policy.bounds(BOUNDS);
    let mut last = None;
    let report = run(
        workload,
        policy.as_mut(),
        bounds,
        options.seed,
        &mut |seen, decision| {
            let waits = matches!(decision.reason, Reason::Measuring | Reason::Settling);
            if waits || last == Some(*decision) {
                return;
            }
            last = Some(*decision);
            println!(
                "{:>8.2} s  queued {:>4}  busy {:>3}  limit {:>3} -> {:<3} {}",
                seen.now_s,
                seen.queued,
                seen.busy,
                seen.limit,
                decision.limit,
                decision.reason.as_str()
            );
        },
    );
    println!(
        "{:.0} jobs/s, {:.0} in the second half, limit {:.0} on average and {} at most\n",
        report.rate_whole(),
        report.rate_late(),
        report.limit_mean(),
        report.limit_max
    );
}
